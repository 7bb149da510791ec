//! Records: type, length, value.
//!
//! ```text
//!  0       2        4                4 + length
//!  +-------+--------+---------- … ---+
//!  | type  | length | value          |      type and length: u16, big endian
//!  +-------+--------+---------- … ---+
//! ```

use core::fmt;

use crate::{Malformed, MalformedKind};

/// Octets of a record's header.
pub(crate) const HEADER: usize = 4;

/// A record's type: a struct over the integer, so that an unknown one survives to the error.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(clippy::exhaustive_structs, reason = "a number on the wire")]
pub struct RecordType(
    /// Its number on the wire.
    pub u16,
);

macro_rules! record_types {
    ($($(#[$doc:meta])* $name:ident = $value:literal,)*) => {
        impl RecordType {
            $($(#[$doc])* pub const $name: Self = Self($value);)*

            /// Its name in the design document; `None` if it is unknown.
            #[must_use]
            pub const fn name(self) -> Option<&'static str> {
                match self.0 {
                    $($value => Some(stringify!($name)),)*
                    _ => None,
                }
            }
        }
    };
}

record_types! {
    /// The protocol's version.
    PROTOCOL_VERSION = 0x0001,
    /// Greeting, data or abort.
    MESSAGE_TYPE = 0x0002,
    /// The signature over all records after it.
    MESSAGE_SIGNATURE = 0x0003,
    /// Ciphertext; in an abort, the reason.
    MESSAGE_PAYLOAD = 0x0010,
    /// The cipher's initialisation vector.
    MESSAGE_IV = 0x0011,
    /// A hint at the key.
    SIDKEY_HINT = 0x0012,
    /// A parent of a message.
    MESSAGE_PARENT = 0x0013,
    /// A message's body.
    MESSAGE_BODY = 0x0014,
    /// A message's kind (dialect Document).
    MESSAGE_KIND = 0x0015,
    /// A greeting's operation and stage.
    GREET_TYPE = 0x01ff,
    /// Who made the packet.
    SOURCE = 0x0100,
    /// For whom a directed packet is.
    DEST = 0x0101,
    /// A member of the operation.
    MEMBER = 0x0102,
    /// An intermediate key.
    INT_KEY = 0x0103,
    /// A member's nonce.
    NONCE = 0x0104,
    /// A member's ephemeral key.
    PUB_KEY = 0x0105,
    /// A member's session signature.
    SESSION_SIGNATURE = 0x0106,
    /// Reserved.
    SIGNING_KEY = 0x0107,
    /// How severe an error is.
    SEVERITY = 0x0201,
    /// Packet id of the previous final packet.
    PREV_PF = 0x0301,
    /// The chain hash at it.
    CHAIN_HASH = 0x0302,
    /// A latest message of the previous sub-session.
    LATEST_PM = 0x0303,
    /// What the author says of the server order.
    ORDER_ACK = 0x0304,
    /// Packet id of the initial packet of the operation to end (dialect Document).
    ABORTED_PI = 0x0305,
}

impl fmt::Display for RecordType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "0x{:04x}", self.0),
        }
    }
}

impl fmt::Debug for RecordType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// One record, and where it starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Record<'a> {
    /// Its type.
    pub kind: RecordType,
    /// Octets before its header.
    pub offset: usize,
    /// Its value.
    pub value: &'a [u8],
}

impl Record<'_> {
    /// Where its value starts.
    pub(crate) fn value_offset(&self) -> usize {
        self.offset.saturating_add(HEADER)
    }
}

/// The records of some octets, whatever they are: for those who look at packets, good or bad.
#[must_use]
pub fn records(contents: &[u8]) -> Records<'_> {
    Records { reader: Reader::new(contents), failed: false }
}

/// Iterates over records; ends after the first malformed one.
#[derive(Clone, Debug)]
pub struct Records<'a> {
    reader: Reader<'a>,
    failed: bool,
}

impl<'a> Iterator for Records<'a> {
    type Item = Result<Record<'a>, Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        let next = self.reader.next().transpose();
        self.failed = matches!(next, Some(Err(_)));
        next
    }
}

/// A cursor over records. Never indexes, never panics.
#[derive(Clone, Debug)]
pub(crate) struct Reader<'a> {
    contents: &'a [u8],
    offset: usize,
    /// The type of the record that was taken last.
    last: Option<RecordType>,
}

impl<'a> Reader<'a> {
    pub(crate) const fn new(contents: &'a [u8]) -> Self {
        Self { contents, offset: 0, last: None }
    }

    pub(crate) const fn offset(&self) -> usize {
        self.offset
    }

    /// All that is left.
    pub(crate) fn rest(&self) -> &'a [u8] {
        self.contents.get(self.offset..).unwrap_or_default()
    }

    /// What has been read since `start`.
    pub(crate) fn since(&self, start: usize) -> &'a [u8] {
        self.contents.get(start..self.offset).unwrap_or_default()
    }

    /// The next record, without taking it.
    pub(crate) fn peek(&self) -> Result<Option<Record<'a>>, Malformed> {
        self.clone().next()
    }

    /// Takes the next record; `None` at the end.
    pub(crate) fn next(&mut self) -> Result<Option<Record<'a>>, Malformed> {
        let rest = self.rest();
        if rest.is_empty() {
            return Ok(None);
        }
        let offset = self.offset;
        let cut = Malformed::at(offset, MalformedKind::HeaderCut);
        let (header, rest) = rest.split_first_chunk::<HEADER>().ok_or(cut)?;
        let [kind_high, kind_low, length_high, length_low] = *header;
        let kind = RecordType(u16::from_be_bytes([kind_high, kind_low]));
        let length = usize::from(u16::from_be_bytes([length_high, length_low]));
        let value =
            rest.get(..length).ok_or(Malformed::at(offset, MalformedKind::ValueCut(kind)))?;
        self.offset = offset.saturating_add(HEADER).saturating_add(length);
        self.last = Some(kind);
        Ok(Some(Record { kind, offset, value }))
    }

    /// Takes the next record if it is of this type.
    pub(crate) fn optional(&mut self, kind: RecordType) -> Result<Option<Record<'a>>, Malformed> {
        match self.peek()? {
            Some(record) if record.kind == kind => self.next(),
            _ => Ok(None),
        }
    }

    /// Takes the next record, which must be of this type.
    pub(crate) fn required(&mut self, kind: RecordType) -> Result<Record<'a>, Malformed> {
        match self.optional(kind)? {
            Some(record) => Ok(record),
            None => Err(self.absent(kind)),
        }
    }

    /// Takes the next record, which must be of this type and size.
    pub(crate) fn fixed<const N: usize>(
        &mut self,
        kind: RecordType,
    ) -> Result<&'a [u8; N], Malformed> {
        let record = self.required(kind)?;
        fixed(&record)
    }

    /// A record must stand here exactly if it is `expected`: what GREET_TYPE says of it.
    pub(crate) fn agrees(&self, kind: RecordType, expected: bool) -> Result<(), Malformed> {
        let present = self.peek()?.is_some_and(|record| record.kind == kind);
        let disagrees = Malformed::at(self.offset, MalformedKind::GreetTypeDisagrees(kind));
        match (present, expected) {
            (true, true) | (false, false) => Ok(()),
            (true, false) => Err(disagrees),
            (false, true) => Err(match self.absent(kind) {
                Malformed { kind: MalformedKind::Missing(_), .. } => disagrees,
                fault => fault,
            }),
        }
    }

    /// Nothing may be left.
    pub(crate) fn end(&self) -> Result<(), Malformed> {
        let fault = match self.peek() {
            Ok(None) => return Ok(()),
            Ok(Some(record)) => {
                self.stray(&record).unwrap_or(MalformedKind::Unexpected(record.kind))
            }
            Err(fault) => return Err(fault),
        };
        Err(Malformed::at(self.offset, fault))
    }

    /// Why a record of this type does not stand here.
    fn absent(&self, kind: RecordType) -> Malformed {
        let fault = match self.peek() {
            Err(fault) => return fault,
            Ok(None) => MalformedKind::Missing(kind),
            Ok(Some(record)) => self.stray(&record).unwrap_or_else(|| {
                let comes_later = records(self.rest()).flatten().any(|later| later.kind == kind);
                if comes_later {
                    MalformedKind::OutOfOrder(record.kind)
                } else {
                    MalformedKind::Missing(kind)
                }
            }),
        };
        Malformed::at(self.offset, fault)
    }

    /// What is wrong with a record that nobody expects, if it alone tells.
    fn stray(&self, record: &Record<'_>) -> Option<MalformedKind> {
        if record.kind.name().is_none() {
            Some(MalformedKind::UnknownRecord(record.kind))
        } else if self.last == Some(record.kind) {
            Some(MalformedKind::Repeated(record.kind))
        } else {
            None
        }
    }
}

/// A record's value, which must have this size.
pub(crate) fn fixed<'a, const N: usize>(record: &Record<'a>) -> Result<&'a [u8; N], Malformed> {
    record.value.try_into().map_err(|_| {
        let found = record.value.len();
        Malformed::at(record.offset, MalformedKind::Length { record: record.kind, found })
    })
}
