//! Whether `docs/ASSURANCE.md` is still true of the tests: each requirement and each attack has its
//! row, each row names tests that there are, or a limit that is stated somewhere.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::run::{cargo, output, root, tool};
use crate::table;

const FILE: &str = "docs/ASSURANCE.md";

/// The attacks are numbered from 1 to this.
const ATTACKS: usize = 86;

/// Groups of requirements, and how many each has: 01, 02 and so on.
const GROUPS: [(&str, usize); 17] = [
    ("MO", 9),
    ("GO", 12),
    ("DS", 7),
    ("SE", 28),
    ("SO", 34),
    ("TI", 13),
    ("GK", 17),
    ("AS", 18),
    ("PK", 16),
    ("ME", 10),
    ("TR", 20),
    ("LG", 8),
    ("AK", 13),
    ("RS", 7),
    ("FI", 5),
    ("FR", 7),
    ("UX", 9),
];

/// With what a cell begins that names no test.
const EXCUSE: &str = "limit: ";

/// Checks the table against the tests that nextest finds.
pub(crate) fn check() -> Result<()> {
    tool("cargo-nextest", "0.9.143")?;
    let args = ["nextest", "list", "--workspace", "--all-features", "--locked"];
    let listed = output(cargo(&args).args(["--message-format", "json"]))?;
    let tests = tests(&serde_json::from_str(&listed).context("nextest's list is no JSON")?);
    let text =
        fs::read_to_string(root().join(FILE)).with_context(|| format!("cannot read {FILE}"))?;
    let faults = faults(&text, &tests, |file, anchor| {
        let text = fs::read_to_string(root().join("docs").join(file)).unwrap_or_default();
        anchors(&text).contains(anchor)
    })?;
    for fault in &faults {
        eprintln!("{FILE}: {fault}");
    }
    if !faults.is_empty() {
        bail!("{} rows of {FILE} are not true", faults.len());
    }
    println!("{} tests, and every row names one of them or a limit", tests.len());
    Ok(())
}

/// The names of all tests, without their modules.
fn tests(listed: &Value) -> BTreeSet<String> {
    let suites = listed.get("rust-suites").and_then(Value::as_object).into_iter().flatten();
    let cases = suites.filter_map(|(_, suite)| suite.get("testcases")?.as_object());
    let names = cases.flat_map(|cases| cases.keys());
    names.filter_map(|name| name.rsplit("::").next()).map(str::to_owned).collect()
}

/// What is wrong with the tables.
fn faults(
    text: &str,
    tests: &BTreeSet<String>,
    has_anchor: impl Fn(&str, &str) -> bool,
) -> Result<Vec<String>> {
    let mut faults = Vec::new();
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    let attacks = table::rows::<4>(text, "row")?;
    let requirements = table::rows::<4>(text, "id")?;
    for (_, [id, _, cell, _]) in attacks.iter().chain(&requirements) {
        let times = seen.entry(id.clone()).or_default();
        *times = times.saturating_add(1);
        if let Some(excuse) = cell.strip_prefix(EXCUSE) {
            let stated = excuse
                .split_once("](../")
                .and_then(|(_, rest)| rest.split_once(')'))
                .and_then(|(target, _)| target.split_once('#'))
                .is_some_and(|(file, anchor)| has_anchor(&format!("../{file}"), anchor));
            if !stated {
                faults.push(format!("{id}: the limit is stated nowhere: {cell}"));
            }
            continue;
        }
        if cell.is_empty() {
            faults.push(format!("{id} names no test"));
        }
        for name in cell.split(", ").map(table::code).filter(|name| !name.is_empty()) {
            if !tests.contains(name) {
                faults.push(format!("{id}: there is no test {name}"));
            }
        }
    }
    let groups = GROUPS
        .iter()
        .flat_map(|(group, count)| (1..=*count).map(move |number| format!("{group}-{number:02}")));
    let wanted: BTreeSet<String> =
        groups.chain((1..=ATTACKS).map(|number| number.to_string())).collect();
    for id in &wanted {
        match seen.get(id) {
            None => faults.push(format!("{id} has no row")),
            Some(1) => {}
            Some(times) => faults.push(format!("{id} has {times} rows")),
        }
    }
    let strangers = seen.keys().filter(|id| !wanted.contains(*id));
    faults.extend(strangers.map(|id| format!("{id} is no attack and no requirement")));
    Ok(faults)
}

/// The anchors of a document's headings.
fn anchors(text: &str) -> BTreeSet<String> {
    let headings = text.lines().filter_map(|line| line.trim_start_matches('#').strip_prefix(' '));
    headings
        .map(|heading| {
            let kept = heading.to_lowercase();
            let kept = kept.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-'));
            kept.map(|c| if c == ' ' { '-' } else { c }).collect()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{ATTACKS, BTreeSet, GROUPS, anchors, faults, tests};

    /// Both tables, whole, with this cell in every row.
    fn whole(cell: &str) -> String {
        let mut text = String::from("| row | attack | test | event |\n|---|---|---|---|\n");
        for number in 1..=ATTACKS {
            text.push_str(&format!("| {number} | bad | {cell} | told |\n"));
        }
        text.push_str("\n| id | requirement | test | where |\n|---|---|---|---|\n");
        for (group, count) in GROUPS {
            for number in 1..=count {
                text.push_str(&format!("| {group}-{number:02} | good | {cell} | here |\n"));
            }
        }
        text
    }

    fn found(text: &str) -> Vec<String> {
        let tests: BTreeSet<String> = ["a_test".to_owned()].into();
        faults(text, &tests, |file, anchor| file == "../S.md" && anchor == "limits")
            .unwrap_or_default()
    }

    #[test]
    fn a_true_table_is_true() {
        assert!(found(&whole("`a_test`")).is_empty());
        assert!(found(&whole("limit: so it is, [there](../S.md#limits)")).is_empty());
    }

    #[test]
    fn each_fault_is_found() {
        let good = whole("`a_test`");
        let fault = |from: &str, to: &str| found(&good.replacen(from, to, 1));
        assert_eq!(fault("| 7 | bad | `a_test`", "| 7 | bad | "), ["7 names no test"]);
        let gone = fault("| 7 | bad | `a_test`", "| 7 | bad | `a_test`, `gone`");
        assert_eq!(gone, ["7: there is no test gone"]);
        assert_eq!(fault("| 7 | bad", "| 8 | bad"), ["7 has no row", "8 has 2 rows"]);
        let stranger = fault("| SE-03 |", "| SE-99 |");
        assert_eq!(stranger, ["SE-03 has no row", "SE-99 is no attack and no requirement"]);
        let unstated = fault("| 7 | bad | `a_test`", "| 7 | bad | limit: [there](../S.md#no)");
        assert_eq!(unstated, ["7: the limit is stated nowhere: limit: [there](../S.md#no)"]);
        let bare = fault("| 7 | bad | `a_test`", "| 7 | bad | limit: it is so");
        assert_eq!(bare, ["7: the limit is stated nowhere: limit: it is so"]);
    }

    #[test]
    fn headings_have_anchors() {
        let anchors = anchors("# A b\ntext\n## What's in it?\n");
        assert!(anchors.contains("a-b") && anchors.contains("whats-in-it"), "{anchors:?}");
        assert_eq!(anchors.len(), 2);
    }

    #[test]
    fn tests_are_named_without_their_modules() {
        let listed = r#"{"rust-suites": {"x::it": {"testcases": {"m::n::a_test": {}, "b": {}}}}}"#;
        let listed = serde_json::from_str(listed).unwrap_or_default();
        assert!(tests(&listed).into_iter().eq(["a_test".to_owned(), "b".to_owned()]));
    }
}
