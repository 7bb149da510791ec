//! Member ids and message ids.

use alloc::string::String;
use alloc::sync::Arc;
use core::borrow::Borrow;
use core::fmt;

use crate::{Dialect, MAX_MEMBER_ID, MemberIdForm};

/// The name of the server, which no member may have where ids are UTF-8.
const RESERVED: &str = "__server__";

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
        match dialect.member_ids {
            MemberIdForm::Utf8 => Self::from_wire(dialect, text.as_bytes()),
            MemberIdForm::Latin1 => {
                let octets: Result<Arc<[u8]>, _> = text.chars().map(u8::try_from).collect();
                Self::from_wire(dialect, &octets.map_err(|_| InvalidMemberId::Character)?)
            }
        }
    }

    /// The member id that has these octets on the wire.
    ///
    /// # Errors
    /// [`InvalidMemberId`] if they are not in the dialect's form.
    pub fn from_wire(dialect: Dialect, octets: &[u8]) -> Result<Self, InvalidMemberId> {
        MemberRef::from_wire(dialect, octets).map(MemberRef::to_owned)
    }

    /// The octets on the wire.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The text that the dialect's octets stand for.
    #[must_use]
    pub fn to_text(&self, dialect: Dialect) -> String {
        self.as_ref().to_text(dialect)
    }

    /// Borrows it.
    #[must_use]
    #[expect(clippy::should_implement_trait, reason = "the target has a lifetime of its own")]
    pub fn as_ref(&self) -> MemberRef<'_> {
        MemberRef(&self.0)
    }
}

/// So that maps keyed by members can be asked with what a packet has.
impl Borrow<[u8]> for MemberId {
    fn borrow(&self) -> &[u8] {
        &self.0
    }
}

/// A borrowed member id, inside a decoded packet. Its form has been checked.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MemberRef<'a>(pub(crate) &'a [u8]);

impl<'a> MemberRef<'a> {
    /// The member id that has these octets on the wire.
    ///
    /// # Errors
    /// [`InvalidMemberId`] if they are not in the dialect's form.
    pub fn from_wire(dialect: Dialect, octets: &'a [u8]) -> Result<Self, InvalidMemberId> {
        if octets.is_empty() {
            return Err(InvalidMemberId::Empty);
        }
        if octets.len() > MAX_MEMBER_ID {
            return Err(InvalidMemberId::TooLong);
        }
        if dialect.member_ids == MemberIdForm::Utf8 {
            let text = core::str::from_utf8(octets).map_err(|_| InvalidMemberId::NotUtf8)?;
            if text.bytes().any(|octet| octet.is_ascii_control()) {
                return Err(InvalidMemberId::Character);
            }
            if text == RESERVED {
                return Err(InvalidMemberId::Reserved);
            }
        }
        Ok(Self(octets))
    }

    /// The octets on the wire.
    #[must_use]
    pub fn as_bytes(self) -> &'a [u8] {
        self.0
    }

    /// The text that the dialect's octets stand for.
    #[must_use]
    pub fn to_text(self, dialect: Dialect) -> String {
        match dialect.member_ids {
            MemberIdForm::Utf8 => String::from_utf8_lossy(self.0).into_owned(),
            MemberIdForm::Latin1 => latin1(self.0),
        }
    }

    /// An owned copy.
    #[must_use]
    pub fn to_owned(self) -> MemberId {
        MemberId(Arc::from(self.0))
    }
}

fn latin1(octets: &[u8]) -> String {
    octets.iter().copied().map(char::from).collect()
}

/// Whether a terminal or a log shows this character as itself, and only as itself.
///
/// Ids are chosen by others: one with a line break or a change of the writing direction could
/// make a log line say what it does not.
fn is_plain(character: char) -> bool {
    matches!(character, '\'' | '"' | '\\') || character.escape_debug().len() == 1
}

/// The text if it is plain; otherwise quoted and escaped. Octets that are not UTF-8 are read as
/// Latin-1.
impl fmt::Display for MemberRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match core::str::from_utf8(self.0) {
            Ok(text) if text.chars().all(is_plain) => f.pad(text),
            Ok(text) => write!(f, "{text:?}"),
            Err(_) => {
                let text = latin1(self.0);
                if text.chars().all(is_plain) { f.pad(&text) } else { write!(f, "{text:?}") }
            }
        }
    }
}

impl fmt::Debug for MemberRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match core::str::from_utf8(self.0) {
            Ok(text) => fmt::Debug::fmt(text, f),
            Err(_) => fmt::Debug::fmt(latin1(self.0).as_str(), f),
        }
    }
}

impl fmt::Display for MemberId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.as_ref(), f)
    }
}

impl fmt::Debug for MemberId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.as_ref(), f)
    }
}

impl PartialEq<MemberId> for MemberRef<'_> {
    fn eq(&self, other: &MemberId) -> bool {
        self.0 == &*other.0
    }
}

impl PartialEq<MemberRef<'_>> for MemberId {
    fn eq(&self, other: &MemberRef<'_>) -> bool {
        &*self.0 == other.0
    }
}

impl From<MemberRef<'_>> for MemberId {
    fn from(member: MemberRef<'_>) -> Self {
        member.to_owned()
    }
}

/// A message's id: the leading octets of SHA-256(signature ‖ S); 32 of them in dialect Document,
/// 20 in MpencJs.
///
/// Ordered by its octets. The author of a message can grind its id: a map keyed by ids must not
/// depend on their distribution.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MessageId {
    /// Zeros follow the id's own octets, so that the derived order is that of the octets.
    octets: [u8; 32],
    len: u8,
}

impl MessageId {
    /// The id of a message with this SHA-256, cut as the dialect says.
    #[must_use]
    pub fn from_hash(dialect: Dialect, hash: &[u8; 32]) -> Self {
        let cut = hash.get(..dialect.message_id_len).unwrap_or(hash);
        Self::from_octets(cut).unwrap_or(Self { octets: *hash, len: 32 })
    }

    /// The id with these octets; `None` unless there are as many as the dialect says.
    #[must_use]
    pub fn from_bytes(dialect: Dialect, octets: &[u8]) -> Option<Self> {
        if octets.len() != dialect.message_id_len {
            return None;
        }
        Self::from_octets(octets)
    }

    pub(crate) fn from_octets(octets: &[u8]) -> Option<Self> {
        let mut id = Self { octets: [0; 32], len: u8::try_from(octets.len()).ok()? };
        id.octets.get_mut(..octets.len())?.copy_from_slice(octets);
        Some(id)
    }

    /// Its octets.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.octets.get(..usize::from(self.len)).unwrap_or(&self.octets)
    }
}

/// All octets in hexadecimal.
impl fmt::LowerHex for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_bytes().iter().try_for_each(|octet| write!(f, "{octet:02x}"))
    }
}

/// The first four octets in hexadecimal: enough to tell messages apart by eye.
impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_bytes().iter().take(4).try_for_each(|octet| write!(f, "{octet:02x}"))
    }
}

impl fmt::Debug for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MessageId({self})")
    }
}
