//! The full-screen client, in a terminal of its own.

use std::io::{Read as _, Write as _};
use std::num::NonZero;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};

use crate::live::World;

/// How long anything may take before a test gives up: much longer than it ever takes.
const PATIENCE: Duration = Duration::from_secs(60);

/// A terminal in which somebody talks.
struct Terminal {
    name: String,
    master: Box<dyn MasterPty + Send>,
    child: Box<dyn Child + Send + Sync>,
    input: Box<dyn std::io::Write + Send>,
    output: Receiver<Vec<u8>>,
    screen: vt100::Parser,
}

impl Terminal {
    fn start(name: &str, args: &[String], rows: u16, cols: u16) -> Self {
        let size = PtySize { rows, cols, pixel_width: 0, pixel_height: 0 };
        let pair = native_pty_system().openpty(size).expect("a terminal");
        let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_mpenc"));
        command.args(args);
        command.env("TERM", "xterm-256color");
        command.env("XDG_CONFIG_HOME", "/nowhere");
        let child = pair.slave.spawn_command(command).expect("the program starts");
        let mut reader = pair.master.try_clone_reader().expect("its output");
        let (tell, output) = channel();
        thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(read @ 1..) = reader.read(&mut buffer) {
                if tell.send(buffer[..read].to_vec()).is_err() {
                    break;
                }
            }
        });
        let input = pair.master.take_writer().expect("its input");
        let screen = vt100::Parser::new(some(rows), some(cols), 0);
        Self { name: name.to_owned(), master: pair.master, child, input, output, screen }
    }

    fn text(&self) -> String {
        self.screen.screen().contents()
    }

    /// Waits until the screen shows what is wanted.
    #[track_caller]
    fn until(&mut self, what: &str, is_so: impl Fn(&str) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !is_so(&self.text()) {
            match self.output.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(octets) => self.screen.process(&octets),
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                    panic!("{} does not show {what}, but:\n{}", self.name, self.text())
                }
            }
        }
    }

    #[track_caller]
    fn shows(&mut self, texts: &[&str]) {
        self.until(&format!("{texts:?}"), |screen| texts.iter().all(|text| screen.contains(text)));
    }

    #[track_caller]
    fn shows_no(&mut self, text: &str) {
        self.until(&format!("no {text:?}"), |screen| !screen.contains(text));
    }

    fn presses(&mut self, keys: &str) {
        self.input.write_all(keys.as_bytes()).expect("it takes input");
    }

    fn enters(&mut self, line: &str) {
        self.presses(&format!("{line}\r"));
    }

    fn resizes(&mut self, rows: u16, cols: u16) {
        let size = PtySize { rows, cols, pixel_width: 0, pixel_height: 0 };
        self.master.resize(size).expect("it can be resized");
        self.screen.screen_mut().set_size(some(rows), some(cols));
    }

    /// Whether the character before which a text stands is dimmed.
    fn is_dim(&self, text: &str) -> bool {
        let screen = self.screen.screen();
        let (rows, cols) = screen.size();
        let (rows, cols) = (rows.get(), cols.get());
        let row = (0..rows).find(|&row| screen.contents_between(row, 0, row, cols).contains(text));
        let row = row.unwrap_or_else(|| panic!("{text} is not on the screen"));
        let line = screen.contents_between(row, 0, row, cols);
        let before = line.split(text).next().expect("it is there").chars().count();
        let at = u16::try_from(before).expect("on the screen");
        screen.cell(row, at).expect("on the screen").dim()
    }

    #[track_caller]
    fn ends_well(mut self) {
        let status = self.child.wait().expect("it ends");
        assert!(status.success(), "{}: {status:?}", self.name);
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // It may have ended before.
        let _ = self.child.kill();
    }
}

fn some(size: u16) -> NonZero<u16> {
    NonZero::new(size).expect("a size")
}

const UP: &str = "\u{1b}[A";
const ESC: &str = "\u{1b}";

#[test]
fn a_conversation_on_the_screen() {
    let world = World::of(&["ann", "bob", "carol"]);
    let mut ann = Terminal::start("ann", &world.args("ann"), 24, 90);
    ann.shows(&["you are in the room, alone", "you are alone"]);
    let mut bob = world.enters("bob");
    let mut carol = world.enters("carol");
    ann.shows(&["in the room*", "bob", "carol", "* says the server"]);
    ann.presses("/inc\tbo\tcar\t\r");
    ann.shows(&["members, as each of them confirmed: ann, bob, carol", "to bob, carol"]);
    bob.says(&["you are a member now"]);
    carol.says(&["you are a member now"]);
    // Whose key was compared stands below the name.
    ann.until("no key compared", |screen| screen.matches("key not compared").count() == 2);
    let bobs = mpenc_cli::keys::load_identity(&world.key("bob")).unwrap().public_key();
    ann.enters(&format!("/verify bob {}", mpenc_cli::keys::Fingerprint::of(&bobs)));
    ann.shows(&["the key of bob is compared, and recorded", "✓ verified"]);
    // What is being typed stays while messages come.
    ann.presses("half a line");
    bob.type_in("hello from bob");
    ann.shows(&["✓ [1] bob: hello from bob", "half a line"]);
    ann.enters(", and the rest");
    carol.says(&["[2] <ann> half a line, and the rest"]);
    ann.shows(&["✓ [2] ann: half a line, and the rest", "everything acked"]);
    // Several lines, pasted, are one message.
    ann.presses("\u{1b}[200~one\ntwo\u{1b}[201~");
    ann.shows(&["one", "two"]);
    ann.presses("\r");
    bob.says(&["[3] <ann> one⏎two"]);
    ann.shows(&["✓ [3] ann: one"]);
    // The selected message: all of it is known, and what its author had not seen is dimmed.
    ann.presses(UP);
    ann.presses(UP);
    ann.shows(&["written by ann after [1]", "readers: bob, carol", "acked by all of them"]);
    ann.shows(&["[3] ann: one"]);
    assert!(ann.is_dim("[3] ann"));
    assert!(!ann.is_dim("[1] bob"));
    ann.presses(ESC);
    ann.shows_no("readers: ");
    ann.resizes(15, 60);
    ann.until("the narrow screen", |screen| {
        screen.contains("you are a member with bob, carol") && !screen.contains("3 members")
    });
    ann.shows(&["✓ [3] ann: one", "everything acked", "to bob, carol"]);
    ann.resizes(24, 90);
    ann.enters("/exclude carol");
    ann.shows(&["−carol (exclude", "2 members", "to bob"]);
    carol.fails_saying(&["the session is over: ann excluded you"]);
    ann.presses("\u{3}");
    bob.says(&["ann is leaving"]);
    ann.ends_well();
}

/// Who does not answer is seen at once, who has not acked what after a while; and the channel's word
/// on presence stands apart.
#[test]
fn who_is_missed_is_named() {
    let world = World::of(&["ann", "bob", "carol"]);
    let mut ann = Terminal::start("ann", &world.args("ann"), 24, 90);
    ann.shows(&["you are in the room"]);
    let bob = world.enters("bob");
    let mut carol = world.enters("carol");
    ann.enters("/include bob carol");
    ann.shows(&["to bob, carol"]);
    carol.says(&["you are a member now"]);
    bob.signal("-STOP");
    ann.enters("is bob there?");
    ann.shows(&["· [1] ann: is bob there?", "not acked by all yet"]);
    ann.shows(&[
        "! [1] ann: is bob there?",
        "overdue, acked by 1 of 2, not bob",
        "1 message not seen by bob for",
    ]);
    ann.enters("/exclude carol");
    ann.shows(&["exclude by ann runs", "to bob, carol, as long as the change runs: 1/2 confirmed"]);
    bob.signal("-CONT");
    ann.shows(&["−carol (exclude", "everything acked"]);
}

/// A relay that tells members different things is called out, and the summary says so until the end.
#[test]
fn a_lying_relay_is_shown() {
    let world = World::with_relay(&["ann", "bob", "cat", "dan"], &["--lie", "membership"]);
    let mut ann = Terminal::start("ann", &world.args("ann"), 24, 100);
    ann.shows(&["you are in the room"]);
    let mut bob = world.enters("bob");
    let mut cat = world.enters("cat");
    ann.enters("/include bob cat");
    bob.says(&["you are a member now"]);
    cat.says(&["you are a member now"]);
    let _dan = world.enters("dan");
    ann.shows(&["dan is in the room"]);
    ann.enters("/refresh");
    ann.shows(&["‼ bob was told another history", "the server told you and bob different things"]);
}

#[test]
fn a_session_that_ends_stays_to_be_read() {
    let mut world = World::of(&["ann"]);
    let mut ann = Terminal::start("ann", &world.args("ann"), 24, 90);
    ann.shows(&["you are in the room"]);
    world.take_relay().kill();
    ann.shows(&["Enter closes", "you are in the room"]);
    ann.presses("\r");
    let status = ann.child.wait().expect("it ends");
    assert_eq!(status.exit_code(), 1);
}

#[test]
fn lines_are_for_whoever_likes_them() {
    let world = World::of(&["ann"]);
    let mut args = world.args("ann");
    args.push("--plain".to_owned());
    let mut ann = Terminal::start("ann", &args, 24, 90);
    ann.shows(&["* you are in the room, alone; whoever enters can be included"]);
    ann.enters("/part");
    ann.shows(&["* you left the room"]);
    ann.ends_well();
}
