//! Acknowledgement: implied by ancestry, transitive, counted per reader (AK-01 to AK-07, RS-02).

use mpenc_causal::{Entry, Role, Transcript};

use crate::group::{ack, chat, close, diamond, say};

#[test]
fn fully_acked_once_every_reader_has_answered() {
    let mut chat = chat();
    assert!(say(&mut chat, 1, "alice", &[]).is_empty());
    assert!(say(&mut chat, 2, "bob", &[1]).is_empty());
    assert_eq!(chat.unacked_by(&1), ["carol"]);
    assert!(!chat.is_fully_acked(&1));

    assert_eq!(say(&mut chat, 3, "carol", &[1]), [1]);
    assert!(chat.unacked_by(&1).is_empty());
    assert!(chat.is_fully_acked(&1));
    assert!(chat.unacked().eq([2, 3]));
}

#[test]
fn one_message_may_complete_several_in_delivery_order() {
    let mut chat = chat();
    say(&mut chat, 8, "alice", &[]);
    say(&mut chat, 3, "bob", &[8]);
    say(&mut chat, 9, "alice", &[3]);
    ack(&mut chat, 7, "bob", &[9]);
    assert_eq!(ack(&mut chat, 1, "carol", &[7]), [8, 3, 9]);
    assert_eq!(chat.unacked().count(), 0);
}

#[test]
fn explicit_acks_are_never_awaited() {
    let mut chat = chat();
    ack(&mut chat, 1, "alice", &[]);
    assert_eq!(chat.unacked().count(), 0);
    say(&mut chat, 2, "bob", &[1]);
    assert!(say(&mut chat, 3, "carol", &[1]).is_empty()); // 1 is acked by all; nobody is told
    assert!(chat.is_fully_acked(&1));
}

#[test]
fn closes_are_awaited() {
    let mut chat = chat();
    close(&mut chat, 1, "alice", &[]);
    assert!(chat.unacked().eq([1]));
    ack(&mut chat, 2, "bob", &[1]);
    assert_eq!(ack(&mut chat, 3, "carol", &[2]), [1]);
}

#[test]
fn who_acked_what() {
    let chat = diamond();
    assert!(chat.acked_by(&1, &"bob") && chat.acked_by(&1, &"carol"));
    assert!(chat.acked_by(&1, &"alice"), "an author owes no ack");
    assert!(chat.acked_by(&2, &"alice") && !chat.acked_by(&2, &"carol"));
    assert!(!chat.acked_by(&2, &"mallory") && !chat.acked_by(&9, &"bob"));
    assert_eq!(chat.first_after(&"alice", &2), Some(4));
    assert_eq!(chat.first_after(&"alice", &1), Some(4));
    assert_eq!(chat.first_after(&"bob", &1), Some(2));
    assert_eq!(chat.first_after(&"bob", &4), None);
    assert_eq!(chat.first_after(&"mallory", &4), None);
    assert_eq!(chat.latest_acked(&"alice", &"carol"), Some(3));
    assert_eq!(chat.latest_acked(&"bob", &"alice"), Some(1));
    assert_eq!(chat.latest_acked(&"bob", &"carol"), None);
}

#[test]
fn a_waived_reader_is_not_awaited() {
    let mut chat = chat();
    say(&mut chat, 1, "alice", &[]);
    ack(&mut chat, 2, "bob", &[1]);
    say(&mut chat, 3, "bob", &[2]);
    assert_eq!(chat.unacked_by(&1), ["carol"]);

    assert_eq!(chat.waive(&"carol"), [1]);
    assert!(chat.unacked_by(&1).is_empty() && chat.is_fully_acked(&1));
    assert!(
        chat.never_acked_by(&1).eq(&["carol"]),
        "nobody waits for it; it is missing all the same"
    );
    assert_eq!(chat.never_acked_by(&99).count(), 0);
    assert!(!chat.acked_by(&1, &"carol"), "facts stay facts");
    assert_eq!(chat.unacked_by(&3), ["alice"]);
    assert!(!chat.is_awaited(&"carol") && chat.is_awaited(&"bob"));
    assert_eq!(ack(&mut chat, 4, "alice", &[3]), [3]);

    // Her late messages still count as acks and are still awaited themselves.
    assert!(say(&mut chat, 5, "carol", &[4]).is_empty());
    assert!(chat.acked_by(&1, &"carol"));
    assert_eq!(chat.unacked_by(&5), ["alice", "bob"]);
    assert!(chat.waive(&"carol").is_empty() && chat.waive(&"mallory").is_empty());
}

#[test]
fn when_all_readers_are_waived_messages_are_acked_as_they_come() {
    let mut chat = chat();
    say(&mut chat, 1, "alice", &[]);
    assert!(chat.waive(&"bob").is_empty());
    assert_eq!(chat.waive(&"carol"), [1]);
    assert_eq!(say(&mut chat, 2, "alice", &[1]), [2]);
    assert!(say(&mut chat, 3, "bob", &[2]).is_empty());
    assert_eq!(chat.waive(&"alice"), [3]);
}

#[test]
fn alone_nothing_is_awaited() {
    let mut alone: Transcript<u32, &str> = Transcript::new(["alice"]);
    let added = alone.add(Entry::new(1, &"alice", &[], Role::Content)).unwrap();
    assert_eq!(added.fully_acked, [1]);
    let added = alone.add(Entry::new(2, &"alice", &[1], Role::Ack)).unwrap();
    assert!(added.fully_acked.is_empty());
    assert_eq!(alone.unacked().count(), 0);
}

#[test]
fn the_run_of_acks_directly_before_a_message() {
    let mut chat = chat();
    say(&mut chat, 1, "alice", &[]);
    ack(&mut chat, 2, "bob", &[1]);
    ack(&mut chat, 3, "carol", &[1]);
    say(&mut chat, 4, "alice", &[2, 3]);
    assert_eq!(chat.ack_run_before(&4), [2, 3]);

    ack(&mut chat, 5, "bob", &[4]);
    ack(&mut chat, 6, "carol", &[5]);
    ack(&mut chat, 7, "bob", &[6]);
    say(&mut chat, 8, "alice", &[7]);
    assert_eq!(chat.ack_run_before(&8), [5, 6, 7]); // not 2 and 3, which 4 comes between
    assert_eq!(chat.ack_run_before(&7), [5, 6]);
    assert!(chat.ack_run_before(&5).is_empty());
    assert!(chat.ack_run_before(&1).is_empty() && chat.ack_run_before(&99).is_empty());
}

#[test]
fn an_ack_beside_content_is_in_the_run() {
    let mut chat = chat();
    ack(&mut chat, 1, "bob", &[]);
    say(&mut chat, 2, "carol", &[]);
    say(&mut chat, 3, "alice", &[1, 2]);
    assert_eq!(chat.ack_run_before(&3), [1]);
}
