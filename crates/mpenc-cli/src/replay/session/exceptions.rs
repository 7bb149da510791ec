//! Where members differ from a recording on purpose.
//!
//! `docs/INTEROP.md` has the defect and the reason of each. Such a member is compared up to the
//! entry; that its first difference is not just there is a difference too.

use std::collections::BTreeMap;

use anyhow::{Context, Result};

const LIST: &str = include_str!("exceptions.json");

/// The entries of first differences, by file and member.
pub(super) struct Exceptions(BTreeMap<String, BTreeMap<String, usize>>);

impl Exceptions {
    pub(super) fn load() -> Result<Self> {
        let list = serde_json::from_str(LIST);
        list.map(Self).context("the list of exceptions of this program is malformed")
    }

    /// The members of a file who differ, and where first.
    pub(super) fn of(mut self, file: &str) -> BTreeMap<String, usize> {
        self.0.remove(file).unwrap_or_default()
    }
}
