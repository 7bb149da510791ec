//! The randomness of one session.

use core::convert::Infallible;

use rand_chacha::ChaCha20Rng;
use rand_core::{SeedableRng, TryCryptoRng, TryRng};

/// How many draws are remembered.
const REMEMBERED: usize = 64;

/// A source of randomness that may remember what was drawn of it, as long as a secret is.
pub(crate) struct Dice {
    rng: ChaCha20Rng,
    drawn: Option<Vec<[u8; 32]>>,
}

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self { rng: ChaCha20Rng::seed_from_u64(seed), drawn: None }
    }

    /// From now on, remembers.
    pub(crate) fn remember(&mut self) {
        self.drawn.get_or_insert_default();
    }

    /// What was drawn lately, newest last.
    pub(crate) fn drawn(&self) -> &[[u8; 32]] {
        self.drawn.as_deref().unwrap_or_default()
    }
}

impl TryRng for Dice {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        self.rng.try_next_u32()
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        self.rng.try_next_u64()
    }

    fn try_fill_bytes(&mut self, octets: &mut [u8]) -> Result<(), Infallible> {
        self.rng.try_fill_bytes(octets)?;
        if let (Some(drawn), Ok(secret)) = (&mut self.drawn, <[u8; 32]>::try_from(&*octets)) {
            if drawn.len() == REMEMBERED {
                drawn.remove(0);
            }
            drawn.push(secret);
        }
        Ok(())
    }
}

impl TryCryptoRng for Dice {}
