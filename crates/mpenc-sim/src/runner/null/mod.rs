//! A suite without cryptography, so that a run explores states rather than arithmetic.
//!
//! Packets have the shapes, stages and turns of mpENC's, and what is refused there for its place,
//! its lists or its members is refused here. But a contribution is only a nonce, the group's secret
//! is a hash of all of them, a signature is a hash that anybody could compute, and what is sealed
//! stands in clear. Nobody in a simulation signs in the name of another, so nothing is lost by it
//! but what the arithmetic itself would find.

mod greeter;
mod greeting;
mod security;

use core::cell::Cell;

use mpenc::{Dialect, MemberId, Suite};
use sha2::{Digest, Sha256};

pub(crate) use greeter::NullGreeter;
pub(crate) use security::NullSecurity;

/// The suite without cryptography.
pub(crate) enum Null {}

impl Suite for Null {
    type Greeter = NullGreeter;
    type Security = NullSecurity;

    fn secure(dialect: Dialect, keys: NullKeys) -> NullSecurity {
        NullSecurity::new(dialect, keys)
    }
}

/// What the members of a sub-session share.
#[derive(Clone, Debug)]
pub(crate) struct NullKeys {
    pub(crate) own: MemberId,
    pub(crate) members: Vec<MemberId>,
    pub(crate) secret: [u8; 32],
}

/// A value that several parts determine.
pub(crate) fn hash<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> [u8; 32] {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update(part.len().to_be_bytes());
        hasher.update(part);
    }
    hasher.finalize().into()
}

thread_local! {
    /// How many marks were made: each stands for a signature that is made or verified. A thread leads
    /// one life at a time.
    static SIGNATURES: Cell<u64> = const { Cell::new(0) };
}

/// How many signatures were made or verified since the last time.
pub(crate) fn take_signatures() -> u64 {
    SIGNATURES.take()
}

/// What stands for a member's signature over these octets.
pub(crate) fn mark(context: &str, by: &MemberId, octets: &[u8]) -> [u8; 64] {
    SIGNATURES.set(SIGNATURES.get().saturating_add(1));
    let half = hash([context.as_bytes(), by.as_bytes(), octets]);
    let mut mark = [0; 64];
    mark.iter_mut().zip(half).for_each(|(place, octet)| *place = octet);
    mark
}

/// In front of what is marked, as mpENC has contexts in front of what is signed.
pub(crate) const GREETING: &str = "greeting";
/// The same for aborts.
const ABORT: &str = "abort";
/// The same for the members of a group.
const SESSION: &str = "session";
/// The same for messages.
pub(crate) const DATA: &str = "data";
