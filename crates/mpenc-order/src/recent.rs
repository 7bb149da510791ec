//! A bounded memory of packet ids.

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

#[cfg(test)]
mod tests {
    use super::*;

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
