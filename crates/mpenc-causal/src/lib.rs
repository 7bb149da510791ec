#![doc = include_str!("../README.md")]
#![no_std]
#![forbid(unsafe_code)]
#![deny(clippy::as_conversions, clippy::std_instead_of_core, clippy::exhaustive_enums)]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod acks;
mod arena;
mod entry;
mod error;
mod index;
mod indexed;
mod kept;
mod live;
mod log;
mod merge;
mod pending;
mod prune;
mod query;
#[cfg(feature = "serde")]
mod serial;
mod table;
mod transcript;
mod walk;

pub use entry::{Added, Entry, Role};
pub use error::{AddError, ForkEvidence};
pub use index::Index;
pub use indexed::Indexed;
pub use log::{Line, LogError, MessageLog, Section};
pub use merge::three_way_merge;
pub use pending::{DropReason, Dropped, Held, Pending};
pub use transcript::Transcript;
