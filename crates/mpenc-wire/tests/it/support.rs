use std::fs;
use std::path::{Path, PathBuf};

use mpenc_wire::{
    AbortFields, DataFields, Dialect, GreetingFields, GreetingPacket, MemberId, MetadataFields,
    Packet, RecordType, armor, records, resend, unarmor,
};
use serde_json::Value;

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

pub fn encode(dialect: Dialect, packet: &Packet<'_>) -> String {
    match packet {
        Packet::Greeting(greeting) => encode_greeting(dialect, greeting),
        Packet::Data(data) => {
            let fields = DataFields { hint: data.hint, iv: data.iv, payload: data.payload };
            let unsigned = fields.encode(dialect).unwrap();
            assert_eq!(unsigned.signed(), data.signed);
            let packet = unsigned.finish(data.signature);
            match data.resent_author {
                Some(author) => resend(&packet, &author.to_owned()).unwrap(),
                None => packet,
            }
        }
        Packet::Abort(abort) => {
            let source = abort.source.to_owned();
            let fields =
                AbortFields { source: &source, aborted_pi: abort.aborted_pi, reason: abort.reason };
            let unsigned = fields.encode(dialect).unwrap();
            assert_eq!(unsigned.signed(), abort.signed);
            unsigned.finish(abort.signature)
        }
        other => panic!("unknown packet {other:?}"),
    }
}

fn encode_greeting(dialect: Dialect, packet: &GreetingPacket<'_>) -> String {
    let source = packet.source.to_owned();
    let dest = packet.dest.map(|dest| dest.to_owned());
    let members: Vec<MemberId> = packet.members.iter().map(|member| member.to_owned()).collect();
    let int_keys: Vec<_> = packet.int_keys.iter().copied().collect();
    let nonces: Vec<_> = packet.nonces.iter().copied().collect();
    let pub_keys: Vec<_> = packet.pub_keys.iter().copied().collect();
    let latest_pm: Vec<_> =
        packet.metadata.iter().flat_map(|metadata| metadata.latest_pm.iter()).collect();
    let fields = GreetingFields {
        greet_type: packet.greet_type,
        source: &source,
        dest: dest.as_ref(),
        members: &members,
        int_keys: &int_keys,
        nonces: &nonces,
        pub_keys: &pub_keys,
        metadata: packet.metadata.as_ref().map(|metadata| MetadataFields {
            prev_pf: metadata.prev_pf,
            chain_hash: metadata.chain_hash,
            latest_pm: &latest_pm,
        }),
        session_signature: packet.session_signature,
    };
    let unsigned = fields.encode(dialect).unwrap();
    assert_eq!(unsigned.signed(), packet.signed);
    unsigned.finish(packet.signature)
}
