//! The committed corpus of the fuzz targets, replayed.

use std::fs;
use std::path::Path;

use mpenc_wire::{Dialect, Packet};

use crate::reencode::survive;

#[test]
fn the_corpus_survives() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus/packet_decode");
    let (mut seeds, mut packets) = (0, 0);
    for entry in fs::read_dir(&corpus).expect("the corpus is part of the repository") {
        let path = entry.expect("readable").path();
        let input = fs::read(&path).expect("readable");
        survive(&input);
        seeds += 1;
        let dialect = Dialect::ALL[usize::from(input[0] % 2)];
        packets += usize::from(Packet::decode(dialect, &input[1..]).is_ok());
    }
    assert!(seeds >= 30 && packets >= 26, "{seeds} seeds, {packets} of them packets");
}
