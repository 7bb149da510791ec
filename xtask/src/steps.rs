//! The steps of `cargo xtask ci`.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::run::{cargo, command, output, root, run, system, tool};
use crate::{broken, counts, files, fuzz, msrv, trace};

/// The crates that need no standard library.
pub(crate) const CORE: [&str; 6] =
    ["mpenc-wire", "mpenc-greet", "mpenc-message", "mpenc-causal", "mpenc-order", "mpenc-session"];

/// Which steps to take.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Only these steps.
    #[arg(long, value_name = "STEP")]
    only: Vec<String>,
    /// Not these steps.
    #[arg(long, value_name = "STEP")]
    skip: Vec<String>,
    /// Name the steps, and take none.
    #[arg(long)]
    list: bool,
}

struct Step {
    name: &'static str,
    what: &'static str,
    take: fn() -> Result<()>,
}

const STEPS: [Step; 20] = [
    Step { name: "fmt", what: "the code is formatted", take: fmt },
    Step { name: "files", what: "sizes, links, words", take: files::check },
    Step { name: "msrv", what: "no dependency needs a newer compiler", take: msrv::check },
    Step { name: "clippy", what: "no lint complains", take: clippy },
    Step { name: "test", what: "all tests but those in docs", take: test },
    Step { name: "trace", what: "every attack and requirement has its tests", take: trace::check },
    Step { name: "broken", what: "the patches that break checks fit the code", take: breakable },
    Step { name: "doctest", what: "the examples in docs", take: doctest },
    Step { name: "doc", what: "the docs build without a warning", take: doc },
    Step { name: "no-default-features", what: "core crates, features off", take: bare },
    Step { name: "powerset", what: "core crates, all sets of features", take: powerset },
    Step { name: "no-std", what: "a program without the standard library", take: no_std },
    Step { name: "replay", what: "the vectors, octet for octet", take: replay },
    Step { name: "sim", what: "random lives of groups, in virtual time", take: sim },
    Step { name: "model", what: "all that a few members and a server can do", take: model },
    Step { name: "counts", what: "no more instructions than were accepted", take: counts::check },
    Step { name: "peers", what: "the bench beside other protocols builds", take: peers },
    Step { name: "demo", what: "a group of real processes", take: demo },
    Step { name: "deny", what: "licences, bans, sources", take: deny },
    Step { name: "fuzz", what: "some seconds of every fuzz target", take: fuzz_all },
];

/// Takes the steps, in order, up to the first that fails.
pub(crate) fn ci(args: &Args) -> Result<()> {
    for name in args.only.iter().chain(&args.skip) {
        if !STEPS.iter().any(|step| step.name == *name) {
            bail!("there is no step {name}; --list names them");
        }
    }
    if args.list {
        STEPS.iter().for_each(|step| println!("{:<20} {}", step.name, step.what));
        return Ok(());
    }
    let wanted = |step: &&Step| {
        let named = |names: &[String]| names.iter().any(|name| name == step.name);
        (args.only.is_empty() || named(&args.only)) && !named(&args.skip)
    };
    let mut took: Vec<(&str, Duration)> = Vec::new();
    let began = Instant::now();
    for step in STEPS.iter().filter(wanted) {
        println!("\n== {}: {}", step.name, step.what);
        let began = Instant::now();
        let result = (step.take)();
        let time = began.elapsed();
        result.with_context(|| {
            format!("step {} failed after {:.1} s", step.name, time.as_secs_f32())
        })?;
        println!("== {}: passed after {:.1} s", step.name, time.as_secs_f32());
        took.push((step.name, time));
    }
    println!();
    for (name, time) in &took {
        println!("{:>6.1} s  {name}", time.as_secs_f32());
    }
    println!("{:>6.1} s  in all: every step passed", began.elapsed().as_secs_f32());
    Ok(())
}

fn fmt() -> Result<()> {
    run(&mut cargo(&["fmt", "--all", "--check"]))?;
    for folder in ["bench-peers", "fuzz", "tests-no-std"] {
        run(cargo(&["fmt", "--check"]).current_dir(root().join(folder)))?;
    }
    Ok(())
}

fn clippy() -> Result<()> {
    let args = ["clippy", "--workspace", "--all-targets", "--all-features", "--locked"];
    run(&mut cargo(&[&args[..], &["--", "-D", "warnings"]].concat()))?;
    let args = ["clippy", "--locked", "--", "-D", "warnings"];
    run(cargo(&args).current_dir(root().join("tests-no-std")))
}

fn test() -> Result<()> {
    tool("cargo-nextest", "0.9.143")?;
    // The tests of mpenc-xmpp start them, each on a port of its own.
    system("prosody", "prosody")?;
    system("ejabberdctl", "ejabberd")?;
    run(&mut cargo(&["nextest", "run", "--workspace", "--all-features", "--locked"]))
}

/// What they break is noticed by tests: `cargo xtask broken` looks.
fn breakable() -> Result<()> {
    broken::fit().map(drop)
}

fn doctest() -> Result<()> {
    run(&mut cargo(&["test", "--workspace", "--all-features", "--locked", "--doc", "--quiet"]))
}

fn doc() -> Result<()> {
    let args = ["doc", "--workspace", "--all-features", "--locked", "--no-deps", "--quiet"];
    run(cargo(&args).env("RUSTDOCFLAGS", "-D warnings"))
}

/// The names of the core crates, each behind `-p`.
fn core_packages() -> impl Iterator<Item = &'static str> {
    CORE.iter().flat_map(|name| ["-p", name])
}

fn bare() -> Result<()> {
    for name in CORE {
        run(&mut cargo(&["check", "--quiet", "--locked", "--no-default-features", "-p", name]))?;
    }
    Ok(())
}

/// Without `--no-dev-deps`, which rewrites the manifests while it runs, and the lock file.
fn powerset() -> Result<()> {
    tool("cargo-hack", "0.6.46")?;
    let args = ["hack", "check", "--quiet", "--locked", "--feature-powerset"];
    run(cargo(&args).args(core_packages()))
}

fn no_std() -> Result<()> {
    let folder = root().join("tests-no-std");
    run(cargo(&["run", "--quiet", "--locked"]).current_dir(&folder))?;
    let target =
        std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| folder.join("target"), Into::into);
    let program = target.join("debug/tests-no-std");
    let symbols = output(command("nm", &["-C"]).arg(program))?;
    let std_symbols: Vec<_> = symbols.lines().filter(|line| names_std(line)).collect();
    if let Some(first) = std_symbols.first() {
        bail!("{} symbols of the standard library are linked: {first} …", std_symbols.len());
    }
    println!("two members agreed, and no symbol of the standard library is linked");
    Ok(())
}

/// Whether a symbol names something of the standard library, be it in an angle bracket.
fn names_std(symbol: &str) -> bool {
    symbol.match_indices("std::").any(|(at, _)| {
        let before = symbol.get(..at).and_then(|before| before.chars().next_back());
        !before.is_some_and(|c| c.is_alphanumeric() || matches!(c, '_' | ':'))
    })
}

fn mpenc(args: &[&str]) -> Result<()> {
    let run_it = ["run", "--quiet", "--release", "--locked", "-p", "mpenc-cli", "--"];
    run(&mut cargo(&[&run_it[..], args].concat()))
}

/// The levels of packets and of refusals; that of sessions is a test.
fn replay() -> Result<()> {
    let vectors = files::listed(&["vectors/*.json", "vectors/document/*.json"])?;
    let (bad, good): (Vec<_>, Vec<_>) =
        vectors.iter().map(String::as_str).partition(|name| name.ends_with("bad.json"));
    if bad.is_empty() || good.len() < 50 {
        bail!(
            "vectors are missing: {} files of histories, {} of bad packets",
            good.len(),
            bad.len()
        );
    }
    mpenc(&[&["replay", "--level", "packets"], &good[..]].concat())?;
    mpenc(&[&["replay", "--level", "reject"], &bad[..]].concat())
}

/// A sample of what `mpenc-sim` can do; docs/ASSURANCE.md tells of longer runs.
fn sim() -> Result<()> {
    for faults in ["none", "loss", "churn", "chaos", "liar", "hostile"] {
        for (crypto, seeds) in [("real", "0..100"), ("null", "0..300")] {
            let run_it =
                ["run", "--quiet", "--release", "--locked", "-p", "mpenc-sim", "--", "run"];
            let lives = ["--seeds", seeds, "--faults", faults, "--crypto", crypto, "--no-shrink"];
            run(&mut cargo(&[&run_it[..], &lives[..]].concat()))?;
        }
    }
    Ok(())
}

/// Small searches; larger ones are in the crate's README.
pub(crate) fn model() -> Result<()> {
    for bounds in [
        "--members 3 --proposals 2 --leaves 1 --enters 0",
        "--members 3 --proposals 1 --leaves 1 --enters 1",
        "--members 3 --proposals 1 --leaves 1 --enters 1 --provisional",
        "--members 3 --proposals 1 --leaves 0 --enters 0 --messages 1 --aborts 1",
        "--members 4 --proposals 1 --leaves 1 --enters 0",
        "--members 3 --proposals 1 --leaves 0 --enters 0 --lies 2",
        "--members 3 --proposals 1 --leaves 1 --enters 0 --lies 1",
    ] {
        println!("{bounds}");
        let run_it = ["run", "--quiet", "--release", "--locked", "-p", "mpenc-model", "--"];
        run(cargo(&run_it).args(bounds.split(' ')))?;
    }
    Ok(())
}

/// In a workspace of its own, with dependencies of its own. To measure takes a quiet machine.
fn peers() -> Result<()> {
    let args = ["clippy", "--quiet", "--locked", "--all-targets", "--", "-D", "warnings"];
    run(cargo(&args).current_dir(root().join("bench-peers")))
}

fn demo() -> Result<()> {
    mpenc(&["demo"])
}

fn deny() -> Result<()> {
    tool("cargo-deny", "0.20.2")?;
    run(&mut cargo(&[
        "deny",
        "--offline",
        "--all-features",
        "check",
        "bans",
        "licenses",
        "sources",
    ]))
}

fn fuzz_all() -> Result<()> {
    for target in fuzz::targets()? {
        fuzz::run_target(&target, Duration::from_secs(4))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::names_std;

    #[test]
    fn symbols_of_the_standard_library_are_known() {
        assert!(names_std("0000000000000010 t std::io::stdio::_print"));
        assert!(names_std("0000000000000010 t <std::io::Error as core::fmt::Debug>::fmt"));
        assert!(names_std("0000000000000010 t core::ptr::drop_in_place<std::io::Error>"));
        assert!(!names_std("0000000000000010 t tests_no_std::World::pump"));
        assert!(!names_std("0000000000000010 t core::std::nothing"));
    }
}
