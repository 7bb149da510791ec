//! `mpenc inspect`.

use serde_json::Value;

use crate::program::{mpenc, mpenc_in, vector_json};

fn inspect(packet: &str) -> String {
    let run = mpenc(&["inspect", packet]);
    assert_eq!((run.code, run.stderr.as_str()), (0, ""), "{}", run.stdout);
    run.stdout
}

/// Packet number `packet` of step `step` of a Document history.
fn document(file: &str, step: usize, packet: usize) -> String {
    let history = vector_json(&format!("document/{file}.json"));
    history["steps"][step]["packets"][packet]["packet"].as_str().unwrap().to_owned()
}

fn recorded(file: &str, channel: usize) -> String {
    let recording = vector_json(&format!("{file}.json"));
    recording["channel"][channel]["packet"].as_str().unwrap().to_owned()
}

fn bad(name: &str) -> String {
    let cases = vector_json("document/bad.json");
    let case = cases["cases"].as_array().unwrap().iter().find(|case| case["name"] == name);
    case.expect(name)["packet"].as_str().unwrap().to_owned()
}

#[test]
fn a_greeting_of_the_document() {
    insta::assert_snapshot!(inspect(&document("g02", 0, 0)));
}

#[test]
fn a_broadcast_greeting_of_the_document() {
    insta::assert_snapshot!(inspect(&document("g01", 2, 0)));
}

#[test]
fn a_data_packet_of_the_document() {
    insta::assert_snapshot!(inspect(&document("g01", 1, 0)));
}

#[test]
fn a_resent_data_packet_of_the_document() {
    insta::assert_snapshot!(inspect(&document("g01", 4, 4)));
}

#[test]
fn an_abort_of_the_document() {
    insta::assert_snapshot!(inspect(&document("g08", 0, 2)));
}

#[test]
fn a_greeting_of_the_first_implementation() {
    insta::assert_snapshot!(inspect(&recorded("s05", 2)));
}

#[test]
fn a_confirm_of_the_first_implementation() {
    insta::assert_snapshot!(inspect(&recorded("s05", 5)));
}

#[test]
fn a_data_packet_of_the_first_implementation() {
    insta::assert_snapshot!(inspect(&recorded("s05", 7)));
}

#[test]
fn malformed_packets_are_shown_up_to_the_fault() {
    for name in [
        "armor-no-dot",
        "armor-space-inside",
        "cut-half",
        "unknown-record-at-end",
        "version-after-type",
        "greet-type-0",
        "source-surrogate",
    ] {
        let run = mpenc(&["inspect", &bad(name)]);
        assert_eq!((run.code, run.stderr.as_str()), (1, ""), "{name}");
        insta::assert_snapshot!(name, run.stdout);
    }
}

#[test]
fn every_bad_structure_names_its_octet() {
    let cases = vector_json("document/bad.json");
    for case in cases["cases"].as_array().unwrap() {
        if case["level"] != "decode" {
            continue;
        }
        let run = mpenc(&["inspect", "--dialect", "document", case["packet"].as_str().unwrap()]);
        assert_eq!(run.code, 1, "{}: {}", case["name"], run.stdout);
        let last = run.stdout.lines().last().unwrap();
        assert!(last.contains("at octet "), "{}: {last}", case["name"]);
    }
}

#[test]
fn json_has_all_of_it() {
    let packet = document("g02", 0, 0);
    let run = mpenc(&["inspect", "--json", &packet]);
    assert_eq!(run.code, 0);
    let json: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(json["dialect"], "Document");
    assert_eq!(json["characters"], packet.len());
    assert_eq!(json["packet"]["kind"], "greeting");
    let records = json["records"].as_array().unwrap();
    let octets: usize = records
        .iter()
        .map(|record| {
            let length = usize::try_from(record["length"].as_u64().unwrap()).unwrap();
            assert_eq!(record["value"].as_str().unwrap().len(), 2 * length);
            4 + length
        })
        .sum();
    assert_eq!(json["octets"], octets);
    assert_eq!(json.get("error"), None);
}

#[test]
fn json_of_a_malformed_packet_has_the_error_and_the_octet() {
    let run = mpenc(&["inspect", "--json", &bad("cut-last-octet")]);
    assert_eq!(run.code, 1);
    let json: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(json["packet"], Value::Null);
    assert_eq!(json["error"]["in"], "records");
    assert!(json["error"]["octet"].as_u64().unwrap() > 0);
    assert!(!json["records"].as_array().unwrap().is_empty());
}

#[test]
fn a_packet_can_come_from_standard_input() {
    let packet = recorded("s05", 2);
    for args in [&["inspect"][..], &["inspect", "-"]] {
        let run = mpenc_in(std::path::Path::new("."), args, &format!("{packet}\r\n"));
        assert_eq!(run.stdout, inspect(&packet));
    }
}

#[test]
fn empty_standard_input_is_said() {
    mpenc(&["inspect"]).failed_saying(&["no packet on standard input"]);
}

#[test]
fn the_wrong_dialect_is_named() {
    for (dialect, other, packet) in
        [("document", "MpencJs", recorded("s05", 2)), ("js", "Document", document("g01", 0, 0))]
    {
        let run = mpenc(&["inspect", "--dialect", dialect, &packet]);
        assert_eq!(run.code, 1);
        let last = run.stdout.lines().last().unwrap();
        assert!(last.contains(&format!("a packet of dialect {other}")), "{last}");
    }
}

#[test]
fn text_that_is_no_packet_is_said() {
    let run = mpenc(&["inspect", "hello"]);
    assert_eq!(run.code, 1);
    insta::assert_snapshot!(run.stdout);
}

#[test]
fn an_unknown_dialect_is_refused() {
    let run = mpenc(&["inspect", "--dialect", "latin", "?mpENC:."]);
    assert_eq!(run.code, 2);
    assert!(run.stderr.contains("document") && run.stderr.contains("js"), "{}", run.stderr);
}
