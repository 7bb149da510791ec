//! Why a packet of a membership operation is not taken.

use core::fmt;

use mpenc_wire::MemberId;

/// A packet that failed a check. Nothing has changed, and the operation goes on.
///
/// It says which check failed, and which member the packet names as its author (SOURCE). That is
/// no proof that this member is at fault: until the signature has been verified under a key that
/// an earlier operation authenticated, anybody in the channel can have made the packet, and the
/// server can replay any packet at any time.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Refused {
    /// SOURCE of the packet.
    pub author: MemberId,
    /// The check that failed.
    pub check: Check,
}

impl Refused {
    /// A packet of this author that failed this check.
    #[must_use]
    pub const fn new(author: MemberId, check: Check) -> Self {
        Self { author, check }
    }

    /// Whether it is a packet that has been applied before: nobody's fault, and nothing to report.
    #[must_use]
    pub const fn is_duplicate(&self) -> bool {
        matches!(self.check, Check::Duplicate)
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "refused a packet in the name of {}: {}", self.author, self.check)
    }
}

impl core::error::Error for Refused {}

/// The checks that a packet of a membership operation must pass.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Check {
    /// This very packet has been applied before (SO-02). Harmless.
    Duplicate,
    /// SOURCE must be the sender that the transport names.
    SenderIsNotSource {
        /// Whom the transport names.
        sender: MemberId,
    },
    /// The signature must verify under the author's ephemeral key (PK-11).
    Signature,
    /// An operation must concern us: we are in it neither before nor after.
    NotForUs,
    /// A packet that starts an operation must be an initial packet.
    NotInitial,
    /// While an operation runs, another one cannot start inside it.
    InitialInside,
    /// The packet must be of the operation that runs: establish, include, exclude or refresh.
    OtherOperation,
    /// An establish must not concern members of a group.
    GroupExists,
    /// An include, exclude or refresh changes a group, which we must be a member of, or join.
    NoGroup,
    /// The initiator must be a member of the group that the operation changes (SO-31).
    InitiatorNotMember,
    /// The proposed members must follow from the current ones as the operation demands, in the
    /// order that it demands.
    Members,
    /// MEMBER must equal the initial packet's, order included.
    MembersDiffer,
    /// The packet must be of the stage that the operation is in: upflow, first downflow, confirm.
    Stage,
    /// Upflow and first downflow go in the order of the members: it is another one's turn (AS-18).
    Turn {
        /// Whose turn it is.
        awaited: MemberId,
    },
    /// DEST must be the next member (AS-18).
    Destination,
    /// There must be exactly as many of these records as the stage demands.
    Count(List),
    /// The first intermediate key of an establish must be the base point.
    BasePoint,
    /// In an initial packet the initiator's own intermediate key must stay as it was.
    InitiatorIntKey,
    /// This member's nonce must be the one that they contributed.
    Nonce(MemberId),
    /// The initiator of an include or exclude must renew their nonce (AS-09).
    NonceNotRenewed,
    /// This member's ephemeral key must be the one that they contributed.
    PubKeyDiffers(MemberId),
    /// A packet in our name must be one that we sent.
    NotOurs,
    /// An intermediate key must be a canonical point of the curve, and not of small order.
    IntKey {
        /// Which one of the list, from 0.
        index: usize,
        /// What is wrong with it.
        fault: KeyFault,
    },
    /// A member's ephemeral key must be canonical, on the curve and free of torsion.
    PubKey {
        /// Whose key.
        member: MemberId,
        /// What is wrong with it.
        fault: KeyFault,
    },
    /// The session signature must verify under the author's identity key (AS-07). A wrong identity
    /// key and a server that replays an old confirmation look alike.
    SessionSignature,
    /// The author's identity key is not known, so that nothing confirms them.
    NoIdentityKey,
    /// A member confirms once.
    AlreadyConfirmed,
    /// The key that signed this member's earlier packets is not the one that their session
    /// signature authenticates (SO-08).
    SignerNotAuthenticated(MemberId),
    /// ABORTED_PI must be the running operation's initial packet.
    AbortsAnother,
    /// Only members that the operation keeps or adds may abort it.
    AbortByOutsider,
    /// The author's ephemeral key has not appeared yet.
    NoKeyForAuthor,
    /// This dialect has no such packet.
    NotInDialect,
    /// A check of another membership protocol than the one of this crate.
    Other(&'static str),
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::SenderIsNotSource { sender } => {
                return write!(f, "the transport says that {sender} sent it");
            }
            Self::Turn { awaited } => return write!(f, "it is the turn of {awaited}"),
            Self::Count(list) => return write!(f, "the number of {list} does not fit"),
            Self::Nonce(member) => {
                return write!(f, "the nonce of {member} is not the one they contributed");
            }
            Self::PubKeyDiffers(member) => {
                return write!(f, "the ephemeral key of {member} is not the one they contributed");
            }
            Self::IntKey { index, fault } => {
                return write!(f, "intermediate key number {index} {fault}");
            }
            Self::PubKey { member, fault } => {
                return write!(f, "the ephemeral key of {member} {fault}");
            }
            Self::SignerNotAuthenticated(member) => {
                return write!(
                    f,
                    "earlier packets of {member} were signed by a key that is not confirmed"
                );
            }
            Self::Duplicate => "it has been applied before",
            Self::Signature => "the signature does not verify",
            Self::NotForUs => "the operation does not concern us",
            Self::NotInitial => "it does not start an operation",
            Self::InitialInside => "it starts an operation while another one runs",
            Self::OtherOperation => "it belongs to another kind of operation than the running one",
            Self::GroupExists => "it establishes a group, but we are in one",
            Self::NoGroup => "it changes a group that we are not a member of",
            Self::InitiatorNotMember => "the initiator is not a member of the group",
            Self::Members => "the proposed members do not follow from the current ones",
            Self::MembersDiffer => "the members differ from those of the initial packet",
            Self::Stage => "the operation is in another stage",
            Self::Destination => "it is not directed to the next member",
            Self::BasePoint => "the first intermediate key is not the base point",
            Self::InitiatorIntKey => "the initiator's own intermediate key was changed",
            Self::NonceNotRenewed => "the initiator did not renew their nonce",
            Self::NotOurs => "it is in our name, but we did not send it",
            Self::SessionSignature => "the session signature does not verify",
            Self::NoIdentityKey => "the author's identity key is not known",
            Self::AlreadyConfirmed => "the author has confirmed already",
            Self::AbortsAnother => "it aborts another operation",
            Self::AbortByOutsider => "the author is not a member of the operation",
            Self::NoKeyForAuthor => "the author's ephemeral key has not appeared yet",
            Self::NotInDialect => "the dialect has no such packet",
            Self::Other(what) => what,
        })
    }
}

/// A list of records in a greeting packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum List {
    /// INT_KEY.
    IntKeys,
    /// NONCE.
    Nonces,
    /// PUB_KEY.
    PubKeys,
    /// SESSION_SIGNATURE.
    SessionSignature,
}

impl fmt::Display for List {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::IntKeys => "intermediate keys",
            Self::Nonces => "nonces",
            Self::PubKeys => "ephemeral keys",
            Self::SessionSignature => "session signatures",
        })
    }
}

/// What is wrong with a public key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeyFault {
    /// Its coordinate is not reduced modulo p, or an unused bit is set.
    NotCanonical,
    /// It is no point of the curve; an intermediate key may be one of the twist.
    NotOnCurve,
    /// It is a point of small order.
    SmallOrder,
    /// It has a component of small order.
    Torsion,
}

impl fmt::Display for KeyFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotCanonical => "is not canonical",
            Self::NotOnCurve => "is not on the curve",
            Self::SmallOrder => "is of small order",
            Self::Torsion => "is not free of torsion",
        })
    }
}
