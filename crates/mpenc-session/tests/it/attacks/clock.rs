//! Clocks that jump, and what a server says of who is there: rows 83 and 84.

use std::time::Duration;

use mpenc_session::{ChannelEvent, Ctx, Event, Input, Instant, Output, Outputs, Severity};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;

use super::{alarms, all_is_well, at_rest, said, show};
use crate::group::{Group, id, ids};

const NAMES: [&str; 3] = ["a", "b", "c"];

/// A copy of a session whose clock the test sets.
struct Alone {
    session: mpenc::Session<crate::tap::Wiretapped>,
    rng: ChaCha20Rng,
    start: Duration,
}

impl Alone {
    fn new(group: &Group, name: &str) -> Self {
        let session = group.session(name).clone();
        Self { session, rng: ChaCha20Rng::seed_from_u64(83), start: group.now() }
    }

    /// What it tells when its clock shows this many seconds after, or before, the start.
    fn tick(&mut self, seconds: i64) -> Vec<Event> {
        let offset = Duration::from_secs(seconds.unsigned_abs());
        let now = if seconds < 0 { self.start - offset } else { self.start + offset };
        let mut out = Outputs::new();
        let cx = &mut Ctx::new(Instant::new(now), &mut self.rng);
        self.session.handle(cx, Input::Tick, &mut out);
        let events = out.drain().filter_map(|output| match output {
            Output::Event(event) => Some(event),
            _ => None,
        });
        events.collect()
    }
}

/// ATTACKS 83, "monotonic time; re-arm, no burst of false warnings": after a jump of an hour nothing is
/// late before BC_LAT has passed in which it can be heard; then what is missing is told, once.
#[test]
fn attack_83_a_clock_that_jumps_ahead() {
    let mut group = at_rest(683, &NAMES);
    let (message, _) = said(&mut group, "a", "good night");
    let mut alone = Alone::new(&group, "a");
    assert_eq!(alone.tick(1), []);
    assert_eq!(alone.tick(3_600), [], "nothing is said of what could not be heard");
    assert_eq!(alone.tick(3_602), []);
    let mut events = Vec::new();
    for seconds in 3_603..3_700 {
        events.extend(alone.tick(seconds));
    }
    let missing = ids(&["b", "c"]);
    let late = Event::NotFullyAcked { id: message, missing };
    assert_eq!(events.iter().filter(|event| **event == late).count(), 1, "{events:?}");
    assert!(events.iter().all(|event| event.severity() < Severity::Security), "{events:?}");
}

/// ATTACKS 83: a clock that is set back changes nothing; time goes on from there.
#[test]
fn attack_83_a_clock_that_is_set_back() {
    let mut group = at_rest(684, &NAMES);
    let (message, _) = said(&mut group, "a", "what time is it?");
    let mut alone = Alone::new(&group, "a");
    assert_eq!(alone.tick(10), []);
    assert_eq!(alone.tick(-50), [], "nothing is due earlier");
    let mut events = Vec::new();
    for seconds in -49..0 {
        events.extend(alone.tick(seconds));
    }
    // 10 seconds had passed, and 16 more of FA_INTV were left.
    let told = events
        .iter()
        .any(|event| matches!(event, Event::NotFullyAcked { id, .. } if *id == message));
    assert!(told, "{events:?}");
}

/// ATTACKS 83: a machine that slept hears first what has piled up, and is not alarmed; nor are the
/// others, once it is back.
#[test]
fn attack_83_a_suspended_device() {
    let mut group = at_rest(685, &NAMES);
    let (message, _) = said(&mut group, "a", "good night");
    group.run(1);
    group.sim.freeze(group.node("a"));
    group.run(1_800);
    group.send("b", "good morning");
    group.run(10);
    group.sim.thaw(group.node("a"));
    group.run(60);
    let events = group.events("a");
    assert_eq!(alarms(&events), [] as [&Event; 0]);
    assert!(events.contains(&Event::FullyAcked(message)));
    for name in ["b", "c"] {
        let events = group.events(name);
        let last = events
            .iter()
            .rev()
            .find(|event| matches!(event, Event::MemberExpired { .. } | Event::MemberFresh(_)));
        assert_eq!(last, Some(&Event::MemberFresh(id("a"))), "{name}");
    }
    all_is_well(&mut group, &NAMES);
}

/// ATTACKS 84, "ignore transport presence for security": the channel has c among its members all the
/// time, says that it has just entered, and repeats what it said: `MemberExpired` all the same, until
/// c itself shows a sign.
#[test]
fn attack_84_online_says_the_server() {
    let mut group = at_rest(684, &NAMES);
    let (_, old) = said(&mut group, "c", "here I am");
    group.run(60);
    group.events("a");
    group.sim.freeze(group.node("c"));
    for _ in 0..20 {
        group.run(10);
        let entered = ids(&["c"]);
        group.hear("a", ChannelEvent::Changed { entered: &entered, left: &[] });
        show(&mut group, "a", "c", &old);
    }
    let events = group.events("a");
    assert!(group.session("a").channel_members().any(|member| *member == id("c")));
    let about_c: Vec<&Event> = events
        .iter()
        .filter(|event| match event {
            Event::MemberExpired { member, .. } | Event::MemberFresh(member) => *member == id("c"),
            _ => false,
        })
        .collect();
    assert!(matches!(about_c[..], [Event::MemberExpired { .. }]), "{about_c:?}");
    group.sim.thaw(group.node("c"));
    group.run(100);
    let events = group.events("a");
    assert!(events.contains(&Event::MemberFresh(id("c"))), "{events:?}");
    all_is_well(&mut group, &NAMES);
}
