//! When we write something only to show, and learn, who is there (FR-02).

use core::time::Duration;

use super::Rules;
use crate::Instant;

/// When the next heartbeat is due: after 4·FA_INTV without a monitored message of ours, and up to
/// 1/16 of that later.
///
/// A regular heartbeat is plain to see for whoever watches the channel (FR-07), hence the delay. It
/// comes from the caller's randomness: were it made from ids or packets, the same watcher could
/// compute it. It is drawn only once the 4·FA_INTV have passed, so whoever writes often enough
/// draws nothing.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Heartbeat {
    interval: Duration,
    next: Next,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    /// At this time the delay is drawn.
    Draw(Instant),
    /// At this time the heartbeat is due.
    Beat(Instant),
    /// Not any more, or never.
    Never,
}

impl Heartbeat {
    pub(crate) fn new(rules: &Rules, now: Instant) -> Self {
        let interval = rules.heartbeat_interval();
        let next = if rules.heartbeats { Next::Draw(now.after(interval)) } else { Next::Never };
        Self { interval, next }
    }

    /// We wrote a monitored message.
    pub(crate) fn wrote(&mut self, now: Instant) {
        if self.next != Next::Never {
            self.next = Next::Draw(now.after(self.interval));
        }
    }

    /// We may not write content any more, or nobody is there to read it.
    pub(crate) fn stop(&mut self) {
        self.next = Next::Never;
    }

    pub(crate) fn deadline(&self) -> Option<Instant> {
        match self.next {
            Next::Draw(at) | Next::Beat(at) => Some(at),
            Next::Never => None,
        }
    }

    /// Whether a heartbeat is to be written now. If it cannot be, the next one is tried at its own
    /// time. Draws at most once.
    pub(crate) fn take_due(&mut self, now: Instant, draw: impl FnOnce() -> u32) -> bool {
        if let Next::Draw(at) = self.next
            && at <= now
        {
            self.next = Next::Beat(at.after(fraction(self.interval / 16, draw())));
        }
        let due = matches!(self.next, Next::Beat(at) if at <= now);
        if due {
            self.wrote(now);
        }
        due
    }
}

/// `draw`/2³² of a duration.
fn fraction(duration: Duration, draw: u32) -> Duration {
    let nanos = duration.as_nanos().saturating_mul(u128::from(draw)) >> 32;
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::flow::tests::{at, rules};

    #[test]
    fn it_beats_after_the_interval_and_the_delay() {
        let mut heartbeat = Heartbeat::new(&rules(), at(0.0));
        assert!(!heartbeat.take_due(at(103.9), || unreachable!("too early to draw")));
        assert_eq!(heartbeat.deadline(), Some(at(104.0)));
        assert!(!heartbeat.take_due(at(104.0), || 1 << 31));
        assert_eq!(heartbeat.deadline(), Some(at(107.25)));
        assert!(heartbeat.take_due(at(107.25), || unreachable!("drawn already")));
        assert_eq!(heartbeat.deadline(), Some(at(211.25)));
    }

    #[test]
    fn what_we_write_puts_it_off() {
        let mut heartbeat = Heartbeat::new(&rules(), at(0.0));
        heartbeat.take_due(at(104.0), || u32::MAX);
        heartbeat.wrote(at(105.0));
        assert_eq!(heartbeat.deadline(), Some(at(209.0)));
    }

    #[test]
    fn a_late_call_does_not_wait_again() {
        let mut heartbeat = Heartbeat::new(&rules(), at(0.0));
        assert!(heartbeat.take_due(at(120.0), || u32::MAX));
    }

    #[test]
    fn without_the_option_there_is_none() {
        let mut heartbeat = Heartbeat::new(&Rules { heartbeats: false, ..rules() }, at(0.0));
        heartbeat.wrote(at(1.0));
        assert_eq!(heartbeat.deadline(), None);
        let mut heartbeat = Heartbeat::new(&rules(), at(0.0));
        heartbeat.stop();
        heartbeat.wrote(at(1.0));
        assert_eq!(heartbeat.deadline(), None);
    }

    proptest! {
        /// Whatever is drawn, others who wait 1.0625 times as long wait long enough.
        #[test]
        fn the_delay_has_its_bounds(draw: u32) {
            let mut heartbeat = Heartbeat::new(&rules(), at(0.0));
            heartbeat.take_due(at(104.0), || draw);
            let due = heartbeat.deadline().unwrap();
            prop_assert!(due >= at(104.0) && due <= at(110.5));
        }
    }
}
