//! Writes the inputs that fuzzing begins with into `fuzz/corpus`: packets and small files out of
//! `vectors/`, every kind of frame, and for the scripts a few kilobytes of chance. Always the same
//! ones; what libFuzzer found is left as it is.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a tool of developers"
)]

use std::fs;
use std::path::{Path, PathBuf};

use mpenc_relay::{ClientFrame, LeaveCause, ServerFrame};
use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};

/// How many packets are taken of the vectors, at most, and how many octets each has.
const PACKETS: usize = 24;
const OCTETS: usize = 2_000;
/// Files up to this size are taken as seeds for the parser of recordings.
const FILE: u64 = 24_000;

fn main() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let corpus = root.join("fuzz/corpus");
    let put = |target: &str, name: &str, octets: &[u8]| {
        let folder = corpus.join(target);
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join(name), octets).unwrap();
    };

    for (at, packet) in packets(&root).iter().enumerate() {
        put("inspect", &format!("seed-{at:02}"), packet.as_bytes());
    }
    for (at, file) in files(&root, FILE).iter().enumerate() {
        put("recordings", &format!("seed-{at:02}"), &fs::read(file).unwrap());
    }
    for (at, frame) in frames().iter().enumerate() {
        // A target takes bodies.
        put("relay_frames", &format!("seed-{at:02}"), &frame[4..]);
    }
    for target in ["greet_script", "transcript", "resolver", "session", "life"] {
        for seed in 0..8_u64 {
            let mut octets = vec![0; 60 << (seed % 4)];
            ChaCha20Rng::seed_from_u64(seed).fill_bytes(&mut octets);
            put(target, &format!("seed-{seed:02}"), &octets);
        }
    }
}

/// The JSON files of the vectors up to this size.
fn files(root: &Path, limit: u64) -> Vec<PathBuf> {
    let folders = ["vectors", "vectors/document"];
    let entries = folders.iter().flat_map(|folder| fs::read_dir(root.join(folder)).unwrap());
    let mut files: Vec<PathBuf> = entries
        .map(Result::unwrap)
        .filter(|entry| entry.metadata().unwrap().len() <= limit)
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "json"))
        .collect();
    files.sort();
    files
}

/// Packets of different lengths out of the vectors.
fn packets(root: &Path) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    for file in files(root, u64::MAX) {
        let text = fs::read_to_string(file).unwrap();
        for part in text.split("?mpENC:").skip(1) {
            if let Some((body, _)) = part.split_once('.').filter(|(body, _)| body.len() < OCTETS) {
                all.push(format!("?mpENC:{body}."));
            }
        }
    }
    all.sort_by_key(String::len);
    all.dedup_by_key(|packet| packet.len());
    let step = (all.len() / PACKETS).max(1);
    all.into_iter().step_by(step).collect()
}

fn frames() -> Vec<Vec<u8>> {
    let client = [
        ClientFrame::Hello { version: 1, room: "room", name: "ann" },
        ClientFrame::Send { packet: "?mpENC:AAEAAgABAA==." },
        ClientFrame::Remove { name: "ben" },
        ClientFrame::Leave,
    ];
    let causes = [
        LeaveCause::Left,
        LeaveCause::Disconnected,
        LeaveCause::Removed { by: "cat" },
        LeaveCause::TooSlow,
        LeaveCause::Misbehaved,
        LeaveCause::Closing,
    ];
    let left = causes.map(|cause| ServerFrame::Left { name: "ben", cause });
    let server = [
        ServerFrame::Welcome { members: vec!["ann", "ben"] },
        ServerFrame::Refused { reason: "the room is full" },
        ServerFrame::Entered { name: "dan" },
        ServerFrame::Packet { sender: "ann", packet: "hello" },
    ];
    let client = client.iter().map(|frame| frame.encode().to_vec());
    let server = server.into_iter().chain(left).map(|frame| frame.encode().to_vec());
    client.chain(server).collect()
}
