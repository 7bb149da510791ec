#![doc = include_str!("../README.md")]
#![no_std]
#![deny(clippy::as_conversions, clippy::std_instead_of_core, clippy::exhaustive_enums)]

extern crate alloc;

mod content;
mod padding;
mod security;
#[cfg(feature = "serde")]
mod serial;
mod signature;
mod traits;

pub use padding::PaddingFault;
pub use security::{SubSessionKeys, SubSessionSecurity, SubSessionVerifier};
pub use traits::{
    ContentFault, Draft, Kind, MessageSecurity, OpenError, Opened, OrderAck, RetiredSecurity,
    SealError, Sealed,
};
