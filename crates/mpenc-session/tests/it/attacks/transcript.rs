//! Malicious authors: rows 61 to 71. They seal, with real keys, what no session would.

use mpenc::MessageId;
use mpenc_causal::{AddError, Entry, Pending, Role, Transcript};
use mpenc_message::Kind;
use mpenc_session::{Event, Fault, Membership, Outcome, Severity};

use super::{
    alarms, all_is_well, at_rest, heads, keys, refused, run_deaf, said, settle, show, texts,
};
use crate::group::{Group, id, ids};
use crate::tap::Keys;

const NAMES: [&str; 3] = ["a", "b", "m"];

/// What of the authors' rules an event says was broken.
fn broken(events: &[Event]) -> &AddError<MessageId, mpenc::MemberId> {
    match events {
        [event @ Event::PeerMisbehaved { member, fault: Fault::Transcript(error) }] => {
            assert_eq!(*member, id("m"), "nobody else is to blame");
            assert_eq!(event.severity(), Severity::Security);
            error
        }
        other => panic!("{other:?}"),
    }
}

/// ATTACKS 61, "merge check": one parent implies the other; `PeerMisbehaved`, dropped.
#[test]
fn attack_61_parents_that_are_no_antichain() {
    let mut group = at_rest(661, &NAMES);
    let first = group.send("a", "first");
    group.run(1);
    let second = group.send("b", "second");
    group.run(1);
    let bad = keys("m").text(&[first, second], "after both");
    for name in ["a", "b"] {
        let events = refused(&mut group, name, "m", &bad.packet);
        let expected = AddError::ParentsNotAntichain { ancestor: first, descendant: second };
        assert_eq!(*broken(&events), expected, "{name}");
    }
    all_is_well(&mut group, &NAMES);
}

/// ATTACKS 62, "hash preimage + presence": whoever names a later message as a parent does not know
/// its id yet, so two messages can not name each other; what tries waits for good, out of sight.
#[test]
fn attack_62_a_cycle_of_parents() {
    let mut group = at_rest(662, &NAMES);
    let before = heads(&group, "m");
    let guessed = MessageId::from_hash(mpenc::Dialect::DOCUMENT, &[0x62; 32]);
    let one = keys("m").text(&[before, vec![guessed]].concat(), "one");
    let two = keys("m").text(&[one.id], "two");
    assert_ne!(two.id, guessed);
    for sealed in [&one, &two] {
        show(&mut group, "b", "m", &sealed.packet);
    }
    group.run(10);
    let events = group.events("b");
    for (id, missing) in [(one.id, vec![guessed]), (two.id, vec![one.id])] {
        let told = Event::NotAccepted { author: crate::group::id("m"), id, missing };
        assert!(events.contains(&told), "{events:?}");
    }
    assert_eq!(events.len(), 2, "{events:?}");
    assert!(texts(&group, "b").is_empty());

    // Could ids be chosen, there would be no way into a cycle either.
    let mut transcript = Transcript::new(["b", "m"]);
    let mut pending: Pending<u32, &str, ()> = Pending::new(8, 8);
    let itself = transcript.add(Entry::new(1, &"m", &[1], Role::Content));
    assert_eq!(itself, Err(AddError::OwnAncestor));
    for (id, parent) in [(1, 2), (2, 3), (3, 1)] {
        let error = transcript.add(Entry::new(id, &"m", &[parent], Role::Content));
        assert_eq!(error, Err(AddError::MissingParents(vec![parent])));
        assert!(pending.insert(id, "m", vec![parent], ()).is_empty());
    }
    assert!(transcript.heads().is_empty());
}

/// ATTACKS 63, "timeout, no blame": `NotAccepted` with the author and what is missing; what others
/// write is shown all the same.
#[test]
fn attack_63_a_parent_that_never_was() {
    let mut group = at_rest(663, &NAMES);
    let never = MessageId::from_hash(mpenc::Dialect::DOCUMENT, &[0x63; 32]);
    let bad = keys("m").text(&[never], "as I said before");
    for name in ["a", "b"] {
        show(&mut group, name, "m", &bad.packet);
        assert_eq!(group.events(name), [], "it may come yet");
    }
    group.run(6);
    for name in ["a", "b"] {
        let author = id("m");
        let told = Event::NotAccepted { author, id: bad.id, missing: vec![never] };
        assert_eq!(told.severity(), Severity::Liveness, "nobody is blamed");
        assert_eq!(group.events(name), [told]);
        assert!(!group.session(name).is_consistent(), "something is missing");
    }
    all_is_well(&mut group, &NAMES);
    assert!(!texts(&group, "a").contains(&"as I said before".to_owned()));
}

/// ATTACKS 64, "chain check; stop + NACK (TR-17)": `Forked` with both branches; nobody writes on.
/// The server shows the second branch to b alone: b shows it to the others.
#[test]
fn attack_64_a_fork() {
    let names = ["a", "b", "c", "m"];
    let mut group = at_rest(664, &names);
    let before = heads(&group, "m");
    let (first, _) = said(&mut group, "m", "I owe you 10");
    group.run(1);
    let second = keys("m").text(&before, "I owe you nothing");
    show(&mut group, "b", "m", &second.packet);
    group.run(1);
    for name in ["a", "b", "c"] {
        let events = group.events(name);
        let told: Vec<_> =
            events.iter().filter(|event| event.severity() == Severity::Security).collect();
        let [Event::Forked { author, accepted, refused }] = told[..] else {
            panic!("{name}: {told:?}");
        };
        assert_eq!((author, accepted.id, refused.id), (&id("m"), first, second.id));
        assert!(accepted.packet.is_some() && refused.packet.is_some(), "{name} has evidence");
        assert_eq!(texts(&group, name), ["I owe you 10"], "the second one is never shown");
        let node = group.node(name);
        let sent = group.sim.act(node, |session, cx, out| session.send(cx, "?", out));
        assert_eq!(sent, Err(mpenc_session::ApiMisuse::Forked(id("m"))));
    }
    // Nor is it told again, or answered again.
    assert_eq!(refused(&mut group, "b", "m", &second.packet), []);
    let own = group.exclude("c", &["m"]);
    group.run(120);
    let outcome = Outcome::Completed;
    assert!(group.events("c").contains(&Event::OperationEnded { own, outcome }));
    all_is_well(&mut group, &["a", "b", "c"]);
}

/// ATTACKS 65, "full-ack never completes": `NotFullyAcked` names who does not have it; and when it is
/// sent again, that there are two is told.
#[test]
fn attack_65_different_messages_to_different_readers() {
    let mut group = at_rest(665, &NAMES);
    let before = heads(&group, "m");
    let to_a = keys("m").text(&before, "only for you, a");
    let to_b = keys("m").text(&before, "only for you, b");
    group.sim.freeze(group.node("m"));
    show(&mut group, "a", "m", &to_a.packet);
    show(&mut group, "b", "m", &to_b.packet);
    group.run(60);
    for (name, other, sealed) in [("a", "b", &to_a), ("b", "a", &to_b)] {
        let events = group.events(name);
        let missing = ids(&[other]);
        let overdue = Event::NotFullyAcked { id: sealed.id, missing };
        assert!(events.contains(&overdue), "{name}: {events:?}");
        assert!(!events.iter().any(|event| matches!(event, Event::FullyAcked(_))), "{events:?}");
        let forked = events
            .iter()
            .any(|event| matches!(event, Event::Forked { author, .. } if *author == id("m")));
        assert!(forked, "{name}: {events:?}");
    }
    group.exclude("a", &["m"]);
    group.run(120);
    all_is_well(&mut group, &["a", "b"]);
}

/// ATTACKS 66, "TR-05": a parent that stands in the previous sub-session is a fault by who names it;
/// one of a sub-session that is long over is missing.
#[test]
fn attack_66_a_parent_of_another_sub_session() {
    let mut group = at_rest(666, &NAMES);
    let (long_ago, _) = said(&mut group, "a", "long ago");
    settle(&mut group, &NAMES);
    group.propose("a", Membership::Refresh).unwrap();
    settle(&mut group, &NAMES);
    let (before, _) = said(&mut group, "a", "before");
    settle(&mut group, &NAMES);
    group.propose("a", Membership::Refresh).unwrap();
    group.run(1);
    for name in ["a", "b"] {
        let bad = keys("m").text(&[before], "about what was said before");
        let events = refused(&mut group, name, "m", &bad.packet);
        assert_eq!(*broken(&events), AddError::ParentElsewhere(before), "{name}");
    }
    settle(&mut group, &NAMES);
    let bad = keys("m").text(&[long_ago], "about what was said long ago");
    show(&mut group, "b", "m", &bad.packet);
    group.run(6);
    let missing = vec![long_ago];
    assert_eq!(group.events("b"), [Event::NotAccepted { author: id("m"), id: bad.id, missing }]);
    all_is_well(&mut group, &NAMES);
}

/// ATTACKS 68, "NotFullyAcked(who)": m goes on writing, and never on what a wrote.
#[test]
fn attack_68_a_withheld_ack() {
    let mut group = at_rest(668, &NAMES);
    let mut before = heads(&group, "m");
    group.sim.freeze(group.node("m"));
    let message = group.send("a", "do you agree?");
    for round in 0..10 {
        let sealed = keys("m").text(&before, &format!("nice weather {round}"));
        before = vec![sealed.id];
        for name in ["a", "b"] {
            show(&mut group, name, "m", &sealed.packet);
        }
        group.run(20);
    }
    for name in ["a", "b"] {
        assert_eq!(texts(&group, name).len(), 11, "what m writes is shown");
        let events = group.events(name);
        let missing = ids(&["m"]);
        assert!(events.contains(&Event::NotFullyAcked { id: message, missing }), "{events:?}");
        assert!(!events.contains(&Event::FullyAcked(message)), "{events:?}");
        assert_eq!(group.session(name).unacked_by(&message), ids(&["m"]));
        // Nothing proves that m has seen anything new.
        assert!(
            events.iter().any(
                |event| matches!(event, Event::MemberExpired { member, .. } if *member == id("m"))
            ),
            "{events:?}"
        );
        assert!(events.iter().all(|event| event.severity() < Severity::Security));
    }
    group.exclude("a", &["m"]);
    group.run(120);
    all_is_well(&mut group, &["a", "b"]);
}

/// ATTACKS 69, "FI-04": dropped, `PeerMisbehaved`.
#[test]
fn attack_69_content_after_a_fin() {
    let mut group = at_rest(669, &NAMES);
    let before = heads(&group, "m");
    let fin = keys("m").message(&before, Kind::Fin, "");
    group.sim.inject(group.node("m"), &fin.packet);
    group.run(1);
    for kind in [Kind::Payload, Kind::Heartbeat, Kind::Consistency] {
        let text = if kind == Kind::Payload { "and another thing" } else { "" };
        let bad = keys("m").message(&[fin.id], kind, text);
        for name in ["a", "b"] {
            let events = refused(&mut group, name, "m", &bad.packet);
            assert_eq!(*broken(&events), AddError::AfterClose { close: fin.id }, "{name}");
        }
    }
    // Acks are no content.
    let ack = keys("m").message(&[fin.id], Kind::AckManual, "");
    for name in ["a", "b"] {
        group.events(name);
        show(&mut group, name, "m", &ack.packet);
        assert_eq!(alarms(&group.events(name)), [] as [&Event; 0]);
        assert!(texts(&group, name).is_empty());
    }
}

/// ATTACKS 70: whoever was excluded still has the keys of the old sub-session; what they write in it
/// is shown with its readers, and marked as of former members; and not at all once it is over.
#[test]
fn attack_70_content_in_the_old_sub_session_by_who_was_excluded() {
    let names = ["a", "b", "c", "m"];
    let mut group = at_rest(670, &names);
    let before = heads(&group, "m");
    let old = Keys::of(&id("m"), 0);
    group.sim.freeze(group.node("m"));
    group.exclude("a", &["m"]);
    group.run(1);
    group.assert_together(&["a", "b", "c"]);
    let bad = old.text(&before, "still one of you");
    for name in ["a", "b"] {
        group.events(name);
        show(&mut group, name, "m", &bad.packet);
        let events = group.events(name);
        let [Event::Message(message)] = &events[..] else { panic!("{name}: {events:?}") };
        assert_eq!(message.author, id("m"));
        let mut readers = message.readers.to_vec();
        readers.sort();
        assert_eq!(readers, ids(&["a", "b", "c"]), "with the readers that it was written to");
        assert!(message.of_former_members);
    }
    group.run(120);
    for name in ["a", "b", "c"] {
        group.events(name);
    }
    // Now it is over.
    let late = old.text(&[bad.id], "hear me");
    for name in ["a", "b", "c"] {
        show(&mut group, name, "m", &late.packet);
        group.run(10);
        let shown = texts(&group, name);
        assert!(!shown.contains(&"hear me".to_owned()), "{name}: {shown:?}");
        assert!(group.events(name).iter().all(|event| event.severity() < Severity::Security));
    }
    all_is_well(&mut group, &["a", "b", "c"]);
}

/// ATTACKS 71, "membership attached to message": a message of before d joined, delivered after that,
/// is shown with the readers that it was written to; d never sees it.
#[test]
fn attack_71_an_old_message_as_a_new_one() {
    let names = ["a", "b", "m", "d"];
    let mut group = Group::new(671, &names);
    group.establish(&NAMES);
    group.join("d");
    settle(&mut group, &NAMES);
    let (old, packet) = said(&mut group, "a", "between the three of us");
    run_deaf(&mut group, "b", 1);
    assert!(texts(&group, "b").is_empty());
    group.include("a", &["d"]);
    group.run(2);
    group.assert_together(&names);
    group.events("b");
    for name in ["b", "d"] {
        show(&mut group, name, "a", &packet);
    }
    let events = group.events("b");
    let shown = events.iter().find_map(|event| match event {
        Event::Message(message) => Some(message),
        _ => None,
    });
    let shown = shown.expect("it takes its place");
    assert_eq!((shown.id, &shown.author), (old, &id("a")));
    let mut readers = shown.readers.to_vec();
    readers.sort();
    assert_eq!(readers, ids(&["b", "m"]), "and not d");
    assert!(shown.of_former_members);
    settle(&mut group, &names);
    assert!(texts(&group, "d").is_empty());

    // The same members under other keys: that is nothing to mark.
    let (_, packet) = said(&mut group, "a", "between the four of us");
    run_deaf(&mut group, "b", 1);
    group.propose("a", Membership::Refresh).unwrap();
    group.run(2);
    group.events("b");
    show(&mut group, "b", "a", &packet);
    let events = group.events("b");
    let shown = events.iter().find_map(|event| match event {
        Event::Message(message) => Some(message.of_former_members),
        _ => None,
    });
    assert_eq!(shown, Some(false));
    settle(&mut group, &names);
    all_is_well(&mut group, &names);
}
