//! Scenario, model and replay tests of the causal transcript.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    missing_docs,
    reason = "a test may fail by panicking"
)]

mod acks;
mod group;
mod log;
mod merge;
mod model;
mod order;
mod pending;
mod prune;
mod random;
mod recordings;
mod rules;
mod texts;
