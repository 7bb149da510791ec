//! The session's own time, which stands still while the caller's clock jumps or sleeps.
//!
//! Deadlines mean: this should have happened by now, *and we would know*. After a machine slept, or
//! its clock was set, the second is not true: acks lie unread in some socket, our own were not
//! sent. To judge everything at once then would be a burst of false notices.
//!
//! ```text
//!  the caller's clock   ──────────┬───────┬──────────────────────┬─────────┬─────────▶
//!                              deadline  + BC_LAT          the late call  + BC_LAT
//!  the session's time   ──────────┤                                        ├─────────▶
//!                                 └─────────── stands still ───────────────┘
//! ```
//!
//! - A *gap* is recognised by a call that comes more than BC_LAT after a deadline, while no other
//!   call came since: the caller asked when to come, and did not. A clock that jumps ahead past no
//!   deadline is not noticed: there is nothing that it could make late.
//! - The time after that deadline does not count, nor does BC_LAT after the late call: first what
//!   has piled up is heard. Then the deadline is due, and all others are as far behind it as ever.
//! - A deadline is put off once. Callers whose every call is that late still get on: then time
//!   goes from deadline to deadline.
//! - A clock that runs backwards changes nothing but its reading: time goes on from there.

use core::time::Duration;

use crate::Instant;

/// Makes the session's time from the caller's.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Clock {
    /// At this moment of the caller's clock …
    resumes: Instant,
    /// … the session's time goes on from here.
    at: Instant,
    /// The caller's clock at the last call.
    last: Instant,
    /// Whether the earliest deadline was put off already.
    put_off: bool,
    started: bool,
}

impl Clock {
    /// Every call of the caller begins with this: their clock says `now`, and `deadline`, on the
    /// session's time, is the earliest there is. `latency` is BC_LAT. Gives the session's time,
    /// which never goes back.
    pub(crate) fn read(
        &mut self,
        now: Instant,
        deadline: Option<Instant>,
        latency: Duration,
    ) -> Instant {
        if !core::mem::replace(&mut self.started, true) {
            (self.resumes, self.at, self.last) = (now, now, now);
            return now;
        }
        if now < self.last {
            // As much as was left to stand still is left still.
            let left = self.resumes.since(self.last);
            (self.at, self.resumes) = (self.session(self.last), now.after(left));
            self.last = now;
        }
        let gap =
            deadline.filter(|&deadline| now.since(self.caller(deadline).max(self.last)) > latency);
        if let Some(deadline) = gap {
            let rest = if self.put_off { Duration::ZERO } else { latency };
            self.at = deadline.max(self.session(self.last));
            self.resumes = now.after(rest);
            self.put_off = !self.put_off;
        } else if self.resumes <= now {
            self.put_off = false;
        }
        self.last = now;
        self.session(now)
    }

    /// Whether the session's time stands still: nothing is due then.
    pub(crate) fn is_still(&self, now: Instant) -> bool {
        now < self.resumes
    }

    /// What the caller's clock will show at a deadline of the session.
    pub(crate) fn caller(&self, deadline: Instant) -> Instant {
        self.resumes.after(deadline.since(self.at))
    }

    fn session(&self, now: Instant) -> Instant {
        self.at.after(now.since(self.resumes))
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use proptest::prelude::*;

    use super::*;
    use crate::flow::tests::at;

    const LATENCY: Duration = Duration::from_secs(5);

    /// A session with nothing but deadlines.
    struct Deadlines {
        clock: Clock,
        waiting: Vec<Instant>,
    }

    impl Deadlines {
        fn new(start: f64, waiting: &[f64]) -> Self {
            let mut clock = Clock::default();
            clock.read(at(start), None, LATENCY);
            Self { clock, waiting: waiting.iter().map(|&seconds| at(seconds)).collect() }
        }

        fn next(&self) -> Option<Instant> {
            self.waiting.iter().min().map(|&next| self.clock.caller(next))
        }

        /// A call, and how many deadlines it fires if it is a tick.
        fn call(&mut self, now: Instant, tick: bool) -> usize {
            let time = self.clock.read(now, self.waiting.iter().min().copied(), LATENCY);
            let before = self.waiting.len();
            if tick && !self.clock.is_still(now) {
                self.waiting.retain(|&deadline| deadline > time);
            }
            before - self.waiting.len()
        }
    }

    #[test]
    fn in_time_it_is_the_callers_clock() {
        let mut session = Deadlines::new(100.0, &[110.0, 120.0]);
        assert_eq!(session.next(), Some(at(110.0)));
        assert_eq!(session.call(at(110.0), true), 1);
        assert_eq!(session.call(at(119.0), true), 0);
        assert_eq!(session.call(at(125.0), true), 1, "a little late");
        assert_eq!(session.clock.caller(at(130.0)), at(130.0));
    }

    #[test]
    fn after_a_sleep_all_deadlines_are_put_off() {
        let mut session = Deadlines::new(0.0, &[26.0, 27.0, 50.0]);
        assert_eq!(session.call(at(3_600.0), true), 0);
        assert_eq!(session.next(), Some(at(3_605.0)));
        assert_eq!(session.call(at(3_601.0), false), 0, "what had piled up");
        assert_eq!(session.call(at(3_604.9), true), 0);
        assert_eq!(session.call(at(3_605.0), true), 1);
        assert_eq!(session.next(), Some(at(3_606.0)));
        assert_eq!(session.call(at(3_606.0), true), 1);
        assert_eq!(session.next(), Some(at(3_629.0)));
    }

    #[test]
    fn a_packet_may_wake_it_as_well() {
        let mut session = Deadlines::new(0.0, &[26.0]);
        session.call(at(3_600.0), false);
        assert_eq!(session.call(at(3_600.0), true), 0);
        assert_eq!(session.call(at(3_605.0), true), 1);
    }

    #[test]
    fn whoever_is_called_all_the_time_does_not_sleep() {
        let mut session = Deadlines::new(0.0, &[26.0]);
        for second in 0..36 {
            session.call(at(f64::from(second)), false);
        }
        assert_eq!(session.call(at(36.0), true), 1, "only the tick was late");
    }

    #[test]
    fn calls_that_are_always_late_still_get_on() {
        let mut session = Deadlines::new(0.0, &[26.0, 27.0, 300.0]);
        let fired: Vec<usize> =
            (1..=13).map(|n| session.call(at(f64::from(n) * 60.0), true)).collect();
        assert_eq!(fired.iter().sum::<usize>(), 3);
        assert!(fired.iter().all(|&fired| fired <= 1), "{fired:?}");
    }

    #[test]
    fn a_clock_that_is_set_back_changes_nothing() {
        let mut session = Deadlines::new(10_000.0, &[10_026.0]);
        session.call(at(10_010.0), true);
        session.call(at(500.0), true);
        assert_eq!(session.next(), Some(at(516.0)));
        assert_eq!(session.call(at(516.0), true), 1);
    }

    #[test]
    fn a_clock_that_is_set_back_while_it_stands_still_changes_nothing() {
        let mut session = Deadlines::new(0.0, &[26.0]);
        session.call(at(3_600.0), true);
        session.call(at(3_602.0), false);
        session.call(at(100.0), false);
        assert_eq!(session.next(), Some(at(103.0)));
        assert_eq!(session.call(at(102.9), true), 0);
        assert_eq!(session.call(at(103.0), true), 1);
    }

    #[test]
    fn the_last_moment_there_is_breaks_nothing() {
        let mut session = Deadlines::new(0.0, &[26.0]);
        session.call(Instant::new(Duration::MAX), true);
        session.call(Instant::new(Duration::MAX), true);
        session.call(at(0.0), true);
    }

    proptest! {
        /// Whatever the clock does: time never goes back, two deadlines that are further apart than
        /// BC_LAT never fire in one call, and with enough calls all fire.
        #[test]
        fn no_bursts_and_no_standstill(
            waiting in prop::collection::vec(0_u32..1_000, 1..20),
            calls in prop::collection::vec((0_u32..200_000, 0_u8..8, any::<bool>()), 0..60),
        ) {
            let waiting: Vec<f64> = waiting.into_iter().map(|w| 10_000.0 + f64::from(w)).collect();
            let mut session = Deadlines::new(10_000.0, &waiting);
            let mut now = 10_000.0;
            let mut last = at(0.0);
            for (step, back, tick) in calls {
                let step = f64::from(step) / 1_000.0;
                now = if back == 0 { f64::max(now - step, 0.0) } else { now + step };
                let before = session.waiting.clone();
                let overdue = session.waiting.iter().copied().min();
                session.call(at(now), tick);
                let time = session.clock.session(at(now));
                prop_assert!(time >= last);
                let fired = before.iter().filter(|d| !session.waiting.contains(d)).max();
                if let (Some(fired), Some(first)) = (fired, overdue) {
                    // The rest of what was due before some call that was no tick.
                    prop_assert!(fired.since(first.max(last)) <= LATENCY);
                }
                last = time;
            }
            for _ in 0..60 {
                let Some(next) = session.next() else { break };
                session.call(next.max(at(now)), true);
                now = f64::max(now, next.since_epoch().as_secs_f64());
            }
            prop_assert!(session.waiting.is_empty());
        }
    }
}
