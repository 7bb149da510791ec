//! A packet as lines for people.

use std::fmt;
use std::io::{self, Write};

use super::view::{Fault, Place, RecordView, Summary, View, Within};

/// Longer values are cut; `--json` has all of them.
const SHOWN_DIGITS: usize = 64;

/// Prints a view: what the packet is and its records by offset; of a bad one those up to the fault,
/// and what is wrong.
pub(crate) fn write(view: &View, out: &mut dyn Write) -> io::Result<()> {
    match &view.packet {
        Some(summary) => write!(out, "{summary}")?,
        None => write!(out, "malformed packet")?,
    }
    writeln!(
        out,
        "\ndialect {}, {} characters, {} octets in {} records",
        view.dialect,
        view.characters,
        view.octets,
        view.records.len()
    )?;
    let Some(fault) = &view.error else {
        return view.records.iter().try_for_each(|record| writeln!(out, "{record}"));
    };
    // What stands behind the fault was not looked at.
    let before = |record: &&RecordView| match fault.within {
        Within::Text => true,
        Within::Records => record.offset <= fault.octet,
    };
    view.records.iter().filter(before).try_for_each(|record| writeln!(out, "{record}"))?;
    writeln!(out, "{fault}")
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Greeting { stage, source, dest, members } => {
                write!(f, "greeting packet, {stage}: from {source} of {members}, to ")?;
                match dest {
                    Some(dest) => write!(f, "{dest}"),
                    None => f.write_str("everybody"),
                }
            }
            Self::Data { resent_author, ciphertext } => {
                write!(f, "data packet: {ciphertext} octets of ciphertext")?;
                match resent_author {
                    Some(author) => write!(f, ", sent again on behalf of {author:?}"),
                    None => Ok(()),
                }
            }
            Self::Abort { source, reason } => {
                write!(f, "abort packet: from {source:?}, reason {reason:?}")
            }
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}, member {}", self.member, self.position)
    }
}

impl fmt::Display for RecordView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unknown = format!("unknown 0x{:04x}", self.number);
        let name = self.name.unwrap_or(&unknown);
        write!(f, "{:>7}  {name:<17} {:>5}", self.offset, self.length)?;
        if let Some(meaning) = &self.meaning {
            return write!(f, "  {meaning}");
        }
        match self.value.get(..SHOWN_DIGITS) {
            Some(start) if self.value.len() > SHOWN_DIGITS => write!(f, "  {start}..."),
            _ if self.value.is_empty() => Ok(()),
            _ => write!(f, "  {}", self.value),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let within = match self.within {
            Within::Text => " of the text",
            Within::Records => "",
        };
        write!(f, "{:>7}  ^ here, at octet {}{within}: {}", self.octet, self.octet, self.message)
    }
}
