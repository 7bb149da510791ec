//! What a membership operation takes its members.

use bench_counts::greet::Cost;

use crate::report::Report;
use crate::timing::{Rounds, median};

/// How many figures an [`Effort`] has.
pub const KINDS: usize = 6;

/// The columns of a table of them.
pub const COLUMNS: [&str; 9] = [
    "ms author",
    "ms follower",
    "/ floor",
    "/ mls-rs",
    "ms newcomer",
    "ms critical path",
    "ms in force",
    "ms all members",
    "octets on the wire",
];

/// In nanoseconds of processor time; not a number where there is nobody.
#[derive(Clone, Copy)]
pub struct Effort {
    /// Who proposes or commits.
    pub author: f64,
    /// One who neither proposes nor joins: the median of them.
    pub follower: f64,
    /// One who joins: the median of them.
    pub newcomer: f64,
    /// What happens one after the other, until everybody has the key.
    pub critical: f64,
    /// The same, until everybody has confirmed it, where members do.
    pub in_force: f64,
    /// Of all members.
    pub sum: f64,
}

impl Effort {
    /// Of ours: how many packets hand keys on, and who joins.
    pub fn of(
        cost: &Cost,
        author: usize,
        chain: usize,
        newcomers: core::ops::Range<usize>,
    ) -> Self {
        let others = cost.cpu.iter().enumerate();
        let followers = others.filter(|(at, _)| *at != author && !newcomers.contains(at));
        Self {
            author: cost.cpu[author],
            follower: median(followers.map(|(_, cpu)| *cpu).collect()),
            newcomer: median(cost.cpu[newcomers].to_vec()),
            critical: cost.chain(chain),
            in_force: cost.chain(chain) + cost.confirming(chain),
            sum: cost.sum(),
        }
    }

    /// Of a commit that others take. What was done early counts for the sum only.
    pub fn of_commit(author: f64, others: &[f64], early: &[f64]) -> Self {
        let follower = median(others.to_vec());
        Self {
            author,
            follower,
            newcomer: f64::NAN,
            critical: author + follower,
            in_force: author + follower,
            sum: author + others.iter().chain(early).sum::<f64>(),
        }
    }

    /// One joins by such a commit, and takes so long.
    pub fn joins(&mut self, took: f64) {
        self.newcomer = took;
        self.critical = self.critical.max(self.author + took);
        self.in_force = self.critical;
        self.sum += took;
    }

    /// A floor: of a follower, and of what happens one after the other.
    pub fn floor(follower: f64, critical: f64) -> Self {
        let none = f64::NAN;
        Self { author: none, follower, newcomer: none, critical, in_force: none, sum: none }
    }

    /// As samples of one round.
    pub fn samples(self) -> [Vec<f64>; KINDS] {
        let Self { author, follower, newcomer, critical, in_force, sum } = self;
        [author, follower, newcomer, critical, in_force, sum].map(|figure| vec![figure])
    }
}

/// The rounds of [`Effort::samples`].
pub struct Efforts<'a>(pub &'a [Rounds]);

impl Efforts<'_> {
    /// A follower's time, as a ratio.
    pub fn follower(&self, contestant: usize, to: usize) -> f64 {
        self.0[1].ratio(contestant, to)
    }

    /// The time until all have the key, as a ratio.
    pub fn critical(&self, contestant: usize, to: usize) -> f64 {
        self.0[3].ratio(contestant, to)
    }

    /// A row of a table with [`COLUMNS`]: the ratios are to the floor and to mls-rs.
    pub fn row(&self, report: &mut Report, name: &str, at: usize, ratios: [f64; 2], octets: usize) {
        let ms = |kind: usize| self.0[kind].time(at) / 1e6;
        let [floor, mls_rs] = ratios;
        let figures = [ms(0), ms(1), floor, mls_rs, ms(2), ms(3), ms(4), ms(5), octets as f64];
        report.row(name, &figures);
    }
}
