//! Packets that come the wrong way or too early: which are refused, which wait, and for how many
//! there is room.

use mpenc_session::{ChannelEvent, Event, Fault, Membership};
use mpenc_wire::resend;

use crate::group::{Group, id, ids};

fn hear(group: &mut Group, name: &str, sender: &str, packet: &str) {
    group.hear(name, ChannelEvent::Packet { sender: &id(sender), packet });
}

fn faults(events: &[Event]) -> Vec<(String, Fault)> {
    events
        .iter()
        .filter_map(|event| match event {
            Event::Refused { sender, fault } => Some((sender.to_string(), fault.clone())),
            _ => None,
        })
        .collect()
}

fn texts(group: &Group, name: &str) -> Vec<String> {
    group.shown(name).into_iter().map(|(_, text)| text).collect()
}

/// Somebody else may send a packet again, in the name of its author; the author has no reason to
/// dress up as somebody else.
#[test]
fn a_packet_is_resent_by_others_only() {
    let mut group = Group::new(51, &["a", "b", "c"]);
    group.establish(&["a", "b", "c"]);
    group.asked("a");
    group.send("a", "for all");
    let packet = group.packets("a").remove(0);
    // The channel loses it.
    group.sim.lose_outgoing(group.node("a"));
    let resent = resend(&packet, &id("a")).unwrap();
    group.sim.inject(group.node("a"), &resent);
    group.run(1);
    for name in ["b", "c"] {
        assert_eq!(faults(&group.events(name)), [("a".to_owned(), Fault::ResentByAuthor)]);
        assert!(texts(&group, name).is_empty(), "{name}");
    }
    group.events("a");
    group.sim.inject(group.node("c"), &resent);
    group.run(1);
    for name in ["a", "b", "c"] {
        assert_eq!(faults(&group.events(name)), [], "{name}");
        assert_eq!(group.shown(name), [("a".to_owned(), "for all".to_owned())], "{name}");
    }
    // It is one message, however often it comes.
    group.sim.inject(group.node("a"), &packet);
    group.run(60);
    group.assert_together(&["a", "b", "c"]);
    assert_eq!(texts(&group, "b"), ["for all"]);
}

/// Nothing is taken from somebody who is not in the channel, were it a good packet of a member.
#[test]
fn nobody_speaks_from_outside_of_the_channel() {
    let mut group = Group::new(52, &["a", "b", "outsider"]);
    group.establish(&["a", "b"]);
    group.asked("a");
    group.send("a", "hello");
    let packet = group.packets("a").remove(0);
    group.events("b");
    for text in [packet.as_str(), "in clear"] {
        hear(&mut group, "b", "outsider", text);
        let expected =
            [Event::Refused { sender: id("outsider"), fault: Fault::SenderNotInChannel }];
        assert_eq!(group.events("b"), expected, "{text}");
    }
    assert!(texts(&group, "b").is_empty());
    group.run(1);
    assert_eq!(texts(&group, "b"), ["hello"]);
}

/// A packet of a sub-session that we have yet to enter waits for it. Only if that takes BC_LAT, the
/// user is told, and told again when it has been opened.
#[test]
fn what_comes_before_its_sub_session_waits_for_it() {
    // The packet may be of the next sub-session, or of the one after it.
    for (operations, seconds, told) in [(1, 4, 0), (1, 6, 1), (2, 4, 0), (2, 6, 1)] {
        let names = ["a", "b", "c"];
        let mut group = Group::new(53, &names);
        group.establish(&names);
        // Whoever has just joined may hear what is not for them, and says nothing of it.
        group.run(125);
        group.sim.freeze(group.node("b"));
        for _ in 0..operations {
            group.propose("a", Membership::Refresh).unwrap();
            group.run(1);
        }
        group.asked("a");
        group.send("a", "early");
        let packet = group.packets("a").remove(0);
        group.sim.lose_outgoing(group.node("a"));
        group.events("b");
        for _ in 0..2 {
            hear(&mut group, "b", "a", &packet);
        }
        group.run(seconds);
        group.tick("b");
        let notices = group.events("b");
        let late = notices.iter().filter(|event| matches!(event, Event::NotDecrypted { .. }));
        assert_eq!(late.count(), told, "{notices:?}");
        assert!(texts(&group, "b").is_empty());
        group.sim.thaw(group.node("b"));
        group.run(1);
        assert_eq!(texts(&group, "b"), ["early"]);
        let events = group.events("b");
        let opened = events.iter().filter(|event| matches!(event, Event::Decrypted(_)));
        assert_eq!(opened.count(), told, "{events:?}");
        group.run(60);
        let late = group.events("b");
        assert!(!late.iter().any(|event| matches!(event, Event::NotDecrypted { .. })), "{late:?}");
    }
}

/// Of the room for messages that miss parents, an author gets half; their oldest gives way to their
/// newest, and nobody else's does.
#[test]
fn messages_that_miss_parents_have_room_by_author() {
    // 4·16 for a group of three.
    const SHARE: usize = 32;
    let names = ["a", "b", "c"];
    let mut group = Group::new(54, &names);
    group.establish(&names);
    group.run(60);
    for name in names {
        group.events(name);
    }
    let node = group.node("b");
    group.sim.freeze(node);
    group.asked("c");
    let first = group.send("c", "first");
    for number in 0..SHARE + 3 {
        group.send("c", &format!("{number}"));
    }
    let packets = group.packets("c");
    group.run(1);
    group.asked("a");
    let modest = group.send("a", "modest");
    let modest_packet = group.packets("a").remove(0);
    hear(&mut group, "b", "a", &modest_packet);
    assert_eq!(group.events("b"), [], "there is room");
    for packet in &packets[1..=SHARE] {
        hear(&mut group, "b", "c", packet);
    }
    assert_eq!(group.events("b"), [], "there is room for all of an author's share");
    for packet in &packets[SHARE + 1..] {
        hear(&mut group, "b", "c", packet);
    }
    let events = group.events("b");
    let told: Vec<_> = events
        .iter()
        .map(|event| match event {
            Event::NotAccepted { author, id, missing } => (author.clone(), *id, missing.clone()),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(told.len(), 3);
    assert_eq!(told[0].2, [first]);
    assert!(told.iter().all(|(author, ..)| *author == id("c")));
    let dropped: Vec<_> = told.into_iter().map(|(_, id, _)| id).collect();
    let session = group.session("b");
    assert!(!session.is_consistent());
    assert!(dropped.iter().all(|dropped| session.unaccepted().any(|id| id == *dropped)));
    // What was dropped comes again, and all find their places: nothing but time was lost.
    group.sim.thaw(node);
    group.run(60);
    group.assert_together(&names);
    assert_eq!(texts(&group, "b").len(), SHARE + 5);
    let events = group.events("b");
    assert!(events.contains(&Event::FullyAcked(modest)));
    // Nothing that was told stands any more.
    for dropped in dropped {
        assert!(events.contains(&Event::Accepted(dropped)), "{dropped:?}");
    }
}

/// What was not acked when its sub-session ended stays marked, until we come again (SE-07).
#[test]
fn what_was_lost_in_a_past_sub_session_is_not_forgotten() {
    let names = ["a", "b", "c"];
    let mut group = Group::new(55, &names);
    group.establish(&names);
    group.run(60);
    assert!(group.session("c").is_consistent());
    group.sim.freeze(group.node("c"));
    let lost = group.send("c", "too late");
    for _ in 0..2 {
        group.propose("a", Membership::Refresh).unwrap();
        group.run(1);
    }
    assert!(group.session("a").members().contains(&id("c")));
    group.sim.thaw(group.node("c"));
    group.run(120);
    group.assert_together(&names);
    let events = group.events("c");
    assert!(
        events.contains(&Event::NotFullyAcked { id: lost, missing: ids(&["a", "b"]) }),
        "{events:?}"
    );
    assert!(events.contains(&Event::Parted { consistent: false }), "{events:?}");
    assert!(!group.session("c").is_consistent(), "for good");
    assert!(group.session("c").unacked().next().is_none(), "all else is acked");
    // A new life begins with nothing lost.
    group.part("c");
    group.run(200);
    group.join("c");
    group.include("a", &["c"]);
    group.run(60);
    group.assert_together(&names);
    assert!(group.session("c").is_consistent());
}
