//! Encoding: one writer; the signature stands first, is made last, and is patched in.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use crate::decode::{SEVERITY_TERMINAL, TYPE_ABORT, TYPE_DATA, TYPE_GREETING};
use crate::record::Reader;
use crate::runs::BASE_POINT;
use crate::{
    BasePointForm, Dialect, GreetType, InvalidMemberId, MAX_CONTENTS, MAX_MEMBERS, MAX_REASON,
    Malformed, MemberId, MemberRef, MessageId, RecordType, armor, unarmor,
};

/// Octets of a signature.
const SIGNATURE: usize = 64;

/// Why something cannot be written as a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum EncodeError {
    /// This record's value is longer than 65,535 octets.
    ValueTooLong(RecordType),
    /// The packet's records take more than 1 MiB.
    TooLarge,
    /// More than 1,024 of these records.
    TooMany(RecordType),
    /// A reason is longer than 256 octets.
    ReasonTooLong,
    /// This member id is not in the dialect's form.
    Member(InvalidMemberId),
    /// The dialect has no packets with this record.
    NotInDialect(RecordType),
    /// What is to be resent is no data packet.
    Malformed(Malformed),
}

impl fmt::Display for EncodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ValueTooLong(record) => write!(f, "the value of {record} is too long"),
            Self::TooLarge => f.write_str("the packet would be larger than 1 MiB"),
            Self::TooMany(record) => write!(f, "more than 1024 {record} records"),
            Self::ReasonTooLong => f.write_str("a reason has at most 256 octets"),
            Self::Member(error) => error.fmt(f),
            Self::NotInDialect(record) => write!(f, "the dialect has no packets with {record}"),
            Self::Malformed(error) => write!(f, "not a packet to resend: {error}"),
        }
    }
}

impl core::error::Error for EncodeError {}

/// Appends records.
#[derive(Debug)]
pub(crate) struct Writer {
    contents: Vec<u8>,
}

impl Writer {
    pub(crate) const fn new() -> Self {
        Self { contents: Vec::new() }
    }

    pub(crate) fn with_capacity(octets: usize) -> Self {
        Self { contents: Vec::with_capacity(octets) }
    }

    // Never inlined: a packet has many records, and messages are mostly written after a pause, when
    // each line of code has to be fetched first.
    #[inline(never)]
    pub(crate) fn record(&mut self, kind: RecordType, value: &[u8]) -> Result<(), EncodeError> {
        let length = u16::try_from(value.len()).map_err(|_| EncodeError::ValueTooLong(kind))?;
        let ([k0, k1], [l0, l1]) = (kind.0.to_be_bytes(), length.to_be_bytes());
        self.contents.extend_from_slice(&[k0, k1, l0, l1]);
        self.contents.extend_from_slice(value);
        Ok(())
    }

    pub(crate) fn list<'v>(
        &mut self,
        kind: RecordType,
        values: impl ExactSizeIterator<Item = &'v [u8]>,
    ) -> Result<(), EncodeError> {
        if values.len() > MAX_MEMBERS {
            return Err(EncodeError::TooMany(kind));
        }
        for value in values {
            self.record(kind, value)?;
        }
        Ok(())
    }

    fn member(
        &mut self,
        dialect: Dialect,
        kind: RecordType,
        member: &MemberId,
    ) -> Result<(), EncodeError> {
        // A member id does not know its dialect: one made for the other must not get out.
        MemberRef::check(dialect, member.as_bytes()).map_err(EncodeError::Member)?;
        self.record(kind, member.as_bytes())
    }

    pub(crate) fn into_contents(self) -> Vec<u8> {
        self.contents
    }

    /// Room for the signature, and the records that all packets share. Gives where S begins.
    fn common(&mut self, dialect: Dialect, message_type: u8) -> Result<usize, EncodeError> {
        self.record(RecordType::MESSAGE_SIGNATURE, &[0; SIGNATURE])?;
        let signed = self.contents.len();
        self.record(RecordType::PROTOCOL_VERSION, dialect.version)?;
        self.record(RecordType::MESSAGE_TYPE, &[message_type])?;
        Ok(signed)
    }

    fn unsigned(self, signed: usize) -> Result<Unsigned, EncodeError> {
        if self.contents.len() > MAX_CONTENTS {
            return Err(EncodeError::TooLarge);
        }
        Ok(Unsigned { contents: self.contents, signed })
    }
}

/// A packet that lacks nothing but its signature.
#[derive(Clone, Debug)]
#[must_use]
pub struct Unsigned {
    contents: Vec<u8>,
    signed: usize,
}

impl Unsigned {
    /// S: what is to be signed, behind the context that the packet kind demands.
    #[must_use]
    pub fn signed(&self) -> &[u8] {
        self.contents.get(self.signed..).unwrap_or_default()
    }

    /// Patches the signature in, and gives the packet's text.
    #[must_use]
    pub fn finish(mut self, signature: &[u8; 64]) -> String {
        let start = self.signed.saturating_sub(SIGNATURE);
        if let Some(place) = self.contents.get_mut(start..self.signed) {
            place.copy_from_slice(signature);
        }
        armor(&self.contents)
    }
}

/// What to write into a greeting packet.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::exhaustive_structs, reason = "callers make it")]
pub struct GreetingFields<'a> {
    /// GREET_TYPE.
    pub greet_type: GreetType,
    /// SOURCE.
    pub source: &'a MemberId,
    /// DEST, on upflows.
    pub dest: Option<&'a MemberId>,
    /// MEMBER records.
    pub members: &'a [MemberId],
    /// INT_KEY records, the base point written out: the dialect decides how it is written.
    pub int_keys: &'a [[u8; 32]],
    /// NONCE records.
    pub nonces: &'a [[u8; 32]],
    /// PUB_KEY records.
    pub pub_keys: &'a [[u8; 32]],
    /// PREV_PF, CHAIN_HASH and LATEST_PM, in an initial packet.
    pub metadata: Option<MetadataFields<'a>>,
    /// SESSION_SIGNATURE.
    pub session_signature: Option<&'a [u8; 64]>,
}

/// The metadata to write into an initial packet.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::exhaustive_structs, reason = "callers make it")]
pub struct MetadataFields<'a> {
    /// PREV_PF.
    pub prev_pf: &'a [u8; 32],
    /// CHAIN_HASH.
    pub chain_hash: &'a [u8; 32],
    /// LATEST_PM; must be ascending.
    pub latest_pm: &'a [MessageId],
}

impl GreetingFields<'_> {
    /// Encodes them as they are: what decoding would refuse in their combination is not checked.
    ///
    /// # Errors
    /// [`EncodeError`] if they are too many or too large, or an id is not in the dialect's form.
    pub fn encode(&self, dialect: Dialect) -> Result<Unsigned, EncodeError> {
        if self.members.len() > MAX_MEMBERS {
            return Err(EncodeError::TooMany(RecordType::MEMBER));
        }
        let mut writer = Writer::new();
        let signed = writer.common(dialect, TYPE_GREETING)?;
        writer.record(RecordType::GREET_TYPE, &self.greet_type.0.to_be_bytes())?;
        writer.member(dialect, RecordType::SOURCE, self.source)?;
        match self.dest {
            Some(dest) => writer.member(dialect, RecordType::DEST, dest)?,
            None if dialect.empty_dest_on_broadcast => writer.record(RecordType::DEST, &[])?,
            None => {}
        }
        for member in self.members {
            writer.member(dialect, RecordType::MEMBER, member)?;
        }
        let empty_base = dialect.base_point == BasePointForm::Empty
            && self.greet_type == GreetType::ESTABLISH_INITIAL;
        let int_keys = self.int_keys.iter().enumerate().map(|(at, key)| -> &[u8] {
            if empty_base && at == 0 && *key == BASE_POINT { &[] } else { key }
        });
        writer.list(RecordType::INT_KEY, int_keys)?;
        writer.list(RecordType::NONCE, self.nonces.iter().map(|value| value.as_slice()))?;
        writer.list(RecordType::PUB_KEY, self.pub_keys.iter().map(|value| value.as_slice()))?;
        if let Some(metadata) = &self.metadata {
            writer.record(RecordType::PREV_PF, metadata.prev_pf)?;
            writer.record(RecordType::CHAIN_HASH, metadata.chain_hash)?;
            writer
                .list(RecordType::LATEST_PM, metadata.latest_pm.iter().map(MessageId::as_bytes))?;
        }
        if let Some(signature) = self.session_signature {
            writer.record(RecordType::SESSION_SIGNATURE, signature)?;
        }
        writer.unsigned(signed)
    }
}

/// What to write into a data packet.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::exhaustive_structs, reason = "callers make it")]
pub struct DataFields<'a> {
    /// SIDKEY_HINT.
    pub hint: u8,
    /// MESSAGE_IV.
    pub iv: &'a [u8; 12],
    /// MESSAGE_PAYLOAD: ciphertext.
    pub payload: &'a [u8],
}

impl DataFields<'_> {
    /// Encodes them.
    ///
    /// # Errors
    /// [`EncodeError`] if the payload is too long.
    pub fn encode(&self, dialect: Dialect) -> Result<Unsigned, EncodeError> {
        // All records but the payload take less.
        let mut writer = Writer::with_capacity(self.payload.len().saturating_add(128));
        writer.record(RecordType::SIDKEY_HINT, &[self.hint])?;
        let signed = writer.common(dialect, TYPE_DATA)?;
        writer.record(RecordType::MESSAGE_IV, self.iv)?;
        writer.record(RecordType::MESSAGE_PAYLOAD, self.payload)?;
        writer.unsigned(signed)
    }
}

/// What to write into an abort packet.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::exhaustive_structs, reason = "callers make it")]
pub struct AbortFields<'a> {
    /// SOURCE.
    pub source: &'a MemberId,
    /// ABORTED_PI.
    pub aborted_pi: &'a [u8; 32],
    /// MESSAGE_PAYLOAD: why.
    pub reason: &'a str,
}

impl AbortFields<'_> {
    /// Encodes them.
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
        let mut writer = Writer::new();
        let signed = writer.common(dialect, TYPE_ABORT)?;
        writer.member(dialect, RecordType::SOURCE, self.source)?;
        writer.record(RecordType::SEVERITY, &[SEVERITY_TERMINAL])?;
        writer.record(RecordType::ABORTED_PI, self.aborted_pi)?;
        writer.record(RecordType::MESSAGE_PAYLOAD, self.reason.as_bytes())?;
        writer.unsigned(signed)
    }
}

/// The text with which somebody else sends a data packet of `author` again: a SOURCE record in
/// front, and nothing else changed (dialect Document). One that is in front already, because the
/// packet came as a resent one, is replaced.
///
/// # Errors
/// [`EncodeError::Malformed`] if the text is no data packet; [`EncodeError::TooLarge`] if it would
/// grow too large.
pub fn resend(text: &str, author: &MemberId) -> Result<String, EncodeError> {
    let mut buffer = Vec::new();
    let contents = unarmor(text, &mut buffer).map_err(EncodeError::Malformed)?;
    let mut reader = Reader::new(contents);
    reader.optional(RecordType::SOURCE).map_err(EncodeError::Malformed)?;
    let packet = reader.rest();
    reader.required(RecordType::SIDKEY_HINT).map_err(EncodeError::Malformed)?;

    let mut writer = Writer::new();
    writer.member(Dialect::DOCUMENT, RecordType::SOURCE, author)?;
    writer.contents.extend_from_slice(packet);
    if writer.contents.len() > MAX_CONTENTS {
        return Err(EncodeError::TooLarge);
    }
    Ok(armor(&writer.contents))
}
