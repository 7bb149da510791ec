//! The malformed packets of `bad.json` whose fault shows in the packet alone.

use mpenc_wire::{Dialect, Packet, unarmor};

use crate::support::{list, read, text, vectors};

#[test]
fn every_malformed_packet_is_refused_and_every_other_one_decodes() {
    let bad = read(&vectors().join("document/bad.json"));
    let mut refused = 0;
    for case in list(&bad["cases"]) {
        let name = text(&case["name"]);
        let mut buffer = Vec::new();
        let result = unarmor(text(&case["packet"]), &mut buffer)
            .and_then(|contents| Packet::decode(Dialect::DOCUMENT, contents).map(|_| ()));
        match text(&case["level"]) {
            "decode" => {
                let error = result.expect_err(name);
                let code = text(&case["code"]);
                if let Some(dialect) = code.strip_prefix("dialect-") {
                    assert!(error.to_string().contains(dialect), "{name}: {error}");
                }
                refused += 1;
            }
            // What needs keys or the running operation is refused by others, not here.
            _ => result.unwrap_or_else(|error| panic!("{name}: {error}")),
        }
    }
    assert!(refused > 90, "only {refused} cases");
}

/// Which check refuses what, and where: pinned, because people read these sentences.
#[test]
fn errors_name_the_fault_and_the_octet() {
    let bad = read(&vectors().join("document/bad.json"));
    let mut lines = String::new();
    for case in list(&bad["cases"]) {
        let mut buffer = Vec::new();
        let result = unarmor(text(&case["packet"]), &mut buffer)
            .and_then(|contents| Packet::decode(Dialect::DOCUMENT, contents).map(|_| ()));
        if let Err(error) = result {
            lines.push_str(&format!("{}: {error}\n", text(&case["name"])));
        }
    }
    insta::assert_snapshot!(lines);
}
