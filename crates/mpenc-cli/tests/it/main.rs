//! The program `mpenc`, run as a user runs it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    missing_docs,
    reason = "a test that fails should panic"
)]

mod inspect;
mod keygen;
mod keys;
mod program;
mod replay;
