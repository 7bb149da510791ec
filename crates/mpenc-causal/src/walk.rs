//! Walks through the graph, as iterators without recursion.

use alloc::collections::{BTreeSet, BinaryHeap};
use alloc::vec::Vec;
use core::cmp::Reverse;
use core::hash::Hash;

use crate::Transcript;
use crate::index::Index;

impl<I: Copy + Ord + Hash, A: Clone + Ord> Transcript<I, A> {
    /// Everything that the author of `id` had seen, children before parents, pruned messages
    /// included. Nothing if `id` is pruned itself, or unknown.
    ///
    /// Walks back over the delivery order, and passes over what they had not seen.
    pub fn ancestors(&self, id: &I) -> impl Iterator<Item = I> {
        let node = self.node_of(id).filter(|node| node.live.is_some());
        let end = node.as_ref().map_or(0, |node| node.index.number());
        // Some that came later may be pruned all the same: only up to there are places known.
        let pruned = self.chains.iter().filter_map(|chain| chain.last_pruned);
        let start = pruned.map(|last| last.following().number()).chain([end]).max().unwrap_or(end);
        // Per author: how many of their messages are left to walk over, and how many were seen.
        let mut left: Vec<(u32, u32)> = node
            .iter()
            .flat_map(|node| self.chains.iter().enumerate().map(move |chain| (node, chain)))
            .map(|(node, (author, chain))| {
                let live = chain.messages.partition_point(|&index| index.number() < start);
                let live = u32::try_from(live).unwrap_or(u32::MAX);
                (chain.pruned.saturating_add(live), self.count_before(node, author))
            })
            .collect();
        (0..start).rev().filter_map(move |number| {
            let kept = self.kept.get(Index::of(number).at())?;
            let (left, seen) = left.get_mut(kept.author())?;
            *left = left.saturating_sub(1);
            // Of whoever came later they had seen nothing, nor of themselves.
            (*left < *seen).then_some(kept.id)
        })
    }

    /// Every message whose author had seen `id`, in delivery order. Pruned messages are left out.
    ///
    /// Takes one bisection per member to start and O(log *n*) per step, and holds one index per
    /// member: it merges the members' chains, and need not remember where it was.
    pub fn descendants(&self, id: &I) -> impl Iterator<Item = I> {
        let node = self.node_of(id);
        let mut next: BinaryHeap<Reverse<Index>> = node
            .iter()
            .flat_map(|node| (0..self.members.len()).map(move |author| (node, author)))
            .filter_map(|(node, author)| self.first_index_after(author, node))
            .map(Reverse)
            .collect();
        core::iter::from_fn(move || {
            let Reverse(index) = next.pop()?;
            let node = self.node(index)?;
            let chain = self.chains.get(node.author())?;
            next.extend(chain.live_at(node.live?.count()).map(Reverse));
            Some(node.kept.id)
        })
    }

    /// Walks from the parents of `id` against the edges, children before parents, each message
    /// once, and goes on past a message only if `walk_on` says so. The last messages of the walk,
    /// for which it says no, are among the results.
    ///
    /// For example, the nearest ancestors that satisfy a condition are found by walking on past
    /// those that do not. Ends at pruned messages, whose edges are forgotten.
    pub fn ancestors_through(
        &self,
        id: &I,
        mut walk_on: impl FnMut(&I) -> bool,
    ) -> impl Iterator<Item = I> {
        let node = self.node_of(id).and_then(|node| node.live);
        let parents = node.map(|live| live.parents.as_slice()).unwrap_or_default();
        // The frontier is taken from its youngest end: nothing that comes later in the walk can
        // lead back to what was taken, so that no set of visited messages is needed.
        let mut frontier: BTreeSet<Index> = parents.iter().copied().collect();
        core::iter::from_fn(move || {
            let node = self.node(frontier.pop_last()?)?;
            if walk_on(&node.kept.id) {
                frontier.extend(node.live.into_iter().flat_map(|live| live.parents.as_slice()));
            }
            Some(node.kept.id)
        })
    }

    /// Walks from the children of `id` along the edges, in delivery order, like
    /// [`ancestors_through`](Self::ancestors_through). Nothing if `id` is pruned.
    pub fn descendants_through(
        &self,
        id: &I,
        mut walk_on: impl FnMut(&I) -> bool,
    ) -> impl Iterator<Item = I> {
        let node = self.node_of(id);
        let children = node.map(|node| self.children_of(&node)).unwrap_or_default();
        let mut frontier: BTreeSet<Index> = children.into_iter().collect();
        core::iter::from_fn(move || {
            let node = self.node(frontier.pop_first()?)?;
            if walk_on(&node.kept.id) {
                frontier.extend(self.children_of(&node));
            }
            Some(node.kept.id)
        })
    }
}
