//! What there is to draw.

use std::collections::BTreeMap;

use anyhow::{Context, Result};

use crate::chat::{Changed, Name, Names, Printable};
use crate::log::{Record, What};

/// One row, from top to bottom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Row {
    Message(Message),
    /// The members changed.
    Members(String),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Message {
    pub(super) number: usize,
    /// Which lane is its author's.
    pub(super) lane: usize,
    pub(super) author: String,
    pub(super) parents: Vec<usize>,
    /// What was written, if that was logged.
    pub(super) text: String,
    /// Who has acked it, in words.
    pub(super) acks: String,
}

/// The whole picture. All texts in it are safe to show; none is escaped for a format.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Picture {
    /// The authors, each in a lane of their own, in the order in which they first wrote.
    pub(super) lanes: Vec<String>,
    pub(super) rows: Vec<Row>,
}

impl Picture {
    /// Reads a log. A last line that was cut short, as on a full disk, is left out.
    pub(super) fn read(log: &str) -> Result<Self> {
        let mut picture = Self::default();
        let mut rows_of: BTreeMap<String, usize> = BTreeMap::new();
        for (at, line) in log.split_inclusive('\n').enumerate() {
            let record = match serde_json::from_str::<Record>(line) {
                Ok(record) => record,
                Err(_) if !line.ends_with('\n') && at > 0 => break,
                Err(error) => return Err(error).with_context(|| format!("line {}", at + 1)),
            };
            match record.what {
                What::Message { id, author, number, parents, text, .. } => {
                    let author = Name(&author).to_string();
                    let lane = picture.lane(&author);
                    let text = text.map(|text| Printable(&text).to_string()).unwrap_or_default();
                    rows_of.insert(id, picture.rows.len());
                    let acks = "no ack told".to_owned();
                    let message = Message { number, lane, author, parents, text, acks };
                    picture.rows.push(Row::Message(message));
                }
                What::FullyAcked { id } => picture.acks(&rows_of, &id, "acked by all".into()),
                What::NotFullyAcked { id, missing } => {
                    picture.acks(&rows_of, &id, format!("overdue: {}", Names(&missing)));
                }
                What::Unreachable { id, missing } => {
                    picture.acks(&rows_of, &id, format!("never acked by {}", Names(&missing)));
                }
                What::Members { members, include, exclude, by, operation } => {
                    let (operation, by) = (Printable(&operation), Name(&by));
                    let (members, include, exclude) = (&members, &include, &exclude);
                    let changed = Changed { members, include, exclude };
                    let said = format!("members: {changed} ({operation} by {by})");
                    picture.rows.push(Row::Members(said));
                }
                What::Other { .. } => {}
            }
        }
        Ok(picture)
    }

    fn lane(&mut self, author: &str) -> usize {
        self.lanes.iter().position(|name| name == author).unwrap_or_else(|| {
            self.lanes.push(author.to_owned());
            self.lanes.len().saturating_sub(1)
        })
    }

    fn acks(&mut self, rows_of: &BTreeMap<String, usize>, id: &str, acks: String) {
        let row = rows_of.get(id).and_then(|at| self.rows.get_mut(*at));
        if let Some(Row::Message(message)) = row {
            message.acks = acks;
        }
    }
}
