//! The byte-level vectors of dialect MpencJs.

use mpenc_message::{ContentFault, Draft, Kind, MessageSecurity, OpenError, SealError};
use mpenc_wire::{Dialect, MemberId, MessageId};

use crate::support::{
    Draws, Peer, Refused, key, list, message_ids, octets, octets_32, open, record, text, vectors,
};

const DIALECT: Dialect = Dialect::MPENC_JS;

/// What is encrypted: the records, padded.
fn padded(records: &[u8]) -> Vec<u8> {
    let length = u16::try_from(records.len()).unwrap();
    let mut padded = [&length.to_be_bytes()[..], records].concat();
    padded.resize(padded.len().next_power_of_two().max(128), 0);
    padded
}

#[test]
fn data_packets() {
    for case in list(&vectors("unit.json")["data_packet"]) {
        let own = MemberId::new(DIALECT, text(&case["author"])).unwrap();
        let author = Peer {
            dialect: DIALECT,
            signing_key: octets_32(&case["ephemeral_seed"]).into(),
            members: list(&case["members"])
                .iter()
                .map(|name| MemberId::new(DIALECT, text(name)).unwrap())
                .map(|name| (name, key(&case["ephemeral_pub"])))
                .collect(),
            own,
            session_id: octets_32(&case["session_id"]),
            group_key: octets_32(&case["group_key"]),
        };
        let mut security = author.security();
        assert_eq!(security.hint(), octets(&case["sidkey_hint"])[0]);
        let opened = open(&security, &author.own, text(&case["packet"])).unwrap();
        assert_eq!(opened.id.as_bytes(), octets(&case["message_id"]));
        let mut parents = opened.parents.clone();
        let mut expected = message_ids(DIALECT, &case["parents_insertion_order"]);
        parents.sort();
        expected.sort();
        assert_eq!(parents, expected);

        let draft = Draft {
            parents: &opened.parents,
            kind: opened.kind,
            text: &opened.text,
            order_ack: None,
        };
        let sealed = security.seal(&mut Draws(octets(&case["iv"])), &draft).unwrap();
        assert_eq!(sealed.packet, text(&case["packet"]));
        assert_eq!(sealed.id, opened.id);
        let plaintext = author.plaintext(&sealed.packet);
        let body = octets(&case["body_utf8_hex"]);
        assert!(plaintext.windows(body.len()).any(|window| window == body));
    }
}

#[test]
fn encryption() {
    for case in list(&vectors("unit.json")["encrypt_raw"]) {
        let mut peer = Peer::ann(DIALECT);
        peer.group_key = octets_32(&case["group_key"]);
        let mut octets_of = padded(&octets(&case["records_hex"]));
        peer.crypt(&octets(&case["iv"]).try_into().unwrap(), &mut octets_of);
        assert_eq!(octets_of, octets(&case["ciphertext_hex"]));
    }
}

#[test]
fn bodies() {
    let author = Peer::ann(DIALECT);
    let mut security = author.security();
    for case in list(&vectors("unit.json")["body_codec"]) {
        let kind = match (text(&case["kind"]), &case["value"]) {
            ("payload", _) => Kind::Payload,
            ("explicit_ack(manual)", _) => Kind::AckManual,
            ("explicit_ack(automatic)", _) => Kind::AckAutomatic,
            ("consistency(close)", _) => Kind::Fin,
            ("consistency", _) => Kind::Consistency,
            other => panic!("{other:?}"),
        };
        let value = case["value"].as_str().unwrap_or_default();
        let draft = Draft { parents: &[], kind, text: value, order_ack: None };
        let sealed = security.seal(&mut Draws(vec![0; 12]), &draft).unwrap();
        let records = record(0x0014, &octets(&case["body_utf8_hex"]));
        assert_eq!(author.plaintext(&sealed.packet), padded(&records), "{case}");
        let opened = open(&security, &author.own, &sealed.packet).unwrap();
        assert_eq!((opened.kind, opened.text.as_str()), (kind, value));
    }
}

/// The first implementation is lenient in a few points; we take only what it writes.
#[test]
fn bodies_are_read_strictly() {
    let author = Peer::ann(DIALECT);
    let security = author.security();
    let mut taken = Vec::new();
    let mut stricter = Vec::new();
    for case in list(&vectors("unit.json")["body_decode"]) {
        let body = text(&case["body"]);
        let packet = author.seal_plaintext(&padded(&record(0x0014, body.as_bytes())));
        match open(&security, &author.own, &packet) {
            Ok(opened) => {
                let result = &case["result"];
                match opened.kind {
                    Kind::Payload => assert_eq!(opened.text, text(&result["value"])),
                    Kind::AckManual | Kind::Fin => assert_eq!(result["value"], true),
                    other => panic!("{other:?}"),
                }
                taken.push(body.to_owned());
            }
            Err(Refused::Open(OpenError::Content(_))) => {
                if case["result"]["error"].is_null() {
                    stricter.push(body.to_owned());
                }
            }
            Err(other) => panic!("{body:?}: {other:?}"),
        }
    }
    assert_eq!(taken, ["\0[\"x\"]", "\u{1}[true]", "\u{3}[true]"]);
    assert_eq!(stricter, ["\0[\"x\",\"y\"]", "\0[ \"x\" ]", "\0[\"\\u0041\"]"]);
}

#[test]
fn sizes() {
    let author = Peer::ann(DIALECT);
    let mut security = author.security();
    for case in list(&vectors("unit.json")["oversize"]) {
        let [body, records] = ["body_bytes", "records_bytes"]
            .map(|name| usize::try_from(case[name].as_u64().unwrap()).unwrap());
        // The kind octet, and ["…"] around the text.
        let value = "x".repeat(body - 5);
        let draft = Draft { parents: &[], kind: Kind::Payload, text: &value, order_ack: None };
        let sealed = security.seal(&mut Draws(vec![0; 12]), &draft);
        match case["result"]["packet_length"].as_u64() {
            Some(length) => {
                let sealed = sealed.unwrap();
                assert_eq!(u64::try_from(sealed.packet.len()).unwrap(), length);
                assert_eq!(open(&security, &author.own, &sealed.packet).unwrap().text, value);
            }
            None => {
                let error = SealError::TooLong { octets: records, limit: 32_766 };
                assert_eq!(sealed.unwrap_err(), error);
            }
        }
    }
}

#[test]
fn padding() {
    let author = Peer::ann(DIALECT);
    let mut security = author.security();
    let mut sealed = 0;
    for case in list(&vectors("unit.json")["padding"]["table"]) {
        let records = usize::try_from(case[0].as_u64().unwrap()).unwrap();
        // The shortest message takes nine octets of records and one of text.
        let Some(length) = records.checked_sub(9).filter(|&length| length > 0) else { continue };
        let value = "x".repeat(length);
        let draft = Draft { parents: &[], kind: Kind::Payload, text: &value, order_ack: None };
        let result = security.seal(&mut Draws(vec![0; 12]), &draft);
        // The table goes on where sending fails later.
        if records > 32_766 {
            assert_eq!(result.unwrap_err(), SealError::TooLong { octets: records, limit: 32_766 });
            continue;
        }
        let padded = author.plaintext(&result.unwrap().packet).len();
        assert_eq!(u64::try_from(padded).ok(), case[1].as_u64(), "{records}");
        sealed += 1;
    }
    assert!(sealed > 200, "{sealed}");
}

#[test]
fn records_that_are_too_long_count_as_a_whole() {
    let mut security = Peer::ann(DIALECT).security();
    let parents: Vec<MessageId> =
        [5, 4].map(|octet| MessageId::from_bytes(DIALECT, &[octet; 20]).unwrap()).to_vec();
    let order_ack = Some(mpenc_message::OrderAck { packet_id: [1; 32], chain_hash: [2; 32] });
    let room = 32_766 - 2 * 24 - 68 - 4 - 5;
    let fits = "x".repeat(room);
    let draft = Draft { parents: &parents, kind: Kind::Payload, text: &fits, order_ack };
    security.seal(&mut Draws(vec![0; 12]), &draft).unwrap();
    let over = "x".repeat(room + 1);
    let error = security.seal(&mut Draws(vec![0; 12]), &Draft { text: &over, ..draft });
    assert_eq!(error.unwrap_err(), SealError::TooLong { octets: 32_767, limit: 32_766 });
}

#[test]
fn there_are_no_heartbeats() {
    let mut security = Peer::ann(DIALECT).security();
    let draft = Draft { parents: &[], kind: Kind::Heartbeat, text: "", order_ack: None };
    let error = security.seal(&mut Draws(Vec::new()), &draft).unwrap_err();
    assert_eq!(error, SealError::KindNotInDialect);
    let packet = Peer::ann(DIALECT).seal_plaintext(&padded(&record(0x0014, b"\x02[]")));
    let own = Peer::ann(DIALECT).own;
    let fault = ContentFault::UnknownKind(2);
    assert_eq!(
        open(&security, &own, &packet).unwrap_err(),
        Refused::Open(OpenError::Content(fault))
    );
}
