//! The command line: one variant and one module per subcommand.

use std::io::{self, BufWriter, Write};
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{CommandFactory, Parser, Subcommand};

use crate::{chat, demo, doctor, graph, inspect, keygen, relay, replay};

/// Secure group messaging: tools for the mpENC protocol.
#[derive(Debug, Parser)]
#[command(name = "mpenc", version, propagate_version = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Talk to a group: full screen in a terminal, in lines otherwise.
    Chat(chat::Args),
    /// Check what a chat needs: files, keys, the server; and say what to do about it.
    Doctor(doctor::Args),
    /// Show a group at work: a relay and real processes that go through a story.
    Demo(demo::Args),
    /// Run the embedded relay, the channel for a start.
    Relay(relay::Args),
    /// Make a new identity key.
    Keygen(keygen::Args),
    /// Show what is in a packet, good or bad.
    Inspect(inspect::Args),
    /// Draw the transcript of a chat that kept a log.
    Graph(graph::Args),
    /// Do recorded sessions again, and compare octet for octet.
    Replay(replay::Args),
}

/// Runs the program with the arguments of this process.
///
/// The exit code is 0 if everything is well; 1 if the answer is no (a malformed packet, a
/// difference) or something failed; 2 if the command line is wrong.
#[must_use]
pub fn main() -> ExitCode {
    let Cli { command } = Cli::parse();
    let mut out = BufWriter::new(io::stdout().lock());
    let outcome = match command {
        Command::Chat(args) => chat::run(args, &mut out),
        Command::Doctor(args) => doctor::run(args, &mut out),
        Command::Demo(args) => demo::run(&args, &mut out),
        Command::Relay(args) => relay::run(&args, &mut out),
        Command::Keygen(args) => keygen::run(&args, &mut out),
        Command::Inspect(args) => inspect::run(&args, &mut out),
        Command::Graph(args) => graph::run(&args, &mut out),
        Command::Replay(args) => replay::run(&args, &mut out),
    };
    let outcome = outcome.and_then(|code| {
        out.flush()?;
        Ok(code)
    });
    match outcome {
        Ok(code) => code,
        Err(error) if reader_is_gone(&error) => ExitCode::SUCCESS,
        Err(error) if error.is::<clap::Error>() => {
            // What is wrong with a command line is told as everywhere else.
            let _ = error.downcast::<clap::Error>().map(|error| error.print());
            ExitCode::from(USAGE)
        }
        Err(error) => {
            eprintln!("mpenc: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// The exit code of a wrong command line, as clap has it.
const USAGE: u8 = 2;

/// A fault of the command line of `mpenc chat` that shows late: whatever the configuration file does
/// not say, flags have to.
pub(crate) fn usage(kind: ErrorKind, what: &str) -> anyhow::Error {
    let mut cli = Cli::command();
    // Only then do subcommands know how they are called.
    cli.build();
    let chat = cli.find_subcommand_mut("chat").map(|chat| chat.error(kind, what));
    chat.unwrap_or_else(|| cli.error(kind, what)).into()
}

/// Whether whoever reads our output has closed it, as `head` does: nobody is left to tell.
fn reader_is_gone(error: &anyhow::Error) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}
