//! Measuring, beside other protocols.

use std::fs;

use anyhow::{Context, Result, bail};
use serde_json::{Map, Value, json};

use crate::counts::refreshes;
use crate::run::{cargo, command, output, root, run, target};

/// How many rounds the figures are of that docs/bench.json holds.
const ROUNDS: usize = 61;

/// Whose versions it names: the contestants, and what they do their arithmetic with.
const PACKAGES: [&str; 9] = [
    "openmls",
    "openmls_rust_crypto",
    "mls-rs",
    "mls-rs-crypto-rustcrypto",
    "vodozemac",
    "curve25519-dalek",
    "ed25519-dalek",
    "aes",
    "sha2",
];

/// How to measure.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// How many rounds the medians are taken of: at least 3, and docs/bench.json stays as it is if they
    /// are fewer than 61.
    #[arg(long, default_value_t = ROUNDS)]
    rounds: usize,
    /// Only these parts (messages, operations, model, refreshes, transcripts, sessions, garbage, demo);
    /// docs/bench.json stays as it is.
    #[arg(long, value_name = "PART")]
    only: Vec<String>,
}

/// Runs `bench-peers`, which is a workspace of its own: the peers' dependencies stay out of ours.
pub(crate) fn bench(args: &Args) -> Result<()> {
    if args.rounds < 3 {
        bail!("--rounds {}: a median needs 3 rounds", args.rounds);
    }
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
    if args.only.is_empty() && args.rounds >= ROUNDS {
        measure.arg("--of").arg(of(args)?.to_string());
        measure.arg("--json").arg(root().join("docs/bench.json"));
    }
    // OpenMLS would have several threads make one path; and while they wait for each other, that counts
    // as their time.
    run(measure.env("RAYON_NUM_THREADS", "1"))
}

/// What is measured, and with what.
fn of(args: &Args) -> Result<Value> {
    let commit = output(command("git", &["rev-parse", "HEAD"]).current_dir(root()))?;
    let compiler = output(&mut command("rustc", &["--version"]))?;
    Ok(json!({
        "commit": commit.trim(),
        "compiler": compiler.trim(),
        "rounds": args.rounds,
        "packages": versions()?,
    }))
}

/// The versions of some packages that `bench-peers` is built of: several, where it needs several.
fn versions() -> Result<Map<String, Value>> {
    let path = root().join("bench-peers/Cargo.lock");
    let text = fs::read_to_string(&path).with_context(|| format!("no {}", path.display()))?;
    let field = |package: &str, name: &str| {
        let line = package.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(" = "));
        line.map(|value| value.trim_matches('"').to_owned())
    };
    let mut versions: Map<String, Value> = Map::new();
    for package in text.split("[[package]]") {
        let (Some(name), Some(version)) = (field(package, "name"), field(package, "version"))
        else {
            continue;
        };
        if PACKAGES.contains(&name.as_str()) {
            let all = versions.entry(name).or_insert_with(|| json!([]));
            all.as_array_mut().context("a list")?.push(version.into());
        }
    }
    Ok(versions)
}
