//! Message security under constant keys (design chapters 3.6 and 5.3).
//!
//! ```text
//!  binding   = SHA-256(sid ‖ group key)               hint = its first octet
//!  payload   = AES-CTR(key, IV ‖ 0000, plaintext)     key  = the group key, as the dialect cuts it
//!  signature = Ed25519(own ephemeral key, "datamsgsig" ‖ binding ‖ S)
//!  id        = SHA-256(signature ‖ S), as the dialect cuts it
//! ```

use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

use aes::{Aes128, Aes256};
use cipher::{InnerIvInit, KeyInit, StreamCipher, StreamCipherCoreWrapper};
use ctr::Ctr128BE;
use ed25519_dalek::ed25519::signature::{MultipartSigner, MultipartVerifier};
use ed25519_dalek::{Signature, SigningKey, VerifyingKey};
use mpenc_wire::{Cipher, DataFields, DataPacket, Dialect, MemberId, MessageId, ParentOrder};
use rand_core::CryptoRng;
use sha2::{Digest, Sha256};
use zeroize::{Zeroize, Zeroizing};

use crate::content;
use crate::signature;
use crate::{Draft, Kind, MessageSecurity, OpenError, Opened, RetiredSecurity, SealError, Sealed};

/// In front of everything that is signed as data.
const CONTEXT: &[u8] = b"datamsgsig";
/// After how many messages the group key should be refreshed: IVs are random, and two that are the
/// same reveal both messages. For q messages the chance is about q²/2⁹⁷.
const REFRESH_AT: u64 = 1 << 24;
/// After how many messages nothing more is sealed.
const REFUSE_AT: u64 = 1 << 32;

/// The keys of one sub-session. Wiped on drop.
#[expect(clippy::exhaustive_structs, reason = "callers make it")]
pub struct SubSessionKeys {
    /// The dialect spoken.
    pub dialect: Dialect,
    /// Who we are.
    pub own: MemberId,
    /// The members, ourselves among them, and the ephemeral keys that they sign with. The keys must
    /// have been admitted: canonical, and free of torsion.
    pub members: Vec<(MemberId, VerifyingKey)>,
    /// Our ephemeral signing key.
    pub signing_key: SigningKey,
    /// The session id.
    pub session_id: [u8; 32],
    /// The group key.
    pub group_key: [u8; 32],
}

impl Drop for SubSessionKeys {
    fn drop(&mut self) {
        self.group_key.zeroize();
    }
}

impl fmt::Debug for SubSessionKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SubSessionKeys")
    }
}

/// Message security under the constant keys of one sub-session. Key schedules and admitted keys are
/// held; the keys are wiped on drop.
#[derive(Clone)]
pub struct SubSessionSecurity {
    dialect: Dialect,
    own: MemberId,
    verifier: SubSessionVerifier,
    signing_key: SigningKey,
    cipher: KeySchedule,
    /// Messages under this key, by all authors.
    messages: u64,
}

/// Checks who signed a packet of one sub-session. It decrypts nothing and signs nothing, so that it
/// may outlive the keys.
#[derive(Clone)]
pub struct SubSessionVerifier {
    members: Arc<BTreeMap<MemberId, VerifyingKey>>,
    binding: [u8; 32],
}

impl SubSessionVerifier {
    const fn hint(&self) -> u8 {
        let [hint, ..] = self.binding;
        hint
    }

    /// What is signed: context, binding, S.
    const fn signed<'a>(&'a self, records: &'a [u8]) -> [&'a [u8]; 3] {
        [CONTEXT, &self.binding, records]
    }

    fn verify(&self, author: &MemberId, packet: &DataPacket<'_>) -> Result<(), OpenError> {
        if packet.hint != self.hint() {
            return Err(OpenError::OtherKey);
        }
        let key = self.members.get(author).ok_or_else(|| OpenError::NotMember(author.clone()))?;
        if !signature::is_canonical(packet.signature) {
            return Err(OpenError::Signature);
        }
        let signature = Signature::from_bytes(packet.signature);
        key.multipart_verify(&self.signed(packet.signed), &signature)
            .map_err(|_| OpenError::Signature)
    }
}

impl RetiredSecurity for SubSessionVerifier {
    fn verifies(&self, author: &MemberId, packet: &DataPacket<'_>) -> bool {
        self.verify(author, packet).is_ok()
    }

    fn share(&mut self, other: &Self) {
        if self.members == other.members {
            self.members = Arc::clone(&other.members);
        }
    }
}

impl Drop for SubSessionVerifier {
    fn drop(&mut self) {
        self.binding.zeroize();
    }
}

impl fmt::Debug for SubSessionVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SubSessionVerifier")
    }
}

impl SubSessionSecurity {
    /// Message security with these keys.
    #[must_use]
    pub fn new(keys: &SubSessionKeys) -> Self {
        let binding =
            Sha256::new().chain_update(keys.session_id).chain_update(keys.group_key).finalize();
        let members = Arc::new(keys.members.iter().cloned().collect());
        Self {
            dialect: keys.dialect,
            own: keys.own.clone(),
            verifier: SubSessionVerifier { members, binding: binding.into() },
            signing_key: keys.signing_key.clone(),
            cipher: KeySchedule::new(keys.dialect.cipher, &keys.group_key),
            messages: 0,
        }
    }

    fn check(&self, draft: &Draft<'_>) -> Result<(), SealError> {
        if self.messages >= REFUSE_AT {
            return Err(SealError::KeyExhausted);
        }
        if (draft.kind == Kind::Payload) == draft.text.is_empty() {
            return Err(SealError::TextAndKindDisagree);
        }
        let ascending = draft.parents.is_sorted_by(|a, b| a < b);
        let ordered = ascending || self.dialect.parent_order != ParentOrder::Ascending;
        if !ordered || draft.parents.len() > self.verifier.members.len() {
            return Err(SealError::Parents);
        }
        Ok(())
    }
}

impl fmt::Debug for SubSessionSecurity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SubSessionSecurity")
    }
}

impl MessageSecurity for SubSessionSecurity {
    type Retired = SubSessionVerifier;

    fn dialect(&self) -> Dialect {
        self.dialect
    }

    fn hint(&self) -> u8 {
        self.verifier.hint()
    }

    fn can_be_signature(signature: &[u8; 64]) -> bool {
        signature::is_canonical(signature)
    }

    fn message_id(&self, packet: &DataPacket<'_>) -> MessageId {
        // So that forging costs us less than it costs who forges: nothing is hashed for what is no
        // signature. No message has this id, for SHA-256 would have to give it.
        if !signature::is_canonical(packet.signature) {
            return MessageId::from_hash(self.dialect, &[0; 32]);
        }
        message_id(self.dialect, packet.signature, packet.signed)
    }

    fn seal(&mut self, rng: &mut dyn CryptoRng, draft: &Draft<'_>) -> Result<Sealed, SealError> {
        self.check(draft)?;
        let mut payload = content::encode(self.dialect, draft)?;
        let mut iv = [0; 12];
        rng.fill_bytes(&mut iv);
        self.cipher.apply(&iv, &mut payload);
        let fields = DataFields { hint: self.hint(), iv: &iv, payload: &payload };
        let unsigned = fields.encode(self.dialect).map_err(|_| SealError::TooLong {
            octets: payload.len(),
            limit: usize::from(u16::MAX),
        })?;
        let signed = self.verifier.signed(unsigned.signed());
        let signature = self.signing_key.multipart_sign(&signed).to_bytes();
        let id = message_id(self.dialect, &signature, unsigned.signed());
        self.messages = self.messages.saturating_add(1);
        Ok(Sealed { id, packet: unsigned.finish(&signature) })
    }

    fn open(&self, author: &MemberId, packet: &DataPacket<'_>) -> Result<Opened, OpenError> {
        self.open_known(self.message_id(packet), author, packet)
    }

    fn open_known(
        &self,
        id: MessageId,
        author: &MemberId,
        packet: &DataPacket<'_>,
    ) -> Result<Opened, OpenError> {
        // The cipher is malleable: nothing is decrypted that was not verified.
        self.verifier.verify(author, packet)?;
        let mut plaintext = Vec::from(packet.payload);
        self.cipher.apply(packet.iv, &mut plaintext);
        let content = content::decode(self.dialect, &plaintext).and_then(|content| {
            if content.parents.len() > self.verifier.members.len() {
                return Err(crate::ContentFault::TooManyParents);
            }
            Ok(content)
        });
        plaintext.zeroize();
        let content = content.map_err(OpenError::Content)?;
        Ok(Opened {
            id,
            author: author.clone(),
            parents: content.parents,
            kind: content.kind,
            text: content.text,
            order_ack: content.order_ack,
        })
    }

    fn commit(&mut self, message: &Opened) {
        // Our own are counted when they are sealed.
        if message.author != self.own {
            self.messages = self.messages.saturating_add(1);
        }
    }

    fn retire(self) -> SubSessionVerifier {
        self.verifier
    }

    fn refresh_due(&self) -> bool {
        self.messages >= REFRESH_AT
    }
}

fn message_id(dialect: Dialect, signature: &[u8; 64], signed: &[u8]) -> MessageId {
    let hash = Sha256::new().chain_update(signature).chain_update(signed).finalize();
    MessageId::from_hash(dialect, &hash.into())
}

/// The cipher's key schedule. The ciphers wipe it on drop.
#[derive(Clone)]
enum KeySchedule {
    Aes128(Aes128),
    Aes256(Aes256),
}

impl KeySchedule {
    fn new(cipher: Cipher, key: &[u8; 32]) -> Self {
        match cipher {
            Cipher::Aes256Ctr => Self::Aes256(Aes256::new(key.into())),
            _ => {
                let mut half = Zeroizing::new([0; 16]);
                for (place, octet) in half.iter_mut().zip(key) {
                    *place = *octet;
                }
                Self::Aes128(Aes128::new((&*half).into()))
            }
        }
    }

    /// Encrypts or decrypts. The initial counter block is the IV and four zero octets.
    fn apply(&self, iv: &[u8; 12], octets: &mut [u8]) {
        let mut block = [0; 16];
        for (place, octet) in block.iter_mut().zip(iv) {
            *place = *octet;
        }
        let block = block.into();
        match self {
            Self::Aes128(aes) => {
                let core = ctr::CtrCore::inner_iv_init(aes, &block);
                let mut stream: Ctr128BE<&Aes128> = StreamCipherCoreWrapper::from_core(core);
                stream.apply_keystream(octets);
            }
            Self::Aes256(aes) => {
                let core = ctr::CtrCore::inner_iv_init(aes, &block);
                let mut stream: Ctr128BE<&Aes256> = StreamCipherCoreWrapper::from_core(core);
                stream.apply_keystream(octets);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::String;
    use alloc::vec;

    use rand_chacha::ChaCha20Rng;
    use rand_core::SeedableRng;

    use super::*;

    fn ann() -> SubSessionSecurity {
        let dialect = Dialect::DOCUMENT;
        let own = MemberId::new(dialect, "ann").unwrap();
        let signing_key = SigningKey::from_bytes(&[1; 32]);
        SubSessionSecurity::new(&SubSessionKeys {
            dialect,
            members: vec![(own.clone(), signing_key.verifying_key())],
            own,
            signing_key,
            session_id: [2; 32],
            group_key: [3; 32],
        })
    }

    const DRAFT: Draft<'static> =
        Draft { parents: &[], kind: Kind::Payload, text: "hi", order_ack: None };

    #[test]
    fn a_refresh_is_due_at_2_24_and_nothing_is_sealed_from_2_32_on() {
        let mut rng = ChaCha20Rng::seed_from_u64(4);
        let mut ann = ann();
        ann.messages = (1 << 24) - 1;
        assert!(!ann.refresh_due());
        ann.seal(&mut rng, &DRAFT).unwrap();
        assert!(ann.refresh_due());
        ann.messages = (1 << 32) - 1;
        ann.seal(&mut rng, &DRAFT).unwrap();
        assert_eq!(ann.seal(&mut rng, &DRAFT).unwrap_err(), SealError::KeyExhausted);
        assert_eq!(ann.messages, 1 << 32);
    }

    #[test]
    fn messages_of_all_authors_count_once() {
        let mut rng = ChaCha20Rng::seed_from_u64(4);
        let mut ann = ann();
        let sealed = ann.seal(&mut rng, &DRAFT).unwrap();
        assert_eq!(ann.messages, 1);
        let mut message = Opened {
            id: sealed.id,
            author: ann.own.clone(),
            parents: Vec::new(),
            kind: Kind::Payload,
            text: String::from("hi"),
            order_ack: None,
        };
        ann.commit(&message);
        assert_eq!(ann.messages, 1, "our own was counted when it was sealed");
        message.author = MemberId::new(ann.dialect, "ben").unwrap();
        ann.commit(&message);
        assert_eq!(ann.messages, 2);
        ann.messages = u64::MAX;
        ann.commit(&message);
    }
}
