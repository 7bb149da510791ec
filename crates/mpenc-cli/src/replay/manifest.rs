//! Recordings in which the first implementation failed internally: what of them can be made again.
//!
//! Per recording, the packets (by channel index) that cannot, and why. All others must be, octet for
//! octet. What else differs in such a recording does not count: after an internal error the first
//! implementation is not what its own rules say.

use std::collections::BTreeMap;

use anyhow::{Context, Result};

use super::format::{ChannelKind, Recording};
use super::recording::MadeAgain;
use super::report::Report;

const MANIFEST: &str = include_str!("manifest.json");

/// Compares what was made again with what the manifest says of the recording.
pub(super) fn compare(recording: &Recording, made: &MadeAgain, report: &mut Report) -> Result<()> {
    let manifest: BTreeMap<String, BTreeMap<usize, String>> =
        serde_json::from_str(MANIFEST).context("the manifest of this program is malformed")?;
    let Some(exceptions) = manifest.get(&recording.name) else {
        report.differs(&recording.name, "it is not strict, and the manifest does not know it");
        return Ok(());
    };
    for (at, event) in recording.channel.iter().enumerate() {
        if matches!(event.kind, ChannelKind::Members { .. }) {
            continue;
        }
        let place = format_args!("channel {at}");
        match (exceptions.get(&at), made.contains(&at)) {
            (None, false) => report.differs(place, "nobody made this packet again"),
            (Some(reason), true) => {
                let told = format_args!("made again, against the manifest, which says: {reason}");
                report.differs(place, told);
            }
            (None, true) | (Some(_), false) => {}
        }
    }
    for at in exceptions.keys().filter(|&&at| at >= recording.channel.len()) {
        report.differs(format_args!("channel {at}"), "the manifest names an event beyond the end");
    }
    let out = exceptions.len();
    report.remark = (out > 0).then(|| format!("{out} packets left out: see the manifest"));
    Ok(())
}
