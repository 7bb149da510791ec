//! Membership operations among members of whom one is malicious: changes packets and signs them
//! again with their own key, sends old ones, and lets others get lost.

use mpenc_greet::{Change, Greeter, Greeting};
use mpenc_wire::{Dialect, MemberId, Packet, RecordType, armor, records, unarmor};
use rand_chacha::ChaCha20Rng;

use crate::input::Input;
use crowd::{Crowd, Person, order};

#[path = "../../mpenc-greet/tests/it/crowd.rs"]
#[expect(dead_code, reason = "shared with the tests of mpenc-greet")]
mod crowd;

const NAMES: [&str; 4] = ["ann", "ben", "mal", "new"];
const MALICIOUS: &str = "mal";
const STEPS: usize = 60;

type People = std::collections::BTreeMap<MemberId, Person<ChaCha20Rng>>;

thread_local! {
    static PEOPLE: People = Crowd::established(Dialect::DOCUMENT, &NAMES, 3).people;
}

pub(crate) fn run(input: &[u8]) {
    let mut input = Input::new(input);
    let mut crowd = Crowd { dialect: Dialect::DOCUMENT, people: PEOPLE.with(Clone::clone) };
    let mut history: Vec<(MemberId, String)> = Vec::new();
    for _ in 0..STEPS {
        if input.is_empty() {
            break;
        }
        match input.below(8) {
            0 => propose(&mut input, &mut crowd),
            1..5 => {
                let Some((sender, packet)) = crowd.next_packet() else { continue };
                deliver(&mut crowd, &sender, &packet);
                history.push((sender, packet));
            }
            5 => {
                let Some((sender, packet)) = crowd.next_packet() else { continue };
                if sender == crowd.id(MALICIOUS)
                    && let Some(changed) = change(&mut input, crowd.person(MALICIOUS), &packet)
                {
                    deliver(&mut crowd, &sender, &changed);
                }
            }
            6 if !history.is_empty() => {
                let (sender, packet) = history[input.below(history.len())].clone();
                deliver(&mut crowd, &sender, &packet);
            }
            _ => crowd.people.values_mut().for_each(Person::end),
        }
        check(&crowd);
    }
}

fn propose(input: &mut Input<'_>, crowd: &mut Crowd) {
    let by = NAMES[input.below(NAMES.len())];
    let whom = [crowd.id(NAMES[input.below(NAMES.len())])];
    let change = match input.below(3) {
        0 => Change::Include(&whom),
        1 => Change::Exclude(&whom),
        _ => Change::Refresh,
    };
    let person = crowd.person(by);
    if person.greeting.is_none() && person.greeter.check_change(change).is_ok() {
        person.propose(change, order());
    }
}

/// To all; what they refuse must change nothing.
fn deliver(crowd: &mut Crowd, sender: &MemberId, text: &str) {
    let mut contents = Vec::new();
    let decoded = unarmor(text, &mut contents)
        .and_then(|contents| Packet::decode(Dialect::DOCUMENT, contents));
    let initial = match decoded {
        Ok(Packet::Greeting(greeting)) => greeting.metadata.is_some(),
        Ok(Packet::Abort(_)) => false,
        _ => return,
    };
    for (id, person) in &mut crowd.people {
        // That nobody starts their own operation twice is the server order's affair.
        let ours = person.draft.as_ref().is_some_and(|(packet, _)| packet == text);
        if initial && person.greeting.is_none() && id == sender && !ours {
            continue;
        }
        let before = state(person);
        if person.receive(sender, text).is_err() {
            assert_eq!(state(person), before, "{id}");
        }
    }
}

/// What can be seen of a member's state.
fn state(person: &Person<ChaCha20Rng>) -> String {
    let running = person.greeting.as_ref();
    let running = running.map(|greeting| (greeting.initial().clone(), greeting.progress()));
    let keys = person.keys.as_ref().map(|keys| (*keys.session_id(), *keys.group_key()));
    format!("{:?}", (running, keys, person.greeter.members(), person.outbox.len()))
}

/// Honest members with the same session id have the same members, in the same order, with the same
/// keys to verify them by. (The group key may be spoilt by the malicious one: then they cannot read
/// each other, which they notice.)
fn check(crowd: &Crowd) {
    let honest: Vec<_> = crowd
        .people
        .iter()
        .filter(|(id, _)| **id != crowd.id(MALICIOUS))
        .filter_map(|(_, person)| person.keys.as_ref())
        .collect();
    for one in &honest {
        for other in &honest {
            if one.session_id() == other.session_id() {
                assert_eq!(one.members(), other.members());
            }
        }
    }
}

/// A packet with one record changed, and signed again with the key of its author.
fn change(input: &mut Input<'_>, by: &Person<ChaCha20Rng>, packet: &str) -> Option<String> {
    const SIGNATURE: usize = 68;
    let mut contents = Vec::new();
    let signed = unarmor(packet, &mut contents).ok()?.get(SIGNATURE..)?;
    let all: Result<Vec<_>, _> =
        records(signed).map(|r| r.map(|r| (r.kind, r.value.to_vec()))).collect();
    let mut all = all.ok()?;
    let at = input.below(all.len());
    match input.below(6) {
        0 => {
            all.remove(at);
        }
        1 => {
            let again = all[at].clone();
            all.insert(at, again);
        }
        2 => {
            let other = input.below(all.len());
            all.swap(at, other);
        }
        3 => {
            let other = input.below(all.len());
            all[at].1 = all[other].1.clone();
        }
        4 => all[at].1.iter_mut().for_each(|octet| *octet = 0),
        _ => {
            let place = input.number() % all[at].1.len().max(1);
            *all[at].1.get_mut(place)? ^= input.octet();
        }
    }
    let mut octets = Vec::new();
    for (kind, value) in &all {
        octets.extend(kind.0.to_be_bytes());
        octets.extend(u16::try_from(value.len()).unwrap().to_be_bytes());
        octets.extend(value);
    }
    let keys = by.keys.as_ref()?;
    let signature = sign(keys.signing_key(), &[b"greetmsgsig", &octets[..]].concat());
    let head = [&RecordType::MESSAGE_SIGNATURE.0.to_be_bytes()[..], &[0, 64]].concat();
    Some(armor(&[&head[..], &signature, &octets].concat()))
}

fn sign(key: &ed25519_dalek::SigningKey, message: &[u8]) -> [u8; 64] {
    use ed25519_dalek::Signer as _;
    key.sign(message).to_bytes()
}
