//! Transcripts as they grow: time and memory of a message, with its acks.

use bench_counts::growth::Growth;

use crate::Args;
use crate::memory;
use crate::report::Report;
use crate::timing::{Rounds, interleave, timed_cpu};

/// After how many messages a pruning transcript forgets what it can.
const PRUNE: usize = 256;

/// Members, messages, and whether it prunes.
type Case = (usize, usize, bool);

/// These are compared with each other.
const COMPARED: [Case; 5] = [
    (3, 10_000, false),
    (3, 10_000, true),
    (3, 1_000_000, false),
    (3, 1_000_000, true),
    (300, 10_000, false),
];

/// These are shown beside them. (A million messages of 300 members that are kept take more than a gigabyte.)
const SHOWN: [Case; 7] = [
    (30, 10_000, false),
    (30, 10_000, true),
    (300, 10_000, true),
    (30, 1_000_000, false),
    (30, 1_000_000, true),
    (300, 100_000, true),
    (300, 1_000_000, true),
];

pub fn measure(args: &Args, report: &mut Report) {
    let compared = grow_all((args.rounds / 10).max(3), &COMPARED);
    let shown = grow_all((args.rounds / 30).max(1), &SHOWN);
    report.table("a transcript grows", &["ns a message", "ns of the last", "octets a message"]);
    let all = COMPARED.iter().map(|case| (case, &compared));
    let all = all.enumerate().map(|(at, (case, rounds))| (at, case, rounds));
    let more = SHOWN.iter().enumerate().map(|(at, case)| (at, case, &shown));
    for (at, (members, messages, prunes), [times, last, octets]) in all.chain(more) {
        let pruned = if *prunes { "pruned" } else { "kept" };
        let name = format!("{members} members, {messages} {pruned}");
        report.row(&name, &[times.time(at), last.time(at), octets.time(at)]);
    }
    let times = &compared[0];
    report.mark("transcript of 3, add: 10^6 / 10^4, pruned", times.ratio(3, 1), 1.2);
    report.mark("transcript of 3, add: 10^6 / 10^4, not pruned", times.ratio(2, 0), 2.0);
    report.mark("transcript, add: group of 300 / of 3", times.ratio(4, 0), 30.0);
}

fn grow_all(rounds: usize, cases: &[Case]) -> [Rounds; 3] {
    let mut contestants: Vec<Box<dyn FnMut() -> [Vec<f64>; 3]>> = Vec::new();
    for &(members, messages, prunes) in cases {
        contestants.push(Box::new(move || grown(members, messages, prunes)));
    }
    interleave(rounds, &mut contestants)
}

/// What a message costs a transcript of this many: the mean from the first to the last, and the middle
/// one of the last tenth, in which hardly ever a table grows. A small one is made several times, so that
/// it is measured for about as long as a large one.
fn grown(members: usize, messages: usize, prunes: bool) -> [Vec<f64>; 3] {
    const CHUNK: usize = 10_000;
    let again = (100_000 / messages).max(1);
    let (mut times, mut octets) = (Vec::new(), 0.0);
    for _ in 0..again {
        let before = memory::live();
        let mut growth = Growth::new(members, prunes.then_some(PRUNE));
        let empty = memory::live();
        times.extend((0..messages / CHUNK).map(|_| grow(&mut growth, CHUNK)));
        octets = (memory::live() - empty) as f64 / messages as f64;
        drop(growth);
        assert!(memory::live() <= before + 4096, "nothing is left");
    }
    let mean = times.iter().sum::<f64>() / times.len() as f64;
    let last = if again == 1 { times.split_off(times.len() * 9 / 10) } else { times };
    [vec![mean], last, vec![octets]]
}

/// Adds messages; gives the nanoseconds that each took.
fn grow(growth: &mut Growth, count: usize) -> f64 {
    let ids = growth.next_ids(count);
    let mut samples = Vec::new();
    timed_cpu(&mut samples, || ids.into_iter().for_each(|id| growth.add(id)));
    samples[0] / count as f64
}
