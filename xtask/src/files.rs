//! The repository's files.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::run::{command, output, root};

/// The most lines of a source file: more is several rooms in one.
const LINES: usize = 800;

/// Files that git knows and that match these patterns.
pub(crate) fn listed(patterns: &[&str]) -> Result<Vec<String>> {
    let args = ["ls-files", "--cached", "--others", "--exclude-standard"];
    let files = output(command("git", &args).arg("--").args(patterns))?;
    Ok(files.lines().map(str::to_owned).collect())
}

/// Checks sizes of sources and links between documents.
pub(crate) fn check() -> Result<()> {
    let mut faults = Vec::new();
    for name in listed(&["*.rs"])? {
        let Some(text) = read(&name)? else { continue };
        let lines = text.lines().count();
        if lines > LINES {
            faults.push(format!("{name}: {lines} lines; {LINES} are enough for one room"));
        }
    }
    for name in listed(&["*.md"])? {
        let Some(text) = read(&name)? else { continue };
        let folder = Path::new(&name).parent().unwrap_or(Path::new("")).to_owned();
        for target in links(&text) {
            if !root().join(&folder).join(target).exists() {
                faults.push(format!("{name}: a link to {target}, which does not exist"));
            }
        }
    }
    for fault in &faults {
        eprintln!("{fault}");
    }
    if faults.is_empty() { Ok(()) } else { bail!("{} faults in files", faults.len()) }
}

/// A file's text; `None` if it was removed and git does not know yet.
fn read(name: &str) -> Result<Option<String>> {
    let path = root().join(name);
    if !path.exists() {
        return Ok(None);
    }
    fs::read_to_string(&path).map(Some).with_context(|| format!("cannot read {name}"))
}

/// Targets of links to other files of the repository.
fn links(text: &str) -> impl Iterator<Item = &str> {
    text.split("](").skip(1).filter_map(|rest| {
        let target = rest.split(')').next()?.split('#').next()?;
        let outside = target.contains("://") || target.contains("::") || target.contains(' ');
        (!target.is_empty() && !outside && target.contains(['.', '/'])).then_some(target)
    })
}
