//! What people do in a life, as data: it can be written down, shortened and led again.

use core::fmt;

use serde::{Deserialize, Serialize};

use super::Faults;
use super::hostile::Attack;

/// One thing that somebody does, or that befalls them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Deed {
    /// Who: their place among the people.
    pub(crate) who: usize,
    /// What.
    pub(crate) does: Does,
    /// How many milliseconds pass before the next one.
    pub(crate) then: u64,
}

/// See [`Deed`]. People are named by their places; what makes no sense when it is tried is not done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Does {
    /// Nothing.
    Wait,
    /// Starts a process.
    Start,
    /// Enters the channel.
    Join,
    /// Parts.
    Part,
    /// Includes these.
    Include(Vec<usize>),
    /// Excludes these.
    Exclude(Vec<usize>),
    /// Renews the group key.
    Refresh,
    /// Aborts the running operation.
    Abort,
    /// Writes to all members.
    Write,
    /// Writes to these.
    WriteTo(Vec<usize>),
    /// Acks what was shown.
    Ack,
    /// Crashes: what was under way from and to them is lost.
    Crash,
    /// Dies after all that was sent.
    Die,
    /// Loses the connection.
    Disconnect,
    /// The process stops for these milliseconds.
    Stall(u64),
    /// The network between them and the server stops for these milliseconds.
    Cut(u64),
    /// The network between these and the server stops for these milliseconds: they hear of nobody, and
    /// nobody of them.
    Split(Vec<usize>, u64),
    /// The server removes them.
    Kicked,
    /// Writes a text in clear.
    Plain,
    /// Does what they should not; of hostile people only.
    Attack(Attack),
}

impl Deed {
    /// What these four octets say, among so many people.
    pub(crate) fn drawn(octets: &[u8], people: usize, faults: Faults) -> Self {
        let at = |place: usize| octets.get(place).copied().map(usize::from).unwrap_or_default();
        let (kind, who, detail) = (at(0), at(1) % people.max(1), at(2));
        let some = || (0..people).filter(|place| detail >> (place % 8) & 1 == 1).collect();
        let millis = u64::try_from(detail.saturating_mul(detail)).unwrap_or_default();
        let mishaps = faults.churns();
        let does = match kind % 24 {
            0..5 => Does::Write,
            5 => Does::WriteTo(some()),
            6 => Does::Ack,
            7 | 8 => Does::Include(some()),
            9 => Does::Exclude(some()),
            10 | 11 => Does::Refresh,
            12 => Does::Part,
            13 => Does::Abort,
            14 => Does::Join,
            15 => Does::Start,
            16 if mishaps => Does::Crash,
            17 if mishaps => Does::Die,
            18 if mishaps => Does::Disconnect,
            19 if mishaps => Does::Stall(millis),
            20 if faults == Faults::Chaos => Does::Cut(millis),
            21 if faults == Faults::Chaos => Does::Kicked,
            22 if faults == Faults::Chaos => Does::Split(some(), millis),
            16..22 if faults == Faults::Hostile => Does::Attack(Attack::nth(detail)),
            _ => Does::Wait,
        };
        // Mostly at once, sometimes after minutes.
        let then = u64::try_from(at(3)).unwrap_or_default();
        Self { who, does, then: if then < 128 { then } else { (then - 127) * (then - 127) * 5 } }
    }
}

impl fmt::Display for Does {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Wait => f.write_str("waits"),
            Self::Start => f.write_str("starts a process"),
            Self::Join => f.write_str("joins"),
            Self::Part => f.write_str("parts"),
            Self::Include(_) => f.write_str("includes"),
            Self::Exclude(_) => f.write_str("excludes"),
            Self::Refresh => f.write_str("renews the key"),
            Self::Abort => f.write_str("aborts"),
            Self::Write | Self::WriteTo(_) => f.write_str("writes"),
            Self::Ack => f.write_str("acks"),
            Self::Crash => f.write_str("crashes, and what was under way is lost"),
            Self::Die => f.write_str("dies"),
            Self::Disconnect => f.write_str("loses the connection"),
            Self::Stall(ms) => write!(f, "stalls for {ms} ms"),
            Self::Cut(ms) => write!(f, "is cut off for {ms} ms"),
            Self::Split(_, ms) => write!(f, "is cut off with others for {ms} ms"),
            Self::Kicked => f.write_str("is removed by the server"),
            Self::Plain => f.write_str("writes in clear"),
            Self::Attack(attack) => write!(f, "attacks: {attack}"),
        }
    }
}
