#![doc = include_str!("../README.md")]

mod channel;
#[cfg(feature = "runner")]
pub mod runner;
mod sim;

pub use channel::{Notice, Server};
pub use sim::{Latency, NodeId, Record, Sim, Stuck, What};
