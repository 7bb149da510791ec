//! A Prosody of the demo's own: on this machine only, with accounts for this demo only.

use std::fs;
use std::io::Write;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use mpenc_relay::{Recording, RelayObserver as _, SeenPacket, Statistics};
use mpenc_tokio::{ChannelNotice, GroupChannel};
use mpenc_xmpp::{Server, XmppChannel};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::time::timeout;

use super::world::Place;

/// How long the server may take to start.
const PATIENCE: Duration = Duration::from_secs(60);

/// Sees what goes through the room, as everybody in it does.
const WATCHER: &str = "watcher";

/// A server that ends with this.
pub(super) struct Prosody {
    address: SocketAddr,
    password: String,
    _process: Child,
}

impl Prosody {
    /// Starts it, with an account for each of these names.
    pub(super) async fn start(folder: &Path, names: &[&str], out: &mut dyn Write) -> Result<Self> {
        install(out).await?;
        let mut password = [0; 16];
        getrandom::fill(&mut password)?;
        let password = hex::encode(password);
        // The port is free now; should somebody else take it at once, the server says so.
        let address = TcpListener::bind(("127.0.0.1", 0))?.local_addr()?;
        let accounts = folder.join("localhost/accounts");
        fs::create_dir_all(&accounts)?;
        for name in names.iter().chain(&[WATCHER]) {
            let account = format!("return {{ [\"password\"] = \"{password}\" }}\n");
            fs::write(accounts.join(format!("{name}.dat")), account)?;
        }
        let file = folder.join("prosody.cfg.lua");
        fs::write(&file, configuration(folder, address.port()))?;
        let mut process = Command::new("prosody")
            .arg("-F")
            .arg("--config")
            .arg(&file)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .context("cannot start the server prosody")?;
        let log = process.stdout.take().context("no output of the server")?;
        timeout(PATIENCE, ready(BufReader::new(log).lines()))
            .await
            .context("the server prosody does not start")??;
        writeln!(out, "an XMPP server, Prosody, listens on {address}")?;
        Ok(Self { address, password, _process: process })
    }

    pub(super) fn place(&self) -> Place {
        Place::Xmpp(self.address, self.password.clone())
    }

    /// Lets somebody enter the room who takes no part, and records what is said there.
    pub(super) fn watch(&self, recording: Arc<Recording>) -> Result<()> {
        let account = format!("{WATCHER}@localhost");
        let room = "demo@conference.localhost";
        let config = mpenc_xmpp::Config::new(&account, &self.password, room, WATCHER)?
            .server(Server::InsecureLoopback(self.address))?;
        let mut channel = XmppChannel::new(config);
        channel.act(mpenc::ChannelAction::Enter);
        tokio::spawn(async move {
            let mut readers = 0_usize;
            // If it ends too soon, packets are missing, and the search says that it found too few.
            while let Ok(notice) = channel.next().await {
                match notice {
                    ChannelNotice::Entered { members } => readers = members.len(),
                    ChannelNotice::Changed { entered, left } => {
                        readers = readers.saturating_add(entered.len()).saturating_sub(left.len());
                    }
                    ChannelNotice::Packet { sender, packet } => {
                        let sender = sender.to_text(mpenc::Dialect::DOCUMENT);
                        recording.packet("demo", &sender, &packet, readers);
                    }
                    _ => {}
                }
            }
        });
        Ok(())
    }
}

/// What went through the room.
pub(super) fn statistics(packets: &[SeenPacket]) -> Statistics {
    let mut statistics = Statistics::default();
    for seen in packets {
        let octets = u64::try_from(seen.packet.len()).unwrap_or(u64::MAX);
        let readers = u64::try_from(seen.readers).unwrap_or(u64::MAX);
        statistics.packets = statistics.packets.saturating_add(1);
        statistics.octets = statistics.octets.saturating_add(octets);
        statistics.deliveries = statistics.deliveries.saturating_add(readers);
    }
    statistics
}

async fn ready(mut log: tokio::io::Lines<BufReader<tokio::process::ChildStdout>>) -> Result<()> {
    let mut seen = String::new();
    while let Some(line) = log.next_line().await? {
        if line.contains("Activated service 'c2s'") {
            // Its log must go on somewhere.
            tokio::spawn(async move { while let Ok(Some(_)) = log.next_line().await {} });
            return Ok(());
        }
        seen.push_str(&line);
        seen.push('\n');
    }
    bail!("the server prosody ended: {seen}")
}

/// Installs the server by the ordinary package manager, if it is missing.
async fn install(out: &mut dyn Write) -> Result<()> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    if std::env::split_paths(&path).any(|folder| folder.join("prosody").is_file()) {
        return Ok(());
    }
    writeln!(out, "the XMPP server prosody is missing: apt-get installs it")?;
    out.flush()?;
    // A fresh machine has no lists of packages; where they cannot be fetched, the old ones may do.
    let _ = apt_get(&["update", "-q"]).await;
    let installed = apt_get(&["install", "-y", "--no-install-recommends", "prosody"]).await;
    if installed.is_ok_and(|status| status.success()) {
        Ok(())
    } else {
        bail!("apt-get cannot install it: install prosody yourself, and start the demo again")
    }
}

async fn apt_get(args: &[&str]) -> std::io::Result<ExitStatus> {
    Command::new("apt-get")
        .args(args)
        // The server that the package manager would start is not needed.
        .env("DEBIAN_FRONTEND", "noninteractive")
        .env("RUNLEVEL", "1")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .status()
        .await
}

fn configuration(folder: &Path, port: u16) -> String {
    let folder = folder.display();
    format!(
        r#"
run_as_root = true
pidfile = "{folder}/prosody.pid"
data_path = "{folder}"
log = {{ {{ levels = {{ min = "info" }}, to = "console" }} }}
interfaces = {{ "127.0.0.1" }}
c2s_ports = {{ {port} }}
s2s_ports = {{}}
http_ports = {{}}
https_ports = {{}}
modules_enabled = {{ "roster"; "saslauth"; "disco"; "ping" }}
modules_disabled = {{ "s2s"; "tls" }}
authentication = "internal_plain"
c2s_require_encryption = false
VirtualHost "localhost"
Component "conference.localhost" "muc"
"#
    )
}
