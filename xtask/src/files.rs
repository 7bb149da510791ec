//! The repository's files.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::run::{command, output, root};

/// The most lines of a source file: more is several rooms in one.
const LINES: usize = 800;

/// Folders of one machine, which say nothing to who reads this on another one. In two parts each,
/// so that this file does not hold what it looks for.
const FOLDERS: [&str; 5] = [
    concat!("/", "home/"),
    concat!("/", "mnt/"),
    concat!("/", "root/"),
    concat!("/", "tmp/"),
    concat!("/", "Users/"),
];

/// Words of work that is not done, and of tests that are not run.
const WORDS: [&str; 4] =
    [concat!("FIX", "ME"), concat!("TO", "DO"), concat!("XX", "X"), concat!("#[ign", "ore")];

/// Recorded octets, in which anything may stand.
const RECORDED: [&str; 2] = ["vectors/", "fuzz/corpus/"];

/// Files that git knows and that match these patterns.
pub(crate) fn listed(patterns: &[&str]) -> Result<Vec<String>> {
    let args = ["ls-files", "--cached", "--others", "--exclude-standard"];
    let files = output(command("git", &args).arg("--").args(patterns))?;
    Ok(files.lines().map(str::to_owned).collect())
}

/// Checks sizes of sources, links between documents, and words that do not belong.
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
    for name in listed(&[])? {
        let recorded = RECORDED.iter().any(|folder| name.starts_with(folder));
        let no_text = name.ends_with("Cargo.lock") || name.ends_with(".png");
        if (recorded && !name.ends_with(".md")) || no_text {
            continue;
        }
        let Some(text) = read(&name)? else { continue };
        for (line, number) in text.lines().zip(1_usize..) {
            if let Some(word) = misplaced(line) {
                faults.push(format!("{name}:{number}: {word} does not belong into the repository"));
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

/// What does not belong into a line, if anything.
fn misplaced(line: &str) -> Option<&'static str> {
    let starts_a_word = |at: usize| {
        let before = line.get(..at).and_then(|before| before.chars().next_back());
        !before.is_some_and(|c| c.is_alphanumeric() || matches!(c, '.' | '_' | '-' | '/' | '*'))
    };
    let mut sought = FOLDERS.iter().chain(&WORDS);
    sought.find(|word| line.match_indices(**word).any(|(at, _)| starts_a_word(at))).copied()
}

/// Targets of links to other files of the repository: `[…](target)` and `[…]: target`.
fn links(text: &str) -> impl Iterator<Item = &str> {
    let inline = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    let named = text.lines().filter_map(|line| {
        let (_, target) = line.strip_prefix('[')?.split_once("]: ")?;
        Some(target.trim())
    });
    inline.chain(named).filter_map(|target| {
        let target = target.split('#').next()?;
        let outside = target.contains("://") || target.contains("::") || target.contains(' ');
        (!target.is_empty() && !outside && target.contains(['.', '/'])).then_some(target)
    })
}

#[cfg(test)]
mod tests {
    use super::{FOLDERS, WORDS, links, misplaced};

    #[test]
    fn folders_of_a_machine_and_words_of_undone_work_are_found() {
        for word in FOLDERS.iter().chain(&WORDS) {
            assert_eq!(misplaced(&format!("see `{word}x`")), Some(*word));
            assert_eq!(misplaced(word), Some(*word));
        }
        assert_eq!(misplaced("https://example.org/home/x, ../tmp/, target/tmp/x, `METODO`"), None);
    }

    #[test]
    fn links_to_files_are_found_and_others_left() {
        let text = "[a](docs/a.md#part) [b](https://example.org/) [c](#here) [d](Session::handle)\n\
                    [e]: ../README.md\n[f]: https://example.org/f\n";
        assert_eq!(links(text).collect::<Vec<_>>(), ["docs/a.md", "../README.md"]);
    }
}
