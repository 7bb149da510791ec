//! Sub-sessions that are over, whose late packets are recognised.

use alloc::collections::VecDeque;

use mpenc_message::RetiredSecurity;
use mpenc_wire::{DataPacket, MemberId};

use crate::Instant;

/// How many are remembered at most.
const MOST: usize = 32;
/// How many are remembered however old they are: whoever slept sends what they had to send.
const ALWAYS: usize = 8;

/// The oldest first, each with the time until which it counts as new.
#[derive(Clone, Debug)]
pub(crate) struct Past<R> {
    over: VecDeque<(Instant, R)>,
}

impl<R> Default for Past<R> {
    fn default() -> Self {
        Self { over: VecDeque::new() }
    }
}

impl<R: RetiredSecurity> Past<R> {
    /// One more is over. Old ones give way to it.
    pub(crate) fn add(&mut self, now: Instant, new_until: Instant, mut retired: R) {
        if let Some((_, latest)) = self.over.back() {
            retired.share(latest);
        }
        self.over.push_back((new_until, retired));
        let gives_way =
            |&(new_until, _): &(Instant, R), len| len > MOST || len > ALWAYS && new_until <= now;
        while self.over.front().is_some_and(|oldest| gives_way(oldest, self.over.len())) {
            self.over.pop_front();
        }
    }

    /// Whether `author` signed this packet in one of them.
    pub(crate) fn verifies(&self, author: &MemberId, packet: &DataPacket<'_>) -> bool {
        self.over.iter().any(|(_, retired)| retired.verifies(author, packet))
    }

    pub(crate) fn clear(&mut self) {
        self.over.clear();
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;
    use core::time::Duration;

    use super::*;

    struct Numbered(u32);

    impl RetiredSecurity for Numbered {
        fn verifies(&self, _: &MemberId, _: &DataPacket<'_>) -> bool {
            false
        }
    }

    /// One is over each so many seconds, and is new for a minute.
    fn kept(seconds: u32) -> Vec<u32> {
        let mut past = Past::default();
        for number in 0..100 {
            let now = Instant::new(Duration::from_secs(u64::from(number * seconds)));
            past.add(now, now.after(Duration::from_secs(60)), Numbered(number));
        }
        past.over.iter().map(|(_, Numbered(number))| *number).collect()
    }

    #[test]
    fn those_that_are_new_are_kept_and_a_few_that_are_not() {
        assert_eq!(kept(1), (68..100).collect::<Vec<u32>>(), "32");
        assert_eq!(kept(4), (85..100).collect::<Vec<u32>>(), "those of a minute");
        assert_eq!(kept(3_600), (92..100).collect::<Vec<u32>>(), "8");
    }
}
