//! Faults that the vectors do not have: whole packets cut everywhere, turns, and plaintexts.

use mpenc_wire::{
    Dialect, GreetType, GreetingFields, Malformed, MalformedKind, MemberId, MessageId,
    MetadataFields, Packet, Plaintext, PlaintextFields, RecordType, records,
};

use crate::support::{contents, files, list, may_be_missing, octets, read, text, vectors};

/// Every shape of packet that the vectors have, once: by its kind, and for greetings its type.
fn one_of_each(dialect: Dialect) -> Vec<Vec<u8>> {
    let recordings =
        if dialect == Dialect::DOCUMENT { files("document", &["g"]) } else { files("", &["s0"]) };
    let mut found: Vec<(String, Vec<u8>)> = Vec::new();
    for recording in recordings {
        let recording = read(&recording);
        let steps = recording["steps"].as_array().into_iter().flatten();
        let in_steps = steps.flat_map(|step| list(&step["packets"]));
        let in_channel = recording["channel"].as_array().into_iter().flatten();
        for event in in_steps.chain(in_channel) {
            let Some(packet) = event["packet"].as_str() else { continue };
            let Ok(octets) = std::panic::catch_unwind(|| contents(packet)) else { continue };
            let shape = match Packet::decode(dialect, &octets) {
                Ok(Packet::Greeting(greeting)) => format!("{:?}", greeting.greet_type),
                Ok(Packet::Data(data)) => format!("data {}", data.resent_author.is_some()),
                Ok(Packet::Abort(_)) => "abort".to_owned(),
                _ => continue,
            };
            if found.iter().all(|(known, _)| *known != shape) {
                found.push((shape, octets));
            }
        }
    }
    let expected = if dialect == Dialect::DOCUMENT { 14 } else { 12 };
    let shapes: Vec<_> = found.iter().map(|(shape, _)| shape).collect();
    assert_eq!(found.len(), expected, "{shapes:?}");
    found.into_iter().map(|(_, octets)| octets).collect()
}

#[test]
fn a_packet_cut_anywhere_is_refused() {
    for dialect in Dialect::ALL {
        for packet in one_of_each(dialect) {
            for end in 0..packet.len() {
                let (cut, tail) = packet.split_at(end);
                match Packet::decode(dialect, cut) {
                    Ok(_) => assert!(may_be_missing(tail), "cut at {end}"),
                    Err(error) => assert!(error.offset <= end, "{error} of {end}"),
                }
            }
        }
    }
}

#[test]
fn octets_after_a_packet_are_refused() {
    for dialect in Dialect::ALL {
        for packet in one_of_each(dialect) {
            for more in [&[0][..], &[0; 3], &[0; 4], &[0x7f, 0, 0, 0], &[1, 2, 0, 1, b'x']] {
                let longer = [&packet, more].concat();
                Packet::decode(dialect, &longer).expect_err("longer");
            }
        }
    }
}

/// Each record of each packet left out, doubled, and exchanged with the next: always refused,
/// unless records of one run changed places, which only signatures and the operation can tell.
#[test]
fn records_moved_dropped_or_doubled_are_refused() {
    for dialect in Dialect::ALL {
        for packet in one_of_each(dialect) {
            let all: Vec<_> = records(&packet).map(|record| record.unwrap()).collect();
            let encoded: Vec<&[u8]> = all
                .iter()
                .map(|record| &packet[record.offset..record.offset + 4 + record.value.len()])
                .collect();
            for at in 0..all.len() {
                let mut dropped = encoded.clone();
                dropped.remove(at);
                let mut doubled = encoded.clone();
                doubled.insert(at, encoded[at]);
                let result = Packet::decode(dialect, &doubled.concat()).map(|_| ());
                result.expect_err("doubled");
                // Whether a member, or a latest message, is missing only the operation can tell;
                // SOURCE in front is there only where a packet is sent again.
                let optional = matches!(all[at].kind, RecordType::MEMBER | RecordType::LATEST_PM);
                if !optional && all[at].offset != 0 {
                    let result = Packet::decode(dialect, &dropped.concat()).map(|_| ());
                    result.expect_err("dropped");
                }
                if at + 1 < all.len() && all[at].kind != all[at + 1].kind {
                    let mut swapped = encoded.clone();
                    swapped.swap(at, at + 1);
                    let result = Packet::decode(dialect, &swapped.concat()).map(|_| ());
                    result.expect_err("swapped");
                }
            }
        }
    }
}

fn greeting(greet_type: GreetType, source: usize, members: usize) -> Result<(), Malformed> {
    let members: Vec<MemberId> = (0..members)
        .map(|at| MemberId::new(Dialect::DOCUMENT, &format!("m{at}")).unwrap())
        .collect();
    let lists = vec![[1; 32]; members.len()];
    let int_keys = if greet_type.has_int_keys() { &lists[..] } else { &[] };
    let values = if greet_type.has_nonces(Dialect::DOCUMENT) { &lists[..] } else { &[] };
    let text = GreetingFields {
        greet_type,
        source: &members[source],
        dest: None,
        members: &members,
        int_keys,
        nonces: values,
        pub_keys: values,
        metadata: greet_type.is_initial().then_some(MetadataFields {
            prev_pf: &[2; 32],
            chain_hash: &[3; 32],
            latest_pm: &[],
        }),
        session_signature: greet_type.has_session_signature().then_some(&[4; 64]),
    }
    .encode(Dialect::DOCUMENT)
    .unwrap()
    .finish(&[5; 64]);
    Packet::decode(Dialect::DOCUMENT, &contents(&text)).map(|_| ())
}

#[test]
fn a_downflow_comes_from_whose_turn_it_is() {
    let turn = |greet_type, source| greeting(greet_type, source, 3).map_err(|error| error.kind);
    let not_its_turn = Err(MalformedKind::NotItsTurn);
    for source in 0..3 {
        let last = source == 2;
        for down in [GreetType::ESTABLISH_DOWN, GreetType::INCLUDE_DOWN] {
            assert_eq!(turn(down, source), if last { Ok(()) } else { not_its_turn });
        }
        for confirm in [GreetType::ESTABLISH_CONFIRM, GreetType::INCLUDE_CONFIRM] {
            assert_eq!(turn(confirm, source), if last { not_its_turn } else { Ok(()) });
        }
        for any in [GreetType::EXCLUDE_INITIAL, GreetType::EXCLUDE_CONFIRM, GreetType::REFRESH] {
            assert_eq!(turn(any, source), Ok(()));
        }
    }
}

/// An upflow among four, by the member at `source` to the one at `dest`, with so many INT_KEY, NONCE
/// and PUB_KEY records.
fn upflow(
    greet_type: GreetType,
    source: usize,
    dest: usize,
    [int_keys, nonces, pub_keys]: [usize; 3],
) -> Result<(), MalformedKind> {
    let members: Vec<MemberId> =
        (0..4).map(|at| MemberId::new(Dialect::DOCUMENT, &format!("m{at}")).unwrap()).collect();
    let mut keys = [[1; 32]; 5];
    if greet_type == GreetType::ESTABLISH_INITIAL {
        keys[0] = [0; 32];
        keys[0][0] = 9;
    }
    let text = GreetingFields {
        greet_type,
        source: &members[source],
        dest: Some(&members[dest]),
        members: &members,
        int_keys: &keys[..int_keys],
        nonces: &[[2; 32]; 5][..nonces],
        pub_keys: &[[3; 32]; 5][..pub_keys],
        metadata: greet_type.is_initial().then_some(MetadataFields {
            prev_pf: &[2; 32],
            chain_hash: &[3; 32],
            latest_pm: &[],
        }),
        session_signature: None,
    }
    .encode(Dialect::DOCUMENT)
    .unwrap()
    .finish(&[5; 64]);
    Packet::decode(Dialect::DOCUMENT, &contents(&text)).map(|_| ()).map_err(|error| error.kind)
}

#[test]
fn an_upflow_comes_from_whose_turn_it_is_and_goes_to_the_next() {
    let not_its_turn = Err(MalformedKind::NotItsTurn);
    for up in [GreetType::ESTABLISH_UP, GreetType::INCLUDE_UP] {
        for source in 0..3 {
            let lists = [source + 2, source + 1, source + 1];
            let expected = if source == 0 { not_its_turn } else { Ok(()) };
            assert_eq!(upflow(up, source, source + 1, lists), expected, "{up} by {source}");
        }
        assert_eq!(upflow(up, 1, 3, [3, 2, 2]), Err(MalformedKind::DestNotNext));
        assert_eq!(upflow(up, 1, 1, [3, 2, 2]), Err(MalformedKind::DestNotNext));
    }
    // The initiator of an include is one of the old members, of which there are two.
    for source in 0..4 {
        let expected = if source < 2 { Ok(()) } else { not_its_turn };
        assert_eq!(upflow(GreetType::INCLUDE_INITIAL, source, 2, [3, 2, 2]), expected);
        let expected = if source == 0 { Ok(()) } else { not_its_turn };
        assert_eq!(upflow(GreetType::ESTABLISH_INITIAL, source, 1, [2, 1, 1]), expected);
    }
    let include = |dest| upflow(GreetType::INCLUDE_INITIAL, 0, dest, [3, 2, 2]);
    assert_eq!([1, 3].map(include), [Err(MalformedKind::DestNotNext); 2]);
}

#[test]
fn an_upflow_has_as_many_keys_as_have_contributed() {
    let [int_key, nonce, pub_key] = [RecordType::INT_KEY, RecordType::NONCE, RecordType::PUB_KEY]
        .map(|kind| Err(MalformedKind::Count(kind)));
    for up in [GreetType::ESTABLISH_UP, GreetType::INCLUDE_UP] {
        for (lists, expected) in [
            ([2, 2, 2], int_key),
            ([4, 2, 2], int_key),
            ([3, 1, 2], nonce),
            ([3, 3, 2], nonce),
            ([3, 2, 1], pub_key),
            ([3, 2, 3], pub_key),
        ] {
            assert_eq!(upflow(up, 1, 2, lists), expected, "{up} {lists:?}");
        }
    }
    // In an include's first upflow the PUB_KEY records say how many have.
    for (lists, expected) in [([2, 2, 2], int_key), ([4, 2, 2], int_key), ([3, 1, 2], nonce)] {
        assert_eq!(upflow(GreetType::INCLUDE_INITIAL, 0, 2, lists), expected, "{lists:?}");
    }
    for (lists, expected) in [([1, 1, 1], int_key), ([3, 1, 1], int_key), ([2, 2, 1], nonce)] {
        assert_eq!(upflow(GreetType::ESTABLISH_INITIAL, 0, 1, lists), expected, "{lists:?}");
    }
    assert_eq!(upflow(GreetType::ESTABLISH_INITIAL, 0, 1, [2, 1, 2]), pub_key);
}

#[test]
fn only_an_exclude_leaves_one_member() {
    let alone = |greet_type| greeting(greet_type, 0, 1).map_err(|error| error.kind);
    let missing = Err(MalformedKind::Missing(RecordType::MEMBER));
    assert_eq!(alone(GreetType::EXCLUDE_INITIAL), Ok(()));
    for more in [GreetType::REFRESH, GreetType::ESTABLISH_DOWN, GreetType::INCLUDE_CONFIRM] {
        assert_eq!(alone(more), missing);
    }
}

#[test]
fn plaintexts_are_strict_up_to_the_body_and_open_after_it() {
    let unit = read(&vectors().join("document/unit.json"));
    for case in list(&unit["data"]["packets"]) {
        let octets = octets(&case["plaintext"]);
        let plaintext = Plaintext::decode(Dialect::DOCUMENT, &octets).unwrap();
        assert_eq!(hex::encode(plaintext.extensions), text(&case["extensions"]));
        let kind = unit["kinds"][text(&case["kind"])].as_u64();
        assert_eq!(plaintext.kind.map(u64::from), kind);
        // Cut anywhere before the extensions.
        for end in 0..octets.len() - plaintext.extensions.len() {
            Plaintext::decode(Dialect::DOCUMENT, &octets[..end]).expect_err("cut");
        }
    }
}

#[test]
fn each_fault_of_a_plaintext_has_its_name() {
    let document = Dialect::DOCUMENT;
    let id = |octet| MessageId::from_hash(document, &[octet; 32]);
    let plain = |parents: &[MessageId], kind| {
        PlaintextFields { parents, kind, body: b"body", order_ack: None }.encode().unwrap()
    };
    let ack = [&[3, 4, 0, 64][..], &[8; 64]].concat();
    let fault = |dialect, records: &[u8]| {
        Plaintext::decode(dialect, records).map(|_| ()).map_err(|error| (error.kind, error.offset))
    };
    let good = plain(&[id(1), id(2)], Some(5));
    assert_eq!(fault(document, &good), Ok(()));
    let after = |more: &[u8]| fault(document, &[&good, more].concat());
    let end = good.len();
    assert_eq!(after(&ack), Ok(()));
    assert_eq!(after(&[0x7f, 0, 0, 1, 0]), Ok(()));
    assert_eq!(
        after(&ack.repeat(2)),
        Err((MalformedKind::Repeated(RecordType::ORDER_ACK), end + 68))
    );
    assert_eq!(
        after(&[0, 0x14, 0, 0]),
        Err((MalformedKind::Repeated(RecordType::MESSAGE_BODY), end))
    );
    assert_eq!(
        after(&[0, 0x15, 0, 1, 1]),
        Err((MalformedKind::Unexpected(RecordType::MESSAGE_KIND), end))
    );
    assert_eq!(
        after(&[3, 4, 0, 1, 1]),
        Err((MalformedKind::Length { record: RecordType::ORDER_ACK, found: 1 }, end))
    );
    assert_eq!(after(&[0x7f, 0, 0, 2, 0]).unwrap_err().1, end);
    assert_eq!(after(&[0]), Err((MalformedKind::HeaderCut, end)));

    let not_ascending = MalformedKind::NotAscending(RecordType::MESSAGE_PARENT);
    assert_eq!(fault(document, &plain(&[id(2), id(1)], None)), Err((not_ascending, 36)));
    assert_eq!(fault(document, &plain(&[id(1), id(1)], None)), Err((not_ascending, 36)));
    assert_eq!(
        fault(document, &[0x7f, 0, 0, 0]),
        Err((MalformedKind::UnknownRecord(RecordType(0x7f00)), 0))
    );
    assert_eq!(fault(document, &[]), Err((MalformedKind::Missing(RecordType::MESSAGE_BODY), 0)));

    // The first implementation's parents stand in another order; it has no MESSAGE_KIND.
    let js = Dialect::MPENC_JS;
    let id = |octet| MessageId::from_hash(js, &[octet; 32]);
    assert_eq!(fault(js, &plain(&[id(2), id(1)], None)), Ok(()));
    assert_eq!(fault(js, &[plain(&[], None), ack].concat()), Ok(()));
    assert_eq!(
        fault(js, &plain(&[], Some(1))),
        Err((MalformedKind::OutOfOrder(RecordType::MESSAGE_KIND), 0))
    );
}
