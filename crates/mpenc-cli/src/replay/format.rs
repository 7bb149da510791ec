//! The files that can be replayed, as they are on disk.
//!
//! Everything here is somebody else's word: nothing is trusted, and what cannot be read becomes one
//! sentence with the line in it.

mod cases;
mod history;
mod recording;
mod unit;

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, anyhow, bail};
use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};

pub(crate) use cases::{Case, Cases};
pub(crate) use history::{
    DataKind, DataStep, History, Leave, OperationKind, OperationResult, OperationStep, Outcome,
    PacketStep, Step,
};
pub(crate) use recording::{
    Action, Body, ChannelKind, Draw, Entry, FlowControl, Line, Message, Options, OwnNotice,
    Received, Recording, Sent, SubSessionRecord, SyncedFrom, Who, Wish,
};
pub(crate) use unit::{
    Armor, ChainHashVector, DataVector, DocumentUnit, JsUnit, LeaveVector, PacketIdVector,
    SignedVector,
};

use crate::hex_bytes::Hex;

/// A file that can be replayed.
pub(crate) enum Vectors {
    /// A recording of the first implementation.
    Recording(Box<Recording>),
    /// A group history of dialect Document.
    History(Box<History>),
    /// A history, and packets that must not be taken.
    Cases(Box<Cases>),
    /// Small vectors of the first implementation's dialect.
    JsUnit(Box<JsUnit>),
    /// Small vectors of dialect Document.
    DocumentUnit(Box<DocumentUnit>),
}

/// The keys that tell the formats apart.
#[derive(Deserialize)]
struct Probe {
    profile: Option<String>,
    dialect: Option<String>,
    per_member: Option<IgnoredAny>,
    steps: Option<IgnoredAny>,
    cases: Option<IgnoredAny>,
    constants: Option<IgnoredAny>,
    armor: Option<IgnoredAny>,
}

/// The `profile` of the recordings that we know.
const PROFILE: &str = "mpenc_js 2016-01 wire v1";
/// The `dialect` of the other files.
const DIALECT: &str = "Document";

/// Reads a file, whichever of the formats it has.
///
/// # Errors
/// It cannot be read, or is in no format that we know: one sentence.
pub(crate) fn load(path: &Path) -> Result<Vectors> {
    read(&fs::read_to_string(path).context("it cannot be read")?)
}

/// Reads the text of a file, whichever of the formats it has.
///
/// # Errors
/// It is in no format that we know: one sentence.
pub(crate) fn read(text: &str) -> Result<Vectors> {
    let probe: Probe = parse(text)?;
    if let Some(profile) = probe.profile.as_ref().filter(|profile| *profile != PROFILE) {
        bail!("its profile {profile:?} is unknown: {PROFILE:?} is expected")
    }
    if let Some(dialect) = probe.dialect.as_ref().filter(|dialect| *dialect != DIALECT) {
        bail!("its dialect {dialect:?} is unknown: {DIALECT:?} is expected")
    }
    let (js, document) = (probe.profile.is_some(), probe.dialect.is_some());
    Ok(if js && probe.per_member.is_some() {
        Vectors::Recording(parse(text)?)
    } else if js && probe.constants.is_some() {
        Vectors::JsUnit(parse(text)?)
    } else if document && probe.cases.is_some() {
        Vectors::Cases(parse(text)?)
    } else if document && probe.steps.is_some() {
        Vectors::History(parse(text)?)
    } else if document && probe.armor.is_some() {
        Vectors::DocumentUnit(parse(text)?)
    } else {
        bail!("its format is unknown: neither a recording nor a history nor bad packets")
    })
}

fn parse<T: DeserializeOwned>(text: &str) -> Result<T> {
    serde_json::from_str(text).map_err(|error| match error.classify() {
        serde_json::error::Category::Data => anyhow!("its format is not as expected: {error}"),
        _ => anyhow!("it is not JSON: {error}"),
    })
}

/// What a member drew from its source of randomness.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub(crate) enum DrawKind {
    /// The random PREV_PF of an order that starts from scratch.
    #[serde(rename = "prev_pf", alias = "server_order_sync_pid")]
    OrderStart,
    /// A private contribution.
    #[serde(rename = "x25519_private")]
    Contribution,
    /// A nonce of the key exchange.
    #[serde(rename = "ske_nonce")]
    Nonce,
    /// The seed of an ephemeral signature key.
    #[serde(rename = "ephemeral_sign_seed")]
    EphemeralSeed,
    /// A message's initialisation vector.
    #[serde(rename = "message_iv")]
    MessageIv,
    /// The random part of the delay before entering again: session policy.
    #[serde(rename = "reenter_jitter")]
    Jitter,
}

/// Keys and hashes.
pub(crate) type Hex32 = Hex<32>;
