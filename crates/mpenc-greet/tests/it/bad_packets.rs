//! Packets that must not be taken: the cases that structure alone does not decide.

use std::collections::BTreeSet;

use mpenc_greet::{Check, Greeter, KeyFault};
use serde_json::Value;

use crate::histories::{id, list, people, run, text, vectors};

/// Cases that this crate cannot judge: the server order must.
const ELSEWHERE: [&str; 1] = ["initial-replayed"];

#[test]
fn are_refused_and_change_nothing() {
    let vectors = vectors("document/bad.json");
    let mut judged = BTreeSet::new();
    for case in list(&vectors["cases"]) {
        let name = text(&case["name"]);
        let is_ours = ["verify", "keys", "operation"].contains(&text(&case["level"]));
        if !is_ours || ELSEWHERE.contains(&name) {
            continue;
        }
        judge(&vectors["base"], case);
        judged.insert(name);
    }
    // All of them: see the vectors' own list.
    assert_eq!(judged.len(), JUDGED);
}

const JUDGED: usize = 69;

fn judge(base: &Value, case: &Value) {
    let name = text(&case["name"]);
    let place = |at: usize| usize::try_from(case["replaces"][at].as_u64().unwrap()).unwrap();
    let mut crowd = people(base);
    run(&mut crowd, base, Some((place(0), place(1))));
    let sender = id(&case["sender"]);
    for member in list(&case["to"]).iter().map(id) {
        let person = crowd.people.get_mut(&member).unwrap();
        let (members, completed) = (person.greeter.members().to_vec(), person.completed);
        let draws = person.rng.left();
        let refused = person.receive(&sender, text(&case["packet"])).expect_err(name);
        let repeats = ["confirm-twice", "upflow-again", "initial-of-past-operation"];
        assert_eq!(refused.is_duplicate(), repeats.contains(&name), "{name}");
        assert_eq!(
            refused.author == sender,
            !matches!(refused.check, Check::SenderIsNotSource { .. }),
            "{name} names {}",
            refused.author
        );
        assert!(fits(&refused.check, text(&case["code"])), "{name}, {member}: {refused}");
        assert_eq!(person.greeter.members(), members);
        assert_eq!((person.completed, person.rng.left()), (completed, draws));
        // The packet that it stood in for is still taken: nothing has changed.
        let packet = &base["steps"][place(0)]["packets"][place(1)];
        let sender = id(&packet["sender"]);
        if packet["type"] == "greeting" && person.draft.is_none() {
            person
                .receive(&sender, text(&packet["packet"]))
                .unwrap_or_else(|refused| panic!("after {name}, {member}: {refused}"));
        }
    }
}

/// Whether the check is the one that the vectors' implementation names. Where the order of checks
/// decides which of two comes first, both do.
fn fits(check: &Check, code: &str) -> bool {
    match code {
        "int-key-small-order" | "int-key-non-canonical" | "int-key-twist" => {
            matches!(check, Check::IntKey { fault, .. } if fits_fault(*fault, code))
        }
        "pub-key-small-order" | "pub-key-non-canonical" | "pub-key-torsion" => {
            matches!(check, Check::PubKey { fault, .. } if fits_fault(*fault, code))
        }
        "initiator-int-key" => *check == Check::InitiatorIntKey,
        "signature" => *check == Check::Signature,
        "source-is-not-sender" => matches!(check, Check::SenderIsNotSource { .. }),
        "session-signature" => *check == Check::SessionSignature,
        "members-differ" => *check == Check::MembersDiffer,
        "list-changed" | "nonce-changed" | "key-changed" => {
            matches!(check, Check::Nonce(_) | Check::PubKeyDiffers(_) | Check::NotOurs)
        }
        "members" => *check == Check::Members,
        "duplicate-confirm" | "not-our-operation" => *check == Check::Duplicate,
        "stage" => matches!(check, Check::Stage | Check::Turn { .. } | Check::Duplicate),
        "operation-mismatch" => *check == Check::OtherOperation,
        "abort-of-another-operation" => *check == Check::AbortsAnother,
        "abort-by-outsider" => *check == Check::AbortByOutsider,
        "no-key-for-author" => *check == Check::NoKeyForAuthor,
        code => panic!("unknown code {code}"),
    }
}

/// A point of small order in a non-canonical encoding has both faults, and −1 is on the twist.
fn fits_fault(fault: KeyFault, code: &str) -> bool {
    match code.rsplit_once("key-").unwrap().1 {
        "small-order" => fault != KeyFault::Torsion,
        "non-canonical" => fault == KeyFault::NotCanonical,
        "twist" => fault == KeyFault::NotOnCurve,
        _ => fault == KeyFault::Torsion,
    }
}
