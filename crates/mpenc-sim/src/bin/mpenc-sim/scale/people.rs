//! Who is there, and whom they know.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use mpenc::{CliquesGreeter, Config, Dialect, JoinPatience, LocalIdentity, MemberId, MpencSession};

/// What they speak.
pub(super) const DIALECT: Dialect = Dialect::DOCUMENT;

/// People who all know each other.
pub(super) struct People {
    /// In order, which is that of an establish by the first of them.
    pub(super) ids: Vec<MemberId>,
    known: Arc<BTreeMap<MemberId, [u8; 32]>>,
}

impl People {
    pub(super) fn new(count: usize) -> Result<Self> {
        let id = |number: usize| MemberId::new(DIALECT, &format!("member {number:04}"));
        let ids = (0..count).map(id).collect::<Result<Vec<_>, _>>()?;
        let keys = (0..).map(|number| identity(number).public_key());
        let known = ids.iter().cloned().zip(keys).collect();
        Ok(Self { ids, known: Arc::new(known) })
    }

    pub(super) fn id(&self, number: usize) -> Result<&MemberId> {
        self.ids.get(number).context("there are not so many people")
    }

    /// The session of one of them.
    pub(super) fn session(&self, number: usize) -> Result<MpencSession> {
        let signer = identity(number).into_signer();
        let known = Arc::clone(&self.known);
        let greeter = CliquesGreeter::new(DIALECT, self.id(number)?.clone(), signer, known);
        let mut config = Config::default();
        config.join_patience = JoinPatience::Forever;
        Ok(MpencSession::new(greeter, config))
    }
}

/// The identity of one of them.
pub(super) fn identity(number: usize) -> LocalIdentity {
    LocalIdentity::from_seed(&secret(number, 7))
}

/// A secret of one of them.
pub(super) fn secret(number: usize, of: u8) -> [u8; 32] {
    let mut secret = [of; 32];
    secret.iter_mut().zip(number.to_le_bytes()).for_each(|(place, octet)| *place = octet);
    secret
}
