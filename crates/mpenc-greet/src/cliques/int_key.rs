//! Intermediate keys: the points that travel in INT_KEY records.

use curve25519_dalek::traits::IsIdentity;
use curve25519_dalek::{EdwardsPoint, MontgomeryPoint};

use crate::refused::KeyFault;

/// The base point of Curve25519: u = 9.
pub(crate) const BASE_POINT: [u8; 32] = {
    let mut octets = [0; 32];
    octets[0] = 9;
    octets
};

/// An intermediate key that was admitted: canonical, on the curve, not of small order.
///
/// Honest keys always are. One bad entry of a list refuses the packet for everyone who may accept
/// it, not only for the member whose entry it is: a refresh is final on receipt, and members who
/// looked only at their own entry would disagree about it (GK-16).
#[derive(Clone)]
pub(crate) struct IntKey {
    octets: [u8; 32],
    /// One of the two points with this u-coordinate. Which one does not matter: u(n·P) = u(n·−P).
    point: EdwardsPoint,
}

impl IntKey {
    /// Admits a key.
    pub(crate) fn admit(octets: &[u8; 32]) -> Result<Self, KeyFault> {
        // `to_edwards` masks the top bit and reduces modulo p: two encodings of one point must
        // not both pass.
        if !is_reduced(octets) || octets[31] & 0x80 != 0 {
            return Err(KeyFault::NotCanonical);
        }
        let point = MontgomeryPoint(*octets).to_edwards(0).ok_or(KeyFault::NotOnCurve)?;
        if point.mul_by_cofactor().is_identity() {
            return Err(KeyFault::SmallOrder);
        }
        Ok(Self { octets: *octets, point })
    }

    /// What must never come in.
    #[cfg(test)]
    #[allow(clippy::expect_used, reason = "for tests")]
    pub(crate) fn admit_unchecked_for_tests(octets: &[u8; 32]) -> Self {
        let point = MontgomeryPoint(*octets).to_edwards(0).expect("a point of the curve");
        Self { octets: *octets, point }
    }

    pub(crate) const fn octets(&self) -> &[u8; 32] {
        &self.octets
    }

    pub(crate) const fn point(&self) -> &EdwardsPoint {
        &self.point
    }
}

/// Whether the low 255 bits, little endian, are less than p = 2^255 − 19. For public values only.
pub(crate) fn is_reduced(octets: &[u8; 32]) -> bool {
    let [lowest, middle @ .., highest] = octets;
    *highest & 0x7f != 0x7f || *lowest < 0xed || middle.iter().any(|octet| *octet != 0xff)
}
