//! Intermediate keys: the points that travel in INT_KEY records.

use alloc::vec::Vec;

use curve25519_dalek::EdwardsPoint;
use curve25519_dalek::edwards::CompressedEdwardsY;
use curve25519_dalek::traits::IsIdentity;

use super::field::{Field, divide};
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
    /// Admits keys, all or none: else says which is the first that is not good, and why.
    ///
    /// Edwards y is (u − 1)/(u + 1). For a list, all these divisions take one inversion.
    pub(crate) fn admit_all<'a>(
        keys: impl IntoIterator<Item = &'a [u8; 32]>,
    ) -> Result<Vec<Self>, (usize, KeyFault)> {
        let mut good: Vec<&[u8; 32]> = Vec::new();
        let mut fractions = Vec::new();
        let mut fault = None;
        for octets in keys {
            match fraction(octets) {
                Ok(fraction) => {
                    good.push(octets);
                    fractions.push(fraction);
                }
                Err(found) => {
                    fault = Some((good.len(), found));
                    break;
                }
            }
        }
        let points = good.into_iter().zip(divide(&fractions)).enumerate();
        let keys = points
            .map(|(index, (octets, y))| {
                let point = CompressedEdwardsY(y.to_bytes()).decompress();
                let point = point.ok_or((index, KeyFault::NotOnCurve))?;
                if point.mul_by_cofactor().is_identity() {
                    return Err((index, KeyFault::SmallOrder));
                }
                Ok(Self { octets: *octets, point })
            })
            .collect::<Result<_, _>>()?;
        fault.map_or(Ok(keys), Err)
    }

    /// Admits a key alone.
    #[cfg(test)]
    pub(crate) fn admit(octets: &[u8; 32]) -> Result<Self, KeyFault> {
        let mut keys = Self::admit_all([octets]).map_err(|(_, fault)| fault)?;
        keys.pop().ok_or(KeyFault::NotCanonical)
    }

    /// What must never come in.
    #[cfg(test)]
    #[allow(clippy::expect_used, reason = "for tests")]
    pub(crate) fn admit_unchecked_for_tests(octets: &[u8; 32]) -> Self {
        let point =
            curve25519_dalek::MontgomeryPoint(*octets).to_edwards(0).expect("a point of the curve");
        Self { octets: *octets, point }
    }

    pub(crate) const fn octets(&self) -> &[u8; 32] {
        &self.octets
    }

    pub(crate) const fn point(&self) -> &EdwardsPoint {
        &self.point
    }
}

/// Above and below the line of y, for a u that has one.
fn fraction(octets: &[u8; 32]) -> Result<(Field, Field), KeyFault> {
    // Two encodings of one point must not both pass.
    if !is_reduced(octets) || octets[31] & 0x80 != 0 {
        return Err(KeyFault::NotCanonical);
    }
    let u = Field::from_bytes(octets);
    let below = u + Field::ONE;
    // u = −1 is the twist's: 486660 is no square.
    if below.is_zero() {
        return Err(KeyFault::NotOnCurve);
    }
    Ok((u - Field::ONE, below))
}

/// Whether the low 255 bits, little endian, are less than p = 2^255 − 19. For public values only.
pub(crate) fn is_reduced(octets: &[u8; 32]) -> bool {
    let [lowest, middle @ .., highest] = octets;
    *highest & 0x7f != 0x7f || *lowest < 0xed || middle.iter().any(|octet| *octet != 0xff)
}
