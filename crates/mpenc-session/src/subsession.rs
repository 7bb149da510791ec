//! One sub-session: constant members, constant keys, one transcript.

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

use mpenc_causal::{AddError, Entry, Pending, Role, Section, Transcript};
use mpenc_greet::InternalError;
use mpenc_message::{Draft, Kind, MessageSecurity, OpenError, OrderAck, SealError};
use mpenc_wire::{DataPacket, MemberId, MessageId, ParentOrder};

use crate::event::{Event, Fault, MessageEvent};
use crate::history::order_ack;
use crate::shared::Shared;
use crate::timers::{SubSessionNumber, Timer};
use crate::{ChannelAction, Ctx, Instant, Outputs};

/// How many latencies a FIN may wait for its full ack (FI-02).
pub(crate) const FIN_PATIENCE: u32 = 16;

/// A message that was verified and decrypted, or written by us, on its way into the transcript.
#[derive(Clone, Debug)]
struct Incoming {
    id: MessageId,
    author: MemberId,
    parents: Vec<MessageId>,
    kind: Kind,
    text: String,
    order_ack: Option<OrderAck>,
}

/// What a sub-session made of a packet.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Received {
    /// It belongs here, and was dealt with, for better or worse.
    Here,
    /// It is not of this sub-session, as far as anybody can tell.
    Elsewhere,
}

/// Why a message of ours was not written.
#[derive(Debug)]
pub(crate) enum WriteError {
    /// It cannot be sealed.
    Seal(SealError),
    /// A bug of ours.
    Internal(InternalError),
}

/// Why the transcript did not take a message.
enum NotTaken {
    Rule(AddError<MessageId, MemberId>),
    Internal(InternalError),
}

/// How far we are with our own part in the sub-session.
#[derive(Clone, Copy, Debug)]
enum Closing {
    /// We may still write content.
    Open,
    /// We sent FIN; since when, and since when everything is fully acked.
    Fin { since: Instant, acked: Option<Instant> },
    /// Our part is over.
    Over,
}

#[derive(Clone)]
pub(crate) struct SubSession<X> {
    number: SubSessionNumber,
    section: Section,
    security: X,
    own: MemberId,
    readers: Vec<MemberId>,
    transcript: Transcript<MessageId, MemberId>,
    pending: Pending<MessageId, MemberId, Incoming>,
    closing: Closing,
    /// How many FINs in a row each author wrote last: two are the intent to leave (TI-04).
    fins: BTreeMap<MemberId, u32>,
    /// Payloads that are not fully acked, and whether the user was told.
    unacked_payloads: BTreeMap<MessageId, bool>,
    /// Held messages, and when to tell the user that they miss parents; `None` once that was told.
    /// One timer serves all of them.
    missing: BTreeMap<MessageId, Option<Instant>>,
    missing_timer: bool,
}

impl<X: MessageSecurity> SubSession<X> {
    pub(crate) fn new(
        number: SubSessionNumber,
        section: Section,
        security: X,
        members: &[MemberId],
        own: &MemberId,
    ) -> Self {
        let room = pending_room(members.len());
        // Nobody may take all of the room, however few they are.
        let per_author = (room / 2).max(16);
        Self {
            number,
            section,
            security,
            own: own.clone(),
            readers: members.iter().filter(|&member| member != own).cloned().collect(),
            transcript: Transcript::new(members.iter().cloned()),
            pending: Pending::new(room, per_author),
            closing: Closing::Open,
            fins: BTreeMap::new(),
            unacked_payloads: BTreeMap::new(),
            missing: BTreeMap::new(),
            missing_timer: false,
        }
    }

    pub(crate) fn number(&self) -> SubSessionNumber {
        self.number
    }

    pub(crate) fn section(&self) -> Section {
        self.section
    }

    pub(crate) fn transcript(&self) -> &Transcript<MessageId, MemberId> {
        &self.transcript
    }

    /// Whether we may still write content.
    pub(crate) fn is_open(&self) -> bool {
        matches!(self.closing, Closing::Open)
    }

    /// Whether our own part is over.
    pub(crate) fn is_over(&self) -> bool {
        matches!(self.closing, Closing::Over)
    }

    /// Whether everything in it was acked by everybody, and nothing waits for its parents.
    pub(crate) fn is_consistent(&self) -> bool {
        self.transcript.unacked().next().is_none() && self.pending.is_empty()
    }

    /// The latest messages, as an initial packet names them (LATEST_PM): ascending.
    pub(crate) fn heads(&self) -> Vec<MessageId> {
        self.transcript.heads()
    }

    /// Seals a message, takes it into the transcript and sends it.
    pub(crate) fn write(
        &mut self,
        cx: &mut Ctx<'_>,
        shared: &mut Shared,
        kind: Kind,
        text: &str,
        out: &mut Outputs,
    ) -> Result<MessageId, WriteError> {
        let parents = match shared.dialect.parent_order {
            ParentOrder::MostRecentFirst => self.transcript.heads_recent_first(),
            _ => self.transcript.heads(),
        };
        let order_ack = shared.order_acks.to_attach().map(order_ack);
        let draft = Draft { parents: &parents, kind, text, order_ack };
        let sealed = self.security.seal(cx.rng, &draft).map_err(WriteError::Seal)?;
        let message = Incoming {
            id: sealed.id,
            author: self.own.clone(),
            parents,
            kind,
            text: String::from(text),
            order_ack: None,
        };
        self.accept(cx.now, shared, None, message, out).map_err(|not_taken| {
            WriteError::Internal(match not_taken {
                NotTaken::Internal(error) => error,
                NotTaken::Rule(_) => {
                    InternalError::new("the transcript refused a message of our own")
                }
            })
        })?;
        out.act(ChannelAction::Send { packet: sealed.packet });
        Ok(sealed.id)
    }

    /// Ends our part: no content of ours follows. With `leaving`, a second FIN says that we are
    /// about to leave the session (TI-04).
    pub(crate) fn finish(
        &mut self,
        cx: &mut Ctx<'_>,
        shared: &mut Shared,
        leaving: bool,
        out: &mut Outputs,
    ) -> Result<(), WriteError> {
        if self.is_open() {
            self.write(cx, shared, Kind::Fin, "", out)?;
            self.closing = Closing::Fin { since: cx.now, acked: None };
            let patience = shared.config.latencies(FIN_PATIENCE);
            shared.timers.set(cx.now.after(patience), Timer::SubSessionEnd(self.number));
        }
        if leaving {
            self.write(cx, shared, Kind::Fin, "", out)?;
        }
        self.note_full_ack(cx.now, shared);
        Ok(())
    }

    /// Takes a data packet, if it is of this sub-session. A parent that stands in `other`, the other
    /// sub-session's transcript, is a fault, and not something to wait for.
    pub(crate) fn receive(
        &mut self,
        cx: &mut Ctx<'_>,
        shared: &mut Shared,
        other: Option<&Transcript<MessageId, MemberId>>,
        author: &MemberId,
        packet: &DataPacket<'_>,
        out: &mut Outputs,
    ) -> Result<Received, InternalError> {
        if packet.hint != self.security.hint() {
            return Ok(Received::Elsewhere);
        }
        let id = self.security.message_id(packet);
        if self.transcript.contains(&id) || self.pending.contains(&id) {
            return Ok(Received::Here);
        }
        let opened = match self.security.open(author, packet) {
            Ok(opened) => opened,
            Err(OpenError::OtherKey | OpenError::NotMember(_) | OpenError::Signature) => {
                return Ok(Received::Elsewhere);
            }
            Err(error) => {
                out.tell(Event::PeerMisbehaved {
                    member: author.clone(),
                    fault: Fault::Message(error),
                });
                return Ok(Received::Here);
            }
        };
        self.security.commit(&opened);
        let message = Incoming {
            id: opened.id,
            author: opened.author,
            parents: opened.parents,
            kind: opened.kind,
            text: opened.text,
            order_ack: opened.order_ack,
        };
        self.take(cx.now, shared, other, message, out)?;
        Ok(Received::Here)
    }

    /// Takes a verified message, and every held one that waited for it.
    fn take(
        &mut self,
        now: Instant,
        shared: &mut Shared,
        other: Option<&Transcript<MessageId, MemberId>>,
        message: Incoming,
        out: &mut Outputs,
    ) -> Result<(), InternalError> {
        let mut ready = Vec::from([message]);
        while let Some(message) = ready.pop() {
            let id = message.id;
            match self.accept(now, shared, other, message.clone(), out) {
                Ok(()) => {
                    if self.missing.remove(&id) == Some(None) {
                        out.tell(Event::Accepted(id));
                    }
                    let mut woken = self.pending.take_ready(&id);
                    woken.reverse();
                    ready.extend(woken);
                }
                Err(NotTaken::Internal(error)) => return Err(error),
                Err(NotTaken::Rule(AddError::MissingParents(missing))) => {
                    let author = message.author.clone();
                    let due = now.after(shared.config.broadcast_latency);
                    self.missing.entry(id).or_insert(Some(due));
                    for dropped in self.pending.insert(id, author, missing, message) {
                        if self.missing.remove(&dropped.id) != Some(None) {
                            out.tell(Event::NotAccepted {
                                author: dropped.author,
                                id: dropped.id,
                                missing: dropped.missing,
                            });
                        }
                    }
                    if !core::mem::replace(&mut self.missing_timer, true) {
                        shared.timers.set(due, Timer::MissingParents(self.number));
                    }
                }
                Err(NotTaken::Rule(error)) => {
                    self.missing.remove(&id);
                    out.tell(Event::PeerMisbehaved {
                        member: message.author,
                        fault: Fault::Transcript(error),
                    });
                }
            }
        }
        Ok(())
    }

    fn accept(
        &mut self,
        now: Instant,
        shared: &mut Shared,
        other: Option<&Transcript<MessageId, MemberId>>,
        message: Incoming,
        out: &mut Outputs,
    ) -> Result<(), NotTaken> {
        let Incoming { id, author, parents, kind, text, order_ack } = message;
        let role = role_of(kind);
        let mut entry = Entry::new(id, &author, &parents, role);
        if let Some(other) = other {
            entry = entry.apart_from(other);
        }
        let added = self.transcript.add(entry).map_err(NotTaken::Rule)?;
        let payload = (kind == Kind::Payload).then(|| text.clone());
        let line = shared
            .log
            .accept(self.section, &self.transcript, id, payload)
            .map_err(|_| NotTaken::Internal(InternalError::new("the log refused a message")))?;

        shared.heard.extend(order_ack.map(|ack| (author.clone(), ack)));
        let fins = self.fins.entry(author.clone()).or_default();
        match kind {
            Kind::Fin => {
                *fins = fins.saturating_add(1);
                if *fins == 2 && author != self.own {
                    shared.parting.insert(author.clone());
                    out.tell(Event::Parting(author.clone()));
                }
            }
            Kind::AckAutomatic | Kind::AckManual => {}
            _ => *fins = 0,
        }
        if let Some(line) = line {
            let readers =
                self.transcript.members().filter(|&member| *member != author).cloned().collect();
            let (place, parents_back) = (line.place(), line.distances().collect());
            self.unacked_payloads.insert(id, false);
            out.tell(Event::Message(MessageEvent {
                id,
                author: author.clone(),
                readers,
                text,
                place,
                parents_back,
            }));
        }
        if role != Role::Ack {
            if author == self.own && self.number == shared.newest {
                shared.order_acks.carried(id);
            }
            let interval = shared.config.full_ack_interval();
            shared.timers.set(now.after(interval), Timer::FullAck(self.number, id));
            if author != self.own {
                let wait = if shared.dialect.fast_answers
                    && matches!(kind, Kind::Fin | Kind::Consistency)
                {
                    shared.config.broadcast_latency / 8
                } else {
                    interval.saturating_sub(shared.config.broadcast_latency)
                };
                shared.timers.set(now.after(wait), Timer::Ack(self.number, id));
            }
        }
        for id in added.fully_acked {
            shared.order_acks.on_fully_acked(&id);
            self.on_nobody_awaited(id, out);
        }
        self.note_full_ack(now, shared);
        Ok(())
    }

    /// Once we sent FIN and everything is fully acked, the sub-session ends BC_LAT later (FI-02).
    fn note_full_ack(&mut self, now: Instant, shared: &mut Shared) {
        if let Closing::Fin { since, acked } = self.closing {
            let consistent = self.is_consistent();
            let acked = match (consistent, acked) {
                (true, Some(at)) => Some(at),
                (false, Some(at)) if !shared.dialect.full_ack_lapses => Some(at),
                (true, None) => {
                    let grace = shared.config.broadcast_latency;
                    shared.timers.set(now.after(grace), Timer::SubSessionEnd(self.number));
                    Some(now)
                }
                (false, _) => None,
            };
            self.closing = Closing::Fin { since, acked };
        }
    }

    /// An explicit ack is due for `id`, unless something of ours descends from it already.
    pub(crate) fn ack_due(
        &mut self,
        cx: &mut Ctx<'_>,
        shared: &mut Shared,
        id: MessageId,
        out: &mut Outputs,
    ) -> Result<(), WriteError> {
        if self.is_over() || self.transcript.acked_by(&id, &self.own) {
            return Ok(());
        }
        self.write(cx, shared, Kind::AckAutomatic, "", out).map(|_| ())
    }

    /// A message should be fully acked by now.
    pub(crate) fn full_ack_due(&mut self, id: MessageId, out: &mut Outputs) {
        if let Some(told @ false) = self.unacked_payloads.get_mut(&id) {
            *told = true;
            out.tell(Event::NotFullyAcked { id, missing: self.transcript.unacked_by(&id) });
        }
    }

    /// Some held messages should have found their parents by now.
    pub(crate) fn parents_due(&mut self, now: Instant, shared: &mut Shared, out: &mut Outputs) {
        for (id, due) in &mut self.missing {
            if due.is_some_and(|due| due <= now)
                && let Some((author, missing)) = self.pending.missing(id)
            {
                *due = None;
                out.tell(Event::NotAccepted { author, id: *id, missing });
            }
        }
        let next = self.missing.values().flatten().min();
        self.missing_timer = next.is_some();
        if let Some(next) = next {
            shared.timers.set(*next, Timer::MissingParents(self.number));
        }
    }

    /// Our FIN's grace, or its patience, is up. Says whether our part ended just now.
    pub(crate) fn end_due(&mut self, now: Instant, shared: &Shared, out: &mut Outputs) -> bool {
        let Closing::Fin { since, acked } = self.closing else { return false };
        let grace_over = acked.is_some_and(|at| now.since(at) >= shared.config.broadcast_latency);
        let patience_over = now.since(since) >= shared.config.latencies(FIN_PATIENCE);
        if !(grace_over || patience_over) {
            return false;
        }
        self.stop(out);
        true
    }

    /// Ends our part now; what is not fully acked stays so for good.
    pub(crate) fn stop(&mut self, out: &mut Outputs) {
        // Some may have come after our part was over.
        let unacked: Vec<MessageId> =
            self.unacked_payloads.iter().filter_map(|(id, told)| (!told).then_some(*id)).collect();
        for id in unacked {
            self.full_ack_due(id, out);
        }
        if self.is_over() {
            return;
        }
        self.closing = Closing::Over;
        out.tell(Event::Parted { consistent: self.is_consistent() });
    }

    /// Forgets all but what recognises its late packets.
    pub(crate) fn retire(self) -> X::Retired {
        self.security.retire()
    }

    /// A reader has left the channel or was excluded: their acks are not awaited any more.
    pub(crate) fn waive(
        &mut self,
        now: Instant,
        shared: &mut Shared,
        reader: &MemberId,
        out: &mut Outputs,
    ) {
        for id in self.transcript.waive(reader) {
            shared.order_acks.on_fully_acked(&id);
            self.on_nobody_awaited(id, out);
        }
        self.note_full_ack(now, shared);
    }

    /// No more acks are awaited for a message: a payload is fully acked, or, if some of its readers
    /// are gone and never acked it, flagged.
    fn on_nobody_awaited(&mut self, id: MessageId, out: &mut Outputs) {
        if self.unacked_payloads.remove(&id).is_none() {
            return;
        }
        let missing: Vec<MemberId> = self
            .transcript
            .members()
            .filter(|&member| self.transcript.author(&id) != Some(member))
            .filter(|&member| !self.transcript.acked_by(&id, member))
            .cloned()
            .collect();
        out.tell(if missing.is_empty() {
            Event::FullyAcked(id)
        } else {
            Event::Unreachable { id, missing }
        });
    }

    /// Everybody but us, in the order of the agreement.
    pub(crate) fn readers(&self) -> &[MemberId] {
        &self.readers
    }

    pub(crate) fn has_reader(&self, member: &MemberId) -> bool {
        self.readers.contains(member)
    }

    /// Whom the message was written to, and who has not acked it; `None` if it is not here.
    pub(crate) fn unacked_by(&self, id: &MessageId) -> Option<Vec<MemberId>> {
        self.transcript.contains(id).then(|| self.transcript.unacked_by(id))
    }
}

fn role_of(kind: Kind) -> Role {
    match kind {
        Kind::AckAutomatic | Kind::AckManual => Role::Ack,
        Kind::Fin => Role::Close,
        _ => Role::Content,
    }
}

/// How many messages may wait for their parents: 4·max(16, 8·√n) (TR-14).
fn pending_room(members: usize) -> usize {
    members.saturating_mul(64).isqrt().max(16).saturating_mul(4)
}
