//! One sub-session: constant members, constant keys, one transcript.

mod boundary;
mod follow;
mod fork;

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use mpenc_causal::{AddError, Added, Entry, Index, Pending, Role, Section, Transcript};
use mpenc_greet::InternalError;
use mpenc_message::{Draft, Kind, MessageSecurity, OpenError, OrderAck, SealError};
use mpenc_order::PacketId;
use mpenc_wire::{DataPacket, MemberId, MessageId, ParentOrder};

use self::boundary::Boundary;
use self::follow::Awaited;
use crate::event::{Event, Fault, MessageEvent, Readers};
use crate::flow::{Due, FlowControl, Message, Rules, Silent};
use crate::history::order_ack;
use crate::shared::Shared;
use crate::timers::{SubSessionNumber, Timer};
use crate::{ChannelAction, Ctx, Instant, Outputs};

/// A message that was verified and decrypted, or written by us, on its way into the transcript.
#[derive(Clone, Debug)]
struct Incoming {
    id: MessageId,
    author: MemberId,
    parents: Vec<MessageId>,
    kind: Kind,
    text: String,
    order_ack: Option<OrderAck>,
    /// The packet's text, as it was sent or came.
    packet: String,
}

/// A data packet, as the channel gave it to us.
pub(crate) struct Arrival<'a> {
    /// Who sent it, says the channel.
    pub(crate) sender: &'a MemberId,
    /// Its text.
    pub(crate) text: &'a str,
    /// The same, decoded.
    pub(crate) packet: &'a DataPacket<'a>,
}

impl Arrival<'_> {
    /// Whose it is said to be: its sender's, or, if it is sent again by another, theirs.
    pub(crate) fn author(&self) -> MemberId {
        self.packet.resent_author.map_or_else(|| self.sender.clone(), |author| author.to_owned())
    }
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

#[derive(Clone)]
pub(crate) struct SubSession<X> {
    number: SubSessionNumber,
    section: Section,
    security: X,
    own: MemberId,
    readers: Vec<MemberId>,
    /// In the order of their numbers in the transcript.
    members: Arc<[MemberId]>,
    transcript: Transcript<MessageId, MemberId>,
    pending: Pending<Awaited, MemberId, Incoming>,
    /// The latest messages of the sub-session before, as the operation names them that began this one;
    /// as long as some of them are missing.
    latest_before: Option<Vec<MessageId>>,
    /// Who acks, resends and says what, and when; and how far we are with our own part.
    flow: FlowControl<Index, usize>,
    /// How many messages are yet to come before the transcript is pruned.
    until_pruned: usize,
    /// How many FINs in a row each author wrote last, by number: two are the intent to leave (TI-04).
    fins: Vec<u32>,
    /// Who has told two stories: their first one counts, and we write no content any more.
    forkers: BTreeSet<MemberId>,
    /// The packet that ended the operation by which it began.
    began: Option<PacketId>,
    /// What it should end with, once an operation has ended it.
    boundary: Option<Boundary>,
    /// Whether the session has other members now.
    former: bool,
    /// Whether packets are sent again at all.
    sends_again: bool,
    /// Held messages, and when to tell the user that they miss parents; `None` once that was told.
    /// One timer serves all of them.
    missing: BTreeMap<MessageId, Option<Instant>>,
    missing_timer: bool,
    /// Those that there was no room for, which the user was told; some come again.
    dropped: BTreeSet<MessageId>,
    /// Payloads that somebody never acked who is gone, which the user was told.
    unreachable: BTreeSet<MessageId>,
}

impl<X: MessageSecurity> SubSession<X> {
    /// Of these members, in the order of the agreement, from `now` on.
    pub(crate) fn new(
        shared: &Shared,
        now: Instant,
        section: Section,
        security: X,
        members: &[MemberId],
        own: &MemberId,
    ) -> Self {
        let room = pending_room(members.len());
        // Nobody may take all of the room, however few they are.
        let per_author = (room / 2).max(16);
        let rules = Rules::new(&shared.config, shared.dialect);
        let transcript = Transcript::new(members.iter().cloned());
        let number = transcript.number(own).unwrap_or_default();
        Self {
            number: shared.newest,
            section,
            security,
            own: own.clone(),
            readers: members.iter().filter(|&member| member != own).cloned().collect(),
            members: transcript.members().cloned().collect(),
            flow: FlowControl::new(rules, &number, &numbers(&transcript), now, shared.stamp),
            transcript,
            pending: Pending::new(room, per_author),
            latest_before: None,
            until_pruned: PRUNED_EVERY,
            fins: alloc::vec![0; members.len()],
            forkers: BTreeSet::new(),
            began: None,
            boundary: None,
            former: false,
            sends_again: shared.dialect.resends,
            missing: BTreeMap::new(),
            missing_timer: false,
            dropped: BTreeSet::new(),
            unreachable: BTreeSet::new(),
        }
    }

    /// The operation by which it began ended with this packet: nobody in it has accepted less.
    pub(crate) fn began_by(mut self, packet: Option<PacketId>) -> Self {
        self.began = packet;
        self
    }

    pub(crate) const fn began(&self) -> Option<PacketId> {
        self.began
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

    /// Whether we have not said that we write no content any more.
    pub(crate) fn is_open(&self) -> bool {
        self.flow.is_open()
    }

    /// Whether we may write content: before our FIN, and while everybody tells one story.
    pub(crate) fn takes_content(&self) -> bool {
        self.is_open() && self.forkers.is_empty()
    }

    /// Whether so many messages were sealed under its key that it should be refreshed.
    pub(crate) fn is_worn(&self) -> bool {
        self.security.refresh_due()
    }

    /// Whether everything in it was acked by everybody, nothing waits for its parents, and nothing is
    /// missing that others had seen when it ended.
    pub(crate) fn is_consistent(&self) -> bool {
        let complete = self.pending.is_empty() && self.dropped.is_empty() && self.is_whole();
        self.transcript.all_fully_acked() && complete
    }

    /// Messages that wait for their parents, and those that there was no room for.
    pub(crate) fn unaccepted(&self) -> impl Iterator<Item = MessageId> + '_ {
        self.missing.keys().chain(&self.dropped).copied()
    }

    /// How many octets the packets cost that may have to be sent again.
    pub(crate) const fn kept_octets(&self) -> usize {
        self.flow.kept_octets()
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
            packet: sealed.packet.clone(),
        };
        let added = self.transcript.add(entry(None, &message)).map_err(|_| {
            WriteError::Internal(InternalError::new("the transcript refused a message of our own"))
        })?;
        self.accept(cx.now, shared, message, added, out).map_err(WriteError::Internal)?;
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
            self.end_content(cx.now, out);
        }
        if leaving {
            self.write(cx, shared, Kind::Fin, "", out)?;
        }
        self.flow.settle(cx.now, self.is_consistent());
        Ok(())
    }

    /// Our FIN is written: of whom signs of life were missed, they are not any more.
    fn end_content(&mut self, now: Instant, out: &mut Outputs) {
        for member in self.flow.fin(now) {
            self.tell_fresh(member, out);
        }
    }

    /// The notice that a member is silent is withdrawn.
    fn tell_fresh(&self, member: usize, out: &mut Outputs) {
        if let Some(member) = self.members.get(member) {
            out.tell(Event::MemberFresh(member.clone()));
        }
    }

    /// Another operation completed, with these members.
    pub(crate) fn make_way(&mut self, members: &[MemberId]) {
        let mut others = members.iter().filter(|&member| *member != self.own);
        self.former = !others.all(|member| self.has_reader(member))
            || members.len() != self.readers.len().saturating_add(1);
    }

    /// Takes a data packet, if it is of this sub-session. A parent that stands in the `other`
    /// sub-session is a fault, and not something to wait for; but what is to come there first may be.
    pub(crate) fn receive(
        &mut self,
        cx: &mut Ctx<'_>,
        shared: &mut Shared,
        other: Option<&Self>,
        arrival: &Arrival<'_>,
        out: &mut Outputs,
    ) -> Result<Received, InternalError> {
        let Arrival { sender, text, packet } = arrival;
        if packet.hint != self.security.hint() {
            return Ok(Received::Elsewhere);
        }
        let id = self.security.message_id(packet);
        if let Some(index) = self.transcript.index(&id) {
            if let Some(sender) = self.transcript.number(sender) {
                let order = self.transcript.indexed();
                let again = self.flow.duplicate(cx.now, &index, &sender, &order);
                self.send_again(&again, out);
            }
            return Ok(Received::Here);
        }
        if self.pending.contains(&Awaited::Message(id)) {
            return Ok(Received::Here);
        }
        let author = arrival.author();
        let opened = match self.security.open_known(id, &author, packet) {
            Ok(opened) => opened,
            Err(OpenError::OtherKey | OpenError::NotMember(_) | OpenError::Signature) => {
                return Ok(Received::Elsewhere);
            }
            Err(error) => {
                out.tell(Event::PeerMisbehaved { member: author, fault: Fault::Message(error) });
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
            packet: String::from(*text),
        };
        self.take(cx.now, shared, other, message, out)?;
        Ok(Received::Here)
    }

    /// Somebody else wrote in our name, with our key. For all others it is part of the transcript, so
    /// it must be for us; and if they said in our name that nothing follows, nothing can.
    fn on_copy(&mut self, now: Instant, kind: Kind, out: &mut Outputs) {
        if self.forkers.insert(self.own.clone()) {
            let member = self.own.clone();
            out.tell(Event::PeerMisbehaved { member, fault: Fault::InOurName });
        }
        if kind == Kind::Fin && self.is_open() {
            self.end_content(now, out);
        }
    }

    /// Takes a verified message, and every held one that waited for it.
    fn take(
        &mut self,
        now: Instant,
        shared: &mut Shared,
        other: Option<&Self>,
        message: Incoming,
        out: &mut Outputs,
    ) -> Result<(), InternalError> {
        let mut ready = Vec::from([message]);
        while let Some(message) = ready.pop() {
            let id = message.id;
            let mut awaited = self.awaited_before(other, &message);
            let entry = entry(other.map(Self::transcript), &message);
            let added = if awaited.is_empty() {
                self.transcript.add(entry).map(Some)
            } else {
                self.transcript.check(&entry).map(|()| None)
            };
            match added {
                Ok(None) => self.hold(now, shared, awaited, message, out),
                Ok(Some(added)) => {
                    if message.author == self.own {
                        self.on_copy(now, message.kind, out);
                    }
                    self.accept(now, shared, message, added, out)?;
                    if self.waits_no_more(&id) {
                        out.tell(Event::Accepted(id));
                    }
                    let mut woken = self.pending.take_ready(&Awaited::Message(id));
                    woken.reverse();
                    ready.extend(woken);
                }
                Err(AddError::MissingParents(missing)) => {
                    awaited.extend(missing.into_iter().map(Awaited::Message));
                    self.hold(now, shared, awaited, message, out);
                }
                Err(AddError::Fork(evidence)) => {
                    self.waits_no_more(&id);
                    self.on_fork(evidence, message, out);
                }
                Err(error) => {
                    self.waits_no_more(&id);
                    out.tell(Event::PeerMisbehaved {
                        member: message.author,
                        fault: Fault::Transcript(error),
                    });
                }
            }
        }
        self.flow.settle(now, self.is_consistent());
        Ok(())
    }

    /// What becomes of a message is decided. Says whether the user was told that it waits.
    fn waits_no_more(&mut self, id: &MessageId) -> bool {
        let was_dropped = self.dropped.remove(id);
        self.missing.remove(id) == Some(None) || was_dropped
    }

    /// Keeps a message until what it waits for has come. The queue is bounded, also for each author.
    fn hold(
        &mut self,
        now: Instant,
        shared: &mut Shared,
        awaited: Vec<Awaited>,
        message: Incoming,
        out: &mut Outputs,
    ) {
        let (id, author) = (message.id, message.author.clone());
        let due = now.after(shared.config.broadcast_latency);
        let told = self.dropped.remove(&id);
        self.missing.entry(id).or_insert(if told { None } else { Some(due) });
        for dropped in self.pending.insert(Awaited::Message(id), author, awaited, message) {
            let id = dropped.item.id;
            let told = self.missing.remove(&id) == Some(None);
            // Only what is remembered is told of: or nothing could withdraw it.
            if self.dropped.len() < most_told(self.members.len()) {
                self.dropped.insert(id);
                if !told {
                    let missing = Awaited::messages(dropped.missing);
                    out.tell(Event::NotAccepted { author: dropped.author, id, missing });
                }
            }
        }
        if !core::mem::replace(&mut self.missing_timer, true) {
            shared.timers.set(due, Timer::MissingParents(self.number));
        }
    }

    /// What follows from a message that the transcript has just taken.
    fn accept(
        &mut self,
        now: Instant,
        shared: &mut Shared,
        message: Incoming,
        added: Added<MessageId>,
        out: &mut Outputs,
    ) -> Result<(), InternalError> {
        let Incoming { id, author, kind, text, order_ack, packet, .. } = message;
        let (index, author_number) = (added.index, added.author);
        let payload = (kind == Kind::Payload).then(|| text.clone());
        let line = shared
            .log
            .accept(self.section, &self.transcript, id, payload)
            .map_err(|_| InternalError::new("the log refused a message"))?;

        if let Some(line) = line {
            shared.contribution.count_text();
            let (place, parents_back) = (line.place(), line.distances().collect());
            out.tell(Event::Message(MessageEvent {
                id,
                author: author.clone(),
                readers: Readers::new(&self.members, author_number),
                text,
                place,
                parents_back,
                of_former_members: self.former,
            }));
        }
        shared.heard.extend(order_ack.map(|ack| (author.clone(), ack)));
        self.count_fins(&author, author_number, kind, shared, out);
        self.found(&id);
        if role_of(kind) != Role::Ack && author == self.own && self.number == shared.newest {
            shared.order_acks.carried(id);
        }
        let message = Message { id: index, author: &author_number, kind, packet };
        let order = self.transcript.indexed();
        if let Some(fresh) = self.flow.added(now, shared.stamp, message, &order) {
            self.tell_fresh(fresh, out);
        }
        for id in added.fully_acked {
            self.on_nobody_awaited(shared, id, out);
        }
        self.on_belated_ack(&author, out);
        self.flow.settle(now, self.is_consistent());
        self.prune();
        Ok(())
    }

    /// Lets the transcript forget what nobody can refer to any more. Seldom enough that it costs
    /// less than what came since: it takes O(n²), and there are 2·n messages or so that stay.
    fn prune(&mut self) {
        self.until_pruned = self.until_pruned.saturating_sub(1);
        if self.until_pruned == 0 {
            self.transcript.prune();
            self.until_pruned = self.transcript.live().max(PRUNED_EVERY);
        }
    }

    /// Two FINs in a row say that their author is about to leave the session (TI-04).
    fn count_fins(
        &mut self,
        author: &MemberId,
        number: usize,
        kind: Kind,
        shared: &mut Shared,
        out: &mut Outputs,
    ) {
        let Some(fins) = self.fins.get_mut(number) else { return };
        match kind {
            Kind::Fin => {
                *fins = fins.saturating_add(1);
                if *fins == 2 && *author != self.own {
                    shared.parting.insert(author.clone());
                    out.tell(Event::Parting(author.clone()));
                }
            }
            Kind::AckAutomatic | Kind::AckManual => {}
            _ => *fins = 0,
        }
    }

    /// When something of the sub-session's liveness falls due next.
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        self.flow.next_deadline()
    }

    /// Does the first thing that is due, and says whether our part ended by it.
    pub(crate) fn fire(
        &mut self,
        cx: &mut Ctx<'_>,
        shared: &mut Shared,
        out: &mut Outputs,
    ) -> Result<bool, WriteError> {
        match self.flow.take_due(cx.now, &self.transcript.indexed(), || cx.rng.next_u32()) {
            Some(Due::NotFullyAcked { id, kind }) => self.tell_not_fully_acked(id, kind, out),
            Some(Due::Ack) => {
                self.write(cx, shared, Kind::AckAutomatic, "", out)?;
            }
            Some(Due::Heartbeat) if !self.takes_content() => {}
            Some(Due::Heartbeat) => {
                self.write(cx, shared, Kind::Heartbeat, "", out)?;
            }
            Some(Due::Resend(packets)) => self.send_again(&packets, out),
            Some(Due::Silent(silent)) => {
                for Silent { member, since } in silent {
                    if let Some(member) = self.members.get(member).cloned() {
                        out.tell(Event::MemberExpired { member, since });
                    }
                }
            }
            Some(Due::End) => {
                self.stop(out);
                self.tell_missing(out);
                return Ok(true);
            }
            None => {}
        }
        Ok(false)
    }

    /// Sends packets again that the channel has carried before, others' in their author's name.
    fn send_again(&self, packets: &[Index], out: &mut Outputs) {
        for index in packets {
            let author = self.transcript.indexed().author(*index);
            let author = author.and_then(|author| self.members.get(author));
            let Some((text, author)) = self.flow.packet(index).zip(author) else { continue };
            let packet = if *author == self.own {
                String::from(text)
            } else if let Ok(packet) = mpenc_wire::resend(text, author) {
                packet
            } else {
                // Too large with the author's name in front: its author can send it again.
                continue;
            };
            out.act(ChannelAction::Send { packet });
        }
    }

    /// A message should be fully acked by now. The user knows only of those with a text.
    fn tell_not_fully_acked(&self, message: Index, kind: Kind, out: &mut Outputs) {
        if kind == Kind::Payload
            && let Some(id) = self.transcript.id(message)
        {
            out.tell(Event::NotFullyAcked { id, missing: self.transcript.unacked_by(&id) });
        }
    }

    /// Some held messages should have found their parents by now.
    pub(crate) fn parents_due(&mut self, now: Instant, shared: &mut Shared, out: &mut Outputs) {
        for (id, due) in &mut self.missing {
            if due.is_some_and(|due| due <= now)
                && let Some((author, awaited)) = self.pending.missing(&Awaited::Message(*id))
            {
                *due = None;
                let missing = Awaited::messages(awaited);
                out.tell(Event::NotAccepted { author, id: *id, missing });
            }
        }
        let next = self.missing.values().flatten().min();
        self.missing_timer = next.is_some();
        if let Some(next) = next {
            shared.timers.set(*next, Timer::MissingParents(self.number));
        }
    }

    /// Ends our part now, if it has not ended; what is not fully acked stays so for good.
    pub(crate) fn stop(&mut self, out: &mut Outputs) {
        let (untold, ended) = self.flow.stop();
        for (id, kind) in untold {
            self.tell_not_fully_acked(id, kind, out);
        }
        if ended {
            out.tell(Event::Parted { consistent: self.is_consistent() });
        }
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
        if self.transcript.number(reader).is_some_and(|reader| self.flow.gone(&reader)) {
            out.tell(Event::MemberFresh(reader.clone()));
        }
        for id in self.transcript.waive(reader) {
            self.on_nobody_awaited(shared, id, out);
        }
        self.flow.settle(now, self.is_consistent());
    }

    /// No more acks are awaited for a message: a payload is fully acked, or, if some of its readers
    /// are gone and never acked it, flagged.
    fn on_nobody_awaited(&mut self, shared: &mut Shared, id: MessageId, out: &mut Outputs) {
        shared.order_acks.on_fully_acked(&id);
        let Some(index) = self.transcript.index(&id) else { return };
        let order = self.transcript.indexed();
        let Some(settled) = self.flow.fully_acked(&index, &order) else { return };
        if let Some(member) = settled.goodbye {
            self.tell_fresh(member, out);
        }
        if settled.kind != Kind::Payload {
            return;
        }
        let missing: Vec<MemberId> = self.transcript.never_acked_by(&id).cloned().collect();
        out.tell(if missing.is_empty() {
            Event::FullyAcked(id)
        } else {
            // Acks can be under way of those that were awaited as a reader went, which come first here;
            // of what was written later there are none. And each late message looks at all of these.
            if self.unreachable.len() < most_told(self.members.len()) {
                self.unreachable.insert(id);
            }
            Event::Unreachable { id, missing }
        });
    }

    /// A message by somebody whose acks are not awaited any more has come late: it may hold some.
    fn on_belated_ack(&mut self, author: &MemberId, out: &mut Outputs) {
        if self.unreachable.is_empty() || self.transcript.is_awaited(author) {
            return;
        }
        let Self { unreachable, transcript, .. } = self;
        unreachable.retain(|id| {
            let is_acked = transcript.never_acked_by(id).next().is_none();
            if is_acked {
                out.tell(Event::FullyAcked(*id));
            }
            !is_acked
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

/// How many messages come at the least before a transcript is pruned again.
const PRUNED_EVERY: usize = 64;

/// A message, as transcripts take it.
fn entry<'a>(
    other: Option<&'a Transcript<MessageId, MemberId>>,
    message: &'a Incoming,
) -> Entry<'a, MessageId, MemberId> {
    let role = role_of(message.kind);
    let entry = Entry::new(message.id, &message.author, &message.parents, role);
    match other {
        Some(other) => entry.apart_from(other),
        None => entry,
    }
}

/// The numbers of a transcript's members.
fn numbers(transcript: &Transcript<MessageId, MemberId>) -> Vec<usize> {
    (0..transcript.members().len()).collect()
}

fn role_of(kind: Kind) -> Role {
    match kind {
        Kind::AckAutomatic | Kind::AckManual => Role::Ack,
        Kind::Fin => Role::Close,
        _ => Role::Content,
    }
}

/// How many notices of one kind are remembered, to be withdrawn.
fn most_told(members: usize) -> usize {
    pending_room(members).saturating_mul(4)
}

/// How many messages may wait for their parents: 4·max(16, 8·√n) (TR-14).
fn pending_room(members: usize) -> usize {
    members.saturating_mul(64).isqrt().max(16).saturating_mul(4)
}
