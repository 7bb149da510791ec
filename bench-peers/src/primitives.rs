//! The primitives of membership operations, without anything around them.

use std::hint::black_box;
use std::rc::Rc;

use curve25519_dalek::{MontgomeryPoint, Scalar};
use ed25519_dalek::{Signature, Signer, SigningKey, Verifier, VerifyingKey};

/// A multiplication by the plain ladder, the admission of a key, a signature check under a key that was
/// admitted, a signature.
#[derive(Clone)]
pub struct Primitives {
    point: MontgomeryPoint,
    octets: [u8; 32],
    key: SigningKey,
    /// Packets are the same for all members.
    signed: Rc<[Signed]>,
    /// Which of these is checked next.
    next: usize,
}

/// What somebody signed.
pub struct Signed {
    pub key: SigningKey,
    pub by: VerifyingKey,
    pub message: Vec<u8>,
    pub signature: Signature,
}

impl Signed {
    /// A message of so many octets, another one for each number.
    pub fn new(signer: usize, number: usize, octets: usize) -> Self {
        let mut seed = [3; 32];
        seed[..8].copy_from_slice(&signer.to_le_bytes());
        let key = SigningKey::from_bytes(&seed);
        let mut message = vec![5; octets];
        message[..8].copy_from_slice(&number.to_le_bytes());
        Self { by: key.verifying_key(), signature: key.sign(&message), key, message }
    }
}

/// As long as what is signed of a confirm in a group of 32, about.
const MESSAGE: usize = 600;

impl Primitives {
    /// Of a group of so many: each check is of another signature, and each member made two. (One and
    /// the same, checked again and again, takes less time than any that members have to check, since
    /// the processor learns which way its branches go.)
    pub fn new(members: usize) -> Self {
        let signed = (0..2 * members).map(|number| Signed::new(number / 2, number, MESSAGE));
        Self {
            point: MontgomeryPoint::mul_base(&Scalar::from(77_u8)),
            octets: [9; 32],
            key: SigningKey::from_bytes(&[3; 32]),
            signed: signed.collect(),
            next: 0,
        }
    }

    /// Does what a packet takes.
    pub fn step(&mut self, step: Step) {
        let Step { multiplications, admissions, checks, signatures } = step;
        for _ in 0..multiplications {
            self.point = self.point.mul_clamped(self.octets);
        }
        for at in 0..admissions {
            let key = &self.signed[(self.next + 2 * at) % self.signed.len()].by;
            let key = VerifyingKey::from_bytes(black_box(key.as_bytes())).expect("on the curve");
            assert!(key.to_edwards().is_torsion_free(), "their own key");
        }
        for _ in 0..checks {
            let Signed { message, signature, by, .. } = &self.signed[self.next];
            by.verify(message, signature).expect("their own signature");
            self.next = (self.next + 1) % self.signed.len();
        }
        for number in 0..signatures {
            black_box(self.key.sign(&[number as u8; MESSAGE]));
        }
    }
}

/// What a packet takes of a member.
#[derive(Clone, Copy)]
pub struct Step {
    /// Of points, by the plain ladder.
    pub multiplications: usize,
    /// Of signature keys: on the curve, and without a component of small order, as dalek tells.
    pub admissions: usize,
    /// Of signatures.
    pub checks: usize,
    /// Signatures that are made.
    pub signatures: usize,
}

impl Step {
    pub const NOTHING: Self = Self { multiplications: 0, admissions: 0, checks: 0, signatures: 0 };
}
