#![doc = include_str!("../README.md")]

mod cli;
mod hex_bytes;
mod inspect;
mod keygen;
pub mod keys;
mod replay;

pub use cli::main;
