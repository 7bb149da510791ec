//! A Prosody on a free port of this machine, which ends with its test.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;

use mpenc_xmpp::{Config, Server};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use crate::support::within;

/// Everybody who has an account; the password is the name, twice.
const ACCOUNTS: [&str; 4] = ["alice", "bob", "carol", "dave"];

pub(crate) struct Prosody {
    pub(crate) addr: SocketAddr,
    folder: TempDir,
    server: Child,
}

impl Prosody {
    pub(crate) async fn start() -> Self {
        // The port is free now; that nobody else takes it at once is all that can be had.
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap();
        drop(listener);
        let folder = tempfile::tempdir().unwrap();
        let accounts = folder.path().join("localhost/accounts");
        fs::create_dir_all(&accounts).unwrap();
        for name in ACCOUNTS {
            let account = format!("return {{ [\"password\"] = \"{name}{name}\" }}\n");
            fs::write(accounts.join(format!("{name}.dat")), account).unwrap();
        }
        fs::write(folder.path().join("prosody.cfg.lua"), configuration(folder.path(), addr))
            .unwrap();
        let server = run(folder.path(), addr).await;
        Self { addr, folder, server }
    }

    /// Ends it as a crash does, and starts it again on the same port.
    pub(crate) async fn restart(&mut self) {
        self.server.kill().await.unwrap();
        self.server = run(self.folder.path(), self.addr).await;
    }

    pub(crate) fn config(&self, name: &str) -> Config {
        let account = format!("{name}@localhost");
        Config::new(&account, &format!("{name}{name}"), "room@conference.localhost", name)
            .and_then(|config| config.server(Server::InsecureLoopback(self.addr)))
            .unwrap()
    }
}

async fn run(folder: &Path, addr: SocketAddr) -> Child {
    let mut server = Command::new("prosody")
        .arg("-F")
        .arg("--config")
        .arg(folder.join("prosody.cfg.lua"))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("the server prosody is missing: apt-get install prosody");
    let mut log = BufReader::new(server.stdout.take().unwrap()).lines();
    let mut seen = Vec::new();
    let ready = async {
        while let Some(line) = log.next_line().await.unwrap() {
            let up = line.contains("Activated service 'c2s'");
            seen.push(line);
            if up {
                return;
            }
        }
        panic!("prosody on {addr} ended: {seen:#?}");
    };
    within(ready).await;
    // Its log must go on somewhere.
    tokio::spawn(async move { while let Ok(Some(_)) = log.next_line().await {} });
    server
}

fn configuration(folder: &Path, addr: SocketAddr) -> String {
    let (folder, port) = (folder.display(), addr.port());
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
modules_enabled = {{ "roster"; "saslauth"; "disco"; "ping"; "smacks" }}
modules_disabled = {{ "s2s"; "tls" }}
authentication = "internal_plain"
c2s_require_encryption = false
VirtualHost "localhost"
Component "conference.localhost" "muc"
"#
    )
}
