//! Group histories of dialect Document.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{DrawKind, Hex32};
use crate::hex_bytes::{Hex, HexVec};

/// What a group did, without session policy.
#[derive(Deserialize)]
pub(crate) struct History {
    pub(crate) members: BTreeMap<String, Identity>,
    pub(crate) draws: BTreeMap<String, Vec<(DrawKind, HexVec)>>,
    pub(crate) steps: Vec<Step>,
}

#[derive(Deserialize)]
pub(crate) struct Identity {
    #[serde(rename = "identity_seed")]
    pub(crate) seed: Hex32,
    #[serde(rename = "identity_pub")]
    pub(crate) public_key: Hex32,
}

/// One operation, or messages between operations.
#[derive(Deserialize)]
#[serde(try_from = "RawStep")]
pub(crate) struct Step {
    /// The channel's members when the step begins.
    pub(crate) channel: Vec<String>,
    /// The operation; `None` for messages only.
    pub(crate) operation: Option<OperationStep>,
    /// In channel order.
    pub(crate) packets: Vec<PacketStep>,
}

pub(crate) struct OperationStep {
    pub(crate) kind: OperationKind,
    pub(crate) by: String,
    pub(crate) targets: Vec<String>,
    pub(crate) prev_pf: Hex32,
    pub(crate) prev_chain_hash: Hex32,
    pub(crate) latest_pm: Vec<Hex32>,
    pub(crate) outcome: Outcome,
    /// After the step.
    pub(crate) chain_hash: Hex32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum OperationKind {
    Establish,
    Include,
    Exclude,
    Refresh,
}

/// How an operation ended.
pub(crate) enum Outcome {
    Completed(OperationResult),
    Aborted,
    Left(Leave),
}

/// What a completed operation agreed on.
#[derive(Deserialize)]
pub(crate) struct OperationResult {
    pub(crate) sid: Hex32,
    pub(crate) group_key: Hex32,
    /// Of session id and group key: what hints begin with.
    pub(crate) sidkey_hash: Hex32,
    pub(crate) members: Vec<String>,
    pub(crate) int_keys: Vec<Hex32>,
    pub(crate) nonces: Vec<Hex32>,
    pub(crate) ephemeral_pub_keys: Vec<Hex32>,
}

/// The leaver who ended an operation.
#[derive(Deserialize)]
pub(crate) struct Leave {
    pub(crate) leaver: String,
    pub(crate) packet_id: Hex32,
}

/// A packet in channel order.
#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum PacketStep {
    Greeting {
        sender: String,
        packet: String,
        packet_id: Hex32,
        /// The chain type that it was accepted as.
        accepted: Option<String>,
        chain_hash: Option<Hex32>,
    },
    Abort {
        sender: String,
        packet: String,
        packet_id: Hex32,
        aborted_pi: Hex32,
        reason: String,
        accepted: Option<String>,
        chain_hash: Option<Hex32>,
    },
    Data(DataStep),
    Resend {
        sender: String,
        author: String,
        packet: String,
        mid: Hex32,
    },
}

/// A message.
#[derive(Deserialize)]
pub(crate) struct DataStep {
    pub(crate) sender: String,
    pub(crate) packet: String,
    pub(crate) mid: Hex32,
    pub(crate) iv: Hex<12>,
    pub(crate) kind: DataKind,
    #[serde(default)]
    pub(crate) text: String,
    /// In wire order.
    pub(crate) parents: Vec<Hex32>,
    pub(crate) order_ack: Option<(Hex32, Hex32)>,
    /// Octets behind the records that we know.
    #[serde(default)]
    pub(crate) extensions: Option<HexVec>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum DataKind {
    Payload,
    AckAuto,
    AckManual,
    Heartbeat,
    Consistency,
    Fin,
}

impl PacketStep {
    /// Who sent it.
    pub(crate) fn sender(&self) -> &str {
        match self {
            Self::Greeting { sender, .. }
            | Self::Abort { sender, .. }
            | Self::Resend { sender, .. } => sender,
            Self::Data(data) => &data.sender,
        }
    }

    /// Its text on the channel.
    pub(crate) fn packet(&self) -> &str {
        match self {
            Self::Greeting { packet, .. }
            | Self::Abort { packet, .. }
            | Self::Resend { packet, .. } => packet,
            Self::Data(data) => &data.packet,
        }
    }
}

#[derive(Deserialize)]
struct RawStep {
    op: RawKind,
    channel: Vec<String>,
    packets: Vec<PacketStep>,
    by: Option<String>,
    targets: Option<Vec<String>>,
    prev_pf: Option<Hex32>,
    prev_chain_hash: Option<Hex32>,
    latest_pm: Option<Vec<Hex32>>,
    outcome: Option<RawOutcome>,
    result: Option<OperationResult>,
    leave: Option<Leave>,
    chain_hash: Option<Hex32>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum RawKind {
    Messages(MessagesTag),
    Operation(OperationKind),
}

#[derive(Deserialize)]
enum MessagesTag {
    #[serde(rename = "messages")]
    Messages,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum RawOutcome {
    Completed,
    Aborted,
    Left,
}

impl TryFrom<RawStep> for Step {
    type Error = String;

    fn try_from(raw: RawStep) -> Result<Self, String> {
        let RawStep { op, channel, packets, .. } = raw;
        let kind = match op {
            RawKind::Messages(MessagesTag::Messages) => {
                return Ok(Self { channel, operation: None, packets });
            }
            RawKind::Operation(kind) => kind,
        };
        let missing = |what: &str| format!("an operation without `{what}`");
        let outcome = match raw.outcome.ok_or_else(|| missing("outcome"))? {
            RawOutcome::Completed => {
                Outcome::Completed(raw.result.ok_or_else(|| missing("result"))?)
            }
            RawOutcome::Aborted => Outcome::Aborted,
            RawOutcome::Left => Outcome::Left(raw.leave.ok_or_else(|| missing("leave"))?),
        };
        let operation = OperationStep {
            kind,
            by: raw.by.ok_or_else(|| missing("by"))?,
            targets: raw.targets.ok_or_else(|| missing("targets"))?,
            prev_pf: raw.prev_pf.ok_or_else(|| missing("prev_pf"))?,
            prev_chain_hash: raw.prev_chain_hash.ok_or_else(|| missing("prev_chain_hash"))?,
            latest_pm: raw.latest_pm.ok_or_else(|| missing("latest_pm"))?,
            outcome,
            chain_hash: raw.chain_hash.ok_or_else(|| missing("chain_hash"))?,
        };
        Ok(Self { channel, operation: Some(operation), packets })
    }
}
