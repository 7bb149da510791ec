//! `mpenc keygen`.

use std::fs;

use mpenc_cli::keys::{Fingerprint, load_identity};

use crate::program::{mpenc, mpenc_in};

fn shown<'a>(stdout: &'a str, label: &str) -> &'a str {
    let line = stdout.lines().find(|line| line.starts_with(label)).expect(label);
    line[label.len()..].trim()
}

#[test]
fn makes_a_key_that_can_be_loaded_and_shows_its_public_part() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("ann.key");
    let run = mpenc(&["keygen", "--out", path.to_str().unwrap()]);
    assert_eq!((run.code, run.stderr.as_str()), (0, ""));

    let secret = load_identity(&path).unwrap();
    let public = secret.public_key();
    assert_eq!(shown(&run.stdout, "public key"), hex::encode(public));
    assert_eq!(shown(&run.stdout, "fingerprint"), Fingerprint::of(&public).to_string());
    let file = fs::read_to_string(&path).unwrap();
    let seed = file.lines().last().unwrap();
    assert!(!run.stdout.contains(seed), "the secret is not shown");
}

#[test]
fn two_keys_differ() {
    let dir = tempfile::tempdir().unwrap();
    let run = |name| mpenc_in(dir.path(), &["keygen", "--out", name], "").stdout;
    assert_ne!(shown(&run("a"), "public key"), shown(&run("b"), "public key"));
}

#[test]
fn without_out_the_key_goes_to_mpenc_key_in_the_current_directory() {
    let dir = tempfile::tempdir().unwrap();
    let run = mpenc_in(dir.path(), &["keygen"], "");
    assert_eq!(run.code, 0, "{}", run.stderr);
    load_identity(&dir.path().join("mpenc.key")).unwrap();
}

#[test]
fn an_existing_file_is_not_overwritten() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("ann.key");
    fs::write(&path, "precious").unwrap();
    let run = mpenc(&["keygen", "--out", path.to_str().unwrap()]);
    run.failed_saying(&["ann.key exists already"]);
    assert_eq!(fs::read_to_string(&path).unwrap(), "precious");
}

#[test]
fn a_directory_that_does_not_exist_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let run = mpenc_in(dir.path(), &["keygen", "--out", "nowhere/ann.key"], "");
    run.failed_saying(&["nowhere/ann.key"]);
}

#[cfg(unix)]
#[test]
fn only_its_owner_can_read_the_file() {
    use std::os::unix::fs::PermissionsExt as _;

    let dir = tempfile::tempdir().unwrap();
    mpenc_in(dir.path(), &["keygen", "--out", "ann.key"], "");
    let mode = fs::metadata(dir.path().join("ann.key")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn an_unknown_argument_is_refused() {
    let run = mpenc(&["keygen", "--force"]);
    assert_eq!(run.code, 2);
    assert!(run.stderr.contains("--force"), "{}", run.stderr);
}
