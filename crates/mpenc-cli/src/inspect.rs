//! `mpenc inspect`: shows what is in a packet, good or bad.

mod tree;
mod value;
mod view;

use std::io::{self, Read, Write};
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use mpenc_wire::{Dialect, MAX_TEXT};

pub(crate) use tree::write as write_tree;
pub(crate) use view::View;

/// What `mpenc inspect` takes.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The packet's text, `?mpENC:….`; `-` or nothing reads it from standard input.
    #[arg(value_name = "PACKET", default_value = "-", hide_default_value = true)]
    packet: String,
    /// Print JSON instead of a tree.
    #[arg(long)]
    json: bool,
    /// The dialect that the packet should be in.
    #[arg(long, value_enum, default_value_t = Wanted::Auto)]
    dialect: Wanted,
}

/// Which dialect to decode in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Wanted {
    /// The design document's.
    Document,
    /// That of the first implementation.
    Js,
    /// Whichever PROTOCOL_VERSION belongs to.
    Auto,
}

impl Wanted {
    const fn dialect(self) -> Option<Dialect> {
        match self {
            Self::Document => Some(Dialect::DOCUMENT),
            Self::Js => Some(Dialect::MPENC_JS),
            Self::Auto => None,
        }
    }
}

/// Shows one packet; fails if it is malformed.
pub(crate) fn run(args: &Args, out: &mut dyn Write) -> Result<ExitCode> {
    let text = match args.packet.as_str() {
        "-" => from_stdin()?,
        packet => packet.to_owned(),
    };
    let view = View::of(args.dialect.dialect(), &text);
    if args.json {
        serde_json::to_writer_pretty(&mut *out, &view)?;
        writeln!(out)?;
    } else {
        write_tree(&view, out)?;
    }
    Ok(if view.error.is_some() { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// One packet, without the line end behind it.
fn from_stdin() -> Result<String> {
    const LINE_END: u64 = 2;
    let limit = u64::try_from(MAX_TEXT).unwrap_or(u64::MAX).saturating_add(LINE_END);
    let mut text = String::new();
    io::stdin()
        .lock()
        .take(limit.saturating_add(1))
        .read_to_string(&mut text)
        .context("cannot read a packet from standard input")?;
    let packet = text.trim_end_matches(['\r', '\n']);
    if packet.is_empty() {
        bail!("there is no packet on standard input")
    }
    Ok(packet.to_owned())
}
