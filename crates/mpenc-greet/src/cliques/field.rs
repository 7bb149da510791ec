//! Arithmetic modulo p = 2²⁵⁵ − 19, for two things: many divisions at the price of one, and whether a
//! number is a square.
//!
//! For public values only: it takes no care to take the same time for all. curve25519-dalek keeps its
//! own field to itself, inverts for each point alone, and takes a root to learn that there is one.

use alloc::vec::Vec;
use core::ops::{Add, Mul, Sub};

/// Five limbs of 51 bits, least first. Between operations each is below 2⁵².
#[derive(Clone, Copy)]
pub(super) struct Field([u64; 5]);

const BITS: u32 = 51;
const MASK: u64 = (1 << BITS) - 1;
/// 16 p, in limbs: more than anything that is subtracted.
const MULTIPLE: [u64; 5] = [16 * (MASK - 18), 16 * MASK, 16 * MASK, 16 * MASK, 16 * MASK];

impl Field {
    pub(super) const ONE: Self = Self([1, 0, 0, 0, 0]);
    /// Of Curve25519: v² = u³ + A·u² + u.
    pub(super) const A: Self = Self([486_662, 0, 0, 0, 0]);

    /// A number of 255 bits, least octet first. The top bit must not be set.
    pub(super) fn from_bytes(octets: &[u8; 32]) -> Self {
        let mut words = [0; 4];
        for (word, octets) in words.iter_mut().zip(octets.as_chunks().0) {
            *word = u64::from_le_bytes(*octets);
        }
        let [a, b, c, d] = words;
        Self([
            a & MASK,
            ((a >> 51) | (b << 13)) & MASK,
            ((b >> 38) | (c << 26)) & MASK,
            ((c >> 25) | (d << 39)) & MASK,
            d >> 12,
        ])
    }

    /// The one number below p that is the same modulo p.
    pub(super) fn to_bytes(self) -> [u8; 32] {
        // Below 2⁵¹ + 19 in the lowest limb and below 2⁵¹ in the others, so below 2p.
        let Self(limbs) = carried(carried(self.0).0);
        // Whether it is p or more: then 19 more has a bit above the 255.
        let mut over = 19;
        for limb in limbs {
            over = (limb + over) >> BITS;
        }
        let mut carry = 19 * over;
        let [a, b, c, d, e] = limbs.map(|limb| {
            let sum = limb + carry;
            carry = sum >> BITS;
            sum & MASK
        });
        let words =
            [a | (b << 51), (b >> 13) | (c << 38), (c >> 26) | (d << 25), (d >> 39) | (e << 12)];
        let mut octets = [0; 32];
        for (place, word) in octets.as_chunks_mut().0.iter_mut().zip(words) {
            *place = word.to_le_bytes();
        }
        octets
    }

    /// Whether it is 0 modulo p.
    pub(super) fn is_zero(self) -> bool {
        self.to_bytes() == [0; 32]
    }

    /// Squared so often.
    fn squared(self, times: u32) -> Self {
        (0..times).fold(self, |number, _| number * number)
    }

    /// To the power p − 2 = 2²⁵⁵ − 21, which is 1/x, and 0 for 0.
    fn inverse(self) -> Self {
        let (x11, ones) = self.powers();
        ones.squared(5) * x11
    }

    /// Whether it is a square, if it is not 0: to the power (p − 1)/2 = 2²⁵⁴ − 10 it is 1 then, and
    /// else −1 (Euler's criterion).
    pub(super) fn is_square_by_power(self) -> bool {
        let (_, ones) = self.powers();
        let x2 = self.squared(1);
        let power = ones.squared(4) * x2.squared(1) * x2;
        (power - Self::ONE).is_zero()
    }

    /// To the powers 11 and 2²⁵⁰ − 1.
    fn powers(self) -> (Self, Self) {
        // x to the power 2ⁿ − 1, for n of 5, 10, 20, 40, 50, 100, 200, 250.
        let x2 = self.squared(1);
        let x9 = x2.squared(2) * self;
        let x11 = x9 * x2;
        let ones_5 = x11.squared(1) * x9;
        let ones_10 = ones_5.squared(5) * ones_5;
        let ones_20 = ones_10.squared(10) * ones_10;
        let ones_40 = ones_20.squared(20) * ones_20;
        let ones_50 = ones_40.squared(10) * ones_10;
        let ones_100 = ones_50.squared(50) * ones_50;
        let ones_200 = ones_100.squared(100) * ones_100;
        (x11, ones_200.squared(50) * ones_50)
    }
}

/// Divides each of these numbers by the one beside it, which must not be zero: if one is, all that
/// comes out is zero.
pub(super) fn divide(fractions: &[(Field, Field)]) -> Vec<Field> {
    // Each quotient is what was above times the inverse of all below it, over those of the others.
    let mut product = Field::ONE;
    let mut before = Vec::with_capacity(fractions.len());
    for (_, divisor) in fractions.iter() {
        before.push(product);
        product = product * *divisor;
    }
    let mut inverse = product.inverse();
    let quotient = |((dividend, divisor), before): (&(Field, Field), Field)| {
        let quotient = *dividend * before * inverse;
        inverse = inverse * *divisor;
        quotient
    };
    let mut quotients: Vec<Field> = fractions.iter().zip(before).rev().map(quotient).collect();
    quotients.reverse();
    quotients
}

/// Carries once: of limbs below 2⁶⁴, gives limbs of 51 bits, but for 19 times a carry in the lowest.
fn carried([a, b, c, d, e]: [u64; 5]) -> Field {
    Field([
        (a & MASK) + 19 * (e >> BITS),
        (b & MASK) + (a >> BITS),
        (c & MASK) + (b >> BITS),
        (d & MASK) + (c >> BITS),
        (e & MASK) + (d >> BITS),
    ])
}

impl Add for Field {
    type Output = Self;

    fn add(self, Self([f, g, h, i, j]): Self) -> Self {
        let Self([a, b, c, d, e]) = self;
        carried([a + f, b + g, c + h, d + i, e + j])
    }
}

impl Sub for Field {
    type Output = Self;

    fn sub(self, Self([f, g, h, i, j]): Self) -> Self {
        let Self([a, b, c, d, e]) = self;
        let [v, w, x, y, z] = MULTIPLE;
        carried([a + v - f, b + w - g, c + x - h, d + y - i, e + z - j])
    }
}

impl Mul for Field {
    type Output = Self;

    fn mul(self, Self([f, g, h, i, j]): Self) -> Self {
        let Self([a, b, c, d, e]) = self;
        let product = |one: u64, other: u64| u128::from(one) * u128::from(other);
        // 2²⁵⁵ is 19. Limbs are below 2⁵², so a sum is below 5 · 19 · 2¹⁰⁴ < 2¹¹¹.
        let (g19, h19, i19, j19) = (19 * g, 19 * h, 19 * i, 19 * j);
        let sums = [
            product(a, f) + product(b, j19) + product(c, i19) + product(d, h19) + product(e, g19),
            product(a, g) + product(b, f) + product(c, j19) + product(d, i19) + product(e, h19),
            product(a, h) + product(b, g) + product(c, f) + product(d, j19) + product(e, i19),
            product(a, i) + product(b, h) + product(c, g) + product(d, f) + product(e, j19),
            product(a, j) + product(b, i) + product(c, h) + product(d, g) + product(e, f),
        ];
        let mut carry = 0;
        let [a, b, c, d, e] = sums.map(|sum| {
            let sum = sum + carry;
            carry = sum >> BITS;
            low(sum) & MASK
        });
        // The carry is below 2⁶⁰; 19 times that takes more than 64 bits, so it is split.
        let carry = carry * 19 + u128::from(a);
        carried([low(carry) & MASK, b + low(carry >> BITS), c, d, e])
    }
}

#[expect(clippy::as_conversions, reason = "the low half is meant")]
const fn low(number: u128) -> u64 {
    number as u64
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// p plus a number below 19, or minus one below 237.
    fn near_p(below: u8) -> [u8; 32] {
        let mut octets = [0xff; 32];
        octets[0] = below;
        octets[31] = 0x7f;
        octets
    }

    fn number() -> impl Strategy<Value = [u8; 32]> {
        let random = any::<[u8; 32]>().prop_map(|mut octets| {
            octets[31] &= 0x7f;
            octets
        });
        let small = any::<u8>().prop_map(|low| {
            let mut octets = [0; 32];
            octets[0] = low;
            octets
        });
        // Limbs that are empty, or full.
        let limbs = any::<[bool; 5]>().prop_map(|full| {
            let mut octets = [0; 32];
            for bit in 0..255 {
                octets[bit / 8] |= u8::from(full[bit / 51]) << (bit % 8);
            }
            octets
        });
        prop_oneof![random, small, any::<u8>().prop_map(near_p), limbs]
    }

    fn one() -> Field {
        Field::ONE
    }

    #[test]
    fn numbers_from_p_on_wrap() {
        for low in 0..=u8::MAX {
            let octets = Field::from_bytes(&near_p(low)).to_bytes();
            let mut expected = near_p(low);
            if low >= 0xed {
                expected = [0; 32];
                expected[0] = low - 0xed;
            }
            assert_eq!(octets, expected, "{low:x}");
        }
        assert!(Field::from_bytes(&near_p(0xed)).is_zero());
        assert!((one() - one()).is_zero());
    }

    #[test]
    fn minus_one_squared_is_one() {
        let minus_one = one() - one() - one();
        assert_eq!(minus_one.to_bytes(), near_p(0xec));
        assert_eq!((minus_one * minus_one).to_bytes(), one().to_bytes());
        assert_eq!((minus_one + one()).to_bytes(), [0; 32]);
    }

    proptest! {
        #[test]
        fn the_laws_of_a_field_hold(a in number(), b in number(), c in number()) {
            let [a, b, c] = [a, b, c].map(|octets| Field::from_bytes(&octets));
            prop_assert_eq!((a * b).to_bytes(), (b * a).to_bytes());
            prop_assert_eq!((a * b * c).to_bytes(), (a * (b * c)).to_bytes());
            prop_assert_eq!((a * (b + c)).to_bytes(), (a * b + a * c).to_bytes());
            prop_assert_eq!((a * (b - c)).to_bytes(), (a * b - a * c).to_bytes());
            prop_assert_eq!((a + b - b).to_bytes(), a.to_bytes());
            prop_assert_eq!(Field::from_bytes(&a.to_bytes()).to_bytes(), a.to_bytes());
            let expected = if a.is_zero() { [0; 32] } else { one().to_bytes() };
            prop_assert_eq!((a * a.inverse()).to_bytes(), expected);
        }

        #[test]
        fn quotients_times_divisors_are_dividends(
            fractions in proptest::collection::vec((number(), number()), 0..9),
        ) {
            let fractions: Vec<_> = fractions
                .iter()
                .map(|(dividend, divisor)| (Field::from_bytes(dividend), Field::from_bytes(divisor)))
                .filter(|(_, divisor)| !divisor.is_zero())
                .collect();
            let quotients = divide(&fractions);
            prop_assert_eq!(quotients.len(), fractions.len());
            for (quotient, (dividend, divisor)) in quotients.into_iter().zip(fractions) {
                prop_assert_eq!((quotient * divisor).to_bytes(), dividend.to_bytes());
            }
        }
    }
}
