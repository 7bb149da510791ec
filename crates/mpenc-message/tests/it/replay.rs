//! Every data packet of the strict recordings, and of the document's histories.

use std::collections::BTreeSet;

use ed25519_dalek::SigningKey;
use mpenc_message::{Kind, MessageSecurity, SubSessionSecurity};
use mpenc_wire::{Dialect, MemberId, Packet, unarmor};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::support::{Peer, key, kind, list, octets, octets_32, open, order_ack, text, vectors};

/// A reader: opening needs no signing key.
fn reader(
    dialect: Dialect,
    members: &Value,
    keys: &Value,
    session_id: &Value,
    group_key: &Value,
) -> SubSessionSecurity {
    let members: Vec<_> = list(members)
        .iter()
        .zip(list(keys))
        .map(|(name, public)| (MemberId::new(dialect, text(name)).unwrap(), key(public)))
        .collect();
    let peer = Peer {
        dialect,
        own: members[0].0.clone(),
        signing_key: SigningKey::from_bytes(&[0; 32]),
        members,
        session_id: octets_32(session_id),
        group_key: octets_32(group_key),
    };
    peer.security()
}

fn is_data(dialect: Dialect, packet: &str) -> bool {
    let mut buffer = Vec::new();
    let contents = unarmor(packet, &mut buffer).unwrap();
    matches!(Packet::decode(dialect, contents), Ok(Packet::Data(_)))
}

fn check_text(message: &Value, value: &str) {
    match message["content"].as_str() {
        Some(content) => assert_eq!(value, content),
        None => {
            assert_eq!(u64::try_from(value.len()).ok(), message["content_utf8_len"].as_u64());
            assert_eq!(Sha256::digest(value)[..], octets(&message["content_utf8_sha256"])[..]);
        }
    }
}

#[test]
fn strict_recordings() {
    let dialect = Dialect::MPENC_JS;
    let (mut files, mut packets, mut payloads) = (0, 0, 0);
    let names = (1..=30).map(|n| format!("r{n:03}.json"));
    let names = names.chain((1..=10).map(|n| format!("s{n:02}.json")));
    for name in names {
        let recording = vectors(&name);
        if recording["strict"] != true {
            continue;
        }
        files += 1;
        let readers: Vec<SubSessionSecurity> = list(&recording["subsessions"])
            .iter()
            .map(|sub| {
                let keys = &sub["ephemeral_pub_keys"];
                reader(dialect, &sub["members"], keys, &sub["session_id"], &sub["group_key"])
            })
            .collect();
        let messages = list(&recording["messages"]);
        for event in list(&recording["channel"]) {
            let Some(packet) = event["packet"].as_str() else { continue };
            if !is_data(dialect, packet) {
                continue;
            }
            packets += 1;
            let sender = MemberId::new(dialect, text(&event["sender"])).unwrap();
            let opened: Vec<_> =
                readers.iter().filter_map(|sub| open(sub, &sender, packet).ok()).collect();
            let [opened] = opened.as_slice() else {
                panic!("{name}: packet {} opens {} times", event["index"], opened.len())
            };
            let id = hex::encode(opened.id.as_bytes());
            let message = messages.iter().find(|message| message["mid"] == *id);
            let message = message.unwrap_or_else(|| panic!("{name}: {id}"));
            assert_eq!(opened.author.to_text(dialect), text(&message["author"]));
            assert_eq!(opened.kind, kind(text(&message["body"])));
            let parents: BTreeSet<Vec<u8>> = list(&message["parents"])
                .iter()
                .map(|at| &messages[usize::try_from(at.as_u64().unwrap()).unwrap()])
                .map(|parent| octets(&parent["mid"]))
                .collect();
            let opened_parents: BTreeSet<Vec<u8>> =
                opened.parents.iter().map(|id| id.as_bytes().to_vec()).collect();
            assert_eq!(opened_parents, parents);
            if opened.kind == Kind::Payload {
                payloads += 1;
                check_text(message, &opened.text);
            }
        }
    }
    assert_eq!(files, 37);
    assert!(packets > 1000 && payloads > 200, "{packets} {payloads}");
}

#[test]
fn document_histories() {
    let dialect = Dialect::DOCUMENT;
    let mut packets = 0;
    for number in 1..=8 {
        let history = vectors(&format!("document/g{number:02}.json"));
        let mut current: Option<SubSessionSecurity> = None;
        for step in list(&history["steps"]) {
            for packet in list(&step["packets"]) {
                if packet["type"] != "data" && packet["type"] != "resend" {
                    continue;
                }
                packets += 1;
                let security = current.as_ref().expect("a session runs");
                let sender = MemberId::new(dialect, text(&packet["sender"])).unwrap();
                let opened = open(security, &sender, text(&packet["packet"])).unwrap();
                assert_eq!(opened.id.as_bytes(), octets(&packet["mid"]));
                if packet["type"] == "resend" {
                    assert_eq!(opened.author.to_text(dialect), text(&packet["author"]));
                    continue;
                }
                assert_eq!(opened.author, sender);
                assert_eq!(opened.kind, kind(text(&packet["kind"])));
                assert_eq!(opened.text, text(&packet["text"]));
                assert_eq!(opened.order_ack, order_ack(&packet["order_ack"]));
                let parents: Vec<Vec<u8>> =
                    opened.parents.iter().map(|id| id.as_bytes().to_vec()).collect();
                let expected: Vec<Vec<u8>> = list(&packet["parents"]).iter().map(octets).collect();
                assert_eq!(parents, expected);
            }
            if step["outcome"] == "completed" {
                let result = &step["result"];
                let alone = list(&result["members"]).len() < 2;
                current = (!alone).then(|| {
                    let keys = &result["ephemeral_pub_keys"];
                    let security = reader(
                        dialect,
                        &result["members"],
                        keys,
                        &result["sid"],
                        &result["group_key"],
                    );
                    assert_eq!(security.hint(), octets(&result["sidkey_hash"])[0]);
                    security
                });
            }
        }
    }
    assert!(packets > 200, "{packets}");
}
