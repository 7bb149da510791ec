//! Where two packets differ, for people.

use mpenc_wire::{RecordType, records, unarmor};

/// Names the first record in which our packet is not the recorded one.
pub(crate) fn difference(recorded: &str, ours: &str) -> String {
    let (mut first, mut second) = (Vec::new(), Vec::new());
    let (Ok(recorded), Ok(ours)) = (unarmor(recorded, &mut first), unarmor(ours, &mut second))
    else {
        return "one of them is no packet".to_owned();
    };
    let signature = |kind| matches!(kind, RecordType::MESSAGE_SIGNATURE);
    let mut theirs = records(recorded).map_while(Result::ok);
    let mut signatures_differ = false;
    for record in records(ours).map_while(Result::ok) {
        let Some(other) = theirs.next() else {
            return format!("ours goes on with {} at octet {}", record.kind, record.offset);
        };
        if record == other {
            continue;
        }
        // A signature differs whenever anything else does: that is worth telling first.
        if signature(record.kind) && signature(other.kind) {
            signatures_differ = true;
            continue;
        }
        return format!(
            "at octet {} recorded {} {}, ours {} {}",
            other.offset,
            other.kind,
            hex::encode(other.value),
            record.kind,
            hex::encode(record.value)
        );
    }
    match theirs.next() {
        Some(other) => format!("recorded goes on with {} at octet {}", other.kind, other.offset),
        None if signatures_differ => "only the signatures differ".to_owned(),
        None => "they differ in their armor".to_owned(),
    }
}
