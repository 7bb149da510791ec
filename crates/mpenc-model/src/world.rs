//! All members, and the server between them.

use std::collections::VecDeque;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use mpenc_order::{End, PacketId};

use crate::action::Action;
use crate::effects::{Effects, Fact};
use crate::member::{Change, Manner, Member};
use crate::name::{Name, Names};
use crate::packet::{Notice, Packet};
use crate::rules::Rules;

/// How often each thing may happen yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Budget {
    /// Proposals by a member's wish. Those that rules ask for are not counted.
    pub proposals: u8,
    /// Members who leave the channel by their own wish.
    pub leaves: u8,
    /// Members who enter the channel.
    pub enters: u8,
    /// Messages. Acks of them are not counted.
    pub messages: u8,
    /// Aborts by a member's wish, at any time. Those of an operation that stalls are not counted.
    pub aborts: u8,
    /// Lies.
    pub lies: u8,
}

/// A member, and the hash of all that they know, computed once.
#[derive(Clone, Debug)]
struct Seat {
    member: Member,
    print: u64,
}

/// Why a world is not as it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Wrong {
    /// Two accepted different operations on the same parent.
    Begins {
        /// Who was the second.
        by: Name,
    },
    /// Two accepted different ends of the same operation.
    Ends {
        /// Who was the second.
        by: Name,
    },
    /// `mpenc-order` did what it must never do.
    Fault(&'static str),
    /// An honest packet was refused as a fault.
    Refused {
        /// By whom.
        by: Name,
    },
}

/// All members, what the server has told each and they have not heard yet, and what is left to do.
///
/// There is no queue from members to the server. What somebody sends is ordered at once: that loses
/// no behaviour. While a packet is on its way to the server, its author's own further steps can reach
/// others only through packets behind it, so that they may as well come after it was ordered; and
/// steps of others that are ordered before it may as well come before it was sent. Their author may
/// lag behind by any number of notices while they write it, which is the same to everybody.
#[derive(Clone, Debug)]
pub struct World {
    seats: Vec<Arc<Seat>>,
    queues: Vec<VecDeque<Notice>>,
    /// Who is in the channel, in truth.
    room: Names,
    /// What is left to do.
    pub budget: Budget,
    /// Which initial packet was first accepted on each parent.
    began: Vec<(PacketId, PacketId)>,
    /// Which packet was first accepted as each operation's end.
    ended: Vec<(PacketId, PacketId, End)>,
    /// The first thing that went wrong.
    pub wrong: Option<Wrong>,
    /// Whether the server may lie: then members may accept different things, and refuse some.
    pub lying: bool,
}

impl Seat {
    fn new(member: Member) -> Self {
        let print = print(&member);
        Self { member, print }
    }
}

fn print(value: &impl Hash) -> u64 {
    // Its keys are constants: the same value has the same hash in every run.
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

impl World {
    /// Nobody is in the channel.
    #[must_use]
    pub fn empty(members: usize) -> Self {
        let seats: Vec<_> =
            Name::first(members).map(|name| Arc::new(Seat::new(Member::new(name)))).collect();
        Self {
            queues: vec![VecDeque::new(); seats.len()],
            seats,
            room: Names::default(),
            budget: Budget::default(),
            began: Vec::new(),
            ended: Vec::new(),
            wrong: None,
            lying: false,
        }
    }

    /// The first so many are a group; the others are in the channel, and wait, if so.
    #[must_use]
    pub fn grouped<R: Rules>(manner: Manner<R>, all: usize, joined: usize, others: bool) -> Self {
        let mut world = Self::empty(all);
        for name in Name::first(joined) {
            world.admit(name);
            world.drain(manner);
        }
        if let Some(founder) = Name::at(0) {
            let rest = Name::first(joined).collect::<Names>().without(founder);
            if !rest.is_empty() {
                world.step(manner, founder, None, |member, out| {
                    member.propose(Change::Include(rest), out);
                });
            }
        }
        world.drain(manner);
        if others {
            for name in Name::first(all).skip(joined) {
                world.admit(name);
            }
            world.drain(manner);
        }
        world
    }

    /// Everybody's name.
    pub fn names(&self) -> impl Iterator<Item = Name> + use<> {
        Name::first(self.seats.len())
    }

    /// A member.
    #[must_use]
    pub fn member(&self, name: Name) -> Option<&Member> {
        self.seats.get(name.index()).map(|seat| &seat.member)
    }

    /// Everybody.
    pub fn members(&self) -> impl Iterator<Item = &Member> {
        self.seats.iter().map(|seat| &seat.member)
    }

    /// Who is in the channel, in truth.
    #[must_use]
    pub const fn room(&self) -> Names {
        self.room
    }

    /// What this member has not heard yet.
    #[must_use]
    pub fn queue(&self, name: Name) -> Option<&VecDeque<Notice>> {
        self.queues.get(name.index())
    }

    pub(crate) fn queue_mut(&mut self, name: Name) -> Option<&mut VecDeque<Notice>> {
        self.queues.get_mut(name.index())
    }

    /// Whether nothing is under way.
    #[must_use]
    pub fn is_at_rest(&self) -> bool {
        self.queues.iter().all(VecDeque::is_empty)
    }

    /// A number that stands for all of it.
    #[must_use]
    pub fn print(&self) -> u64 {
        let prints: Vec<u64> = self.seats.iter().map(|seat| seat.print).collect();
        print(&(prints, &self.queues, self.room, self.budget, &self.began, &self.ended, self.wrong))
    }

    /// Does this; `story`, if there is one, gets a line for all that comes of it.
    pub fn apply<R: Rules>(
        &mut self,
        manner: Manner<R>,
        action: Action,
        story: Option<&mut Vec<String>>,
    ) {
        match action {
            Action::Hear(name) => {
                let heard = self.queue_mut(name).and_then(VecDeque::pop_front);
                if let Some(notice) = heard {
                    self.step(manner, name, story, |member, out| {
                        member.handle(manner, notice, out);
                    });
                }
            }
            Action::Propose(name, change) => {
                self.budget.proposals = self.budget.proposals.saturating_sub(1);
                self.step(manner, name, story, |member, out| member.propose(change, out));
            }
            Action::Turn(name) => self.step(manner, name, story, Member::take_turn),
            Action::Write(name) => {
                self.budget.messages = self.budget.messages.saturating_sub(1);
                self.step(manner, name, story, Member::write);
            }
            Action::Abort(name) | Action::Overdue(name) => {
                if matches!(action, Action::Abort(_)) {
                    self.budget.aborts = self.budget.aborts.saturating_sub(1);
                }
                self.step(manner, name, story, |member, out| match member.may_abort() {
                    Some(initial) => out.send(Packet::Abort(initial)),
                    None => member.stop_following(),
                });
            }
            Action::Leave(name) => {
                self.budget.leaves = self.budget.leaves.saturating_sub(1);
                self.dismiss(name);
            }
            Action::Removed(name) => self.dismiss(name),
            Action::Enter(name) => {
                self.budget.enters = self.budget.enters.saturating_sub(1);
                self.admit(name);
            }
            Action::Lie(name, lie) => {
                self.budget.lies = self.budget.lies.saturating_sub(1);
                if let Some(queue) = self.queue_mut(name) {
                    lie.tell(queue);
                }
            }
        }
    }

    /// A step of one member, and what the server makes of it.
    pub(crate) fn step<R: Rules>(
        &mut self,
        _manner: Manner<R>,
        name: Name,
        story: Option<&mut Vec<String>>,
        step: impl FnOnce(&mut Member, &mut Effects),
    ) {
        let Some(seat) = self.seats.get_mut(name.index()) else { return };
        let notes = story.is_some().then(Vec::new);
        let mut out = Effects { notes, ..Effects::default() };
        let seat = Arc::make_mut(seat);
        step(&mut seat.member, &mut out);
        seat.print = print(&seat.member);
        if let (Some(story), Some(notes)) = (story, &mut out.notes) {
            story.append(notes);
            story.extend(out.packets.iter().map(|packet| format!("sends {packet}")));
        }
        self.note(name, &out);
        // Nobody is heard who is not in the channel.
        if self.room.has(name) {
            for packet in out.packets {
                self.broadcast(Notice::Packet(name, packet));
            }
            for who in out.kicks {
                self.dismiss(who);
            }
        }
    }

    fn note(&mut self, name: Name, out: &Effects) {
        let mut wrong = out.fault.map(Wrong::Fault);
        if self.lying {
            self.wrong = self.wrong.or(wrong);
            return;
        }
        if out.refused {
            wrong = wrong.or(Some(Wrong::Refused { by: name }));
        }
        for fact in &out.facts {
            match *fact {
                Fact::Began { parent, initial } => {
                    match self.began.iter().find(|(known, _)| *known == parent) {
                        Some((_, first)) if *first != initial => {
                            wrong = wrong.or(Some(Wrong::Begins { by: name }));
                        }
                        Some(_) => {}
                        None => self.began.push((parent, initial)),
                    }
                }
                Fact::Ended { initial, by, how } => {
                    match self.ended.iter().find(|(known, ..)| *known == initial) {
                        Some((_, first, as_what)) if (*first, *as_what) != (by, how) => {
                            wrong = wrong.or(Some(Wrong::Ends { by: name }));
                        }
                        Some(_) => {}
                        None => self.ended.push((initial, by, how)),
                    }
                }
            }
        }
        // The order in which members accept the same things is no difference between worlds.
        self.began.sort_unstable();
        self.ended.sort_unstable_by_key(|(initial, ..)| *initial);
        self.wrong = self.wrong.or(wrong);
    }

    fn broadcast(&mut self, notice: Notice) {
        for name in self.room.iter() {
            if let Some(queue) = self.queues.get_mut(name.index()) {
                queue.push_back(notice);
            }
        }
    }

    pub(crate) fn admit(&mut self, name: Name) {
        if self.room.has(name) {
            return;
        }
        self.broadcast(Notice::Entered(name));
        self.room.insert(name);
        let room = self.room;
        if let Some(queue) = self.queue_mut(name) {
            queue.push_back(Notice::Inside(room));
        }
    }

    pub(crate) fn dismiss(&mut self, name: Name) {
        if self.room.has(name) {
            self.broadcast(Notice::Left(name));
            self.room.remove(name);
        }
    }

    /// Everybody hears everything. In which order they do makes no difference to each of them, but to
    /// the order of what they say: here, the first comes first.
    pub fn drain<R: Rules>(&mut self, manner: Manner<R>) {
        // Whatever an honest member says in answer is bounded; what is not, is a bug.
        for _ in 0..1_000 {
            let Some(name) =
                self.names().find(|&name| self.queue(name).is_some_and(|queue| !queue.is_empty()))
            else {
                return;
            };
            self.apply(manner, Action::Hear(name), None);
        }
        self.wrong = self.wrong.or(Some(Wrong::Fault("members answer each other for ever")));
    }
}
