//! Small vectors: those that need no running group.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::Hex32;
use crate::hex_bytes::HexVec;

/// Unit vectors of the first implementation's dialect.
#[derive(Deserialize)]
pub(crate) struct JsUnit {
    #[serde(rename = "wire_encode")]
    pub(crate) armor: Vec<Armor>,
    pub(crate) packet_id: Vec<PacketIdVector>,
    pub(crate) chain_hash: Vec<ChainHashVector>,
    pub(crate) leave_pseudo_packet: Vec<LeaveVector>,
    #[serde(rename = "greet_message")]
    pub(crate) greetings: Vec<SignedVector>,
    pub(crate) data_packet: Vec<DataVector>,
}

/// Unit vectors of dialect Document.
#[derive(Deserialize)]
pub(crate) struct DocumentUnit {
    pub(crate) armor: Vec<Armor>,
    pub(crate) packet_id: Vec<PacketIdVector>,
    pub(crate) chain_hash: Vec<ChainHashVector>,
    pub(crate) leave_pseudo_packet: Vec<LeaveVector>,
    pub(crate) greetings: BTreeMap<String, SignedVector>,
    pub(crate) abort: Vec<SignedVector>,
    pub(crate) data: DataSession,
}

/// Records, and the packet around them.
#[derive(Deserialize)]
pub(crate) struct Armor {
    #[serde(alias = "contents_hex")]
    pub(crate) contents: HexVec,
    pub(crate) packet: String,
}

#[derive(Deserialize)]
pub(crate) struct PacketIdVector {
    pub(crate) packet: String,
    pub(crate) sender: String,
    /// Everybody in the channel, or all but the sender.
    #[serde(alias = "recipients_in_hash_order")]
    pub(crate) channel: Vec<String>,
    pub(crate) packet_id: Hex32,
}

#[derive(Deserialize)]
pub(crate) struct ChainHashVector {
    /// Nothing, or empty, where an order begins.
    #[serde(default, rename = "prev", alias = "prev_chain_hash")]
    pub(crate) previous: Option<HexVec>,
    #[serde(alias = "start")]
    pub(crate) packet_id: Hex32,
    #[serde(rename = "type", alias = "packet_type_hex")]
    pub(crate) entry: HexVec,
    pub(crate) chain_hash: Hex32,
}

#[derive(Deserialize)]
pub(crate) struct LeaveVector {
    pub(crate) prev_pi: Hex32,
    #[serde(default)]
    pub(crate) leaver: Option<String>,
    #[serde(default)]
    pub(crate) leavers: Vec<String>,
    #[serde(alias = "channel_members_after_leave")]
    pub(crate) channel_after: Vec<String>,
    #[serde(alias = "pseudo_packet_hex")]
    pub(crate) pseudo_packet: HexVec,
    pub(crate) packet_id: Hex32,
}

/// A packet, and the seed of the key that signed it.
#[derive(Deserialize)]
pub(crate) struct SignedVector {
    pub(crate) packet: String,
    pub(crate) ephemeral_seed: Hex32,
}

/// A message in a session of its own.
#[derive(Deserialize)]
pub(crate) struct DataVector {
    pub(crate) author: String,
    pub(crate) members: Vec<String>,
    pub(crate) session_id: Hex32,
    pub(crate) group_key: Hex32,
    pub(crate) ephemeral_seed: Hex32,
    pub(crate) packet: String,
    pub(crate) message_id: HexVec,
}

/// Messages in one session.
#[derive(Deserialize)]
pub(crate) struct DataSession {
    pub(crate) sid: Hex32,
    pub(crate) group_key: Hex32,
    pub(crate) author: String,
    pub(crate) members: BTreeMap<String, Hex32>,
    pub(crate) ephemeral_seed: Hex32,
    pub(crate) packets: Vec<MessageVector>,
    pub(crate) resent: Vec<ResentVector>,
}

#[derive(Deserialize)]
pub(crate) struct MessageVector {
    pub(crate) text: Option<String>,
    pub(crate) packet: String,
    pub(crate) mid: HexVec,
}

#[derive(Deserialize)]
pub(crate) struct ResentVector {
    pub(crate) sender: String,
    pub(crate) packet: String,
    pub(crate) mid: HexVec,
}
