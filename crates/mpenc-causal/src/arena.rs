//! Where messages are kept for good: a list that neither moves when it grows, nor holds room for as
//! much again as is in it. So what a pruned message takes is its own size, whenever one looks.

use alloc::vec::Vec;

/// How many elements are allocated at once, from the second block on.
const BLOCK: usize = 256;

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Arena<T> {
    /// All are full but the last.
    blocks: Vec<Vec<T>>,
}

impl<T> Arena<T> {
    pub(crate) const fn new() -> Self {
        Self { blocks: Vec::new() }
    }

    pub(crate) fn len(&self) -> usize {
        let full = self.blocks.len().saturating_sub(1).saturating_mul(BLOCK);
        full.saturating_add(self.blocks.last().map_or(0, Vec::len))
    }

    pub(crate) fn get(&self, at: usize) -> Option<&T> {
        self.blocks.get(at / BLOCK)?.get(at % BLOCK)
    }

    pub(crate) fn push(&mut self, element: T) {
        match self.blocks.last_mut().filter(|block| block.len() < BLOCK) {
            Some(block) => block.push(element),
            None => {
                // Few messages are most often all there are: their block grows with them.
                let room = if self.blocks.is_empty() { 4 } else { BLOCK };
                let mut block = Vec::with_capacity(room);
                block.push(element);
                self.blocks.push(block);
            }
        }
    }

    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = &T> {
        self.blocks.iter().flatten()
    }
}

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use super::{Arena, BLOCK};

    #[test]
    fn it_is_a_list() {
        let mut arena = Arena::new();
        assert_eq!(arena.len(), 0);
        for number in 0..3 * BLOCK + 7 {
            arena.push(number);
            assert_eq!(arena.len(), number + 1);
        }
        assert!(arena.iter().copied().eq(0..arena.len()));
        assert!(arena.iter().rev().copied().eq((0..arena.len()).rev()));
        assert!((0..arena.len()).all(|at| arena.get(at) == Some(&at)));
        assert_eq!(arena.get(arena.len()), None);
    }

    #[test]
    fn it_keeps_room_for_one_block_at_most() {
        let mut arena = Arena::new();
        for number in 0..10 * BLOCK + 1 {
            arena.push(number);
        }
        let room: usize = arena.blocks.iter().map(Vec::capacity).sum();
        assert!(room < arena.len() + BLOCK);
    }
}
