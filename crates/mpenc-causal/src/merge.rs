//! Recursive merge: what a set of concurrent states amounts to (design 4.3).
//!
//! A sub-session's membership is constant, so a session has no use for this. It is here for
//! transcripts whose messages each carry a state, such as a member list, that is changed
//! concurrently.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;
use core::hash::Hash;

use crate::Transcript;
use crate::index::Index;
use crate::transcript::Node;

/// Merges two sets that were both made from `base`: what either side added is in, what either side
/// removed is out (TR-09).
///
/// ```
/// use mpenc_causal::three_way_merge;
///
/// let [base, left, right] = ["ab", "abc", "b"].map(|set| set.chars().collect());
/// assert_eq!(three_way_merge(&base, &left, &right), "bc".chars().collect());
/// ```
pub fn three_way_merge<T: Ord + Clone>(
    base: &BTreeSet<T>,
    left: &BTreeSet<T>,
    right: &BTreeSet<T>,
) -> BTreeSet<T> {
    let all = left.union(right);
    let unchanged =
        |item: &&T| !base.contains(item) || (left.contains(item) && right.contains(item));
    all.filter(unchanged).cloned().collect()
}

impl<I: Copy + Ord + Hash, A: Clone + Ord> Transcript<I, A> {
    /// The merged state of several messages, given the state that each message carries.
    ///
    /// The messages are folded, in an order that is the same for everyone, by three-way merges;
    /// the base of each is the merged state of the latest common ancestors of its two sides.
    /// Messages that are ancestors of others do not matter, nor do repetitions or the order of
    /// `ids`. The result for one message is its own state; for none, or where there are no common
    /// ancestors, the state is empty.
    ///
    /// `None` if a message is unknown, or history that is needed was pruned. The work grows with
    /// the number of distinct sets of common ancestors; nothing recurses.
    pub fn merge<T: Ord + Clone>(
        &self,
        ids: &[I],
        state: impl Fn(&I) -> BTreeSet<T>,
    ) -> Option<BTreeSet<T>> {
        let mut past = self.nothing();
        for id in ids {
            past = self.join(&past, self.index_of(id)?, u32::max)?;
        }
        let goal = self.latest_of(&past)?;
        let mut known: BTreeMap<Vec<Index>, BTreeSet<T>> = BTreeMap::new();
        let mut open = Vec::from([goal.clone()]);
        while let Some(antichain) = open.last() {
            if known.contains_key(antichain) {
                open.pop();
                continue;
            }
            let bases = self.bases(antichain)?;
            let unknown: Vec<_> =
                bases.iter().filter(|base| !known.contains_key(*base)).cloned().collect();
            if !unknown.is_empty() {
                open.extend(unknown);
                continue;
            }
            let mut states = self.nodes_at(antichain).map(|node| state(&node.kept.id));
            let first = states.next().unwrap_or_default();
            let merged = states.zip(&bases).try_fold(first, |merged, (state, base)| {
                Some(three_way_merge(known.get(base)?, &merged, &state))
            })?;
            known.insert(antichain.clone(), merged);
            open.pop();
        }
        known.remove(&goal)
    }

    /// For each message but the first: the latest common ancestors of it and those before it.
    /// Each set's past is smaller than the given one's, so that the search ends.
    fn bases(&self, antichain: &[Index]) -> Option<Vec<Vec<Index>>> {
        let Some((&first, others)) = antichain.split_first() else { return Some(Vec::new()) };
        let mut past = self.join(&self.nothing(), first, u32::max)?;
        let mut bases = Vec::with_capacity(others.len());
        for &other in others {
            bases.push(self.latest_of(&self.join(&past, other, u32::min)?)?);
            past = self.join(&past, other, u32::max)?;
        }
        Some(bases)
    }

    fn nothing(&self) -> Vec<u32> {
        alloc::vec![0; self.members.len()]
    }

    /// A past, joined with what a message is or descends from: larger counts make the union,
    /// smaller ones the intersection.
    fn join(&self, past: &[u32], message: Index, of: fn(u32, u32) -> u32) -> Option<Vec<u32>> {
        self.node(message)?.live?;
        let context = self.live.context(message);
        Some(past.iter().zip(context).map(|(&a, &b)| of(a, b)).collect())
    }

    /// The messages of a past that no other descends from, in the order of their authors, which is
    /// the same for everyone.
    fn latest_of(&self, past: &[u32]) -> Option<Vec<Index>> {
        let mut latest = Vec::new();
        for (author, &count) in past.iter().enumerate() {
            let Some(position) = count.checked_sub(1) else { continue };
            let index = self.chains.get(author)?.live_at(position)?;
            latest.push(self.node(index)?);
        }
        let is_latest = |node: &&Node<'_, I>| {
            let mut others = latest.iter().filter(|other| other.index != node.index);
            let own = self.counts(node, node.author());
            others.all(|other| self.counts(other, node.author()) < own)
        };
        Some(latest.iter().filter(is_latest).map(|node| node.index).collect())
    }
}
