//! Small choices.

use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};

/// A source of small choices. Not the sessions' randomness: what people do must not depend on how
/// many octets a session draws.
pub(crate) struct Chance(ChaCha20Rng);

impl Chance {
    /// Of this seed; each stream gives other choices. Stream 0 is the channel's, 2 the liar's.
    pub(crate) fn new(seed: u64, stream: u64) -> Self {
        let mut rng = ChaCha20Rng::seed_from_u64(seed);
        rng.set_stream(stream);
        Self(rng)
    }

    /// From 0 to `n` − 1; 0 if `n` is.
    pub(crate) fn below(&mut self, n: usize) -> usize {
        let n = u64::try_from(n).unwrap_or(u64::MAX);
        let product = u64::from(self.0.next_u32()).saturating_mul(n);
        usize::try_from(product >> 32).unwrap_or(0)
    }

    pub(crate) fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    pub(crate) fn pick<'a, T>(&mut self, from: &'a [T]) -> Option<&'a T> {
        let at = self.below(from.len());
        from.get(at)
    }

    /// Some of these, at least one and at most `most` of them if there are any, in random order.
    pub(crate) fn some<T: Clone>(&mut self, from: &[T], most: usize) -> Vec<T> {
        let mut rest = from.to_vec();
        let count = rest.len().min(self.below(most).saturating_add(1));
        let mut chosen = Vec::new();
        for _ in 0..count {
            let at = self.below(rest.len());
            chosen.push(rest.swap_remove(at));
        }
        chosen
    }

    /// From 0 to `most`.
    pub(crate) fn up_to(&mut self, most: usize) -> u64 {
        u64::try_from(self.below(most.saturating_add(1))).unwrap_or(0)
    }
}
