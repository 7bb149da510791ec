//! Development tasks: `cargo xtask ci` does all that a change must pass.

mod files;
mod msrv;
mod run;
mod steps;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Development tasks of this workspace.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Everything that a change must pass. Installs the tools that are missing.
    Ci(steps::Args),
    /// Check the repository's files: sizes, links, words that do not belong.
    CheckFiles,
    /// Check that no dependency of the core crates needs a newer compiler than we say.
    Msrv,
}

fn main() -> ExitCode {
    let result = match Cli::parse().task {
        Task::Ci(args) => steps::ci(&args),
        Task::CheckFiles => files::check(),
        Task::Msrv => msrv::check(),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}
