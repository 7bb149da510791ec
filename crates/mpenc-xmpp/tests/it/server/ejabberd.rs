//! It runs without a node name, so that it needs no other daemon and listens to nothing else.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;

use tokio::process::Command;

/// What it says when it is up.
pub(super) const READY: &str = "Start accepting TCP connections";

/// Says of every password that is a name twice that it is right. Requests and answers have two
/// octets of length in front.
const PASSWORDS: &str = r#"
while :; do
  set -- $(head -c 2 | od -An -tu1)
  [ -n "$2" ] || exit 0
  request=$(head -c $(($1 * 256 + $2)))
  IFS=: read -r what user host password <<END
$request
END
  case $what in
    auth) [ "$password" = "$user$user" ] ;;
    isuser) true ;;
    *) false ;;
  esac && printf '\000\002\000\001' || printf '\000\002\000\000'
done
"#;

pub(super) fn prepare(folder: &Path, addr: SocketAddr, more: &str) {
    fs::write(folder.join("passwords.sh"), PASSWORDS).unwrap();
    fs::write(folder.join("ejabberd.yml"), configuration(folder, addr, more)).unwrap();
}

pub(super) fn command(folder: &Path) -> Command {
    // Debian's own script would change to another user, and read the system's settings.
    let mut command = Command::new("erl");
    command
        .args(["-noinput", "-mnesia", "dir"])
        .arg(format!("{:?}", folder.join("spool").display().to_string()))
        .args(["-s", "ejabberd"])
        .env("ERL_LIBS", libraries())
        .env("HOME", folder)
        .env("EJABBERD_CONFIG_PATH", folder.join("ejabberd.yml"))
        .env("EJABBERD_LOG_PATH", folder.join("ejabberd.log"));
    command
}

/// Where Debian has Erlang's libraries of this processor.
fn libraries() -> String {
    let places = fs::read_dir("/usr/lib").into_iter().flatten().flatten().map(|entry| entry.path());
    let has = |folder: &std::path::PathBuf| {
        let inside = fs::read_dir(folder).into_iter().flatten().flatten();
        inside.map(|entry| entry.file_name()).any(|name| {
            let name = name.to_string_lossy();
            name.starts_with("ejabberd-")
        })
    };
    let found = places.filter(|path| path.is_dir()).find(has);
    let found = found.expect("the server ejabberd is missing: apt-get install ejabberd");
    found.display().to_string()
}

fn configuration(folder: &Path, addr: SocketAddr, more: &str) -> String {
    let (folder, port) = (folder.display(), addr.port());
    format!(
        r#"
hosts: ["localhost"]
loglevel: info
auth_method: external
extauth_program: "/bin/sh {folder}/passwords.sh"
extauth_pool_size: 1
auth_use_cache: false
listen:
  - port: {port}
    ip: "127.0.0.1"
    module: ejabberd_c2s
    max_stanza_size: 262144
modules:
  mod_disco: {{}}
  mod_ping: {{}}
  mod_muc:
    host: conference.localhost
    min_message_interval: 0
    min_presence_interval: 0
    max_user_conferences: 100
    default_room_options:
      persistent: false
{more}
"#
    )
}
