//! Intermediate keys: the points that travel in INT_KEY records.

use alloc::vec::Vec;

use curve25519_dalek::EdwardsPoint;
use curve25519_dalek::edwards::CompressedEdwardsY;

use super::each::each;
use super::field::{Field, divide};
use super::symbol::is_square;
use crate::refused::KeyFault;

/// The base point of Curve25519: u = 9.
pub(crate) const BASE_POINT: [u8; 32] = {
    let mut octets = [0; 32];
    octets[0] = 9;
    octets
};

/// The u-coordinates of all points of the curve whose order divides 8, least octet first: of orders
/// 1 (infinity, which is written as 0, too) and 2, of order 4, and two of order 8. The other points
/// of order 4 and 8 have the same ones, or are the twist's.
const SMALL_ORDER: [[u8; 32]; 4] = [
    [0; 32],
    {
        let mut octets = [0; 32];
        octets[0] = 1;
        octets
    },
    [
        0xe0, 0xeb, 0x7a, 0x7c, 0x3b, 0x41, 0xb8, 0xae, 0x16, 0x56, 0xe3, 0xfa, 0xf1, 0x9f, 0xc4,
        0x6a, 0xda, 0x09, 0x8d, 0xeb, 0x9c, 0x32, 0xb1, 0xfd, 0x86, 0x62, 0x05, 0x16, 0x5f, 0x49,
        0xb8, 0x00,
    ],
    [
        0x5f, 0x9c, 0x95, 0xbc, 0xa3, 0x50, 0x8c, 0x24, 0xb1, 0xd0, 0xb1, 0x55, 0x9c, 0x83, 0xef,
        0x5b, 0x04, 0x44, 0x5c, 0xc4, 0x58, 0x1c, 0x8e, 0x86, 0xd8, 0x22, 0x4e, 0xdd, 0xd0, 0x9f,
        0x11, 0x57,
    ],
];

/// An intermediate key that was admitted: canonical, on the curve, not of small order.
///
/// Honest keys always are. One bad entry of a list refuses the packet for everyone who may accept
/// it, not only for the member whose entry it is: a refresh is final on receipt, and members who
/// looked only at their own entry would disagree about it (GK-16). But most who look at a list
/// multiply one entry of it only, so the points themselves are found when they are needed.
#[derive(Clone, Copy)]
pub(crate) struct IntKey([u8; 32]);

impl IntKey {
    /// Admits keys, all or none: else says which is the first that is not good, and why.
    pub(crate) fn admit_all<'a>(
        keys: impl IntoIterator<Item = &'a [u8; 32]>,
    ) -> Result<Vec<Self>, (usize, KeyFault)> {
        let keys = keys.into_iter().enumerate();
        keys.map(|(index, octets)| Self::admit(octets).map_err(|fault| (index, fault))).collect()
    }

    /// Admits a key.
    pub(crate) fn admit(octets: &[u8; 32]) -> Result<Self, KeyFault> {
        // Two encodings of one point must not both pass.
        if !is_reduced(octets) || octets[31] & 0x80 != 0 {
            return Err(KeyFault::NotCanonical);
        }
        // The encoding is the only one, so looking at it says as much as multiplying by 8 would.
        if SMALL_ORDER.contains(octets) {
            return Err(KeyFault::SmallOrder);
        }
        // There is a point over u if and only if v² = u³ + A·u² + u has a root; it is 0 only for the
        // u of 0.
        let u = Field::from_bytes(octets);
        let square = u * ((u + Field::A) * u + Field::ONE);
        if is_square(square) { Ok(Self(*octets)) } else { Err(KeyFault::NotOnCurve) }
    }

    /// What must never come in.
    #[cfg(test)]
    pub(crate) const fn admit_unchecked_for_tests(octets: &[u8; 32]) -> Self {
        Self(*octets)
    }

    pub(crate) const fn octets(&self) -> &[u8; 32] {
        &self.0
    }

    /// Of each key one of the two points with its u-coordinate. Which one does not matter: u(n·P) =
    /// u(n·−P). `None` if one is not on the curve, which no admitted key is.
    ///
    /// Edwards y is (u − 1)/(u + 1). For a list, all these divisions take one inversion.
    pub(crate) fn points<'a>(
        keys: impl IntoIterator<Item = &'a Self>,
    ) -> Option<Vec<EdwardsPoint>> {
        let keys = keys.into_iter();
        let fractions: Vec<_> = keys
            .map(|Self(octets)| {
                let u = Field::from_bytes(octets);
                (u - Field::ONE, u + Field::ONE)
            })
            .collect();
        let point = |y: &Field| CompressedEdwardsY(y.to_bytes()).decompress();
        each(&divide(&fractions), point).into_iter().collect()
    }
}

/// Whether the low 255 bits, little endian, are less than p = 2^255 − 19. For public values only.
pub(crate) fn is_reduced(octets: &[u8; 32]) -> bool {
    let [lowest, middle @ .., highest] = octets;
    *highest & 0x7f != 0x7f || *lowest < 0xed || middle.iter().any(|octet| *octet != 0xff)
}

#[cfg(test)]
mod tests {
    use alloc::collections::BTreeSet;

    use curve25519_dalek::constants::EIGHT_TORSION;
    use curve25519_dalek::traits::IsIdentity;

    use super::*;

    #[test]
    fn all_of_small_order_are_listed_and_no_other() {
        let all: BTreeSet<[u8; 32]> =
            EIGHT_TORSION.iter().map(|point| point.to_montgomery().to_bytes()).collect();
        assert_eq!(all, SMALL_ORDER.into_iter().collect());
        for octets in SMALL_ORDER {
            let keys = [IntKey::admit_unchecked_for_tests(&octets)];
            assert!(IntKey::points(&keys).unwrap()[0].mul_by_cofactor().is_identity());
            assert_eq!(IntKey::admit(&octets).err(), Some(KeyFault::SmallOrder));
        }
    }
}
