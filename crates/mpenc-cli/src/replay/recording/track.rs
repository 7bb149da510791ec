//! Follows one member through its entries.

mod recorded;
mod sent;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt;

use mpenc_message::Opened;
use mpenc_order::EntryType;
use mpenc_wire::{DataPacket, GreetOperation, MemberId, MessageId, Packet, unarmor};

use super::index::Index;
use super::transcript::Transcript;
use super::{DIALECT, MadeAgain, id, ids};
use crate::replay::format::{ChannelKind, Entry, Received, Recording};
use crate::replay::member::{Effect, Entered, Member, NotTaken, Ordered};
use crate::replay::report::{Report, Shown};

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
    /// What packets are to an operation, by their id.
    roles: BTreeMap<[u8; 32], Role>,
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
            roles: BTreeMap::new(),
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
        for (at, line) in entries.iter().enumerate() {
            let place = Place(self.name, at);
            match &line.entry {
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
                    self.aborted(place, pseudo_packet_id, chain_hash, report);
                }
                Entry::SubSession { reference } => self.subsession(place, *reference, report),
                // What is session policy.
                Entry::Action(_)
                | Entry::Request { .. }
                | Entry::Members { .. }
                | Entry::Ready { .. }
                | Entry::Status { .. }
                | Entry::Other => {}
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
            ChannelKind::Members { leave, .. } => {
                let members: BTreeSet<MemberId> = ids(&event.members_after);
                let leavers: Vec<MemberId> = ids(leave);
                if received.about_self.is_none() {
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
        if let Some(role) = Role::of(packet) {
            self.roles.insert(*self.member.packet_id(&sender, packet).as_bytes(), role);
        }
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
}

/// What a packet is to its operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Role {
    initial: bool,
    last: bool,
}

impl Role {
    /// As the packet alone says it: whoever is asked by an initial packet answers, unless it needs
    /// nobody else. `None` if it begins no operation.
    fn of(text: &str) -> Option<Self> {
        let mut buffer = Vec::new();
        let contents = unarmor(text, &mut buffer).ok()?;
        let Ok(Packet::Greeting(greeting)) = Packet::decode(DIALECT, contents) else { return None };
        greeting.metadata?;
        let last = match greeting.greet_type.operation()? {
            GreetOperation::Refresh => true,
            GreetOperation::Exclude => greeting.members.len() == 1,
            _ => false,
        };
        Some(Self { initial: true, last })
    }
}

impl From<EntryType> for Role {
    /// As the order took it.
    fn from(entry: EntryType) -> Self {
        Self {
            initial: matches!(entry, EntryType::Initial | EntryType::Both),
            last: !matches!(entry, EntryType::Initial),
        }
    }
}

impl Shown for Role {
    fn shown(&self) -> String {
        let word = match (self.initial, self.last) {
            (true, true) => "initial and final",
            (true, false) => "initial",
            (false, true) => "final",
            (false, false) => "neither initial nor final",
        };
        word.to_owned()
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
