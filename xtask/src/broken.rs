//! Checks that are broken on purpose, one at a time: what looks for mistakes must find each of them.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::files::listed;
use crate::run::{cargo, command, root, run, target, tool};

/// What cargo-nextest says when tests failed.
const TESTS_FAILED: i32 = 100;

/// How far to go.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Only look whether the patches fit the code.
    #[arg(long)]
    no_run: bool,
}

/// Breaks a copy of the last commit with each patch, and runs the tests of the crate that it breaks.
pub(crate) fn check(args: &Args) -> Result<()> {
    let patches = fit()?;
    if args.no_run {
        return Ok(());
    }
    tool("cargo-nextest", "0.9.143")?;
    let mut unnoticed = Vec::new();
    for patch in &patches {
        let package = package(patch)?;
        match tests_of(&package, patch)? {
            Some(summary) => println!("{patch}: {package}: {summary}"),
            None => unnoticed.push(patch.as_str()),
        }
    }
    if unnoticed.is_empty() {
        return Ok(());
    }
    bail!("no test notices {}", unnoticed.join(", "))
}

/// The patches, all of which fit the code as it is.
pub(crate) fn fit() -> Result<Vec<String>> {
    let patches = listed(&["docs/broken/*.patch"])?;
    if patches.len() < 5 {
        bail!("of five patches in docs/broken there are {}", patches.len());
    }
    for patch in &patches {
        run(&mut command("git", &["apply", "--check", patch]))?;
    }
    Ok(patches)
}

/// The crate that a patch changes.
fn package(patch: &str) -> Result<String> {
    let text = fs::read_to_string(root().join(patch)).with_context(|| format!("no {patch}"))?;
    let changed = text.lines().find_map(|line| line.strip_prefix("+++ b/crates/"));
    let package = changed.and_then(|path| path.split('/').next());
    Ok(package.with_context(|| format!("{patch} changes no crate"))?.to_owned())
}

/// What the tests of a crate say with the patch, in a line; `None` if they pass.
fn tests_of(package: &str, patch: &str) -> Result<Option<String>> {
    let folder = target().join("broken");
    let copy = folder.join("code");
    if copy.exists() {
        fs::remove_dir_all(&copy).with_context(|| format!("cannot empty {}", copy.display()))?;
    }
    run(command("git", &["clone", "--quiet", "--shared", "."]).arg(&copy))?;
    run(command("git", &["apply"]).arg(root().join(patch)).current_dir(&copy))?;
    let args = ["nextest", "run", "--all-features", "--locked", "--no-fail-fast", "-p", package];
    let mut tests = cargo(&args);
    // Of its own: what is built here looks to cargo as if it were built of us.
    tests.current_dir(&copy).env("CARGO_TARGET_DIR", folder.join("build"));
    summary(&mut tests, &copy)
}

fn summary(tests: &mut std::process::Command, copy: &Path) -> Result<Option<String>> {
    let done = tests.output().context("cannot run cargo nextest")?;
    let said = String::from_utf8_lossy(&done.stderr);
    match done.status.code() {
        Some(0) => Ok(None),
        Some(TESTS_FAILED) => {
            let line = said.lines().find(|line| line.trim_start().starts_with("Summary"));
            Ok(Some(line.context("no summary of tests")?.trim().to_owned()))
        }
        _ => bail!("the tests in {} could not run:\n{said}", copy.display()),
    }
}
