//! Keys that are used twice, or are not the same for all: rows 72 and 81.

use std::collections::BTreeSet;

use mpenc::{Dialect, MemberId};
use mpenc_greet::Check;
use mpenc_session::{
    ApiMisuse, ChannelAction, Ctx, Event, Fault, Membership, Output, Outputs, Severity, State,
};
use mpenc_wire::{GreetingFields, MetadataFields, Packet, unarmor};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;

use super::{all_is_well, at_rest, keys, refused, settle, texts};
use crate::group::{Group, id};

const NAMES: [&str; 4] = ["a", "b", "c", "m"];

/// What a copy of a session sends when its user does something; the session does not know of it.
pub(super) fn copy_sends<R>(
    group: &Group,
    name: &str,
    act: impl FnOnce(
        &mut mpenc::Session<crate::tap::Wiretapped>,
        &mut Ctx<'_>,
        &mut Outputs,
    ) -> Result<R, ApiMisuse>,
) -> String {
    let mut copy = group.session(name).clone();
    let mut rng = ChaCha20Rng::seed_from_u64(72);
    let mut out = Outputs::new();
    act(&mut copy, &mut Ctx::new(group.sim.now(), &mut rng), &mut out).unwrap();
    let packet = out.drain().find_map(|output| match output {
        Output::Channel(ChannelAction::Send { packet }) => Some(packet),
        _ => None,
    });
    packet.unwrap()
}

fn iv(packet: &str) -> Option<[u8; 12]> {
    let mut contents = Vec::new();
    let contents = unarmor(packet, &mut contents).unwrap();
    match Packet::decode(Dialect::DOCUMENT, contents) {
        Ok(Packet::Data(data)) => Some(*data.iv),
        _ => None,
    }
}

/// ATTACKS 72, "random IVs": each packet has its own, whoever writes it, be it the same text again.
#[test]
fn attack_72_every_packet_has_an_iv_of_its_own() {
    let mut group = at_rest(672, &NAMES);
    let mut packets = Vec::new();
    group.sim.record();
    for round in 0..30 {
        for name in NAMES {
            group.send(name, "the same again");
        }
        group.run(1);
        if round % 10 == 0 {
            group.propose("a", Membership::Refresh).unwrap();
            group.run(2);
        }
    }
    group.run(100);
    for record in group.sim.take_records() {
        if let mpenc_sim::What::Asked(ChannelAction::Send { packet }) = record.what {
            packets.push(packet);
        }
    }
    // What was sent again is the same packet.
    let packets: BTreeSet<String> = packets.into_iter().collect();
    let ivs: Vec<_> = packets.iter().filter_map(|packet| iv(packet)).collect();
    assert!(ivs.len() > 120, "only {}", ivs.len());
    assert_eq!(ivs.iter().collect::<BTreeSet<_>>().len(), ivs.len());
}

/// ATTACKS 72, "restoring old sessions is not supported": a second copy of a session (a restored
/// snapshot, a cloned machine, a second tab) writes under IVs of its own, and is found out as soon as
/// both have written.
#[test]
fn attack_72_a_restored_copy_is_found_out() {
    let mut group = at_rest(673, &NAMES);
    let theirs = copy_sends(&group, "m", |copy, cx, out| copy.send(cx, "from the backup", out));
    group.asked("m");
    group.send("m", "from the original");
    let own = group.packets("m").remove(0);
    assert_ne!(iv(&own), iv(&theirs));
    group.run(1);
    group.sim.inject(group.node("m"), &theirs);
    group.run(1);
    // The original is told as well: it may not know that there is a copy.
    for name in NAMES {
        let events = group.events(name);
        let forked = events
            .iter()
            .any(|event| matches!(event, Event::Forked { author, .. } if *author == id("m")));
        assert!(forked, "{name}: {events:?}");
        assert_eq!(texts(&group, name), ["from the original"]);
    }
    group.exclude("a", &["m"]);
    group.run(120);
    all_is_well(&mut group, &["a", "b", "c"]);
}

/// A refresh by m in which `victim` has the intermediate key that `instead` makes of the honest ones;
/// signed as it should be.
fn poisoned_refresh(
    group: &Group,
    victim: &str,
    instead: impl FnOnce(&[[u8; 32]]) -> [u8; 32],
) -> String {
    let honest = copy_sends(group, "m", |copy, cx, out| copy.propose(cx, Membership::Refresh, out));
    let mut contents = Vec::new();
    let contents = unarmor(&honest, &mut contents).unwrap();
    let Ok(Packet::Greeting(packet)) = Packet::decode(Dialect::DOCUMENT, contents) else {
        panic!("a refresh is a greeting packet");
    };
    let members: Vec<MemberId> = packet.members.iter().map(|member| member.to_owned()).collect();
    let mut int_keys: Vec<[u8; 32]> = packet.int_keys.iter().copied().collect();
    let place = members.iter().position(|member| *member == id(victim)).unwrap();
    int_keys[place] = instead(&int_keys);
    let metadata = packet.metadata.unwrap();
    let latest_pm: Vec<_> = metadata.latest_pm.iter().collect();
    let fields = GreetingFields {
        greet_type: packet.greet_type,
        source: &id("m"),
        dest: None,
        members: &members,
        int_keys: &int_keys,
        nonces: &[],
        pub_keys: &[],
        metadata: Some(MetadataFields {
            prev_pf: metadata.prev_pf,
            chain_hash: metadata.chain_hash,
            latest_pm: &latest_pm,
        }),
        session_signature: None,
    };
    let unsigned = fields.encode(Dialect::DOCUMENT).unwrap();
    let signature = keys("m").sign_greeting(unsigned.signed());
    unsigned.finish(&signature)
}

/// ATTACKS 81, "verify failure across split + ack timeouts": all the keys are good ones, so all take
/// the refresh; b has another group key than a and c. `NotDecrypted` and `NotFullyAcked` on both sides;
/// whoever is excluded and included again has the group's key.
#[test]
fn attack_81_a_refresh_that_gives_members_different_keys() {
    let mut group = at_rest(681, &NAMES);
    assert_eq!(group.session("m").members()[2], id("c"));
    let poisoned = poisoned_refresh(&group, "b", |keys| keys[2]);
    group.sim.inject(group.node("m"), &poisoned);
    group.run(2);
    group.sim.freeze(group.node("m"));
    for name in ["a", "b", "c"] {
        let events = group.events(name);
        let renewed = events
            .iter()
            .any(|event| matches!(event, Event::Members { author, .. } if *author == id("m")));
        assert!(renewed, "{name}: {events:?}");
    }
    let from_a = group.send("a", "can you hear me?");
    let from_b = group.send("b", "can you?");
    group.run(120);
    assert_eq!(texts(&group, "c"), ["can you hear me?"]);
    for (name, own, lost) in [("a", from_a, "b"), ("b", from_b, "a"), ("c", from_a, "b")] {
        let events = group.events(name);
        let undecrypted = events.iter().any(
            |event| matches!(event, Event::NotDecrypted { sender, .. } if *sender == id(lost)),
        );
        assert!(undecrypted, "{name}: {events:?}");
        let missing = events.iter().find_map(|event| match event {
            Event::NotFullyAcked { id, missing } if *id == own => Some(missing),
            _ => None,
        });
        assert!(missing.is_some_and(|missing| missing.contains(&id(lost))), "{name}: {events:?}");
        assert!(!events.contains(&Event::FullyAcked(own)), "{name}: {events:?}");
        assert!(events.iter().all(|event| event.severity() < Severity::Security), "{events:?}");
    }

    group.exclude("a", &["b", "m"]);
    group.run(200);
    assert_eq!(group.session("b").state(), State::Outside);
    group.run(20);
    group.join("b");
    group.include("a", &["b"]);
    group.run(2);
    settle(&mut group, &["a", "b", "c"]);
    all_is_well(&mut group, &["a", "b", "c"]);
}

/// ATTACKS 81: a key that is no good is refused by all alike, whoever it is for: it splits nobody.
#[test]
fn attack_81_a_refresh_with_a_bad_key_splits_nobody() {
    let mut group = at_rest(682, &NAMES);
    let small_order = [0; 32];
    let not_canonical = [0xff; 32];
    for bad in [small_order, not_canonical] {
        let poisoned = poisoned_refresh(&group, "b", |_| bad);
        for name in ["a", "b", "c"] {
            let events = refused(&mut group, name, "m", &poisoned);
            let [Event::Refused { fault: Fault::Greeting(refused), .. }] = &events[..] else {
                panic!("{name}: {events:?}");
            };
            assert!(matches!(refused.check, Check::IntKey { .. }), "{name}: {refused:?}");
        }
    }
    group.propose("m", Membership::Refresh).unwrap();
    group.run(2);
    all_is_well(&mut group, &NAMES);
}

/// ATTACKS 72, again: a copy writes while the original does not. Nobody else can tell; the original
/// can, shows what everybody sees, and writes nothing any more.
#[test]
fn attack_72_what_a_copy_writes_alarms_the_original() {
    let mut group = at_rest(674, &NAMES);
    let theirs = copy_sends(&group, "m", |copy, cx, out| copy.send(cx, "from the backup", out));
    group.sim.inject(group.node("m"), &theirs);
    group.run(60);
    for name in ["a", "b", "c"] {
        assert_eq!(texts(&group, name), ["from the backup"]);
        let alarmed = group.events(name).iter().any(|event| event.severity() == Severity::Security);
        assert!(!alarmed, "{name}");
    }
    assert_eq!(texts(&group, "m"), ["from the backup"]);
    let alarm = Event::PeerMisbehaved { member: id("m"), fault: Fault::InOurName };
    assert_eq!(group.events("m").iter().filter(|event| **event == alarm).count(), 1);
    let node = group.node("m");
    let refused = group.sim.act(node, |session, cx, out| session.send(cx, "and from me", out));
    assert_eq!(refused, Err(ApiMisuse::Forked(id("m"))));
    // With new keys all is well again.
    group.exclude("a", &["m"]);
    group.run(120);
    all_is_well(&mut group, &["a", "b", "c"]);
}

/// ATTACKS 72 and 69: the copy even says that it writes no more. That must not trip up the original.
#[test]
fn attack_72_a_copy_that_parts_does_not_break_the_original() {
    let mut group = at_rest(675, &NAMES);
    let theirs = copy_sends(&group, "m", |copy, cx, out| copy.part(cx, out));
    group.sim.inject(group.node("m"), &theirs);
    group.run(1);
    let alarm = Event::PeerMisbehaved { member: id("m"), fault: Fault::InOurName };
    assert!(group.events("m").contains(&alarm));
    let node = group.node("m");
    let refused = group.sim.act(node, |session, cx, out| session.send(cx, "and from me", out));
    assert_eq!(refused, Err(ApiMisuse::Parting));
    group.propose("a", Membership::Refresh).unwrap();
    group.run(60);
    let events = group.events("m");
    assert!(!events.iter().any(|event| matches!(event, Event::Internal(_))), "{events:?}");
    assert_ne!(group.session("m").state(), State::Outside);
}
