//! Operations that take too long, and what an abort leads to.

use std::time::Duration;

use mpenc_session::{ChannelAction, Event, FailReason, Outcome, State};

use crate::group::{Group, id};

/// a proposes to include c, who is asleep.
fn stalled(seed: u64) -> Group {
    let mut group = Group::new(seed, &["a", "b", "c"]);
    group.establish(&["a", "b"]);
    group.join("c");
    group.sim.freeze(group.node("c"));
    group.include("a", &["c"]);
    group.run(1);
    for name in ["a", "b"] {
        group.events(name);
    }
    group
}

/// An abort that does not come back within 2·BC_LAT: the channel keeps us from ending an operation,
/// and all that is left to us is to leave it, which ends it too (LOI).
#[test]
fn whoever_cannot_abort_leaves() {
    let mut group = stalled(81);
    let (a, b) = (group.node("a"), group.node("b"));
    // a's turn to abort comes before b's, so it is asleep.
    group.sim.freeze(a);
    group.asked("b");
    let since = group.now();
    group.sim.act(b, |session, cx, out| session.abort(cx, "enough", out)).unwrap();
    group.sim.lose_outgoing(b);
    group.run(9);
    assert_eq!(group.session("b").state(), State::Joined);
    // b's own turn to abort because of the time has not come: it leaves because of the echo.
    group.run(2);
    assert_eq!(group.session("b").state(), State::Outside);
    let asked = group.asked("b");
    let left = asked.iter().find(|(_, action)| *action == ChannelAction::Leave).unwrap();
    assert_eq!(left.0 - since, Duration::from_secs(10));
    let events = group.events("b");
    assert!(
        events.iter().any(|event| matches!(
            event,
            Event::OperationFailed { reason: FailReason::WeLeft, .. }
        )),
        "{events:?}"
    );
    group.sim.thaw(a);
    group.sim.thaw(group.node("c"));
    group.run(60);
    assert_eq!(group.session("a").state(), State::Alone);
    let ended: Vec<_> = group
        .events("a")
        .into_iter()
        .filter_map(|event| match event {
            Event::OperationEnded { outcome, .. } => Some(outcome),
            _ => None,
        })
        .collect();
    let left = FailReason::MemberLeft(vec![id("b")]);
    assert_eq!(ended[0], Outcome::Failed(left), "{ended:?}");
}

/// Whoever's abort came back, or came second, stays.
#[test]
fn whoever_has_aborted_stays() {
    for both in [false, true] {
        let mut group = stalled(82);
        let names = if both { &["a", "b"][..] } else { &["b"] };
        for name in names {
            let node = group.node(name);
            group.sim.act(node, |session, cx, out| session.abort(cx, "enough", out)).unwrap();
        }
        group.run(60);
        group.assert_together(&["a", "b"]);
        for name in ["a", "b"] {
            let events = group.events(name);
            let failed = events.iter().filter(|e| matches!(e, Event::OperationFailed { .. }));
            assert_eq!(failed.count(), 1, "{name}: {events:?}");
            assert!(!events.iter().any(|event| matches!(event, Event::Refused { .. })), "{name}");
        }
    }
}

/// 2·BC_LAT and 50 ms per member is for each packet: an operation that makes progress goes on for
/// longer.
#[test]
fn progress_gives_an_operation_more_time() {
    let mut group = Group::new(83, &["a", "b", "c", "d"]);
    group.establish(&["a", "b"]);
    let names = ["c", "d", "b"];
    for name in ["c", "d"] {
        group.join(name);
    }
    for name in names {
        group.sim.freeze(group.node(name));
    }
    let own = group.include("a", &["c", "d"]);
    group.events("a");
    for name in names {
        group.run(9);
        group.sim.thaw(group.node(name));
    }
    group.run(1);
    group.assert_together(&["a", "b", "c", "d"]);
    let events = group.events("a");
    assert!(events.contains(&Event::OperationEnded { own, outcome: Outcome::Completed }));
    assert!(!events.iter().any(|event| matches!(event, Event::OperationOverdue { .. })));
}

/// The turns to abort: whoever is k-th in MEMBER waits k·BC_LAT/4 after the time is up.
#[test]
fn aborts_because_of_the_time_are_staggered() {
    for rank in 0..2_u32 {
        let mut group = stalled(84);
        let names = ["a", "b"];
        if rank == 1 {
            group.sim.freeze(group.node("a"));
        }
        let name = names[usize::try_from(rank).unwrap()];
        group.asked(name);
        let since = group.now();
        group.run(14);
        let others = names.into_iter().filter(|other| *other != name);
        for other in others {
            assert!(!group.events(other).iter().any(|event| matches!(
                event,
                Event::OperationFailed { reason: FailReason::Aborted { by, .. }, .. }
                    if *by == id(other)
            )));
        }
        let events = group.events(name);
        assert!(
            events.iter().any(|event| matches!(
                event,
                Event::OperationFailed { reason: FailReason::Aborted { by, .. }, .. }
                    if *by == id(name)
            )),
            "{events:?}"
        );
        let asked = group.asked(name);
        let sent = asked.iter().map(|(at, _)| *at - since);
        // The operation began within the second before.
        let due = Duration::from_millis(10_150) + Duration::from_millis(1_250) * rank;
        let in_time = |at: &Duration| due - Duration::from_secs(1) < *at && *at < due;
        assert_eq!(sent.filter(in_time).count(), 1, "{asked:?}");
    }
}

/// c has died, and b says nothing for half an hour: a proposes to exclude c ever more seldom, and does
/// so once b is there again. Whoever leaves is excluded at once.
#[test]
fn an_exclude_that_cannot_end_is_proposed_ever_more_seldom() {
    let names = ["a", "b", "c", "d"];
    // Who comes and goes is no occasion to try again: neither an outsider, nor c, who is asked out.
    for comes in ["z", "c"] {
        let mut group = Group::new(88, &["a", "b", "c", "d", "z"]);
        group.establish(&names);
        group.run(60);
        group.sim.freeze(group.node("b"));
        group.sim.disconnect(group.node("c"));
        group.run(1);
        group.events("a");
        for _ in 0..100 {
            if group.session(comes).state() == State::Outside {
                group.join(comes);
            }
            group.run(2);
            group.sim.disconnect(group.node(comes));
            group.run(14);
        }
        let events = group.events("a");
        let proposed =
            events.iter().filter(|event| matches!(event, Event::Proposed { .. })).count();
        assert!((5..=8).contains(&proposed), "{proposed} proposals while {comes} comes and goes");
    }

    for b_leaves in [false, true] {
        let mut group = Group::new(87, &names);
        group.establish(&names);
        group.run(60);
        group.sim.freeze(group.node("b"));
        group.sim.crash(group.node("c"));
        group.events("a");
        group.run(1_800);
        let events = group.events("a");
        let proposed =
            events.iter().filter(|event| matches!(event, Event::Proposed { .. })).count();
        // After 10, 20, 40, … seconds each, and the time that it takes to give up.
        assert!((6..=8).contains(&proposed), "{proposed} proposals");
        if b_leaves {
            group.sim.crash(group.node("b"));
            group.run(5);
            group.assert_together(&["a", "d"]);
        } else {
            group.sim.thaw(group.node("b"));
            group.run(640);
            group.assert_together(&["a", "b", "d"]);
        }
    }
}
