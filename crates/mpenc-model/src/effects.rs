//! What a member's step leads to.

use mpenc_order::{End, Ended, PacketId};

use crate::name::Name;
use crate::packet::Packet;
use crate::rules::Operation;

/// Something that was accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fact {
    /// An initial packet, on this parent.
    Began {
        /// The parent.
        parent: PacketId,
        /// Its packet id.
        initial: PacketId,
    },
    /// A packet that ended the operation with this initial packet.
    Ended {
        /// The initial packet.
        initial: PacketId,
        /// What ended it.
        by: PacketId,
        /// As what.
        how: End,
    },
}

impl Fact {
    /// That this has ended.
    #[must_use]
    pub fn of(ended: &Ended<Name, Operation>) -> Self {
        Self::Ended { initial: ended.initial(), by: ended.packet_id(), how: ended.how() }
    }
}

/// What a member's step leads to.
#[derive(Debug, Default)]
pub struct Effects {
    /// Packets to send.
    pub packets: Vec<Packet>,
    /// Whom to remove from the channel.
    pub kicks: Vec<Name>,
    /// What was accepted.
    pub facts: Vec<Fact>,
    /// A bug.
    pub fault: Option<&'static str>,
    /// Whether a packet was refused that no honest run has.
    pub refused: bool,
    /// For people, if they are asked for.
    pub notes: Option<Vec<String>>,
}

impl Effects {
    pub(crate) fn send(&mut self, packet: Packet) {
        self.packets.push(packet);
    }

    pub(crate) fn kick(&mut self, who: Name, rule: &str) {
        self.note(|| format!("asks the channel to remove {who} ({rule})"));
        self.kicks.push(who);
    }

    pub(crate) fn fact(&mut self, fact: Fact) {
        self.facts.push(fact);
    }

    pub(crate) fn fault(&mut self, fault: &'static str) {
        self.fault = Some(fault);
    }

    pub(crate) fn refused(&mut self) {
        self.refused = true;
    }

    pub(crate) fn note(&mut self, note: impl FnOnce() -> String) {
        if let Some(notes) = &mut self.notes {
            notes.push(note());
        }
    }
}
