//! Padding (ME-04): it hides the low bits of a message's length.
//!
//! ```text
//!  0       2              2 + length         128 · 2^k, the smallest that fits
//!  +-------+------- … ----+------- … --------+
//!  | length| content      | zeros            |     length: u16, big endian
//!  +-------+------- … ----+------- … --------+
//! ```

use alloc::vec::Vec;
use core::fmt;

/// Octets of the length in front.
const LENGTH: usize = 2;
/// The smallest padded size.
const BASE: usize = 128;
/// The longest content: what fits into 128·2^8 octets. Twice as much would not fit into a record.
pub(crate) const MAX_CONTENT: usize = 32_766;

/// What is wrong with padded octets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PaddingFault {
    /// They are too few for a length.
    Short,
    /// The length is larger than what follows.
    Length,
    /// They are not the smallest 128·2^k octets that fit.
    Size,
    /// An octet after the content is not zero.
    NotZero,
}

impl fmt::Display for PaddingFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Short => "the padded part is too short",
            Self::Length => "the inner length is larger than what follows it",
            Self::Size => "the padded part does not have the smallest size that fits",
            Self::NotZero => "the padding is not zero",
        })
    }
}

impl core::error::Error for PaddingFault {}

/// The size to which a content of this length is padded.
fn padded_len(content: usize) -> usize {
    content.saturating_add(LENGTH).next_power_of_two().max(BASE)
}

/// Pads a content; `None` if it is longer than 32,766 octets.
pub(crate) fn pad(content: &[u8]) -> Option<Vec<u8>> {
    if content.len() > MAX_CONTENT {
        return None;
    }
    let length = u16::try_from(content.len()).ok()?;
    let size = padded_len(content.len());
    let mut padded = Vec::with_capacity(size);
    padded.extend_from_slice(&length.to_be_bytes());
    padded.extend_from_slice(content);
    padded.resize(size, 0);
    Some(padded)
}

/// The content of padded octets, which must be exactly what [`pad`] makes of it.
pub(crate) fn unpad(padded: &[u8]) -> Result<&[u8], PaddingFault> {
    let (length, rest) = padded.split_first_chunk::<LENGTH>().ok_or(PaddingFault::Short)?;
    let length = usize::from(u16::from_be_bytes(*length));
    let (content, zeros) = rest.split_at_checked(length).ok_or(PaddingFault::Length)?;
    if padded.len() != padded_len(length) {
        return Err(PaddingFault::Size);
    }
    if zeros.iter().any(|&octet| octet != 0) {
        return Err(PaddingFault::NotZero);
    }
    Ok(content)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_steps() {
        for (content, size) in [(0, 128), (126, 128), (127, 256), (254, 256), (32_766, 32_768)] {
            let padded = pad(&[7; 32_766][..content]).expect("fits");
            assert_eq!(padded.len(), size, "{content}");
            assert_eq!(unpad(&padded), Ok(&[7; 32_766][..content]));
        }
        assert_eq!(pad(&[0; 32_767]), None);
    }

    #[test]
    fn each_fault_has_a_name() {
        let good = pad(b"hi").unwrap();
        assert_eq!(unpad(&[]), Err(PaddingFault::Short));
        assert_eq!(unpad(&[0]), Err(PaddingFault::Short));
        assert_eq!(unpad(&[0, 2, 1]), Err(PaddingFault::Length));
        assert_eq!(unpad(&good[..127]), Err(PaddingFault::Size));
        assert_eq!(unpad(&[&good[..], &[0; 128]].concat()), Err(PaddingFault::Size));
        let mut dirty = good;
        dirty[100] = 1;
        assert_eq!(unpad(&dirty), Err(PaddingFault::NotZero));
    }
}
