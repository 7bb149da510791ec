//! Each rule of PROTOCOL 7, broken once (TR-02 to TR-05, TR-08, TR-12, FI-04).

use std::collections::BTreeSet;

use mpenc_causal::{AddError, Entry, Role, Transcript};

use crate::group::{ack, add, chat, close, diamond, refused, say};

const CONTENT: Role = Role::Content;

#[test]
fn a_duplicate_is_told_even_with_other_contents() {
    let mut chat = diamond();
    let error = refused(&mut chat, Entry::new(2, &"carol", &[99], Role::Ack));
    assert_eq!(error, AddError::Duplicate);
}

#[test]
fn an_author_must_be_a_member() {
    let error = refused(&mut diamond(), Entry::new(5, &"mallory", &[4], CONTENT));
    assert_eq!(error, AddError::AuthorNotMember("mallory"));
}

#[test]
fn readers_and_author_must_be_the_members() {
    let mut chat = chat();
    let with_author = BTreeSet::from(["alice", "bob", "carol"]);
    let error = refused(&mut chat, Entry::new(1, &"alice", &[], CONTENT).to_readers(&with_author));
    assert_eq!(error, AddError::AuthorAmongReaders("alice"));

    for other in [vec!["bob"], vec!["bob", "carol", "dave"], vec!["bob", "dave"], vec![]] {
        let readers = BTreeSet::from_iter(other);
        let error = refused(&mut chat, Entry::new(1, &"alice", &[], CONTENT).to_readers(&readers));
        assert_eq!(error, AddError::MembersDiffer);
    }

    let readers = BTreeSet::from(["carol", "bob"]);
    chat.add(Entry::new(1, &"alice", &[], CONTENT).to_readers(&readers)).unwrap();
}

#[test]
fn more_parents_than_members_are_refused_unseen() {
    let error = refused(&mut diamond(), Entry::new(5, &"bob", &[90, 91, 92, 93], CONTENT));
    assert_eq!(error, AddError::TooManyParents { named: 4, limit: 3 });
}

#[test]
fn a_message_is_not_its_own_parent() {
    let error = refused(&mut diamond(), Entry::new(5, &"bob", &[4, 5], CONTENT));
    assert_eq!(error, AddError::OwnAncestor);
}

#[test]
fn parents_of_another_transcript_are_not_awaited() {
    let previous = diamond();
    let mut chat = chat();
    let error = refused(&mut chat, Entry::new(9, &"bob", &[77, 4], CONTENT).apart_from(&previous));
    assert_eq!(error, AddError::ParentElsewhere(4));
    let error = refused(&mut chat, Entry::new(9, &"bob", &[77, 78], CONTENT).apart_from(&previous));
    assert_eq!(error, AddError::MissingParents(vec![77, 78]));
}

#[test]
fn missing_parents_are_listed() {
    let error = refused(&mut diamond(), Entry::new(9, &"bob", &[8, 4, 7], CONTENT));
    assert_eq!(error, AddError::MissingParents(vec![8, 7]));
}

#[test]
fn parents_are_an_antichain() {
    let redundant = |parents: &[u32], ancestor, descendant| {
        let error = refused(&mut diamond(), Entry::new(5, &"bob", parents, CONTENT));
        assert_eq!(error, AddError::ParentsNotAntichain { ancestor, descendant });
    };
    redundant(&[3, 4], 3, 4);
    redundant(&[4, 3], 3, 4);
    redundant(&[1, 4], 1, 4); // both by alice
    redundant(&[2, 1], 1, 2);
    redundant(&[4, 4], 4, 4);
    redundant(&[9, 9], 9, 9); // known to be wrong before 9 is known
}

#[test]
fn of_many_parents_the_one_that_descends_is_named() {
    let mut chat = chat();
    say(&mut chat, 1, "alice", &[]);
    say(&mut chat, 2, "bob", &[]);
    say(&mut chat, 3, "carol", &[1]);
    for parents in [[1, 2, 3], [3, 2, 1], [2, 3, 1]] {
        let error = refused(&mut chat, Entry::new(4, &"bob", &parents, CONTENT));
        assert_eq!(error, AddError::ParentsNotAntichain { ancestor: 1, descendant: 3 });
    }
}

#[test]
fn an_authors_messages_form_a_chain() {
    let mut chat = diamond();
    for (id, parents) in [(5, vec![1]), (6, vec![3]), (7, vec![])] {
        let AddError::Fork(fork) = refused(&mut chat, Entry::new(id, &"bob", &parents, CONTENT))
        else {
            panic!("2 is not among the ancestors");
        };
        assert_eq!((fork.author, fork.accepted, fork.refused), ("bob", 2, id));
    }
}

#[test]
fn fork_evidence_names_the_first_message_of_the_accepted_branch() {
    let mut chat = chat();
    say(&mut chat, 1, "alice", &[]);
    say(&mut chat, 2, "alice", &[1]);
    say(&mut chat, 3, "alice", &[2]);
    let AddError::Fork(fork) = refused(&mut chat, Entry::new(4, &"alice", &[1], Role::Ack)) else {
        panic!("acks fork as well");
    };
    assert_eq!((fork.accepted, fork.refused), (2, 4));
    assert_eq!(fork.to_string(), "alice wrote 4 without having seen their own 2");
}

#[test]
fn no_content_after_a_close() {
    let mut chat = chat();
    close(&mut chat, 1, "alice", &[]);
    let error = refused(&mut chat, Entry::new(2, &"alice", &[1], CONTENT));
    assert_eq!(error, AddError::AfterClose { close: 1 });

    // Acks and closes stay allowed, and the first close stays the one that counts.
    say(&mut chat, 3, "bob", &[1]);
    ack(&mut chat, 4, "alice", &[3]);
    close(&mut chat, 5, "alice", &[4]);
    let error = refused(&mut chat, Entry::new(6, &"alice", &[5], CONTENT));
    assert_eq!(error, AddError::AfterClose { close: 1 });
    assert_eq!(chat.closed_by(&"alice"), Some(1));
    assert_eq!(chat.closed_by(&"bob"), None);
    say(&mut chat, 7, "bob", &[5]);
}

#[test]
fn rules_are_tried_in_the_documented_order() {
    let mut chat = diamond();
    // An unknown author with unknown, repeated parents: the author comes first.
    let error = refused(&mut chat, Entry::new(9, &"mallory", &[8, 8], CONTENT));
    assert_eq!(error, AddError::AuthorNotMember("mallory"));
    // A fork with a missing parent is deferred: the parent may descend from what seems forked.
    let error = refused(&mut chat, Entry::new(9, &"bob", &[3, 8], CONTENT));
    assert_eq!(error, AddError::MissingParents(vec![8]));
    // Content after a close that forks as well is evidence, above all.
    close(&mut chat, 5, "bob", &[4]);
    let error = refused(&mut chat, Entry::new(9, &"bob", &[4], CONTENT));
    assert!(matches!(error, AddError::Fork(_)));
}

#[test]
fn a_transcript_without_members_takes_nothing() {
    let mut nobody: Transcript<u32, &str> = Transcript::new([]);
    let error = nobody.add(Entry::new(1, &"alice", &[], CONTENT)).unwrap_err();
    assert_eq!(error, AddError::AuthorNotMember("alice"));
}

#[test]
fn errors_speak() {
    let mut chat = diamond();
    let error = add(&mut chat, 9, "bob", &[8, 7], CONTENT).unwrap_err();
    assert_eq!(error.to_string(), "2 parents are missing");
    let error = add(&mut chat, 9, "bob", &[4, 1], CONTENT).unwrap_err();
    assert_eq!(error.to_string(), "the parent 1 is implied by the parent 4");
    let _: &dyn core::error::Error = &error;
}
