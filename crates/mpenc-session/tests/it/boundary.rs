//! What an operation says of the messages before it (LATEST_PM): waited for, recovered, or flagged.

use std::time::Duration;

use mpenc_session::{Event, Membership, Severity};

use crate::group::{Group, config, id, ids, run_deaf};

const NAMES: [&str; 3] = ["a", "b", "c"];

fn together(seed: u64) -> Group {
    let mut group = Group::new(seed, &NAMES);
    group.establish(&NAMES);
    group.run(60);
    for name in NAMES {
        group.events(name);
    }
    group
}

fn texts(group: &Group, name: &str) -> Vec<String> {
    group.shown(name).into_iter().map(|(_, text)| text).collect()
}

fn differs(events: &[Event]) -> Vec<&Event> {
    events.iter().filter(|event| matches!(event, Event::HistoryDiffers { .. })).collect()
}

/// A message that did not come before the operation named it comes by a resend; and what was written
/// after the operation is not shown before it.
#[test]
fn what_is_missing_at_a_membership_change_is_recovered() {
    let mut group = together(430);
    group.send("a", "before");
    run_deaf(&mut group, "c");
    group.propose("a", Membership::Refresh).unwrap();
    group.run(1);
    group.send("b", "after");
    group.run(1);
    assert_eq!(texts(&group, "c"), [""; 0]);
    assert!(!group.session("c").is_consistent(), "it knows that something is missing");
    group.run(100);
    assert_eq!(texts(&group, "c"), ["before", "after"]);
    for name in NAMES {
        let events = group.events(name);
        let alarming = events.iter().find(|event| event.severity() >= Severity::Security);
        assert_eq!(alarming, None, "{name}");
        assert!(group.session(name).is_consistent(), "{name}: {events:?}");
    }
}

/// What an author had seen before the operation, though who proposed it had not, comes first as well:
/// the author's FIN tells of it.
#[test]
fn what_its_author_had_seen_before_a_membership_change_is_shown_first() {
    let mut group = together(435);
    group.send("b", "before");
    for _ in 0..100 {
        group.sim.run_for(Duration::from_millis(10)).unwrap();
        group.sim.lose_incoming(group.node("a"));
        group.sim.lose_incoming(group.node("c"));
    }
    group.propose("a", Membership::Refresh).unwrap();
    group.run(1);
    group.send("b", "after");
    group.send("c", "meanwhile");
    group.run(config().broadcast_latency.as_secs() + 1);
    // What c writes follows on what c has, and waits for nothing but c's FIN.
    for name in ["a", "c"] {
        assert_eq!(texts(&group, name), ["meanwhile"], "{name}");
        let waits = group.events(name).into_iter().any(|event| {
            matches!(event, Event::NotAccepted { author, missing, .. }
                if author == id("b") && missing.is_empty())
        });
        assert!(waits, "{name} says so");
    }
    group.run(100);
    for name in ["a", "c"] {
        assert_eq!(texts(&group, name), ["meanwhile", "before", "after"], "{name}");
        let events = group.events(name);
        let withdrawn = events.iter().any(|event| matches!(event, Event::Accepted(_)));
        assert!(withdrawn && group.session(name).is_consistent(), "{name}: {events:?}");
    }
}

/// Nothing waits for ever: what follows on messages that never come is shown when that is told, or when
/// another operation takes the sub-session away in which they could have come.
#[test]
fn what_waited_for_what_never_comes_is_shown_in_the_end() {
    for (renewed, seconds) in [(false, 100), (true, 1)] {
        let mut group = together(436);
        group.send("a", "for nobody");
        group.sim.lose_outgoing(group.node("a"));
        group.propose("a", Membership::Refresh).unwrap();
        group.run(1);
        group.sim.freeze(group.node("a"));
        group.send("b", "after");
        group.run(5);
        assert_eq!(texts(&group, "c"), [""; 0]);
        if renewed {
            group.propose("b", Membership::Refresh).unwrap();
        }
        group.events("c");
        group.run(seconds);
        assert_eq!(texts(&group, "c"), ["after"], "another operation: {renewed}");
        let events = group.events("c");
        let place = |is_it: fn(&Event) -> bool| events.iter().position(is_it);
        let shown = place(|event| matches!(event, Event::Message(_))).unwrap();
        let told = place(|event| matches!(event, Event::Parted { consistent: false })).unwrap();
        assert!(told < shown, "{events:?}");
    }
}

/// ATTACKS 46: an operation names a message that nobody but its author has ever seen. It is waited
/// for, then flagged, with who named it; the members and their new keys are good all the same. If its
/// author has died since, it is no alarm: of the others everybody knows that they did not have it.
#[test]
fn attack_46_messages_that_never_come_are_flagged_at_the_membership_change() {
    let mut group = together(431);
    let message = group.send("a", "for nobody");
    group.sim.lose_outgoing(group.node("a"));
    group.propose("a", Membership::Refresh).unwrap();
    group.run(1);
    group.sim.freeze(group.node("a"));
    group.run(60);
    for name in ["b", "c"] {
        assert!(differs(&group.events(name)).is_empty(), "{name}: it may yet come");
    }
    group.run(40);
    for name in ["b", "c"] {
        let events = group.events(name);
        let told = differs(&events);
        let [event @ Event::HistoryDiffers { author, missing, there, .. }] = told[..] else {
            panic!("{name}: {told:?}");
        };
        assert_eq!((author, &missing[..]), (&id("a"), &[message][..]), "{name}");
        assert_eq!(*there, ids(&[]), "a is asleep");
        assert_eq!(event.severity(), Severity::Liveness);
        assert!(events.contains(&Event::Parted { consistent: false }));
        assert!(!group.session(name).is_consistent(), "for good");
    }
    group.send("b", "we go on");
    group.run(1);
    assert_eq!(group.shown("c").last().unwrap().1, "we go on");
}

/// What was lost with those who had it is missing for good, and nobody is to blame; nor where nobody
/// can be heard. It is the same notice, and no alarm.
#[test]
fn what_nobody_was_there_to_send_again_is_no_alarm() {
    for cut_off in [false, true] {
        let mut group = Group::new(433, &["a", "b", "c", "d"]);
        group.establish(&["a", "b", "c", "d"]);
        group.run(60);
        group.events("b");
        let message = group.send("a", "for nobody");
        group.sim.lose_outgoing(group.node("a"));
        group.propose("a", Membership::Refresh).unwrap();
        group.run(1);
        group.sim.freeze(group.node("a"));
        group.sim.freeze(group.node("d"));
        if cut_off {
            group.sim.cut(group.node("b"));
        }
        // c is heard of until then.
        group.run(60);
        group.sim.crash(group.node("c"));
        group.run(40);
        let events = group.events("b");
        let told = differs(&events);
        let [event @ Event::HistoryDiffers { missing, there, .. }] = told[..] else {
            panic!("{told:?}");
        };
        assert_eq!((&missing[..], &there[..]), (&[message][..], &[][..]), "cut off: {cut_off}");
        assert_eq!(event.severity(), Severity::Liveness);
    }
}

/// Half of the time is over, and messages are still missing: a heartbeat asks all who are there to show
/// it. Otherwise a group may well be silent for that long.
#[test]
fn whoever_misses_messages_asks_who_is_there() {
    for missing in [false, true] {
        let mut group = together(434);
        group.send("a", "lost, or not");
        if missing {
            group.sim.lose_outgoing(group.node("a"));
        } else {
            group.run(60);
        }
        group.events("b");
        group.propose("a", Membership::Refresh).unwrap();
        let completed = |event: &Event| matches!(event, Event::Members { .. });
        while !group.events("b").iter().any(completed) {
            group.sim.run_for(Duration::from_millis(1)).unwrap();
        }
        group.sim.freeze(group.node("a"));
        group.asked("b");
        let half = group.now() + 8 * config().broadcast_latency;
        group.run(60);
        let at_half = group.asked("b").into_iter().filter(|(at, _)| {
            let apart = half.abs_diff(*at);
            apart <= Duration::from_millis(1)
        });
        assert_eq!(at_half.count(), usize::from(missing));
    }
}

/// Whoever takes the old sub-session away before its time cannot say that something is wrong.
#[test]
fn what_could_not_be_waited_for_is_not_flagged() {
    let mut group = together(432);
    group.send("a", "for nobody");
    group.sim.lose_outgoing(group.node("a"));
    for _ in 0..2 {
        group.propose("a", Membership::Refresh).unwrap();
        group.run(1);
    }
    group.run(200);
    for name in NAMES {
        let events = group.events(name);
        assert!(differs(&events).is_empty(), "{name}");
        assert!(events.contains(&Event::Parted { consistent: false }));
    }
    group.assert_together(&NAMES);
}
