//! Random lives of groups, one for every seed, and a witness who checks everything they show.
//!
//! A life is some people around one channel: they enter, include and
//! exclude each other, write, renew the key and part, often at the same time, over a channel whose
//! journeys take random times; with [`Faults::Churn`] their processes also die, restart and stall,
//! and their connections break. Nobody attacks. So whatever a session says that alarms is a false
//! warning, and whatever two sessions disagree on is a violation:
//!
//! - every message shown was written by its author, in these words, to exactly these readers, and
//!   stands after everything that its author had seen in it;
//! - a membership is shown only if each of its members confirmed it, and the same one everywhere;
//! - no operation completes for one member and fails for another;
//! - every operation of a member's own ends in exactly one outcome;
//! - every message is fully acked, or flagged as what it is;
//! - every notice is withdrawn once its condition has ended;
//! - when nothing is under way any more, the members of a group agree on members, server order and
//!   transcript, hold each other's keys, and wait for nothing;
//! - nobody loops: what one input leads to and costs is bounded, and deadlines get somewhere;
//! - nobody keeps more than they may of what others send;
//! - what is refused leaves a session as it was.

mod bounds;
mod chance;
mod crypto;
mod deed;
mod hostile;
mod life;
mod null;
mod plan;
mod puppets;
mod report;
mod rest;
mod script;
mod story;
mod witness;

use std::sync::Mutex;
use std::thread;

pub use plan::{Cryptography, Faults, Plan};
pub use report::{Finding, Report};
pub use script::Script;

/// Leads one life. The same seed and plan give the same life. That somebody panics in it is a
/// violation.
#[must_use]
pub fn live(seed: u64, plan: &Plan) -> Report {
    script::lead(seed, plan, None, None).0
}

/// Leads one life, and tells its story, line by line.
#[must_use]
pub fn tell(seed: u64, plan: &Plan, listener: &mut dyn FnMut(&str)) -> Report {
    script::lead(seed, plan, None, Some(listener)).0
}

/// Leads a life for every seed, on so many threads, and has `done` take what each showed.
pub fn live_all(
    seeds: impl Iterator<Item = u64> + Send,
    plan: &Plan,
    threads: usize,
    done: impl Fn(u64, Report) + Sync,
) {
    let seeds = Mutex::new(seeds);
    let next = || seeds.lock().ok()?.next();
    let work = || {
        while let Some(seed) = next() {
            done(seed, live(seed, plan));
        }
    };
    thread::scope(|scope| {
        for _ in 0..threads.max(1) {
            scope.spawn(work);
        }
    });
}
