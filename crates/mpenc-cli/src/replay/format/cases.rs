//! Packets that must not be taken.

use serde::Deserialize;

use super::History;

/// A history, and packets to hand to its members in place of its own.
#[derive(Deserialize)]
pub(crate) struct Cases {
    pub(crate) base: History,
    pub(crate) cases: Vec<Case>,
}

/// A bad packet.
#[derive(Deserialize)]
pub(crate) struct Case {
    pub(crate) name: String,
    /// What it takes to tell that the packet is bad.
    pub(crate) level: Level,
    /// Step and packet of the base that it stands in for.
    pub(crate) replaces: (usize, usize),
    /// Who must refuse it.
    pub(crate) to: Vec<String>,
    pub(crate) sender: String,
    pub(crate) packet: String,
    /// Why, in the words of whoever made it.
    pub(crate) reason: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Level {
    Decode,
    Verify,
    Keys,
    Operation,
    Message,
}
