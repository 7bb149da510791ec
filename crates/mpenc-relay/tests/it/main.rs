//! Scenarios over real TCP connections on the loopback interface.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    missing_docs,
    reason = "tests fail by panicking"
)]

#[cfg(feature = "channel")]
mod channel;
#[cfg(feature = "channel")]
mod conformance;
mod faults;
mod limits;
mod order;
mod room;
#[cfg(feature = "channel")]
mod rooms;
#[cfg(feature = "channel")]
mod session;
mod support;
