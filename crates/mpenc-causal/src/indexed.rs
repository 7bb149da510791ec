//! Questions by number instead of by name, for callers who ask much.

use alloc::vec::Vec;
use core::hash::Hash;

use crate::index::Index;
use crate::{Role, Transcript};

/// A view of a [`Transcript`] in which messages are named by [`Index`] and members by their number,
/// which is their place in [`Transcript::members`]. See [`Transcript::indexed`].
#[derive(Debug)]
pub struct Indexed<'a, I, A>(&'a Transcript<I, A>);

impl<I: Copy + Ord + Hash, A: Clone + Ord> Transcript<I, A> {
    /// The same transcript, by numbers. Indices never change, and can be asked about for as long as
    /// the transcript is there.
    pub const fn indexed(&self) -> Indexed<'_, I, A> {
        Indexed(self)
    }

    /// Which message it is, in delivery order. `None` if it is unknown.
    pub fn index(&self, id: &I) -> Option<Index> {
        self.index_of(id)
    }

    /// The message at an index. `None` if the transcript is shorter.
    pub fn id(&self, index: Index) -> Option<I> {
        self.id_at(index)
    }

    /// A member's number. `None` if they are none.
    pub fn number(&self, member: &A) -> Option<usize> {
        self.member_index(member)
    }

    /// The member with a number. `None` if there are fewer.
    pub fn member(&self, number: usize) -> Option<&A> {
        self.members.get(number)
    }
}

impl<I: Copy + Ord + Hash, A: Clone + Ord> Indexed<'_, I, A> {
    /// Who wrote the message.
    pub fn author(&self, index: Index) -> Option<usize> {
        self.0.kept.get(index.at()).map(|kept| kept.author())
    }

    /// How many members there are: their numbers are below it.
    pub const fn members(&self) -> usize {
        self.0.members.len()
    }

    /// See [`Transcript::is_pruned`].
    pub fn is_pruned(&self, index: Index) -> bool {
        self.0.node(index).is_some_and(|node| node.live.is_none())
    }

    /// What the message is for.
    pub fn role(&self, index: Index) -> Option<Role> {
        self.0.kept.get(index.at()).map(|kept| kept.role())
    }

    /// See [`Transcript::acked_by`].
    pub fn acked_by(&self, index: Index, reader: usize) -> bool {
        let Some(node) = self.0.node(index).filter(|_| reader < self.0.members.len()) else {
            return false;
        };
        let author = node.author();
        node.live.is_none_or(|live| self.0.acks.acked(reader, author) > live.position)
    }

    /// How many messages of `author`, from the first, `reader` has acked; of their own, all.
    pub fn acked(&self, reader: usize, author: usize) -> u32 {
        self.0.acks.acked(reader, author)
    }

    /// See [`Transcript::is_fully_acked`].
    pub fn is_fully_acked(&self, index: Index) -> bool {
        self.0.node(index).is_some_and(|node| {
            let author = node.author();
            node.live.is_none_or(|live| live.position < self.0.acks.watermark(author))
        })
    }

    /// See [`Transcript::first_after`].
    pub fn first_after(&self, reader: usize, index: Index) -> Option<Index> {
        self.0.first_index_after(reader, &self.0.node(index)?)
    }

    /// See [`Transcript::ack_run_before`].
    pub fn ack_run_before(&self, index: Index) -> Vec<Index> {
        let transcript = self.0;
        let Some(node) = transcript.node(index).filter(|node| node.live.is_some()) else {
            return Vec::new();
        };
        // The latest ancestors, by author, that are not explicit acks: whatever they descend from
        // is not directly before the message. Pruned ones descend from what is pruned only.
        let others: Vec<Index> = transcript
            .chains
            .iter()
            .enumerate()
            .filter_map(|(author, chain)| {
                let latest = transcript.count_before(&node, author).checked_sub(1)?;
                let monitored = transcript.live.get(chain.live_at(latest)?)?.monitored;
                chain.live_at(monitored.checked_sub(1)?)
            })
            .collect();
        let mut run: Vec<Index> = Vec::new();
        for (author, chain) in transcript.chains.iter().enumerate() {
            let seen = |other: &Index| transcript.live.context(*other).get(author).copied();
            let from = others.iter().filter_map(seen).max().unwrap_or(0).max(chain.pruned);
            run.extend(chain.live_between(from..transcript.count_before(&node, author)));
        }
        run.sort_unstable();
        run
    }
}
