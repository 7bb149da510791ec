//! `mpenc relay`: runs the embedded relay.

use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use crate::trace;
use anyhow::{Result, anyhow};
use clap::ValueEnum;
use mpenc_relay::{Config, Faults, Lie, Relay, RelayError};

/// What `mpenc relay` takes.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Where to listen; port 0 lets the system choose.
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:7788",
          value_parser = parse_address)]
    listen: SocketAddr,
    /// Accept an address that other machines can reach. The relay has no accounts: whoever reaches
    /// it can enter any room and remove anybody from it.
    #[arg(long)]
    allow_remote: bool,
    /// Trace who enters and leaves, and how much is sent, into a new file; a single - is standard
    /// error.
    #[arg(long, value_name = "FILE")]
    trace: Option<PathBuf>,
    #[command(flatten)]
    faults: FaultArgs,
}

/// What a relay does wrong, for tests of what its users make of it.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "For tests: what the relay does wrong")]
struct FaultArgs {
    /// How many of a hundred data packets never reach a receiver.
    #[arg(long, value_name = "PERCENT", default_value_t = 0, value_parser = clap::value_parser!(u8).range(0..=100))]
    drop: u8,
    /// How many of a hundred data packets reach a receiver twice.
    #[arg(long, value_name = "PERCENT", default_value_t = 0, value_parser = clap::value_parser!(u8).range(0..=100))]
    duplicate: u8,
    /// By how much a data packet may be late, such as 300ms or 2s.
    #[arg(long, value_name = "TIME", default_value = "0ms", value_parser = parse_time)]
    delay: Duration,
    /// What the relay tells different members differently.
    #[arg(long, value_enum)]
    lie: Option<LieArg>,
    /// What its choices come from.
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    seed: u64,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum LieArg {
    /// Whoever enters second is not told of those who enter from the fourth on.
    Membership,
    /// Each half of the room gets the other half's packets late, so the order is not the same.
    Order,
    /// Whoever enters second gets old packets in place of every third new one.
    Packets,
}

impl FaultArgs {
    fn faults(&self) -> Option<Faults> {
        let mut faults = Faults::default();
        (faults.drop, faults.duplicate, faults.delay) = (self.drop, self.duplicate, self.delay);
        faults.seed = self.seed;
        faults.lie = self.lie.map(|lie| match lie {
            LieArg::Membership => Lie::Membership,
            LieArg::Order => Lie::Order,
            LieArg::Packets => Lie::Packets,
        });
        let any = self.drop > 0 || self.duplicate > 0 || !self.delay.is_zero();
        (any || self.lie.is_some()).then_some(faults)
    }
}

/// Listens until it is interrupted.
pub(crate) fn run(args: &Args, out: &mut dyn Write) -> Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut config = Config::new(args.listen).allow_remote(args.allow_remote);
        if let Some(path) = &args.trace {
            trace::start(path)?;
            config = config.observer(Arc::new(trace::Rooms));
        }
        let faults = args.faults.faults();
        let faulty = faults.is_some();
        if let Some(faults) = faults {
            config = config.faults(faults);
        }
        let relay = Relay::bind(config).await.map_err(|error| match error {
            RelayError::NotLoopback(address) => anyhow!(
                "other machines could reach {address}, and the relay has neither accounts nor \
                 encryption: listen on 127.0.0.1, or say --allow-remote if you want this"
            ),
            // Its own text says it all; its sources would say it again.
            error => anyhow!("cannot listen on {error}"),
        })?;
        writeln!(out, "listening on {}", relay.local_addr())?;
        if faulty {
            writeln!(out, "for tests only: this relay loses, delays or lies, as it was told to")?;
        }
        out.flush()?;
        relay
            .run(async {
                // Without a signal handler there is nothing to wait for but the end of the process.
                if tokio::signal::ctrl_c().await.is_err() {
                    std::future::pending::<()>().await;
                }
            })
            .await;
        Ok(ExitCode::SUCCESS)
    })
}

/// Reads a short time: a number, and ms or s.
fn parse_time(text: &str) -> Result<Duration, String> {
    let expected = || "a number and a unit are expected, ms or s, such as 300ms".to_owned();
    let (number, unit) = match (text.strip_suffix("ms"), text.strip_suffix('s')) {
        (Some(number), _) => (number, 1),
        (None, Some(number)) => (number, 1_000),
        (None, None) => return Err(expected()),
    };
    let number: u64 = number.parse().map_err(|_| expected())?;
    let time = number.checked_mul(unit).filter(|&time| time <= 60_000);
    time.map(Duration::from_millis).ok_or_else(|| "at most 60s".to_owned())
}

/// Reads an address and a port. Of names, only `localhost` is known.
pub(crate) fn parse_address(text: &str) -> Result<SocketAddr, String> {
    let numbers = match text.strip_prefix("localhost:") {
        Some(port) => format!("127.0.0.1:{port}"),
        None => text.to_owned(),
    };
    numbers
        .parse()
        .map_err(|_| "an IP address and a port are expected, such as 127.0.0.1:7788".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read() {
        assert_eq!(parse_time("300ms"), Ok(Duration::from_millis(300)));
        assert_eq!(parse_time("2s"), Ok(Duration::from_secs(2)));
        for bad in ["", "300", "ms", "-1s", "1m", "1.5s", "s"] {
            assert!(parse_time(bad).unwrap_err().contains("such as 300ms"), "{bad}");
        }
        assert_eq!(parse_time("61s"), Err("at most 60s".to_owned()));
    }

    #[test]
    fn addresses_are_read() {
        assert_eq!(parse_address("localhost:7788"), Ok(([127, 0, 0, 1], 7788).into()));
        assert_eq!(parse_address("[::1]:1").unwrap().to_string(), "[::1]:1");
        for bad in
            ["", "7788", "localhost", "127.0.0.1", "127.0.0.1:x", "example.org:1", "::1:70000"]
        {
            assert!(parse_address(bad).unwrap_err().contains("such as 127.0.0.1:7788"), "{bad}");
        }
    }
}
