//! Replays a group history of dialect Document: every member does again what it did, from its draws.

mod expect;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use mpenc_greet::{Change, LocalIdentity};
use mpenc_message::{Draft, MessageSecurity};
use mpenc_wire::{Dialect, MemberId, MessageId, Packet, resend, unarmor};

use super::agreed::compare_agreed;
use super::codec::again;
use super::difference::difference;
use super::draws::Draws;
use super::format::{
    DataStep, History, Leave, OperationKind, OperationResult, OperationStep, Outcome, PacketStep,
    Step,
};
use super::member::{Agreed, Effect, Member};
use super::report::Report;
use super::signatures::Keys;
use crate::hex_bytes::Hex;
use expect::{expect_opened, expect_ordered, kind, message_id, order_ack};

const DIALECT: Dialect = Dialect::DOCUMENT;

/// A place in a history.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    pub(crate) step: usize,
    pub(crate) packet: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "step {}, packet {}", self.step, self.packet)
    }
}

/// A history on its way.
#[derive(Clone)]
pub(crate) struct Replay<'h> {
    history: &'h History,
    members: BTreeMap<MemberId, Member>,
    /// The members of the session, as the history has it.
    group: BTreeSet<MemberId>,
    channel: BTreeSet<MemberId>,
}

/// Replays a whole history.
pub(crate) fn replay(history: &History, report: &mut Report) {
    match Replay::new(history, report) {
        Some(mut replay) => {
            check_alone(history, report);
            replay.run(report, |_, _, _| {});
        }
        None => report.differs("members", "a member id that the dialect does not allow"),
    }
}

/// What can be said of the packets without the members: they survive being taken apart, and their
/// signatures verify.
fn check_alone(history: &History, report: &mut Report) {
    let mut keys = Keys::new(DIALECT);
    for step in &history.steps {
        step.packets.iter().for_each(|packet| keys.learn(packet.packet()));
        if let Some(Outcome::Completed(result)) =
            step.operation.as_ref().map(|operation| &operation.outcome)
        {
            let hash = keys.learn_session(&result.sid.0, &result.group_key.0);
            report.expect_eq("result", "hint's hash", &result.sidkey_hash.0, &hash);
        }
    }
    for (step, packets) in history.steps.iter().map(|step| &step.packets).enumerate() {
        for (at, packet) in packets.iter().enumerate() {
            let place = Place { step, packet: at };
            match again(DIALECT, packet.packet()) {
                Ok(ours) if ours == packet.packet() => {}
                Ok(ours) => report.differs(place, difference(packet.packet(), &ours)),
                Err(fault) => report.differs(place, fault),
            }
            if !id(packet.sender()).is_some_and(|sender| keys.verify(&sender, packet.packet())) {
                report.differs(place, "the signature does not verify");
            }
        }
    }
}

impl<'h> Replay<'h> {
    /// All members, outside the channel. `None` if a member id is malformed.
    pub(crate) fn new(history: &'h History, report: &mut Report) -> Option<Self> {
        let mut keys = BTreeMap::new();
        for (name, identity) in &history.members {
            keys.insert(id(name)?, identity.public_key.0);
        }
        let identities = Arc::new(keys);
        let mut members = BTreeMap::new();
        for (name, identity) in &history.members {
            let id = id(name)?;
            let signer = LocalIdentity::from_seed(&identity.seed.0);
            let (recorded, ours) = (identity.public_key.0, signer.public_key());
            report.expect_eq(name, "identity key", &recorded, &ours);
            let draws = history.draws.get(name).into_iter().flatten();
            let draws = Draws::new(draws.map(|(kind, octets)| (*kind, octets.0.clone())));
            let member =
                Member::new(DIALECT, id.clone(), signer.into_signer(), identities.clone(), draws);
            members.insert(id, member);
        }
        Some(Self { history, members, group: BTreeSet::new(), channel: BTreeSet::new() })
    }

    /// Replays everything. `before` is called before each packet is made and delivered.
    pub(crate) fn run(
        &mut self,
        report: &mut Report,
        before: impl FnMut(&Self, Place, &mut Report),
    ) {
        if let Some(step) = self.history.steps.first() {
            self.begin(0, step, report);
        }
        self.go_on(Place { step: 0, packet: 0 }, report, before);
    }

    /// Replays everything from a packet on, whose step has begun.
    pub(crate) fn go_on(
        &mut self,
        from: Place,
        report: &mut Report,
        mut before: impl FnMut(&Self, Place, &mut Report),
    ) {
        for (number, step) in self.history.steps.iter().enumerate().skip(from.step) {
            let mut done = from.packet;
            if number > from.step {
                self.begin(number, step, report);
                done = 0;
            }
            for (at, packet) in step.packets.iter().enumerate().skip(done) {
                let place = Place { step: number, packet: at };
                before(self, place, report);
                self.packet(place, step, packet, report);
            }
            self.end(number, step, report);
        }
        for (id, member) in &self.members {
            let left = member.draws_left();
            if left > 0 {
                report.differs(id, format_args!("{left} recorded draws were never drawn"));
            }
        }
    }

    /// Whether there is such a packet.
    pub(crate) fn has(&self, place: Place) -> bool {
        let step = self.history.steps.get(place.step);
        step.is_some_and(|step| place.packet < step.packets.len())
    }

    /// A member.
    pub(crate) fn member(&mut self, id: &MemberId) -> Option<&mut Member> {
        self.members.get_mut(id)
    }

    /// Who is in the channel, and who begins an operation, when a step begins.
    fn begin(&mut self, number: usize, step: &Step, report: &mut Report) {
        let channel: BTreeSet<MemberId> = step.channel.iter().filter_map(|name| id(name)).collect();
        let leavers: Vec<MemberId> = self.channel.difference(&channel).cloned().collect();
        for leaver in &leavers {
            self.leave(leaver);
        }
        let entering: Vec<MemberId> = channel.difference(&self.channel).cloned().collect();
        for new in &entering {
            self.channel.insert(new.clone());
        }
        for (id, member) in &mut self.members {
            if entering.contains(id) {
                member.enter_channel(channel.clone());
            } else if self.channel.contains(id) {
                member.channel_changed(&[], channel.clone());
            }
        }
        if let Some(operation) = &step.operation {
            self.propose(number, operation, report);
        }
    }

    /// A member leaves the channel. Gives what that did to the others.
    fn leave(&mut self, leaver: &MemberId) -> Vec<(MemberId, Vec<Effect>)> {
        self.channel.remove(leaver);
        let mut effects = Vec::new();
        for (id, member) in &mut self.members {
            if id == leaver {
                member.leave_channel();
            } else if self.channel.contains(id) {
                let leavers = std::slice::from_ref(leaver);
                effects.push((id.clone(), member.channel_changed(leavers, self.channel.clone())));
            }
        }
        effects
    }

    /// The proposal of an operation; its packet is compared when the channel delivers it.
    fn propose(&mut self, number: usize, operation: &OperationStep, report: &mut Report) {
        let place = format!("step {number}");
        let Some(by) = id(&operation.by).and_then(|by| self.members.get_mut(&by)) else {
            report.differs(place, format_args!("{:?} is no member", operation.by));
            return;
        };
        if number == 0 {
            by.start_order();
        }
        match by.head() {
            Some((prev_pf, chain_hash)) => {
                report.expect_eq(&place, "PREV_PF", &operation.prev_pf.0, prev_pf.as_bytes());
                let recorded = &operation.prev_chain_hash.0;
                report.expect_eq(&place, "CHAIN_HASH", recorded, chain_hash.as_bytes());
            }
            None => report.differs(&place, "its author does not follow the server order"),
        }
        let targets: Vec<MemberId> = operation.targets.iter().filter_map(|name| id(name)).collect();
        let change = match operation.kind {
            OperationKind::Establish | OperationKind::Include => Change::Include(&targets),
            OperationKind::Exclude => Change::Exclude(&targets),
            OperationKind::Refresh => Change::Refresh,
        };
        let latest_pm = operation.latest_pm.iter().map(message_id).collect();
        if let Err(error) = by.propose(change, latest_pm) {
            report.differs(place, format_args!("the operation cannot be proposed: {error}"));
        }
    }

    /// One packet: its sender makes it again, and the channel delivers it.
    fn packet(&mut self, place: Place, step: &Step, packet: &PacketStep, report: &mut Report) {
        report.packet();
        let Some(sender) = id(packet.sender()).filter(|id| self.members.contains_key(id)) else {
            report.differs(place, format_args!("{:?} is no member", packet.sender()));
            return;
        };
        self.make(place, &sender, packet, report);
        let joiners = step.operation.iter().flat_map(|operation| &operation.targets);
        let concerned: BTreeSet<MemberId> = self
            .group
            .iter()
            .cloned()
            .chain(joiners.filter_map(|name| id(name)))
            .chain([sender.clone()])
            .collect();
        let receivers: Vec<MemberId> = self.channel.iter().cloned().collect();
        for receiver in &receivers {
            let Some(member) = self.members.get_mut(receiver) else { continue };
            let id = member.packet_id(&sender, packet.packet());
            let effects = member.receive(&sender, packet.packet());
            let place = format_args!("{place}, {receiver}");
            for fault in member.draws().take_faults() {
                report.differs(place, fault);
            }
            match packet {
                PacketStep::Greeting { packet_id, accepted, chain_hash, .. }
                | PacketStep::Abort { packet_id, accepted, chain_hash, .. } => {
                    report.expect_eq(place, "packet id", &packet_id.0, id.as_bytes());
                    if concerned.contains(receiver) {
                        let entry = accepted.as_deref().zip(chain_hash.as_ref());
                        expect_ordered(place, entry, &effects, report);
                    }
                }
                PacketStep::Data(data) if self.group.contains(receiver) => {
                    expect_opened(place, (&data.sender, &data.mid), Some(data), &effects, report);
                }
                PacketStep::Resend { author, mid, .. } if self.group.contains(receiver) => {
                    expect_opened(place, (author, mid), None, &effects, report);
                }
                PacketStep::Data(_) | PacketStep::Resend { .. } => {}
            }
        }
    }

    /// Its sender makes a packet again.
    fn make(&mut self, place: Place, sender: &MemberId, packet: &PacketStep, report: &mut Report) {
        let original = match packet {
            PacketStep::Resend { mid, .. } => self.original(mid),
            _ => None,
        };
        let Some(member) = self.members.get_mut(sender) else { return };
        let ours = match packet {
            PacketStep::Greeting { .. } => member.next_outgoing(),
            PacketStep::Abort { reason, aborted_pi, .. } => {
                let running = member.running().map(|id| *id.as_bytes());
                report.expect_eq(place, "ABORTED_PI", &Some(aborted_pi.0), &running);
                member.abort(reason)
            }
            PacketStep::Resend { author, .. } => {
                id(author).zip(original).and_then(|(author, text)| resend(text, &author).ok())
            }
            PacketStep::Data(data) => seal(place, member, data, report),
        };
        for fault in member.draws().take_faults() {
            report.differs(format_args!("{place}, {sender}"), fault);
        }
        match ours {
            Some(ours) if ours == packet.packet() => {}
            Some(ours) => report.differs(
                place,
                format_args!(
                    "{sender} makes another packet: {}",
                    difference(packet.packet(), &ours)
                ),
            ),
            None => report.differs(place, format_args!("{sender} makes no packet here")),
        }
    }

    /// The packet that carried a message first.
    fn original(&self, mid: &Hex<32>) -> Option<&'h str> {
        self.history.steps.iter().flat_map(|step| &step.packets).find_map(|packet| match packet {
            PacketStep::Data(data) if data.mid == *mid => Some(data.packet.as_str()),
            _ => None,
        })
    }

    /// How an operation ended.
    fn end(&mut self, number: usize, step: &Step, report: &mut Report) {
        let Some(operation) = &step.operation else { return };
        let place = format!("step {number}");
        match &operation.outcome {
            Outcome::Completed(result) => self.expect_result(&place, operation, result, report),
            Outcome::Aborted => {}
            Outcome::Left(leave) => self.expect_leave(&place, leave, report),
        }
        let synced = self.group.iter().filter(|member| self.channel.contains(*member));
        for member in synced.filter_map(|id| self.members.get(id)) {
            let ours = member.head().map(|(_, chain_hash)| *chain_hash.as_bytes());
            let place = format_args!("{place}, {}", member.id());
            report.expect_eq(place, "chain hash", &Some(operation.chain_hash.0), &ours);
        }
        for (id, member) in &mut self.members {
            if member.in_operation() {
                report.differs(&place, format_args!("the operation does not end for {id}"));
            }
            while member.next_outgoing().is_some() {
                report.differs(&place, format_args!("{id} makes a packet that is not recorded"));
            }
        }
    }

    /// All members of a completed operation agree with its recorded result; the excluded leave.
    fn expect_result(
        &mut self,
        place: &str,
        operation: &OperationStep,
        result: &OperationResult,
        report: &mut Report,
    ) {
        let octets = |values: &[Hex<32>]| values.iter().map(|value| value.0).collect();
        let recorded = Agreed {
            session_id: result.sid.0,
            group_key: result.group_key.0,
            members: result.members.iter().filter_map(|name| id(name)).collect(),
            int_keys: octets(&result.int_keys),
            nonces: octets(&result.nonces),
            ephemeral_keys: octets(&result.ephemeral_pub_keys),
        };
        self.group = recorded.members.iter().cloned().collect();
        for member in recorded.members.iter().filter_map(|id| self.members.get(id)) {
            let place = format_args!("{place}, {}", member.id());
            let ours = member.current().and_then(|at| member.subsessions().get(at));
            match ours {
                // Who is alone has no keys.
                None if recorded.members == [member.id().clone()] => {}
                None => report.differs(place, "it is in no session after the operation"),
                Some(ours) => {
                    compare_agreed(place, &recorded, &ours.agreed, report);
                    let [hint, ..] = result.sidkey_hash.0;
                    report.expect_eq(place, "hint", &[hint], &[ours.security.hint()]);
                }
            }
        }
        if operation.kind == OperationKind::Exclude {
            for excluded in operation.targets.iter().filter_map(|name| id(name)) {
                let present = self.channel.contains(&excluded);
                if present && !self.members.get(&excluded).is_some_and(Member::is_excluded) {
                    report.differs(place, format_args!("{excluded} was not excluded"));
                }
                self.leave(&excluded);
            }
        }
    }

    /// A leaver ended the operation, for all whom it concerned.
    fn expect_leave(&mut self, place: &str, leave: &Leave, report: &mut Report) {
        let Some(leaver) = id(&leave.leaver) else { return };
        for (id, effects) in self.leave(&leaver) {
            let ended = effects.iter().find_map(|effect| match effect {
                Effect::Ordered(ordered) => Some(*ordered.id.as_bytes()),
                _ => None,
            });
            if self.group.contains(&id) {
                let place = format_args!("{place}, {id}");
                report.expect_eq(place, "leave packet id", &Some(leave.packet_id.0), &ended);
            }
        }
    }
}

/// Seals a recorded message again.
fn seal(place: Place, member: &mut Member, data: &DataStep, report: &mut Report) -> Option<String> {
    let mut buffer = Vec::new();
    let packet =
        unarmor(&data.packet, &mut buffer).and_then(|contents| Packet::decode(DIALECT, contents));
    if let Ok(Packet::Data(packet)) = packet {
        report.expect_eq(place, "IV", &data.iv.0, packet.iv);
    }
    if let Some((packet_id, chain_hash)) = &data.order_ack {
        let head = member.head().map(|(id, hash)| (*id.as_bytes(), *hash.as_bytes()));
        let (id, hash) = head.unzip();
        report.expect_eq(place, "packet id of the order ack", &Some(packet_id.0), &id);
        report.expect_eq(place, "chain hash of the order ack", &Some(chain_hash.0), &hash);
    }
    let parents: Vec<MessageId> = data.parents.iter().map(message_id).collect();
    let draft = Draft {
        parents: &parents,
        kind: kind(data.kind),
        text: &data.text,
        order_ack: order_ack(data),
    };
    let current = member.current()?;
    match member.seal(current, &draft)? {
        // Nobody can ask for extensions that we do not know.
        Ok(_) if data.extensions.is_some() => Some(data.packet.clone()),
        Ok(sealed) => Some(sealed.packet),
        Err(error) => {
            report.differs(place, error);
            None
        }
    }
}

fn id(name: &str) -> Option<MemberId> {
    MemberId::new(DIALECT, name).ok()
}
