//! Questions about the order.

use mpenc_causal::{Role, Transcript};

use crate::group::{ack, chat, diamond, say};

#[test]
fn before_is_strict_and_partial() {
    let chat = diamond();
    assert_eq!(chat.before(&1, &4), Some(true));
    assert_eq!(chat.before(&4, &1), Some(false));
    assert_eq!(chat.before(&2, &3), Some(false));
    assert_eq!(chat.before(&3, &2), Some(false));
    assert_eq!(chat.before(&2, &2), Some(false));
    assert_eq!(chat.before(&2, &9), None);
    assert_eq!(chat.before(&9, &2), None);
}

#[test]
fn edges_and_ends() {
    let chat = diamond();
    assert!(chat.parents(&4).eq([2, 3]));
    assert!(chat.children(&1).eq([2, 3]));
    assert_eq!(chat.parents(&1).len(), 0);
    assert_eq!(chat.parents(&9).len(), 0);
    assert_eq!(chat.children(&4).len(), 0);
    assert!(chat.earliest().eq([1]));
    assert_eq!(chat.heads(), [4]);
}

#[test]
fn heads_in_both_orders() {
    let mut chat = chat();
    say(&mut chat, 7, "bob", &[]);
    say(&mut chat, 9, "alice", &[]);
    say(&mut chat, 8, "carol", &[]);
    assert_eq!(chat.heads(), [7, 8, 9]);
    assert_eq!(chat.heads_recent_first(), [8, 9, 7]);
    assert!(chat.earliest().eq([9, 7, 8])); // by author
    say(&mut chat, 1, "bob", &[9, 7]);
    assert_eq!(chat.heads(), [1, 8]);
    assert_eq!(chat.heads_recent_first(), [1, 8]);
}

#[test]
fn who_wrote_what() {
    assert_eq!((chat().len(), chat().is_empty()), (0, true));
    let mut chat = diamond();
    ack(&mut chat, 5, "bob", &[4]);
    assert!(chat.by_author(&"alice").eq([1, 4]));
    assert!(chat.by_author(&"bob").rev().eq([5, 2]));
    assert_eq!(chat.by_author(&"mallory").count(), 0);
    assert_eq!(chat.author(&3), Some(&"carol"));
    assert_eq!(chat.author(&9), None);
    assert_eq!(chat.role(&5), Some(Role::Ack));
    assert!(chat.members().eq(&["alice", "bob", "carol"]));
    assert!(chat.is_member(&"bob") && !chat.is_member(&"mallory"));
    assert_eq!((chat.len(), chat.is_empty()), (5, false));
}

#[test]
fn context_is_what_the_author_had_seen() {
    let mut chat = diamond();
    say(&mut chat, 5, "bob", &[4]);
    assert!(chat.context(&5).eq([(&"alice", 4), (&"bob", 2), (&"carol", 3)]));
    assert!(chat.context(&2).eq([(&"alice", 1)]));
    assert_eq!(chat.context(&1).count(), 0);
    assert_eq!(chat.context(&9).count(), 0);
    assert_eq!(chat.seen_of(&5, &"alice"), Some(4));
    assert_eq!(chat.seen_of(&5, &"bob"), Some(2));
    assert_eq!(chat.seen_of(&3, &"bob"), None);
    assert_eq!(chat.seen_of(&3, &"mallory"), None);
}

#[test]
fn walks_have_an_order_and_a_filter() {
    let mut chat = diamond();
    ack(&mut chat, 5, "bob", &[4]);
    say(&mut chat, 6, "carol", &[5]);
    assert!(chat.ancestors(&6).eq([5, 4, 3, 2, 1]));
    assert!(chat.descendants(&1).eq([2, 3, 4, 5, 6]));
    assert!(chat.descendants(&2).eq([4, 5, 6]));
    assert_eq!(chat.ancestors(&9).count() + chat.descendants(&9).count(), 0);

    let is_ack = |id: &u32| chat.role(id) == Some(Role::Ack);
    assert!(chat.ancestors_through(&6, is_ack).eq([5, 4]));
    assert!(chat.descendants_through(&4, is_ack).eq([5, 6]));
    assert!(chat.descendants_through(&1, |_| false).eq([2, 3]));
}

#[test]
fn long_chains_need_no_stack() {
    let mut chat = chat();
    say(&mut chat, 0, "alice", &[]);
    for id in 1..20_000_u32 {
        let author = if id.is_multiple_of(2) { "alice" } else { "bob" };
        say(&mut chat, id, author, &[id - 1]);
    }
    assert_eq!(chat.ancestors(&19_999).count(), 19_999);
    assert_eq!(chat.ancestors_through(&19_999, |_| true).count(), 19_999);
    assert_eq!(chat.descendants_through(&0, |_| true).count(), 19_999);
    assert_eq!(chat.before(&0, &19_999), Some(true));
}

#[test]
fn canonical_order_is_the_same_for_everyone() {
    // Carol's 2 and bob's 9 are concurrent, delivered here one way, there the other.
    let mut here = chat();
    say(&mut here, 5, "alice", &[]);
    say(&mut here, 2, "carol", &[5]);
    say(&mut here, 9, "bob", &[5]);
    say(&mut here, 1, "alice", &[2]);
    let mut there = chat();
    say(&mut there, 5, "alice", &[]);
    say(&mut there, 9, "bob", &[5]);
    say(&mut there, 2, "carol", &[5]);
    say(&mut there, 1, "alice", &[2]);

    assert!(!here.delivery_order().eq(there.delivery_order()));
    assert_eq!(here.canonical_order(), [5, 9, 2, 1]);
    assert_eq!(there.canonical_order(), [5, 9, 2, 1]);
}

#[test]
fn members_are_a_set() {
    let chat: Transcript<u32, &str> = Transcript::new(["bob", "alice", "bob"]);
    assert!(chat.members().eq(&["alice", "bob"]));
}
