//! The content of a message: its kind and text, as each dialect writes them.

use alloc::string::String;
use alloc::vec::Vec;

use mpenc_wire::{Dialect, KindForm, PaddingScope, Plaintext, PlaintextFields};

use crate::padding::{self, MAX_CONTENT, pad, unpad};
use crate::{ContentFault, Draft, Kind, OrderAck, SealError};

/// What was decrypted.
pub(crate) struct Content {
    pub(crate) parents: Vec<mpenc_wire::MessageId>,
    pub(crate) kind: Kind,
    pub(crate) text: String,
    pub(crate) order_ack: Option<OrderAck>,
}

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

/// The plaintext of a message, padded.
pub(crate) fn encode(dialect: Dialect, draft: &Draft<'_>) -> Result<Vec<u8>, SealError> {
    let ack = draft.order_ack.map(|ack| {
        let mut octets = [0; 64];
        let (id, hash) = octets.split_at_mut(32);
        id.copy_from_slice(&ack.packet_id);
        hash.copy_from_slice(&ack.chain_hash);
        octets
    });
    let too_long = |octets| SealError::TooLong { octets, limit: MAX_CONTENT };
    let (kind, body) = match dialect.kinds {
        KindForm::JsonBody => (None, js_body(draft)?),
        _ => (document_kind(draft.kind), Vec::from(draft.text)),
    };
    let body = match dialect.padding {
        PaddingScope::Body => pad(&body).ok_or(too_long(body.len()))?,
        _ => body,
    };
    let fields =
        PlaintextFields { parents: draft.parents, kind, body: &body, order_ack: ack.as_ref() };
    let records = fields.encode().map_err(|_| too_long(body.len()))?;
    match dialect.padding {
        PaddingScope::Records => pad(&records).ok_or(too_long(records.len())),
        _ => Ok(records),
    }
}

/// Reads a plaintext, strictly: it must be what [`encode`] makes of its content.
pub(crate) fn decode(dialect: Dialect, plaintext: &[u8]) -> Result<Content, ContentFault> {
    let records = match dialect.padding {
        PaddingScope::Records => unpad(plaintext).map_err(ContentFault::Padding)?,
        _ => plaintext,
    };
    let plaintext = Plaintext::decode(dialect, records).map_err(ContentFault::Malformed)?;
    let body = match dialect.padding {
        PaddingScope::Body => padding::unpad(plaintext.body).map_err(ContentFault::Padding)?,
        _ => plaintext.body,
    };
    let (kind, text) = match dialect.kinds {
        KindForm::JsonBody => js_content(body)?,
        _ => document_content(plaintext.kind, body)?,
    };
    let order_ack = plaintext.order_ack.map(|octets| {
        let mut ack = OrderAck { packet_id: [0; 32], chain_hash: [0; 32] };
        let (id, hash) = octets.split_at(32);
        ack.packet_id.copy_from_slice(id);
        ack.chain_hash.copy_from_slice(hash);
        ack
    });
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
    let (octet, json) = match draft.kind {
        Kind::Payload => (JS_PAYLOAD, js_text(draft.text)),
        Kind::AckAutomatic => (JS_ACK, Some("[false]".into())),
        Kind::AckManual => (JS_ACK, Some("[true]".into())),
        Kind::Consistency => (JS_CONSISTENCY, Some("[false]".into())),
        Kind::Fin => (JS_CONSISTENCY, Some("[true]".into())),
        Kind::Heartbeat => return Err(SealError::KindNotInDialect),
    };
    let json: String = json.ok_or(SealError::TextAndKindDisagree)?;
    let mut body = Vec::with_capacity(json.len().saturating_add(1));
    body.push(octet);
    body.extend_from_slice(json.as_bytes());
    Ok(body)
}

fn js_text(text: &str) -> Option<String> {
    serde_json::to_string(&[text]).ok()
}

fn js_content(body: &[u8]) -> Result<(Kind, String), ContentFault> {
    let (&octet, json) = body.split_first().ok_or(ContentFault::Json)?;
    let json = core::str::from_utf8(json).map_err(|_| ContentFault::NotUtf8)?;
    let kind = match (octet, json) {
        (JS_PAYLOAD, _) => Kind::Payload,
        (JS_ACK, "[false]") => Kind::AckAutomatic,
        (JS_ACK, "[true]") => Kind::AckManual,
        (JS_CONSISTENCY, "[false]") => Kind::Consistency,
        (JS_CONSISTENCY, "[true]") => Kind::Fin,
        (JS_ACK | JS_CONSISTENCY, _) => return Err(ContentFault::Json),
        (unknown, _) => return Err(ContentFault::UnknownKind(unknown)),
    };
    if kind != Kind::Payload {
        return Ok((kind, String::new()));
    }
    let (text,): (String,) = serde_json::from_str(json).map_err(|_| ContentFault::Json)?;
    // One text, one way to write it: otherwise the same words could be two messages.
    if js_text(&text).as_deref() != Some(json) {
        return Err(ContentFault::Json);
    }
    check_text(kind, &text)?;
    Ok((kind, text))
}
