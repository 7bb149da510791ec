//! The text around a packet's records: `?mpENC:` ‖ base64 ‖ `.`.

use alloc::string::String;
use alloc::vec::Vec;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::record::Reader;
use crate::{MAX_CONTENTS, MAX_TEXT, Malformed, MalformedKind, RecordType};

/// What every packet's text starts with.
pub const PREFIX: &str = "?mpENC:";
/// What every packet's text ends with.
const END: char = '.';

/// The text of a packet with these records (PK-01).
#[must_use]
pub fn armor(contents: &[u8]) -> String {
    let mut text = String::with_capacity(contents.len() / 3 * 4 + PREFIX.len() + 5);
    text.push_str(PREFIX);
    STANDARD.encode_string(contents, &mut text);
    text.push(END);
    text
}

/// The records of a packet's text. They are put into `buffer`, which is cleared first, so that a
/// caller can reuse it.
///
/// # Errors
/// [`Malformed`] unless the text is exactly what [`armor`] makes of some records; the offset counts
/// octets of the text.
pub fn unarmor<'b>(text: &str, buffer: &'b mut Vec<u8>) -> Result<&'b [u8], Malformed> {
    buffer.clear();
    if text.len() > MAX_TEXT {
        return Err(Malformed::at(MAX_TEXT, MalformedKind::TooLarge));
    }
    let body = text.strip_prefix(PREFIX).ok_or(Malformed::at(0, MalformedKind::NoPrefix))?;
    let body = body
        .strip_suffix(END)
        .ok_or(Malformed::at(text.len().saturating_sub(1), MalformedKind::NoEnd))?;
    STANDARD.decode_vec(body, buffer).map_err(|error| {
        use base64::DecodeError::{InvalidByte, InvalidLastSymbol};
        let at = match error {
            InvalidByte(at, _) => at,
            InvalidLastSymbol { offset, .. } => offset,
            _ => body.len(),
        };
        Malformed::at(PREFIX.len().saturating_add(at), MalformedKind::Base64)
    })?;
    if buffer.len() > MAX_CONTENTS {
        return Err(Malformed::at(text.len(), MalformedKind::TooLarge));
    }
    Ok(buffer)
}

/// The signature of a data packet, if the text begins as one's does that its author sends (one that
/// is resent begins with SOURCE). Nothing behind it is looked at, so it takes the same little time
/// however long the text is: whoever can tell a signature that is nobody's need not decode the rest.
#[must_use]
pub fn peek_signature(text: &str) -> Option<[u8; 64]> {
    /// SIDKEY_HINT, MESSAGE_SIGNATURE, and as much as completes the base64.
    const OCTETS: usize = 5 + 68 + 2;
    if text.len() > MAX_TEXT {
        return None;
    }
    let start = text.strip_prefix(PREFIX)?.as_bytes().get(..OCTETS / 3 * 4)?;
    let mut octets = [0; OCTETS];
    STANDARD.decode_slice(start, &mut octets).ok()?;
    let mut reader = Reader::new(&octets);
    let _: &[u8; 1] = reader.fixed(RecordType::SIDKEY_HINT).ok()?;
    reader.fixed(RecordType::MESSAGE_SIGNATURE).ok().copied()
}
