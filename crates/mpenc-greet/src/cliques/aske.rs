//! ASKE: the authenticated signature key exchange (design chapter 5.2.2), as octets to hash and
//! to sign.

use alloc::vec::Vec;

use ed25519_dalek::SigningKey;
use ed25519_dalek::ed25519::signature::MultipartSigner;
use mpenc_wire::{Dialect, MemberId, SessionSignatureForm};
use sha2::{Digest, Sha256};

/// A member's nonce (k_i).
pub(crate) type Nonce = [u8; 32];

/// What greeting packets are signed behind (PK-11).
pub(crate) const GREETING: &[u8] = b"greetmsgsig";
/// What abort packets are signed behind (PK-15).
pub(crate) const ABORT: &[u8] = b"errormsgsig";
/// What authenticator messages begin with (AS-03).
const AUTHENTICATOR: &[u8] = b"acksig";

/// The session id: SHA-256 of all member ids, sorted, and their nonces in that order (AS-02).
pub(crate) fn session_id<'a>(
    members: impl IntoIterator<Item = (&'a MemberId, &'a Nonce)>,
) -> [u8; 32] {
    let mut members: Vec<_> = members.into_iter().collect();
    members.sort_unstable_by_key(|(id, _)| *id);
    let mut hash = Sha256::new();
    for (id, _) in &members {
        hash.update(id.as_bytes());
    }
    for (_, nonce) in &members {
        hash.update(nonce);
    }
    hash.finalize().into()
}

/// What a member's session signature signs: m_i, or its SHA-256, as the dialect says (AS-03).
pub(crate) fn authenticator(
    dialect: Dialect,
    member: &MemberId,
    ephemeral_key: &[u8; 32],
    nonce: &Nonce,
    session_id: &[u8; 32],
) -> Vec<u8> {
    let message: Vec<u8> =
        [AUTHENTICATOR, member.as_bytes(), ephemeral_key, nonce, session_id].concat();
    match dialect.session_signature {
        SessionSignatureForm::Sha256OfMessage => Sha256::digest(&message).to_vec(),
        _ => message,
    }
}

/// What a packet's signature signs, in parts.
pub(crate) const fn in_context<'a>(context: &'a [u8], signed: &'a [u8]) -> [&'a [u8]; 2] {
    [context, signed]
}

/// Signs S of a packet with our ephemeral key.
pub(crate) fn sign(key: &SigningKey, context: &[u8], signed: &[u8]) -> [u8; 64] {
    key.multipart_sign(&in_context(context, signed)).to_bytes()
}
