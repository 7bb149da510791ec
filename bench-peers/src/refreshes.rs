//! Whether a group ages: the thousandth refresh against the first.

use bench_counts::greet::Group;
use bench_counts::ours::World;
use mpenc::Membership;
use mpenc::greet::Change;

use crate::Args;
use crate::memory;
use crate::report::Report;
use crate::sessions::state;
use crate::timing::{at_all_places, interleave, timed_cpu};

pub fn measure(args: &Args, report: &mut Report) {
    agreements(args, report);
    sessions(args, report);
    if let [first, late] = args.refresh_instructions.as_slice() {
        report.table("instructions of a refresh, two sessions of 3", &["instructions"]);
        report.row("the first", &[*first]);
        report.row("the thousandth", &[*late]);
        report.mark(
            "the 1,000th refresh / the first, instructions of a session",
            late / first,
            1.02,
        );
    }
}

/// Of the key agreement alone, of copies of a group at either age.
fn agreements(args: &Args, report: &mut Report) {
    let (young, _) = Group::established(8, 8);
    let mut old = young.clone();
    for number in 0..1_000 {
        old.run(number % 8, Change::Refresh, 8);
    }
    let refresh = |group: &Group| [vec![group.clone().run(0, Change::Refresh, 8).sum()]];
    let [rounds] = interleave(
        at_all_places(args.rounds),
        &mut [Box::new(|| refresh(&young)), Box::new(|| refresh(&old))],
    );
    let octets = [&young, &old].map(|group| {
        let before = memory::live();
        let copy = group.clone();
        let octets = memory::live() - before;
        drop(copy);
        octets as f64 / 8.0
    });
    report.table(
        "a refresh of a group of 8, key agreement alone",
        &["ms all members", "ms / the first", "octets of state", "octets / the first"],
    );
    for (at, name) in ["the first", "the thousandth"].into_iter().enumerate() {
        let time = [rounds.time(at) / 1e6, rounds.ratio(at, 0)];
        report.row(name, &[time[0], time[1], octets[at], octets[at] / octets[0]]);
    }
    let ratio = octets[1] / octets[0];
    report.mark("the 1,000th refresh / the first, octets of key agreement", ratio, 1.02);
}

/// Of whole sessions: what a refresh takes until all have said that it ends the sub-session before,
/// and what the sessions hold when all is said.
fn sessions(args: &Args, report: &mut Report) {
    const MEMBERS: usize = 3;
    let mut world = World::established(MEMBERS);
    let mut refresh = |number: usize| {
        world.propose(number % MEMBERS, Membership::Refresh);
        world.rest();
        world.clone()
    };
    let mut ages: Vec<World> = Vec::new();
    for number in 0..1_000 {
        let aged = refresh(number);
        if matches!(number + 1, 1 | 100 | 1_000) {
            ages.push(aged);
        }
    }
    let again = |world: &World| {
        let mut world = world.clone();
        let mut took = Vec::new();
        timed_cpu(&mut took, || world.propose(0, Membership::Refresh));
        [took]
    };
    let [young, middle, old] = ages.as_slice() else {
        panic!("three ages");
    };
    let [rounds] = interleave(
        at_all_places(args.rounds),
        &mut [Box::new(|| again(young)), Box::new(|| again(middle)), Box::new(|| again(old))],
    );
    report.table(
        "a refresh of 3 sessions, after so many",
        &["ms", "ms / after one", "octets of state", "octets / after one"],
    );
    let octets = [young, middle, old].map(|world| state(world) / MEMBERS as f64);
    for (at, name) in ["one", "a hundred", "a thousand"].into_iter().enumerate() {
        let time = [rounds.time(at) / 1e6, rounds.ratio(at, 0)];
        report.row(name, &[time[0], time[1], octets[at], octets[at] / octets[0]]);
    }
    report.mark(
        "the 1,000th refresh / the first, octets of a session",
        octets[2] / octets[0],
        1.02,
    );
    // Of each operation eight octets are remembered, until there are 4,096.
    let each = (octets[2] - octets[1]) / 900.0;
    report.mark("octets of a session for each refresh after the 100th", each, 8.5);
}
