//! The full-screen client, in a terminal of its own.

use crate::live::{Live, World};
use crate::terminal::{ESC, Terminal, UP};

#[test]
fn a_conversation_on_the_screen() {
    let world = World::of(&["ann", "bob", "carol"]);
    let mut ann = Terminal::start("ann", &world.args("ann"), 24, 90);
    ann.shows(&["you are in the room, alone", "you are alone"]);
    let mut bob = world.enters("bob");
    let mut carol = world.enters("carol");
    ann.shows(&["in the room*", "bob", "carol", "* says the server"]);
    ann.presses("/inc\tbo\tcar\t\r");
    ann.shows(&["members, as each of them confirmed: ann, +bob, +carol", "to bob, carol"]);
    bob.says(&["you are a member now"]);
    carol.says(&["you are a member now"]);
    // Whose key was compared stands below the name.
    ann.until("no key compared", |screen| screen.matches("key not compared").count() == 2);
    let bobs = mpenc_cli::keys::load_identity(&world.key("bob")).unwrap().public_key();
    ann.enters(&format!("/verify bob {}", mpenc_cli::keys::Fingerprint::of(&bobs)));
    ann.shows(&["the key of bob is compared, and recorded", "✓ verified"]);
    // What is being typed stays while messages come.
    ann.presses("half a line");
    bob.type_in("hello from bob");
    ann.shows(&["✓ [1] bob: hello from bob", "half a line"]);
    ann.enters(", and the rest");
    carol.says(&["[2] <ann> half a line, and the rest"]);
    ann.shows(&["✓ [2] ann: half a line, and the rest", "everything acked"]);
    // Several lines, pasted, are one message.
    ann.presses("\u{1b}[200~one\ntwo\u{1b}[201~");
    ann.shows(&["one", "two"]);
    ann.presses("\r");
    bob.says(&["[3] <ann> one⏎two"]);
    ann.shows(&["✓ [3] ann: one"]);
    ann.enters("/exclude carol");
    ann.shows(&["−carol (exclude", "2 members", "to bob"]);
    carol.fails_saying(&["the session is over: ann excluded you"]);
    ann.presses("\u{3}");
    bob.says(&["ann is leaving"]);
    ann.ends_well();
}

/// Who does not answer is seen at once, who has not acked what after a while; and the channel's word
/// on presence stands apart.
#[test]
fn who_is_missed_is_named() {
    let world = World::of(&["ann", "bob", "carol"]);
    let mut ann = Terminal::start("ann", &world.args("ann"), 24, 90);
    ann.shows(&["you are in the room"]);
    let bob = world.enters("bob");
    let mut carol = world.enters("carol");
    ann.enters("/include bob carol");
    ann.shows(&["to bob, carol"]);
    carol.says(&["you are a member now"]);
    bob.signal("-STOP");
    ann.enters("is bob there?");
    ann.shows(&["· [1] ann: is bob there?", "not acked by all yet"]);
    ann.shows(&[
        "! [1] ann: is bob there?",
        "overdue, acked by 1 of 2, not bob",
        "1 message not seen by bob for",
    ]);
    bob.signal("-CONT");
    ann.shows(&["✓ [1] ann: is bob there?", "everything acked"]);
}

/// The whole screen: who joins what, and how far messages are.
#[test]
fn joining_and_what_is_acked_as_a_picture() {
    let world = World::of(&["ann", "bob", "carol"]).patient();
    let mut ann = Terminal::start("ann", &world.args("ann"), 24, 90);
    ann.shows(&["you are in the room"]);
    let mut bob = world.enters("bob");
    let mut carol = Terminal::start("carol", &world.args("carol"), 24, 90);
    carol.shows(&["you are in the room"]);
    ann.shows(&["somebody called carol"]);
    ann.enters("/include bob carol");
    carol.shows(&["you are a member now", "to ann, bob"]);
    bob.says(&["you are a member now"]);
    bob.type_in("hello from bob");
    ann.shows(&["[1] bob: hello from bob"]);
    bob.signal("-STOP");
    ann.enters("is bob there?");
    carol.shows(&["[2] ann: is bob there?"]);
    // What she writes acks what she has seen.
    carol.enters("I do not see him");
    ann.shows(&["[3] carol: I do not see him"]);
    carol.shows(&["✓ [1] bob", "[2] ann: is bob there?  acked by 1 of 2", "[3] carol: I do not"]);
    insta::assert_snapshot!("carol_joined", carol.picture());
    ann.enters("/to bob: for you alone");
    ann.shows(&["this waits", "(1) queued for bob"]);
    ann.shows(&["✓ [1] bob", "· [2] ann: is bob there?  acked by 1 of 2"]);
    insta::assert_snapshot!("acked_queued_and_not_yet_acked", ann.picture());
}

/// Three members, each of whom has written something: the last one, ann, that is not acked yet.
fn three_who_have_talked(world: &World) -> (Terminal, [Live; 2]) {
    let mut ann = Terminal::start("ann", &world.args("ann"), 24, 90);
    ann.shows(&["you are in the room"]);
    let mut bob = world.enters("bob");
    let mut carol = world.enters("carol");
    ann.shows(&["somebody called carol"]);
    ann.enters("/include bob carol");
    for member in [&mut bob, &mut carol] {
        member.says(&["you are a member now"]);
    }
    bob.type_in("hello from bob");
    carol.says(&["[1] <bob>"]);
    carol.type_in("a text that is too long for one line, as texts of people who talk a lot are");
    ann.shows(&["[2] carol:"]);
    ann.enters("I see");
    bob.says(&["[3] <ann>"]);
    ann.shows(&["✓ [1] bob", "acked by 1 of 2", "· [3] ann: I see  sent"]);
    (ann, [bob, carol])
}

/// The whole screen: a selected message, and a smaller window.
#[test]
fn a_selected_message_and_a_smaller_window_as_a_picture() {
    let world = World::of(&["ann", "bob", "carol"]).patient();
    let (mut ann, _others) = three_who_have_talked(&world);
    ann.presses(UP);
    ann.presses(UP);
    ann.shows(&["written by carol after [1]", "readers: ann, bob", "acked by ann; not by bob"]);
    insta::assert_snapshot!("selected_with_its_detail", ann.picture());
    ann.resizes(15, 60);
    ann.until("the narrow screen", |screen| {
        screen.contains("you are a member with bob, carol") && !screen.contains("3 members")
    });
    insta::assert_snapshot!("selected_in_a_small_window", ann.picture());
    ann.presses(ESC);
    ann.shows_no("readers: ");
    ann.presses("half a line");
    ann.shows(&["half a line"]);
    insta::assert_snapshot!("a_small_window", ann.picture());
    ann.resizes(24, 90);
    ann.shows(&["3 members", "half a line"]);
}

/// The whole screen: an exclude that somebody has not confirmed yet.
#[test]
fn an_exclude_in_progress_as_a_picture() {
    let world = World::of(&["ann", "bob", "carol"]).patient();
    let (mut ann, [bob, mut carol]) = three_who_have_talked(&world);
    carol.says(&["[3] <ann>"]);
    carol.type_in("good");
    ann.shows(&["[3] ann: I see  acked by 1 of 2", "[4] carol: good  sent"]);
    bob.signal("-STOP");
    ann.enters("/exclude carol");
    ann.shows(&["exclude by ann runs", "ann confirmed (1 of 2)"]);
    insta::assert_snapshot!("an_exclude_in_progress", ann.picture());
    bob.signal("-CONT");
    ann.shows(&["−carol (exclude", "2 members", "to bob ─"]);
}

/// A relay that tells members different things is called out, and the summary says so until the end.
#[test]
fn a_lying_relay_is_shown() {
    let world = World::with_relay(&["ann", "bob", "cat", "dan"], &["--lie", "membership"]);
    let mut ann = Terminal::start("ann", &world.args("ann"), 24, 100);
    ann.shows(&["you are in the room"]);
    let mut bob = world.enters("bob");
    let mut cat = world.enters("cat");
    ann.enters("/include bob cat");
    bob.says(&["you are a member now"]);
    cat.says(&["you are a member now"]);
    let _dan = world.enters("dan");
    ann.shows(&["dan came in"]);
    ann.enters("/refresh");
    ann.shows(&["‼ bob was told another history", "the server told you and bob different things"]);
    insta::assert_snapshot!("a_lying_relay", ann.picture());
    ann.enters("who sees this?");
    ann.shows(&["≠ [1] ann: who sees this?", "history differs: bob"]);
}

#[test]
fn help_takes_the_place_of_the_conversation_for_a_while() {
    let world = World::of(&["ann", "bob"]);
    let mut ann = Terminal::start("ann", &world.args("ann"), 15, 60);
    ann.shows(&["you are in the room"]);
    ann.enters("/help");
    ann.shows(&["help, lines 1 to 10 of ", "/include NAME…"]);
    let _bob = world.enters("bob");
    ann.presses("\u{1b}[6~\u{1b}[6~\u{1b}[6~\u{1b}[6~\u{1b}[6~\u{1b}[6~/include");
    ann.shows(&["Ctrl+C removes what is typed", "· Esc: back"]);
    ann.presses(ESC);
    ann.shows(&["you are in the room", "somebody called bob came in", "/include"]);
    ann.enters(" bob");
    ann.shows(&["members, as each of them confirmed: ann, +bob"]);
}

#[test]
fn a_session_that_ends_stays_to_be_read() {
    let mut world = World::of(&["ann"]);
    let mut ann = Terminal::start("ann", &world.args("ann"), 24, 90);
    ann.shows(&["you are in the room"]);
    world.take_relay().kill();
    ann.shows(&["Enter closes", "you are in the room"]);
    ann.presses("\r");
    assert_eq!(ann.ends(), 1);
}

#[test]
fn lines_are_for_whoever_likes_them() {
    let world = World::of(&["ann"]);
    let mut args = world.args("ann");
    args.push("--plain".to_owned());
    let mut ann = Terminal::start("ann", &args, 24, 90);
    ann.shows(&["* you are in the room, alone; whoever enters can be included"]);
    ann.enters("/part");
    ann.shows(&["* you left the room"]);
    ann.ends_well();
}
