//! The end of our own part in a sub-session (FI-01, FI-02).

use core::time::Duration;

use super::Rules;
use crate::Instant;

/// How many latencies a FIN may wait for its full ack (FI-02).
pub(crate) const FIN_PATIENCE: u32 = 16;

/// How far we are with our own part in the sub-session.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Closing {
    state: State,
    patience: Duration,
    grace: Duration,
    lapses: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// We may still write content.
    Open,
    /// We wrote FIN: until when we wait for the full ack at most; and, while all is fully acked,
    /// until when for what the others may yet send, be that later.
    Fin { patience: Instant, grace: Option<Instant> },
    /// The wait is over, and the end is to be told.
    Due,
    /// Our part is over.
    Over,
}

impl Closing {
    pub(crate) fn new(rules: &Rules) -> Self {
        Self {
            state: State::Open,
            patience: rules.latency.saturating_mul(FIN_PATIENCE),
            grace: rules.latency,
            lapses: rules.full_ack_lapses,
        }
    }

    pub(crate) fn is_open(&self) -> bool {
        self.state == State::Open
    }

    pub(crate) fn is_over(&self) -> bool {
        self.state == State::Over
    }

    /// We wrote FIN. Another one changes nothing.
    pub(crate) fn fin(&mut self, now: Instant) {
        if self.is_open() {
            self.state = State::Fin { patience: now.after(self.patience), grace: None };
        }
    }

    /// Whether all is fully acked now, and nothing waits for its parents.
    pub(crate) fn settle(&mut self, now: Instant, consistent: bool) {
        if let State::Fin { grace, .. } = &mut self.state {
            match (consistent, &grace) {
                (true, None) => *grace = Some(now.after(self.grace)),
                (false, Some(_)) if self.lapses => *grace = None,
                _ => {}
            }
        }
    }

    pub(crate) fn deadline(&self) -> Option<Instant> {
        match self.state {
            State::Fin { patience, grace } => Some(grace.unwrap_or(patience)),
            State::Open | State::Due | State::Over => None,
        }
    }

    /// Whether our part is to be [ended](Self::end) now. It is said once.
    pub(crate) fn take_due(&mut self, now: Instant) -> bool {
        let due = self.deadline().is_some_and(|due| due <= now);
        if due {
            self.state = State::Due;
        }
        due
    }

    /// Our part is over, whatever is missing. Says whether it was not before.
    pub(crate) fn end(&mut self) -> bool {
        core::mem::replace(&mut self.state, State::Over) != State::Over
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::tests::{at, rules};

    #[test]
    fn patience_is_for_the_full_ack() {
        let mut closing = Closing::new(&rules());
        assert!(closing.is_open());
        closing.settle(at(0.0), true);
        assert_eq!(closing.deadline(), None, "without FIN there is no end");
        closing.fin(at(1.0));
        closing.fin(at(50.0));
        assert_eq!(closing.deadline(), Some(at(81.0)));
        closing.settle(at(80.0), true);
        assert_eq!(closing.deadline(), Some(at(85.0)), "in time");
        closing.settle(at(83.0), false);
        assert_eq!(closing.deadline(), Some(at(81.0)), "and for nothing");
        assert!(!closing.take_due(at(80.9)));
        assert!(closing.take_due(at(83.0)));
        assert!(!closing.take_due(at(84.0)) && !closing.is_over());
        assert!(closing.end() && closing.is_over() && !closing.end());
    }

    #[test]
    fn a_full_ack_ends_it_after_the_grace_unless_it_lapses() {
        for (lapses, end) in [(true, 17.0), (false, 10.0)] {
            let mut closing = Closing::new(&Rules { full_ack_lapses: lapses, ..rules() });
            closing.fin(at(0.0));
            closing.settle(at(5.0), true);
            closing.settle(at(6.0), true);
            assert_eq!(closing.deadline(), Some(at(10.0)));
            closing.settle(at(7.0), false);
            closing.settle(at(12.0), true);
            assert_eq!(closing.deadline(), Some(at(end)));
        }
    }
}
