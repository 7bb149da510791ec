//! A sub-session, as members without sessions take part in it.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result};
use ed25519_dalek::{SigningKey, VerifyingKey};
use mpenc::message::{
    Draft, Kind, MessageSecurity as _, OrderAck, SubSessionKeys, SubSessionSecurity,
};
use mpenc::wire::DataPacket;
use mpenc::{MemberId, MessageId};
use rand_core::CryptoRng;

use super::people::DIALECT;

/// What a group has agreed on.
#[derive(Clone)]
pub(super) struct Agreed {
    pub(super) members: Vec<MemberId>,
    pub(super) nonces: Vec<[u8; 32]>,
    pub(super) keys: Vec<(MemberId, VerifyingKey)>,
    pub(super) session_id: [u8; 32],
    pub(super) group_key: [u8; 32],
}

impl Agreed {
    fn security(&self, own: &MemberId, key: &SigningKey) -> SubSessionSecurity {
        SubSessionSecurity::new(&SubSessionKeys {
            dialect: DIALECT,
            own: own.clone(),
            members: self.keys.clone(),
            signing_key: key.clone(),
            session_id: self.session_id,
            group_key: self.group_key,
        })
    }
}

/// A sub-session of such a group.
pub(super) struct Circle {
    pub(super) agreed: Agreed,
    /// Opens its messages.
    reader: SubSessionSecurity,
    /// The latest messages.
    latest: BTreeSet<MessageId>,
    known: BTreeSet<MessageId>,
    /// What the sessions say of the order: the crowd sees the same order, and says the same.
    order_ack: Option<OrderAck>,
    /// Who of the crowd has said it.
    have_acked: BTreeSet<MemberId>,
}

impl Circle {
    /// One of the crowd reads for all of them.
    pub(super) fn new(agreed: Agreed, reader: &MemberId, key: &SigningKey) -> Self {
        Self {
            reader: agreed.security(reader, key),
            agreed,
            latest: BTreeSet::new(),
            known: BTreeSet::new(),
            order_ack: None,
            have_acked: BTreeSet::new(),
        }
    }

    /// Reads a packet of a session, if it is of this sub-session.
    pub(super) fn read(&mut self, author: &MemberId, packet: &DataPacket<'_>) -> Result<()> {
        if packet.hint == self.reader.hint() && self.agreed.members.contains(author) {
            let opened = self.reader.open(author, packet).context("nobody should forge")?;
            self.note(opened.id, &opened.parents);
            self.order_ack = opened.order_ack.or(self.order_ack);
        }
        Ok(())
    }

    /// One of the crowd writes.
    pub(super) fn seal(
        &mut self,
        rng: &mut dyn CryptoRng,
        (id, key): (&MemberId, &SigningKey),
        kind: Kind,
        text: &str,
    ) -> Result<String> {
        let parents: Vec<MessageId> = self.latest.iter().copied().collect();
        let order_ack = self.order_ack.filter(|_| self.have_acked.insert(id.clone()));
        let draft = Draft { parents: &parents, kind, text, order_ack };
        let sealed = self.agreed.security(id, key).seal(rng, &draft)?;
        self.note(sealed.id, &parents);
        Ok(sealed.packet)
    }

    /// A message is there; again, perhaps.
    fn note(&mut self, id: MessageId, parents: &[MessageId]) {
        if self.known.insert(id) {
            for parent in parents {
                self.latest.remove(parent);
            }
            self.latest.insert(id);
        }
    }
}
