//! The parts, against the vectors of both dialects and against X25519 itself.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests stop at the first thing that does not hold"
)]

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;

use curve25519_dalek::constants::EIGHT_TORSION;
use curve25519_dalek::{EdwardsPoint, MontgomeryPoint};
use mpenc_wire::{Dialect, GreetingPacket, MemberId, Packet};
use proptest::prelude::*;
use rand_core::SeedableRng;
use serde_json::Value;
use zeroize::ZeroizeOnDrop;

use super::agreement;
use super::aske;
use super::contribution::Contribution;
use super::group::Own;
use super::int_key::{BASE_POINT, IntKey, IntPoint, is_reduced};
use super::keys::{AgreedKeys, GroupKey, IdentityKey, LocalIdentity, ShapedKey};
use crate::{
    Change, Check, CliquesGreeter, Greeter, Greeting, IdentitySigner, KeyFault, OrderRefs, Stage,
};

const DOCUMENT: &str =
    include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../vectors/document/unit.json"));
const RECORDED: &str =
    include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../vectors/unit.json"));

fn document() -> Value {
    serde_json::from_str(DOCUMENT).unwrap()
}

fn recorded() -> Value {
    serde_json::from_str(RECORDED).unwrap()
}

fn list(value: &Value) -> &[Value] {
    let list = value.as_array().expect("a list");
    assert!(!list.is_empty(), "an empty list tests nothing");
    list
}

fn octets<const N: usize>(value: &Value) -> [u8; N] {
    hex::decode(value.as_str().expect("hex")).unwrap().try_into().unwrap()
}

fn key(octets: &[u8; 32]) -> IntKey {
    IntKey::admit(octets).expect("an honest key")
}

fn u(point: &EdwardsPoint) -> [u8; 32] {
    point.to_montgomery().to_bytes()
}

/// All contributions, one after the other.
fn condensed<'a>(draws: impl IntoIterator<Item = &'a [u8; 32]>) -> Contribution {
    let all = draws.into_iter().map(Contribution::from_octets);
    all.reduce(|product, next| product.then(&next)).expect("at least one")
}

#[test]
fn chains_of_x25519_condense() {
    for chain in list(&document()["chains"]) {
        let draws: Vec<[u8; 32]> = list(&chain["x25519_private"]).iter().map(octets).collect();
        let point = octets(&chain["point"]);
        let result = condensed(&draws).apply(&IntKey::points([&key(&point)]).unwrap()[0]);
        assert_eq!(u(&result), octets(&chain["result"]), "{}", chain["about"]);
        if point == BASE_POINT {
            assert_eq!(u(&condensed(&draws).apply_to_base()), octets(&chain["result"]));
        }
    }
}

/// A member of an agreement that follows it by the arithmetic alone.
#[derive(Default)]
struct Agreement {
    members: Vec<String>,
    /// In the order of the members, as far as they have contributed.
    contributions: Vec<Contribution>,
    keys: Vec<[u8; 32]>,
}

impl Agreement {
    fn place(&self, member: &Value) -> usize {
        let name = member.as_str().unwrap();
        self.members.iter().position(|other| other == name).unwrap()
    }

    fn points(&self) -> Vec<IntPoint> {
        IntPoint::admit_all(&self.keys).expect("honest keys")
    }

    /// A step by which a member joins.
    fn join(&mut self, draw: &[u8; 32]) {
        let own = Contribution::from_octets(draw);
        self.keys = match self.contributions.len() {
            0 => agreement::first_upflow(&own),
            before if before + 1 == self.members.len() => {
                agreement::downflow(&own, &self.points()).unwrap()
            }
            _ => agreement::upflow(&own, &self.points()).unwrap(),
        };
        self.contributions.push(own);
    }

    /// A step by which a member renews.
    fn renew(&mut self, place: usize, draw: &[u8; 32], invites: bool) {
        let factor = Contribution::from_octets(draw);
        let keys: Vec<IntKey> = self.keys.iter().map(key).collect();
        self.contributions[place] = self.contributions[place].then(&factor);
        self.keys = agreement::renew(&factor, place, keys.iter()).unwrap();
        if invites {
            self.keys.push(agreement::cardinal(&self.contributions[place], &keys[place]).unwrap());
        }
    }

    fn assert_agreed(&self, expected: &Value) {
        assert_eq!(self.contributions.len(), self.keys.len());
        for (own, sent) in self.contributions.iter().zip(&self.keys) {
            let group_key = agreement::group_key(own, &key(sent)).unwrap();
            assert_eq!(*group_key.octets(), octets(expected));
        }
    }
}

impl Agreement {
    /// Follows an operation step by step, and compares every list that is sent.
    fn follow(&mut self, is_include: bool, members: &Value, steps: &Value, by: &str) {
        let members: Vec<String> =
            list(members).iter().map(|name| name.as_str().unwrap().into()).collect();
        let stays: Vec<bool> = self.members.iter().map(|name| members.contains(name)).collect();
        let mut all = stays.iter();
        self.contributions.retain(|_| *all.next().unwrap());
        let mut all = stays.iter();
        self.keys.retain(|_| *all.next().unwrap());
        self.members = members;
        for step in list(steps) {
            let place = self.place(&step[by]);
            let draw = octets(&step["x25519_private"]);
            if place < self.contributions.len() {
                self.renew(place, &draw, is_include);
            } else {
                self.join(&draw);
            }
            // The recordings write the base point as an empty record.
            let sent = list(&step["int_keys"]).iter();
            let sent: Vec<[u8; 32]> =
                sent.map(|key| if *key == "" { BASE_POINT } else { octets(key) }).collect();
            assert_eq!(self.keys, sent, "{step}");
        }
    }
}

/// Forward secrecy, exactly (GK-12): a leak of a member's secrets, with all that was ever sent, opens
/// the keys since that member's last renewal, and no earlier one. So nobody's leak, nor all of them
/// together, opens a key before which each member has renewed.
#[test]
fn a_leak_opens_what_came_since_the_last_renewal_and_nothing_before() {
    const MEMBERS: usize = 4;
    let mut group = Agreement {
        members: (0..MEMBERS).map(|place| format!("{place}")).collect(),
        ..Agreement::default()
    };
    (1..).take(MEMBERS).for_each(|draw| group.join(&[draw; 32]));
    // At which key each member renewed last, the lists that were sent, and the keys.
    let mut renewed = [0; MEMBERS];
    let mut sent = Vec::new();
    let mut keys = Vec::new();
    let mut safe_from_all = 0;
    for (now, place) in [0, 2, 2, 1, 3, 0, 1].into_iter().enumerate() {
        if now > 0 {
            group.renew(place, &[100 + u8::try_from(now).unwrap(); 32], false);
            renewed[place] = now;
        }
        sent.push(group.keys.iter().map(key).collect::<Vec<_>>());
        let key_of = |own: &Contribution, key| *agreement::group_key(own, key).unwrap().octets();
        keys.push(key_of(&group.contributions[0], &sent[now][0]));
        for (member, leaked) in group.contributions.iter().enumerate() {
            let opened: Vec<[u8; 32]> =
                sent.iter().flatten().map(|list| key_of(leaked, list)).collect();
            for (then, key) in keys.iter().enumerate() {
                let opens = opened.contains(key);
                assert_eq!(opens, then >= renewed[member], "{member}'s of {now} opens {then}");
            }
        }
        // All leaks together, one applied after the other.
        let oldest = *renewed.iter().min().unwrap();
        for (first, second) in (0..MEMBERS).flat_map(|a| (0..MEMBERS).map(move |b| (a, b))) {
            let both = group.contributions[first].then(&group.contributions[second]);
            for list in sent.iter().flatten() {
                assert!(!keys[..oldest].contains(&key_of(&both, list)));
            }
        }
        safe_from_all = oldest;
    }
    assert_eq!(safe_from_all, 2, "all renewed since the second key");
}

#[test]
fn agreements_of_two_to_six() {
    for agreement in list(&document()["agreement"]) {
        let mut state = Agreement::default();
        for operation in list(&agreement["operations"]) {
            let is_include = operation["op"] == "include";
            state.follow(is_include, &operation["members"], &operation["steps"], "by");
            state.assert_agreed(&operation["group_key"]);
            for (own, sent) in state.contributions.iter().zip(&state.keys) {
                let secret = u(&own.apply(&IntKey::points([&key(sent)]).unwrap()[0]));
                assert_eq!(secret, octets(&operation["cardinal_key"]));
            }
        }
    }
}

#[test]
fn the_recorded_agreement() {
    let gka = &recorded()["gka"];
    let mut state = Agreement::default();
    for name in ["ika", "include", "exclude", "refresh"] {
        let operation = &gka[name];
        let members = &operation["steps"][0]["members"];
        state.follow(name == "include", members, &operation["steps"], "member");
        state.assert_agreed(&operation["group_key"]);
    }
}

/// S of a packet, and what stands in its signature record.
fn signed(text: &str) -> (Vec<u8>, [u8; 64]) {
    let mut buffer = Vec::new();
    let contents = mpenc_wire::unarmor(text, &mut buffer).unwrap();
    // Four octets of header, 64 of signature, then S.
    (contents[68..].to_vec(), contents[4..68].try_into().unwrap())
}

#[test]
fn greeting_and_abort_signatures() {
    let check = |context, text: &Value, seed: &Value| {
        let key = ed25519_dalek::SigningKey::from_bytes(&octets(seed));
        let (records, signature) = signed(text.as_str().unwrap());
        assert_eq!(aske::sign(&key, context, &records), signature);
        let public = ShapedKey::new(key.verifying_key().as_bytes()).unwrap().admit().unwrap();
        assert!(public.verify(&aske::in_context(context, &records), &signature));
    };
    let document = document();
    let greetings = document["greetings"].as_object().expect("greetings");
    assert_eq!(greetings.len(), 11, "one per GREET_TYPE");
    for case in greetings.values() {
        check(aske::GREETING, &case["packet"], &case["ephemeral_seed"]);
    }
    for case in list(&document["abort"]) {
        check(aske::ABORT, &case["packet"], &case["ephemeral_seed"]);
    }
    for case in list(&recorded()["greet_message"]) {
        check(aske::GREETING, &case["packet"], &case["ephemeral_seed"]);
        let (records, signature) = signed(case["packet"].as_str().unwrap());
        assert_eq!(signature, octets(&case["signature"]));
        let signed = hex::decode(case["signed_bytes_hex"].as_str().unwrap()).unwrap();
        assert_eq!(aske::in_context(aske::GREETING, &records).concat(), signed);
    }
}

#[test]
fn keys_of_another_protocol() {
    let own = MemberId::new(Dialect::DOCUMENT, "ann").unwrap();
    let public = LocalIdentity::from_seed(&[5; 32]).public_key();
    let make =
        |public| AgreedKeys::new(own.clone(), [(own.clone(), public)], &[5; 32], [1; 32], [2; 32]);
    let keys = make(public).unwrap();
    assert_eq!(keys.signing_key().verifying_key(), keys.members()[0].1);
    assert_eq!((*keys.session_id(), *keys.group_key()), ([1; 32], [2; 32]));
    assert_eq!(make([0; 32]).unwrap_err(), KeyFault::SmallOrder);
}

#[test]
fn group_keys() {
    for case in list(&document()["group_key"]) {
        let key = agreement::derive(&octets(&case["cardinal_key"])).unwrap();
        assert_eq!(*key.octets(), octets(&case["group_key"]));
    }
    for case in list(&recorded()["group_key"]) {
        let key = agreement::derive(&octets(&case["shared_secret"])).unwrap();
        assert_eq!(*key.octets(), octets(&case["group_key"]));
    }
}

#[test]
fn session_ids() {
    for (dialect, vectors, result) in [
        (Dialect::DOCUMENT, document(), "session_id"),
        (Dialect::MPENC_JS, recorded(), "session_id"),
    ] {
        for case in list(&vectors["session_id"]) {
            let members: Vec<_> = list(&case["members"])
                .iter()
                .map(|name| MemberId::new(dialect, name.as_str().unwrap()).unwrap())
                .collect();
            let nonces: Vec<[u8; 32]> = list(&case["nonces"]).iter().map(octets).collect();
            let expected = case.get("sid").unwrap_or(&case[result]);
            assert_eq!(aske::session_id(members.iter().zip(&nonces)), octets(expected));
        }
    }
}

#[test]
fn session_signatures() {
    let check = |dialect, case: &Value, prefix: &str, sid: &str, ephemeral: &str| {
        let member = MemberId::new(dialect, case["member"].as_str().unwrap()).unwrap();
        let identity = LocalIdentity::from_seed(&octets(&case[format!("{prefix}_seed").as_str()]));
        let public = octets(&case[format!("{prefix}_pub").as_str()]);
        assert_eq!(identity.public_key(), public);
        let message = aske::authenticator(
            dialect,
            &member,
            &octets(&case[ephemeral]),
            &octets(&case["nonce"]),
            &octets(&case[sid]),
        );
        let signature = octets(&case["signature"]);
        assert_eq!(identity.sign(&message), Ok(signature));
        assert!(IdentityKey::admit(&public).unwrap().verify(&message, &signature));
    };
    for case in list(&document()["session_signature"]) {
        check(Dialect::DOCUMENT, case, "identity", "sid", "ephemeral_pub");
    }
    for case in list(&recorded()["session_signature"]) {
        check(Dialect::MPENC_JS, case, "static", "session_id", "ephemeral_pub");
    }
}

/// 2^255 − 19 + `more`, little endian.
fn p_plus(more: u8) -> [u8; 32] {
    let mut octets = [0xff; 32];
    octets[0] = 0xed + more;
    octets[31] = 0x7f;
    octets
}

#[test]
fn intermediate_keys_that_are_not_taken() {
    let fault = |octets: &[u8; 32]| {
        let fault = IntKey::admit(octets).err();
        let as_point = IntPoint::admit_all([octets]).err();
        assert_eq!(as_point, fault.map(|fault| (0, fault)), "whoever multiplies it says the same");
        fault
    };
    for more in 0..=0x12 {
        assert_eq!(fault(&p_plus(more)), Some(KeyFault::NotCanonical), "p + {more}");
    }
    let mut high_bit = BASE_POINT;
    high_bit[31] |= 0x80;
    assert_eq!(fault(&high_bit), Some(KeyFault::NotCanonical));
    for point in EIGHT_TORSION {
        assert_eq!(fault(&u(&point)), Some(KeyFault::SmallOrder));
    }
    // u = −1, and u = 2, are of the twist.
    let mut minus_one = p_plus(0);
    minus_one[0] -= 1;
    assert_eq!(fault(&minus_one), Some(KeyFault::NotOnCurve));
    let mut two = [0; 32];
    two[0] = 2;
    assert_eq!(fault(&two), Some(KeyFault::NotOnCurve));
    assert_eq!(fault(&BASE_POINT), None);
}

/// Of several bad keys the first is named, whatever is wrong with which.
#[test]
fn the_first_bad_key_of_a_list_is_named() {
    let mut two = [0; 32];
    two[0] = 2;
    let mut minus_one = p_plus(0);
    minus_one[0] -= 1;
    let bad = [
        (p_plus(1), KeyFault::NotCanonical),
        (two, KeyFault::NotOnCurve),
        (minus_one, KeyFault::NotOnCurve),
        (u(&EIGHT_TORSION[1]), KeyFault::SmallOrder),
        (u(&EIGHT_TORSION[0]), KeyFault::SmallOrder),
    ];
    for first in bad {
        for second in bad {
            for at in 0..3 {
                let mut list = vec![BASE_POINT; at];
                list.extend([first.0, BASE_POINT, second.0, BASE_POINT]);
                assert_eq!(IntKey::admit_all(&list).err(), Some((at, first.1)));
                assert_eq!(IntPoint::admit_all(&list).err(), Some((at, first.1)));
            }
        }
    }
    assert!(IntKey::admit_all([]).is_ok_and(|keys| keys.is_empty()));
    assert!(IntPoint::admit_all([]).is_ok_and(|keys| keys.is_empty()));
}

#[test]
fn signature_keys_that_are_not_admitted() {
    let fault = |octets: &[u8; 32]| IdentityKey::admit(octets).err();
    let honest = EdwardsPoint::mul_base_clamped([7; 32]);
    assert_eq!(fault(&honest.compress().to_bytes()), None);
    for point in EIGHT_TORSION {
        assert_eq!(fault(&point.compress().to_bytes()), Some(KeyFault::SmallOrder));
    }
    for point in &EIGHT_TORSION[1..] {
        let mixed = (honest + point).compress().to_bytes();
        assert!(ShapedKey::new(&mixed).is_ok(), "only the admission multiplies");
        assert_eq!(fault(&mixed), Some(KeyFault::Torsion));
    }
    for more in 0..=0x12 {
        let mut octets = p_plus(more);
        assert_eq!(fault(&octets), Some(KeyFault::NotCanonical));
        octets[31] |= 0x80;
        assert_eq!(fault(&octets), Some(KeyFault::NotCanonical));
    }
    let mut not_on_curve = [0; 32];
    not_on_curve[0] = 2;
    assert_eq!(fault(&not_on_curve), Some(KeyFault::NotOnCurve));
}

#[test]
fn what_is_reduced() {
    let mut octets = p_plus(0);
    assert!(!is_reduced(&octets));
    octets[0] -= 1;
    assert!(is_reduced(&octets), "p − 1");
    assert!(is_reduced(&[0; 32]));
    octets = p_plus(0x12);
    octets[17] = 0xfe;
    assert!(is_reduced(&octets));
}

#[test]
fn a_secret_of_zero_is_refused() {
    // Admission keeps such points out; should it ever fail to, this is the second line.
    let zero = IntKey::admit_unchecked_for_tests(&[0; 32]);
    let own = Contribution::from_octets(&[9; 32]);
    assert!(agreement::group_key(&own, &zero).is_err());
    let zero = IntPoint::admit_unchecked_for_tests(&[0; 32]);
    let base = IntPoint::admit_all([&BASE_POINT]).unwrap()[0];
    assert!(agreement::upflow(&own, &[zero, base]).is_err());
    assert!(agreement::downflow(&own, &[zero, base]).is_err());
    assert!(agreement::upflow(&own, &[]).is_err());
}

/// So long that they are shared out to all processors, where the feature `parallel` is on.
#[test]
fn long_lists_are_what_the_ladder_makes_of_each_key_in_order() {
    let draw = [9; 32];
    let own = Contribution::from_octets(&draw);
    let list: Vec<[u8; 32]> = (1..=70_u8)
        .map(|number| MontgomeryPoint::mul_base_clamped([number; 32]).to_bytes())
        .collect();
    let [others @ .., cardinal] = &list[..] else { panic!("there are seventy") };
    let by_ladder = |keys: &[[u8; 32]]| -> Vec<[u8; 32]> {
        keys.iter().map(|key| MontgomeryPoint(*key).mul_clamped(draw).to_bytes()).collect()
    };
    let points = IntPoint::admit_all(&list).unwrap();
    let mut expected = by_ladder(others);
    expected.push(*cardinal);
    assert_eq!(agreement::downflow(&own, &points).unwrap(), expected);
    expected.extend(by_ladder(&[*cardinal]));
    assert_eq!(agreement::upflow(&own, &points).unwrap(), expected);
    let keys: Vec<IntKey> = list.iter().map(key).collect();
    let mut expected = by_ladder(&list);
    expected[3] = list[3];
    assert_eq!(agreement::renew(&own, 3, keys.iter()).unwrap(), expected);
}

/// Every kind of point of the curve: all eight cosets of the subgroup of prime order.
fn any_point() -> impl Strategy<Value = EdwardsPoint> {
    (any::<[u8; 32]>(), 0..8_usize)
        .prop_map(|(octets, torsion)| {
            EdwardsPoint::mul_base_clamped(octets) + EIGHT_TORSION[torsion]
        })
        .prop_filter("small order", |point| !point.is_small_order())
}

proptest! {
    #[test]
    fn condensed_is_chained(
        point in any_point(),
        draws in prop::collection::vec(any::<[u8; 32]>(), 1..6),
    ) {
        let chained = draws.iter().fold(point.to_montgomery(), |point, draw| {
            point.mul_clamped(*draw)
        });
        let own = condensed(&draws);
        prop_assert_eq!(u(&own.apply(&point)), chained.to_bytes());
        // Over the list, batched; and from the octets, whichever of the two points they give.
        let listed = agreement::renew(&own, 1, [key(&u(&point)), key(&BASE_POINT)].iter()).unwrap();
        prop_assert_eq!(listed, [chained.to_bytes(), BASE_POINT]);
    }

    /// Admitted together they are the points that each is alone, by arithmetic that is not ours.
    #[test]
    fn lists_are_admitted_as_their_keys_are(draws in proptest::collection::vec(any::<[u8; 32]>(), 0..20)) {
        let list: Vec<[u8; 32]> =
            draws.into_iter().map(|draw| MontgomeryPoint::mul_base_clamped(draw).to_bytes()).collect();
        let keys = IntKey::admit_all(&list).unwrap();
        prop_assert_eq!(keys.len(), list.len());
        for ((key, point), octets) in keys.iter().zip(IntKey::points(&keys).unwrap()).zip(list.clone()) {
            prop_assert_eq!(key.octets(), &octets);
            prop_assert_eq!(Some(point), MontgomeryPoint(octets).to_edwards(0));
        }
        let points = IntPoint::admit_all(&list).unwrap();
        prop_assert_eq!(points.len(), list.len());
        for (key, octets) in points.iter().zip(list) {
            prop_assert_eq!(key.octets(), &octets);
            prop_assert_eq!(Some(*key.point()), MontgomeryPoint(octets).to_edwards(0));
        }
    }

    #[test]
    fn edwards_is_the_ladder_and_the_twist_is_refused(octets in any::<[u8; 32]>(), draw in any::<[u8; 32]>()) {
        let mut octets = octets;
        octets[31] &= 0x7f;
        let montgomery = MontgomeryPoint(octets);
        match IntKey::admit(&octets) {
            Ok(key) => {
                prop_assert!(IntPoint::admit_all([&octets]).is_ok());
                prop_assert_eq!(key.octets(), &octets);
                let own = Contribution::from_octets(&draw);
                let ladder = montgomery.mul_clamped(draw).to_bytes();
                let point = IntKey::points([&key]).unwrap()[0];
                prop_assert_eq!(u(&own.apply(&point)), ladder);
            }
            Err(fault) => {
                prop_assert_eq!(fault, KeyFault::NotOnCurve);
                prop_assert_eq!(IntPoint::admit_all([&octets]).err(), Some((0, fault)));
                prop_assert!(montgomery.to_edwards(0).is_none());
            }
        }
    }
}

/// A greeter for a member whose identity seed is made of their name, and who knows both.
fn greeter(name: &str) -> CliquesGreeter {
    let identity = |name: &str| LocalIdentity::from_seed(&[name.as_bytes()[0]; 32]);
    let id = |name| MemberId::new(Dialect::DOCUMENT, name).unwrap();
    let known = ["ann", "ben"].map(|name| (id(name), identity(name).public_key()));
    let known = Arc::new(BTreeMap::from(known));
    CliquesGreeter::new(Dialect::DOCUMENT, id(name), identity(name).into_signer(), known)
}

#[test]
fn what_an_unconfirmed_key_signed_completes_nothing() {
    // No packet can bring this about: every list must repeat the keys that packets were verified
    // with. So the state itself is bent.
    let mut rng = rand_chacha::ChaCha20Rng::from_seed([3; 32]);
    let (ann, ben) = (greeter("ann"), greeter("ben"));
    let order = OrderRefs { prev_pf: [0; 32], chain_hash: [0; 32], latest_pm: Vec::new() };
    let (first, second) = (ann.own_id().clone(), ben.own_id().clone());
    let targets = [second.clone()];
    let proposal = ann.propose(&mut rng, Change::Include(&targets), order).unwrap();
    let mut buffers = [const { Vec::new() }; 3];
    let [initial, downflow, confirm] = &mut buffers;
    let initial = greeting_packet(&proposal.packet, initial);
    let checked = ann.check_initial(&first, &initial).unwrap();
    let (mut at_ann, _) = ann.start(&mut rng, [0; 32], checked, Some(proposal.draft)).unwrap();
    let checked = ben.check_initial(&first, &initial).unwrap();
    let (_, step) = ben.start(&mut rng, [0; 32], checked, None).unwrap();
    let downflow = greeting_packet(&step.send[0], downflow);
    let checked = at_ann.check(&second, &downflow).unwrap();
    let step = at_ann.apply(&mut rng, checked).unwrap();
    let confirm = greeting_packet(&step.send[0], confirm);
    assert_eq!(at_ann.check(&first, &confirm).unwrap().stage, Stage::Final);

    for at in 0..2 {
        let mut bent = at_ann.clone();
        bent.course.signers[at].1[0] ^= 1;
        let refused = bent.check(&first, &confirm).unwrap_err();
        let member = [&first, &second][at].clone();
        assert_eq!(refused.check, Check::SignerNotAuthenticated(member));
    }
}

fn greeting_packet<'a>(text: &'a str, buffer: &'a mut Vec<u8>) -> GreetingPacket<'a> {
    let contents = mpenc_wire::unarmor(text, buffer).unwrap();
    match Packet::decode(Dialect::DOCUMENT, contents) {
        Ok(Packet::Greeting(packet)) => packet,
        other => panic!("{other:?}"),
    }
}

#[test]
fn secrets_show_their_type_only() {
    let own = Contribution::from_octets(&[7; 32]);
    insta::assert_snapshot!(format!("{own:?}"), @"Contribution");
    let key = agreement::derive(&[7; 32]).unwrap();
    insta::assert_snapshot!(format!("{key:?}"), @"GroupKey");
}

/// That a greeting is dropped, because its operation failed or another candidate completed, is all
/// that it takes to wipe what was drawn for it.
#[test]
fn secrets_are_wiped_on_drop() {
    const fn wiped<T: ZeroizeOnDrop>() {}
    wiped::<Contribution>();
    wiped::<ed25519_dalek::SigningKey>();
    wiped::<Own>();
    wiped::<GroupKey>();
}

#[test]
fn shifted_members_give_the_same_session_id() {
    // Which is why everything else binds the list of members as well (attack 40).
    let id = |name| MemberId::new(Dialect::DOCUMENT, name).unwrap();
    let nonces = [[1; 32], [2; 32]];
    let one = aske::session_id([id("ab"), id("c")].iter().zip(&nonces));
    let other = aske::session_id([id("a"), id("bc")].iter().zip(&nonces));
    assert_eq!(one, other);
}
