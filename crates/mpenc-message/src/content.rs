//! The content of a message: its kind and text, as each dialect writes them.

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;

use mpenc_wire::{Dialect, KindForm, MessageId, PaddingScope, Plaintext, PlaintextFields};

use crate::padding::{MAX_CONTENT, pad, unpad};
use crate::{ContentFault, Draft, Kind, OrderAck, SealError};

/// What was decrypted.
pub(crate) struct Content {
    pub(crate) parents: Vec<MessageId>,
    pub(crate) kind: Kind,
    pub(crate) text: String,
    pub(crate) order_ack: Option<OrderAck>,
}

/// Octets of ORDER_ACK: packet id ‖ chain hash.
const ORDER_ACK: usize = 64;

/// Values of MESSAGE_KIND (dialect Document).
const KINDS: [(u8, Kind); 5] = [
    (1, Kind::AckAutomatic),
    (2, Kind::AckManual),
    (3, Kind::Heartbeat),
    (4, Kind::Consistency),
    (5, Kind::Fin),
];

/// The kind octet of an MpencJs body: a text.
const JS_PAYLOAD: u8 = 0;
/// An explicit ack; true if it was asked for.
const JS_ACK: u8 = 1;
/// A consistency request; true if it is a FIN.
const JS_CONSISTENCY: u8 = 3;
const JS_FALSE: &str = "[false]";
const JS_TRUE: &str = "[true]";

/// The plaintext of a message, padded.
pub(crate) fn encode(dialect: Dialect, draft: &Draft<'_>) -> Result<Vec<u8>, SealError> {
    let (kind, content) = match dialect.kinds {
        KindForm::JsonBody => (None, Cow::from(js_body(draft)?)),
        _ => (document_kind(draft.kind), Cow::from(draft.text.as_bytes())),
    };
    let padded = match dialect.padding {
        PaddingScope::Records => records_len(dialect, draft, content.len()),
        _ => content.len(),
    };
    let too_long = SealError::TooLong { octets: padded, limit: MAX_CONTENT };
    if padded > MAX_CONTENT {
        return Err(too_long);
    }
    let body = match dialect.padding {
        PaddingScope::Body => Cow::from(pad(&content).ok_or(too_long)?),
        _ => content,
    };
    let order_ack = draft.order_ack.map(order_ack_octets);
    let fields = PlaintextFields {
        parents: draft.parents,
        kind,
        body: &body,
        order_ack: order_ack.as_ref(),
    };
    let records = fields.encode().map_err(|_| SealError::Parents)?;
    match dialect.padding {
        PaddingScope::Records => pad(&records).ok_or(too_long),
        _ => Ok(records),
    }
}

/// Octets of all records around a body of this length; there is no MESSAGE_KIND.
fn records_len(dialect: Dialect, draft: &Draft<'_>, body: usize) -> usize {
    const HEADER: usize = 4;
    let parents = draft.parents.len().saturating_mul(dialect.message_id_len + HEADER);
    let order_ack = if draft.order_ack.is_some() { HEADER + ORDER_ACK } else { 0 };
    body.saturating_add(HEADER).saturating_add(parents).saturating_add(order_ack)
}

fn order_ack_octets(ack: OrderAck) -> [u8; ORDER_ACK] {
    let mut octets = [0; ORDER_ACK];
    let (id, hash) = octets.split_at_mut(32);
    id.copy_from_slice(&ack.packet_id);
    hash.copy_from_slice(&ack.chain_hash);
    octets
}

fn order_ack(octets: &[u8; ORDER_ACK]) -> OrderAck {
    let mut ack = OrderAck { packet_id: [0; 32], chain_hash: [0; 32] };
    let (id, hash) = octets.split_at(32);
    ack.packet_id.copy_from_slice(id);
    ack.chain_hash.copy_from_slice(hash);
    ack
}

/// Reads a plaintext, strictly: it must be what [`encode`] makes of its content.
pub(crate) fn decode(dialect: Dialect, plaintext: &[u8]) -> Result<Content, ContentFault> {
    let records = match dialect.padding {
        PaddingScope::Records => unpad(plaintext).map_err(ContentFault::Padding)?,
        _ => plaintext,
    };
    let plaintext = Plaintext::decode(dialect, records).map_err(ContentFault::Malformed)?;
    let body = match dialect.padding {
        PaddingScope::Body => unpad(plaintext.body).map_err(ContentFault::Padding)?,
        _ => plaintext.body,
    };
    let (kind, text) = match dialect.kinds {
        KindForm::JsonBody => js_content(body)?,
        _ => document_content(plaintext.kind, body)?,
    };
    let order_ack = plaintext.order_ack.map(order_ack);
    Ok(Content { parents: plaintext.parents.iter().collect(), kind, text, order_ack })
}

fn document_kind(kind: Kind) -> Option<u8> {
    KINDS.iter().find(|(_, known)| *known == kind).map(|&(value, _)| value)
}

fn document_content(kind: Option<u8>, text: &[u8]) -> Result<(Kind, String), ContentFault> {
    let kind = match kind {
        None => Kind::Payload,
        Some(value) => KINDS
            .iter()
            .find(|(known, _)| *known == value)
            .map(|&(_, kind)| kind)
            .ok_or(ContentFault::UnknownKind(value))?,
    };
    let text = core::str::from_utf8(text).map_err(|_| ContentFault::NotUtf8)?;
    check_text(kind, text)?;
    Ok((kind, String::from(text)))
}

fn check_text(kind: Kind, text: &str) -> Result<(), ContentFault> {
    match (kind, text.is_empty()) {
        (Kind::Payload, true) => Err(ContentFault::EmptyText),
        (Kind::Payload, false) | (_, true) => Ok(()),
        (_, false) => Err(ContentFault::KindWithText),
    }
}

/// The kind octet and a JSON array of one value, as `JSON.stringify` writes it.
fn js_body(draft: &Draft<'_>) -> Result<Vec<u8>, SealError> {
    let mut body = Vec::with_capacity(draft.text.len().saturating_add(5));
    let (kind, flag) = match draft.kind {
        Kind::Payload => {
            body.push(JS_PAYLOAD);
            body.extend_from_slice(js_text(draft.text).as_bytes());
            return Ok(body);
        }
        Kind::AckAutomatic => (JS_ACK, JS_FALSE),
        Kind::AckManual => (JS_ACK, JS_TRUE),
        Kind::Consistency => (JS_CONSISTENCY, JS_FALSE),
        Kind::Fin => (JS_CONSISTENCY, JS_TRUE),
        Kind::Heartbeat => return Err(SealError::KindNotInDialect),
    };
    body.push(kind);
    body.extend_from_slice(flag.as_bytes());
    Ok(body)
}

/// `JSON.stringify([text])`: the shortest escapes, lower-case `\u00xx` for the other control
/// characters, and everything else as it is.
fn js_text(text: &str) -> String {
    let mut json = String::with_capacity(text.len().saturating_add(4));
    json.push_str("[\"");
    for char in text.chars() {
        match char {
            '"' => json.push_str("\\\""),
            '\\' => json.push_str("\\\\"),
            '\u{8}' => json.push_str("\\b"),
            '\t' => json.push_str("\\t"),
            '\n' => json.push_str("\\n"),
            '\u{c}' => json.push_str("\\f"),
            '\r' => json.push_str("\\r"),
            '\0'..='\u{1f}' => {
                json.push_str("\\u00");
                json.extend(
                    [u32::from(char) >> 4, u32::from(char) & 15]
                        .map(|digit| char::from_digit(digit, 16).unwrap_or('0')),
                );
            }
            _ => json.push(char),
        }
    }
    json.push_str("\"]");
    json
}

fn js_content(body: &[u8]) -> Result<(Kind, String), ContentFault> {
    let (&octet, json) = body.split_first().ok_or(ContentFault::Json)?;
    let json = core::str::from_utf8(json).map_err(|_| ContentFault::NotUtf8)?;
    let kind = match (octet, json) {
        (JS_PAYLOAD, _) => Kind::Payload,
        (JS_ACK, JS_FALSE) => Kind::AckAutomatic,
        (JS_ACK, JS_TRUE) => Kind::AckManual,
        (JS_CONSISTENCY, JS_FALSE) => Kind::Consistency,
        (JS_CONSISTENCY, JS_TRUE) => Kind::Fin,
        (JS_ACK | JS_CONSISTENCY, _) => return Err(ContentFault::Json),
        (unknown, _) => return Err(ContentFault::UnknownKind(unknown)),
    };
    if kind != Kind::Payload {
        return Ok((kind, String::new()));
    }
    let (text,): (String,) = serde_json::from_str(json).map_err(|_| ContentFault::Json)?;
    // One text, one way to write it: otherwise the same words could be two messages.
    if js_text(&text) != json {
        return Err(ContentFault::Json);
    }
    check_text(kind, &text)?;
    Ok((kind, text))
}
