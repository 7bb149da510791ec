#![doc = include_str!("../README.md")]
#![no_std]
#![deny(clippy::as_conversions, clippy::std_instead_of_core, clippy::exhaustive_enums)]

extern crate alloc;

mod ack;
mod candidates;
mod id;
mod operation;
mod recent;
mod resolver;
#[cfg(feature = "serde")]
mod serial;
mod verdict;

pub use ack::{AckVerdict, OrderAcks, UnknownAck};
pub use candidates::{Candidacy, Candidates, Completion};
pub use id::{ChainHash, EntryType, PacketId, leave_pseudo_packet};
pub use operation::{End, Ended, Ongoing};
pub use resolver::{AcceptedInitial, Proposal, ServerOrder};
pub use verdict::{IgnoreReason, RejectReason, Verdict};
