//! A long look for mistakes: lives of groups, fuzzing and model checking in turn, and a page on what
//! came of it.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail};

use crate::run::{cargo, command, output, root, run, target};
use crate::{fuzz, steps};

/// How long to look.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// How many minutes in all, building apart.
    #[arg(long, value_name = "N", default_value_t = 30)]
    minutes: u64,
    /// The first seed of the lives; else one that nobody has led before.
    #[arg(long, value_name = "SEED")]
    seed: Option<u64>,
}

const FAULTS: [&str; 6] = ["none", "loss", "churn", "chaos", "liar", "hostile"];

/// Runs everything, and prints the page; fails if anything was found.
pub(crate) fn soak(args: &Args) -> Result<()> {
    let seed = match args.seed {
        Some(seed) => seed,
        None => SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs().saturating_mul(1_000),
    };
    let whole = Duration::from_secs(args.minutes.saturating_mul(60));
    let targets = fuzz::targets()?;
    let lives_of = build()?;
    let mut page = Page::default();
    // Half of the time for lives, and of the rest most for fuzzing; models take what they take.
    let each = whole / 2 / 12;
    for faults in FAULTS {
        for crypto in ["real", "null"] {
            page.note(&format!("sim {faults}, {crypto}"), || {
                lives(&lives_of, faults, crypto, seed, each)
            });
        }
    }
    page.note("model", || {
        steps::model()?;
        Ok(String::from("all states within the bounds, and nothing wrong with them"))
    });
    let each = whole * 4 / 10 / u32::try_from(targets.len()).unwrap_or(1).max(1);
    for target in &targets {
        page.note(&format!("fuzz {target}"), || {
            fuzz::run_target(target, each)?;
            Ok(format!("{} s without a finding", each.as_secs()))
        });
    }
    page.finish(seed)
}

/// Builds everything first: what does not compile is no finding. Gives the program that leads lives,
/// which stays what it is although somebody changes the sources in the meantime.
fn build() -> Result<PathBuf> {
    let packages = ["-p", "mpenc-sim", "-p", "mpenc-model"];
    let args = [&["build", "--release", "--locked"][..], &packages[..]].concat();
    run(&mut cargo(&args))?;
    fuzz::build(None)?;
    Ok(target().join("release/mpenc-sim"))
}

fn lives(program: &Path, faults: &str, crypto: &str, seed: u64, time: Duration) -> Result<String> {
    let seeds = format!("{seed}..{}", seed.saturating_add(1_000_000_000));
    let seconds = time.as_secs().max(1).to_string();
    let script = target().join(format!("soak-{faults}-{crypto}.json"));
    let script = script.to_string_lossy();
    let lives = ["run", "--seeds", &seeds, "--faults", faults, "--crypto", crypto];
    let told = output(
        command(&program.to_string_lossy(), &lives).args(["--for", &seconds, "--script", &script]),
    )?;
    Ok(told.lines().last().unwrap_or_default().to_owned())
}

/// What came of it, a line each.
#[derive(Default)]
struct Page {
    lines: Vec<(String, Duration, Result<String>)>,
}

impl Page {
    fn note(&mut self, what: &str, look: impl FnOnce() -> Result<String>) {
        println!("\n== {what}");
        let began = Instant::now();
        let result = look();
        match &result {
            Ok(told) => println!("{told}"),
            Err(error) => println!("!! {error:#}"),
        }
        self.lines.push((what.to_owned(), began.elapsed(), result));
    }

    fn finish(self, seed: u64) -> Result<()> {
        let mut page = String::from("# Soak\n\n");
        let failed = self.lines.iter().filter(|(_, _, result)| result.is_err()).count();
        writeln!(
            page,
            "{} of {} looks found something. Lives from seed {seed} on.\n",
            failed,
            self.lines.len()
        )?;
        writeln!(page, "| look | seconds | result |\n|---|---|---|")?;
        for (what, time, result) in &self.lines {
            let told = match result {
                Ok(told) => told.clone(),
                Err(error) => format!("**found**: {error:#}"),
            };
            writeln!(page, "| {what} | {} | {told} |", time.as_secs())?;
        }
        let file = target().join("soak.md");
        fs::write(&file, &page).with_context(|| format!("cannot write {}", file.display()))?;
        println!("\n{page}\n(also in {})", file.strip_prefix(root()).unwrap_or(&file).display());
        if failed > 0 {
            bail!("{failed} looks found something");
        }
        Ok(())
    }
}
