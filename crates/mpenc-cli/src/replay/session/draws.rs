//! The recorded draws of a member whose session draws as it likes.

use std::collections::VecDeque;
use std::convert::Infallible;

use rand_core::{TryCryptoRng, TryRng};

use crate::replay::format::{Draw, DrawKind};

/// How many octets are drawn for the delay before entering again.
const JITTER: usize = 4;

/// What is drawn beyond the recorded draws.
const BEYOND: u8 = 0xdd;

/// Hands the draws out again, in order; each must have the size of the recorded one.
///
/// Those for the delay before entering again are apart from the others: the first implementation
/// draws one for every `join` that still waits, all at the same time. Draws beyond the recorded
/// ones are made up: should anything come of them, that differs.
pub(super) struct Draws {
    keys: VecDeque<(DrawKind, Vec<u8>)>,
    jitter: VecDeque<Vec<u8>>,
    fault: Option<String>,
    faulty: bool,
}

impl Draws {
    pub(super) fn new(draws: &[Draw]) -> Self {
        let of = |draw: &Draw| (draw.what, draw.octets.0.clone());
        let (jitter, keys): (Vec<_>, Vec<_>) =
            draws.iter().map(of).partition(|(kind, _)| *kind == DrawKind::Jitter);
        Self {
            keys: keys.into(),
            jitter: jitter.into_iter().map(|(_, octets)| octets).collect(),
            fault: None,
            faulty: false,
        }
    }

    /// The first fault, once: the others follow from it.
    pub(super) fn take_fault(&mut self) -> Option<String> {
        self.fault.take()
    }

    /// How many draws for keys, nonces and messages are left.
    pub(super) fn left(&self) -> usize {
        self.keys.len()
    }

    fn fill(&mut self, into: &mut [u8]) {
        into.fill(BEYOND);
        let next = if into.len() == JITTER {
            self.jitter.pop_front().map(|octets| (DrawKind::Jitter, octets))
        } else {
            self.keys.pop_front()
        };
        match next {
            Some((_, octets)) if octets.len() == into.len() => into.copy_from_slice(&octets),
            Some((kind, octets)) if !self.faulty => {
                let (ours, recorded) = (into.len(), octets.len());
                self.faulty = true;
                self.fault =
                    Some(format!("it draws {ours} octets, where {recorded} are ({kind:?})"));
            }
            Some(_) | None => {}
        }
    }
}

impl TryRng for Draws {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        let mut octets = [0; 4];
        self.fill(&mut octets);
        Ok(u32::from_le_bytes(octets))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        let mut octets = [0; 8];
        self.fill(&mut octets);
        Ok(u64::from_le_bytes(octets))
    }

    fn try_fill_bytes(&mut self, into: &mut [u8]) -> Result<(), Infallible> {
        self.fill(into);
        Ok(())
    }
}

impl TryCryptoRng for Draws {}
