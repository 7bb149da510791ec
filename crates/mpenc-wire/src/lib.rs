#![doc = include_str!("../README.md")]
#![no_std]
#![deny(clippy::as_conversions, clippy::std_instead_of_core, clippy::exhaustive_enums)]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod armor;
mod decode;
mod dialect;
mod error;
mod greet_type;
mod id;
mod packet;
mod plaintext;
mod record;
mod runs;
#[cfg(feature = "serde")]
mod serial;
mod write;

pub use armor::{PREFIX, armor, peek_signature, unarmor};
pub use dialect::{
    BasePointForm, Cipher, Dialect, DialectTable, KindForm, MemberIdForm, PaddingScope,
    ParentOrder, SessionSignatureForm,
};
pub use error::{Malformed, MalformedKind};
pub use greet_type::{GreetOperation, GreetType};
pub use id::{InvalidMemberId, MemberId, MemberRef, MessageId};
pub use packet::{AbortPacket, DataPacket, GreetingPacket, Metadata, Packet};
pub use plaintext::{Plaintext, PlaintextFields};
pub use record::{Record, RecordType, Records, records};
pub use runs::{IntKeys, Members, MessageIds, Values32};
pub use write::{
    AbortFields, DataFields, EncodeError, GreetingFields, MetadataFields, Unsigned, resend,
};

/// The largest text of a packet: 1.4 MiB.
pub const MAX_TEXT: usize = 14 * 1024 * 1024 / 10;
/// The most octets that a packet's records take: 1 MiB.
pub const MAX_CONTENTS: usize = 1024 * 1024;
/// The most members of a group.
pub const MAX_MEMBERS: usize = 1024;
/// The most octets of an abort's reason.
pub const MAX_REASON: usize = 256;
/// The most octets of a member id.
pub const MAX_MEMBER_ID: usize = 1023;
