//! The server of a simulated group channel: one total order.

use std::collections::BTreeMap;

use mpenc_session::{ChannelAction, ChannelEvent};
use mpenc_wire::{Dialect, MemberId, Packet, unarmor};

/// A channel event that owns what it says.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Notice {
    /// The receiver entered; all who are in the channel now.
    Entered(Vec<MemberId>),
    /// The receiver left or was removed.
    Left,
    /// Another member entered.
    OtherEntered(MemberId),
    /// Another member left or was removed.
    OtherLeft(MemberId),
    /// A packet.
    Packet {
        /// Who sent it.
        sender: MemberId,
        /// Its text.
        packet: String,
    },
}

impl Notice {
    /// Whether it is a data packet, as everybody can see.
    #[must_use]
    pub fn is_data(&self) -> bool {
        matches!(self, Self::Packet { packet, .. } if is_data(packet))
    }

    /// Lends it as what a session takes.
    pub fn with<R>(&self, use_it: impl FnOnce(ChannelEvent<'_>) -> R) -> R {
        use core::slice::from_ref;
        use_it(match self {
            Self::Entered(members) => ChannelEvent::Entered { members },
            Self::Left => ChannelEvent::Left,
            Self::OtherEntered(member) => {
                ChannelEvent::Changed { entered: from_ref(member), left: &[] }
            }
            Self::OtherLeft(member) => {
                ChannelEvent::Changed { entered: &[], left: from_ref(member) }
            }
            Self::Packet { sender, packet } => ChannelEvent::Packet { sender, packet },
        })
    }
}

/// Whether a text is a data packet.
pub(crate) fn is_data(packet: &str) -> bool {
    let mut contents = Vec::new();
    let packet = unarmor(packet, &mut contents)
        .and_then(|contents| Packet::decode(Dialect::DOCUMENT, contents));
    matches!(packet, Ok(Packet::Data(_)))
}

/// An honest server: it does what it is asked in the order in which it is asked, and tells every
/// member of the channel, the one who asked among them, in that order.
#[derive(Clone, Debug, Default)]
pub struct Server {
    /// Members in the order in which they entered.
    members: Vec<MemberId>,
    /// Packets sent so far, and their octets.
    packets: u64,
    octets: u64,
    longest: usize,
}

impl Server {
    /// Who is in the channel, in the order in which they entered.
    #[must_use]
    pub fn members(&self) -> &[MemberId] {
        &self.members
    }

    /// How many packets it has passed on, and how many octets of text they had.
    #[must_use]
    pub fn traffic(&self) -> (u64, u64) {
        (self.packets, self.octets)
    }

    /// How many octets of text the longest packet had.
    #[must_use]
    pub const fn longest(&self) -> usize {
        self.longest
    }

    /// Does what `by` asks. Gives what to tell whom, in order; what makes no sense is ignored.
    pub fn act(&mut self, by: &MemberId, action: ChannelAction) -> Vec<(MemberId, Notice)> {
        let inside = self.members.contains(by);
        match action {
            ChannelAction::Enter if !inside => self.enter(by),
            ChannelAction::Leave => self.leave(by),
            ChannelAction::Send { packet } if inside => {
                self.packets = self.packets.saturating_add(1);
                let octets = u64::try_from(packet.len()).unwrap_or(u64::MAX);
                self.octets = self.octets.saturating_add(octets);
                self.longest = self.longest.max(packet.len());
                let notice = Notice::Packet { sender: by.clone(), packet };
                self.members.iter().map(|member| (member.clone(), notice.clone())).collect()
            }
            ChannelAction::Remove(members) if inside => {
                members.iter().flat_map(|member| self.leave(member)).collect()
            }
            _ => Vec::new(),
        }
    }

    fn enter(&mut self, who: &MemberId) -> Vec<(MemberId, Notice)> {
        let mut told: Vec<_> = self
            .members
            .iter()
            .map(|member| (member.clone(), Notice::OtherEntered(who.clone())))
            .collect();
        self.members.push(who.clone());
        told.push((who.clone(), Notice::Entered(self.members.clone())));
        told
    }

    /// Takes somebody out of the channel: their own wish, a removal, or a broken connection.
    pub fn leave(&mut self, who: &MemberId) -> Vec<(MemberId, Notice)> {
        let Some(at) = self.members.iter().position(|member| member == who) else {
            return Vec::new();
        };
        self.members.remove(at);
        let mut told: Vec<_> = self
            .members
            .iter()
            .map(|member| (member.clone(), Notice::OtherLeft(who.clone())))
            .collect();
        told.push((who.clone(), Notice::Left));
        told
    }
}

/// What is under way, by whose way it is; first in, first out.
pub(crate) type Mailboxes<K, T> = BTreeMap<K, std::collections::VecDeque<T>>;
