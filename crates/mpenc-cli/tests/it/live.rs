//! Programs that stay, and talk: their input, and their output line by line.

use std::io::{BufRead as _, BufReader, Read, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Duration;

use mpenc_cli::keys::SecretKey;
use tempfile::TempDir;

/// How long anything may take before a test gives up: much longer than it ever takes.
const PATIENCE: Duration = Duration::from_secs(60);

/// A program that runs. It is killed when it is dropped.
pub(crate) struct Live {
    name: String,
    child: Child,
    input: Option<ChildStdin>,
    output: Receiver<String>,
    errors: Receiver<String>,
    /// All lines so far, for whoever wonders why a test failed.
    heard: Vec<String>,
}

impl Live {
    pub(crate) fn start<S: AsRef<std::ffi::OsStr>>(name: &str, args: &[S]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mpenc"));
        Self::run(name, command.args(args))
    }

    /// Starts this command, which is one of `mpenc`.
    pub(crate) fn run(name: &str, command: &mut Command) -> Self {
        let mut child = command
            .env("RUST_BACKTRACE", "1")
            .env("XDG_CONFIG_HOME", "/nowhere")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let input = child.stdin.take();
        let output = lines_of(child.stdout.take().expect("piped"));
        let errors = lines_of(child.stderr.take().expect("piped"));
        Self { name: name.to_owned(), child, input, output, errors, heard: Vec::new() }
    }

    /// Types a line.
    pub(crate) fn type_in(&mut self, line: &str) {
        let input = self.input.as_mut().expect("its input is open");
        writeln!(input, "{line}").expect("it takes input");
    }

    /// Types what may be no text.
    pub(crate) fn type_octets(&mut self, octets: &[u8]) {
        let input = self.input.as_mut().expect("its input is open");
        input.write_all(octets).expect("it takes input");
    }

    /// Ends its input.
    pub(crate) fn end_input(&mut self) {
        self.input = None;
    }

    /// Waits for a line of output that holds all of these words, and gives it.
    #[track_caller]
    pub(crate) fn says(&mut self, words: &[&str]) -> String {
        loop {
            let Ok(line) = self.output.recv_timeout(PATIENCE) else {
                let name = &self.name;
                panic!("{name} does not say {words:?}, but: {:#?} {:?}", self.heard, self.rest())
            };
            self.heard.push(line.clone());
            if words.iter().all(|word| line.contains(word)) {
                return line;
            }
        }
    }

    /// Waits for lines of output that hold one of these texts each.
    #[track_caller]
    pub(crate) fn says_in_any_order<const N: usize>(&mut self, texts: [&str; N]) {
        let mut missing = texts.to_vec();
        while !missing.is_empty() {
            let line = self.says(&[]);
            missing.retain(|text| !line.contains(text));
        }
    }

    /// Waits for a line of output that holds all of these words, and before which no line holds
    /// the other word.
    #[track_caller]
    pub(crate) fn says_before(&mut self, words: &[&str], never: &str) -> String {
        let before = self.heard.len();
        let line = self.says(words);
        assert!(!self.heard[before..].iter().any(|line| line.contains(never)), "{:?}", self.heard);
        line
    }

    /// All lines of output so far.
    pub(crate) fn heard(&self) -> &[String] {
        &self.heard
    }

    /// Waits for it to end. Gives its exit code, and its lines of output and of error output that
    /// have not been waited for.
    #[track_caller]
    pub(crate) fn ends(mut self) -> (i32, Vec<String>, Vec<String>) {
        let mut rest = Vec::new();
        for lines in [&self.output, &self.errors] {
            let mut these = Vec::new();
            loop {
                match lines.recv_timeout(PATIENCE) {
                    Ok(line) => these.push(line),
                    Err(std::sync::mpsc::RecvTimeoutError::Disconnected) => break,
                    Err(_) => panic!("{} does not end: {:#?} {these:#?}", self.name, self.heard),
                }
            }
            rest.push(these);
        }
        let code = self.child.wait().expect("it ends").code().expect("it was not killed");
        let errors = rest.pop().expect("two");
        (code, rest.pop().expect("two"), errors)
    }

    /// Waits for it to fail, with one sentence on its error output that holds all of these words.
    #[track_caller]
    pub(crate) fn fails_saying(self, words: &[&str]) {
        let (code, _, errors) = self.ends();
        assert_eq!((code, errors.len()), (1, 1), "{errors:?}");
        for word in words {
            assert!(errors[0].contains(word), "{word:?} is not in {errors:?}");
        }
    }

    /// Sends it a signal; after `-STOP`, it stands.
    #[cfg(unix)]
    pub(crate) fn signal(&self, signal: &str) {
        use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};

        let id = self.child.id().to_string();
        let sent = Command::new("kill").args([signal, &id]).status().expect("kill runs");
        assert!(sent.success());
        if signal == "-STOP" {
            waitid(WaitId::Pid(Pid::from_child(&self.child)), WaitIdOptions::STOPPED)
                .expect("it stops");
        }
    }

    /// Kills it.
    pub(crate) fn kill(mut self) {
        self.child.kill().expect("it can be killed");
    }

    fn rest(&self) -> Vec<String> {
        self.errors.try_iter().collect()
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        // It may have ended before.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn lines_of(stream: impl Read + Send + 'static) -> Receiver<String> {
    let (tell, lines): (Sender<String>, _) = channel();
    thread::spawn(move || {
        for line in BufReader::new(stream).lines().map_while(Result::ok) {
            if tell.send(line).is_err() {
                break;
            }
        }
    });
    lines
}

/// A relay, and the keys of people who may talk over it.
pub(crate) struct World {
    folder: TempDir,
    relay: Option<Live>,
    pub(crate) address: String,
    /// How long a packet takes at most, in milliseconds.
    latency: &'static str,
}

impl World {
    /// A relay, and keys for these people, who all know each other's.
    pub(crate) fn of(names: &[&str]) -> Self {
        Self::with_relay(names, &[])
    }

    /// The same, with a relay that takes these arguments.
    pub(crate) fn with_relay(names: &[&str], args: &[&str]) -> Self {
        let listen = ["relay", "--listen", "127.0.0.1:0"];
        let mut relay = Live::start("relay", &[&listen[..], args].concat());
        let listening = relay.says(&["listening on "]);
        let address = listening.rsplit(' ').next().expect("an address").to_owned();
        let folder = tempfile::tempdir().expect("a folder");
        let world = Self { folder, relay: Some(relay), address, latency: "1000" };
        for name in names {
            let secret = SecretKey::generate().expect("a key");
            secret.save(&world.key(name)).expect("saved");
        }
        for name in names {
            world.knows(name, names);
        }
        world
    }

    /// The same, where nobody loses patience with whoever is silent.
    pub(crate) fn patient(mut self) -> Self {
        self.latency = "20000";
        self
    }

    pub(crate) fn path(&self, file: &str) -> PathBuf {
        self.folder.path().join(file)
    }

    pub(crate) fn key(&self, name: &str) -> PathBuf {
        self.path(&format!("{name}.key"))
    }

    pub(crate) fn peers(&self, name: &str) -> PathBuf {
        self.path(&format!("{name}.peers"))
    }

    /// This one knows the keys of these, and nobody else's.
    pub(crate) fn knows(&self, name: &str, known: &[&str]) {
        let mut text = String::new();
        for known in known {
            let secret = mpenc_cli::keys::load_identity(&self.key(known)).expect("a key");
            text.push_str(&format!("{known} {}\n", hex::encode(secret.public_key())));
        }
        std::fs::write(self.peers(name), text).expect("written");
    }

    /// What `mpenc chat` takes, for this one. The latency leaves room for a busy machine; the reply
    /// interval is short, so that acks come soon.
    pub(crate) fn args(&self, name: &str) -> Vec<String> {
        let path = |path: &Path| path.to_str().expect("UTF-8").to_owned();
        let (key, peers) = (path(&self.key(name)), path(&self.peers(name)));
        [
            ["--relay", &self.address],
            ["--room", "tea"],
            ["--name", name],
            ["--key", &key],
            ["--peers", &peers],
            ["--latency-ms", self.latency],
            ["--reply-ms", "10"],
        ]
        .iter()
        .flatten()
        .fold(vec!["chat".to_owned()], |mut args, arg| {
            args.push((*arg).to_owned());
            args
        })
    }

    /// Lets this one enter the room.
    #[track_caller]
    pub(crate) fn enters(&self, name: &str) -> Live {
        let mut live = Live::start(name, &self.args(name));
        live.says(&["you are in the room"]);
        live
    }

    /// Lets these enter the room one after the other, and the first one include the others.
    #[track_caller]
    pub(crate) fn group<const N: usize>(&self, names: [&str; N]) -> [Live; N] {
        let mut lives = names.map(|name| self.enters(name));
        let (first, others) = lives.split_first_mut().expect("somebody");
        let others_names: Vec<String> =
            names.iter().skip(1).map(|name| format!("\"{name}\"")).collect();
        first.type_in(&format!("/include {}", others_names.join(" ")));
        first.says(&["members, as each of them confirmed"]);
        for other in others {
            other.says(&["you are a member now"]);
        }
        lives
    }

    /// ann, with these arguments more, includes bob, and tells him a secret.
    #[track_caller]
    pub(crate) fn tells_a_secret(&self, more: &[&str]) -> [Live; 2] {
        let mut args = self.args("ann");
        args.extend(more.iter().map(|&arg| arg.to_owned()));
        let mut ann = Live::start("ann", &args);
        ann.says(&["you are in the room"]);
        let mut bob = self.enters("bob");
        ann.type_in("/include bob");
        bob.says(&["you are a member now"]);
        ann.says(&["members, as each of them confirmed"]);
        ann.type_in("a <secret> plan");
        bob.says(&["[1] <ann> a <secret> plan"]);
        [ann, bob]
    }

    /// Takes the relay out of this world, to end it.
    pub(crate) fn take_relay(&mut self) -> Live {
        self.relay.take().expect("it runs")
    }
}
