//! Packets bent out of shape, and signed all the same.

use ed25519_dalek::{Signer, SigningKey};
use mpenc_wire::{
    Dialect, GreetType, GreetingFields, MemberId, MessageId, MetadataFields, Packet, unarmor,
};

/// The records of a greeting packet, to be changed at will.
#[derive(Clone, Debug)]
pub struct Mirror {
    pub dialect: Dialect,
    pub greet_type: GreetType,
    pub source: MemberId,
    pub dest: Option<MemberId>,
    pub members: Vec<MemberId>,
    pub int_keys: Vec<[u8; 32]>,
    pub nonces: Vec<[u8; 32]>,
    pub pub_keys: Vec<[u8; 32]>,
    pub metadata: Option<([u8; 32], [u8; 32], Vec<MessageId>)>,
    pub session_signature: Option<[u8; 64]>,
}

impl Mirror {
    pub fn of(dialect: Dialect, text: &str) -> Self {
        let mut buffer = Vec::new();
        let contents = unarmor(text, &mut buffer).unwrap();
        let Ok(Packet::Greeting(packet)) = Packet::decode(dialect, contents) else {
            panic!("not a greeting packet");
        };
        Self {
            dialect,
            greet_type: packet.greet_type,
            source: packet.source.to_owned(),
            dest: packet.dest.map(|dest| dest.to_owned()),
            members: packet.members.iter().map(|id| id.to_owned()).collect(),
            int_keys: packet.int_keys.iter().copied().collect(),
            nonces: packet.nonces.iter().copied().collect(),
            pub_keys: packet.pub_keys.iter().copied().collect(),
            metadata: packet.metadata.map(|metadata| {
                let latest_pm = metadata.latest_pm.iter().collect();
                (*metadata.prev_pf, *metadata.chain_hash, latest_pm)
            }),
            session_signature: packet.session_signature.copied(),
        }
    }

    #[must_use]
    pub fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    pub fn sign(&self, key: &SigningKey) -> String {
        let metadata = self.metadata.as_ref();
        let fields = GreetingFields {
            greet_type: self.greet_type,
            source: &self.source,
            dest: self.dest.as_ref(),
            members: &self.members,
            int_keys: &self.int_keys,
            nonces: &self.nonces,
            pub_keys: &self.pub_keys,
            metadata: metadata.map(|(prev_pf, chain_hash, latest_pm)| MetadataFields {
                prev_pf,
                chain_hash,
                latest_pm,
            }),
            session_signature: self.session_signature.as_ref(),
        };
        let unsigned = fields.encode(self.dialect).unwrap();
        let message = [b"greetmsgsig".as_slice(), unsigned.signed()].concat();
        unsigned.finish(&key.sign(&message).to_bytes())
    }
}

/// Whether the codec takes a text at all.
pub fn decodes(dialect: Dialect, text: &str) -> bool {
    let mut buffer = Vec::new();
    unarmor(text, &mut buffer).and_then(|contents| Packet::decode(dialect, contents)).is_ok()
}
