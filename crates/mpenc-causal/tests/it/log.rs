//! The user's log (LG-01 to LG-07).

use mpenc_causal::{Entry, LogError, MessageLog, Role, Section};

use crate::group::{Chat, chat};

type Log = MessageLog<u32, &'static str, &'static str>;

/// Adds a payload and returns its distances.
fn line(
    log: &mut Log,
    at: Section,
    chat: &mut Chat,
    id: u32,
    by: &'static str,
    p: &[u32],
) -> Vec<usize> {
    chat.add(Entry::new(id, &by, p, Role::Content)).unwrap();
    let line = log.accept(at, chat, id, Some("text")).unwrap().unwrap();
    line.distances().collect()
}

/// Adds something that makes no line.
fn hidden(log: &mut Log, at: Section, chat: &mut Chat, id: u32, by: &'static str, p: &[u32]) {
    chat.add(Entry::new(id, &by, p, Role::Ack)).unwrap();
    assert_eq!(log.accept(at, chat, id, None).unwrap(), None);
}

#[test]
fn distances_tell_what_the_author_had_seen() {
    let (mut log, mut chat) = (Log::new(), chat());
    let at = log.begin().unwrap();
    assert_eq!(line(&mut log, at, &mut chat, 1, "alice", &[]), [0_usize; 0]);
    assert_eq!(line(&mut log, at, &mut chat, 2, "bob", &[1]), [1]);
    assert_eq!(line(&mut log, at, &mut chat, 3, "carol", &[1]), [2]);
    assert_eq!(line(&mut log, at, &mut chat, 4, "alice", &[2, 3]), [1, 2]);
    let follows: Vec<bool> = log.lines().iter().map(|line| line.follows_line_above()).collect();
    assert_eq!(follows, [true, true, false, false]);
    assert!(log.parents(&4).eq([2, 3]));
    assert!(log.ancestors(&4).map(|line| line.id).eq([3, 2, 1]));
    assert!(log.ancestors(&3).map(|line| line.id).eq([1]));
    assert_eq!(log.ancestors(&9).count() + log.parents(&9).len(), 0);
    let line = log.line(&3).unwrap();
    assert_eq!((line.author, line.section, line.payload, line.place()), ("carol", at, "text", 2));
}

#[test]
fn a_first_line_without_parents_follows_and_a_second_does_not() {
    let (mut log, mut chat) = (Log::new(), chat());
    let at = log.begin().unwrap();
    line(&mut log, at, &mut chat, 1, "alice", &[]);
    assert_eq!(line(&mut log, at, &mut chat, 2, "bob", &[]), [0_usize; 0]);
    assert!(log.line(&1).unwrap().follows_line_above());
    assert!(!log.line(&2).unwrap().follows_line_above());
}

#[test]
fn effective_parents_reach_through_what_makes_no_line() {
    let (mut log, mut chat) = (Log::new(), chat());
    let at = log.begin().unwrap();
    hidden(&mut log, at, &mut chat, 1, "carol", &[]);
    line(&mut log, at, &mut chat, 2, "alice", &[1]);
    line(&mut log, at, &mut chat, 3, "bob", &[1]);
    hidden(&mut log, at, &mut chat, 4, "carol", &[2]);
    hidden(&mut log, at, &mut chat, 5, "alice", &[3, 4]);
    assert_eq!(log.next_parents(at, &chat).unwrap(), [2, 3]);
    hidden(&mut log, at, &mut chat, 6, "bob", &[5]);
    assert_eq!(line(&mut log, at, &mut chat, 7, "carol", &[6]), [1, 2]);
    assert_eq!(log.next_parents(at, &chat).unwrap(), [7]);
}

#[test]
fn effective_parents_are_an_antichain() {
    let (mut log, mut chat) = (Log::new(), chat());
    let at = log.begin().unwrap();
    line(&mut log, at, &mut chat, 1, "alice", &[]);
    hidden(&mut log, at, &mut chat, 2, "carol", &[1]);
    line(&mut log, at, &mut chat, 3, "bob", &[1]);
    // By way of 2 the author saw 1, but 3 answers 1 already.
    assert_eq!(line(&mut log, at, &mut chat, 4, "alice", &[2, 3]), [1]);
}

#[test]
fn a_section_starts_from_what_the_membership_change_names() {
    let (mut log, mut old, mut new) = (Log::new(), chat(), chat());
    let before = log.begin().unwrap();
    line(&mut log, before, &mut old, 1, "alice", &[]);
    line(&mut log, before, &mut old, 2, "bob", &[1]);
    hidden(&mut log, before, &mut old, 3, "carol", &[1]);
    line(&mut log, before, &mut old, 4, "alice", &[2]);

    // The initiator of the change had not seen 4; of 2 and 3, only 2 makes a line that counts.
    let after = log.begin_after(before, &old, &[2, 3, 77]).unwrap();
    assert!(before < after);
    assert_eq!(line(&mut log, after, &mut new, 10, "bob", &[]), [2]);
    // A late line of the old section has its parents there.
    assert_eq!(line(&mut log, before, &mut old, 5, "bob", &[4]), [2]);
    hidden(&mut log, after, &mut new, 11, "carol", &[]);
    assert_eq!(line(&mut log, after, &mut new, 12, "alice", &[11]), [4]);
    // With a line of this section among the parents, the old ones are behind it.
    assert_eq!(line(&mut log, after, &mut new, 13, "bob", &[10, 11]), [3]);
    assert!(log.canonical_order().iter().map(|line| line.id).eq([1, 2, 4, 5, 10, 12, 13]));
}

#[test]
fn a_section_that_began_too_early_can_begin_again() {
    let (mut log, mut old, mut new) = (Log::new(), chat(), chat());
    let before = log.begin().unwrap();
    line(&mut log, before, &mut old, 1, "alice", &[]);
    let after = log.begin_after(before, &old, &[2]).unwrap();
    assert_eq!(line(&mut log, after, &mut new, 10, "bob", &[]), [0_usize; 0], "2 is missing");
    line(&mut log, before, &mut old, 2, "bob", &[1]);
    log.begin_again(after, before, &old, &[2]).unwrap();
    assert_eq!(log.parents(&10).len(), 0, "that line has its parents");
    line(&mut log, after, &mut new, 11, "carol", &[]);
    assert!(log.parents(&11).eq([2]));
    log.end(before);
    assert_eq!(log.begin_again(after, before, &old, &[1]), Err(LogError::UnknownSection));
    log.end(after);
    assert_eq!(log.begin_again(after, before, &old, &[1]), Err(LogError::UnknownSection));
}

#[test]
fn a_silent_section_is_looked_through() {
    let (mut log, mut first, second, mut third) = (Log::new(), chat(), chat(), chat());
    let a = log.begin().unwrap();
    line(&mut log, a, &mut first, 1, "alice", &[]);
    let b = log.begin_after(a, &first, &[1]).unwrap();
    assert_eq!(log.next_parents(b, &second).unwrap(), [1]);
    let c = log.begin_after(b, &second, &[]).unwrap();
    assert_eq!(line(&mut log, c, &mut third, 9, "bob", &[]), [1]);
}

#[test]
fn a_session_begun_anew_continues_nothing() {
    let (mut log, mut first, mut second) = (Log::new(), chat(), chat());
    let a = log.begin().unwrap();
    line(&mut log, a, &mut first, 1, "alice", &[]);
    let b = log.begin().unwrap();
    assert_eq!(line(&mut log, b, &mut second, 9, "bob", &[]), [0_usize; 0]);
    assert!(!log.line(&9).unwrap().follows_line_above());
}

#[test]
fn a_pruned_message_stands_for_all_that_is_pruned() {
    let (mut log, mut old, mut new) = (Log::default(), chat(), chat());
    assert_eq!(log, Log::new());
    let before = log.begin().unwrap();
    line(&mut log, before, &mut old, 1, "alice", &[]);
    for (id, by) in [(2, "bob"), (3, "carol"), (4, "alice"), (5, "bob"), (6, "carol")] {
        line(&mut log, before, &mut old, id, by, &[id - 1]);
    }
    assert_eq!(old.prune(), [1, 2]);
    // Only what is added says to the log what was pruned.
    line(&mut log, before, &mut old, 7, "alice", &[6]);
    assert_eq!(log.accept(before, &old, 1, None), Err(LogError::Duplicate(1)));
    let after = log.begin_after(before, &old, &[1]).unwrap();
    line(&mut log, after, &mut new, 10, "bob", &[]);
    assert!(log.parents(&10).eq([2]), "the latest line of what is pruned");
}

#[test]
fn what_passes_late_is_not_mistaken_for_what_has_passed() {
    let (mut log, mut chat) = (Log::new(), chat());
    let at = log.begin().unwrap();
    chat.add(Entry::new(1, &"alice", &[], Role::Content)).unwrap();
    line(&mut log, at, &mut chat, 2, "bob", &[]);
    chat.add(Entry::new(3, &"carol", &[1], Role::Content)).unwrap();
    assert_eq!(log.accept(at, &chat, 3, Some("text")), Err(LogError::MissedParent(1)));
    log.accept(at, &chat, 1, Some("text")).unwrap();
    log.accept(at, &chat, 3, Some("text")).unwrap();
    assert!(log.lines().iter().map(|line| line.id).eq([2, 1, 3]));
    assert!(log.parents(&3).eq([1]));
    for id in [1, 2, 3] {
        assert_eq!(log.accept(at, &chat, id, None), Err(LogError::Duplicate(id)));
    }
}

#[test]
fn misuse_is_told_and_changes_nothing() {
    let (mut log, mut chat) = (Log::new(), chat());
    let at = log.begin().unwrap();
    chat.add(Entry::new(1, &"alice", &[], Role::Content)).unwrap();
    chat.add(Entry::new(2, &"bob", &[1], Role::Content)).unwrap();
    let before = log.clone();
    assert_eq!(log.accept(at, &chat, 9, None), Err(LogError::NotInTranscript(9)));
    assert_eq!(log.accept(at, &chat, 2, None), Err(LogError::MissedParent(1)));
    assert_eq!(log, before);
    log.accept(at, &chat, 1, Some("text")).unwrap();
    assert_eq!(log.accept(at, &chat, 1, None), Err(LogError::Duplicate(1)));
    let mut other = Log::new();
    let elsewhere = (other.begin().unwrap(), other.begin().unwrap()).1;
    assert_eq!(log.accept(elsewhere, &chat, 2, None), Err(LogError::UnknownSection));

    log.end(at);
    assert_eq!(log.accept(at, &chat, 2, None), Err(LogError::UnknownSection));
    assert_eq!(log.next_parents(at, &chat), Err(LogError::UnknownSection));
    assert_eq!(log.begin_after(at, &chat, &[]), Err(LogError::UnknownSection));
    assert_eq!(log.lines().len(), 1);
    assert_eq!(LogError::MissedParent(1).to_string(), "the parent 1 did not pass through the log");
}
