//! Operations that are kept from ending, or from beginning: rows 14, 16 and 48.

use mpenc_session::{ChannelEvent, Event, FailReason, Membership, Outcome, Severity, State};

use super::{all_is_well, at_rest, settle};
use crate::group::{Group, id, ids};

const NAMES: [&str; 3] = ["a", "b", "c"];

fn outcomes(events: &[Event]) -> Vec<&Outcome> {
    let ended = events.iter().filter_map(|event| match event {
        Event::OperationEnded { outcome, .. } => Some(outcome),
        _ => None,
    });
    ended.collect()
}

/// ATTACKS 14, "op timeout + abort": failed, naming whom it waited for; whether the upflow is held
/// back, or one confirm. The next operation succeeds.
#[test]
fn attack_14_a_stalled_operation() {
    for silent in ["d", "c"] {
        let mut group = Group::new(614, &["a", "b", "c", "d"]);
        group.establish(&NAMES);
        group.join("d");
        settle(&mut group, &NAMES);
        group.sim.freeze(group.node(silent));
        let own = group.include("a", &["d"]);
        group.run(60);
        for name in ["a", "b"] {
            let events = group.events(name);
            let overdue = events.iter().any(|event| {
                matches!(event, Event::OperationOverdue { awaited, .. } if *awaited == ids(&[silent]))
            });
            assert!(overdue, "{name}: {events:?}");
            let failed = events.iter().find_map(|event| match event {
                Event::OperationFailed { reason: FailReason::Aborted { reason, .. }, .. } => {
                    Some(reason)
                }
                _ => None,
            });
            let failed = failed.unwrap_or_else(|| panic!("{name}: {events:?}"));
            assert!(failed.contains(&format!("waiting for {silent}")), "{failed}");
            assert!(events.iter().all(|event| event.severity() < Severity::Security), "{events:?}");
            if name == "a" {
                let ended = events.iter().any(|event| {
                    matches!(event, Event::OperationEnded { own: it, outcome: Outcome::Failed(_) }
                        if *it == own)
                });
                assert!(ended, "{events:?}");
            }
        }
        group.sim.thaw(group.node(silent));
        group.run(120);
        group.assert_together(&NAMES);
        all_is_well(&mut group, &NAMES);
        group.include("b", &["d"]);
        group.run(2);
        group.assert_together(&["a", "b", "c", "d"]);
    }
}

/// ATTACKS 16, "echo timeout": `TimedOut`, once; it is not proposed again by itself, and may be by the
/// user.
#[test]
fn attack_16_our_own_echo_withheld() {
    let mut group = at_rest(616, &NAMES);
    let own = group.propose("a", Membership::Refresh).unwrap();
    group.sim.lose_outgoing(group.node("a"));
    let head = group.session("a").order_head();
    group.run(9);
    assert!(outcomes(&group.events("a")).is_empty(), "it may come yet");
    group.run(120);
    let events = group.events("a");
    assert_eq!(outcomes(&events), [&Outcome::TimedOut]);
    assert!(events.contains(&Event::OperationEnded { own, outcome: Outcome::TimedOut }));
    assert_eq!(group.session("a").order_head(), head);
    assert!(events.iter().all(|event| event.severity() < Severity::Security), "{events:?}");
    all_is_well(&mut group, &NAMES);
}

/// ATTACKS 48: a false leaving ends an operation, and has whoever was said to leave excluded. It
/// cannot be prevented, and is visible as what it is: a failure because of them, and an exclude by
/// somebody. In between operations it is the exclude alone.
#[test]
fn attack_48_a_false_leaving() {
    for during in [false, true] {
        let mut group = Group::new(648, &["a", "b", "c", "d"]);
        group.establish(&NAMES);
        group.join("d");
        settle(&mut group, &NAMES);
        if during {
            group.sim.freeze(group.node("d"));
            group.include("a", &["d"]);
            group.run(1);
        }
        let gone = ids(&["c"]);
        for name in ["a", "b", "d"] {
            group.hear(name, ChannelEvent::Changed { entered: &[], left: &gone });
        }
        group.sim.thaw(group.node("d"));
        group.run(60);
        let reason = FailReason::MemberLeft(gone.clone());
        for name in ["a", "b"] {
            let events = group.events(name);
            assert!(events.contains(&Event::MemberLeft(id("c"))), "{name}: {events:?}");
            let failed = events.iter().any(
                |event| matches!(event, Event::OperationFailed { reason: it, .. } if *it == reason),
            );
            assert_eq!(failed, during, "{name}: {events:?}");
            let excluded = events.iter().find_map(|event| match event {
                Event::Members { exclude, author, .. } if *exclude == gone => Some(author),
                _ => None,
            });
            assert_eq!(excluded, Some(&id("a")), "the exclude is seen to be an operation by a");
        }
        // The one who never left sees who excluded them; or, if it was told nothing of a failure,
        // that the others were told another story.
        let events = group.events("c");
        let told = events.iter().any(|event| match event {
            Event::Excluded { by } => !during && *by == id("a"),
            Event::OrderMismatch { .. } => during,
            _ => false,
        });
        assert!(told, "{events:?}");
        let state = group.session("c").state();
        assert_eq!(state == State::Joined, during, "it is asked out, or disputes what it sees");
        all_is_well(&mut group, &["a", "b"]);
    }
}
