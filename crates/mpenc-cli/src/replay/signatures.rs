//! Verifies the signatures of packets by themselves, with nothing but the keys that a file shows.
//!
//! Members verify what they take. Here are the packets that nobody takes, such as proposals that
//! came second.

use std::collections::{BTreeMap, BTreeSet};

use ed25519_dalek::{Signature, Verifier, VerifyingKey};
use mpenc_wire::{DataPacket, Dialect, MemberId, Packet, unarmor};
use sha2::{Digest, Sha256};

const GREETING: &[u8] = b"greetmsgsig";
const DATA: &[u8] = b"datamsgsig";
const ABORT: &[u8] = b"errormsgsig";

/// Whether a greeting or an abort packet is signed with this key.
pub(super) fn is_signed_by(dialect: Dialect, text: &str, key: &VerifyingKey) -> bool {
    let mut buffer = Vec::new();
    let packet = unarmor(text, &mut buffer).and_then(|contents| Packet::decode(dialect, contents));
    let (message, signature) = match &packet {
        Ok(Packet::Greeting(greeting)) => {
            ([GREETING, greeting.signed].concat(), greeting.signature)
        }
        Ok(Packet::Abort(abort)) => ([ABORT, abort.signed].concat(), abort.signature),
        _ => return false,
    };
    key.verify(&message, &Signature::from_bytes(signature)).is_ok()
}

/// Keys that packets were signed with.
pub(super) struct Keys {
    dialect: Dialect,
    /// Ephemeral keys, as PUB_KEY records show them.
    members: BTreeMap<MemberId, BTreeSet<[u8; 32]>>,
    /// SHA-256(sid ‖ group key) of each sub-session.
    bindings: BTreeSet<[u8; 32]>,
}

impl Keys {
    pub(super) const fn new(dialect: Dialect) -> Self {
        Self { dialect, members: BTreeMap::new(), bindings: BTreeSet::new() }
    }

    /// Learns the keys that a packet shows.
    pub(super) fn learn(&mut self, text: &str) {
        let mut buffer = Vec::new();
        let packet =
            unarmor(text, &mut buffer).and_then(|contents| Packet::decode(self.dialect, contents));
        if let Ok(Packet::Greeting(greeting)) = packet {
            for (member, key) in greeting.members.iter().zip(greeting.pub_keys.iter()) {
                self.members.entry(member.to_owned()).or_default().insert(*key);
            }
        }
    }

    /// Learns the keys of a sub-session; gives the hash of both.
    pub(super) fn learn_session(
        &mut self,
        session_id: &[u8; 32],
        group_key: &[u8; 32],
    ) -> [u8; 32] {
        let binding = Sha256::new().chain_update(session_id).chain_update(group_key);
        let binding = binding.finalize().into();
        self.bindings.insert(binding);
        binding
    }

    /// Whether a packet by `sender` is signed with a key of its author. Malformed ones are not.
    pub(super) fn verify(&self, sender: &MemberId, text: &str) -> bool {
        let mut buffer = Vec::new();
        let packet =
            unarmor(text, &mut buffer).and_then(|contents| Packet::decode(self.dialect, contents));
        match packet {
            Ok(Packet::Greeting(greeting)) => {
                let message = [GREETING, greeting.signed].concat();
                self.by(&greeting.source.to_owned(), &message, greeting.signature)
            }
            Ok(Packet::Abort(abort)) => {
                let message = [ABORT, abort.signed].concat();
                self.by(&abort.source.to_owned(), &message, abort.signature)
            }
            Ok(Packet::Data(data)) => self.data(sender, &data),
            _ => false,
        }
    }

    fn data(&self, sender: &MemberId, data: &DataPacket<'_>) -> bool {
        let author = data.resent_author.map(|author| author.to_owned());
        let author = author.as_ref().unwrap_or(sender);
        let hinted = self.bindings.iter().filter(|binding| binding.first() == Some(&data.hint));
        hinted
            .map(|binding| [DATA, binding, data.signed].concat())
            .any(|message| self.by(author, &message, data.signature))
    }

    fn by(&self, author: &MemberId, message: &[u8], signature: &[u8; 64]) -> bool {
        let signature = Signature::from_bytes(signature);
        let keys = self.members.get(author).into_iter().flatten();
        keys.filter_map(|key| VerifyingKey::from_bytes(key).ok())
            .any(|key| key.verify(message, &signature).is_ok())
    }
}
