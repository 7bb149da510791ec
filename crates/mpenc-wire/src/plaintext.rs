//! The records inside a data packet's ciphertext.

use alloc::vec::Vec;

use crate::decode::message_ids;
use crate::record::{Reader, fixed};
use crate::write::{EncodeError, Writer};
use crate::{
    Dialect, KindForm, MAX_MEMBERS, Malformed, MalformedKind, MessageId, MessageIds, ParentOrder,
    RecordType,
};

/// The records of a message, decoded. What they mean is not looked at here: padding, the kind and
/// the text are the message layer's.
///
/// ```text
///  MESSAGE_PARENT*  [MESSAGE_KIND]  MESSAGE_BODY  [ORDER_ACK and extensions]
/// ```
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Plaintext<'a> {
    /// MESSAGE_PARENT records; strictly ascending where the dialect says so.
    pub parents: MessageIds<'a>,
    /// MESSAGE_KIND; `None` where the message is a payload, or where the dialect has no such
    /// record.
    pub kind: Option<u8>,
    /// The value of MESSAGE_BODY, as it is.
    pub body: &'a [u8],
    /// ORDER_ACK: a packet id ‖ the chain hash at it.
    pub order_ack: Option<&'a [u8; 64]>,
    /// Every octet after MESSAGE_BODY: ORDER_ACK, and records of types that we do not know.
    pub extensions: &'a [u8],
}

impl<'a> Plaintext<'a> {
    /// Reads the records of a message.
    ///
    /// # Errors
    /// [`Malformed`]: the first fault, and its offset in `records`.
    pub fn decode(dialect: Dialect, records: &'a [u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(records);
        let ascending = dialect.parent_order == ParentOrder::Ascending;
        let parents = message_ids(dialect, &mut reader, RecordType::MESSAGE_PARENT, ascending)?;
        let kind = match reader.optional(RecordType::MESSAGE_KIND)? {
            Some(record) if dialect.kinds == KindForm::Record => {
                let &[kind] = fixed(&record)?;
                Some(kind)
            }
            Some(record) => {
                let only = MalformedKind::NotInDialect(dialect.other().name);
                return Err(Malformed::at(record.offset, only));
            }
            None => None,
        };
        let body = reader.required(RecordType::MESSAGE_BODY)?.value;
        let extensions = reader.rest();
        let mut order_ack = None;
        while let Some(record) = reader.next()? {
            match record.kind {
                RecordType::ORDER_ACK if order_ack.is_none() => order_ack = Some(fixed(&record)?),
                kind if kind.name().is_none() => {}
                kind => return Err(Malformed::at(record.offset, MalformedKind::Unexpected(kind))),
            }
        }
        Ok(Self { parents, kind, body, order_ack, extensions })
    }
}

/// The records of a message, to be encoded.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::exhaustive_structs, reason = "the caller makes it")]
pub struct PlaintextFields<'a> {
    /// MESSAGE_PARENT, in the order that the dialect asks for.
    pub parents: &'a [MessageId],
    /// MESSAGE_KIND; must be `None` where the dialect has no such record.
    pub kind: Option<u8>,
    /// The value of MESSAGE_BODY.
    pub body: &'a [u8],
    /// ORDER_ACK: a packet id and the chain hash at it.
    pub order_ack: Option<(&'a [u8; 32], &'a [u8; 32])>,
}

impl PlaintextFields<'_> {
    /// The records, appended to `records`.
    ///
    /// # Errors
    /// [`EncodeError`] if a value does not fit into a record, or there are more than 1,024
    /// parents; some records may have been appended then.
    pub fn encode_into(&self, dialect: Dialect, records: &mut Vec<u8>) -> Result<(), EncodeError> {
        if self.parents.len() > MAX_MEMBERS {
            return Err(EncodeError::TooMany(RecordType::MESSAGE_PARENT));
        }
        let mut writer = Writer::new(records);
        for parent in self.parents {
            writer.message_id(dialect, RecordType::MESSAGE_PARENT, parent)?;
        }
        if let Some(kind) = self.kind {
            if dialect.kinds != KindForm::Record {
                return Err(EncodeError::NotInDialect(RecordType::MESSAGE_KIND));
            }
            writer.record(RecordType::MESSAGE_KIND, &[kind])?;
        }
        writer.record(RecordType::MESSAGE_BODY, self.body)?;
        if let Some((packet_id, chain_hash)) = self.order_ack {
            writer.parts(RecordType::ORDER_ACK, &[packet_id, chain_hash])?;
        }
        Ok(())
    }

    /// The records.
    ///
    /// # Errors
    /// [`EncodeError`], as [`encode_into`](Self::encode_into).
    pub fn encode(&self, dialect: Dialect) -> Result<Vec<u8>, EncodeError> {
        let mut records = Vec::new();
        self.encode_into(dialect, &mut records)?;
        Ok(records)
    }
}
