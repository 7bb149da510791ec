//! Questions to a transcript. None of them walks over history.

use alloc::vec::Vec;

use crate::index::{Index, at};
use crate::transcript::Node;
use crate::{Role, Transcript};

/// Members and messages.
impl<I: Copy + Ord, A: Clone + Ord> Transcript<I, A> {
    /// The members, ascending.
    pub fn members(&self) -> impl ExactSizeIterator<Item = &A> + Clone {
        self.members.iter()
    }

    /// Whether `member` is one of them.
    pub fn is_member(&self, member: &A) -> bool {
        self.member_index(member).is_some()
    }

    /// How many messages were added, pruned ones included.
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Whether no message was added yet.
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// Whether the message is here. Pruned messages are.
    pub fn contains(&self, id: &I) -> bool {
        self.index_of(id).is_some()
    }

    /// Who wrote the message.
    pub fn author(&self, id: &I) -> Option<&A> {
        self.members.get(self.node_of(id)?.author)
    }

    /// What the message is for.
    pub fn role(&self, id: &I) -> Option<Role> {
        self.node_of(id).map(|node| node.role)
    }

    /// An author's messages, first to last.
    pub fn by_author(&self, author: &A) -> impl DoubleEndedIterator<Item = I> {
        let chain = self.member_index(author).and_then(|author| self.chains.get(author));
        let messages = chain.map(|chain| chain.messages.as_slice()).unwrap_or_default();
        messages.iter().filter_map(|&index| self.id_at(index))
    }

    /// The author's first close message, if they closed their part.
    pub fn closed_by(&self, author: &A) -> Option<I> {
        let chain = self.chains.get(self.member_index(author)?)?;
        self.id_at(chain.close?)
    }
}

/// The order.
impl<I: Copy + Ord, A: Clone + Ord> Transcript<I, A> {
    /// Whether the author of `b` had seen `a`, and `a` is not `b` (TR-01). O(1) after the look-ups.
    ///
    /// `None` if either message is unknown, and if both are pruned and by different authors: how
    /// these two stood is forgotten.
    pub fn before(&self, a: &I, b: &I) -> Option<bool> {
        let (a, b) = (self.node_of(a)?, self.node_of(b)?);
        if a.author == b.author {
            return Some(a.position < b.position);
        }
        if self.is_node_pruned(b) {
            // Ancestors of pruned messages are pruned.
            return if self.is_node_pruned(a) { None } else { Some(false) };
        }
        Some(self.counts(b, a.author) > a.position)
    }

    /// The messages that the author named as the latest they had seen. None if it is pruned.
    pub fn parents(&self, id: &I) -> impl ExactSizeIterator<Item = I> {
        let parents = self.node_of(id).map(|node| &*node.links.parents).unwrap_or_default();
        self.ids(parents).into_iter()
    }

    /// The messages that name this one as a parent, in delivery order. None if it is pruned.
    pub fn children(&self, id: &I) -> impl ExactSizeIterator<Item = I> {
        let node = self.node_of(id);
        let children = node.map(|node| node.links.children.as_slice()).unwrap_or_default();
        self.ids(children).into_iter()
    }

    /// The messages without children, ascending: the parents of a message that we write next.
    pub fn heads(&self) -> Vec<I> {
        let mut heads = self.ids(&self.heads);
        heads.sort_unstable();
        heads
    }

    /// The heads, the one that was added last first.
    pub fn heads_recent_first(&self) -> Vec<I> {
        self.heads.iter().rev().filter_map(|&head| self.id_at(head)).collect()
    }

    /// The messages without parents, in the order of their authors. At most one by each.
    pub fn earliest(&self) -> impl Iterator<Item = I> {
        let first = self.chains.iter().filter_map(|chain| chain.messages.first());
        self.nodes_at(first).filter(|node| node.height == 0).map(|node| node.id)
    }

    /// All messages in the order in which they were added here: append-only, causal, and a matter
    /// of each member's own luck with the network.
    pub fn delivery_order(&self) -> impl DoubleEndedIterator<Item = I> + ExactSizeIterator {
        self.nodes.iter().map(|node| node.id)
    }

    /// All messages in a causal order that is the same for everyone who has the same messages.
    ///
    /// It is Lamport's: by the length of the longest path that leads to a message, then by author.
    /// Ids have no say in it, so authors gain nothing by grinding them. The relative order of two
    /// messages never changes, but a message that comes late may belong between earlier ones.
    pub fn canonical_order(&self) -> Vec<I> {
        let mut keys: Vec<(u32, usize, I)> =
            self.nodes.iter().map(|node| (node.height, node.author, node.id)).collect();
        keys.sort_unstable();
        keys.into_iter().map(|(_, _, id)| id).collect()
    }

    /// What the author of `id` had seen: the latest message of each member before `id`, in the
    /// order of members (TR-06). Members without one are left out. Empty if `id` is pruned.
    pub fn context(&self, id: &I) -> impl Iterator<Item = (&A, I)> {
        let node = self.node_of(id);
        self.members
            .iter()
            .enumerate()
            .filter_map(move |(number, member)| Some((member, self.latest_before(node?, number)?)))
    }

    /// The latest message of `author` before `id`: with ourselves as the author, our newest message
    /// that the author of `id` had certainly seen (FR-01). `None` if there is none, or `id` is
    /// pruned.
    pub fn seen_of(&self, id: &I, author: &A) -> Option<I> {
        self.latest_before(self.node_of(id)?, self.member_index(author)?)
    }
}

/// Acknowledgement.
impl<I: Copy + Ord, A: Clone + Ord> Transcript<I, A> {
    /// Whether a message of `reader` descends from the message (AK-01). True for its author, who
    /// owes no ack; false if either is unknown.
    pub fn acked_by(&self, id: &I, reader: &A) -> bool {
        let (Some(node), Some(reader)) = (self.node_of(id), self.member_index(reader)) else {
            return false;
        };
        self.acks.acked(reader, node.author) > node.position
    }

    /// Whether every awaited reader has acked the message.
    pub fn is_fully_acked(&self, id: &I) -> bool {
        self.node_of(id).is_some_and(|node| node.position < self.acks.watermark(node.author))
    }

    /// The awaited readers who have not acked the message, ascending. Empty if it is unknown.
    pub fn unacked_by(&self, id: &I) -> Vec<A> {
        let Some(node) = self.node_of(id) else { return Vec::new() };
        let readers = self.members.iter().enumerate();
        readers
            .filter(|&(reader, _)| reader != node.author && self.acks.is_awaited(reader))
            .filter(|&(reader, _)| self.acks.acked(reader, node.author) <= node.position)
            .map(|(_, member)| member.clone())
            .collect()
    }

    /// The members who have not acked the message, awaited or not, ascending. Empty if it is
    /// unknown.
    pub fn never_acked_by(&self, id: &I) -> impl Iterator<Item = &A> {
        let node = self.node_of(id);
        let readers = self.members.iter().enumerate();
        readers.filter_map(move |(reader, member)| {
            let node = node?;
            let open = self.acks.acked(reader, node.author) <= node.position;
            (open && reader != node.author).then_some(member)
        })
    }

    /// The content and close messages that are not fully acked, in delivery order.
    pub fn unacked(&self) -> impl DoubleEndedIterator<Item = I> {
        self.unacked.iter().filter_map(|&index| self.id_at(index))
    }

    /// Whether acknowledgements by `member` are waited for; see [`waive`](Self::waive).
    pub fn is_awaited(&self, member: &A) -> bool {
        self.member_index(member).is_some_and(|member| self.acks.is_awaited(member))
    }

    /// The newest message of `author` that `reader` has acked.
    pub fn latest_acked(&self, reader: &A, author: &A) -> Option<I> {
        let (reader, author) = (self.member_index(reader)?, self.member_index(author)?);
        let position = self.acks.acked(reader, author).checked_sub(1)?;
        self.id_at(*self.chains.get(author)?.messages.get(at(position))?)
    }

    /// The first message of `reader` after the message: their ack of it. Found by bisection.
    /// Pruned messages are not searched.
    pub fn first_after(&self, reader: &A, id: &I) -> Option<I> {
        let node = self.node_of(id)?;
        self.first_index_after(self.member_index(reader)?, node).and_then(|i| self.id_at(i))
    }

    /// The run of explicit acks directly before the message, in delivery order: its ancestors that
    /// are explicit acks and after which it has no other ancestor (RS-02).
    ///
    /// Nobody awaits these, so whoever resends the message resends them with it, lest it lack its
    /// parents. Pruned acks are left out: everybody has them.
    pub fn ack_run_before(&self, id: &I) -> Vec<I> {
        let Some(node) = self.node_of(id).filter(|node| !self.is_node_pruned(node)) else {
            return Vec::new();
        };
        // The latest ancestors, by author, that are not explicit acks: whatever they descend from
        // is not directly before the message.
        let others: Vec<&Node<I>> = (0..self.members.len())
            .filter_map(|author| self.node_before(node, author))
            .filter_map(|latest| {
                let chain = self.chains.get(latest.author)?;
                self.node(*chain.messages.get(at(latest.monitored.checked_sub(1)?))?)
            })
            .collect();
        let mut run: Vec<Index> = Vec::new();
        for (author, chain) in self.chains.iter().enumerate() {
            let covered = others.iter().map(|other| self.counts(other, author)).max();
            let from = covered.unwrap_or(0).max(chain.pruned);
            let to = self.count_before(node, author);
            run.extend(chain.messages.get(at(from)..at(to)).unwrap_or_default());
        }
        run.sort_unstable();
        self.ids(&run)
    }
}

/// For the other modules.
impl<I: Copy + Ord, A: Clone + Ord> Transcript<I, A> {
    pub(crate) fn id_at(&self, index: Index) -> Option<I> {
        self.node(index).map(|node| node.id)
    }

    pub(crate) fn ids<'a>(&self, indices: impl IntoIterator<Item = &'a Index>) -> Vec<I> {
        indices.into_iter().filter_map(|&index| self.id_at(index)).collect()
    }

    /// How many messages of `author` are ancestors of `node`.
    pub(crate) fn count_before(&self, node: &Node<I>, author: usize) -> u32 {
        let count = self.counts(node, author);
        if author == node.author { count.saturating_sub(1) } else { count }
    }

    /// The latest message of `author` before `node`.
    pub(crate) fn node_before(&self, node: &Node<I>, author: usize) -> Option<&Node<I>> {
        let position = self.count_before(node, author).checked_sub(1)?;
        self.node(*self.chains.get(author)?.messages.get(at(position))?)
    }

    /// The first message of `author` that descends from `node`, among those not pruned.
    pub(crate) fn first_index_after(&self, author: usize, node: &Node<I>) -> Option<Index> {
        let chain = self.chains.get(author)?;
        if author == node.author {
            let next = node.count().max(chain.pruned);
            return chain.messages.get(at(next)).copied();
        }
        let kept = chain.messages.get(at(chain.pruned)..)?;
        // Along a chain contexts only grow.
        let first = kept.partition_point(|&index| {
            self.node(index).is_some_and(|later| self.counts(later, node.author) < node.count())
        });
        kept.get(first).copied()
    }

    fn latest_before(&self, node: &Node<I>, author: usize) -> Option<I> {
        if self.is_node_pruned(node) {
            return None;
        }
        self.node_before(node, author).map(|node| node.id)
    }
}
