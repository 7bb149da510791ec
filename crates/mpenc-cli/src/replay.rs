//! `mpenc replay`: does recorded sessions again, and compares octet for octet.

mod agreed;
mod codec;
mod difference;
mod draws;
pub(crate) mod format;
mod history;
mod manifest;
mod member;
mod recording;
mod reject;
mod report;
mod session;
mod signatures;
mod unit;

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Result, bail};
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
    /// Whole sessions of recordings: what every member does by itself, and when.
    Session,
    /// Bad packets: each must be refused by all who get it.
    Reject,
}

/// Replays files; fails if anything differs, or a file cannot be replayed.
pub(crate) fn run(args: &Args, out: &mut dyn Write) -> Result<ExitCode> {
    let (mut files, mut packets, mut differences) = (0_usize, 0_usize, 0_usize);
    for path in &args.files {
        match replay(args.level, path) {
            Ok(report) => {
                files = files.saturating_add(1);
                packets = packets.saturating_add(report.packets);
                differences = differences.saturating_add(report.differences());
                show(path, &report, out)?;
            }
            Err(error) => writeln!(out, "{}: cannot be replayed: {error:#}", path.display())?,
        }
    }
    writeln!(out, "replayed {files} files, {packets} packets, {differences} differences")?;
    let well = differences == 0 && files == args.files.len();
    Ok(if well { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn show(path: &Path, report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let differences = report.differences();
    report.notes.iter().try_for_each(|note| writeln!(out, "  {note}"))?;
    let packets = report.packets;
    write!(out, "{}: {packets} packets, {differences} differences", path.display())?;
    match &report.remark {
        Some(remark) => writeln!(out, " ({remark})")?,
        None => writeln!(out)?,
    }
    report.told().try_for_each(|told| writeln!(out, "  {told}"))?;
    match report.untold() {
        0 => Ok(()),
        more => writeln!(out, "  and {more} more"),
    }
}

fn replay(level: Level, path: &Path) -> Result<Report> {
    let mut report = Report::default();
    match (level, format::load(path)?) {
        (Level::Reject, Vectors::Cases(cases)) => reject::replay(&cases, &mut report),
        (Level::Session, Vectors::Recording(recording)) => {
            session::replay(&recording, &mut report)?;
        }
        (Level::Session, _) => bail!("it is no recording, which is what this level replays"),
        (Level::Reject, _) => bail!("it holds no bad packets, which are what this level replays"),
        (_, Vectors::Recording(recording)) => recording::replay(&recording, &mut report)?,
        (_, Vectors::History(history)) => history::replay(&history, &mut report),
        (_, Vectors::Cases(cases)) => history::replay(&cases.base, &mut report),
        (_, Vectors::JsUnit(vectors)) => unit::js(&vectors, &mut report),
        (_, Vectors::DocumentUnit(vectors)) => unit::document(&vectors, &mut report),
    }
    Ok(report)
}
