//! `mpenc relay`: runs the embedded relay.

use std::io::Write;
use std::net::SocketAddr;
use std::process::ExitCode;

use anyhow::{Result, anyhow};
use mpenc_relay::{Config, Relay, RelayError};

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
}

/// Listens until it is interrupted.
pub(crate) fn run(args: &Args, out: &mut dyn Write) -> Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let config = Config::new(args.listen).allow_remote(args.allow_remote);
        let relay = Relay::bind(config).await.map_err(|error| match error {
            RelayError::NotLoopback(address) => anyhow!(
                "other machines could reach {address}, and the relay has neither accounts nor \
                 encryption: listen on 127.0.0.1, or say --allow-remote if you want this"
            ),
            // Its own text says it all; its sources would say it again.
            error => anyhow!("cannot listen on {error}"),
        })?;
        writeln!(out, "listening on {}", relay.local_addr())?;
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
