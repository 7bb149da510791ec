//! The mpENC packet format.
#![no_std]
#![deny(clippy::as_conversions, clippy::std_instead_of_core, clippy::exhaustive_enums)]

extern crate alloc;

mod dialect;
mod id;
mod packet;

pub use dialect::{
    BasePointForm, Cipher, Dialect, DialectTable, KindForm, MemberIdForm, PaddingScope,
    ParentOrder, SessionSignatureForm,
};
pub use id::{InvalidMemberId, MemberId, MemberRef, MessageId};
pub use packet::{
    AbortPacket, DataPacket, GreetType, GreetingPacket, IntKeys, Members, MessageIds, Metadata,
    Packet, Values32,
};
