//! `mpenc graph`: the causal transcript of a logged chat, as a picture.

mod dot;
mod picture;
mod svg;
#[cfg(test)]
mod tests;

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};

use picture::Picture;

/// What `mpenc graph` takes.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// A log that `mpenc chat --log` wrote.
    log: PathBuf,
    /// What to draw.
    #[arg(long, value_enum, default_value_t = Format::Svg)]
    format: Format,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// A drawing.
    Svg,
    /// Input for Graphviz.
    Dot,
    /// One page that needs nothing else.
    Html,
}

/// Draws.
pub(crate) fn run(args: &Args, out: &mut dyn Write) -> Result<ExitCode> {
    let shown = args.log.display();
    let log = std::fs::read_to_string(&args.log).with_context(|| format!("cannot read {shown}"))?;
    let picture = Picture::read(&log).with_context(|| format!("{shown} is no log of a chat"))?;
    let drawn = match args.format {
        Format::Svg => svg::svg(&picture),
        Format::Dot => dot::dot(&picture),
        Format::Html => svg::html(&picture),
    };
    out.write_all(drawn.as_bytes())?;
    Ok(ExitCode::SUCCESS)
}
