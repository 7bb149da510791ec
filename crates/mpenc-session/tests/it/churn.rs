//! Random lives of groups: whatever honest members do at the same time, they end up together.

use std::collections::{BTreeMap, BTreeSet};

use mpenc_session::{Event, Membership, Severity, State};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use crate::group::{Group, ids};

const NAMES: [&str; 6] = ["ann", "ben", "cleo", "dan", "eve", "fay"];

struct Life {
    group: Group,
    chance: ChaCha20Rng,
    story: Vec<String>,
    gone: BTreeSet<&'static str>,
    events: BTreeMap<&'static str, Vec<Event>>,
}

impl Life {
    fn new(seed: u64) -> Self {
        Self {
            group: Group::new(seed, &NAMES),
            chance: ChaCha20Rng::seed_from_u64(seed ^ 0x5eed),
            story: Vec::new(),
            gone: BTreeSet::new(),
            events: BTreeMap::new(),
        }
    }

    fn below(&mut self, n: u32) -> u32 {
        self.chance.next_u32() % n
    }

    fn pick(&mut self) -> &'static str {
        let at = self.below(u32::try_from(NAMES.len()).unwrap());
        NAMES[usize::try_from(at).unwrap()]
    }

    fn step(&mut self, crashes: bool) {
        let who = self.pick();
        if self.gone.contains(who) {
            return;
        }
        let other = self.pick();
        let node = self.group.node(who);
        let what = self.below(40);
        let done = match what {
            0..=4 => self.group.sim.act(node, |session, cx, out| session.join(cx, out)).is_ok(),
            5..=9 => self.group.propose(who, Membership::Include(&ids(&[other]))).is_ok(),
            10..=11 => self.group.propose(who, Membership::Exclude(&ids(&[other]))).is_ok(),
            12..=14 => self.group.propose(who, Membership::Refresh).is_ok(),
            15 => self.group.sim.act(node, |session, cx, out| session.part(cx, out)).is_ok(),
            16 if crashes && self.gone.len() < 2 => {
                self.group.sim.crash(node);
                self.gone.insert(who);
                true
            }
            _ => {
                let text = format!("{who} {}", self.story.len());
                self.group.sim.act(node, |session, cx, out| session.send(cx, &text, out)).is_ok()
            }
        };
        if done {
            self.story.push(format!("{:?} {who} {what} {other}", self.group.sim.now()));
        }
        let pause = u64::from(self.below(300));
        self.group.sim.run_for(std::time::Duration::from_millis(pause)).expect("it comes to rest");
        self.collect();
    }

    fn collect(&mut self) {
        for name in NAMES {
            let events = self.group.events(name);
            self.events.entry(name).or_default().extend(events);
        }
    }

    fn check(&self, seed: u64) {
        let story = || self.story.join("\n");
        for (name, events) in &self.events {
            let mut begun = BTreeSet::new();
            let mut ended = BTreeSet::new();
            for event in events {
                assert!(
                    event.severity() < Severity::Security,
                    "seed {seed}: {name}: {event:?}\n{}",
                    story()
                );
                let noise = matches!(event, Event::NotDecrypted { .. } | Event::NotAccepted { .. });
                assert!(!noise, "seed {seed}: {name}: {event:?}\n{}", story());
                match event {
                    Event::Proposed { own, .. } => {
                        begun.insert(*own);
                    }
                    Event::OperationEnded { own, .. } => {
                        assert!(ended.insert(*own), "seed {seed}: {name}: {own} ended twice");
                    }
                    _ => {}
                }
            }
            if !self.gone.contains(name) {
                let open: Vec<_> = begun.difference(&ended).collect();
                assert!(
                    open.is_empty(),
                    "seed {seed}: {name}: no outcome of {open:?}\n{}",
                    story()
                );
            }
        }
        let present: BTreeSet<_> = self.group.sim.server().members().iter().cloned().collect();
        for name in NAMES.iter().filter(|name| !self.gone.contains(*name)) {
            let session = self.group.session(name);
            if session.state() != State::Joined {
                continue;
            }
            for member in session.members() {
                let at = NAMES.iter().find(|other| member.to_string() == **other).unwrap();
                let other = self.group.session(at);
                assert!(present.contains(member), "seed {seed}: {name} has {at}, who is gone");
                assert_eq!(
                    session.members(),
                    other.members(),
                    "seed {seed}: {name} and {at}\n{}",
                    story()
                );
                assert_eq!(
                    session.order_head(),
                    other.order_head(),
                    "seed {seed}: {name} and {at}\n{}",
                    story()
                );
                assert_eq!(
                    session.transcript(),
                    other.transcript(),
                    "seed {seed}: {name} and {at}\n{}",
                    story()
                );
            }
            assert!(session.operation_progress().is_none(), "seed {seed}: {name}\n{}", story());
        }
    }
}

fn live(seeds: core::ops::Range<u64>, crashes: bool) {
    let (mut changes, mut messages) = (0, 0);
    let count = usize::try_from(seeds.end - seeds.start).unwrap();
    for seed in seeds {
        let mut life = Life::new(seed);
        for _ in 0..200 {
            life.step(crashes);
        }
        life.group.run(300);
        life.collect();
        life.check(seed);
        for event in life.events.values().flatten() {
            changes += usize::from(matches!(event, Event::Members { .. }));
            messages += usize::from(matches!(event, Event::Message(_)));
        }
    }
    // Something must have happened in these lives.
    assert!(changes > 6 * count && messages > 25 * count, "{changes}, {messages}");
}

#[test]
fn lives_without_crashes() {
    live(0..60, false);
}

#[test]
fn lives_with_crashes() {
    live(1000..1060, true);
}
