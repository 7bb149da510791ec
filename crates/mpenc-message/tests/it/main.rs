//! Tests of message security: the vectors of both dialects, and what must be refused.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    missing_docs,
    reason = "a test fails by panicking"
)]

mod bad;
mod document;
mod mpenc_js;
mod properties;
mod replay;
mod rules;
mod support;
