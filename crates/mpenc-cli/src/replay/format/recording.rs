//! Recordings of the first implementation.

use std::collections::BTreeMap;

use serde::de::{Error, IgnoredAny};
use serde::{Deserialize, Deserializer};

use super::{DrawKind, Hex32};
use crate::hex_bytes::{Hex, HexVec};

/// A recorded session.
#[derive(Deserialize)]
pub(crate) struct Recording {
    pub(crate) name: String,
    pub(crate) members: BTreeMap<String, Identity>,
    pub(crate) random: BTreeMap<String, Vec<Draw>>,
    pub(crate) channel: Vec<ChannelEvent>,
    pub(crate) messages: Vec<Message>,
    pub(crate) op_packets: Vec<OpPacket>,
    pub(crate) subsessions: Vec<SubSessionRecord>,
    pub(crate) per_member: BTreeMap<String, Vec<Entry>>,
    /// Whether the first implementation ran without internal errors.
    pub(crate) strict: bool,
}

#[derive(Deserialize)]
pub(crate) struct Identity {
    #[serde(rename = "static_seed_hex")]
    pub(crate) seed: Hex32,
    #[serde(rename = "static_pub_hex")]
    pub(crate) public_key: Hex32,
}

#[derive(Deserialize)]
pub(crate) struct Draw {
    pub(crate) what: DrawKind,
    #[serde(rename = "hex")]
    pub(crate) octets: HexVec,
}

/// One event of the channel's total order.
#[derive(Deserialize)]
pub(crate) struct ChannelEvent {
    pub(crate) sender: String,
    #[serde(flatten)]
    pub(crate) kind: ChannelKind,
    pub(crate) members_after: Vec<String>,
}

#[derive(Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(crate) enum ChannelKind {
    Packet {
        packet: String,
    },
    #[serde(alias = "enter", alias = "leave", alias = "change")]
    Members {
        leave: Vec<String>,
    },
}

/// A message that was accepted by somebody.
#[derive(Deserialize)]
pub(crate) struct Message {
    pub(crate) mid: Hex<20>,
    pub(crate) author: String,
    pub(crate) readers: Vec<String>,
    pub(crate) body: Body,
    /// As indices of messages, in no particular order.
    pub(crate) parents: Vec<usize>,
    #[serde(flatten)]
    pub(crate) content: Content,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Body {
    Payload,
    AckManual,
    AckAuto,
    Consistency,
    ConsistencyClose,
}

/// The text of a payload; only its hash, where it is long.
#[derive(Deserialize)]
pub(crate) struct Content {
    #[serde(rename = "content")]
    pub(crate) text: Option<String>,
    #[serde(rename = "content_utf8_len")]
    pub(crate) length: Option<usize>,
    #[serde(rename = "content_utf8_sha256")]
    pub(crate) sha256: Option<Hex32>,
}

/// An initial or a final packet.
#[derive(Deserialize)]
pub(crate) struct OpPacket {
    pub(crate) packet_id: Hex32,
    /// As what it was accepted; `None` if nobody accepted it.
    #[serde(default)]
    pub(crate) packet_type: Option<String>,
    #[serde(default)]
    pub(crate) chain_hash: Option<Hex32>,
}

/// A sub-session, the same for all its members.
#[derive(Deserialize)]
pub(crate) struct SubSessionRecord {
    pub(crate) session_id: Hex32,
    pub(crate) group_key: Hex32,
    pub(crate) members: Vec<String>,
    pub(crate) int_keys: Vec<Hex32>,
    pub(crate) nonces: Vec<Hex32>,
    pub(crate) ephemeral_pub_keys: Vec<Hex32>,
    pub(crate) chain_hash: Hex32,
    pub(crate) prev_pf: Hex32,
    pub(crate) metadata_parents: Vec<usize>,
}

/// What happened at one member, in order; what is session policy is left out.
pub(crate) enum Entry {
    /// The channel told the member something.
    Received(Received),
    /// The member asked the channel to send a packet.
    Sent(Sent),
    /// The member's transcript accepted a message.
    Accepted { message: usize },
    /// The server order decided about a packet.
    OpPacket { op: usize, accepted: bool, code: Option<String>, synced_from: Option<SyncedFrom> },
    /// Leavers ended an operation.
    AbortedByLeave { pseudo_packet_id: Hex32, chain_hash: Hex32 },
    /// The member entered a sub-session.
    SubSession { reference: usize },
    /// Anything else.
    Policy,
}

pub(crate) struct Received {
    /// Index of the channel event; `None` for a packet that the channel never ordered.
    pub(crate) channel: Option<usize>,
    /// A packet that replaces the event's.
    pub(crate) packet: Option<(String, String)>,
    /// Whether the event is about the member itself.
    pub(crate) about_self: bool,
}

pub(crate) struct Sent {
    /// Index of the channel event; `None` if the server lost the packet.
    pub(crate) channel: Option<usize>,
    /// The packet, where the server lost it.
    pub(crate) packet: Option<String>,
}

/// Where a joiner's order began.
#[derive(Deserialize)]
pub(crate) struct SyncedFrom {
    pub(crate) prev_pf: Hex32,
    pub(crate) prev_ch: Hex32,
}

#[derive(Deserialize)]
struct RawEntry {
    dir: String,
    #[serde(rename = "type")]
    kind: Option<String>,
    ch: Option<usize>,
    packet: Option<String>,
    sender: Option<String>,
    recipients: Option<IgnoredAny>,
    #[serde(rename = "self")]
    about_self: Option<IgnoredAny>,
    m: Option<usize>,
    op: Option<serde_json::Value>,
    accepted: Option<bool>,
    code: Option<String>,
    synced_from: Option<SyncedFrom>,
    pseudo_packet_id: Option<Hex32>,
    chain_hash: Option<Hex32>,
    #[serde(rename = "ref")]
    reference: Option<usize>,
}

impl<'de> Deserialize<'de> for Entry {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = RawEntry::deserialize(deserializer)?;
        let missing = D::Error::missing_field;
        Ok(match (raw.dir.as_str(), raw.kind.as_deref()) {
            ("recv", _) => Self::Received(Received {
                channel: raw.ch,
                packet: raw.sender.zip(raw.packet),
                about_self: raw.about_self.is_some(),
            }),
            ("send", _) if raw.recipients.is_some() => {
                Self::Sent(Sent { channel: raw.ch, packet: raw.packet })
            }
            ("internal", Some("accepted")) => {
                Self::Accepted { message: raw.m.ok_or_else(|| missing("m"))? }
            }
            ("internal", Some("op_packet")) => {
                let op = raw.op.ok_or_else(|| missing("op"))?;
                Self::OpPacket {
                    op: serde_json::from_value(op).map_err(D::Error::custom)?,
                    accepted: raw.accepted.ok_or_else(|| missing("accepted"))?,
                    code: raw.code,
                    synced_from: raw.synced_from,
                }
            }
            ("internal", Some("op_aborted_by_leave")) => Self::AbortedByLeave {
                pseudo_packet_id: raw
                    .pseudo_packet_id
                    .ok_or_else(|| missing("pseudo_packet_id"))?,
                chain_hash: raw.chain_hash.ok_or_else(|| missing("chain_hash"))?,
            },
            ("subsession", _) => {
                Self::SubSession { reference: raw.reference.ok_or_else(|| missing("ref"))? }
            }
            ("action" | "send" | "event" | "internal" | "status" | "timer" | "result", _) => {
                Self::Policy
            }
            (other, _) => {
                return Err(D::Error::custom(format!("an entry of unknown kind {other:?}")));
            }
        })
    }
}
