//! The event log of a chat (`mpenc chat --log`): what `mpenc graph` draws, and what goes with a
//! report of a bug. Lines of JSON, without any secret; without what was written, unless asked for.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use mpenc::{Event, Severity};
use serde::{Deserialize, Serialize};

use crate::chat::{json, text, texts};

/// One line of a log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Record {
    /// Milliseconds since the chat began.
    pub(crate) at_ms: u64,
    #[serde(flatten)]
    pub(crate) what: What,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub(crate) enum What {
    /// A message took its place in the log.
    Message {
        id: String,
        author: String,
        readers: Vec<String>,
        /// Its number, from 1 on.
        number: usize,
        /// The numbers of the messages that it was written after.
        parents: Vec<usize>,
        former: bool,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        text: Option<String>,
    },
    /// Everybody has acked a message.
    FullyAcked { id: String },
    /// Somebody has not in time.
    NotFullyAcked { id: String, missing: Vec<String> },
    /// Somebody is gone, and never will.
    Unreachable { id: String, missing: Vec<String> },
    /// The members have changed, or have a new key.
    Members {
        members: Vec<String>,
        include: Vec<String>,
        exclude: Vec<String>,
        by: String,
        operation: String,
    },
    /// Anything else: only what it is called, as what it holds may quote somebody.
    Other { name: String, severity: String },
}

impl What {
    fn of(event: &Event, with_text: bool) -> Self {
        match event {
            Event::Message(message) => {
                let number = message.place.saturating_add(1);
                let back = message.parents_back.iter().rev();
                Self::Message {
                    id: message.id.to_string(),
                    author: text(&message.author),
                    readers: texts(message.readers.iter()),
                    number,
                    parents: back.filter_map(|back| number.checked_sub(*back)).collect(),
                    former: message.of_former_members,
                    text: with_text.then(|| message.text.clone()),
                }
            }
            Event::FullyAcked(id) => Self::FullyAcked { id: id.to_string() },
            Event::NotFullyAcked { id, missing } => {
                Self::NotFullyAcked { id: id.to_string(), missing: texts(missing) }
            }
            Event::Unreachable { id, missing } => {
                Self::Unreachable { id: id.to_string(), missing: texts(missing) }
            }
            Event::Members { remain, include, exclude, operation, author, .. } => {
                let mut members = texts(remain.iter().chain(include));
                members.sort();
                Self::Members {
                    members,
                    include: texts(include),
                    exclude: texts(exclude),
                    by: text(author),
                    operation: operation.to_string(),
                }
            }
            other => {
                let debug = format!("{other:?}");
                let name = debug.split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default();
                let severity = match other.severity() {
                    Severity::Info => "info",
                    Severity::Liveness => "liveness",
                    _ => "security",
                };
                Self::Other { name: name.to_owned(), severity: severity.to_owned() }
            }
        }
    }
}

/// A log that is being written.
pub(crate) struct Log<W> {
    /// `None` once it could not be written.
    out: Option<W>,
    with_text: bool,
}

impl Log<File> {
    /// Begins a file, which must not be there yet, and is its owner's alone.
    pub(crate) fn create(path: &Path, with_text: bool) -> Result<Self> {
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(path);
        let file = file.with_context(|| format!("cannot begin the log {}", path.display()))?;
        Ok(Self { out: Some(file), with_text })
    }
}

impl<W: Write> Log<W> {
    /// Writes an event.
    ///
    /// # Errors
    /// Why it cannot be written. This is told once; the log ends there.
    pub(crate) fn record(&mut self, at: Duration, event: &Event) -> io::Result<()> {
        self.write(at, What::of(event, self.with_text))
    }

    fn write(&mut self, at: Duration, what: What) -> io::Result<()> {
        let Some(out) = &mut self.out else { return Ok(()) };
        let at_ms = u64::try_from(at.as_millis()).unwrap_or(u64::MAX);
        let mut line = json(&Record { at_ms, what })?;
        line.push('\n');
        let written = out.write_all(line.as_bytes()).and_then(|()| out.flush());
        if written.is_err() {
            self.out = None;
        }
        written
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A disk with room for so many octets.
    struct Disk(usize);

    impl Write for Disk {
        fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
            self.0 = self.0.checked_sub(octets.len()).ok_or(io::ErrorKind::StorageFull)?;
            Ok(octets.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_full_disk_is_told_once() {
        let mut log = Log { out: Some(Disk(80)), with_text: false };
        let mut write = || log.record(Duration::from_millis(1500), &Event::LeftChannel);
        assert!(write().is_ok());
        assert_eq!(write().unwrap_err().kind(), io::ErrorKind::StorageFull);
        assert!(write().is_ok(), "it has been told");
    }

    #[test]
    fn what_is_not_a_message_is_only_named() {
        let sender = mpenc::MemberId::new(mpenc::Dialect::DOCUMENT, "ann").unwrap();
        let event = Event::Plain { sender };
        let (name, severity) = ("Plain".to_owned(), "liveness".to_owned());
        assert_eq!(What::of(&event, true), What::Other { name, severity });
    }
}
