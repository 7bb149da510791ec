//! The parts of a sub-session's liveness, joined.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::String;
use alloc::vec::Vec;

use mpenc_causal::Role;
use mpenc_message::Kind;

use super::cache::{Cache, OCTETS};
use super::closing::Closing;
use super::duplicates::Answers;
use super::heartbeat::Heartbeat;
use super::monitor::{Monitors, OwedAck};
use super::presence::{Presence, Silent};
use super::resend::Resends;
use super::{Causality, Rules, Timer, is_monitored};
use crate::Instant;

/// When a sub-session does what to stay consistent; see the [module](super).
#[derive(Clone, Debug)]
pub(crate) struct FlowControl<I, A> {
    rules: Rules,
    own: A,
    /// How many places after each author's ours is, in the order of members, which is a circle.
    places: BTreeMap<A, usize>,
    monitors: Monitors<I>,
    owed: OwedAck,
    cache: Cache<I, A>,
    resends: Resends<I>,
    answers: Answers,
    heartbeat: Heartbeat,
    presence: Presence<A>,
    closing: Closing,
}

/// A message that the transcript has just taken.
#[derive(Debug)]
pub(crate) struct Message<'a, I, A> {
    pub(crate) id: I,
    pub(crate) author: &'a A,
    pub(crate) kind: Kind,
    /// Its packet's text, as it was sent or came.
    pub(crate) packet: String,
}

/// What is to be done now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Due<I, A> {
    /// Say that this message is not fully acked.
    NotFullyAcked { id: I, kind: Kind },
    /// Write an explicit ack.
    Ack,
    /// Send these packets again, in this order. There is at least one.
    Resend(Vec<I>),
    /// Write a heartbeat.
    Heartbeat,
    /// Say that these members are silent. There is at least one; ascending.
    Silent(Vec<Silent<A>>),
    /// Our part is over; [`FlowControl::stop`] is to be called.
    End,
}

/// A message of which no more acks are awaited.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Settled<A> {
    pub(crate) kind: Kind,
    /// Whether [`Due::NotFullyAcked`] was given for it.
    pub(crate) told: bool,
    /// Its author, if they were called silent and have hereby said goodbye: that notice is
    /// withdrawn.
    pub(crate) goodbye: Option<A>,
}

impl<I: Copy + Ord, A: Clone + Ord> FlowControl<I, A> {
    /// Of a sub-session that begins `now`; on the caller's clock, `stamp`. Others are fresh as of
    /// then: as of our own part in the operation, or a little later.
    pub(crate) fn new<'a>(
        rules: Rules,
        own: &A,
        members: impl IntoIterator<Item = &'a A>,
        now: Instant,
        stamp: Instant,
    ) -> Self
    where
        A: 'a,
    {
        let members: BTreeSet<A> = members.into_iter().cloned().collect();
        let before = members.range(..own).count();
        let circle = members.iter().cycle().skip(before).take(members.len());
        let places = circle.cloned().zip((1..=members.len()).rev());
        let places = places.map(|(author, place)| (author, place % members.len())).collect();
        let others = members.iter().filter(|&member| member != own).cloned();
        Self {
            places,
            rules,
            own: own.clone(),
            monitors: Monitors::new(),
            owed: OwedAck::default(),
            cache: Cache::new(OCTETS),
            resends: Resends::new(rules, members.len()),
            answers: Answers::new(rules.latency),
            heartbeat: Heartbeat::new(&rules, now),
            presence: Presence::new(&rules, others, now, stamp),
            closing: Closing::new(&rules),
        }
    }

    /// A message is in the transcript now. Gives its author if they were called silent, and are not
    /// any more. `stamp` is now on the caller's clock.
    pub(crate) fn added(
        &mut self,
        now: Instant,
        stamp: Instant,
        message: Message<'_, I, A>,
        transcript: &impl Causality<I, A>,
    ) -> Option<A> {
        let Message { id, author, kind, packet } = message;
        let (ours, monitored) = (*author == self.own, is_monitored(kind));
        if ours {
            // It descends from all that we have accepted.
            self.owed.clear();
            self.presence.wrote(now, stamp, monitored);
            if monitored {
                self.heartbeat.wrote(now);
            }
        } else if monitored && !self.closing.is_over() {
            self.owed.owe(now.after(self.rules.ack_wait(kind)));
        }
        if monitored {
            self.monitors.start(id, kind, now.after(self.rules.full_ack));
        }
        if self.rules.resends && !self.closing.is_over() {
            if monitored {
                let places = self.places.get(author).copied().unwrap_or_default();
                self.resends.watch(now, id, places);
            }
            // Whoever writes nothing but explicit acks has them let go here.
            self.cache.trim(author, |id| transcript.is_fully_acked(id));
            for evicted in self.cache.insert(now, id, author, packet) {
                self.resends.settle(&evicted);
            }
        }
        let acked = transcript.acked(author, &self.own);
        let fresh = !ours && self.presence.heard(now, author, acked);
        fresh.then(|| author.clone())
    }

    /// No acks of the message are awaited any more, says the transcript. `None` if it was not
    /// monitored.
    pub(crate) fn fully_acked(
        &mut self,
        id: &I,
        transcript: &impl Causality<I, A>,
    ) -> Option<Settled<A>> {
        self.resends.settle(id);
        let author = transcript.author(id)?;
        self.cache.trim(&author, |id| transcript.is_fully_acked(id));
        let monitor = self.monitors.settle(id)?;
        let closed = transcript.role(id) == Some(Role::Close);
        let goodbye = closed && self.excuse(&author);
        Some(Settled { kind: monitor.kind, told: monitor.told, goodbye: goodbye.then_some(author) })
    }

    /// Whether all is fully acked now, and nothing waits for its parents: to be said after every
    /// change.
    pub(crate) fn settle(&mut self, now: Instant, consistent: bool) {
        self.closing.settle(now, consistent);
    }

    /// `sender`, says the channel, sent a packet whose message the transcript has already. Gives
    /// the packets to send again for it, in order.
    pub(crate) fn duplicate(
        &mut self,
        now: Instant,
        id: &I,
        sender: &A,
        transcript: &impl Causality<I, A>,
    ) -> Vec<I> {
        // Ours come back from the channel. Others in the room have no part in this.
        let counts = *sender != self.own && transcript.is_member(sender);
        if !counts || !self.rules.resends || self.closing.is_over() {
            return Vec::new();
        }
        self.cache.seen(now, id);
        self.resends.seen(now, id);
        self.answers.to(now, id, sender, &self.own, transcript, &mut self.cache)
    }

    /// A reader's acks are not awaited any more: they left, or were excluded. Says whether a notice
    /// that they are silent is withdrawn.
    pub(crate) fn gone(&mut self, reader: &A) -> bool {
        self.excuse(reader)
    }

    /// We wrote FIN: we write no content any more, so no heartbeats, and expect none. Gives those
    /// of whom the notice that they are silent is withdrawn, ascending.
    pub(crate) fn fin(&mut self, now: Instant) -> Vec<A> {
        self.closing.fin(now);
        self.resends.end(now);
        self.heartbeat.stop();
        self.presence.stop()
    }

    /// Our part is over, if it was not yet: nothing is sent any more. Gives the messages,
    /// ascending, that are not fully acked and that nothing was said of (AK-10); and whether our
    /// part ended just now. Acks that come later still count.
    pub(crate) fn stop(&mut self) -> (Vec<(I, Kind)>, bool) {
        let ended = self.closing.end();
        self.owed.clear();
        self.resends.clear();
        self.cache.clear();
        self.heartbeat.stop();
        self.presence.stop();
        (self.monitors.take_all(), ended)
    }

    /// Whether we may still write content.
    pub(crate) fn is_open(&self) -> bool {
        self.closing.is_open()
    }

    /// How many octets the packets cost that may have to be sent again.
    pub(crate) const fn kept_octets(&self) -> usize {
        self.cache.octets()
    }

    /// A packet's text as it was sent or came, to send it again.
    pub(crate) fn packet(&self, id: &I) -> Option<&str> {
        self.cache.packet(id)
    }

    /// When something falls due next.
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        self.next().map(|(at, _)| at)
    }

    /// What falls due next, and when.
    fn next(&self) -> Option<(Instant, Timer)> {
        let deadlines = [
            (self.monitors.deadline(), Timer::FullAck),
            (self.owed.deadline(), Timer::Ack),
            (self.resends.deadline(), Timer::Resend),
            (self.heartbeat.deadline(), Timer::Heartbeat),
            (self.presence.deadline(), Timer::Presence),
            (self.closing.deadline(), Timer::End),
        ];
        deadlines.into_iter().filter_map(|(at, timer)| Some((at?, timer))).min()
    }

    /// The first thing that is due; to be called until there is none. `draw` gives randomness, four
    /// octets a call; it is asked at most once for each heartbeat.
    pub(crate) fn take_due(
        &mut self,
        now: Instant,
        transcript: &impl Causality<I, A>,
        mut draw: impl FnMut() -> u32,
    ) -> Option<Due<I, A>> {
        while let Some((_, timer)) = self.next().filter(|&(at, _)| at <= now) {
            let due = match timer {
                Timer::FullAck => {
                    let due = self.monitors.take_due(now);
                    due.map(|(id, kind)| Due::NotFullyAcked { id, kind })
                }
                Timer::Ack => self.owed.take_due(now).then_some(Due::Ack),
                Timer::Resend => self.resend(now, transcript).map(Due::Resend),
                Timer::Heartbeat => {
                    self.heartbeat.take_due(now, &mut draw).then_some(Due::Heartbeat)
                }
                Timer::Presence => {
                    let silent = self.presence.take_due(now);
                    (!silent.is_empty()).then_some(Due::Silent(silent))
                }
                Timer::End => self.closing.take_due(now).then_some(Due::End),
            };
            if due.is_some() {
                return due;
            }
        }
        None
    }

    /// A message that is to be sent again, after the explicit acks directly before it (RS-02):
    /// those that did not go through the channel within BC_LAT.
    fn resend(&mut self, now: Instant, transcript: &impl Causality<I, A>) -> Option<Vec<I>> {
        let id = self.resends.take_due(now)?;
        self.cache.packet(&id)?;
        let mut packets = transcript.ack_run_before(&id);
        packets.retain(|ack| {
            let last = self.cache.last(ack);
            last.is_some_and(|last| now.since(last) >= self.rules.latency)
        });
        packets.push(id);
        for packet in &packets {
            self.cache.seen(now, packet);
        }
        self.resends.spend(now, packets.len());
        Some(packets)
    }

    fn excuse(&mut self, member: &A) -> bool {
        let withdrawn = self.presence.excuse(member);
        if !self.presence.expects_somebody() {
            self.heartbeat.stop();
        }
        withdrawn
    }
}

#[cfg(test)]
mod tests;
