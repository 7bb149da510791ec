//! Recordings of the protocol's first implementation: its members' packets, byte for byte.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use mpenc_greet::{
    Change, Check, CliquesGreeter, Greeter, Greeting, Identities, LocalIdentity, OrderRefs,
};
use mpenc_wire::{Dialect, GreetOperation, GreetingPacket, MemberId, Packet, unarmor};
use serde_json::Value;

use crate::crowd::{Crowd, Person};
use crate::draws::Draws;
use crate::histories::{list, octets, text, vectors};

const DIALECT: Dialect = Dialect::MPENC_JS;

fn id(value: &Value) -> MemberId {
    MemberId::new(DIALECT, text(value)).expect("a member id")
}

fn people(recording: &Value) -> Crowd<Draws> {
    let members = recording["members"].as_object().expect("members");
    let known: BTreeMap<MemberId, [u8; 32]> = members
        .iter()
        .map(|(name, keys)| {
            (MemberId::new(DIALECT, name).unwrap(), octets(&keys["static_pub_hex"]))
        })
        .collect();
    let known: Arc<dyn Identities + Send + Sync> = Arc::new(known);
    let people = members.iter().map(|(name, keys)| {
        let own = MemberId::new(DIALECT, name).unwrap();
        let signer = LocalIdentity::from_seed(&octets(&keys["static_seed_hex"])).into_signer();
        let greeter = CliquesGreeter::new(DIALECT, own.clone(), signer, known.clone());
        let draws = recording["random"][name].as_array().into_iter().flatten();
        let draws = draws
            .filter(|draw| {
                ["x25519_private", "ske_nonce", "ephemeral_sign_seed"]
                    .contains(&text(&draw["what"]))
            })
            .map(|draw| hex::decode(text(&draw["hex"])).unwrap());
        (own, Person::new(greeter, Draws::new(draws)))
    });
    Crowd { dialect: DIALECT, people: people.collect() }
}

/// Makes the author propose what the recorded initial packet proposes.
fn propose(person: &mut Person<Draws>, packet: &GreetingPacket<'_>) {
    let target: Vec<MemberId> = packet.members.iter().map(|id| id.to_owned()).collect();
    let current = person.greeter.members().to_vec();
    let without = |all: &[MemberId], others: &[MemberId]| -> Vec<MemberId> {
        all.iter().filter(|id| !others.contains(id)).cloned().collect()
    };
    let (added, removed) = (without(&target, &current), without(&current, &target));
    let change = match packet.greet_type.operation() {
        Some(GreetOperation::Refresh) => Change::Refresh,
        Some(GreetOperation::Exclude) => Change::Exclude(&removed),
        _ => Change::Include(&added),
    };
    let metadata = packet.metadata.expect("an initial packet");
    let order = OrderRefs {
        prev_pf: *metadata.prev_pf,
        chain_hash: *metadata.chain_hash,
        latest_pm: metadata.latest_pm.iter().collect(),
    };
    person.propose(change, order);
}

fn replay(file: &str) {
    let recording = vectors(file);
    assert_eq!(recording["strict"], true);
    let mut crowd = people(&recording);
    let mut reached = BTreeSet::new();
    for event in list(&recording["channel"]) {
        if event["kind"] != "packet" {
            for leaver in event["leave"].as_array().into_iter().flatten().map(id) {
                crowd.people.get_mut(&leaver).unwrap().leave();
                for person in crowd.people.values_mut() {
                    // A target member who leaves makes the operation fail.
                    let greeting = person.greeting.as_ref().map(Greeting::initial);
                    if greeting.is_some_and(|initial| initial.members.contains(&leaver)) {
                        person.end();
                    }
                }
            }
            continue;
        }
        let (sender, packet_text) = (id(&event["sender"]), text(&event["packet"]));
        let mut buffer = Vec::new();
        let contents = unarmor(packet_text, &mut buffer).expect("armor");
        let Packet::Greeting(packet) = Packet::decode(DIALECT, contents).expect("a packet") else {
            continue;
        };
        let author = crowd.people.get_mut(&sender).unwrap();
        let loses = packet.metadata.is_some() && author.greeting.is_some();
        if packet.metadata.is_some() {
            let (draft, before) = (author.draft.take(), author.outbox.len());
            propose(author, &packet);
            let ours = author.outbox.remove(before).unwrap();
            assert_eq!(ours, packet_text, "{sender} proposes");
            if loses {
                author.draft = draft;
            }
        } else if author.greeting.is_none() {
            // Sent before a leaver ended the operation, and ordered after.
            continue;
        } else {
            let ours = author.outbox.pop_front();
            assert_eq!(ours.as_deref(), Some(packet_text), "{sender} sends");
        }
        let concerned: BTreeSet<MemberId> = packet
            .members
            .iter()
            .map(|id| id.to_owned())
            .chain(crowd.people[&sender].greeter.members().iter().cloned())
            .collect();
        for (member, person) in &mut crowd.people {
            if loses && person.greeting.is_none() {
                // Whether an outsider follows it is for the server order to say: it does not.
                continue;
            }
            let result = person.receive(&sender, packet_text);
            if loses {
                let refused = result.expect_err("another proposal came first");
                assert_eq!(refused.check, Check::InitialInside);
            } else if concerned.contains(member) {
                result.unwrap_or_else(|refused| panic!("{member}: {refused}"));
            }
        }
        for person in crowd.people.values() {
            if let Some(number) = find_subsession(&recording, person) {
                reached.insert(number);
            }
        }
    }
    assert_eq!(reached.len(), list(&recording["subsessions"]).len(), "sub-sessions reached");
    for (member, person) in &crowd.people {
        assert_eq!(person.rng.left(), 0, "draws that {member} did not take");
    }
}

/// Which of the recorded sub-sessions a member is in: all its values are the recorded ones.
fn find_subsession(recording: &Value, person: &Person<Draws>) -> Option<usize> {
    let keys = person.keys.as_ref()?;
    let all = list(&recording["subsessions"]);
    let number = all
        .iter()
        .position(|subsession| *keys.group_key() == octets(&subsession["group_key"]))
        .expect("a group key that was never recorded");
    let recorded = &all[number];
    assert_eq!(*keys.session_id(), octets(&recorded["session_id"]));
    let agreed: Vec<_> = person.greeter.agreed().collect();
    assert_eq!(agreed.len(), list(&recorded["members"]).len());
    for (place, member) in agreed.iter().enumerate() {
        assert_eq!(*member.id, id(&recorded["members"][place]));
        assert_eq!(*member.int_key, octets(&recorded["int_keys"][place]));
        assert_eq!(*member.nonce, octets(&recorded["nonces"][place]));
        assert_eq!(*member.ephemeral_key, octets(&recorded["ephemeral_pub_keys"][place]));
    }
    Some(number)
}

#[test]
fn s01_two_members() {
    replay("s01.json");
}

#[test]
fn s02_three_members() {
    replay("s02.json");
}

#[test]
fn s03_every_operation() {
    replay("s03.json");
}

#[test]
fn s04_concurrent_proposals() {
    replay("s04.json");
}

#[test]
fn s06_who_enters_in_between() {
    replay("s06.json");
}

#[test]
fn s08_sixteen_members() {
    replay("s08.json");
}

#[test]
fn s09_down_to_one_and_back() {
    replay("s09.json");
}

#[test]
fn r026_and_r027_random_operations() {
    // The other random ones have proposals that the server orders so late that a session must
    // judge them, with the server order.
    replay("r026.json");
    replay("r027.json");
}
