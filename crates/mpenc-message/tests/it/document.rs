//! The byte-level vectors of dialect Document.

use mpenc_message::{Draft, Kind, MessageSecurity, SealError};
use mpenc_wire::{Dialect, MemberId, MessageId};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::support::{
    Draws, Peer, key, kind, list, message_ids, octets, octets_32, open, order_ack, text, vectors,
};

const DIALECT: Dialect = Dialect::DOCUMENT;

fn member(name: &str) -> MemberId {
    MemberId::new(DIALECT, name).unwrap()
}

/// The author of `data`.
fn author(data: &Value) -> Peer {
    let members = data["members"].as_object().unwrap();
    Peer {
        dialect: DIALECT,
        own: member(text(&data["author"])),
        signing_key: octets_32(&data["ephemeral_seed"]).into(),
        members: members.iter().map(|(name, public)| (member(name), key(public))).collect(),
        session_id: octets_32(&data["sid"]),
        group_key: octets_32(&data["group_key"]),
    }
}

#[test]
fn data_packets() {
    let unit = vectors("document/unit.json");
    let data = &unit["data"];
    let author = author(data);
    let mut security = author.security();
    assert_eq!(security.hint(), octets(&data["sidkey_hash"])[0]);
    let (mut sealed_again, mut with_extensions) = (0, 0);
    for packet in list(&data["packets"]) {
        let wire = text(&packet["packet"]);
        let id = MessageId::from_bytes(DIALECT, &octets(&packet["mid"])).unwrap();
        let opened = open(&security, &author.own, wire).unwrap();
        let parents = message_ids(DIALECT, &packet["parents"]);
        assert_eq!(opened.id, id);
        assert_eq!(opened.kind, kind(text(&packet["kind"])));
        assert_eq!(opened.text, text(&packet["text"]));
        assert_eq!(opened.parents, parents);
        assert_eq!(opened.order_ack, order_ack(&packet["order_ack"]));
        assert_eq!(author.plaintext(wire), octets(&packet["plaintext"]));

        // We write no extension but the order ack.
        let ack_only = opened.order_ack.map_or(0, |_| 68);
        if octets(&packet["extensions"]).len() != ack_only {
            with_extensions += 1;
            continue;
        }
        let draft = Draft {
            parents: &parents,
            kind: opened.kind,
            text: &opened.text,
            order_ack: opened.order_ack,
        };
        let sealed = security.seal(&mut Draws(octets(&packet["iv"])), &draft).unwrap();
        assert_eq!(sealed.packet, wire);
        assert_eq!(sealed.id, id);
        sealed_again += 1;
    }
    assert_eq!((sealed_again, with_extensions), (12, 1));
}

#[test]
fn resent_packets() {
    let unit = vectors("document/unit.json");
    let data = &unit["data"];
    let security = author(data).security();
    for packet in list(&data["resent"]) {
        let sender = member(text(&packet["sender"]));
        let opened = open(&security, &sender, text(&packet["packet"])).unwrap();
        assert_eq!(opened.author, member(text(&packet["author"])));
        assert_eq!(opened.id.as_bytes(), octets(&packet["mid"]));
        let of = usize::try_from(packet["of"].as_u64().unwrap()).unwrap();
        assert_eq!(opened.text, text(&data["packets"][of]["text"]));
    }
    assert_eq!(list(&data["resent"]).len(), 3);
}

#[test]
fn long_texts() {
    let unit = vectors("document/unit.json");
    let author = author(&unit["data"]);
    let mut security = author.security();
    for case in list(&unit["long_data"]) {
        let length = usize::try_from(case["text_length"].as_u64().unwrap()).unwrap();
        let body = "x".repeat(length);
        let draft = Draft { parents: &[], kind: Kind::Payload, text: &body, order_ack: None };
        let sealed = security.seal(&mut Draws(octets(&case["iv"])), &draft).unwrap();
        assert_eq!(Some(sealed.packet.len()), case["packet_length"].as_u64().map(|n| n as usize));
        assert_eq!(Sha256::digest(&sealed.packet)[..], octets(&case["packet_sha256"])[..]);
        assert_eq!(sealed.id.as_bytes(), octets(&case["mid"]));
        assert_eq!(open(&security, &author.own, &sealed.packet).unwrap().text, body);
    }
}

#[test]
fn padding() {
    let unit = vectors("document/unit.json");
    let author = author(&unit["data"]);
    let mut security = author.security();
    let body = |security: &mut mpenc_message::SubSessionSecurity, value: &str| {
        // Only other kinds have no text: their MESSAGE_KIND record stands in front.
        let kind = if value.is_empty() { Kind::Heartbeat } else { Kind::Payload };
        let draft = Draft { parents: &[], kind, text: value, order_ack: None };
        let sealed = security.seal(&mut Draws(vec![0; 12]), &draft).unwrap();
        let skip = if value.is_empty() { 5 + 4 } else { 4 };
        author.plaintext(&sealed.packet)[skip..].to_vec()
    };
    for case in list(&unit["padding"]["octets"]) {
        assert_eq!(body(&mut security, text(&case["text"])), octets(&case["value"]));
    }
    let table = list(&unit["padding"]["table"]);
    assert_eq!(table.len(), 333);
    for case in table {
        let [length, padded] =
            [0, 1].map(|at| usize::try_from(case[at].as_u64().unwrap()).unwrap());
        assert_eq!(body(&mut security, &"x".repeat(length)).len(), padded, "{length}");
    }
}

#[test]
fn kinds() {
    let unit = vectors("document/unit.json");
    let author = author(&unit["data"]);
    let mut security = author.security();
    for (name, value) in unit["kinds"].as_object().unwrap() {
        let kind = kind(name);
        let body = if kind == Kind::Payload { "x" } else { "" };
        let draft = Draft { parents: &[], kind, text: body, order_ack: None };
        let sealed = security.seal(&mut Draws(vec![0; 12]), &draft).unwrap();
        let plaintext = author.plaintext(&sealed.packet);
        match value.as_u64() {
            None => assert_eq!(plaintext[..2], [0x00, 0x14]),
            Some(value) => {
                assert_eq!(plaintext[..5], [0x00, 0x15, 0x00, 0x01, u8::try_from(value).unwrap()]);
            }
        }
        assert_eq!(open(&security, &author.own, &sealed.packet).unwrap().kind, kind);
    }
}

#[test]
fn a_text_that_is_too_long() {
    let mut security = Peer::ann(DIALECT).security();
    let body = "é".repeat(16_384);
    let draft = Draft { parents: &[], kind: Kind::Payload, text: &body, order_ack: None };
    let error = security.seal(&mut Draws(Vec::new()), &draft).unwrap_err();
    assert_eq!(error, SealError::TooLong { octets: 32_768, limit: 32_766 });
}
