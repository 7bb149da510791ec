//! The group histories of dialect Document, seen by every member.

use std::collections::{BTreeMap, BTreeSet};

use mpenc_order::{End, EntryType};
use serde_json::Value;

use crate::support::{
    Decision, Ids, Member, Replica, chain_hash, list, octets, packet_id, text, vector_files,
    vectors,
};

const IDS: Ids = Ids::Utf8;

/// Brings a replica to the channel's members of a step.
fn enter(replica: &mut Replica, channel: &BTreeSet<Member>) {
    if !channel.contains(&replica.own) {
        replica.reset();
        return;
    }
    let gone: Vec<Member> = replica.channel.difference(channel).cloned().collect();
    if !gone.is_empty() {
        assert_eq!(replica.left(&gone), None, "nothing runs between steps");
    }
    replica.channel = channel.clone();
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Counts {
    initial: usize,
    finals: usize,
    both: usize,
    aborts: usize,
    leavers: usize,
}

fn run_step(
    name: &str,
    replicas: &mut BTreeMap<Member, Replica>,
    step: &Value,
    counts: &mut Counts,
) {
    let own_op = IDS.member(&step["by"]);
    for packet in list(&step["packets"]) {
        let sender = IDS.member(&packet["sender"]);
        if packet["type"] == "data" || packet["type"] == "resend" {
            continue;
        }
        let id = packet_id(&packet["packet_id"]);
        let accepted = packet["accepted"].as_str();
        match accepted {
            Some("2") => counts.initial += 1,
            Some("1") => counts.finals += 1,
            Some("3") => counts.both += 1,
            Some("4") => counts.aborts += 1,
            Some(other) => panic!("{other}"),
            None => {}
        }
        for replica in replicas.values_mut().filter(|replica| !replica.channel.is_empty()) {
            let context = format!("{name}: {id:?} as {}", String::from_utf8_lossy(&replica.own));
            let decision = if packet["type"] == "abort" {
                let aborted = packet_id(&packet["aborted_pi"]);
                assert_eq!(replica.id_of(&sender, text(&packet["packet"])), id);
                let verdict = replica.order.offer_abort(id, &aborted);
                verdict.accepted().map(|ended| {
                    assert_eq!(ended.how(), End::Abort);
                    let chain_hash = ended.chain_hash();
                    Decision::Accepted { id, chain_hash, synced_from: None }
                })
            } else {
                if sender == replica.own && sender == own_op && accepted != Some("1") {
                    replica.order.propose(text(&packet["packet"]).as_bytes());
                }
                replica.packet(&sender, text(&packet["packet"]))
            };
            match (accepted, decision) {
                (Some(_), Some(Decision::Accepted { id: ours, chain_hash: hash, .. })) => {
                    assert_eq!((ours, hash), (id, chain_hash(&packet["chain_hash"])), "{context}");
                }
                (None, None) => {}
                (_, decision) => panic!("{context}: {decision:?}"),
            }
        }
    }
}

fn run_history(name: &str, counts: &mut Counts) {
    let history = vectors(name);
    let mut replicas: BTreeMap<Member, Replica> = BTreeMap::new();
    for member in history["members"].as_object().unwrap().keys() {
        let own = IDS.member(&Value::from(member.as_str()));
        replicas.insert(own.clone(), Replica::new(own));
    }
    for (at, step) in list(&history["steps"]).iter().enumerate() {
        let channel: BTreeSet<Member> = IDS.members(&step["channel"]);
        for replica in replicas.values_mut() {
            enter(replica, &channel);
        }
        if step["op"] == "messages" {
            continue;
        }
        if at == 0 {
            let founder = replicas.get_mut(&IDS.member(&step["by"])).unwrap();
            founder.order.start(packet_id(&step["prev_pf"]));
        }
        let by = &replicas[&IDS.member(&step["by"])];
        let head = (packet_id(&step["prev_pf"]), chain_hash(&step["prev_chain_hash"]));
        assert_eq!(by.order.head(), Some(head), "{name}, step {at}");
        run_step(name, &mut replicas, step, counts);
        if step["outcome"] == "left" {
            counts.leavers += 1;
            let leave = &step["leave"];
            assert_eq!(octets(&leave["type"]), EntryType::Leave.as_bytes());
            let leaver = IDS.member(&leave["leaver"]);
            let expected = Decision::Left {
                id: packet_id(&leave["packet_id"]),
                chain_hash: chain_hash(&step["chain_hash"]),
            };
            for replica in replicas.values_mut() {
                if replica.own == leaver {
                    replica.reset();
                } else if !replica.channel.is_empty() {
                    assert_eq!(
                        replica.left(std::slice::from_ref(&leaver)).as_ref(),
                        Some(&expected)
                    );
                }
            }
        }
        // Everybody who is synced stands at the same place; joiners of what failed are not.
        let failed = step["outcome"] != "completed";
        for replica in replicas.values().filter(|replica| !replica.channel.is_empty()) {
            match replica.order.head() {
                Some((_, hash)) => assert_eq!(hash, chain_hash(&step["chain_hash"])),
                None => assert!(failed && replica.members.len() == 1, "{name}, step {at}"),
            }
        }
    }
}

#[test]
fn document_histories() {
    let mut counts = Counts::default();
    let files = vector_files("document/", &['g']);
    assert_eq!(files.len(), 8);
    for name in files {
        run_history(&name, &mut counts);
    }
    assert_eq!(counts.aborts, 3);
    assert_eq!(counts.leavers, 2);
    assert!(counts.initial > 0 && counts.finals > 0 && counts.both > 0, "{counts:?}");
}
