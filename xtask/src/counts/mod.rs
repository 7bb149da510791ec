//! Counting instructions: what time does not tell on a busy machine.
//!
//! `bench-counts` does one piece of work at a time, and callgrind counts. docs/counts.json has the
//! counts that were accepted, and of which commit they are. They mean nothing to another compiler
//! or another machine: then that commit is built and counted as well.

mod compare;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use crate::run::{cargo, command, output, root, run, system, target};

/// What callgrind is to count: whatever this calls.
const MEASURED: &str = "*bench_counts::measured*";
/// The sources that counts depend on.
const SOURCES: [&str; 4] = ["crates", "bench-counts", "Cargo.toml", "Cargo.lock"];

/// What a session's refresh takes, the first and a late one: minutes, to count.
const REFRESHES: [&str; 2] =
    ["refresh of 3 sessions, the 1st", "refresh of 3 sessions, the 1,000th"];

/// What to do with the counts.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Write them to docs/counts.json: they are what is compared with from now on.
    #[arg(long)]
    accept: bool,
}

/// Who counted. Counts of two kinds are not compared.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Counter {
    compiler: String,
    valgrind: String,
    machine: String,
}

/// Instructions of each piece of work.
type Counts = BTreeMap<String, u64>;

struct Accepted {
    commit: String,
    counter: Counter,
    counts: Counts,
}

pub(crate) fn check() -> Result<()> {
    counts(&Args { accept: false })
}

/// Counts, and compares with what was accepted.
pub(crate) fn counts(args: &Args) -> Result<()> {
    system("valgrind", "valgrind")?;
    if args.accept {
        return accept();
    }
    let program = build(root(), "now")?;
    let counter = counter(&program)?;
    let counts = count(&program)?;
    let accepted = read(&fs::read_to_string(file()).context("there is no docs/counts.json")?)?;
    let before = if accepted.counter == counter {
        accepted.counts
    } else {
        println!("the accepted counts are of another compiler or machine: we count them again");
        println!("accepted: {:?}\nnow:      {counter:?}", accepted.counter);
        recount(&accepted.commit)?
    };
    let verdict = compare::compare(&before, &counts);
    verdict.lines.iter().for_each(|line| println!("{line}"));
    if verdict.worse.is_empty() {
        return Ok(());
    }
    for name in &verdict.worse {
        println!("\nwhere the instructions of this are now: {name}");
        annotate(&program, name)?;
    }
    bail!("it takes more instructions than was accepted: {}", verdict.worse.join("; "))
}

/// Instructions of a session's first refresh, and of its thousandth.
pub(crate) fn refreshes() -> Result<[u64; 2]> {
    system("valgrind", "valgrind")?;
    let program = build(root(), "now")?;
    let [first, late] = REFRESHES;
    println!("instructions of a session's thousandth refresh are counted: this takes minutes");
    Ok([count_one(&program, first, 0)?, count_one(&program, late, 0)?])
}

fn file() -> PathBuf {
    root().join("docs/counts.json")
}

fn accept() -> Result<()> {
    let changed = output(command("git", &["status", "--porcelain", "--"]).args(SOURCES))?;
    if !changed.is_empty() {
        bail!("commit first: the counts are those of a commit\n{changed}");
    }
    let commit = output(&mut command("git", &["rev-parse", "HEAD"]))?;
    let program = build(root(), "now")?;
    let Counter { compiler, valgrind, machine } = counter(&program)?;
    let counts = count(&program)?;
    let all = json!({
        "commit": commit.trim(),
        "compiler": compiler,
        "valgrind": valgrind,
        "machine": machine,
        "counts": counts,
    });
    counts.iter().for_each(|(name, count)| println!("{count:>12}  {name}"));
    fs::write(file(), format!("{all:#}\n")).context("cannot write docs/counts.json")
}

fn read(text: &str) -> Result<Accepted> {
    let all: Value = serde_json::from_str(text).context("docs/counts.json is no JSON")?;
    let field = |name: &str| {
        let text = all.get(name).and_then(Value::as_str).map(str::to_owned);
        text.with_context(|| format!("docs/counts.json has no {name}"))
    };
    let counts = all.get("counts").and_then(Value::as_object).context("it has no counts")?;
    let count = |(name, count): (&String, &Value)| Some((name.clone(), count.as_u64()?));
    let (compiler, valgrind) = (field("compiler")?, field("valgrind")?);
    Ok(Accepted {
        commit: field("commit")?,
        counter: Counter { compiler, valgrind, machine: field("machine")? },
        counts: counts.iter().map(count).collect::<Option<_>>().context("a count is no number")?,
    })
}

/// Builds and counts another commit.
fn recount(commit: &str) -> Result<Counts> {
    let tree = target().join("counts/tree");
    let path = tree.to_string_lossy().into_owned();
    let known = format!("{commit}^{{commit}}");
    if output(&mut command("git", &["cat-file", "-t", &known])).is_err() {
        // A clone of the latest commits only.
        run(&mut command("git", &["fetch", "--depth", "1", "origin", commit]))?;
    }
    let remove = || {
        let args = ["worktree", "remove", "--force", &path];
        if tree.exists() { run(&mut command("git", &args)) } else { Ok(()) }
    };
    remove()?;
    run(&mut command("git", &["worktree", "add", "--detach", "--force", &path, commit]))?;
    let counts = build(tree.clone(), "accepted").and_then(|program| count(&program));
    remove()?;
    counts
}

/// Builds the program of a tree, and puts it aside.
fn build(tree: PathBuf, name: &str) -> Result<PathBuf> {
    let args = ["build", "--release", "--locked", "--quiet", "-p", "bench-counts"];
    run(cargo(&args).current_dir(tree).env("CARGO_TARGET_DIR", target()))?;
    let folder = target().join("counts");
    fs::create_dir_all(&folder)?;
    let program = folder.join(name);
    fs::copy(target().join("release/bench-counts"), &program).context("it was not built")?;
    Ok(program)
}

fn counter(program: &Path) -> Result<Counter> {
    let line = |text: String| text.trim().to_owned();
    let version = output(&mut command("rustc", &["--version"]))?;
    let valgrind = output(&mut command("valgrind", &["--version"]))?;
    let mut machine = command("valgrind", &["--quiet", "--tool=none"]);
    let machine = output(machine.arg(program).arg("machine"))?;
    Ok(Counter { compiler: line(version), valgrind: line(valgrind), machine: line(machine) })
}

fn callgrind(program: &Path, name: &str, out: &Path) -> Command {
    let mut callgrind = command("valgrind", &["--quiet", "--tool=callgrind"]);
    callgrind.args(["--collect-atstart=no", &format!("--toggle-collect={MEASURED}")]);
    callgrind.arg(format!("--callgrind-out-file={}", out.display())).arg(program).arg(name);
    callgrind
}

/// Counts all that the program can do, two at a time.
fn count(program: &Path) -> Result<Counts> {
    let names = output(&mut command(&program.to_string_lossy(), &[]))?;
    let names: Vec<&str> = names.lines().collect();
    let next = Mutex::new(names.iter());
    let work = |worker: usize| -> Result<Counts> {
        let mut counts = Counts::new();
        loop {
            let name = next.lock().ok().and_then(|mut names| names.next().copied());
            let Some(name) = name else { return Ok(counts) };
            counts.insert(name.to_owned(), count_one(program, name, worker)?);
        }
    };
    std::thread::scope(|scope| {
        let workers = [0, 1].map(|worker| scope.spawn(move || work(worker)));
        let mut all = Counts::new();
        for worker in workers {
            let Ok(counts) = worker.join() else { bail!("counting panicked") };
            all.extend(counts?);
        }
        Ok(all)
    })
}

/// Instructions of one time.
fn count_one(program: &Path, name: &str, worker: usize) -> Result<u64> {
    let out = program.with_extension(format!("{worker}.callgrind"));
    let times: u64 = output(&mut callgrind(program, name, &out))?.trim().parse()?;
    let text = fs::read_to_string(&out).context("callgrind wrote nothing")?;
    let total = total(&text).with_context(|| format!("{name}: callgrind counted nothing"))?;
    total.checked_div(times).with_context(|| format!("{name} was done no times"))
}

/// All instructions that callgrind counted; `None` if there are none.
fn total(text: &str) -> Option<u64> {
    let total = text.lines().find_map(|line| line.strip_prefix("totals: "))?;
    total.trim().parse().ok().filter(|total| *total > 0)
}

/// Prints which functions take most.
fn annotate(program: &Path, name: &str) -> Result<()> {
    let out = program.with_extension("worse.callgrind");
    output(&mut callgrind(program, name, &out))?;
    let text = output(command("callgrind_annotate", &["--auto=no"]).arg(&out))?;
    let functions = text.lines().skip_while(|line| !line.contains("file:function"));
    functions.take(14).for_each(|line| println!("{line}"));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_counted_is_no_count() {
        assert_eq!(total("events: Ir\ntotals: 12\n"), Some(12));
        assert_eq!(total("events: Ir\ntotals: 0\n"), None);
        assert_eq!(total("events: Ir\n"), None);
    }

    #[test]
    fn what_was_accepted_is_there_and_complete() {
        let accepted = read(&fs::read_to_string(file()).unwrap()).unwrap();
        assert_eq!(accepted.commit.len(), 40);
        assert!(accepted.counts.len() > 10);
        assert!(accepted.counts.values().all(|count| *count > 0));
    }
}
