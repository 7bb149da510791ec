//! `mpenc relay` with faults, and what people see of them.

use crate::live::World;
use crate::program::mpenc;

/// A fifth of all messages is lost on the way to each reader, and nothing is lost for good.
#[test]
fn a_chat_over_a_losing_relay_ends_fully_acked() {
    let names = ["ann", "bob", "cat"];
    let faults = ["--drop", "20", "--duplicate", "5", "--delay", "300ms"];
    let world = World::with_relay(&names, &faults);
    let [mut ann, mut bob, mut cat] = world.group(names);
    for (name, live) in [("ann", &mut ann), ("bob", &mut bob), ("cat", &mut cat)] {
        for number in 1..=3 {
            live.type_in(&format!("{name}'s text {number}"));
        }
    }
    for live in [&mut ann, &mut bob, &mut cat] {
        let mut acked = live.heard().iter().filter(|line| line.starts_with("✓")).count();
        while acked < 9 {
            live.says(&["✓", "everybody has acked it"]);
            acked += 1;
        }
    }
}

/// One member is not told who enters. Who was told something else is called out by name, with both
/// values, once the next operation has been counted differently.
#[test]
fn a_relay_that_hides_a_member_of_the_room_is_called_out() {
    let names = ["ann", "bob", "cat", "dan"];
    let world = World::with_relay(&names, &["--lie", "membership"]);
    let [mut ann, mut bob, mut cat] = world.group(["ann", "bob", "cat"]);
    // Bob is not told that dan is in the room.
    let _dan = world.enters("dan");
    ann.says(&["dan came in"]);
    ann.type_in("/refresh");
    for live in [&mut ann, &mut cat] {
        live.says(&["!!!", "bob was told another history than you were", "our latest is"]);
    }
    bob.says(&["!!!", "was told another history than you were", "our latest is"]);
    assert!(!bob.heard().iter().any(|line| line.contains("dan came in")));
    bob.type_in("/refresh");
    bob.says(&["a member was told another history"]);
}

/// One member never gets some packets, nor copies of them: their authors are told who has not.
#[test]
fn a_relay_that_withholds_packets_is_called_out() {
    let names = ["ann", "bob", "cat"];
    let world = World::with_relay(&names, &["--lie", "packets"]);
    let [mut ann, mut bob, _cat] = world.group(names);
    for number in 1..=6 {
        ann.type_in(&format!("text {number}"));
    }
    ann.says(&["not acked in time by bob"]);
    bob.says(&["waits out of sight"]);
}

#[test]
fn faults_that_make_no_sense_are_a_wrong_command_line() {
    for (option, value) in
        [("--drop", "101"), ("--duplicate", "-1"), ("--delay", "soon"), ("--lie", "always")]
    {
        let run = mpenc(&["relay", &format!("{option}={value}")]);
        assert_eq!((run.code, run.stdout.as_str()), (2, ""), "{option}");
        assert!(run.stderr.contains(option) && run.stderr.contains(value), "{}", run.stderr);
    }
}
