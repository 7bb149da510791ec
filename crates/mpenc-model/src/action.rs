//! What can happen.

use std::collections::VecDeque;
use std::fmt;

use crate::member::{Change, Manner, Member};
use crate::name::{Name, Names};
use crate::packet::Notice;
use crate::rules::Rules;
use crate::world::World;

/// A step of the world.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// A member hears the next notice.
    Hear(Name),
    /// A member proposes a change.
    Propose(Name, Change),
    /// A member's turn has come to propose what the rules ask for.
    Turn(Name),
    /// A member writes a message.
    Write(Name),
    /// A member aborts the operation that runs.
    Abort(Name),
    /// Nothing comes any more, and a member gives up an operation that has stalled.
    Overdue(Name),
    /// A member leaves the channel.
    Leave(Name),
    /// Someone who was excluded is removed from the channel, after a while.
    Removed(Name),
    /// A member enters the channel.
    Enter(Name),
    /// The server does not tell a member what it tells the others.
    Lie(Name, Lie),
}

/// What the server does to the next notice for a member, or says beside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Lie {
    /// Never tells it.
    Omit,
    /// Tells it after the one that follows it.
    Swap,
    /// Tells it now, and again after all that is on its way already.
    Double,
    /// Says before it that somebody has left who has not.
    Gone(Name),
}

impl Lie {
    /// Whether there is something to lie about. A member knows where they are themselves.
    fn fits(self, queue: &VecDeque<Notice>, about: Name) -> bool {
        if matches!(self, Self::Gone(_)) {
            return !matches!(queue.front(), Some(Notice::Inside(_)));
        }
        let can = |at| match queue.get(at) {
            None | Some(Notice::Inside(_)) => false,
            Some(Notice::Left(who)) => *who != about,
            Some(_) => true,
        };
        can(0) && (self != Self::Swap || can(1) && queue.front() != queue.get(1))
    }

    pub(crate) fn tell(self, queue: &mut VecDeque<Notice>) {
        match self {
            Self::Omit => {
                queue.pop_front();
            }
            Self::Swap => queue.make_contiguous().get_mut(..2).unwrap_or_default().reverse(),
            Self::Double => queue.extend(queue.front().copied()),
            Self::Gone(who) => queue.push_front(Notice::Left(who)),
        }
    }
}

impl World {
    /// What can happen now. With `reduced`, steps that make no difference to anybody else are taken
    /// before all others; see `World::silent`.
    pub fn actions<R: Rules>(&self, manner: Manner<R>, reduced: bool, actions: &mut Vec<Action>) {
        if self.wrong.is_some() {
            return;
        }
        if reduced && let Some(name) = self.silent(manner) {
            actions.push(Action::Hear(name));
            return;
        }
        let rest = self.is_at_rest();
        for name in self.names() {
            let (Some(member), Some(queue)) = (self.member(name), self.queue(name)) else {
                continue;
            };
            if !queue.is_empty() {
                actions.push(Action::Hear(name));
            }
            self.wishes(member, actions);
            if self.room().has(name) {
                if self.budget.leaves > 0 {
                    actions.push(Action::Leave(name));
                }
                // Whom a server has lied to may give up again and again.
                if rest
                    && !self.lying
                    && (member.may_abort().is_some() || !member.waiting.is_empty())
                {
                    actions.push(Action::Overdue(name));
                }
                if rest && !self.lying && self.is_excluded(name) {
                    actions.push(Action::Removed(name));
                }
            } else if self.budget.enters > 0 && queue.is_empty() && member.inside.is_none() {
                actions.push(Action::Enter(name));
            }
            if self.budget.lies > 0 {
                let others = member.inside.map(|inside| inside.channel.without(name));
                let gone = others.into_iter().flat_map(Names::iter).map(Lie::Gone);
                let lies = [Lie::Omit, Lie::Swap, Lie::Double].into_iter().chain(gone);
                let fitting = lies.filter(|lie| lie.fits(queue, name));
                actions.extend(fitting.map(|lie| Action::Lie(name, lie)));
            }
        }
    }

    /// Whether somebody asks the channel by and by to remove this one, because an operation has
    /// excluded them: others, or they themselves.
    pub(crate) fn is_excluded(&self, name: Name) -> bool {
        let room = self.room();
        let insides = self.members().filter(|member| room.has(member.own));
        insides.filter_map(|member| Some((member.own, member.inside?))).any(|(own, inside)| {
            if own == name { inside.we_are_excluded } else { inside.excluded.has(name) }
        })
    }

    /// What a member may do by their own wish, or by a timer, and what comes of it depends on what
    /// they have heard.
    fn wishes(&self, member: &Member, actions: &mut Vec<Action>) {
        let name = member.own;
        // Whoever is out, and does not know it yet, is heard by nobody.
        if !self.room().has(name) {
            return;
        }
        if member.turn {
            actions.push(Action::Turn(name));
        }
        if self.budget.messages > 0 && member.current.is_some() {
            actions.push(Action::Write(name));
        }
        if self.budget.aborts > 0 && member.may_abort().is_some() {
            actions.push(Action::Abort(name));
        }
        if self.budget.proposals > 0 {
            let others = self.names().filter(|&other| other != name);
            let waiting = member.inside.map(|inside| inside.channel).unwrap_or_default();
            let all = waiting.minus(member.members);
            let one_by_one = others.map(|other| {
                let other = Names::default().with(other);
                if member.members.and(other).is_empty() {
                    Change::Include(other)
                } else {
                    Change::Exclude(other)
                }
            });
            let together = (all.len() > 1).then_some(Change::Include(all));
            let changes = one_by_one.chain(together).chain([Change::Refresh]);
            let possible = changes.filter(|&change| member.may_propose(change).is_some());
            actions.extend(possible.map(|change| Action::Propose(name, change)));
        }
    }

    /// Somebody whose next notice makes no difference to anybody else, nor to what else can happen.
    ///
    /// A partial-order reduction. If a member has nothing to decide now (and so cannot have before
    /// they hear more: budgets only shrink), if nobody lies to them, and if they say nothing in
    /// answer to their next notice, then hearing it commutes with every step of everybody else: those
    /// only add notices behind it. Whatever can happen before it can happen after it, with the same
    /// outcome, and nothing that is checked becomes true again once it was false. No cycle consists of
    /// such steps, because each of them shortens a queue.
    fn silent<R: Rules>(&self, manner: Manner<R>) -> Option<Name> {
        if self.budget.lies > 0 {
            return None;
        }
        let mut wishes = Vec::new();
        self.names().find(|&name| {
            let (Some(member), Some(queue)) = (self.member(name), self.queue(name)) else {
                return false;
            };
            let Some(&next) = queue.front() else { return false };
            wishes.clear();
            self.wishes(member, &mut wishes);
            wishes.is_empty() && self.answers_nothing(manner, member, next)
        })
    }

    fn answers_nothing<R: Rules>(&self, manner: Manner<R>, member: &Member, next: Notice) -> bool {
        // Whoever is out is heard by nobody.
        if !self.room().has(member.own) {
            return true;
        }
        let mut out = crate::effects::Effects::default();
        member.clone().handle(manner, next, &mut out);
        out.packets.is_empty() && out.kicks.is_empty()
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Hear(name) => write!(f, "{name} hears"),
            Self::Propose(name, Change::Include(new)) => write!(f, "{name} includes {new}"),
            Self::Propose(name, Change::Exclude(gone)) => write!(f, "{name} excludes {gone}"),
            Self::Propose(name, Change::Refresh) => write!(f, "{name} refreshes"),
            Self::Turn(name) => write!(f, "it is {name}'s turn to exclude who left"),
            Self::Write(name) => write!(f, "{name} writes"),
            Self::Abort(name) => write!(f, "{name} aborts"),
            Self::Overdue(name) => write!(f, "{name} gives up what has stalled"),
            Self::Leave(name) => write!(f, "{name} leaves"),
            Self::Removed(name) => write!(f, "{name} is removed, as somebody excluded"),
            Self::Enter(name) => write!(f, "{name} enters"),
            Self::Lie(name, Lie::Omit) => write!(f, "the server withholds from {name}"),
            Self::Lie(name, Lie::Swap) => write!(f, "the server holds back for {name}, by one,"),
            Self::Lie(name, Lie::Double) => write!(f, "the server will repeat to {name}"),
            Self::Lie(name, Lie::Gone(who)) => {
                write!(f, "the server says to {name} that {who} has left")
            }
        }
    }
}
