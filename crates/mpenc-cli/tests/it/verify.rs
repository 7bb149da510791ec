//! `/verify`: keys that people have compared.

use std::fs;

use mpenc_cli::keys::{Fingerprint, SecretKey, load_identity};
use serde_json::Value;

use crate::live::{Live, World};
use crate::program::mpenc;

fn fingerprint(world: &World, name: &str) -> String {
    Fingerprint::of(&load_identity(&world.key(name)).unwrap().public_key()).to_string()
}

#[test]
fn a_key_is_compared_and_recorded() {
    let world = World::of(&["ann", "bob", "carol"]);
    let [mut ann, _bob, _carol] = world.group(["ann", "bob", "carol"]);
    let (bob, own) = (fingerprint(&world, "bob"), fingerprint(&world, "ann"));
    ann.type_in("/verify bob");
    ann.says(&["* bob ", "│ you"]);
    ann.says(&[&format!("* {} │ {}", &bob[..23], &own[..23])]);
    ann.says(&[&format!("* {} │ {}", &bob[24..], &own[24..])]);
    ann.says(&["/verify bob DIGITS"]);
    for (typed, sentence) in [
        (own.clone(), "! these are your own digits: ask bob for theirs; nothing was recorded"),
        (
            fingerprint(&world, "carol"),
            "! these are not the digits of the key that you have of bob",
        ),
        (bob[..11].to_owned(), "! a fingerprint has 40 digits, and these are 10; nothing was"),
        ("yes".to_owned(), "! a fingerprint is made of digits and spaces only; nothing was"),
    ] {
        ann.type_in(&format!("/verify bob {typed}"));
        ann.says(&[sentence]);
    }
    ann.type_in("/verify ann");
    ann.says(&["! your own key is not compared with itself"]);
    ann.type_in("/verify eve");
    ann.says(&["ann.peers has no key for eve to compare"]);
    assert!(!world.path("ann.peers.verified").exists(), "nothing was recorded");
    ann.type_in("/who");
    ann.says_before(&["members: ann, bob, carol"], "compared");
    ann.type_in(&format!("/verify bob {bob}"));
    ann.says(&["* the key of bob is compared, and recorded"]);
    ann.type_in("/who");
    ann.says(&["members: ann, bob, carol; keys that you have compared: bob"]);
    let recorded = fs::read_to_string(world.path("ann.peers.verified")).unwrap();
    let key = hex::encode(load_identity(&world.key("bob")).unwrap().public_key());
    assert_eq!(recorded.lines().last(), Some(format!("bob {key}").as_str()));
}

#[test]
fn programs_get_fingerprints_as_they_are() {
    let world = World::of(&["ann", "bob"]);
    let mut args = world.args("ann");
    args.push("--json".into());
    let mut ann = Live::start("ann", &args);
    ann.says(&["alone"]);
    ann.type_in("/verify bob");
    let line: Value = serde_json::from_str(&ann.says(&["fingerprints"])).unwrap();
    assert_eq!(line["theirs"], fingerprint(&world, "bob"));
    assert_eq!(line["own"], fingerprint(&world, "ann"));
    assert_eq!(line["compared"], false);
}

#[test]
fn a_key_that_changed_since_is_a_loud_warning() {
    let world = World::of(&["ann", "bob"]);
    let before = fingerprint(&world, "bob");
    let mut ann = world.enters("ann");
    ann.type_in(&format!("/verify bob {before}"));
    ann.says(&["recorded"]);
    ann.type_in("/part");
    ann.says(&["you left the room"]);
    fs::remove_file(world.key("bob")).unwrap();
    SecretKey::generate().unwrap().save(&world.key("bob")).unwrap();
    world.knows("ann", &["ann", "bob"]);
    let mut ann = Live::start("ann", &world.args("ann"));
    let after = fingerprint(&world, "bob");
    ann.says(&[
        "!!! the key that you have of bob is not the one that you compared",
        &before,
        &after,
    ]);
    ann.type_in(&format!("/verify bob {after}"));
    ann.says(&["recorded"]);
    ann.type_in("/part");
    ann.says(&["you left the room"]);
    let ann = world.enters("ann");
    assert!(!ann.heard().iter().any(|line| line.contains("!!!")), "{:?}", ann.heard());
}

#[test]
fn a_malformed_file_of_compared_keys_is_named() {
    let world = World::of(&["ann", "bob"]);
    fs::write(world.path("ann.peers.verified"), "bob 12\n").unwrap();
    mpenc(&world.args("ann")).failed_saying(&["ann.peers.verified:1: ", "hexadecimal digits"]);
}
