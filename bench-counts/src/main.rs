//! Does one piece of work, the instructions of which are to be counted.
//!
//! ```text
//! bench-counts            names all there is, one a line, but for what takes minutes to count
//! bench-counts machine    what the code can make use of here
//! bench-counts NAME       does it, and prints how often
//! ```
//!
//! Only what [`measured`] calls is to be counted: that is what the counter is told by name.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "it measures; whatever does not go as planned must stop it"
)]

use core::hint::black_box;

use bench_counts::greet::{Deed, Group};
use bench_counts::growth::Growth;
use bench_counts::ours::{DIALECT, MessageLayer, World, forged};
use mpenc::Membership;
use mpenc::greet::Change;
use mpenc::wire::{Packet, unarmor};

/// Does it, and gives how often.
type Work = fn() -> usize;

const WORKS: [(&str, Work); 14] = [
    ("send, message layer", send_layer),
    ("send, session of 8", || send_session(8)),
    ("receive, message layer", receive_layer),
    ("receive, session of 8", || receive_session(8)),
    ("garbage with a signature that is not canonical, session of 8", garbage),
    ("decode, message", decode_message),
    ("transcript add, 3 members", || transcript(3)),
    ("transcript add, 100 members", || transcript(100)),
    ("upflow step, 15th of 16 members", upflow),
    ("last upflow step, 16th of 16 members", last_upflow),
    ("downflow, 1st of 16 members", downflow),
    ("confirm, 16th of 16 members", confirm),
    ("refresh of 3 members, the 1st", || refresh(0)),
    ("refresh of 3 members, the 1,000th", || refresh(999)),
];

/// Too long for each change: `cargo xtask bench` counts the first two, and docs/PERFORMANCE.md says what
/// the others are for.
const LONG: [(&str, Work); 8] = [
    ("refresh of 3 sessions, the 1st", || refresh_sessions(0)),
    ("refresh of 3 sessions, the 1,000th", || refresh_sessions(999)),
    ("transcript add, 3 members, after 10,000 pruned", || pruned_transcript(10_000)),
    ("transcript add, 3 members, after 1,000,000 pruned", || pruned_transcript(1_000_000)),
    ("send, session of 40", || send_session(40)),
    ("receive, session of 40", || receive_session(40)),
    ("include one into 32, a follower", || followed(true)),
    ("exclude one of 33, a follower", || followed(false)),
];

fn main() {
    let name = std::env::args().nth(1);
    match name.as_deref() {
        None => WORKS.iter().for_each(|(name, _)| println!("{name}")),
        Some("machine") => println!("{}", machine()),
        Some(name) => {
            let work = WORKS.iter().chain(&LONG).find(|(known, _)| *known == name);
            println!("{}", work.expect("a name of the list").1());
        }
    }
}

/// What is counted happens in here.
#[inline(never)]
fn measured(work: &mut dyn FnMut()) {
    work();
    // So that this call is no jump to what is to be counted in here.
    black_box(());
}

/// Features that the primitives choose their code by.
fn machine() -> String {
    let mut known = vec![std::env::consts::ARCH];
    #[cfg(target_arch = "x86_64")]
    for (name, there) in [
        ("avx2", is_x86_feature_detected!("avx2")),
        ("avx512ifma", is_x86_feature_detected!("avx512ifma")),
        ("aes", is_x86_feature_detected!("aes")),
        ("sha", is_x86_feature_detected!("sha")),
    ] {
        known.extend(there.then_some(name));
    }
    #[cfg(target_arch = "aarch64")]
    for (name, there) in [
        ("aes", std::arch::is_aarch64_feature_detected!("aes")),
        ("sha2", std::arch::is_aarch64_feature_detected!("sha2")),
    ] {
        known.extend(there.then_some(name));
    }
    known.join(" ")
}

/// How many messages are taken the mean of: a signature check takes a little longer or shorter, as
/// its numbers are.
const MESSAGES: usize = 32;

fn text() -> String {
    "x".repeat(100)
}

fn send_layer() -> usize {
    let mut layer = MessageLayer::new(8);
    let text = text();
    for _ in 0..MESSAGES {
        measured(&mut || {
            black_box(layer.seal(0, &text));
        });
    }
    MESSAGES
}

fn receive_layer() -> usize {
    let mut layer = MessageLayer::new(8);
    let text = text();
    for number in 0..MESSAGES {
        let author = 1 + number % 7;
        let packet = layer.seal(author, &text);
        measured(&mut || {
            black_box(layer.open(author, &packet));
        });
    }
    MESSAGES
}

/// A group of sessions that has talked for a while.
fn world(members: usize) -> World {
    let mut world = World::established(members);
    for number in 0..3 * members {
        let author = number % members;
        let packet = world.send_as(author, "warm up");
        world.give_all(0..members, author, &packet);
    }
    world
}

fn send_session(members: usize) -> usize {
    let mut world = world(members);
    let text = text();
    for number in 0..MESSAGES {
        let mut packet = String::new();
        measured(&mut || packet = world.send_as(0, &text));
        world.give_all(0..members, 0, &packet);
        let author = 1 + number % (members - 1);
        let packet = world.send_as(author, &text);
        world.give_all(0..members, author, &packet);
    }
    MESSAGES
}

fn receive_session(members: usize) -> usize {
    let mut world = world(members);
    let text = text();
    for number in 0..MESSAGES {
        let author = 1 + number % (members - 1);
        let packet = world.send_as(author, &text);
        world.give_all(1..members, author, &packet);
        measured(&mut || {
            black_box(world.give(0, author, &packet));
        });
    }
    MESSAGES
}

fn garbage() -> usize {
    let mut world = world(8);
    let good = world.send_as(1, &text());
    let packets: Vec<_> = (0..MESSAGES).map(|number| forged(&good, number as u32, false)).collect();
    for packet in &packets {
        measured(&mut || {
            black_box(world.give(0, 1, packet));
        });
    }
    MESSAGES
}

fn decode_message() -> usize {
    let packet = MessageLayer::new(8).seal(0, &text());
    let mut buffer = Vec::new();
    for _ in 0..MESSAGES {
        measured(&mut || {
            let contents = unarmor(&packet, &mut buffer).expect("a packet");
            black_box(&Packet::decode(DIALECT, contents).expect("a packet"));
        });
    }
    MESSAGES
}

fn transcript(members: usize) -> usize {
    grown(Growth::new(members, None), 2_000, 500)
}

fn pruned_transcript(messages: usize) -> usize {
    grown(Growth::new(3, Some(256)), messages, 10_000)
}

/// Adds this many messages, and measures that many more.
fn grown(mut growth: Growth, before: usize, added: usize) -> usize {
    growth.next_ids(before).into_iter().for_each(|id| growth.add(id));
    for id in growth.next_ids(added) {
        measured(&mut || growth.add(id));
    }
    added
}

/// What one member does for one packet of an establish, when each member has sent one after the
/// other: packet n comes from member n, up to the last member's, which is the downflow.
fn establish(counted: Deed) -> usize {
    const MEMBERS: usize = 16;
    let mut group = Group::new(MEMBERS);
    let others = group.ids[1..].to_vec();
    group.run_watched(0, Change::Include(&others), MEMBERS, &mut |deed, work| {
        if deed == counted { measured(work) } else { work() }
    });
    1
}

fn upflow() -> usize {
    establish(Deed { packet: 13, member: 14 })
}

fn last_upflow() -> usize {
    establish(Deed { packet: 14, member: 15 })
}

fn downflow() -> usize {
    establish(Deed { packet: 15, member: 0 })
}

fn confirm() -> usize {
    establish(Deed { packet: 16, member: 15 })
}

/// All that a member of 32 does who only follows, while somebody is included, or excluded again.
fn followed(is_include: bool) -> usize {
    let mut group = Group::established(33, 32).0;
    let joins = [group.ids[32].clone()];
    for (change, people, is_asked) in
        [(Change::Include(&joins), 33, is_include), (Change::Exclude(&joins), 32, !is_include)]
    {
        group.run_watched(0, change, people, &mut |deed, work| {
            if is_asked && deed.member == 5 { measured(work) } else { work() }
        });
    }
    1
}

/// A refresh, by who makes it and by another member, when there were so many before.
fn refresh(before: usize) -> usize {
    let mut group = Group::established(3, 3).0;
    for number in 0..before {
        group.run(number % 3, Change::Refresh, 3);
    }
    group.run_watched(0, Change::Refresh, 3, &mut |deed, work| {
        if deed.member < 2 { measured(work) } else { work() }
    });
    1
}

/// The same with whole sessions, all of which had ended the sub-session before.
fn refresh_sessions(before: usize) -> usize {
    let mut world = World::established(3);
    world.rest();
    for number in 0..before {
        world.propose(number % 3, Membership::Refresh);
        world.rest();
    }
    measured(&mut || world.proposed(0, Membership::Refresh));
    let (author, packet) = world.next_packet().expect("a proposal");
    for at in 0..2 {
        measured(&mut || world.hear(at, author, &packet));
    }
    1
}
