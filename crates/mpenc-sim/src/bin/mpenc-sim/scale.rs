//! One large group: what its members spend, send and hold.

mod carriers;
mod circle;
mod crowd;
mod hall;
mod people;
mod table;
mod whole;

use std::time::Duration;

use anyhow::{Result, ensure};
use mpenc::wire::MAX_MEMBERS;

/// Between two messages.
const PAUSE: Duration = Duration::from_millis(100);
/// Until everything is acked, and every sub-session before is over.
const REST: Duration = Duration::from_secs(60);
/// How long an operation may take, in virtual time.
const PATIENCE: Duration = Duration::from_secs(3_600);
/// What they write: 100 octets.
const TEXT: &str = "It is easier to agree with a thousand than to wait for one of them; but whoever \
                    speaks must be heard";

#[derive(clap::Args)]
pub(crate) struct Scale {
    /// How many members the group has.
    #[arg(long, value_name = "N", default_value_t = 200)]
    members: usize,
    /// How many of them are whole sessions. The others only make the packets that members must
    /// make, and check nothing. All of them, unless said otherwise.
    #[arg(long, value_name = "K")]
    full: Option<usize>,
    /// How many messages they exchange, in turn, one each tenth of a second.
    #[arg(long, value_name = "M", default_value_t = 5_000)]
    messages: usize,
    /// How long a packet takes from one member to another, in milliseconds.
    #[arg(long, value_name = "MS", default_value_t = 50)]
    latency: u64,
    /// The seed of all randomness.
    #[arg(long, default_value_t = 0)]
    seed: u64,
}

/// Leads one large group through all that a group does.
pub(crate) fn scale(args: &Scale) -> Result<()> {
    let Scale { members, full, .. } = *args;
    ensure!((2..MAX_MEMBERS).contains(&members), "from 2 to {} members", MAX_MEMBERS - 1);
    match full {
        None => whole::run(args),
        Some(full) => {
            ensure!((2..members).contains(&full), "from 2 whole sessions to {}", members - 1);
            hall::run(args, full)
        }
    }
}
