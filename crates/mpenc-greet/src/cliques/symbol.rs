//! Whether numbers are squares modulo p = 2²⁵⁵ − 19: by their Jacobi symbol, which takes less than half
//! of the time that a power or a root takes.
//!
//! For public values only: its time tells what it is given.
//!
//! The symbol (g/f) of an odd f > 0 and a g ≥ 0 stays what it is, or changes its sign, when
//!
//! ```text
//!   (2g/f) = (g/f) · (2/f)        where (2/f) is −1 if f is 3 or 5 modulo 8
//!   (g/f)  = (f/g) · ±1           for two odd ones; −1 if both are 3 modulo 4
//!   (g/f)  = (g + f / f)
//! ```
//!
//! So both are made ever smaller, until f is 1, whose symbols are 1. When to exchange them is said
//! by the division steps of Bernstein and Yang (2019), with a sum instead of a difference, so that
//! neither becomes negative. These look at the lowest bits only: [`STEPS`] of them are led on 64 bits,
//! and what they come to, as a matrix, is applied to the whole numbers then.

use super::field::Field;

/// How many division steps are led at a time. Each looks at three bits above those that it drops.
const STEPS: u32 = 60;
/// How many rounds of them are tried. Thirteen do on the average; that any number of them always does
/// is not proven for sums, so there is another way.
const ROUNDS: usize = 32;

/// p, least first.
const P: [u64; 4] =
    [0xffff_ffff_ffff_ffed, 0xffff_ffff_ffff_ffff, 0xffff_ffff_ffff_ffff, 0x7fff_ffff_ffff_ffff];

/// Whether a number that is not 0 modulo p is a square.
pub(super) fn is_square(number: Field) -> bool {
    let mut words = [0; 4];
    for (word, octets) in words.iter_mut().zip(number.to_bytes().as_chunks().0) {
        *word = u64::from_le_bytes(*octets);
    }
    by_symbol(words).unwrap_or_else(|| number.is_square_by_power())
}

/// By steps; `None` if they were not enough.
fn by_symbol(number: [u64; 4]) -> Option<bool> {
    let (mut f, mut g) = (P, number);
    let mut delta = 1;
    let mut changed = 0;
    for _ in 0..ROUNDS {
        let ([low_f, ..], [low_g, ..]) = (f, g);
        let (matrix, changes) = Matrix::of_steps(low_f, low_g, &mut delta);
        changed ^= changes;
        (f, g) = matrix.apply(f, g);
        if f == [1, 0, 0, 0] {
            return Some(changed & 1 == 0);
        }
    }
    None
}

/// What steps come to: f and g become (a·f + b·g)/2ⁿ and (c·f + d·g)/2ⁿ after n of them. None of the
/// four is negative, and neither sum of two is more than 2ⁿ: so neither f nor g becomes more than the
/// larger of both was.
struct Matrix {
    a: u64,
    b: u64,
    c: u64,
    d: u64,
}

impl Matrix {
    /// Leads [`STEPS`] steps on the lowest bits. Says in the lowest bit of the second number whether
    /// the symbol has changed its sign.
    ///
    /// `delta` is how much smaller f has become than g, more or less; if that is more than 0, they are
    /// exchanged.
    fn of_steps(mut f: u64, mut g: u64, delta: &mut i32) -> (Self, u64) {
        let mut it = Self { a: 1, b: 0, c: 0, d: 1 };
        let mut changed = 0;
        let mut left = STEPS;
        loop {
            // While g is even: halve it, which doubles f's row.
            let zeros = (g | (1 << left)).trailing_zeros();
            g >>= zeros;
            it.a <<= zeros;
            it.b <<= zeros;
            *delta = delta.saturating_add_unsigned(zeros);
            left = left.saturating_sub(zeros);
            changed ^= u64::from(zeros) & ((f >> 1) ^ (f >> 2));
            if left == 0 {
                return (it, changed);
            }
            if *delta > 0 {
                *delta = delta.saturating_neg();
                changed ^= (f & g) >> 1;
                (f, g) = (g, f);
                it = Self { a: it.c, b: it.d, c: it.a, d: it.b };
            }
            // Until the next exchange, which comes 1 − delta halvings from now at the earliest, f is
            // added to g only: so often that as many of g's bits become zero, up to six.
            let bits = left.min(delta.unsigned_abs().saturating_add(1)).min(6);
            // −1/f modulo 2⁶, as f² is 1 modulo 8.
            let inverse = f.wrapping_mul(f.wrapping_mul(f).wrapping_sub(2));
            let times = g.wrapping_mul(inverse) & !(u64::MAX << bits);
            g = g.wrapping_add(f.wrapping_mul(times));
            it.c = it.c.wrapping_add(it.a.wrapping_mul(times));
            it.d = it.d.wrapping_add(it.b.wrapping_mul(times));
        }
    }

    fn apply(&self, f: [u64; 4], g: [u64; 4]) -> ([u64; 4], [u64; 4]) {
        (combine(self.a, f, self.b, g), combine(self.c, f, self.d, g))
    }
}

/// (a·f + b·g)/2ⁿ for n steps. The factors are at most 2⁶⁰, so that there is room for a carry.
fn combine(a: u64, f: [u64; 4], b: u64, g: [u64; 4]) -> [u64; 4] {
    let product = |factor: u64, word: u64| u128::from(factor) * u128::from(word);
    let [f0, f1, f2, f3] = f;
    let [g0, g1, g2, g3] = g;
    let sum0 = product(a, f0) + product(b, g0);
    let sum1 = product(a, f1) + product(b, g1) + (sum0 >> u64::BITS);
    let sum2 = product(a, f2) + product(b, g2) + (sum1 >> u64::BITS);
    let sum3 = product(a, f3) + product(b, g3) + (sum2 >> u64::BITS);
    let sum4 = sum3 >> u64::BITS;
    let word =
        |below: u128, above: u128| (low(below) >> STEPS) | (low(above) << (u64::BITS - STEPS));
    [word(sum0, sum1), word(sum1, sum2), word(sum2, sum3), word(sum3, sum4)]
}

#[expect(clippy::as_conversions, reason = "the low half is meant")]
const fn low(number: u128) -> u64 {
    number as u64
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn words(octets: &[u8; 32]) -> [u64; 4] {
        core::array::from_fn(|at| u64::from_le_bytes(octets.as_chunks().0[at]))
    }

    #[test]
    fn small_numbers() {
        // By Euler's criterion; and 1, 4, 9, … are squares however one looks at them.
        let mut squares = 0;
        for number in 1..=255_u8 {
            let mut octets = [0; 32];
            octets[0] = number;
            let is = by_symbol(words(&octets)).unwrap();
            assert_eq!(is, Field::from_bytes(&octets).is_square_by_power(), "{number}");
            if number.isqrt().pow(2) == number {
                assert!(is, "{number}");
            }
            squares += u32::from(is);
        }
        assert!((100..155).contains(&squares), "about half of them: {squares}");
    }

    #[test]
    fn numbers_just_below_p() {
        for less in 1..=255_u8 {
            let number = Field::ONE - Field::ONE - small(less);
            let is = by_symbol(words(&number.to_bytes())).unwrap();
            assert_eq!(is, number.is_square_by_power(), "p − {less}");
            // p is 1 modulo 4, so that −1 is a square.
            assert_eq!(is, is_square(small(less)));
        }
    }

    #[test]
    fn powers_of_two() {
        let mut number = Field::ONE;
        for exponent in 0..255_u32 {
            // 2 is none, as p is 5 modulo 8.
            assert_eq!(is_square(number), exponent % 2 == 0, "2^{exponent}");
            number = number + number;
        }
    }

    #[test]
    fn multiples_of_p_have_no_symbol_by_steps() {
        // What both have in common is p, so that neither ever becomes 1.
        assert_eq!(by_symbol([0; 4]), None);
        assert_eq!(by_symbol(P), None);
        assert!(!is_square(small(0)), "the power says so");
    }

    fn small(number: u8) -> Field {
        let mut octets = [0; 32];
        octets[0] = number;
        Field::from_bytes(&octets)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4_096))]
        #[test]
        fn it_is_what_the_power_says(octets in any::<[u8; 32]>()) {
            let mut octets = octets;
            octets[31] &= 0x7f;
            let number = Field::from_bytes(&octets);
            prop_assume!(!number.is_zero());
            prop_assert_eq!(
                by_symbol(words(&number.to_bytes())),
                Some(number.is_square_by_power())
            );
            prop_assert!(is_square(number * number));
            prop_assert!(!is_square(number * number * small(2)));
        }
    }
}
