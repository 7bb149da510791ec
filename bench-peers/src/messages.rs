//! Sending and receiving.

use bench_counts::ours::{DIALECT, MessageLayer, World};
use mpenc::wire::{Packet, unarmor};

use crate::Args;
use crate::contestant::{Contestant, Player};
use crate::floor::Floor;
use crate::megolm::Megolm;
use crate::mls::Members;
use crate::mls_rs;
use crate::openmls::OpenMls;
use crate::report::Report;
use crate::timing::{at_all_places, interleave};

const NAMES: [&str; 7] = [
    "floor",
    "message layer",
    "floor of a session",
    "whole session",
    "megolm",
    "mls-rs",
    "openmls",
];
const FLOOR: usize = 0;
const LAYER: usize = 1;
const SESSION_FLOOR: usize = 2;
const SESSION: usize = 3;
const MEGOLM: usize = 4;
const MLS_RS: usize = 5;
const OPENMLS: usize = 6;

pub fn measure(args: &Args, report: &mut Report) {
    for members in [2, 8, 32, 128] {
        if !args.members.is_empty() && !args.members.contains(&members) {
            continue;
        }
        for text in [100, 1024] {
            measure_group(rounds(args.rounds, members, text), members, text, report);
        }
    }
}

/// Fewer rounds where one takes long, and for texts that no mark is about.
fn rounds(rounds: usize, members: usize, text: usize) -> usize {
    let of_group = if members > 32 { rounds.div_ceil(2) } else { rounds };
    at_all_places(if text > 100 { of_group.div_ceil(2) } else { of_group })
}

fn measure_group(rounds: usize, members: usize, text: usize, report: &mut Report) {
    let mut layer = MessageLayer::new(members);
    let sample = layer.send(&"x".repeat(text));
    let mut world = World::established(members);
    // Whose history was confirmed says so no more, and all have written.
    for author in (1..members).chain(1..members) {
        let packet = world.write(author, "warm up");
        world.receive(author, &packet);
        let packet = world.send("warm up");
        world.deliver(&packet);
    }
    let packet = world.send(&"x".repeat(text));
    world.deliver(&packet);
    assert_eq!(payload(&sample), payload(&packet), "the layer's messages look like a session's");

    let mut floor = Player::new(Floor::like(&sample, text), members, text);
    let mut layer = Player::new(layer, members, text);
    let mut again = Player::new(Floor::like(&packet, text), members, text);
    let mut world = Player::new(world, members, text);
    let mut megolm = Player::new(Megolm::new(members), members, text);
    let mut mls_rs = Player::new(Members::new(mls_rs::library(), members).0, members, text);
    let mut openmls = Player::new(Members::new(OpenMls, members).0, members, text);
    let [send, receive] = interleave(
        rounds,
        &mut [
            Box::new(|| floor.round()),
            Box::new(|| layer.round()),
            Box::new(|| again.round()),
            Box::new(|| world.round()),
            Box::new(|| megolm.round()),
            Box::new(|| mls_rs.round()),
            Box::new(|| openmls.round()),
        ],
    );
    let octets = [
        floor.octets,
        layer.octets,
        again.octets,
        world.octets,
        megolm.octets,
        mls_rs.octets,
        openmls.octets,
    ];
    let title = format!("{text} octets of text in a group of {members}");
    report.table(
        &title,
        &["µs send", "send / floor", "µs receive", "receive / floor", "octets on the wire"],
    );
    for (at, name) in NAMES.into_iter().enumerate() {
        let (sent, received) = (send.time(at) / 1e3, receive.time(at) / 1e3);
        let (of_send, of_receive) = (send.ratio(at, FLOOR), receive.ratio(at, FLOOR));
        report.row(name, &[sent, of_send, received, of_receive, octets[at] as f64]);
    }
    if text == 100 && members == 8 {
        report.mark("send 100 B, message layer of 8 / floor", send.ratio(LAYER, FLOOR), 1.08);
        report.mark("receive 100 B, message layer of 8 / floor", receive.ratio(LAYER, FLOOR), 1.08);
        let ratio = receive.ratio(SESSION, SESSION_FLOOR);
        report.mark("receive 100 B, whole session of 8 / floor", ratio, 1.15);
    }
    if text == 100 && members == 128 {
        let against = |what: &str, peer: &str| format!("{what}, whole session of 128 / {peer}");
        let ratio = send.ratio(SESSION, MLS_RS);
        report.mark(&against("send 100 B", "mls-rs"), ratio, 0.60);
        let ratio = receive.ratio(SESSION, MLS_RS);
        report.mark(&against("receive 100 B", "mls-rs"), ratio, 0.95);
        let ratio = receive.ratio(SESSION, OPENMLS);
        report.mark(&against("receive 100 B", "OpenMLS"), ratio, 0.75);
        let ratio = receive.ratio(SESSION, MEGOLM);
        report.mark(&against("receive 100 B", "Megolm"), ratio, 1.00);
    }
}

/// Octets of a data packet's ciphertext.
fn payload(text: &str) -> usize {
    let mut contents = Vec::new();
    match unarmor(text, &mut contents).and_then(|octets| Packet::decode(DIALECT, octets)) {
        Ok(Packet::Data(data)) => data.payload.len(),
        other => panic!("a data packet, not {other:?}"),
    }
}
