//! Transcripts and sessions as they grow: time, memory, allocations; and what garbage costs.

use bench_counts::growth::Growth;
use bench_counts::ours::{World, forged};

use crate::Args;
use crate::contestant::Contestant;
use crate::memory;

use crate::report::Report;
use crate::timing::{interleave, median, timed};

/// After how many messages a pruning transcript forgets what it can.
const PRUNE: usize = 256;

pub fn measure(args: &Args, report: &mut Report) {
    transcripts(args, report);
    sessions(report);
}

/// Adds messages; gives the nanoseconds that each took.
fn grow(growth: &mut Growth, count: usize) -> f64 {
    let ids = growth.next_ids(count);
    let mut samples = Vec::new();
    timed(&mut samples, || ids.into_iter().for_each(|id| growth.add(id)));
    samples[0] / count as f64
}

/// What a message costs a transcript of this many, from the first to the last.
fn grown(members: usize, messages: usize, prunes: bool) -> [Vec<f64>; 2] {
    let before = memory::live();
    let mut growth = Growth::new(members, prunes.then_some(PRUNE));
    let empty = memory::live();
    let chunk = 10_000.min(messages);
    let times: Vec<f64> = (0..messages / chunk).map(|_| grow(&mut growth, chunk)).collect();
    let octets = (memory::live() - empty) as f64 / messages as f64;
    drop(growth);
    assert!(memory::live() <= before + 4096, "nothing is left");
    [vec![times.iter().sum::<f64>() / times.len() as f64], vec![octets]]
}

fn transcripts(args: &Args, report: &mut Report) {
    let cases = [
        (3, 10_000, false),
        (3, 10_000, true),
        (3, 1_000_000, false),
        (3, 1_000_000, true),
        (30, 10_000, false),
        (30, 100_000, true),
        (300, 10_000, false),
        (300, 100_000, true),
    ];
    let mut contestants: Vec<Box<dyn FnMut() -> [Vec<f64>; 2]>> = Vec::new();
    for (members, messages, prunes) in cases {
        contestants.push(Box::new(move || grown(members, messages, prunes)));
    }
    let [times, octets] = interleave((args.rounds / 10).max(3), &mut contestants);
    report.table("a transcript grows", &["ns a message", "octets a message"]);
    for (at, (members, messages, prunes)) in cases.into_iter().enumerate() {
        let pruned = if prunes { "pruned" } else { "kept" };
        let name = format!("{members} members, {messages} {pruned}");
        report.row(&name, &[times.time(at), octets.time(at)]);
    }
    report.mark("transcript of 3, add: 10^6 / 10^4, pruned", times.ratio(3, 1), 1.2);
    report.mark("transcript of 3, add: 10^6 / 10^4, not pruned", times.ratio(2, 0), 2.0);
    report.mark("transcript, add: group of 300 / of 3", times.ratio(6, 0), 30.0);
}

/// What sessions keep of messages, and allocate for them. The user's log is in it.
fn sessions(report: &mut Report) {
    const MESSAGES: usize = 3_000;
    report.table(
        "sessions, messages of 100 octets",
        &["octets a message", "allocations a receive", "octets a new session"],
    );
    for members in [3, 8, 32] {
        let before = memory::live();
        let mut world = World::established(members);
        let fresh = (memory::live() - before) as f64 / members as f64;
        let text = "x".repeat(100);
        let mut calls = Vec::new();
        let mut talk = |world: &mut World, count: usize| {
            for number in 0..count {
                match number % members {
                    0 => {
                        let packet = world.send(&text);
                        world.deliver(&packet);
                    }
                    author => {
                        let packet = world.write(author, &text);
                        let before = memory::calls();
                        world.receive(author, &packet);
                        calls.push((memory::calls() - before) as f64);
                    }
                }
            }
        };
        talk(&mut world, 300);
        let before = memory::live();
        talk(&mut world, MESSAGES);
        let kept = (memory::live() as f64 - before as f64) / (MESSAGES * members) as f64;
        let allocations = median(calls);
        report.row(&format!("{members} members"), &[kept, allocations, fresh]);
        if members == 8 {
            report.mark("octets kept of a message, its text and log in it", kept, 48.0);
            report.mark("allocations per received message", allocations, 12.0);
        }
    }
}

/// Packets that are nobody's, against one that is good.
pub fn garbage(args: &Args, report: &mut Report) {
    let mut world = World::established(8);
    let mut other = World::established(8);
    let mut third = World::established(8);
    let text = "x".repeat(100);
    let mut number = 0_u32;
    let mut forge = |world: &mut World, canonical: bool| {
        let packet = world.write(1, &text);
        world.receive(1, &packet);
        number += 1;
        forged(&packet, number, canonical)
    };
    let [rounds] = interleave(
        args.rounds,
        &mut [
            Box::new(|| {
                let mut samples = Vec::new();
                for _ in 0..16 {
                    let packet = world.write(1, &text);
                    timed(&mut samples, || world.receive(1, &packet));
                }
                [samples]
            }),
            Box::new(|| {
                let mut samples = Vec::new();
                for _ in 0..16 {
                    let packet = forge(&mut other, false);
                    timed(&mut samples, || other.give(0, 1, &packet));
                }
                [samples]
            }),
        ],
    );
    let mut forge = |world: &mut World, canonical: bool| {
        let packet = world.write(1, &text);
        world.receive(1, &packet);
        number += 1;
        forged(&packet, number, canonical)
    };
    let mut valid = World::established(8);
    let [signed] = interleave(
        args.rounds,
        &mut [
            Box::new(|| {
                let mut samples = Vec::new();
                for _ in 0..16 {
                    let packet = valid.write(1, &text);
                    timed(&mut samples, || valid.receive(1, &packet));
                }
                [samples]
            }),
            Box::new(|| {
                let mut samples = Vec::new();
                for _ in 0..16 {
                    let packet = forge(&mut third, true);
                    timed(&mut samples, || third.give(0, 1, &packet));
                }
                [samples]
            }),
        ],
    );
    report.table("a session of 8 takes a packet", &["µs", "/ a good one"]);
    report.row("a good one", &[rounds.time(0) / 1e3, 1.0]);
    report.row("no canonical signature", &[rounds.time(1) / 1e3, rounds.ratio(1, 0)]);
    report.row("a wrong signature", &[signed.time(1) / 1e3, signed.ratio(1, 0)]);
    report.mark("garbage without a canonical signature / a good packet", rounds.ratio(1, 0), 0.02);
    report.mark("garbage with a canonical signature / a good packet", signed.ratio(1, 0), 1.0);
}
