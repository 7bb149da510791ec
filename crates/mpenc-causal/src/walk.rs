//! Walks through the graph, as iterators without recursion.

use alloc::collections::{BTreeSet, BinaryHeap};
use core::cmp::Reverse;

use crate::Transcript;
use crate::index::{Index, at};

impl<I: Copy + Ord, A: Clone + Ord> Transcript<I, A> {
    /// Everything that the author of `id` had seen, children before parents, pruned messages
    /// included. Nothing if `id` is pruned itself, or unknown.
    ///
    /// Takes O(*n*) to start and O(log *n*) per step, and holds one index per member: it merges the
    /// members' chains, and need not remember where it was.
    pub fn ancestors(&self, id: &I) -> impl Iterator<Item = I> {
        let node = self.node_of(id).filter(|node| !self.is_node_pruned(node));
        let mut latest: BinaryHeap<Index> = node
            .into_iter()
            .flat_map(|node| self.chains.iter().enumerate().map(move |chain| (node, chain)))
            .filter_map(|(node, (author, chain))| {
                let position = self.count_before(node, author).checked_sub(1)?;
                chain.messages.get(at(position)).copied()
            })
            .collect();
        core::iter::from_fn(move || {
            let node = self.node(latest.pop()?)?;
            latest.extend(node.position.checked_sub(1).and_then(|p| self.in_chain(node.author, p)));
            Some(node.id)
        })
    }

    /// Every message whose author had seen `id`, in delivery order. Pruned messages are left out.
    ///
    /// Costs like [`ancestors`](Self::ancestors), and one bisection per member to start.
    pub fn descendants(&self, id: &I) -> impl Iterator<Item = I> {
        let node = self.node_of(id);
        let mut next: BinaryHeap<Reverse<Index>> = node
            .into_iter()
            .flat_map(|node| (0..self.members.len()).map(move |author| (node, author)))
            .filter_map(|(node, author)| self.first_index_after(author, node))
            .map(Reverse)
            .collect();
        core::iter::from_fn(move || {
            let Reverse(index) = next.pop()?;
            let node = self.node(index)?;
            next.extend(self.in_chain(node.author, node.count()).map(Reverse));
            Some(node.id)
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
        let parents = self.node_of(id).map(|node| &*node.links.parents).unwrap_or_default();
        // The frontier is taken from its youngest end: nothing that comes later in the walk can
        // lead back to what was taken, so that no set of visited messages is needed.
        let mut frontier: BTreeSet<Index> = parents.iter().copied().collect();
        core::iter::from_fn(move || {
            let node = self.node(frontier.pop_last()?)?;
            if walk_on(&node.id) {
                frontier.extend(node.links.parents.iter());
            }
            Some(node.id)
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
        let children = node.map(|node| node.links.children.as_slice()).unwrap_or_default();
        let mut frontier: BTreeSet<Index> = children.iter().copied().collect();
        core::iter::from_fn(move || {
            let node = self.node(frontier.pop_first()?)?;
            if walk_on(&node.id) {
                frontier.extend(node.links.children.iter());
            }
            Some(node.id)
        })
    }

    fn in_chain(&self, author: usize, position: u32) -> Option<Index> {
        self.chains.get(author)?.messages.get(at(position)).copied()
    }
}
