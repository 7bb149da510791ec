//! Byte-level vectors of both dialects.

use std::collections::BTreeSet;

use mpenc_order::{
    ChainHash, EntryType, IgnoreReason, PacketId, RejectReason, leave_pseudo_packet,
};

use crate::support::{Ids, Member, chain_hash, list, octets, packet_id, text, vectors};

fn entry(octets: &[u8]) -> EntryType {
    let all =
        [EntryType::Initial, EntryType::Final, EntryType::Both, EntryType::Abort, EntryType::Leave];
    all.into_iter().find(|entry| entry.as_bytes() == octets).expect("a known entry type")
}

fn check_packet_id(ids: Ids, case: &serde_json::Value, channel: &str) {
    let sender = ids.member(&case["sender"]);
    let channel: Vec<Member> = ids.members(&case[channel]);
    let others = channel.iter().filter(|&other| *other != sender).map(Vec::as_slice);
    let id = PacketId::compute(&sender, others, text(&case["packet"]).as_bytes());
    assert_eq!(id, packet_id(&case["packet_id"]), "{case}");
    assert_eq!(id.to_string(), text(&case["packet_id"]));
}

#[test]
fn packet_ids() {
    for case in list(&vectors("unit.json")["packet_id"]) {
        check_packet_id(Ids::Latin1, case, "channel_members_insertion_order");
    }
    for case in list(&vectors("document/unit.json")["packet_id"]) {
        check_packet_id(Ids::Utf8, case, "channel");
    }
}

#[test]
fn chain_hashes() {
    for case in list(&vectors("unit.json")["chain_hash"]) {
        let (id, kind) = (packet_id(&case["packet_id"]), octets(&case["packet_type_hex"]));
        let expected = chain_hash(&case["chain_hash"]);
        if text(&case["prev_chain_hash"]).is_empty() {
            assert_eq!(kind, [0xff]);
            assert_eq!(ChainHash::start(&id), expected);
        } else {
            assert_eq!(chain_hash(&case["prev_chain_hash"]).next(&id, entry(&kind)), expected);
        }
    }
    for case in list(&vectors("document/unit.json")["chain_hash"]) {
        let expected = chain_hash(&case["chain_hash"]);
        assert_eq!(expected.to_string(), text(&case["chain_hash"]));
        if case["start"].is_null() {
            let id = packet_id(&case["packet_id"]);
            let entry = entry(&octets(&case["type"]));
            assert_eq!(chain_hash(&case["prev"]).next(&id, entry), expected);
        } else {
            assert_eq!(ChainHash::start(&packet_id(&case["start"])), expected);
        }
    }
}

#[test]
fn leave_pseudo_packets() {
    let mut cases = Vec::new();
    for case in list(&vectors("unit.json")["leave_pseudo_packet"]) {
        let leavers: Vec<Member> = Ids::Latin1.members(&case["leavers"]);
        let after: Vec<Member> = Ids::Latin1.members(&case["channel_members_after_leave"]);
        cases.push((case.clone(), leavers, after, octets(&case["pseudo_packet_hex"])));
    }
    assert!(cases.iter().any(|(_, leavers, ..)| leavers.len() > 1), "a batch is among them");
    for case in list(&vectors("document/unit.json")["leave_pseudo_packet"]) {
        let leavers = vec![Ids::Utf8.member(&case["leaver"])];
        let after: Vec<Member> = Ids::Utf8.members(&case["channel_after"]);
        cases.push((case.clone(), leavers, after, octets(&case["pseudo_packet"])));
    }
    for (case, leavers, after, expected) in cases {
        let leavers: Vec<&[u8]> = leavers.iter().map(Vec::as_slice).collect();
        let packet = leave_pseudo_packet(&packet_id(&case["prev_pi"]), &leavers);
        assert_eq!(packet, expected);
        let sender = text(&case["pseudo_sender"]).as_bytes();
        let id = PacketId::compute(sender, after.iter().map(Vec::as_slice), &packet);
        assert_eq!(id, packet_id(&case["packet_id"]));
        if !case["chain_hash"].is_null() {
            assert_eq!(octets(&case["type"]), EntryType::Leave.as_bytes());
            let prev = chain_hash(&case["prev_chain_hash"]);
            assert_eq!(prev.next(&id, EntryType::Leave), chain_hash(&case["chain_hash"]));
        }
    }
}

#[test]
fn debug_is_short_and_display_is_whole() {
    let id = PacketId::from_bytes([0xab; 32]);
    assert_eq!(format!("{id:?}"), "PacketId(abababab…)");
    assert_eq!(id.to_string(), "ab".repeat(32));
    let hash = ChainHash::from_bytes([0x01; 32]);
    assert_eq!(format!("{hash:?}"), "ChainHash(01010101…)");
    assert_eq!(hash.to_string(), "01".repeat(32));
}

#[test]
fn every_reason_reads_differently_and_names_what_differs() {
    let (theirs, ours) = (PacketId::from_bytes([0xab; 32]), PacketId::from_bytes([0xcd; 32]));
    let (theirs_hash, ours_hash) = (ChainHash::start(&theirs), ChainHash::start(&ours));
    let unknown = RejectReason::UnknownParent { theirs, ours }.to_string();
    let mismatch = RejectReason::ChainHashMismatch { theirs: theirs_hash, ours: ours_hash };
    let mismatch = mismatch.to_string();
    assert!(unknown.contains(&theirs.to_string()) && unknown.contains(&ours.to_string()));
    assert!(mismatch.contains(&theirs_hash.to_string()));
    assert!(mismatch.contains(&ours_hash.to_string()));
    let ignored = [
        IgnoreReason::Duplicate,
        IgnoreReason::TargetAbsent,
        IgnoreReason::NotForUs,
        IgnoreReason::NotRunning,
    ];
    let rejected = [
        RejectReason::ParentTaken,
        RejectReason::Doubtful,
        RejectReason::AuthorNotMember,
        RejectReason::NotOurProposal,
        RejectReason::NoPlace,
    ];
    let texts = ignored.iter().map(ToString::to_string);
    let texts = texts.chain(rejected.iter().map(ToString::to_string));
    let texts: Vec<String> = texts.chain([unknown, mismatch]).collect();
    let distinct: BTreeSet<&String> = texts.iter().filter(|text| !text.is_empty()).collect();
    assert_eq!(distinct.len(), texts.len());
}
