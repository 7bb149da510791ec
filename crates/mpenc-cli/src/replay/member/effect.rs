//! What packets do to a member, in words that can be compared.

use std::fmt;

use mpenc_greet::{CannotConfirm, InternalError, Progress, ProposeError, Refused};
use mpenc_message::{OpenError, Opened};
use mpenc_order::{ChainHash, EntryType, IgnoreReason, PacketId, RejectReason};
use mpenc_wire::{Malformed, MemberId};

/// What a completed operation agreed on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Agreed {
    pub(crate) session_id: [u8; 32],
    pub(crate) group_key: [u8; 32],
    pub(crate) members: Vec<MemberId>,
    pub(crate) int_keys: Vec<[u8; 32]>,
    pub(crate) nonces: Vec<[u8; 32]>,
    pub(crate) ephemeral_keys: Vec<[u8; 32]>,
}

/// What a packet, or a leaver, did to a member.
#[derive(Debug)]
pub(crate) enum Effect {
    /// A packet entered the server order.
    Ordered(Ordered),
    /// A packet went one step on in the running operation.
    Applied,
    /// The running operation ended without effect.
    Failed,
    /// The running operation took effect.
    Completed(Entered),
    /// The running operation lacks something of ours.
    CannotConfirm(CannotConfirm),
    /// A message was opened, in this sub-session.
    Opened(usize, Opened),
    /// Nothing at all has changed.
    NotTaken(PacketId, NotTaken),
    /// A bug.
    Internal(InternalError),
}

/// Where a completed operation led a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Entered {
    /// Into this sub-session.
    SubSession(usize),
    /// It is alone now.
    Alone,
    /// It was excluded.
    Excluded,
}

/// A packet that entered the server order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ordered {
    pub(crate) id: PacketId,
    pub(crate) entry: EntryType,
    /// The chain hash after it.
    pub(crate) chain_hash: ChainHash,
    /// Where our order began, if it began with this packet.
    pub(crate) synced_from: Option<(PacketId, ChainHash)>,
}

/// Why a packet was not taken.
#[derive(Debug)]
pub(crate) enum NotTaken {
    /// Its structure is wrong.
    Malformed(Malformed),
    /// A check of the membership protocol failed.
    Refused(Refused),
    /// The server order rejects it.
    Rejected(RejectReason),
    /// The server order ignores it.
    Ignored(IgnoreReason),
    /// It belongs to an operation, and none runs.
    NoOperation,
    /// It cannot be opened in the newest sub-session, for this reason.
    Unopened(OpenError),
    /// It cannot be opened: there is no sub-session.
    NoSession,
    /// It is newer than this program.
    Unknown,
}

impl fmt::Display for NotTaken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed(error) => error.fmt(f),
            Self::Refused(error) => error.check.fmt(f),
            Self::Rejected(reason) => reason.fmt(f),
            Self::Ignored(reason) => reason.fmt(f),
            Self::NoOperation => f.write_str("no operation runs that it could belong to"),
            Self::Unopened(error) => error.fmt(f),
            Self::NoSession => f.write_str("there is no session that it could belong to"),
            Self::Unknown => f.write_str("it is of an unknown kind"),
        }
    }
}

/// What others could notice of a member, and what its next answers depend on.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Visible {
    pub(super) head: Option<(PacketId, ChainHash)>,
    pub(super) running: Option<PacketId>,
    pub(super) progress: Option<Progress>,
    pub(super) members: Vec<MemberId>,
    pub(super) subsessions: usize,
    pub(super) outgoing: usize,
    pub(super) draws: usize,
}

/// Why a recorded proposal could not be made.
#[derive(Debug)]
pub(crate) enum NotProposed {
    /// We do not know our place in the server order.
    Unsynced,
    /// The change is impossible.
    Change(ProposeError),
}

impl fmt::Display for NotProposed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unsynced => f.write_str("the member does not follow the server order"),
            Self::Change(error) => error.fmt(f),
        }
    }
}
