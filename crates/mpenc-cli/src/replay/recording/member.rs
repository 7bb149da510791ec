//! Follows one member through its entries.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt;

use mpenc_greet::Change;
use mpenc_message::{Draft, Kind, Opened};
use mpenc_order::{EntryType, IgnoreReason, RejectReason};
use mpenc_wire::{
    DataPacket, GreetOperation, GreetingPacket, MemberId, MessageId, Packet, unarmor,
};
use sha2::{Digest, Sha256};

use super::index::Index;
use super::transcript::Transcript;
use super::{DIALECT, MadeAgain, id, ids};
use crate::hex_bytes::{Hex, HexVec};
use crate::replay::agreed::compare_agreed;
use crate::replay::difference::difference;
use crate::replay::format::{
    Body, ChannelKind, Entry, Message, Received, Recording, Sent, SubSessionRecord, SyncedFrom,
};
use crate::replay::member::{Agreed, Effect, Entered, Member, NotTaken, Ordered};
use crate::replay::report::Report;

/// A member on its way through a recording.
pub(super) struct Track<'r> {
    recording: &'r Recording,
    index: &'r Index<'r>,
    name: &'r str,
    member: Member,
    /// Whether we are in the channel, and have followed no order there yet.
    outsider: bool,
    /// Who was in the channel before us, and has not left it since.
    before: BTreeSet<MemberId>,
    /// Packets that entered the order, and are not yet found in the recording.
    ordered: VecDeque<Ordered>,
    /// Leavers who ended an operation, and are not yet found in the recording.
    left: VecDeque<Ordered>,
    /// Sub-sessions that were entered, and are not yet found in the recording.
    entered: VecDeque<usize>,
    /// Why operation packets were not taken, by their id.
    not_taken: BTreeMap<[u8; 32], NotTaken>,
    /// Messages that were opened, and in which sub-session.
    opened: BTreeMap<MessageId, (usize, Opened)>,
    /// Data packets that could not be opened yet: the recording has them wait.
    held: Vec<(MemberId, String)>,
    /// Messages that are in a transcript.
    accepted: BTreeSet<MessageId>,
    /// One per sub-session.
    transcripts: Vec<Transcript>,
    /// The parents of own messages that are about to be sent.
    parents: BTreeMap<MessageId, Vec<MessageId>>,
}

/// An entry's place in the recording.
#[derive(Clone, Copy)]
struct Place<'r>(&'r str, usize);

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, entry {}", self.0, self.1)
    }
}

impl<'r> Track<'r> {
    pub(super) const fn new(
        recording: &'r Recording,
        index: &'r Index<'r>,
        name: &'r str,
        member: Member,
    ) -> Self {
        Self {
            recording,
            index,
            name,
            member,
            outsider: false,
            before: BTreeSet::new(),
            ordered: VecDeque::new(),
            left: VecDeque::new(),
            entered: VecDeque::new(),
            not_taken: BTreeMap::new(),
            opened: BTreeMap::new(),
            held: Vec::new(),
            accepted: BTreeSet::new(),
            transcripts: Vec::new(),
            parents: BTreeMap::new(),
        }
    }

    /// Goes through all entries. Packets that were made again are added to `made`.
    pub(super) fn run(mut self, report: &mut Report, made: &mut MadeAgain) {
        let entries = self.recording.per_member.get(self.name).map_or(&[][..], Vec::as_slice);
        for (at, entry) in entries.iter().enumerate() {
            let place = Place(self.name, at);
            match entry {
                Entry::Received(received) => self.received(place, received, report),
                Entry::Sent(sent) => {
                    let rest = entries.get(at..).unwrap_or_default();
                    self.sent(place, sent, rest, report, made);
                }
                Entry::Accepted { message } => self.accepted(place, *message, report),
                Entry::OpPacket { op, accepted, code, synced_from } => {
                    let code = code.as_deref().filter(|_| !accepted);
                    self.op_packet(place, *op, *accepted, code, synced_from.as_ref(), report);
                }
                Entry::AbortedByLeave { pseudo_packet_id, chain_hash } => {
                    let (id, hash) = self.left.pop_front().map(octets).unzip();
                    report.expect_eq(place, "leave packet id", &Some(pseudo_packet_id.0), &id);
                    report.expect_eq(place, "chain hash", &Some(chain_hash.0), &hash);
                }
                Entry::SubSession { reference } => self.subsession(place, *reference, report),
                Entry::Policy => {}
            }
            for fault in self.member.draws().take_faults() {
                report.differs(place, fault);
            }
        }
        self.end(report);
    }

    /// Nothing may be left that the recording does not have.
    fn end(mut self, report: &mut Report) {
        for ordered in self.ordered.iter().chain(&self.left) {
            let id = ordered.id;
            report.differs(self.name, format_args!("the packet {id} entered the order"));
        }
        for at in &self.entered {
            report.differs(self.name, format_args!("it entered a sub-session (number {at})"));
        }
        while self.member.next_outgoing().is_some() {
            report.differs(self.name, "it makes a packet that is not recorded");
        }
        let left = self.member.draws_left();
        if left > 0 {
            report.differs(self.name, format_args!("{left} recorded draws were never drawn"));
        }
    }

    // ---- what the channel tells ----

    fn received(&mut self, place: Place<'_>, received: &Received, report: &mut Report) {
        if let Some((sender, packet)) = &received.packet {
            return self.packet(place, sender, packet, report);
        }
        let Some(event) = received.channel.and_then(|at| self.recording.channel.get(at)) else {
            return report.differs(place, "there is no such channel event");
        };
        match &event.kind {
            ChannelKind::Packet { packet } => self.packet(place, &event.sender, packet, report),
            ChannelKind::Members { leave } => {
                let members: BTreeSet<MemberId> = ids(&event.members_after);
                let leavers: Vec<MemberId> = ids(leave);
                if !received.about_self {
                    self.before.retain(|member| !leavers.contains(member));
                    let effects = self.member.channel_changed(&leavers, members);
                    self.take(place, effects, report);
                } else if members.contains(self.member.id()) {
                    self.outsider = true;
                    self.before.clone_from(&members);
                    self.before.remove(self.member.id());
                    self.member.enter_channel(members);
                } else {
                    self.outsider = false;
                    self.member.leave_channel();
                }
                self.start_order();
            }
        }
    }

    /// When all who were in the channel before us have left, and we have never followed their
    /// order, we start one. (In the first implementation a joiner whose operation failed counts as
    /// following it.)
    fn start_order(&mut self) {
        if self.outsider && self.before.is_empty() {
            self.outsider = false;
            self.member.start_order();
        }
    }

    fn packet(&mut self, place: Place<'_>, sender: &str, packet: &str, report: &mut Report) {
        let Some(sender) = id(sender) else {
            return report.differs(place, format_args!("{sender:?} is no member id"));
        };
        if self.member.is_being_excluded() && is_answer(packet) {
            // In the first implementation nobody follows an operation that excludes them: it goes
            // on running for them until they leave, or somebody else does.
            return;
        }
        let effects = self.member.receive(&sender, packet);
        if let [Effect::NotTaken(_, NotTaken::Unopened(_) | NotTaken::NoSession)] = &*effects {
            return self.held.push((sender, packet.to_owned()));
        }
        self.take(place, effects, report);
    }

    fn take(&mut self, place: Place<'_>, effects: Vec<Effect>, report: &mut Report) {
        for effect in effects {
            match effect {
                Effect::Ordered(ordered) if ordered.entry == EntryType::Leave => {
                    self.left.push_back(ordered);
                }
                Effect::Ordered(ordered) => {
                    self.outsider = false;
                    self.ordered.push_back(ordered);
                }
                Effect::Completed(Entered::Alone | Entered::Excluded)
                | Effect::Applied
                | Effect::Failed => {}
                Effect::Completed(Entered::SubSession(at)) => {
                    self.entered.push_back(at);
                    self.transcripts.push(Transcript::default());
                    self.try_held(place, report);
                }
                Effect::CannotConfirm(reason) => report.differs(place, reason),
                Effect::Opened(at, opened) => self.open(place, at, opened, report),
                Effect::NotTaken(id, reason) => {
                    self.not_taken.insert(*id.as_bytes(), reason);
                }
                Effect::Internal(error) => report.differs(place, error),
            }
        }
    }

    /// Packets that were sealed under keys that we did not have yet.
    fn try_held(&mut self, place: Place<'_>, report: &mut Report) {
        for (sender, packet) in std::mem::take(&mut self.held) {
            self.take_again(place, sender, packet, report);
        }
    }

    fn take_again(
        &mut self,
        place: Place<'_>,
        sender: MemberId,
        packet: String,
        report: &mut Report,
    ) {
        let opened = with_data(&packet, |data| self.member.open(&sender, data).ok()).flatten();
        match opened {
            Some((at, opened)) => self.open(place, at, opened, report),
            None => self.held.push((sender, packet)),
        }
    }

    // ---- what the recording says of it ----

    fn op_packet(
        &mut self,
        place: Place<'_>,
        op: usize,
        accepted: bool,
        code: Option<&str>,
        synced_from: Option<&SyncedFrom>,
        report: &mut Report,
    ) {
        let Some(recorded) = self.recording.op_packets.get(op) else {
            return report.differs(place, "there is no such operation packet");
        };
        let id = recorded.packet_id;
        let reason = self.not_taken.get(&id.0);
        if !accepted {
            return match reason {
                Some(reason) if is_reason(code, reason) => {}
                Some(reason) => report.differs(
                    place,
                    format_args!("recorded rejection {}, ours: {reason}", code.unwrap_or("?")),
                ),
                None => report.differs(place, format_args!("the packet {id} was taken")),
            };
        }
        let next = self.ordered.front().is_some_and(|ordered| *ordered.id.as_bytes() == id.0);
        let Some(ordered) = next.then(|| self.ordered.pop_front()).flatten() else {
            let reason = reason.map_or_else(|| "it did not come".to_owned(), ToString::to_string);
            return report.differs(place, format_args!("the packet {id} was not taken: {reason}"));
        };
        let entry = HexVec(ordered.entry.as_bytes().to_vec());
        let recorded_entry = recorded.packet_type.as_ref().map(|kind| HexVec(kind.clone().into()));
        report.expect_eq(place, "packet type", &recorded_entry, &Some(entry));
        let recorded_hash = recorded.chain_hash.map(|hash| hash.0);
        let hash = *ordered.chain_hash.as_bytes();
        report.expect_eq(place, "chain hash", &recorded_hash, &Some(hash));
        let ours = ordered.synced_from.map(|(id, hash)| (*id.as_bytes(), *hash.as_bytes()));
        let theirs = synced_from.map(|from| (from.prev_pf.0, from.prev_ch.0));
        let ((ours_id, ours_hash), (id, hash)) = (ours.unzip(), theirs.unzip());
        report.expect_eq(place, "PREV_PF where its order begins", &id, &ours_id);
        report.expect_eq(place, "chain hash where its order begins", &hash, &ours_hash);
    }

    fn subsession(&mut self, place: Place<'_>, reference: usize, report: &mut Report) {
        let Some(recorded) = self.recording.subsessions.get(reference) else {
            return report.differs(place, "there is no such sub-session");
        };
        let entered = self.entered.pop_front();
        let Some(ours) = entered.and_then(|at| self.member.subsessions().get(at)) else {
            return report.differs(place, "it does not enter this sub-session");
        };
        compare_agreed(place, &agreed(recorded), &ours.agreed, report);
        let (prev_pf, chain_hash) = octets(ours.end);
        report.expect_eq(place, "chain hash", &recorded.chain_hash.0, &chain_hash);
        report.expect_eq(place, "packet id of the final packet", &recorded.prev_pf.0, &prev_pf);
        let latest = recorded.metadata_parents.iter().filter_map(|&at| self.index.id(at));
        let (latest, ours): (BTreeSet<_>, BTreeSet<_>) =
            (latest.collect(), ours.latest_pm.iter().copied().collect());
        if latest != ours {
            report.differs(place, "the latest messages before it are others");
        }
    }

    fn accepted(&mut self, place: Place<'_>, at: usize, report: &mut Report) {
        let Some(id) = self.index.id(at) else {
            return report.differs(place, "there is no such message");
        };
        if !self.accepted.insert(id) {
            return;
        }
        if !self.opened.contains_key(&id) {
            self.foresee(place, &id, report);
        }
        let Some((at, opened)) = self.opened.get(&id) else {
            let id = Hex::<20>(id.as_bytes().try_into().unwrap_or_default());
            return report.differs(place, format_args!("the message {id} was not opened"));
        };
        if let Some(transcript) = self.transcripts.get_mut(*at) {
            if opened.author == *self.member.id() {
                self.parents.insert(id, transcript.parents());
            }
            transcript.accept(id, &opened.parents);
        }
    }

    /// Own messages are accepted just before they are sent.
    fn foresee(&mut self, place: Place<'_>, id: &MessageId, report: &mut Report) {
        let own = self.index.message(id).is_some_and(|message| message.author == self.name);
        let Some(packet) = self.index.packet(id).filter(|_| own) else { return };
        let author = self.member.id();
        let opened = with_data(packet, |data| self.member.open(author, data).ok()).flatten();
        if let Some((at, opened)) = opened {
            self.open(place, at, opened, report);
        }
    }

    /// A message was opened: it must be the recorded one.
    fn open(&mut self, place: Place<'_>, at: usize, opened: Opened, report: &mut Report) {
        if let Some(message) = self.index.message(&opened.id) {
            self.compare(place, at, message, &opened, report);
        }
        self.opened.insert(opened.id, (at, opened));
    }

    fn compare(
        &self,
        place: Place<'_>,
        at: usize,
        recorded: &Message,
        opened: &Opened,
        report: &mut Report,
    ) {
        report.expect_eq(place, "author", &recorded.author, &opened.author.to_text(DIALECT));
        report.expect_eq(place, "kind", &kind(recorded.body), &opened.kind);
        let parents: BTreeSet<MessageId> =
            recorded.parents.iter().filter_map(|&at| self.index.id(at)).collect();
        if parents != opened.parents.iter().copied().collect() {
            report.differs(place, "the message has other parents");
        }
        let readers: BTreeSet<MemberId> = ids(&recorded.readers);
        let members = self.member.subsessions().get(at).map(|ours| &ours.agreed.members);
        let ours = members.into_iter().flatten().filter(|member| **member != opened.author);
        if readers != ours.cloned().collect() {
            report.differs(place, "the message has other readers");
        }
        let content = &recorded.content;
        if let Some(text) = &content.text {
            report.expect_eq(place, "text", text, &opened.text);
        }
        if let Some(recorded) = content.sha256 {
            let hash = Sha256::digest(&opened.text).into();
            report.expect_eq(place, "SHA-256 of the text", &recorded.0, &hash);
        }
        if content.length.is_some_and(|length| length != opened.text.len()) {
            report.differs(place, "the text has another length");
        }
    }

    // ---- what the member sends ----

    fn sent(
        &mut self,
        place: Place<'_>,
        sent: &Sent,
        rest: &[Entry],
        report: &mut Report,
        made: &mut MadeAgain,
    ) {
        let event = sent.channel.and_then(|at| self.recording.channel.get(at));
        let ordered = event.and_then(|event| match &event.kind {
            ChannelKind::Packet { packet } => Some(packet),
            ChannelKind::Members { .. } => None,
        });
        let Some(recorded) = ordered.or(sent.packet.as_ref()) else {
            return report.differs(place, "there is no such packet");
        };
        let mut buffer = Vec::new();
        let decoded =
            unarmor(recorded, &mut buffer).and_then(|contents| Packet::decode(DIALECT, contents));
        let ours = match decoded {
            Ok(Packet::Greeting(greeting)) => {
                if greeting.metadata.is_some() {
                    self.accept_early(place, rest, report);
                    self.propose(place, &greeting, report);
                }
                self.member.next_outgoing()
            }
            Ok(Packet::Data(data)) => self.seal(place, &data, report),
            Ok(_) => None,
            Err(error) => return report.differs(place, error),
        };
        match ours {
            Some(ours) if ours == *recorded => made.extend(sent.channel),
            Some(ours) => report.differs(
                place,
                format_args!("it makes another packet: {}", difference(recorded, &ours)),
            ),
            None => report.differs(place, "it makes no packet here"),
        }
    }

    /// A message that leads to a proposal is accepted before it, and recorded after it.
    fn accept_early(&mut self, place: Place<'_>, rest: &[Entry], report: &mut Report) {
        let until_next = rest.iter().take_while(|entry| !matches!(entry, Entry::Received(_)));
        for entry in until_next {
            if let Entry::Accepted { message } = entry {
                let theirs =
                    self.index.id(*message).is_some_and(|id| self.opened.contains_key(&id));
                if theirs {
                    self.accepted(place, *message, report);
                }
            }
        }
    }

    /// What it proposes follows from the members that the packet names.
    fn propose(&mut self, place: Place<'_>, packet: &GreetingPacket<'_>, report: &mut Report) {
        let named: Vec<MemberId> = packet.members.iter().map(|id| id.to_owned()).collect();
        let members = self.member.members();
        let without = |these: &[MemberId], others: &[MemberId]| -> Vec<MemberId> {
            these.iter().filter(|member| !others.contains(member)).cloned().collect()
        };
        let (new, gone) = (without(&named, members), without(members, &named));
        let change = match packet.greet_type.operation() {
            Some(GreetOperation::Exclude) => Change::Exclude(&gone),
            Some(GreetOperation::Refresh) => Change::Refresh,
            _ => Change::Include(&new),
        };
        let transcript = self.member.current().and_then(|at| self.transcripts.get(at));
        let latest = transcript.map(Transcript::latest).unwrap_or_default();
        if let Err(error) = self.member.propose(change, latest) {
            report.differs(place, format_args!("the operation cannot be proposed: {error}"));
        }
    }

    /// Seals a recorded message again. That its parents are what the member had accepted is
    /// compared by itself.
    fn seal(
        &mut self,
        place: Place<'_>,
        packet: &DataPacket<'_>,
        report: &mut Report,
    ) -> Option<String> {
        let (at, opened) = match self.member.open(self.member.id(), packet) {
            Ok(opened) => opened,
            Err(error) => {
                report.differs(place, format_args!("the recorded packet: {error}"));
                return None;
            }
        };
        let known = self.parents.remove(&opened.id);
        let ours = known.or_else(|| self.transcripts.get(at).map(Transcript::parents));
        report.expect_eq(place, "parents", &Some(opened.parents.clone()), &ours);
        let draft = Draft {
            parents: &opened.parents,
            kind: opened.kind,
            text: &opened.text,
            order_ack: None,
        };
        let sealed = self.member.seal(at, &draft)?;
        self.open(place, at, opened, report);
        match sealed {
            Ok(sealed) => Some(sealed.packet),
            Err(error) => {
                report.differs(place, error);
                None
            }
        }
    }
}

/// Whether a packet belongs to an operation that another packet began.
fn is_answer(text: &str) -> bool {
    let mut buffer = Vec::new();
    let packet = unarmor(text, &mut buffer).and_then(|contents| Packet::decode(DIALECT, contents));
    matches!(packet, Ok(Packet::Greeting(greeting)) if greeting.metadata.is_none())
}

/// Looks at a data packet.
fn with_data<T>(text: &str, look: impl FnOnce(&DataPacket<'_>) -> T) -> Option<T> {
    let mut buffer = Vec::new();
    match Packet::decode(DIALECT, unarmor(text, &mut buffer).ok()?).ok()? {
        Packet::Data(data) => Some(look(&data)),
        _ => None,
    }
}

fn octets(ordered: Ordered) -> ([u8; 32], [u8; 32]) {
    (*ordered.id.as_bytes(), *ordered.chain_hash.as_bytes())
}

fn agreed(recorded: &SubSessionRecord) -> Agreed {
    let octets = |values: &[Hex<32>]| values.iter().map(|value| value.0).collect();
    Agreed {
        session_id: recorded.session_id.0,
        group_key: recorded.group_key.0,
        members: ids(&recorded.members),
        int_keys: octets(&recorded.int_keys),
        nonces: octets(&recorded.nonces),
        ephemeral_keys: octets(&recorded.ephemeral_pub_keys),
    }
}

const fn kind(body: Body) -> Kind {
    match body {
        Body::Payload => Kind::Payload,
        Body::AckManual => Kind::AckManual,
        Body::AckAuto => Kind::AckAutomatic,
        Body::Consistency => Kind::Consistency,
        Body::ConsistencyClose => Kind::Fin,
    }
}

/// Whether the first implementation's code and our reason name the same rule.
fn is_reason(code: Option<&str>, reason: &NotTaken) -> bool {
    match (code, reason) {
        (
            // We verify first, and what builds on another group need not verify in ours.
            Some(
                "pending_operation" | "wrong_prev_pf" | "not_all_members_in_channel" | "duplicate",
            ),
            NotTaken::Refused(_),
        )
        | (
            Some("pending_operation" | "wrong_prev_pf"),
            NotTaken::Rejected(RejectReason::ParentTaken | RejectReason::UnknownParent { .. }),
        )
        | (Some("unsynced_not_for_us"), NotTaken::Ignored(IgnoreReason::NotForUs))
        | (Some("not_all_members_in_channel"), NotTaken::Ignored(IgnoreReason::TargetAbsent))
        | (Some("unsynced_seen_prev_pf"), NotTaken::Rejected(RejectReason::Doubtful))
        | (Some("duplicate"), NotTaken::Ignored(IgnoreReason::Duplicate)) => true,
        _ => false,
    }
}
