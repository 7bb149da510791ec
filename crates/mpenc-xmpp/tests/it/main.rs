//! Rooms on a real server, which the tests start.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    missing_docs,
    reason = "tests"
)]

mod channel;
mod prosody;
mod session;
mod support;
