//! Names of members and rooms.

use core::fmt;

/// The most octets a name may have.
pub const MAX_NAME: usize = 1023;

/// The name that protocols over this channel keep for the server.
const RESERVED: &str = "__server__";

/// Why a text is no name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InvalidName {
    /// It is empty.
    Empty,
    /// It takes more than [`MAX_NAME`] octets.
    TooLong,
    /// It has a control character.
    Control,
    /// It is `__server__`, the name of the server.
    Reserved,
}

impl fmt::Display for InvalidName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("a name must not be empty"),
            Self::TooLong => write!(f, "a name must not be longer than {MAX_NAME} octets"),
            Self::Control => f.write_str("a name must not have control characters"),
            Self::Reserved => write!(f, "the name `{RESERVED}` is reserved"),
        }
    }
}

impl core::error::Error for InvalidName {}

/// Checks that a text can be a member's name.
///
/// # Errors
/// [`InvalidName`] says what is wrong with it.
pub fn check_name(name: &str) -> Result<(), InvalidName> {
    if name == RESERVED {
        return Err(InvalidName::Reserved);
    }
    check_room(name)
}

/// Checks that a text can be a room's name: like a member's, but nothing is reserved.
///
/// # Errors
/// [`InvalidName`] says what is wrong with it.
pub fn check_room(name: &str) -> Result<(), InvalidName> {
    if name.is_empty() {
        return Err(InvalidName::Empty);
    }
    if name.len() > MAX_NAME {
        return Err(InvalidName::TooLong);
    }
    // C1 characters too: U+009B starts terminal commands just like ESC [ does.
    if name.chars().any(char::is_control) {
        return Err(InvalidName::Control);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        assert_eq!(check_name("alice"), Ok(()));
        assert_eq!(check_name("Łukasz 🦀"), Ok(()));
        assert_eq!(check_name(""), Err(InvalidName::Empty));
        assert_eq!(check_name("__server__"), Err(InvalidName::Reserved));
        assert_eq!(check_room("__server__"), Ok(()));
        assert_eq!(check_name(&"é".repeat(511)), Ok(()));
        assert_eq!(check_name(&"é".repeat(512)), Err(InvalidName::TooLong));
        for control in ["a\nb", "\u{0}", "\u{7f}", "\u{9b}31m"] {
            assert_eq!(check_name(control), Err(InvalidName::Control), "{control:?}");
        }
    }
}
