//! Member ids and message ids.

use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::borrow::Borrow;
use core::cmp::Ordering;
use core::fmt;
use core::hash::{Hash, Hasher};

use crate::{Dialect, MAX_MEMBER_ID, MemberIdForm};

/// The name that leave pseudo packets give the server.
const SERVER: &str = "__server__";

/// A member's id: its octets on the wire.
///
/// Ids are opaque, compared and sorted by these octets, everywhere. Cheap to clone.
#[derive(Clone)]
pub struct MemberId(Octets);

/// Ids are looked up again and again, in lists and maps. So those of usual length stand there
/// themselves, and need not be fetched from elsewhere to be compared.
#[derive(Clone)]
enum Octets {
    /// The first ones of these.
    Short {
        len: u8,
        octets: [u8; SHORT],
    },
    Long(Arc<[u8]>),
}

/// How long an id may be to be short: as much as fits beside its length where the address and the
/// length of a long one are.
const SHORT: usize = 22;

impl From<&[u8]> for Octets {
    fn from(octets: &[u8]) -> Self {
        let mut short = [0; SHORT];
        match (short.get_mut(..octets.len()), u8::try_from(octets.len())) {
            (Some(place), Ok(len)) => {
                place.copy_from_slice(octets);
                Self::Short { len, octets: short }
            }
            _ => Self::Long(Arc::from(octets)),
        }
    }
}

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
                let octets: Option<Vec<u8>> =
                    text.chars().map(|c| u8::try_from(u32::from(c)).ok()).collect();
                Self::from_wire(dialect, &octets.ok_or(InvalidMemberId::Character)?)
            }
        }
    }

    /// The member id with these octets on the wire.
    ///
    /// # Errors
    /// [`InvalidMemberId`] if they are not in the dialect's form.
    pub fn from_wire(dialect: Dialect, octets: &[u8]) -> Result<Self, InvalidMemberId> {
        MemberRef::check(dialect, octets).map(MemberRef::to_owned)
    }

    /// The octets on the wire.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        match &self.0 {
            Octets::Short { len, octets } => octets.get(..usize::from(*len)).unwrap_or(octets),
            Octets::Long(octets) => octets,
        }
    }

    /// The text that the dialect's octets stand for.
    #[must_use]
    pub fn to_text(&self, dialect: Dialect) -> String {
        match dialect.member_ids {
            MemberIdForm::Utf8 => String::from_utf8_lossy(self.as_bytes()).to_string(),
            MemberIdForm::Latin1 => latin1(self.as_bytes()).collect(),
        }
    }

    /// Borrows it.
    #[must_use]
    pub fn borrowed(&self) -> MemberRef<'_> {
        MemberRef(self.as_bytes())
    }
}

impl PartialEq for MemberId {
    fn eq(&self, other: &Self) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl Eq for MemberId {}

impl PartialOrd for MemberId {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for MemberId {
    fn cmp(&self, other: &Self) -> Ordering {
        self.as_bytes().cmp(other.as_bytes())
    }
}

impl Hash for MemberId {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_bytes().hash(state);
    }
}

impl AsRef<[u8]> for MemberId {
    fn as_ref(&self) -> &[u8] {
        self.as_bytes()
    }
}

impl Borrow<[u8]> for MemberId {
    fn borrow(&self) -> &[u8] {
        self.as_bytes()
    }
}

impl PartialEq<MemberRef<'_>> for MemberId {
    fn eq(&self, other: &MemberRef<'_>) -> bool {
        self.as_bytes() == other.0
    }
}

impl fmt::Display for MemberId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.borrowed().fmt(f)
    }
}

impl fmt::Debug for MemberId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MemberId({self})")
    }
}

fn latin1(octets: &[u8]) -> impl Iterator<Item = char> + '_ {
    octets.iter().map(|&octet| char::from(octet))
}

/// A borrowed member id, inside a decoded packet. Its form has been checked.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MemberRef<'a>(pub(crate) &'a [u8]);

impl<'a> MemberRef<'a> {
    pub(crate) fn check(dialect: Dialect, octets: &'a [u8]) -> Result<Self, InvalidMemberId> {
        if octets.is_empty() {
            return Err(InvalidMemberId::Empty);
        }
        if octets.len() > MAX_MEMBER_ID {
            return Err(InvalidMemberId::TooLong);
        }
        if dialect.member_ids == MemberIdForm::Utf8 {
            // All are looked at, since that is faster than to stop: each packet of an operation names
            // all members.
            let plain = octets.iter().filter(|octet| matches!(octet, b' '..=b'~')).count();
            if plain != octets.len() {
                core::str::from_utf8(octets).map_err(|_| InvalidMemberId::NotUtf8)?;
                // Octets of longer characters are above those of ASCII.
                if octets.iter().any(u8::is_ascii_control) {
                    return Err(InvalidMemberId::Character);
                }
            }
            if octets == SERVER.as_bytes() {
                return Err(InvalidMemberId::Reserved);
            }
        }
        Ok(Self(octets))
    }

    /// The octets on the wire.
    #[must_use]
    pub const fn as_bytes(self) -> &'a [u8] {
        self.0
    }

    /// An owned copy.
    #[must_use]
    pub fn to_owned(self) -> MemberId {
        MemberId(Octets::from(self.0))
    }
}

impl PartialEq<MemberId> for MemberRef<'_> {
    fn eq(&self, other: &MemberId) -> bool {
        self.0 == other.as_bytes()
    }
}

impl fmt::Display for MemberRef<'_> {
    /// As UTF-8 where it is that, else as Latin-1; characters that do not show are escaped.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match core::str::from_utf8(self.0) {
            Ok(text) => show(text, f),
            Err(_) => show(&latin1(self.0).collect::<String>(), f),
        }
    }
}

/// Ids are chosen by others: a line break, or a character that turns the direction of writing,
/// could make a log or a screen say what it does not. Quotes and backslashes stay as they are.
fn show(text: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    const AS_THEY_ARE: [char; 3] = ['\'', '"', '\\'];
    for part in text.split_inclusive(AS_THEY_ARE) {
        let escaped = part.trim_end_matches(AS_THEY_ARE);
        write!(f, "{}", escaped.escape_debug())?;
        f.write_str(part.get(escaped.len()..).unwrap_or_default())?;
    }
    Ok(())
}

impl fmt::Debug for MemberRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MemberRef({self})")
    }
}

/// A message's id: the leading octets of SHA-256(signature ‖ S); 32 of them in dialect Document,
/// 20 in MpencJs.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct MessageId {
    /// Octets past `len` are zero.
    octets: [u8; 32],
    len: u8,
}

impl MessageId {
    /// The id of a message with this SHA-256, cut as the dialect says.
    #[must_use]
    pub fn from_hash(dialect: Dialect, hash: &[u8; 32]) -> Self {
        let cut = hash.get(..dialect.message_id_len).and_then(Self::from_octets);
        cut.unwrap_or(Self { octets: *hash, len: 32 })
    }

    /// The id with these octets; `None` unless the dialect's ids are that long.
    #[must_use]
    pub fn from_bytes(dialect: Dialect, octets: &[u8]) -> Option<Self> {
        if octets.len() == dialect.message_id_len { Self::from_octets(octets) } else { None }
    }

    pub(crate) fn from_octets(octets: &[u8]) -> Option<Self> {
        let mut padded = [0; 32];
        padded.get_mut(..octets.len())?.copy_from_slice(octets);
        Some(Self { octets: padded, len: u8::try_from(octets.len()).ok()? })
    }

    /// Its octets.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.octets.get(..usize::from(self.len)).unwrap_or(&self.octets)
    }
}

impl PartialOrd for MessageId {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for MessageId {
    fn cmp(&self, other: &Self) -> Ordering {
        self.as_bytes().cmp(other.as_bytes())
    }
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_bytes().iter().try_for_each(|octet| write!(f, "{octet:02x}"))
    }
}

impl fmt::Debug for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MessageId(")?;
        self.octets.iter().take(4).try_for_each(|octet| write!(f, "{octet:02x}"))?;
        f.write_str("…)")
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::string::String;
    use std::vec::Vec;

    use super::*;

    #[test]
    fn long_and_short_ids_are_the_same_to_all() {
        let ids: Vec<String> = [1, SHORT - 1, SHORT, SHORT + 1, MAX_MEMBER_ID]
            .iter()
            .flat_map(|&length| ["a", "b"].map(|letter| letter.repeat(length)))
            .collect();
        let id = |text: &String| MemberId::new(Dialect::DOCUMENT, text).unwrap();
        let all: HashSet<MemberId> = ids.iter().map(id).collect();
        for one in &ids {
            assert_eq!(id(one).as_bytes(), one.as_bytes());
            assert!(all.contains(one.as_bytes()));
            assert_eq!(id(one).to_text(Dialect::DOCUMENT), *one);
            for other in &ids {
                assert_eq!(id(one).cmp(&id(other)), one.cmp(other));
                assert_eq!(id(one) == id(other), one == other);
                assert_eq!(id(one) == id(other).borrowed(), one == other);
            }
        }
    }

    #[test]
    fn an_id_is_not_larger_than_a_list() {
        assert_eq!(size_of::<MemberId>(), size_of::<Vec<u8>>());
    }
}
