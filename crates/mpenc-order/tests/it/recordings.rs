//! Every strict recording, replayed member by member: the order accepts what the first
//! implementation accepted, with the same packet ids and chain hashes, and refuses the rest for the
//! same reasons.

use std::collections::{BTreeMap, BTreeSet};

use mpenc_order::{IgnoreReason, PacketId, RejectReason};
use serde_json::Value;

use crate::support::{
    Decision, Greeting, Ids, Member, Replica, chain_hash, list, packet_id, text, vector_files,
    vectors,
};

const IDS: Ids = Ids::Latin1;

/// What the first implementation noted about the order, as our decision should be; `None` for notes
/// of other layers.
fn expected(recording: &Value, note: &Value) -> Option<Result<Decision, String>> {
    match text(&note["type"]) {
        "op_aborted_by_leave" => Some(Ok(Decision::Left {
            id: packet_id(&note["pseudo_packet_id"]),
            chain_hash: chain_hash(&note["chain_hash"]),
        })),
        "op_packet" if note["accepted"] == true => {
            let op = &recording["op_packets"][note["op"].as_u64().unwrap() as usize];
            let synced_from = match &note["synced_from"] {
                Value::Null => None,
                from => Some((packet_id(&from["prev_pf"]), chain_hash(&from["prev_ch"]))),
            };
            Some(Ok(Decision::Accepted {
                id: packet_id(&op["packet_id"]),
                chain_hash: chain_hash(&op["chain_hash"]),
                synced_from,
            }))
        }
        "op_packet" => Some(Err(text(&note["code"]).to_owned())),
        "ignored" => match text(&note["code"]) {
            code @ ("initiator_outside_group" | "not_our_proposal") => Some(Err(code.to_owned())),
            _ => None,
        },
        _ => None,
    }
}

/// Whether we refuse for the reason that the first implementation names.
fn agrees(ours: &Decision, code: &str) -> bool {
    use IgnoreReason::{Duplicate, NotForUs, TargetAbsent};
    use RejectReason::{AuthorNotMember, Doubtful, ParentTaken, UnknownParent};
    match ours {
        Decision::Ignored(Duplicate) => code == "duplicate",
        Decision::Ignored(TargetAbsent) => code == "not_all_members_in_channel",
        Decision::Ignored(NotForUs) => code == "unsynced_not_for_us",
        Decision::Rejected(Doubtful) => code == "unsynced_seen_prev_pf",
        Decision::Rejected(AuthorNotMember) => code == "initiator_outside_group",
        // It does not go by the parent here, but by what it is doing; and a joiner whose first
        // operation runs counts as a group of one.
        Decision::Rejected(ParentTaken) => matches!(
            code,
            "pending_operation" | "wrong_prev_pf" | "not_our_proposal" | "initiator_outside_group"
        ),
        // Someone excluded, who does not follow that operation to its end, loses the order when a
        // leaver ends it afterwards.
        Decision::Rejected(UnknownParent { .. }) => code == "wrong_prev_pf",
        _ => false,
    }
}

#[derive(Default)]
struct Counts {
    accepted: usize,
    refused: BTreeMap<String, usize>,
    left: usize,
}

fn replay(name: &str, recording: &Value, member: &str, counts: &mut Counts) {
    let own = IDS.member(&Value::from(member));
    let mut replica = Replica::new(own);
    replica.excluded_follow = false;
    let mut syncs = list(&recording["random"][member])
        .iter()
        .filter(|draw| draw["what"] == "server_order_sync_pid")
        .map(|draw| packet_id(&draw["hex"]));
    let mut ours = Vec::new();
    let mut theirs = Vec::new();
    for entry in list(&recording["per_member"][member]) {
        match text(&entry["dir"]) {
            "internal" => theirs.extend(expected(recording, entry)),
            "send" => {
                let sent = entry["packet"].as_str().or_else(|| {
                    let index = entry["ch"].as_u64()?;
                    recording["channel"][usize::try_from(index).unwrap()]["packet"].as_str()
                });
                let initial = |packet: &&str| {
                    Greeting::read(packet).is_some_and(|greeting| greeting.metadata.is_some())
                };
                if let Some(packet) = sent.filter(initial) {
                    replica.order.propose(packet.as_bytes());
                }
            }
            "recv" => {
                let event = &recording["channel"][entry["ch"].as_u64().unwrap() as usize];
                ours.extend(receive(&mut replica, entry, event, &mut syncs));
            }
            _ => {}
        }
    }
    for (at, (ours, theirs)) in ours.iter().zip(&theirs).enumerate() {
        match theirs {
            Ok(theirs) => {
                assert_eq!(ours, theirs, "{name}, {member}, decision {at}");
                match ours {
                    Decision::Left { .. } => counts.left += 1,
                    _ => counts.accepted += 1,
                }
            }
            Err(code) => {
                assert!(agrees(ours, code), "{name}, {member}, decision {at}: {ours:?}, {code}");
                *counts.refused.entry(code.clone()).or_default() += 1;
            }
        }
    }
    assert_eq!(ours.len(), theirs.len(), "{name}, {member}");
    assert_eq!(syncs.next(), None, "{name}, {member}");
}

fn receive(
    replica: &mut Replica,
    entry: &Value,
    event: &Value,
    syncs: &mut impl Iterator<Item = PacketId>,
) -> Vec<Decision> {
    let mut decisions = Vec::new();
    match (text(&event["kind"]), entry["self"].as_str()) {
        ("packet", _) => {
            let sender = IDS.member(&event["sender"]);
            decisions.extend(replica.packet(&sender, text(&event["packet"])));
        }
        (_, Some("leave")) => replica.reset(),
        (_, Some(_)) => {
            replica.reset();
            replica.channel = IDS.members(&event["members_after"]);
            replica.seniors = &replica.channel - &BTreeSet::from([replica.own.clone()]);
        }
        _ => {
            let leavers: Vec<Member> = IDS.members(&event["leave"]);
            decisions.extend(replica.left(&leavers));
            replica.channel.extend(IDS.members::<Vec<Member>>(&event["enter"]));
        }
    }
    // SO-33. Someone who is parting starts none: then nothing was drawn.
    let senior = replica.seniors.is_empty() && !replica.channel.is_empty();
    if senior
        && !replica.order.is_synced()
        && let Some(prev_pf) = syncs.next()
    {
        replica.order.start(prev_pf);
    }
    decisions
}

#[test]
fn strict_recordings() {
    let mut counts = Counts::default();
    let mut files = 0;
    for name in vector_files("", &['r', 's']) {
        let recording = vectors(&name);
        if recording["strict"] != true {
            continue;
        }
        files += 1;
        for member in recording["per_member"].as_object().unwrap().keys() {
            replay(&name, &recording, member, &mut counts);
        }
    }
    assert_eq!(files, 37);
    // What the recordings hold, counted in the files themselves.
    assert_eq!(counts.accepted, 955 + 162);
    assert_eq!(counts.left, 24);
    let refused: Vec<(&str, usize)> =
        counts.refused.iter().map(|(code, &count)| (code.as_str(), count)).collect();
    assert_eq!(
        refused,
        [
            ("initiator_outside_group", 42),
            ("not_all_members_in_channel", 17),
            ("not_our_proposal", 24),
            ("pending_operation", 99),
            ("unsynced_not_for_us", 72),
            ("unsynced_seen_prev_pf", 4),
            ("wrong_prev_pf", 19),
        ]
    );
}
