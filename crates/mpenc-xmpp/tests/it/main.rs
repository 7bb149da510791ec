//! Rooms on real servers, which the tests start.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    missing_docs,
    reason = "tests"
)]

mod channel;
mod conformance;
mod group;
mod server;
mod session;
mod support;
