//! One clear sentence per check.

use mpenc_greet::{Check, KeyFault, List, Refused};
use mpenc_wire::{Dialect, MemberId};

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
