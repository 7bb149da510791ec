//! A server that tells different stories of the order of operations, or one that suits it: rows 6 to
//! 9, and 15.

use mpenc_session::{ApiMisuse, ChannelEvent, Event, HistoryFault, Membership, Outcome, Severity};

use super::{alarms, all_is_well, at_rest, is_greeting, settle, show, unchanged};
use crate::group::{Group, id, ids};
use crate::history::{mismatches, tell_a_story_of_its_own};

const NAMES: [&str; 3] = ["a", "b", "c"];

fn outcomes(events: &[Event]) -> Vec<&Outcome> {
    let ended = events.iter().filter_map(|event| match event {
        Event::OperationEnded { outcome, .. } => Some(outcome),
        _ => None,
    });
    ended.collect()
}

/// From now on nobody who is told something else than `victim` builds on a common history.
fn assert_disputed(group: &mut Group, name: &str) {
    assert_eq!(group.propose(name, Membership::Refresh), Err(ApiMisuse::OrderDisputed), "{name}");
    assert!(!group.session(name).is_consistent(), "{name}");
}

/// Leaving and joining again recovers.
fn all_come_again(group: &mut Group, names: &[&str]) {
    for name in names {
        group.part(name);
    }
    group.run(300);
    assert_eq!(group.sim.server().members(), ids(&[]));
    group.establish(names);
    settle(group, names);
    all_is_well(group, names);
}

/// ATTACKS 6, "parent refs authenticated (SO-08)": the proposal that was sent first comes second for
/// everybody; it names a parent that is taken, is rejected, and its author is told by whose. That the
/// server chooses is an accepted limit.
#[test]
fn attack_06_operations_reordered_for_all_alike() {
    let mut group = at_rest(606, &NAMES);
    // What a sends waits until b's operation is over.
    group.sim.freeze(group.node("a"));
    let own = group.propose("a", Membership::Exclude(&ids(&["c"]))).unwrap();
    group.propose("b", Membership::Refresh).unwrap();
    group.run(2);
    group.sim.thaw(group.node("a"));
    group.run(2);
    let rejected = Outcome::Rejected { by: id("b") };
    let events = group.events("a");
    assert!(events.contains(&Event::OperationEnded { own, outcome: rejected }), "{events:?}");
    for name in ["b", "c"] {
        let events = group.events(name);
        assert_eq!(alarms(&events), [] as [&Event; 0], "{name}");
    }
    group.assert_together(&NAMES);
    all_is_well(&mut group, &NAMES);
}

/// ATTACKS 7, "CH exchange (SO-16)": `OrderMismatch` with both values, and own operations refused. One
/// member is told of an operation, and that it failed because of somebody who left; the others are
/// not. The keys are the same, and the histories are not.
#[test]
fn attack_07_operations_in_another_order_for_one_member() {
    let mut group = Group::new(607, &["a", "b", "c", "d"]);
    group.establish(&NAMES);
    group.run(60);
    tell_a_story_of_its_own(&mut group, "b");
    group.run(60);
    for name in ["a", "c"] {
        let events = group.events(name);
        let [(member, HistoryFault::Unknown { theirs, .. })] = mismatches(&events)[..] else {
            panic!("{name}: {:?}", mismatches(&events));
        };
        assert_eq!(*member, id("b"));
        assert_eq!(Some(*theirs), group.session("b").order_head().map(|(packet, _)| packet));
        assert_disputed(&mut group, name);
    }
    // The one who was lied to only sees that the others do not say the same.
    let events = group.events("b");
    let missing = ids(&["a", "c"]);
    assert!(events.contains(&Event::HistoryUnconfirmed { missing }), "{events:?}");
    all_come_again(&mut group, &["a", "b", "c", "d"]);
}

/// ATTACKS 7: a proposal of the one who was lied to is evidence by itself.
#[test]
fn attack_07_a_proposal_on_another_history() {
    let mut group = Group::new(617, &["a", "b", "c", "d"]);
    group.establish(&NAMES);
    group.run(60);
    tell_a_story_of_its_own(&mut group, "b");
    group.hear("b", ChannelEvent::Changed { entered: &ids(&["d"]), left: &[] });
    group.propose("b", Membership::Refresh).unwrap();
    group.run(1);
    for name in ["a", "c"] {
        let events = group.events(name);
        let [(member, HistoryFault::Proposal(_))] = mismatches(&events)[..] else {
            panic!("{name}: {:?}", mismatches(&events));
        };
        assert_eq!(*member, id("b"));
        assert_disputed(&mut group, name);
    }
}

/// ATTACKS 8, "recipients in pId + CH": one member is told that somebody is in the channel whom the
/// others do not see. The same operation has another id for them.
#[test]
fn attack_08_other_members_of_the_channel_for_one_member() {
    let mut group = at_rest(608, &NAMES);
    let ghost = ids(&["ghost"]);
    group.hear("b", ChannelEvent::Changed { entered: &ghost, left: &[] });
    assert_eq!(group.events("b"), [Event::MemberEntered(ghost[0].clone())]);
    group.propose("a", Membership::Refresh).unwrap();
    group.run(60);
    for (name, others) in [("a", ["b"].as_slice()), ("c", &["b"]), ("b", &["a", "c"])] {
        let events = group.events(name);
        let told = mismatches(&events);
        for other in others {
            assert!(told.iter().any(|(member, _)| **member == id(other)), "{name}: {told:?}");
        }
        assert_disputed(&mut group, name);
    }
    // They all have the keys, and talk; nothing is built on it.
    assert_eq!(group.session("a").members(), group.session("b").members());
    group.hear("b", ChannelEvent::Changed { entered: &[], left: &ghost });
    all_come_again(&mut group, &NAMES);
}

/// ATTACKS 9, "CH exchange; full-ack in new subsession": the operation that includes d completes for
/// the others, and b is told before its end that d left. `OrderMismatch` and `HistoryUnconfirmed`.
#[test]
fn attack_09_an_end_for_some_and_a_failure_for_another() {
    let names = ["a", "b", "c", "d"];
    let mut group = Group::new(609, &names);
    group.establish(&NAMES);
    group.run(100);
    group.join("d");
    group.sim.freeze(group.node("c"));
    group.include("a", &["d"]);
    group.run(1);
    let awaited = group.session("b").operation_progress().unwrap().awaited;
    assert_eq!(awaited, ids(&["c"]), "c's confirm is the final packet");
    group.sim.freeze(group.node("b"));
    group.sim.thaw(group.node("c"));
    group.run(1);
    group.hear("b", ChannelEvent::Changed { entered: &[], left: &ids(&["d"]) });
    for name in names {
        group.events(name);
    }
    group.sim.thaw(group.node("b"));
    let message = group.send("a", "does everybody hear me?");
    group.run(60);

    assert_eq!(group.session("a").members(), ids(&names));
    assert_eq!(group.session("b").members(), ids(&NAMES), "for b it failed");
    let mut found_out = false;
    for name in ["a", "c", "d"] {
        let events = group.events(name);
        let unconfirmed = events.iter().any(|event| {
            matches!(event, Event::HistoryUnconfirmed { missing } if *missing == ids(&["b"]))
        });
        let mismatch = mismatches(&events);
        assert!(mismatch.iter().all(|(member, _)| **member == id("b")));
        assert!(unconfirmed || !mismatch.is_empty(), "{name}: {events:?}");
        found_out |= !mismatch.is_empty();
        let missing = ids(&["b"]);
        assert!(events.contains(&Event::NotFullyAcked { id: message, missing }), "{events:?}");
    }
    assert!(found_out, "the order acks of b are heard in the old sub-session");
    let events = group.events("b");
    assert!(events.iter().any(|event| event.severity() > Severity::Info), "{events:?}");
    all_come_again(&mut group, &names);
}

/// ATTACKS 15: the server holds a's proposals back until an accomplice's have won. It cannot be told
/// from chance, and each time a is told who won.
#[test]
fn attack_15_an_echo_delayed_until_another_has_won() {
    let names = ["a", "b", "m"];
    let mut group = at_rest(615, &names);
    for round in 1..=5 {
        group.events("a");
        group.sim.freeze(group.node("a"));
        group.propose("a", Membership::Exclude(&ids(&["m"]))).unwrap();
        group.propose("m", Membership::Refresh).unwrap();
        group.run(2);
        group.sim.thaw(group.node("a"));
        group.run(2);
        let events = group.events("a");
        let expected = Outcome::Rejected { by: id("m") };
        assert_eq!(outcomes(&events), [&expected], "round {round}");
        group.assert_together(&names);
    }
    // It is not proposed again by itself (SO-17); and an honest turn succeeds.
    group.run(60);
    group.assert_together(&names);
    group.exclude("a", &["m"]);
    group.run(60);
    group.assert_together(&["a", "b"]);
    all_is_well(&mut group, &["a", "b"]);
}

/// ATTACKS 6: a packet that comes before the one that it follows on, for one member only, is no
/// different from a false one: refused, until its turn comes.
#[test]
fn attack_06_a_confirm_before_its_operation() {
    let mut group = at_rest(616, &["a", "b", "c", "d"]);
    group.sim.freeze(group.node("b"));
    group.asked("c");
    group.exclude("a", &["d"]);
    group.run(1);
    let confirm = group.packets("c").into_iter().find(|packet| is_greeting(packet)).unwrap();
    let head = group.session("b").order_head();
    unchanged(&mut group, "b", |group| show(group, "b", "c", &confirm));
    assert_eq!(group.session("b").order_head(), head);
    group.sim.thaw(group.node("b"));
    group.run(60);
    group.assert_together(&NAMES);
    all_is_well(&mut group, &NAMES);
}
