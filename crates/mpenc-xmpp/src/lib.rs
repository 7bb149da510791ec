#![doc = include_str!("../README.md")]

mod channel;
mod config;
mod connect;
mod error;
mod probe;
mod room;
mod size;
mod stanza;

pub use channel::{Moderators, XmppChannel};
pub use config::{Config, Names, Server};
pub use error::{Ended, XmppError};
pub use probe::{Probe, probe, reach};
pub use size::establish_octets;
