//! Private contributions to the group key, condensed into one scalar.

use alloc::vec::Vec;
use core::fmt;

use curve25519_dalek::EdwardsPoint;
use curve25519_dalek::scalar::{Scalar, clamp_integer};
use rand_core::CryptoRng;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::each::each;

/// All private contributions of one member to the group key, condensed (GK-10).
///
/// The design document keeps every contribution a_k ever made, because X25519 clamps: the product
/// of two clamped integers is not a clamped integer. But clamped integers are multiples of 8, so
/// one canonical scalar is enough:
///
/// ```text
///   s = (a_1 / 8) · (a_2 / 8) ⋯ (a_n / 8) · 8^(n−1)   mod ℓ
///   X25519(a_n, … X25519(a_1, P)) = u(8 · (s · P))    for every P on the curve
/// ```
///
/// The factor 8 outside removes what component of small order P has, as each step of the chain
/// does; inside the subgroup of prime order ℓ the two sides are the same multiple of P. The
/// factors are wiped, so that a leak opens nothing from before the latest renewal, and the
/// thousandth renewal costs what the first did.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub(crate) struct Contribution(Scalar);

impl fmt::Debug for Contribution {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Contribution")
    }
}

impl Contribution {
    /// Draws a new private contribution: 32 octets, clamped as in RFC 7748.
    pub(crate) fn draw(rng: &mut dyn CryptoRng) -> Self {
        let mut octets = Zeroizing::new([0; 32]);
        rng.fill_bytes(&mut *octets);
        Self::from_octets(&octets)
    }

    /// The contribution that these 32 octets stand for, clamped or not.
    pub(crate) fn from_octets(octets: &[u8; 32]) -> Self {
        let mut eighth = Zeroizing::new(clamp_integer(*octets));
        let mut carry = 0;
        for octet in eighth.iter_mut().rev() {
            let low_bits = *octet << 5;
            *octet = (*octet >> 3) | carry;
            carry = low_bits;
        }
        // Below 2^252, and so below ℓ: the reduction changes nothing.
        Self(Scalar::from_bytes_mod_order(*eighth))
    }

    /// Both contributions, one after the other.
    pub(crate) fn then(&self, next: &Self) -> Self {
        let product = Zeroizing::new(self.0 * next.0);
        Self(*product * Scalar::from(8_u8))
    }

    /// This contribution applied to a point.
    pub(crate) fn apply(&self, point: &EdwardsPoint) -> EdwardsPoint {
        (self.0 * point).mul_by_cofactor()
    }

    /// This contribution applied to the base point.
    pub(crate) fn apply_to_base(&self) -> EdwardsPoint {
        EdwardsPoint::mul_base(&self.0).mul_by_cofactor()
    }

    /// This contribution applied to many points. Over the Edwards form a list of points under one
    /// scalar is about twice as fast as over the Montgomery ladder, and gives the same.
    pub(crate) fn apply_to_all<T: Sync>(
        &self,
        list: &[T],
        point: impl Fn(&T) -> &EdwardsPoint + Sync,
    ) -> Vec<EdwardsPoint> {
        each(list, |item| self.apply(point(item)))
    }
}
