//! `mpenc relay`.

use crate::live::{Live, World};
use crate::program::mpenc;

#[test]
fn a_port_in_use_is_named() {
    let world = World::of(&[]);
    let run = mpenc(&["relay", "--listen", &world.address]);
    run.failed_saying(&["cannot listen on", &world.address, "in use"]);
    assert_eq!(run.stderr.matches("in use").count(), 1, "said once: {}", run.stderr);
}

#[test]
fn other_machines_are_let_in_only_by_request() {
    for address in ["0.0.0.0:0", "[::]:0"] {
        mpenc(&["relay", "--listen", address]).failed_saying(&[address, "--allow-remote"]);
    }
    let mut relay = Live::start("relay", &["relay", "--listen", "0.0.0.0:0", "--allow-remote"]);
    relay.says(&["listening on 0.0.0.0:"]);
}

#[test]
fn what_is_no_address_is_a_wrong_command_line() {
    for address in ["", "here", "127.0.0.1", "127.0.0.1:70000", "::1:x"] {
        let run = mpenc(&["relay", "--listen", address]);
        let first = run.stderr.lines().next().unwrap_or_default();
        assert_eq!(run.code, 2, "{address}: {}", run.stderr);
        assert!(first.contains("an IP address and a port are expected"), "{first}");
        assert!(first.contains("--listen"), "{first}");
    }
}

#[cfg(unix)]
#[test]
fn an_interrupt_ends_it_well_and_its_clients_are_told() {
    let mut world = World::of(&["ann"]);
    let ann = world.enters("ann");
    let relay = world.take_relay();
    relay.signal("-INT");
    let (code, _, errors) = relay.ends();
    assert_eq!((code, errors), (0, vec![]));
    ann.fails_saying(&["the session is over: the relay closes"]);
}
