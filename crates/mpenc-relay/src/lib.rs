#![doc = include_str!("../README.md")]
//!
//! # How it is built
//!
//! [`decode_frame`] and the frame types are the wire format: pure functions over octets. A pure hub
//! behind one lock holds the rooms and decides; it never waits and knows no socket. Around it, one
//! task per connection moves frames. The order in which the hub's lock is taken *is* each room's
//! total order.
//!
//! With the feature `channel`, `RelayChannel` is a group channel for `mpenc-tokio`. It lives here, and
//! not there, for the same reason for which every channel has its own crate: channels depend on what
//! drives them, and what drives them knows none of them. Without the feature, this crate knows
//! nothing of mpENC.
//!
//! With the feature `faults`, a relay can be told to lose, double and delay data packets, and to lie:
//! see `Faults`. It is for tests.

#[cfg(feature = "channel")]
mod channel;
mod client;
mod config;
mod connection;
mod error;
#[cfg(feature = "faults")]
mod faults;
mod frame;
mod hub;
mod name;
mod observer;
mod outbox;
mod reader;
mod server;

#[cfg(feature = "channel")]
pub use channel::RelayChannel;
pub use client::{ClientAction, Ended, Notice, RelayClient};
pub use config::{Config, Limits};
pub use error::RelayError;
#[cfg(feature = "faults")]
pub use faults::{Faults, Lie};
pub use frame::{
    ClientFrame, Frame, LeaveCause, MAX_BODY, MAX_PACKET, MalformedFrame, ServerFrame, VERSION,
    decode_frame,
};
pub use name::{InvalidName, MAX_NAME, check_name, check_room};
pub use observer::{Recording, RelayObserver, SeenPacket, Statistics};
pub use server::{Relay, RelayHandle};
