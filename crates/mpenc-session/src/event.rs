//! What a session tells its user.

use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

use mpenc_causal::AddError;
use mpenc_greet::{CannotConfirm, InternalError, Operation, Refused};
use mpenc_message::{OpenError, SealError};
use mpenc_order::{ChainHash, PacketId, RejectReason};
use mpenc_wire::{Malformed, MemberId, MessageId};

use crate::Instant;

/// Names an operation of ours, within this session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct OperationId(pub(crate) u64);

impl fmt::Display for OperationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}", self.0)
    }
}

/// Names a message of ours that has not been sent yet, within this session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct LocalId(pub(crate) u64);

/// Names a packet that waits to be opened, within this session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct HeldId(pub(crate) u64);

/// How much an event should alarm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub enum Severity {
    /// Things go their way.
    Info,
    /// Something is late, missing or was refused; the notice is withdrawn when its cause goes.
    Liveness,
    /// Somebody who can be named, or the server, broke the rules in a way that matters.
    Security,
}

/// A membership operation, as events name it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct OperationInfo {
    /// Its initial packet's id.
    pub id: PacketId,
    /// Which operation.
    pub operation: Operation,
    /// Who proposed it.
    pub author: MemberId,
    /// The members that it would lead to, in the order of the agreement.
    pub members: Vec<MemberId>,
    /// Whom it would include.
    pub include: Vec<MemberId>,
    /// Whom it would exclude.
    pub exclude: Vec<MemberId>,
    /// Our own operation, if it is ours.
    pub own: Option<OperationId>,
}

/// How an operation of ours ended. Each ends in exactly one of these.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub enum Outcome {
    /// It is in force.
    Completed,
    /// The channel ordered another operation first; try again if it is still wanted. If this
    /// happens again and again, somebody may be choosing: the server can favour one (SO-17).
    Rejected {
        /// Who proposed the other one.
        by: MemberId,
    },
    /// It was accepted and then ended without effect.
    Failed(FailReason),
    /// The channel did not order it in time. Should it still come, it runs like another's.
    TimedOut,
}

/// Why an operation ended without effect.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub enum FailReason {
    /// A member whom it needs left the channel.
    MemberLeft(Vec<MemberId>),
    /// A member aborted it.
    Aborted {
        /// Who.
        by: MemberId,
        /// Why, in their words.
        reason: String,
    },
    /// We left the channel, or are parting.
    WeLeft,
    /// Those to include did not enter the channel.
    NotEntered(Vec<MemberId>),
    /// We waited to be included, and a member's signature did not verify: either the key that we
    /// have for them is wrong, or the packet is forged or an old one again.
    NotAuthenticated(MemberId),
    /// We waited to be included, and it was not the operation that did so: another did, or it took
    /// too long, or we cannot confirm it.
    NotFollowed,
    /// The channel's members were no longer those that the proposal needs.
    ChannelChanged,
}

/// In what a member's history of operations is not ours.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub enum HistoryFault {
    /// They proposed something that builds on another history.
    Proposal(RejectReason),
    /// At the end of the same operation they hold another chain hash.
    Differs {
        /// Packet id of that operation's final packet.
        packet: PacketId,
        /// Our chain hash at it.
        ours: ChainHash,
        /// Theirs.
        theirs: ChainHash,
    },
    /// They accepted a final packet that we never saw.
    Unknown {
        /// Their latest.
        theirs: PacketId,
        /// Ours.
        ours: PacketId,
    },
}

impl fmt::Display for HistoryFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Proposal(reason) => reason.fmt(f),
            Self::Differs { packet, ours, theirs } => {
                write!(f, "at {packet}, their chain hash is {theirs} and ours is {ours}")
            }
            Self::Unknown { theirs, ours } => {
                write!(f, "they accepted {theirs}, which we never saw; our latest is {ours}")
            }
        }
    }
}

/// A rule that a packet broke. Nothing was changed by it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub enum Fault {
    /// Its octets are no packet of our dialect.
    Malformed(Malformed),
    /// A check of the membership protocol failed.
    Greeting(Refused),
    /// The server order rejects it.
    Order(RejectReason),
    /// It is well signed, but its contents break the format.
    Message(OpenError),
    /// Its place in the causal order breaks the rules.
    Transcript(AddError<MessageId, MemberId>),
    /// Its sender is not in the channel.
    SenderNotInChannel,
    /// It resends a packet in the name of its own sender.
    ResentByAuthor,
    /// Its signature is written as no signer writes one, so nobody's key can ever verify it.
    NotSigned,
    /// It is signed with our own key, and we did not make it: there is a copy of us, or somebody has
    /// our keys. We write no content any more until the members change, as after a fork.
    InOurName,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed(error) => error.fmt(f),
            Self::Greeting(error) => error.fmt(f),
            Self::Order(reason) => reason.fmt(f),
            Self::Message(error) => error.fmt(f),
            Self::Transcript(error) => error.fmt(f),
            Self::SenderNotInChannel => f.write_str("its sender is not in the channel"),
            Self::InOurName => f.write_str("it is signed with our key, and we did not make it"),
            Self::NotSigned => f.write_str("what it has for a signature can be nobody's"),
            Self::ResentByAuthor => {
                f.write_str("it names its own sender as another author who sent it before")
            }
        }
    }
}

/// One of two stories that an author told.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Branch {
    /// The message with which it begins.
    pub id: MessageId,
    /// Its packet, as it came: whoever has the sub-session's keys can verify who signed it. `None`
    /// if it was let go, because every member has acked it.
    pub packet: Option<String>,
}

/// Whom a message was written to: all members of its sub-session but its author, ascending.
///
/// Every message of a sub-session has such a list, so they share the members.
#[derive(Clone)]
pub struct Readers {
    members: Arc<[MemberId]>,
    /// The author's place among them.
    author: usize,
}

impl Readers {
    /// All of some members, ascending, but the one at this place.
    pub(crate) fn new(members: &Arc<[MemberId]>, author: usize) -> Self {
        Self { members: Arc::clone(members), author }
    }

    /// The readers, ascending.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &MemberId> + Clone {
        let members = self.members.iter().enumerate();
        members.filter(|&(place, _)| place != self.author).map(|(_, member)| member)
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.members.len().saturating_sub(1)
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether somebody is one of them.
    #[must_use]
    pub fn contains(&self, member: &MemberId) -> bool {
        self.members.binary_search(member).is_ok_and(|place| place != self.author)
    }

    /// A list of their own.
    #[must_use]
    pub fn to_vec(&self) -> Vec<MemberId> {
        self.iter().cloned().collect()
    }
}

impl PartialEq for Readers {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for Readers {}

impl fmt::Debug for Readers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

#[cfg(feature = "serde")]
impl serde::Serialize for Readers {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

/// A message in the user's log.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct MessageEvent {
    /// Its id.
    pub id: MessageId,
    /// Who wrote it.
    pub author: MemberId,
    /// To whom.
    pub readers: Readers,
    /// What they wrote.
    pub text: String,
    /// Its place in the log, from 0.
    pub place: usize,
    /// How far back in the log its real parents are: `[1]` if it follows on the entry above.
    pub parents_back: Vec<usize>,
    /// Whether it belongs to members as they were before a change: author and readers are not the
    /// members any more, and its author may be somebody who was excluded since.
    pub of_former_members: bool,
}

/// What a session tells its user.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub enum Event {
    /// We are in the channel; these others are too. That proves nothing of who they are.
    EnteredChannel {
        /// Who else is there, says the channel.
        others: Vec<MemberId>,
    },
    /// Somebody entered the channel, who may be included. That proves nothing of who they are.
    MemberEntered(MemberId),
    /// Somebody left the channel, says the channel.
    MemberLeft(MemberId),
    /// We are not in the channel any more: keys and history of operations are wiped, and the members
    /// are forgotten. If we parted, gave up or were excluded, nothing waits to be sent any more. Else
    /// (the connection broke, somebody removed us) messages keep waiting for their readers
    /// ([`Session::waiting`]) until we are back with them; and if we were waiting to be included, we
    /// enter again by ourselves after a while.
    ///
    /// [`Session::waiting`]: crate::Session::waiting
    LeftChannel,
    /// Nobody has included us in time: we leave the channel.
    NotIncluded,
    /// We proposed an operation; messages still go to the members as they are.
    Proposed {
        /// Our operation.
        own: OperationId,
        /// Which operation.
        operation: Operation,
        /// Whether the rules of the session ask for it, and not the user.
        automatic: bool,
    },
    /// The channel ordered an operation's start: it runs. Messages still go to the members as they
    /// are.
    OperationAccepted(OperationInfo),
    /// Somebody proposes to include us, who wait for it. There may be several at a time; which of
    /// them is the one, if any, [`Event::Members`] says.
    Candidate(OperationInfo),
    /// A candidate came to nothing.
    CandidateDropped {
        /// Which.
        operation: OperationInfo,
        /// Why.
        reason: FailReason,
    },
    /// A running operation, or a candidate, moved on.
    OperationProgress {
        /// Whose contribution has been seen.
        contributed: Vec<MemberId>,
        /// Who has confirmed.
        confirmed: Vec<MemberId>,
        /// Whose packet is awaited.
        awaited: Vec<MemberId>,
    },
    /// A running operation, ours or another's, ended without effect.
    OperationFailed {
        /// Which.
        operation: OperationInfo,
        /// Why.
        reason: FailReason,
    },
    /// The running operation waits longer than it should.
    OperationOverdue {
        /// Which.
        operation: OperationInfo,
        /// Whose packet is awaited.
        awaited: Vec<MemberId>,
    },
    /// We cannot confirm the running operation, and asked for its end.
    CannotConfirm {
        /// Which.
        operation: OperationInfo,
        /// Why.
        reason: CannotConfirm,
    },
    /// A member's signature over the running operation's members did not verify, and no good one came.
    /// If the operation has failed, that is all; else we leave the channel, because its time is up or
    /// the others went on without us. There are two explanations, which look alike: the identity key
    /// that we have for this member is wrong; or the server, or somebody in the channel, replays or
    /// forges their packets. Compare keys by another way before going on with them.
    NotAuthenticated {
        /// Which operation.
        operation: OperationInfo,
        /// Who.
        member: MemberId,
    },
    /// An operation of ours ended. Every one ends in exactly one of these.
    OperationEnded {
        /// Our operation.
        own: OperationId,
        /// How.
        outcome: Outcome,
    },
    /// An operation completed: every member confirmed the members as they are now.
    Members {
        /// Packet id of its initial packet, as in [`OperationInfo`].
        id: PacketId,
        /// Who stays a member.
        remain: Vec<MemberId>,
        /// Who is a member now.
        include: Vec<MemberId>,
        /// Who is no member any more.
        exclude: Vec<MemberId>,
        /// Which operation.
        operation: Operation,
        /// Who proposed it.
        author: MemberId,
    },
    /// We were excluded.
    Excluded {
        /// Who proposed it.
        by: MemberId,
    },
    /// A message takes its place in the log.
    Message(MessageEvent),
    /// A message that waited for its readers was sent to them.
    Sent {
        /// What it was called while it waited.
        local: LocalId,
        /// Its id.
        id: MessageId,
    },
    /// A message that waited for its readers will not be sent: we left the channel by our own wish,
    /// were excluded, or it cannot be sealed. What it was is here, to offer it to the user again.
    NotSent {
        /// What it was called while it waited.
        local: LocalId,
        /// Whom it was written to, as [`Session::send_to`] takes them.
        ///
        /// [`Session::send_to`]: crate::Session::send_to
        readers: Vec<MemberId>,
        /// What was written.
        text: String,
        /// Why it cannot be sealed; `None` if the session is over for us.
        error: Option<SealError>,
    },
    /// A member told two stories: two messages of theirs, neither of which they wrote having seen the
    /// other. We write no content any more until the members change ([`ApiMisuse::Forked`]); acks
    /// and operations go on, so that they can be excluded (TR-17).
    ///
    /// [`ApiMisuse::Forked`]: crate::ApiMisuse::Forked
    Forked {
        /// Who.
        author: MemberId,
        /// The story that came first here, and is in the transcript.
        accepted: Branch,
        /// The other one, which is not.
        refused: Branch,
    },
    /// A membership change names messages that its author had seen, and that never came to us: the
    /// members do not have the same history before it. What we show of before is not all there was
    /// (SO-08). If somebody was `there` who should have sent them again, then either the author named
    /// what does not exist, or somebody, likely the server, kept it from us: that is an alarm. If
    /// nobody was, they may as well be lost with those who had them, or we were cut off.
    HistoryDiffers {
        /// Packet id of the operation's initial packet, as in [`OperationInfo`].
        operation: PacketId,
        /// Who proposed it.
        author: MemberId,
        /// Which messages.
        missing: Vec<MessageId>,
        /// Members who were readers before, stayed, were heard of while we waited, and had them, as far
        /// as can be told: the author, and whoever did not show by their FIN that they had not.
        there: Vec<MemberId>,
    },
    /// Nothing proves that a member is there: the newest message of ours that they have acked is
    /// older than the rules allow, and they were asked since (FR-03). The channel may say otherwise:
    /// that proves nothing.
    MemberExpired {
        /// Who.
        member: MemberId,
        /// They were there at this time, on the caller's clock, or later.
        since: Instant,
    },
    /// Withdraws [`Event::MemberExpired`]: they are there again, or are not expected to be.
    MemberFresh(MemberId),
    /// Every reader has acked this payload; withdraws [`Event::NotFullyAcked`].
    FullyAcked(MessageId),
    /// A payload is not acked by everybody in time.
    NotFullyAcked {
        /// Which.
        id: MessageId,
        /// Who has not acked it.
        missing: Vec<MemberId>,
    },
    /// Every reader who still can has acked this payload; these have left or were excluded before
    /// they did. Should an ack of theirs have been under way, [`Event::FullyAcked`] may yet follow.
    Unreachable {
        /// Which.
        id: MessageId,
        /// Who has not acked it.
        missing: Vec<MemberId>,
    },
    /// A message misses parents, or what its author had seen in the sub-session before, and waits out of
    /// sight. If its sub-session is over before they come
    /// ([`Event::Parted`], not consistent), it stays away for good; its author is told that it was
    /// not fully acked.
    NotAccepted {
        /// Who wrote it.
        author: MemberId,
        /// Which.
        id: MessageId,
        /// Which parents are missing. None if it waits for the sub-session before only.
        missing: Vec<MessageId>,
    },
    /// A message that missed parents has found its place; withdraws [`Event::NotAccepted`].
    Accepted(MessageId),
    /// A packet could not be opened by any sub-session for a while, or was dropped for want of
    /// room.
    NotDecrypted {
        /// Names the packet within this session.
        packet: HeldId,
        /// Who sent it, says the channel.
        sender: MemberId,
        /// Octets of its text.
        octets: usize,
    },
    /// A packet that could not be opened for a while has been opened; withdraws
    /// [`Event::NotDecrypted`].
    Decrypted(HeldId),
    /// A text that is no packet of ours came through the channel.
    Plain {
        /// Who sent it, says the channel.
        sender: MemberId,
    },
    /// A packet was refused, and changed nothing. Who is to blame, if anybody, is unknown: the
    /// channel can forge senders, and what is left of a failed operation may come late.
    Refused {
        /// Who sent it, says the channel.
        sender: MemberId,
        /// The check that failed.
        fault: Fault,
    },
    /// An authenticated member broke the rules; the packet changed nothing.
    PeerMisbehaved {
        /// Who signed it.
        member: MemberId,
        /// The check that failed.
        fault: Fault,
    },
    /// A member was told another history of operations than we were: the server, or the member,
    /// tells different stories. Nothing can be proposed any more; leaving and joining again
    /// recovers.
    OrderMismatch {
        /// Who.
        member: MemberId,
        /// What they said, and what we hold.
        fault: HistoryFault,
    },
    /// Some members have not confirmed in time that they were told the same history of operations
    /// as we were.
    HistoryUnconfirmed {
        /// Who.
        missing: Vec<MemberId>,
    },
    /// All members have confirmed it, or nobody is left who could; withdraws
    /// [`Event::HistoryUnconfirmed`], unless [`Event::OrderMismatch`] has taken its place.
    HistoryConfirmed,
    /// Somebody wrote that they part.
    Parting(MemberId),
    /// Our own part in a sub-session is over.
    Parted {
        /// Whether everything in it was acked by everybody; if not, what was not stays marked for
        /// good.
        consistent: bool,
    },
    /// A bug of ours: the session has closed itself.
    Internal(InternalError),
}

impl Event {
    /// How much this event should alarm.
    #[must_use]
    pub fn severity(&self) -> Severity {
        match self {
            Self::PeerMisbehaved { .. }
            | Self::Forked { .. }
            | Self::OrderMismatch { .. }
            | Self::NotAuthenticated { .. }
            | Self::CandidateDropped { reason: FailReason::NotAuthenticated(_), .. }
            | Self::Internal(_) => Severity::Security,
            Self::HistoryDiffers { there, .. } if !there.is_empty() => Severity::Security,
            Self::NotFullyAcked { .. }
            | Self::Unreachable { .. }
            | Self::NotSent { .. }
            | Self::NotAccepted { .. }
            | Self::NotDecrypted { .. }
            | Self::CannotConfirm { .. }
            | Self::OperationFailed { .. }
            | Self::OperationOverdue { .. }
            | Self::HistoryUnconfirmed { .. }
            | Self::HistoryDiffers { .. }
            | Self::MemberExpired { .. }
            | Self::NotIncluded
            | Self::Plain { .. }
            | Self::Parted { consistent: false } => Severity::Liveness,
            _ => Severity::Info,
        }
    }
}

/// What became of a message that the user sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub enum Sent {
    /// It went out now, to the members as they are.
    Now(MessageId),
    /// It waits until the members are those whom it was written to.
    Queued(LocalId),
}
