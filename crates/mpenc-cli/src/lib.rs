#![doc = include_str!("../README.md")]

mod chat;
mod cli;
mod demo;
mod doctor;
mod graph;
mod hex_bytes;
mod inspect;
mod keygen;
pub mod keys;
mod log;
pub mod probe;
mod relay;
mod replay;
mod settings;
mod trace;
mod tui;

pub use cli::main;
