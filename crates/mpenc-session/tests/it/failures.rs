//! What a group does when somebody fails.

use std::time::Duration;

use mpenc_greet::Check;
use mpenc_session::{
    ApiMisuse, ChannelAction, ChannelEvent, Event, FailReason, Fault, Membership, Outcome,
    Severity, State,
};
use mpenc_wire::AbortFields;

use crate::group::{Group, config, id, ids, seed};

fn failed(events: &[Event]) -> Vec<&FailReason> {
    events
        .iter()
        .filter_map(|event| match event {
            Event::OperationFailed { reason, .. } => Some(reason),
            _ => None,
        })
        .collect()
}

/// LS: whoever leaves the channel is excluded by the others, without a word of farewell.
#[test]
fn a_crashed_member_is_excluded() {
    let mut group = Group::new(21, &["a", "b", "c"]);
    group.establish(&["a", "b", "c"]);
    group.send("b", "for both of you");
    group.sim.crash(group.node("c"));
    group.run(60);
    group.assert_together(&["a", "b"]);
    for name in ["a", "b"] {
        let events = group.events(name);
        // Nobody waits for the one who has gone, and its missing ack is not called an ack.
        assert!(events.iter().any(|event| matches!(
            event,
            Event::Unreachable { missing, .. } if *missing == [id("c")]
        )));
        assert!(events.iter().all(|event| event.severity() < Severity::Security), "{events:?}");
    }
}

/// LOI, LOX: a member whom the operation needs leaves; it fails for everybody at once, and the
/// leaver is excluded afterwards.
#[test]
fn an_operation_fails_when_a_target_member_leaves() {
    let mut group = Group::new(22, &["a", "b", "c", "d"]);
    group.establish(&["a", "b", "c"]);
    group.join("d");
    let own = group.include("a", &["d"]);
    group.sim.run_for(std::time::Duration::from_millis(120)).unwrap();
    group.sim.crash(group.node("c"));
    group.run(60);
    let events = group.events("a");
    assert_eq!(failed(&events), [&FailReason::MemberLeft(vec![id("c")])]);
    let outcome = Outcome::Failed(FailReason::MemberLeft(vec![id("c")]));
    assert!(events.contains(&Event::OperationEnded { own, outcome }));
    group.assert_together(&["a", "b"]);
    // Who was to join waits again, and can be included.
    assert_eq!(group.session("d").state(), State::Waiting);
    group.include("b", &["d"]);
    group.run(3);
    group.assert_together(&["a", "b", "d"]);
}

/// A member whose key somebody does not know is not trusted silently: the operation is aborted.
#[test]
fn an_unknown_identity_key_aborts_the_operation_before_anything_is_confirmed() {
    let mut group = Group::new(23, &["a", "b", "stranger"]);
    let mut known = group.known();
    known.remove(&id("stranger"));
    group.add("c", known, config());
    let everybody = group.known();
    let signer_of_c = mpenc::LocalIdentity::from_seed(&{
        let mut seed = [0x5a; 32];
        seed[0] = b'c';
        seed
    });
    let mut everybody_and_c = everybody;
    everybody_and_c.insert(id("c"), signer_of_c.public_key());
    for name in ["a", "b", "stranger"] {
        group.add(name, everybody_and_c.clone(), config());
    }
    group.establish(&["a", "b", "c"]);
    group.join("stranger");
    group.include("a", &["stranger"]);
    group.run(30);
    let events = group.events("c");
    assert!(events.iter().any(|event| matches!(event, Event::CannotConfirm { .. })), "{events:?}");
    let events = group.events("a");
    assert!(
        failed(&events).iter().any(|reason| matches!(
            reason,
            FailReason::Aborted { by, reason } if *by == id("c") && reason.contains("stranger")
        )),
        "{events:?}"
    );
    group.assert_together(&["a", "b", "c"]);
}

/// A newcomer who does not know one of the members cannot confirm either. Their key has appeared in
/// the upflow, so that all believe their abort.
#[test]
fn a_newcomer_who_does_not_know_a_member_says_so_by_an_abort() {
    let mut group = Group::new(28, &["a", "b", "d"]);
    let everybody = group.known();
    let mut without_b = everybody.clone();
    without_b.remove(&id("b"));
    let mut with_c = everybody;
    let signer = mpenc::LocalIdentity::from_seed(&seed("c"));
    with_c.insert(id("c"), signer.public_key());
    for name in ["a", "b", "d"] {
        group.add(name, with_c.clone(), config());
    }
    group.add("c", without_b, config());
    group.establish(&["a", "b"]);
    group.join("c");
    group.join("d");
    group.include("a", &["c", "d"]);
    group.run(10);
    let events = group.events("c");
    assert!(events.iter().any(|event| matches!(event, Event::CannotConfirm { .. })), "{events:?}");
    let reason = "no identity key is known for b".into();
    let by_c = FailReason::Aborted { by: id("c"), reason };
    for name in ["a", "b"] {
        assert_eq!(failed(&group.events(name)), [&by_c], "{name}");
    }
    let dropped = group.events("d").into_iter().find_map(|event| match event {
        Event::CandidateDropped { reason, .. } => Some(reason),
        _ => None,
    });
    assert_eq!(dropped, Some(by_c));
    group.assert_together(&["a", "b"]);
    group.include("a", &["d"]);
    group.run(5);
    group.assert_together(&["a", "b", "d"]);
}

/// An operation that stalls is aborted by timeout, and a later one succeeds.
#[test]
fn a_stalled_operation_is_aborted_by_timeout() {
    let mut group = Group::new(24, &["a", "b", "c"]);
    group.establish(&["a", "b"]);
    group.join("c");
    group.sim.freeze(group.node("c"));
    group.include("a", &["c"]);
    group.run(60);
    let events = group.events("b");
    assert!(
        events.iter().any(|event| matches!(
            event,
            Event::OperationOverdue { awaited, .. } if *awaited == [id("c")]
        )),
        "{events:?}"
    );
    assert!(
        failed(&events).iter().any(|reason| matches!(
            reason,
            FailReason::Aborted { reason, .. } if reason.contains("waiting for c")
        )),
        "{events:?}"
    );
    group.assert_together(&["a", "b"]);
    group.propose("b", Membership::Refresh).unwrap();
    group.run(3);
    group.assert_together(&["a", "b"]);
}

/// An abort by hand is ordered like any final packet, and everybody sees why.
#[test]
fn an_operation_can_be_aborted_by_hand() {
    let mut group = Group::new(25, &["a", "b", "c"]);
    group.establish(&["a", "b"]);
    group.join("c");
    group.sim.freeze(group.node("c"));
    group.include("a", &["c"]);
    group.run(1);
    let node = group.node("b");
    group.sim.act(node, |session, cx, out| session.abort(cx, "changed my mind", out)).unwrap();
    group.run(1);
    for name in ["a", "b"] {
        let events = group.events(name);
        let reason = FailReason::Aborted { by: id("b"), reason: "changed my mind".into() };
        assert_eq!(failed(&events), [&reason], "{name}");
    }
    group.assert_together(&["a", "b"]);
}

/// Nobody but a member, who signs it, ends an operation by an abort; neither for the members nor for
/// those who wait to be included.
#[test]
fn a_forged_abort_ends_nothing() {
    let mut group = Group::new(27, &["a", "b", "c", "d", "o"]);
    group.establish(&["a", "b"]);
    for name in ["c", "d", "o"] {
        group.join(name);
    }
    group.sim.freeze(group.node("d"));
    group.include("a", &["c", "d"]);
    group.run(1);
    let accepted = group.events("b").into_iter().find_map(|event| match event {
        Event::OperationAccepted(info) => Some(*info.id.as_bytes()),
        _ => None,
    });
    let aborted_pi = accepted.expect("the operation runs");
    group.events("c");
    for by in ["o", "a"] {
        let source = id(by);
        let abort = AbortFields { source: &source, aborted_pi: &aborted_pi, reason: "no" };
        let abort = abort.encode(mpenc::Dialect::DOCUMENT).unwrap().finish(&[0; 64]);
        group.sim.inject(group.node(by), &abort);
        group.run(1);
    }
    for name in ["b", "c"] {
        let refused: Vec<_> = group
            .events(name)
            .into_iter()
            .filter_map(|event| match event {
                Event::Refused { sender, fault: Fault::Greeting(refused) } => {
                    Some((sender, refused.check))
                }
                _ => None,
            })
            .collect();
        let expected = [(id("o"), Check::AbortByOutsider), (id("a"), Check::Signature)];
        assert_eq!(refused, expected, "{name}");
    }
    group.sim.thaw(group.node("d"));
    group.run(5);
    group.assert_together(&["a", "b", "c", "d"]);
}

/// A proposal that the channel swallows is reported, once.
#[test]
fn a_proposal_that_is_not_echoed_times_out() {
    let mut group = Group::new(26, &["a", "b", "c"]);
    group.establish(&["a", "b", "c"]);
    group.sim.freeze(group.node("a"));
    group.events("a");
    let own = group.propose("a", Membership::Refresh).unwrap();
    group.sim.lose_outgoing(group.node("a"));
    group.sim.thaw(group.node("a"));
    group.run(30);
    let ended: Vec<_> = group
        .events("a")
        .into_iter()
        .filter(|event| matches!(event, Event::OperationEnded { .. }))
        .collect();
    assert_eq!(ended, [Event::OperationEnded { own, outcome: Outcome::TimedOut }]);
}

/// Text that is no packet, and packets that are none of ours, change nothing.
#[test]
fn rubbish_changes_nothing() {
    let mut group = Group::new(27, &["a", "b", "c"]);
    group.establish(&["a", "b"]);
    group.join("c");
    let head = group.session("a").order_head();
    for packet in ["hello, is this thing on?", "?mpENC:AAAA.", "?mpENC:", "?mpENC:%%%."] {
        group.sim.inject(group.node("c"), packet);
    }
    group.run(5);
    group.assert_together(&["a", "b"]);
    assert_eq!(group.session("a").order_head(), head);
    let events = group.events("b");
    assert_eq!(events.iter().filter(|e| matches!(e, Event::Plain { .. })).count(), 1);
    assert_eq!(events.iter().filter(|e| matches!(e, Event::Refused { .. })).count(), 3);
    assert!(events.iter().all(|event| event.severity() < Severity::Security));
}

/// A proposal that comes back after it was reported as timed out runs like anybody's, and is not
/// reported again.
#[test]
fn a_late_echo_of_a_timed_out_proposal_runs() {
    let names = ["a", "b", "c"];
    let mut group = Group::new(28, &names);
    group.establish(&names);
    group.events("a");
    group.sim.freeze(group.node("a"));
    let own = group.propose("a", Membership::Refresh).unwrap();
    // Nothing comes from the channel, but the clock is watched: this is not a sleep.
    group.run(10);
    group.tick("a");
    group.run(20);
    group.sim.thaw(group.node("a"));
    group.run(5);
    let events = group.events("a");
    let ended: Vec<_> =
        events.iter().filter(|event| matches!(event, Event::OperationEnded { .. })).collect();
    assert_eq!(ended, [&Event::OperationEnded { own, outcome: Outcome::TimedOut }]);
    let refreshed = events.iter().any(|event| {
        matches!(event, Event::Members { operation, .. } if operation.to_string() == "refresh")
    });
    assert!(refreshed, "{events:?}");
    group.assert_together(&names);
}

/// A proposal that times out while another one wins its place is wiped, and a new one can be made.
#[test]
fn a_timed_out_proposal_that_loses_makes_room_for_another() {
    let names = ["a", "b", "c"];
    let mut group = Group::new(29, &names);
    group.establish(&names);
    let node = group.node("a");
    group.sim.freeze(node);
    group.propose("a", Membership::Refresh).unwrap();
    group.sim.lose_outgoing(node);
    group.sim.thaw(node);
    group.run(30);
    group.propose("b", Membership::Refresh).unwrap();
    group.run(5);
    group.propose("a", Membership::Refresh).expect("the lost one is no longer in the way");
    group.run(5);
    group.assert_together(&names);
}

/// Whoever was told that a proposal timed out may propose again; which of the two takes the place,
/// the channel says. Each has one outcome.
#[test]
fn after_a_timed_out_proposal_another_can_be_made() {
    for lost in [false, true] {
        let names = ["a", "b", "c"];
        let mut group = Group::new(30, &names);
        group.establish(&names);
        let node = group.node("a");
        group.events("a");
        group.sim.freeze(node);
        let first = group.propose("a", Membership::Refresh).unwrap();
        if lost {
            group.sim.lose_outgoing(node);
        }
        assert_eq!(group.propose("a", Membership::Refresh), Err(ApiMisuse::OperationPending));
        group.run(10);
        group.tick("a");
        let second = group.propose("a", Membership::Refresh).expect("the first has its outcome");
        group.sim.thaw(node);
        group.run(30);
        group.assert_together(&names);
        let outcome = if lost { Outcome::Completed } else { Outcome::Rejected { by: id("a") } };
        let ended: Vec<_> = group
            .events("a")
            .into_iter()
            .filter(|event| matches!(event, Event::OperationEnded { .. }))
            .collect();
        let expected = [(first, Outcome::TimedOut), (second, outcome)]
            .map(|(own, outcome)| Event::OperationEnded { own, outcome });
        assert_eq!(ended, expected);
    }
}

/// The channel orders a proposal that has timed out, but whom it would include has left meanwhile, so
/// that everybody ignores it. The one made since is still on its way: it is up again, no other can be
/// made beside it, and it has its one outcome.
#[test]
fn a_late_proposal_that_comes_to_nothing_gives_way_to_the_one_made_since() {
    for swallowed in [false, true] {
        let mut group = Group::new(34, &["a", "b", "c"]);
        for name in ["a", "b", "c"] {
            group.join(name);
        }
        let node = group.node("a");
        group.asked("a");
        let first = group.include("a", &["b"]);
        group.sim.lose_outgoing(node);
        let late = group.packets("a").pop().unwrap();
        group.run(15);
        group.sim.crash(group.node("b"));
        group.run(1);
        let second = group.include("a", &["c"]);
        if swallowed {
            group.sim.lose_outgoing(node);
        }
        group.hear("a", ChannelEvent::Packet { sender: &id("a"), packet: &late });
        let third = group.propose("a", Membership::Include(&ids(&["c"])));
        assert_eq!(third, Err(ApiMisuse::OperationPending));
        group.run(30);
        let outcome = if swallowed { Outcome::TimedOut } else { Outcome::Completed };
        let expected = [(first, Outcome::TimedOut), (second, outcome)]
            .map(|(own, outcome)| Event::OperationEnded { own, outcome });
        assert_eq!(ended(&group.events("a")), expected.iter().collect::<Vec<_>>());
    }
}

/// Removed while waiting: the channel says so once or twice, and the member enters again, unless its
/// user has had enough.
#[test]
fn whoever_waits_to_enter_again_can_call_it_off() {
    for calls_off in [false, true] {
        let mut group = Group::new(31, &["a", "b"]);
        group.join("a");
        group.join("b");
        let node = group.node("b");
        for _ in 0..2 {
            group.hear("b", ChannelEvent::Left);
        }
        assert_eq!(group.session("b").state(), State::Outside);
        let left = group.events("b").into_iter().filter(|event| *event == Event::LeftChannel);
        assert_eq!(left.count(), 1);
        if calls_off {
            group.part("b");
            let again = group.sim.act(node, |session, cx, out| session.part(cx, out));
            assert_eq!(again, Err(ApiMisuse::NotInChannel));
        }
        group.run(60);
        let expected = if calls_off { State::Outside } else { State::Entering };
        assert_eq!(group.session("b").state(), expected);
    }
}

/// A channel that lost whoever parts, and took them back, does not keep them: they leave once more, and
/// wait for nothing.
#[test]
fn whoever_parts_leaves_although_the_channel_takes_them_back() {
    let mut group = Group::new(35, &["a", "b"]);
    group.establish(&["a", "b"]);
    group.part("b");
    group.asked("b");
    group.hear("b", ChannelEvent::Entered { members: &ids(&["a", "b"]) });
    assert_eq!(group.session("b").state(), State::Parting);
    let asked: Vec<_> = group.asked("b").into_iter().map(|(_, action)| action).collect();
    assert_eq!(asked, [ChannelAction::Leave]);
    group.run(120);
    assert_eq!(group.session("b").state(), State::Outside);
    assert_eq!(group.session("a").members(), [id("a")]);
}

/// A channel that says of us that we left, among others, says that we left.
#[test]
fn we_are_among_those_who_left() {
    let mut group = Group::new(32, &["a", "b"]);
    group.establish(&["a", "b"]);
    let left = [id("a"), id("b")];
    group.hear("b", ChannelEvent::Changed { entered: &[], left: &left });
    assert_eq!(group.session("b").state(), State::Outside);
    assert_eq!(group.session("b").members(), [id("b")]);
}

/// `auto_include` asks again when another's proposal came first.
#[test]
fn whoever_enters_is_included_although_another_proposal_comes_first() {
    let mut group = Group::new(33, &["a", "b", "c"]);
    let known = group.known();
    let mut including = config();
    including.auto_include = true;
    group.add("a", known, including);
    group.join("a");
    group.join("b");
    group.run(2);
    group.assert_together(&["a", "b"]);
    group.sim.freeze(group.node("a"));
    group.join("c");
    group.propose("b", Membership::Refresh).unwrap();
    group.run(1);
    group.sim.thaw(group.node("a"));
    group.run(30);
    group.assert_together(&["a", "b", "c"]);
}

/// `auto_include` asks again as well when what came first is a proposal of its own that had timed out.
#[test]
fn whoever_enters_is_included_although_a_late_proposal_comes_first() {
    let mut group = Group::new(36, &["a", "b", "c"]);
    let known = group.known();
    let mut including = config();
    including.auto_include = true;
    group.add("a", known, including);
    group.join("a");
    group.join("b");
    group.run(2);
    group.assert_together(&["a", "b"]);
    group.sim.freeze(group.node("a"));
    group.propose("a", Membership::Refresh).unwrap();
    group.run(10);
    group.tick("a");
    group.join("c");
    group.events("a");
    group.hear("a", ChannelEvent::Changed { entered: &ids(&["c"]), left: &[] });
    let automatic = |event: &Event| matches!(event, Event::Proposed { automatic: true, .. });
    assert!(group.events("a").iter().any(automatic));
    group.sim.thaw(group.node("a"));
    group.run(30);
    group.assert_together(&["a", "b", "c"]);
}

/// Whoever is cut off, and is to exclude somebody, does not propose it again and again; and when the
/// channel carries it all at last, every one of those is recognised as their own.
#[test]
fn proposals_of_whoever_is_cut_off_are_few_and_come_back_as_their_own() {
    let mut group = Group::new(88, &["a", "b"]);
    group.establish(&["a", "b"]);
    group.run(60);
    group.events("a");
    let a = group.node("a");
    group.sim.crash(group.node("b"));
    let proposed = |event: &Event| matches!(event, Event::Proposed { .. });
    let mut events = Vec::new();
    while !events.iter().any(proposed) {
        group.sim.run_for(Duration::from_millis(1)).unwrap();
        events.extend(group.events("a"));
    }
    group.sim.cut(a);
    // Waits of 2, 4, 8, 16, … latencies of 5 s.
    group.run(500);
    events.extend(group.events("a"));
    assert_eq!(events.iter().filter(|event| proposed(event)).count(), 6);
    group.sim.mend(a);
    group.run(30);
    events.extend(group.events("a"));
    let refused = events.iter().find(|event| matches!(event, Event::Refused { .. }));
    assert_eq!(refused, None);
    let outcomes = events.iter().filter(|event| matches!(event, Event::OperationEnded { .. }));
    assert_eq!(outcomes.count(), 6, "one for each");
    assert_eq!(group.session("a").members(), ids(&["a"]));
}

/// Ten of the proposals that the channel keeps to itself are remembered; so the waits do not become
/// longer for ever either.
#[test]
fn proposals_that_never_come_back_are_remembered_up_to_ten() {
    let mut config = config();
    config.broadcast_latency = Duration::from_millis(500);
    let mut group = Group::with(31, &["a", "b"], &config);
    group.establish(&["a", "b"]);
    group.run(60);
    group.sim.cut(group.node("a"));
    for remembered in (0..=10).chain([10, 10]) {
        let own = group.propose("a", Membership::Refresh).expect("those before have an outcome");
        group.events("a");
        // Twice the latency, and twice as long for each that is remembered.
        let wait = 1 << remembered;
        group.run(wait - 1);
        assert!(ended(&group.events("a")).is_empty(), "{remembered}");
        group.run(1);
        let expected = Event::OperationEnded { own, outcome: Outcome::TimedOut };
        assert_eq!(ended(&group.events("a")), [&expected], "{remembered}");
    }
}

fn ended(events: &[Event]) -> Vec<&Event> {
    let ended = |event: &&Event| matches!(event, Event::OperationEnded { .. });
    events.iter().filter(ended).collect()
}
