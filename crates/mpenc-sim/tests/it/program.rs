//! The program, run as people run it.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

fn run(folder: &Path, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_mpenc-sim")).args(args).current_dir(folder).output().unwrap()
}

fn text(output: &[u8]) -> String {
    String::from_utf8(output.to_vec()).unwrap()
}

const FEW: [&str; 9] =
    ["run", "--members", "2..3", "--steps", "20", "--crypto", "null", "--resume", "lives"];

#[test]
fn a_run_goes_on_where_it_was_broken_off() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = folder.path().join("lives");
    let six = run(folder.path(), &[&FEW[..], &["--seeds", "0..6"]].concat());
    assert!(six.status.success(), "{}", text(&six.stderr));

    // Broken off in the middle of the last line, after the third life.
    let kept = fs::read_to_string(&ledger).unwrap();
    assert_eq!(kept.lines().count(), 7);
    let ends: Vec<_> = kept.match_indices('\n').map(|(at, _)| at).collect();
    fs::write(&ledger, &kept[..ends[4] - 10]).unwrap();
    let again = run(folder.path(), &[&FEW[..], &["--seeds", "0..6"]].concat());
    assert_eq!(text(&again.stdout), text(&six.stdout));
    let lines = fs::read_to_string(&ledger).unwrap().lines().count();
    assert_eq!(lines, 8, "three lives, half a line, and three more");

    // Nothing is left to do.
    let done = run(folder.path(), &[&FEW[..], &["--seeds", "0..6"]].concat());
    assert_eq!(text(&done.stdout), text(&six.stdout));
    assert_eq!(fs::read_to_string(&ledger).unwrap().lines().count(), 8);
}

#[test]
fn lives_of_another_plan_are_not_mixed_in() {
    let folder = tempfile::tempdir().unwrap();
    assert!(run(folder.path(), &[&FEW[..], &["--seeds", "0..1"]].concat()).status.success());
    let other = run(folder.path(), &[&FEW[..], &["--seeds", "0..1", "--faults", "loss"]].concat());
    assert_eq!(other.status.code(), Some(2));
    let said = text(&other.stderr);
    assert!(said.starts_with("mpenc-sim: lives keeps lives of another plan: {"), "{said}");
}

#[test]
fn what_is_no_script_is_said_to_be_none() {
    let folder = tempfile::tempdir().unwrap();
    let said = |args: &[&str]| {
        let output = run(folder.path(), args);
        assert_eq!(output.status.code(), Some(2));
        text(&output.stderr)
    };
    assert!(said(&["replay", "nothing"]).starts_with("mpenc-sim: cannot read nothing: "));
    fs::write(folder.path().join("rubbish"), "{\"seed\":3}").unwrap();
    let rubbish = said(&["replay", "rubbish"]);
    assert!(rubbish.starts_with("mpenc-sim: rubbish is not a script of a life: "), "{rubbish}");
}

/// The rows of what `scale` prints: what is done, and the packets that it took.
fn rows(args: &[&str]) -> Vec<(String, usize)> {
    let folder = tempfile::tempdir().unwrap();
    let output = run(folder.path(), &[&["scale"], args].concat());
    assert!(output.status.success(), "{}", text(&output.stderr));
    let printed = text(&output.stdout);
    assert!(printed.contains("warnings: 0"), "{printed}");
    let table = printed.lines().skip_while(|line| !line.contains("ms CPU/member")).skip(1);
    table
        .take_while(|line| !line.is_empty())
        .map(|line| {
            let (what, figures) = line.split_at(34);
            (what.trim().to_owned(), figures.split_whitespace().nth(3).unwrap().parse().unwrap())
        })
        .collect()
}

#[test]
fn a_group_of_whole_sessions_is_led_through_all_that_a_group_does() {
    let rows = rows(&["--members", "9", "--messages", "18"]);
    let done: Vec<&str> = rows.iter().map(|(what, _)| what.as_str()).collect();
    assert_eq!(
        done,
        [
            "all enter the channel",
            "they establish a group",
            "they exchange 18 messages",
            "they include one",
            "they exclude one",
            "one refreshes",
        ]
    );
    // Each of 9 sends an upflow or the downflow, and all but one confirm; then all tell what they
    // accepted, and all ack that.
    assert_eq!(rows[1].1, 9 + 8 + 9 + 9);
    assert!(rows[2].1 >= 18 + 8, "{rows:?}");
}

#[test]
fn a_few_sessions_are_in_a_crowd() {
    let rows = rows(&["--members", "24", "--full", "3", "--messages", "48"]);
    assert!(rows[0].1 >= 24 + 23, "{rows:?}");
    assert!(rows[1].1 >= 48, "{rows:?}");
}
