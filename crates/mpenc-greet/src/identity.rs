//! Identity keys, as the caller provides them.

use alloc::collections::BTreeMap;
use core::fmt;

use mpenc_wire::MemberId;

/// Whom we know: member ids and their identity public keys (Ed25519).
///
/// Whether a key is really that person's is for the application to find out, and to show (MO-03).
/// What this says of a member must not change during a session.
pub trait Identities {
    /// The identity public key of a member; `None` if it is not known.
    fn identity_key(&self, member: &MemberId) -> Option<[u8; 32]>;
}

impl Identities for BTreeMap<MemberId, [u8; 32]> {
    fn identity_key(&self, member: &MemberId) -> Option<[u8; 32]> {
        self.get(member).copied()
    }
}

/// Signs with our identity key (Ed25519), which may live in hardware (GO-07).
///
/// Only membership operations use it, and no message content is ever signed with it (GO-09).
pub trait IdentitySigner {
    /// Signs a session's authenticator message.
    ///
    /// # Errors
    /// [`SignerFailed`]: the operation cannot be confirmed, and should be aborted.
    fn sign(&self, message: &[u8]) -> Result<[u8; 64], SignerFailed>;
}

/// The identity signer could not sign: a device is unplugged, say, or a user said no.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "signers make it")]
pub struct SignerFailed;

impl fmt::Display for SignerFailed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the identity signer failed")
    }
}

impl core::error::Error for SignerFailed {}
