//! Measuring, beside other protocols.

use anyhow::Result;

use crate::counts::refreshes;
use crate::run::{cargo, root, run, target};

/// How to measure.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// How many rounds the medians are taken of.
    #[arg(long, default_value_t = 61)]
    rounds: usize,
    /// Only these parts; docs/bench.json stays as it is.
    #[arg(long, value_name = "PART")]
    only: Vec<String>,
}

/// Runs `bench-peers`, which is a workspace of its own: the peers' dependencies stay out of ours.
pub(crate) fn bench(args: &Args) -> Result<()> {
    let wanted = |part: &str| args.only.is_empty() || args.only.iter().any(|only| only == part);
    let mut measure = cargo(&["run", "--release", "--locked", "--", "--rounds"]);
    measure.arg(args.rounds.to_string()).current_dir(root().join("bench-peers"));
    for part in &args.only {
        measure.args(["--only", part]);
    }
    if wanted("demo") {
        run(&mut cargo(&["build", "--release", "--locked", "--quiet", "-p", "mpenc-cli"]))?;
        measure.arg("--demo").arg(target().join("release/mpenc"));
    }
    if wanted("refreshes") {
        measure.arg("--refresh-instructions").args(refreshes()?.map(|count| count.to_string()));
    }
    if args.only.is_empty() {
        measure.arg("--json").arg(root().join("docs/bench.json"));
    }
    run(&mut measure)
}
