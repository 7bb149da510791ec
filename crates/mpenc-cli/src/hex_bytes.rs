//! Octets that are written as hexadecimal digits in files.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error};

/// Exactly N octets.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Hex<const N: usize>(pub(crate) [u8; N]);

/// Any number of octets.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct HexVec(pub(crate) Vec<u8>);

/// Exactly N octets from their digits; the error is a sentence for people.
pub(crate) fn parse<const N: usize>(digits: &str) -> Result<[u8; N], String> {
    let expected = N.saturating_mul(2);
    let found = digits.chars().count();
    if found != expected {
        return Err(format!("{expected} hexadecimal digits are expected, and there are {found}"));
    }
    let mut octets = [0; N];
    hex::decode_to_slice(digits, &mut octets).map_err(|_| not_hex())?;
    Ok(octets)
}

fn not_hex() -> String {
    "only the hexadecimal digits 0-9 and a-f are expected here".to_owned()
}

impl<'de, const N: usize> Deserialize<'de> for Hex<N> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let digits = String::deserialize(deserializer)?;
        parse(&digits).map(Self).map_err(D::Error::custom)
    }
}

impl<'de> Deserialize<'de> for HexVec {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let digits = String::deserialize(deserializer)?;
        hex::decode(&digits).map(Self).map_err(|_| {
            D::Error::custom(if digits.len() % 2 == 1 {
                "an odd number of hexadecimal digits".to_owned()
            } else {
                not_hex()
            })
        })
    }
}

impl<const N: usize> fmt::Display for Hex<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl<const N: usize> fmt::Debug for Hex<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Debug for HexVec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(&self.0))
    }
}
