//! What each fuzz target does with its input. It fails by panicking.
//!
//! The programs that libFuzzer drives are in `fuzz/`; some inputs of each kind, from which it starts, and
//! those in which it found something are in `fuzz/corpus`, and are tests of this crate. Every input begins with a fresh state and leads to a
//! bounded amount of work.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a target fails by panicking"
)]

mod greet_script;
mod input;
mod life;
mod relay_frames;
mod resolver;
mod session;
mod transcript;

#[path = "../../mpenc-wire/tests/it/reencode.rs"]
mod reencode;

/// A target: its name, and what it does with an input.
pub type Target = (&'static str, fn(&[u8]));

/// All targets.
pub const TARGETS: [Target; 9] = [
    ("packet_decode", reencode::survive),
    ("greet_script", greet_script::run),
    ("transcript", transcript::run),
    ("resolver", resolver::run),
    ("session", session::run),
    ("life", life::run),
    ("relay_frames", relay_frames::run),
    ("recordings", recordings),
    ("inspect", inspect),
];

/// Runs the target of this name.
///
/// # Panics
/// If there is none of this name, or the target has found something.
pub fn run(name: &str, input: &[u8]) {
    let target = TARGETS.iter().find(|(known, _)| *known == name);
    target.expect("a target of this name").1(input);
}

/// Any text as a file of vectors: it is one, or it is said in a sentence why not.
fn recordings(input: &[u8]) {
    let Ok(text) = str::from_utf8(input) else { return };
    if let Err(error) = mpenc_cli::probe::vectors(text) {
        let error = format!("{error:#}");
        assert!(!error.is_empty() && !error.contains('\n'), "{error:?}");
    }
}

/// Any text as a packet to inspect: shown as a tree and as JSON, malformed or not.
fn inspect(input: &[u8]) {
    let Ok(text) = str::from_utf8(input) else { return };
    let (tree, json) = mpenc_cli::probe::inspect(text).expect("writing to memory does not fail");
    assert!(!tree.is_empty() && !json.is_empty());
    // Whatever is in the packet, nothing of it steers the terminal.
    let control = |c: char| c.is_control() && c != '\n';
    assert!(!tree.contains(control) && !json.contains(control), "{tree:?}");
}
