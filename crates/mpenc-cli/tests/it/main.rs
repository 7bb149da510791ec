//! The program `mpenc`, run as a user runs it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    missing_docs,
    reason = "a test that fails should panic"
)]

mod chat;
mod demo;
mod doctor;
mod faults;
mod graph;
mod inspect;
mod keygen;
mod keys;
mod live;
mod program;
mod relay;
mod replay;
mod replay_session;
mod screen;
mod settings;
mod terminal;
mod verify;
#[cfg(feature = "xmpp")]
mod xmpp;
