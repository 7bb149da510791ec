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
