//! Recorded randomness: hands a member's draws out again, in order.

use std::collections::VecDeque;
use std::convert::Infallible;

use rand_core::{TryCryptoRng, TryRng};

use super::format::DrawKind;

/// What randomness is drawn for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// The start of a server order.
    Order,
    /// A membership operation.
    Operation,
    /// A message.
    Message,
}

impl Purpose {
    /// Which draws are drawn for it.
    const fn takes(self, kind: DrawKind) -> bool {
        matches!(
            (self, kind),
            (Self::Order, DrawKind::OrderStart)
                | (
                    Self::Operation,
                    DrawKind::Contribution | DrawKind::Nonce | DrawKind::EphemeralSeed
                )
                | (Self::Message, DrawKind::MessageIv)
        )
    }
}

/// The draws of one member.
///
/// A draw that does not fit gives zeros, and is remembered as a fault: what comes out of it then
/// differs from the recording as well, and the fault says why.
#[derive(Clone, Debug)]
pub(crate) struct Draws {
    left: VecDeque<(DrawKind, Vec<u8>)>,
    purpose: Purpose,
    faults: Vec<String>,
}

impl Draws {
    /// These draws, in order. Draws of session policy are left out.
    pub(crate) fn new(draws: impl IntoIterator<Item = (DrawKind, Vec<u8>)>) -> Self {
        let left = draws.into_iter().filter(|(kind, _)| *kind != DrawKind::Jitter).collect();
        Self { left, purpose: Purpose::Order, faults: Vec::new() }
    }

    /// The source of randomness, for this purpose.
    pub(crate) fn draw_for(&mut self, purpose: Purpose) -> &mut Self {
        self.purpose = purpose;
        self
    }

    /// How many draws are left.
    pub(crate) fn left(&self) -> usize {
        self.left.len()
    }

    /// What went wrong since the last call.
    pub(crate) fn take_faults(&mut self) -> Vec<String> {
        std::mem::take(&mut self.faults)
    }

    fn fill(&mut self, into: &mut [u8]) {
        into.fill(0);
        let purpose = self.purpose;
        let fault = match self.left.front() {
            None => format!("{} octets are drawn beyond the recorded draws", into.len()),
            Some((kind, _)) if !purpose.takes(*kind) => {
                format!("a draw for {purpose:?}, where {kind:?} was drawn")
            }
            Some((kind, octets)) if octets.len() != into.len() => {
                format!("{} octets are drawn as {kind:?}, recorded {}", into.len(), octets.len())
            }
            Some((_, octets)) => {
                into.copy_from_slice(octets);
                self.left.pop_front();
                return;
            }
        };
        self.faults.push(fault);
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
