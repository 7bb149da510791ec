//! What liveness asks of the order of messages.

use alloc::vec::Vec;
use core::hash::Hash;

use mpenc_causal::{Index, Indexed, Role, Transcript};

/// A causal order of messages, named by `I`, by members, named by `A`; and who has acked what.
///
/// Names may be ids, or the numbers that a transcript has for them anyway: these are found faster.
pub(crate) trait Causality<I, A> {
    /// Who wrote the message.
    fn author(&self, message: &I) -> Option<A>;
    /// What it is for.
    fn role(&self, message: &I) -> Option<Role>;
    /// Whether somebody has a part in the order.
    fn is_member(&self, member: &A) -> bool;
    /// Whether every awaited reader has acked the message.
    fn is_fully_acked(&self, message: &I) -> bool;
    /// Whether everybody knows that everybody has acked it.
    fn is_pruned(&self, message: &I) -> bool;
    /// Whether a message of `reader` descends from it, or is it.
    fn acked_by(&self, message: &I, reader: &A) -> bool;
    /// How many messages of `author`, from the first, `reader` has acked.
    fn acked(&self, reader: &A, author: &A) -> u64;
    /// The first message of `reader` after it, which must not be pruned.
    fn first_after(&self, reader: &A, message: &I) -> Option<I>;
    /// The explicit acks directly before it, in order.
    fn ack_run_before(&self, message: &I) -> Vec<I>;
}

impl<I: Copy + Ord + Hash, A: Clone + Ord> Causality<Index, usize> for Indexed<'_, I, A> {
    fn author(&self, message: &Index) -> Option<usize> {
        self.author(*message)
    }

    fn role(&self, message: &Index) -> Option<Role> {
        self.role(*message)
    }

    fn is_member(&self, member: &usize) -> bool {
        *member < self.members()
    }

    fn is_fully_acked(&self, message: &Index) -> bool {
        self.is_fully_acked(*message)
    }

    fn is_pruned(&self, message: &Index) -> bool {
        self.is_pruned(*message)
    }

    fn acked_by(&self, message: &Index, reader: &usize) -> bool {
        self.acked_by(*message, *reader)
    }

    fn acked(&self, reader: &usize, author: &usize) -> u64 {
        u64::from(self.acked(*reader, *author))
    }

    fn first_after(&self, reader: &usize, message: &Index) -> Option<Index> {
        self.first_after(*reader, *message)
    }

    fn ack_run_before(&self, message: &Index) -> Vec<Index> {
        self.ack_run_before(*message)
    }
}

/// By ids: tests read better so.
impl<I: Copy + Ord + Hash, A: Clone + Ord> Causality<I, A> for Transcript<I, A> {
    fn author(&self, message: &I) -> Option<A> {
        self.author(message).cloned()
    }

    fn role(&self, message: &I) -> Option<Role> {
        self.role(message)
    }

    fn is_member(&self, member: &A) -> bool {
        self.is_member(member)
    }

    fn is_fully_acked(&self, message: &I) -> bool {
        self.is_fully_acked(message)
    }

    fn is_pruned(&self, message: &I) -> bool {
        self.is_pruned(message)
    }

    fn acked_by(&self, message: &I, reader: &A) -> bool {
        self.acked_by(message, reader)
    }

    fn acked(&self, reader: &A, author: &A) -> u64 {
        let numbers = self.number(reader).zip(self.number(author));
        numbers.map_or(0, |(reader, author)| u64::from(self.indexed().acked(reader, author)))
    }

    fn first_after(&self, reader: &A, message: &I) -> Option<I> {
        self.first_after(reader, message)
    }

    fn ack_run_before(&self, message: &I) -> Vec<I> {
        self.ack_run_before(message)
    }
}
