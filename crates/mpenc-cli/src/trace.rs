//! `--trace`: what the program does, step by step, for operators. Names, kinds and sizes; no texts, no
//! keys, no passwords.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::Path;
use std::sync::Mutex;

use anyhow::{Context, Result};
use mpenc_relay::{LeaveCause, RelayObserver};
use tracing::level_filters::LevelFilter;
use tracing_subscriber::Layer as _;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::format::FmtSpan;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

/// Whether a trace would go to the terminal.
pub(crate) fn is_standard_error(path: &Path) -> bool {
    path == Path::new("-")
}

/// Traces from now on, into a new file that is its owner's alone, or to standard error for `-`.
///
/// # Errors
/// There is such a file already, or it cannot be written.
pub(crate) fn start(path: &Path) -> Result<()> {
    if is_standard_error(path) {
        return begin(io::stderr);
    }
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file: File =
        options.open(path).with_context(|| format!("cannot begin the trace {}", path.display()))?;
    begin(Mutex::new(file))
}

fn begin<W>(writer: W) -> Result<()>
where
    W: for<'a> tracing_subscriber::fmt::MakeWriter<'a> + Send + Sync + 'static,
{
    // Our own crates only: libraries below them may tell of what they read and write, and with it
    // passwords.
    let ours = Targets::new()
        .with_target("mpenc_cli", LevelFilter::DEBUG)
        .with_target("mpenc_tokio", LevelFilter::DEBUG)
        .with_target("mpenc_xmpp", LevelFilter::DEBUG);
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(writer)
        .with_ansi(false)
        .with_span_events(FmtSpan::NEW | FmtSpan::CLOSE)
        // A disk that is full must not disturb the screen.
        .log_internal_errors(false)
        .with_filter(ours);
    tracing_subscriber::registry().with(lines).try_init().context("cannot trace")
}

/// Traces what a relay sees.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rooms;

impl RelayObserver for Rooms {
    fn entered(&self, room: &str, name: &str) {
        tracing::info!(room, name, "entered");
    }

    fn left(&self, room: &str, name: &str, cause: LeaveCause<&str>) {
        tracing::info!(room, name, %cause, "left");
    }

    fn packet(&self, room: &str, sender: &str, packet: &str, readers: usize) {
        tracing::debug!(room, sender, octets = packet.len(), readers, "packet");
    }
}
