//! Mutants: small changes of the code, each of which some test of its crate must notice.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::run::{cargo, root, run_or, target, tool};
use crate::table;

/// The crates whose checks are worth the time.
const CRATES: [&str; 5] =
    ["mpenc-order", "mpenc-causal", "mpenc-greet", "mpenc-message", "mpenc-wire"];

/// Survivors, and why they may live.
const LIST: &str = "docs/mutants.md";

/// What cargo-mutants says when mutants survived, or ran out of time. That is for us to judge.
const SURVIVORS: [i32; 2] = [2, 3];

/// Which mutants to make.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Only those of these crates.
    #[arg(long, short, value_name = "CRATE")]
    package: Vec<String>,
    /// Only those whose name, as cargo-mutants prints it, matches.
    #[arg(long, value_name = "REGEX")]
    re: Option<String>,
    /// How many to try at a time.
    #[arg(long, default_value_t = 1)]
    jobs: usize,
    /// Judge what the last run found, and make none.
    #[arg(long)]
    no_run: bool,
}

/// A mutant, without its line, which changes whenever something is written above it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Mutant {
    file: String,
    change: String,
}

/// What a run found.
#[derive(Debug, Default)]
struct Found {
    made: Vec<Mutant>,
    survived: Vec<Mutant>,
    caught: usize,
    timed_out: usize,
    unviable: usize,
}

/// Makes mutants, and compares those that survive with the list.
pub(crate) fn check(args: &Args) -> Result<()> {
    let text = fs::read_to_string(root().join(LIST)).with_context(|| format!("no {LIST}"))?;
    let argued = listed(&text)?;
    let mut packages: Vec<&str> = args.package.iter().map(String::as_str).collect();
    if packages.is_empty() {
        packages.extend(CRATES);
    }
    if !args.no_run {
        tool("cargo-nextest", "0.9.143")?;
        tool("cargo-mutants", "27.1.0")?;
    }
    let (mut faults, mut figures) = (0_usize, Vec::new());
    for package in packages {
        let folder = target().join("mutants").join(package);
        if !args.no_run {
            make(package, args, &folder)?;
        }
        let found = Found::read(&folder.join("mutants.out"))?;
        let argued: Vec<Mutant> = argued.iter().filter(|m| m.is_of(package)).cloned().collect();
        let (new, gone) = compare(&argued, &found, args.re.is_none());
        for mutant in &new {
            println!("{}: survives, and {LIST} does not say why: {}", mutant.file, mutant.change);
        }
        for mutant in &gone {
            println!("{}: does not survive, and {LIST} lists it: {}", mutant.file, mutant.change);
        }
        faults = faults.saturating_add(new.len());
        figures.push(found.figures(package));
    }
    for line in figures {
        println!("{line}");
    }
    if faults == 0 { Ok(()) } else { bail!("{faults} mutants survive, and nothing says why") }
}

/// Runs cargo-mutants, with a fixed seed for the random tests.
fn make(package: &str, args: &Args, folder: &Path) -> Result<()> {
    fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let mut command = cargo(&["mutants", "--package", package]);
    command.arg("--jobs").arg(args.jobs.to_string()).arg("--output").arg(folder);
    if let Some(re) = &args.re {
        command.args(["--re", re]);
    }
    command.env("PROPTEST_RNG_SEED", "1").env("INSTA_UPDATE", "no");
    // Of its own: what is built of a mutant looks to cargo as if it were built of us.
    command.env("CARGO_TARGET_DIR", target().join("mutants/build"));
    run_or(&mut command, &SURVIVORS)
}

impl Found {
    fn read(folder: &Path) -> Result<Self> {
        let read = |name: &str| {
            let path: PathBuf = folder.join(name);
            fs::read_to_string(&path).with_context(|| format!("no {}", path.display()))
        };
        let made: Value = serde_json::from_str(&read("mutants.json")?)?;
        let made = made.as_array().context("mutants.json is not a list")?;
        let names = made.iter().filter_map(|mutant| mutant.get("name")?.as_str());
        Ok(Self {
            made: names.map(Mutant::named).collect::<Result<_>>()?,
            survived: read("missed.txt")?.lines().map(Mutant::named).collect::<Result<_>>()?,
            caught: read("caught.txt")?.lines().count(),
            timed_out: read("timeout.txt")?.lines().count(),
            unviable: read("unviable.txt")?.lines().count(),
        })
    }

    fn figures(&self, package: &str) -> String {
        let Self { made, survived, caught, timed_out, unviable } = self;
        format!(
            "{package}: {} mutants; {unviable} do not compile; {caught} were noticed, and \
             {timed_out} by their time; {} survive",
            made.len(),
            survived.len()
        )
    }
}

impl Mutant {
    /// From the name that cargo-mutants gives it, `file:line:column: change`.
    fn named(name: &str) -> Result<Self> {
        let (place, change) = name.split_once(": ").with_context(|| format!("no name: {name}"))?;
        let file = place.split(':').next().unwrap_or(place);
        Ok(Self { file: file.to_owned(), change: change.to_owned() })
    }

    fn is_of(&self, package: &str) -> bool {
        self.file.strip_prefix("crates/").and_then(|rest| rest.split('/').next()) == Some(package)
    }
}

/// The list: under the heading of each crate a table of file, change, reason.
fn listed(text: &str) -> Result<Vec<Mutant>> {
    let mut mutants = Vec::new();
    for (heading, [file, change, why]) in table::rows::<3>(text, "File")? {
        if why.is_empty() {
            bail!("{LIST} does not say why this may survive: {change}");
        }
        let file = format!("crates/{heading}/{}", table::code(&file));
        mutants.push(Mutant { file, change: table::code(&change).to_owned() });
    }
    Ok(mutants)
}

/// The survivors that are not listed, and those listed which were made, or could have been, and did
/// not survive. One entry stands for one mutant: another one of the same name needs its own.
fn compare(argued: &[Mutant], found: &Found, all_made: bool) -> (Vec<Mutant>, Vec<Mutant>) {
    let (mut left, mut new) = (argued.to_vec(), Vec::new());
    for mutant in &found.survived {
        match left.iter().position(|argued| argued == mutant) {
            Some(at) => drop(left.swap_remove(at)),
            None => new.push(mutant.clone()),
        }
    }
    left.retain(|mutant| all_made || found.made.contains(mutant));
    (new, left)
}

#[cfg(test)]
mod tests {
    use super::{Found, Mutant, compare, listed};

    const TEXT: &str = "# Mutants\n\n## mpenc-a\n\n| File | Change | Why |\n|---|---|---|\n\
                        | `src/b.rs` | `replace \\|\\| with && in c` | because |\n";

    fn mutant(name: &str) -> Mutant {
        Mutant::named(name).unwrap_or(Mutant { file: String::new(), change: String::new() })
    }

    fn found(made: &[&str], survived: &[&str]) -> Found {
        let mutants = |names: &[&str]| names.iter().map(|name| mutant(name)).collect();
        Found { made: mutants(made), survived: mutants(survived), ..Found::default() }
    }

    #[test]
    fn a_name_has_file_and_change_but_no_line() {
        let name = "crates/mpenc-a/src/b.rs:3:14: replace + with - in <impl A for B>::c";
        let Mutant { file, change } = mutant(name);
        assert_eq!(file, "crates/mpenc-a/src/b.rs");
        assert_eq!(change, "replace + with - in <impl A for B>::c");
        assert!(mutant(name).is_of("mpenc-a"));
        assert!(!mutant(name).is_of("mpenc"));
    }

    #[test]
    fn the_list_is_read() {
        let expected = mutant("crates/mpenc-a/src/b.rs:1:1: replace || with && in c");
        assert_eq!(listed(TEXT).ok(), Some(vec![expected]));
    }

    #[test]
    fn what_survives_needs_a_reason() {
        assert!(listed(&TEXT.replace("because", "")).is_err());
    }

    #[test]
    fn survivors_that_are_not_listed_and_entries_that_do_not_survive_are_found() {
        let (x, y) = ("crates/a/src/b.rs:1:1: x", "crates/a/src/b.rs:2:1: y");
        let argued = [mutant(x)];
        let nothing = (Vec::new(), Vec::new());
        assert_eq!(compare(&argued, &found(&[x, y], &[x]), true), nothing);
        assert_eq!(compare(&argued, &found(&[x, y], &[x, y]), true).0, [mutant(y)]);
        assert_eq!(compare(&argued, &found(&[x, y], &[]), true).1, [mutant(x)]);
        assert_eq!(compare(&argued, &found(&[y], &[]), true).1, [mutant(x)]);
        assert_eq!(compare(&argued, &found(&[y], &[]), false), nothing);
    }

    #[test]
    fn an_entry_stands_for_one_mutant() {
        let (first, second) = ("crates/a/src/b.rs:1:1: x", "crates/a/src/b.rs:9:1: x");
        let (new, gone) =
            compare(&[mutant(first)], &found(&[first, second], &[first, second]), true);
        assert_eq!((new.len(), gone.len()), (1, 0));
    }
}
