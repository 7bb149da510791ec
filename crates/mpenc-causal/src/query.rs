//! Questions to a transcript. None of them walks over history, but for some about what was pruned,
//! which say so.

use alloc::vec::Vec;
use core::hash::Hash;

use crate::index::Index;
use crate::transcript::Node;
use crate::{Role, Transcript};

/// Members and messages.
impl<I: Copy + Ord + Hash, A: Clone + Ord> Transcript<I, A> {
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
        self.kept.len()
    }

    /// Whether no message was added yet.
    pub fn is_empty(&self) -> bool {
        self.kept.len() == 0
    }

    /// Whether the message is here. Pruned messages are.
    pub fn contains(&self, id: &I) -> bool {
        self.index_of(id).is_some()
    }

    /// Who wrote the message.
    pub fn author(&self, id: &I) -> Option<&A> {
        self.members.get(self.node_of(id)?.author())
    }

    /// What the message is for.
    pub fn role(&self, id: &I) -> Option<Role> {
        self.node_of(id).map(|node| node.kept.role())
    }

    /// An author's messages, first to last. Walks over all messages.
    pub fn by_author(&self, author: &A) -> impl DoubleEndedIterator<Item = I> {
        let author = self.member_index(author);
        let by_author = self.kept.iter().filter(move |kept| Some(kept.author()) == author);
        by_author.map(|kept| kept.id)
    }

    /// The author's first close message, if they closed their part.
    pub fn closed_by(&self, author: &A) -> Option<I> {
        let chain = self.chains.get(self.member_index(author)?)?;
        self.id_at(chain.close?)
    }
}

/// The order.
impl<I: Copy + Ord + Hash, A: Clone + Ord> Transcript<I, A> {
    /// Whether the author of `b` had seen `a`, and `a` is not `b` (TR-01). O(1) after the look-ups.
    ///
    /// `None` if either message is unknown, and if both are pruned and by different authors: how
    /// these two stood is forgotten. If `a` is pruned, and `b` had not seen all of its author's
    /// messages that are, it takes a walk over these.
    pub fn before(&self, a: &I, b: &I) -> Option<bool> {
        let (a, b) = (self.node_of(a)?, self.node_of(b)?);
        if a.author() == b.author() {
            return Some(a.index < b.index);
        }
        if b.live.is_none() {
            // Ancestors of pruned messages are pruned.
            return if a.live.is_none() { None } else { Some(false) };
        }
        let seen = self.counts(&b, a.author());
        Some(seen >= self.counts(&a, a.author()) || seen > self.position(&a))
    }

    /// The messages that the author named as the latest they had seen. None if it is pruned.
    pub fn parents(&self, id: &I) -> impl ExactSizeIterator<Item = I> {
        let node = self.node_of(id).and_then(|node| node.live);
        self.ids(node.map(|live| live.parents.as_slice()).unwrap_or_default()).into_iter()
    }

    /// The messages that name this one as a parent, in delivery order. None if it is pruned. Found
    /// by one bisection per member.
    pub fn children(&self, id: &I) -> impl ExactSizeIterator<Item = I> {
        let node = self.node_of(id);
        self.ids(&node.map(|node| self.children_of(&node)).unwrap_or_default()).into_iter()
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
        let first = self.chains.iter().filter_map(|chain| self.kept.get(chain.first?.at()));
        first.filter(|kept| kept.height() == 0).map(|kept| kept.id)
    }

    /// All messages in the order in which they were added here: append-only, causal, and a matter
    /// of each member's own luck with the network.
    pub fn delivery_order(&self) -> impl DoubleEndedIterator<Item = I> {
        self.kept.iter().map(|kept| kept.id)
    }

    /// All messages in a causal order that is the same for everyone who has the same messages.
    ///
    /// It is Lamport's: by the length of the longest path that leads to a message, then by author.
    /// Ids have no say in it, so authors gain nothing by grinding them. The relative order of two
    /// messages never changes, but a message that comes late may belong between earlier ones.
    pub fn canonical_order(&self) -> Vec<I> {
        let mut keys: Vec<(u32, usize, I)> =
            self.kept.iter().map(|kept| (kept.height(), kept.author(), kept.id)).collect();
        keys.sort_unstable();
        keys.into_iter().map(|(_, _, id)| id).collect()
    }

    /// What the author of `id` had seen: the latest message of each member before `id`, in the
    /// order of members (TR-06). Members without one are left out. Empty if `id` is pruned. Walks
    /// over pruned messages, where these were the latest.
    pub fn context(&self, id: &I) -> impl Iterator<Item = (&A, I)> {
        let node = self.node_of(id);
        self.members.iter().enumerate().filter_map(move |(number, member)| {
            Some((member, self.latest_before(node.as_ref()?, number)?))
        })
    }

    /// The latest message of `author` before `id`: with ourselves as the author, our newest message
    /// that the author of `id` had certainly seen (FR-01). `None` if there is none, or `id` is
    /// pruned.
    pub fn seen_of(&self, id: &I, author: &A) -> Option<I> {
        self.latest_before(&self.node_of(id)?, self.member_index(author)?)
    }
}

/// Acknowledgement.
impl<I: Copy + Ord + Hash, A: Clone + Ord> Transcript<I, A> {
    /// Whether a message of `reader` descends from the message (AK-01). True for its author, who
    /// owes no ack; false if either is unknown.
    pub fn acked_by(&self, id: &I, reader: &A) -> bool {
        let (Some(index), Some(reader)) = (self.index_of(id), self.member_index(reader)) else {
            return false;
        };
        self.indexed().acked_by(index, reader)
    }

    /// Whether every awaited reader has acked the message.
    pub fn is_fully_acked(&self, id: &I) -> bool {
        self.index_of(id).is_some_and(|index| self.indexed().is_fully_acked(index))
    }

    /// Whether every content and close message is fully acked.
    pub const fn all_fully_acked(&self) -> bool {
        self.unacked_count() == 0
    }

    /// The awaited readers who have not acked the message, ascending. Empty if it is unknown.
    pub fn unacked_by(&self, id: &I) -> Vec<A> {
        let missing = self.never_acked(id).filter(|&(reader, _)| self.acks.is_awaited(reader));
        missing.map(|(_, member)| member.clone()).collect()
    }

    /// The members who have not acked the message, awaited or not, ascending. Empty if it is
    /// unknown.
    pub fn never_acked_by(&self, id: &I) -> impl Iterator<Item = &A> {
        // What is fully acked has been acked by all, if all are awaited.
        let lacks = !(self.acks.awaits_all() && self.is_fully_acked(id));
        lacks.then(|| self.never_acked(id)).into_iter().flatten().map(|(_, member)| member)
    }

    /// The content and close messages that are not fully acked, in delivery order.
    pub fn unacked(&self) -> impl DoubleEndedIterator<Item = I> {
        let mut unacked: Vec<Index> = Vec::new();
        for (author, chain) in self.chains.iter().enumerate() {
            let from = self.acks.watermark(author);
            let open = chain.live_between(from..u32::MAX);
            let awaited = |index: &Index| {
                self.kept.get(index.at()).is_some_and(|kept| kept.role() != Role::Ack)
            };
            unacked.extend(open.filter(awaited));
        }
        unacked.sort_unstable();
        self.ids(&unacked).into_iter()
    }

    /// Whether acknowledgements by `member` are waited for; see [`waive`](Self::waive).
    pub fn is_awaited(&self, member: &A) -> bool {
        self.member_index(member).is_some_and(|member| self.acks.is_awaited(member))
    }

    /// The newest message of `author` that `reader` has acked. Walks over pruned messages, if it is
    /// one of these.
    pub fn latest_acked(&self, reader: &A, author: &A) -> Option<I> {
        let (reader, author) = (self.member_index(reader)?, self.member_index(author)?);
        let position = self.acks.acked(reader, author).checked_sub(1)?;
        self.id_at(self.index_at(author, position)?)
    }

    /// The first message of `reader` after the message: their ack of it. Found by bisection.
    /// Pruned messages are not searched; to ask about one takes a walk over those after it.
    pub fn first_after(&self, reader: &A, id: &I) -> Option<I> {
        let first = self.first_index_after(self.member_index(reader)?, &self.node_of(id)?);
        self.id_at(first?)
    }

    /// The run of explicit acks directly before the message, in delivery order: its ancestors that
    /// are explicit acks and after which it has no other ancestor (RS-02).
    ///
    /// Nobody awaits these, so whoever resends the message resends them with it, lest it lack its
    /// parents. Pruned acks are left out: everybody has them.
    pub fn ack_run_before(&self, id: &I) -> Vec<I> {
        let Some(index) = self.index_of(id) else { return Vec::new() };
        self.ids(&self.indexed().ack_run_before(index))
    }

    /// The readers who have not acked the message, with their numbers.
    fn never_acked(&self, id: &I) -> impl Iterator<Item = (usize, &A)> {
        // Everybody has acked what is pruned.
        let node = self.node_of(id).and_then(|node| Some((node.author(), node.live?.position)));
        let readers = self.members.iter().enumerate();
        readers.filter(move |&(reader, _)| {
            node.is_some_and(|(author, position)| {
                reader != author && self.acks.acked(reader, author) <= position
            })
        })
    }
}

/// For the other modules.
impl<I: Copy + Ord + Hash, A: Clone + Ord> Transcript<I, A> {
    pub(crate) fn id_at(&self, index: Index) -> Option<I> {
        self.kept.get(index.at()).map(|kept| kept.id)
    }

    pub(crate) fn ids<'a>(&self, indices: impl IntoIterator<Item = &'a Index>) -> Vec<I> {
        indices.into_iter().filter_map(|&index| self.id_at(index)).collect()
    }

    /// How many messages of `author` are ancestors of `node`.
    pub(crate) fn count_before(&self, node: &Node<'_, I>, author: usize) -> u32 {
        let count = self.counts(node, author);
        if author == node.author() { count.saturating_sub(1) } else { count }
    }

    /// The first message of `author` that descends from `node`, among those not pruned.
    pub(crate) fn first_index_after(&self, author: usize, node: &Node<'_, I>) -> Option<Index> {
        let chain = self.chains.get(author)?;
        if author == node.author() {
            let next = node.live.map_or(chain.pruned, |live| live.count());
            return chain.live_at(next);
        }
        // Hazard: to place a pruned message takes a walk. Nothing that comes from the wire may ask for
        // it: see `Answers::to` in mpenc-session.
        let count = self.position(node).saturating_add(1);
        // Along a chain contexts only grow.
        let first = chain.messages.partition_point(|&index| {
            self.live.context(index).get(node.author()).is_none_or(|&seen| seen < count)
        });
        chain.messages.get(first).copied()
    }

    /// The messages that name this one as a parent, in delivery order.
    pub(crate) fn children_of(&self, node: &Node<'_, I>) -> Vec<Index> {
        if node.live.is_none() {
            return Vec::new();
        }
        // A child is its author's first message after the parent: the later ones have it as an
        // ancestor by way of that one.
        let first = (0..self.members.len()).filter_map(|by| self.first_index_after(by, node));
        let names = |child: &Index| {
            let child = self.live.get(*child);
            child.is_some_and(|child| child.parents.as_slice().contains(&node.index))
        };
        let mut children: Vec<Index> = first.filter(names).collect();
        children.sort_unstable();
        children
    }

    /// The place in the author's chain. Walks over pruned messages to find that of one of them.
    pub(crate) fn position(&self, node: &Node<'_, I>) -> u32 {
        if let Some(live) = node.live {
            return live.position;
        }
        let Some(chain) = self.chains.get(node.author()) else { return 0 };
        let last = chain.last_pruned.unwrap_or(node.index);
        let between = node.index.following().number()..last.following().number();
        let between = between.map(Index::of).filter_map(|index| self.kept.get(index.at()));
        let later = between.filter(|kept| kept.author() == node.author()).count();
        let later = u32::try_from(later).unwrap_or(u32::MAX);
        chain.pruned.saturating_sub(1).saturating_sub(later)
    }

    /// The message at a place in its author's chain. Walks over pruned messages to find one of them.
    pub(crate) fn index_at(&self, author: usize, position: u32) -> Option<Index> {
        let chain = self.chains.get(author)?;
        let Some(later) = chain.pruned.checked_sub(1).and_then(|last| last.checked_sub(position))
        else {
            return chain.live_at(position);
        };
        let pruned = (0..chain.last_pruned?.following().number()).rev().map(Index::of);
        let by_author =
            |index: &Index| self.kept.get(index.at()).is_some_and(|kept| kept.author() == author);
        pruned.filter(by_author).nth(crate::index::at(later))
    }

    fn latest_before(&self, node: &Node<'_, I>, author: usize) -> Option<I> {
        node.live?;
        let position = self.count_before(node, author).checked_sub(1)?;
        self.id_at(self.index_at(author, position)?)
    }
}
