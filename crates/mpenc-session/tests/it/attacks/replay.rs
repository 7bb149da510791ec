//! What was said before, said again: rows 1 to 4.

use mpenc_session::{ChannelEvent, Event, Fault, Membership};
use mpenc_wire::resend;

use super::{alarms, all_is_well, at_rest, is_greeting, refused, said, settle, show, texts};
use crate::group::{Group, id, ids};

const NAMES: [&str; 3] = ["a", "b", "c"];

/// ATTACKS 1, "mId dedup": silent.
#[test]
fn attack_01_a_message_replayed_in_its_sub_session() {
    let mut group = at_rest(601, &NAMES);
    let (_, packet) = said(&mut group, "a", "pay 10");
    group.run(1);
    let in_anothers_hands = resend(&packet, &id("a")).unwrap();
    for (sender, packet) in [("a", &packet), ("c", &in_anothers_hands)] {
        for _ in 0..3 {
            assert_eq!(refused(&mut group, "b", sender, packet), []);
        }
    }
    group.run(100);
    group.events("b");
    // Whoever sends it seems to lack b's ack (RS-04); the user hears nothing of that.
    for (sender, packet) in [("a", &packet), ("c", &in_anothers_hands)] {
        show(&mut group, "b", sender, packet);
        assert_eq!(group.events("b"), []);
    }
    assert_eq!(texts(&group, "b"), ["pay 10"]);
    all_is_well(&mut group, &NAMES);
}

/// ATTACKS 2, "H(sid‖gk) in signature": silent for the sub-sessions that are remembered, `NotDecrypted`
/// after a grace for older ones; never shown. Eight are remembered, and 32 if they were over within
/// 24·BC_LAT.
#[test]
fn attack_02_a_message_of_an_older_sub_session() {
    // In three seconds the latest but one is not over.
    for (seconds, remembered) in [(100, 8), (3, 33)] {
        let mut group = at_rest(602, &NAMES);
        let (_, packet) = said(&mut group, "a", "pay 10");
        group.run(1);
        for _ in 0..remembered {
            group.propose("a", Membership::Refresh).unwrap();
            group.run(seconds);
        }
        assert_eq!(refused(&mut group, "b", "a", &packet), []);
        group.propose("a", Membership::Refresh).unwrap();
        group.run(seconds);
        group.events("b");
        show(&mut group, "b", "a", &packet);
        assert_eq!(group.events("b"), [], "it is held at first");
        group.run(6);
        let events = group.events("b");
        let told = |event: &Event| matches!(event, Event::NotDecrypted { sender, .. } if *sender == id("a"));
        assert!(events.iter().any(told), "after {remembered}: {events:?}");
        assert_eq!(texts(&group, "b"), ["pay 10"]);
        settle(&mut group, &NAMES);
        all_is_well(&mut group, &NAMES);
    }
}

/// ATTACKS 3, "prev_pF ≠ current; duplicate pId": silent.
#[test]
fn attack_03_an_old_proposal() {
    let mut group = at_rest(603, &NAMES);
    group.asked("b");
    group.propose("b", Membership::Refresh).unwrap();
    let refresh = group.packets("b");
    settle(&mut group, &NAMES);
    let head = group.session("a").order_head();
    // Under the same recipients it is the packet that was accepted; under others, another one on the
    // same parent.
    assert_eq!(alarms(&refused(&mut group, "a", "b", &refresh[0])), [] as [&Event; 0]);
    let ghost = ids(&["ghost"]);
    group.hear("a", ChannelEvent::Changed { entered: &ghost, left: &[] });
    assert_eq!(alarms(&refused(&mut group, "a", "b", &refresh[0])), [] as [&Event; 0]);
    group.hear("a", ChannelEvent::Changed { entered: &[], left: &ghost });
    // And after another operation.
    group.propose("c", Membership::Refresh).unwrap();
    settle(&mut group, &NAMES);
    assert_ne!(group.session("a").order_head(), head);
    assert_eq!(alarms(&refused(&mut group, "a", "b", &refresh[0])), [] as [&Event; 0]);
    all_is_well(&mut group, &NAMES);
}

/// The same after many operations by the same author, none of which changes what that author's packets
/// must agree with.
#[test]
fn attack_03_an_old_proposal_after_many_of_its_author() {
    let mut group = at_rest(605, &NAMES);
    group.asked("a");
    group.propose("a", Membership::Refresh).unwrap();
    let old = group.packets("a").remove(0);
    for _ in 0..70 {
        group.run(1);
        group.propose("a", Membership::Refresh).unwrap();
    }
    settle(&mut group, &NAMES);
    assert_eq!(refused(&mut group, "b", "a", &old), []);
    all_is_well(&mut group, &NAMES);
}

/// The same after many operations that failed, which change nothing of anybody.
#[test]
fn attack_03_an_old_proposal_after_many_that_failed() {
    let mut group = Group::new(606, &NAMES);
    group.establish(&["a", "b"]);
    group.join("c");
    settle(&mut group, &["a", "b"]);
    group.sim.freeze(group.node("c"));
    let mut old = None;
    for _ in 0..40 {
        group.include("a", &["c"]);
        old = old.or(group.packets("a").pop());
        group.run(1);
        let a = group.node("a");
        group.sim.act(a, |session, cx, out| session.abort(cx, "no", out)).unwrap();
        group.run(1);
    }
    settle(&mut group, &["a", "b"]);
    assert_eq!(refused(&mut group, "b", "a", &old.unwrap()), []);
    all_is_well(&mut group, &["a", "b"]);
}

/// ATTACKS 4, "own nonce check, packet bound to pI": what c and d sent in the aborted include is
/// refused in the next one, although its members are the same; then that one completes.
#[test]
fn attack_04_packets_of_an_aborted_operation_in_its_retry() {
    let everybody = ["a", "b", "c", "d"];
    let mut group = Group::new(604, &everybody);
    group.establish(&["a", "b"]);
    for name in ["c", "d"] {
        group.join(name);
    }
    settle(&mut group, &["a", "b"]);
    // b says nothing, so that there is no end before the abort.
    group.sim.freeze(group.node("b"));
    group.sim.record();
    group.sim.take_records();
    group.include("a", &["c", "d"]);
    group.run(1);
    let old = sent_by(&mut group, &["a", "c", "d"]);
    assert_eq!(
        old.iter().map(|(sender, _)| *sender).collect::<String>(),
        "acdac",
        "upflows, downflow, confirms"
    );
    group.sim.act(group.node("a"), |session, cx, out| session.abort(cx, "no", out)).unwrap();
    group.sim.thaw(group.node("b"));
    group.run(30);
    group.assert_together(&["a", "b"]);
    for name in everybody {
        group.events(name);
    }

    // c does not get to speak before what it said last time was said again.
    group.sim.freeze(group.node("c"));
    group.include("a", &["c", "d"]);
    group.run(1);
    for (sender, packet) in &old {
        let sender = sender.to_string();
        for name in ["a", "b", "d"].into_iter().filter(|name| *name != sender) {
            let events = refused(&mut group, name, &sender, packet);
            assert_eq!(alarms(&events), [] as [&Event; 0], "{name}");
            let taken = events.iter().find(|event| {
                !matches!(event, Event::Refused { fault: Fault::Greeting(_) | Fault::Order(_), .. })
            });
            assert_eq!(taken, None, "{name}");
        }
    }
    group.sim.thaw(group.node("c"));
    group.run(60);
    group.assert_together(&everybody);
    all_is_well(&mut group, &everybody);
}

/// The greeting packets that these have sent since the last time, in their order.
fn sent_by(group: &mut Group, names: &[&'static str]) -> Vec<(char, String)> {
    use mpenc_session::ChannelAction;
    use mpenc_sim::What;
    let records = group.sim.take_records().into_iter();
    records
        .filter_map(|record| {
            let name = names.iter().find(|name| group.node(name) == record.node)?;
            match record.what {
                What::Asked(ChannelAction::Send { packet }) if is_greeting(&packet) => {
                    Some((name.chars().next()?, packet))
                }
                _ => None,
            }
        })
        .collect()
}
