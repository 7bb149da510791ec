//! What a session needs of a membership protocol, free of any particular one.
//!
//! A session, and the server order, know only [`Greeter`] and [`Greeting`]: a second membership
//! protocol plugs in by implementing them (requirement SE-19). Every packet goes *check → offer to
//! the server order → apply*:
//!
//! ```text
//!   packet ── check(&self) ──▶ Checked ── order.offer(stage) ──▶ accepted ── apply(&mut self) ──▶ Step
//!               │ verifies, mutates nothing     │ first one wins                    packets to send,
//!               ▼                               ▼                                   status
//!            Refused                         rejected
//! ```
//!
//! so that a forged packet never wedges the order, and a refused one never changes anything.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use mpenc_wire::{AbortPacket, Dialect, EncodeError, GreetingPacket, MemberId, MessageId};
use rand_core::CryptoRng;

use crate::Refused;

/// The four membership operations (design chapter 5.2.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Operation {
    /// The first agreement of a group.
    Establish,
    /// Adds members.
    Include,
    /// Removes members.
    Exclude,
    /// Renews the group key; the members stay.
    Refresh,
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Establish => "establish",
            Self::Include => "include",
            Self::Exclude => "exclude",
            Self::Refresh => "refresh",
        })
    }
}

/// A membership change that we propose. Members are named without ourselves.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Change<'a> {
    /// Add these (an establish, when we are alone).
    Include(&'a [MemberId]),
    /// Remove these.
    Exclude(&'a [MemberId]),
    /// Renew the group key.
    Refresh,
}

/// What an initial packet says of the server order (SO-06).
///
/// Opaque to the membership protocol, which carries and authenticates it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderRefs {
    /// PREV_PF: packet id of the previous final packet.
    pub prev_pf: [u8; 32],
    /// CHAIN_HASH: the chain hash at it.
    pub chain_hash: [u8; 32],
    /// LATEST_PM: the latest messages of the current sub-session that the author has accepted.
    pub latest_pm: Vec<MessageId>,
}

/// What an initial packet proposes. Membership protocols make it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Initial {
    /// Which operation.
    pub operation: Operation,
    /// Who proposes it.
    pub author: MemberId,
    /// The target members M, in the order of the agreement.
    pub members: Vec<MemberId>,
    /// What it says of the server order.
    pub order: OrderRefs,
    /// Whether this packet is the operation's final packet too.
    pub single: bool,
}

/// What a packet of a running operation is to the server order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Stage {
    /// One that the operation needs and that finishes nothing.
    Middle,
    /// The one that completes the operation.
    Final,
}

/// A proposal of ours: the packet to send, and the secrets drawn for it.
///
/// The draft is dropped, and thereby wiped, when the proposal loses.
#[derive(Debug)]
pub struct Proposal<D> {
    /// The initial packet, as text for the channel.
    pub packet: String,
    /// What we propose.
    pub initial: Initial,
    /// The secrets drawn for it.
    pub draft: D,
}

/// What applying a packet led to.
#[derive(Debug)]
#[must_use]
pub struct Step<C> {
    /// Packets to send, in this order.
    pub send: Vec<String>,
    /// How the operation stands.
    pub status: Status<C>,
}

/// What applying a packet of an operation led to, where a completed one gives keys `K` and a
/// result `R`.
pub type OperationStep<K, R> = Step<Completed<K, R>>;

/// An operation `G` that has started, and what its initial packet led to.
pub type Started<G> = (G, OperationStep<<G as Greeting>::Keys, <G as Greeting>::Result>);

/// How an operation stands.
#[derive(Debug)]
#[non_exhaustive]
pub enum Status<C> {
    /// It waits for more packets.
    Pending,
    /// We cannot confirm it: the operation should be aborted, naming this reason. It goes on
    /// waiting until the channel orders its end.
    CannotConfirm(CannotConfirm),
    /// It is complete. Nothing is in force until [`Greeter::adopt`].
    Completed(C),
}

/// Why we cannot confirm an operation.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CannotConfirm {
    /// No identity key is known for this member.
    NoIdentityKey(MemberId),
    /// Our identity signer failed.
    SignerFailed,
    /// The members' ids are so long that our answer would not fit into a packet.
    TooLarge,
}

impl fmt::Display for CannotConfirm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoIdentityKey(member) => write!(f, "no identity key is known for {member}"),
            Self::SignerFailed => f.write_str("the identity signer failed"),
            Self::TooLarge => f.write_str("our answer would not fit into a packet"),
        }
    }
}

/// A completed operation. Membership protocols make it.
#[derive(Debug)]
pub struct Completed<K, R> {
    /// The members from now on, in the order of the agreement.
    pub members: Vec<MemberId>,
    /// The new keys; `None` if we are alone or were excluded.
    pub keys: Option<K>,
    /// What [`Greeter::adopt`] takes.
    pub result: R,
}

/// Who has done their part in a running operation, and who is awaited.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Progress {
    /// Members whose contribution has been seen.
    pub contributed: Vec<MemberId>,
    /// Members who have confirmed.
    pub confirmed: Vec<MemberId>,
    /// Members whose packet is awaited now.
    pub awaited: Vec<MemberId>,
}

/// Why a proposal cannot be made: misuse by our caller, and nothing has changed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProposeError {
    /// Nobody is named.
    NobodyNamed,
    /// We are named ourselves: one parts, one does not exclude oneself (TI-03).
    NamesUs,
    /// This member is named twice.
    NamedTwice(MemberId),
    /// This member to include is a member already.
    AlreadyMember(MemberId),
    /// This member to exclude is no member.
    NotMember(MemberId),
    /// There is nobody to refresh with: we are alone.
    Alone,
    /// No identity key is known for this member.
    NoIdentityKey(MemberId),
    /// Our identity signer failed.
    SignerFailed,
    /// The packet would be too large.
    Encode(EncodeError),
    /// A bug of ours, and none of the caller's: a session closes by it.
    Internal(InternalError),
}

impl From<InternalError> for ProposeError {
    fn from(error: InternalError) -> Self {
        Self::Internal(error)
    }
}

impl fmt::Display for ProposeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NobodyNamed => f.write_str("the change names nobody"),
            Self::NamesUs => f.write_str("the change names ourselves"),
            Self::NamedTwice(member) => write!(f, "the change names {member} twice"),
            Self::AlreadyMember(member) => write!(f, "{member} is a member already"),
            Self::NotMember(member) => write!(f, "{member} is not a member"),
            Self::Alone => f.write_str("we are alone: there is no group key to refresh"),
            Self::NoIdentityKey(member) => write!(f, "no identity key is known for {member}"),
            Self::SignerFailed => f.write_str("the identity signer failed"),
            Self::Encode(error) => write!(f, "the packet cannot be encoded: {error}"),
            Self::Internal(error) => write!(f, "{error}"),
        }
    }
}

impl core::error::Error for ProposeError {}

/// A bug of ours inside a membership protocol: the session closes with `Internal`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct InternalError(
    /// What did not hold.
    pub &'static str,
);

impl InternalError {
    /// A bug: this did not hold.
    #[must_use]
    pub const fn new(what: &'static str) -> Self {
        Self(what)
    }
}

impl fmt::Display for InternalError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "internal error: {}", self.0)
    }
}

impl core::error::Error for InternalError {}

/// Makes and starts membership operations, from the result of the last completed one.
pub trait Greeter {
    /// What a completed operation hands to message security.
    type Keys;
    /// The secrets of a proposal of ours that the channel has not ordered yet.
    type Draft;
    /// The proof that an initial packet was checked.
    type Proof;
    /// The result of a completed operation, for [`Greeter::adopt`].
    type Result;
    /// A running operation.
    type Greeting: Greeting<Keys = Self::Keys, Result = Self::Result>;

    /// The dialect we speak.
    fn dialect(&self) -> Dialect;

    /// Who we are.
    fn own_id(&self) -> &MemberId;

    /// The members of the last completed operation, in the order of the agreement; ourselves
    /// alone before the first one.
    fn members(&self) -> &[MemberId];

    /// Whether the identity key of a member is known.
    fn knows_identity(&self, member: &MemberId) -> bool;

    /// How many operations have completed since a member last renewed what they contribute to the
    /// group key; `None` if we have not seen them do so, or members contribute nothing that could be
    /// renewed. A rolling refresh ranks by it (GK-13).
    fn since_renewal(&self, member: &MemberId) -> Option<u32> {
        let _ = member;
        None
    }

    /// Whether a change could be proposed now, without drawing or encoding anything.
    ///
    /// # Errors
    /// [`ProposeError`]: misuse by the caller.
    fn check_change(&self, change: Change<'_>) -> Result<(), ProposeError>;

    /// Encodes a proposal. The greeter does not change.
    ///
    /// # Errors
    /// [`ProposeError`]: misuse by the caller.
    fn propose(
        &self,
        rng: &mut dyn CryptoRng,
        change: Change<'_>,
        order: OrderRefs,
    ) -> Result<Proposal<Self::Draft>, ProposeError>;

    /// Verifies an initial packet, as far as what we know allows: the signature, SOURCE against the
    /// transport's `sender`, the member list against the current one, counts, keys. A joiner cannot
    /// know the author's key yet; for it the packet is provisional until the operation completes.
    ///
    /// # Errors
    /// [`Refused`]: the check that failed. Nothing has changed.
    fn check_initial(
        &self,
        sender: &MemberId,
        packet: &GreetingPacket<'_>,
    ) -> Result<CheckedInitial<Self::Proof>, Refused>;

    /// Starts the operation of an accepted initial packet; `draft` is that of our own proposal, if
    /// it is ours. Answers at once where the packet asks us to. `id` is the initial packet's id.
    ///
    /// The greeter does not change, and every operation draws secrets of its own. So someone who
    /// waits to be included can run several side by side, hand every packet to each, [adopt](
    /// Greeter::adopt) the result of the first that completes, and drop the others, which wipes
    /// what was drawn for them.
    ///
    /// # Errors
    /// [`InternalError`]: a bug of ours.
    fn start(
        &self,
        rng: &mut dyn CryptoRng,
        id: [u8; 32],
        checked: CheckedInitial<Self::Proof>,
        draft: Option<Self::Draft>,
    ) -> Result<Started<Self::Greeting>, InternalError>;

    /// Puts the result of a completed operation into force.
    fn adopt(&mut self, result: Self::Result);

    /// Forgets the session: we are alone again, and every secret but the identity is wiped.
    fn reset(&mut self);
}

/// A running membership operation.
pub trait Greeting {
    /// What a completed operation hands to message security.
    type Keys;
    /// The proof that a packet was checked.
    type Proof;
    /// The result of a completed operation.
    type Result;

    /// What the initial packet proposed.
    fn initial(&self) -> &Initial;

    /// Verifies a packet of this operation and says what it is to the server order.
    ///
    /// # Errors
    /// [`Refused`]: the check that failed. Nothing has changed.
    fn check(
        &self,
        sender: &MemberId,
        packet: &GreetingPacket<'_>,
    ) -> Result<Checked<Self::Proof>, Refused>;

    /// Verifies an abort packet by a member of this operation.
    ///
    /// # Errors
    /// [`Refused`]: the check that failed. Nothing has changed.
    fn check_abort(&self, sender: &MemberId, packet: &AbortPacket<'_>) -> Result<(), Refused>;

    /// Applies a packet that was checked against this very state.
    ///
    /// # Errors
    /// [`InternalError`]: a bug of ours.
    fn apply(
        &mut self,
        rng: &mut dyn CryptoRng,
        checked: Checked<Self::Proof>,
    ) -> Result<OperationStep<Self::Keys, Self::Result>, InternalError>;

    /// Encodes our abort packet; `None` if we cannot author one: we are being excluded, our key has
    /// not appeared in this operation yet, or the dialect has none.
    fn encode_abort(&self, reason: &str) -> Option<String>;

    /// Who has done their part, and who is awaited.
    fn progress(&self) -> Progress;

    /// The keys that the operation leads to, once nothing but confirmations is awaited. They are in
    /// force for nobody who awaits one; that others use them tells that it is complete for those.
    fn keys_if_confirmed(&self) -> Option<Self::Keys> {
        None
    }
}

/// An initial packet that was checked.
#[derive(Debug)]
#[must_use]
pub struct CheckedInitial<P> {
    /// What it proposes.
    pub initial: Initial,
    /// The proof, for [`Greeter::start`].
    pub proof: P,
}

/// A packet of a running operation that was checked.
#[derive(Debug)]
#[must_use]
pub struct Checked<P> {
    /// What it is to the server order.
    pub stage: Stage,
    /// The proof, for [`Greeting::apply`].
    pub proof: P,
}
