//! Where `mpenc-order` decides, and where a test can put a wrong decision in its place.

use std::collections::BTreeSet;
use std::fmt;
use std::hash::Hash;

use mpenc_order::{
    AcceptedInitial, AckVerdict, Candidates, ChainHash, Ended, OrderAcks, PacketId, Proposal,
    ServerOrder, UnknownAck, Verdict,
};

use crate::name::Name;
use crate::name::Names;
use crate::packet::Key;

/// The operation, as far as the model runs one: it waits for a packet by each target member.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Operation {
    /// What it is called.
    pub key: Key,
    /// Its target members.
    pub members: Names,
    /// Those whose packet has come.
    pub heard: Names,
}

/// The order, of `mpenc-order`.
pub type Order = ServerOrder<Name, Operation>;
/// Operations of someone who waits, of `mpenc-order`.
pub type Waiting = Candidates<Name, Operation>;
/// Order acks, of `mpenc-order`. Messages are numbered by their author.
pub type Acks = OrderAcks<Name, u8>;

/// The decisions. [`Real`] leaves each to `mpenc-order`, as the defaults do; tests override one of
/// them for one member, to see that the model finds it.
pub trait Rules: Clone + Copy + fmt::Debug + Default + PartialEq + Send + Sync + 'static {
    /// Whether a proposal on this parent comes too late, whatever else it says.
    fn is_taken(self, _own: Name, order: &Order, _author: Name, parent: &PacketId) -> bool {
        order.is_taken(parent)
    }

    /// An initial packet.
    #[expect(clippy::too_many_arguments, reason = "those of the method that it stands for")]
    fn offer_initial(
        self,
        _own: Name,
        order: &mut Order,
        id: PacketId,
        packet: &[u8],
        proposal: &Proposal<'_, Name>,
        current: &[Name],
        channel: &BTreeSet<Name>,
    ) -> Verdict<AcceptedInitial> {
        order.offer_initial(id, packet, proposal, current, channel)
    }

    /// A final packet.
    fn offer_final(
        self,
        _own: Name,
        order: &mut Order,
        id: PacketId,
    ) -> Verdict<Ended<Name, Operation>> {
        order.offer_final(id)
    }

    /// An abort packet.
    fn offer_abort(
        self,
        _own: Name,
        order: &mut Order,
        id: PacketId,
        aborted: &PacketId,
    ) -> Verdict<Ended<Name, Operation>> {
        order.offer_abort(id, aborted)
    }

    /// Somebody left.
    fn member_left(
        self,
        _own: Name,
        order: &mut Order,
        leaver: Name,
        channel: &BTreeSet<Name>,
    ) -> Option<Ended<Name, Operation>> {
        order.members_left(&[leaver], channel)
    }

    /// What somebody says of the order.
    fn on_ack(
        self,
        _own: Name,
        acks: &mut Acks,
        member: Name,
        packet: PacketId,
        chain_hash: ChainHash,
    ) -> AckVerdict {
        acks.on_ack(&member, packet, chain_hash)
    }

    /// The time of an unknown packet is over.
    fn give_up(
        self,
        _own: Name,
        acks: &mut Acks,
        member: Name,
        packet: &PacketId,
    ) -> Option<UnknownAck> {
        acks.give_up(&member, packet)
    }
}

/// `mpenc-order`, as it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Real;

impl Rules for Real {}
