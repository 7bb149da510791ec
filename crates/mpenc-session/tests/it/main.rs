//! Whole sessions around a simulated channel, with real cryptography.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    missing_docs,
    reason = "tests"
)]

mod attacks;
mod boundary;
mod channel_rules;
mod churn;
mod dictator;
mod failures;
mod faulty;
mod fork;
mod group;
mod history;
mod honest;
mod identity;
mod joining;
mod life;
mod liveness;
mod misuse;
mod overdue;
mod queues;
mod races;
mod rejects;
mod renewal;
mod sendqueue;
#[cfg(feature = "serde")]
mod serial;
mod story;
mod tap;
mod texts;
mod two_groups;
