//! `mpenc relay`: runs the embedded relay.

use std::io::Write;
use std::net::SocketAddr;
use std::process::ExitCode;

use anyhow::Result;
use mpenc_relay::{Config, Relay};

/// What `mpenc relay` takes.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Where to listen; port 0 lets the system choose.
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:7788")]
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
        let relay = Relay::bind(config).await?;
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
