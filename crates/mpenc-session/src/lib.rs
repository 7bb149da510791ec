//! A sans-IO mpENC session: events in; actions, events and the next deadline out.
//!
//! A [`Session`] is one member's view of a group. It has no clock, no randomness, no sockets, no
//! threads and no callbacks: it takes [`Input`]s with a [`Ctx`] (the time now, and randomness), and
//! appends to [`Outputs`] what the channel should do and what the user should know. The same
//! inputs, times and random octets give the same outputs, octet for octet.
//!
//! ```text
//!  channel ── packets, who enters, who leaves ──▶ ┌───────────────────────────┐
//!                                                 │          Session          │ ──▶ ChannelAction
//!  user ───── send, propose, part … ────────────▶ │  operations   sub-session │
//!                                                 │  server order transcript  │ ──▶ Event
//!  clock ──── Tick at next_deadline() ──────────▶ └───────────────────────────┘
//! ```
//!
//! # The run loop
//!
//! 1. Do what the outputs say: [`ChannelAction`]s for the channel, [`Event`]s for the user.
//! 2. Wait for whichever is first: the channel's next event, the user's next wish, or
//!    [`Session::next_deadline`].
//! 3. Give it to [`Session::handle`], or call the method of the wish. Go to 1.
//!
//! Outputs may be drained late: that delays things, and never breaks them. Nothing that peers or
//! the channel say makes a call fail; their faults become events that name who, what and which
//! check. Misuse by the caller is an [`ApiMisuse`] with the state unchanged. A bug of ours closes
//! the session with [`Event::Internal`], and never panics.
//!
//! # The parts
//!
//! | module | idea |
//! |---|---|
//! | `session` | dispatch, the caller's actions, queries |
//! | `data` | the way of a packet |
//! | `channel` | what entering and leaving the channel means |
//! | `own` | our own operations, and their outcomes |
//! | `operation` | the operation that the channel runs |
//! | `joining` | waiting to be included: candidate operations |
//! | `overdue` | operations that take too long, and aborts |
//! | `renewal` | the rolling refresh |
//! | `unauthenticated` | members whose signature over an operation was refused |
//! | `history` | whether all were told the same history of operations |
//! | `subsession` | messages, acks and the end of one sub-session |
//! | `flow` | who sends what again, and when |
//! | `outbox` | messages that wait for their readers |
//! | `held` | packets that no sub-session could open yet |
//! | `timers` | every deadline, and when it fires |
//!
//! Which membership protocol and which message security a session uses is its [`Suite`]; the
//! server order and the causal transcript are the same for all.
//!
//! # What it does not do
//!
//! It proves nothing about who a member id is: identity keys come from the caller. It hides
//! neither that a group exists, nor who is in it, from whoever runs the channel.
#![no_std]
#![deny(clippy::as_conversions, clippy::std_instead_of_core, clippy::exhaustive_enums)]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod channel;
mod config;
mod data;
mod elsewhere;
mod error;
mod event;
mod flow;
mod footprint;
mod held;
mod history;
mod io;
mod joining;
mod operation;
mod outbox;
mod overdue;
mod own;
mod past;
mod renewal;
mod session;
mod shared;
mod subsession;
mod suite;
mod time;
mod timers;
mod unauthenticated;

pub use config::{Config, JoinPatience};
pub use error::ApiMisuse;
pub use event::{
    Branch, Event, FailReason, Fault, HeldId, HistoryFault, LocalId, MessageEvent, OperationId,
    OperationInfo, Outcome, Readers, Sent, Severity,
};
pub use footprint::Footprint;
pub use io::{ChannelAction, ChannelEvent, Ctx, Input, Output, Outputs};
pub use mpenc_greet::Change as Membership;
pub use outbox::Queued;
pub use renewal::RollingRefresh;
pub use session::{Session, State};
pub use suite::Suite;
pub use time::Instant;

/// The example in the README compiles and runs.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct ReadmeExample;
