//! A file that keeps what lives have shown, so that a long run can be broken off and gone on with.
//!
//! ```text
//! {"least":2,"most":7,"steps":200,"faults":"churn","crypto":"real"}     the plan
//! [17,{"runs":1,"operations":31,…}]                                     a seed, and its report
//! ```

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::path::Path;

use anyhow::{Context, Result, bail};
use mpenc_sim::runner::{Plan, Report};

/// The file, and what it held.
pub struct Ledger {
    file: File,
    pub lives: BTreeMap<u64, Report>,
}

impl Ledger {
    /// Reads the file, or begins it.
    pub fn open(path: &Path, plan: &Plan) -> Result<Self> {
        let name = path.display();
        let file = OpenOptions::new().read(true).append(true).create(true).open(path);
        let mut file = file.with_context(|| format!("cannot open {name}"))?;
        let mut text = String::new();
        file.read_to_string(&mut text).with_context(|| format!("cannot read {name}"))?;
        let mut lives = BTreeMap::new();
        let mut lines = text.lines();
        match lines.next() {
            None => writeln!(file, "{}", serde_json::to_string(plan)?)
                .with_context(|| format!("cannot write to {name}"))?,
            Some(line) => {
                let known: Plan = serde_json::from_str(line)
                    .with_context(|| format!("{name} does not begin with a plan"))?;
                if known != *plan {
                    bail!("{name} keeps lives of another plan: {line}");
                }
            }
        }
        for (at, line) in lines.enumerate() {
            if let Ok((seed, life)) = serde_json::from_str(line) {
                lives.insert(seed, life);
            } else if line.ends_with("}]") {
                bail!("{name}, line {}, is not what a life has shown", at.saturating_add(2));
            }
        }
        // A run that was broken off may have left half a line: that life is led again.
        if !text.is_empty() && !text.ends_with('\n') {
            writeln!(file).with_context(|| format!("cannot write to {name}"))?;
        }
        Ok(Self { file, lives })
    }

    /// Adds a life.
    pub fn add(&mut self, seed: u64, life: &Report) -> Result<()> {
        let line = serde_json::to_string(&(seed, life))?;
        writeln!(self.file, "{line}").context("cannot keep what a life has shown")
    }
}
