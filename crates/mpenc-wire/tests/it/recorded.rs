//! Every packet of every history decodes, and encodes to the same octets again.

use mpenc_wire::{Dialect, Packet};

use crate::support::{contents, files, list, read, round_trip, text};

#[test]
fn every_packet_of_the_strict_recordings_survives() {
    let mut packets = 0;
    for path in files("", &["s", "r"]) {
        let recording = read(&path);
        if recording["strict"] != true {
            continue;
        }
        for event in list(&recording["channel"]) {
            if event["kind"] == "packet" {
                round_trip(Dialect::MPENC_JS, text(&event["packet"]));
                packets += 1;
            }
        }
    }
    assert!(packets > 2200, "only {packets} packets");
}

#[test]
fn every_packet_of_the_document_histories_survives() {
    let mut packets = 0;
    for path in files("document", &["g"]) {
        for step in list(&read(&path)["steps"]) {
            for packet in list(&step["packets"]) {
                round_trip(Dialect::DOCUMENT, text(&packet["packet"]));
                packets += 1;
            }
        }
    }
    assert!(packets > 150, "only {packets} packets");
}

/// Attack row 59: a packet of the other dialect is refused by an error that names it.
#[test]
fn each_dialect_names_the_other() {
    let document = &read(&files("document", &["g01"])[0])["steps"][0]["packets"][0]["packet"];
    let recorded = read(&files("", &["s02"])[0]);
    let js = list(&recorded["channel"])
        .iter()
        .find_map(|event| event["packet"].as_str())
        .expect("a packet");
    for (packet, dialect, other) in
        [(text(document), Dialect::MPENC_JS, "Document"), (js, Dialect::DOCUMENT, "MpencJs")]
    {
        let contents = contents(packet);
        let error = Packet::decode(dialect, &contents).expect_err("another dialect");
        assert!(error.to_string().contains(other), "{error}");
    }
}
