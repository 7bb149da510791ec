#![doc = include_str!("../README.md")]

mod channel;
mod dice;
mod lies;
mod loss;
#[cfg(feature = "runner")]
pub mod runner;
mod sim;

pub use channel::{Notice, Server};
pub use loss::Loss;
pub use sim::{Latency, NodeId, Record, Sim, Stuck, What};
