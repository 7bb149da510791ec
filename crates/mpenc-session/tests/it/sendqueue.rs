//! Messages that wait until the members are exactly those whom they were written to (SE-28).

use std::time::Duration;

use mpenc::MemberId;
use mpenc::message::SealError;
use mpenc_session::{ApiMisuse, Event, LocalId, Membership, Sent, State};

use crate::group::{Group, id, ids};

const NAMES: [&str; 4] = ["a", "b", "c", "d"];

fn send_to(group: &mut Group, name: &str, readers: &[&str], text: &str) -> Result<Sent, ApiMisuse> {
    let (node, readers): (_, Vec<MemberId>) = (group.node(name), ids(readers));
    group.sim.act(node, |session, cx, out| session.send_to(cx, &readers, text, out))
}

fn queued(group: &mut Group, name: &str, readers: &[&str], text: &str) -> LocalId {
    match send_to(group, name, readers, text) {
        Ok(Sent::Queued(local)) => local,
        other => panic!("it does not wait: {other:?}"),
    }
}

fn texts(group: &Group, name: &str) -> Vec<String> {
    group.shown(name).into_iter().map(|(_, text)| text).collect()
}

fn waiting(group: &Group, name: &str) -> Vec<String> {
    group.session(name).waiting().map(|waiting| waiting.text.to_owned()).collect()
}

/// From before the channel is entered, through waiting, to the moment in which these are the members.
#[test]
fn what_is_written_outside_of_a_session_is_sent_once_there_is_one() {
    let mut group = Group::new(450, &NAMES);
    let local = queued(&mut group, "b", &["a", "c"], "before I was even there");
    assert_eq!(group.session("b").state(), State::Outside);
    for name in ["a", "b", "c"] {
        group.join(name);
    }
    let later = queued(&mut group, "b", &["c", "a"], "and while I waited");
    assert_eq!(waiting(&group, "b").len(), 2);
    group.include("a", &["b", "c"]);
    group.run(2);
    for name in ["a", "b", "c"] {
        assert_eq!(texts(&group, name), ["before I was even there", "and while I waited"]);
    }
    let sent: Vec<LocalId> = group
        .events("b")
        .into_iter()
        .filter_map(|event| match event {
            Event::Sent { local, .. } => Some(local),
            Event::NotSent { .. } => panic!("{event:?}"),
            _ => None,
        })
        .collect();
    assert_eq!(sent, [local, later], "in order, each once");
    assert!(waiting(&group, "b").is_empty());
}

/// One member more, or one less, is not them.
#[test]
fn it_never_reaches_anybody_else() {
    let mut group = Group::new(451, &NAMES);
    group.establish(&["a", "b"]);
    queued(&mut group, "a", &["b", "c"], "to b and c");
    queued(&mut group, "a", &["b", "d"], "to b and d");
    group.run(60);
    assert!(texts(&group, "b").is_empty());
    group.join("c");
    group.join("d");
    group.include("b", &["c", "d"]);
    group.run(60);
    assert!(texts(&group, "b").is_empty(), "they are three");
    group.exclude("b", &["c"]);
    group.run(60);
    assert_eq!(texts(&group, "b"), ["to b and d"]);
    assert_eq!(texts(&group, "d"), ["to b and d"]);
    assert!(texts(&group, "c").is_empty());
    assert_eq!(waiting(&group, "a"), ["to b and c"]);
}

/// While an operation runs, the members are who they are: what is for them goes out, what is for
/// those to come waits.
#[test]
fn a_running_operation_changes_nothing_yet() {
    let mut group = Group::new(452, &NAMES);
    group.establish(&["a", "b"]);
    group.join("c");
    group.sim.freeze(group.node("c"));
    group.include("a", &["c"]);
    group.run(1);
    assert!(matches!(send_to(&mut group, "b", &["a"], "now"), Ok(Sent::Now(_))));
    queued(&mut group, "b", &["a", "c"], "then");
    group.run(1);
    assert_eq!(texts(&group, "a"), ["now"]);
    group.sim.thaw(group.node("c"));
    group.run(2);
    assert_eq!(texts(&group, "a"), ["now", "then"]);
    assert_eq!(texts(&group, "c"), ["then"]);
}

/// A broken connection is not the end: what waits is sent when they are together again.
#[test]
fn it_waits_through_a_broken_connection() {
    let mut group = Group::new(453, &NAMES);
    group.establish(&["a", "b"]);
    queued(&mut group, "b", &["a", "c"], "when we are three");
    group.sim.disconnect(group.node("b"));
    group.run(60);
    assert_eq!(group.session("b").state(), State::Outside);
    assert_eq!(waiting(&group, "b"), ["when we are three"]);
    group.join("b");
    group.join("c");
    group.include("a", &["b", "c"]);
    group.run(60);
    assert_eq!(texts(&group, "c"), ["when we are three"]);
    assert!(!group.events("b").iter().any(|event| matches!(event, Event::NotSent { .. })));
}

/// Who leaves by their own wish, or is excluded, hears that it was not sent; once.
#[test]
fn the_end_of_the_session_is_reported() {
    let mut group = Group::new(454, &NAMES);
    group.establish(&["a", "b", "c"]);
    let excluded = queued(&mut group, "c", &["d"], "never");
    let parted = queued(&mut group, "b", &["d"], "never either");
    group.exclude("a", &["c"]);
    group.run(200);
    group.part("b");
    assert_eq!(send_to(&mut group, "b", &["d"], "too late"), Err(ApiMisuse::Parting));
    group.run(200);
    for (name, local, text) in [("c", excluded, "never"), ("b", parted, "never either")] {
        assert_eq!(group.session(name).state(), State::Outside);
        let events = group.events(name);
        let told = events.iter().filter(|event| matches!(event, Event::NotSent { .. }));
        let told: Vec<_> = told.collect();
        let (readers, text) = (ids(&["d"]), text.to_owned());
        assert_eq!(told, [&Event::NotSent { local, readers, text, error: None }], "{name}");
        assert!(waiting(&group, name).is_empty());
    }
}

/// What waits can be read and taken back, and there is room for so much.
#[test]
fn what_waits_can_be_taken_back_and_is_bounded() {
    let mut group = Group::new(455, &NAMES);
    group.establish(&["a", "b"]);
    let first = queued(&mut group, "a", &["b", "c"], "better not");
    let second = queued(&mut group, "a", &["b", "c"], "this one");
    let session = group.session("a").waiting().next().expect("it waits");
    assert_eq!((session.local, session.text), (first, "better not"));
    assert!(session.readers.iter().eq(&ids(&["b", "c"])));
    let node = group.node("a");
    let mut take_back = |local| {
        let taken = group.sim.act(node, |session, _, _| Ok(session.take_back(local)));
        taken.expect("it is no misuse")
    };
    assert_eq!(take_back(first).as_deref(), Some("better not"));
    assert_eq!(take_back(first), None);
    group.join("c");
    group.include("b", &["c"]);
    group.run(2);
    assert_eq!(texts(&group, "c"), ["this one"]);
    assert_eq!(group.session("a").waiting().count(), 0, "{second:?}");
    // Room.
    let long = "x".repeat(32_000);
    let mut kept = 0;
    while send_to(&mut group, "a", &["d"], &long).is_ok() {
        kept += 1;
        assert!(kept < 1_000);
    }
    assert_eq!(send_to(&mut group, "a", &["d"], &long), Err(ApiMisuse::OutboxFull));
    assert_eq!(kept, 4 * 1024 * 1024 / long.len());
    assert_eq!(group.propose("a", Membership::Refresh).err(), None, "all else goes on");
    assert_eq!(send_to(&mut group, "a", &[], "nobody"), Err(ApiMisuse::Readers));
    assert!(group.session("a").members().contains(&id("c")));
}

/// Whoever parts writes no content any more: it is told at once, not only when they have left.
#[test]
fn whoever_parts_hears_of_it_at_once() {
    let mut group = Group::new(456, &NAMES);
    group.establish(&["a", "b"]);
    let local = queued(&mut group, "a", &["c"], "for c");
    group.events("a");
    group.part("a");
    let (readers, text) = (ids(&["c"]), "for c".to_owned());
    assert_eq!(group.events("a"), [Event::NotSent { local, readers, text, error: None }]);
    assert!(waiting(&group, "a").is_empty());
}

/// Whoever is removed while they wait to be included enters again by themselves, and what they wrote
/// waits on and goes out; unless they call that off.
#[test]
fn it_waits_through_a_removal_unless_entering_again_is_called_off() {
    for calls_off in [false, true] {
        let mut group = Group::new(457, &NAMES);
        group.establish(&["a", "b"]);
        group.join("c");
        let local = queued(&mut group, "c", &["a", "b"], "hello");
        group.sim.disconnect(group.node("c"));
        group.run(1);
        assert_eq!(group.session("c").state(), State::Outside);
        assert_eq!(waiting(&group, "c"), ["hello"]);
        if calls_off {
            group.events("c");
            group.part("c");
            let (readers, text) = (ids(&["a", "b"]), "hello".to_owned());
            assert_eq!(group.events("c"), [Event::NotSent { local, readers, text, error: None }]);
            continue;
        }
        group.run(120);
        assert_eq!(group.session("c").state(), State::Waiting);
        group.include("a", &["c"]);
        group.run(60);
        assert_eq!(texts(&group, "a"), ["hello"]);
    }
}

/// An operation that fails has changed nothing: it waits on, and nobody has read it.
#[test]
fn it_waits_through_operations_that_fail_and_through_refreshes() {
    let mut group = Group::new(458, &NAMES);
    group.establish(&["a", "b"]);
    queued(&mut group, "a", &["b", "c"], "for both");
    group.propose("b", Membership::Refresh).unwrap();
    group.run(60);
    group.join("c");
    group.sim.freeze(group.node("c"));
    group.include("a", &["c"]);
    group.run(120);
    assert!(group.session("a").operation_progress().is_none(), "it has failed");
    assert_eq!(group.session("a").members(), ids(&["a", "b"]));
    assert!(texts(&group, "b").is_empty());
    assert_eq!(waiting(&group, "a"), ["for both"]);
    group.sim.thaw(group.node("c"));
    group.run(60);
    group.include("b", &["c"]);
    group.run(60);
    assert_eq!(texts(&group, "c"), ["for both"]);
    assert!(waiting(&group, "a").is_empty());
}

/// Those to the same readers keep their order, and do not wait for those to others.
#[test]
fn each_set_of_readers_has_its_own_order() {
    let mut group = Group::new(459, &NAMES);
    for number in 0..3 {
        queued(&mut group, "a", &["b", "c"], &format!("both {number}"));
        queued(&mut group, "a", &["b"], &format!("b {number}"));
    }
    group.establish(&["a", "b"]);
    assert!(matches!(send_to(&mut group, "a", &["b"], "b 3"), Ok(Sent::Now(_))));
    group.run(1);
    assert_eq!(texts(&group, "b"), ["b 0", "b 1", "b 2", "b 3"]);
    assert_eq!(waiting(&group, "a"), ["both 0", "both 1", "both 2"]);
    group.join("c");
    group.include("b", &["c"]);
    group.run(60);
    assert_eq!(texts(&group, "c"), ["both 0", "both 1", "both 2"]);
}

/// What fits into no message is refused when it is written, not when somebody waits for it.
#[test]
fn what_can_never_be_sent_does_not_wait() {
    let mut group = Group::new(460, &NAMES);
    group.run(100);
    let empty = SealError::TextAndKindDisagree;
    assert_eq!(send_to(&mut group, "a", &["b"], ""), Err(ApiMisuse::Seal(empty)));
    let too_long = SealError::TooLong { octets: 32_767, limit: 32_766 };
    let long = "x".repeat(32_767);
    assert_eq!(send_to(&mut group, "a", &["b"], &long), Err(ApiMisuse::Seal(too_long)));
    assert!(waiting(&group, "a").is_empty());
    queued(&mut group, "a", &["b"], &long[1..]);
    let since = group.session("a").waiting().next().expect("it waits").since;
    assert_eq!(since.since_epoch(), Duration::from_secs(100));
    group.establish(&["a", "b"]);
    group.run(1);
    assert_eq!(texts(&group, "b"), [&long[1..]]);
}
