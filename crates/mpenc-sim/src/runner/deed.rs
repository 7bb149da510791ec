//! What people do in a life, as data: it can be written down, shortened and led again.

use core::fmt;

use serde::{Deserialize, Serialize};

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
    /// The server removes them.
    Kicked,
    /// Writes a text in clear.
    Plain,
    /// Does what they should not; of hostile people only.
    Attack(Attack),
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
            Self::Kicked => f.write_str("is removed by the server"),
            Self::Plain => f.write_str("writes in clear"),
            Self::Attack(attack) => write!(f, "attacks: {attack}"),
        }
    }
}
