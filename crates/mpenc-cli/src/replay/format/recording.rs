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
    pub(crate) per_member: BTreeMap<String, Vec<Line>>,
    #[serde(default)]
    pub(crate) member_options: BTreeMap<String, Options>,
    pub(crate) flow_control: FlowControl,
    #[serde(rename = "end_time_ms")]
    pub(crate) end: u64,
    /// Whether the first implementation ran without internal errors.
    pub(crate) strict: bool,
}

/// What a member chose.
#[derive(Clone, Copy, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Options {
    pub(crate) stay_if_last_member: bool,
    pub(crate) auto_include_extra: bool,
}

/// Times that the liveness rules start from.
#[derive(Deserialize)]
pub(crate) struct FlowControl {
    #[serde(rename = "broadcast_latency_ms")]
    pub(crate) broadcast_latency: u64,
    #[serde(rename = "full_ack_interval_ms")]
    pub(crate) full_ack_interval: u64,
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
        enter: Vec<String>,
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
    /// Whether it proposes an operation.
    pub(crate) initial: bool,
    /// Whether it ends one, if it is accepted.
    #[serde(rename = "final")]
    pub(crate) last: bool,
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

/// What happened at one member, and when.
#[derive(Deserialize)]
pub(crate) struct Line {
    /// Milliseconds of the recording's clock.
    #[serde(rename = "t")]
    pub(crate) at: u64,
    /// Handed over before what the entry received before it put off was done.
    #[serde(default)]
    pub(crate) same_tick: bool,
    #[serde(flatten)]
    pub(crate) entry: Entry,
}

/// What happened at one member, in order.
pub(crate) enum Entry {
    /// The user asked for something.
    Action(Action),
    /// The channel told the member something.
    Received(Received),
    /// The member asked the channel to send a packet.
    Sent(Sent),
    /// The member asked the channel to change its members.
    Request { enter: Who },
    /// The member's transcript accepted a message.
    Accepted { message: usize },
    /// The server order decided about a packet.
    OpPacket { op: usize, accepted: bool, code: Option<String>, synced_from: Option<SyncedFrom> },
    /// Leavers ended an operation.
    AbortedByLeave { pseudo_packet_id: Hex32, chain_hash: Hex32 },
    /// The member entered a sub-session.
    SubSession { reference: usize },
    /// The user was told of other members.
    Members { remain: Vec<String>, include: Vec<String>, exclude: Vec<String> },
    /// The user was told of a message; its parents are so far back in the user's log.
    Ready { message: usize, parents_back: Vec<usize> },
    /// The member's session has these members now.
    Status { members: Vec<String> },
    /// Anything else.
    Other,
}

/// What the user asked for.
pub(crate) struct Action {
    pub(crate) wish: Wish,
    /// Whether it was refused at once.
    pub(crate) refused: bool,
}

pub(crate) enum Wish {
    Join,
    Part,
    Ack,
    Send(String),
    Include(Vec<String>),
    Exclude(Vec<String>),
    Refresh,
    /// A request to the channel, past the session.
    Channel,
}

/// Whom the channel shall let in.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub(crate) enum Who {
    #[default]
    Nobody,
    Us(bool),
    Others(Vec<String>),
}

/// What the channel tells a member about itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum OwnNotice {
    Enter,
    Leave,
}

pub(crate) struct Received {
    /// Index of the channel event; `None` for a packet that the channel never ordered.
    pub(crate) channel: Option<usize>,
    /// A packet that replaces the event's.
    pub(crate) packet: Option<(String, String)>,
    /// What the event is to the member, if it is about the member itself.
    pub(crate) about_self: Option<OwnNotice>,
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
    about_self: Option<OwnNotice>,
    #[serde(default)]
    enter: Who,
    m: Option<usize>,
    par_idx: Option<Vec<usize>>,
    op: Option<serde_json::Value>,
    accepted: Option<bool>,
    code: Option<String>,
    synced_from: Option<SyncedFrom>,
    pseudo_packet_id: Option<Hex32>,
    chain_hash: Option<Hex32>,
    #[serde(rename = "ref")]
    reference: Option<usize>,
    members: Option<Vec<String>>,
    remain: Option<Vec<String>>,
    result: Option<serde_json::Value>,
    join: Option<IgnoredAny>,
    part: Option<IgnoredAny>,
    ack: Option<IgnoredAny>,
    send: Option<String>,
    include: Option<Vec<String>>,
    exclude: Option<Vec<String>>,
    refresh: Option<IgnoredAny>,
    channel: Option<IgnoredAny>,
}

impl RawEntry {
    /// What the user asked for.
    fn action(self) -> Option<Action> {
        let refused = self.result.is_some_and(|result| result == false || result == "throw");
        let wish = if self.join.is_some() {
            Wish::Join
        } else if self.part.is_some() {
            Wish::Part
        } else if self.ack.is_some() || self.send.as_deref() == Some("") {
            Wish::Ack
        } else if let Some(text) = self.send {
            Wish::Send(text)
        } else if let Some(members) = self.include {
            Wish::Include(members)
        } else if let Some(members) = self.exclude {
            Wish::Exclude(members)
        } else if self.refresh.is_some() {
            Wish::Refresh
        } else {
            self.channel.map(|_| Wish::Channel)?
        };
        Some(Action { wish, refused })
    }
}

impl<'de> Deserialize<'de> for Entry {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = RawEntry::deserialize(deserializer)?;
        let missing = D::Error::missing_field;
        Ok(match (raw.dir.as_str(), raw.kind.as_deref()) {
            ("action", _) => Self::Action(
                raw.action().ok_or_else(|| D::Error::custom("an action of unknown kind"))?,
            ),
            ("recv", _) => Self::Received(Received {
                channel: raw.ch,
                packet: raw.sender.zip(raw.packet),
                about_self: raw.about_self,
            }),
            ("send", _) if raw.recipients.is_some() => {
                Self::Sent(Sent { channel: raw.ch, packet: raw.packet })
            }
            ("send", _) => Self::Request { enter: raw.enter },
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
            ("event", Some("SNMembers")) => Self::Members {
                remain: raw.remain.ok_or_else(|| missing("remain"))?,
                include: raw.include.ok_or_else(|| missing("include"))?,
                exclude: raw.exclude.ok_or_else(|| missing("exclude"))?,
            },
            ("event", Some("MsgReady")) => Self::Ready {
                message: raw.m.ok_or_else(|| missing("m"))?,
                parents_back: raw.par_idx.ok_or_else(|| missing("par_idx"))?,
            },
            ("status", _) => match raw.members {
                Some(members) => Self::Status { members },
                None => Self::Other,
            },
            ("event" | "internal" | "timer" | "result", _) => Self::Other,
            (other, _) => {
                return Err(D::Error::custom(format!("an entry of unknown kind {other:?}")));
            }
        })
    }
}
