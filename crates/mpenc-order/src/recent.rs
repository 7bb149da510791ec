//! Bounded memories of packet ids.

use alloc::collections::VecDeque;

use crate::PacketId;

/// The newest packet ids of some kind, at most [`Recent::CAPACITY`]; the oldest gives way.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Recent(VecDeque<PacketId>);

impl Recent {
    /// How many ids are remembered.
    pub(crate) const CAPACITY: usize = 64;

    pub(crate) fn contains(&self, id: &PacketId) -> bool {
        self.0.contains(id)
    }

    pub(crate) fn insert(&mut self, id: PacketId) {
        if self.contains(&id) {
            return;
        }
        if self.0.len() >= Self::CAPACITY {
            self.0.pop_front();
        }
        self.0.push_back(id);
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }
}

/// The final packets that an order has led over: whoever proposes on one of them knows our history.
///
/// An old proposal can come again at any time, since a server can keep and repeat it, and those of its
/// author's keys that it must agree with may be as they were. So these are remembered for longer than
/// other ids, by their first eight octets. Which of two packets they belong to decides nothing but whether
/// somebody is said to build on another history: whoever makes another packet with the same octets,
/// in some 2⁵² attempts, hides one sign of a fork, of which order acks are the other.
///
/// When the oldest gives way, nobody can be accused any more of building on what we never accepted: it
/// may be what was forgotten.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Parents {
    shortened: VecDeque<u64>,
    forgotten: bool,
}

impl Parents {
    /// How many are remembered.
    pub(crate) const CAPACITY: usize = 4096;

    /// Whether this is one of those that are remembered.
    pub(crate) fn contains(&self, id: &PacketId) -> bool {
        self.shortened.contains(&Self::shorten(id))
    }

    /// Whether there were more of them, which were forgotten.
    pub(crate) const fn have_gaps(&self) -> bool {
        self.forgotten
    }

    /// The order leads over this one.
    pub(crate) fn insert(&mut self, id: &PacketId) {
        if self.contains(id) {
            return;
        }
        if self.shortened.len() >= Self::CAPACITY {
            self.shortened.pop_front();
            self.forgotten = true;
        }
        self.shortened.push_back(Self::shorten(id));
    }

    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }

    fn shorten(id: &PacketId) -> u64 {
        let [a, b, c, d, e, f, g, h, ..] = *id.as_bytes();
        u64::from_be_bytes([a, b, c, d, e, f, g, h])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbered(number: usize) -> PacketId {
        let mut octets = [0; 32];
        for (place, octet) in octets.iter_mut().zip(number.to_be_bytes()) {
            *place = octet;
        }
        PacketId::from_bytes(octets)
    }

    #[test]
    fn parents_tell_whether_some_were_forgotten() {
        let mut parents = Parents::default();
        for number in 0..Parents::CAPACITY {
            parents.insert(&numbered(number));
        }
        parents.insert(&numbered(0));
        assert!(parents.contains(&numbered(0)) && !parents.have_gaps());
        parents.insert(&numbered(Parents::CAPACITY));
        assert_eq!(parents.shortened.len(), Parents::CAPACITY);
        assert!(!parents.contains(&numbered(0)) && parents.have_gaps());
        assert!(parents.contains(&numbered(1)));
        parents.clear();
        assert!(!parents.contains(&numbered(1)) && !parents.have_gaps());
    }

    #[test]
    fn holds_the_newest() {
        let mut recent = Recent::default();
        for number in 0..=64 {
            recent.insert(PacketId::from_bytes([number; 32]));
            recent.insert(PacketId::from_bytes([number; 32]));
        }
        assert_eq!(recent.0.len(), Recent::CAPACITY);
        assert!(!recent.contains(&PacketId::from_bytes([0; 32])));
        assert!(recent.contains(&PacketId::from_bytes([1; 32])));
        assert!(recent.contains(&PacketId::from_bytes([64; 32])));
    }
}
