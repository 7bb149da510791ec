//! `mpenc chat`: real processes that talk over a real relay.

use std::fs;

use serde_json::Value;

use crate::live::{Live, World};
use crate::program::mpenc;

#[test]
fn three_people_talk_and_one_after_the_other_leaves() {
    let world = World::of(&["ann", "bob", "carol"]);
    let [mut ann, mut bob, mut carol] = world.group(["ann", "bob", "carol"]);

    bob.type_in("hello there");
    for live in [&mut ann, &mut bob, &mut carol] {
        live.says(&["[1] <bob> hello there"]);
    }
    bob.says(&["✓ [1] everybody has acked it"]);
    bob.type_in("/acks");
    bob.says(&["* no message lacks an ack"]);
    bob.type_in("/who");
    assert_eq!(bob.says(&["you are a member; "]), "* you are a member; members: ann, bob, carol");
    let figures: Vec<String> = [&mut ann, &mut bob]
        .into_iter()
        .map(|live| {
            live.type_in("/status");
            live.says(&["transcript", "chain hash"])
        })
        .collect();
    let chain =
        |line: &str| line.split("; ").find(|part| part.starts_with("chain")).map(String::from);
    assert_eq!(chain(&figures[0]), chain(&figures[1]));

    ann.type_in("/refresh");
    for live in [&mut ann, &mut bob, &mut carol] {
        live.says(&["the group key is new; members as before: ann, bob, carol (refresh by ann)"]);
    }

    ann.type_in("/exclude carol");
    carol.says(&["! ann excluded you"]);
    bob.says(&["members, as each of them confirmed: ann, bob; −carol (exclude by ann)"]);
    carol.fails_saying(&["the session is over: ann excluded you"]);

    bob.type_in("/part");
    bob.says(&["leaving, once everybody has acked that you leave, or after 16 s"]);
    bob.says(&["you left the room"]);
    assert_eq!(bob.ends(), (0, vec![], vec![]));
    ann.says(&["bob is leaving"]);
    ann.says(&["alone now: ann; −bob"]);
    ann.type_in("/part");
    ann.says(&["you left the room"]);
    assert_eq!(ann.ends(), (0, vec![], vec![]));
}

/// What is written to certain readers waits for them, and for nobody else (SE-28).
#[test]
fn a_text_waits_for_its_readers() {
    let world = World::of(&["ann", "bob", "carol"]);
    let [mut ann, mut bob, mut carol] = world.group(["ann", "bob", "carol"]);
    ann.type_in("/to bob: about carol");
    ann.says(&["waits", "exactly you and bob"]);
    ann.type_in("/to carol bob: for all");
    carol.says(&["[1] <ann> for all"]);
    bob.says(&["[1] <ann> for all"]);
    ann.type_in("/exclude carol");
    ann.says(&["what waited for its readers has been sent"]);
    bob.says(&["[2] <ann> about carol"]);
    carol.fails_saying(&["the session is over: ann excluded you"]);
    ann.type_in("/to carol: too late");
    ann.says(&["waits", "exactly you and carol"]);
    ann.type_in("/part");
    ann.says(&["! never sent to carol", "your part in the session is over", "too late"]);
    ann.says(&["you left the room"]);
}

#[test]
fn what_waits_when_the_session_ends_is_told() {
    let mut world = World::of(&["ann", "bob", "carol"]);
    let [mut ann, _bob, _carol] = world.group(["ann", "bob", "carol"]);
    ann.type_in("/to bob: about carol");
    ann.says(&["waits", "exactly you and bob"]);
    world.take_relay().kill();
    ann.says(&["! never sent to bob", "your part in the session is over", "about carol"]);
    ann.fails_saying(&["mpenc: the session is over: ", "the relay"]);
}

#[test]
fn what_waits_is_listed_and_taken_back() {
    let world = World::of(&["ann", "bob", "carol"]);
    let [mut ann, mut bob, _carol] = world.group(["ann", "bob", "carol"]);
    ann.type_in("/queue");
    ann.says(&["* nothing waits for its readers"]);
    ann.type_in("/to bob: first");
    ann.says(&["exactly you and bob; /take-back 1 takes it back"]);
    ann.type_in("/to bob: second");
    ann.says(&["/take-back 2 takes it back"]);
    ann.type_in("/take-back 1");
    ann.says(&["* taken back, and will not be sent: first"]);
    ann.type_in("/queue");
    assert_eq!(ann.says(&["waits for"]), "* (2) waits for bob: second");
    for number in ["0", "1", "3"] {
        ann.type_in(&format!("/take-back {number}"));
        ann.says(&[&format!("! nothing waits under the number {number}: see /queue")]);
    }
    ann.type_in("/exclude carol");
    bob.says_before(&["<ann> second"], "first");
    ann.type_in("/queue");
    ann.says(&["* nothing waits for its readers"]);
}

#[test]
fn programs_read_json() {
    let world = World::of(&["ann", "bob"]);
    let start = |name: &str| {
        let mut args = world.args(name);
        args.push("--json".into());
        Live::start(name, &args)
    };
    let mut ann = start("ann");
    ann.says(&[r#""line":"note""#, "alone"]);
    let mut bob = start("bob");
    bob.says(&[r#""line":"note""#]);
    ann.type_in("/include bob");
    let members: Value = serde_json::from_str(&bob.says(&[r#""line":"members""#])).unwrap();
    assert_eq!(members["members"], serde_json::json!(["ann", "bob"]));
    assert_eq!((&members["by"], &members["operation"]), (&"ann".into(), &"establish".into()));
    ann.says(&[r#""line":"ended""#, r#""completed":true"#]);
    bob.type_in("\u{9b}2J \"quoted\" \u{202e}");
    let line = ann.says(&[r#""line":"message""#]);
    assert!(line.is_ascii(), "nothing in it can play tricks: {line:?}");
    let message: Value = serde_json::from_str(&line).unwrap();
    assert_eq!(message["text"], "\u{9b}2J \"quoted\" \u{202e}");
    assert_eq!((&message["author"], &message["number"]), (&"bob".into(), &1.into()));
    bob.says(&[r#""line":"fully_acked""#]);
    bob.end_input();
    let (code, _, errors) = bob.ends();
    assert_eq!((code, errors), (0, vec![]));
    for line in ann.heard() {
        let line: Value = serde_json::from_str(line).unwrap();
        assert!(line["line"].is_string(), "{line}");
    }
}

#[test]
fn whoever_has_no_known_key_is_not_included() {
    let world = World::of(&["ann", "bob", "eve"]);
    world.knows("ann", &["bob"]);
    let [mut ann, _bob] = world.group(["ann", "bob"]);
    let _eve = world.enters("eve");
    ann.says(&["somebody called eve came in", "ann.peers has no key for that name"]);
    ann.type_in("/include eve");
    ann.says(&["! eve was not included", "ann.peers has no key for that name"]);
    ann.type_in("/who");
    // Whether bob has confirmed the history by now is a matter of time.
    let line = ann.says(&["you are a member"]);
    let who = "* you are a member; members: ann, bob; also in the room, says the server: eve";
    assert!(line.starts_with(who), "{line}");
}

#[test]
fn a_member_who_does_not_know_the_key_ends_the_operation() {
    let world = World::of(&["ann", "bob", "eve"]);
    world.knows("bob", &["ann"]);
    let [mut ann, mut bob] = world.group(["ann", "bob"]);
    let mut eve = world.enters("eve");
    ann.says(&["called eve came in"]);
    ann.type_in("/include eve");
    bob.says(&["! you do not confirm the include by ann", "eve", "bob.peers"]);
    ann.says(&["! include by ann ended without effect: bob aborted it", "eve"]);
    eve.says(&["! include by ann ended without effect: bob aborted it", "eve"]);
    ann.type_in("still the two of us");
    bob.says(&["[1] <ann> still the two of us"]);
    ann.type_in("/who");
    ann.says(&["members: ann, bob;", "eve"]);
}

#[test]
fn whoever_has_a_wrong_key_of_a_member_is_told_and_leaves() {
    let world = World::of(&["ann", "bob", "carol", "eve"]);
    // ann takes eve's key for bob's, and the other way round.
    let peers = fs::read_to_string(world.peers("ann")).unwrap();
    let swapped = peers.replace("bob ", "- ").replace("eve ", "bob ").replace("- ", "eve ");
    fs::write(world.peers("ann"), swapped).unwrap();
    let [mut ann, mut bob, mut carol] = ["ann", "bob", "carol"].map(|name| world.enters(name));
    ann.type_in("/include bob carol");
    for live in [&mut bob, &mut carol] {
        live.says(&["you are a member now"]);
    }
    // They go on without ann.
    carol.type_in("is ann there?");
    bob.says(&["<carol> is ann there?"]);
    ann.says(&[
        "bob did not confirm the establish by ann",
        "either the key that you have of them is wrong, or the server replays or forges packets",
    ]);
    ann.fails_saying(&["the session is over: bob could not be authenticated"]);
    bob.says(&["bob, carol; −ann"]);
}

#[test]
fn a_newcomer_who_does_not_know_the_members_does_not_join_them() {
    let world = World::of(&["ann", "bob"]);
    world.knows("bob", &[]);
    let mut ann = world.enters("ann");
    let mut bob = world.enters("bob");
    ann.says(&["called bob came in"]);
    ann.type_in("/include bob");
    bob.says_before(
        &["! you do not confirm the establish by ann", "ann", "bob.peers"],
        "member now",
    );
    ann.says_before(&["! establish by ann ended without effect: "], "confirmed: ann, bob");
}

#[test]
fn whoever_is_not_there_yet_is_waited_for() {
    let world = World::of(&["ann", "bob"]);
    let mut ann = world.enters("ann");
    ann.type_in("/include bob");
    ann.says(&["* not in the room: bob; the proposal waits up to 2 s for them to enter"]);
    ann.says(&["! #1 had no effect: bob did not enter the room"]);

    let _bob = world.enters("bob");
    ann.type_in("/include bob");
    ann.says(&["members, as each of them confirmed: ann, +bob (establish by ann)"]);
}

#[cfg(unix)]
#[test]
fn who_has_not_acked_what_is_told_and_withdrawn() {
    let world = World::of(&["ann", "bob", "carol"]);
    let [mut ann, mut bob, carol] = world.group(["ann", "bob", "carol"]);
    carol.signal("-STOP");
    ann.type_in("where is carol?");
    bob.says(&["[1] <ann> where is carol?"]);
    ann.says(&["! [1] not acked in time by carol: <ann> where is carol?"]);
    ann.type_in("/acks");
    assert_eq!(ann.says(&["* [1]"]), "* [1] not acked by carol: <ann> where is carol?");
    carol.signal("-CONT");
    ann.says(&["✓ [1] everybody has acked it"]);
    ann.type_in("/acks");
    ann.says(&["* no message lacks an ack"]);
}

/// That somebody is missed is told, and withdrawn: because they are heard of again, or because they
/// are gone.
#[cfg(unix)]
#[test]
fn who_is_missed_is_told_and_withdrawn() {
    let world = World::of(&["ann", "bob", "carol"]);
    let [mut ann, bob, carol] = world.group(["ann", "bob", "carol"]);
    for silent in [&bob, &carol] {
        silent.signal("-STOP");
    }
    ann.says_in_any_order([
        "! nothing shows that bob is still there",
        "! nothing shows that carol is still there",
    ]);
    bob.signal("-CONT");
    ann.says_before(&["* bob is there again"], "carol is there again");
    carol.kill();
    ann.says_before(&["* no sign of life of carol is awaited any more"], "carol is there again");
}

#[cfg(unix)]
#[test]
fn what_a_killed_member_never_acked_stays_marked() {
    let world = World::of(&["ann", "bob", "carol"]);
    let [mut ann, mut bob, carol] = world.group(["ann", "bob", "carol"]);
    carol.signal("-STOP");
    ann.type_in("where is carol?");
    bob.says(&["[1] <ann> where is carol?"]);
    carol.kill();
    ann.says(&["carol left the room, says the server"]);
    ann.says_in_any_order([
        "members, as each of them confirmed: ann, bob; −carol",
        "! [1] carol left or was excluded before acking it: <ann> where is carol?",
    ]);
    ann.type_in("/acks");
    ann.says(&["* [1] not acked by carol: <ann> where is carol?"]);
    // What is missing is of a sub-session that is over; the last one is acked by everybody.
    ann.type_in("/part");
    ann.says(&["leaving, ", "; so far, 1 message is not acked by everybody"]);
    ann.says(&["! everybody has acked that you leave, but not everything: 1 message is not"]);
    ann.says_before(&["you left the room"], "acked everything");
}

#[test]
fn a_relay_that_dies_ends_the_session_with_a_sentence() {
    let mut world = World::of(&["ann", "bob"]);
    let [ann, bob] = world.group(["ann", "bob"]);
    world.take_relay().kill();
    for live in [ann, bob] {
        live.fails_saying(&["mpenc: the session is over: ", "the relay"]);
    }
}

#[test]
fn the_end_of_input_parts() {
    let world = World::of(&["ann", "bob"]);
    let [mut ann, mut bob] = world.group(["ann", "bob"]);
    ann.type_in("goodbye");
    ann.end_input();
    bob.says(&["<ann> goodbye"]);
    bob.says(&["ann is leaving"]);
    ann.says(&["everybody has acked everything"]);
    ann.says(&["you left the room"]);
    assert_eq!(ann.ends(), (0, vec![], vec![]));
    bob.end_input();
    assert_eq!(bob.ends().0, 0);
}

#[test]
fn the_end_of_input_ends_waiting() {
    let world = World::of(&["ann", "bob"]);
    let _ann = world.enters("ann");
    let mut bob = world.enters("bob");
    bob.end_input();
    bob.says(&["you left the room"]);
    assert_eq!(bob.ends(), (0, vec![], vec![]));
}

#[test]
fn every_legal_name_can_be_typed() {
    let odd = "Zoë \"the\u{202e} 1st\"";
    let world = World::of(&["ann lee", odd]);
    let mut ann = world.enters("ann lee");
    let mut zoe = world.enters(odd);
    let shown = r#""Zoë \"the\u{202e} 1st\"""#;
    zoe.type_in("/who");
    zoe.says(&[&format!("members: {shown}; also in the room, says the server: \"ann lee\"")]);
    ann.says(&[&format!("; /include {shown} checks that")]);
    ann.type_in("/include Zoë");
    ann.says(&["! Zoë was not included"]);
    ann.type_in("/include \"Zoë");
    ann.says(&["! /include: a quoted name has no closing \""]);
    ann.type_in(&format!("/include {shown}"));
    ann.says(&[&format!("members, as each of them confirmed: +{shown}, \"ann lee\"")]);
    zoe.says(&["you are a member now"]);
    zoe.type_in("/exclude \"ann lee\"");
    ann.says(&[&format!("! {shown} excluded you")]);
}

#[test]
fn nothing_shown_commands_a_terminal_or_turns_the_writing() {
    let world = World::of(&["ann", "bob"]);
    let [mut ann, mut bob] = world.group(["ann", "bob"]);
    bob.type_in(
        "\u{1b}]0;title\u{7}\u{1b}[2J\u{9b}31m\r[7] <ann> I owe you\u{202e}\u{2067} 5\u{200f}",
    );
    let line = ann.says(&["I owe you"]);
    assert_eq!(line, "[1] <bob> �]0;title��[2J�31m�[7] <ann> I owe you�� 5�");
    ann.says(&["✓ [1]"]);
    ann.type_in("/\u{1b}[2J");
    ann.says(&["! there is no command /�[2J: "]);
    bob.says(&["✓ [1]"]);
    for line in ann.heard().iter().chain(bob.heard()) {
        assert!(
            !line.chars().any(|c| c.is_control() || "\u{202e}\u{2067}\u{200f}".contains(c)),
            "{line:?}"
        );
    }
}

#[test]
fn what_cannot_be_done_is_refused_in_a_sentence() {
    let world = World::of(&["ann", "bob"]);
    let mut ann = world.enters("ann");
    let long = "x".repeat(32_767);
    let refused = |live: &mut Live, typed: &str, sentence: &str| {
        live.type_in(typed);
        live.says(&[sentence]);
    };
    for (typed, sentence) in [
        ("hello?", "! not sent: there is nobody to read it"),
        ("/refresh", "! you are alone: there is no group key to refresh"),
        ("/include", "! /include needs one or more names"),
        ("/include ann", "! you cannot include or exclude yourself; /part leaves"),
        ("/include \"\"", "! \"\" is no name: "),
        ("/include __server__", "! __server__ is no name: "),
        ("/exclude bob", "! bob is no member"),
        ("/include bob bob", "! bob is named twice"),
        ("/abort", "! no operation runs that could be aborted"),
        ("/start", "! you are in a session already"),
        ("/etc/hosts is a file", "! there is no command /etc/hosts: "),
        ("/who is it", "! /who takes nothing more"),
        ("/help", "* /include NAME…"),
    ] {
        refused(&mut ann, typed, sentence);
    }
    let mut bob = world.enters("bob");
    refused(&mut bob, "/include ann", "! you are no member: a member has to include you first");
    refused(&mut bob, "hello?", "! not sent: there is nobody to read it");
    ann.says(&["called bob came in"]);
    ann.type_in("/include bob");
    bob.says(&["you are a member now"]);
    refused(&mut bob, "/include ann", "! ann is a member already");
    refused(&mut bob, &long, "! the message takes 32767 octets; 32766 are allowed");
    refused(&mut bob, "//not a command", "[1] <bob> /not a command");
}

#[test]
fn two_who_wait_for_each_other_can_start() {
    let world = World::of(&["ann", "bob", "out"]);
    let mut out = world.enters("out");
    let mut ann = world.enters("ann");
    let _bob = world.enters("bob");
    ann.says(&["called bob came in"]);
    ann.type_in("/start");
    ann.says(&["* a session of your own; /include adds others"]);
    ann.type_in("/include bob");
    ann.says(&["members, as each of them confirmed: ann, +bob"]);
    out.type_in("/who");
    out.says(&["members: out; also in the room, says the server: ann, bob"]);
}

#[test]
fn a_name_in_use_is_refused() {
    let world = World::of(&["ann"]);
    let _ann = world.enters("ann");
    Live::start("ann again", &world.args("ann"))
        .fails_saying(&["mpenc: cannot enter the room tea: ", "has the name `ann` already"]);
}

#[test]
fn a_relay_that_is_not_there_is_named_once() {
    let mut world = World::of(&["ann"]);
    let relay = world.take_relay();
    relay.kill();
    let run = mpenc(&world.args("ann"));
    run.failed_saying(&["cannot enter the room tea: ", &world.address, "refused"]);
    assert_eq!(run.stderr.matches("refused").count(), 1, "{}", run.stderr);
}

#[test]
fn what_is_no_relay_is_told() {
    let world = World::of(&["ann"]);
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let server = std::thread::spawn(move || {
        use std::io::Write as _;
        let (mut stream, _) = listener.accept().unwrap();
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").unwrap();
    });
    let mut args = world.args("ann");
    set(&mut args, "--relay", &address);
    mpenc(&args).failed_saying(&["cannot enter the room tea: ", "relay"]);
    server.join().unwrap();
}

fn set(args: &mut [String], option: &str, value: &str) {
    let at = args.iter().position(|arg| arg == option).expect("it is there");
    args[at + 1] = value.to_owned();
}

#[test]
fn bad_arguments_and_files_are_refused_in_one_sentence() {
    let world = World::of(&["ann", "bob"]);
    let fails = |option: &str, value: &str, words: &[&str]| {
        let mut args = world.args("ann");
        set(&mut args, option, value);
        mpenc(&args).failed_saying(words);
    };
    fails("--name", "", &["--name \"\" cannot be used"]);
    fails("--name", "a\u{1b}[2J", &["--name \"a\\u{1b}[2J\" cannot be used", "control"]);
    fails("--name", "a\u{9b}J", &["--name \"a\\u{9b}J\" cannot be used", "control"]);
    fails("--name", "__server__", &["--name \"__server__\" cannot be used", "reserved"]);
    fails("--name", &"x".repeat(1024), &["--name", "1023"]);
    fails(
        "--name",
        "bob",
        &["ann.peers has another public key for bob than the one of", "ann.key"],
    );
    fails("--room", "", &["--room \"\" cannot be used", "empty"]);
    fails("--room", "a\nb", &["--room \"a\\nb\" cannot be used", "control"]);
    fails("--key", "no-such.key", &["no-such.key", "No such file"]);
    let peers = world.peers("ann");
    fails("--key", peers.to_str().unwrap(), &["ann.peers"]);
    fails("--peers", "no-such.peers", &["no-such.peers", "No such file"]);
    let key = world.key("ann");
    fails("--peers", key.to_str().unwrap(), &["ann.key:1: ", "the public key"]);
    let bad = world.path("bad.peers");
    fs::write(&bad, "# us\nbob 12\n").unwrap();
    fails("--peers", bad.to_str().unwrap(), &["bad.peers:2: ", "64 hexadecimal digits"]);
    fs::write(&bad, b"bob \xff\n").unwrap();
    fails("--peers", bad.to_str().unwrap(), &["bad.peers", "UTF-8"]);

    let mut args = world.args("ann");
    set(&mut args, "--relay", "nowhere");
    let run = mpenc(&args);
    assert_eq!(run.code, 2);
    assert!(
        run.stderr.starts_with("error: invalid value 'nowhere' for '--relay"),
        "{}",
        run.stderr
    );
    assert!(run.stderr.contains("an IP address and a port are expected"), "{}", run.stderr);
}

#[test]
fn a_line_that_is_no_text_is_skipped() {
    let world = World::of(&["ann"]);
    let mut ann = world.enters("ann");
    ann.type_octets(b"\xff\xfe\n");
    ann.says(&["! that line is not UTF-8, and was not sent"]);
    ann.type_in("/who");
    ann.says(&["you are alone; members: ann"]);
}
