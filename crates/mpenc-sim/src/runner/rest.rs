//! What must hold when nothing is under way any more.

use core::time::Duration;
use std::collections::BTreeSet;

use mpenc::{MessageId, Session, State};

use super::crypto::Crypto;
use super::life::Life;
use super::witness::Found;
use crate::NodeId;

/// Longer than any deadline of a session with default times.
const PATIENCE: Duration = Duration::from_secs(1800);
/// Of that, the last part, in which nothing is done any more that deeds have led to.
const CALM: Duration = Duration::from_secs(600);
/// How many packets there may be in it, for each member of the channel and each who acks them. Where
/// somebody whom all others count on can never ack, each heartbeat is one more message that is sent
/// again ever more seldom.
const STORM: u64 = 100;

impl<C: Crypto> Life<'_, C> {
    /// Lets everything come to rest, looks at it, has everybody say something, and looks again.
    pub(crate) fn rest(&mut self) {
        self.settle();
        if self.stuck {
            return;
        }
        self.look();
        let mut spoke = Vec::new();
        for who in 0..self.people() {
            if let Some(node) = self.node(who)
                && self.sim.session(node).state() == State::Joined
            {
                self.write(who, node);
                spoke.push(node);
            }
        }
        self.settle();
        self.look();
        if !self.plan.faults.divides() {
            self.look_who_heard(&spoke);
        }
        self.watch_findings();
    }

    /// After a server has lied: no two members of a group may both believe that all is well, and hold
    /// different things.
    fn look_for_divisions(&mut self) {
        self.say("-- nothing is under way");
        let processes: Vec<_> =
            self.processes().into_values().filter(|node| !self.is_puppet(*node)).collect();
        for (at, &one) in processes.iter().enumerate() {
            for &other in processes.iter().skip(at.saturating_add(1)) {
                let [a, b] = [one, other].map(|node| self.sim.session(node));
                // Who was told that somebody left counts on them no more.
                let counts = |of: &Session<C>, who: &Session<C>| {
                    of.state() == State::Joined
                        && of.members().contains(who.own_id())
                        && of.channel_members().any(|member| member == who.own_id())
                };
                // Whoever counts the other as a member, and is not counted, is concerned as well.
                if !counts(a, b) && !counts(b, a) {
                    continue;
                }
                let same = counts(a, b)
                    && counts(b, a)
                    && a.members() == b.members()
                    && a.order_head() == b.order_head()
                    && self.transcript(a) == self.transcript(b);
                if same {
                    continue;
                }
                self.report.divided = self.report.divided.saturating_add(1);
                let concerned = [one, other].into_iter().filter(|&node| {
                    let [own, peer] = if node == one { [a, b] } else { [b, a] };
                    counts(own, peer)
                });
                let at_ease = |node| self.witness.is_at_ease(node, self.sim.session(node));
                if concerned.clone().all(at_ease) {
                    let what = format!("divided from {}, and nobody was told", b.own_id());
                    self.witness.violation(one, what);
                } else {
                    self.report.reported = self.report.reported.saturating_add(1);
                }
            }
        }
        self.watch_findings();
    }

    fn settle(&mut self) {
        let until = self.sim.now().after(PATIENCE);
        let calm = self.sim.now().after(PATIENCE.saturating_sub(CALM));
        while !self.stuck && !self.sim.is_at_rest() && self.sim.now() < calm {
            self.pass(Duration::from_secs(10));
        }
        let (before, _) = self.sim.server().traffic();
        while !self.stuck && !self.sim.is_at_rest() && self.sim.now() < until {
            self.pass(Duration::from_secs(10));
        }
        let (after, _) = self.sim.server().traffic();
        self.look_for_storms(after.saturating_sub(before));
        // Heartbeats never end: this is a moment between them, in which nothing waits for an ack and
        // no notice stands, if there is one.
        let until = until.after(PATIENCE);
        self.settled = self.sim.now();
        while !self.stuck && !self.is_quiet() && self.sim.now() < until {
            self.happen(until);
        }
    }

    /// Long after the last deed, all that goes on are heartbeats, their acks, and what is sent again
    /// because it got lost or is never acked.
    fn look_for_storms(&mut self, packets: u64) {
        let members = u64::try_from(self.sim.server().members().len()).unwrap_or(u64::MAX);
        if packets <= STORM.saturating_mul(members).saturating_mul(members) {
            return;
        }
        let what = format!("{packets} packets in {} s, and nobody does anything", CALM.as_secs());
        self.found(Found::Violation(what));
    }

    fn is_quiet(&self) -> bool {
        if self.plan.faults.divides() {
            return self.sim.is_quiet();
        }
        let acked = |node| self.sim.session(node).unacked().next().is_none();
        let settled = |node| self.witness.is_settled(node, self.sim.session(node));
        self.sim.is_quiet() && self.processes().into_values().all(|n| acked(n) && settled(n))
    }

    fn look(&mut self) {
        self.say("-- nothing is under way");
        if self.plan.faults.divides() {
            return self.look_for_divisions();
        }
        // Where packets get lost, something is always late somewhere; but not the same thing for long.
        let lossy = self.plan.faults.loses();
        let stood = if lossy { self.settled } else { self.sim.now() };
        for node in self.processes().into_values() {
            self.witness.rests(node, self.sim.session(node), stood);
            for what in self.faults_of(node) {
                self.witness.violation(node, what);
            }
        }
        self.watch_findings();
    }

    /// What is wrong with somebody's session at rest.
    fn faults_of(&self, node: NodeId) -> Vec<String> {
        let mut faults = Vec::new();
        let session = self.sim.session(node);
        let state = session.state();
        let in_channel = self.sim.server().members().contains(session.own_id());
        let at_rest =
            matches!(state, State::Outside | State::Waiting | State::Alone | State::Joined);
        if !at_rest {
            faults.push(format!("still {state:?}"));
        }
        if in_channel == (state == State::Outside) {
            faults.push(format!("{state:?}, and in the channel: {in_channel}"));
        }
        if session.operation_progress().is_some() {
            faults.push(String::from("an operation runs for ever"));
        }
        if state != State::Joined {
            return faults;
        }
        let processes = self.processes();
        for member in session.members() {
            let Some(other) = processes.get(member).map(|&node| self.sim.session(node)) else {
                faults.push(format!("{member} is dead, and still a member"));
                continue;
            };
            if other.members() != session.members() {
                let (ours, theirs) = (session.members(), other.members());
                faults.push(format!("members {ours:?}, and for {member} {theirs:?}"));
            } else if other.order_head() != session.order_head() {
                let (ours, theirs) = (session.order_head(), other.order_head());
                faults.push(format!("server order at {ours:?}, and for {member} at {theirs:?}"));
            } else if self.transcript(other) != self.transcript(session) {
                let [ours, theirs] = [session, other].map(|it| self.transcript(it).len());
                faults.push(format!("{ours} messages, and {member} has {theirs}, or others"));
            }
        }
        if session.unacked().next().is_some() {
            faults.push(String::from("something is still not fully acked"));
        }
        faults
    }

    /// What the members of a group must have in common at rest: the transcript; or, where packets
    /// get lost, its texts, because of an ack that nobody awaits a loss can go unnoticed.
    fn transcript(&self, session: &Session<C>) -> Vec<MessageId> {
        let mut ids = session.transcript();
        if self.plan.faults.loses() || self.plan.faults.divides() {
            ids.retain(|id| session.messages().line(id).is_some());
        }
        ids
    }

    /// Whether the members of each group can read each other.
    fn look_who_heard(&mut self, spoke: &[NodeId]) {
        let processes = self.processes();
        for &speaker in spoke {
            let session = self.sim.session(speaker);
            let last = (session.messages().lines().iter().rev())
                .find(|line| line.author == *session.own_id())
                .map(|line| line.id);
            let deaf: BTreeSet<_> = (session.members().iter())
                .filter(|&member| {
                    let book = processes.get(member).and_then(|node| self.witness.books.get(node));
                    !last.is_some_and(|id| book.is_some_and(|book| book.shown.contains(&id)))
                })
                .cloned()
                .collect();
            if !deaf.is_empty() {
                self.witness.violation(speaker, format!("{deaf:?} did not hear"));
            }
        }
    }
}
