//! `mpenc chat --xmpp`: real processes in rooms of a real Prosody, which each test starts.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use tempfile::TempDir;

use crate::live::{Live, World};
use crate::terminal::Terminal;

/// Whoever has an account; the password is the name, twice.
const ACCOUNTS: [&str; 3] = ["ann", "bob", "carol"];

/// Prosody on a free port of this machine, which ends with its test.
struct Prosody {
    folder: TempDir,
    port: u16,
    process: Child,
}

impl Prosody {
    /// With something more in its configuration.
    fn start(more: &str) -> Self {
        Self::start_in(tempfile::tempdir().unwrap(), "c2s_require_encryption = false", more)
    }

    /// With StartTLS, and a certificate of an authority that nobody knows yet.
    fn start_with_tls() -> Self {
        let folder = tempfile::tempdir().unwrap();
        certificates(folder.path());
        let folder_shown = folder.path().display().to_string();
        let tls = format!(
            r#"c2s_require_encryption = true
ssl = {{ key = "{folder_shown}/server.key"; certificate = "{folder_shown}/server.crt" }}"#
        );
        Self::start_in(folder, &tls, "")
    }

    fn start_in(folder: TempDir, security: &str, more: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        drop(listener);
        let accounts = folder.path().join("localhost/accounts");
        fs::create_dir_all(&accounts).unwrap();
        for name in ACCOUNTS {
            let account = format!("return {{ [\"password\"] = \"{name}{name}\" }}\n");
            fs::write(accounts.join(format!("{name}.dat")), account).unwrap();
        }
        let path = folder.path().display();
        let configuration = format!(
            r#"
run_as_root = true
pidfile = "{path}/prosody.pid"
data_path = "{path}"
log = {{ {{ levels = {{ min = "info" }}, to = "console" }} }}
interfaces = {{ "127.0.0.1" }}
c2s_ports = {{ {port} }}
s2s_ports = {{}}
http_ports = {{}}
https_ports = {{}}
modules_enabled = {{ "roster"; "saslauth"; "disco"; "ping"; "tls" }}
modules_disabled = {{ "s2s" }}
authentication = "internal_plain"
{security}
{more}
VirtualHost "localhost"
Component "conference.localhost" "muc"
"#
        );
        let file = folder.path().join("prosody.cfg.lua");
        fs::write(&file, configuration).unwrap();
        let mut process = Command::new("prosody")
            .arg("-F")
            .arg("--config")
            .arg(&file)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| {
                panic!("the server prosody is missing ({error}): apt-get install prosody")
            });
        let mut log = BufReader::new(process.stdout.take().unwrap()).lines();
        let ready = log.any(|line| line.unwrap().contains("Activated service 'c2s'"));
        assert!(ready, "prosody ended");
        // Its log must go on somewhere.
        thread::spawn(move || for _line in log {});
        Self { folder, port, process }
    }

    /// `mpenc chat` of somebody with this account, in the room `tea`.
    fn chat(&self, world: &World, name: &str, account: &str) -> Command {
        let mut command = Self::chat_at(world, name, account);
        command.args(["--xmpp-insecure", &format!("127.0.0.1:{}", self.port)]);
        command
    }

    /// The same, but for where the server is.
    fn chat_at(world: &World, name: &str, account: &str) -> Command {
        Self::chat_in("tea@conference.localhost", world, name, account)
    }

    fn chat_in(room: &str, world: &World, name: &str, account: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mpenc"));
        command
            .args(["chat", "--room", room, "--name", name])
            .args(["--xmpp", &format!("{account}@localhost")])
            .arg("--key")
            .arg(world.key(name))
            .arg("--peers")
            .arg(world.peers(name))
            .args(["--latency-ms", "1000", "--reply-ms", "10"])
            .env("MPENC_PASSWORD", format!("{account}{account}"))
            .env_remove("SSL_CERT_FILE")
            .env_remove("SSL_CERT_DIR");
        command
    }
}

impl Drop for Prosody {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// An authority, and the server's certificate by it.
fn certificates(folder: &Path) {
    let authority_key = KeyPair::generate().unwrap();
    let mut authority = CertificateParams::default();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority_certificate = authority.self_signed(&authority_key).unwrap();
    let key = KeyPair::generate().unwrap();
    let issuer = Issuer::new(authority, authority_key);
    let server = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    let server = server.signed_by(&key, &issuer).unwrap();
    fs::write(folder.join("authority.crt"), authority_certificate.pem()).unwrap();
    fs::write(folder.join("server.crt"), server.pem()).unwrap();
    fs::write(folder.join("server.key"), key.serialize_pem()).unwrap();
}

/// One enters after the other, is included, and talks.
fn talk(ann: &mut Command, bob: &mut Command) -> [Live; 2] {
    let mut ann = Live::run("ann", ann);
    ann.says(&["you are in the room"]);
    let mut bob = Live::run("bob", bob);
    bob.says(&["you are in the room"]);
    ann.type_in("/include bob");
    bob.says(&["you are a member now"]);
    bob.type_in("hello");
    ann.says(&["[1] <bob> hello"]);
    bob.says(&["✓ [1] everybody has acked it"]);
    [ann, bob]
}

#[test]
fn tls_takes_only_a_certificate_of_an_authority_that_is_known() {
    let world = World::of(&["ann", "bob"]);
    let server = Prosody::start_with_tls();
    let at = format!("127.0.0.1:{}", server.port);
    let with_tls = |name: &str| {
        let mut command = Prosody::chat_at(&world, name, name);
        command.args(["--xmpp-server", &at]);
        command
    };
    let stranger = Live::run("ann", &mut with_tls("ann"));
    stranger.fails_saying(&["the XMPP server cannot be reached", "certificate"]);

    let authority = server.folder.path().join("authority.crt");
    let [mut ann, mut bob] = ["ann", "bob"].map(with_tls);
    let [ann, bob] = [&mut ann, &mut bob].map(|chat| chat.env("SSL_CERT_FILE", &authority));
    talk(ann, bob);

    // It does not talk to anybody without TLS.
    let plain = Live::run("ann", &mut server.chat(&world, "ann", "ann"));
    plain.fails_saying(&["cannot enter the room"]);
}

#[test]
fn a_password_is_asked_for_and_not_shown() {
    let world = World::of(&["ann"]);
    let server = Prosody::start("");
    let path = |path: std::path::PathBuf| path.to_str().unwrap().to_owned();
    let at = format!("127.0.0.1:{}", server.port);
    let (key, peers) = (path(world.key("ann")), path(world.peers("ann")));
    let args = [
        ["--xmpp", "ann@localhost"],
        ["--xmpp-insecure", &at],
        ["--room", "tea@conference.localhost"],
        ["--name", "ann"],
        ["--key", &key],
        ["--peers", &peers],
    ];
    let args = [&["chat", "--plain"], args.as_flattened()].concat();
    let args: Vec<String> = args.into_iter().map(str::to_owned).collect();
    let mut ann = Terminal::start("ann", &args, 24, 90);
    ann.shows(&["Password of ann@localhost: "]);
    ann.enters("annann");
    ann.shows(&["* you are in the room, alone"]);
    assert!(!ann.text().contains("annann"), "{}", ann.text());
}

#[test]
fn who_is_not_let_in_is_told_why_in_one_sentence() {
    let world = World::of(&["ann", "bob"]);
    let server = Prosody::start("");
    let mut ann = Live::run("ann", &mut server.chat(&world, "ann", "ann"));
    ann.says(&["you are in the room"]);

    let wrong = Live::run("bob", server.chat(&world, "bob", "bob").env("MPENC_PASSWORD", "guess"));
    wrong.fails_saying(&["does not accept our name and password: not authorized"]);

    // Somebody else has the nick.
    let twice = Live::run("ann", &mut server.chat(&world, "ann", "bob"));
    twice.fails_saying(&["somebody in the room is called ann already"]);

    let at = format!("127.0.0.1:{}", server.port);
    let mut nowhere = Prosody::chat_in("tea@nowhere.localhost", &world, "bob", "bob");
    let nowhere = Live::run("bob", nowhere.args(["--xmpp-insecure", &at]));
    nowhere.fails_saying(&["cannot enter the room", "the room does not let us in"]);

    drop(server);
    let gone =
        Live::run("bob", Prosody::chat_at(&world, "bob", "bob").args(["--xmpp-insecure", &at]));
    gone.fails_saying(&["cannot enter the room", "the XMPP server cannot be reached"]);

    // Whatever the name service says of it, people get a sentence.
    let mut unknown = Command::new(env!("CARGO_BIN_EXE_mpenc"));
    unknown.args(["chat", "--room", "tea@conference.localhost", "--name", "bob"]);
    unknown.args(["--xmpp", "bob@nowhere.invalid", "--key"]).arg(world.key("bob"));
    unknown.arg("--peers").arg(world.peers("bob")).env("MPENC_PASSWORD", "x");
    let (code, _, errors) = Live::run("bob", &mut unknown).ends();
    assert_eq!((code, errors.len()), (1, 1), "{errors:?}");
    assert!(errors[0].contains("the XMPP server") && !errors[0].contains('{'), "{errors:?}");

    let elsewhere = ["--xmpp-insecure", "192.0.2.1:5222"];
    let plain = Live::run("bob", Prosody::chat_at(&world, "bob", "bob").args(elsewhere));
    plain.fails_saying(&["192.0.2.1:5222 is another machine"]);
}

#[test]
fn a_room_for_its_members_only_is_named_as_such() {
    let world = World::of(&["ann", "bob"]);
    let server = Prosody::start("muc_room_default_members_only = true");
    let mut ann = Live::run("ann", &mut server.chat(&world, "ann", "ann"));
    ann.says(&["you are in the room"]);
    let bob = Live::run("bob", &mut server.chat(&world, "bob", "bob"));
    bob.fails_saying(&["the room does not let us in", "registration required"]);
    // Whoever is inside has lost nothing.
    ann.type_in("/who");
    ann.says(&["members: ann"]);
}

/// What the server does to us is told, and what was written is not lost without a word.
#[test]
fn a_server_that_ends_is_a_sentence() {
    let world = World::of(&["ann", "bob"]);
    let mut server = Prosody::start("");
    let [mut ann, mut bob] = ["ann", "bob"].map(|name| server.chat(&world, name, name));
    for live in talk(&mut ann, &mut bob) {
        server.process.kill().unwrap();
        live.fails_saying(&["the session is over: the connection to the server is lost"]);
    }
}

/// `--trace` tells operators what came of the connection, step by step, and nothing that is secret.
#[test]
fn a_trace_tells_of_the_connection_and_holds_no_secret() {
    let world = World::of(&["ann", "bob"]);
    let mut server = Prosody::start("");
    let trace = |name: &str| world.path(&format!("{name}.trace"));
    let [mut ann, mut bob] = ["ann", "bob"].map(|name| {
        let mut chat = server.chat(&world, name, name);
        chat.arg("--trace").arg(trace(name));
        chat
    });
    let [mut ann, mut bob] = talk(&mut ann, &mut bob);
    bob.type_in("a secret plan");
    ann.says(&["[2] <bob> a secret plan"]);
    ann.type_in("/exclude bob");
    ann.says(&["alone now: ann; −bob"]);
    ann.says(&["bob left the room"]);
    bob.fails_saying(&["ann excluded you"]);
    let stop = Command::new("kill").args(["-TERM", &server.process.id().to_string()]).status();
    assert!(stop.unwrap().success());
    server.process.wait().unwrap();
    ann.fails_saying(&["the session is over"]);
    let [ann, bob] = ["ann", "bob"].map(|name| fs::read_to_string(trace(name)).unwrap());
    for words in [
        "connect{account=ann@localhost server=InsecureLoopback(127.0.0.1:",
        "again=false}: mpenc_xmpp::connect: the server answers",
        ": logged in",
        "connected, asks to enter limit=262144 room=tea@conference.localhost",
        "the room is new: configures it",
        "inside members=1",
        "packet out octets=",
        "packet in sender=MemberId(bob) octets=",
        "asks the room to remove nick=\"bob\"",
        "stream error",
        "outside ended=Disconnected(",
    ] {
        assert!(ann.contains(words), "{words:?} is not in {ann}");
    }
    assert!(bob.contains("outside ended="), "{bob}");
    for secret in ["annann", "bobbob", "secret", "hello", "?mpENC"] {
        assert!(!ann.contains(secret) && !bob.contains(secret), "{secret} is in {ann} {bob}");
    }
}

#[test]
fn the_doctor_says_what_is_wrong_with_server_account_and_room() {
    let world = World::of(&["ann", "bob"]);
    let server = Prosody::start("");
    let doctor = |room: &str, password: Option<&str>| {
        let path = |path: std::path::PathBuf| path.to_str().unwrap().to_owned();
        let at = format!("127.0.0.1:{}", server.port);
        let mut command = Command::new(env!("CARGO_BIN_EXE_mpenc"));
        command
            .args(["doctor", "--xmpp", "ann@localhost", "--xmpp-insecure", &at])
            .args(["--room", room, "--name", "ann"])
            .args(["--key", &path(world.key("ann")), "--peers", &path(world.peers("ann"))])
            .env("XDG_CONFIG_HOME", "/nowhere")
            .env_remove("MPENC_PASSWORD");
        if let Some(password) = password {
            command.env("MPENC_PASSWORD", password);
        }
        let output = command.output().unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        assert!(password.is_none_or(|password| !said.contains(password)), "{said}");
        (output.status.code(), said)
    };
    let room = "tea@conference.localhost";
    for (room, password, code, words) in [
        (room, None, 0, ["an XMPP server answers", "· account: not tried: MPENC_PASSWORD"]),
        (
            room,
            Some("annann"),
            0,
            ["✓ rooms: the host of tea@", "✓ packets: the server takes 262144"],
        ),
        (room, Some("a guess"), 1, ["✗ account: ", "do: correct MPENC_PASSWORD"]),
        ("tea@nowhere.localhost", Some("annann"), 1, ["✗ rooms: ", "do: correct --room"]),
        ("tea@localhost", Some("annann"), 1, ["✗ rooms: ", "do: correct --room"]),
    ] {
        let (exit, said) = doctor(room, password);
        assert_eq!(exit, Some(code), "{said}");
        assert!(words.iter().all(|word| said.contains(word)), "{words:?} are not in {said}");
    }
}
