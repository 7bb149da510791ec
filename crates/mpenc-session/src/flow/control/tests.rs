//! Groups of members with real transcripts on a channel that loses, repeats and delays.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use core::time::Duration;

use mpenc_causal::{AddError, Entry, Pending, Transcript};
use proptest::prelude::*;

use super::*;
use crate::flow::tests::{at, rules};

type Name = &'static str;
const NAMES: [Name; 5] = ["alice", "bob", "carol", "dave", "erin"];

/// What a packet holds; its text is its id in digits.
#[derive(Clone, Debug)]
struct Written {
    author: Name,
    parents: Vec<u32>,
    kind: Kind,
}

/// What a member was told, or did.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Told {
    NotFullyAcked(u32),
    FullyAcked(u32, bool),
    Wrote(u32, Kind),
    Resent(u32),
    Silent(Name, Instant),
    Fresh(Name),
    Ended,
}

struct Member {
    name: Name,
    flow: FlowControl<u32, Name>,
    transcript: Transcript<u32, Name>,
    pending: Pending<u32, Name, u32>,
    told: Vec<(Instant, Told)>,
}

impl Member {
    fn settle(&mut self, now: Instant) {
        let consistent = self.transcript.unacked().next().is_none() && self.pending.is_empty();
        self.flow.settle(now, consistent);
    }
}

/// A group, and what is on its way to whom.
struct Group {
    members: Vec<Member>,
    written: Vec<Written>,
    on_the_way: BTreeMap<(Instant, u64), (usize, Name, u32)>,
    sent: u64,
    now: Instant,
    /// Decides on each packet to each member: lost, or how long it takes; and whether twice.
    fate: Box<dyn FnMut(Instant, Name, Name, u32) -> Vec<Duration>>,
}

impl Group {
    fn new(n: usize, rules: Rules) -> Self {
        let names = &NAMES[..n];
        let member = |&name: &Name| Member {
            name,
            flow: FlowControl::new(rules, &name, names, at(0.0), at(0.0)),
            transcript: Transcript::new(names.iter().copied()),
            pending: Pending::new(1_000, 1_000),
            told: Vec::new(),
        };
        Self {
            members: names.iter().map(member).collect(),
            written: Vec::new(),
            on_the_way: BTreeMap::new(),
            sent: 0,
            now: at(0.0),
            fate: Box::new(|_, _, _, _| vec![Duration::from_millis(100)]),
        }
    }

    fn with(
        mut self,
        fate: impl FnMut(Instant, Name, Name, u32) -> Vec<Duration> + 'static,
    ) -> Self {
        self.fate = Box::new(fate);
        self
    }

    fn place(&self, name: Name) -> usize {
        NAMES[..self.members.len()].iter().position(|&other| other == name).unwrap()
    }

    fn send(&mut self, from: usize, id: u32) {
        let sender = self.members[from].name;
        for to in 0..self.members.len() {
            let fates = if to == from {
                vec![Duration::ZERO]
            } else {
                (self.fate)(self.now, sender, self.members[to].name, id)
            };
            for delay in fates {
                self.sent += 1;
                self.on_the_way.insert((self.now.after(delay), self.sent), (to, sender, id));
            }
        }
    }

    fn write(&mut self, name: Name, kind: Kind) -> u32 {
        let place = self.place(name);
        let id = u32::try_from(self.written.len()).unwrap();
        let parents = self.members[place].transcript.heads();
        self.written.push(Written { author: name, parents, kind });
        self.members[place].told.push((self.now, Told::Wrote(id, kind)));
        self.accept(place, id);
        if kind == Kind::Fin {
            let now = self.now;
            for member in self.members[place].flow.fin(now) {
                self.members[place].told.push((now, Told::Fresh(member)));
            }
            self.members[place].settle(now);
        }
        self.send(place, id);
        id
    }

    fn accept(&mut self, place: usize, id: u32) {
        let Self { members, written, now, .. } = self;
        let (member, now) = (&mut members[place], *now);
        let mut ready = vec![id];
        while let Some(id) = ready.pop() {
            let Written { author, parents, kind } = &written[usize::try_from(id).unwrap()];
            let role = match kind {
                Kind::AckAutomatic | Kind::AckManual => Role::Ack,
                Kind::Fin => Role::Close,
                _ => Role::Content,
            };
            match member.transcript.add(Entry::new(id, author, parents, role)) {
                Ok(added) => {
                    let packet = format!("{id}");
                    let message = Message { id, author, kind: *kind, packet };
                    let fresh = member.flow.added(now, now, message, &member.transcript);
                    member.told.extend(fresh.map(|fresh| (now, Told::Fresh(fresh))));
                    for id in added.fully_acked {
                        let settled = member.flow.fully_acked(&id, &member.transcript).unwrap();
                        member.told.push((now, Told::FullyAcked(id, settled.told)));
                        member.told.extend(settled.goodbye.map(|gone| (now, Told::Fresh(gone))));
                    }
                    ready.extend(member.pending.take_ready(&id));
                }
                Err(AddError::MissingParents(missing)) => {
                    member.pending.insert(id, *author, missing, id);
                }
                Err(error) => panic!("{error}"),
            }
        }
        member.settle(now);
    }

    fn receive(&mut self, place: usize, sender: Name, id: u32) {
        let now = self.now;
        let member = &mut self.members[place];
        if member.transcript.contains(&id) {
            let again = member.flow.duplicate(now, &id, &sender, &member.transcript);
            self.resend(place, again);
        } else if !member.pending.contains(&id) {
            self.accept(place, id);
        }
    }

    fn resend(&mut self, place: usize, ids: Vec<u32>) {
        for id in ids {
            let text = self.members[place].flow.packet(&id).map(String::from);
            assert_eq!(text, Some(format!("{id}")), "what is to be resent is here");
            self.members[place].told.push((self.now, Told::Resent(id)));
            self.send(place, id);
        }
    }

    fn tick(&mut self, place: usize) {
        let now = self.now;
        for step in 0.. {
            assert!(step < 1_000, "a tick ends");
            let member = &mut self.members[place];
            let due = member.flow.take_due(now, &member.transcript, || 1 << 30);
            match due {
                None => break,
                Some(Due::NotFullyAcked { id, .. }) => {
                    member.told.push((now, Told::NotFullyAcked(id)));
                }
                Some(Due::Ack) => {
                    self.write(NAMES[place], Kind::AckAutomatic);
                }
                Some(Due::Heartbeat) => {
                    self.write(NAMES[place], Kind::Heartbeat);
                }
                Some(Due::Resend(ids)) => {
                    assert!(!ids.is_empty());
                    self.resend(place, ids);
                }
                Some(Due::Silent(silent)) => {
                    let told = silent.into_iter().map(|s| (now, Told::Silent(s.member, s.since)));
                    member.told.extend(told);
                }
                Some(Due::End) => {
                    let (_, ended) = member.flow.stop();
                    assert!(ended);
                    member.told.push((now, Told::Ended));
                }
            }
        }
    }

    fn run(&mut self, until: f64) {
        let until = at(until);
        loop {
            let arrival = self.on_the_way.keys().next().copied();
            let deadlines = self.members.iter().enumerate();
            let deadline =
                deadlines.filter_map(|(i, member)| Some((member.flow.next_deadline()?, i))).min();
            match (arrival, deadline) {
                (Some(key), _)
                    if key.0 <= until && deadline.is_none_or(|(due, _)| key.0 <= due) =>
                {
                    self.now = self.now.max(key.0);
                    let (to, sender, id) = self.on_the_way.remove(&key).unwrap();
                    self.receive(to, sender, id);
                }
                (_, Some((due, place))) if due <= until => {
                    self.now = self.now.max(due);
                    self.tick(place);
                }
                _ => break,
            }
        }
        self.now = until;
    }

    fn told(&self, name: Name) -> Vec<(Instant, Told)> {
        self.members[self.place(name)].told.clone()
    }

    /// Everything of this kind that anybody did or was told.
    fn all(&self, is_it: impl Fn(&Told) -> bool) -> Vec<(Name, Instant, Told)> {
        let told = |member: &Member| {
            let told = member.told.clone().into_iter();
            let name = member.name;
            told.map(move |(at, told)| (name, at, told)).collect::<Vec<_>>()
        };
        let mut all: Vec<_> = self.members.iter().flat_map(told).collect();
        all.retain(|(_, _, told)| is_it(told));
        all.sort_by_key(|(_, at, _)| *at);
        all
    }
}

fn lost() -> Vec<Duration> {
    Vec::new()
}

fn soon() -> Vec<Duration> {
    vec![Duration::from_millis(100)]
}

fn is_resent(told: &Told) -> bool {
    matches!(told, Told::Resent(_))
}

#[test]
fn a_good_channel_needs_one_ack_each_and_no_resends() {
    let mut group = Group::new(3, rules());
    group.write("alice", Kind::Payload);
    group.run(60.0);
    let written = group.all(|told| matches!(told, Told::Wrote(_, Kind::AckAutomatic)));
    let when: Vec<_> = written.iter().map(|(name, when, _)| (*name, *when)).collect();
    assert_eq!(when, [("bob", at(21.1)), ("carol", at(21.1))]);
    assert_eq!(group.all(is_resent), []);
    assert_eq!(group.all(|told| matches!(told, Told::FullyAcked(0, false))).len(), 3);
}

#[test]
fn fin_and_consistency_requests_are_answered_fast() {
    for kind in [Kind::Fin, Kind::Consistency] {
        let mut group = Group::new(2, rules());
        group.write("alice", kind);
        group.run(2.0);
        let acked = group.told("alice").into_iter().find(|(_, t)| *t == Told::FullyAcked(0, false));
        assert_eq!(acked.map(|(when, _)| when), Some(at(0.825)));
    }
}

#[test]
fn one_member_sends_it_again_each_round_and_the_author_first() {
    let mut group = Group::new(4, rules()).with(|now, _, to, id| {
        if id == 0 && to == "dave" && now < at(40.0) { lost() } else { soon() }
    });
    group.write("alice", Kind::Payload);
    group.run(200.0);
    let resent: Vec<_> = group
        .all(|told| *told == Told::Resent(0))
        .into_iter()
        .map(|(name, when, _)| (name, when))
        .collect();
    assert_eq!(resent, [("alice", at(26.0)), ("bob", at(31.1)), ("carol", at(41.2))]);
    assert_eq!(group.all(|told| matches!(told, Told::FullyAcked(0, _))).len(), 4);
}

#[test]
fn others_send_it_again_if_the_author_does_not() {
    let mut group = Group::new(4, rules())
        .with(|_, from, to, _| if from == "alice" && to == "dave" { lost() } else { soon() });
    group.write("alice", Kind::Payload);
    group.run(60.0);
    let resent = group.all(|told| *told == Told::Resent(0));
    let resent: Vec<_> = resent.into_iter().map(|(name, when, _)| (name, when)).collect();
    assert_eq!(resent, [("alice", at(26.0)), ("bob", at(31.1)), ("carol", at(41.2))]);
    assert!(group.all(|told| matches!(told, Told::FullyAcked(0, _))).len() == 4);
}

#[test]
fn the_acks_before_a_message_go_with_it() {
    let mut group = Group::new(3, rules()).with(|now, _, to, _| {
        if to == "carol" && now > at(10.0) && now < at(50.0) { lost() } else { soon() }
    });
    group.write("alice", Kind::Payload);
    // Bob's ack is lost to Carol, and so is what Alice writes on it.
    group.run(22.0);
    group.write("alice", Kind::Payload);
    let acks = group.all(|told| matches!(told, Told::Wrote(_, Kind::AckAutomatic)));
    let Some((_, _, Told::Wrote(by_bob, _))) =
        acks.iter().find(|(name, _, _)| *name == "bob").cloned()
    else {
        panic!("bob acks: {acks:?}")
    };
    group.run(70.0);
    let carol = &group.members[2];
    assert!(carol.transcript.contains(&by_bob) && carol.pending.is_empty());
    let again = group.all(|told| *told == Told::Resent(by_bob));
    assert!(again.iter().any(|(name, _, _)| *name == "alice"), "{again:?}");
}

#[test]
fn a_lost_ack_is_sent_again_for_a_duplicate() {
    let mut group = Group::new(2, rules())
        .with(|now, from, _, _| if from == "bob" && now < at(25.0) { lost() } else { soon() });
    group.write("alice", Kind::Payload);
    group.run(60.0);
    assert_eq!(
        group.told("alice"),
        [
            (at(0.0), Told::Wrote(0, Kind::Payload)),
            (at(26.0), Told::NotFullyAcked(0)),
            (at(26.0), Told::Resent(0)),
            (at(26.2), Told::FullyAcked(0, true)),
        ]
    );
    let bob: Vec<_> = group.told("bob").into_iter().filter(|(_, told)| is_resent(told)).collect();
    assert_eq!(bob, [(at(26.1), Told::Resent(1))]);
}

#[test]
fn heartbeats_keep_everybody_fresh() {
    let mut group = Group::new(3, rules());
    group.run(3_600.0);
    assert_eq!(group.all(|told| matches!(told, Told::Silent(..) | Told::NotFullyAcked(_))), []);
    assert_eq!(group.all(is_resent), []);
    let beats = group.all(|told| matches!(told, Told::Wrote(_, Kind::Heartbeat)));
    let each = f64::from(u32::try_from(beats.len()).unwrap()) / 3.0;
    assert!((3_600.0 / 110.5 - 1.0..=3_600.0 / 104.0).contains(&each), "{each}");
}

#[test]
fn whoever_is_cut_off_is_called_silent_once_and_fresh_again() {
    let mut group = Group::new(3, rules()).with(|now, from, to, _| {
        let cut = now > at(200.0) && now < at(800.0);
        if cut && (from == "carol" || to == "carol") { lost() } else { soon() }
    });
    group.run(2_400.0);
    let about_carol: Vec<_> = group
        .told("alice")
        .into_iter()
        .filter(|(_, told)| matches!(told, Told::Silent("carol", _) | Told::Fresh("carol")))
        .collect();
    let [(silent_at, Told::Silent(_, since)), (fresh_at, Told::Fresh(_))] = &*about_carol else {
        panic!("{about_carol:?}")
    };
    assert!(*since <= at(200.0) && silent_at.since(*since) >= rules().presence_interval());
    assert!(*fresh_at > at(800.0) && *fresh_at < at(1_500.0));
    assert_eq!(group.all(|told| matches!(told, Told::Silent("bob", _))).len(), 1, "by carol");
    let carol: Vec<_> = group.told("carol");
    assert_eq!(carol.iter().filter(|(_, told)| matches!(told, Told::Silent(..))).count(), 2);
    assert_eq!(carol.iter().filter(|(_, told)| matches!(told, Told::Fresh(_))).count(), 2);
}

#[test]
fn after_an_acked_fin_absence_is_intended() {
    let mut group = Group::new(3, rules()).with(|now, from, to, _| {
        let gone = now > at(90.0) && (from == "carol" || to == "carol");
        if gone { lost() } else { soon() }
    });
    group.write("carol", Kind::Fin);
    group.run(1_000.0);
    assert!(group.told("carol").contains(&(at(5.825), Told::Ended)));
    assert_eq!(group.all(|told| matches!(told, Told::Silent(..))), []);
}

#[test]
fn those_gone_are_not_waited_for() {
    let mut group = Group::new(2, rules()).with(|_, _, _, _| lost());
    group.write("alice", Kind::Payload);
    group.run(10.0);
    let alice = &mut group.members[0];
    assert!(!alice.flow.gone(&"bob"));
    let acked = alice.transcript.waive(&"bob");
    assert_eq!(acked, [0]);
    let settled = alice.flow.fully_acked(&0, &alice.transcript);
    assert_eq!(settled, Some(Settled { kind: Kind::Payload, told: false, goodbye: None }));
    assert_eq!(alice.flow.next_deadline(), None, "nobody is there");
    assert_eq!(alice.flow.packet(&0), None);
}

#[test]
fn withheld_acks_do_not_fill_the_channel() {
    let mut group = Group::new(5, Rules { heartbeats: false, ..rules() })
        .with(|_, _, to, _| if to == "erin" { lost() } else { soon() });
    for _ in 0..100 {
        group.write("alice", Kind::Payload);
    }
    group.run(3_600.0);
    let resent = group.all(|told| matches!(told, Told::Resent(0))).len();
    // 5 s · 2¹⁰ is more than an hour; some rounds are two members', and acks are among them.
    assert!((8..=24).contains(&resent), "{resent}");
    let in_one_latency = group.all(is_resent);
    let most = in_one_latency.iter().map(|(_, from, _)| {
        let until = from.after(Duration::from_secs(5));
        in_one_latency.iter().filter(|(_, when, _)| (*from..until).contains(when)).count()
    });
    assert!(most.max().unwrap() <= 4 * 70, "each of four keeps the pace");
}

#[test]
fn what_everybody_has_is_not_kept() {
    let mut group = Group::new(2, Rules { heartbeats: false, ..rules() });
    for minute in 0..100 {
        group.run(f64::from(minute) * 60.0);
        group.write("alice", Kind::Payload);
    }
    group.run(6_000.0);
    // Bob writes nothing but acks, of which nothing tells that everybody has them.
    assert_eq!(group.written.len(), 200);
    for member in &group.members {
        assert!(member.flow.cache.len() <= 4, "{}", member.flow.cache.len());
    }
}

#[test]
fn strangers_in_the_room_neither_ask_nor_put_off() {
    let mut group = Group::new(2, rules());
    group.write("bob", Kind::Payload);
    group.run(40.0);
    const NONE: [u32; 0] = [];
    let alice = &mut group.members[0];
    assert_eq!(alice.flow.duplicate(at(40.0), &0, &"mallory", &alice.transcript), NONE);
    assert_eq!(alice.flow.duplicate(at(40.0), &0, &"alice", &alice.transcript), NONE);
    assert_eq!(alice.flow.duplicate(at(40.0), &0, &"bob", &alice.transcript), [1]);
}

#[test]
fn after_the_end_nothing_is_sent() {
    let mut group = Group::new(2, rules()).with(|_, _, _, _| lost());
    group.write("alice", Kind::Payload);
    group.write("alice", Kind::Fin);
    group.run(79.9);
    let alice = &mut group.members[0];
    assert!(!alice.flow.is_open());
    group.run(300.0);
    let alice = group.told("alice");
    assert_eq!(alice.last(), Some(&(at(80.0), Told::Ended)));
    assert_eq!(alice.iter().filter(|(_, t)| matches!(t, Told::NotFullyAcked(_))).count(), 2);
}

#[test]
fn stopping_early_tells_of_what_was_not_told() {
    let mut group = Group::new(2, rules()).with(|_, _, _, _| lost());
    group.write("alice", Kind::Payload);
    group.run(30.0);
    group.write("alice", Kind::Payload);
    let alice = &mut group.members[0];
    assert_eq!(alice.flow.stop(), (vec![(1, Kind::Payload)], true));
    assert_eq!(alice.flow.stop(), (vec![], false));
    assert_eq!(alice.flow.next_deadline(), None);
}

/// The first dialect: automatic acks, monitors and the end; nothing else, and nothing kept.
#[test]
fn the_first_dialect_does_only_what_it_always_did() {
    let js = Rules::new(&crate::Config::default(), mpenc_wire::Dialect::MPENC_JS);
    let mut group =
        Group::new(3, js).with(|_, _, to, _| if to == "carol" { lost() } else { soon() });
    group.write("alice", Kind::Payload);
    group.run(500.0);
    group.write("alice", Kind::Fin);
    group.run(600.0);
    assert_eq!(group.all(is_resent), []);
    assert_eq!(
        group.told("alice"),
        [
            (at(0.0), Told::Wrote(0, Kind::Payload)),
            (at(26.0), Told::NotFullyAcked(0)),
            (at(500.0), Told::Wrote(2, Kind::Fin)),
            (at(526.0), Told::NotFullyAcked(2)),
            (at(580.0), Told::Ended),
        ]
    );
    let acks = group.all(|told| matches!(told, Told::Wrote(_, Kind::AckAutomatic)));
    let acks: Vec<_> = acks.into_iter().map(|(name, when, _)| (name, when)).collect();
    assert_eq!(acks, [("bob", at(21.1)), ("bob", at(521.1))]);
    assert_eq!(group.members[0].flow.cache.len(), 0);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// On a channel that loses, repeats and delays, everything is fully acked by everybody in the
    /// end, and every notice is withdrawn.
    #[test]
    fn everything_is_fully_acked_in_the_end(
        members in 2_usize..6,
        loss in 0_u64..40,
        seed: u64,
        script in prop::collection::vec((0_usize..5, 0_u8..40), 1..30),
    ) {
        let mut state = seed | 1;
        let mut random = move || {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            state >> 33
        };
        let mut group = Group::new(members, rules()).with(move |now, _, _, _| {
            // In the end it mends, or there would always be a last one that is lost.
            if now > at(2_000.0) {
                return soon();
            }
            if random() % 100 < loss {
                return lost();
            }
            let copies = if random() % 100 < 5 { 2 } else { 1 };
            (0..copies).map(|_| Duration::from_millis(random() % 5_000)).collect()
        });
        let mut now = 0.0;
        for (author, wait) in script {
            now += f64::from(wait);
            group.run(now);
            group.write(NAMES[author % members], Kind::Payload);
        }
        let payloads = group.written.iter().zip(0_u32..).filter(|(w, _)| w.kind == Kind::Payload);
        let payloads: Vec<u32> = payloads.map(|(_, id)| id).collect();
        group.run(4_500.0);
        for member in &group.members {
            for id in &payloads {
                prop_assert!(member.transcript.is_fully_acked(id), "{} {}", member.name, id);
            }
            for about in NAMES {
                let mut notices = member.told.iter().filter_map(|(_, told)| match told {
                    Told::Silent(name, _) if *name == about => Some(true),
                    Told::Fresh(name) if *name == about => Some(false),
                    _ => None,
                });
                prop_assert!(!notices.next_back().unwrap_or(false), "{about} is called silent");
            }
            // What is not fully acked yet are the latest heartbeats.
            prop_assert!(member.flow.cache.len() < 8 * members, "{}", member.flow.cache.len());
            prop_assert!(member.pending.is_empty());
        }
    }
}
