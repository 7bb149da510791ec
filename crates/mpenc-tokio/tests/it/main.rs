//! Sessions over scripted channels, in tokio's paused time: it passes when everything waits.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    missing_docs,
    reason = "tests fail by panicking"
)]

mod bounds;
#[cfg(feature = "conformance")]
mod conformance;
mod drive;
mod end;
mod solo;
mod support;
