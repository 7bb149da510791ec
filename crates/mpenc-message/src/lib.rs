//! Sealing and opening mpENC messages.
#![no_std]
#![deny(clippy::as_conversions, clippy::std_instead_of_core, clippy::exhaustive_enums)]

extern crate alloc;

mod traits;

pub use traits::{Draft, Kind, MessageSecurity, OpenError, Opened, OrderAck, SealError, Sealed};
