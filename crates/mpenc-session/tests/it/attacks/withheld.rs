//! A channel that delays and drops: rows 5 and 10 to 13.

use std::time::Duration;

use mpenc_session::{Event, Severity, State};

use super::{alarms, all_is_well, at_rest, run_deaf, run_mute, said, show, texts};
use crate::group::{id, ids};

const NAMES: [&str; 3] = ["a", "b", "c"];

/// ATTACKS 5, "parent buffer": silent; `NotAccepted` on a long gap, withdrawn when it is closed.
#[test]
fn attack_05_messages_out_of_order() {
    for gap in [1, 8] {
        let mut group = at_rest(605, &NAMES);
        let (_, first) = said(&mut group, "a", "first");
        group.run(1);
        group.sim.freeze(group.node("b"));
        let (missing, missed) = said(&mut group, "a", "second");
        let (last, third) = said(&mut group, "a", "third");
        group.events("b");
        show(&mut group, "b", "a", &third);
        assert_eq!(group.events("b"), [], "it waits");
        assert!(!texts(&group, "b").contains(&"third".to_owned()), "out of sight");
        group.run(gap);
        group.tick("b");
        let told = Event::NotAccepted { author: id("a"), id: last, missing: vec![missing] };
        let expected = if gap > 5 { vec![told] } else { vec![] };
        assert_eq!(group.events("b"), expected);
        show(&mut group, "b", "a", &missed);
        let events = group.events("b");
        assert_eq!(events.contains(&Event::Accepted(last)), gap > 5, "{events:?}");
        let expected = ["first", "second", "third"];
        assert_eq!(texts(&group, "b"), expected, "in the order in which they were written");
        show(&mut group, "b", "a", &first);
        group.sim.thaw(group.node("b"));
        group.run(60);
        assert_eq!(texts(&group, "b"), expected);
        assert_eq!(alarms(&group.events("b")), [] as [&Event; 0]);
        all_is_well(&mut group, &NAMES);
    }
}

/// ATTACKS 10, "missing parent timer; full-ack; resend": `NotAccepted` where it is missing,
/// `NotFullyAcked` with who lacks it elsewhere; both are withdrawn when it was sent again.
#[test]
fn attack_10_one_message_withheld_from_one_member() {
    let mut group = at_rest(610, &NAMES);
    let (lost, _) = said(&mut group, "a", "all but c hear this");
    run_deaf(&mut group, "c", 1);
    let (next, _) = said(&mut group, "b", "what do you say?");
    group.run(20);
    assert_eq!(texts(&group, "b").len(), 2);
    assert!(texts(&group, "c").is_empty());
    let missing = vec![lost];
    assert_eq!(group.events("c"), [Event::NotAccepted { author: id("b"), id: next, missing }]);
    group.run(60);
    for name in ["a", "b"] {
        let events = group.events(name);
        for message in [lost, next] {
            let place = |event| events.iter().position(|told| *told == event);
            let missing = ids(&["c"]);
            let told = place(Event::NotFullyAcked { id: message, missing });
            let withdrawn = place(Event::FullyAcked(message));
            assert!(told.is_some() && told < withdrawn, "{name}: {events:?}");
        }
    }
    assert!(group.events("c").contains(&Event::Accepted(next)));
    assert_eq!(texts(&group, "c"), ["all but c hear this", "what do you say?"]);
    all_is_well(&mut group, &NAMES);
}

/// ATTACKS 11, "heartbeat expiry": nobody wrote anything that c could miss, and yet `MemberExpired`
/// tells that it is cut off; `MemberFresh` when it is not any more. It is so in both directions.
#[test]
fn attack_11_everything_withheld_from_one_member() {
    for deaf in [false, true] {
        let mut group = at_rest(611, &NAMES);
        if deaf {
            run_deaf(&mut group, "c", 260);
        } else {
            run_mute(&mut group, "c", 260);
        }
        let expired = |events: &[Event], who: &str| {
            events.iter().any(
                |event| matches!(event, Event::MemberExpired { member, .. } if *member == id(who)),
            )
        };
        for name in ["a", "b"] {
            let events = group.events(name);
            assert!(expired(&events, "c"), "{name}: {events:?}");
            let other = if name == "a" { "b" } else { "a" };
            assert!(!expired(&events, other), "{name} and {other} hear each other");
            assert!(events.iter().all(|event| event.severity() < Severity::Security));
        }
        let events = group.events("c");
        assert!(expired(&events, "a") && expired(&events, "b"), "c: {events:?}");
        group.run(200);
        for (name, other) in [("a", "c"), ("b", "c"), ("c", "a")] {
            let events = group.events(name);
            if name != "c" || !events.is_empty() {
                assert!(events.contains(&Event::MemberFresh(id(other))), "{name}: {events:?}");
            }
        }
        all_is_well(&mut group, &NAMES);
    }
}

/// ATTACKS 12: what is not acked stays so: `NotFullyAcked` persists as long as acks are dropped, however
/// often the message itself arrives.
#[test]
fn attack_12_acks_withheld() {
    let mut group = at_rest(612, &NAMES);
    let (message, _) = said(&mut group, "a", "did you get this?");
    group.run(15);
    run_mute(&mut group, "c", 80);
    let events = group.events("a");
    let about_it = |event: &&Event| matches!(event, Event::NotFullyAcked { id, .. } | Event::FullyAcked(id) if *id == message);
    let told: Vec<&Event> = events.iter().filter(about_it).collect();
    let missing = ids(&["c"]);
    assert_eq!(told, [&Event::NotFullyAcked { id: message, missing }], "once");
    assert_eq!(group.session("a").unacked_by(&message), ids(&["c"]));
    assert_eq!(texts(&group, "c"), ["did you get this?"], "it arrived all the same");
    group.run(120);
    let events = group.events("a");
    assert!(events.contains(&Event::FullyAcked(message)), "and it is withdrawn: {events:?}");
    all_is_well(&mut group, &NAMES);
}

/// ATTACKS 13, "FIN full-ack timeout": `Parted { consistent: false }`, and what was not acked stays
/// marked for good.
#[test]
fn attack_13_the_end_withheld_before_somebody_parts() {
    let mut group = at_rest(613, &NAMES);
    let (message, _) = said(&mut group, "c", "my last words");
    group.part("c");
    let started = group.now();
    run_mute(&mut group, "c", 79);
    assert_eq!(group.session("c").state(), State::Parting);
    run_mute(&mut group, "c", 2);
    assert!(group.now() - started > Duration::from_secs(80), "16·BC_LAT");
    let events = group.events("c");
    let missing = ids(&["a", "b"]);
    assert!(events.contains(&Event::NotFullyAcked { id: message, missing }), "{events:?}");
    assert!(events.contains(&Event::Parted { consistent: false }), "{events:?}");
    assert!(!events.contains(&Event::FullyAcked(message)));
    group.sim.disconnect(group.node("c"));
    group.run(120);
    assert_eq!(group.session("c").state(), State::Outside);
    for name in ["a", "b"] {
        assert!(texts(&group, name).is_empty(), "they never had it");
        assert!(group.events(name).iter().all(|event| event.severity() < Severity::Security));
    }
    all_is_well(&mut group, &["a", "b"]);
}
