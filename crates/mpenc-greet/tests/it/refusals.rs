//! One clear sentence per check.

use std::collections::BTreeSet;
use std::fmt::Display;

use mpenc_greet::{
    CannotConfirm, Check, InternalError, KeyFault, List, Operation, ProposeError, Refused,
    SignerFailed,
};
use mpenc_wire::{Dialect, EncodeError, MemberId};

#[test]
fn sentences() {
    let ann = MemberId::new(Dialect::DOCUMENT, "ann").unwrap();
    let checks = [
        Check::Duplicate,
        Check::SenderIsNotSource { sender: ann.clone() },
        Check::Signature,
        Check::NotForUs,
        Check::NotInitial,
        Check::InitialInside,
        Check::OtherOperation,
        Check::GroupExists,
        Check::NoGroup,
        Check::InitiatorNotMember,
        Check::Members,
        Check::MembersDiffer,
        Check::Stage,
        Check::Turn { awaited: ann.clone() },
        Check::Destination,
        Check::Count(List::IntKeys),
        Check::Count(List::Nonces),
        Check::Count(List::PubKeys),
        Check::Count(List::SessionSignature),
        Check::BasePoint,
        Check::InitiatorIntKey,
        Check::Nonce(ann.clone()),
        Check::NonceNotRenewed,
        Check::PubKeyDiffers(ann.clone()),
        Check::NotOurs,
        Check::IntKey { index: 2, fault: KeyFault::NotCanonical },
        Check::IntKey { index: 0, fault: KeyFault::NotOnCurve },
        Check::PubKey { member: ann.clone(), fault: KeyFault::SmallOrder },
        Check::PubKey { member: ann.clone(), fault: KeyFault::Torsion },
        Check::SessionSignature,
        Check::NoIdentityKey,
        Check::AlreadyConfirmed,
        Check::SignerNotAuthenticated(ann.clone()),
        Check::AbortsAnother,
        Check::AbortByOutsider,
        Check::NoKeyForAuthor,
        Check::NotInDialect,
        Check::Other("something else is wrong"),
    ];
    let lines: Vec<String> = checks.iter().map(ToString::to_string).collect();
    insta::assert_snapshot!(lines.join("\n"));
    let refused = Refused::new(ann, Check::Stage);
    insta::assert_snapshot!(refused.to_string(), @"refused a packet in the name of ann: the operation is in another stage");
}

#[track_caller]
fn assert_distinct(errors: &[impl Display]) {
    let texts: BTreeSet<String> = errors.iter().map(ToString::to_string).collect();
    assert_eq!(texts.iter().filter(|text| !text.is_empty()).count(), errors.len());
}

#[test]
fn every_reason_reads_differently() {
    let ann = MemberId::new(Dialect::DOCUMENT, "ann").unwrap();
    let internal = InternalError::new("a bug");
    let cannot = [
        CannotConfirm::NoIdentityKey(ann.clone()),
        CannotConfirm::SignerFailed,
        CannotConfirm::TooLarge,
    ];
    assert_distinct(&cannot);
    assert_distinct(&[
        ProposeError::NobodyNamed,
        ProposeError::NamesUs,
        ProposeError::NamedTwice(ann.clone()),
        ProposeError::AlreadyMember(ann.clone()),
        ProposeError::NotMember(ann.clone()),
        ProposeError::Alone,
        ProposeError::NoIdentityKey(ann.clone()),
        ProposeError::SignerFailed,
        ProposeError::Encode(EncodeError::TooLarge),
        ProposeError::from(internal),
    ]);
    let operations =
        [Operation::Establish, Operation::Include, Operation::Exclude, Operation::Refresh];
    assert_distinct(&operations);
    assert_eq!(internal.to_string(), "internal error: a bug");
    assert_eq!(ProposeError::from(internal).to_string(), internal.to_string());
    assert_eq!(SignerFailed.to_string(), CannotConfirm::SignerFailed.to_string());
    #[cfg(feature = "serde")]
    {
        let texts = cannot.iter().map(|reason| serde_json::to_value(reason).unwrap());
        assert!(texts.eq(cannot.iter().map(ToString::to_string)));
        let texts = operations.iter().map(|one| serde_json::to_value(one).unwrap());
        assert!(texts.eq(operations.iter().map(ToString::to_string)));
        assert_eq!(serde_json::to_value(internal).unwrap(), internal.to_string());
        let refused = Refused::new(ann, Check::Stage);
        assert_eq!(serde_json::to_value(&refused).unwrap(), refused.to_string());
    }
}
