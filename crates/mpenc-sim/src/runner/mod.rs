//! Random lives of groups, one for every seed, and a witness who checks everything they show.
//!
//! A life is some people around one channel, with real cryptography: they enter, include and
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
//! - nobody loops: what one input leads to is bounded.

mod chance;
mod life;
mod rest;
mod story;
mod witness;

use core::fmt;
use core::ops::Range;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use mpenc_session::Instant;

/// What can go wrong in a life.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Faults {
    /// Nothing: latencies are random, and that is all.
    #[default]
    None,
    /// Processes die, restart and stall, and connections break.
    Churn,
    /// Data packets get lost (5 %), come twice (5 %), and are late by up to 3·BC_LAT.
    Loss,
    /// The server shows order, membership or packets differently to different members. What differs
    /// afterwards must have been told to one of those concerned.
    Liar,
}

/// What lives to lead.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Plan {
    /// How many people there are at least.
    pub least: usize,
    /// How many there are at most.
    pub most: usize,
    /// How many things they do.
    pub steps: u32,
    /// What can go wrong.
    pub faults: Faults,
}

impl Plan {
    /// Two to seven people who do two hundred things.
    #[must_use]
    pub fn new(faults: Faults) -> Self {
        Self { least: 2, most: 7, steps: 200, faults }
    }

    /// The same with other numbers.
    #[must_use]
    pub fn with(self, least: usize, most: usize, steps: u32) -> Self {
        Self { least, most, steps, ..self }
    }
}

/// Something that should not have happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    seed: u64,
    at: Instant,
    what: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = self.at.since_epoch().as_secs_f64();
        write!(f, "seed {}, {at:.3} s: {}", self.seed, self.what)
    }
}

/// What lives have shown. Its `Display` is one line.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Report {
    /// How many lives.
    pub runs: u64,
    /// How many operations the channel ordered.
    pub operations: u64,
    /// How many texts were written.
    pub messages: u64,
    /// How many events were notices of liveness or security, withdrawn or not.
    pub warnings: u64,
    /// Alarms without cause, and notices that outlived their cause.
    pub false_warnings: Vec<Finding>,
    /// Broken promises.
    pub violations: Vec<Finding>,
    /// How many lies the server told.
    pub lies: u64,
    /// How many pairs of members held different things of each other's group in the end.
    pub divided: u64,
    /// Of how many of these at least one had been told that something is wrong.
    pub reported: u64,
}

impl Report {
    /// Whether nothing happened that should not have.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.false_warnings.is_empty() && self.violations.is_empty()
    }

    /// The first thing that should not have happened in each life in which something did: what
    /// comes after it is often its consequence.
    #[must_use]
    pub fn findings(&self) -> Vec<String> {
        let mut first: BTreeMap<u64, (&str, &Finding)> = BTreeMap::new();
        let violations = self.violations.iter().map(|finding| ("violation", finding));
        let false_warnings = self.false_warnings.iter().map(|finding| ("false warning", finding));
        for (name, finding) in violations.chain(false_warnings) {
            let known = first.entry(finding.seed).or_insert((name, finding));
            if finding.at < known.1.at {
                *known = (name, finding);
            }
        }
        first.into_values().map(|(name, finding)| format!("{name}: {finding}")).collect()
    }

    /// Adds another one.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.runs = self.runs.saturating_add(other.runs);
        self.operations = self.operations.saturating_add(other.operations);
        self.messages = self.messages.saturating_add(other.messages);
        self.warnings = self.warnings.saturating_add(other.warnings);
        self.false_warnings.extend(other.false_warnings);
        self.violations.extend(other.violations);
        self.lies = self.lies.saturating_add(other.lies);
        self.divided = self.divided.saturating_add(other.divided);
        self.reported = self.reported.saturating_add(other.reported);
        self
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "runs={} operations={} messages={} warnings={} false_warnings={} violations={}",
            self.runs,
            self.operations,
            self.messages,
            self.warnings,
            self.false_warnings.len(),
            self.violations.len(),
        )?;
        if self.lies > 0 {
            let Self { lies, divided, reported, .. } = self;
            write!(f, " lies={lies} divided={divided} reported={reported}")?;
        }
        Ok(())
    }
}

/// Leads one life. The same seed and plan give the same life.
#[must_use]
pub fn live(seed: u64, plan: &Plan) -> Report {
    life::Life::new(seed, *plan, None).lead()
}

/// Leads one life, and tells its story, line by line.
#[must_use]
pub fn tell(seed: u64, plan: &Plan, listener: &mut dyn FnMut(&str)) -> Report {
    life::Life::new(seed, *plan, Some(listener)).lead()
}

/// Leads a life for every seed, on all processors.
#[must_use]
pub fn live_all(seeds: Range<u64>, plan: &Plan) -> Report {
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let next = AtomicU64::new(seeds.start);
    let work = || {
        let mut report = Report::default();
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= seeds.end {
                return report;
            }
            report = report.and(unwound(seed, plan));
        }
    };
    thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        workers
            .into_iter()
            .filter_map(|worker| worker.join().ok())
            .fold(Report::default(), Report::and)
    })
}

/// A panic ends one life, and not those of the other seeds.
fn unwound(seed: u64, plan: &Plan) -> Report {
    catch_unwind(AssertUnwindSafe(|| live(seed, plan))).unwrap_or_else(|_| {
        let what = String::from("somebody panicked");
        let finding = Finding { seed, at: Instant::default(), what };
        Report { runs: 1, violations: vec![finding], ..Report::default() }
    })
}
