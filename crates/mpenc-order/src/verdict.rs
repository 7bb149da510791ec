//! What the order says of a packet.

use core::fmt;

use crate::{ChainHash, PacketId};

/// What the order says of a packet that it was offered.
///
/// There is no "try later": the channel gives a total order, so that every packet can be decided
/// when it comes.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[must_use = "only an accepted packet may be applied"]
pub enum Verdict<T> {
    /// It is the first one that names the current parent: apply it.
    Accept(T),
    /// It has no effect, and that is nobody's fault.
    Ignore(IgnoreReason),
    /// It must not be applied: it came too late, or builds on something else than we do.
    Reject(RejectReason),
}

impl<T> Verdict<T> {
    /// What was accepted, if it was.
    #[must_use]
    pub fn accepted(self) -> Option<T> {
        match self {
            Self::Accept(value) => Some(value),
            Self::Ignore(_) | Self::Reject(_) => None,
        }
    }
}

/// Why a packet has no effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum IgnoreReason {
    /// It was accepted before (SO-02).
    Duplicate,
    /// XP: a target member of the proposal is not in the channel, so nobody accepts it (SO-10).
    TargetAbsent,
    /// EIO: we are not synced, and the proposal does not include us (SO-18).
    NotForUs,
    /// It ends an operation, and that one is not running (any more).
    NotRunning,
}

impl fmt::Display for IgnoreReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Duplicate => "it was accepted before",
            Self::TargetAbsent => "a member whom it needs is not in the channel",
            Self::NotForUs => "it does not include us, and we wait to be included",
            Self::NotRunning => "the operation that it would end is not running",
        })
    }
}

/// Why a packet must not be applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RejectReason {
    /// Another initial packet was first on the same parent, or on one after it (SO-09): the normal
    /// end of a proposal that was made concurrently.
    ParentTaken,
    /// EII: it includes us, but another proposal on its parent came before, which others may have
    /// accepted (SO-18, SO-19).
    Doubtful,
    /// Its author is not a member of the current session (SO-31).
    AuthorNotMember,
    /// Its author is a member, and names a parent that we have never accepted: one of us was told
    /// another story. This is said as long as every parent is remembered: the newest 4,096 are, since
    /// we are synced. Once one was forgotten it may be that one, and what names an unknown parent is
    /// late, like an old proposal again: [`ParentTaken`](Self::ParentTaken).
    UnknownParent {
        /// The parent that the proposal names.
        theirs: PacketId,
        /// The latest final packet that we accepted.
        ours: PacketId,
    },
    /// Its author is a member, and names our parent with another history before it: one of us was
    /// told another story.
    ChainHashMismatch {
        /// The chain hash that the proposal names.
        theirs: ChainHash,
        /// Ours, at the same parent.
        ours: ChainHash,
    },
    /// It claims to be our proposal, and is not what we sent (SO-32).
    NotOurProposal,
    /// It names somebody unknown, and every place of a [candidate](crate::Candidates) is taken by
    /// proposals that do not.
    NoPlace,
}

impl RejectReason {
    /// Whether honest members on an honest channel can cause this, by proposing concurrently or by
    /// having just left the session. Otherwise somebody misbehaves: the author, or the server.
    #[must_use]
    pub const fn is_benign(&self) -> bool {
        match self {
            Self::ParentTaken | Self::Doubtful | Self::AuthorNotMember | Self::NoPlace => true,
            Self::UnknownParent { .. } | Self::ChainHashMismatch { .. } | Self::NotOurProposal => {
                false
            }
        }
    }

    /// Whether it is evidence that its author and we were told different stories: the order-mismatch
    /// event. From the first one on, the order [is disputed](crate::ServerOrder::is_disputed).
    ///
    /// Only a member's word is evidence. Somebody who started an order of their own, at the same time
    /// as we did, is no member of ours: that is [`AuthorNotMember`](Self::AuthorNotMember).
    #[must_use]
    pub const fn is_order_mismatch(&self) -> bool {
        matches!(self, Self::UnknownParent { .. } | Self::ChainHashMismatch { .. })
    }
}

impl fmt::Display for RejectReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ParentTaken => f.write_str("another proposal on its parent was first"),
            Self::Doubtful => f.write_str("another proposal on its parent may have been first"),
            Self::AuthorNotMember => f.write_str("its author is not a member of the session"),
            Self::UnknownParent { theirs, ours } => {
                write!(f, "it builds on {theirs}, which we never accepted; our latest is {ours}")
            }
            Self::ChainHashMismatch { theirs, ours } => {
                write!(f, "it names the chain hash {theirs} where ours is {ours}")
            }
            Self::NotOurProposal => f.write_str("it claims to be ours, and is not what we sent"),
            Self::NoPlace => f.write_str("it names strangers, and better candidates are followed"),
        }
    }
}

impl core::error::Error for RejectReason {}
