//! The liveness of one sub-session (design 3.5, 4.3): who sends what again, and when.
//!
//! Pure parts: no I/O, no clock, no randomness, no packets' contents. Times come in; what is due
//! comes out as a [`Due`], and whoever holds the sub-session does it. [`FlowControl`] joins them.
//!
//! BC_LAT is how long a broadcast takes; FA_INTV = 2·BC_LAT + M_INTV is how long a full ack may
//! take. *Monitored* are all messages but explicit acks (AK-05): there are no acks of acks.
//!
//! | who | does what | when | part |
//! |---|---|---|---|
//! | everybody | says that a monitored message is not fully acked | FA_INTV after accepting it; once; withdrawn by its full ack | [`monitor`] |
//! | each reader | writes one explicit ack, which acks all there is | FA_INTV − BC_LAT after accepting the oldest monitored message that no message of theirs descends from | [`monitor`] |
//! | each reader (fast answers) | the same | BC_LAT/8 after accepting a FIN or a consistency request | [`monitor`] |
//! | the author first, then the others in turn (resends) | sends a monitored message's packet again, after the explicit acks directly before it | FA_INTV after accepting it; then BC_LAT, 2·BC_LAT, 4·BC_LAT, … after it was last sent again by anybody, and 2·BC_LAT at most once the sub-session ends; always + turn · BC_LAT/4; each round another member is first | [`resend`] |
//! | whoever acked a message explicitly (resends) | sends that ack again, after the explicit acks directly before it | at once, when a member who shows no sign of the ack sends the message again; but no packet twice within BC_LAT | [`duplicates`] |
//! | everybody (heartbeats) | writes a heartbeat | 4·FA_INTV without a monitored message of theirs, + up to 1/16 of that at random | [`heartbeat`] |
//! | everybody (heartbeats) | says that a member is silent | 1.0625·5·FA_INTV after the newest message of ours that the member has acked | [`presence`] |
//! | whoever sent FIN | ends their part | 16·BC_LAT after it; or BC_LAT after all is fully acked | [`closing`] |
//!
//! What is marked (resends), (heartbeats), (fast answers) is not there in the first dialect; its
//! tables say so, and nothing here asks which dialect is spoken.
//!
//! # Bounds
//!
//! Packets to resend take at most [`cache::OCTETS`], shared by author: whoever takes up most gives
//! way. What is resent is what is cached, so that bounds the schedule too. Both kinds of resends
//! keep a [`pace`]. Monitors cost one entry for each message that is not fully acked, which the
//! transcript holds anyway; presence remembers at most [`presence::REMEMBERED`] own messages. Every
//! event costs O(log) of what is held, amortised, plus the ack runs that it sends; the check of all
//! members' presence costs O(members), at most once in 1.0625·FA_INTV per member told.
//!
//! # Time
//!
//! All moments here are on the session's own time, which [`clock`] makes from the caller's: it
//! stands still while the caller's clock jumped, or slept. So nothing here needs to know of gaps.
//!
//! # What to call
//!
//! With `now` on the session's time, and the transcript *after* it took the message:
//!
//! | when | call | and then |
//! |---|---|---|
//! | the sub-session begins | [`FlowControl::new`] | |
//! | a message is in the transcript, ours or another's | [`FlowControl::added`] | tell whoever it says is fresh again |
//! | the transcript says of each one: fully acked (`add`, `waive`) | [`FlowControl::fully_acked`] | tell; withdraw what was told |
//! | after both | [`FlowControl::settle`] | |
//! | a packet came whose message the transcript has already | [`FlowControl::duplicate`] | send the packets of the ids that it gives, in order |
//! | a reader is not awaited any more (`waive`) | [`FlowControl::gone`], then `fully_acked`, `settle` | withdraw what was told of them |
//! | we wrote FIN | [`FlowControl::fin`], then `settle` | withdraw what was told of members |
//! | our part ended early | [`FlowControl::stop`] | tell what it gives |
//! | a tick | [`FlowControl::take_due`] until it gives none | do what it says |
//! | the session is asked for its next deadline | [`FlowControl::next_deadline`] | |
//!
//! Messages and members go by whatever names the caller has for them, as long as the transcript, or
//! a view of it, knows these: a [`Causality`]. Sub-sessions have small numbers.
//!
//! A packet is not sent again by its id here but by its text: [`FlowControl::packet`] gives it as
//! it came; of another author it goes out with their name in front (`mpenc_wire::resend`).

pub(crate) mod cache;
pub(crate) mod causality;
pub(crate) mod clock;
pub(crate) mod closing;
pub(crate) mod control;
pub(crate) mod duplicates;
pub(crate) mod heartbeat;
pub(crate) mod monitor;
pub(crate) mod pace;
pub(crate) mod presence;
pub(crate) mod resend;

use alloc::collections::VecDeque;
use core::time::Duration;

use mpenc_message::Kind;
use mpenc_wire::Dialect;

use crate::Config;
use crate::config::SHORTEST;

pub(crate) use self::{
    causality::Causality,
    clock::Clock,
    closing::FIN_PATIENCE,
    control::{Due, FlowControl, Message},
    presence::Silent,
};

/// What falls due in a sub-session, one deadline for each. Of one moment, they fire in this order:
/// a message's full ack is judged before what is sent next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Timer {
    /// The oldest monitored message that is not fully acked, and that nothing was said of, was
    /// accepted FA_INTV ago.
    FullAck,
    /// We owe an ack: the oldest message that we have not acked was accepted FA_INTV − BC_LAT ago;
    /// or one that asks for a fast answer, BC_LAT/8 ago.
    Ack,
    /// A packet is to be sent again, and the pace allows it.
    Resend,
    /// We wrote no monitored message for 4·FA_INTV; or that, and the random delay, are over.
    Heartbeat,
    /// Some member may have been silent for too long.
    Presence,
    /// 16·BC_LAT after our FIN; or BC_LAT after all was fully acked.
    End,
}

/// The times and options of a sub-session's liveness.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rules {
    /// BC_LAT.
    pub(crate) latency: Duration,
    /// FA_INTV.
    pub(crate) full_ack: Duration,
    /// Whether FIN and consistency requests are acked within BC_LAT/8.
    pub(crate) fast_answers: bool,
    /// Whether packets are sent again.
    pub(crate) resends: bool,
    /// Whether heartbeats are written, and silent members told of.
    pub(crate) heartbeats: bool,
    /// Whether a full ack after our FIN can be undone by what comes later.
    pub(crate) full_ack_lapses: bool,
}

/// From here on a backoff does not grow any more; 2^24·BC_LAT is years.
const MOST_DOUBLINGS: u32 = 24;

impl Rules {
    /// Those of a dialect. Heartbeats are the caller's option: dialects without them have none.
    pub(crate) fn new(config: &Config, dialect: Dialect) -> Self {
        Self {
            latency: config.broadcast_latency,
            full_ack: config.full_ack_interval(),
            fast_answers: dialect.fast_answers,
            resends: dialect.resends,
            heartbeats: config.heartbeats && dialect.heartbeats,
            full_ack_lapses: dialect.full_ack_lapses,
        }
    }

    /// How long after accepting another's message we ack it, if nothing else of ours does.
    fn ack_wait(&self, kind: Kind) -> Duration {
        if self.fast_answers && matches!(kind, Kind::Fin | Kind::Consistency) {
            self.latency / 8
        } else {
            self.full_ack.saturating_sub(self.latency)
        }
    }

    /// After how long without a monitored message of ours a heartbeat is due.
    fn heartbeat_interval(&self) -> Duration {
        self.full_ack.saturating_mul(4).max(SHORTEST)
    }

    /// How long a member counts as present: 1.0625·(4·FA_INTV + FA_INTV).
    fn presence_interval(&self) -> Duration {
        and_a_sixteenth(self.full_ack.saturating_mul(5))
    }

    /// How long a member has for the ack of one message of ours, before the lack of it is held
    /// against their presence: 1.0625·FA_INTV.
    fn presence_grace(&self) -> Duration {
        and_a_sixteenth(self.full_ack)
    }

    /// How long after its `rounds`-th resend a packet is sent again.
    fn backoff(&self, rounds: u32) -> Duration {
        let doublings = rounds.saturating_sub(1).min(MOST_DOUBLINGS);
        self.latency.saturating_mul(1_u32 << doublings).max(SHORTEST)
    }

    /// The longest that anything waits to be sent again once the sub-session ends: so there are eight
    /// tries within the patience of 16·BC_LAT.
    fn backoff_at_end(&self) -> Duration {
        self.latency.saturating_mul(2).max(SHORTEST)
    }
}

/// 1.0625 times as long.
fn and_a_sixteenth(duration: Duration) -> Duration {
    duration.saturating_add(duration / 16)
}

/// Whether a message of this kind is monitored (AK-05).
fn is_monitored(kind: Kind) -> bool {
    !matches!(kind, Kind::AckAutomatic | Kind::AckManual)
}

/// Takes the first one, if `is_it` says yes.
fn pop_front_if<T>(queue: &mut VecDeque<T>, is_it: impl FnOnce(&T) -> bool) -> Option<T> {
    if is_it(queue.front()?) { queue.pop_front() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Instant;

    /// BC_LAT 5 s, FA_INTV 26 s; all there is.
    pub(crate) fn rules() -> Rules {
        Rules::new(&Config::default(), Dialect::DOCUMENT)
    }

    pub(crate) fn at(seconds: f64) -> Instant {
        Instant::new(Duration::from_secs_f64(seconds))
    }

    #[test]
    fn the_times_are_those_of_the_protocol() {
        let rules = rules();
        assert_eq!(rules.full_ack, Duration::from_secs(26));
        assert_eq!(rules.ack_wait(Kind::Payload), Duration::from_secs(21));
        assert_eq!(rules.ack_wait(Kind::Fin), Duration::from_millis(625));
        assert_eq!(rules.ack_wait(Kind::Consistency), Duration::from_millis(625));
        assert_eq!(rules.heartbeat_interval(), Duration::from_secs(104));
        assert_eq!(rules.presence_interval(), Duration::from_millis(138_125));
        let backoffs: [u64; 5] =
            core::array::from_fn(|n| rules.backoff(u32::try_from(n).unwrap()).as_secs());
        assert_eq!(backoffs, [5, 5, 10, 20, 40]);
    }

    #[test]
    fn the_first_dialect_only_monitors() {
        let rules = Rules::new(&Config::default(), Dialect::MPENC_JS);
        assert_eq!((rules.fast_answers, rules.resends, rules.heartbeats), (false, false, false));
        assert_eq!(rules.ack_wait(Kind::Fin), Duration::from_secs(21));
    }

    #[test]
    fn no_configuration_makes_a_tick_endless() {
        let config = Config {
            broadcast_latency: Duration::ZERO,
            reply_interval: Duration::ZERO,
            ..Config::default()
        };
        let rules = Rules::new(&config, Dialect::DOCUMENT);
        assert!(rules.backoff(1) > Duration::ZERO);
        assert!(rules.heartbeat_interval() > Duration::ZERO);
        let config = Config { broadcast_latency: Duration::MAX, ..Config::default() };
        assert_eq!(Rules::new(&config, Dialect::DOCUMENT).backoff(u32::MAX), Duration::MAX);
    }
}
