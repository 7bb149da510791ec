//! Finds messages and packets of a recording.

use std::collections::BTreeMap;
use std::sync::Arc;

use mpenc_wire::{MemberId, MessageId, Packet, unarmor};
use sha2::{Digest, Sha256};

use super::{DIALECT, id};
use crate::replay::format::{ChannelKind, Entry, Message, Recording};

/// What a recording says, by the names that packets use.
pub(super) struct Index<'r> {
    identities: Arc<BTreeMap<MemberId, [u8; 32]>>,
    messages: BTreeMap<MessageId, &'r Message>,
    ids: Vec<MessageId>,
    packets: BTreeMap<MessageId, &'r str>,
    count: usize,
}

impl<'r> Index<'r> {
    /// Reads a recording; the error is a sentence.
    pub(super) fn new(recording: &'r Recording) -> Result<Self, String> {
        let mut identities = BTreeMap::new();
        for (name, identity) in &recording.members {
            let id = id(name).ok_or_else(|| format!("{name:?} is no member id"))?;
            identities.insert(id, identity.public_key.0);
        }
        let mut ids = Vec::new();
        for message in &recording.messages {
            let octets = MessageId::from_bytes(DIALECT, &message.mid.0);
            ids.push(octets.ok_or_else(|| format!("{} is no message id", message.mid))?);
        }
        let messages = ids.iter().copied().zip(&recording.messages).collect();
        let ordered = recording.channel.iter().filter_map(|event| match &event.kind {
            ChannelKind::Packet { packet } => Some(packet),
            ChannelKind::Members { .. } => None,
        });
        let lost = recording.per_member.values().flatten().filter_map(|line| match &line.entry {
            Entry::Sent(sent) => sent.packet.as_ref(),
            _ => None,
        });
        let (mut packets, mut count) = (BTreeMap::new(), 0_usize);
        for packet in ordered.chain(lost) {
            count = count.saturating_add(1);
            if let Some(id) = message_id(packet) {
                packets.insert(id, packet.as_str());
            }
        }
        Ok(Self { identities: Arc::new(identities), messages, ids, packets, count })
    }

    /// Everybody's identity key.
    pub(super) const fn identities(&self) -> &Arc<BTreeMap<MemberId, [u8; 32]>> {
        &self.identities
    }

    /// How many packets were sent.
    pub(super) const fn packets(&self) -> usize {
        self.count
    }

    /// The id of message number `at`.
    pub(super) fn id(&self, at: usize) -> Option<MessageId> {
        self.ids.get(at).copied()
    }

    /// A message.
    pub(super) fn message(&self, id: &MessageId) -> Option<&'r Message> {
        self.messages.get(id).copied()
    }

    /// The packet of a message.
    pub(super) fn packet(&self, id: &MessageId) -> Option<&'r str> {
        self.packets.get(id).copied()
    }
}

/// The id of a data packet, computed from its octets.
fn message_id(text: &str) -> Option<MessageId> {
    let mut buffer = Vec::new();
    match Packet::decode(DIALECT, unarmor(text, &mut buffer).ok()?).ok()? {
        Packet::Data(data) => {
            let hash = Sha256::new().chain_update(data.signature).chain_update(data.signed);
            Some(MessageId::from_hash(DIALECT, &hash.finalize().into()))
        }
        _ => None,
    }
}
