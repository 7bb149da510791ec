//! Members who cannot be authenticated: a wrong key, a replaying server, and that the two look alike
//! (PROTOCOL 3.4).

use std::collections::BTreeMap;
use std::time::Duration;

use mpenc::{Dialect, LocalIdentity, MemberId};
use mpenc_session::{ChannelEvent, Event, FailReason, Fault, Membership, Outcome, Severity, State};
use mpenc_wire::{GreetType, GreetingFields, MetadataFields, Packet, unarmor};

use crate::group::{Group, config, id, ids};

/// A group of these, where `deceived` has another key for `other` than all others have.
fn with_a_wrong_key(seed: u64, names: &[&str], deceived: &str, other: &str) -> Group {
    let mut group = Group::new(seed, names);
    let mut known: BTreeMap<MemberId, [u8; 32]> = group.known();
    known.insert(id(other), LocalIdentity::from_seed(&[7; 32]).public_key());
    group.add(deceived, known, config());
    group
}

fn unauthenticated(events: &[Event]) -> Vec<&MemberId> {
    events
        .iter()
        .filter_map(|event| match event {
            Event::NotAuthenticated { member, .. } => Some(member),
            _ => None,
        })
        .collect()
}

/// a excludes x, c is too slow to confirm, and a calls it off. Gives b's confirm.
fn aborted_exclude(group: &mut Group) -> String {
    group.asked("b");
    group.sim.freeze(group.node("c"));
    group.exclude("a", &["x"]);
    group.run(1);
    let confirm = group.packets("b").into_iter().find(|packet| is_greeting(packet));
    group.sim.act(group.node("a"), |session, cx, out| session.abort(cx, "wait", out)).unwrap();
    group.run(1);
    group.sim.thaw(group.node("c"));
    group.run(60);
    for name in ["a", "b", "c"] {
        group.events(name);
    }
    confirm.expect("b confirms")
}

/// What anybody in the channel can send: a proposal by o to start a group with a member, on some
/// parent, with no good signature.
fn unsigned(member: &str, prev_pf: &[u8; 32]) -> String {
    let (source, dest) = (id("o"), id(member));
    let mut base_point = [0; 32];
    base_point[0] = 9;
    let fields = GreetingFields {
        greet_type: GreetType::ESTABLISH_INITIAL,
        source: &source,
        dest: Some(&dest),
        members: &ids(&["o", member]),
        int_keys: &[base_point, [8; 32]],
        nonces: &[[1; 32]],
        pub_keys: &[[2; 32]],
        metadata: Some(MetadataFields { prev_pf, chain_hash: &[4; 32], latest_pm: &[] }),
        session_signature: None,
    };
    fields.encode(Dialect::DOCUMENT).unwrap().finish(&[0; 64])
}

fn refused(events: &[Event]) -> usize {
    let fault = |event: &Event| {
        matches!(event, Event::Refused { fault: Fault::Greeting(refused), .. }
            if refused.check == mpenc::greet::Check::SessionSignature)
    };
    events.iter().filter(|event| fault(event)).count()
}

/// The others complete an operation with a member whose confirm c cannot believe. What they say of
/// it tells c, who leaves; nobody else is harmed.
#[test]
fn whoever_has_another_key_of_a_member_leaves_and_says_why() {
    let mut group = with_a_wrong_key(420, &["a", "b", "c", "d", "e"], "c", "d");
    group.establish(&["a", "b", "c"]);
    group.run(60);
    group.join("d");
    group.join("e");
    group.events("c");
    // e sends the downflow, so d's signature comes with a confirm.
    let own = group.include("a", &["d", "e"]);
    group.run(60);
    let events = group.events("c");
    assert_eq!(refused(&events), 1);
    assert_eq!(unauthenticated(&events), [&id("d")], "{events:?}");
    let alarm = events.iter().find(|event| matches!(event, Event::NotAuthenticated { .. }));
    assert_eq!(alarm.unwrap().severity(), Severity::Security);
    assert!(!events.iter().any(|event| matches!(event, Event::OrderMismatch { .. })));
    assert!(!events.iter().any(|event| matches!(event, Event::Members { .. })));
    assert_eq!(group.session("c").state(), State::Outside);
    let outcome = Outcome::Completed;
    assert!(group.events("a").contains(&Event::OperationEnded { own, outcome }));
    group.assert_together(&["a", "b", "d", "e"]);
}

/// An outsider names d in a packet that nothing verifies, as if d answered other proposals: what d
/// signs in the running operation, with the key that it brought to it, is of no other, and a is told.
#[test]
fn nobody_hides_a_wrong_key_by_naming_its_owner() {
    for named in [false, true] {
        let names = ["a", "b", "c", "d", "o"];
        let mut group = with_a_wrong_key(429, &names, "a", "d");
        group.establish(&["a", "b", "c"]);
        group.run(60);
        group.join("d");
        group.join("o");
        group.events("a");
        let (head, _) = group.session("a").order_head().unwrap();
        group.include("b", &["d"]);
        while group.session("a").operation_progress().is_none() {
            group.sim.run_for(Duration::from_millis(1)).unwrap();
        }
        if named {
            let packet = unsigned("d", head.as_bytes());
            group.hear("a", ChannelEvent::Packet { sender: &id("o"), packet: &packet });
        }
        group.run(60);
        let events = group.events("a");
        assert_eq!(refused(&events), 1, "named: {named}: {events:?}");
        assert_eq!(unauthenticated(&events), [&id("d")], "named: {named}: {events:?}");
        assert_eq!(group.session("a").state(), State::Outside);
    }
}

/// c cannot believe d's signature, but it is a who gives up first, since c says nothing. c is told why
/// all the same, and stays: the operation is over for everybody.
#[test]
fn a_wrong_key_is_told_whoever_ends_the_operation() {
    let mut group = with_a_wrong_key(430, &["a", "b", "c", "d"], "c", "d");
    group.establish(&["a", "b", "c"]);
    group.run(60);
    group.join("d");
    group.events("c");
    group.include("a", &["d"]);
    group.run(60);
    let events = group.events("c");
    assert_eq!(unauthenticated(&events), [&id("d")], "{events:?}");
    let aborted = |event: &Event| {
        matches!(event, Event::OperationFailed { reason: FailReason::Aborted { by, .. }, .. }
            if *by == id("a"))
    };
    assert!(events.iter().any(aborted), "{events:?}");
    for name in ["a", "b"] {
        assert!(unauthenticated(&group.events(name)).is_empty(), "{name}");
    }
    group.assert_together(&["a", "b", "c"]);
}

/// A signature that nobody can believe, while all of them wait: only the first of them leaves, which
/// ends it for the others. All are told why.
#[test]
fn an_impostor_costs_the_group_one_operation() {
    // Everybody knows another key of d than d has.
    let names = ["a", "b", "c", "d", "e"];
    let mut group = Group::new(421, &names);
    let mut wrong = group.known();
    wrong.insert(id("d"), LocalIdentity::from_seed(&[7; 32]).public_key());
    for name in ["a", "b", "c", "e"] {
        group.add(name, wrong.clone(), config());
    }
    group.establish(&["a", "b", "c"]);
    group.run(60);
    group.join("d");
    group.join("e");
    group.include("a", &["d", "e"]);
    group.run(60);
    for name in ["a", "b", "c"] {
        assert_eq!(unauthenticated(&group.events(name)), [&id("d")], "{name}");
    }
    assert_eq!(group.session("a").state(), State::Outside);
    group.assert_together(&["b", "c"]);
}

/// The last confirm of an exclude that was aborted comes again in its retry, which has the same
/// members: it changes nothing, and the good one completes it (ATTACKS 4).
#[test]
fn a_late_confirm_of_an_aborted_exclude_changes_nothing_in_its_retry() {
    let mut group = Group::new(422, &["a", "b", "c", "x"]);
    group.establish(&["a", "b", "c", "x"]);
    group.run(60);
    let old = aborted_exclude(&mut group);
    group.sim.freeze(group.node("b"));
    let own = group.exclude("a", &["x"]);
    group.run(1);
    // Before b has said anything.
    for name in ["a", "c"] {
        let before = format!("{:?}", group.session(name).operation_progress());
        let packet = ChannelEvent::Packet { sender: &id("b"), packet: &old };
        group.hear(name, packet);
        assert_eq!(refused(&group.events(name)), 1, "{name}");
        let after = format!("{:?}", group.session(name).operation_progress());
        assert_eq!(before, after, "{name}");
    }
    group.sim.thaw(group.node("b"));
    group.run(2);
    let outcome = Outcome::Completed;
    assert!(group.events("a").contains(&Event::OperationEnded { own, outcome }));
    group.run(60);
    group.assert_together(&["a", "b", "c"]);
    for name in ["a", "b", "c"] {
        assert!(unauthenticated(&group.events(name)).is_empty(), "{name}");
    }
}

/// b's confirm of an exclude that was aborted was slow, and comes in its retry, of which b confirms
/// nothing any more. It may be of the one before, for all that c knows: c accuses nobody, and aborts.
#[test]
fn a_confirm_that_may_be_of_a_failed_operation_proves_nothing() {
    let mut group = Group::new(431, &["a", "b", "c", "x"]);
    group.establish(&["a", "b", "c", "x"]);
    group.run(60);
    group.asked("b");
    group.exclude("a", &["x"]);
    let slow = loop {
        group.sim.run_for(Duration::from_millis(1)).unwrap();
        if let Some(confirm) = group.packets("b").into_iter().find(|packet| is_greeting(packet)) {
            break confirm;
        }
    };
    group.sim.lose_outgoing(group.node("b"));
    group.run(1);
    group.sim.act(group.node("a"), |session, cx, out| session.abort(cx, "wait", out)).unwrap();
    group.run(60);
    group.events("c");
    group.sim.freeze(group.node("b"));
    group.exclude("a", &["x"]);
    group.run(1);
    group.hear("c", ChannelEvent::Packet { sender: &id("b"), packet: &slow });
    // It is c who aborts.
    group.sim.freeze(group.node("a"));
    group.run(20);
    let events = group.events("c");
    assert_eq!(refused(&events), 0, "{events:?}");
    assert!(unauthenticated(&events).is_empty(), "{events:?}");
    let aborted = |event: &Event| {
        matches!(event, Event::OperationFailed { reason: FailReason::Aborted { by, .. }, .. }
            if *by == id("c"))
    };
    assert!(events.iter().any(aborted), "{events:?}");
    assert_eq!(group.session("c").state(), State::Joined);
}

/// The server replays an old confirm to one member, and keeps the good one back. Whoever's turn to
/// abort is earlier does so, which ends it; if they are kept back as well, that member leaves. It looks
/// like a wrong key either way.
#[test]
fn a_replaying_server_looks_like_a_wrong_key() {
    for (silent, alone) in [(&["b"][..], false), (&["a", "b"], true)] {
        let mut group = Group::new(423, &["a", "b", "c", "x"]);
        group.establish(&["a", "b", "c", "x"]);
        group.run(60);
        let old = aborted_exclude(&mut group);
        group.sim.freeze(group.node("b"));
        group.exclude("a", &["x"]);
        group.run(1);
        group.hear("c", ChannelEvent::Packet { sender: &id("b"), packet: &old });
        for name in silent {
            group.sim.freeze(group.node(name));
        }
        group.run(30);
        let events = group.events("c");
        let aborted = events.iter().any(|event| {
            matches!(event, Event::OperationFailed { reason: FailReason::Aborted { by, .. }, .. }
                if *by == id("a"))
        });
        assert_eq!(aborted, !alone, "{events:?}");
        assert_eq!(unauthenticated(&events), [&id("b")], "{events:?}");
        let state = if alone { State::Outside } else { State::Joined };
        assert_eq!(group.session("c").state(), state);
    }
}

/// Whoever waits to be included drops what they cannot believe, and stays. That somebody in the room
/// names the one who is not who they should be hides nothing.
#[test]
fn whoever_waits_does_not_leave_for_a_signature() {
    let mut group = with_a_wrong_key(424, &["a", "b", "c", "d", "o"], "d", "b");
    group.establish(&["a", "b", "c"]);
    group.run(60);
    group.join("d");
    group.join("o");
    group.hear("d", ChannelEvent::Packet { sender: &id("o"), packet: &unsigned("b", &[3; 32]) });
    group.events("d");
    group.include("a", &["d"]);
    group.run(120);
    let events = group.events("d");
    let dropped: Vec<_> = events
        .iter()
        .filter_map(|event| match event {
            Event::CandidateDropped { reason, .. } => Some((reason, event.severity())),
            _ => None,
        })
        .collect();
    let reason = FailReason::NotAuthenticated(id("b"));
    assert_eq!(dropped, [(&reason, Severity::Security)], "{events:?}");
    assert_eq!(group.session("d").state(), State::Waiting);
    assert_eq!(group.propose("d", Membership::Refresh), Err(mpenc_session::ApiMisuse::NotSynced));
    assert!(unauthenticated(&events).is_empty());
    assert_eq!(group.session("a").members(), ids(&["a", "b", "c", "d"]), "as far as they know");
}

/// Two propose to include d and e at once, and one of them loses: d and e answer both, each with keys
/// of its own. So what is signed with those of the one that runs is no stray answer to the other.
#[test]
fn an_answer_to_one_of_two_proposals_is_no_answer_to_the_other() {
    let mut group = with_a_wrong_key(425, &["a", "b", "c", "d", "e"], "c", "d");
    group.establish(&["a", "b", "c"]);
    group.run(60);
    group.join("d");
    group.join("e");
    group.events("c");
    group.include("a", &["d", "e"]);
    group.include("b", &["d", "e"]);
    group.run(60);
    let events = group.events("c");
    assert_eq!(refused(&events), 1, "{events:?}");
    assert_eq!(unauthenticated(&events), [&id("d")], "{events:?}");
    assert!(!events.iter().any(|event| matches!(event, Event::OrderMismatch { .. })), "{events:?}");
    assert_eq!(group.session("c").state(), State::Outside);
    group.run(60);
    group.assert_together(&["a", "b", "d", "e"]);
}

/// What an operation leads to is complete for others, who write under its keys: whoever refused a
/// signature need not wait for more.
#[test]
fn whoever_hears_others_write_under_the_new_keys_leaves_at_once() {
    let mut group = with_a_wrong_key(426, &["a", "b", "c"], "a", "b");
    for name in ["a", "b", "c"] {
        group.join(name);
    }
    group.include("a", &["b", "c"]);
    group.run(1);
    assert_eq!(group.session("c").state(), State::Joined);
    assert_eq!(group.session("a").state(), State::Alone);
    assert!(unauthenticated(&group.events("a")).is_empty());
    group.send("c", "is a there?");
    group.run(1);
    let events = group.events("a");
    assert_eq!(unauthenticated(&events), [&id("b")], "once: {events:?}");
    assert_eq!(group.session("a").state(), State::Outside);
    assert!(group.shown("a").is_empty());
    group.run(60);
    group.assert_together(&["b", "c"]);
}

/// So does whoever hears of a proposal that builds on the packet that they refused.
#[test]
fn whoever_hears_a_proposal_on_what_they_refused_leaves_at_once() {
    let mut group = with_a_wrong_key(427, &["a", "b", "c"], "a", "b");
    for name in ["a", "b", "c"] {
        group.join(name);
    }
    group.include("a", &["b", "c"]);
    group.run(1);
    group.events("a");
    group.asked("c");
    group.sim.freeze(group.node("c"));
    group.propose("c", Membership::Refresh).unwrap();
    // All that a hears is the proposal, before anybody writes.
    let proposal = group.packets("c").remove(0);
    group.hear("a", ChannelEvent::Packet { sender: &id("c"), packet: &proposal });
    group.run(1);
    let events = group.events("a");
    assert_eq!(unauthenticated(&events), [&id("b")], "{events:?}");
    assert!(!events.iter().any(|event| matches!(event, Event::OrderMismatch { .. })), "{events:?}");
    assert_eq!(group.session("a").state(), State::Outside);
}

/// In a dialect without abort packets, whoever cannot confirm, or cannot believe another, leaves the
/// channel.
#[test]
fn without_aborts_whoever_does_not_know_a_member_leaves() {
    // Nobody's key at all, and a wrong one.
    for wrong in [false, true] {
        let names = ["a", "b", "c", "d"];
        let mut group = Group::speaking(Dialect::MPENC_JS, 428, &names, &config());
        let mut known = group.known();
        known.remove(&id("c"));
        if wrong {
            known.insert(id("c"), LocalIdentity::from_seed(&[7; 32]).public_key());
        }
        group.add("b", known, config());
        group.establish(&["a", "b"]);
        group.join("c");
        group.join("d");
        group.events("b");
        group.asked("b");
        group.include("a", &["c", "d"]);
        group.run(60);
        let events = group.events("b");
        let cannot = events.iter().any(|event| matches!(event, Event::CannotConfirm { .. }));
        assert_eq!(cannot, !wrong, "{events:?}");
        let blamed: Vec<_> = wrong.then(|| id("c")).into_iter().collect();
        assert_eq!(unauthenticated(&events), blamed.iter().collect::<Vec<_>>(), "{events:?}");
        assert!(events.contains(&Event::LeftChannel), "{events:?}");
        assert!(!events.iter().any(|event| matches!(event, Event::Members { .. })), "{events:?}");
        let confirms = group.packets("b").iter().filter(|packet| is_confirm(packet)).count();
        assert_eq!(confirms, usize::from(wrong), "nothing is confirmed without a key");
    }
}

fn is_greeting(packet: &str) -> bool {
    let mut contents = Vec::new();
    let contents = unarmor(packet, &mut contents).unwrap();
    matches!(Packet::decode(Dialect::DOCUMENT, contents), Ok(Packet::Greeting(_)))
}

fn is_confirm(packet: &str) -> bool {
    let mut contents = Vec::new();
    let contents = unarmor(packet, &mut contents).unwrap();
    matches!(Packet::decode(Dialect::MPENC_JS, contents),
        Ok(Packet::Greeting(packet)) if packet.greet_type.is_confirm())
}
