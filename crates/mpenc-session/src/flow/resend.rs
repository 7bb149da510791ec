//! When a message that is not fully acked is sent again, whoever wrote it (RS-01, RS-03).
//!
//! All members run the same schedule. What keeps them from sending the same packet all at once:
//!
//! - they have *turns*, BC_LAT/4 each: first is the author, then the members who follow on them; in
//!   the next round those go first, so that one bad path does not decide. There are as many turns
//!   as members, and sixteen at most: then some share one;
//! - whoever sees a packet sent again puts their own resend off, as if they had done it.
//!
//! So the backoff is the group's, not each member's: a packet goes out about BC_LAT, 2·BC_LAT, …
//! after it last did, however many members there are. A message that was lost for some while is
//! therefore sent again within about as long, and one whose ack is withheld for good costs ever
//! less. Once a sub-session ends its time is limited, and what is still missing then is told as a
//! history that differs: so from there on a packet goes out at least every 2·BC_LAT.
//!
//! Hazard: senders are what the channel says, so the server can put resends off by pretending. It
//! gains nothing: it can drop them as well, and the monitors tell either way.

use alloc::collections::{BTreeMap, BTreeSet};
use core::time::Duration;

use super::Rules;
use super::pace::Pace;
use crate::Instant;

/// The most turns that there are: beyond it, members share them.
const MOST_TURNS: usize = 16;

/// The schedule of resends: one entry for each cached message that is not fully acked.
#[derive(Clone, Debug)]
pub(crate) struct Resends<I> {
    rules: Rules,
    turns: u32,
    open: BTreeMap<I, Resend>,
    /// By time; of one moment in the order in which they were accepted, so that ancestors go first.
    queue: BTreeSet<(Instant, u64, I)>,
    accepted: u64,
    pace: Pace,
    /// Whether the sub-session ends, so that there is no time for a long backoff.
    ends: bool,
}

#[derive(Clone, Copy, Debug)]
struct Resend {
    /// Not before this: FA_INTV after it was accepted.
    first: Instant,
    /// When it last went through the channel.
    last: Instant,
    /// How often it was sent again, by us or others.
    rounds: u32,
    /// Our place in the first round.
    place: u32,
    next: Instant,
    order: u64,
}

impl<I: Copy + Ord> Resends<I> {
    pub(crate) fn new(rules: Rules, members: usize) -> Self {
        Self {
            rules,
            turns: u32::try_from(members.clamp(1, MOST_TURNS)).unwrap_or(1),
            open: BTreeMap::new(),
            queue: BTreeSet::new(),
            accepted: 0,
            pace: Pace::new(rules.latency),
            ends: false,
        }
    }

    /// The sub-session ends: nothing waits for longer than 2·BC_LAT any more.
    pub(crate) fn end(&mut self, now: Instant) {
        self.ends = true;
        self.queue.clear();
        let latest = now.after(self.rules.backoff_at_end());
        let (turns, latency) = (self.turns, self.rules.latency);
        for (id, resend) in &mut self.open {
            let latest = latest.max(resend.first);
            let latest = latest.after(turn(turns, latency, resend.place, resend.rounds));
            resend.next = resend.next.min(latest);
            self.queue.insert((resend.next, resend.order, *id));
        }
    }

    /// A message was accepted, whose author has `places` members between us and them, in the order
    /// of members: none if it is ours.
    pub(crate) fn watch(&mut self, now: Instant, id: I, places: usize) {
        if self.open.contains_key(&id) {
            return;
        }
        let place = u32::try_from(places).unwrap_or(0) % self.turns;
        let first = now.after(self.rules.full_ack);
        let order = self.accepted;
        self.accepted = self.accepted.saturating_add(1);
        let next = first.after(self.turn(place, 0));
        self.open.insert(id, Resend { first, last: now, rounds: 0, place, next, order });
        self.queue.insert((next, order, id));
    }

    /// The message needs no resend any more, or cannot be resent.
    pub(crate) fn settle(&mut self, id: &I) {
        if let Some(resend) = self.open.remove(id) {
            self.queue.remove(&(resend.next, resend.order, *id));
        }
    }

    /// Another member sent the message again. Within BC_LAT of the last time it counts as the same
    /// round: it crossed ours, or came twice.
    pub(crate) fn seen(&mut self, now: Instant, id: &I) {
        let latency = self.rules.latency;
        if self.open.get(id).is_some_and(|resend| now.since(resend.last) >= latency) {
            self.advance(now, id);
        }
    }

    /// When the next message is to be sent again.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.queue.first().map(|&(next, _, _)| next.max(self.pace.opens()))
    }

    /// A message that is to be sent again now.
    pub(crate) fn take_due(&mut self, now: Instant) -> Option<I> {
        if self.deadline()? > now {
            return None;
        }
        let &(_, _, id) = self.queue.first()?;
        self.advance(now, &id);
        Some(id)
    }

    /// These many packets went out for it.
    pub(crate) fn spend(&mut self, now: Instant, packets: usize) {
        self.pace.spend(now, packets);
    }

    pub(crate) fn clear(&mut self) {
        self.open.clear();
        self.queue.clear();
    }

    /// The message goes through the channel now, once more.
    fn advance(&mut self, now: Instant, id: &I) {
        let Some(mut resend) = self.open.get(id).copied() else { return };
        self.queue.remove(&(resend.next, resend.order, *id));
        resend.rounds = resend.rounds.saturating_add(1);
        resend.last = now;
        let mut wait = self.rules.backoff(resend.rounds);
        if self.ends {
            wait = wait.min(self.rules.backoff_at_end());
        }
        let next = now.after(wait).max(resend.first);
        resend.next = next.after(self.turn(resend.place, resend.rounds));
        self.queue.insert((resend.next, resend.order, *id));
        self.open.insert(*id, resend);
    }

    fn turn(&self, place: u32, rounds: u32) -> Duration {
        turn(self.turns, self.rules.latency, place, rounds)
    }
}

/// How long we let others go first: each round starts one place later on the circle.
fn turn(turns: u32, latency: Duration, place: u32, rounds: u32) -> Duration {
    let ahead = place.saturating_add(turns).saturating_sub(rounds % turns);
    (latency / 4).saturating_mul(ahead % turns)
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use proptest::prelude::*;

    use super::*;
    use crate::flow::tests::{at, rules};

    /// When the message goes out, up to a time.
    fn times(resends: &mut Resends<u32>, until: f64) -> Vec<Duration> {
        let mut times = Vec::new();
        while let Some(due) = resends.deadline().filter(|&due| due <= at(until)) {
            assert_eq!(resends.take_due(due), Some(1));
            times.push(due.since_epoch());
        }
        times
    }

    #[test]
    fn the_author_goes_first_and_backs_off() {
        let mut resends = Resends::new(rules(), 1);
        resends.watch(at(0.0), 1, 0);
        let times = times(&mut resends, 200.0);
        assert_eq!(times, [26, 31, 41, 61, 101, 181].map(Duration::from_secs));
    }

    #[test]
    fn others_wait_their_turn_and_are_put_off_by_what_they_see() {
        let mut resends = Resends::new(rules(), 4);
        resends.watch(at(0.0), 1, 2);
        assert_eq!(resends.deadline(), Some(at(28.5)));
        resends.seen(at(26.1), &1);
        assert_eq!(resends.deadline(), Some(at(32.35)), "a place further in front");
        resends.seen(at(27.0), &1);
        assert_eq!(resends.deadline(), Some(at(32.35)), "the same round");
        resends.seen(at(31.2), &1);
        assert_eq!(resends.deadline(), Some(at(41.2)), "the first now, with the next backoff");
        assert_eq!(resends.take_due(at(41.2)), Some(1));
        assert_eq!(resends.deadline(), Some(at(64.95)), "and then the last");
    }

    #[test]
    fn at_the_end_nothing_waits_for_long() {
        let mut resends = Resends::new(rules(), 1);
        resends.watch(at(0.0), 1, 0);
        assert_eq!(times(&mut resends, 200.0).len(), 6);
        assert_eq!(resends.deadline(), Some(at(341.0)));
        resends.watch(at(200.0), 2, 0);
        resends.end(at(210.0));
        assert_eq!(resends.deadline(), Some(at(220.0)));
        let mut sent = Vec::new();
        while let Some(due) = resends.deadline().filter(|&due| due <= at(290.0)) {
            sent.push((due.since_epoch().as_secs(), resends.take_due(due).unwrap()));
        }
        let ones = [220, 230, 240, 250, 260, 270, 280, 290].map(|second| (second, 1));
        let twos = [226, 231, 241, 251, 261, 271, 281].map(|second| (second, 2));
        let mut expected: Vec<_> = ones.into_iter().chain(twos).collect();
        expected.sort_unstable();
        assert_eq!(sent, expected);
    }

    #[test]
    fn a_copy_that_comes_early_does_not_hasten_the_first_resend() {
        let mut resends = Resends::new(rules(), 1);
        resends.watch(at(0.0), 1, 0);
        resends.seen(at(1.0), &1);
        resends.seen(at(6.0), &1);
        assert_eq!(resends.deadline(), Some(at(26.0)));
    }

    #[test]
    fn settled_messages_wake_nobody() {
        let mut resends = Resends::new(rules(), 1);
        resends.watch(at(0.0), 1, 0);
        resends.watch(at(1.0), 2, 0);
        resends.settle(&1);
        assert_eq!(resends.deadline(), Some(at(27.0)));
        resends.settle(&2);
        assert_eq!(resends.deadline(), None);
    }

    #[test]
    fn many_at_once_go_out_oldest_first_and_in_pace() {
        let mut resends = Resends::new(rules(), 1);
        for id in (0..1_000).rev() {
            resends.watch(at(0.0), id, 0);
        }
        let mut sent = Vec::new();
        while let Some(id) = resends.take_due(at(26.0)) {
            resends.spend(at(26.0), 1);
            sent.push(id);
        }
        assert_eq!(sent.first(), Some(&999));
        assert!(sent.len() <= 33, "{}", sent.len());
        assert!(sent.is_sorted_by(|a, b| a > b));
        assert!(resends.deadline().is_some_and(|next| next > at(26.0) && next <= at(26.2)));
    }

    proptest! {
        /// However members hear each other, a packet is not sent by all of them each time: the
        /// rounds of a group of any size are about those of one member.
        #[test]
        fn a_group_sends_about_as_often_as_one(
            members in 2_usize..24,
            delay in 1_u64..1_200,
            silent in prop::collection::vec(any::<bool>(), 24),
        ) {
            let mut group: Vec<Resends<u32>> = (0..members)
                .map(|place| {
                    let mut resends = Resends::new(rules(), members);
                    resends.watch(at(0.0), 1, place);
                    resends
                })
                .collect();
            // Some never accepted it.
            for (resends, silent) in group.iter_mut().zip(&silent) {
                if *silent {
                    resends.settle(&1);
                }
            }
            let someone = silent.iter().take(members).any(|silent| !silent);
            let delay = Duration::from_millis(delay);
            // In order of arrival: when, and whose copy.
            let mut on_the_way: BTreeSet<(Instant, usize)> = BTreeSet::new();
            let mut sent = 0;
            loop {
                let due = group.iter().enumerate();
                let due = due.filter_map(|(i, resends)| Some((resends.deadline()?, i))).min();
                let due = due.filter(|&(next, _)| next <= at(400.0));
                let Some((next, sender)) = due else { break };
                if let Some((arrival, by)) = on_the_way.first().copied().filter(|a| a.0 <= next) {
                    on_the_way.pop_first();
                    for (_, resends) in group.iter_mut().enumerate().filter(|(i, _)| *i != by) {
                        resends.seen(arrival, &1);
                    }
                    continue;
                }
                prop_assert_eq!(group[sender].take_due(next), Some(1));
                on_the_way.insert((next.after(delay), sender));
                sent += 1;
            }
            // One member alone sends 7 times. Those who share a turn may do it twice.
            prop_assert_eq!(sent > 0, someone);
            prop_assert!(sent <= 14, "{}", sent);
        }
    }
}
