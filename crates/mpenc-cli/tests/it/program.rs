//! Runs the program.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What a run of the program left behind.
pub(crate) struct Run {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Runs `mpenc` with these arguments, nothing on standard input.
pub(crate) fn mpenc<S: AsRef<std::ffi::OsStr>>(args: &[S]) -> Run {
    mpenc_in(Path::new("."), args, "")
}

/// Runs `mpenc` in a directory, with something on standard input.
pub(crate) fn mpenc_in<S: AsRef<std::ffi::OsStr>>(dir: &Path, args: &[S], stdin: &str) -> Run {
    let mut child = Command::new(env!("CARGO_BIN_EXE_mpenc"))
        .env("XDG_CONFIG_HOME", "/nowhere")
        .current_dir(dir)
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    // A program that does not read its input may be gone before all of it is written.
    let _ = child.stdin.take().expect("piped").write_all(stdin.as_bytes());
    let output = child.wait_with_output().expect("the program ends");
    Run {
        code: output.status.code().expect("the program was not killed"),
        stdout: String::from_utf8(output.stdout).expect("UTF-8"),
        stderr: String::from_utf8(output.stderr).expect("UTF-8"),
    }
}

impl Run {
    /// It failed with one sentence on standard error, which holds all of these words.
    #[track_caller]
    pub(crate) fn failed_saying(&self, words: &[&str]) {
        assert_eq!(self.code, 1, "stdout {:?} stderr {:?}", self.stdout, self.stderr);
        assert_eq!(self.stderr.trim_end().lines().count(), 1, "one sentence: {:?}", self.stderr);
        for word in words {
            assert!(self.stderr.contains(word), "{word:?} is not in {:?}", self.stderr);
        }
    }
}

/// A file among the repository's vectors.
pub(crate) fn vector(name: &str) -> PathBuf {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../vectors")).join(name)
}

/// A vector file's JSON.
pub(crate) fn vector_json(name: &str) -> serde_json::Value {
    let path = vector(name);
    let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{path:?}: {e}"));
    serde_json::from_str(&text).unwrap_or_else(|e| panic!("{path:?}: {e}"))
}
