//! Packets that are nobody's, against one that is good.

use bench_counts::ours::{World, forged};

use crate::Args;
use crate::contestant::Contestant;
use crate::report::Report;
use crate::timing::{at_all_places, interleave, timed};

/// How many packets a round takes.
const PACKETS: usize = 16;

pub fn measure(args: &Args, report: &mut Report) {
    let worlds = || World::established(8);
    let (mut world, mut other, mut third) = (worlds(), worlds(), worlds());
    let text = "x".repeat(100);
    let mut number = 0_u32;
    // Each is made of another good packet, and all are made before any is taken.
    let mut garbage = |world: &mut World, canonical: bool| {
        let mut forge = || {
            let packet = world.write(1, &text);
            world.receive(1, &packet);
            number += 1;
            forged(&packet, number, canonical)
        };
        let packets: Vec<String> = (0..PACKETS).map(|_| forge()).collect();
        let mut samples = Vec::new();
        for packet in &packets {
            timed(&mut samples, || world.give(0, 1, packet));
        }
        [samples]
    };
    let garbage = core::cell::RefCell::new(&mut garbage);
    let [rounds] = interleave(
        at_all_places(args.rounds),
        &mut [
            Box::new(|| {
                let packets: Vec<String> = (0..PACKETS).map(|_| world.write(1, &text)).collect();
                let mut samples = Vec::new();
                for packet in &packets {
                    timed(&mut samples, || world.receive(1, packet));
                }
                [samples]
            }),
            Box::new(|| (garbage.borrow_mut())(&mut other, false)),
            Box::new(|| (garbage.borrow_mut())(&mut third, true)),
        ],
    );
    report.table("a session of 8 takes a packet", &["µs", "/ a good one"]);
    for (at, name) in
        ["a good one", "no canonical signature", "a wrong signature"].into_iter().enumerate()
    {
        report.row(name, &[rounds.time(at) / 1e3, rounds.ratio(at, 0)]);
    }
    report.mark("garbage without a canonical signature / a good packet", rounds.ratio(1, 0), 0.02);
    report.mark("garbage with a canonical signature / a good packet", rounds.ratio(2, 0), 1.0);
}
