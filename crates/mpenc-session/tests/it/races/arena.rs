//! Where races take place: a group of five, others at the door, and what must be true of all of
//! them afterwards, whichever way the channel ordered things.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use mpenc::{MemberId, MessageId};
use mpenc_session::{Event, FailReason, Membership, OperationId, Outcome, Severity, State};

use crate::group::{Group, id, ids};

/// Who is a member when the races begin.
pub const MEMBERS: [&str; 5] = ["a", "b", "c", "d", "e"];
/// Who waits in the channel to be included.
pub const WAITING: [&str; 2] = ["w", "x"];
/// Who enters the channel in a race.
pub const OUTSIDE: [&str; 2] = ["y", "z"];

fn everybody() -> Vec<&'static str> {
    MEMBERS.into_iter().chain(WAITING).chain(OUTSIDE).collect()
}

/// How an operation ended that the channel had ordered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    Completed,
    Failed(FailReason),
}

/// An operation as a member saw it: packet id, proposer, and how it ended.
pub type Seen = ([u8; 32], MemberId, End);

struct Written {
    id: MessageId,
    /// What its author had before it.
    past: Vec<MessageId>,
}

/// A group, and what was done in it.
pub struct Arena {
    pub group: Group,
    /// Own operations by author, in the order in which they were proposed.
    proposed: Vec<(&'static str, OperationId)>,
    written: Vec<Written>,
    frozen: BTreeSet<&'static str>,
    /// Whose process has died.
    dead: BTreeSet<&'static str>,
    somebody_left: bool,
    events: BTreeMap<&'static str, Vec<Event>>,
}

impl Arena {
    pub fn new(seed: u64) -> Self {
        let mut group = Group::new(seed, &everybody());
        group.establish(&MEMBERS);
        for name in WAITING {
            group.join(name);
        }
        for name in MEMBERS {
            group.events(name);
        }
        let mut arena = Self {
            group,
            proposed: Vec::new(),
            written: Vec::new(),
            frozen: BTreeSet::new(),
            dead: BTreeSet::new(),
            somebody_left: false,
            events: BTreeMap::new(),
        };
        arena.everybody_speaks("before");
        arena
    }

    /// Everybody who can writes a message at this moment.
    pub fn everybody_speaks(&mut self, what: &str) {
        for name in everybody().into_iter().filter(|name| !self.dead.contains(name)) {
            let node = self.group.node(name);
            let log = self.group.session(name).messages();
            let past = log.lines().iter().map(|line| line.id).collect();
            let text = format!("{name} {what}");
            let sent = self.group.sim.act(node, |session, cx, out| session.send(cx, &text, out));
            if let Ok(mpenc_session::Sent::Now(id)) = sent {
                self.written.push(Written { id, past });
            }
        }
    }

    /// Somebody proposes, if they may at this moment.
    pub fn propose(&mut self, by: &'static str, change: Membership<'_>) {
        if self.dead.contains(by) {
            return;
        }
        if let Ok(own) = self.group.propose(by, change) {
            self.proposed.push((by, own));
        }
    }

    pub fn abort(&mut self, by: &'static str) {
        let node = self.group.node(by);
        // Where nothing runs any more, or not yet, there is nothing to abort.
        let _ = self.group.sim.act(node, |session, cx, out| session.abort(cx, "enough", out));
    }

    pub fn enter(&mut self, name: &'static str) {
        let node = self.group.node(name);
        let _ = self.group.sim.act(node, |session, cx, out| session.join(cx, out));
    }

    pub fn die(&mut self, name: &'static str) {
        self.dead.insert(name);
        self.somebody_left = true;
        self.group.sim.crash(self.group.node(name));
    }

    pub fn disconnect(&mut self, name: &'static str) {
        self.somebody_left = true;
        if !self.dead.contains(name) {
            self.group.sim.disconnect(self.group.node(name));
        }
    }

    pub fn freeze(&mut self, name: &'static str) {
        self.frozen.insert(name);
        self.group.sim.freeze(self.group.node(name));
    }

    pub fn thaw(&mut self) {
        for name in std::mem::take(&mut self.frozen) {
            self.group.sim.thaw(self.group.node(name));
        }
    }

    pub fn run(&mut self, milliseconds: u64) {
        self.group.sim.run_for(Duration::from_millis(milliseconds)).expect("it comes to rest");
        for name in everybody() {
            let events = self.group.events(name);
            self.events.entry(name).or_default().extend(events);
        }
    }

    pub fn events(&self, name: &str) -> &[Event] {
        &self.events[name]
    }

    /// What became of the operations of this author, in the order in which they proposed them.
    pub fn outcomes(&self, author: &str) -> Vec<Outcome> {
        self.proposed
            .iter()
            .filter(|(by, _)| *by == author)
            .map(|(_, own)| self.outcome(author, *own))
            .collect()
    }

    fn outcome(&self, author: &str, own: OperationId) -> Outcome {
        let mut ended = self.events(author).iter().filter_map(|event| match event {
            Event::OperationEnded { own: which, outcome } if *which == own => Some(outcome),
            _ => None,
        });
        let outcome = ended.next().unwrap_or_else(|| panic!("{author}: {own} has no outcome"));
        assert_eq!(ended.next(), None, "{author}: {own} has two outcomes");
        outcome.clone()
    }

    /// The operations that the channel ran, as somebody saw them.
    pub fn seen(&self, name: &str) -> Vec<Seen> {
        let mut seen: Vec<Seen> = Vec::new();
        let mut running = None;
        for event in self.events(name) {
            match event {
                Event::OperationAccepted(info) => {
                    assert_eq!(running, None, "{name}: two operations at once");
                    running = Some((*info.id.as_bytes(), info.author.clone()));
                }
                Event::OperationFailed { operation, reason } => {
                    let (id, author) = running.take().expect("an operation ran");
                    assert_eq!(id, *operation.id.as_bytes(), "{name}: another one failed");
                    seen.push((id, author, End::Failed(reason.clone())));
                }
                // Whoever joins by it has followed it as a candidate.
                Event::Members { id, author, .. } => {
                    running = None;
                    seen.push((*id.as_bytes(), author.clone(), End::Completed));
                }
                Event::Excluded { .. } => {
                    let (id, author) = running.take().expect("an operation ran");
                    seen.push((id, author, End::Completed));
                }
                _ => {}
            }
        }
        assert_eq!(running, None, "{name}: an operation runs on");
        seen
    }

    /// Who is a member at the end, according to what completed.
    pub fn members(&self) -> BTreeSet<MemberId> {
        let mut members: BTreeSet<MemberId> = ids(&MEMBERS).into_iter().collect();
        for event in self.events(MEMBERS[0]) {
            if let Event::Members { include, exclude, .. } = event {
                members.extend(include.iter().cloned());
                members.retain(|member| !exclude.contains(member));
            }
        }
        members
    }

    /// What holds of every race, whoever won.
    pub fn assert_sane(&self) {
        let members = self.members();
        let names: Vec<&str> =
            everybody().into_iter().filter(|name| members.contains(&id(name))).collect();
        assert!(!names.iter().any(|name| self.dead.contains(name)), "the dead are excluded");
        self.group.assert_together(&names);
        for name in everybody().into_iter().filter(|name| !self.dead.contains(name)) {
            self.assert_calm(name);
            self.assert_causal_order(name);
            if !names.contains(&name) {
                let state = self.group.session(name).state();
                assert!(matches!(state, State::Waiting | State::Outside), "{name}: {state:?}");
            }
        }
        // Those who were there all the time saw the same, and show the same messages.
        let all_the_time: Vec<&str> = MEMBERS
            .into_iter()
            .filter(|name| members.contains(&id(name)) && !self.has_left(name))
            .collect();
        for name in &all_the_time {
            assert_eq!(self.seen(name), self.seen(all_the_time[0]), "{name}");
            assert_eq!(self.texts(name), self.texts(all_the_time[0]), "{name}");
        }
        self.assert_outcomes_are_true();
    }

    fn has_left(&self, name: &str) -> bool {
        self.events(name).contains(&Event::LeftChannel)
    }

    fn texts(&self, name: &str) -> BTreeSet<(String, String)> {
        self.group.shown(name).into_iter().collect()
    }

    /// Each operation has one outcome, and it is the one that the others saw.
    fn assert_outcomes_are_true(&self) {
        let seen = self.seen(MEMBERS[0]);
        for &(author, own) in &self.proposed {
            if self.dead.contains(author) {
                continue;
            }
            let outcome = self.outcome(author, own);
            let packet = self.events(author).iter().find_map(|event| match event {
                Event::OperationAccepted(info) if info.own == Some(own) => Some(info.id),
                _ => None,
            });
            let end = packet.and_then(|packet| {
                seen.iter().find(|(id, ..)| id == packet.as_bytes()).map(|(_, _, end)| end.clone())
            });
            let name = format!("{author}'s {own}: {outcome:?}, seen as {end:?}");
            match &outcome {
                Outcome::Completed => assert_eq!(end, Some(End::Completed), "{name}"),
                Outcome::Failed(FailReason::WeLeft) => assert!(self.has_left(author), "{name}"),
                Outcome::Failed(FailReason::ChannelChanged) => {
                    assert_eq!(end, None, "{name}");
                    assert!(self.somebody_left, "{name}: the channel is as it was");
                }
                Outcome::Failed(reason) => {
                    assert_eq!(end, Some(End::Failed(reason.clone())), "{name}");
                }
                Outcome::Rejected { by } => {
                    assert_eq!(end, None, "{name}");
                    assert!(seen.iter().any(|(_, author, _)| author == by), "{name}");
                }
                other => panic!("{name}: {other:?}"),
            }
        }
    }

    /// Nobody is alarmed, nothing is refused, and every notice was withdrawn.
    fn assert_calm(&self, name: &str) {
        let events = self.events(name);
        let mut messages = BTreeSet::new();
        let mut parents = BTreeSet::new();
        let mut packets = BTreeSet::new();
        for event in events {
            assert!(event.severity() < Severity::Security, "{name}: {event:?}");
            match event {
                Event::Refused { .. } | Event::Plain { .. } | Event::CannotConfirm { .. } => {
                    panic!("{name}: {event:?}");
                }
                Event::NotFullyAcked { id, .. } => drop(messages.insert(id)),
                // Marked for good: another operation took its sub-session's place.
                Event::Parted { consistent: false } => messages.clear(),
                Event::FullyAcked(id) | Event::Unreachable { id, .. } => drop(messages.remove(id)),
                Event::NotAccepted { id, .. } => drop(parents.insert(id)),
                Event::Accepted(id) => drop(parents.remove(id)),
                Event::NotDecrypted { packet, .. } => drop(packets.insert(packet)),
                Event::Decrypted(packet) => drop(packets.remove(packet)),
                _ => {}
            }
        }
        // Whoever is not there any more will not hear that somebody has acked after all.
        if !self.has_left(name) {
            assert!(messages.is_empty(), "{name}: {messages:?}\n{events:#?}");
        }
        assert!(parents.is_empty(), "{name}: {parents:?}");
        assert!(packets.is_empty(), "{name}: {packets:?}\n{events:#?}");
    }

    /// Whatever is shown stands below all that its author had seen.
    fn assert_causal_order(&self, name: &str) {
        let log = self.group.session(name).messages();
        let shown: Vec<MessageId> = log.lines().iter().map(|line| line.id).collect();
        let place = |id: &MessageId| shown.iter().position(|other| other == id);
        for Written { id, past } in &self.written {
            let Some(at) = place(id) else { continue };
            assert!(past.iter().filter_map(place).all(|earlier| earlier < at), "{name}");
        }
    }

    /// Whoever waits is included, and all talk: nobody was left in a state that only leaving mends.
    pub fn assert_goes_on(&mut self) {
        let waiting: Vec<&str> = everybody()
            .into_iter()
            .filter(|name| !self.dead.contains(name))
            .filter(|name| self.group.session(name).state() == State::Waiting)
            .collect();
        let own = if waiting.is_empty() {
            self.group.propose("b", Membership::Refresh).unwrap()
        } else {
            self.group.include("b", &waiting)
        };
        self.run(3_000);
        assert_eq!(self.outcome("b", own), Outcome::Completed);
        self.everybody_speaks("after");
        self.run(120_000);
        self.assert_sane();
        let members = self.members();
        for name in everybody().into_iter().filter(|name| members.contains(&id(name))) {
            let heard = self.group.shown(name);
            let after = heard.iter().filter(|(_, text)| text.ends_with("after")).count();
            assert_eq!(after, members.len(), "{name}");
            assert!(self.group.session(name).unacked().next().is_none(), "{name}");
        }
        for name in waiting {
            assert!(members.contains(&id(name)), "{name}");
        }
    }
}
