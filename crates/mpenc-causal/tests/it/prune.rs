//! Forgetting (PROTOCOL 7, `prune`).

use mpenc_causal::{AddError, Entry, Role, Transcript};

use crate::group::{ack, chat, refused, say};

/// Three rounds in which everybody sees everything: enough for the first to be stable.
fn rounds() -> crate::group::Chat {
    let mut chat = chat();
    say(&mut chat, 1, "alice", &[]);
    say(&mut chat, 2, "bob", &[1]);
    say(&mut chat, 3, "carol", &[2]);
    say(&mut chat, 4, "alice", &[3]);
    say(&mut chat, 5, "bob", &[4]);
    say(&mut chat, 6, "carol", &[5]);
    chat
}

#[test]
fn stable_messages_go_and_their_ids_stay() {
    let mut chat = rounds();
    // All have seen that alice and carol have 2 (by 4 and 3), but not yet that bob has 3.
    assert_eq!(chat.live(), 6);
    assert_eq!(chat.prune(), [1, 2]);
    assert!(chat.prune().is_empty());
    assert_eq!(chat.live(), 4);
    assert!(chat.is_pruned(&2) && !chat.is_pruned(&3));

    assert!(chat.contains(&1));
    assert_eq!(chat.author(&1), Some(&"alice"));
    assert!(chat.is_fully_acked(&1) && chat.acked_by(&1, &"bob"));
    assert!(chat.by_author(&"alice").eq([1, 4]));
    assert!(chat.delivery_order().eq([1, 2, 3, 4, 5, 6]));
    assert_eq!(chat.canonical_order(), [1, 2, 3, 4, 5, 6]);
    assert_eq!(chat.latest_acked(&"bob", &"alice"), Some(4));
    assert_eq!(refused(&mut chat, Entry::new(1, &"alice", &[], Role::Ack)), AddError::Duplicate);

    assert_eq!(chat.parents(&1).len() + chat.children(&1).len(), 0);
    assert_eq!(chat.ancestors(&1).count() + chat.context(&1).count(), 0);
    assert!(chat.ancestors(&3).eq([2, 1]));
    assert_eq!(chat.before(&1, &3), Some(true));
    assert_eq!(chat.before(&3, &1), Some(false));
}

#[test]
fn forgotten_order_is_said_to_be_forgotten() {
    let mut chat = rounds();
    say(&mut chat, 7, "alice", &[6]);
    say(&mut chat, 8, "bob", &[7]);
    say(&mut chat, 9, "carol", &[8]);
    assert_eq!(chat.prune(), [1, 2, 3, 4, 5]);
    assert_eq!(chat.before(&1, &2), None);
    assert_eq!(chat.before(&1, &4), Some(true)); // one chain
    assert_eq!(chat.before(&2, &6), Some(true));
    assert_eq!(chat.before(&6, &2), Some(false));
    assert!(chat.ancestors(&7).eq([6, 5, 4, 3, 2, 1]));
    assert!(chat.descendants(&1).eq([6, 7, 8, 9]));
    assert!(chat.ancestors_through(&7, |_| true).eq([6, 5]));
    assert!(chat.seen_of(&6, &"bob") == Some(5) && chat.seen_of(&5, &"carol").is_none());
    assert_eq!(chat.first_after(&"bob", &1), Some(8));
}

#[test]
fn whoever_names_a_pruned_parent_breaks_a_rule() {
    let mut chat = rounds();
    chat.prune();
    let error = refused(&mut chat, Entry::new(9, &"bob", &[1, 6], Role::Content));
    assert_eq!(error, AddError::ParentsNotAntichain { ancestor: 1, descendant: 6 });
    // The descendant need not know of anything later by the author of the pruned one.
    let error = refused(&mut chat, Entry::new(9, &"alice", &[2, 4], Role::Content));
    assert_eq!(error, AddError::ParentsNotAntichain { ancestor: 2, descendant: 4 });
    for author in ["alice", "bob", "carol"] {
        let error = refused(&mut chat, Entry::new(9, &author, &[1], Role::Content));
        let AddError::Fork(fork) = error else { panic!("{author} forgot their own last message") };
        assert!(!chat.is_pruned(&fork.accepted));
    }
}

#[test]
fn of_two_pruned_parents_of_one_author_the_elder_is_the_ancestor() {
    let mut chat = rounds();
    say(&mut chat, 7, "alice", &[6]);
    say(&mut chat, 8, "bob", &[7]);
    say(&mut chat, 9, "carol", &[8]);
    assert_eq!(chat.prune(), [1, 2, 3, 4, 5]);
    for parents in [[1, 4], [4, 1]] {
        let error = refused(&mut chat, Entry::new(10, &"bob", &parents, Role::Content));
        assert_eq!(error, AddError::ParentsNotAntichain { ancestor: 1, descendant: 4 });
    }
}

#[test]
fn fork_evidence_is_never_pruned() {
    let mut chat = rounds();
    say(&mut chat, 7, "alice", &[6]);
    say(&mut chat, 8, "bob", &[7]);
    say(&mut chat, 9, "carol", &[8]);
    chat.prune();
    // Bob's 8 is his first message that can still be sent to others.
    let AddError::Fork(fork) = refused(&mut chat, Entry::new(10, &"bob", &[4], Role::Content))
    else {
        panic!("5 and 8 are not among the ancestors");
    };
    assert_eq!(fork.accepted, 8);
}

#[test]
fn acks_that_everybody_has_are_not_resent() {
    let mut chat = chat();
    say(&mut chat, 1, "alice", &[]);
    ack(&mut chat, 2, "bob", &[1]);
    ack(&mut chat, 3, "carol", &[2]);
    ack(&mut chat, 4, "alice", &[3]);
    ack(&mut chat, 5, "bob", &[4]);
    ack(&mut chat, 6, "carol", &[5]);
    say(&mut chat, 7, "alice", &[6]);
    assert_eq!(chat.ack_run_before(&7), [2, 3, 4, 5, 6]);
    say(&mut chat, 8, "bob", &[7]);
    say(&mut chat, 9, "carol", &[8]);
    assert_eq!(chat.prune(), [1, 2, 3, 4, 5]);
    assert_eq!(chat.ack_run_before(&7), [6]);
    assert!(chat.ack_run_before(&3).is_empty());
}

#[test]
fn waived_members_keep_history_alive() {
    let mut chat = chat();
    say(&mut chat, 1, "alice", &[]);
    chat.waive(&"carol");
    for (id, author) in [(2, "bob"), (3, "alice"), (4, "bob"), (5, "alice")] {
        say(&mut chat, id, author, &[id - 1]);
    }
    assert!(chat.is_fully_acked(&4));
    assert!(chat.prune().is_empty());
    // Rightly so: this may have been under way all the time.
    say(&mut chat, 9, "carol", &[1]);
}

#[test]
fn a_lone_member_keeps_the_last_message() {
    let mut alone: Transcript<u32, &str> = Transcript::new(["alice"]);
    assert!(alone.prune().is_empty());
    for id in 1..=3_u32 {
        let parents: Vec<u32> = (1..id).next_back().into_iter().collect();
        alone.add(Entry::new(id, &"alice", &parents, Role::Content)).unwrap();
    }
    assert_eq!(alone.prune(), [1, 2]);
    alone.add(Entry::new(4, &"alice", &[3], Role::Content)).unwrap();
    assert_eq!(alone.prune(), [3]);
}
