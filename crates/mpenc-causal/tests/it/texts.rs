//! What people read when something is refused.

use std::collections::BTreeSet;
use std::fmt::Display;

use mpenc_causal::{AddError, DropReason, Entry, LogError, Role};

use crate::group::{Refused, diamond, refused};

/// Every way in which a message can be refused.
fn add_errors() -> Vec<Refused> {
    let mut chat = diamond();
    let fork = refused(&mut chat, Entry::new(5, &"bob", &[1], Role::Content));
    vec![
        AddError::Duplicate,
        AddError::AuthorNotMember("mallory"),
        AddError::AuthorAmongReaders("alice"),
        AddError::MembersDiffer,
        AddError::TooManyParents { named: 4, limit: 3 },
        AddError::OwnAncestor,
        AddError::ParentElsewhere(77),
        AddError::MissingParents(vec![8, 7]),
        AddError::ParentsNotAntichain { ancestor: 1, descendant: 4 },
        fork,
        AddError::AfterClose { close: 6 },
        AddError::Full,
    ]
}

#[track_caller]
fn assert_distinct(errors: &[impl Display]) {
    let texts: BTreeSet<String> = errors.iter().map(ToString::to_string).collect();
    assert_eq!(texts.iter().filter(|text| !text.is_empty()).count(), errors.len());
}

#[test]
fn every_reason_reads_differently() {
    assert_distinct(&add_errors());
    assert_distinct(&[
        LogError::UnknownSection,
        LogError::NotInTranscript(1),
        LogError::Duplicate(1),
        LogError::MissedParent(1),
        LogError::Full,
    ]);
    assert_distinct(&[DropReason::Overflow, DropReason::Duplicate, DropReason::NothingMissing]);
}

#[test]
fn a_refusal_names_who_and_what() {
    let texts: Vec<String> = add_errors().iter().map(ToString::to_string).collect();
    for name in ["mallory", "alice", "77", "bob wrote 5 without having seen their own 2"] {
        assert!(texts.iter().any(|text| text.contains(name)), "{name}: {texts:?}");
    }
}

#[cfg(feature = "serde")]
#[test]
fn errors_are_serialized_as_what_people_read() {
    for error in add_errors() {
        let text = serde_json::Value::String(error.to_string());
        assert_eq!(serde_json::to_value(&error).unwrap(), text);
    }
}
