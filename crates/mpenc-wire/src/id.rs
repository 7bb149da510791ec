//! Member ids and message ids.

use alloc::string::String;
use alloc::sync::Arc;
use core::fmt;

use crate::Dialect;

/// A member's id: its octets on the wire.
///
/// Ids are opaque, compared and sorted by these octets, everywhere. Cheap to clone.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MemberId(Arc<[u8]>);

/// Why a text or octets are no member id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InvalidMemberId {
    /// It is empty.
    Empty,
    /// It takes more than 1,023 octets on the wire.
    TooLong,
    /// It has a character that the dialect does not allow.
    Character,
    /// It is not UTF-8 (dialect Document).
    NotUtf8,
    /// It is `__server__`, the name of the server.
    Reserved,
}

impl fmt::Display for InvalidMemberId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "a member id must not be empty",
            Self::TooLong => "a member id must not be longer than 1023 octets",
            Self::Character => "the member id has a character that its dialect does not allow",
            Self::NotUtf8 => "the member id is not UTF-8",
            Self::Reserved => "the member id `__server__` is reserved",
        })
    }
}

impl core::error::Error for InvalidMemberId {}

impl MemberId {
    /// The member id of a text, as the dialect writes it.
    ///
    /// # Errors
    /// [`InvalidMemberId`] if the dialect cannot carry it.
    pub fn new(dialect: Dialect, text: &str) -> Result<Self, InvalidMemberId> {
        let _ = (dialect, text);
        Err(InvalidMemberId::Empty)
    }

    /// The octets on the wire.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The text that the dialect's octets stand for.
    #[must_use]
    pub fn to_text(&self, dialect: Dialect) -> String {
        let _ = dialect;
        String::new()
    }

    /// Borrows it.
    #[must_use]
    pub fn as_ref(&self) -> MemberRef<'_> {
        MemberRef(&self.0)
    }
}

/// A borrowed member id, inside a decoded packet. Its form has been checked.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MemberRef<'a>(pub(crate) &'a [u8]);

impl<'a> MemberRef<'a> {
    /// The octets on the wire.
    #[must_use]
    pub fn as_bytes(self) -> &'a [u8] {
        self.0
    }

    /// An owned copy.
    #[must_use]
    pub fn to_owned(self) -> MemberId {
        MemberId(Arc::from(self.0))
    }
}

/// A message's id: the leading octets of SHA-256(signature ‖ S); 32 of them in dialect Document,
/// 20 in MpencJs.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MessageId {
    octets: [u8; 32],
    len: u8,
}

impl MessageId {
    /// The id of a message with this SHA-256, cut as the dialect says.
    #[must_use]
    pub fn from_hash(dialect: Dialect, hash: &[u8; 32]) -> Self {
        let _ = dialect;
        Self { octets: *hash, len: 32 }
    }

    /// Its octets.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.octets.get(..usize::from(self.len)).unwrap_or(&self.octets)
    }
}
