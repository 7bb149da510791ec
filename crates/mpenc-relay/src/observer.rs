//! What the relay sees, for those who want to look over its shoulder.

use std::sync::{Mutex, PoisonError};

use crate::LeaveCause;

/// Is told everything that a relay sees, in the order in which it happens.
///
/// Calls come under the relay's lock: be quick, never block, and do not call the relay back.
pub trait RelayObserver: Send + Sync {
    /// A member entered.
    fn entered(&self, room: &str, name: &str) {
        let _ = (room, name);
    }

    /// A member left.
    fn left(&self, room: &str, name: &str, cause: LeaveCause<&str>) {
        let _ = (room, name, cause);
    }

    /// A member sent a packet to `readers` members, the sender included.
    fn packet(&self, room: &str, sender: &str, packet: &str, readers: usize) {
        let _ = (room, sender, packet, readers);
    }
}

/// What a relay has done and holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Statistics {
    /// Rooms that have members now.
    pub rooms: usize,
    /// Members in all rooms now.
    pub members: usize,
    /// Members that ever entered a room.
    pub entered: u64,
    /// Clients that were refused: by a limit, by a clash of names, or for a malformed frame.
    pub refused: u64,
    /// Members that were dropped because they did not read fast enough.
    pub too_slow: u64,
    /// Packets that came in.
    pub packets: u64,
    /// Octets of these packets' texts.
    pub octets: u64,
    /// Packets that went out, to every reader one.
    pub deliveries: u64,
}

/// An observer that keeps every packet, up to a number of octets.
///
/// It shows what an operator of the relay, or anybody on its wire, can know.
#[derive(Debug)]
pub struct Recording {
    limit: usize,
    seen: Mutex<Seen>,
}

#[derive(Debug, Default)]
struct Seen {
    packets: Vec<SeenPacket>,
    octets: usize,
    missed: usize,
}

/// A packet as the relay saw it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SeenPacket {
    /// In which room.
    pub room: String,
    /// Who sent it.
    pub sender: String,
    /// Its text.
    pub packet: String,
    /// How many members got it, the sender included.
    pub readers: usize,
}

impl Recording {
    /// Keeps packets of at most this many octets together, and counts the others.
    #[must_use]
    pub fn new(octets: usize) -> Self {
        Self { limit: octets, seen: Mutex::default() }
    }

    /// All packets so far, oldest first; later ones are kept for the next call.
    #[must_use]
    pub fn take(&self) -> Vec<SeenPacket> {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.octets = 0;
        core::mem::take(&mut seen.packets)
    }

    /// How many packets did not fit.
    #[must_use]
    pub fn missed(&self) -> usize {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).missed
    }
}

impl RelayObserver for Recording {
    fn packet(&self, room: &str, sender: &str, packet: &str, readers: usize) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let octets = seen.octets.saturating_add(packet.len());
        if octets > self.limit {
            seen.missed = seen.missed.saturating_add(1);
            return;
        }
        seen.octets = octets;
        seen.packets.push(SeenPacket {
            room: room.to_owned(),
            sender: sender.to_owned(),
            packet: packet.to_owned(),
            readers,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recording_is_bounded_and_says_what_it_missed() {
        let recording = Recording::new(5);
        for packet in ["abc", "def", "gh"] {
            recording.packet("room", "alice", packet, 2);
        }
        let packets: Vec<String> = recording.take().into_iter().map(|seen| seen.packet).collect();
        assert_eq!(packets, ["abc", "gh"]);
        assert_eq!(recording.missed(), 1);
        recording.packet("room", "alice", "abcde", 2);
        assert_eq!(recording.take().len(), 1);
    }
}
