//! What gets lost is sent again, whoever is not there is noticed, and whoever slept alarms nobody
//! (PROTOCOL 8). Latencies are the defaults: BC_LAT is 5 s, FA_INTV 26 s.

use std::time::Duration;

use mpenc_session::{ChannelAction, Event, Severity};

use crate::group::{Group, config, id, run_deaf};

const NAMES: [&str; 3] = ["a", "b", "c"];

fn together(seed: u64) -> Group {
    let mut group = Group::new(seed, &NAMES);
    group.establish(&NAMES);
    // Everybody has confirmed the history, and owes nobody an ack.
    group.run(60);
    for name in NAMES {
        group.events(name);
        group.asked(name);
    }
    group
}

fn texts(group: &Group, name: &str) -> Vec<String> {
    group.shown(name).into_iter().map(|(_, text)| text).collect()
}

/// Its author sends it again after FA_INTV, and the notice is withdrawn.
#[test]
fn a_lost_message_is_sent_again_by_its_author() {
    let mut group = together(400);
    let message = group.send("a", "lost at first");
    group.sim.lose_outgoing(group.node("a"));
    group.run(25);
    assert!(texts(&group, "b").is_empty());
    group.run(60);
    for name in ["b", "c"] {
        assert_eq!(texts(&group, name), ["lost at first"]);
    }
    let events = group.events("a");
    let told = |event: &Event| events.iter().position(|told| told == event);
    let missing = vec![id("b"), id("c")];
    let warned = told(&Event::NotFullyAcked { id: message, missing }).expect("it is overdue");
    assert!(told(&Event::FullyAcked(message)).expect("it is withdrawn") > warned);
    group.assert_together(&NAMES);
}

/// Whoever has it sends it again when its author cannot: in the author's name, which the reader
/// believes because the author signed it.
#[test]
fn a_lost_message_is_sent_again_by_another_reader() {
    let mut group = together(401);
    let message = group.send("a", "only b hears this");
    run_deaf(&mut group, "c");
    assert!(texts(&group, "c").is_empty());
    group.sim.freeze(group.node("a"));
    group.run(60);
    let shown = group.shown("c");
    assert_eq!(shown, [(String::from("a"), String::from("only b hears this"))]);
    assert!(group.session("c").unacked_by(&message).is_empty(), "both readers have acked it");
    group.sim.thaw(group.node("a"));
    group.run(60);
    group.assert_together(&NAMES);
    for name in NAMES {
        assert!(group.session(name).is_consistent(), "{name}");
    }
}

/// Nobody monitors explicit acks: a lost one is sent again when somebody sends its message again.
#[test]
fn a_lost_ack_is_sent_again_when_its_message_is() {
    let mut group = together(402);
    let message = group.send("a", "seen, but who knows");
    group.run(20);
    let mut acked = false;
    for _ in 0..3_000 {
        group.sim.run_for(Duration::from_millis(1)).unwrap();
        // Whatever b and c say in these seconds, their explicit acks, gets lost.
        acked |= ["b", "c"].iter().any(|name| !group.asked(name).is_empty());
        group.sim.lose_outgoing(group.node("b"));
        group.sim.lose_outgoing(group.node("c"));
    }
    assert!(acked, "after FA_INTV − BC_LAT");
    let missing = group.session("a").unacked_by(&message);
    assert_eq!(missing, [id("b"), id("c")], "nothing of it has come");
    group.run(120);
    assert!(group.session("a").unacked_by(&message).is_empty());
    assert!(group.events("a").contains(&Event::FullyAcked(message)));
}

/// Heartbeats ask, and whoever does not answer is called silent, since when, until they are back.
#[test]
fn who_is_not_there_is_noticed_and_welcomed_back() {
    let mut group = together(403);
    group.sim.freeze(group.node("c"));
    group.run(200);
    for name in ["a", "b"] {
        let events = group.events(name);
        let expired: Vec<_> =
            events.iter().filter(|event| matches!(event, Event::MemberExpired { .. })).collect();
        let [Event::MemberExpired { member, since }] = expired[..] else {
            panic!("{name} was told {expired:?}");
        };
        assert_eq!(*member, id("c"));
        assert!(since.since_epoch() < Duration::from_secs(70), "{since:?}");
        assert!(events.iter().all(|event| event.severity() < Severity::Security));
    }
    group.sim.thaw(group.node("c"));
    group.run(60);
    for name in ["a", "b"] {
        assert!(group.events(name).contains(&Event::MemberFresh(id("c"))), "{name}");
        assert!(group.session(name).is_consistent());
    }
}

/// Without heartbeats nothing is sent when nobody says anything.
/// Whoever is gone is not missing any more: the notice is withdrawn, not left standing.
#[test]
fn who_is_not_there_and_then_leaves_is_not_missed_any_more() {
    let mut group = together(405);
    group.sim.freeze(group.node("c"));
    group.run(300);
    let expired = |events: &[Event]| {
        events
            .iter()
            .any(|event| matches!(event, Event::MemberExpired { member, .. } if *member == id("c")))
    };
    for name in ["a", "b"] {
        assert!(expired(&group.events(name)), "{name}");
    }
    group.sim.disconnect(group.node("c"));
    group.run(5);
    for name in ["a", "b"] {
        assert!(group.events(name).contains(&Event::MemberFresh(id("c"))), "{name}");
    }
}

#[test]
fn heartbeats_can_be_left_out() {
    for heartbeats in [true, false] {
        let mut options = config();
        options.heartbeats = heartbeats;
        let mut group = Group::with(404, &["x", "y"], &options);
        group.establish(&["x", "y"]);
        group.run(60);
        group.asked("x");
        group.run(1_000);
        let sent = |action: &ChannelAction| matches!(action, ChannelAction::Send { .. });
        let sent = group.asked("x").iter().filter(|(_, action)| sent(action)).count();
        assert_eq!(sent > 0, heartbeats, "{sent} packets");
    }
}

/// A machine that slept for an hour hears first what has piled up: nothing was late but itself.
#[test]
fn whoever_slept_is_not_told_of_a_burst_of_things_that_are_late() {
    let mut group = together(405);
    let message = group.send("a", "good night");
    group.run(1);
    group.sim.freeze(group.node("a"));
    group.run(3_600);
    group.sim.thaw(group.node("a"));
    group.run(60);
    let events = group.events("a");
    assert!(events.contains(&Event::FullyAcked(message)));
    let alarmed: Vec<_> = events.iter().filter(|event| event.severity() > Severity::Info).collect();
    assert!(alarmed.is_empty(), "{alarmed:?}");
    group.assert_together(&NAMES);
}

/// We lost the ack of somebody who then left, and others did not: it comes with what they send again, and
/// the notice that nothing will come is withdrawn.
#[test]
fn an_ack_of_whoever_is_gone_may_come_late() {
    let mut group = Group::new(912, &["a", "b", "c"]);
    group.establish(&["a", "b", "c"]);
    group.run(60);
    let text = group.send("a", "to be acked");
    group.run(1);
    // So that there is something to ack explicitly, which b has to send again.
    group.send("b", "as well");
    group.run(1);
    group.events("a");
    let node = group.node("c");
    group.sim.act(node, |session, cx, out| session.ack(cx, out)).unwrap();
    run_deaf(&mut group, "a");
    group.sim.crash(node);
    group.run(300);
    let events = group.events("a");
    let place = |is_it: &dyn Fn(&Event) -> bool| events.iter().position(is_it);
    let unreachable = place(&|event| matches!(event, Event::Unreachable { id, .. } if *id == text));
    let acked = place(&|event| *event == Event::FullyAcked(text));
    assert!(unreachable.is_some() && unreachable < acked, "{events:?}");
}
