//! Key files and peers files.

use std::fs;
use std::path::PathBuf;

use mpenc_cli::keys::{Fingerprint, SecretKey, load_identity, load_peers};
use mpenc_wire::{Dialect, MemberId};

use crate::program::vector_json;

struct Files(tempfile::TempDir);

impl Files {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// A file that only its owner can read.
    fn private(&self, text: &str) -> PathBuf {
        let path = self.0.path().join("file");
        fs::write(&path, text).unwrap();
        self.mode(&path, 0o600);
        path
    }

    #[cfg(unix)]
    fn mode(&self, path: &std::path::Path, mode: u32) {
        use std::os::unix::fs::PermissionsExt as _;
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    #[cfg(not(unix))]
    fn mode(&self, _: &std::path::Path, _: u32) {}
}

fn seed_file(seed: &str) -> String {
    format!("mpenc-secret-key 1\n# a comment\n\n{seed}\n")
}

fn identity_fault(text: &str) -> String {
    let files = Files::new();
    format!("{:#}", load_identity(&files.private(text)).unwrap_err())
}

fn peers_fault(text: &str) -> String {
    let files = Files::new();
    format!("{:#}", load_peers(Dialect::DOCUMENT, &files.private(text)).unwrap_err())
}

#[test]
fn the_public_key_is_that_of_the_seed() {
    let vectors = vector_json("document/unit.json");
    for case in vectors["session_signature"].as_array().unwrap() {
        let files = Files::new();
        let path = files.private(&seed_file(case["identity_seed"].as_str().unwrap()));
        let secret = load_identity(&path).unwrap();
        assert_eq!(hex::encode(secret.public_key()), case["identity_pub"].as_str().unwrap());
    }
}

#[test]
fn a_saved_key_loads_again() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("key");
    let secret = SecretKey::generate().unwrap();
    secret.save(&path).unwrap();
    assert_eq!(load_identity(&path).unwrap().public_key(), secret.public_key());
}

#[test]
fn the_secret_is_not_in_its_debug_form() {
    insta::assert_debug_snapshot!(SecretKey::generate().unwrap(), @"SecretKey");
}

#[cfg(unix)]
#[test]
fn a_key_that_others_can_read_is_refused() {
    for mode in [0o640, 0o604, 0o620, 0o666] {
        let files = Files::new();
        let path = files.private(&seed_file(&"ab".repeat(32)));
        files.mode(&path, mode);
        let fault = load_identity(&path).unwrap_err().to_string();
        assert!(fault.contains(&format!("mode {mode:03o}")), "{fault}");
        assert!(fault.contains("chmod 600"), "{fault}");
    }
}

#[test]
fn a_missing_key_file_is_named() {
    let fault = load_identity(std::path::Path::new("no-such.key")).unwrap_err().to_string();
    assert!(fault.contains("no-such.key"), "{fault}");
}

#[test]
fn malformed_key_files_are_refused_with_their_line() {
    for (text, line, words) in [
        ("", ":1:", "starts with \"mpenc-secret-key 1\""),
        ("ssh-ed25519 AAAA", ":1:", "starts with \"mpenc-secret-key 1\""),
        ("mpenc-secret-key 2\nab", ":1:", "another version"),
        ("mpenc-secret-key 1\n# nothing\n", "file:", "missing"),
        (
            "mpenc-secret-key 1\n\nabcd\n",
            ":3:",
            "64 hexadecimal digits are expected, and there are 4",
        ),
        (&seed_file(&"xy".repeat(32)), ":4:", "hexadecimal"),
        (&format!("{}{}", seed_file(&"ab".repeat(32)), "more"), ":5:", "only one"),
    ] {
        let fault = identity_fault(text);
        assert!(fault.contains(line) && fault.contains(words), "{text:?}: {fault}");
    }
}

#[test]
fn a_fingerprint_is_forty_digits_in_eight_groups() {
    let shown = Fingerprint::of(&[7; 32]).to_string();
    let groups: Vec<&str> = shown.split(' ').collect();
    assert_eq!(groups.len(), 8);
    assert!(groups.iter().all(|g| g.len() == 5 && g.bytes().all(|b| b.is_ascii_digit())));
    assert_ne!(shown, Fingerprint::of(&[8; 32]).to_string());
}

/// Fingerprints that people have compared must stay what they are. The digits were computed with
/// another program: SHA-256 of the context and the key, 4 octets a group, modulo 100,000.
#[test]
fn fingerprints_are_stable() {
    insta::assert_snapshot!(Fingerprint::of(&[0; 32]), @"05476 19488 40343 89604 51954 01762 31767 03586");
}

#[test]
fn peers_are_read() {
    let files = Files::new();
    let key = hex::encode(SecretKey::generate().unwrap().public_key());
    let other = hex::encode(SecretKey::generate().unwrap().public_key());
    let path = files.private(&format!("# us\n\n  ann\t{key}\nZoë of the sea   {other}\r\n"));
    let peers = load_peers(Dialect::DOCUMENT, &path).unwrap();
    let name = |text| MemberId::new(Dialect::DOCUMENT, text).unwrap();
    assert_eq!(peers.key(&name("ann")).map(hex::encode), Some(key));
    assert_eq!(peers.key(&name("Zoë of the sea")).map(hex::encode), Some(other));
    assert_eq!(peers.iter().count(), 2);
}

#[test]
fn malformed_peers_are_refused_with_their_line() {
    let key = hex::encode(SecretKey::generate().unwrap().public_key());
    let other = hex::encode(SecretKey::generate().unwrap().public_key());
    for (text, line, words) in [
        ("ann".to_owned(), ":1:", "a name and a public key are expected"),
        (format!("# us\n{key}"), ":2:", "a name and a public key are expected"),
        ("ann 12".to_owned(), ":1:", "64 hexadecimal digits are expected, and there are 2"),
        (format!("ann {}", "g".repeat(64)), ":1:", "hexadecimal"),
        (format!("__server__ {key}"), ":1:", "reserved"),
        (format!("a\u{1}b {key}"), ":1:", "character"),
        (format!("ann {key}\nann {other}"), ":2:", "ann has a key in line 1 already"),
        (format!("ann {key}\n\nben {key}"), ":3:", "belongs to someone else in line 1"),
    ] {
        let fault = peers_fault(&text);
        assert!(fault.contains(line) && fault.contains(words), "{text:?}: {fault}");
    }
}

#[test]
fn a_missing_peers_file_is_named() {
    let path = std::path::Path::new("no-such-peers");
    let fault = load_peers(Dialect::DOCUMENT, path).unwrap_err().to_string();
    assert!(fault.contains("no-such-peers"), "{fault}");
}
