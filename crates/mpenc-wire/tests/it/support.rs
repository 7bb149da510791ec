use std::fs;
use std::path::{Path, PathBuf};

use mpenc_wire::{Dialect, Packet, RecordType, armor, records, unarmor};
use serde_json::Value;

use crate::reencode::encode;

pub fn vectors() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../vectors")
}

pub fn read(path: &Path) -> Value {
    let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("{path:?}: {error}"));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{path:?}: {error}"))
}

/// The files of a folder whose names start with one of these.
pub fn files(folder: &str, starts: &[&str]) -> Vec<PathBuf> {
    let mut files: Vec<_> = fs::read_dir(vectors().join(folder))
        .expect("the vectors are part of the repository")
        .map(|entry| entry.expect("readable").path())
        .filter(|path| {
            let name = path.file_name().unwrap().to_str().unwrap();
            name.ends_with(".json") && starts.iter().any(|start| name.starts_with(start))
        })
        .collect();
    files.sort();
    assert!(!files.is_empty(), "no vectors in {folder:?}");
    files
}

pub fn octets(value: &Value) -> Vec<u8> {
    hex::decode(value.as_str().expect("a hex string")).expect("hex")
}

pub fn text(value: &Value) -> &str {
    value.as_str().expect("a string")
}

pub fn list(value: &Value) -> &Vec<Value> {
    value.as_array().expect("a list")
}

pub fn contents(packet: &str) -> Vec<u8> {
    let mut buffer = Vec::new();
    unarmor(packet, &mut buffer).unwrap_or_else(|error| panic!("{error}: {packet}")).to_vec()
}

/// Whether a packet without these octets at its end may be one too: LATEST_PM records are as many
/// as there are, and in a refresh or an upflow they stand last.
pub fn may_be_missing(tail: &[u8]) -> bool {
    records(tail).all(|record| record.is_ok_and(|record| record.kind == RecordType::LATEST_PM))
}

/// Decodes a packet, encodes it again from its fields, and compares.
pub fn round_trip(dialect: Dialect, packet: &str) {
    let contents = contents(packet);
    assert_eq!(armor(&contents), packet);
    let decoded = Packet::decode(dialect, &contents)
        .unwrap_or_else(|error| panic!("{error}: {}", hex::encode(&contents)));
    assert_eq!(encode(dialect, &decoded), packet);
}
