//! What is measured of mpENC: groups of either layer, without any network.
//!
//! The program of this crate does one piece of work at a time, for `cargo xtask counts`, which counts
//! its instructions. `bench-peers` measures the time that the same groups take.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "it measures; whatever does not go as planned must stop it"
)]

pub mod clock;
pub mod greet;
pub mod growth;
pub mod model;
pub mod ours;
