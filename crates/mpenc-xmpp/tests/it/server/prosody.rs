use std::fs;
use std::net::SocketAddr;
use std::path::Path;

use tokio::process::Command;

/// What it says when it is up.
pub(super) const READY: &str = "Activated service 'c2s'";

pub(super) fn prepare(folder: &Path, addr: SocketAddr, more: &str) {
    let accounts = folder.join("localhost/accounts");
    fs::create_dir_all(&accounts).unwrap();
    for name in super::ACCOUNTS {
        let account = format!("return {{ [\"password\"] = \"{name}{name}\" }}\n");
        fs::write(accounts.join(format!("{name}.dat")), account).unwrap();
    }
    fs::write(folder.join("prosody.cfg.lua"), configuration(folder, addr, more)).unwrap();
}

pub(super) fn command(folder: &Path) -> Command {
    let mut command = Command::new("prosody");
    command.arg("-F").arg("--config").arg(folder.join("prosody.cfg.lua"));
    command
}

fn configuration(folder: &Path, addr: SocketAddr, more: &str) -> String {
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
modules_enabled = {{ "roster"; "saslauth"; "disco"; "ping"; "smacks"; "limits" }}
modules_disabled = {{ "s2s"; "tls" }}
authentication = "internal_plain"
c2s_require_encryption = false
{more}
VirtualHost "localhost"
Component "conference.localhost" "muc"
"#
    )
}
