//! `unit.json` of both dialects.

use mpenc_wire::{
    Dialect, GreetOperation, GreetType, MalformedKind, MessageId, Packet, PlaintextFields,
    RecordType, armor, peek_signature, records, unarmor,
};

use crate::support::{contents, list, octets, read, round_trip, text, vectors};

#[test]
fn document_units() {
    let unit = read(&vectors().join("document/unit.json"));
    for case in list(&unit["records"]) {
        let encoded = octets(&case["encoded"]);
        let record = records(&encoded).next().expect("one").expect("whole");
        assert_eq!(u64::from(record.kind.0), case["type"].as_u64().unwrap());
        assert_eq!(record.value, octets(&case["value"]));
    }
    for case in list(&unit["armor"]) {
        let plain = octets(&case["contents"]);
        assert_eq!(armor(&plain), text(&case["packet"]));
        assert_eq!(contents(text(&case["packet"])), plain);
    }
    let greetings = unit["greetings"].as_object().expect("greetings by name").values();
    let sections = [&unit["abort"], &unit["data"]["packets"], &unit["data"]["resent"]];
    for case in greetings.chain(sections.into_iter().flat_map(list)) {
        round_trip(Dialect::DOCUMENT, text(&case["packet"]));
    }
    // A resent packet is the packet it resends, with SOURCE in front.
    for case in list(&unit["data"]["resent"]) {
        let of = usize::try_from(case["of"].as_u64().unwrap()).unwrap();
        let original = contents(text(&unit["data"]["packets"][of]["packet"]));
        assert!(contents(text(&case["packet"])).ends_with(&original));
    }
}

#[test]
fn document_plaintexts() {
    let unit = read(&vectors().join("document/unit.json"));
    for case in list(&unit["data"]["packets"]) {
        let octets = octets(&case["plaintext"]);
        let plaintext = mpenc_wire::Plaintext::decode(Dialect::DOCUMENT, &octets)
            .unwrap_or_else(|error| panic!("{error}"));
        let parents: Vec<String> =
            plaintext.parents.iter().map(|parent| parent.to_string()).collect();
        let expected: Vec<&str> = list(&case["parents"]).iter().map(text).collect();
        assert_eq!(parents, expected);
        let extensions = text(&case["extensions"]);
        if extensions.is_empty() {
            let ids: Vec<MessageId> = plaintext.parents.iter().collect();
            let fields = PlaintextFields {
                parents: &ids,
                kind: plaintext.kind,
                body: plaintext.body,
                order_ack: plaintext.order_ack,
            };
            assert_eq!(fields.encode().unwrap(), octets);
        }
    }
}

#[test]
fn recorded_units() {
    let unit = read(&vectors().join("unit.json"));
    for (name, number) in unit["constants"]["record_type"].as_object().unwrap() {
        let number = u16::from_str_radix(text(number).trim_start_matches("0x"), 16).unwrap();
        assert_eq!(RecordType(number).name(), Some(name.trim_start_matches("MESSAGE_RECORD_")));
    }
    for case in list(&unit["tlv_encode"]) {
        let Some(_) = case["encoded_hex"].as_str() else { continue };
        let encoded = octets(&case["encoded_hex"]);
        let record = records(&encoded).next().expect("one").expect("whole");
        assert_eq!(u64::from(record.kind.0), case["type"].as_u64().unwrap());
        assert_eq!(record.value, octets(&case["value_hex"]));
    }
    for case in list(&unit["wire_encode"]) {
        assert_eq!(armor(&octets(&case["contents_hex"])), text(&case["packet"]));
    }
    for section in ["greet_message", "data_packet"] {
        let cases = unit[section].as_array().unwrap_or_else(|| panic!("no {section}"));
        for case in cases {
            round_trip(Dialect::MPENC_JS, text(&case["packet"]));
        }
    }
}

/// What each stage is, and what stands in its packets (PROTOCOL 3).
#[test]
fn greet_types_say_what_is_in_a_packet() {
    use GreetOperation::{Establish, Exclude, Include, Refresh};
    // Initial; ASKE; keys; downflow; confirm; session signature.
    let stages = [
        (GreetType::ESTABLISH_INITIAL, Establish, "i a k - - -"),
        (GreetType::ESTABLISH_UP, Establish, "- a k - - -"),
        (GreetType::ESTABLISH_DOWN, Establish, "- a k d - s"),
        (GreetType::ESTABLISH_CONFIRM, Establish, "- a - d c s"),
        (GreetType::INCLUDE_INITIAL, Include, "i a k - - -"),
        (GreetType::INCLUDE_UP, Include, "- a k - - -"),
        (GreetType::INCLUDE_DOWN, Include, "- a k d - s"),
        (GreetType::INCLUDE_CONFIRM, Include, "- a - d c s"),
        (GreetType::EXCLUDE_INITIAL, Exclude, "i a k d - s"),
        (GreetType::EXCLUDE_CONFIRM, Exclude, "- a - d c s"),
        (GreetType::REFRESH, Refresh, "i - k d - -"),
    ];
    for (stage, operation, expected) in stages {
        let told = [
            (stage.is_initial(), "i"),
            (stage.is_aske(), "a"),
            (stage.has_int_keys(), "k"),
            (stage.is_downflow(), "d"),
            (stage.is_confirm(), "c"),
            (stage.has_session_signature(), "s"),
        ]
        .map(|(is, mark)| if is { mark } else { "-" });
        assert_eq!(told.join(" "), expected, "{stage}");
        assert_eq!(stage.operation(), Some(operation), "{stage}");
        assert!(stage.name().is_some());
        let contributes = stage.is_aske() && stage.has_int_keys();
        assert_eq!(stage.has_nonces(Dialect::DOCUMENT), contributes, "{stage}");
        assert_eq!(stage.has_nonces(Dialect::MPENC_JS), stage.is_aske(), "{stage}");
    }
    let unknown = GreetType(0x0014);
    assert_eq!((unknown.operation(), unknown.name()), (None, None));
    assert!(!unknown.is_confirm());
}

/// A look at the signature is a look at the one that decoding gives, of data packets that are not
/// resent; and it does not depend on what follows.
#[test]
fn a_peek_at_a_signature_sees_what_decoding_does() {
    let signature = core::array::from_fn(|at| u8::try_from(at).unwrap());
    let hint = [0, 0x12, 0, 1, 7];
    let data = [&hint[..], &[0, 3, 0, 64], &signature, &[0, 1, 0, 2, 0, 1, 0, 2, 0, 1, 3]].concat();
    let packet = [&data[..], &[0, 0x11, 0, 12], &[5; 12], &[0, 0x10, 0, 2, 8, 9]].concat();
    let Ok(Packet::Data(decoded)) = Packet::decode(Dialect::DOCUMENT, &packet) else { panic!() };
    assert_eq!(*decoded.signature, signature);
    let text = armor(&packet);
    assert_eq!(peek_signature(&text), Some(signature));
    assert_eq!(peek_signature(&format!("{}…", &text[..text.len() - 3])), Some(signature));
    for other in [
        armor(&packet[5..]),
        armor(&packet[..70]),
        armor(&[&[1, 0, 0, 1, 97], &packet[..]].concat()),
        armor(&[&hint[..], &[0, 3, 0, 63], &packet[9..]].concat()),
        text.replace("mpENC", "mpenc"),
        format!("{}!{}", &text[..20], &text[21..]),
        format!("{text}{}", "A".repeat(1_500_000)),
    ] {
        assert_eq!(peek_signature(&other), None, "{other:.80}");
    }
}

/// Where the first implementation was forgiving, we are not (attack row 56).
#[test]
fn armor_is_canonical_only() {
    let unit = read(&vectors().join("unit.json"));
    for case in list(&unit["wire_decode"]) {
        let mut buffer = Vec::new();
        if let Ok(plain) = unarmor(text(&case["packet"]), &mut buffer) {
            assert_eq!(armor(plain), text(&case["packet"]));
        }
    }
    let packet = armor(&[0, 1, 0, 1, 1]);
    for edited in
        [packet.replace("?mpENC:", "?mpENC: "), packet.replace('=', ""), format!("{packet}\n")]
    {
        let mut buffer = Vec::new();
        assert!(unarmor(&edited, &mut buffer).is_err(), "{edited}");
    }
    // The offset counts octets of the text: a stray one, bits that nobody reads, a length that does
    // not come out.
    for (text, offset) in [("?mpENC:AA!A.", 9), ("?mpENC:AB==.", 8), ("?mpENC:AAAAA.", 12)] {
        let error = unarmor(text, &mut Vec::new()).unwrap_err();
        assert_eq!((error.kind, error.offset), (MalformedKind::Base64, offset), "{text}");
    }
    assert!(Packet::decode(Dialect::MPENC_JS, &[]).is_err());
}
