//! What can be no signature, told by looking at it.

/// The order of the base point, ℓ = 2²⁵² + 27742317777372353535851937790883648493, least octet first.
const ORDER: [u8; 32] = [
    0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
];

/// Whether both halves of an Ed25519 signature are written as the signer writes them: the point R
/// with a coordinate below 2²⁵⁵ − 19, and the number S below ℓ.
///
/// No other octets verify under any key: S is checked (RFC 8032, 5.1.7), and R is compared with what
/// comes out, octet for octet. So nothing has to be hashed to refuse them.
pub(crate) fn is_canonical(signature: &[u8; 64]) -> bool {
    match (signature.first_chunk(), signature.last_chunk()) {
        (Some(point), Some(number)) => is_below_order(number) && is_below_prime(point),
        _ => false,
    }
}

fn is_below_order(number: &[u8; 32]) -> bool {
    number.iter().rev().lt(ORDER.iter().rev())
}

/// The top bit is the sign of the other coordinate.
fn is_below_prime(point: &[u8; 32]) -> bool {
    let [lowest, middle @ .., highest] = point;
    *highest & 0x7f != 0x7f || *lowest < 0xed || middle.iter().any(|octet| *octet != 0xff)
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use curve25519_dalek::edwards::{CompressedEdwardsY, EdwardsPoint};
    use curve25519_dalek::scalar::Scalar;
    use ed25519_dalek::{Signer, SigningKey};
    use proptest::prelude::*;

    use super::*;

    fn with(point: [u8; 32], number: [u8; 32]) -> bool {
        let mut signature = [0; 64];
        signature[..32].copy_from_slice(&point);
        signature[32..].copy_from_slice(&number);
        is_canonical(&signature)
    }

    #[test]
    fn numbers_are_canonical_below_the_order() {
        let point = [1; 32];
        assert!(with(point, [0; 32]));
        assert!(with(point, (-Scalar::ONE).to_bytes()));
        assert!(!with(point, ORDER));
        let mut more = ORDER;
        more[0] += 1;
        assert!(!with(point, more));
        let mut more = [0; 32];
        more[31] = 0x11;
        assert!(!with(point, more));
        assert!(!with(point, [0xff; 32]));
    }

    #[test]
    fn points_are_canonical_below_the_prime_whatever_their_sign() {
        for sign in [0, 0x80] {
            for low in 0..=u8::MAX {
                let mut point = [0xff; 32];
                point[0] = low;
                point[31] = 0x7f | sign;
                assert_eq!(with(point, [0; 32]), low < 0xed, "{low:x}");
                for at in 1..32 {
                    let mut less = point;
                    less[at] -= 1;
                    assert!(with(less, [0; 32]));
                }
            }
        }
    }

    proptest! {
        /// As the arithmetic has it: what is canonical comes out as it went in.
        #[test]
        fn it_is_what_the_arithmetic_says(
            point: [u8; 32],
            number: [u8; 32],
            tops in (0_u8..0x20, 0_u8..0x20),
            scalar: [u8; 32],
        ) {
            let mut near = ORDER;
            near[0] = number[0];
            let mut any = number;
            any[31] = tops.0;
            for number in [any, near] {
                let is = bool::from(Scalar::from_canonical_bytes(number).is_some());
                prop_assert_eq!(is_below_order(&number), is);
            }
            let written = EdwardsPoint::mul_base_clamped(scalar).compress().to_bytes();
            prop_assert!(is_below_prime(&written));
            if let Some(decoded) = CompressedEdwardsY(point).decompress()
                && decoded.compress().to_bytes() == point
            {
                prop_assert!(is_below_prime(&point));
            }
        }

        #[test]
        fn what_was_signed_is_canonical(seed: [u8; 32], message: Vec<u8>) {
            let signature = SigningKey::from_bytes(&seed).sign(&message);
            prop_assert!(is_canonical(&signature.to_bytes()));
        }
    }
}
