//! Floods: rows 73, 74 and 78.

use std::time::Duration;

use mpenc_session::{Event, Membership, Severity};
use mpenc_wire::{armor, resend, unarmor};

use super::{all_is_well, at_rest, said, settle, show, texts};
use crate::group::{Group, id, ids};

const NAMES: [&str; 3] = ["a", "b", "c"];

/// Packets that look like this one and that nothing opens.
fn rubbish(packet: &str, how_many: u32) -> Vec<String> {
    let mut contents = Vec::new();
    let contents = unarmor(packet, &mut contents).unwrap().to_vec();
    let packets = (1..=how_many).map(|number| {
        let mut edited = contents.clone();
        let end = edited.len();
        for (octet, noise) in edited[end - 4..].iter_mut().zip(number.to_be_bytes()) {
            *octet ^= noise;
        }
        armor(&edited)
    });
    packets.collect()
}

/// ATTACKS 73, "per-sender quotas, byte caps": what an outsider, or somebody in c's name, sends
/// crowds out their own, and not what waits for its sub-session by a. Of what comes in a member's name
/// each is told once; an outsider may have a group of their own in the room.
#[test]
fn attack_73_a_flood_of_what_nothing_opens() {
    for by in ["outsider", "c"] {
        let mut group = Group::new(673, &["a", "b", "c", "outsider"]);
        group.establish(&NAMES);
        group.join("outsider");
        // Until then, what whoever has just joined cannot open may not be for them, and is not told.
        group.run(100);
        settle(&mut group, &NAMES);
        group.sim.freeze(group.node("b"));
        group.propose("a", Membership::Refresh).unwrap();
        group.run(1);
        let (_, early) = said(&mut group, "a", "the first in the new sub-session");
        group.sim.lose_outgoing(group.node("a"));
        show(&mut group, "b", "a", &early);
        let flood = rubbish(&early, 2_000);
        for packet in &flood {
            show(&mut group, "b", by, packet);
        }
        let told = |events: &[Event]| {
            let told = events.iter().filter(|event| match event {
                Event::NotDecrypted { sender, .. } => {
                    assert_eq!(*sender, id(by));
                    true
                }
                _ => false,
            });
            told.count()
        };
        let dropped = group.events("b");
        let dropped_of_members = if by == "c" { flood.len() - 16 } else { 0 };
        assert_eq!(told(&dropped), dropped_of_members, "sixteen are held");
        let kept = group.session("b").footprint();
        assert_eq!(kept.held, 17, "and what a sent");
        assert!(kept.held_octets <= 256 * 1024 && kept.deadlines < 64, "{kept:?}");
        group.sim.thaw(group.node("b"));
        group.run(1);
        assert_eq!(texts(&group, "b"), ["the first in the new sub-session"]);
        group.run(100);
        let mut events = dropped;
        events.extend(group.events("b"));
        assert!(told(&events) <= flood.len(), "nothing is told twice");
        assert!(events.iter().all(|event| event.severity() < Severity::Security));
        all_is_well(&mut group, &NAMES);
    }
}

/// ATTACKS 73: in the name of the very member it crowds out what they sent early; that is sent again.
#[test]
fn attack_73_what_a_flood_crowds_out_is_sent_again() {
    let mut group = at_rest(683, &NAMES);
    group.sim.freeze(group.node("b"));
    group.propose("a", Membership::Refresh).unwrap();
    group.run(1);
    let (message, early) = said(&mut group, "a", "hold this");
    group.sim.lose_outgoing(group.node("a"));
    show(&mut group, "b", "a", &early);
    for packet in rubbish(&early, 100) {
        show(&mut group, "b", "a", &packet);
    }
    group.sim.thaw(group.node("b"));
    group.run(1);
    assert!(texts(&group, "b").is_empty(), "it gave way");
    group.run(60);
    assert_eq!(texts(&group, "b"), ["hold this"]);
    assert!(group.events("a").contains(&Event::FullyAcked(message)));
    all_is_well(&mut group, &NAMES);
}

/// ATTACKS 74, "control events never share a droppable queue": between ten thousand packets of rubbish
/// somebody enters, is included, and somebody else leaves; nothing of it is missed.
#[test]
fn attack_74_a_flood_does_not_drop_membership_events() {
    let names = ["a", "b", "c", "d", "outsider"];
    let mut group = Group::new(674, &names);
    group.establish(&NAMES);
    group.join("outsider");
    settle(&mut group, &NAMES);
    let (_, packet) = said(&mut group, "a", "a packet to make rubbish of");
    let flood = rubbish(&packet, 10_000);
    let mut flood = flood.chunks(2_500);
    let mut drown = |group: &mut Group| {
        for packet in flood.next().expect("four floods") {
            show(group, "b", "outsider", packet);
        }
    };
    drown(&mut group);
    group.join("d");
    drown(&mut group);
    group.include("a", &["d"]);
    group.sim.run_for(Duration::from_millis(100)).unwrap();
    drown(&mut group);
    group.run(2);
    group.assert_together(&["a", "b", "c", "d"]);
    group.sim.crash(group.node("c"));
    drown(&mut group);
    group.run(60);
    group.assert_together(&["a", "b", "d"]);
    let events = group.events("b");
    for expected in [Event::MemberEntered(id("d")), Event::MemberLeft(id("c"))] {
        assert!(events.contains(&expected), "{expected:?}");
    }
    let changes: Vec<_> = events
        .iter()
        .filter_map(|event| match event {
            Event::Members { include, exclude, .. } => Some((include.clone(), exclude.clone())),
            _ => None,
        })
        .collect();
    assert_eq!(changes, [(ids(&["d"]), vec![]), (vec![], ids(&["c"]))]);
    settle(&mut group, &["a", "b", "d"]);
    all_is_well(&mut group, &["a", "b", "d"]);
}

/// ATTACKS 78, "rate limit RS-04, back-off": a message comes again and again, in its author's name and
/// in another's. Each of the others sends its ack again once in BC_LAT at most, and nothing answers
/// that.
#[test]
fn attack_78_duplicates_do_not_bring_out_storms() {
    let names = ["a", "b", "c", "m"];
    let mut group = at_rest(678, &names);
    let (_, packet) = said(&mut group, "a", "say it again");
    group.run(30);
    let again = resend(&packet, &id("a")).unwrap();
    for name in names {
        group.events(name);
    }
    let before = group.sim.server().traffic().0;
    let seconds = 60;
    for _ in 0..seconds {
        for _ in 0..25 {
            group.sim.inject(group.node("a"), &packet);
            group.sim.inject(group.node("m"), &again);
        }
        group.run(1);
    }
    let sent = group.sim.server().traffic().0 - before - 50 * seconds;
    let at_most = u64::try_from(names.len()).unwrap() * (seconds / 5 + 1);
    assert!(sent <= at_most, "{sent} packets in answer to {}", 50 * seconds);
    assert!(sent > 0, "m shows no sign of the acks");
    for name in names {
        assert_eq!(group.events(name), [], "{name}");
        assert_eq!(texts(&group, name), ["say it again"], "{name}");
    }
    all_is_well(&mut group, &names);
}

/// ATTACKS 78: who withholds an ack brings out ever fewer resends.
#[test]
fn attack_78_a_withheld_ack_does_not_bring_out_storms() {
    let mut group = at_rest(688, &NAMES);
    group.send("a", "say something");
    group.sim.freeze(group.node("c"));
    group.run(100);
    let mut counts = Vec::new();
    for _ in 0..6 {
        let before = group.sim.server().traffic().0;
        group.run(1_000);
        counts.push(group.sim.server().traffic().0 - before);
    }
    // Heartbeats add to what is never fully acked; the older, the seldomer it is sent again.
    assert!(counts[5] < 2 * counts[0] && counts[0] < 400, "{counts:?} packets in 1,000 s");
    group.sim.thaw(group.node("c"));
    settle(&mut group, &NAMES);
    all_is_well(&mut group, &NAMES);
}
