//! `mpenc chat --log` and `mpenc graph`.

use std::fs;

use crate::live::{Live, World};
use crate::program::mpenc;

/// ann's chat, logged with these arguments: she includes bob, both write, she leaves.
fn logged(world: &World, more: &[&str]) -> String {
    let log = world.path("tea.log").to_str().expect("UTF-8").to_owned();
    let [mut ann, mut bob] = world.tells_a_secret(&[&["--log", &log], more].concat());
    bob.type_in("agreed");
    ann.says(&["[2] <bob> agreed"]);
    ann.says(&["✓ [2]"]);
    ann.type_in("/part");
    assert_eq!(ann.ends().0, 0);
    log
}

#[test]
fn a_chat_is_logged_without_its_texts_and_drawn() {
    let world = World::of(&["ann", "bob"]);
    let log = logged(&world, &[]);
    let text = fs::read_to_string(&log).expect("a log");
    assert!(!text.contains("secret") && !text.contains("agreed"), "{text}");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(fs::metadata(&log).expect("there").permissions().mode() & 0o777, 0o600);
    }
    let svg = mpenc(&["graph", &log]);
    assert_eq!(svg.code, 0, "{}", svg.stderr);
    assert!(svg.stdout.starts_with("<svg "), "{}", svg.stdout);
    for shown in ["members: ann, +bob (establish by ann)", "[1] ann", "[2] bob (acked by all)"] {
        assert!(svg.stdout.contains(shown), "{shown} is not in {}", svg.stdout);
    }
    let dot = mpenc(&["graph", &log, "--format", "dot"]);
    assert!(dot.stdout.contains("m2 -> m1;"), "{}", dot.stdout);

    // What is there is never overwritten.
    let mut args = world.args("ann");
    args.extend(["--log".to_owned(), log.clone()]);
    mpenc(&args).failed_saying(&["cannot begin the log", "tea.log"]);
    assert_eq!(fs::read_to_string(&log).expect("a log"), text);
}

#[test]
fn texts_are_logged_if_asked_for_and_never_become_markup() {
    let world = World::of(&["ann", "bob"]);
    let log = logged(&world, &["--log-text"]);
    let html = mpenc(&["graph", &log, "--format", "html"]).stdout;
    assert!(html.starts_with("<!DOCTYPE html>"), "{html}");
    assert!(html.contains("[1] ann: a &lt;secret&gt; plan"), "{html}");
    // It is one file: nothing else is loaded.
    let html = html.replace("http://www.w3.org/2000/svg", "");
    for link in ["http:", "https:", "src=", "href=", "url(", "@import"] {
        assert!(!html.contains(link), "{link} is in {html}");
    }
}

#[test]
fn what_is_no_log_is_refused_with_a_sentence() {
    let world = World::of(&["ann"]);
    let key = world.key("ann");
    let key = key.to_str().expect("UTF-8");
    mpenc(&["graph", key]).failed_saying(&["ann.key is no log of a chat", "line 1"]);
    mpenc(&["graph", "nowhere.log"]).failed_saying(&["cannot read nowhere.log"]);
}

/// The disk is full, or what comes to the same: no file may grow. The chat goes on, and says once that
/// the log has ended.
#[test]
#[cfg(target_os = "linux")]
fn a_log_that_cannot_be_written_ends_and_the_chat_does_not() {
    let world = World::of(&["ann", "bob"]);
    let log = world.path("full.log").to_str().expect("UTF-8").to_owned();
    let mut command = std::process::Command::new("sh");
    let limited = "trap '' XFSZ; ulimit -f 0; exec \"$0\" \"$@\"";
    command.args(["-c", limited, env!("CARGO_BIN_EXE_mpenc")]).args(world.args("ann"));
    let mut ann = Live::run("ann", command.args(["--log", &log]));
    ann.says(&["! the log ends here, as it cannot be written: "]);
    ann.says(&["you are in the room"]);
    let mut bob = world.enters("bob");
    ann.type_in("/include bob");
    bob.says(&["you are a member now"]);
    ann.says(&["members, as each of them confirmed"]);
    ann.type_in("hello all the same");
    bob.says(&["[1] <ann> hello all the same"]);
    ann.says(&["✓ [1]"]);
    let told = ann.heard().iter().filter(|line| line.contains("the log ends here")).count();
    assert_eq!(told, 1, "{:?}", ann.heard());
}
