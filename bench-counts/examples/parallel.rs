//! What the feature `parallel` is worth: the critical path of an establish in wall-clock time, on one
//! thread and on as many as there are processors, in turns.
//!
//! ```console
//! cargo run --release -p bench-counts --features parallel --example parallel
//! ```
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "it measures; whatever does not go as planned must stop it"
)]

use std::thread::available_parallelism;
use std::time::Instant;

use bench_counts::greet::{Deed, Group};
use mpenc::greet::Change;
use rayon::{ThreadPool, ThreadPoolBuilder};

const ROUNDS: usize = 7;

fn main() {
    let all = available_parallelism().map_or(1, usize::from);
    let pools = [1, all]
        .map(|threads| ThreadPoolBuilder::new().num_threads(threads).build().expect("threads"));
    println!("| members | ms on 1 thread | ms on {all} | / one thread |");
    println!("|---|---|---|---|");
    for members in [8, 16, 32, 64, 128] {
        let mut rounds: Vec<[f64; 2]> = (0..ROUNDS)
            .map(|round| {
                let mut took = [0.0; 2];
                for turn in 0..2 {
                    let at = (round + turn) % 2;
                    took[at] = critical_path(&pools[at], members);
                }
                took
            })
            .collect();
        rounds.sort_by(|one, other| (one[1] / one[0]).total_cmp(&(other[1] / other[0])));
        let [one, many] = rounds[ROUNDS / 2];
        println!("| {members} | {one:.2} | {many:.2} | {:.2} |", many / one);
    }
}

/// Milliseconds from the proposal until the last one has the group's key: what each does for the
/// packet that it is their turn to answer.
fn critical_path(pool: &ThreadPool, members: usize) -> f64 {
    let mut group = Group::new(members);
    let others = group.ids[1..members].to_vec();
    let mut path = 0.0;
    pool.install(|| {
        group.run_watched(0, Change::Include(&others), members, &mut |deed, work| {
            let began = Instant::now();
            work();
            let Deed { packet, member } = deed;
            // The packet numbered k goes to member k + 1; the last downflow, to all: to the first.
            let next = if packet + 1 < members { packet + 1 } else { 0 };
            if packet < members && member == next {
                path += began.elapsed().as_secs_f64() * 1e3;
            }
        })
    });
    path
}
