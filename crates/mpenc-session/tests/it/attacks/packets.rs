//! Packets that are not what they should be, or not by whom: rows 17 to 19, 26, 29, 50, 57 to 59.

use mpenc::Dialect;
use mpenc_session::{Event, Fault, Membership, State};
use mpenc_wire::{MalformedKind, Packet, armor, resend, unarmor};

use super::keys::copy_sends;
use super::{all_is_well, at_rest, keys, refused, said, settle, show, texts};
use crate::group::{Group, id, ids};

const NAMES: [&str; 3] = ["a", "b", "m"];

/// The octets of a packet with something changed in them, as text.
fn changed(packet: &str, change: impl FnOnce(&mut Vec<u8>)) -> String {
    let mut contents = Vec::new();
    let mut octets = unarmor(packet, &mut contents).unwrap().to_vec();
    change(&mut octets);
    armor(&octets)
}

/// A packet that nothing opens is shown to nobody, and after a while it is told of, naming only whom
/// the channel names.
fn is_never_opened(group: &mut Group, by: &str, sender: &str, packet: &str) {
    let before = texts(group, by);
    show(group, by, sender, packet);
    group.run(60);
    let events = group.events(by);
    let held = events.iter().any(
        |event| matches!(event, Event::NotDecrypted { sender: named, .. } if *named == id(sender)),
    );
    assert!(held, "{by}: {events:?}");
    let accused = |event: &&Event| {
        matches!(event, Event::Forked { .. } | Event::PeerMisbehaved { .. } | Event::Refused { .. })
    };
    assert_eq!(events.iter().find(accused), None, "{by}");
    assert_eq!(texts(group, by), before, "{by}");
}

#[test]
fn attack_17_plain_text() {
    let mut group = at_rest(617, &NAMES);
    let told = refused(&mut group, "a", "m", "hello, I am the bank");
    assert_eq!(told, [Event::Plain { sender: id("m") }]);
    assert!(texts(&group, "a").is_empty());
    all_is_well(&mut group, &NAMES);
}

#[test]
fn attack_18_a_sender_who_is_not_there() {
    let mut group = at_rest(618, &NAMES);
    let packet = keys("m").text(&[], "from nowhere").packet;
    let told = refused(&mut group, "a", "z", &packet);
    let fault = Fault::SenderNotInChannel;
    assert_eq!(told, [Event::Refused { sender: id("z"), fault }]);
    all_is_well(&mut group, &NAMES);
}

#[test]
fn attack_19_a_message_in_anothers_name() {
    let mut group = at_rest(619, &NAMES);
    // Whoever has joined a moment ago hears much that is not for them, and is told nothing of it.
    group.run(60);
    let packet = keys("m").text(&[], "I am b").packet;
    is_never_opened(&mut group, "a", "b", &packet);
    all_is_well(&mut group, &NAMES);
}

/// S + ℓ verifies for whoever does not look: then one message would have two ids, and its author two
/// stories. No key can ever verify it, so it is told at once and not held for one that may come.
#[test]
fn attack_26_a_second_form_of_a_signature() {
    let mut group = Group::new(626, &["a", "b", "m", "outsider"]);
    group.establish(&NAMES);
    group.join("outsider");
    settle(&mut group, &NAMES);
    let (_, packet) = said(&mut group, "b", "once");
    group.run(60);
    let second = second_form(&packet);
    assert_ne!(second, packet);
    let resent = resend(&second, &id("b")).unwrap();
    for (name, sender, packet) in [("a", "b", &second), ("m", "b", &second), ("a", "m", &resent)] {
        let told = refused(&mut group, name, sender, packet);
        let fault = Fault::NotSigned;
        assert_eq!(told, [Event::Refused { sender: id(sender), fault }], "{name}");
        group.run(60);
        assert_eq!(group.events(name), [], "{name} holds nothing");
        assert_eq!(texts(&group, name), ["once"]);
    }
    assert_eq!(refused(&mut group, "outsider", "b", &second), [], "no data is for them");
    all_is_well(&mut group, &NAMES);
}

/// The packet with S + ℓ for S.
fn second_form(packet: &str) -> String {
    const ORDER: [u8; 32] = [
        0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde,
        0x14, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
    ];
    changed(packet, |octets| {
        let mut contents = Vec::new();
        let Ok(Packet::Data(data)) =
            Packet::decode(Dialect::DOCUMENT, unarmor(packet, &mut contents).unwrap())
        else {
            panic!("a data packet");
        };
        let signature = *data.signature;
        let at = octets.windows(64).position(|window| window == signature).unwrap() + 32;
        let mut carry = 0;
        for (octet, more) in octets[at..at + 32].iter_mut().zip(ORDER) {
            let sum = u16::from(*octet) + u16::from(more) + carry;
            *octet = sum.to_le_bytes()[0];
            carry = sum >> 8;
        }
        assert_eq!(carry, 0);
    })
}

/// The one who is to be included has gone in the meantime.
#[test]
fn attack_29_target_members_who_are_not_there() {
    let mut group = Group::new(629, &["a", "b", "m", "z"]);
    group.establish(&NAMES);
    group.join("z");
    group.run(100);
    let packet = copy_sends(&group, "m", |copy, cx, out| {
        copy.propose(cx, Membership::Include(&ids(&["z"])), out)
    });
    group.sim.kick(group.node("z"));
    group.run(10);
    for name in ["a", "b"] {
        assert_eq!(refused(&mut group, name, "m", &packet), [], "{name}: it is ignored");
    }
    all_is_well(&mut group, &NAMES);
}

#[test]
fn attack_50_removed_and_let_in_again() {
    let mut group = at_rest(650, &NAMES);
    said(&mut group, "a", "before");
    group.run(60);
    group.sim.kick(group.node("b"));
    group.run(1);
    assert!(group.events("b").contains(&Event::LeftChannel));
    assert_eq!(group.session("b").state(), State::Outside);
    assert_eq!(group.session("b").members(), ids(&["b"]), "all is forgotten");
    group.join("b");
    assert_eq!(group.session("b").state(), State::Waiting, "being let in makes nobody a member");
    group.run(120);
    group.assert_together(&["a", "m"]);
    // They were excluded, and are asked to come in again; a new operation authenticates them.
    if group.session("b").state() == State::Outside {
        group.join("b");
    }
    group.include("a", &["b"]);
    group.run(30);
    all_is_well(&mut group, &["a", "m", "b"]);
}

/// The hint is not signed. Our own packet with another one is not a second message of ours.
#[test]
fn attack_57_and_58_another_hint() {
    const HINT: usize = 4;
    let mut group = at_rest(657, &NAMES);
    let (_, packet) = said(&mut group, "b", "once");
    group.run(60);
    let other = changed(&packet, |octets| octets[HINT] ^= 0x55);
    for name in NAMES {
        group.events(name);
        is_never_opened(&mut group, name, "b", &other);
        assert_eq!(texts(&group, name), ["once"]);
    }
    all_is_well(&mut group, &NAMES);
}

#[test]
fn attack_59_another_version() {
    let mut group = at_rest(659, &NAMES);
    let data = keys("m").text(&[], "from the future").packet;
    let greeting =
        copy_sends(&group, "m", |copy, cx, out| copy.propose(cx, Membership::Refresh, out));
    // Behind the hint, where there is one, and the signature; the record's value is last.
    for (packet, at) in [(data, 5 + 68 + 4), (greeting, 68 + 4)] {
        let other = changed(&packet, |octets| octets[at + 1] ^= 0x40);
        let told = refused(&mut group, "a", "m", &other);
        let [Event::Refused { sender, fault: Fault::Malformed(fault) }] = told.as_slice() else {
            panic!("{told:?}");
        };
        assert_eq!(*sender, id("m"));
        let version =
            matches!(fault.kind, MalformedKind::Version | MalformedKind::OtherDialect { .. });
        assert!(version, "{fault:?}");
    }
    all_is_well(&mut group, &NAMES);
}
