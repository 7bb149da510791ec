//! What pruning forgets of messages: their edges and contexts.

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::vec::Vec;

use crate::index::{Index, at};

/// The messages from some index on. Those before it are pruned, and some of them may be.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct LiveNodes {
    /// The index of the first one.
    first: Index,
    nodes: VecDeque<Live>,
    contexts: Rows,
}

/// The part of a message that pruning forgets.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Live {
    /// The place in the author's chain, from 0.
    pub(crate) position: u32,
    /// How many messages the author's chain has up to and including its latest one, as of this
    /// message, that is not an explicit ack.
    pub(crate) monitored: u32,
    pub(crate) parents: Parents,
}

impl Live {
    /// How many messages the author's chain has up to and including this one.
    pub(crate) const fn count(&self) -> u32 {
        self.position.saturating_add(1)
    }
}

/// Nearly all messages have one parent, which then takes no room of its own.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Parents {
    None,
    One(Index),
    Many(Box<[Index]>),
}

impl Parents {
    pub(crate) fn as_slice(&self) -> &[Index] {
        match self {
            Self::None => &[],
            Self::One(parent) => core::slice::from_ref(parent),
            Self::Many(parents) => parents,
        }
    }
}

impl From<Vec<Index>> for Parents {
    fn from(parents: Vec<Index>) -> Self {
        match *parents.as_slice() {
            [] => Self::None,
            [parent] => Self::One(parent),
            _ => Self::Many(parents.into()),
        }
    }
}

/// The context of a new message but for its author's own count.
pub(crate) enum Context {
    /// That of its only parent.
    OfParent(Index),
    /// These counts.
    Merged(Vec<u32>),
}

impl LiveNodes {
    /// Of a transcript with so many members.
    pub(crate) fn new(members: usize) -> Self {
        Self { first: Index::of(0), nodes: VecDeque::new(), contexts: Rows::new(members) }
    }

    /// The index of the first one; of the next one to come, if there is none.
    pub(crate) const fn first(&self) -> Index {
        self.first
    }

    pub(crate) fn get(&self, index: Index) -> Option<&Live> {
        self.nodes.get(self.place(index)?)
    }

    /// Per member, how many of their messages are this one or its ancestors.
    pub(crate) fn context(&self, index: Index) -> &[u32] {
        self.place(index).and_then(|place| self.contexts.get(place)).unwrap_or_default()
    }

    pub(crate) fn push(&mut self, live: Live, context: Context, author: usize) {
        match context {
            Context::OfParent(parent) => match self.place(parent) {
                Some(place) => self.contexts.push_copy_of(place),
                None => self.contexts.push(&[]),
            },
            Context::Merged(counts) => self.contexts.push(&counts),
        }
        if let Some(count) = self.contexts.last_mut().and_then(|row| row.get_mut(author)) {
            *count = live.count();
        }
        self.nodes.push_back(live);
    }

    /// Forgets the first ones, as long as they are pruned.
    pub(crate) fn forget_while(&mut self, is_pruned: impl Fn(Index, &Live) -> bool) {
        while self.nodes.front().is_some_and(|live| is_pruned(self.first, live)) {
            self.nodes.pop_front();
            self.contexts.pop_front();
            self.first = self.first.following();
        }
        // A burst does not hold its room for good.
        if self.nodes.capacity() / 4 > self.nodes.len().max(16) {
            self.nodes.shrink_to(self.nodes.len().saturating_mul(2));
        }
    }

    fn place(&self, index: Index) -> Option<usize> {
        index.number().checked_sub(self.first.number()).map(at)
    }
}

/// Rows of numbers, equally long, that come at one end and go at the other.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Rows {
    width: usize,
    /// A block has two to the power of this many rows.
    shift: u32,
    blocks: VecDeque<Vec<u32>>,
    /// Blocks that are empty, and used before others are allocated: rows go in bursts, and as many
    /// come again.
    spare: Vec<Vec<u32>>,
    /// How many rows of the first block are gone.
    gone: usize,
    /// How many rows there are.
    len: usize,
}

impl Rows {
    /// About how many numbers are in a block, unless a row has more.
    const NUMBERS: usize = 1024;

    fn new(width: usize) -> Self {
        let shift = Self::NUMBERS.checked_div(width).and_then(usize::checked_ilog2).unwrap_or(0);
        Self { width, shift, blocks: VecDeque::new(), spare: Vec::new(), gone: 0, len: 0 }
    }

    /// In which block a row is, and where in it.
    fn find(&self, row: usize) -> (usize, core::ops::Range<usize>) {
        let row = row.saturating_add(self.gone);
        let (block, inside) = (row >> self.shift, row & ((1_usize << self.shift) - 1));
        let start = inside.saturating_mul(self.width);
        (block, start..start.saturating_add(self.width))
    }

    fn get(&self, row: usize) -> Option<&[u32]> {
        let (block, range) = self.find(row);
        self.blocks.get(block)?.get(range)
    }

    fn last_mut(&mut self) -> Option<&mut [u32]> {
        let (block, range) = self.find(self.len.checked_sub(1)?);
        self.blocks.get_mut(block)?.get_mut(range)
    }

    /// Adds a row: these numbers, and zeros where there are none.
    fn push(&mut self, numbers: &[u32]) {
        self.make_room();
        let Some(block) = self.blocks.back_mut() else { return };
        let end = block.len().saturating_add(self.width);
        block.extend(numbers.iter().take(self.width));
        block.resize(end, 0);
        self.len = self.len.saturating_add(1);
    }

    fn push_copy_of(&mut self, row: usize) {
        self.make_room();
        let (from, range) = self.find(row);
        let Some(mut block) = self.blocks.pop_back() else { return };
        let end = block.len().saturating_add(self.width);
        match self.blocks.get(from) {
            Some(other) => block.extend(other.get(range).into_iter().flatten()),
            // It is in the same block.
            None if range.end <= block.len() => block.extend_from_within(range),
            None => {}
        }
        block.resize(end, 0);
        self.blocks.push_back(block);
        self.len = self.len.saturating_add(1);
    }

    fn pop_front(&mut self) {
        self.len = self.len.saturating_sub(1);
        self.gone = self.gone.saturating_add(1);
        if self.gone >> self.shift > 0 {
            self.gone = 0;
            if let Some(mut block) = self.blocks.pop_front()
                && self.spare.len() <= self.blocks.len()
            {
                block.clear();
                self.spare.push(block);
            }
        }
    }

    /// Sees to it that the last block is the one that the next row goes into.
    fn make_room(&mut self) {
        let (block, _) = self.find(self.len);
        if block >= self.blocks.len() {
            // The first one grows with its rows: few messages are most often all there are.
            let room = if self.len == 0 { 0 } else { self.width << self.shift };
            let block = self.spare.pop().unwrap_or_else(|| Vec::with_capacity(room));
            self.blocks.push_back(block);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::vec;
    use std::vec::Vec;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn one_parent_takes_no_room_of_its_own() {
        let [first, second] = [3, 7].map(Index::of);
        assert_eq!(Parents::from(vec![]), Parents::None);
        assert_eq!(Parents::from(vec![first]), Parents::One(first));
        let many = Parents::from(vec![first, second]);
        assert_eq!(many, Parents::Many([first, second].into()));
        assert_eq!(many.as_slice(), [first, second]);
    }

    #[test]
    fn a_burst_does_not_hold_its_room_for_good() {
        let mut nodes = LiveNodes::new(1);
        let push = |nodes: &mut LiveNodes, count| {
            for position in 0..count {
                let live = Live { position, monitored: 0, parents: Parents::None };
                nodes.push(live, Context::Merged(Vec::new()), 0);
            }
        };
        push(&mut nodes, 64);
        nodes.forget_while(|_, _| true);
        assert!(nodes.nodes.capacity() >= 64, "as many come again");
        push(&mut nodes, 10_000);
        nodes.forget_while(|index, _| index.number() < 10_000);
        assert_eq!(nodes.first(), Index::of(10_000));
        assert_eq!(nodes.nodes.len(), 64);
        assert!((64..512).contains(&nodes.nodes.capacity()), "{}", nodes.nodes.capacity());
    }

    #[test]
    fn blocks_are_used_again_and_half_of_a_burst_s_are_kept() {
        let mut rows = Rows::new(3);
        let of_block = 1 << rows.shift;
        assert_eq!(of_block, 256);
        rows.push(&[1, 2]);
        assert!(rows.blocks[0].capacity() < 256, "the first one grows with its rows");
        for _ in 1..10 * of_block {
            rows.push_copy_of(0);
        }
        assert_eq!(rows.blocks.len(), 10);
        for block in rows.blocks.iter().skip(1) {
            assert_eq!(block.capacity(), 3 * of_block, "the others need no more room");
        }
        for gone in 1..=10 {
            for _ in 0..of_block {
                rows.pop_front();
            }
            assert_eq!(rows.blocks.len(), 10 - gone);
            assert_eq!(rows.spare.len(), gone.min(5));
        }
        rows.push(&[3]);
        assert_eq!((rows.blocks.len(), rows.spare.len()), (1, 4));
        assert_eq!(rows.get(0), Some([3, 0, 0].as_slice()));
    }

    #[test]
    fn a_copy_of_no_row_is_a_row_of_zeros() {
        let mut rows = Rows::new(3);
        rows.push(&[1, 2, 3]);
        for nowhere in [2, 1_000] {
            rows.push_copy_of(nowhere);
        }
        assert_eq!(rows.get(1), Some([0; 3].as_slice()));
        assert_eq!(rows.get(2), Some([0; 3].as_slice()));
    }

    proptest! {
        #[test]
        fn rows_are_a_queue(
            width in 1_usize..900,
            steps in proptest::collection::vec((0_u8..5, any::<u16>()), 0..300),
        ) {
            let mut rows = Rows::new(width);
            let mut model: VecDeque<Vec<u32>> = VecDeque::new();
            for (what, number) in steps {
                let number = u32::from(number);
                match what {
                    0 if !model.is_empty() => {
                        rows.pop_front();
                        model.pop_front();
                    }
                    1 | 2 if !model.is_empty() => {
                        let row = usize::try_from(number).unwrap() % model.len();
                        rows.push_copy_of(row);
                        model.push_back(model[row].clone());
                    }
                    _ => {
                        rows.push(&[number]);
                        let mut row = vec![0; width];
                        row[0] = number;
                        model.push_back(row);
                    }
                }
                prop_assert_eq!(rows.len, model.len());
                if let Some(last) = rows.last_mut() {
                    last[width - 1] = number;
                    model.back_mut().unwrap()[width - 1] = number;
                }
            }
            for (row, numbers) in model.iter().enumerate() {
                prop_assert_eq!(rows.get(row), Some(numbers.as_slice()));
            }
            prop_assert_eq!(rows.get(model.len()), None);
        }
    }
}
