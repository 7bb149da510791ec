//! The buffer of messages that wait for their parents (TR-13, TR-14; attack 76).

use mpenc_causal::{DropReason, Dropped, Pending};

type Buffer = Pending<u32, &'static str, String>;

fn hold(buffer: &mut Buffer, id: u32, author: &'static str, missing: &[u32]) -> Vec<u32> {
    let dropped = buffer.insert(id, author, missing.iter().copied(), id.to_string());
    dropped.iter().map(|dropped: &Dropped<_, _, _>| dropped.id).collect()
}

#[test]
fn wakes_exactly_those_that_lack_nothing_else() {
    let mut buffer = Pending::new(10, 10);
    assert!(buffer.is_empty());
    hold(&mut buffer, 9, "alice", &[1, 2]);
    assert!(!buffer.is_empty());
    hold(&mut buffer, 5, "bob", &[1]);
    hold(&mut buffer, 4, "carol", &[1]);
    hold(&mut buffer, 3, "carol", &[5]);
    assert_eq!(buffer.missing(&9), Some(("alice", vec![1, 2])));

    assert!(buffer.take_ready(&77).is_empty());
    assert_eq!(buffer.take_ready(&1), ["5", "4"], "in the order in which they came");
    assert_eq!(buffer.missing(&9), Some(("alice", vec![2])));
    assert!(buffer.take_ready(&1).is_empty());
    assert_eq!(buffer.take_ready(&2), ["9"]);
    assert_eq!(buffer.take_ready(&5), ["3"]);
    assert!(buffer.is_empty());
    assert_eq!(buffer, Pending::new(10, 10).after_arrivals(4));
}

/// An empty buffer remembers nothing but how many messages came.
trait After {
    fn after_arrivals(self, count: u32) -> Self;
}

impl After for Buffer {
    fn after_arrivals(mut self, count: u32) -> Self {
        for id in 0..count {
            hold(&mut self, id, "zoe", &[99]);
            self.remove(&id);
        }
        self
    }
}

#[test]
fn an_authors_quota_costs_their_own_oldest() {
    let mut buffer = Pending::new(10, 2);
    hold(&mut buffer, 1, "bob", &[50]);
    hold(&mut buffer, 2, "alice", &[50]);
    hold(&mut buffer, 3, "alice", &[50]);
    assert_eq!(hold(&mut buffer, 4, "alice", &[50]), [2]);
    assert_eq!(buffer.len(), 3);
    assert_eq!(buffer.take_ready(&50), ["1", "3", "4"]);
}

#[test]
fn without_room_the_author_pays_first() {
    let mut buffer = Pending::new(3, 3);
    hold(&mut buffer, 1, "alice", &[50]);
    hold(&mut buffer, 2, "bob", &[51]);
    hold(&mut buffer, 3, "bob", &[52]);
    assert_eq!(hold(&mut buffer, 4, "alice", &[53]), [1]);
    assert!(!buffer.contains(&1) && buffer.contains(&4));
}

#[test]
fn a_flood_does_not_keep_the_others_out() {
    let mut buffer = Pending::new(4, 4);
    for id in 1..=4 {
        hold(&mut buffer, id, "mallory", &[50]);
    }
    assert_eq!(hold(&mut buffer, 5, "alice", &[51]), [1]);
    assert_eq!(hold(&mut buffer, 6, "bob", &[51]), [2]);
    assert_eq!(hold(&mut buffer, 7, "mallory", &[50]), [3]);
    assert_eq!(buffer.take_ready(&51), ["5", "6"]);
    assert_eq!(buffer.len(), 2);
}

#[test]
fn what_is_dropped_says_what_it_lacked() {
    let mut buffer: Buffer = Pending::new(1, 1);
    hold(&mut buffer, 1, "alice", &[8, 7]);
    buffer.take_ready(&8);
    let [dropped] = buffer.insert(2, "alice", [9], "2".into()).try_into().unwrap();
    assert_eq!((dropped.id, dropped.author, dropped.reason), (1, "alice", DropReason::Overflow));
    assert_eq!((dropped.missing, dropped.item.as_str()), (vec![7], "1"));
}

#[test]
fn no_room_at_all() {
    assert_eq!(hold(&mut Pending::new(0, 9), 1, "alice", &[8]), [1]);
    assert_eq!(hold(&mut Pending::new(9, 0), 1, "alice", &[8]), [1]);
}

#[test]
fn what_cannot_be_held_comes_back() {
    let mut buffer: Buffer = Pending::new(4, 4);
    let [back] = buffer.insert(1, "alice", [], "x".into()).try_into().unwrap();
    assert_eq!(back.reason, DropReason::NothingMissing);
    hold(&mut buffer, 1, "alice", &[8]);
    let [back] = buffer.insert(1, "bob", [9], "y".into()).try_into().unwrap();
    assert_eq!((back.reason, back.author), (DropReason::Duplicate, "bob"));
    assert_eq!(buffer.take_ready(&8), ["1"], "the first stays");
}

#[test]
fn removing_leaves_nothing_behind() {
    let mut buffer = Pending::new(4, 4);
    hold(&mut buffer, 1, "alice", &[8, 9]);
    assert_eq!(buffer.remove(&1).as_deref(), Some("1"));
    assert_eq!(buffer.remove(&1), None);
    assert!(buffer.take_ready(&8).is_empty() && buffer.take_ready(&9).is_empty());
    assert_eq!(buffer, Pending::new(4, 4).after_arrivals(1));
}

#[test]
fn contents_are_not_shown() {
    let mut buffer: Buffer = Pending::new(1, 1);
    buffer.insert(1, "alice", [8], "a secret".into());
    assert!(buffer.iter().map(|held| (held.id, *held.author, held.missing)).eq([(
        1,
        "alice",
        vec![8]
    )]));
    let dropped = buffer.clone().insert(2, "alice", [8], "another secret".into());
    for shown in [format!("{buffer:?}"), format!("{dropped:?}")] {
        assert!(shown.contains("alice") && !shown.contains("secret"), "{shown}");
    }
}
