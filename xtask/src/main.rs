//! Development tasks: `cargo xtask ci` does all that a change must pass.

mod bench;
mod broken;
mod counts;
mod coverage;
mod files;
mod fuzz;
mod msrv;
mod mutants;
mod run;
mod soak;
mod source;
mod steps;
mod table;
mod trace;

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
    /// What of each crate the tests reach. Installs the tools that are missing.
    Coverage(coverage::Args),
    /// Run the fuzz targets for some seconds each. Installs the tools that are missing.
    Fuzz(fuzz::Args),
    /// Look for mistakes for a long time: lives of groups, models, fuzzing; prints a page.
    Soak(soak::Args),
    /// Check that no dependency of the core crates needs a newer compiler than we say.
    Msrv,
    /// Check that every requirement and attack in docs/ASSURANCE.md names tests that there are.
    Trace,
    /// Measure, side by side with other protocols and our own floor. Writes docs/bench.json.
    Bench(bench::Args),
    /// Count instructions, and compare with docs/counts.json. Installs the tools that are missing.
    Counts(counts::Args),
    /// Which small changes of the code no test notices. Takes about an hour.
    Mutants(mutants::Args),
    /// Break checks on purpose, in a copy, with the patches of docs/broken: tests must notice each.
    Broken(broken::Args),
}

fn main() -> ExitCode {
    let result = match Cli::parse().task {
        Task::Ci(args) => steps::ci(&args),
        Task::CheckFiles => files::check(),
        Task::Coverage(args) => coverage::check(&args),
        Task::Fuzz(args) => fuzz::fuzz(&args),
        Task::Soak(args) => soak::soak(&args),
        Task::Msrv => msrv::check(),
        Task::Trace => trace::check(),
        Task::Bench(args) => bench::bench(&args),
        Task::Counts(args) => counts::counts(&args),
        Task::Mutants(args) => mutants::check(&args),
        Task::Broken(args) => broken::check(&args),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}
