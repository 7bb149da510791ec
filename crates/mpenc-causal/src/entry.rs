//! What goes into a transcript, and what comes back.

use alloc::collections::BTreeSet;
use alloc::vec::Vec;

use crate::{Index, Transcript};

/// What a message is for, as far as acknowledgement is concerned.
///
/// Explicit acks are never awaited themselves: there are no acks of acks (AK-05, AK-06).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Role {
    /// Something that its readers must acknowledge: a payload, a heartbeat, a consistency request.
    Content,
    /// An explicit acknowledgement, written only to acknowledge its ancestors.
    Ack,
    /// The end of an author's part: acknowledged like content, and no content of the author may
    /// follow it (FI-04).
    Close,
}

/// A message on its way into a [`Transcript`]: who wrote it, and what its author had seen.
#[derive(Debug)]
pub struct Entry<'a, I, A> {
    pub(crate) id: I,
    pub(crate) author: &'a A,
    pub(crate) parents: &'a [I],
    pub(crate) role: Role,
    pub(crate) readers: Option<&'a BTreeSet<A>>,
    pub(crate) elsewhere: Option<&'a Transcript<I, A>>,
}

impl<'a, I, A> Entry<'a, I, A> {
    /// A message by `author`, who had seen exactly `parents` and their ancestors.
    pub fn new(id: I, author: &'a A, parents: &'a [I], role: Role) -> Self {
        Self { id, author, parents, role, readers: None, elsewhere: None }
    }

    /// Says whom the author wrote to, where the message itself tells.
    ///
    /// The transcript then checks that author and readers are exactly its members. Without this
    /// the caller vouches for it, for example because the encryption key is the sub-session's.
    #[must_use]
    pub fn to_readers(self, readers: &'a BTreeSet<A>) -> Self {
        Self { readers: Some(readers), ..self }
    }

    /// Names another transcript whose messages cannot be parents here.
    ///
    /// A parent that is found there is refused at once ([`AddError::ParentElsewhere`]) instead of
    /// being awaited for ever.
    ///
    /// [`AddError::ParentElsewhere`]: crate::AddError::ParentElsewhere
    #[must_use]
    pub fn apart_from(self, other: &'a Transcript<I, A>) -> Self {
        Self { elsewhere: Some(other), ..self }
    }
}

// By hand: a derive would ask that `A: Copy`, though only a reference to it is held.
impl<I: Copy, A> Clone for Entry<'_, I, A> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<I: Copy, A> Copy for Entry<'_, I, A> {}

/// What an accepted message brought about.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Added<I> {
    /// The message's place in the delivery order.
    pub index: Index,
    /// Its author's number: see [`Transcript::number`].
    pub author: usize,
    /// Content and close messages that every awaited reader has acknowledged as of now, in
    /// delivery order, which is a causal order (AK-02).
    pub fully_acked: Vec<I>,
}
