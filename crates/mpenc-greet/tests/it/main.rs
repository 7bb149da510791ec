//! Scenario tests of membership operations.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    missing_docs,
    unreachable_pub,
    reason = "tests stop at the first thing that does not hold"
)]

mod attacks;
mod bad_packets;
mod candidates;
mod changes;
mod crowd;
mod draws;
mod histories;
mod mirror;
mod recordings;
mod refusals;
mod secrets;
mod views;
