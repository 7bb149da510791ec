//! What sessions are made of: mpENC's cryptography, or none.

use std::collections::BTreeMap;
use std::sync::Arc;

use mpenc::{CliquesGreeter, Dialect, LocalIdentity, MemberId, Mpenc, Suite};

use super::null::{Null, NullGreeter};

/// The identity keys that everybody knows.
pub(crate) type Known = Arc<BTreeMap<MemberId, [u8; 32]>>;

/// A suite that lives can be led with.
pub(crate) trait Crypto: Suite {
    /// The greeter of a member with this identity.
    fn greeter(own: &MemberId, seed: &[u8; 32], known: &Known) -> Self::Greeter;
}

impl Crypto for Mpenc {
    fn greeter(own: &MemberId, seed: &[u8; 32], known: &Known) -> CliquesGreeter {
        let signer = LocalIdentity::from_seed(seed).into_signer();
        CliquesGreeter::new(Dialect::DOCUMENT, own.clone(), signer, Arc::clone(known) as _)
    }
}

impl Crypto for Null {
    fn greeter(own: &MemberId, _: &[u8; 32], _: &Known) -> NullGreeter {
        NullGreeter::new(own.clone())
    }
}
