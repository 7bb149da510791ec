//! Packets → octets.
//!
//! ```text
//!  data:      [SOURCE] SIDKEY_HINT  │ MESSAGE_SIGNATURE │ PROTOCOL_VERSION MESSAGE_TYPE …
//!  others:                          │ MESSAGE_SIGNATURE │ PROTOCOL_VERSION MESSAGE_TYPE …
//!                                                         └────────── S, signed ─────────┘
//! ```
//!
//! The signature stands before what it signs. The writer leaves room for it, hands out S, and puts
//! the signature in at the end, so that nothing is written twice.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use crate::decode::{ABORT, DATA, GREETING, TERMINAL};
use crate::record::{HEADER, Reader};
use crate::runs::BASE_POINT;
use crate::{
    BasePointForm, Dialect, GreetType, InvalidMemberId, MAX_CONTENTS, MAX_MEMBERS, MAX_REASON,
    Malformed, MemberId, MemberRef, MessageId, RecordType, armor, unarmor,
};

/// Why a packet cannot be encoded: nobody could read it. Never caused by what peers send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum EncodeError {
    /// A value has more than 65,535 octets.
    ValueTooLong(RecordType),
    /// More than 1,024 of these records.
    TooMany(RecordType),
    /// The records take more than 1 MiB.
    TooLarge,
    /// The reason has more than 256 octets.
    ReasonTooLong,
    /// A member id is not in the dialect's form.
    Member(InvalidMemberId),
    /// A message id has not as many octets as those of the dialect.
    MessageId,
    /// The dialect has no such record or packet.
    NotInDialect(RecordType),
    /// What should be sent again is no data packet.
    NotData(Malformed),
}

impl fmt::Display for EncodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ValueTooLong(record) => write!(f, "{record} would be longer than 65535 octets"),
            Self::TooMany(record) => write!(f, "more than 1024 {record} records"),
            Self::TooLarge => f.write_str("the packet would be larger than 1 MiB"),
            Self::ReasonTooLong => f.write_str("the reason is longer than 256 octets"),
            Self::Member(error) => error.fmt(f),
            Self::MessageId => f.write_str("a message id is that of another dialect"),
            Self::NotInDialect(record) => write!(f, "the dialect has no {record}"),
            Self::NotData(error) => write!(f, "not a data packet: {error}"),
        }
    }
}

impl core::error::Error for EncodeError {}

/// Appends records; every length is checked here and nowhere else.
pub(crate) struct Writer<'b> {
    contents: &'b mut Vec<u8>,
}

impl<'b> Writer<'b> {
    pub(crate) fn new(contents: &'b mut Vec<u8>) -> Self {
        Self { contents }
    }

    pub(crate) fn record(&mut self, kind: RecordType, value: &[u8]) -> Result<(), EncodeError> {
        self.parts(kind, &[value])
    }

    /// A record whose value is put together from parts; its length is patched in afterwards.
    pub(crate) fn parts(&mut self, kind: RecordType, parts: &[&[u8]]) -> Result<(), EncodeError> {
        self.contents.extend_from_slice(&kind.0.to_be_bytes());
        let length_at = self.contents.len();
        self.contents.extend_from_slice(&[0, 0]);
        let value_at = self.contents.len();
        for part in parts {
            self.contents.extend_from_slice(part);
        }
        let length = u16::try_from(self.contents.len().saturating_sub(value_at))
            .map_err(|_| EncodeError::ValueTooLong(kind))?;
        if let Some(slot) = self.contents.get_mut(length_at..value_at) {
            slot.copy_from_slice(&length.to_be_bytes());
        }
        Ok(())
    }

    fn member(
        &mut self,
        dialect: Dialect,
        kind: RecordType,
        member: &MemberId,
    ) -> Result<(), EncodeError> {
        let member =
            MemberRef::from_wire(dialect, member.as_bytes()).map_err(EncodeError::Member)?;
        self.record(kind, member.as_bytes())
    }

    pub(crate) fn message_id(
        &mut self,
        dialect: Dialect,
        kind: RecordType,
        id: &MessageId,
    ) -> Result<(), EncodeError> {
        if id.as_bytes().len() != dialect.message_id_len {
            return Err(EncodeError::MessageId);
        }
        self.record(kind, id.as_bytes())
    }

    fn values(&mut self, kind: RecordType, values: &[[u8; 32]]) -> Result<(), EncodeError> {
        if values.len() > MAX_MEMBERS {
            return Err(EncodeError::TooMany(kind));
        }
        values.iter().try_for_each(|value| self.record(kind, value))
    }

    /// Room for the signature, then what all packets start S with.
    fn open(&mut self, dialect: Dialect, message_type: u8) -> Result<(), EncodeError> {
        self.record(RecordType::MESSAGE_SIGNATURE, &[0; 64])?;
        self.record(RecordType::PROTOCOL_VERSION, dialect.version)?;
        self.record(RecordType::MESSAGE_TYPE, &[message_type])
    }
}

/// A packet that lacks nothing but its signature.
#[derive(Clone, Debug)]
pub struct Unsigned {
    contents: Vec<u8>,
    /// Where the signature's 64 octets go.
    signature_at: usize,
}

impl Unsigned {
    /// Lets `write` append the records; those that it puts before the signature take `before`
    /// octets.
    fn build(
        before: usize,
        write: impl FnOnce(&mut Writer<'_>) -> Result<(), EncodeError>,
    ) -> Result<Self, EncodeError> {
        let mut contents = Vec::new();
        write(&mut Writer::new(&mut contents))?;
        if contents.len() > MAX_CONTENTS {
            return Err(EncodeError::TooLarge);
        }
        Ok(Self { contents, signature_at: before.saturating_add(HEADER) })
    }

    /// S: what is to be signed (with a prefix that the layer above knows).
    #[must_use]
    pub fn signed(&self) -> &[u8] {
        self.contents.get(self.signature_at.saturating_add(64)..).unwrap_or_default()
    }

    /// Puts the signature in. Returns the packet's text.
    #[must_use]
    pub fn finish(mut self, signature: &[u8; 64]) -> String {
        let end = self.signature_at.saturating_add(64);
        if let Some(slot) = self.contents.get_mut(self.signature_at..end) {
            slot.copy_from_slice(signature);
        }
        armor(&self.contents)
    }
}

/// A greeting packet, to be encoded. The writer checks sizes, not whether the records agree with
/// the greet type.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::exhaustive_structs, reason = "the caller makes it")]
pub struct GreetingFields<'a> {
    /// GREET_TYPE.
    pub greet_type: GreetType,
    /// SOURCE.
    pub source: &'a MemberId,
    /// DEST; `None` on broadcasts.
    pub dest: Option<&'a MemberId>,
    /// MEMBER, in the order of the agreement.
    pub members: &'a [MemberId],
    /// INT_KEY; the base point written out.
    pub int_keys: &'a [[u8; 32]],
    /// NONCE.
    pub nonces: &'a [[u8; 32]],
    /// PUB_KEY.
    pub pub_keys: &'a [[u8; 32]],
    /// PREV_PF, CHAIN_HASH and LATEST_PM, in an operation's initial packet.
    pub metadata: Option<MetadataFields<'a>>,
    /// SESSION_SIGNATURE.
    pub session_signature: Option<&'a [u8; 64]>,
}

/// The metadata of an operation's initial packet, to be encoded.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::exhaustive_structs, reason = "the caller makes it")]
pub struct MetadataFields<'a> {
    /// PREV_PF.
    pub prev_pf: &'a [u8; 32],
    /// CHAIN_HASH.
    pub chain_hash: &'a [u8; 32],
    /// LATEST_PM, strictly ascending.
    pub latest_pm: &'a [MessageId],
}

impl GreetingFields<'_> {
    /// The packet, but for its signature.
    ///
    /// # Errors
    /// [`EncodeError`] if it has more members or octets than a reader takes, or an id that is not
    /// the dialect's.
    pub fn encode(&self, dialect: Dialect) -> Result<Unsigned, EncodeError> {
        if self.members.len() > MAX_MEMBERS {
            return Err(EncodeError::TooMany(RecordType::MEMBER));
        }
        Unsigned::build(0, |writer| {
            writer.open(dialect, GREETING)?;
            writer.record(RecordType::GREET_TYPE, &self.greet_type.0.to_be_bytes())?;
            writer.member(dialect, RecordType::SOURCE, self.source)?;
            match self.dest {
                Some(dest) => writer.member(dialect, RecordType::DEST, dest)?,
                None if dialect.empty_dest_on_broadcast => {
                    writer.record(RecordType::DEST, &[])?;
                }
                None => {}
            }
            for member in self.members {
                writer.member(dialect, RecordType::MEMBER, member)?;
            }
            let (base_points, int_keys) = self.leading_base_points(dialect);
            for _ in base_points {
                writer.record(RecordType::INT_KEY, &[])?;
            }
            writer.values(RecordType::INT_KEY, int_keys)?;
            writer.values(RecordType::NONCE, self.nonces)?;
            writer.values(RecordType::PUB_KEY, self.pub_keys)?;
            if let Some(metadata) = &self.metadata {
                metadata.write(dialect, writer)?;
            }
            if let Some(signature) = self.session_signature {
                writer.record(RecordType::SESSION_SIGNATURE, signature)?;
            }
            Ok(())
        })
    }

    /// Splits the intermediate keys into the one that is written as an empty record, if any, and
    /// those that are written out.
    fn leading_base_points(&self, dialect: Dialect) -> (&[[u8; 32]], &[[u8; 32]]) {
        let elided = dialect.base_point == BasePointForm::Empty
            && self.greet_type == GreetType::ESTABLISH_INITIAL
            && self.int_keys.first() == Some(&BASE_POINT);
        self.int_keys.split_at_checked(usize::from(elided)).unwrap_or((&[], self.int_keys))
    }
}

impl MetadataFields<'_> {
    fn write(&self, dialect: Dialect, writer: &mut Writer<'_>) -> Result<(), EncodeError> {
        writer.record(RecordType::PREV_PF, self.prev_pf)?;
        writer.record(RecordType::CHAIN_HASH, self.chain_hash)?;
        if self.latest_pm.len() > MAX_MEMBERS {
            return Err(EncodeError::TooMany(RecordType::LATEST_PM));
        }
        self.latest_pm
            .iter()
            .try_for_each(|id| writer.message_id(dialect, RecordType::LATEST_PM, id))
    }
}

/// A data packet, to be encoded.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::exhaustive_structs, reason = "the caller makes it")]
pub struct DataFields<'a> {
    /// SIDKEY_HINT.
    pub hint: u8,
    /// MESSAGE_IV.
    pub iv: &'a [u8; 12],
    /// MESSAGE_PAYLOAD: ciphertext.
    pub payload: &'a [u8],
}

impl DataFields<'_> {
    /// The packet, but for its signature.
    ///
    /// # Errors
    /// [`EncodeError::ValueTooLong`] if the ciphertext does not fit into a record.
    pub fn encode(&self, dialect: Dialect) -> Result<Unsigned, EncodeError> {
        Unsigned::build(HEADER + 1, |writer| {
            writer.record(RecordType::SIDKEY_HINT, &[self.hint])?;
            writer.open(dialect, DATA)?;
            writer.record(RecordType::MESSAGE_IV, self.iv)?;
            writer.record(RecordType::MESSAGE_PAYLOAD, self.payload)
        })
    }
}

/// An abort packet, to be encoded.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::exhaustive_structs, reason = "the caller makes it")]
pub struct AbortFields<'a> {
    /// SOURCE.
    pub source: &'a MemberId,
    /// ABORTED_PI: packet id of the initial packet of the operation to end.
    pub aborted_pi: &'a [u8; 32],
    /// Why; at most 256 octets.
    pub reason: &'a str,
}

impl AbortFields<'_> {
    /// The packet, but for its signature.
    ///
    /// # Errors
    /// [`EncodeError`] if the reason is too long, or the dialect has no aborts.
    pub fn encode(&self, dialect: Dialect) -> Result<Unsigned, EncodeError> {
        if !dialect.aborts {
            return Err(EncodeError::NotInDialect(RecordType::ABORTED_PI));
        }
        if self.reason.len() > MAX_REASON {
            return Err(EncodeError::ReasonTooLong);
        }
        Unsigned::build(0, |writer| {
            writer.open(dialect, ABORT)?;
            writer.member(dialect, RecordType::SOURCE, self.source)?;
            writer.record(RecordType::SEVERITY, &[TERMINAL])?;
            writer.record(RecordType::ABORTED_PI, self.aborted_pi)?;
            writer.record(RecordType::MESSAGE_PAYLOAD, self.reason.as_bytes())
        })
    }
}

/// The text that sends another author's data packet again: the same packet with a SOURCE record in
/// front, which is not signed. A SOURCE that is there already is replaced.
///
/// # Errors
/// [`EncodeError`] if the text is no data packet, or the packet would be too large.
pub fn resend(text: &str, author: &MemberId) -> Result<String, EncodeError> {
    let mut buffer = Vec::new();
    let contents = unarmor(text, &mut buffer).map_err(EncodeError::NotData)?;
    let mut reader = Reader::new(contents);
    reader.optional(RecordType::SOURCE).map_err(EncodeError::NotData)?;
    let packet = reader.rest();
    reader.required(RecordType::SIDKEY_HINT).map_err(EncodeError::NotData)?;

    let mut resent = Vec::with_capacity(HEADER + author.as_bytes().len() + packet.len());
    Writer::new(&mut resent).record(RecordType::SOURCE, author.as_bytes())?;
    resent.extend_from_slice(packet);
    if resent.len() > MAX_CONTENTS {
        return Err(EncodeError::TooLarge);
    }
    Ok(armor(&resent))
}
