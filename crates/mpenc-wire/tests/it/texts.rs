//! What people read of packets, and of what is wrong with them.

use std::collections::BTreeSet;
use std::fmt::Display;

use mpenc_wire::{
    Dialect, EncodeError, GreetType, GreetingFields, InvalidMemberId, Malformed, MalformedKind,
    MemberId, MetadataFields, Packet, RecordType, unarmor,
};

use crate::support::contents;

fn invalid_ids() -> [InvalidMemberId; 5] {
    [
        InvalidMemberId::Empty,
        InvalidMemberId::TooLong,
        InvalidMemberId::Character,
        InvalidMemberId::NotUtf8,
        InvalidMemberId::Reserved,
    ]
}

fn faults() -> Vec<MalformedKind> {
    let record = RecordType::NONCE;
    let mut faults = vec![
        MalformedKind::NoPrefix,
        MalformedKind::NoEnd,
        MalformedKind::TooLarge,
        MalformedKind::Base64,
        MalformedKind::HeaderCut,
        MalformedKind::ValueCut(record),
        MalformedKind::UnknownRecord(record),
        MalformedKind::Unexpected(record),
        MalformedKind::Repeated(record),
        MalformedKind::OutOfOrder(record),
        MalformedKind::Missing(record),
        MalformedKind::Length { record, found: 3 },
        MalformedKind::OtherDialect("MpencJs"),
        MalformedKind::Version,
        MalformedKind::MessageType(9),
        MalformedKind::NotInDialect("Document"),
        MalformedKind::UnknownGreetType(GreetType(0x1234)),
        MalformedKind::GreetTypeDisagrees(record),
        MalformedKind::DuplicateMember,
        MalformedKind::TooManyMembers,
        MalformedKind::SourceNotMember,
        MalformedKind::NotItsTurn,
        MalformedKind::DestNotNext,
        MalformedKind::DestOnBroadcast,
        MalformedKind::Count(record),
        MalformedKind::NotAscending(record),
        MalformedKind::BasePoint,
        MalformedKind::ReasonTooLong,
        MalformedKind::ReasonNotUtf8,
        MalformedKind::Severity(1),
    ];
    faults.extend(invalid_ids().map(MalformedKind::Member));
    faults
}

#[track_caller]
fn assert_distinct(errors: &[impl Display]) {
    let texts: BTreeSet<String> = errors.iter().map(ToString::to_string).collect();
    assert_eq!(texts.iter().filter(|text| !text.is_empty()).count(), errors.len());
}

#[test]
fn every_fault_reads_differently() {
    assert_distinct(&faults());
    assert_distinct(&invalid_ids());
    let malformed = unarmor("hello", &mut Vec::new()).unwrap_err();
    let record = RecordType::MEMBER;
    let encoding = [
        EncodeError::ValueTooLong(record),
        EncodeError::TooLarge,
        EncodeError::TooMany(record),
        EncodeError::ReasonTooLong,
        EncodeError::Member(InvalidMemberId::Empty),
        EncodeError::NotInDialect(record),
        EncodeError::Malformed(malformed),
    ];
    assert_distinct(&encoding);
}

#[test]
fn a_fault_names_what_and_where() {
    let Malformed { kind, offset, .. } = unarmor("hello", &mut Vec::new()).unwrap_err();
    let shown = unarmor("hello", &mut Vec::new()).unwrap_err().to_string();
    assert_eq!(shown, format!("{kind} (at octet {offset})"));
    let shown = MalformedKind::Missing(RecordType::NONCE).to_string();
    assert_eq!(shown, format!("{} is missing", RecordType::NONCE));
    let shown = EncodeError::Member(InvalidMemberId::Empty).to_string();
    assert_eq!(shown, InvalidMemberId::Empty.to_string());
}

#[test]
fn what_is_unknown_is_shown_by_its_number() {
    assert_eq!(GreetType(0x1234).to_string(), "0x1234");
    assert_eq!(GreetType::REFRESH.to_string(), "refresh");
    assert_eq!(format!("{:?}", RecordType::NONCE), RecordType::NONCE.to_string());
    assert_eq!(format!("{:?}", Dialect::DOCUMENT), Dialect::DOCUMENT.name);
    let message = mpenc_wire::MessageId::from_hash(Dialect::DOCUMENT, &[0xab; 32]);
    assert_eq!(format!("{message:?}"), "MessageId(abababab…)");
    assert_eq!(message.to_string(), "ab".repeat(32));
    assert_ne!(RecordType(0x7fff).to_string(), RecordType(0x7ffe).to_string());
}

#[test]
fn a_view_shows_what_is_in_its_lists() {
    let members = ["alice", "bob"].map(|name| MemberId::new(Dialect::DOCUMENT, name).unwrap());
    let text = GreetingFields {
        greet_type: GreetType::REFRESH,
        source: &members[0],
        dest: None,
        members: &members,
        int_keys: &[[7; 32], [8; 32]],
        nonces: &[],
        pub_keys: &[],
        metadata: Some(MetadataFields { prev_pf: &[0; 32], chain_hash: &[0; 32], latest_pm: &[] }),
        session_signature: None,
    }
    .encode(Dialect::DOCUMENT)
    .unwrap()
    .finish(&[0; 64]);
    let octets = contents(&text);
    let Ok(Packet::Greeting(packet)) = Packet::decode(Dialect::DOCUMENT, &octets) else {
        panic!("a greeting")
    };
    assert_eq!(format!("{:?}", packet.members), "[MemberRef(alice), MemberRef(bob)]");
    assert_eq!(format!("{:?}", packet.int_keys), format!("{:?}", [[7; 32], [8; 32]]));
    assert_eq!(format!("{:?}", packet.nonces), "[]");
    let empty = (packet.members.is_empty(), packet.int_keys.is_empty(), packet.nonces.is_empty());
    assert_eq!(empty, (false, false, true));
    assert!(packet.metadata.unwrap().latest_pm.is_empty());
}

#[cfg(feature = "serde")]
#[test]
fn what_is_serialized_is_what_people_read() {
    let malformed = unarmor("hello", &mut Vec::new()).unwrap_err();
    assert_eq!(serde_json::to_value(malformed).unwrap(), malformed.to_string());
    let member = MemberId::new(Dialect::DOCUMENT, "alice").unwrap();
    assert_eq!(serde_json::to_value(&member).unwrap(), "alice");
    let message = mpenc_wire::MessageId::from_hash(Dialect::DOCUMENT, &[0xab; 32]);
    assert_eq!(serde_json::to_value(message).unwrap(), "ab".repeat(32));
}
