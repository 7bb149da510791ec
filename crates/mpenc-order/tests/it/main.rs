//! Scenario tests of the server order, and its replay of the vectors.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    missing_docs,
    reason = "a test fails by panicking"
)]

mod acks;
mod agreement;
mod histories;
mod joining;
mod recordings;
mod rules;
mod support;
mod unit;
