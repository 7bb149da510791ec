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

/// u = −1, which is the twist's. It has no Edwards y, and among divisions that are done together it
/// would spoil all others.
const MINUS_ONE: [u8; 32] = {
    let mut octets = [0xff; 32];
    octets[0] = 0xec;
    octets[31] = 0x7f;
    octets
};

/// An intermediate key that was admitted: canonical, on the curve, not of small order.
///
/// Honest keys always are. One bad entry of a list refuses the packet for everyone who may accept
/// it, not only for the member whose entry it is: a refresh is final on receipt, and members who
/// looked only at their own entry would disagree about it (GK-16). But most who look at a list
/// multiply one entry of it only, so the points themselves are found when they are needed. Whoever
/// multiplies them all admits an [`IntPoint`] of each.
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
        expect_form(octets)?;
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
        decompress_all(keys).into_iter().collect()
    }
}

/// An intermediate key that was admitted, and one of the two points with its u-coordinate.
///
/// Which keys are good is the same as of [`IntKey`], and it costs more: the root that makes the
/// point. Whoever multiplies the key needs that anyway.
#[derive(Clone, Copy)]
pub(crate) struct IntPoint {
    key: IntKey,
    point: EdwardsPoint,
}

impl IntPoint {
    /// Admits keys, all or none: else says which is the first that is not good, and why.
    pub(crate) fn admit_all<'a>(
        keys: impl IntoIterator<Item = &'a [u8; 32]>,
    ) -> Result<Vec<Self>, (usize, KeyFault)> {
        let (mut formed, mut fault) = (Vec::new(), None);
        for (index, octets) in keys.into_iter().enumerate() {
            if let Err(what) = expect_form(octets) {
                fault = Some((index, what));
                break;
            }
            formed.push(IntKey(*octets));
        }
        // One before the first whose form is wrong may still lack a point.
        let points = formed.iter().zip(decompress_all(&formed)).enumerate();
        let admitted: Vec<Self> = points
            .map(|(index, (key, point))| {
                let point = point.ok_or((index, KeyFault::NotOnCurve))?;
                Ok(Self { key: *key, point })
            })
            .collect::<Result<_, _>>()?;
        fault.map_or(Ok(admitted), Err)
    }

    /// What must never come in.
    #[cfg(test)]
    pub(crate) fn admit_unchecked_for_tests(octets: &[u8; 32]) -> Self {
        let key = IntKey::admit_unchecked_for_tests(octets);
        Self { key, point: decompress_all([&key])[0].expect("it is on the curve") }
    }

    pub(crate) const fn octets(&self) -> &[u8; 32] {
        self.key.octets()
    }

    pub(crate) const fn point(&self) -> &EdwardsPoint {
        &self.point
    }
}

/// What can be seen from the octets of a key alone: that it is canonical, not of small order, and not the
/// one number without an Edwards y.
fn expect_form(octets: &[u8; 32]) -> Result<(), KeyFault> {
    // Two encodings of one point must not both pass.
    if !is_reduced(octets) || octets[31] & 0x80 != 0 {
        return Err(KeyFault::NotCanonical);
    }
    // The encoding is the only one, so looking at it says as much as multiplying by 8 would.
    if SMALL_ORDER.contains(octets) {
        return Err(KeyFault::SmallOrder);
    }
    if *octets == MINUS_ONE { Err(KeyFault::NotOnCurve) } else { Ok(()) }
}

/// The points of keys whose form is right; `None` where there is none.
fn decompress_all<'a>(keys: impl IntoIterator<Item = &'a IntKey>) -> Vec<Option<EdwardsPoint>> {
    let fractions: Vec<_> = keys
        .into_iter()
        .map(|IntKey(octets)| {
            let u = Field::from_bytes(octets);
            (u - Field::ONE, u + Field::ONE)
        })
        .collect();
    each(&divide(&fractions), |y| CompressedEdwardsY(y.to_bytes()).decompress())
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
