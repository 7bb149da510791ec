//! How much a session keeps of what others sent.

use crate::{Session, Suite};

/// How much a session keeps of what others sent or brought about, all of it bounded. For simulators,
/// which check the bounds after each input, and for who watches a program's memory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Footprint {
    /// Packets that nothing opens yet: at most 16 of each sender.
    pub held: usize,
    /// Their octets: at most 256 KiB.
    pub held_octets: usize,
    /// Messages that wait for their parents, at most four times `pending` for each of the current and
    /// the previous sub-session, where `pending` is the square root of 64 times its members, at least
    /// 16; and ids of those that there was no room for, at most sixteen times `pending`.
    pub unaccepted: usize,
    /// Octets of packets that may have to be sent again: at most 4 MiB for each of the two.
    pub kept_octets: usize,
    /// Deadlines that are set, beside those of sub-sessions, which are a few each. A message or packet
    /// sets one or none, and none outlives 24·BC_LAT but those that are there once. All packets that
    /// are held share one, and so do all messages of a sub-session that wait for their parents.
    pub deadlines: usize,
    /// Places of the server's order that somebody may still name: at most 256; where nothing goes
    /// wrong, those since the previous sub-session began.
    pub places: usize,
}

impl<S: Suite> Session<S> {
    /// How much it keeps of what others sent.
    #[must_use]
    pub fn footprint(&self) -> Footprint {
        let subs = || [&self.current, &self.previous].into_iter().flatten();
        Footprint {
            held: self.held.len(),
            held_octets: self.held.octets(),
            unaccepted: self.unaccepted().count(),
            kept_octets: subs().map(|sub| sub.kept_octets()).sum(),
            deadlines: self.shared.timers.len(),
            places: self.shared.order_acks.remembered(),
        }
    }
}
