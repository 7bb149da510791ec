//! The records inside a data packet's ciphertext.
//!
//! ```text
//!  MESSAGE_PARENT* [MESSAGE_KIND] MESSAGE_BODY extensions*
//! ```
//!
//! What MESSAGE_KIND and MESSAGE_BODY hold, and the padding, is the business of `mpenc-message`.

use alloc::vec::Vec;

use crate::decode::message_ids;
use crate::record::{HEADER, Reader, fixed};
use crate::write::Writer;
use crate::{
    Dialect, EncodeError, KindForm, MAX_CONTENTS, Malformed, MalformedKind, MessageId, MessageIds,
    ParentOrder, RecordType,
};

/// The decoded records of a plaintext.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Plaintext<'a> {
    /// MESSAGE_PARENT: the latest messages that the author had seen.
    pub parents: MessageIds<'a>,
    /// MESSAGE_KIND (dialect Document): none for a payload.
    pub kind: Option<u8>,
    /// MESSAGE_BODY, as it is.
    pub body: &'a [u8],
    /// ORDER_ACK: packet id ‖ chain hash.
    pub order_ack: Option<&'a [u8; 64]>,
    /// All octets after MESSAGE_BODY: ORDER_ACK, and whatever records we do not know.
    pub extensions: &'a [u8],
}

impl<'a> Plaintext<'a> {
    /// Decodes the records of a plaintext. After MESSAGE_BODY, unknown record types are skipped.
    ///
    /// # Errors
    /// [`Malformed`]: the first fault, and the octet where it stands.
    pub fn decode(dialect: Dialect, records: &'a [u8]) -> Result<Self, Malformed> {
        if records.len() > MAX_CONTENTS {
            return Err(Malformed::at(MAX_CONTENTS, MalformedKind::TooLarge));
        }
        let mut reader = Reader::new(records);
        let ascending = dialect.parent_order == ParentOrder::Ascending;
        let parents = message_ids(dialect, &mut reader, RecordType::MESSAGE_PARENT, ascending)?;
        let kind = if dialect.kinds == KindForm::Record {
            match reader.optional(RecordType::MESSAGE_KIND)? {
                Some(record) => {
                    let &[kind] = fixed(&record)?;
                    Some(kind)
                }
                None => None,
            }
        } else {
            None
        };
        let body = reader.required(RecordType::MESSAGE_BODY)?.value;
        let extensions = reader.rest();
        let mut order_ack = None;
        while let Some(record) = reader.next()? {
            match record.kind {
                RecordType::ORDER_ACK if order_ack.is_none() => order_ack = Some(fixed(&record)?),
                RecordType::ORDER_ACK | RecordType::MESSAGE_BODY => {
                    let kind = MalformedKind::Repeated(record.kind);
                    return Err(Malformed::at(record.offset, kind));
                }
                known if known.name().is_some() => {
                    return Err(Malformed::at(record.offset, MalformedKind::Unexpected(known)));
                }
                _ => {}
            }
        }
        Ok(Self { parents, kind, body, order_ack, extensions })
    }
}

/// What to write into a plaintext.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::exhaustive_structs, reason = "callers make it")]
pub struct PlaintextFields<'a> {
    /// MESSAGE_PARENT, in this order.
    pub parents: &'a [MessageId],
    /// MESSAGE_KIND.
    pub kind: Option<u8>,
    /// MESSAGE_BODY.
    pub body: &'a [u8],
    /// ORDER_ACK: packet id ‖ chain hash.
    pub order_ack: Option<&'a [u8; 64]>,
}

impl PlaintextFields<'_> {
    /// Encodes them.
    ///
    /// # Errors
    /// [`EncodeError`] if a value is too long for its record, or there are too many parents.
    pub fn encode(&self) -> Result<Vec<u8>, EncodeError> {
        let parents =
            self.parents.iter().map(|parent| HEADER.saturating_add(parent.as_bytes().len()));
        // Kind, body and order ack.
        let rest = 3 * HEADER + 1 + 64;
        let room = parents.sum::<usize>().saturating_add(rest).saturating_add(self.body.len());
        let mut writer = Writer::with_capacity(room);
        let parents = self.parents.iter().map(MessageId::as_bytes);
        writer.list(RecordType::MESSAGE_PARENT, parents)?;
        if let Some(kind) = self.kind {
            writer.record(RecordType::MESSAGE_KIND, &[kind])?;
        }
        writer.record(RecordType::MESSAGE_BODY, self.body)?;
        if let Some(order_ack) = self.order_ack {
            writer.record(RecordType::ORDER_ACK, order_ack)?;
        }
        Ok(writer.into_contents())
    }
}
