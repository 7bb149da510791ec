//! Measures mpENC side by side with other group message protocols, and with its own floor: the
//! bare primitives that the same work needs.
//!
//! Times mean nothing beside those of another run: what counts are the ratios within one.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "it measures; whatever does not go as planned must stop it"
)]

mod contestant;
mod demo;
mod effort;
mod floor;
mod garbage;
mod megolm;
mod memory;
mod messages;
mod mls;
mod mls_rs;
mod model;
mod openmls;
mod operations;
mod ours;
mod prices;
mod primitives;
mod refreshes;
mod report;
mod sessions;
mod timing;
mod transcripts;

use std::path::PathBuf;

use clap::Parser;

use crate::report::Report;

/// Measures mpENC, its floor and its peers in turns.
#[derive(Debug, Parser)]
struct Args {
    /// Write the figures to this file.
    #[arg(long)]
    json: Option<PathBuf>,
    /// How many rounds the medians are taken of: at least 3.
    #[arg(long, default_value_t = 61, value_parser = at_least_3)]
    rounds: usize,
    /// Only these parts.
    #[arg(long, value_name = "PART", value_parser = PARTS.map(|(name, _)| name))]
    only: Vec<String>,
    /// Only groups of so many members, of the parts that compare some.
    #[arg(long, value_name = "MEMBERS", value_parser = size)]
    members: Vec<usize>,
    /// What is measured, and where: JSON that is written in front of the figures.
    #[arg(long, value_name = "JSON", default_value = "{}", value_parser = json)]
    of: serde_json::Value,
    /// The program of mpenc-cli, to start `mpenc demo` with.
    #[arg(long)]
    demo: Option<PathBuf>,
    /// Instructions of the first refresh and of the thousandth, as callgrind counted them.
    #[arg(long, num_args = 2, value_name = "COUNT")]
    refresh_instructions: Vec<f64>,
}

/// Takes measurements into the report.
type Part = fn(&Args, &mut Report);

const PARTS: [(&str, Part); 8] = [
    ("messages", messages::measure),
    ("operations", operations::measure),
    ("model", model::measure),
    ("refreshes", refreshes::measure),
    ("transcripts", transcripts::measure),
    ("sessions", sessions::measure),
    ("garbage", garbage::measure),
    ("demo", demo::measure),
];

fn at_least_3(text: &str) -> Result<usize, String> {
    let rounds = text.parse::<usize>().map_err(|error| error.to_string())?;
    if rounds < 3 { Err("a median needs 3 rounds".into()) } else { Ok(rounds) }
}

fn json(text: &str) -> serde_json::Result<serde_json::Value> {
    serde_json::from_str(text)
}

fn size(text: &str) -> Result<usize, String> {
    let known = [2, 8, 32, 128].into_iter().find(|size| text == size.to_string());
    known.ok_or_else(|| "measured are groups of 2, 8, 32 and 128".into())
}

fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    if args.demo.is_none() && args.only.iter().any(|only| only == "demo") {
        anyhow::bail!("the part demo needs --demo, the program to start");
    }
    let mut report = Report::default();
    for (name, part) in PARTS {
        if args.only.is_empty() || args.only.iter().any(|only| only == name) {
            part(&args, &mut report);
        }
    }
    report.print_marks();
    if let Some(path) = &args.json {
        std::fs::write(path, report.json(&args.of))?;
    }
    Ok(())
}
