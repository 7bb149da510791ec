//! The operation that runs, and how it ended.

use alloc::collections::BTreeSet;
use alloc::vec::Vec;

use crate::id::SERVER;
use crate::{ChainHash, EntryType, PacketId, leave_pseudo_packet};

/// A place in the order: the latest accepted final packet, and the chain hash at it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Head {
    pub(crate) packet: PacketId,
    pub(crate) chain_hash: ChainHash,
}

/// What is known of an operation that may begin.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Begun<M> {
    pub(crate) id: PacketId,
    pub(crate) parent: Head,
    pub(crate) members: Vec<M>,
    pub(crate) own: bool,
    pub(crate) provisional: bool,
    pub(crate) single: bool,
}

impl<M> Begun<M> {
    pub(crate) fn ongoing<O>(self, operation: O) -> Ongoing<M, O> {
        let Self { id, parent, members, own, provisional, single } = self;
        let chain_hash = if single {
            // It enters the chain once, when it ends.
            parent.chain_hash
        } else {
            parent.chain_hash.next(&id, EntryType::Initial)
        };
        Ongoing { initial: id, parent, chain_hash, members, own, provisional, operation }
    }
}

/// The operation that runs: its initial packet was accepted, and none that ends it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Ongoing<M, O> {
    pub(crate) initial: PacketId,
    pub(crate) parent: Head,
    pub(crate) chain_hash: ChainHash,
    pub(crate) members: Vec<M>,
    pub(crate) own: bool,
    pub(crate) provisional: bool,
    pub(crate) operation: O,
}

impl<M, O> Ongoing<M, O> {
    /// Packet id of its initial packet.
    #[must_use]
    pub const fn initial(&self) -> PacketId {
        self.initial
    }

    /// The chain hash at its initial packet.
    #[must_use]
    pub const fn chain_hash(&self) -> ChainHash {
        self.chain_hash
    }

    /// Packet id of the final packet that it follows.
    #[must_use]
    pub const fn parent(&self) -> PacketId {
        self.parent.packet
    }

    /// Its target members: who will be in the session when it succeeds.
    #[must_use]
    pub fn members(&self) -> &[M] {
        &self.members
    }

    /// Whether we proposed it.
    #[must_use]
    pub const fn is_own(&self) -> bool {
        self.own
    }

    /// EII: whether we follow the order only because of this operation. When it fails, we are
    /// unsynced again.
    #[must_use]
    pub const fn is_provisional(&self) -> bool {
        self.provisional
    }

    /// The operation itself.
    #[must_use]
    pub const fn operation(&self) -> &O {
        &self.operation
    }

    /// The operation itself, to advance it.
    #[must_use]
    pub const fn operation_mut(&mut self) -> &mut O {
        &mut self.operation
    }

    /// The operation itself, to wipe it.
    #[must_use]
    pub fn into_operation(self) -> O {
        self.operation
    }

    /// Its end by this packet.
    pub(crate) fn end(self, id: PacketId, how: End) -> Ended<M, O> {
        let chain_hash = self.chain_hash.next(&id, how.entry());
        Ended { ongoing: self, how, head: Head { packet: id, chain_hash } }
    }
}

impl<M: Ord + AsRef<[u8]>, O> Ongoing<M, O> {
    /// Whether one of these is a target member.
    pub(crate) fn needs(&self, members: &[M]) -> bool {
        members.iter().any(|member| self.members.contains(member))
    }

    /// LOI: its end by the pseudo packet for these leavers.
    pub(crate) fn end_by_leave(self, leavers: &[M], channel_after: &BTreeSet<M>) -> Ended<M, O> {
        let leavers: Vec<&[u8]> = leavers.iter().map(AsRef::as_ref).collect();
        let packet = leave_pseudo_packet(&self.initial, &leavers);
        let id = PacketId::compute(SERVER, channel_after.iter().map(AsRef::as_ref), &packet);
        self.end(id, End::Leave)
    }
}

/// How an operation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum End {
    /// By its final packet: it succeeded.
    Final,
    /// By a packet that is its initial and its final one: it succeeded.
    Both,
    /// By an abort packet: it failed.
    Abort,
    /// LOI: by a target member who left the channel: it failed.
    Leave,
}

impl End {
    /// Whether the operation takes effect.
    #[must_use]
    pub const fn is_success(self) -> bool {
        matches!(self, Self::Final | Self::Both)
    }

    pub(crate) const fn entry(self) -> EntryType {
        match self {
            Self::Final => EntryType::Final,
            Self::Both => EntryType::Both,
            Self::Abort => EntryType::Abort,
            Self::Leave => EntryType::Leave,
        }
    }
}

/// An operation that has ended.
#[derive(Clone, Debug)]
#[must_use = "it holds the operation, which has to be completed or wiped"]
pub struct Ended<M, O> {
    pub(crate) ongoing: Ongoing<M, O>,
    pub(crate) how: End,
    pub(crate) head: Head,
}

impl<M, O> Ended<M, O> {
    /// How it ended.
    #[must_use]
    pub const fn how(&self) -> End {
        self.how
    }

    /// Packet id of the packet, or pseudo packet, that ended it.
    #[must_use]
    pub const fn packet_id(&self) -> PacketId {
        self.head.packet
    }

    /// The chain hash at that packet.
    #[must_use]
    pub const fn chain_hash(&self) -> ChainHash {
        self.head.chain_hash
    }

    /// Packet id of its initial packet.
    #[must_use]
    pub const fn initial(&self) -> PacketId {
        self.ongoing.initial
    }

    /// Packet id of the final packet that it followed.
    #[must_use]
    pub const fn parent(&self) -> PacketId {
        self.ongoing.parent.packet
    }

    /// Its target members.
    #[must_use]
    pub fn members(&self) -> &[M] {
        &self.ongoing.members
    }

    /// Whether we proposed it.
    #[must_use]
    pub const fn is_own(&self) -> bool {
        self.ongoing.own
    }

    /// EII: whether we followed the order only because of it.
    #[must_use]
    pub const fn was_provisional(&self) -> bool {
        self.ongoing.provisional
    }

    /// The operation itself.
    #[must_use]
    pub const fn operation(&self) -> &O {
        &self.ongoing.operation
    }

    /// The operation itself, to apply its last packet.
    #[must_use]
    pub const fn operation_mut(&mut self) -> &mut O {
        &mut self.ongoing.operation
    }

    /// Gives the operation away.
    #[must_use]
    pub fn into_operation(self) -> O {
        self.ongoing.operation
    }
}
