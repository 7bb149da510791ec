//! What a demo can prove at its end.

use std::collections::BTreeMap;
use std::io::Write;

use anyhow::Result;
use mpenc_relay::{SeenPacket, Statistics};

use crate::chat::{Status, start};

/// A text that somebody wrote.
#[derive(Clone, Debug)]
pub(super) struct Said {
    pub(super) author: String,
    pub(super) text: String,
    /// The members when it was written, its author among them.
    pub(super) members: Vec<String>,
}

/// Prints a claim, and whether it held. Says so, too.
pub(super) fn claim(held: bool, what: &str, out: &mut dyn Write) -> Result<bool> {
    writeln!(out, "{}  {what}", if held { "yes" } else { "NO " })?;
    Ok(held)
}

/// Prints what every member holds. Says whether it is the same for all, and the members are these.
pub(super) fn table(
    statuses: &[(String, Status)],
    members: &[&str],
    out: &mut dyn Write,
) -> Result<bool> {
    let width = members.iter().map(|name| name.len() + 1).sum::<usize>().max(8);
    writeln!(
        out,
        "{:>8}  {:<width$} {:>17}  {:<16}  chain hash",
        "", "members", "messages and acks", "transcript"
    )?;
    for (name, status) in statuses {
        writeln!(
            out,
            "{name:>8}  {:<width$} {:>17}  {:<16}  {}",
            status.members.join(" "),
            status.messages,
            start(&status.transcript),
            start(&status.chain_hash),
        )?;
    }
    let everybody = statuses.len() == members.len()
        && members.iter().all(|member| statuses.iter().any(|(name, _)| name == member));
    let mut sorted = members.to_vec();
    sorted.sort_unstable();
    let listed = statuses.iter().all(|(_, status)| status.members == sorted);
    let same = |part: fn(&Status) -> &str| {
        let mut parts = statuses.iter().map(|(_, status)| part(status));
        let first = parts.next();
        first.is_some_and(|first| !first.is_empty() && parts.all(|other| other == first))
    };
    let transcripts = same(|status| &status.transcript)
        && statuses.iter().all(|(_, status)| status.messages > 0 && status.unacked == 0);
    let chains = same(|status| &status.chain_hash);
    Ok(claim(everybody && listed, "all who remain hold the same members: themselves", out)?
        & claim(transcripts, "the transcript is the same for everybody, and fully acked", out)?
        & claim(chains, "the chain hash is the same for everybody", out)?)
}

/// Says whether every process showed the texts that were written to its member, each once and with
/// its author, and no others.
pub(super) fn readers(
    said: &[Said],
    shown: &BTreeMap<String, Vec<(String, String)>>,
    out: &mut dyn Write,
) -> Result<bool> {
    let mut right = !said.is_empty() && !shown.is_empty();
    for (name, shown) in shown {
        let mut expected: Vec<(&str, &str)> = said
            .iter()
            .filter(|said| said.members.contains(name))
            .map(|said| (said.author.as_str(), said.text.as_str()))
            .collect();
        let mut found: Vec<(&str, &str)> =
            shown.iter().map(|(author, text)| (author.as_str(), text.as_str())).collect();
        expected.sort_unstable();
        found.sort_unstable();
        writeln!(
            out,
            "{name:>8}  was shown {} of {} texts; {} were written to them, or by them",
            found.len(),
            said.len(),
            expected.len()
        )?;
        right &= expected == found;
    }
    claim(right, "every text was shown to those it was written to, and to nobody else", out)
}

/// Prints what the relay or server saw, and searches it for every text. Says whether none was found,
/// although everything was searched and the search finds what is there.
pub(super) fn what_it_saw(
    who: &str,
    packets: &[SeenPacket],
    missed: usize,
    statistics: &Statistics,
    said: &[Said],
    out: &mut dyn Write,
) -> Result<bool> {
    writeln!(
        out,
        "{} packets with {} octets, passed on {} times",
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
    let texts: Vec<&str> = said.iter().map(|said| said.text.as_str()).collect();
    let mut names: Vec<&str> = said.iter().map(|said| said.author.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    let (found, control) = (count(packets, &texts), count(packets, &names));
    writeln!(
        out,
        "searched {} of them, as they were sent and below their base64, for {} texts: found {found} \
         times; and to see that the search works, for the names of members, which {who} knows: \
         found {control} times",
        packets.len(),
        texts.len(),
    )?;
    let all = missed == 0 && !packets.is_empty() && !texts.is_empty() && control > 0;
    Ok(claim(all, &format!("{who}'s packets were all searched, and the search works"), out)?
        & claim(found == 0, &format!("no text was found in what {who} saw"), out)?)
}

/// How often one of these is in one of the packets.
fn count(packets: &[SeenPacket], texts: &[&str]) -> usize {
    let mut buffer = Vec::new();
    let mut found = 0;
    for packet in packets {
        // The packet as it went over the wire, and what is below its base64.
        let contents = mpenc_wire::unarmor(&packet.packet, &mut buffer).unwrap_or_default();
        for text in texts.iter().map(|text| text.as_bytes()) {
            if contains(packet.packet.as_bytes(), text) || contains(contents, text) {
                found += 1;
            }
        }
    }
    found
}

fn contains(octets: &[u8], text: &[u8]) -> bool {
    text.is_empty() || octets.windows(text.len()).any(|window| window == text)
}

#[cfg(test)]
mod tests {
    use mpenc_relay::{Recording, RelayObserver};

    use super::*;

    fn status() -> Status {
        Status {
            members: vec!["a".into(), "b".into()],
            transcript: "x".into(),
            messages: 1,
            chain_hash: "c".into(),
            ..Status::default()
        }
    }

    fn table_of(change: impl Fn(&mut Status)) -> (bool, String) {
        let mut statuses = [("a".to_owned(), status()), ("b".to_owned(), status())];
        change(&mut statuses[1].1);
        let mut out = Vec::new();
        let held = table(&statuses, &["b", "a"], &mut out).unwrap();
        (held, String::from_utf8(out).unwrap())
    }

    #[test]
    fn a_table_holds_only_if_everybody_has_the_same() {
        assert!(table_of(|_| ()).0);
        type Change = fn(&mut Status);
        let changes: [(Change, &str); 5] = [
            (|status| status.transcript = "y".into(), "NO   the transcript"),
            (|status| status.unacked = 1, "NO   the transcript"),
            (|status| status.messages = 0, "NO   the transcript"),
            (|status| status.chain_hash = "d".into(), "NO   the chain hash"),
            (|status| status.members = vec!["a".into()], "NO   all who remain"),
        ];
        for (change, words) in changes {
            let (held, out) = table_of(change);
            assert!(!held && out.contains(words), "{words}: {out}");
        }
        let mut out = Vec::new();
        assert!(!table(&[("a".to_owned(), status())], &["a", "b"], &mut out).unwrap());
        assert!(!table(&[], &[], &mut out).unwrap());
    }

    fn said(author: &str, text: &str, members: &[&str]) -> Said {
        let members = members.iter().map(|&name| name.to_owned()).collect();
        Said { author: author.into(), text: text.into(), members }
    }

    #[test]
    fn texts_must_be_shown_to_their_readers_and_to_nobody_else() {
        let said = [said("a", "to all", &["a", "b", "c"]), said("b", "to a", &["a", "b"])];
        let (all, a) = (("a", "to all"), ("b", "to a"));
        let holds = |shown: [&[(&str, &str)]; 3]| {
            let shown = ["a", "b", "c"]
                .into_iter()
                .zip(shown)
                .map(|(name, shown)| {
                    let shown = shown.iter().map(|&(a, t)| (a.to_owned(), t.to_owned())).collect();
                    (name.to_owned(), shown)
                })
                .collect();
            readers(&said, &shown, &mut Vec::new()).unwrap()
        };
        assert!(holds([&[all, a], &[a, all], &[all]]));
        assert!(!holds([&[all, a], &[all, a], &[all, a]]), "somebody else read it");
        assert!(!holds([&[all], &[all, a], &[all]]), "a reader did not");
        assert!(!holds([&[all, a, a], &[all, a], &[all]]), "it was shown twice");
        assert!(!holds([&[all, ("a", "to a")], &[all, a], &[all]]), "with another author");
        assert!(!readers(&said, &BTreeMap::new(), &mut Vec::new()).unwrap());
    }

    fn saw(packets: &[&str], missed: usize) -> (bool, String) {
        let recording = Recording::new(10_000);
        for packet in packets {
            recording.packet("room", "ann", packet, 2);
        }
        let said = [said("ann", "the plan", &["ann", "bob"])];
        let (packets, mut out) = (recording.take(), Vec::new());
        let statistics = Statistics::default();
        let held =
            what_it_saw("the relay", &packets, missed, &statistics, &said, &mut out).unwrap();
        (held, String::from_utf8(out).unwrap())
    }

    #[test]
    fn a_text_is_found_in_plain_and_below_the_base64() {
        // Records of an unknown type: "ann", and "xthe planx", in base64.
        let (name, text) = ("?mpENC:YW5u.", "?mpENC:eHRoZSBwbGFueA==.");
        assert!(saw(&[name, "?mpENC:AAAA."], 0).0);
        for packets in [&[name, text][..], &[name, "the plan"]] {
            let (held, out) = saw(packets, 0);
            assert!(!held && out.contains("NO   no text was found"), "{out}");
        }
    }

    #[test]
    fn a_search_that_saw_nothing_proves_nothing() {
        for (packets, missed) in [(&[][..], 0), (&["?mpENC:AAAA."], 0), (&["?mpENC:YW5u."], 1)] {
            let (held, out) = saw(packets, missed);
            assert!(!held && out.contains("NO   the relay's packets"), "{out}");
        }
    }
}
