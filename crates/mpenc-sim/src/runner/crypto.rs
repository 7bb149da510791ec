//! What sessions are made of: mpENC's cryptography, or none; and the keys that a hostile member has
//! of it.

use core::marker::PhantomData;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;

use aes::Aes128;
use cipher::{KeyIvInit, StreamCipher};
use ctr::Ctr128BE;
use ed25519_dalek::{Signer, SigningKey};
use mpenc::greet::{AgreedKeys, Greeter};
use mpenc::message::{Draft, MessageSecurity, Sealed};
use mpenc::wire::{DataFields, Packet, unarmor};
use mpenc::{CliquesGreeter, Dialect, LocalIdentity, MemberId, MessageId, Mpenc, Suite};
use rand_core::CryptoRng;
use sha2::{Digest, Sha256};

use super::null::{GREETING, Null, NullGreeter, NullKeys, NullSecurity, mark};

/// The identity keys that everybody knows.
pub(crate) type Known = Arc<BTreeMap<MemberId, [u8; 32]>>;

/// What a membership protocol hands to message security.
type KeysOf<S> = <<S as Suite>::Greeter as Greeter>::Keys;

/// A suite that lives can be led with.
pub(crate) trait Crypto: Suite {
    /// The greeter of a member with this identity.
    fn greeter(own: &MemberId, seed: &[u8; 32], known: &Known) -> Self::Greeter;

    /// What a hostile member keeps of these keys.
    fn kept(keys: &KeysOf<Self>) -> Kept;
}

impl Crypto for Mpenc {
    fn greeter(own: &MemberId, seed: &[u8; 32], known: &Known) -> CliquesGreeter {
        let signer = LocalIdentity::from_seed(seed).into_signer();
        CliquesGreeter::new(Dialect::DOCUMENT, own.clone(), signer, Arc::clone(known) as _)
    }

    fn kept(keys: &AgreedKeys) -> Kept {
        Kept::Real(Box::new(keys.clone()))
    }
}

impl Crypto for Null {
    fn greeter(own: &MemberId, _: &[u8; 32], _: &Known) -> NullGreeter {
        NullGreeter::new(own.clone())
    }

    fn kept(keys: &NullKeys) -> Kept {
        Kept::Null(keys.clone())
    }
}

/// The keys of one sub-session, in the hands of a member who uses them as they like.
#[derive(Clone, Debug)]
pub(crate) enum Kept {
    Real(Box<AgreedKeys>),
    Null(NullKeys),
}

/// How many sub-sessions of each member are remembered.
const REMEMBERED: usize = 8;

thread_local! {
    /// What each member has of their sub-sessions, newest last. A suite makes security of keys
    /// without knowing whose life it is; a thread leads one life at a time.
    static TAPPED: RefCell<BTreeMap<MemberId, Vec<Kept>>> = const { RefCell::new(BTreeMap::new()) };
}

/// Another suite, and what its keys are is kept: for lives in which some members are hostile.
pub(crate) struct Tapped<C>(PhantomData<C>);

impl<C> Tapped<C> {
    /// A life begins: nothing is kept.
    pub(crate) fn forget() {
        TAPPED.with_borrow_mut(BTreeMap::clear);
    }
}

/// What a member has kept, newest last.
pub(crate) fn kept_by(member: &MemberId) -> Vec<Kept> {
    TAPPED.with_borrow(|tapped| tapped.get(member).cloned().unwrap_or_default())
}

impl<C: Crypto> Suite for Tapped<C> {
    type Greeter = C::Greeter;
    type Security = C::Security;

    fn secure(dialect: Dialect, keys: KeysOf<C>) -> C::Security {
        let kept = C::kept(&keys);
        TAPPED.with_borrow_mut(|tapped| {
            let of_member = tapped.entry(kept.own().clone()).or_default();
            of_member.push(kept);
            let past = of_member.len().saturating_sub(REMEMBERED);
            of_member.drain(..past);
        });
        C::secure(dialect, keys)
    }
}

impl<C: Crypto> Crypto for Tapped<C> {
    fn greeter(own: &MemberId, seed: &[u8; 32], known: &Known) -> Self::Greeter {
        C::greeter(own, seed, known)
    }

    fn kept(keys: &KeysOf<C>) -> Kept {
        C::kept(keys)
    }
}

impl Kept {
    pub(crate) fn own(&self) -> &MemberId {
        match self {
            Self::Real(keys) => keys.own_id(),
            Self::Null(keys) => &keys.own,
        }
    }

    /// Seals a well-formed message, true or not.
    pub(crate) fn seal(&self, rng: &mut dyn CryptoRng, draft: &Draft<'_>) -> Option<Sealed> {
        match self {
            Self::Real(keys) => {
                Mpenc::secure(Dialect::DOCUMENT, AgreedKeys::clone(keys)).seal(rng, draft)
            }
            Self::Null(keys) => NullSecurity::new(Dialect::DOCUMENT, keys.clone()).seal(rng, draft),
        }
        .ok()
    }

    /// Seals and signs these octets, whatever they are.
    pub(crate) fn seal_octets(&self, rng: &mut dyn CryptoRng, plaintext: &[u8]) -> Option<Sealed> {
        let keys = match self {
            Self::Real(keys) => keys,
            Self::Null(keys) => {
                let security = NullSecurity::new(Dialect::DOCUMENT, keys.clone());
                return security.seal_octets(rng, plaintext).ok();
            }
        };
        let mut iv = [0; 12];
        rng.fill_bytes(&mut iv);
        let mut payload = plaintext.to_vec();
        let (key, block) = (keys.group_key().first_chunk::<16>()?, [&iv[..], &[0; 4]].concat());
        let mut cipher = Ctr128BE::<Aes128>::new_from_slices(key, &block).ok()?;
        cipher.apply_keystream(&mut payload);
        let binding =
            Sha256::new().chain_update(keys.session_id()).chain_update(keys.group_key()).finalize();
        let fields = DataFields { hint: *binding.first()?, iv: &iv, payload: &payload };
        let unsigned = fields.encode(Dialect::DOCUMENT).ok()?;
        let signed = [b"datamsgsig", &binding[..], unsigned.signed()].concat();
        let signature = keys.signing_key().sign(&signed).to_bytes();
        let hash = Sha256::new().chain_update(signature).chain_update(unsigned.signed()).finalize();
        let id = MessageId::from_hash(Dialect::DOCUMENT, &hash.into());
        Some(Sealed { id, packet: unsigned.finish(&signature) })
    }

    /// The id of a data packet, if it is of this sub-session.
    pub(crate) fn message_id(&self, packet: &str) -> Option<MessageId> {
        let mut contents = Vec::new();
        let contents = unarmor(packet, &mut contents).ok()?;
        let Ok(Packet::Data(data)) = Packet::decode(Dialect::DOCUMENT, contents) else {
            return None;
        };
        fn id(
            security: &impl MessageSecurity,
            data: &mpenc::wire::DataPacket<'_>,
        ) -> Option<MessageId> {
            (data.hint == security.hint()).then(|| security.message_id(data))
        }
        match self {
            Self::Real(keys) => {
                id(&Mpenc::secure(Dialect::DOCUMENT, AgreedKeys::clone(keys)), &data)
            }
            Self::Null(keys) => id(&NullSecurity::new(Dialect::DOCUMENT, keys.clone()), &data),
        }
    }
}

/// The signature of a hostile member over a greeting that they changed: by the same key as that
/// over the greeting as their session made it, which is among those kept, or was `drawn` lately.
pub(crate) fn sign_greeting(
    by: &MemberId,
    drawn: &[[u8; 32]],
    before: (&[u8; 64], &[u8]),
    changed: &[u8],
) -> Option<[u8; 64]> {
    let (signature, signed) = before;
    if *signature == mark(GREETING, by, signed) {
        return Some(mark(GREETING, by, changed));
    }
    let kept = kept_by(by);
    let kept = kept.iter().rev().filter_map(|kept| match kept {
        Kept::Real(keys) => Some(keys.signing_key().clone()),
        Kept::Null(_) => None,
    });
    let drawn = drawn.iter().rev().map(SigningKey::from_bytes);
    let signing = |octets: &[u8]| [b"greetmsgsig", octets].concat();
    let mut keys = kept.chain(drawn);
    let key = keys.find(|key| key.sign(&signing(signed)).to_bytes() == *signature)?;
    Some(key.sign(&signing(changed)).to_bytes())
}
