//! Real servers on free ports of this machine, which end with their tests.

mod ejabberd;
mod prosody;

use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;

use mpenc_xmpp::{Config, Server as At};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Child;

use crate::support::within;

/// Everybody who has an account; the password is the name, twice.
pub(crate) const ACCOUNTS: [&str; 12] = [
    "alice", "bob", "carol", "dave", "erin", "frank", "grace", "heidi", "ivan", "judy", "kim",
    "leo",
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Prosody,
    Ejabberd,
}

pub(crate) struct Server {
    pub(crate) kind: Kind,
    pub(crate) addr: SocketAddr,
    folder: TempDir,
    process: Child,
}

impl Server {
    pub(crate) async fn start(kind: Kind) -> Self {
        Self::with(kind, "").await
    }

    /// With something more in its configuration.
    pub(crate) async fn with(kind: Kind, more: &str) -> Self {
        // The port is free now; that nobody else takes it at once is all that can be had.
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap();
        drop(listener);
        let folder = tempfile::tempdir().unwrap();
        match kind {
            Kind::Prosody => prosody::prepare(folder.path(), addr, more),
            Kind::Ejabberd => ejabberd::prepare(folder.path(), addr, more),
        }
        let process = run(kind, folder.path(), addr).await;
        Self { kind, addr, folder, process }
    }

    /// Ends it as a crash does.
    pub(crate) async fn stop(&mut self) {
        self.process.kill().await.unwrap();
    }

    /// The same, and starts it again on the same port.
    pub(crate) async fn restart(&mut self) {
        self.stop().await;
        self.process = run(self.kind, self.folder.path(), self.addr).await;
    }

    /// Whoever has this account, under the same nick.
    pub(crate) fn config(&self, room: &str, name: &str) -> Config {
        self.config_as(room, name, name)
    }

    pub(crate) fn config_as(&self, room: &str, name: &str, nick: &str) -> Config {
        let (account, room) = (format!("{name}@localhost"), room_of(room));
        Config::new(&account, &format!("{name}{name}"), &room, nick)
            .and_then(|config| config.server(At::InsecureLoopback(self.addr)))
            .unwrap()
    }
}

pub(crate) fn room_of(room: &str) -> String {
    format!("{room}@conference.localhost")
}

/// Starts it, and waits until it says that clients may come.
async fn run(kind: Kind, folder: &Path, addr: SocketAddr) -> Child {
    let (mut command, ready) = match kind {
        Kind::Prosody => (prosody::command(folder), prosody::READY),
        Kind::Ejabberd => (ejabberd::command(folder), ejabberd::READY),
    };
    command.stdin(Stdio::null()).stdout(Stdio::piped()).kill_on_drop(true);
    let mut process = command.spawn().unwrap_or_else(|error| {
        let name = format!("{kind:?}").to_lowercase();
        panic!("the server {name} is missing ({error}): apt-get install {name}")
    });
    let mut log = BufReader::new(process.stdout.take().unwrap()).lines();
    let mut seen = Vec::new();
    let said = async {
        while let Some(line) = log.next_line().await.unwrap() {
            let is_ready = line.contains(ready);
            seen.push(line);
            if is_ready {
                return;
            }
        }
        panic!("{kind:?} on {addr} ended: {seen:#?}");
    };
    within(said).await;
    // Its log must go on somewhere.
    tokio::spawn(async move { while let Ok(Some(_)) = log.next_line().await {} });
    process
}
