//! Leads many random lives of groups, and says whether anything happened that should not have.

use std::ops::Range;
use std::process::ExitCode;

use clap::{Parser, ValueEnum};
use mpenc_sim::runner::{Faults, Plan, Report, live, live_all, tell};

/// How many findings are told in full.
const TOLD: usize = 20;

#[derive(Parser)]
#[command(name = "mpenc-sim", about = "Random lives of mpENC groups over a simulated channel")]
enum Command {
    /// Leads a life for every seed, and prints one line about them all.
    Run(Run),
}

#[derive(clap::Args)]
struct Run {
    /// The seeds: A..B, without B.
    #[arg(long, value_name = "A..B", default_value = "0..100", value_parser = seeds)]
    seeds: Range<u64>,
    /// How many people there are in a life: M..N, both among them.
    #[arg(long, value_name = "M..N", default_value = "2..7", value_parser = members)]
    members: (usize, usize),
    /// How many things they do.
    #[arg(long, value_name = "S", default_value_t = 200)]
    steps: u32,
    /// What can go wrong.
    #[arg(long, value_enum, default_value = "none")]
    faults: Fault,
    /// Only this seed.
    #[arg(long, value_name = "SEED")]
    replay: Option<u64>,
    /// Tell the story of the seed.
    #[arg(long, requires = "replay")]
    trace: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum Fault {
    /// Latencies are random, and that is all.
    None,
    /// Processes die, restart and stall, and connections break.
    Churn,
    /// Data packets get lost (5 %), come twice (5 %), and are late by up to 3·BC_LAT.
    Loss,
    /// The server shows order, membership or packets differently to different members.
    Liar,
}

fn seeds(text: &str) -> Result<Range<u64>, String> {
    let (from, to) = range(text)?;
    if from < to { Ok(from..to) } else { Err(String::from("there is no seed in it")) }
}

fn members(text: &str) -> Result<(usize, usize), String> {
    let (least, most) = range(text)?;
    let count = |n| usize::try_from(n).map_err(|_| String::from("too many"));
    if least == 0 || least > most {
        return Err(String::from("at least one, and not less at most than at least"));
    }
    Ok((count(least)?, count(most)?))
}

fn range(text: &str) -> Result<(u64, u64), String> {
    let number = |text: &str| text.trim().parse::<u64>().map_err(|error| error.to_string());
    match text.split_once("..") {
        Some((from, to)) => Ok((number(from)?, number(to)?)),
        None => Err(String::from("two numbers with .. between them")),
    }
}

fn main() -> ExitCode {
    let Command::Run(run) = Command::parse();
    let faults = match run.faults {
        Fault::None => Faults::None,
        Fault::Churn => Faults::Churn,
        Fault::Loss => Faults::Loss,
        Fault::Liar => Faults::Liar,
    };
    let (least, most) = run.members;
    let plan = Plan::new(faults).with(least, most, run.steps);
    let report = match run.replay {
        Some(seed) if run.trace => tell(seed, &plan, &mut |line| println!("{line}")),
        Some(seed) => live(seed, &plan),
        None => live_all(run.seeds, &plan),
    };
    complain(&report);
    println!("{report}");
    if report.is_clean() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn complain(report: &Report) {
    let findings = report.findings();
    for finding in findings.iter().take(TOLD) {
        eprintln!("{finding}");
    }
    if let Some(more @ 1..) = findings.len().checked_sub(TOLD) {
        eprintln!("and {more} more seeds; --replay SEED --trace tells one story");
    }
}
