//! Packets that must not be taken.

use serde::Deserialize;

use super::History;
use crate::replay::history::Place;

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
    /// Step and packet of the base that it stands in for.
    pub(crate) replaces: (usize, usize),
    /// Who must refuse it.
    pub(crate) to: Vec<String>,
    pub(crate) sender: String,
    pub(crate) packet: String,
    /// Why it is bad, for programs.
    pub(crate) code: String,
    /// Why it is bad, in the words of whoever made it.
    pub(crate) reason: String,
}

impl Case {
    /// The packet of the base that it stands in for.
    pub(crate) const fn place(&self) -> Place {
        Place { step: self.replaces.0, packet: self.replaces.1 }
    }
}
