//! Members tell each other what they were told of the order of operations, and call out a server
//! that tells different stories.

use mpenc_session::{
    ApiMisuse, ChannelEvent, Event, HistoryFault, Membership, OperationId, Severity,
};

use crate::group::{Group, config, id, ids};

pub fn mismatches(events: &[Event]) -> Vec<(&mpenc::MemberId, &HistoryFault)> {
    events
        .iter()
        .filter_map(|event| match event {
            Event::OrderMismatch { member, fault } => Some((member, fault)),
            _ => None,
        })
        .collect()
}

/// Nobody has to write for it: heartbeats carry it, before anybody is missed.
#[test]
fn all_confirm_every_operation_also_one_that_failed() {
    let mut group = Group::new(51, &["a", "b", "c", "d"]);
    group.establish(&["a", "b", "c"]);
    for name in ["a", "b", "c"] {
        assert_eq!(group.session(name).history_unconfirmed_by().len(), 2, "{name}");
    }
    group.run(60);
    group.join("d");
    let own = group.include("a", &["d"]);
    group.sim.freeze(group.node("d"));
    group.run(1);
    group.sim.act(group.node("b"), |session, cx, out| session.abort(cx, "no", out)).unwrap();
    group.run(60);
    assert_ended_badly(&mut group, own);
    for name in ["a", "b", "c"] {
        assert_eq!(group.session(name).history_unconfirmed_by(), ids(&[]));
        let events = group.events(name);
        let alarming = events.iter().find(|event| {
            matches!(event, Event::HistoryUnconfirmed { .. })
                || event.severity() >= Severity::Security
        });
        assert_eq!(alarming, None, "{name}");
    }
}

fn assert_ended_badly(group: &mut Group, own: OperationId) {
    let ended = group.events("a").into_iter().any(|event| {
        matches!(event, Event::OperationEnded { own: it, outcome } if it == own
            && matches!(outcome, mpenc_session::Outcome::Failed(_)))
    });
    assert!(ended);
}

/// Has the server tell only `victim` of an operation, and that it failed.
pub fn tell_a_story_of_its_own(group: &mut Group, victim: &str) {
    group.join("d");
    group.sim.record();
    let proposer = group.node("a");
    group.sim.freeze(proposer);
    group.include("a", &["d"]);
    group.sim.lose_outgoing(proposer);
    group.sim.thaw(proposer);
    let packet = group.last_packet_of("a");
    group.hear(victim, ChannelEvent::Packet { sender: &id("a"), packet: &packet });
    group.hear(victim, ChannelEvent::Changed { entered: &[], left: &ids(&["d"]) });
    group.events(victim);
}

/// Leaving and joining again recovers.
#[test]
fn whoever_leaves_and_joins_again_may_propose_again() {
    let mut group = Group::new(54, &["a", "b", "c", "d"]);
    group.establish(&["a", "b", "c"]);
    group.run(60);
    tell_a_story_of_its_own(&mut group, "b");
    group.run(60);
    assert_eq!(group.propose("a", Membership::Refresh), Err(ApiMisuse::OrderDisputed));
    for name in ["a", "b", "c", "d"] {
        group.part(name);
    }
    group.run(300);
    assert_eq!(group.sim.server().members(), ids(&[]));
    group.establish(&["a", "b", "c"]);
    group.propose("a", Membership::Refresh).expect("it is another history");
    group.run(60);
    group.assert_together(&["a", "b", "c"]);
}

/// Operations that follow each other faster than they can be confirmed do not hide who never confirms
/// any; the notice is told once, and withdrawn when they do.
#[test]
fn whoever_confirms_nothing_is_missed_although_operations_follow_each_other() {
    let mut group = Group::new(56, &["a", "b", "c"]);
    group.establish(&["a", "b", "c"]);
    group.run(60);
    for name in ["a", "b", "c"] {
        group.events(name);
    }
    let silent = group.node("c");
    group.sim.freeze(silent);
    let apart = config().full_ack_interval().as_secs() - 6;
    for _ in 0..5 {
        group.propose("a", Membership::Refresh).expect("nothing runs");
        group.run(apart);
    }
    for name in ["a", "b"] {
        assert_eq!(notices(&group.events(name)), [Some(ids(&["c"]))], "{name}");
    }
    group.sim.thaw(silent);
    group.run(60);
    group.assert_together(&["a", "b", "c"]);
    for name in ["a", "b"] {
        assert_eq!(notices(&group.events(name)), [None], "{name}");
    }
    assert_eq!(notices(&group.events("c")), [], "it has slept, and the others have not");
}

/// Who is told to have confirmed nothing, and (`None`) that it is withdrawn.
fn notices(events: &[Event]) -> Vec<Option<Vec<mpenc::MemberId>>> {
    let notice = |event: &Event| match event {
        Event::HistoryUnconfirmed { missing } => Some(Some(missing.clone())),
        Event::HistoryConfirmed => Some(None),
        _ => None,
    };
    events.iter().filter_map(notice).collect()
}

/// Whoever joins is not told of a history that is not theirs, not even by what waited for them.
#[test]
fn whoever_joins_hears_of_their_own_operation_first() {
    let mut group = Group::new(55, &["a", "b", "c"]);
    group.establish(&["a", "b"]);
    let (node, readers) = (group.node("a"), ids(&["b", "c"]));
    group.sim.act(node, |session, cx, out| session.send_to(cx, &readers, "later", out)).unwrap();
    group.join("c");
    group.include("a", &["c"]);
    group.run(60);
    group.assert_together(&["a", "b", "c"]);
    assert_eq!(group.shown("c"), [("a".to_owned(), "later".to_owned())]);
    assert_eq!(mismatches(&group.events("c")), []);
}

/// Whoever was excluded by the only one who remained, and is included again, may have said something
/// of the order before that comes only now. It was true then.
#[test]
fn what_was_said_before_a_group_of_one_is_recognised() {
    let mut group = Group::new(57, &["a", "b"]);
    group.establish(&["a", "b"]);
    group.run(60);
    group.propose("b", Membership::Refresh).expect("nothing runs");
    group.run(1);
    group.sim.record();
    group.send("b", "late");
    let late = group.last_packet_of("b");
    group.sim.lose_outgoing(group.node("b"));
    group.exclude("a", &["b"]);
    group.run(1);
    group.include("a", &["b"]);
    group.run(1);
    group.join("b");
    group.run(2);
    group.assert_together(&["a", "b"]);
    group.events("a");
    group.hear("a", ChannelEvent::Packet { sender: &id("b"), packet: &late });
    group.run(30);
    let events = group.events("a");
    let shown = |event: &Event| matches!(event, Event::Message(message) if message.text == "late");
    assert!(events.iter().any(shown), "{events:?}");
    assert_eq!(mismatches(&events), []);
}

/// Whoever left is not expected to confirm how the operation failed that they left.
#[test]
fn whoever_left_is_not_missed() {
    let mut group = Group::new(58, &["a", "b", "c", "d"]);
    group.establish(&["a", "b", "c"]);
    group.run(60);
    group.join("d");
    group.sim.freeze(group.node("d"));
    group.include("a", &["d"]);
    group.sim.freeze(group.node("b"));
    group.run(1);
    group.sim.crash(group.node("c"));
    group.run(1);
    assert_eq!(group.session("a").history_unconfirmed_by(), ids(&["b"]));
    let failed = |event: &Event| matches!(event, Event::OperationFailed { .. });
    assert!(group.events("a").iter().any(failed), "because c left");
}
