//! What is nobody's fault alarms nobody: lives of groups that the simulator found to be told of
//! something that was not so.

use mpenc_session::{ApiMisuse, Event, Membership};

use crate::group::{Group, config, id, ids};

fn assert_nothing_refused(group: &mut Group, names: &[&str]) {
    for name in names {
        let events = group.events(name);
        let refused = events.iter().find(|event| matches!(event, Event::Refused { .. }));
        assert_eq!(refused, None, "{name}");
    }
}

/// A reader who is gone never acked it, even if another one's ack comes after we stopped waiting.
#[test]
fn a_message_is_not_called_acked_by_somebody_who_is_gone() {
    let mut group = Group::new(41, &["a", "b", "c"]);
    group.establish(&["a", "b", "c"]);
    group.sim.freeze(group.node("a"));
    group.sim.crash(group.node("c"));
    let sent = group.send("b", "for both of you");
    group.run(8);
    group.sim.thaw(group.node("a"));
    group.run(60);
    let events = group.events("b");
    assert!(!events.contains(&Event::FullyAcked(sent)), "{events:?}");
    assert!(events.contains(&Event::Unreachable { id: sent, missing: ids(&["c"]) }), "{events:?}");
}

/// What is left of a failed operation comes while the next one runs.
#[test]
fn what_is_left_of_a_failed_operation_is_nothing_to_tell() {
    let mut group = Group::new(42, &["a", "b", "c", "d", "e"]);
    group.establish(&["a", "b", "c", "d"]);
    group.join("e");
    group.sim.freeze(group.node("c"));
    group.include("a", &["e"]);
    group.run(1);
    // The include fails, and d is excluded; c has seen nothing of it, and confirms both.
    group.sim.crash(group.node("d"));
    group.run(1);
    group.sim.thaw(group.node("c"));
    group.run(60);
    group.assert_together(&["a", "b", "c"]);
    assert_nothing_refused(&mut group, &["a", "b", "c", "e"]);
}

/// Whoever follows an invitation has no say before it completes.
#[test]
fn whoever_is_being_included_cannot_propose() {
    let mut group = Group::new(43, &["a", "b", "c", "d"]);
    group.establish(&["a", "b"]);
    group.join("c");
    group.join("d");
    group.sim.freeze(group.node("b"));
    group.include("a", &["c"]);
    group.run(1);
    let refused = group.propose("c", Membership::Include(&ids(&["d"])));
    assert_eq!(refused, Err(ApiMisuse::NotSynced));
    group.sim.thaw(group.node("b"));
    group.run(60);
    group.assert_together(&["a", "b", "c"]);
    assert_nothing_refused(&mut group, &["a", "b", "c", "d"]);
}

/// Somebody dies and comes back at once: what the others propose before they know is not for the
/// new session, and not against it.
#[test]
fn proposals_that_name_a_session_of_before_are_nothing_to_tell() {
    let mut group = Group::new(44, &["a", "b", "c"]);
    group.establish(&["a", "b", "c"]);
    group.sim.crash(group.node("c"));
    let known = group.known();
    group.add("c", known, config());
    let node = group.node("c");
    group.sim.act(node, |session, cx, out| session.join(cx, out)).unwrap();
    for name in ["a", "b"] {
        group.sim.freeze(group.node(name));
    }
    // Nobody is missing when it comes, so nobody ignores it.
    group.propose("a", Membership::Refresh).unwrap();
    group.run(1);
    assert!(group.sim.server().members().contains(&id("c")));
    for name in ["a", "b"] {
        group.sim.thaw(group.node(name));
    }
    group.run(60);
    assert_nothing_refused(&mut group, &["a", "b", "c"]);
}
