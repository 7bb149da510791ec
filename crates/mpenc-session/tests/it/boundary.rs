//! What an operation says of the messages before it (LATEST_PM): waited for, recovered, or flagged.

use mpenc_session::{Event, Membership, Severity};

use crate::group::{Group, id, run_deaf};

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

fn differs(events: &[Event]) -> Vec<&Event> {
    events.iter().filter(|event| matches!(event, Event::HistoryDiffers { .. })).collect()
}

/// A message that did not come before the operation named it comes by a resend, into its place.
#[test]
fn what_is_missing_at_a_membership_change_is_recovered() {
    let mut group = together(430);
    group.send("a", "before");
    run_deaf(&mut group, "c");
    group.propose("a", Membership::Refresh).unwrap();
    group.run(1);
    group.send("b", "after");
    group.run(1);
    let texts =
        |group: &Group| group.shown("c").into_iter().map(|(_, text)| text).collect::<Vec<_>>();
    assert_eq!(texts(&group), ["after"]);
    assert!(!group.session("c").is_consistent(), "it knows that something is missing");
    group.run(100);
    assert_eq!(texts(&group), ["after", "before"]);
    for name in NAMES {
        let events = group.events(name);
        let alarming = events.iter().find(|event| event.severity() >= Severity::Security);
        assert_eq!(alarming, None, "{name}");
        assert!(group.session(name).is_consistent(), "{name}: {events:?}");
    }
}

/// ATTACKS 46: an operation names a message that nobody but its author has ever seen. It is waited
/// for, then flagged, with who named it; the members and their new keys are good all the same.
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
        let [event @ Event::HistoryDiffers { author, missing, .. }] = told[..] else {
            panic!("{name}: {told:?}");
        };
        assert_eq!((author, &missing[..]), (&id("a"), &[message][..]), "{name}");
        assert_eq!(event.severity(), Severity::Security);
        assert!(events.contains(&Event::Parted { consistent: false }));
        assert!(!group.session(name).is_consistent(), "for good");
    }
    group.send("b", "we go on");
    group.run(1);
    assert_eq!(group.shown("c").last().unwrap().1, "we go on");
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
