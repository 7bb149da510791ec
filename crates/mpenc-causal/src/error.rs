//! Why a message is not added.

use alloc::vec::Vec;
use core::error::Error;
use core::fmt;

/// Why [`Transcript::add`](crate::Transcript::add) refuses a message. The transcript is unchanged.
///
/// All but [`Duplicate`](Self::Duplicate), [`MissingParents`](Self::MissingParents) and
/// [`Full`](Self::Full) mean that the author broke a rule (design 3.4).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AddError<I, A> {
    /// The message is here already: a replay, or a second copy of the same packet (TR-18).
    Duplicate,
    /// The author is not a member (TR-05).
    AuthorNotMember(A),
    /// The author is named among the message's readers.
    AuthorAmongReaders(A),
    /// Author and readers together are not the members of this transcript.
    MembersDiffer,
    /// More parents than members: there can be at most one by each (TR-04). Found before any
    /// parent is looked up.
    TooManyParents {
        /// How many parents the message names.
        named: usize,
        /// How many it may name.
        limit: usize,
    },
    /// The message names itself as a parent.
    OwnAncestor,
    /// A parent is a message of another transcript, which not everybody here could read (TR-05).
    ParentElsewhere(I),
    /// These parents are not here, or not yet: defer the message until they are (TR-13). Each is
    /// named once, in the order in which the message names them.
    MissingParents(Vec<I>),
    /// One parent is an ancestor of another, or named twice (TR-02, TR-04, TR-08).
    ParentsNotAntichain {
        /// The redundant parent.
        ancestor: I,
        /// The one that implies it.
        descendant: I,
    },
    /// The message does not descend from its author's own previous message (TR-03).
    Fork(ForkEvidence<I, A>),
    /// Content by an author who has closed (FI-04).
    AfterClose {
        /// The author's first close message.
        close: I,
    },
    /// The transcript holds as many messages as it can number (2³² − 1).
    Full,
}

impl<I: fmt::Display, A: fmt::Display> fmt::Display for AddError<I, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Duplicate => f.write_str("the message is in the transcript already"),
            Self::AuthorNotMember(author) => write!(f, "the author {author} is not a member"),
            Self::AuthorAmongReaders(author) => {
                write!(f, "the author {author} is named among the readers")
            }
            Self::MembersDiffer => f.write_str("author and readers are not the members"),
            Self::TooManyParents { named, limit } => {
                write!(f, "{named} parents, where there are {limit} members")
            }
            Self::OwnAncestor => f.write_str("the message names itself as a parent"),
            Self::ParentElsewhere(parent) => {
                write!(f, "the parent {parent} belongs to another transcript")
            }
            Self::MissingParents(missing) => write!(f, "{} parents are missing", missing.len()),
            Self::ParentsNotAntichain { ancestor, descendant } => {
                write!(f, "the parent {ancestor} is implied by the parent {descendant}")
            }
            Self::Fork(evidence) => evidence.fmt(f),
            Self::AfterClose { close } => write!(f, "content after the author closed with {close}"),
            Self::Full => f.write_str("the transcript is full"),
        }
    }
}

impl<I, A> Error for AddError<I, A>
where
    I: fmt::Debug + fmt::Display,
    A: fmt::Debug + fmt::Display,
{
}

/// Two messages by one author, neither of which descends from the other (TR-17).
///
/// Whoever holds both packets can prove it to the others: only the author could have signed them.
/// The refused message is never added; keep its packet, and send both once.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct ForkEvidence<I, A> {
    /// Who wrote both.
    pub author: A,
    /// The author's earliest message here that the refused one does not descend from. Pruned
    /// messages, whose packets are gone, are not named.
    pub accepted: I,
    /// The message that was refused.
    pub refused: I,
}

impl<I: fmt::Display, A: fmt::Display> fmt::Display for ForkEvidence<I, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { author, accepted, refused } = self;
        write!(f, "{author} wrote {refused} without having seen their own {accepted}")
    }
}
