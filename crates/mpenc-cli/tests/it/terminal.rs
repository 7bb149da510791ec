//! A terminal in which the program runs full screen, seen as a person sees it.

use std::io::{Read as _, Write as _};
use std::num::NonZero;
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};

/// How long anything may take before a test gives up: much longer than it ever takes.
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) const UP: &str = "\u{1b}[A";
pub(crate) const ESC: &str = "\u{1b}";

/// A terminal in which somebody talks.
pub(crate) struct Terminal {
    name: String,
    master: Box<dyn MasterPty + Send>,
    child: Box<dyn Child + Send + Sync>,
    input: Box<dyn std::io::Write + Send>,
    output: Receiver<Vec<u8>>,
    /// Output that is no whole picture so far.
    pending: Vec<u8>,
    screen: vt100::Parser,
    /// Whether it draws pictures, rather than writing lines.
    full: bool,
}

impl Terminal {
    pub(crate) fn start(name: &str, args: &[String], rows: u16, cols: u16) -> Self {
        let size = PtySize { rows, cols, pixel_width: 0, pixel_height: 0 };
        let pair = native_pty_system().openpty(size).expect("a terminal");
        let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_mpenc"));
        command.args(args);
        command.env("TERM", "xterm-256color");
        command.env("XDG_CONFIG_HOME", "/nowhere");
        command.env_remove("NO_COLOR");
        command.env_remove("MPENC_PASSWORD");
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
        let (name, pending) = (name.to_owned(), Vec::new());
        let full = !args.iter().any(|arg| arg == "--plain");
        Self { name, master: pair.master, child, input, output, pending, screen, full }
    }

    pub(crate) fn text(&self) -> String {
        self.screen.screen().contents()
    }

    /// Takes the next whole picture, if it has come. In between, old and new would be mixed.
    fn take_picture(&mut self) -> bool {
        let end = if self.full { end_of_picture(&self.pending) } else { Some(self.pending.len()) };
        let Some(end) = end.filter(|end| *end > 0) else { return false };
        let rest = self.pending.split_off(end);
        self.screen.process(&core::mem::replace(&mut self.pending, rest));
        true
    }

    /// Waits until the screen shows what is wanted.
    #[track_caller]
    pub(crate) fn until(&mut self, what: &str, is_so: impl Fn(&str) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !is_so(&self.text()) {
            if self.take_picture() {
                continue;
            }
            match self.output.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(octets) => self.pending.extend(octets),
                Err(_) => panic!("{} does not show {what}, but:\n{}", self.name, self.text()),
            }
        }
    }

    #[track_caller]
    pub(crate) fn shows(&mut self, texts: &[&str]) {
        self.until(&format!("{texts:?}"), |screen| texts.iter().all(|text| screen.contains(text)));
    }

    #[track_caller]
    pub(crate) fn shows_no(&mut self, text: &str) {
        self.until(&format!("no {text:?}"), |screen| !screen.contains(text));
    }

    pub(crate) fn presses(&mut self, keys: &str) {
        self.input.write_all(keys.as_bytes()).expect("it takes input");
    }

    pub(crate) fn enters(&mut self, line: &str) {
        self.presses(&format!("{line}\r"));
    }

    pub(crate) fn resizes(&mut self, rows: u16, cols: u16) {
        let size = PtySize { rows, cols, pixel_width: 0, pixel_height: 0 };
        self.master.resize(size).expect("it can be resized");
        self.screen.screen_mut().set_size(some(rows), some(cols));
    }

    /// All that is on the screen, line by line. Before each line stands how it is shown: marked (`#`),
    /// bold (`*`), dimmed (`.`), or plainly. What differs from run to run is replaced: how long
    /// something took, and hashes.
    pub(crate) fn picture(&self) -> String {
        let screen = self.screen.screen();
        let (rows, cols) = screen.size();
        let rows = (0..rows.get()).map(|row| {
            let line = screen.contents_between(row, 0, row, cols.get());
            // Where texts stand, after the sign of their state.
            let look = match screen.cell(row, 2) {
                Some(cell) if cell.inverse() => '#',
                Some(cell) if cell.bold() => '*',
                Some(cell) if cell.dim() => '.',
                _ => ' ',
            };
            format!("{look}|{}", timeless(line.trim_end()))
        });
        rows.collect::<Vec<_>>().join("\n")
    }

    #[track_caller]
    pub(crate) fn ends_well(mut self) {
        let code = self.ends();
        assert_eq!(code, 0, "{}", self.name);
    }

    /// Waits for it to end, and gives its exit code.
    pub(crate) fn ends(&mut self) -> u32 {
        self.child.wait().expect("it ends").exit_code()
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

/// Where the first whole picture ends: with the cursor, which is shown in its place, or hidden.
fn end_of_picture(octets: &[u8]) -> Option<usize> {
    let find = |from: usize, what: &[u8]| {
        let found = octets.get(from..)?.windows(what.len()).position(|window| window == what)?;
        Some(from + found + what.len())
    };
    let hidden = find(0, b"\x1b[?25l");
    let shown = find(0, b"\x1b[?25h").and_then(|shown| find(shown, b"H"));
    [hidden, shown].into_iter().flatten().min()
}

/// Replaces times in seconds, and hashes.
fn timeless(line: &str) -> String {
    let words = line.split(' ').collect::<Vec<_>>();
    let words = words.iter().enumerate().map(|(at, word)| {
        let end = word.trim_end_matches([',', ';', ')', '.']);
        let unit = words.get(at + 1).map(|next| next.trim_end_matches([',', ';']));
        let number = !end.is_empty() && end.chars().all(|c| c.is_ascii_digit());
        if number && unit == Some("s") {
            "N".to_owned()
        } else if end.len() >= 8 && end.chars().all(|c| c.is_ascii_hexdigit() || c == '…') {
            word.replace(end, "HASH")
        } else {
            (*word).to_owned()
        }
    });
    words.collect::<Vec<_>>().join(" ")
}
