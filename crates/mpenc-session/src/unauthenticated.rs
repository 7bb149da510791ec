//! Members whose session signature was refused (PROTOCOL 3.4).
//!
//! A confirm that does not verify is refused, and changes nothing: it may be a late or replayed one of
//! a failed operation with the same members, and the good one may yet come. If none does, there are two
//! explanations, which look alike: the identity key that we have for the member is wrong, or somebody
//! forges or replays their packets. Then we leave, and say so.
//!
//! | when | what |
//! |---|---|
//! | the operation has had its time | in our turn, as for an abort: leave |
//! | that, and it may be of an operation of the same members that has failed | abort, as if nothing had come |
//! | a member builds on a packet that came since it was refused: PREV_PF, order ack | leave |
//! | a member writes under the keys that the operation leads to | leave |
//! | the operation fails before that: somebody aborts it, or leaves | stay, and say so all the same |
//!
//! The third and fourth show that the operation is complete for others, who count on us. They decide
//! nothing else: an outsider can cause none of this, because a confirm must bear the signature of its
//! author's ephemeral key before its session signature is looked at.

use alloc::collections::{BTreeMap, BTreeSet};

use mpenc_greet::Greeting;
use mpenc_message::{MessageSecurity, RetiredSecurity};
use mpenc_order::PacketId;
use mpenc_wire::{DataPacket, MemberId};

use crate::{ChannelAction, Event, Outputs, Session, Suite};

/// How many packets are remembered since a signature was refused, for each member: one of them ends
/// the operation for whoever believes the signature.
const PACKETS_PER_MEMBER: usize = 4;

/// Whose session signature was refused in an operation.
#[derive(Clone, Debug)]
pub(crate) struct Unauthenticated {
    /// Until a good one comes: who, and whether it may be a stray answer to another operation.
    members: BTreeMap<MemberId, bool>,
    /// Packets of the operation since then, the refused ones among them.
    since: BTreeSet<PacketId>,
    /// For how many of them there is room.
    room: usize,
    /// Whether we leave because of it.
    leaving: bool,
}

impl Unauthenticated {
    /// Nobody yet, in an operation of so many members.
    pub(crate) fn new(members: usize) -> Self {
        Self {
            members: BTreeMap::new(),
            since: BTreeSet::new(),
            room: members.saturating_mul(PACKETS_PER_MEMBER),
            leaving: false,
        }
    }

    /// A packet was refused because of its session signature. If it may be a `stray` one, that proves
    /// nothing yet.
    pub(crate) fn refused(&mut self, member: &MemberId, packet: PacketId, stray: bool) {
        *self.members.entry(member.clone()).or_insert(stray) &= stray;
        self.remember(packet);
    }

    /// A packet of the operation came and was good.
    pub(crate) fn comes(&mut self, member: &MemberId, packet: PacketId) {
        self.members.remove(member);
        if self.members.is_empty() {
            self.since.clear();
        } else {
            self.remember(packet);
        }
    }

    fn remember(&mut self, packet: PacketId) {
        if self.since.len() < self.room {
            self.since.insert(packet);
        }
    }

    /// Who has sent a signature that is not theirs, as far as we know their key, and no good one.
    pub(crate) fn certain(&self) -> Option<&MemberId> {
        self.members.iter().find(|(_, stray)| !**stray).map(|(member, _)| member)
    }

    /// The same, if the user has not been told.
    pub(crate) fn untold(&self) -> Option<&MemberId> {
        self.certain().filter(|_| !self.leaving)
    }

    /// The same; or else who may have.
    fn likely(&self) -> Option<&MemberId> {
        self.certain().or_else(|| self.members.keys().next())
    }
}

impl<S: Suite> Session<S> {
    /// Whether this packet, on which a member of the running operation builds, may be what ended it
    /// for them. It is not the end for us, because of a signature that we refused.
    pub(crate) fn builds_without_us(&self, member: &MemberId, packet: &PacketId) -> bool {
        let running = self.order.ongoing().map(|running| running.operation());
        running.is_some_and(|running| {
            running.unauthenticated.since.contains(packet) && running.has_other(member, &self.own)
        })
    }

    /// Whether a member of the running operation wrote this under the keys that it leads to, although
    /// we have refused a signature: nobody does so before it is complete for them.
    pub(crate) fn writes_without_us(&self, author: &MemberId, packet: &DataPacket<'_>) -> bool {
        let Some(running) = self.order.ongoing().map(|running| running.operation()) else {
            return false;
        };
        let doubt = !running.unauthenticated.leaving && running.unauthenticated.likely().is_some();
        if !doubt || !running.has_other(author, &self.own) {
            return false;
        }
        let keys = running.greeting.keys_if_confirmed();
        keys.is_some_and(|keys| {
            S::secure(self.shared.dialect, keys).retire().verifies(author, packet)
        })
    }

    /// Whether the running operation lacks nothing but signatures that we know to have refused.
    pub(crate) fn lacks_signature(&self) -> bool {
        let running = self.order.ongoing().map(|running| running.operation());
        running.is_some_and(|running| running.unauthenticated.certain().is_some())
    }

    /// A member has not confirmed the running operation in a way that we can believe, and its time is
    /// up, or the others went on without us. To abort it would not do: for those who know another
    /// key of that member than we do it is complete. So we leave, and only we: that ends it for all
    /// for whom it still runs, which is why we wait for our turn.
    pub(crate) fn leave_unauthenticated(&mut self, out: &mut Outputs) {
        let Some(running) = self.order.ongoing_mut().map(|running| running.operation_mut()) else {
            return;
        };
        let Some(member) = running.unauthenticated.likely().cloned() else { return };
        if core::mem::replace(&mut running.unauthenticated.leaving, true) {
            return;
        }
        out.tell(Event::NotAuthenticated { operation: running.info.clone(), member });
        self.parting = true;
        out.act(ChannelAction::Leave);
    }
}
