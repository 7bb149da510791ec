//! mpENC's suite with a wiretap: what agreed keys make is kept for tests in which a member is
//! malicious, and seals or signs with its own keys what no session would.

use std::cell::RefCell;
use std::collections::BTreeMap;

use mpenc::{CliquesGreeter, Dialect, LocalIdentity, MemberId, MessageId, Mpenc, Suite};
use mpenc_greet::AgreedKeys;
use mpenc_message::{Draft, Kind, MessageSecurity, Sealed, SubSessionSecurity};
use mpenc_wire::{Packet, unarmor};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;

/// How many sub-sessions of each member are remembered.
const REMEMBERED: usize = 16;

struct Tapped {
    security: SubSessionSecurity,
    signing_key: [u8; 32],
}

#[derive(Default)]
struct Taps {
    by_member: BTreeMap<MemberId, Vec<Tapped>>,
    sealed: u64,
}

thread_local! {
    static TAPS: RefCell<Taps> = RefCell::default();
}

/// [`Mpenc`], and what it makes is kept.
pub enum Wiretapped {}

impl Suite for Wiretapped {
    type Greeter = CliquesGreeter;
    type Security = SubSessionSecurity;

    fn secure(dialect: Dialect, keys: AgreedKeys) -> SubSessionSecurity {
        let (own, signing_key) = (keys.own_id().clone(), keys.signing_key().to_bytes());
        let security = Mpenc::secure(dialect, keys);
        let tapped = Tapped { security: security.clone(), signing_key };
        TAPS.with_borrow_mut(|taps| {
            let kept = taps.by_member.entry(own).or_default();
            kept.push(tapped);
            kept.drain(..kept.len().saturating_sub(REMEMBERED));
        });
        security
    }
}

/// The keys that a member has in one sub-session.
#[derive(Clone, Debug)]
pub struct Keys {
    member: MemberId,
    place: usize,
}

impl Keys {
    /// Of this many sub-sessions before the member's newest one.
    pub fn of(member: &MemberId, ago: usize) -> Self {
        let kept = TAPS.with_borrow(|taps| taps.by_member[member].len());
        Self { member: member.clone(), place: kept - 1 - ago }
    }

    /// What the owner of the keys can make anybody believe that they wrote.
    pub fn seal(&self, draft: &Draft<'_>) -> Sealed {
        TAPS.with_borrow_mut(|taps| {
            taps.sealed += 1;
            let mut rng = ChaCha20Rng::seed_from_u64(taps.sealed);
            let tapped = taps.by_member.get_mut(&self.member).expect("they had a sub-session");
            tapped[self.place].security.seal(&mut rng, draft).expect("it can be sealed")
        })
    }

    /// A text with these parents, in any order.
    pub fn text(&self, parents: &[MessageId], text: &str) -> Sealed {
        self.message(parents, Kind::Payload, text)
    }

    pub fn message(&self, parents: &[MessageId], kind: Kind, text: &str) -> Sealed {
        let mut parents = parents.to_vec();
        parents.sort_unstable();
        self.seal(&Draft { parents: &parents, kind, text, order_ack: None })
    }

    /// The parents of a message of the owner.
    pub fn parents(&self, packet: &str) -> Vec<MessageId> {
        let mut contents = Vec::new();
        let contents = unarmor(packet, &mut contents).expect("a packet");
        let Ok(Packet::Data(data)) = Packet::decode(Dialect::DOCUMENT, contents) else {
            panic!("no data packet");
        };
        TAPS.with_borrow(|taps| {
            let security = &taps.by_member[&self.member][self.place].security;
            security.open(&self.member, &data).expect("their own").parents
        })
    }

    /// The signature on a greeting packet of which this is the signed part.
    pub fn sign_greeting(&self, signed: &[u8]) -> [u8; 64] {
        let seed = TAPS.with_borrow(|taps| taps.by_member[&self.member][self.place].signing_key);
        let signer = LocalIdentity::from_seed(&seed).into_signer();
        let signed = [b"greetmsgsig", signed].concat();
        signer.sign(&signed).expect("it is in memory")
    }
}
