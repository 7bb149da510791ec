//! `mpenc replay`: does recorded sessions again, and compares octet for octet.

mod agreed;
mod difference;
mod draws;
mod format;
mod history;
mod member;
mod recording;
mod report;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Result;
use format::Vectors;
use report::Report;

/// What `mpenc replay` takes.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// What is done again.
    #[arg(long, value_enum, default_value_t = Level::Packets)]
    level: Level,
    /// Recordings, histories, bad packets or unit vectors, as JSON.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
}

/// What is done again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Level {
    /// Every packet of every member, from the member's recorded draws.
    Packets,
    /// Whole sessions, with their timing. Comes later.
    Session,
    /// Bad packets: each must be refused by all who get it.
    Reject,
}

/// Replays files; fails if anything differs, or a file cannot be replayed.
pub(crate) fn run(args: &Args, out: &mut dyn Write) -> Result<ExitCode> {
    let (mut packets, mut differences, mut replayed) = (0_usize, 0_usize, 0_usize);
    for path in &args.files {
        match replay(path) {
            Ok(report) => {
                replayed = replayed.saturating_add(1);
                packets = packets.saturating_add(report.packets);
                differences = differences.saturating_add(report.differences());
                writeln!(out, "{}: {} packets, {} differences", path.display(), report.packets, report.differences())?;
                for told in report.told() { writeln!(out, "  {told}")?; }
            }
            Err(error) => writeln!(out, "{}: {error:#}", path.display())?,
        }
    }
    writeln!(out, "replayed {replayed} files, {packets} packets, {differences} differences")?;
    Ok(if differences == 0 && replayed == args.files.len() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn replay(path: &Path) -> Result<Report> {
    let mut report = Report::default();
    match format::load(path)? {
        Vectors::History(history) => history::replay(&history, &mut report),
        Vectors::Recording(recording) => drop(recording::replay(&recording, &mut report)),
        _ => {}
    }
    Ok(report)
}
