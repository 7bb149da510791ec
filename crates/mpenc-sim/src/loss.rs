//! Data packets that get lost, come twice, and overtake each other.

use core::time::Duration;
use std::collections::BTreeMap;

use mpenc_session::Instant;
use mpenc_wire::MemberId;
use rand_core::Rng;

use crate::Notice;

/// What happens to data packets on their way to a receiver, the sender's own echo included, or from a
/// sender to the server.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Loss {
    /// How many of a hundred never come.
    pub lost: u8,
    /// How many of a hundred come twice.
    pub doubled: u8,
    /// By how much one may be late on the way to a receiver, so that others overtake it.
    pub delay: Duration,
}

impl Loss {
    /// These many of a hundred never come, these many come twice, and each is late by up to `delay`.
    #[must_use]
    pub const fn new(lost: u8, doubled: u8, delay: Duration) -> Self {
        Self { lost, doubled, delay }
    }

    /// By how much each copy of a packet is late that reaches one receiver.
    pub(crate) fn fate(
        &self,
        rng: &mut dyn Rng,
    ) -> impl ExactSizeIterator<Item = Duration> + use<> {
        let (fate, first, second) = (rng.next_u32(), rng.next_u32(), rng.next_u32());
        let percent = (u64::from(fate) * 100) >> 32;
        let copies = match percent {
            percent if percent < u64::from(self.lost) => 0,
            percent if percent < u64::from(self.lost) + u64::from(self.doubled) => 2,
            _ => 1,
        };
        let most = u64::try_from(self.delay.as_micros()).unwrap_or(u64::MAX);
        let late = move |part: u32| {
            let micros = (u128::from(part) * u128::from(most)) >> 32;
            Duration::from_micros(u64::try_from(micros).unwrap_or(u64::MAX))
        };
        [late(first), late(second)].into_iter().take(copies)
    }
}

/// Packets that are each under way by themselves.
#[derive(Clone, Debug)]
pub(crate) struct Stray<N> {
    packets: BTreeMap<(Instant, u64), (N, Notice)>,
    sent: u64,
}

impl<N> Default for Stray<N> {
    fn default() -> Self {
        Self { packets: BTreeMap::new(), sent: 0 }
    }
}

impl<N: Copy + PartialEq> Stray<N> {
    pub(crate) fn send(&mut self, arrives: Instant, to: N, notice: Notice) {
        self.sent = self.sent.wrapping_add(1);
        self.packets.insert((arrives, self.sent), (to, notice));
    }

    /// When the next one arrives at somebody who takes it.
    pub(crate) fn next(&self, takes: impl Fn(&N) -> bool) -> Option<Instant> {
        self.packets.iter().find(|(_, (to, _))| takes(to)).map(|((at, _), _)| *at)
    }

    /// That one.
    pub(crate) fn take(&mut self, takes: impl Fn(&N) -> bool) -> Option<(N, Notice)> {
        let key = *self.packets.iter().find(|(_, (to, _))| takes(to))?.0;
        self.packets.remove(&key)
    }

    /// Loses what a member sent, and what is for them.
    pub(crate) fn forget(&mut self, member: &MemberId, node: Option<N>) {
        self.packets.retain(|_, (to, notice)| {
            let sent = matches!(notice, Notice::Packet { sender, .. } if sender == member);
            !sent && Some(*to) != node
        });
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.packets.is_empty()
    }
}
