//! Misuse of a session by its caller.

use core::fmt;

use mpenc_greet::{InternalError, ProposeError};
use mpenc_message::SealError;
use mpenc_wire::MemberId;

/// The call does not fit the session's state. The state is unchanged.
///
/// Never caused by anything that peers or the channel say.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ApiMisuse {
    /// The session is over: a bug of ours closed it.
    Closed,
    /// We are not in the channel.
    NotInChannel,
    /// We are in the channel, or entering it, already.
    InChannel,
    /// We follow a session already.
    InSession,
    /// There is no session yet: nobody to talk to.
    NotInSession,
    /// We have not been included yet, so we cannot propose anything.
    NotSynced,
    /// A member was told another history of operations than we were: leave the channel, and join
    /// again.
    OrderDisputed,
    /// This member told two stories: nothing can be written until the members change.
    Forked(MemberId),
    /// We were excluded: leave the channel, or wait to be removed from it.
    Excluded,
    /// We are parting: nothing may follow that the others would have to answer.
    Parting,
    /// A proposal of ours is on its way: wait for its outcome.
    OperationPending,
    /// No operation is running.
    NoOperation,
    /// We cannot abort the running operation: we are being excluded, or have not taken part yet.
    CannotAbort,
    /// A change that this session does not know.
    UnknownChange,
    /// This member, who would stay, is not in the channel: nobody would accept the proposal.
    NotInChannelYet(MemberId),
    /// The readers of a message must be others, and at least one.
    Readers,
    /// Too many messages wait for their readers already.
    OutboxFull,
    /// The proposal cannot be made.
    Propose(ProposeError),
    /// The message cannot be sealed.
    Seal(SealError),
    /// A bug of ours: the session has closed itself.
    Internal(InternalError),
}

impl fmt::Display for ApiMisuse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OrderDisputed => {
                f.write_str("a member was told another history than we were: leave, and join again")
            }
            Self::Forked(member) => {
                write!(
                    f,
                    "{member} told two stories: nothing can be written before they are excluded"
                )
            }
            Self::Closed => f.write_str("the session has closed"),
            Self::NotInChannel => f.write_str("we are not in the channel"),
            Self::InChannel => f.write_str("we are in the channel already"),
            Self::InSession => f.write_str("we follow a session already"),
            Self::NotInSession => f.write_str("there is nobody in the session to talk to yet"),
            Self::NotSynced => f.write_str("we have not been included yet"),
            Self::Excluded => f.write_str("we were excluded, and have yet to leave the channel"),
            Self::Parting => f.write_str("we are parting"),
            Self::OperationPending => {
                f.write_str("a proposal of ours is on its way: wait for its outcome")
            }
            Self::NoOperation => f.write_str("no operation is running"),
            Self::CannotAbort => f.write_str("we cannot abort the running operation"),
            Self::UnknownChange => f.write_str("unknown kind of change"),
            Self::NotInChannelYet(member) => {
                write!(f, "{member} would have to take part and is not in the channel")
            }
            Self::Readers => f.write_str("the readers must be others, and at least one"),
            Self::OutboxFull => f.write_str("too many messages wait for their readers already"),
            Self::Propose(error) => error.fmt(f),
            Self::Seal(error) => error.fmt(f),
            Self::Internal(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for ApiMisuse {}
