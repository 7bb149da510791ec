//! Who is there, as far as their messages prove it (FR-01, FR-03, FR-04).
//!
//! A message of a member proves that they were there *after* the newest message of ours that it
//! descends from, and no more: it may have been kept back since. So a member is fresh as of the time
//! at which we wrote that one; at first, as of our own part in the operation that made the
//! sub-session.
//!
//! A member is called silent when both are true:
//!
//! - the newest of our messages that they acked is 1.0625·5·FA_INTV old: a heartbeat's interval and
//!   its ack;
//! - a monitored message of ours that they have not acked is 1.0625·FA_INTV old.
//!
//! With heartbeats in time the second follows from the first. It matters when ours was late, or
//! could not be written: that is no fault of theirs. Without heartbeats nobody is asked for a sign
//! of life, and nobody is called silent; the ack monitors still tell who has not acked what.

use alloc::collections::{BTreeMap, VecDeque};
use alloc::vec::Vec;
use core::time::Duration;

use super::{Rules, pop_front_if};
use crate::Instant;

/// How many of our messages are remembered. Beyond that the oldest are forgotten: a member who acks
/// only those becomes no fresher by it.
pub(crate) const REMEMBERED: usize = 4096;

/// Of whom how recently is known that they are there.
#[derive(Clone, Debug)]
pub(crate) struct Presence<A> {
    own: VecDeque<Own>,
    /// The number of the first one in `own`, and so of our messages before it.
    forgotten: u64,
    /// The monitored ones among `own`: number, and when we wrote it.
    asking: VecDeque<(u64, Instant)>,
    members: BTreeMap<A, Freshness>,
    /// When to look whether somebody is silent. At most one look is set, and never too late.
    check: Option<Instant>,
    interval: Duration,
    grace: Duration,
    enabled: bool,
}

/// A message of ours.
#[derive(Clone, Copy, Debug)]
struct Own {
    at: Instant,
    /// The same on the caller's clock.
    stamp: Instant,
}

#[derive(Clone, Copy, Debug)]
struct Freshness {
    /// How many of our messages they have acked.
    acked: u64,
    /// When we wrote the latest of those.
    since: Instant,
    /// The same on the caller's clock.
    stamp: Instant,
    told: bool,
}

/// A member of whom there was no sign for too long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Silent<A> {
    pub(crate) member: A,
    /// Since when, on the caller's clock.
    pub(crate) since: Instant,
}

impl<A: Clone + Ord> Presence<A> {
    /// All others are fresh as of `now`; on the caller's clock, `stamp`.
    pub(crate) fn new(
        rules: &Rules,
        others: impl IntoIterator<Item = A>,
        now: Instant,
        stamp: Instant,
    ) -> Self {
        let fresh = Freshness { acked: 0, since: now, stamp, told: false };
        Self {
            own: VecDeque::new(),
            forgotten: 0,
            asking: VecDeque::new(),
            members: others.into_iter().map(|member| (member, fresh)).collect(),
            check: None,
            interval: rules.presence_interval(),
            grace: rules.presence_grace(),
            enabled: rules.heartbeats,
        }
    }

    /// We wrote a message.
    pub(crate) fn wrote(&mut self, now: Instant, stamp: Instant, monitored: bool) {
        if !self.enabled || self.members.is_empty() {
            return;
        }
        let number = self.forgotten.saturating_add(len(&self.own));
        self.own.push_back(Own { at: now, stamp });
        if monitored {
            self.asking.push_back((number, now));
            self.check_by(now.after(self.grace));
        }
        if self.own.len() > REMEMBERED {
            self.forget_before(self.forgotten.saturating_add(1));
        }
    }

    /// A message of `author` came; they have now acked so many of our messages, from the first on.
    /// Says whether a notice about them is withdrawn.
    pub(crate) fn heard(&mut self, now: Instant, author: &A, count: u64) -> bool {
        let Some(member) = self.members.get_mut(author) else { return false };
        let latest = count.checked_sub(1).and_then(|latest| latest.checked_sub(self.forgotten));
        let latest = latest.and_then(|latest| self.own.get(usize::try_from(latest).ok()?));
        let Some(latest) = latest else { return false };
        if count <= member.acked {
            return false;
        }
        (member.acked, member.since, member.stamp) = (count, latest.at, latest.stamp);
        let member = *member;
        if !member.told {
            return false;
        }
        let expires = self.expires(&member);
        if expires.is_some_and(|expires| expires <= now) {
            return false;
        }
        if let Some(member) = self.members.get_mut(author) {
            member.told = false;
        }
        if let Some(expires) = expires {
            self.check_by(expires);
        }
        true
    }

    /// The member is not expected to show any sign: they said goodbye and everybody has heard it
    /// (FR-05), or they left. Says whether a notice about them is withdrawn.
    pub(crate) fn excuse(&mut self, member: &A) -> bool {
        let told = self.members.remove(member).is_some_and(|member| member.told);
        if self.members.is_empty() {
            self.check = None;
        }
        told
    }

    /// Whether there is anybody of whom a sign of life is expected.
    pub(crate) fn expects_somebody(&self) -> bool {
        !self.members.is_empty()
    }

    /// Nobody is expected to show any sign any more. Says about whom notices are withdrawn,
    /// ascending.
    pub(crate) fn stop(&mut self) -> Vec<A> {
        (self.check, self.enabled) = (None, false);
        self.own.clear();
        self.asking.clear();
        let members = core::mem::take(&mut self.members).into_iter();
        members.filter(|(_, member)| member.told).map(|(id, _)| id).collect()
    }

    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.check
    }

    /// Who is silent, and was not called so yet; ascending.
    pub(crate) fn take_due(&mut self, now: Instant) -> Vec<Silent<A>> {
        if self.check.take_if(|check| *check <= now).is_none() {
            return Vec::new();
        }
        let mut silent = Vec::new();
        let mut next: Option<Instant> = None;
        let mut members = core::mem::take(&mut self.members);
        for (id, member) in members.iter_mut().filter(|(_, member)| !member.told) {
            match self.expires(member) {
                Some(expires) if expires <= now => {
                    member.told = true;
                    silent.push(Silent { member: id.clone(), since: member.stamp });
                }
                Some(expires) => next = Some(next.map_or(expires, |next| next.min(expires))),
                None => {}
            }
        }
        let acked_by_all = members.values().map(|member| member.acked).min();
        self.members = members;
        self.check = next;
        self.forget_before(acked_by_all.unwrap_or(u64::MAX));
        silent
    }

    /// When the member becomes silent, unless they ack more by then. `None` if there is nothing
    /// that they could ack.
    fn expires(&self, member: &Freshness) -> Option<Instant> {
        let first = self.asking.partition_point(|&(number, _)| number < member.acked);
        let &(_, asked) = self.asking.get(first)?;
        Some(member.since.after(self.interval).max(asked.after(self.grace)))
    }

    fn check_by(&mut self, at: Instant) {
        self.check = Some(self.check.map_or(at, |check| check.min(at)));
    }

    fn forget_before(&mut self, number: u64) {
        while self.forgotten < number && self.own.pop_front().is_some() {
            self.forgotten = self.forgotten.saturating_add(1);
        }
        while pop_front_if(&mut self.asking, |&(asking, _)| asking < self.forgotten).is_some() {}
    }
}

fn len<T>(queue: &VecDeque<T>) -> u64 {
    u64::try_from(queue.len()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::flow::tests::{at, rules};

    type Tested = Presence<&'static str>;

    fn presence() -> Tested {
        Presence::new(&rules(), ["bob", "carol"], at(0.0), at(1_000.0))
    }

    fn wrote(presence: &mut Tested, seconds: f64) {
        presence.wrote(at(seconds), at(1_000.0 + seconds), true);
    }

    fn silent(member: &'static str, since: f64) -> Silent<&'static str> {
        Silent { member, since: at(1_000.0 + since) }
    }

    /// Fires all that is due up to a time: when, and who.
    fn run(presence: &mut Tested, until: f64) -> Vec<(Instant, Silent<&'static str>)> {
        let mut told = Vec::new();
        for step in 0.. {
            assert!(step < 1_000, "a hot loop");
            let Some(due) = presence.deadline().filter(|&due| due <= at(until)) else { break };
            told.extend(presence.take_due(due).into_iter().map(|silent| (due, silent)));
            assert!(presence.deadline() != Some(due));
        }
        told
    }

    #[test]
    fn members_who_never_ack_expire_after_the_interval() {
        let mut presence = presence();
        wrote(&mut presence, 104.0);
        assert_eq!(
            run(&mut presence, 1_000.0),
            [(at(138.125), silent("bob", 0.0)), (at(138.125), silent("carol", 0.0))]
        );
    }

    #[test]
    fn a_member_is_fresh_as_of_the_newest_message_that_they_acked() {
        let mut presence = presence();
        wrote(&mut presence, 10.0);
        wrote(&mut presence, 20.0);
        wrote(&mut presence, 30.0);
        assert!(!presence.heard(at(31.0), &"bob", 2));
        assert!(!presence.heard(at(31.0), &"carol", 3));
        // Bob owes an ack of the third; of Carol nothing was asked since.
        assert_eq!(run(&mut presence, 1_000.0), [(at(158.125), silent("bob", 20.0))]);
    }

    #[test]
    fn old_acks_prove_nothing_new() {
        let mut presence = presence();
        wrote(&mut presence, 10.0);
        for member in ["bob", "carol"] {
            assert!(!presence.heard(at(11.0), &member, 1));
        }
        wrote(&mut presence, 300.0);
        assert!(run(&mut presence, 320.0).is_empty(), "they have time for the ack");
        assert_eq!(run(&mut presence, 400.0).len(), 2);
        assert!(!presence.heard(at(401.0), &"bob", 1), "delivered late, or kept back");
        assert!(presence.heard(at(402.0), &"bob", 2), "withdrawn");
        assert!(!presence.heard(at(403.0), &"bob", 2), "once");
        wrote(&mut presence, 410.0);
        assert_eq!(run(&mut presence, 1_000.0), [(at(438.125), silent("bob", 300.0))]);
    }

    #[test]
    fn nobody_is_silent_who_was_not_asked() {
        let mut presence = presence();
        assert_eq!(run(&mut presence, 10_000.0), []);
        presence.wrote(at(10_000.0), at(11_000.0), false);
        assert_eq!(run(&mut presence, 20_000.0), [], "explicit acks are not acked");
        wrote(&mut presence, 20_000.0);
        assert_eq!(run(&mut presence, 20_027.0), [], "our heartbeat was late, not their ack");
        assert_eq!(run(&mut presence, 20_028.0).len(), 2);
    }

    #[test]
    fn those_who_said_goodbye_are_not_silent() {
        let mut presence = presence();
        wrote(&mut presence, 104.0);
        assert!(!presence.excuse(&"bob"));
        assert_eq!(run(&mut presence, 1_000.0), [(at(138.125), silent("carol", 0.0))]);
        assert!(presence.excuse(&"carol"), "what was told is withdrawn");
        assert!(!presence.expects_somebody());
    }

    #[test]
    fn the_end_withdraws_what_was_told() {
        let mut presence = presence();
        wrote(&mut presence, 104.0);
        presence.heard(at(110.0), &"carol", 1);
        assert_eq!(run(&mut presence, 200.0).len(), 1);
        assert_eq!(presence.stop(), ["bob"]);
        wrote(&mut presence, 201.0);
        assert_eq!(presence.deadline(), None);
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let mut presence = presence();
        for id in 0..20_000 {
            wrote(&mut presence, f64::from(id) * 0.1);
        }
        assert_eq!(presence.own.len(), REMEMBERED);
        assert!(!presence.heard(at(2_000.0), &"bob", 15_000));
        let told = run(&mut presence, 2_000.0);
        assert_eq!(told.len(), 2);
        assert!(presence.heard(at(2_000.0), &"bob", 20_000));
        presence.heard(at(2_000.0), &"carol", 20_000);
        wrote(&mut presence, 2_000.1);
        run(&mut presence, 3_000.0);
        assert!(presence.own.len() <= 1, "what all have acked is forgotten");
    }

    proptest! {
        /// Against the definition, looked up afresh at each step.
        #[test]
        fn silence_is_as_defined(steps in prop::collection::vec((0_u8..4, 0_u64..60), 1..120)) {
            let mut presence = presence();
            let (interval, grace) = (rules().presence_interval(), rules().presence_grace());
            // When each was written; and per member how many they acked.
            let mut own: Vec<(Instant, bool)> = Vec::new();
            let mut acked = [0_usize; 2];
            let mut told = [false; 2];
            let names = ["bob", "carol"];
            let mut now = at(0.0);
            for (what, wait) in steps {
                let then = now.after(Duration::from_secs(wait));
                // All that falls due in between, at its time.
                type Written = [(Instant, bool)];
                let is_silent = |member: usize, acked: &[usize; 2], own: &Written, now: Instant| {
                    let since = acked[member].checked_sub(1).map_or(at(0.0), |last| own[last].0);
                    let asked = own[acked[member]..].iter().find(|(_, monitored)| *monitored);
                    since.after(interval) <= now
                        && asked.is_some_and(|(asked, _)| asked.after(grace) <= now)
                };
                let mut looks = 0;
                while let Some(due) = presence.deadline().filter(|&due| due <= then) {
                    looks += 1;
                    prop_assert!(looks < 10);
                    for silent in presence.take_due(due) {
                        let member = names.iter().position(|name| *name == silent.member).unwrap();
                        prop_assert!(!told[member] && is_silent(member, &acked, &own, due));
                        told[member] = true;
                    }
                }
                now = then;
                for (member, told) in told.iter().enumerate() {
                    prop_assert_eq!(*told, is_silent(member, &acked, &own, now));
                }
                match what {
                    0 | 1 => {
                        presence.wrote(now, now, what == 0);
                        own.push((now, what == 0));
                    }
                    _ => {
                        // They ack half of what they have not acked.
                        let member = usize::from(what - 2);
                        let open = own.len() - acked[member];
                        acked[member] += open.div_ceil(2);
                        let known = u64::try_from(acked[member]).unwrap();
                        let fresh = presence.heard(now, &names[member], known);
                        let back = told[member] && !is_silent(member, &acked, &own, now);
                        prop_assert_eq!(fresh, back);
                        told[member] &= !back;
                    }
                }
            }
            let open = names.iter().zip(told).filter(|(_, told)| *told).map(|(name, _)| *name);
            prop_assert_eq!(presence.stop(), open.collect::<Vec<_>>());
        }
    }
}
