//! The primitives of membership operations, without anything around them.

use curve25519_dalek::{MontgomeryPoint, Scalar};
use ed25519_dalek::{Signature, Signer, SigningKey, Verifier, VerifyingKey};

/// A multiplication by the plain ladder, a signature check under a key that was admitted, a
/// signature.
pub struct Primitives {
    point: MontgomeryPoint,
    octets: [u8; 32],
    key: SigningKey,
    verifying: VerifyingKey,
    signature: Signature,
}

/// As long as what is signed of a confirm in a group of 32, about.
const MESSAGE: [u8; 600] = [5; 600];

impl Primitives {
    pub fn new() -> Self {
        let key = SigningKey::from_bytes(&[3; 32]);
        Self {
            point: MontgomeryPoint::mul_base(&Scalar::from(77_u8)),
            octets: [9; 32],
            verifying: key.verifying_key(),
            signature: key.sign(&MESSAGE),
            key,
        }
    }

    pub fn run(&mut self, multiplications: usize, checks: usize, signatures: usize) {
        for _ in 0..multiplications {
            self.point = self.point.mul_clamped(self.octets);
        }
        for _ in 0..checks {
            self.verifying.verify(&MESSAGE, &self.signature).expect("our own signature");
        }
        for _ in 0..signatures {
            self.signature = self.key.sign(&MESSAGE);
        }
    }
}
