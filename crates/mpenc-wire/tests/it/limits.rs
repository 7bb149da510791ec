//! What is too long, too much or of the other dialect is refused in both directions.

use std::borrow::Borrow;

use mpenc_wire::{
    AbortFields, DataFields, Dialect, EncodeError, GreetType, GreetingFields, InvalidMemberId,
    MAX_CONTENTS, MAX_MEMBER_ID, MAX_MEMBERS, MAX_REASON, MAX_TEXT, MalformedKind, MemberId,
    MemberRef, MessageId, MetadataFields, Packet, Plaintext, PlaintextFields, RecordType, armor,
    records, resend, unarmor,
};

use crate::support::contents;

fn member(text: &str) -> MemberId {
    MemberId::new(Dialect::DOCUMENT, text).unwrap()
}

fn members(count: usize) -> Vec<MemberId> {
    (0..count).map(|number| member(&format!("m{number}"))).collect()
}

fn confirm(members: &[MemberId]) -> GreetingFields<'_> {
    GreetingFields {
        greet_type: GreetType::EXCLUDE_CONFIRM,
        source: &members[0],
        dest: None,
        members,
        int_keys: &[],
        nonces: &[],
        pub_keys: &[],
        metadata: None,
        session_signature: Some(&[1; 64]),
    }
}

fn record(kind: RecordType, value: &[u8]) -> Vec<u8> {
    let length = u16::try_from(value.len()).unwrap();
    [&kind.0.to_be_bytes()[..], &length.to_be_bytes(), value].concat()
}

#[test]
fn the_largest_group_fits_and_one_more_does_not() {
    let group = members(MAX_MEMBERS);
    let text = confirm(&group).encode(Dialect::DOCUMENT).unwrap().finish(&[2; 64]);
    let contents = contents(&text);
    let Packet::Greeting(packet) = Packet::decode(Dialect::DOCUMENT, &contents).unwrap() else {
        panic!("a greeting")
    };
    assert_eq!(packet.members.len(), MAX_MEMBERS);

    let crowd = members(MAX_MEMBERS + 1);
    let error = confirm(&crowd).encode(Dialect::DOCUMENT).unwrap_err();
    assert_eq!(error, EncodeError::TooMany(RecordType::MEMBER));
}

#[test]
fn the_limits() {
    // 1.4 MiB, rounded down; 1 MiB.
    assert_eq!((MAX_TEXT, MAX_CONTENTS), (1_468_006, 1_048_576));
    assert_eq!((MAX_MEMBERS, MAX_REASON, MAX_MEMBER_ID), (1024, 256, 1023));
}

#[test]
fn too_long_texts_are_refused() {
    let mut buffer = Vec::new();
    // Before anything else is looked at.
    let kind = |text: &str| unarmor(text, &mut Vec::new()).unwrap_err().kind;
    assert_eq!(kind(&"A".repeat(MAX_TEXT + 1)), MalformedKind::TooLarge);
    assert_eq!(kind(&"A".repeat(MAX_TEXT + 2)), MalformedKind::TooLarge);
    assert_eq!(kind(&"A".repeat(MAX_TEXT)), MalformedKind::NoPrefix);
    let too_long = format!("?mpENC:{}.", "A".repeat(MAX_TEXT));
    assert_eq!(unarmor(&too_long, &mut buffer).unwrap_err().kind, MalformedKind::TooLarge);
    // Within the limit of the text, but not within that of the records.
    for excess in [1, 2, 3, 4, 1000] {
        let text = armor(&vec![0; MAX_CONTENTS + excess]);
        assert!(text.len() <= MAX_TEXT);
        assert_eq!(unarmor(&text, &mut buffer).unwrap_err().kind, MalformedKind::TooLarge);
    }
    assert_eq!(unarmor(&armor(&vec![0; MAX_CONTENTS]), &mut buffer).unwrap().len(), MAX_CONTENTS);
    let error = Packet::decode(Dialect::DOCUMENT, &vec![0; MAX_CONTENTS + 1]).unwrap_err();
    assert_eq!(error.kind, MalformedKind::TooLarge);
    let error = Packet::decode(Dialect::DOCUMENT, &vec![0; MAX_CONTENTS]).unwrap_err();
    assert_ne!(error.kind, MalformedKind::TooLarge);
}

#[test]
fn the_writer_refuses_what_nobody_could_read() {
    let document = Dialect::DOCUMENT;
    let group = members(2);
    let long = vec![0; 65_536];
    let data = DataFields { hint: 0, iv: &[0; 12], payload: &long };
    assert_eq!(
        data.encode(document).unwrap_err(),
        EncodeError::ValueTooLong(RecordType::MESSAGE_PAYLOAD)
    );
    let _ = DataFields { payload: &long[1..], ..data }.encode(document).unwrap();

    let reason = "é".repeat(MAX_REASON / 2);
    let abort = AbortFields { source: &group[0], aborted_pi: &[0; 32], reason: &reason };
    let _ = abort.encode(document).unwrap();
    assert_eq!(
        abort.encode(Dialect::MPENC_JS).unwrap_err(),
        EncodeError::NotInDialect(RecordType::ABORTED_PI)
    );
    let reason = format!("{reason}.");
    let abort = AbortFields { reason: &reason, ..abort };
    assert_eq!(abort.encode(document).unwrap_err(), EncodeError::ReasonTooLong);

    let ids = vec![MessageId::from_hash(document, &[0; 32]); MAX_MEMBERS + 1];
    let metadata = MetadataFields { prev_pf: &[0; 32], chain_hash: &[0; 32], latest_pm: &ids };
    let fields = GreetingFields { metadata: Some(metadata), ..confirm(&group) };
    assert_eq!(fields.encode(document).unwrap_err(), EncodeError::TooMany(RecordType::LATEST_PM));
    let plaintext = PlaintextFields { parents: &ids, kind: None, body: &[], order_ack: None };
    assert_eq!(plaintext.encode().unwrap_err(), EncodeError::TooMany(RecordType::MESSAGE_PARENT));

    let most = PlaintextFields { parents: &ids[1..], ..plaintext };
    assert!(most.encode().is_ok());

    // 1,024 members with the longest names take 1 MiB alone.
    let names: Vec<_> = (0..MAX_MEMBERS).map(|at| member(&format!("{at:01023}"))).collect();
    assert_eq!(confirm(&names).encode(document).unwrap_err(), EncodeError::TooLarge);
}

#[test]
fn a_packet_may_be_as_large_as_the_limit() {
    // Names of 1,018 octets, and so many of one octet more that the packet has this size.
    let packet = |longer: usize| {
        let width = |at: usize| if at > 0 && at <= longer { 1019 } else { 1018 };
        let names: Vec<_> = (0..MAX_MEMBERS)
            .map(|at| member(&format!("{at:0width$}", width = width(at))))
            .collect();
        let unsigned = confirm(&names).encode(Dialect::DOCUMENT)?;
        Ok::<_, EncodeError>(contents(&unsigned.finish(&[2; 64])).len())
    };
    let longer = MAX_CONTENTS - packet(0).unwrap();
    assert!(longer < MAX_MEMBERS, "{longer}");
    assert_eq!(packet(longer), Ok(MAX_CONTENTS));
    assert_eq!(packet(longer + 1), Err(EncodeError::TooLarge));
}

#[test]
fn the_reader_refuses_what_nobody_could_have_written() {
    let id = |number: usize| [&[0; 24][..], &number.to_be_bytes()].concat();
    let parents = |count: usize| -> Vec<u8> {
        let ids = (0..count).flat_map(|number| record(RecordType::MESSAGE_PARENT, &id(number)));
        ids.chain(record(RecordType::MESSAGE_BODY, b"")).collect()
    };
    let most = parents(MAX_MEMBERS);
    assert_eq!(Plaintext::decode(Dialect::DOCUMENT, &most).unwrap().parents.len(), MAX_MEMBERS);
    let error = Plaintext::decode(Dialect::DOCUMENT, &parents(MAX_MEMBERS + 1)).unwrap_err();
    assert_eq!(error.kind, MalformedKind::Count(RecordType::MESSAGE_PARENT));
    let error = Plaintext::decode(Dialect::DOCUMENT, &vec![0; MAX_CONTENTS + 1]).unwrap_err();
    assert_eq!(error.kind, MalformedKind::TooLarge);
    let error = Plaintext::decode(Dialect::DOCUMENT, &vec![0; MAX_CONTENTS]).unwrap_err();
    assert_ne!(error.kind, MalformedKind::TooLarge);
}

#[test]
fn an_id_of_the_other_dialect_does_not_get_out() {
    let latin = [MemberId::new(Dialect::MPENC_JS, "Zoë").unwrap(), member("bob")];
    assert_eq!(
        confirm(&latin).encode(Dialect::DOCUMENT).unwrap_err(),
        EncodeError::Member(InvalidMemberId::NotUtf8)
    );
    let _ = confirm(&latin).encode(Dialect::MPENC_JS).unwrap();
}

#[test]
fn the_abort_s_reason_is_checked() {
    let source = member("alice");
    let text = AbortFields { source: &source, aborted_pi: &[7; 32], reason: "" }
        .encode(Dialect::DOCUMENT)
        .unwrap()
        .finish(&[0; 64]);
    let contents = contents(&text);
    let front = contents.strip_suffix(&record(RecordType::MESSAGE_PAYLOAD, b"")[..]).unwrap();
    let decode = |reason: &[u8]| {
        let packet = [front, &record(RecordType::MESSAGE_PAYLOAD, reason)].concat();
        Packet::decode(Dialect::DOCUMENT, &packet).map(|_| ()).map_err(|error| error.kind)
    };
    assert_eq!(decode(&[b'x'; MAX_REASON]), Ok(()));
    assert_eq!(decode(&[b'x'; MAX_REASON + 1]), Err(MalformedKind::ReasonTooLong));
    assert_eq!(decode(b"\xff"), Err(MalformedKind::ReasonNotUtf8));
    // The same in the dialect that has no aborts.
    let other: Vec<u8> = records(&contents)
        .map(Result::unwrap)
        .flat_map(|found| match found.kind {
            RecordType::PROTOCOL_VERSION => record(found.kind, Dialect::MPENC_JS.version),
            kind => record(kind, found.value),
        })
        .collect();
    let error = Packet::decode(Dialect::MPENC_JS, &other).unwrap_err();
    assert_eq!(error.kind, MalformedKind::NotInDialect("Document"));
}

#[test]
fn resending_puts_one_source_in_front_of_data() {
    let (alice, bob) = (member("alice"), member("bob"));
    let data = DataFields { hint: 9, iv: &[1; 12], payload: b"sealed" }
        .encode(Dialect::DOCUMENT)
        .unwrap()
        .finish(&[2; 64]);
    let once = resend(&data, &alice).unwrap();
    assert_eq!(contents(&once), [record(RecordType::SOURCE, b"alice"), contents(&data)].concat());
    // What came as a resent packet is cached with its SOURCE.
    assert_eq!(resend(&once, &bob).unwrap(), resend(&data, &bob).unwrap());

    let group = members(2);
    let greeting = confirm(&group).encode(Dialect::DOCUMENT).unwrap().finish(&[0; 64]);
    let error = resend(&greeting, &alice).unwrap_err();
    assert!(matches!(error, EncodeError::Malformed(error)
        if error.kind == MalformedKind::OutOfOrder(RecordType::MESSAGE_SIGNATURE)
            || error.kind == MalformedKind::Missing(RecordType::SIDKEY_HINT)));
    assert!(resend("hello", &alice).is_err());
    // As large as a packet may be, it has no room for a SOURCE.
    let mut largest = record(RecordType::SIDKEY_HINT, &[9]);
    largest.resize(MAX_CONTENTS, 0);
    assert_eq!(resend(&armor(&largest), &alice), Err(EncodeError::TooLarge));
    largest.truncate(MAX_CONTENTS - record(RecordType::SOURCE, b"alice").len());
    assert!(resend(&armor(&largest), &alice).is_ok());
    // MpencJs does not know resent packets.
    let js = DataFields { hint: 9, iv: &[1; 12], payload: b"sealed" }
        .encode(Dialect::MPENC_JS)
        .unwrap()
        .finish(&[2; 64]);
    let octets = contents(&resend(&js, &alice).unwrap());
    let error = Packet::decode(Dialect::MPENC_JS, &octets).unwrap_err();
    assert_eq!(error.kind, MalformedKind::NotInDialect("Document"));
}

#[test]
fn each_dialect_has_its_own_member_ids() {
    use InvalidMemberId::{Character, Empty, NotUtf8, Reserved, TooLong};
    let (document, js) = (Dialect::DOCUMENT, Dialect::MPENC_JS);
    let kilobyte = "x".repeat(1024);
    for (text, in_document, in_js) in [
        ("alice@example.org", Ok(()), Ok(())),
        ("Zoë", Ok(()), Ok(())),
        ("日本", Ok(()), Err(Character)),
        ("", Err(Empty), Err(Empty)),
        (&kilobyte[1..], Ok(()), Ok(())),
        (&kilobyte, Err(TooLong), Err(TooLong)),
        ("a\nb", Err(Character), Ok(())),
        ("a\u{7f}", Err(Character), Ok(())),
        ("a\u{80}", Ok(()), Ok(())),
        ("__server__", Err(Reserved), Ok(())),
    ] {
        for (dialect, expected) in [(document, in_document), (js, in_js)] {
            let id = MemberId::new(dialect, text);
            assert_eq!(id.as_ref().map(|_| ()).map_err(|error| *error), expected, "{text:?}");
            if let Ok(id) = id {
                assert_eq!(id.to_text(dialect), text);
                assert_eq!(MemberId::from_wire(dialect, id.as_bytes()), Ok(id));
            }
        }
    }
    assert_eq!(MemberId::from_wire(document, b"Zo\xeb"), Err(NotUtf8));
    assert_eq!(MemberId::from_wire(js, b"Zo\xeb").unwrap().to_text(js), "Zoë");
}

/// An id must not be able to forge a line of a log.
#[test]
fn ids_are_shown_without_what_does_not_show() {
    let show = |text: &str| MemberId::new(Dialect::DOCUMENT, text).unwrap().to_string();
    assert_eq!(show("o'hara\\\"日本\""), "o'hara\\\"日本\"");
    assert_eq!(show("Zoe\u{308}"), "Zoe\u{308}");
    assert_eq!(show("a\u{202e}b\u{2028}c\u{85}"), "a\\u{202e}b\\u{2028}c\\u{85}");
    let latin = MemberId::new(Dialect::MPENC_JS, "Zo\u{eb}\n").unwrap();
    assert_eq!(latin.to_string(), "Zo\u{eb}\\n");
    assert_eq!(format!("{latin:?}"), "MemberId(Zo\u{eb}\\n)");
}

#[test]
fn ids_compare_by_their_octets() {
    let (a, b) = (member("M3"), member("a"));
    assert!(a < b && b < member("m1") && member("m1") < member("m10"));
    let borrowed: MemberRef<'_> = a.borrowed();
    assert_eq!((borrowed == a, a == borrowed), (true, true));
    assert_eq!((borrowed == b, b == borrowed), (false, false));
    assert_eq!((borrowed.as_bytes(), a.as_bytes()), (&b"M3"[..], &b"M3"[..]));
    let octets: &[u8] = Borrow::borrow(&a);
    assert_eq!((octets, a.as_ref()), (&b"M3"[..], &b"M3"[..]));

    let js = |octet| MessageId::from_hash(Dialect::MPENC_JS, &[octet; 32]);
    assert_eq!(js(5).as_bytes(), [5; 20]);
    assert!(js(5) < js(6) && js(5) < MessageId::from_hash(Dialect::DOCUMENT, &[5; 32]));
    assert_eq!(MessageId::from_bytes(Dialect::MPENC_JS, &[5; 20]), Some(js(5)));
    assert_eq!(MessageId::from_bytes(Dialect::DOCUMENT, &[5; 20]), None);
    assert_eq!(MessageId::from_bytes(Dialect::DOCUMENT, &[5; 33]), None);
}
