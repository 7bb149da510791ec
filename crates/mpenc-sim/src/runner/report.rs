//! What lives have shown.

use core::fmt;
use core::time::Duration;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Something that should not have happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    pub(super) seed: u64,
    pub(super) at: Duration,
    pub(super) what: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "seed {}, {:.3} s: {}", self.seed, self.at.as_secs_f64(), self.what)
    }
}

/// What lives have shown. Its `Display` is one line.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
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
    /// By attack, or lie that is a packet which nobody sent: how many came to an honest member, and of
    /// how many of them one was told that something is wrong with it. Of the others most are dropped in silence, as is due to what
    /// anybody could send; some cannot be told from what honest members do.
    pub attacks: BTreeMap<String, (u64, u64)>,
    /// How often what went wrong: with packets, processes and connections, and in what the server
    /// said.
    #[serde(default)]
    pub faults: BTreeMap<String, u64>,
}

impl Report {
    /// Whether nothing happened that should not have.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.false_warnings.is_empty() && self.violations.is_empty()
    }

    pub(super) fn count(&mut self, fault: &str, times: u64) {
        let sum = self.faults.entry(fault.to_owned()).or_default();
        *sum = sum.saturating_add(times);
    }

    /// What should not have happened, the kind of it in front.
    fn all(&self) -> impl Iterator<Item = (&'static str, &Finding)> {
        let violations = self.violations.iter().map(|finding| ("violation", finding));
        violations.chain(self.false_warnings.iter().map(|finding| ("false warning", finding)))
    }

    /// The first thing that should not have happened in each life in which something did: what
    /// comes after it is often its consequence.
    #[must_use]
    pub fn findings(&self) -> Vec<String> {
        let mut first: BTreeMap<u64, (&str, &Finding)> = BTreeMap::new();
        for (name, finding) in self.all() {
            let known = first.entry(finding.seed).or_insert((name, finding));
            if finding.at < known.1.at {
                *known = (name, finding);
            }
        }
        first.into_values().map(|(name, finding)| format!("{name}: {finding}")).collect()
    }

    /// The least seed of a life in which something happened that should not have.
    #[must_use]
    pub fn first_seed(&self) -> Option<u64> {
        self.all().map(|(_, finding)| finding.seed).min()
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
        for (fault, times) in &other.faults {
            self.count(fault, *times);
        }
        for (attack, (tried, told)) in other.attacks {
            let sums = self.attacks.entry(attack).or_default();
            *sums = (sums.0.saturating_add(tried), sums.1.saturating_add(told));
        }
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
        let Self { lies, divided, reported, .. } = self;
        if *lies > 0 {
            write!(f, " lies={lies}")?;
        }
        if !self.attacks.is_empty() {
            let injected: u64 = self.attacks.values().map(|(tried, _)| tried).sum();
            let detected: u64 = self.attacks.values().map(|(_, told)| told).sum();
            write!(f, " injected={injected} detected={detected}")?;
        }
        if *lies > 0 || !self.attacks.is_empty() {
            write!(f, " divided={divided} reported={reported}")?;
        }
        Ok(())
    }
}
