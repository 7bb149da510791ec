//! Rejected input leaves the state as it was: a session that got it, and a copy that did not, do
//! exactly the same with everything that follows.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use mpenc::{CliquesGreeter, Dialect, LocalIdentity, MemberId, MpencSession};
use mpenc_session::{
    ChannelAction, ChannelEvent, Config, Ctx, Event, Input, Instant, Membership, Output, Outputs,
};
use mpenc_wire::{armor, unarmor};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use crate::group::id;

/// Sessions that get every packet one after the other, without latency; before each packet, copies
/// of them get bad versions of it.
struct World {
    ids: Vec<MemberId>,
    sessions: Vec<MpencSession>,
    rngs: Vec<ChaCha20Rng>,
    chance: ChaCha20Rng,
    now: Instant,
    waiting: VecDeque<(usize, String)>,
    seen: Vec<(usize, String)>,
    refused: usize,
}

fn shown(out: &mut Outputs) -> Vec<String> {
    out.drain().map(|output| format!("{output:?}")).collect()
}

impl World {
    fn new(names: &[&str]) -> Self {
        let ids: Vec<MemberId> = names.iter().map(|name| id(name)).collect();
        let seeds: Vec<[u8; 32]> = (1..).take(names.len()).map(|octet| [octet; 32]).collect();
        let known: BTreeMap<_, _> = ids
            .iter()
            .cloned()
            .zip(seeds.iter().map(|seed| LocalIdentity::from_seed(seed).public_key()))
            .collect();
        let known = Arc::new(known);
        let sessions = ids
            .iter()
            .zip(&seeds)
            .map(|(id, seed)| {
                let signer = LocalIdentity::from_seed(seed).into_signer();
                let known = Arc::clone(&known);
                let greeter = CliquesGreeter::new(Dialect::DOCUMENT, id.clone(), signer, known);
                MpencSession::new(greeter, Config::default())
            })
            .collect();
        let rngs = (0..).take(names.len()).map(ChaCha20Rng::seed_from_u64).collect();
        let mut world = Self {
            ids,
            sessions,
            rngs,
            chance: ChaCha20Rng::seed_from_u64(99),
            now: Instant::new(Duration::from_secs(1)),
            waiting: VecDeque::new(),
            seen: Vec::new(),
            refused: 0,
        };
        for at in 0..names.len() {
            for earlier in 0..at {
                let ids = world.ids.clone();
                let entered = ChannelEvent::Changed { entered: &ids[at..=at], left: &[] };
                world.feed(earlier, entered);
            }
            let ids = world.ids.clone();
            world.feed(at, ChannelEvent::Entered { members: &ids[..=at] });
        }
        world
    }

    fn feed(&mut self, at: usize, event: ChannelEvent<'_>) {
        let mut out = Outputs::new();
        let mut cx = Ctx::new(self.now, &mut self.rngs[at]);
        self.sessions[at].handle(&mut cx, Input::Channel(event), &mut out);
        self.queue(at, &mut out);
    }

    fn queue(&mut self, at: usize, out: &mut Outputs) {
        while let Some(output) = out.pop() {
            match output {
                Output::Channel(ChannelAction::Send { packet }) => {
                    self.waiting.push_back((at, packet));
                }
                Output::Event(Event::Internal(error)) => panic!("{error}"),
                _ => {}
            }
        }
    }

    fn act(&mut self, at: usize, act: impl FnOnce(&mut MpencSession, &mut Ctx<'_>, &mut Outputs)) {
        let mut out = Outputs::new();
        act(&mut self.sessions[at], &mut Ctx::new(self.now, &mut self.rngs[at]), &mut out);
        self.queue(at, &mut out);
        self.settle();
    }

    fn settle(&mut self) {
        while let Some((from, packet)) = self.waiting.pop_front() {
            for reader in 0..self.sessions.len() {
                self.deliver(reader, from, &packet);
            }
            self.seen.push((from, packet));
        }
    }

    /// Gives a reader the packet; a copy of it first gets something bad.
    fn deliver(&mut self, reader: usize, from: usize, packet: &str) {
        for (sender, bad) in self.bad_versions(reader, from, packet) {
            let mut copy = self.sessions[reader].clone();
            let mut rng = self.rngs[reader].clone();
            let mut out = Outputs::new();
            let event = ChannelEvent::Packet { sender: &self.ids[sender], packet: &bad };
            copy.handle(&mut Ctx::new(self.now, &mut rng), Input::Channel(event), &mut out);
            for output in out.drain() {
                match output {
                    Output::Channel(action) => panic!("an answer to a bad packet: {action:?}"),
                    Output::Event(
                        Event::Refused { .. } | Event::Plain { .. } | Event::NotDecrypted { .. },
                    ) => self.refused += 1,
                    Output::Event(event) => panic!("a bad packet had an effect: {event:?}"),
                    other => panic!("{other:?}"),
                }
            }
            let good = ChannelEvent::Packet { sender: &self.ids[from], packet };
            let mut after_bad = Outputs::new();
            let cx = &mut Ctx::new(self.now, &mut rng);
            copy.handle(cx, Input::Channel(good), &mut after_bad);
            let mut without = Outputs::new();
            let mut clean = self.sessions[reader].clone();
            let mut rng = self.rngs[reader].clone();
            let cx = &mut Ctx::new(self.now, &mut rng);
            clean.handle(cx, Input::Channel(good), &mut without);
            assert_eq!(shown(&mut after_bad), shown(&mut without), "after a bad packet: {bad}");
            assert_eq!(copy.order_head(), clean.order_head());
            assert_eq!(copy.transcript(), clean.transcript());
            assert_eq!(copy.members(), clean.members());
        }
        let ids = self.ids.clone();
        self.feed(reader, ChannelEvent::Packet { sender: &ids[from], packet });
    }

    fn bad_versions(&mut self, reader: usize, from: usize, packet: &str) -> Vec<(usize, String)> {
        let mut buffer = Vec::new();
        let contents = unarmor(packet, &mut buffer).expect("a packet of ours").to_vec();
        let mut bad = Vec::new();
        // One bit, anywhere.
        for _ in 0..6 {
            let mut edited = contents.clone();
            let at = usize::try_from(self.chance.next_u32()).unwrap() % edited.len();
            edited[at] ^= 1 << (self.chance.next_u32() % 8);
            bad.push((from, armor(&edited)));
        }
        // Cut; not canonical; plain text.
        bad.push((from, armor(&contents[..contents.len() / 2])));
        bad.push((from, packet.replace("?mpENC:", "?mpENC: ")));
        bad.push((from, "let me in".into()));
        // In somebody else's name.
        let other = (0..self.ids.len()).find(|at| *at != from && *at != reader).unwrap_or(from);
        if other != from {
            bad.push((other, packet.to_owned()));
        }
        // Something old.
        if !self.seen.is_empty() {
            let at = usize::try_from(self.chance.next_u32()).unwrap() % self.seen.len();
            bad.push(self.seen[at].clone());
        }
        bad
    }
}

#[test]
fn rejected_packets_leave_the_state_as_it_was() {
    let mut world = World::new(&["ann", "ben", "cleo", "dan"]);
    let ids = world.ids.clone();
    world.act(0, |session, cx, out| {
        session.propose(cx, Membership::Include(&ids[1..3]), out).unwrap();
    });
    world.act(1, |session, cx, out| {
        session.send(cx, "hello", out).unwrap();
    });
    world.act(2, |session, cx, out| {
        session.propose(cx, Membership::Include(&ids[3..]), out).unwrap();
    });
    world.act(3, |session, cx, out| {
        session.send(cx, "here I am", out).unwrap();
    });
    world.act(1, |session, cx, out| {
        session.propose(cx, Membership::Refresh, out).unwrap();
    });
    world.act(3, |session, cx, out| {
        session.propose(cx, Membership::Exclude(&ids[..1]), out).unwrap();
    });
    assert_eq!(world.sessions[1].members().len(), 3);
    assert_eq!(world.sessions[1].messages().lines().len(), 2);
    assert!(world.refused > 500, "only {} refusals", world.refused);
}
