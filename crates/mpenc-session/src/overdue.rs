//! Operations that take too long, and their end by an abort packet.

use alloc::string::String;

use mpenc_greet::Greeting;
use mpenc_order::PacketId;

use crate::timers::Timer;
use crate::{ApiMisuse, ChannelAction, Ctx, Event, Outputs, Session, Suite};

impl<S: Suite> Session<S> {
    /// Asks for the end of the running operation, naming a reason (at most 256 octets count).
    ///
    /// # Errors
    /// [`ApiMisuse`]: nothing was sent.
    pub fn abort(
        &mut self,
        cx: &mut Ctx<'_>,
        reason: &str,
        out: &mut Outputs,
    ) -> Result<(), ApiMisuse> {
        self.check_open()?;
        let cx = &mut self.own_time(cx);
        let running = self.order.ongoing().ok_or(ApiMisuse::NoOperation)?;
        let id = running.initial();
        let packet =
            running.operation().greeting.encode_abort(reason).ok_or(ApiMisuse::CannotAbort)?;
        self.send_abort(cx, id, packet, out);
        Ok(())
    }

    pub(crate) fn send_abort(
        &mut self,
        cx: &Ctx<'_>,
        id: PacketId,
        packet: String,
        out: &mut Outputs,
    ) {
        out.act(ChannelAction::Send { packet });
        let echo = self.shared.config.latencies(2);
        self.shared.timers.set(cx.now.after(echo), Timer::AbortEcho(id));
    }

    pub(crate) fn set_packet_deadline(&mut self, cx: &Ctx<'_>) {
        if let Some(running) = self.order.ongoing() {
            let id = running.initial();
            let running = running.operation();
            let wait = running.packet_wait(&self.shared.config);
            let timer = Timer::OperationPacket(id, running.packets);
            self.shared.timers.set(cx.now.after(wait), timer);
        }
    }

    pub(crate) fn set_whole_deadline(&mut self, cx: &Ctx<'_>, id: PacketId) {
        if let Some(running) = self.order.ongoing() {
            let wait = running.operation().whole_wait(&self.shared.config);
            self.shared.timers.set(cx.now.after(wait), Timer::OperationWhole(id));
        }
    }

    pub(crate) fn on_packet_due(
        &mut self,
        cx: &mut Ctx<'_>,
        id: PacketId,
        packets: u64,
        out: &mut Outputs,
    ) {
        if self.follows_candidates() {
            return self.on_candidate_due(&id, Some(packets), out);
        }
        let stalled = self.order.ongoing().is_some_and(|running| {
            running.initial() == id && running.operation().packets == packets
        });
        if stalled {
            self.on_operation_due(cx, id, out);
        }
    }

    /// The running operation has had its time: say so, and abort it when it is our turn.
    pub(crate) fn on_operation_due(&mut self, cx: &mut Ctx<'_>, id: PacketId, out: &mut Outputs) {
        if self.follows_candidates() {
            return self.on_candidate_due(&id, None, out);
        }
        let Some(running) = self.order.ongoing_mut().filter(|running| running.initial() == id)
        else {
            return;
        };
        let running = running.operation_mut();
        if core::mem::replace(&mut running.overdue, true) {
            return;
        }
        let awaited = running.greeting.progress().awaited;
        let rank = running.info.members.iter().position(|member| *member == self.own);
        out.tell(Event::OperationOverdue { operation: running.info.clone(), awaited });
        let forged = running.unauthenticated.certain().is_some();
        if let (true, Some(rank)) = (self.shared.dialect.aborts || forged, rank) {
            let rank = u32::try_from(rank).unwrap_or(u32::MAX);
            let wait = (self.shared.config.broadcast_latency / 4).saturating_mul(rank);
            self.shared.timers.set(cx.now.after(wait), Timer::AbortTurn(id));
        }
    }

    pub(crate) fn on_abort_turn(&mut self, cx: &mut Ctx<'_>, id: PacketId, out: &mut Outputs) {
        let Some(running) = self.order.ongoing().filter(|running| running.initial() == id) else {
            return;
        };
        if self.lacks_signature() {
            return self.leave_unauthenticated(out);
        }
        let greeting = &running.operation().greeting;
        let mut reason = String::from("timed out");
        for (at, member) in greeting.progress().awaited.iter().enumerate() {
            reason.push_str(if at == 0 { ", waiting for " } else { ", " });
            reason.push_str(&alloc::format!("{member}"));
        }
        match greeting.encode_abort(&reason) {
            Some(packet) => self.send_abort(cx, id, packet, out),
            None => out.act(ChannelAction::Leave),
        }
    }

    pub(crate) fn on_abort_echo_due(&mut self, id: PacketId, out: &mut Outputs) {
        if self.order.ongoing().is_some_and(|running| running.initial() == id) {
            out.act(ChannelAction::Leave);
        }
    }
}
