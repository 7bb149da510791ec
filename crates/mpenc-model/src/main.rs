//! Explores all that a few members and a server can do, and says whether anything is wrong with it.

use std::process::ExitCode;

use clap::Parser;
use mpenc_model::checked::Bounds;
use mpenc_model::name::MOST;
use mpenc_model::rules::Real;
use mpenc_model::search::search;
use mpenc_model::world::Budget;

#[derive(Parser)]
#[command(name = "mpenc-model", about = "Model checking of the server order and the channel rules")]
struct Args {
    /// How many members.
    #[arg(long, default_value_t = 3, value_parser = members)]
    members: usize,
    /// How many proposals they make, beside those that the rules of the channel ask for.
    #[arg(long, default_value_t = 2)]
    proposals: u8,
    /// How often somebody leaves the channel.
    #[arg(long, default_value_t = 1)]
    leaves: u8,
    /// How often somebody enters the channel.
    #[arg(long, default_value_t = 1)]
    enters: u8,
    /// How many messages they write.
    #[arg(long, default_value_t = 0)]
    messages: u8,
    /// How often somebody aborts an operation for no reason.
    #[arg(long, default_value_t = 0)]
    aborts: u8,
    /// How often the server withholds, swaps or repeats something for one member.
    #[arg(long, default_value_t = 0)]
    lies: u8,
    /// Those who wait follow one operation provisionally, as in dialect MpencJs.
    #[arg(long)]
    provisional: bool,
    /// Explore every order of steps, also where it makes no difference.
    #[arg(long)]
    unreduced: bool,
    /// Stop after about so many transitions.
    #[arg(long)]
    max_states: Option<usize>,
    /// With more than one, a violation's script may not be the shortest.
    #[arg(long, default_value_t = 1)]
    threads: usize,
}

fn members(text: &str) -> Result<usize, String> {
    let members = text.parse().map_err(|_| format!("{text} is no number"))?;
    if (2..=MOST).contains(&members) { Ok(members) } else { Err(format!("from 2 to {MOST}")) }
}

fn main() -> ExitCode {
    let args = Args::parse();
    let Args { proposals, leaves, enters, messages, aborts, lies, .. } = args;
    let bounds = Bounds {
        members: args.members,
        budget: Budget { proposals, leaves, enters, messages, aborts, lies },
        reduced: !args.unreduced,
        provisional: args.provisional,
    };
    let report = search(bounds, Real, args.max_states, args.threads);
    println!("{report}");
    // Whoever stops early has not shown that there is no violation; unless they asked for it.
    let searched = report.complete || args.max_states.is_some();
    if report.violation.is_none() && searched { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
