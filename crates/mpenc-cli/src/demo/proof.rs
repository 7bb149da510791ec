//! What a demo can prove at its end.

use std::collections::BTreeMap;
use std::io::Write;

use anyhow::Result;
use mpenc_relay::{SeenPacket, Statistics};

use crate::chat::{Status, start};

/// Prints what every member holds. Says whether it is the same for all.
pub(super) fn table(statuses: &[(String, Status)], out: &mut dyn Write) -> Result<bool> {
    writeln!(
        out,
        "{:>8}  {:<34} {:>8}  {:<16}  chain hash",
        "", "members", "messages", "transcript"
    )?;
    for (name, status) in statuses {
        writeln!(
            out,
            "{name:>8}  {:<34} {:>8}  {:<16}  {}",
            status.members.join(" "),
            status.messages,
            start(&status.transcript),
            start(&status.chain_hash),
        )?;
    }
    let same = |part: fn(&Status) -> String| {
        let mut parts = statuses.iter().map(|(_, status)| part(status));
        let first = parts.next();
        first.is_some_and(|first| !first.is_empty() && parts.all(|other| other == first))
    };
    let mut all = true;
    for (what, part) in [
        ("members", (|status: &Status| status.members.join(" ")) as fn(&Status) -> String),
        ("transcript", |status| status.transcript.clone()),
        ("chain hash", |status| status.chain_hash.clone()),
    ] {
        let same = same(part);
        all &= same;
        writeln!(out, "{}  the same {what} for everybody", if same { "yes" } else { "NO " })?;
    }
    Ok(all)
}

/// Prints what the relay saw, and searches it for every text. Says whether any was found.
pub(super) fn what_the_relay_saw(
    packets: &[SeenPacket],
    missed: usize,
    statistics: &Statistics,
    said: &[String],
    out: &mut dyn Write,
) -> Result<bool> {
    writeln!(out, "\n── what the relay saw ──")?;
    writeln!(
        out,
        "{} packets with {} octets of text, passed on {} times",
        statistics.packets, statistics.octets, statistics.deliveries
    )?;
    let mut by_sender: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    for packet in packets {
        let (count, octets) = by_sender.entry(&packet.sender).or_default();
        *count += 1;
        *octets += packet.packet.len();
    }
    for (sender, (count, octets)) in by_sender {
        writeln!(out, "{sender:>8}  {count:>4} packets  {octets:>7} octets")?;
    }
    let mut buffer = Vec::new();
    let mut found = 0_usize;
    for packet in packets {
        // The text as it went over the wire, and what is under its base64.
        let contents = mpenc_wire::unarmor(&packet.packet, &mut buffer).unwrap_or_default();
        for text in said {
            let text = text.as_bytes();
            if contains(packet.packet.as_bytes(), text) || contains(contents, text) {
                found += 1;
            }
        }
    }
    let searched = packets.len();
    writeln!(
        out,
        "searched {searched} packets for all {} texts: {}",
        said.len(),
        if found == 0 { "none was found".to_owned() } else { format!("FOUND {found} TIMES") }
    )?;
    if missed > 0 {
        writeln!(out, "{missed} packets were too many to keep, and were not searched")?;
    }
    Ok(found > 0 || missed > 0 || searched == 0)
}

fn contains(octets: &[u8], text: &[u8]) -> bool {
    octets.windows(text.len()).any(|window| window == text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(transcript: &str) -> Status {
        Status {
            members: vec!["a".into(), "b".into()],
            transcript: transcript.into(),
            chain_hash: "c".into(),
            ..Status::default()
        }
    }

    #[test]
    fn a_different_transcript_is_noticed() {
        let mut out = Vec::new();
        let same = [("a".to_owned(), status("x")), ("b".to_owned(), status("x"))];
        assert!(table(&same, &mut out).unwrap());
        let other = [("a".to_owned(), status("x")), ("b".to_owned(), status("y"))];
        assert!(!table(&other, &mut out).unwrap());
        assert!(String::from_utf8(out).unwrap().contains("NO   the same transcript"));
    }

    #[test]
    fn a_text_is_found_under_the_base64_too() {
        assert!(contains(b"xxhellox", b"hello"));
        assert!(!contains(b"hell", b"hello"));
    }
}
