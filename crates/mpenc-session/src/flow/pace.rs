//! How many packets may be sent again in a while.

use core::time::Duration;

use crate::Instant;

/// How many packets may go out at once.
pub(crate) const BURST: u32 = 32;

/// A pace: [`BURST`] packets in each BC_LAT, and as many at once after a rest (the generic cell
/// rate algorithm). Without it, whoever withholds acks, or sends our packets to us again and again,
/// could make every member fill the channel.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    per_packet: Duration,
    window: Duration,
    /// When all that was sent would have gone out, evenly spaced.
    spaced: Instant,
}

impl Pace {
    pub(crate) fn new(latency: Duration) -> Self {
        Self { per_packet: latency / BURST, window: latency, spaced: Instant::default() }
    }

    /// When something may be sent again, at the earliest.
    pub(crate) fn opens(&self) -> Instant {
        Instant::new(self.spaced.since_epoch().saturating_sub(self.window))
    }

    /// Whether something may be sent.
    pub(crate) fn allows(&self, now: Instant) -> bool {
        self.opens() <= now
    }

    /// These many were sent. A message and the acks before it go out whole: what that is too much
    /// makes the next one wait longer.
    pub(crate) fn spend(&mut self, now: Instant, packets: usize) {
        let packets = u32::try_from(packets).unwrap_or(u32::MAX);
        self.spaced = self.spaced.max(now).after(self.per_packet.saturating_mul(packets));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::tests::at;

    #[test]
    fn a_burst_then_a_steady_pace() {
        let mut pace = Pace::new(Duration::from_secs(5));
        let mut sent = 0_u32;
        for step in 0..1_000 {
            let now = at(1_000.0 + f64::from(step) * 0.01);
            while pace.allows(now) {
                pace.spend(now, 1);
                sent += 1;
            }
        }
        // Ten seconds: two windows, and the burst.
        assert!((3 * BURST..=3 * BURST + 2).contains(&sent), "{sent}");
    }

    #[test]
    fn what_was_too_much_is_paid_for() {
        let mut pace = Pace::new(Duration::from_secs(5));
        pace.spend(at(100.0), 320);
        assert!(!pace.allows(at(140.0)));
        assert!(pace.allows(at(145.0)));
        assert_eq!(pace.opens(), at(145.0));
    }
}
