#![doc = include_str!("../README.md")]

mod channel;
#[cfg(feature = "conformance")]
pub mod conformance;
mod driver;
mod error;
mod handle;
mod trace;

pub use channel::{ChannelNotice, GroupChannel};
pub use driver::{Driver, Options};
pub use error::{CallError, Gone};
pub use handle::{Change, Events, Handle};
