//! Unit vectors, as far as they can be checked from outside: packets, their ids, the server order.
//! What lies deeper (arithmetic, padding, session ids) is read by the tests of the crates.

use std::fmt;

use ed25519_dalek::SigningKey;
use mpenc_message::{MessageSecurity, Opened, SubSessionKeys, SubSessionSecurity};
use mpenc_order::{ChainHash, EntryType, PacketId, leave_pseudo_packet};
use mpenc_wire::{Dialect, MemberId, Packet, armor, unarmor};

use super::codec::again;
use super::difference::difference;
use super::format::{
    Armor, ChainHashVector, DataVector, DocumentUnit, JsUnit, LeaveVector, PacketIdVector,
    SignedVector,
};
use super::report::Report;
use super::signatures::is_signed_by;
use crate::hex_bytes::HexVec;

/// The sender of leave pseudo packets.
const SERVER: &[u8] = b"__server__";

/// Checks the vectors of the first implementation's dialect.
pub(super) fn js(unit: &JsUnit, report: &mut Report) {
    let mut check = Checks { dialect: Dialect::MPENC_JS, report };
    check.armor(&unit.armor);
    check.order(&unit.packet_id, &unit.chain_hash, &unit.leave_pseudo_packet);
    for (at, vector) in unit.greetings.iter().enumerate() {
        check.signed(&format_args!("greet_message {at}"), vector);
    }
    for (at, vector) in unit.data_packet.iter().enumerate() {
        check.data(&format_args!("data_packet {at}"), vector);
    }
}

/// Checks the vectors of dialect Document.
pub(super) fn document(unit: &DocumentUnit, report: &mut Report) {
    let mut check = Checks { dialect: Dialect::DOCUMENT, report };
    check.armor(&unit.armor);
    check.order(&unit.packet_id, &unit.chain_hash, &unit.leave_pseudo_packet);
    for (name, vector) in &unit.greetings {
        check.signed(&format_args!("greetings {name:?}"), vector);
    }
    for (at, vector) in unit.abort.iter().enumerate() {
        check.signed(&format_args!("abort {at}"), vector);
    }
    let data = &unit.data;
    let members: Vec<String> = data.members.keys().cloned().collect();
    let session = |packet: &str, mid: &HexVec| DataVector {
        author: data.author.clone(),
        members: members.clone(),
        session_id: data.sid,
        group_key: data.group_key,
        ephemeral_seed: data.ephemeral_seed,
        packet: packet.to_owned(),
        message_id: mid.clone(),
    };
    for (at, vector) in data.packets.iter().enumerate() {
        let place = format_args!("data {at}");
        let opened = check.data(&place, &session(&vector.packet, &vector.mid));
        let text = opened.map(|opened| opened.text);
        let recorded = Some(vector.text.clone().unwrap_or_default());
        check.report.expect_eq(place, "text", &recorded, &text);
    }
    for (at, vector) in data.resent.iter().enumerate() {
        let place = format_args!("data resent {at}, by {}", vector.sender);
        check.data(&place, &session(&vector.packet, &vector.mid));
    }
}

struct Checks<'r> {
    dialect: Dialect,
    report: &'r mut Report,
}

impl Checks<'_> {
    fn armor(&mut self, vectors: &[Armor]) {
        for (at, vector) in vectors.iter().enumerate() {
            let place = format_args!("armor {at}");
            self.report.packet();
            self.report.expect_eq(place, "packet", &vector.packet, &armor(&vector.contents.0));
            let mut buffer = Vec::new();
            let contents = unarmor(&vector.packet, &mut buffer).ok();
            let contents = contents.map(|contents| HexVec(contents.to_vec()));
            self.report.expect_eq(place, "records", &Some(vector.contents.clone()), &contents);
        }
    }

    fn order(
        &mut self,
        packet_ids: &[PacketIdVector],
        chain_hashes: &[ChainHashVector],
        leaves: &[LeaveVector],
    ) {
        for (at, vector) in packet_ids.iter().enumerate() {
            let names = vector.channel.iter().filter(|name| **name != vector.sender);
            let others: Vec<MemberId> = names.filter_map(|name| self.id(name)).collect();
            let Some(sender) = self.id(&vector.sender) else { continue };
            let others = others.iter().map(MemberId::as_bytes);
            let id = PacketId::compute(sender.as_bytes(), others, vector.packet.as_bytes());
            let place = format_args!("packet_id {at}");
            self.report.expect_eq(place, "packet id", &vector.packet_id.0, id.as_bytes());
        }
        for (at, vector) in chain_hashes.iter().enumerate() {
            let place = format_args!("chain_hash {at}");
            let ours = chain_hash(vector).map(|hash| *hash.as_bytes());
            self.report.expect_eq(place, "chain hash", &Some(vector.chain_hash.0), &ours);
        }
        for (at, vector) in leaves.iter().enumerate() {
            let place = format_args!("leave_pseudo_packet {at}");
            let prev_pi = PacketId::from_bytes(vector.prev_pi.0);
            let names = vector.leavers.iter().chain(&vector.leaver);
            let leavers: Vec<MemberId> = names.filter_map(|name| self.id(name)).collect();
            let leavers: Vec<&[u8]> = leavers.iter().map(MemberId::as_bytes).collect();
            let packet = leave_pseudo_packet(&prev_pi, &leavers);
            let names = vector.channel_after.iter();
            let others: Vec<MemberId> = names.filter_map(|name| self.id(name)).collect();
            let id = PacketId::compute(SERVER, others.iter().map(MemberId::as_bytes), &packet);
            self.report.expect_eq(place, "packet", &vector.pseudo_packet, &HexVec(packet));
            self.report.expect_eq(place, "packet id", &vector.packet_id.0, id.as_bytes());
        }
    }

    /// A packet by itself: it survives being taken apart, and its signature verifies.
    fn signed(&mut self, place: &dyn fmt::Display, vector: &SignedVector) {
        self.report.packet();
        match again(self.dialect, &vector.packet) {
            Ok(ours) if ours == vector.packet => {}
            Ok(ours) => self.report.differs(place, difference(&vector.packet, &ours)),
            Err(fault) => self.report.differs(place, fault),
        }
        let key = SigningKey::from_bytes(&vector.ephemeral_seed.0).verifying_key();
        if !is_signed_by(self.dialect, &vector.packet, &key) {
            self.report.differs(place, "the signature does not verify");
        }
    }

    /// A message: it opens under the session's keys, and has the recorded id.
    fn data(&mut self, place: &dyn fmt::Display, vector: &DataVector) -> Option<Opened> {
        self.report.packet();
        match again(self.dialect, &vector.packet) {
            Ok(ours) if ours == vector.packet => {}
            Ok(ours) => self.report.differs(place, difference(&vector.packet, &ours)),
            Err(fault) => self.report.differs(place, fault),
        }
        let author = self.id(&vector.author)?;
        let signing_key = SigningKey::from_bytes(&vector.ephemeral_seed.0);
        // Only the author's key matters: nobody else writes here.
        let members = vector.members.iter().filter_map(|name| self.id(name));
        let members: Vec<MemberId> = members.collect();
        let with_key = |member| (member, signing_key.verifying_key());
        let security = SubSessionSecurity::new(&SubSessionKeys {
            dialect: self.dialect,
            own: author.clone(),
            members: members.into_iter().map(with_key).collect(),
            signing_key: signing_key.clone(),
            session_id: vector.session_id.0,
            group_key: vector.group_key.0,
        });
        let mut buffer = Vec::new();
        let packet = unarmor(&vector.packet, &mut buffer)
            .and_then(|contents| Packet::decode(self.dialect, contents));
        let Ok(Packet::Data(packet)) = packet else {
            self.report.differs(place, "it is no data packet");
            return None;
        };
        match security.open(&author, &packet) {
            Ok(opened) => {
                let id = HexVec(opened.id.as_bytes().to_vec());
                self.report.expect_eq(place, "message id", &vector.message_id, &id);
                Some(opened)
            }
            Err(error) => {
                self.report.differs(place, error);
                None
            }
        }
    }

    fn id(&mut self, name: &str) -> Option<MemberId> {
        let id = MemberId::new(self.dialect, name);
        if let Err(error) = &id {
            self.report.differs(format_args!("{name:?}"), error);
        }
        id.ok()
    }
}

fn chain_hash(vector: &ChainHashVector) -> Option<ChainHash> {
    const ENTRIES: [EntryType; 5] =
        [EntryType::Initial, EntryType::Final, EntryType::Both, EntryType::Abort, EntryType::Leave];
    let id = PacketId::from_bytes(vector.packet_id.0);
    let Some(previous) = vector.previous.as_ref().filter(|previous| !previous.0.is_empty()) else {
        return Some(ChainHash::start(&id));
    };
    let previous = ChainHash::from_bytes(previous.0.as_slice().try_into().ok()?);
    let entry = ENTRIES.into_iter().find(|entry| entry.as_bytes() == vector.entry.0)?;
    Some(previous.next(&id, entry))
}
