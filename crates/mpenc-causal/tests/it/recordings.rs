//! Replays what each member of the recordings accepted, and compares the log's distances and
//! effective parents and the full acks with what was recorded.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use mpenc_causal::{AddError, Entry, MessageLog, Role, Section, Transcript};
use serde_json::Value;

const VECTORS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../vectors");

/// A message, by its place in the recording's list. That place is its id here.
struct Recorded<'a> {
    author: &'a str,
    readers: BTreeSet<&'a str>,
    parents: Vec<usize>,
    body: &'a str,
}

impl Recorded<'_> {
    fn role(&self) -> Role {
        match self.body {
            "ack_manual" | "ack_auto" => Role::Ack,
            "consistency_close" => Role::Close,
            "payload" | "consistency" => Role::Content,
            other => panic!("unknown kind {other}"),
        }
    }

    /// Only for payloads are full acks published.
    fn is_payload(&self) -> bool {
        self.body == "payload"
    }
}

struct SubSession<'a> {
    members: BTreeSet<&'a str>,
    latest: Vec<usize>,
}

struct Recording<'a> {
    name: &'a str,
    messages: Vec<Recorded<'a>>,
    sub_sessions: Vec<SubSession<'a>>,
    /// Which sub-session each message is of.
    homes: BTreeMap<usize, usize>,
}

/// A member's open part in a sub-session.
struct Part<'a> {
    section: Section,
    transcript: Transcript<usize, &'a str>,
}

#[derive(Default)]
struct Totals {
    lines: usize,
    across: usize,
    full_acks: usize,
    changes: usize,
}

fn strings(value: &Value) -> impl Iterator<Item = &str> {
    value.as_array().unwrap().iter().map(|item| item.as_str().unwrap())
}

fn numbers(value: &Value) -> Vec<usize> {
    let numbers = value.as_array().unwrap().iter();
    numbers.map(number).collect()
}

fn number(value: &Value) -> usize {
    usize::try_from(value.as_u64().unwrap()).unwrap()
}

/// Members and their entries.
fn diaries(json: &Value) -> impl Iterator<Item = (&str, &Vec<Value>)> {
    let diaries = json["per_member"].as_object().unwrap();
    diaries.iter().map(|(member, entries)| (member.as_str(), entries.as_array().unwrap()))
}

fn is(entry: &Value, dir: &str, kind: &str) -> bool {
    entry["dir"] == dir && entry["type"] == kind
}

impl<'a> Recording<'a> {
    fn new(json: &'a Value) -> Self {
        let messages = json["messages"].as_array().unwrap().iter().map(|message| Recorded {
            author: message["author"].as_str().unwrap(),
            readers: strings(&message["readers"]).collect(),
            parents: numbers(&message["parents"]),
            body: message["body"].as_str().unwrap(),
        });
        let sub_sessions = json["subsessions"].as_array().unwrap().iter().map(|sub| SubSession {
            members: strings(&sub["members"]).collect(),
            latest: numbers(&sub["metadata_parents"]),
        });
        let mut recording = Self {
            name: json["name"].as_str().unwrap(),
            messages: messages.collect(),
            sub_sessions: sub_sessions.collect(),
            homes: BTreeMap::new(),
        };
        recording.find_homes(json);
        recording
    }

    /// A message without parents is of the newest sub-session that its author had entered with
    /// exactly its readers; the others are where their parents are.
    fn find_homes(&mut self, json: &Value) {
        for (member, entries) in diaries(json) {
            let mut entered = Vec::new();
            for entry in entries {
                if entry["dir"] == "subsession" {
                    entered.push(number(&entry["ref"]));
                }
                if is(entry, "internal", "accepted") {
                    let id = number(&entry["m"]);
                    let message = &self.messages[id];
                    if message.author == member && message.parents.is_empty() {
                        let mut members = message.readers.clone();
                        members.insert(member);
                        let is_home = |sub: &&usize| self.sub_sessions[**sub].members == members;
                        self.homes.insert(id, *entered.iter().rev().find(is_home).unwrap());
                    }
                }
            }
        }
        for id in 0..self.messages.len() {
            if let Some(parent) = self.messages[id].parents.first() {
                // Parents were written, and so listed, before their children.
                self.homes.insert(id, self.homes[parent]);
            }
        }
    }

    fn replay(&self, member: &str, entries: &[Value], totals: &mut Totals) {
        let place = format!("{} {member}", self.name);
        let mut parts: BTreeMap<usize, Part<'a>> = BTreeMap::new();
        let mut log: MessageLog<usize, &str, ()> = MessageLog::new();
        // The newest sub-session, while we are not alone.
        let mut current: Option<usize> = None;
        let mut expected_acks: Vec<usize> = Vec::new();
        for entry in entries {
            if entry["dir"] == "subsession" {
                let number = number(&entry["ref"]);
                let sub = &self.sub_sessions[number];
                let section = match current.map(|current| &parts[&current]) {
                    Some(before) => {
                        log.begin_after(before.section, &before.transcript, &sub.latest)
                    }
                    None => log.begin(),
                };
                let transcript = Transcript::new(sub.members.iter().copied());
                parts.insert(number, Part { section: section.unwrap(), transcript });
                current = Some(number);
            } else if is(entry, "event", "SNMembers") {
                totals.changes += 1;
                let newest = &parts[&current.expect("a change has a sub-session")];
                let alone = entry["include"].as_array().unwrap().is_empty()
                    && strings(&entry["remain"]).eq([member]);
                // Who becomes alone is told what the log ends with, as after a silent sub-session.
                let parents: Vec<usize> =
                    log.next_parents(newest.section, &newest.transcript).unwrap();
                assert_eq!(sorted(parents), sorted(numbers(&entry["parents"])), "{place} {entry}");
                if alone {
                    current = None;
                }
            } else if is(entry, "internal", "accepted") {
                assert_eq!(expected_acks, [0; 0], "{place}: not published before {entry}");
                let id = number(&entry["m"]);
                self.accept(id, &mut parts, &mut log, &mut expected_acks, &place);
            } else if is(entry, "event", "MsgReady") {
                // Published before "accepted": looked up when that comes.
                totals.lines += 1;
            } else if is(entry, "event", "MsgFullyAcked") {
                totals.full_acks += 1;
                assert!(!expected_acks.is_empty(), "{place}: {entry}");
                assert_eq!(expected_acks.remove(0), number(&entry["m"]), "{place}");
            }
        }
        assert_eq!(expected_acks, [0; 0], "{place}: not published at the end");
        let ready = entries.iter().filter(|entry| is(entry, "event", "MsgReady"));
        for (line, event) in log.lines().iter().zip(ready.clone()) {
            assert_eq!(line.id, number(&event["m"]), "{place}");
            assert_eq!(
                line.distances().collect::<Vec<_>>(),
                sorted(numbers(&event["par_idx"])),
                "{place} {event}"
            );
            let parents = log.parents(&line.id).collect();
            assert_eq!(sorted(parents), sorted(numbers(&event["parents"])), "{place} {event}");
            let elsewhere = |parent| log.line(&parent).unwrap().section != line.section;
            totals.across += usize::from(log.parents(&line.id).any(elsewhere));
        }
        assert_eq!(log.lines().len(), ready.count(), "{place}");
    }

    fn accept(
        &self,
        id: usize,
        parts: &mut BTreeMap<usize, Part<'a>>,
        log: &mut MessageLog<usize, &'a str, ()>,
        expected_acks: &mut Vec<usize>,
        place: &str,
    ) {
        let message = &self.messages[id];
        let home = self.homes[&id];
        let (others, part): (Vec<_>, Vec<_>) =
            parts.iter_mut().partition(|(number, _)| **number != home);
        let (_, Part { section, transcript }) = part.into_iter().next().unwrap();
        let mut entry = Entry::new(id, &message.author, &message.parents, message.role());
        entry = entry.to_readers(&message.readers);
        if let Some((_, other)) = others.last() {
            entry = entry.apart_from(&other.transcript);
        }
        let added = transcript
            .add(entry)
            .unwrap_or_else(|error: AddError<_, _>| panic!("{place}: message {id}: {error}"));
        log.accept(*section, transcript, id, message.is_payload().then_some(())).unwrap();
        expected_acks
            .extend(added.fully_acked.iter().filter(|&&id| self.messages[id].is_payload()));
    }
}

fn sorted(mut ids: Vec<usize>) -> Vec<usize> {
    ids.sort_unstable();
    ids
}

#[test]
fn every_strict_recording_replays() {
    let mut totals = Totals::default();
    let mut replayed = 0;
    let mut files: Vec<_> =
        std::fs::read_dir(Path::new(VECTORS)).unwrap().map(|f| f.unwrap().path()).collect();
    files.sort();
    for path in files.iter().filter(|path| path.extension().is_some_and(|e| e == "json")) {
        let text = std::fs::read_to_string(path).unwrap();
        let json: Value = serde_json::from_str(&text).unwrap();
        if json["strict"] != true {
            continue;
        }
        let recording = Recording::new(&json);
        for (member, entries) in diaries(&json) {
            recording.replay(member, entries, &mut totals);
        }
        replayed += 1;
    }
    // The recordings are there, and have something to say.
    assert_eq!(replayed, 37);
    assert_eq!(
        (totals.lines, totals.across, totals.full_acks, totals.changes),
        (1310, 161, 956, 605)
    );
}
