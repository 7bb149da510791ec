//! The codec against the vectors of both dialects, and against its own inverse.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    missing_docs,
    reason = "tests"
)]

mod bad;
mod corpus;
mod faults;
mod limits;
mod properties;
mod recorded;
mod reencode;
mod support;
mod texts;
mod units;
