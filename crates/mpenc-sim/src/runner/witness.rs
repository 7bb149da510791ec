//! Who knows the truth, and compares what sessions show with it.

use std::collections::{BTreeMap, BTreeSet};

use mpenc::order::{ChainHash, PacketId};
use mpenc::session::{FailReason, HeldId, LocalId, MessageEvent, OperationId, OperationInfo};
use mpenc::{Event, MemberId, MessageId, Session, Severity, Suite};

use mpenc_session::Instant;

use crate::{NodeId, Notice, What};

/// Where the server order stands, if it is followed.
type OrderHead = Option<(PacketId, ChainHash)>;

/// A text that somebody wrote.
#[derive(Clone, Debug)]
pub(crate) struct Written {
    author: MemberId,
    text: String,
    readers: BTreeSet<MemberId>,
    /// The operation that made the sub-session in which it was written.
    sub: Option<PacketId>,
    /// What its author had been shown by then: of sub-sessions before, what came before their end, since
    /// nothing that the author wrote can tell of the rest.
    after: BTreeSet<MessageId>,
}

/// An operation that the channel ordered.
#[derive(Debug, Default)]
struct Ordered {
    /// Whose sessions proposed it, or sent their signature for its members.
    completed: Option<(BTreeSet<MemberId>, OrderHead)>,
    failed: Option<FailReason>,
}

/// Where a message stands for one session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// Shown, and not fully acked.
    Open,
    /// The user was told that it is not fully acked.
    Warned,
    /// Flagged as unreachable for those who are gone.
    Unreachable,
    /// Fully acked.
    Done,
}

/// A notice that is to be withdrawn when its cause goes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Pending {
    NotAccepted(MessageId),
    NotDecrypted(HeldId),
    Overdue(PacketId),
    Expired(MemberId),
    History,
}

/// What one session has told its user.
#[derive(Debug)]
pub(crate) struct Book {
    pub(crate) member: MemberId,
    /// Whether its process has died.
    pub(crate) dead: bool,
    open_operations: BTreeSet<OperationId>,
    ended_operations: BTreeSet<OperationId>,
    running: Option<OperationInfo>,
    /// While it waits to be included: what may do so.
    candidates: BTreeMap<PacketId, OperationInfo>,
    /// The operation that made its sub-session.
    pub(crate) sub: Option<PacketId>,
    /// Those that made the sub-sessions it has been in, since it last entered the channel.
    lived_in: BTreeSet<PacketId>,
    pub(crate) shown: BTreeSet<MessageId>,
    /// The same in order, since it last entered the channel.
    log: Vec<MessageId>,
    /// Those that came when their sub-session was over.
    late: BTreeSet<MessageId>,
    standing: BTreeMap<MessageId, Standing>,
    /// Notices that stand, and since when.
    pending: BTreeMap<Pending, Instant>,
    /// Whom it knows to have left the channel, or to be excluded, at some time.
    gone: BTreeSet<MemberId>,
    queued: BTreeMap<LocalId, (BTreeSet<MemberId>, String)>,
}

/// What was found, before it has a seed and a time.
#[derive(Debug)]
pub(crate) enum Found {
    FalseWarning(String),
    Violation(String),
}

/// Who knows the truth.
#[derive(Debug, Default)]
pub(crate) struct Witness {
    /// Whether the server lies. Then members may differ in what they are told, and in what follows
    /// from that: what must not differ unseen is judged at the end.
    lied: bool,
    /// Who does not keep to the rules. What they show is not looked at, and they may be blamed.
    hostile: BTreeSet<MemberId>,
    /// By initial packet, whose sessions have confirmed its members.
    confirmed: BTreeMap<String, BTreeSet<NodeId>>,
    /// The initial packet of each operation, by the id that those who heard it give it.
    texts: BTreeMap<PacketId, String>,
    pub(crate) written: BTreeMap<MessageId, Written>,
    ordered: BTreeMap<PacketId, Ordered>,
    /// Whose session sent an initial packet, and whether it confirms the members.
    proposals: BTreeMap<String, (NodeId, bool)>,
    pub(crate) books: BTreeMap<NodeId, Book>,
    /// Who has said that they part, at some time.
    parted: BTreeSet<MemberId>,
    /// Who has stalled for longer than a packet may take. What they write after that may be for a
    /// sub-session that is over for everybody else, and nobody who came later can tell.
    pub(crate) stalled: BTreeSet<MemberId>,
    /// Who has written in clear.
    pub(crate) noisy: BTreeSet<MemberId>,
    /// The time.
    pub(crate) now: Instant,
    /// What came last to whoever was told something last.
    last_packet: String,
    pub(crate) warnings: u64,
    pub(crate) found: Vec<Found>,
}

impl Witness {
    pub(crate) fn new(lied: bool, hostile: BTreeSet<MemberId>) -> Self {
        Self { lied, hostile, ..Self::default() }
    }

    pub(crate) fn add(&mut self, node: NodeId, member: MemberId) {
        let book = Book {
            member,
            dead: false,
            open_operations: BTreeSet::new(),
            ended_operations: BTreeSet::new(),
            running: None,
            candidates: BTreeMap::new(),
            sub: None,
            lived_in: BTreeSet::new(),
            shown: BTreeSet::new(),
            log: Vec::new(),
            late: BTreeSet::new(),
            standing: BTreeMap::new(),
            pending: BTreeMap::new(),
            gone: BTreeSet::new(),
            queued: BTreeMap::new(),
        };
        self.books.insert(node, book);
    }

    pub(crate) fn operations(&self) -> usize {
        self.ordered.len()
    }

    // ---- what people do ----

    /// Somebody's session wrote a text, to those who are its other members now.
    pub(crate) fn wrote(&mut self, node: NodeId, id: MessageId, readers: &[MemberId], text: &str) {
        let Some(book) = self.books.get(&node) else { return };
        let readers = readers.iter().filter(|&reader| *reader != book.member).cloned().collect();
        self.write_down(node, id, readers, text.to_owned());
    }

    fn write_down(
        &mut self,
        node: NodeId,
        id: MessageId,
        readers: BTreeSet<MemberId>,
        text: String,
    ) {
        let Some(book) = self.books.get(&node) else { return };
        let after = book.log.iter().filter(|seen| **seen != id && !book.late.contains(seen));
        let after = after.copied().collect();
        let author = book.member.clone();
        let written = Written { author, text, readers, sub: book.sub, after };
        if self.written.insert(id, written).is_some() {
            self.violation(node, format!("two messages have the id {id}"));
        }
    }

    /// Somebody's text waits for its readers.
    pub(crate) fn queued(&mut self, node: NodeId, id: LocalId, readers: &[MemberId], text: &str) {
        if let Some(book) = self.books.get_mut(&node) {
            book.queued.insert(id, (readers.iter().cloned().collect(), text.to_owned()));
        }
    }

    /// Somebody proposed something.
    pub(crate) fn proposed(&mut self, node: NodeId, own: OperationId) {
        let Some(book) = self.books.get_mut(&node) else { return };
        if !book.ended_operations.contains(&own) {
            book.open_operations.insert(own);
        }
    }

    /// Somebody said that they part.
    pub(crate) fn parts(&mut self, node: NodeId) {
        if let Some(book) = self.books.get(&node) {
            self.parted.insert(book.member.clone());
        }
    }

    // ---- what sessions do ----

    /// A session sent an initial packet; it `confirms` the members if its signature over them is in
    /// it.
    pub(crate) fn sends_initial(&mut self, node: NodeId, packet: &str, confirms: bool) {
        self.proposals.insert(packet.to_owned(), (node, confirms));
    }

    /// A session sent its signature over the running operation's members.
    pub(crate) fn confirms(&mut self, node: NodeId) {
        let Some(book) = self.books.get(&node) else { return };
        let running = book.running.as_ref().map(|info| info.id);
        for id in running.into_iter().chain(book.candidates.keys().copied()) {
            if let Some(text) = self.texts.get(&id) {
                self.confirmed.entry(text.clone()).or_default().insert(node);
            }
        }
    }

    /// A session told its user something; `session` is as it is after the input that led to it.
    pub(crate) fn sees<S: Suite>(&mut self, node: NodeId, what: &What, session: &Session<S>) {
        match what {
            What::Told(Event::Internal(error)) => self.violation(node, format!("a bug: {error}")),
            What::Told(_) if self.hostile.contains(session.own_id()) => {}
            What::Told(event) => self.hears(node, event, session),
            What::Heard(Notice::Packet { packet, .. }) => self.last_packet.clone_from(packet),
            _ => {}
        }
    }

    fn hears<S: Suite>(&mut self, node: NodeId, event: &Event, session: &Session<S>) {
        if event.severity() >= Severity::Liveness {
            self.warnings = self.warnings.saturating_add(1);
        }
        if event.severity() >= Severity::Security {
            self.false_warning(node, format!("{event:?}"));
        }
        match event {
            Event::PeerMisbehaved { member: blamed, .. } | Event::Forked { author: blamed, .. }
                if !self.hostile.contains(blamed) =>
            {
                self.violation(node, format!("blames somebody honest: {event:?}"));
            }
            _ => {}
        }
        match event {
            Event::Proposed { own, .. } => self.proposed(node, *own),
            Event::OperationEnded { own, outcome } => {
                let Some(book) = self.books.get_mut(&node) else { return };
                let open = book.open_operations.remove(own);
                if !book.ended_operations.insert(*own) || !open {
                    self.violation(node, format!("{own} ended again, or never began: {outcome:?}"));
                }
            }
            Event::OperationAccepted(info) => self.accepted(node, info),
            Event::OperationFailed { operation, reason } => self.failed(node, operation, reason),
            Event::Candidate(info) => {
                self.begun(node, info);
                if let Some(book) = self.books.get_mut(&node) {
                    book.candidates.insert(info.id, info.clone());
                }
            }
            Event::CandidateDropped { operation, .. } => {
                if let Some(book) = self.books.get_mut(&node) {
                    book.candidates.remove(&operation.id);
                }
            }
            Event::Members { id, remain, include, exclude, .. } => {
                let members = remain.iter().chain(include).cloned().collect();
                self.completed(node, id, members, exclude, session);
            }
            Event::Excluded { .. } => {
                if let Some(book) = self.books.get_mut(&node) {
                    // Others may have been excluded with it.
                    let exclude = book.running.as_ref().map(|info| info.exclude.clone());
                    book.gone.extend(exclude.unwrap_or_default());
                    book.forget_operation();
                    book.pending.retain(|notice, _| {
                        !matches!(notice, Pending::Expired(_) | Pending::History)
                    });
                    book.sub = None;
                }
            }
            Event::EnteredChannel { .. } | Event::LeftChannel => self.left(node, session),
            Event::MemberLeft(member) => {
                if let Some(book) = self.books.get_mut(&node) {
                    book.gone.insert(member.clone());
                }
            }
            _ => self.sees_liveness(node, event),
        }
    }

    fn sees_liveness(&mut self, node: NodeId, event: &Event) {
        match event {
            Event::Message(message) => self.shown(node, message),
            Event::Sent { local, id } => {
                let Some(book) = self.books.get_mut(&node) else { return };
                match book.queued.remove(local) {
                    Some((readers, text)) => self.write_down(node, *id, readers, text),
                    None => self.violation(node, format!("{local:?} was sent, and did not wait")),
                }
            }
            Event::NotSent { local, .. } => {
                let Some(book) = self.books.get_mut(&node) else { return };
                if book.queued.remove(local).is_none() {
                    self.violation(node, format!("{local:?} was given up, and did not wait"));
                }
            }
            Event::FullyAcked(id) => self.fully_acked(node, *id),
            Event::NotFullyAcked { id, missing } => {
                self.stands(node, *id, Standing::Warned);
                let to = self.written.get(id).map(|written| &written.readers);
                // What hostile members write is not written down.
                if to.is_some_and(|to| {
                    missing.is_empty() || missing.iter().any(|member| !to.contains(member))
                }) {
                    self.violation(node, format!("{id} cannot lack the acks of {missing:?}"));
                }
            }
            Event::Unreachable { id, missing } => {
                self.stands(node, *id, Standing::Unreachable);
                let gone = self.books.get(&node).map(|book| &book.gone);
                if gone.is_none_or(|gone| missing.iter().any(|member| !gone.contains(member))) {
                    self.false_warning(node, format!("{missing:?} can be reached"));
                }
            }
            Event::NotAccepted { id, .. } => self.pends(node, Pending::NotAccepted(*id)),
            Event::Accepted(id) => self.withdraws(node, &Pending::NotAccepted(*id)),
            Event::NotDecrypted { packet, sender, .. } if !self.stalled.contains(sender) => {
                self.pends(node, Pending::NotDecrypted(*packet));
            }
            Event::Decrypted(packet) => {
                if let Some(book) = self.books.get_mut(&node) {
                    book.pending.remove(&Pending::NotDecrypted(*packet));
                }
            }
            Event::HistoryDiffers { missing, .. } => {
                let shown = self.books.get(&node).map(|book| &book.shown);
                if shown.is_none_or(|shown| missing.iter().any(|id| shown.contains(id))) {
                    self.violation(node, format!("{missing:?} is there"));
                }
            }
            Event::MemberExpired { member, .. } => {
                self.pends(node, Pending::Expired(member.clone()));
            }
            Event::MemberFresh(member) => self.withdraws(node, &Pending::Expired(member.clone())),
            Event::HistoryUnconfirmed { .. } => self.pends(node, Pending::History),
            Event::HistoryConfirmed => self.withdraws(node, &Pending::History),
            Event::OperationOverdue { operation, .. } => {
                self.pends(node, Pending::Overdue(operation.id));
            }
            Event::Parting(member)
                if !self.parted.contains(member) && !self.hostile.contains(member) =>
            {
                self.violation(node, format!("{member} never said that they part"));
            }
            // Who counts them as a member cannot know that they have joined another group since.
            Event::Refused { sender, .. } if self.is_elsewhere(sender, node) => {}
            Event::Plain { sender } if self.noisy.contains(sender) => {}
            // Nobody ever has a reason for these where nobody attacks.
            Event::Refused { .. } | Event::Plain { .. } | Event::CannotConfirm { .. } => {
                self.false_warning(node, format!("{event:?}"));
            }
            _ => {}
        }
    }

    /// Whether somebody is in no group, or in one that `node` is not in.
    fn is_elsewhere(&self, member: &MemberId, node: NodeId) -> bool {
        let Some(own) = self.books.get(&node).map(|book| &book.member) else { return false };
        self.books.values().filter(|book| book.member == *member && !book.dead).any(|book| {
            let ordered = book.sub.as_ref().and_then(|sub| self.ordered.get(sub));
            let completed = ordered.and_then(|ordered| ordered.completed.as_ref());
            completed.is_none_or(|(members, _)| !members.contains(own))
        })
    }

    fn begun(&mut self, node: NodeId, info: &OperationInfo) {
        let Some(&(author, confirms)) = self.proposals.get(&self.last_packet) else {
            self.violation(node, format!("nobody proposed {info:?}"));
            return;
        };
        self.ordered.entry(info.id).or_default();
        self.texts.insert(info.id, self.last_packet.clone());
        if confirms {
            self.confirmed.entry(self.last_packet.clone()).or_default().insert(author);
        }
    }

    fn accepted(&mut self, node: NodeId, info: &OperationInfo) {
        self.begun(node, info);
        let Some(book) = self.books.get_mut(&node) else { return };
        if let Some(other) = book.running.replace(info.clone()) {
            let what = format!("{} runs, and {} was accepted", other.operation, info.operation);
            self.violation(node, what);
        }
    }

    fn failed(&mut self, node: NodeId, info: &OperationInfo, reason: &FailReason) {
        let Some(book) = self.books.get_mut(&node) else { return };
        book.forget_operation();
        let ordered = self.ordered.entry(info.id).or_default();
        // Whoever leaves does not hear how it ends.
        if *reason == FailReason::WeLeft {
            return;
        }
        if ordered.completed.is_some() {
            self.division(node, format!("{info:?} failed, and completed for others"));
        } else if ordered.failed.get_or_insert_with(|| reason.clone()) != reason {
            self.division(node, format!("{info:?} failed for another reason: {reason:?}"));
        }
    }

    fn completed<S: Suite>(
        &mut self,
        node: NodeId,
        id: &PacketId,
        members: BTreeSet<MemberId>,
        exclude: &[MemberId],
        session: &Session<S>,
    ) {
        let Some(book) = self.books.get_mut(&node) else { return };
        let followed = book.running.clone().or_else(|| book.candidates.remove(id));
        let Some(info) = followed.filter(|info| info.id == *id) else {
            self.violation(node, String::from("an operation completed that was never accepted"));
            return;
        };
        book.forget_operation();
        book.gone.extend(exclude.iter().cloned());
        book.sub = (members.len() > 1).then_some(info.id);
        book.lived_in.extend(book.sub);
        let named = |members: &BTreeSet<MemberId>| {
            members.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
        };
        let ordered = self.ordered.entry(info.id).or_default();
        let mut found = Vec::new();
        let mut divided = Vec::new();
        if ordered.failed.is_some() {
            divided.push(format!("{info:?} completed, and failed for others"));
        }
        if session.members().iter().cloned().collect::<BTreeSet<_>>() != members {
            found.push(format!("the members are not those announced: {}", named(&members)));
        }
        let outcome = (members, session.order_head());
        let first = ordered.completed.get_or_insert_with(|| outcome.clone());
        if *first != outcome {
            divided.push(format!("{info:?} led others to {first:?}, and here to {outcome:?}"));
        }
        let (members, _) = outcome;
        let confirmed = self.texts.get(&info.id).and_then(|text| self.confirmed.get(text));
        let confirmed: BTreeSet<_> = (confirmed.into_iter().flatten())
            .filter_map(|node| self.books.get(node))
            .map(|book| book.member.clone())
            .collect();
        // A packet that is both first and last asks nobody; the members of a refresh have confirmed
        // the operation before.
        let asks = info.operation != mpenc::greet::Operation::Refresh && members.len() > 1;
        let mut honest = members.difference(&self.hostile);
        if asks && !honest.all(|member| confirmed.contains(member)) {
            found.push(format!("{} did not all confirm {info:?}", named(&members)));
        }
        for what in found {
            self.violation(node, what);
        }
        for what in divided {
            self.division(node, what);
        }
    }

    /// A message takes its place in a log.
    fn shown(&mut self, node: NodeId, message: &MessageEvent) {
        let Some(book) = self.books.get_mut(&node) else { return };
        let id = message.id;
        let fresh = book.shown.insert(id);
        book.log.push(id);
        if self.written.get(&id).is_some_and(|written| written.sub != book.sub) {
            book.late.insert(id);
        }
        book.standing.insert(id, Standing::Open);
        if !fresh {
            self.violation(node, format!("{id} was shown twice"));
        }
    }

    /// Compares what was shown since the last time with what was written.
    pub(crate) fn compare(&mut self, node: NodeId, messages: &[&MessageEvent]) {
        let mut found = Vec::new();
        let Some(book) = self.books.get(&node) else { return };
        for message in messages {
            if self.hostile.contains(&message.author) {
                continue;
            }
            let Some(written) = self.written.get(&message.id) else {
                found.push(format!("nobody wrote {message:?}"));
                continue;
            };
            let readers: BTreeSet<_> = message.readers.iter().cloned().collect();
            if (&message.author, &message.text, &readers)
                != (&written.author, &written.text, &written.readers)
            {
                found.push(format!("{message:?} was written otherwise: {written:?}"));
            }
            // Who is lied to about the channel's members calls an operation by another id.
            if !self.lied && written.sub.is_none_or(|sub| !book.lived_in.contains(&sub)) {
                found.push(format!("{message:?} was written in a sub-session of others"));
            }
            let place = book.log.iter().position(|id| *id == message.id).unwrap_or(0);
            for cause in &written.after {
                let cause_sub = self.written.get(cause).and_then(|cause| cause.sub);
                let before = book.log.iter().take(place).any(|id| id == cause);
                // What was still under way when its sub-session was dropped is lost, and its author
                // is told so.
                if cause_sub == written.sub && !before {
                    found.push(format!("{message:?} was shown before its cause {cause}"));
                }
            }
            let mut before = book.log.iter().take(place);
            let follows = |id: &&MessageId| {
                self.written.get(id).is_some_and(|other| other.after.contains(&message.id))
            };
            if let Some(effect) = before.find(follows) {
                found.push(format!("{message:?} was shown after {effect}, which follows on it"));
            }
        }
        for what in found {
            self.violation(node, what);
        }
    }

    fn fully_acked(&mut self, node: NodeId, id: MessageId) {
        self.stands(node, id, Standing::Done);
        let Some(written) = self.written.get(&id) else { return };
        let has = |member: &MemberId| {
            self.hostile.contains(member)
                || self.books.values().any(|b| b.member == *member && b.shown.contains(&id))
        };
        if let Some(reader) = written.readers.iter().find(|reader| !has(reader)) {
            let what = format!("{id} counts as acked by {reader}, who does not have it");
            self.violation(node, what);
        }
    }

    fn stands(&mut self, node: NodeId, id: MessageId, now: Standing) {
        let Some(book) = self.books.get_mut(&node) else { return };
        let before = book.standing.insert(id, now);
        let fits = match before {
            Some(Standing::Open) => true,
            Some(Standing::Warned) => now != Standing::Warned,
            // An ack of whoever is gone may have been under way.
            Some(Standing::Unreachable) => now == Standing::Done,
            Some(Standing::Done) | None => false,
        };
        if !fits {
            self.violation(node, format!("{id} was {before:?} and is {now:?}"));
        }
    }

    fn pends(&mut self, node: NodeId, notice: Pending) {
        if let Some(book) = self.books.get_mut(&node) {
            book.pending.entry(notice).or_insert(self.now);
        }
    }

    fn withdraws(&mut self, node: NodeId, notice: &Pending) {
        let Some(book) = self.books.get_mut(&node) else { return };
        // Whoever was excluded has been told that all of it is over; that it is withdrawn when the
        // sub-session has had its time is nothing more.
        let over = book.sub.is_none() && matches!(notice, Pending::Expired(_));
        if book.pending.remove(notice).is_none() && !over {
            self.violation(node, format!("{notice:?} was withdrawn, and never told"));
        }
    }

    /// A session is over, and the next one of the same process begins.
    fn left<S: Suite>(&mut self, node: NodeId, session: &Session<S>) {
        let Some(book) = self.books.get_mut(&node) else { return };
        book.forget_operation();
        book.sub = None;
        book.lived_in.clear();
        book.log.clear();
        book.late.clear();
        book.pending.clear();
        book.gone.clear();
        let standing = core::mem::take(&mut book.standing);
        let open: Vec<_> = core::mem::take(&mut book.open_operations).into_iter().collect();
        // What may yet be sent, if they come back, still waits.
        let still: BTreeSet<LocalId> = session.waiting().map(|waiting| waiting.local).collect();
        let waiting: Vec<LocalId> =
            book.queued.keys().filter(|local| !still.contains(local)).copied().collect();
        book.queued.retain(|local, _| still.contains(local));
        if !open.is_empty() {
            self.violation(node, format!("left without an outcome of {open:?}"));
        }
        if !waiting.is_empty() {
            self.violation(node, format!("left without a word of {waiting:?}"));
        }
        for (id, _) in standing.into_iter().filter(|(_, now)| *now == Standing::Open) {
            self.violation(node, format!("left without a word of {id}"));
        }
    }

    /// Whether a session tells its user that all is well.
    pub(crate) fn is_at_ease<S: Suite>(&self, node: NodeId, session: &Session<S>) -> bool {
        let Some(book) = self.books.get(&node) else { return false };
        let warned = book.standing.values().any(|standing| *standing == Standing::Warned);
        session.is_consistent() && !warned && book.pending.is_empty()
    }

    /// Whether no notice stands that is to be withdrawn.
    pub(crate) fn is_settled<S: Suite>(&self, node: NodeId, session: &Session<S>) -> bool {
        let book = self.books.get(&node);
        book.is_none_or(|book| book.standing_notices(session).next().is_none())
    }

    /// Nothing is under way any more: what should have been said by now, and which notices that have
    /// stood since this moment should have been withdrawn?
    pub(crate) fn rests<S: Suite>(&mut self, node: NodeId, session: &Session<S>, stood: Instant) {
        let Some(book) = self.books.get(&node) else { return };
        let mut violations = Vec::new();
        let mut false_warnings = Vec::new();
        for own in &book.open_operations {
            violations.push(format!("no outcome of {own}"));
        }
        if let Some(info) = &book.running {
            violations.push(format!("{info:?} runs for ever"));
        }
        for (notice, _) in book.standing_notices(session).filter(|(_, since)| *since <= stood) {
            false_warnings.push(format!("{notice:?} was never withdrawn"));
        }
        for (id, standing) in &book.standing {
            let sub = self.written.get(id).and_then(|written| written.sub);
            let current = sub.is_some() && sub == book.sub;
            match standing {
                Standing::Open => violations.push(format!("{id} is neither acked nor flagged")),
                // Where its sub-session is over, it stays marked for good.
                Standing::Warned if current => {
                    false_warnings.push(format!("{id} is still not fully acked"));
                }
                _ => {}
            }
        }
        for what in violations {
            self.violation(node, what);
        }
        for what in false_warnings {
            self.false_warning(node, what);
        }
    }

    pub(crate) fn violation(&mut self, node: NodeId, what: String) {
        let what = self.named(node, &what);
        self.found.push(Found::Violation(what));
    }

    /// Members were told different things, which a server that lies can bring about.
    pub(crate) fn division(&mut self, node: NodeId, what: String) {
        if !self.lied {
            self.violation(node, what);
        }
    }

    pub(crate) fn false_warning(&mut self, node: NodeId, what: String) {
        if self.lied {
            return;
        }
        let what = self.named(node, &what);
        self.found.push(Found::FalseWarning(what));
    }

    fn named(&self, node: NodeId, what: &str) -> String {
        match self.books.get(&node) {
            Some(book) => format!("{}: {what}", book.member),
            None => what.to_owned(),
        }
    }
}

impl Book {
    /// Notices that are to be withdrawn. What a sub-session took with it, of what waited there for its
    /// parents, stays away for good: its author is told.
    fn standing_notices<S: Suite>(
        &self,
        session: &Session<S>,
    ) -> impl Iterator<Item = (&Pending, Instant)> {
        self.pending.iter().map(|(notice, since)| (notice, *since)).filter(|(notice, _)| {
            let Pending::NotAccepted(id) = notice else { return true };
            session.unaccepted().any(|waiting| waiting == *id) || session.transcript().contains(id)
        })
    }

    /// The running operation has ended, and with it the notice that it takes long.
    fn forget_operation(&mut self) {
        self.running = None;
        self.pending.retain(|notice, _| !matches!(notice, Pending::Overdue(_)));
    }
}
