//! `mpenc replay --level session`.

use std::path::PathBuf;

use serde_json::{Value, json};

use crate::program::{Run, vector, vector_json};
use crate::replay::{Changed, at, flip_digit, flip_packet, recordings, replay};

const SESSION: [&str; 2] = ["--level", "session"];

fn strict() -> Vec<String> {
    recordings().into_iter().filter(|name| vector_json(name)["strict"] == true).collect()
}

#[test]
fn strict_recordings_are_lived_again() {
    let names = strict();
    let files: Vec<PathBuf> = names.iter().map(|name| vector(name)).collect();
    let run = replay(&SESSION, &files);
    let lines: Vec<&str> = run.stdout.lines().collect();
    // The exact number: it must not shrink unseen.
    assert_eq!(
        *lines.last().unwrap(),
        "replayed 37 files, 2241 packets, 0 differences",
        "{}",
        run.stdout
    );
    assert_eq!(lines.len(), 38, "one line a file: {}", run.stdout);
    assert_eq!(run.code, 0);
}

#[test]
fn what_is_listed_as_different_is_said() {
    let run = replay(&SESSION, &[vector("s05.json")]);
    let listed = "(ann up to entry 63, cat up to entry 49: see docs/INTEROP.md)";
    let line = run.stdout.lines().next().unwrap();
    assert!(line.ends_with(listed), "{line}");
}

// ---- the list ----

/// File, member and entry of every listed difference.
fn listed() -> Vec<(String, String, u64)> {
    let list: Value =
        serde_json::from_str(include_str!("../../src/replay/session/exceptions.json")).unwrap();
    let mut listed = Vec::new();
    for (file, members) in list.as_object().unwrap() {
        for (member, entry) in members.as_object().unwrap() {
            listed.push((file.clone(), member.clone(), entry.as_u64().unwrap()));
        }
    }
    listed
}

#[test]
fn the_document_lists_what_the_program_lists() {
    let document = include_str!("../../../../docs/INTEROP.md");
    let rows: Vec<_> = document
        .lines()
        .filter_map(|line| {
            let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
            let [file, member, entry, defect, reason] = cells.as_slice() else { return None };
            let entry = entry.parse().ok()?;
            assert!(!defect.is_empty() && !reason.is_empty(), "{line}");
            Some(((*file).to_owned(), (*member).to_owned(), entry))
        })
        .collect();
    assert_eq!(rows, listed());
}

#[test]
fn listed_differences_are_in_strict_recordings() {
    let strict = strict();
    for (file, member, entry) in listed() {
        let name = format!("{file}.json");
        assert!(strict.contains(&name), "{name}");
        let entry = &vector_json(&name)["per_member"][&member][usize::try_from(entry).unwrap()];
        assert_eq!(entry["dir"], "recv", "{name}, {member}");
    }
}

#[test]
fn a_member_who_is_listed_and_does_not_differ_is_noticed() {
    // Under another name, so that what is listed for that name holds for it.
    let mut recording = vector_json("r004.json");
    recording["name"] = "r009".into();
    let run = Changed::new("r004.json", &recording).replay(&SESSION);
    assert_eq!(run.code, 1);
    let told = "  e, entry 136: it is listed as the first difference, and is not";
    assert!(run.stdout.contains(told), "{}", run.stdout);
}

#[test]
fn a_member_who_is_listed_and_differs_elsewhere_is_noticed() {
    let mut recording = vector_json("s05.json");
    let entries = recording["per_member"]["ann"].as_array_mut().unwrap();
    // Later entries have other numbers then.
    entries.insert(0, json!({"t": 0, "dir": "timer"}));
    let run = Changed::new("s05.json", &recording).replay(&SESSION);
    assert_eq!(run.code, 1);
    assert!(run.stdout.contains("  ann, entry 63: it is listed"), "{}", run.stdout);
    assert!(run.stdout.contains("  ann, entry 64, at 7480 ms: expected nothing"), "{}", run.stdout);
}

#[test]
fn a_member_who_is_listed_and_is_not_there_is_noticed() {
    let mut recording = vector_json("s01.json");
    recording["name"] = "s05".into();
    let run = Changed::new("s01.json", &recording).replay(&SESSION);
    assert_eq!(run.code, 1);
    assert!(run.stdout.contains("cat: it is listed as different, and has no entries"));
}

#[test]
fn a_member_who_is_not_listed_and_differs_is_noticed() {
    let mut recording = vector_json("s05.json");
    recording["name"] = "s99".into();
    let run = Changed::new("s05.json", &recording).replay(&SESSION);
    assert_eq!(run.code, 1);
    let told = "ann, entry 63, at 7480 ms: expected nothing, and a greeting exclude";
    assert!(run.stdout.contains(told), "{}", run.stdout);
    assert!(run.stdout.contains("cat, entry 49, at 7480 ms: "), "{}", run.stdout);
}

// ---- changed recordings ----

fn replay_changed(name: &str, change: impl FnOnce(&mut Value)) -> Run {
    let mut recording = vector_json(name);
    change(&mut recording);
    Changed::new(name, &recording).replay(&SESSION)
}

/// The change makes a difference that is told with all of these words.
#[track_caller]
fn is_noticed(name: &str, told: &[&str], change: impl FnOnce(&mut Value)) {
    let run = replay_changed(name, change);
    assert_eq!(run.code, 1, "{told:?}: {}", run.stdout);
    let line = run.stdout.lines().find(|line| told.iter().all(|words| line.contains(words)));
    assert!(line.is_some(), "{told:?} is not in {}", run.stdout);
}

/// The first entry of a member that `is_it` says yes to.
fn entry<'v>(json: &'v mut Value, member: &str, is_it: impl Fn(&Value) -> bool) -> &'v mut Value {
    let entries = json["per_member"][member].as_array_mut().unwrap();
    entries.iter_mut().find(|entry| is_it(entry)).expect("such an entry")
}

fn remove(json: &mut Value, member: &str, is_it: impl Fn(&Value) -> bool) {
    let entries = json["per_member"][member].as_array_mut().unwrap();
    let at = entries.iter().position(is_it).expect("such an entry");
    // Kept as something that says nothing, so that the others keep their numbers.
    entries[at] = json!({"t": entries[at]["t"], "dir": "timer"});
}

const ALICE: &str = "alice@example.org";
const BOB: &str = "bob@example.org";

#[test]
fn every_changed_packet_is_noticed() {
    let recording = vector_json("s01.json");
    for (index, event) in recording["channel"].as_array().unwrap().iter().enumerate() {
        if event["kind"] == "packet" {
            let sender = event["sender"].as_str().unwrap().to_owned();
            is_noticed("s01.json", &[&sender, "entry ", "recorded "], |json| {
                flip_packet(at(json, &format!("/channel/{index}/packet")));
            });
        }
    }
}

#[test]
fn a_packet_at_another_time_is_noticed() {
    is_noticed("s01.json", &[ALICE, "expected a ", "and it did not come"], |json| {
        let sent = entry(json, ALICE, |entry| entry.get("recipients").is_some());
        sent["t"] = (sent["t"].as_u64().unwrap() - 1).into();
    });
}

#[test]
fn a_packet_that_was_not_recorded_is_noticed() {
    is_noticed("s01.json", &[ALICE, "expected nothing, and a greeting establish"], |json| {
        remove(json, ALICE, |entry| entry.get("recipients").is_some());
    });
}

#[test]
fn what_the_member_was_not_told_is_noticed() {
    is_noticed("s01.json", &[ALICE, "expected ", "and it did not come"], |json| {
        remove(json, ALICE, |entry| entry["dir"] == "recv");
    });
}

#[test]
fn changed_messages_are_noticed() {
    for (what, value) in
        [("author", json!("nobody")), ("readers", json!([])), ("content", json!("another text"))]
    {
        is_noticed("s01.json", &["recorded the message"], |json| json["messages"][0][what] = value);
    }
    is_noticed("s01.json", &["recorded the message"], |json| {
        flip_digit(&mut json["messages"][0]["mid"]);
    });
    is_noticed("s01.json", &[BOB, "recorded the message", "parents [7] back"], |json| {
        let ready = entry(json, BOB, |entry| entry["type"] == "MsgReady");
        ready["par_idx"] = json!([7]);
    });
    is_noticed("s01.json", &[BOB, "the message"], |json| {
        remove(json, BOB, |entry| entry["type"] == "MsgReady");
    });
}

#[test]
fn changed_members_are_noticed() {
    is_noticed("s01.json", &[BOB, "recorded the members", "with nobody"], |json| {
        entry(json, BOB, |entry| entry["type"] == "SNMembers")["include"] = json!([]);
    });
    is_noticed("s01.json", &[BOB, "expected nothing, and the members"], |json| {
        remove(json, BOB, |entry| entry["type"] == "SNMembers");
    });
}

#[test]
fn changed_requests_are_noticed() {
    is_noticed("s01.json", &[ALICE, "a request to enter"], |json| {
        remove(json, ALICE, |entry| entry["enter"] == true);
    });
    is_noticed("s05.json", &["ann", "expected nothing, and a request to let"], |json| {
        remove(json, "ann", |entry| entry["dir"] == "send" && entry["enter"].is_array());
    });
}

#[test]
fn changed_draws_are_noticed() {
    is_noticed("s01.json", &[ALICE, "1 recorded draws were never drawn"], |json| {
        let draws = json["random"][ALICE].as_array_mut().unwrap();
        draws.push(draws[1].clone());
    });
    is_noticed("s01.json", &[ALICE, "it draws 32 octets, where 12 are (MessageIv)"], |json| {
        let draws = json["random"][ALICE].as_array_mut().unwrap();
        let iv = draws.iter().find(|draw| draw["what"] == "message_iv").unwrap().clone();
        draws.insert(0, iv);
    });
    // The packet that is made of it is another.
    is_noticed("s01.json", &[ALICE, "recorded "], |json| {
        json["random"][ALICE].as_array_mut().unwrap().pop();
    });
}

#[test]
fn what_one_tick_hands_over_is_put_in_order() {
    let run = replay_changed("s10.json", |json| {
        for entries in json["per_member"].as_object_mut().unwrap().values_mut() {
            for entry in entries.as_array_mut().unwrap() {
                entry.as_object_mut().unwrap().remove("same_tick");
            }
        }
    });
    assert_eq!(run.code, 1);
    for member in ["Eve", "bob"] {
        assert!(run.stdout.contains(&format!("  {member}, entry ")), "{}", run.stdout);
    }
}

// ---- files that cannot be replayed ----

#[test]
fn a_recording_that_is_not_strict_is_refused_with_a_sentence() {
    let names = ["r029.json", "r030.json", "s05b.json", "s07.json", "s09b.json"];
    let files: Vec<PathBuf> = names.iter().map(|name| vector(name)).collect();
    let run = replay(&SESSION, &files);
    assert_eq!(run.code, 1);
    let lines: Vec<&str> = run.stdout.lines().collect();
    assert_eq!(*lines.last().unwrap(), "replayed 0 files, 0 packets, 0 differences");
    for (name, line) in names.iter().zip(lines) {
        assert!(line.contains(&format!("{name}: cannot be replayed: it is not strict")), "{line}");
    }
}

#[test]
fn what_is_no_recording_is_refused_with_a_sentence() {
    for name in ["unit.json", "document/unit.json", "document/g01.json", "document/bad.json"] {
        let run = replay(&SESSION, &[vector(name)]);
        assert_eq!(run.code, 1);
        assert!(run.stdout.contains("cannot be replayed: it is no recording"), "{}", run.stdout);
    }
}

#[test]
fn entries_that_name_nothing_are_said() {
    #[track_caller]
    fn is_said(words: &str, change: impl FnOnce(&mut Value)) {
        let run = replay_changed("s01.json", change);
        assert_eq!(run.code, 1);
        let line = run.stdout.lines().next().unwrap();
        assert!(line.contains("cannot be replayed: ") && line.contains(words), "{line}");
        assert_eq!(run.stdout.lines().count(), 2, "{}", run.stdout);
    }
    is_said("there is no such channel event", |json| {
        entry(json, ALICE, |entry| entry["dir"] == "recv")["ch"] = 999.into();
    });
    is_said("there is no such packet", |json| {
        entry(json, ALICE, |entry| entry.get("recipients").is_some())["ch"] = 999.into();
    });
    is_said("there is no such message", |json| {
        entry(json, BOB, |entry| entry["type"] == "MsgReady")["m"] = 999.into();
    });
    is_said("\"bob\u{100}\" is no member id", |json| {
        entry(json, BOB, |entry| entry["type"] == "SNMembers")["remain"] = json!(["bob\u{100}"]);
    });
    is_said("has entries, and no identity", |json| {
        json["members"].as_object_mut().unwrap().remove(BOB);
    });
    is_said("an action of unknown kind", |json| {
        let join = entry(json, ALICE, |entry| entry.get("join").is_some());
        join.as_object_mut().unwrap().remove("join");
    });
}
