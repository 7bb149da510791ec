//! The configuration file of `mpenc chat`, and `--trace`.

use std::fs;
use std::process::Command;

use crate::live::{Live, World};
use crate::program::mpenc;

/// A configuration of ann's, and its path.
fn configured(world: &World, more: &str) -> String {
    let text = format!(
        "key = 'ann.key'\npeers = 'ann.peers'\nname = 'ann'\nroom = 'tea'\nrelay = '{}'\n{more}",
        world.address
    );
    let path = world.path("config.toml");
    fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn what_stands_in_the_configuration_need_not_be_typed() {
    let world = World::of(&["ann", "bob"]);
    let config = configured(&world, "latency-ms = 1000\nreply-ms = 10\n");
    let mut ann = Live::start("ann", &["chat", "--config", &config]);
    ann.says(&["you are in the room, alone"]);
    let mut bob = world.enters("bob");
    ann.type_in("/include bob");
    bob.says(&["you are a member now"]);
    // What is typed counts, not what stands there.
    let mut elsewhere = Live::start("ann", &["chat", "--config", &config, "--room", "coffee"]);
    elsewhere.says(&["you are in the room, alone"]);
}

#[test]
#[cfg(target_os = "linux")]
fn the_configuration_is_found_in_its_usual_place() {
    let world = World::of(&["ann"]);
    fs::create_dir(world.path("mpenc")).unwrap();
    fs::rename(configured(&world, "key = 'x'\n"), world.path("mpenc/config.toml")).unwrap();
    let chat = || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mpenc"));
        command.arg("chat").env("XDG_CONFIG_HOME", world.path(""));
        command.output().unwrap()
    };
    let said = String::from_utf8(chat().stderr).unwrap();
    assert!(said.contains("mpenc/config.toml:6: duplicate key"), "{said}");
    fs::write(world.path("mpenc/config.toml"), "room = 'tea'\n").unwrap();
    let output = chat();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(said.contains("--relay <ADDRESS:PORT> or --xmpp <NAME@HOST> is missing"), "{said}");
    assert!(said.contains("mpenc/config.toml does not say relay"), "{said}");
}

#[test]
fn a_configuration_that_is_wrong_is_refused_in_one_sentence() {
    let world = World::of(&["ann"]);
    for (more, words) in [
        ("pears = 'x'\n", &["config.toml:6: unknown field `pears`"][..]),
        ("reply-ms = 1\n", &["config.toml: reply-ms is 1, and has to be from 10 to 600000"]),
        ("xmpp = 'ann@example.org'\n", &["config.toml: relay and xmpp exclude each other"]),
    ] {
        let config = configured(&world, more);
        mpenc(&["chat", "--config", &config]).failed_saying(words);
    }
    let config = configured(&world, "").replace("config.toml", "other.toml");
    mpenc(&["chat", "--config", &config]).failed_saying(&["cannot read", "other.toml"]);
    fs::write(&config, "relay = 'nowhere'\n").unwrap();
    mpenc(&["chat", "--config", &config])
        .failed_saying(&["other.toml: relay is \"nowhere\": an IP address and a port"]);
}

#[test]
fn a_trace_holds_kinds_and_sizes_and_no_texts() {
    let world = World::of(&["ann", "bob"]);
    let trace = world.path("ann.trace").to_str().unwrap().to_owned();
    let [mut ann, _bob] = world.tells_a_secret(&["--trace", &trace]);
    ann.type_in("/part");
    assert_eq!(ann.ends().0, 0);
    let text = fs::read_to_string(&trace).unwrap();
    for word in ["chat{room=\"tea\" name=\"ann\"}", "packet{sender=", "Members", "octets="] {
        assert!(text.contains(word), "{word:?} is not in {text}");
    }
    let secret = fs::read_to_string(world.key("ann")).unwrap();
    let secret = secret.lines().last().unwrap();
    for word in ["secret", "?mpENC", secret] {
        assert!(!text.contains(word), "{word:?} is in {text}");
    }
    // What is there is never overwritten.
    let mut args = world.args("ann");
    args.extend(["--trace".to_owned(), trace]);
    mpenc(&args).failed_saying(&["cannot begin the trace", "ann.trace"]);
}

#[test]
fn a_relay_traces_who_comes_and_goes() {
    let world = World::of(&["ann"]);
    let trace = world.path("relay.trace");
    let shown = trace.to_str().unwrap();
    let mut relay = Live::start("relay", &["relay", "--listen", "127.0.0.1:0", "--trace", shown]);
    let listening = relay.says(&["listening on "]);
    let mut args = world.args("ann");
    let address = args.iter().position(|arg| *arg == world.address).unwrap();
    args[address] = listening.rsplit(' ').next().unwrap().to_owned();
    let mut ann = Live::start("ann", &args);
    ann.says(&["you are in the room"]);
    ann.type_in("/part");
    assert_eq!(ann.ends().0, 0);
    relay.signal("-INT");
    assert_eq!(relay.ends().0, 0);
    let text = fs::read_to_string(&trace).unwrap();
    assert!(text.contains("entered room=\"tea\" name=\"ann\""), "{text}");
    assert!(text.contains("left room=\"tea\" name=\"ann\""), "{text}");
}
