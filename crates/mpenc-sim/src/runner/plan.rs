//! Which lives to lead.

use serde::{Deserialize, Serialize};

/// What can go wrong in a life.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Faults {
    /// Nothing: latencies are random, and that is all.
    #[default]
    None,
    /// Data packets get lost, come twice, and are late by up to 3·BC_LAT, on each link as is its way.
    Loss,
    /// Processes die, restart and stall, and connections break.
    Churn,
    /// Both; networks stop and go on, for one or several, the server removes people, and some write in
    /// clear.
    Chaos,
    /// The server shows order, membership or packets differently to different members, changes and
    /// repeats packets, floods, and splits the channel. What differs
    /// afterwards must have been told to one of those concerned.
    Liar,
    /// Some members have real keys, and do not keep to the rules. The others must never show what is
    /// not so, blame one of themselves, or differ without a warning.
    Hostile,
}

impl Faults {
    /// Whether processes and connections break.
    pub(crate) const fn churns(self) -> bool {
        matches!(self, Self::Churn | Self::Chaos)
    }

    /// Whether data packets get lost.
    pub(crate) const fn loses(self) -> bool {
        matches!(self, Self::Loss | Self::Chaos)
    }

    /// Whether the server lies.
    pub(crate) const fn lies(self) -> bool {
        matches!(self, Self::Liar)
    }

    /// Whether members may be told different things, so that all that is asked is that they are
    /// warned.
    pub(crate) const fn divides(self) -> bool {
        matches!(self, Self::Liar | Self::Hostile)
    }
}

/// What sessions are made of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Cryptography {
    /// mpENC's.
    #[default]
    Real,
    /// None: packets and states are the same, and the arithmetic is left out.
    Null,
}

/// What lives to lead.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
    /// What sessions are made of.
    pub crypto: Cryptography,
}

impl Plan {
    /// Two to seven people who do two hundred things, with real cryptography.
    #[must_use]
    pub fn new(faults: Faults) -> Self {
        Self { least: 2, most: 7, steps: 200, faults, crypto: Cryptography::Real }
    }

    /// The same with other numbers.
    #[must_use]
    pub fn with(self, least: usize, most: usize, steps: u32) -> Self {
        Self { least, most, steps, ..self }
    }

    /// The same with other cryptography.
    #[must_use]
    pub fn of(self, crypto: Cryptography) -> Self {
        Self { crypto, ..self }
    }
}
