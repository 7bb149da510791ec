//! What must not be sealed, what must not be opened, and what must not be shown.

use std::collections::BTreeSet;
use std::fmt::Display;

use ed25519_dalek::Signer;
use mpenc_message::{
    ContentFault, Draft, Kind, MessageSecurity, OpenError, PaddingFault, RetiredSecurity,
    SealError, SubSessionKeys, SubSessionSecurity,
};
use mpenc_wire::{Dialect, MemberId, MessageId, Packet};

use crate::support::{Draws, Peer, Refused, open, open_contents, record};

const HI: Draft<'static> = Draft { parents: &[], kind: Kind::Payload, text: "hi", order_ack: None };

fn seal_hi(peer: &Peer) -> String {
    peer.security().seal(&mut Draws(vec![7; 12]), &HI).unwrap().packet
}

#[test]
fn debug_prints_no_secret() {
    let peer = Peer::ann(Dialect::DOCUMENT);
    let keys = SubSessionKeys {
        dialect: peer.dialect,
        own: peer.own.clone(),
        members: peer.members.clone(),
        signing_key: peer.signing_key.clone(),
        session_id: peer.session_id,
        group_key: peer.group_key,
    };
    insta::assert_debug_snapshot!(keys, @"SubSessionKeys");
    insta::assert_debug_snapshot!(peer.security(), @"SubSessionSecurity");
    insta::assert_debug_snapshot!(peer.security().retire(), @"SubSessionVerifier");
}

#[test]
fn text_and_kind_must_agree() {
    for dialect in Dialect::ALL {
        let mut security = Peer::ann(dialect).security();
        let mut seal = |kind, text| {
            let draft = Draft { parents: &[], kind, text, order_ack: None };
            security.seal(&mut Draws(Vec::new()), &draft).unwrap_err()
        };
        assert_eq!(seal(Kind::Payload, ""), SealError::TextAndKindDisagree);
        assert_eq!(seal(Kind::AckManual, "x"), SealError::TextAndKindDisagree);
        assert_eq!(seal(Kind::Fin, "x"), SealError::TextAndKindDisagree);
    }
}

#[test]
fn parents_must_be_in_order_and_no_more_than_members() {
    let id = |dialect: Dialect, octet| {
        MessageId::from_bytes(dialect, &vec![octet; dialect.message_id_len]).unwrap()
    };
    for dialect in Dialect::ALL {
        let mut security = Peer::ann(dialect).security();
        let mut seal = |octets: &[u8]| {
            let parents: Vec<MessageId> = octets.iter().map(|&octet| id(dialect, octet)).collect();
            security.seal(&mut Draws(vec![0; 12]), &Draft { parents: &parents, ..HI }).map(drop)
        };
        assert_eq!(seal(&[1, 2]), Ok(()));
        assert_eq!(seal(&[1, 2, 3]), Err(SealError::Parents));
        let descending = seal(&[2, 1]);
        if dialect == Dialect::DOCUMENT {
            assert_eq!(descending, Err(SealError::Parents));
            assert_eq!(seal(&[1, 1]), Err(SealError::Parents));
        } else {
            assert_eq!(descending, Ok(()));
        }
    }
}

/// A thousand heads at once leave too little room for the longest text.
#[test]
fn what_does_not_fit_beside_its_parents_is_refused() {
    let dialect = Dialect::DOCUMENT;
    let mut ann = Peer::ann(dialect);
    let key = ann.members[1].1;
    ann.members.extend((0..1000).map(|number| {
        let name = format!("m{number}");
        (MemberId::new(dialect, &name).unwrap(), key)
    }));
    let parents: Vec<MessageId> = (0..1000_u16)
        .map(|number| {
            let mut hash = [0; 32];
            hash[..2].copy_from_slice(&number.to_be_bytes());
            MessageId::from_hash(dialect, &hash)
        })
        .collect();
    let mut security = ann.security();
    let text = "x".repeat(32_766);
    let mut seal = |parents: &[MessageId]| {
        security.seal(&mut Draws(vec![0; 12]), &Draft { parents, text: &text, ..HI }).map(drop)
    };
    // Each parent's record has 36 octets, and the body's 4 + 32,768.
    let octets = 36 * parents.len() + 4 + 32_768;
    assert_eq!(seal(&parents), Err(SealError::TooLong { octets, limit: 65_535 }));
    assert_eq!(seal(&parents[..910]), Ok(()));
}

#[test]
fn the_hint_comes_first() {
    let dialect = Dialect::DOCUMENT;
    let packet = seal_hi(&Peer::ann(dialect));
    let mut other = Peer::ben(dialect);
    other.group_key = [5; 32];
    let (ann, other) = (Peer::ann(dialect).own, other.security());
    assert_ne!(other.hint(), Peer::ann(dialect).security().hint());
    assert_eq!(open(&other, &ann, &packet).unwrap_err(), Refused::Open(OpenError::OtherKey));
}

#[test]
fn only_the_author_can_have_signed_it() {
    for dialect in Dialect::ALL {
        let packet = seal_hi(&Peer::ann(dialect));
        let ben = Peer::ben(dialect);
        let security = ben.security();
        assert_eq!(open(&security, &Peer::ann(dialect).own, &packet).unwrap().text, "hi");
        let error = open(&security, &ben.own, &packet).unwrap_err();
        assert_eq!(error, Refused::Open(OpenError::Signature));
        let cat = MemberId::new(dialect, "cat").unwrap();
        let error = open(&security, &cat, &packet).unwrap_err();
        assert_eq!(error, Refused::Open(OpenError::NotMember(cat)));
    }
}

/// What is left of a sub-session's keys tells who wrote its late packets, and opens none.
#[test]
fn a_retired_sub_session_still_knows_its_authors() {
    for dialect in Dialect::ALL {
        let (ann, ben) = (Peer::ann(dialect), Peer::ben(dialect));
        let text = seal_hi(&ann);
        let mut buffer = Vec::new();
        let contents = mpenc_wire::unarmor(&text, &mut buffer).unwrap();
        let Ok(Packet::Data(packet)) = Packet::decode(dialect, contents) else {
            panic!("a data packet")
        };
        let retired = ben.security().retire();
        assert!(retired.verifies(&ann.own, &packet));
        assert!(!retired.verifies(&ben.own, &packet), "she wrote it, not he");
        assert!(!retired.verifies(&MemberId::new(dialect, "cat").unwrap(), &packet));
        let mut other = Peer::ben(dialect);
        other.session_id = [9; 32];
        assert!(!other.security().retire().verifies(&ann.own, &packet), "of another sub-session");
    }
}

/// ATTACKS 60: the key that signs messages signs greetings as well. What was signed as one of these is no
/// message, whatever it says.
#[test]
fn a_signature_of_another_kind_opens_no_message() {
    for dialect in Dialect::ALL {
        let (ann, ben) = (Peer::ann(dialect), Peer::ben(dialect));
        let text = seal_hi(&ann);
        let mut buffer = Vec::new();
        let contents = mpenc_wire::unarmor(&text, &mut buffer).unwrap();
        let Ok(Packet::Data(packet)) = Packet::decode(dialect, contents) else {
            panic!("a data packet")
        };
        let signed = packet.signed;
        let with = |signature: [u8; 64]| {
            let place = contents.windows(64).position(|octets| octets == packet.signature).unwrap();
            [&contents[..place], &signature, &contents[place + 64..]].concat()
        };
        for (context, is_good) in [
            (&b"datamsgsig"[..], true),
            (b"greetmsgsig", false),
            (b"errormsgsig", false),
            (b"acksig", false),
            (b"", false),
        ] {
            let signature = ann.signing_key.sign(&[context, &ann.binding()[..], signed].concat());
            let opened = open_contents(&ben.security(), &ann.own, &with(signature.to_bytes()));
            match opened {
                Ok(opened) => assert!(is_good && opened.text == "hi"),
                Err(refused) => {
                    assert_eq!(refused, Refused::Open(OpenError::Signature));
                    assert!(!is_good, "{context:?}");
                }
            }
            // Without what binds it to the sub-session as well, as greetings are signed.
            let signature = ann.signing_key.sign(&[context, signed].concat());
            let opened = open_contents(&ben.security(), &ann.own, &with(signature.to_bytes()));
            assert_eq!(opened.unwrap_err(), Refused::Open(OpenError::Signature));
        }
    }
}

/// The key may stay the same over sub-sessions: sid and group key are what binds a message.
#[test]
fn a_message_is_bound_to_its_sub_session() {
    let dialect = Dialect::DOCUMENT;
    let ann = Peer::ann(dialect);
    let hint = ann.security().hint();
    let packet = seal_hi(&ann);
    // A sub-session whose hint happens to be the same.
    let other = (0..=u16::MAX)
        .map(|number| {
            let mut other = Peer::ben(dialect);
            other.session_id[..2].copy_from_slice(&number.to_be_bytes());
            other.security()
        })
        .find(|other| other.hint() == hint)
        .unwrap();
    assert_eq!(open(&other, &ann.own, &packet).unwrap_err(), Refused::Open(OpenError::Signature));
}

/// Adding the group's order to S makes another signature of the same equation: it must be refused,
/// or one message would have two ids.
#[test]
fn signatures_are_canonical() {
    const ORDER: [u8; 32] = [
        0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde,
        0x14, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
    ];
    let dialect = Dialect::DOCUMENT;
    let ann = Peer::ann(dialect);
    let mut buffer = Vec::new();
    let contents = mpenc_wire::unarmor(&seal_hi(&ann), &mut buffer).unwrap().to_vec();
    // SIDKEY_HINT (5), the signature's header (4), R (32), S (32).
    let mut changed = contents.clone();
    let mut carry = 0;
    for (octet, order) in changed[41..73].iter_mut().zip(ORDER) {
        let sum = u16::from(*octet) + u16::from(order) + carry;
        [_, *octet] = sum.to_be_bytes();
        carry = sum >> 8;
    }
    let can_be_signature =
        |octets: &[u8]| SubSessionSecurity::can_be_signature(octets[9..73].try_into().unwrap());
    assert!(can_be_signature(&contents) && !can_be_signature(&changed));
    let security = Peer::ben(dialect).security();
    assert!(open(&security, &ann.own, &mpenc_wire::armor(&contents)).is_ok());
    let error = open(&security, &ann.own, &mpenc_wire::armor(&changed)).unwrap_err();
    assert_eq!(error, Refused::Open(OpenError::Signature));
}

#[test]
fn an_author_who_writes_nonsense() {
    let ann = Peer::ann(Dialect::DOCUMENT);
    let security = ann.security();
    let fault = |plaintext: &[u8]| match open(&security, &ann.own, &ann.seal_plaintext(plaintext)) {
        Err(Refused::Open(OpenError::Content(fault))) => fault,
        other => panic!("{other:?}"),
    };
    let body = |content: &[u8]| {
        let length = u16::try_from(content.len()).unwrap();
        let mut body = [&length.to_be_bytes()[..], content].concat();
        body.resize(128, 0);
        record(0x0014, &body)
    };
    assert_eq!(fault(&body(b"")), ContentFault::EmptyText);
    assert_eq!(fault(&body(&[0xff])), ContentFault::NotUtf8);
    assert_eq!(fault(&record(0x0014, &[])), ContentFault::Padding(PaddingFault::Short));
    assert_eq!(fault(&[record(0x0015, &[6]), body(b"")].concat()), ContentFault::UnknownKind(6));
    assert_eq!(fault(&[record(0x0015, &[3]), body(b"x")].concat()), ContentFault::KindWithText);
    let parents: Vec<u8> = (1..=3).flat_map(|octet| record(0x0013, &[octet; 32])).collect();
    assert_eq!(fault(&[parents, body(b"x")].concat()), ContentFault::TooManyParents);
    assert!(matches!(fault(&[]), ContentFault::Malformed(_)));
    assert!(matches!(fault(b"nonsense"), ContentFault::Malformed(_)));
}

#[track_caller]
fn assert_distinct(errors: &[impl Display]) {
    let texts: BTreeSet<String> = errors.iter().map(ToString::to_string).collect();
    assert_eq!(texts.iter().filter(|text| !text.is_empty()).count(), errors.len());
}

#[test]
fn every_error_reads_differently() {
    let seal = [
        SealError::TooLong { octets: 40_000, limit: 32_766 },
        SealError::TextAndKindDisagree,
        SealError::KeyExhausted,
        SealError::KindNotInDialect,
        SealError::Parents,
    ];
    assert_distinct(&seal);
    let padding =
        [PaddingFault::Short, PaddingFault::Length, PaddingFault::Size, PaddingFault::NotZero];
    assert_distinct(&padding);
    let malformed = mpenc_wire::unarmor("hello", &mut Vec::new()).unwrap_err();
    let mut faults = vec![
        ContentFault::Malformed(malformed),
        ContentFault::UnknownKind(6),
        ContentFault::KindWithText,
        ContentFault::EmptyText,
        ContentFault::NotUtf8,
        ContentFault::Json,
        ContentFault::TooManyParents,
    ];
    faults.extend(padding.map(ContentFault::Padding));
    assert_distinct(&faults);
    let cat = MemberId::new(Dialect::DOCUMENT, "cat").unwrap();
    let open = [
        OpenError::OtherKey,
        OpenError::NotMember(cat),
        OpenError::Signature,
        OpenError::Content(ContentFault::Json),
    ];
    assert_distinct(&open);
    #[cfg(feature = "serde")]
    {
        let texts = seal.iter().map(|error| serde_json::to_value(error).unwrap());
        assert!(texts.eq(seal.iter().map(ToString::to_string)));
        let texts = open.iter().map(|error| serde_json::to_value(error).unwrap());
        assert!(texts.eq(open.iter().map(ToString::to_string)));
    }
}

#[test]
fn errors_say_what_is_wrong() {
    let error = SealError::TooLong { octets: 40_000, limit: 32_766 };
    assert_eq!(error.to_string(), "the message takes 40000 octets; 32766 are allowed");
    let error = OpenError::Content(ContentFault::Padding(PaddingFault::NotZero));
    assert_eq!(error.to_string(), "well signed, but malformed: the padding is not zero");
}
