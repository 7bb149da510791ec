//! The rolling refresh: that everybody renews their contribution to the group key, now and then
//! (GK-12, GK-13).
//!
//! Whoever initiates an operation renews their contribution; who never does keeps theirs for as long
//! as they are a member, and a leak of it opens everything since. So, if the caller wants it, we
//! propose a refresh when our own contribution is old, by any of three measures: time, texts written,
//! and membership changes. A refresh is also due, with or without that option, when so many messages
//! were sealed under one key that it should not be used much longer.
//!
//! Several may be due at once, and only one is accepted. So we wait for our turn: BC_LAT for each
//! member whose contribution is older than ours, as far as we have seen renewals; those of whom we
//! have seen none count as oldest. A user's own operations go first.

use core::time::Duration;

use mpenc_greet::Greeter;

use crate::own::OwnedChange;
use crate::timers::Timer;
use crate::{Config, Ctx, Instant, Outputs, Session, Suite};

/// When a contribution to the group key is old, and is renewed by a refresh of our own. Any of the
/// measures does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RollingRefresh {
    /// By this much time. At least FA_INTV counts.
    pub age: Option<Duration>,
    /// By so many texts, by all authors.
    pub messages: Option<u64>,
    /// By so many completed operations that changed the members.
    pub changes: Option<u32>,
}

/// Once a day, every 10,000 texts, and every 64 changes.
impl Default for RollingRefresh {
    fn default() -> Self {
        Self {
            age: Some(Duration::from_secs(24 * 60 * 60)),
            messages: Some(10_000),
            changes: Some(64),
        }
    }
}

impl RollingRefresh {
    /// Nothing makes a contribution old.
    #[must_use]
    pub const fn never() -> Self {
        Self { age: None, messages: None, changes: None }
    }
}

/// Our own contribution to the group key, as far as its age goes.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Contribution {
    /// When we made it.
    since: Instant,
    /// Texts that took their place in the log since.
    texts: u64,
    /// Operations that changed the members since.
    changes: u32,
    /// Whether our turn to refresh is set.
    turn_set: bool,
}

impl Contribution {
    fn is_old(&self, now: Instant, config: &Config) -> bool {
        let Some(limits) = &config.rolling_refresh else { return false };
        let age = limits.age.map(|age| age.max(config.full_ack_interval()));
        age.is_some_and(|age| now.since(self.since) >= age)
            || limits.messages.is_some_and(|messages| self.texts >= messages.max(1))
            || limits.changes.is_some_and(|changes| self.changes >= changes.max(1))
    }

    pub(crate) fn count_text(&mut self) {
        self.texts = self.texts.saturating_add(1);
    }
}

impl<S: Suite> Session<S> {
    /// An operation has completed, and the members are not the same as before if `changes`; we
    /// contributed to the key anew if `renews`.
    pub(crate) fn note_renewal(&mut self, cx: &Ctx<'_>, renews: bool, changes: bool) {
        let turn_set = self.shared.contribution.turn_set;
        if renews {
            self.shared.contribution =
                Contribution { since: cx.now, turn_set, ..Contribution::default() };
            let config = &self.shared.config;
            if let Some(age) = config.rolling_refresh.and_then(|limits| limits.age) {
                let old = cx.now.after(age.max(config.full_ack_interval()));
                self.shared.timers.retain(|timer| !matches!(timer, Timer::ContributionOld));
                self.shared.timers.set(old, Timer::ContributionOld);
            }
        } else if changes {
            let contribution = &mut self.shared.contribution;
            contribution.changes = contribution.changes.saturating_add(1);
        }
    }

    /// If a refresh of ours is due, our turn comes once those have had theirs who need it more.
    pub(crate) fn await_turn_to_refresh(&mut self, cx: &Ctx<'_>) {
        if self.shared.contribution.turn_set || !self.refresh_is_due(cx) {
            return;
        }
        self.shared.contribution.turn_set = true;
        let wait = self.shared.config.latencies(self.older_contributions());
        self.shared.timers.set(cx.now.after(wait), Timer::Refresh);
    }

    /// Our turn to refresh, if it is still due. While something else is going on, it waits.
    pub(crate) fn on_turn_to_refresh(&mut self, cx: &mut Ctx<'_>, out: &mut Outputs) {
        self.shared.contribution.turn_set = false;
        if !self.refresh_is_due(cx) {
            return;
        }
        // Excludes are more urgent.
        if self.may_propose() && self.to_exclude.is_empty() && self.invitation.is_none() {
            self.propose_automatic(cx, &OwnedChange::Refresh, out);
        }
        // Should it be beaten by another's, or not be possible now, its turn comes again.
        let turn = self.older_contributions().saturating_add(1);
        self.shared.contribution.turn_set = true;
        self.shared.timers.set(cx.now.after(self.shared.config.latencies(turn)), Timer::Refresh);
    }

    fn refresh_is_due(&self, cx: &Ctx<'_>) -> bool {
        self.current.as_ref().is_some_and(|current| {
            !self.parting
                && (current.is_worn()
                    || self.shared.contribution.is_old(cx.now, &self.shared.config))
        })
    }

    /// How many members contributed longer ago than we did, as far as we have seen; of those whom we
    /// know as much of, those before us.
    fn older_contributions(&self) -> u32 {
        let age = |member| self.greeter.since_renewal(member).unwrap_or(u32::MAX);
        let own = age(&self.own);
        let members = self.greeter.members();
        let before = members.iter().take_while(|&member| *member != self.own).count();
        let older = members.iter().enumerate().filter(|&(place, member)| {
            *member != self.own && (age(member) > own || (age(member) == own && place < before))
        });
        u32::try_from(older.count()).unwrap_or(u32::MAX)
    }
}
