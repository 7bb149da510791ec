//! Fuzzing: every target in turn, for some seconds each.

use std::fs;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::run::{cargo, root, run, tool};

/// Which targets to run, and how long.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// How many seconds each target runs.
    #[arg(long, value_name = "N", default_value_t = 60)]
    seconds: u64,
    /// Only these targets; all of them otherwise.
    #[arg(value_name = "TARGET")]
    targets: Vec<String>,
}

/// Runs the targets, up to the first that finds something.
pub(crate) fn fuzz(args: &Args) -> Result<()> {
    let known = targets()?;
    for name in &args.targets {
        if !known.contains(name) {
            bail!("there is no fuzz target {name}; there are {}", known.join(", "));
        }
    }
    let wanted = if args.targets.is_empty() { &known } else { &args.targets };
    for target in wanted {
        run_target(target, Duration::from_secs(args.seconds))?;
    }
    Ok(())
}

/// The names of all targets: their programs' files.
pub(crate) fn targets() -> Result<Vec<String>> {
    let folder = root().join("fuzz/fuzz_targets");
    let entries = fs::read_dir(&folder).with_context(|| format!("{}", folder.display()))?;
    let mut names = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if let Some(name) = path.file_stem() {
            names.push(name.to_string_lossy().into_owned());
        }
    }
    names.sort();
    Ok(names)
}

/// Builds targets, all or one: what does not compile is no finding.
pub(crate) fn build(target: Option<&str>) -> Result<()> {
    tool("cargo-fuzz", "0.13.2")?;
    // Of memory-unsafe code there is none of ours, and half the speed without the sanitizer.
    let args = ["fuzz", "build", "--sanitizer", "none"];
    run(cargo(&args).args(target).env("RUSTC_BOOTSTRAP", "1"))
}

/// Runs one target. What it finds worth keeping goes to `fuzz/target/found`, and is gone with it;
/// what it finds wrong goes to `fuzz/artifacts`, and fails.
pub(crate) fn run_target(target: &str, time: Duration) -> Result<()> {
    build(Some(target))?;
    let found = format!("fuzz/target/found/{target}");
    fs::create_dir_all(root().join(&found)).with_context(|| format!("cannot make {found}"))?;
    let corpus = format!("fuzz/corpus/{target}");
    let seconds = format!("-max_total_time={}", time.as_secs());
    let args = ["fuzz", "run", "--sanitizer", "none", target, &found, &corpus, "--"];
    let limits = ["-rss_limit_mb=3000", "-timeout=60", "-verbosity=0", "-print_final_stats=1"];
    run(cargo(&args).args([seconds.as_str()]).args(limits).env("RUSTC_BOOTSTRAP", "1"))
        .with_context(|| format!("{target} found something, in fuzz/artifacts/{target}"))
}
