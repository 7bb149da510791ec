//! Where a chat is shown, and where its input comes from.

use std::io::{ErrorKind, Write};

use anyhow::Result;
use mpenc::{Event, Mpenc};
use mpenc_tokio::Handle;
use tokio::io::{AsyncBufReadExt, BufReader, Lines, Stdin};

use super::command::HELP;
use super::line::{Line, note};
use super::queue::Numbers;
use super::verify::Compared;
use super::words::json;

/// What comes from the person, or the program, on this side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Input {
    /// A line was entered.
    Line(String),
    /// A line that is no text: it cannot be sent; the rest of the input may still be.
    NotText,
    /// Nothing more will come.
    End,
    /// They do not want to wait for anything any more.
    Quit,
    /// Nothing to do but to show what is.
    Nothing,
}

/// The face of a chat.
pub(crate) trait Front {
    /// The session says something. What people read of it is [shown](Self::show).
    fn event(&mut self, event: &Event);

    /// Shows a line.
    fn show(&mut self, line: &Line) -> Result<()>;

    /// Whose key was compared: said at the beginning, and when it changes.
    fn compared(&mut self, _compared: &Compared) {}

    /// Shows what can be typed.
    fn help(&mut self) -> Result<()> {
        HELP.iter().try_for_each(|line| self.show(&note(*line)))
    }

    /// What is entered next; `entered` says whether we have been in the room, without which nothing
    /// makes sense but to leave. May be dropped and called again.
    async fn input(&mut self, entered: bool) -> Result<Input>;

    /// Something has happened: shows what the session proves now.
    async fn refresh(&mut self, handle: &Handle<Mpenc>, numbers: &mut Numbers) -> Result<()>;

    /// The session is over, and it was not us who left.
    async fn over(&mut self, why: &str) -> Result<()>;
}

/// Lines in, lines out: for pipes, and for whoever likes it.
pub(crate) struct Plain<'a> {
    out: &'a mut dyn Write,
    json: bool,
    lines: Option<Lines<BufReader<Stdin>>>,
}

impl<'a> Plain<'a> {
    /// Writes there; with `json`, objects for programs.
    pub(crate) fn new(out: &'a mut dyn Write, json: bool) -> Self {
        Self { out, json, lines: Some(BufReader::new(tokio::io::stdin()).lines()) }
    }
}

impl Front for Plain<'_> {
    fn event(&mut self, _event: &Event) {}

    fn show(&mut self, line: &Line) -> Result<()> {
        if self.json {
            writeln!(self.out, "{}", json(line)?)?;
        } else {
            writeln!(self.out, "{line}")?;
        }
        Ok(self.out.flush()?)
    }

    async fn input(&mut self, entered: bool) -> Result<Input> {
        let Some(lines) = self.lines.as_mut().filter(|_| entered) else {
            return std::future::pending().await;
        };
        Ok(match lines.next_line().await {
            Ok(Some(line)) => Input::Line(line),
            Err(error) if error.kind() == ErrorKind::InvalidData => Input::NotText,
            Ok(None) | Err(_) => {
                self.lines = None;
                Input::End
            }
        })
    }

    async fn refresh(&mut self, _handle: &Handle<Mpenc>, _numbers: &mut Numbers) -> Result<()> {
        Ok(())
    }

    async fn over(&mut self, _why: &str) -> Result<()> {
        Ok(())
    }
}
