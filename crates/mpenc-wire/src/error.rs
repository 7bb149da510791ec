//! Errors of the codec.

use core::fmt;

use crate::{GreetType, InvalidMemberId, RecordType};

/// Octets or a text that are no packet, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Malformed {
    /// What is wrong.
    pub kind: MalformedKind,
    /// Where: octets from the start of the records; for faults of the armor, from the start of the
    /// text.
    pub offset: usize,
}

impl Malformed {
    pub(crate) const fn at(offset: usize, kind: MalformedKind) -> Self {
        Self { kind, offset }
    }
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (at octet {})", self.kind, self.offset)
    }
}

impl core::error::Error for Malformed {}

/// What is wrong with a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum MalformedKind {
    /// The text does not start with `?mpENC:`.
    NoPrefix,
    /// The text does not end with the only `.`.
    NoEnd,
    /// The text is longer than 1.4 MiB, or its records than 1 MiB.
    TooLarge,
    /// Not the canonical base64 of anything.
    Base64,
    /// One to three octets follow the last record: too few for another one's header.
    HeaderCut,
    /// A record claims more octets than are left.
    ValueCut(RecordType),
    /// This record type does not exist.
    UnknownRecord(RecordType),
    /// This record belongs to another kind of packet, or nowhere.
    Unexpected(RecordType),
    /// This record stands here once more, and only one is allowed.
    Repeated(RecordType),
    /// This record stands before one that must come first.
    OutOfOrder(RecordType),
    /// This record must stand here, and comes nowhere after.
    Missing(RecordType),
    /// A record of a fixed size has another one.
    Length {
        /// Which record.
        record: RecordType,
        /// The size it has.
        found: usize,
    },
    /// PROTOCOL_VERSION is that of the other dialect.
    OtherDialect(&'static str),
    /// PROTOCOL_VERSION is one that we do not speak.
    Version,
    /// MESSAGE_TYPE is none that we know, or not that of these records.
    MessageType(u8),
    /// This dialect has no such packet; the other one has.
    NotInDialect(&'static str),
    /// GREET_TYPE is none that we know.
    UnknownGreetType(GreetType),
    /// GREET_TYPE says that there is such a record, and there is none, or the other way round.
    GreetTypeDisagrees(RecordType),
    /// A member id is not in the dialect's form.
    Member(InvalidMemberId),
    /// A member is named twice.
    DuplicateMember,
    /// More members than 1,024.
    TooManyMembers,
    /// SOURCE is not among the members.
    SourceNotMember,
    /// SOURCE is a member whose turn it is not at this stage.
    NotItsTurn,
    /// DEST is not the member whose turn is next.
    DestNotNext,
    /// A broadcast is directed to somebody.
    DestOnBroadcast,
    /// There are not as many of these records as the stage of the operation demands.
    Count(RecordType),
    /// These records must be strictly ascending.
    NotAscending(RecordType),
    /// The first INT_KEY of an establish is not the base point, or not written as the dialect
    /// writes it.
    BasePoint,
    /// A reason is longer than 256 octets.
    ReasonTooLong,
    /// A reason is not UTF-8.
    ReasonNotUtf8,
    /// SEVERITY is not that of an abort.
    Severity(u8),
}

impl fmt::Display for MalformedKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoPrefix => f.write_str("the text does not start with ?mpENC:"),
            Self::NoEnd => f.write_str("the text does not end with the only ."),
            Self::TooLarge => f.write_str("the packet is too large"),
            Self::Base64 => f.write_str("not canonical base64"),
            Self::HeaderCut => f.write_str("too few octets for a record's header"),
            Self::ValueCut(record) => write!(f, "{record} claims more octets than are left"),
            Self::UnknownRecord(record) => write!(f, "unknown record type {record}"),
            Self::Unexpected(record) => write!(f, "{record} does not belong here"),
            Self::Repeated(record) => write!(f, "{record} stands here once too often"),
            Self::OutOfOrder(record) => write!(f, "{record} is out of order"),
            Self::Missing(record) => write!(f, "{record} is missing"),
            Self::Length { record, found } => {
                write!(f, "{record} has {found} octets, which is not its size")
            }
            Self::OtherDialect(name) => write!(f, "this is a packet of dialect {name}"),
            Self::Version => f.write_str("unknown protocol version"),
            Self::MessageType(found) => write!(f, "message type {found} does not fit"),
            Self::NotInDialect(name) => write!(f, "only dialect {name} has such a packet"),
            Self::UnknownGreetType(found) => write!(f, "unknown greet type {found}"),
            Self::GreetTypeDisagrees(record) => {
                write!(f, "the greet type and the presence of {record} disagree")
            }
            Self::Member(error) => error.fmt(f),
            Self::DuplicateMember => f.write_str("a member is named twice"),
            Self::TooManyMembers => f.write_str("more than 1024 members"),
            Self::SourceNotMember => f.write_str("the source is not among the members"),
            Self::NotItsTurn => f.write_str("at this stage it is not the source's turn"),
            Self::DestNotNext => f.write_str("the destination is not the next member"),
            Self::DestOnBroadcast => f.write_str("a broadcast has no destination"),
            Self::Count(record) => write!(f, "the number of {record} records does not fit"),
            Self::NotAscending(record) => write!(f, "{record} records are not strictly ascending"),
            Self::BasePoint => f.write_str("the first intermediate key must be the base point"),
            Self::ReasonTooLong => f.write_str("the reason is longer than 256 octets"),
            Self::ReasonNotUtf8 => f.write_str("the reason is not UTF-8"),
            Self::Severity(found) => write!(f, "severity {found} is not that of an abort"),
        }
    }
}
