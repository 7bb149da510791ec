//! What two people read to each other to know that they mean the same key.

use std::fmt;

use sha2::{Digest, Sha256};

/// Keeps fingerprints apart from every other hash of a key.
const CONTEXT: &[u8] = b"mpenc identity fingerprint 1";
/// Groups of five digits.
const GROUPS: usize = 8;

/// A public key's fingerprint: 40 digits in 8 groups (132 bits), from SHA-256 of the key.
///
/// ```
/// use mpenc_cli::keys::Fingerprint;
///
/// let shown = Fingerprint::of(&[7; 32]).to_string();
/// assert_eq!(shown.split(' ').count(), 8);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fingerprint([u32; GROUPS]);

impl Fingerprint {
    /// The fingerprint of an Ed25519 public key.
    #[must_use]
    pub fn of(public_key: &[u8; 32]) -> Self {
        let hash: [u8; 32] =
            Sha256::new().chain_update(CONTEXT).chain_update(public_key).finalize().into();
        let mut groups = [0; GROUPS];
        for (group, octets) in groups.iter_mut().zip(hash.as_chunks().0) {
            // 2³² is no multiple of 100,000: the bias is under 1 in 40,000, of no use to a forger.
            *group = u32::from_be_bytes(*octets) % 100_000;
        }
        Self(groups)
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [first, rest @ ..] = &self.0;
        write!(f, "{first:05}")?;
        rest.iter().try_for_each(|group| write!(f, " {group:05}"))
    }
}
