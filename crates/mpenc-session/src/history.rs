//! Whether all members were told the same history of operations (SO-16): order acks, and what
//! follows when they differ.
//!
//! | when | what |
//! |---|---|
//! | an operation ended, well or badly | everything that we write carries our chain hash at it |
//! | FA_INTV − 2·BC_LAT later, nothing monitored has carried it | a heartbeat does |
//! | FA_INTV later, somebody has not said the same | notice: who; withdrawn when they have |
//! | somebody says something else | security event; nothing is proposed any more, until we leave |
//! | somebody names a packet that we never saw | held for BC_LAT; then the same |
//! | 8·BC_LAT after an operation, messages are missing that its author had seen | a heartbeat, so that whoever is there shows it |

use alloc::vec::Vec;

use mpenc_greet::{Greeter, InternalError};
use mpenc_message::{Kind, OrderAck};
use mpenc_order::{AckVerdict, ChainHash, PacketId};
use mpenc_wire::MemberId;

use crate::event::HistoryFault;
use crate::session::automatic;
use crate::subsession::SubSession;
use crate::timers::{SubSessionNumber, Timer};
use crate::{Ctx, Event, Outputs, Session, Suite};

impl<S: Suite> Session<S> {
    /// Who has not confirmed our history up to the latest operation, and is expected to.
    #[must_use]
    pub fn history_unconfirmed_by(&self) -> Vec<MemberId> {
        let Some((latest, _)) = self.order.head() else { return Vec::new() };
        self.shared.order_acks.missing(&latest).cloned().collect()
    }

    /// The running operation has ended, well or badly: everybody says so, and what came before.
    pub(crate) fn note_history(&mut self, cx: &Ctx<'_>, out: &mut Outputs) {
        if !self.shared.dialect.order_acks {
            return;
        }
        let Some((packet, chain_hash)) = self.order.head() else { return };
        // Who has left is a member until they are excluded.
        let members = self.greeter.members().iter();
        let members: Vec<MemberId> =
            members.filter(|&member| !self.to_exclude.contains(member)).cloned().collect();
        // Also of a group of our own alone: what others said before, in messages that are slow, is
        // to be recognised.
        let verdicts = self.shared.order_acks.accepted(packet, chain_hash, &members);
        if members.len() < 2 {
            self.withdraw_overdue(out);
            return;
        }
        let interval = self.shared.config.full_ack_interval();
        let carrier = interval.saturating_sub(self.shared.config.latencies(2));
        self.shared.timers.set(cx.now.after(carrier), Timer::HistoryCarrier(packet));
        self.shared.timers.set(cx.now.after(interval), Timer::HistoryConfirmed(packet));
        for (member, verdict) in verdicts {
            self.judge(cx, member, packet, verdict, out);
        }
        self.withdraw_overdue(out);
    }

    /// What authenticated messages said of the order.
    pub(crate) fn hear_history(&mut self, cx: &Ctx<'_>, out: &mut Outputs) {
        for (member, ack) in core::mem::take(&mut self.shared.heard) {
            let packet = PacketId::from_bytes(ack.packet_id);
            if self.builds_without_us(&member, &packet) {
                self.leave_unauthenticated(out);
                continue;
            }
            let chain_hash = ChainHash::from_bytes(ack.chain_hash);
            let verdict = self.shared.order_acks.on_ack(&member, packet, chain_hash);
            self.judge(cx, member, packet, verdict, out);
        }
        self.withdraw_overdue(out);
    }

    fn judge(
        &mut self,
        cx: &Ctx<'_>,
        member: MemberId,
        packet: PacketId,
        verdict: AckVerdict,
        out: &mut Outputs,
    ) {
        match verdict {
            AckVerdict::Mismatch { ours, theirs } => {
                self.dispute(member, HistoryFault::Differs { packet, ours, theirs }, out);
            }
            AckVerdict::Unknown => {
                let due = cx.now.after(self.shared.config.broadcast_latency);
                self.shared.timers.set(due, Timer::HistoryUnknown(member, packet));
            }
            _ => {}
        }
    }

    /// A member was told another history than we were: from now on we propose nothing.
    pub(crate) fn dispute(&mut self, member: MemberId, fault: HistoryFault, out: &mut Outputs) {
        self.order.dispute();
        out.tell(Event::OrderMismatch { member, fault });
    }

    /// A packet that a member named is still unknown to us, BC_LAT after they did.
    pub(crate) fn on_history_unknown(
        &mut self,
        member: MemberId,
        packet: &PacketId,
        out: &mut Outputs,
    ) {
        if let Some(unknown) = self.shared.order_acks.give_up(&member, packet) {
            if self.lacks_signature() {
                // They have completed what we wait for because of a signature that we refused.
                return self.leave_unauthenticated(out);
            }
            let (theirs, ours) = (unknown.packet, unknown.ours.0);
            self.dispute(member, HistoryFault::Unknown { theirs, ours }, out);
        }
    }

    /// Nothing that we wrote has told the others what we accepted: a heartbeat does.
    pub(crate) fn on_history_carrier_due(
        &mut self,
        cx: &mut Ctx<'_>,
        packet: &PacketId,
        out: &mut Outputs,
    ) -> Result<(), InternalError> {
        if self.is_latest(packet)
            && self.shared.order_acks.needs_carrier()
            && let Some(current) = self.current.as_mut().filter(|sub| sub.takes_content())
        {
            automatic(current.write(cx, &mut self.shared, Kind::Heartbeat, "", out))?;
        }
        Ok(())
    }

    /// Messages of the sub-session with this number are still missing, and half of the time is over
    /// in which they may come: what we write now everybody acks who is there.
    pub(crate) fn on_history_half(
        &mut self,
        cx: &mut Ctx<'_>,
        number: SubSessionNumber,
        out: &mut Outputs,
    ) -> Result<(), InternalError> {
        let waits = self.previous.as_ref().filter(|sub| sub.number() == number);
        if self.shared.dialect.heartbeats
            && self.shared.config.heartbeats
            && waits.is_some_and(|sub| !sub.is_whole())
            && let Some(current) = self.current.as_mut().filter(|sub| sub.takes_content())
        {
            automatic(current.write(cx, &mut self.shared, Kind::Heartbeat, "", out))?;
        }
        Ok(())
    }

    /// Everybody should have told us by now what they accepted.
    pub(crate) fn on_history_due(&mut self, packet: &PacketId, out: &mut Outputs) {
        // Also of an operation that others have followed: somebody may start one after the other.
        let missing: Vec<MemberId> = self.shared.order_acks.missing(packet).cloned().collect();
        if !missing.is_empty() && !core::mem::replace(&mut self.history_overdue, true) {
            out.tell(Event::HistoryUnconfirmed { missing });
        }
        // Messages are opened in the last two sub-sessions only, and who writes in one has accepted
        // the operation by which it began. What was before the older one is named by nobody.
        let oldest = self.previous.as_ref().or(self.current.as_ref());
        if let Some(began) = oldest.and_then(SubSession::began) {
            self.shared.order_acks.forget_before(&[began, *packet]);
        }
    }

    fn withdraw_overdue(&mut self, out: &mut Outputs) {
        if self.history_overdue && self.history_unconfirmed_by().is_empty() {
            self.history_overdue = false;
            // Where somebody said something else, that was told, and this would be wrong.
            if !self.order.is_disputed() {
                out.tell(Event::HistoryConfirmed);
            }
        }
    }

    fn is_latest(&self, packet: &PacketId) -> bool {
        self.order.head().is_some_and(|(latest, _)| latest == *packet)
    }
}

/// What a message of ours carries.
pub(crate) fn order_ack((packet, chain_hash): (PacketId, ChainHash)) -> OrderAck {
    OrderAck { packet_id: *packet.as_bytes(), chain_hash: *chain_hash.as_bytes() }
}
