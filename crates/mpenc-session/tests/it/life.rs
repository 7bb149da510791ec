//! What a group does when all goes well.

use std::time::Duration;

use mpenc::Dialect;
use mpenc_session::{ApiMisuse, Event, FailReason, Membership, Outcome, Severity, State};

use crate::group::{Group, config, id, ids};

fn outcomes(events: &[Event]) -> Vec<Outcome> {
    events
        .iter()
        .filter_map(|event| match event {
            Event::OperationEnded { outcome, .. } => Some(outcome.clone()),
            _ => None,
        })
        .collect()
}

fn assert_calm(name: &str, events: &[Event]) {
    for event in events {
        assert!(event.severity() < Severity::Security, "{name}: {event:?}");
        let noise = matches!(event, Event::Refused { .. } | Event::NotDecrypted { .. });
        assert!(!noise, "{name}: {event:?}");
    }
}

#[test]
fn a_group_is_established_and_everybody_confirms_the_same_members() {
    let names = ["dora", "adam", "cleo", "ben", "eve"];
    let mut group = Group::new(1, &names);
    group.establish(&names);
    for name in names {
        let events = group.events(name);
        assert_calm(name, &events);
        let members = events.iter().filter(|event| matches!(event, Event::Members { .. })).count();
        assert_eq!(members, 1, "{name}");
    }
    // The initiator first, then the others sorted.
    let order = ids(&["dora", "adam", "ben", "cleo", "eve"]);
    assert_eq!(group.session("ben").members(), order);
}

#[test]
fn concurrent_messages_reach_everybody_in_causal_order_and_are_fully_acked() {
    let names = ["a", "b", "c", "d"];
    let mut group = Group::new(2, &names);
    group.establish(&names);
    let mut sent = Vec::new();
    for round in 0..5 {
        for name in names {
            sent.push(group.send(name, &format!("{name} says {round}")));
        }
        group.run(1);
    }
    group.run(60);
    group.assert_together(&names);
    for name in names {
        let shown = group.shown(name);
        assert_eq!(shown.len(), sent.len());
        // Everybody's own words stand in the order in which they wrote them.
        for author in names {
            let by_author: Vec<_> = shown.iter().filter(|(by, _)| by == author).collect();
            let expected: Vec<_> = (0..5).map(|round| format!("{author} says {round}")).collect();
            assert!(by_author.iter().map(|(_, text)| text).eq(&expected), "{name}: {by_author:?}");
        }
        let events = group.events(name);
        assert_calm(name, &events);
        for id in &sent {
            assert!(group.session(name).unacked_by(id).is_empty());
            assert!(events.contains(&Event::FullyAcked(*id)), "{name}");
        }
        assert!(group.session(name).is_consistent());
    }
}

#[test]
fn a_late_comer_joins_and_sees_nothing_of_before() {
    let mut group = Group::new(3, &["a", "b", "c", "late"]);
    group.establish(&["a", "b", "c"]);
    group.send("a", "before");
    group.run(2);
    group.join("late");
    assert_eq!(group.session("late").state(), State::Waiting);
    group.include("b", &["late"]);
    group.run(2);
    group.send("late", "after");
    group.run(60);
    group.assert_together(&["a", "b", "c", "late"]);
    assert_eq!(group.shown("late"), [("late".into(), "after".into())]);
    assert_calm("late", &group.events("late"));
    assert_eq!(group.shown("a").len(), 2);
}

#[test]
fn the_excluded_read_nothing_of_after_and_are_asked_out() {
    let mut group = Group::new(4, &["a", "b", "c", "d"]);
    group.establish(&["a", "b", "c", "d"]);
    group.exclude("b", &["d"]);
    group.run(2);
    group.assert_together(&["a", "b", "c"]);
    let events = group.events("d");
    assert!(events.contains(&Event::Excluded { by: id("b") }), "{events:#?}");
    // Who was excluded starts nothing of its own here.
    let refused = group.propose("d", Membership::Include(&ids(&["a"])));
    assert_eq!(refused, Err(mpenc_session::ApiMisuse::Excluded));
    group.send("a", "between us");
    group.run(120);
    assert!(group.shown("d").is_empty());
    // The others had the channel remove it.
    assert_eq!(group.session("d").state(), State::Outside);
    group.assert_together(&["a", "b", "c"]);
}

#[test]
fn several_are_included_and_excluded_at_once() {
    let all = ["a", "b", "c", "d", "e", "f"];
    let mut group = Group::new(5, &all);
    group.establish(&["a", "b", "c"]);
    for name in ["f", "d", "e"] {
        group.join(name);
    }
    group.include("c", &["f", "e", "d"]);
    group.run(3);
    group.assert_together(&all);
    group.exclude("e", &["a", "d"]);
    group.run(3);
    group.assert_together(&["b", "c", "e", "f"]);
}

#[test]
fn a_refresh_keeps_the_members_and_old_messages_stay_where_they_were() {
    let names = ["a", "b", "c"];
    let mut group = Group::new(6, &names);
    group.establish(&names);
    group.send("a", "old key");
    group.run(1);
    group.propose("c", Membership::Refresh).unwrap();
    group.run(2);
    group.send("b", "new key");
    group.run(60);
    group.assert_together(&names);
    for name in names {
        assert_eq!(group.shown(name).len(), 2, "{name}");
        assert_calm(name, &group.events(name));
    }
}

/// DS-01: of two concurrent proposals one wins, the other is rejected, and nobody is alarmed.
#[test]
fn of_two_concurrent_proposals_exactly_one_wins() {
    for run in 0..8 {
        let names = ["a", "b", "c", "d"];
        let mut group = Group::new(100 + run, &names);
        group.establish(&names);
        group.exclude("a", &["d"]);
        group.propose("b", Membership::Refresh).unwrap();
        group.run(5);
        let mut ended = outcomes(&group.events("a"));
        ended.extend(outcomes(&group.events("b")));
        ended.retain(|outcome| *outcome != Outcome::Completed);
        // The establish and the winner completed.
        assert_eq!(ended.len(), 1, "run {run}: {ended:?}");
        assert!(matches!(ended[0], Outcome::Rejected { .. }), "run {run}: {ended:?}");
        for name in names {
            assert_calm(name, &group.events(name));
        }
    }
}

/// SE-04: while an operation runs, messages go to the members as they are.
#[test]
fn messages_written_during_an_operation_go_to_the_old_members() {
    let mut group = Group::new(8, &["a", "b", "c"]);
    group.establish(&["a", "b"]);
    group.join("c");
    group.include("a", &["c"]);
    group.send("b", "to a alone");
    group.run(60);
    group.assert_together(&["a", "b", "c"]);
    assert_eq!(group.shown("a"), [("b".into(), "to a alone".into())]);
    assert!(group.shown("c").is_empty());
}

/// TI-04: two FINs in a row; the others exclude, the leaver waits for acks and leaves.
#[test]
fn whoever_parts_is_excluded_by_the_others_and_leaves() {
    let mut group = Group::new(9, &["a", "b", "c"]);
    group.establish(&["a", "b", "c"]);
    group.send("c", "bye");
    group.part("c");
    assert_eq!(group.session("c").state(), State::Parting);
    group.run(120);
    assert_eq!(group.session("c").state(), State::Outside);
    group.assert_together(&["a", "b"]);
    let events = group.events("c");
    assert!(events.contains(&Event::Parted { consistent: true }), "{events:#?}");
    assert_eq!(group.shown("a"), [("c".into(), "bye".into())]);
}

/// Everybody parts, one by one; the last one is alone, and a new group can begin.
#[test]
fn a_group_ends_and_another_begins() {
    let mut group = Group::new(10, &["a", "b"]);
    group.establish(&["a", "b"]);
    group.part("b");
    group.run(120);
    assert_eq!(group.session("a").state(), State::Alone);
    assert_eq!(group.session("a").members(), ids(&["a"]));
    group.join("b");
    group.include("a", &["b"]);
    group.run(3);
    group.assert_together(&["a", "b"]);
    group.send("b", "back again");
    group.run(60);
    assert_eq!(group.shown("a"), [("b".into(), "back again".into())]);
}

/// A thousandth refresh is as good as the first: contributions do not pile up.
#[test]
fn many_operations_in_a_row() {
    let names = ["a", "b", "c"];
    let mut group = Group::new(11, &names);
    group.establish(&names);
    for round in 0..30 {
        group.propose(names[round % 3], Membership::Refresh).unwrap();
        group.run(1);
    }
    group.run(120);
    group.assert_together(&names);
    // Packets of sub-sessions that are long over still arrive, and are nobody's fault.
    for name in names {
        assert_calm(name, &group.events(name));
    }
}

#[test]
fn the_same_seed_gives_the_same_run() {
    fn run() -> (Vec<Event>, (u64, u64)) {
        let names = ["a", "b", "c", "d"];
        let mut group = Group::new(77, &names);
        group.establish(&names);
        for name in names {
            group.send(name, "hello");
        }
        group.exclude("b", &["c"]);
        group.run(100);
        let events = names.iter().flat_map(|name| group.events(name)).collect();
        (events, group.sim.server().traffic())
    }
    assert_eq!(run(), run());
}

/// Two start at once in a room, and each includes the other: the one whose proposal the channel
/// orders first stands, the other one joins it, and nobody is alarmed.
#[test]
fn of_two_concurrent_starts_one_stands() {
    let dialects = [Dialect::DOCUMENT, Dialect::MPENC_JS].into_iter().cycle();
    for (run, dialect) in (0..16).zip(dialects) {
        let mut group = Group::speaking(dialect, 200 + run / 2, &["a", "b"], &config());
        group.join("a");
        group.join("b");
        let node = group.node("b");
        group.sim.act(node, |session, cx, out| session.start_here(cx, out)).unwrap();
        group.include("a", &["b"]);
        group.include("b", &["a"]);
        group.run(5);
        group.assert_together(&["a", "b"]);
        let mut ended = Vec::new();
        for name in ["a", "b"] {
            let events = group.events(name);
            assert_calm(name, &events);
            ended.extend(outcomes(&events));
        }
        let completed = ended.iter().filter(|outcome| **outcome == Outcome::Completed).count();
        assert_eq!((completed, ended.len()), (1, 2), "run {run}: {ended:?}");
    }
}

/// A message to certain readers waits until they are the members, and reaches nobody else.
#[test]
fn a_message_waits_for_exactly_its_readers() {
    use mpenc_session::{ApiMisuse, Sent};
    let mut group = Group::new(12, &["a", "b", "c"]);
    group.establish(&["a", "b"]);
    group.join("c");
    let node = group.node("a");
    let readers = ids(&["c", "b"]);
    let send = |group: &mut Group, readers: &[mpenc::MemberId], text: &str| {
        group.sim.act(node, |session, cx, out| session.send_to(cx, readers, text, out))
    };
    let Ok(Sent::Queued(local)) = send(&mut group, &readers, "to both of you") else {
        panic!("it is not for the members as they are");
    };
    assert!(matches!(send(&mut group, &ids(&["b"]), "to b"), Ok(Sent::Now(_))));
    assert_eq!(send(&mut group, &[], "to nobody"), Err(ApiMisuse::Readers));
    assert_eq!(send(&mut group, &ids(&["a"]), "to myself"), Err(ApiMisuse::Readers));
    group.run(2);
    assert_eq!(group.shown("b"), [("a".into(), "to b".into())]);
    group.include("b", &["c"]);
    group.run(30);
    assert_eq!(group.shown("c"), [("a".into(), "to both of you".into())]);
    let events = group.events("a");
    assert!(
        events.iter().any(|event| matches!(event, Event::Sent { local: l, .. } if *l == local))
    );
    // Those who never become the members never get it.
    let Ok(Sent::Queued(local)) = send(&mut group, &ids(&["c"]), "to c alone") else {
        panic!("it is not for the members as they are");
    };
    group.part("a");
    group.run(120);
    let events = group.events("a");
    let (readers, text) = (ids(&["c"]), "to c alone".to_owned());
    let not_sent = Event::NotSent { local, readers, text, error: None };
    assert!(events.contains(&not_sent), "{events:?}");
    assert_eq!(group.shown("c").len(), 1);
}

#[test]
fn a_message_names_who_it_was_written_to() {
    let mut group = Group::new(13, &["a", "b", "c", "d"]);
    group.establish(&["c", "a", "b"]);
    group.join("d");
    group.send("b", "hello");
    group.run(2);
    for name in ["a", "c"] {
        let events = group.events(name).into_iter();
        let readers: Vec<_> = events
            .filter_map(|event| match event {
                Event::Message(message) => Some(message.readers),
                _ => None,
            })
            .collect();
        let [readers] = readers.as_slice() else { panic!("one message: {readers:?}") };
        assert_eq!(readers.to_vec(), ids(&["a", "c"]));
        assert_eq!((readers.len(), readers.is_empty()), (2, false));
        let whether = ["a", "b", "c", "d"].map(|name| readers.contains(&id(name)));
        assert_eq!(whether, [true, false, true, false], "neither author nor guest");
    }
}

#[test]
fn forgotten_messages_go_and_the_others_keep_their_places() {
    let mut group = Group::new(14, &["a", "b"]);
    group.establish(&["a", "b"]);
    for (name, text) in [("a", "one"), ("b", "two"), ("a", "three")] {
        group.send(name, text);
        group.run(2);
    }
    let b = group.node("b");
    let forget = |group: &mut Group, place| {
        let forgotten = group.sim.act(b, |session, _, _| {
            session.forget_messages_before(place);
            Ok(())
        });
        forgotten.unwrap();
    };
    forget(&mut group, 2);
    assert_eq!(group.shown("b"), [("a".into(), "three".into())]);
    // What was forgotten before is not counted again.
    forget(&mut group, 1);
    group.send("a", "four");
    group.run(2);
    let lines = group.session("b").messages().lines();
    assert!(
        lines
            .iter()
            .map(|line| (line.place(), line.payload.as_str()))
            .eq([(2, "three"), (3, "four")])
    );
    assert!(lines.iter().all(|line| line.follows_line_above()));
    assert_eq!(group.shown("a").len(), 4, "others have theirs");
    group.assert_together(&["a", "b"]);
    forget(&mut group, usize::MAX);
    assert!(group.shown("b").is_empty());
}

/// Whoever was excluded, and has not left the channel, goes out first: they have a session that is
/// over, and may not even know it.
#[test]
fn whoever_was_excluded_just_now_leaves_and_enters_to_be_included() {
    let mut group = Group::new(19, &["a", "b", "c"]);
    group.establish(&["a", "b", "c"]);
    group.exclude("b", &["c"]);
    group.run(2);
    assert!(group.sim.server().members().contains(&id("c")));
    let own = group.include("b", &["c"]);
    let refused = group.propose("b", Membership::Include(&ids(&["c"])));
    assert_eq!(refused, Err(ApiMisuse::OperationPending));
    group.run(1);
    assert!(!group.sim.server().members().contains(&id("c")));
    assert_eq!(group.sim.take_invited(), ids(&["c"]));
    group.join("c");
    group.run(30);
    group.assert_together(&["a", "b", "c"]);
    let outcome = Outcome::Completed;
    assert!(group.events("b").contains(&Event::OperationEnded { own, outcome }));
}

/// An include that awaits those invited is proposed when nothing else goes on any more.
#[test]
fn an_invitation_waits_for_the_end_of_what_goes_on() {
    let mut group = Group::new(20, &["a", "b", "c", "d"]);
    group.establish(&["a", "b", "c"]);
    let include = group.include("a", &["d"]);
    let node = group.node("d");
    group.sim.act(node, |session, cx, out| session.join(cx, out)).unwrap();
    group.sim.freeze(group.node("a"));
    let refresh = group.propose("a", Membership::Refresh).unwrap();
    group.run(1);
    group.sim.thaw(group.node("a"));
    group.run(30);
    group.assert_together(&["a", "b", "c", "d"]);
    let events = group.events("a");
    for own in [include, refresh] {
        assert!(events.contains(&Event::OperationEnded { own, outcome: Outcome::Completed }));
    }
}

/// An include that awaits those invited ends when its author parts.
#[test]
fn an_invitation_ends_when_its_author_parts() {
    let mut group = Group::new(21, &["a", "b", "c"]);
    group.establish(&["a", "b"]);
    let own = group.include("a", &["c"]);
    // It does not ack, so parting takes its time.
    group.sim.freeze(group.node("b"));
    group.part("a");
    group.join("c");
    group.run(60);
    assert_eq!(group.session("a").state(), State::Parting);
    let events = group.events("a");
    assert_eq!(outcomes(&events), [Outcome::Completed, Outcome::Failed(FailReason::WeLeft)]);
    let outcome = Outcome::Failed(FailReason::WeLeft);
    assert!(events.contains(&Event::OperationEnded { own, outcome }));
    group.sim.thaw(group.node("b"));
    group.run(120);
    assert_eq!(group.session("a").state(), State::Outside);
    assert_eq!(group.session("c").state(), State::Waiting);
}

/// TI-10: the last member leaves after a while. If something is under way just then, it waits for the
/// end of that, and as long again.
#[test]
fn the_last_member_leaves_although_something_was_under_way() {
    let mut config = config();
    config.stay_if_last = false;
    let mut group = Group::with(22, &["a", "b", "c"], &config);
    group.establish(&["a", "b"]);
    group.join("c");
    group.part("b");
    while group.session("a").members().len() > 1 {
        assert!(group.now() < Duration::from_secs(100), "b stays");
        group.run(1);
    }
    // The newcomer does not answer, and after 16·BC_LAT the include still runs.
    group.run(76);
    group.sim.freeze(group.node("c"));
    group.include("a", &["c"]);
    group.run(8);
    assert!(group.session("a").operation_progress().is_some());
    group.run(60);
    assert!(group.session("a").operation_progress().is_none());
    assert_eq!(group.session("a").state(), State::Alone);
    group.run(60);
    assert_eq!(group.session("a").state(), State::Outside);
}
