//! `mpenc doctor`: what is missing, and what to do about it.

use std::fs;

use crate::live::World;
use crate::program::{Run, mpenc};

fn doctor(world: &World, name: &str) -> Run {
    let mut args = world.args(name);
    args.truncate(args.iter().position(|arg| arg == "--latency-ms").unwrap());
    args[0] = "doctor".to_owned();
    mpenc(&args)
}

/// It says these, and whether all is well.
#[track_caller]
fn says(run: &Run, code: i32, texts: &[&str]) {
    assert_eq!((run.code, run.stderr.as_str()), (code, ""), "{}", run.stdout);
    for text in texts {
        assert!(run.stdout.contains(text), "{text:?} is not in {}", run.stdout);
    }
}

#[test]
fn a_chat_that_can_begin() {
    let world = World::of(&["ann", "bob"]);
    let shown = doctor(&world, "ann");
    says(
        &shown,
        0,
        &[
            "✓ secret key: ",
            "its fingerprint is ",
            "✓ peers: ",
            "has keys of ann, bob",
            "✓ name: ann, with your key",
            "· comparing: you have not compared keys with bob",
            &format!("✓ server: a relay answers at {}", world.address),
            "All that a chat needs is there.",
        ],
    );
    let secret = fs::read_to_string(world.key("ann")).unwrap();
    assert!(!shown.stdout.contains(secret.lines().last().unwrap()), "never shown");
}

#[test]
fn somebody_who_has_nothing_is_told_how_to_begin() {
    let run = mpenc(&["doctor"]);
    says(
        &run,
        1,
        &[
            "· configuration: there is no ",
            "✗ secret key: none is named\n    do: make one with mpenc keygen --out FILE",
            "✗ peers: no file is named\n    do: write a file with a line for everybody",
            "✗ server: none is named\n    do: choose with --relay",
            "3 things keep you from a chat.",
        ],
    );
}

#[test]
#[cfg(unix)]
fn keys_that_others_can_read_or_change() {
    use std::os::unix::fs::PermissionsExt as _;

    let world = World::of(&["ann", "bob"]);
    fs::set_permissions(world.key("ann"), fs::Permissions::from_mode(0o644)).unwrap();
    fs::set_permissions(world.peers("ann"), fs::Permissions::from_mode(0o666)).unwrap();
    says(
        &doctor(&world, "ann"),
        1,
        &[
            "✗ secret key: others than its owner can use",
            "chmod 600",
            "✗ peers: others can write",
            "do: chmod go-w",
            "2 things keep you from a chat.",
        ],
    );
}

#[test]
fn a_name_that_is_not_ours_and_a_key_that_changed() {
    let world = World::of(&["ann", "bob", "eve"]);
    fs::copy(world.key("eve"), world.path("ann.key2")).unwrap();
    fs::rename(world.path("ann.key2"), world.key("ann")).unwrap();
    says(
        &doctor(&world, "ann"),
        1,
        &["✗ name: ann has another public key in your peers file", "do: put "],
    );
    let peers = fs::read_to_string(world.peers("bob")).unwrap();
    let of = |name| peers.lines().find(|line| line.starts_with(name)).unwrap();
    let swapped = of("eve").replace("eve", "ann");
    fs::write(world.path("bob.peers.verified"), swapped).unwrap();
    says(
        &doctor(&world, "bob"),
        1,
        &["✗ comparing: ann: the key is not the one that you compared", "/verify"],
    );
}

#[test]
fn a_server_that_is_not_there() {
    let mut world = World::of(&["ann"]);
    world.take_relay().kill();
    says(
        &doctor(&world, "ann"),
        1,
        &[&format!("✗ server: {}: ", world.address), "do: start mpenc relay there"],
    );
    let mut args = world.args("ann");
    args.truncate(args.len() - 4);
    args[0] = "doctor".to_owned();
    args.push("--offline".to_owned());
    says(&mpenc(&args), 0, &["· server: not asked (--offline)"]);
}
