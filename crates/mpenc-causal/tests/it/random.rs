//! Random executions: a few authors who write at the same time, and a network that delivers to
//! each of them in any order.

use std::collections::{BTreeMap, BTreeSet};

use mpenc_causal::{AddError, Entry, MessageLog, Pending, Role, Section, Transcript};
use proptest::prelude::*;
use proptest::sample::Index;

/// Members are letters.
pub(crate) type Member = char;

#[derive(Clone, Debug)]
pub(crate) struct Message {
    pub(crate) id: u32,
    pub(crate) author: Member,
    pub(crate) parents: Vec<u32>,
    pub(crate) role: Role,
}

impl Message {
    pub(crate) fn entry(&self) -> Entry<'_, u32, Member> {
        Entry::new(self.id, &self.author, &self.parents, self.role)
    }

    /// Some content makes a line in the log, some does not: heartbeats, say.
    pub(crate) fn is_payload(&self) -> bool {
        self.role == Role::Content && !self.id.is_multiple_of(3)
    }
}

#[derive(Clone, Debug)]
pub(crate) enum Step {
    /// Writes a message; its role, if the author may still choose.
    Write(Role),
    /// Receives some message that is under way, in whatever order.
    Receive(Index),
    /// Receives everything that is under way.
    Catch,
    Prune,
}

/// What happened at one member's.
#[derive(Clone, Debug)]
pub(crate) struct Device {
    pub(crate) transcript: Transcript<u32, Member>,
    pub(crate) pending: Pending<u32, Member, Message>,
    pub(crate) log: MessageLog<u32, Member, ()>,
    /// The same, but for what it forgot.
    pub(crate) forgetful: MessageLog<u32, Member, ()>,
    section: Section,
    /// What was written, and has not arrived here.
    under_way: BTreeMap<u32, Message>,
    /// What `add` reported, per message in delivery order.
    pub(crate) reports: Vec<(u32, Vec<u32>)>,
    pub(crate) pruned: BTreeSet<u32>,
}

#[derive(Clone, Debug)]
pub(crate) struct Execution {
    pub(crate) devices: BTreeMap<Member, Device>,
    pub(crate) written: Vec<Message>,
}

pub(crate) fn role() -> impl Strategy<Value = Role> {
    prop_oneof![6 => Just(Role::Content), 3 => Just(Role::Ack), 1 => Just(Role::Close)]
}

fn step(prunes: u32) -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => role().prop_map(Step::Write),
        14 => any::<Index>().prop_map(Step::Receive),
        3 => Just(Step::Catch),
        prunes => Just(Step::Prune),
    ]
}

fn executions(prunes: u32) -> impl Strategy<Value = Execution> {
    let steps = proptest::collection::vec((any::<Index>(), step(prunes)), 0..100);
    (2..=6_usize, steps).prop_map(|(members, steps)| Execution::run(members, steps))
}

/// 2 to 6 authors, who prune nothing.
pub(crate) fn execution() -> impl Strategy<Value = Execution> {
    executions(0)
}

/// 2 to 6 authors, who prune now and then.
pub(crate) fn pruned_execution() -> impl Strategy<Value = Execution> {
    executions(3)
}

impl Execution {
    fn run(members: usize, steps: Vec<(Index, Step)>) -> Self {
        let members: Vec<Member> = ('a'..='z').take(members).collect();
        let mut log = MessageLog::new();
        let section = log.begin().unwrap();
        let device = Device {
            forgetful: log.clone(),
            log,
            section,
            transcript: Transcript::new(members.iter().copied()),
            pending: Pending::new(1000, 1000),
            under_way: BTreeMap::new(),
            reports: Vec::new(),
            pruned: BTreeSet::new(),
        };
        let devices = members.iter().map(|&member| (member, device.clone())).collect();
        let mut execution = Self { devices, written: Vec::new() };
        for (who, step) in steps {
            execution.step(*who.get(&members), step);
        }
        execution
    }

    fn step(&mut self, who: Member, step: Step) {
        let device = self.devices.get_mut(&who).unwrap();
        match step {
            Step::Write(role) => {
                let closed = device.transcript.closed_by(&who).is_some();
                let role = if closed && role == Role::Content { Role::Ack } else { role };
                // Ids are not in the order in which they are made.
                let id = u32::try_from(self.written.len()).unwrap().wrapping_mul(0x9E37_79B1);
                let parents = device.transcript.heads();
                let message = Message { id, author: who, parents, role };
                device.receive(message.clone());
                for (_, other) in self.devices.iter_mut().filter(|(member, _)| **member != who) {
                    other.under_way.insert(id, message.clone());
                }
                self.written.push(message);
            }
            Step::Receive(which) => {
                let ids: Vec<u32> = device.under_way.keys().copied().collect();
                if !ids.is_empty() {
                    let message = device.under_way.remove(which.get(&ids)).unwrap();
                    device.receive(message);
                }
            }
            Step::Catch => {
                for message in std::mem::take(&mut device.under_way).into_values() {
                    device.receive(message);
                }
            }
            Step::Prune => device.pruned.extend(device.transcript.prune()),
        }
    }

    pub(crate) fn members(&self) -> impl Iterator<Item = Member> {
        self.devices.keys().copied()
    }

    pub(crate) fn transcript(&self, member: Member) -> &Transcript<u32, Member> {
        &self.devices[&member].transcript
    }

    /// What an observer would have who received everything as it was written.
    pub(crate) fn everything(&self) -> Transcript<u32, Member> {
        let mut all = Transcript::new(self.members());
        for message in &self.written {
            all.add(message.entry()).unwrap();
        }
        all
    }
}

impl Device {
    fn receive(&mut self, message: Message) {
        let mut ready = vec![message];
        while let Some(message) = ready.pop() {
            match self.transcript.add(message.entry()) {
                Ok(added) => {
                    self.reports.push((message.id, added.fully_acked));
                    let payload = message.is_payload().then_some(());
                    let (at, chat) = (self.section, &self.transcript);
                    let line = self.log.accept(at, chat, message.id, payload).unwrap();
                    let same = self.forgetful.accept(at, chat, message.id, payload).unwrap();
                    assert_eq!(line, same);
                    let kept = self.forgetful.next_parents(at, chat);
                    assert_eq!(kept, self.log.next_parents(at, chat));
                    self.forgetful.forget_before(self.log.lines().len().saturating_sub(2));
                    ready.extend(self.pending.take_ready(&message.id));
                }
                Err(AddError::MissingParents(missing)) => {
                    let dropped = self.pending.insert(message.id, message.author, missing, message);
                    assert!(dropped.is_empty());
                }
                Err(error) => panic!("an honest message is refused: {error}"),
            }
        }
        // Nothing is held that could be added.
        for held in self.pending.iter() {
            assert!(held.missing.iter().all(|parent| !self.transcript.contains(parent)));
        }
    }
}
