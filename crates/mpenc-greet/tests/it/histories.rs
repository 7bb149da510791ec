//! The group histories of dialect Document: every packet byte for byte, every result.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use mpenc_greet::{
    Change, CliquesGreeter, Greeter, Greeting, Identities, LocalIdentity, OrderRefs,
};
use mpenc_wire::{Dialect, MemberId, MessageId};
use serde_json::Value;

use crate::crowd::{Crowd, Person};
use crate::draws::Draws;

const DIALECT: Dialect = Dialect::DOCUMENT;

pub fn vectors(file: &str) -> Value {
    let path = format!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../vectors/{}"), file);
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    serde_json::from_str(&text).expect("JSON")
}

pub fn text(value: &Value) -> &str {
    value.as_str().expect("a text")
}

pub fn list(value: &Value) -> &[Value] {
    value.as_array().expect("a list")
}

pub fn octets<const N: usize>(value: &Value) -> [u8; N] {
    hex::decode(text(value)).expect("hex").try_into().expect("length")
}

pub fn id(value: &Value) -> MemberId {
    MemberId::new(DIALECT, text(value)).expect("a member id")
}

/// The members of a history, each with its recorded draws.
pub fn people(history: &Value) -> Crowd<Draws> {
    let members = history["members"].as_object().expect("members");
    let known: BTreeMap<MemberId, [u8; 32]> = members
        .iter()
        .map(|(name, keys)| (MemberId::new(DIALECT, name).unwrap(), octets(&keys["identity_pub"])))
        .collect();
    let known: Arc<dyn Identities + Send + Sync> = Arc::new(known);
    let people = members.iter().map(|(name, keys)| {
        let own = MemberId::new(DIALECT, name).unwrap();
        let signer = LocalIdentity::from_seed(&octets(&keys["identity_seed"]));
        assert_eq!(signer.public_key(), known.identity_key(&own).unwrap());
        let greeter =
            CliquesGreeter::new(DIALECT, own.clone(), signer.into_signer(), known.clone());
        // The two others are drawn by the session and by message security.
        let draws = history["draws"][name].as_array().into_iter().flatten();
        let draws = draws
            .filter(|draw| !["prev_pf", "message_iv"].contains(&text(&draw[0])))
            .map(|draw| hex::decode(text(&draw[1])).unwrap());
        (own, Person::new(greeter, Draws::new(draws)))
    });
    Crowd { dialect: DIALECT, people: people.collect() }
}

pub fn order_of(step: &Value) -> OrderRefs {
    let latest_pm = list(&step["latest_pm"]);
    let latest_pm = latest_pm
        .iter()
        .map(|id| MessageId::from_bytes(DIALECT, &octets::<32>(id)).expect("a message id"));
    OrderRefs {
        prev_pf: octets(&step["prev_pf"]),
        chain_hash: octets(&step["prev_chain_hash"]),
        latest_pm: latest_pm.collect(),
    }
}

/// Who follows the operation that a step describes: those of M ∪ M′ who are in the channel.
pub fn concerned(crowd: &Crowd<Draws>, step: &Value) -> BTreeSet<MemberId> {
    let by = crowd.people[&id(&step["by"])].greeter.members().to_vec();
    let channel: BTreeSet<_> = list(&step["channel"]).iter().map(id).collect();
    let members = by.into_iter().chain(list(&step["targets"]).iter().map(id));
    members.filter(|member| channel.contains(member)).collect()
}

/// The proposal with which an operation begins.
pub fn begin(crowd: &mut Crowd<Draws>, step: &Value) {
    let targets: Vec<_> = list(&step["targets"]).iter().map(id).collect();
    let change = match text(&step["op"]) {
        "refresh" => Change::Refresh,
        "exclude" => Change::Exclude(&targets),
        _ => Change::Include(&targets),
    };
    crowd.people.get_mut(&id(&step["by"])).unwrap().propose(change, order_of(step));
}

/// Makes `sender` send the recorded packet, and nothing else, and hands it to everyone concerned.
pub fn follow(crowd: &mut Crowd<Draws>, concerned: &BTreeSet<MemberId>, packet: &Value) {
    if !["greeting", "abort"].contains(&text(&packet["type"])) {
        return;
    }
    let sender = id(&packet["sender"]);
    let recorded = text(&packet["packet"]);
    if packet["type"] == "abort" {
        let greeting = crowd.people[&sender].greeting.as_ref().unwrap();
        assert_eq!(greeting.encode_abort(text(&packet["reason"])).as_deref(), Some(recorded));
    } else {
        let author = crowd.people.get_mut(&sender).unwrap();
        assert_eq!(author.outbox.pop_front().as_deref(), Some(recorded), "{sender} sends");
    }
    for member in concerned {
        let person = crowd.people.get_mut(member).unwrap();
        if person.greeting.is_none() {
            person.initial_id = octets(&packet["packet_id"]);
        }
        person.receive(&sender, recorded).unwrap_or_else(|refused| panic!("{member}: {refused}"));
    }
}

/// The end of a step: what was agreed, or how it failed.
fn conclude(crowd: &mut Crowd<Draws>, before: &BTreeMap<MemberId, usize>, step: &Value) {
    let by = id(&step["by"]);
    match text(&step["outcome"]) {
        "completed" => {
            let result = &step["result"];
            let members: Vec<_> = list(&result["members"]).iter().map(id).collect();
            for member in before.keys() {
                let person = &crowd.people[member];
                assert_eq!(person.completed, before[member] + 1, "{member} completed it");
                assert!(person.greeting.is_none() && person.outbox.is_empty());
                if members.len() > 1 && members.contains(member) {
                    assert_agreed(person, member, &members, result);
                } else {
                    assert_eq!(person.greeter.members(), std::slice::from_ref(member));
                    assert!(person.keys.is_none() && person.greeter.keys().is_none());
                }
            }
            assert!(members.contains(&by));
        }
        outcome => {
            // Dropping the greeting wipes what was drawn for it.
            for member in before.keys() {
                let person = crowd.people.get_mut(member).unwrap();
                assert_eq!(person.completed, before[member], "{member} completed nothing");
                person.end();
            }
            if outcome == "left" {
                let leaver = id(&step["leave"]["leaver"]);
                crowd.people.get_mut(&leaver).unwrap().leave();
            } else {
                assert_eq!(outcome, "aborted");
            }
        }
    }
}

fn assert_agreed(person: &Person<Draws>, own: &MemberId, members: &[MemberId], result: &Value) {
    let keys = person.keys.as_ref().expect("keys");
    assert_eq!(keys.own_id(), own);
    assert_eq!(*keys.session_id(), octets::<32>(&result["sid"]));
    assert_eq!(*keys.group_key(), octets::<32>(&result["group_key"]));
    let agreed: Vec<_> = person.greeter.agreed().collect();
    assert_eq!(agreed.len(), members.len());
    for (place, member) in agreed.iter().enumerate() {
        assert_eq!(*member.id, members[place]);
        assert_eq!(*member.int_key, octets(&result["int_keys"][place]));
        assert_eq!(*member.nonce, octets(&result["nonces"][place]));
        assert_eq!(*member.ephemeral_key, octets(&result["ephemeral_pub_keys"][place]));
        assert_eq!(keys.members()[place].1.as_bytes(), member.ephemeral_key);
        if member.id == own {
            assert_eq!(keys.signing_key().verifying_key().as_bytes(), member.ephemeral_key);
        }
    }
}

/// Runs a history up to a packet; to its end, if there is none.
pub fn run(crowd: &mut Crowd<Draws>, history: &Value, until: Option<(usize, usize)>) {
    for (number, step) in list(&history["steps"]).iter().enumerate() {
        if until.is_some_and(|until| until.0 < number) {
            return;
        }
        if step["op"] == "messages" {
            continue;
        }
        let concerned = concerned(crowd, step);
        let before: BTreeMap<_, _> =
            concerned.iter().map(|id| (id.clone(), crowd.people[id].completed)).collect();
        begin(crowd, step);
        for (at, packet) in list(&step["packets"]).iter().enumerate() {
            if until == Some((number, at)) {
                return;
            }
            follow(crowd, &concerned, packet);
        }
        conclude(crowd, &before, step);
    }
}

fn replay(file: &str) {
    let history = vectors(file);
    let mut crowd = people(&history);
    run(&mut crowd, &history, None);
    for (member, person) in &crowd.people {
        assert_eq!(person.rng.left(), 0, "draws that {member} did not take");
    }
}

#[test]
fn two_members_refresh_exclude_to_one_and_establish_again() {
    replay("document/g01.json");
}

#[test]
fn include_exclude_refresh_among_four() {
    replay("document/g02.json");
}

#[test]
fn member_ids_outside_ascii() {
    replay("document/g03.json");
}

#[test]
fn random_operations_among_six_and_more() {
    replay("document/g04.json");
}

#[test]
fn fourteen_refreshes() {
    replay("document/g05.json");
}

#[test]
fn random_operations_among_twelve() {
    replay("document/g06.json");
}

#[test]
fn grow_to_twelve_shrink_to_one() {
    replay("document/g07.json");
}

#[test]
fn operations_that_fail_and_wipe() {
    replay("document/g08.json");
}
