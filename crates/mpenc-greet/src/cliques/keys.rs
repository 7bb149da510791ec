//! Signature keys, and what an operation agrees on.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

use curve25519_dalek::edwards::EdwardsPoint;
use curve25519_dalek::scalar::Scalar;
use ed25519_dalek::ed25519::signature::MultipartVerifier;
use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use mpenc_wire::MemberId;
use rand_core::CryptoRng;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::int_key::is_reduced;
use crate::identity::{IdentitySigner, SignerFailed};
use crate::refused::KeyFault;

/// An Ed25519 key whose form is right: canonical, on the curve, not of small order.
///
/// It may still have a component of small order, which costs a scalar multiplication to find out:
/// that is looked at only after a signature has verified. See [`ShapedKey::admit`].
#[derive(Clone, Debug)]
pub(crate) struct ShapedKey(VerifyingKey);

impl ShapedKey {
    pub(crate) fn new(octets: &[u8; 32]) -> Result<Self, KeyFault> {
        // Decompressing reduces y modulo p. (The other non-canonical form, a sign bit beside
        // x = 0, only has points of small order.)
        if !is_reduced(octets) {
            return Err(KeyFault::NotCanonical);
        }
        let key = VerifyingKey::from_bytes(octets).map_err(|_| KeyFault::NotOnCurve)?;
        if key.is_weak() {
            return Err(KeyFault::SmallOrder);
        }
        Ok(Self(key))
    }

    /// Verifies by the plain equation with canonical S. The message comes in parts.
    pub(crate) fn verify(&self, message: &[&[u8]], signature: &[u8; 64]) -> bool {
        self.0.multipart_verify(message, &Signature::from_bytes(signature)).is_ok()
    }

    /// Admits the key: no component of small order. Costs one scalar multiplication.
    pub(crate) fn admit(self) -> Result<PublicKey, KeyFault> {
        // ℓ·A = 0 exactly if (ℓ − 1)·A = −A. The key is public, so the multiplication may take as long
        // as it takes; and ℓ − 1 has few digits.
        let point = self.0.to_edwards();
        let multiple =
            EdwardsPoint::vartime_double_scalar_mul_basepoint(&-Scalar::ONE, &point, &Scalar::ZERO);
        if multiple == -point { Ok(PublicKey(self.0)) } else { Err(KeyFault::Torsion) }
    }
}

/// An Ed25519 public key that was admitted, once: canonical, not of small order, torsion-free.
///
/// Under such a key the plain verification equation with canonical S accepts nothing that its
/// owner did not make, and nobody else can change a signature; everyone who verifies agrees.
#[derive(Clone, Debug)]
pub(crate) struct PublicKey(VerifyingKey);

impl PublicKey {
    /// Our own key, which needs no checks.
    pub(crate) fn of(key: &SigningKey) -> Self {
        Self(key.verifying_key())
    }

    /// Verifies by the plain equation with canonical S. The message comes in parts.
    pub(crate) fn verify(&self, message: &[&[u8]], signature: &[u8; 64]) -> bool {
        self.0.multipart_verify(message, &Signature::from_bytes(signature)).is_ok()
    }

    pub(crate) fn octets(&self) -> &[u8; 32] {
        self.0.as_bytes()
    }

    pub(crate) const fn verifying_key(&self) -> &VerifyingKey {
        &self.0
    }
}

/// An identity public key that was admitted: canonical, not of small order, torsion-free.
#[derive(Clone, Debug)]
pub struct IdentityKey(PublicKey);

impl IdentityKey {
    /// Admits a key.
    ///
    /// # Errors
    /// [`KeyFault`]: what is wrong with it.
    pub fn admit(octets: &[u8; 32]) -> Result<Self, KeyFault> {
        ShapedKey::new(octets)?.admit().map(Self)
    }

    /// Its 32 octets.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        self.0.octets()
    }

    /// Verifies a signature by the plain equation, with canonical S.
    #[must_use]
    pub fn verify(&self, message: &[u8], signature: &[u8; 64]) -> bool {
        self.0.verify(&[message], signature)
    }
}

/// An identity signer that holds its key in memory. Wiped on drop.
#[derive(Clone)]
pub struct LocalIdentity(SigningKey);

impl LocalIdentity {
    /// The identity of a 32-octet seed (RFC 8032's private key).
    #[must_use]
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        Self(SigningKey::from_bytes(seed))
    }

    /// Draws a new identity.
    pub fn generate(rng: &mut dyn CryptoRng) -> Self {
        Self(draw_signing_key(rng))
    }

    /// Its public key: what the others must know.
    #[must_use]
    pub fn public_key(&self) -> [u8; 32] {
        self.0.verifying_key().to_bytes()
    }

    /// As the session wants it.
    #[must_use]
    pub fn into_signer(self) -> Arc<dyn IdentitySigner + Send + Sync> {
        Arc::new(self)
    }
}

impl IdentitySigner for LocalIdentity {
    fn sign(&self, message: &[u8]) -> Result<[u8; 64], SignerFailed> {
        Ok(self.0.sign(message).to_bytes())
    }
}

impl fmt::Debug for LocalIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LocalIdentity")
    }
}

/// Draws an Ed25519 key: a seed of 32 octets.
pub(crate) fn draw_signing_key(rng: &mut dyn CryptoRng) -> SigningKey {
    let mut seed = Zeroizing::new([0; 32]);
    rng.fill_bytes(&mut *seed);
    SigningKey::from_bytes(&seed)
}

/// The group key. Wiped on drop.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub(crate) struct GroupKey([u8; 32]);

impl GroupKey {
    pub(crate) const fn new(octets: [u8; 32]) -> Self {
        Self(octets)
    }

    pub(crate) const fn octets(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for GroupKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("GroupKey")
    }
}

/// What a completed operation hands to message security: who is in the sub-session, with which
/// keys. Wiped on drop.
#[derive(Clone)]
pub struct AgreedKeys {
    pub(crate) own: MemberId,
    pub(crate) members: Vec<(MemberId, VerifyingKey)>,
    pub(crate) signing_key: SigningKey,
    pub(crate) session_id: [u8; 32],
    pub(crate) group_key: GroupKey,
}

impl AgreedKeys {
    /// The keys that another membership protocol than [CLIQUES](super::CliquesGreeter) agreed on:
    /// who we are, everyone's ephemeral public key, the seed of ours, the session id, the group
    /// key.
    ///
    /// # Errors
    /// [`KeyFault`]: an ephemeral key that cannot be admitted.
    pub fn new(
        own: MemberId,
        members: impl IntoIterator<Item = (MemberId, [u8; 32])>,
        ephemeral_seed: &[u8; 32],
        session_id: [u8; 32],
        group_key: [u8; 32],
    ) -> Result<Self, KeyFault> {
        let admit =
            |(id, octets): (MemberId, [u8; 32])| Ok((id, ShapedKey::new(&octets)?.admit()?.0));
        Ok(Self {
            own,
            members: members.into_iter().map(admit).collect::<Result<_, _>>()?,
            signing_key: SigningKey::from_bytes(ephemeral_seed),
            session_id,
            group_key: GroupKey::new(group_key),
        })
    }

    /// Who we are.
    #[must_use]
    pub const fn own_id(&self) -> &MemberId {
        &self.own
    }

    /// The members in the order of the agreement, ourselves among them, and the ephemeral keys
    /// that they sign with.
    #[must_use]
    pub fn members(&self) -> &[(MemberId, VerifyingKey)] {
        &self.members
    }

    /// Our ephemeral signing key.
    #[must_use]
    pub const fn signing_key(&self) -> &SigningKey {
        &self.signing_key
    }

    /// The session id: SHA-256 of the sorted members and their nonces (AS-02).
    #[must_use]
    pub const fn session_id(&self) -> &[u8; 32] {
        &self.session_id
    }

    /// The group key (GK-05).
    #[must_use]
    pub const fn group_key(&self) -> &[u8; 32] {
        self.group_key.octets()
    }
}

impl fmt::Debug for AgreedKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AgreedKeys")
    }
}
