//! `mpenc replay`.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::program::{Run, mpenc, vector, vector_json};

/// Names of the recordings among the vectors.
pub(crate) fn recordings() -> Vec<String> {
    let files = std::fs::read_dir(vector("")).expect("the vectors are there");
    let mut names: Vec<String> = files
        .map(|file| file.unwrap().file_name().into_string().unwrap())
        .filter(|name| {
            let numbered = name.as_bytes().get(1).is_some_and(u8::is_ascii_digit);
            numbered && (name.starts_with('r') || name.starts_with('s'))
        })
        .collect();
    names.sort();
    assert_eq!(names.len(), 42, "a recording is missing: {names:?}");
    names
}

fn histories() -> Vec<String> {
    (1..=8).map(|number| format!("document/g{number:02}.json")).collect()
}

pub(crate) fn replay(args: &[&str], files: &[PathBuf]) -> Run {
    let files = files.iter().map(|file| file.to_str().unwrap());
    let args: Vec<&str> = ["replay"].into_iter().chain(args.iter().copied()).chain(files).collect();
    mpenc(&args)
}

/// All of these files at once: no difference, and the exit code says so.
#[track_caller]
fn replays_without_differences(names: &[String]) {
    let files: Vec<PathBuf> = names.iter().map(|name| vector(name)).collect();
    let run = replay(&[], &files);
    let last = run.stdout.lines().last().unwrap();
    assert!(last.starts_with(&format!("replayed {} files, ", names.len())), "{}", run.stdout);
    assert!(last.ends_with(", 0 differences"), "{}", run.stdout);
    assert_eq!(run.code, 0);
}

#[test]
fn strict_recordings_are_made_again_octet_for_octet() {
    let strict: Vec<String> =
        recordings().into_iter().filter(|name| vector_json(name)["strict"] == true).collect();
    assert_eq!(strict.len(), 37);
    replays_without_differences(&strict);
}

#[test]
fn the_other_recordings_are_made_again_but_for_the_manifest() {
    let others: Vec<String> =
        recordings().into_iter().filter(|name| vector_json(name)["strict"] == false).collect();
    assert_eq!(others, ["r029.json", "r030.json", "s05b.json", "s07.json", "s09b.json"]);
    replays_without_differences(&others);
}

#[test]
fn what_the_manifest_leaves_out_is_said() {
    let run = replay(&[], &[vector("s05b.json"), vector("s07.json")]);
    let lines: Vec<&str> = run.stdout.lines().collect();
    let left_out = "s05b.json: 23 packets, 0 differences (4 packets left out: see the manifest)";
    assert!(lines[0].ends_with(left_out), "{}", lines[0]);
    assert!(lines[1].ends_with("s07.json: 18 packets, 0 differences"), "{}", lines[1]);
}

#[test]
fn the_manifest_names_exactly_the_recordings_that_are_not_strict() {
    let manifest: Value =
        serde_json::from_str(include_str!("../../src/replay/manifest.json")).unwrap();
    let names: Vec<String> =
        manifest.as_object().unwrap().keys().map(|name| format!("{name}.json")).collect();
    let others: Vec<String> =
        recordings().into_iter().filter(|name| vector_json(name)["strict"] == false).collect();
    assert_eq!(names, others);
}

#[test]
fn histories_are_made_again_octet_for_octet() {
    replays_without_differences(&histories());
}

#[test]
fn unit_vectors_are_checked() {
    replays_without_differences(&["unit.json".to_owned(), "document/unit.json".to_owned()]);
}

#[test]
fn one_line_a_file_and_one_for_all() {
    let run = replay(&[], &[vector("s01.json"), vector("document/g01.json")]);
    let lines: Vec<&str> = run.stdout.lines().collect();
    let [s01, g01, all] = lines.as_slice() else { panic!("{}", run.stdout) };
    assert!(s01.ends_with("s01.json: 15 packets, 0 differences"), "{s01}");
    assert!(g01.ends_with("g01.json: 27 packets, 0 differences"), "{g01}");
    assert_eq!(*all, "replayed 2 files, 42 packets, 0 differences");
}

// ---- bad packets ----

#[test]
fn every_bad_packet_is_refused() {
    let run = replay(&["--level", "reject"], &[vector("document/bad.json")]);
    assert_eq!(run.code, 0, "{}", run.stdout);
    let cases = vector_json("document/bad.json");
    for case in cases["cases"].as_array().unwrap() {
        let (name, reason) = (case["name"].as_str().unwrap(), case["reason"].as_str().unwrap());
        let line = run.stdout.lines().find(|line| line.starts_with(&format!("  {name}: ")));
        let line = line.unwrap_or_else(|| panic!("{name} has no line"));
        assert!(line.ends_with(&format!("[{reason}]")), "{line}");
    }
    let last = run.stdout.lines().last().unwrap();
    assert_eq!(last, "replayed 1 files, 199 packets, 0 differences");
}

#[test]
fn a_good_packet_among_the_bad_ones_is_noticed() {
    let mut cases = vector_json("document/bad.json");
    let good = cases["base"]["steps"][0]["packets"][1]["packet"].clone();
    cases["cases"][0]["packet"] = good;
    let run = Changed::new("bad.json", &cases).replay(&["--level", "reject"]);
    assert_eq!(run.code, 1);
    assert!(run.stdout.contains("ann did not refuse it"), "{}", run.stdout);
}

#[test]
fn a_case_that_replaces_nothing_is_noticed() {
    let mut cases = vector_json("document/bad.json");
    cases["cases"][0]["replaces"] = serde_json::json!([0, 99]);
    let run = Changed::new("bad.json", &cases).replay(&["--level", "reject"]);
    assert_eq!(run.code, 1);
    assert!(run.stdout.contains("no packet that it could replace"), "{}", run.stdout);
}

// ---- changed files ----

/// A changed file, in a place of its own that goes with it.
pub(crate) struct Changed {
    _dir: tempfile::TempDir,
    path: PathBuf,
}

impl Changed {
    pub(crate) fn new(name: &str, json: &Value) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(name);
        std::fs::write(&path, json.to_string()).unwrap();
        Self { _dir: dir, path }
    }

    pub(crate) fn replay(&self, args: &[&str]) -> Run {
        replay(args, std::slice::from_ref(&self.path))
    }
}

/// Changes the digit in the middle of a string of hexadecimal digits.
pub(crate) fn flip_digit(value: &mut Value) {
    let mut digits = value.as_str().expect("a string").to_owned();
    let middle = digits.len() / 2;
    let other = if &digits[middle..=middle] == "0" { "1" } else { "0" };
    digits.replace_range(middle..=middle, other);
    *value = digits.into();
}

/// Changes the character in the middle of a packet: its base64 stays canonical.
pub(crate) fn flip_packet(value: &mut Value) {
    let mut text = value.as_str().expect("a string").to_owned();
    let middle = text.len() / 2;
    let other = if &text[middle..=middle] == "A" { "B" } else { "A" };
    text.replace_range(middle..=middle, other);
    *value = text.into();
}

fn negate(value: &mut Value) {
    *value = (!value.as_bool().expect("a boolean")).into();
}

pub(crate) fn at<'v>(json: &'v mut Value, pointer: &str) -> &'v mut Value {
    json.pointer_mut(pointer).unwrap_or_else(|| panic!("nothing at {pointer}"))
}

#[track_caller]
fn is_noticed(name: &str, what: &str, change: impl FnOnce(&mut Value)) {
    let mut json = vector_json(name);
    change(&mut json);
    let file = Path::new(name).file_name().unwrap().to_str().unwrap();
    let run = Changed::new(file, &json).replay(&[]);
    assert_eq!(run.code, 1, "{what}: {}", run.stdout);
    let last = run.stdout.lines().last().unwrap();
    assert!(last.starts_with("replayed 1 files, "), "{what}: {last}");
    assert!(!last.ends_with(" 0 differences"), "{what}: {last}");
}

#[test]
fn a_changed_recording_is_noticed() {
    for pointer in [
        "/members/alice@example.org/static_seed_hex",
        "/members/alice@example.org/static_pub_hex",
        "/random/alice@example.org/0/hex",
        "/random/alice@example.org/1/hex",
        "/random/alice@example.org/2/hex",
        "/random/alice@example.org/3/hex",
        "/random/alice@example.org/4/hex",
        "/messages/3/mid",
        "/op_packets/0/packet_id",
        "/op_packets/1/chain_hash",
        "/subsessions/0/session_id",
        "/subsessions/0/group_key",
        "/subsessions/0/int_keys/1",
        "/subsessions/0/nonces/0",
        "/subsessions/0/ephemeral_pub_keys/0",
        "/subsessions/0/chain_hash",
        "/subsessions/0/prev_pf",
    ] {
        is_noticed("s01.json", pointer, |json| flip_digit(at(json, pointer)));
    }
}

#[test]
fn every_changed_packet_of_a_recording_is_noticed() {
    let recording = vector_json("s01.json");
    for (index, event) in recording["channel"].as_array().unwrap().iter().enumerate() {
        if event["kind"] == "packet" {
            let pointer = format!("/channel/{index}/packet");
            is_noticed("s01.json", &pointer, |json| flip_packet(at(json, &pointer)));
        }
    }
}

#[test]
fn a_changed_packet_of_a_recording_that_is_not_strict_is_noticed() {
    is_noticed("s05b.json", "a packet", |json| flip_packet(at(json, "/channel/5/packet")));
}

#[test]
fn a_recording_that_is_not_strict_and_not_in_the_manifest_is_noticed() {
    is_noticed("s01.json", "strict", |json| {
        json["strict"] = false.into();
        json["name"] = "s99".into();
    });
}

#[test]
fn a_changed_decision_of_a_recording_is_noticed() {
    is_noticed("s01.json", "not accepted", |json| {
        let entries = json["per_member"]["alice@example.org"].as_array_mut().unwrap();
        let entry = entries.iter_mut().find(|entry| entry["type"] == "op_packet").unwrap();
        entry["accepted"] = false.into();
        entry["code"] = "wrong_prev_pf".into();
    });
    for field in ["initial", "final"] {
        is_noticed("s01.json", field, |json| negate(at(json, &format!("/op_packets/0/{field}"))));
        is_noticed("s01.json", field, |json| negate(at(json, &format!("/op_packets/1/{field}"))));
        // One that nobody took.
        is_noticed("s09.json", field, |json| {
            let packets = json["op_packets"].as_array_mut().unwrap();
            let lost = packets.iter_mut().find(|packet| packet.get("packet_type").is_none());
            negate(&mut lost.unwrap()[field]);
        });
    }
    is_noticed("s05.json", "leave packet", |json| {
        let entries = json["per_member"]["ann"].as_array_mut().unwrap();
        let entry = entries.iter_mut().find(|entry| entry["type"] == "op_aborted_by_leave");
        flip_digit(&mut entry.unwrap()["pseudo_packet_id"]);
    });
    is_noticed("s02.json", "where a joiner's order begins", |json| {
        let entries = json["per_member"]["bob"].as_array_mut().unwrap();
        let entry = entries.iter_mut().find(|entry| entry.get("synced_from").is_some());
        flip_digit(&mut entry.unwrap()["synced_from"]["prev_ch"]);
    });
}

#[test]
fn changed_messages_of_a_recording_are_noticed() {
    is_noticed("s01.json", "text", |json| json["messages"][0]["content"] = "other".into());
    is_noticed("s01.json", "kind", |json| json["messages"][2]["body"] = "ack_auto".into());
    is_noticed("s01.json", "parents", |json| json["messages"][1]["parents"] = Value::Array(vec![]));
    is_noticed("s01.json", "readers", |json| json["messages"][1]["readers"] = Value::Array(vec![]));
    is_noticed("s01.json", "author", |json| {
        json["messages"][1]["author"] = "alice@example.org".into();
    });
}

#[test]
fn a_missing_or_additional_draw_is_noticed() {
    is_noticed("s01.json", "one draw less", |json| {
        json["random"]["alice@example.org"].as_array_mut().unwrap().pop();
    });
    is_noticed("s01.json", "one draw more", |json| {
        let draws = json["random"]["alice@example.org"].as_array_mut().unwrap();
        draws.push(draws[1].clone());
    });
    is_noticed("s01.json", "two draws swapped", |json| {
        json["random"]["alice@example.org"].as_array_mut().unwrap().swap(1, 2);
    });
    is_noticed("s01.json", "another kind of draw", |json| {
        json["random"]["alice@example.org"][2]["what"] = "message_iv".into();
    });
}

#[test]
fn a_changed_history_is_noticed() {
    for pointer in [
        "/members/alice@example.org/identity_seed",
        "/members/bob@example.org/identity_pub",
        "/draws/alice@example.org/0/1",
        "/draws/bob@example.org/0/1",
        "/draws/bob@example.org/1/1",
        "/draws/bob@example.org/2/1",
        "/draws/alice@example.org/4/1",
        "/steps/0/prev_pf",
        "/steps/0/prev_chain_hash",
        "/steps/0/chain_hash",
        "/steps/0/result/sid",
        "/steps/0/result/group_key",
        "/steps/0/result/sidkey_hash",
        "/steps/0/result/int_keys/0",
        "/steps/0/result/nonces/1",
        "/steps/0/result/ephemeral_pub_keys/1",
        "/steps/0/packets/0/packet_id",
        "/steps/0/packets/0/chain_hash",
        "/steps/1/packets/0/mid",
        "/steps/1/packets/0/iv",
        "/steps/1/packets/0/order_ack/0",
        "/steps/1/packets/1/parents/0",
    ] {
        is_noticed("document/g01.json", pointer, |json| flip_digit(at(json, pointer)));
    }
}

/// Its first octet is compared with the hint of our own sub-session.
#[test]
fn a_changed_hint_of_a_history_is_noticed() {
    let mut json = vector_json("document/g01.json");
    let hash = at(&mut json, "/steps/0/result/sidkey_hash");
    let digits = hash.as_str().unwrap();
    let other = if digits.starts_with("00") { "01" } else { "00" };
    *hash = format!("{other}{}", &digits[2..]).into();
    let run = Changed::new("g01.json", &json).replay(&[]);
    assert_eq!(run.code, 1);
    // Of the file by itself, and of each of the two members.
    assert_eq!(run.stdout.matches("hint's hash: recorded").count(), 1, "{}", run.stdout);
    assert_eq!(run.stdout.matches(" hint: recorded").count(), 2, "{}", run.stdout);
}

#[test]
fn every_changed_packet_of_a_history_is_noticed() {
    let history = vector_json("document/g01.json");
    for (step, packets) in history["steps"].as_array().unwrap().iter().enumerate() {
        for packet in 0..packets["packets"].as_array().unwrap().len() {
            let pointer = format!("/steps/{step}/packets/{packet}/packet");
            is_noticed("document/g01.json", &pointer, |json| flip_packet(at(json, &pointer)));
        }
    }
}

#[test]
fn changed_aborts_and_leavers_of_a_history_are_noticed() {
    is_noticed("document/g08.json", "reason", |json| {
        json["steps"][0]["packets"][2]["reason"] = "no reason".into();
    });
    is_noticed("document/g08.json", "type", |json| {
        json["steps"][0]["packets"][2]["accepted"] = "1".into();
    });
    is_noticed("document/g08.json", "leaver", |json| {
        let steps = json["steps"].as_array_mut().unwrap();
        let step = steps.iter_mut().find(|step| step.get("leave").is_some()).unwrap();
        flip_digit(&mut step["leave"]["packet_id"]);
    });
}

#[test]
fn changed_unit_vectors_are_noticed() {
    for pointer in [
        "/armor/1/contents",
        "/packet_id/0/packet_id",
        "/chain_hash/0/chain_hash",
        "/chain_hash/1/chain_hash",
        "/leave_pseudo_packet/0/packet_id",
        "/abort/0/ephemeral_seed",
        "/data/packets/0/mid",
        "/data/resent/0/mid",
    ] {
        is_noticed("document/unit.json", pointer, |json| flip_digit(at(json, pointer)));
    }
    for pointer in [
        "/wire_encode/1/contents_hex",
        "/packet_id/0/packet_id",
        "/chain_hash/1/chain_hash",
        "/leave_pseudo_packet/0/pseudo_packet_hex",
        "/greet_message/0/ephemeral_seed",
        "/data_packet/0/message_id",
    ] {
        is_noticed("unit.json", pointer, |json| flip_digit(at(json, pointer)));
    }
}

// ---- files that cannot be replayed ----

/// Replays a file with this text beside a good one, which must be replayed all the same.
#[track_caller]
fn cannot_be_replayed(text: &str, words: &[&str]) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("file.json");
    std::fs::write(&path, text).unwrap();
    let run = replay(&[], &[path, vector("s01.json")]);
    assert_eq!(run.code, 1);
    let lines: Vec<&str> = run.stdout.lines().collect();
    let [bad, good, all] = lines.as_slice() else { panic!("{}", run.stdout) };
    assert!(bad.contains("file.json: cannot be replayed: "), "{bad}");
    for word in words {
        assert!(bad.contains(word), "{word:?} is not in {bad:?}");
    }
    assert!(good.ends_with("s01.json: 15 packets, 0 differences"), "{good}");
    assert_eq!(*all, "replayed 1 files, 15 packets, 0 differences");
}

#[test]
fn what_is_no_json_is_said_with_its_line() {
    cannot_be_replayed("", &["it is not JSON", "line 1"]);
    cannot_be_replayed("{\n\"a\": }", &["it is not JSON", "line 2"]);
}

#[test]
fn an_unknown_format_is_said() {
    cannot_be_replayed("{}", &["its format is unknown"]);
    cannot_be_replayed("[1, 2]", &["its format is not as expected"]);
    cannot_be_replayed(r#"{"profile": "mpenc_js 2017"}"#, &["its profile", "2017", "is unknown"]);
    cannot_be_replayed(r#"{"dialect": "Klingon"}"#, &["its dialect", "Klingon", "is unknown"]);
}

#[test]
fn a_wrong_number_of_digits_is_said() {
    let mut recording = vector_json("s01.json");
    recording["subsessions"][0]["group_key"] = "abcd".into();
    cannot_be_replayed(
        &recording.to_string(),
        &["64 hexadecimal digits are expected, and there are 4", "line 1"],
    );
}

#[test]
fn what_is_no_digit_is_said() {
    let mut history = vector_json("document/g01.json");
    history["draws"]["bob@example.org"][0][1] = "xy".into();
    cannot_be_replayed(&history.to_string(), &["hexadecimal"]);
}

#[test]
fn an_unknown_entry_is_said() {
    let mut recording = vector_json("s01.json");
    recording["per_member"]["alice@example.org"][0]["dir"] = "sideways".into();
    cannot_be_replayed(&recording.to_string(), &["unknown kind \"sideways\""]);
}

#[test]
fn an_operation_without_its_outcome_is_said() {
    let mut history = vector_json("document/g01.json");
    history["steps"][0].as_object_mut().unwrap().remove("outcome");
    cannot_be_replayed(&history.to_string(), &["an operation without `outcome`"]);
}

#[test]
fn a_missing_file_is_said_and_the_others_are_replayed() {
    let run = replay(&[], &[PathBuf::from("no-such.json"), vector("s01.json")]);
    assert_eq!(run.code, 1);
    assert!(run.stdout.contains("no-such.json: cannot be replayed: "), "{}", run.stdout);
    let last = run.stdout.lines().last().unwrap();
    assert_eq!(last, "replayed 1 files, 15 packets, 0 differences");
}

// ---- arguments ----

#[test]
fn the_reject_level_wants_bad_packets() {
    let run = replay(&["--level", "reject"], &[vector("s01.json")]);
    assert_eq!(run.code, 1);
    assert!(run.stdout.contains("it holds no bad packets"), "{}", run.stdout);
}

#[test]
fn wrong_arguments_are_refused() {
    for args in [&["replay"][..], &["replay", "--level", "all", "x"], &["replay", "--fast", "x"]] {
        let run = mpenc(args);
        assert_eq!(run.code, 2, "{args:?}");
        assert!(!run.stderr.is_empty());
    }
}
