#![doc = include_str!("../README.md")]

mod channel;
mod sim;

pub use channel::{Notice, Server};
pub use sim::{Latency, NodeId, Sim, Stuck};
