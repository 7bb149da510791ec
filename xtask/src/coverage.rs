//! Coverage: what the tests reach.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::run::{cargo, command, output, root, run, target, tool};
use crate::steps::CORE;
use crate::{source, table};

/// The functions of the core crates with lines that are never reached, and why.
const LIST: &str = "docs/coverage.md";

/// What to do.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Judge what the last run found, and run no tests.
    #[arg(long)]
    no_run: bool,
}

/// Lines, or regions, and how many of them are reached.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Share {
    count: u64,
    reached: u64,
}

/// A function with lines that are not reached.
type Place = (String, String);

/// Runs all tests, prints what they reach, and compares what they don't with the list.
pub(crate) fn check(args: &Args) -> Result<()> {
    let folder = target().join("coverage");
    let (summary, lines) = (folder.join("summary.json"), folder.join("lines.info"));
    if !args.no_run {
        fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        measure(&summary, &lines)?;
    }
    let read = |path: &Path| {
        fs::read_to_string(path).with_context(|| format!("no {}: run it first", path.display()))
    };
    print_shares(&serde_json::from_str(&read(&summary)?)?)?;
    let text = fs::read_to_string(root().join(LIST)).with_context(|| format!("no {LIST}"))?;
    let argued = listed(&text)?;
    let mut places: BTreeSet<Place> = BTreeSet::new();
    for (file, numbers) in unreached(&read(&lines)?) {
        let text = fs::read_to_string(root().join(&file))?;
        let text: Vec<&str> = text.lines().collect();
        for number in numbers.into_iter().filter(|number| !source::is_test(&text, *number)) {
            let place = source::place(&text, number);
            let line = number.checked_sub(1).and_then(|at| text.get(at)).map_or("", |l| l.trim());
            println!("{file}:{number}: in {place}: {line}");
            places.insert((file.clone(), place));
        }
    }
    for (file, place) in argued.difference(&places) {
        println!("{file}: every line of {place} is reached, and {LIST} lists it");
    }
    let new: Vec<_> = places.difference(&argued).collect();
    for (file, place) in &new {
        println!("{file}: lines of {place} are not reached, and {LIST} does not say why");
    }
    if new.is_empty() {
        Ok(())
    } else {
        bail!("{} functions have lines that are never reached, and nothing says why", new.len())
    }
}

/// Runs all tests with counters.
fn measure(summary: &Path, lines: &Path) -> Result<()> {
    tool("cargo-nextest", "0.9.143")?;
    tool("cargo-llvm-cov", "0.9.1")?;
    let tools = llvm_tools()?;
    let llvm_cov = |args: &[&str]| {
        let mut command = cargo(&["llvm-cov"]);
        command.args(args).envs(&tools);
        // Counters need no debugging information, which takes most of the room.
        command.env("CARGO_PROFILE_DEV_DEBUG", "0").env("PROPTEST_RNG_SEED", "1");
        command
    };
    run(&mut llvm_cov(&["clean", "--workspace"]))?;
    let tests = ["nextest", "--workspace", "--exclude", "xtask", "--all-features", "--locked"];
    run(llvm_cov(&tests).arg("--no-report"))?;
    run(llvm_cov(&["report", "--json", "--summary-only", "--output-path"]).arg(summary))?;
    run(llvm_cov(&["report", "--lcov", "--output-path"]).arg(lines))
}

/// Where the tools are that read the counters, unless cargo-llvm-cov finds them itself: those of
/// rustup, or what the environment names. Else the system's, of the compiler's version.
fn llvm_tools() -> Result<BTreeMap<&'static str, String>> {
    let rustc = std::env::var("RUSTC").unwrap_or_else(|_| "rustc".into());
    let sysroot = output(&mut command(&rustc, &["--print", "sysroot"]))?;
    let version = output(&mut command(&rustc, &["-vV"]))?;
    let line = |name: &str| version.lines().find_map(|line| line.strip_prefix(name));
    let (host, llvm) = (line("host: ").context("no host")?, line("LLVM version: "));
    let own = Path::new(sysroot.trim()).join("lib/rustlib").join(host).join("bin/llvm-profdata");
    if own.exists() || std::env::var_os("LLVM_PROFDATA").is_some() {
        return Ok(BTreeMap::new());
    }
    let major = llvm.and_then(|llvm| llvm.split('.').next()).context("no version of LLVM")?;
    let tools = BTreeMap::from([
        ("LLVM_COV", format!("llvm-cov-{major}")),
        ("LLVM_PROFDATA", format!("llvm-profdata-{major}")),
    ]);
    for tool in tools.values() {
        if !Command::new(tool).arg("--version").output().is_ok_and(|out| out.status.success()) {
            bail!(
                "there is no {tool}: add rustup's component llvm-tools, or the system's package \
                 llvm-{major}"
            );
        }
    }
    Ok(tools)
}

fn print_shares(summary: &Value) -> Result<()> {
    println!("| Crate | Lines | Regions |\n|---|---|---|");
    for (name, [lines, regions]) in shares(summary)? {
        println!("| {name} | {} | {} |", lines.shown(), regions.shown());
    }
    Ok(())
}

/// Lines and regions of each crate.
fn shares(summary: &Value) -> Result<BTreeMap<String, [Share; 2]>> {
    let files = summary.pointer("/data/0/files").and_then(Value::as_array);
    let mut shares: BTreeMap<String, [Share; 2]> = BTreeMap::new();
    for file in files.context("the summary names no files")? {
        let name = file.get("filename").and_then(Value::as_str).context("a file has no name")?;
        let Some((krate, _)) = in_crate(name) else { continue };
        let share = shares.entry(krate.to_owned()).or_default();
        for (share, kind) in share.iter_mut().zip(["lines", "regions"]) {
            let number = |what: &str| {
                let number = file.pointer(&format!("/summary/{kind}/{what}"));
                number.and_then(Value::as_u64).with_context(|| format!("{name}: no {kind}"))
            };
            share.count = share.count.saturating_add(number("count")?);
            share.reached = share.reached.saturating_add(number("covered")?);
        }
    }
    Ok(shares)
}

impl Share {
    /// Rounded down, so that only everything is 100 %.
    fn shown(self) -> String {
        let tenths = self.reached.saturating_mul(1000).checked_div(self.count).unwrap_or(1000);
        let (whole, tenth) = (tenths / 10, tenths % 10);
        format!("{whole}.{tenth} % of {}", self.count)
    }
}

/// The crate that a source file is of, and its path in the repository.
fn in_crate(name: &str) -> Option<(&str, &str)> {
    let at = name.rfind("crates/")?;
    let path = name.get(at..)?;
    let (krate, rest) = path.strip_prefix("crates/")?.split_once('/')?;
    rest.starts_with("src/").then_some((krate, path))
}

/// The lines of each file of the core crates that nothing reached.
fn unreached(info: &str) -> BTreeMap<String, BTreeSet<usize>> {
    let (mut files, mut file) = (BTreeMap::<String, BTreeSet<usize>>::new(), None);
    for line in info.lines() {
        if let Some(name) = line.strip_prefix("SF:") {
            file = in_crate(name).filter(|(krate, _)| CORE.contains(krate)).map(|(_, path)| path);
        } else if let (Some(file), Some(data)) = (file, line.strip_prefix("DA:")) {
            let mut numbers = data.split(',');
            let number = numbers.next().and_then(|number| number.parse().ok());
            if let (Some(number), Some("0")) = (number, numbers.next()) {
                files.entry(file.to_owned()).or_default().insert(number);
            }
        }
    }
    files
}

/// The list: under the heading of each crate a table of file, function, lines, reason.
fn listed(text: &str) -> Result<BTreeSet<Place>> {
    let mut places = BTreeSet::new();
    for (heading, [file, place, why]) in table::rows::<3>(text, "File")? {
        if why.is_empty() {
            bail!("{LIST} does not say why {place} may have lines that are not reached");
        }
        let file = format!("crates/{heading}/{}", table::code(&file));
        if !places.insert((file, table::code(&place).to_owned())) {
            bail!("{LIST} lists {place} twice");
        }
    }
    Ok(places)
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use serde_json::json;

    use super::{Share, listed, shares, unreached};

    #[test]
    fn shares_are_summed_by_crate() {
        let file = |name: &str, covered: u64| {
            let numbers = json!({ "count": 10, "covered": covered });
            json!({ "filename": name, "summary": { "lines": numbers, "regions": numbers } })
        };
        let files = [
            file("/x/crates/mpenc-a/src/b.rs", 1),
            file("/x/crates/mpenc-a/src/c/d.rs", 2),
            file("/x/crates/mpenc-a/tests/it/main.rs", 4),
        ];
        let summary = json!({ "data": [{ "files": files }] });
        let share = Share { count: 20, reached: 3 };
        let expected = BTreeMap::from([(String::from("mpenc-a"), [share; 2])]);
        assert_eq!(shares(&summary).ok(), Some(expected));
        assert_eq!(share.shown(), "15.0 % of 20");
        assert_eq!(Share { count: 2000, reached: 1999 }.shown(), "99.9 % of 2000");
    }

    #[test]
    fn lines_that_nothing_reached_are_found_in_core_crates() {
        let info = "SF:/x/crates/mpenc-wire/src/a.rs\nDA:1,5\nDA:2,0\nend_of_record\n\
                    SF:/x/crates/mpenc-cli/src/a.rs\nDA:3,0\nend_of_record\n";
        let expected = [(String::from("crates/mpenc-wire/src/a.rs"), BTreeSet::from([2]))];
        assert_eq!(unreached(info), expected.into());
    }

    #[test]
    fn the_list_is_read() {
        let text = "## mpenc-wire\n| File | Function | Why |\n|---|---|---|\n\
                    | `src/a.rs` | `A::b` | because |\n";
        let expected = (String::from("crates/mpenc-wire/src/a.rs"), String::from("A::b"));
        assert_eq!(listed(text).ok(), Some([expected].into()));
        assert!(listed(&text.replace("because", "")).is_err());
    }
}
