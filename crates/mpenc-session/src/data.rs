//! The way of a packet: decode, then greeting, abort or data.

use alloc::vec::Vec;

use mpenc_greet::InternalError;
use mpenc_message::MessageSecurity;
use mpenc_order::PacketId;
use mpenc_wire::{DataPacket, MemberId, Packet, peek_signature, unarmor};

use crate::event::Fault;
use crate::subsession::{Arrival, Received};
use crate::timers::Timer;
use crate::{Ctx, Event, HeldId, Instant, Outputs, Session, Suite};

/// What every packet of ours starts with.
const PREFIX: &str = "?mpENC:";
/// How much room is held for the records of packets: enough for most messages.
const CONTENTS: usize = 4096;

impl<S: Suite> Session<S> {
    pub(crate) fn on_packet(
        &mut self,
        cx: &mut Ctx<'_>,
        sender: &MemberId,
        text: &str,
        out: &mut Outputs,
    ) -> Result<(), InternalError> {
        let Some(inside) = self.presence.inside() else { return Ok(()) };
        if !inside.members.contains(sender) {
            refuse(sender, Fault::SenderNotInChannel, out);
            return Ok(());
        }
        if !text.starts_with(PREFIX) {
            out.tell(Event::Plain { sender: sender.clone() });
            return Ok(());
        }
        // It is not even decoded, so that a long one costs no more than a short one.
        if peek_signature(text).is_some_and(|found| !S::Security::can_be_signature(&found)) {
            self.refuse_unsigned(sender, out);
            return Ok(());
        }
        let mut contents = core::mem::take(&mut self.contents);
        let result = self.on_our_packet(cx, sender, text, &mut contents, out);
        self.contents = contents;
        // A large packet does not hold its room for good.
        self.contents.shrink_to(CONTENTS);
        result
    }

    fn on_our_packet(
        &mut self,
        cx: &mut Ctx<'_>,
        sender: &MemberId,
        text: &str,
        contents: &mut Vec<u8>,
        out: &mut Outputs,
    ) -> Result<(), InternalError> {
        let packet = unarmor(text, contents)
            .and_then(|contents| Packet::decode(self.shared.dialect, contents));
        let packet = match packet {
            Ok(packet) => packet,
            Err(error) => {
                refuse(sender, Fault::Malformed(error), out);
                return Ok(());
            }
        };
        if let Some(previous) = &mut self.previous {
            previous.hears(cx.now, sender);
        }
        match packet {
            Packet::Greeting(greeting) if greeting.metadata.is_some() => {
                let id = self.packet_id(sender, text);
                self.on_initial(cx, sender, id, text, &greeting, out)
            }
            Packet::Greeting(greeting) => {
                let id = self.packet_id(sender, text);
                self.on_greeting(cx, sender, id, &greeting, out)
            }
            Packet::Abort(abort) => {
                let id = self.packet_id(sender, text);
                self.on_abort(cx, sender, id, &abort, out)
            }
            Packet::Data(data) => self.on_data(cx, sender, text, &data, out),
            _ => Ok(()),
        }
    }

    /// A packet's place in the server order. It covers who is in the channel, so it costs the more
    /// the more there are; messages have none.
    fn packet_id(&self, sender: &MemberId, text: &str) -> PacketId {
        let others = self.presence.members().into_iter().flatten();
        let others = others.filter(|&member| member != sender);
        PacketId::compute(sender.as_bytes(), others.map(MemberId::as_bytes), text.as_bytes())
    }

    fn on_data(
        &mut self,
        cx: &mut Ctx<'_>,
        sender: &MemberId,
        text: &str,
        packet: &DataPacket<'_>,
        out: &mut Outputs,
    ) -> Result<(), InternalError> {
        if packet.resent_author.is_some_and(|author| author == *sender) {
            refuse(sender, Fault::ResentByAuthor, out);
            return Ok(());
        }
        if !S::Security::can_be_signature(packet.signature) {
            self.refuse_unsigned(sender, out);
            return Ok(());
        }
        let arrival = Arrival { sender, text, packet };
        if self.open_anywhere(cx, &arrival, out)? == Received::Here {
            return Ok(());
        }
        let author = arrival.author();
        if self.past.verifies(&author, packet) {
            // A late packet of a sub-session that is over.
            return Ok(());
        }
        if self.writes_without_us(&author, packet) {
            self.leave_unauthenticated(out);
            return Ok(());
        }
        if self.expects_data() && !self.held.contains(sender, text) {
            let due = cx.now.after(self.shared.config.broadcast_latency);
            let mut dropped = Vec::new();
            if let Some(due) = self.held.hold(sender, text, due, &mut dropped) {
                self.shared.timers.set(due, Timer::Undecryptable);
            }
            // Most of what whoever joins hears is not for them.
            let joined = self.current.is_some() && cx.now >= self.foreign_until;
            let dropped = dropped.iter().filter(|held| !held.told && joined);
            let members = self.members();
            let dropped = dropped.filter(|held| members.contains(&held.sender));
            dropped.for_each(|held| held.tell(out));
        }
        Ok(())
    }

    /// A data packet that no key verifies, nor any that is still to come: so it is told now, and takes
    /// nobody's place among the held packets. No honest member sends it again, for none accepts it.
    fn refuse_unsigned(&self, sender: &MemberId, out: &mut Outputs) {
        if self.expects_data() {
            refuse(sender, Fault::NotSigned, out);
        }
    }

    /// Whoever has no session and waits for none drops data silently: it cannot be theirs.
    fn expects_data(&self) -> bool {
        let joining = self.order.ongoing().is_some() || !self.candidates.is_empty();
        self.current.is_some() || joining
    }

    fn open_anywhere(
        &mut self,
        cx: &mut Ctx<'_>,
        arrival: &Arrival<'_>,
        out: &mut Outputs,
    ) -> Result<Received, InternalError> {
        let Self { current, previous, shared, .. } = self;
        if let Some(sub) = current {
            let other = previous.as_ref();
            if sub.receive(cx, shared, other, arrival, out)? == Received::Here {
                return Ok(Received::Here);
            }
        }
        if let Some(sub) = previous {
            let other = current.as_ref();
            return sub.receive(cx, shared, other, arrival, out);
        }
        Ok(Received::Elsewhere)
    }

    /// Some packets have been held for BC_LAT.
    pub(crate) fn on_undecryptable_due(&mut self, now: Instant, out: &mut Outputs) {
        let (due, next) = self.held.take_due(now);
        if let Some(next) = next {
            self.shared.timers.set(next, Timer::Undecryptable);
        }
        for packet in due {
            self.on_held_due(now, packet, out);
        }
    }

    /// Those who join hear the end of sub-sessions that they were never part of: that is nothing to
    /// tell.
    fn on_held_due(&mut self, now: Instant, packet: HeldId, out: &mut Outputs) {
        let members = self.members();
        let foreign = self.held.sender(packet).is_some_and(|sender| !members.contains(sender));
        if self.current.is_none() {
            // Our operation still runs: it may yet be for us.
        } else if now < self.foreign_until || foreign {
            // Or of a session beside ours, in the same channel.
            self.held.forget(packet);
        } else {
            self.held.tell(packet, out);
        }
    }

    /// Tries the held packets again, after a sub-session began.
    pub(crate) fn retry_held(
        &mut self,
        cx: &mut Ctx<'_>,
        out: &mut Outputs,
    ) -> Result<(), InternalError> {
        let mut contents = Vec::new();
        for held in self.held.take_all() {
            let decoded = unarmor(&held.packet, &mut contents)
                .and_then(|contents| Packet::decode(self.shared.dialect, contents));
            let Ok(Packet::Data(data)) = decoded else { continue };
            let arrival = Arrival { sender: &held.sender, text: &held.packet, packet: &data };
            match self.open_anywhere(cx, &arrival, out)? {
                // Whoever has just joined hears the end of what was before, and will for a while.
                Received::Elsewhere if cx.now < self.foreign_until => {}
                Received::Elsewhere => self.held.put_back(held),
                Received::Here if held.told => out.tell(Event::Decrypted(held.number)),
                Received::Here => {}
            }
        }
        Ok(())
    }
}

pub(crate) fn refuse(sender: &MemberId, fault: Fault, out: &mut Outputs) {
    out.tell(Event::Refused { sender: sender.clone(), fault });
}
