//! For all inputs: what is encoded decodes to the same; what is cut or arbitrary never panics.

use mpenc_wire::{
    AbortFields, DataFields, Dialect, GreetType, GreetingFields, MemberId, MessageId,
    MetadataFields, Packet, Plaintext, armor, records, unarmor,
};
use proptest::collection::{btree_set, vec};
use proptest::prelude::*;

use crate::reencode::encode;
use crate::support::{contents, may_be_missing};

fn dialect() -> impl Strategy<Value = Dialect> {
    prop_oneof![Just(Dialect::DOCUMENT), Just(Dialect::MPENC_JS)]
}

fn members(least: usize) -> impl Strategy<Value = Vec<String>> {
    btree_set("[a-z\u{e0}-\u{ff}]{1,12}", least..8)
        .prop_map(|set| set.into_iter().collect::<Vec<_>>())
        .prop_shuffle()
}

/// A greeting packet whose lists are as long as its stage demands.
fn greeting(dialect: Dialect) -> impl Strategy<Value = String> {
    let stages = prop::sample::select(vec![
        GreetType::ESTABLISH_INITIAL,
        GreetType::ESTABLISH_UP,
        GreetType::ESTABLISH_DOWN,
        GreetType::ESTABLISH_CONFIRM,
        GreetType::INCLUDE_INITIAL,
        GreetType::INCLUDE_UP,
        GreetType::INCLUDE_DOWN,
        GreetType::INCLUDE_CONFIRM,
        GreetType::EXCLUDE_INITIAL,
        GreetType::EXCLUDE_CONFIRM,
        GreetType::REFRESH,
    ]);
    let values = vec(any::<[u8; 32]>(), 24);
    let latest = btree_set(any::<[u8; 32]>(), 0..4);
    let signature = vec(any::<u8>(), 64);
    (stages, members(3), values, latest, signature, any::<prop::sample::Index>()).prop_map(
        move |(greet_type, members, values, latest, signature, at)| {
            let members: Vec<MemberId> =
                members.iter().map(|name| MemberId::new(dialect, name).unwrap()).collect();
            let n = members.len();
            let old = 1 + at.index(n - 1);
            let up = 1 + at.index(n - 2);
            let (p, int_keys, lists, dest) = match greet_type {
                GreetType::ESTABLISH_INITIAL => (0, 2, 1, Some(1)),
                GreetType::ESTABLISH_UP | GreetType::INCLUDE_UP => {
                    (up, up + 2, up + 1, Some(up + 1))
                }
                GreetType::INCLUDE_INITIAL => (old - 1, old + 1, old, Some(old)),
                GreetType::ESTABLISH_DOWN | GreetType::INCLUDE_DOWN => (n - 1, n, n, None),
                GreetType::EXCLUDE_INITIAL => (up, n, n, None),
                GreetType::REFRESH => (up, n, 0, None),
                _ => (up, 0, if dialect.confirm_repeats_keys { n } else { 0 }, None),
            };
            let mut int_keys = values[..int_keys].to_vec();
            if greet_type == GreetType::ESTABLISH_INITIAL {
                int_keys[0] = [0; 32];
                int_keys[0][0] = 9;
            }
            let mut latest: Vec<MessageId> =
                latest.iter().map(|hash| MessageId::from_hash(dialect, hash)).collect();
            latest.sort();
            let signature: [u8; 64] = signature.try_into().unwrap();
            let (prev_pf, chain_hash) = ([5; 32], [6; 32]);
            GreetingFields {
                greet_type,
                source: &members[p],
                dest: dest.map(|dest| &members[dest]),
                members: &members,
                int_keys: &int_keys,
                nonces: &values[..lists],
                pub_keys: &values[8..8 + lists],
                metadata: greet_type.is_initial().then_some(MetadataFields {
                    prev_pf: &prev_pf,
                    chain_hash: &chain_hash,
                    latest_pm: &latest,
                }),
                session_signature: (greet_type.is_downflow() && greet_type.is_aske())
                    .then_some(&signature),
            }
            .encode(dialect)
            .unwrap()
            .finish(&signature)
        },
    )
}

fn packet(dialect: Dialect) -> impl Strategy<Value = String> {
    let data = (any::<u8>(), any::<[u8; 12]>(), vec(any::<u8>(), 0..300)).prop_map(
        move |(hint, iv, payload)| {
            DataFields { hint, iv: &iv, payload: &payload }
                .encode(dialect)
                .unwrap()
                .finish(&[3; 64])
        },
    );
    let abort =
        ("[a-z]{1,9}", any::<[u8; 32]>(), "\\PC{0,60}").prop_map(move |(source, pi, reason)| {
            let source = MemberId::new(Dialect::DOCUMENT, &source).unwrap();
            AbortFields { source: &source, aborted_pi: &pi, reason: &reason }
                .encode(Dialect::DOCUMENT)
                .unwrap()
                .finish(&[4; 64])
        });
    if dialect.aborts {
        prop_oneof![greeting(dialect), data, abort].boxed()
    } else {
        prop_oneof![greeting(dialect), data].boxed()
    }
}

fn any_packet() -> impl Strategy<Value = (Dialect, String)> {
    dialect().prop_flat_map(|dialect| (Just(dialect), packet(dialect)))
}

proptest! {
    #[test]
    fn decode_after_encode_is_the_identity((dialect, text) in any_packet()) {
        let contents = contents(&text);
        let packet = Packet::decode(dialect, &contents).map_err(|e| TestCaseError::fail(e.to_string()))?;
        prop_assert_eq!(encode(dialect, &packet), text);
    }

    #[test]
    fn a_cut_packet_is_refused((dialect, text) in any_packet(), at in any::<prop::sample::Index>()) {
        let contents = contents(&text);
        let (cut, tail) = contents.split_at(at.index(contents.len()));
        prop_assert_eq!(Packet::decode(dialect, cut).is_ok(), may_be_missing(tail));
    }

    #[test]
    fn arbitrary_octets_never_panic(octets in vec(any::<u8>(), 0..400), dialect in dialect()) {
        let _ = Packet::decode(dialect, &octets);
        let _ = Plaintext::decode(dialect, &octets);
        let _ = records(&octets).count();
    }

    #[test]
    fn an_edited_packet_never_panics(
        (dialect, text) in any_packet(), at in any::<prop::sample::Index>(), octet: u8,
    ) {
        let mut contents = contents(&text);
        let at = at.index(contents.len());
        contents[at] = octet;
        if let Ok(packet) = Packet::decode(dialect, &contents) {
            prop_assert_eq!(encode(dialect, &packet), armor(&contents));
        }
    }

    #[test]
    fn arbitrary_text_never_panics(text in "\\?mpENC:[A-Za-z0-9+/= .]{0,80}\\.?") {
        let mut buffer = Vec::new();
        if let Ok(contents) = unarmor(&text, &mut buffer) {
            prop_assert_eq!(armor(contents), text);
        }
    }
}
