//! Leads many random lives of groups, and says whether anything happened that should not have.

mod ledger;
mod scale;

use std::collections::BTreeSet;
use std::fs::File;
use std::io::BufReader;
use std::num::NonZeroUsize;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use clap::{Parser, ValueEnum};
use indicatif::{ProgressBar, ProgressStyle};
use ledger::Ledger;
use mpenc_sim::runner::{Cryptography, Faults, Plan, Report, Script, live, live_all, tell};

/// How many findings are told in full.
const TOLD: usize = 20;

#[derive(Parser)]
#[command(name = "mpenc-sim", about = "Random lives of mpENC groups over a simulated channel")]
enum Command {
    /// Leads a life for every seed, and prints one line about them all; the first in which
    /// something is wrong is shortened to a script.
    Run(Run),
    /// Leads the life of a script once more.
    Replay(Replay),
    /// One large group establishes, talks, includes, excludes and refreshes: what that takes.
    Scale(scale::Scale),
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
    /// What sessions are made of.
    #[arg(long, value_enum, default_value = "real")]
    crypto: Crypto,
    /// How many lives are led at a time: as many as there are processors, unless said otherwise.
    #[arg(long, value_name = "N")]
    jobs: Option<NonZeroUsize>,
    /// Begins no more lives after so many seconds.
    #[arg(long = "for", value_name = "SECONDS")]
    seconds: Option<u64>,
    /// Keeps what each life showed in this file, and does not lead those again that are in it.
    #[arg(long, value_name = "FILE")]
    resume: Option<PathBuf>,
    /// Where to write the script of the first life in which something is wrong, shortened.
    #[arg(long, value_name = "FILE", default_value = "mpenc-sim-failure.json")]
    script: PathBuf,
    /// Do not shorten it.
    #[arg(long)]
    no_shrink: bool,
    /// Print how often what went wrong, and, by attack, how many packets came to honest members, and
    /// of how many they were told.
    #[arg(long)]
    attacks: bool,
    /// Only this seed.
    #[arg(long, value_name = "SEED", conflicts_with = "resume")]
    replay: Option<u64>,
    /// Tell the story of the seed.
    #[arg(long, requires = "replay")]
    trace: bool,
}

#[derive(clap::Args)]
struct Replay {
    /// The script.
    file: PathBuf,
    /// Tell its story.
    #[arg(long)]
    trace: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum Fault {
    /// Latencies are random, and that is all.
    None,
    /// Data packets get lost, come twice, and are late by up to 3·BC_LAT, on each link as is its way.
    Loss,
    /// Processes die, restart and stall, and connections break.
    Churn,
    /// Both; networks stop and go on, for one or several, the server removes people, and some write in
    /// clear.
    Chaos,
    /// The server shows order, membership or packets differently to different members.
    Liar,
    /// Some members have real keys, and do not keep to the rules.
    Hostile,
}

impl From<Fault> for Faults {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::None => Self::None,
            Fault::Loss => Self::Loss,
            Fault::Churn => Self::Churn,
            Fault::Chaos => Self::Chaos,
            Fault::Liar => Self::Liar,
            Fault::Hostile => Self::Hostile,
        }
    }
}

#[derive(Clone, Copy, ValueEnum)]
enum Crypto {
    /// mpENC's cryptography.
    Real,
    /// None: packets and states are the same, and the arithmetic is left out.
    Null,
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
    let done = match Command::parse() {
        Command::Run(args) => run(&args),
        Command::Replay(args) => replay(&args),
        Command::Scale(args) => scale::scale(&args).map(|()| Report::default()),
    };
    match done {
        Ok(report) if report.is_clean() => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("mpenc-sim: {error:#}");
            ExitCode::from(2)
        }
    }
}

fn run(args: &Run) -> Result<Report> {
    let (least, most) = args.members;
    let crypto = match args.crypto {
        Crypto::Real => Cryptography::Real,
        Crypto::Null => Cryptography::Null,
    };
    let plan = Plan::new(args.faults.into()).with(least, most, args.steps).of(crypto);
    let report = match args.replay {
        Some(seed) if args.trace => tell(seed, &plan, &mut |line| println!("{line}")),
        Some(seed) => live(seed, &plan),
        None => run_all(args, &plan)?,
    };
    complain(&report);
    for (fault, times) in report.faults.iter().filter(|_| args.attacks) {
        println!("{fault:<50} {times}");
    }
    for (attack, (injected, detected)) in report.attacks.iter().filter(|_| args.attacks) {
        println!("{attack:<34} injected={injected:<6} detected={detected}");
    }
    if let Some(seed) = report.first_seed().filter(|_| !args.no_shrink) {
        write_script(seed, &plan, &args.script)?;
    }
    println!("{report}");
    Ok(report)
}

/// Leads all lives that have not been led before, and gives what all have shown.
fn run_all(args: &Run, plan: &Plan) -> Result<Report> {
    let ledger = args.resume.as_deref().map(|file| Ledger::open(file, plan)).transpose()?;
    let known = ledger.as_ref().map(|ledger| ledger.lives.clone()).unwrap_or_default();
    let done: BTreeSet<u64> = known.keys().copied().collect();
    let left = args.seeds.clone().filter(|seed| !done.contains(seed));
    let (began, most) = (Instant::now(), args.seconds.map(Duration::from_secs));
    let in_time = left.take_while(|_| most.is_none_or(|most| began.elapsed() < most));
    let range = args.seeds.end.saturating_sub(args.seeds.start);
    let report = (known.into_iter())
        .filter(|(seed, _)| args.seeds.contains(seed))
        .fold(Report::default(), |report, (_, life)| report.and(life));

    let threads = args.jobs.or_else(|| thread::available_parallelism().ok());
    let threads = threads.map_or(1, NonZeroUsize::get);
    let bar = bar(if most.is_some() { None } else { Some(range) });
    let told = Mutex::new((ledger, report, Ok(())));
    live_all(in_time, plan, threads, |seed, life| {
        let Ok(mut told) = told.lock() else { return };
        let (ledger, report, written) = &mut *told;
        if let Some(ledger) = ledger
            && let Err(error) = ledger.add(seed, &life)
        {
            *written = Err(error);
        }
        *report = core::mem::take(report).and(life);
        bar.inc(1);
    });
    bar.finish_and_clear();
    let (_, report, written) = told.into_inner().map_err(|_| anyhow::anyhow!("a thread died"))?;
    written?;
    Ok(report)
}

/// On a terminal, how far it is; elsewhere, nothing.
fn bar(lives: Option<u64>) -> ProgressBar {
    let template = match lives {
        Some(_) => "{bar:40} {pos} of {len} lives, {eta} more",
        None => "{pos} lives",
    };
    let bar = lives.map_or_else(ProgressBar::no_length, ProgressBar::new);
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar
}

/// Shortens a life in which something is wrong, prints it, writes it down and tells where.
fn write_script(seed: u64, plan: &Plan, file: &Path) -> Result<()> {
    // If somebody panics in it, they do so in each attempt, and it was told once.
    std::panic::set_hook(Box::new(|_| {}));
    let (script, _) = Script::of(seed, plan);
    let shrunk = script.shrunk();
    drop(std::panic::take_hook());
    let cannot = || format!("cannot write the script to {}", file.display());
    shrunk.write(File::create(file).with_context(cannot)?).with_context(cannot)?;
    // Where the file is lost, as it is after CI, what was printed is left.
    shrunk.write(std::io::stderr()).context("cannot print the script")?;
    eprintln!(
        "seed {seed}: {} of {} deeds are enough: mpenc-sim replay --trace {}",
        shrunk.len(),
        script.len(),
        file.display()
    );
    Ok(())
}

fn replay(args: &Replay) -> Result<Report> {
    let file = args.file.display();
    let opened = File::open(&args.file).with_context(|| format!("cannot read {file}"))?;
    let script = Script::read(BufReader::new(opened))
        .with_context(|| format!("{file} is not a script of a life"))?;
    let report =
        if args.trace { script.tell(&mut |line| println!("{line}")) } else { script.live() };
    complain(&report);
    println!("{report}");
    Ok(report)
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
