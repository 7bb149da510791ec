//! `bad.json`: well-signed messages that must not be taken.

use std::collections::BTreeMap;

use ed25519_dalek::SigningKey;
use mpenc_message::{ContentFault, OpenError, PaddingFault};
use mpenc_wire::{Dialect, MalformedKind, MemberId, RecordType};
use serde_json::Value;

use crate::support::{Peer, Refused, key, list, octets_32, open, text, vectors};

const DIALECT: Dialect = Dialect::DOCUMENT;

/// The sub-session that runs at a step of the base history.
fn sub_session(base: &Value, step: usize) -> Peer {
    let result = list(&base["steps"])[..step]
        .iter()
        .rev()
        .find(|step| step["outcome"] == "completed")
        .map(|step| &step["result"])
        .expect("a session runs");
    let members: Vec<_> = list(&result["members"])
        .iter()
        .zip(list(&result["ephemeral_pub_keys"]))
        .map(|(name, public)| (MemberId::new(DIALECT, text(name)).unwrap(), key(public)))
        .collect();
    Peer {
        dialect: DIALECT,
        own: members[0].0.clone(),
        signing_key: SigningKey::from_bytes(&[0; 32]),
        members,
        session_id: octets_32(&result["sid"]),
        group_key: octets_32(&result["group_key"]),
    }
}

/// What the check is that refuses, in a word; which one is ours to say.
fn name(refused: &Refused) -> String {
    use ContentFault as C;
    match refused {
        Refused::Packet(error) => format!("packet: {error}"),
        Refused::NoData => "no data".to_owned(),
        Refused::Open(OpenError::Content(C::Malformed(error))) => match error.kind {
            MalformedKind::Missing(RecordType::MESSAGE_BODY) => "no body".to_owned(),
            _ => "records".to_owned(),
        },
        Refused::Open(OpenError::Content(C::Padding(PaddingFault::NotZero))) => "zeros".to_owned(),
        Refused::Open(OpenError::Content(C::Padding(_))) => "padding".to_owned(),
        Refused::Open(OpenError::Content(C::UnknownKind(_))) => "kind".to_owned(),
        Refused::Open(OpenError::Content(C::KindWithText | C::EmptyText | C::NotUtf8)) => {
            "text".to_owned()
        }
        Refused::Open(OpenError::Content(C::TooManyParents)) => "parents".to_owned(),
        Refused::Open(OpenError::Signature) => "signature".to_owned(),
        Refused::Open(OpenError::NotMember(_)) => "not a member".to_owned(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn messages() {
    let bad = vectors("document/bad.json");
    let mut refused = BTreeMap::new();
    for case in list(&bad["cases"]) {
        // A session notices a packet that its own author sends as another's.
        if case["level"] != "message" || case["name"] == "resent-source-is-resender" {
            continue;
        }
        let [step, packet] =
            [0, 1].map(|at| usize::try_from(case["replaces"][at].as_u64().unwrap()).unwrap());
        let security = sub_session(&bad["base"], step).security();
        let sender = MemberId::new(DIALECT, text(&case["sender"])).unwrap();
        let error = open(&security, &sender, text(&case["packet"]));
        let error = error.err().unwrap_or_else(|| panic!("{} was taken", case["name"]));
        refused.insert(text(&case["name"]).to_owned(), name(&error));
        // The packet that it replaces is good.
        let good = &bad["base"]["steps"][step]["packets"][packet];
        let sender = MemberId::new(DIALECT, text(&good["sender"])).unwrap();
        open(&security, &sender, text(&good["packet"])).unwrap();
    }
    insta::assert_debug_snapshot!(refused);
}
