//! Randomness out of a recording.

use std::collections::VecDeque;
use std::convert::Infallible;

use rand_core::{TryCryptoRng, TryRng};

/// Hands out recorded draws in their order; fails the test if another length is asked for, or
/// more than was recorded.
#[derive(Clone, Debug, Default)]
pub struct Draws(VecDeque<Vec<u8>>);

impl Draws {
    pub fn new(draws: impl IntoIterator<Item = Vec<u8>>) -> Self {
        Self(draws.into_iter().collect())
    }

    pub fn left(&self) -> usize {
        self.0.len()
    }
}

impl TryRng for Draws {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        panic!("no recorded draw is a number");
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        panic!("no recorded draw is a number");
    }

    fn try_fill_bytes(&mut self, octets: &mut [u8]) -> Result<(), Infallible> {
        let draw = self.0.pop_front().expect("a recorded draw");
        assert_eq!(draw.len(), octets.len(), "length of the next recorded draw");
        octets.copy_from_slice(&draw);
        Ok(())
    }
}

impl TryCryptoRng for Draws {}
