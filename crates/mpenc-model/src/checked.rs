//! The world as `stateright` takes it, and what is checked of it.

use std::collections::BTreeSet;
use std::hash::{Hash, Hasher};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use stateright::{Model, Property};

use crate::action::Action;
use crate::graph::Graph;
use crate::member::Manner;
use crate::rest::{self, Division};
use crate::rules::Rules;
use crate::world::{Budget, World, Wrong};

/// How much is explored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// How many members there are.
    pub members: usize,
    /// What may happen, how often.
    pub budget: Budget,
    /// Whether steps that make no difference to others are taken first.
    pub reduced: bool,
    /// Whether those who wait follow one operation provisionally.
    pub provisional: bool,
}

/// A world with a number that stands for it.
#[derive(Clone, Debug)]
pub struct State {
    /// The world.
    pub world: World,
    print: u64,
}

impl State {
    fn new(world: World) -> Self {
        let print = world.print();
        Self { world, print }
    }

    /// The number.
    #[must_use]
    pub const fn print(&self) -> u64 {
        self.print
    }
}

impl Hash for State {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        hasher.write_u64(self.print);
    }
}

impl PartialEq for State {
    fn eq(&self, other: &Self) -> bool {
        self.print == other.print
    }
}

/// What was seen on the way.
#[derive(Debug, Default)]
pub struct Tally {
    /// States in which nothing is under way.
    pub rests: AtomicU64,
    /// Pairs of members who are divided, and one of them was told so.
    pub seen: AtomicU64,
    /// Pairs of members who are divided, cannot read each other, and one of them was told that acks
    /// are missing.
    pub silent: AtomicU64,
}

/// The model.
#[derive(Clone, Debug)]
pub struct Checked<R> {
    /// How much is explored.
    pub bounds: Bounds,
    /// How members behave.
    pub manner: Manner<R>,
    /// What was seen.
    pub tally: Arc<Tally>,
    /// Where the steps are written down.
    pub graph: Arc<Graph>,
    /// What was found to be violated.
    violated: Arc<Mutex<BTreeSet<&'static str>>>,
}

/// No two members accept different operations.
pub const AGREEMENT: &str = "no two members accept different operations";
/// `mpenc-order` keeps its promises.
pub const SOUND: &str = "nothing is accepted, refused or adopted that must not be";
/// There is no false warning.
pub const CALM: &str = "nobody is told that the server lies while it does not";
/// At rest, all is well.
pub const AT_ONE: &str = "when nothing is under way, members have the same order and members";
/// Every division is seen.
pub const SEEN: &str = "every division of members is seen after the next order acks";
/// Nothing is stuck.
pub const LIVE: &str = "from every state an operation can still complete";

impl<R: Rules> Checked<R> {
    /// With these bounds and decisions.
    #[must_use]
    pub fn new(bounds: Bounds, rules: R) -> Self {
        let manner = Manner { rules, provisional: bounds.provisional };
        let (tally, graph, violated) = (Arc::default(), Arc::default(), Arc::default());
        Self { bounds, manner, tally, graph, violated }
    }

    /// Whether a property holds; after its first violation it is said to hold, because the checker
    /// keeps the last one that it sees, and the first is the shortest.
    fn first(&self, property: &'static str, holds: bool) -> bool {
        holds || !self.violated.lock().unwrap_or_else(PoisonError::into_inner).insert(property)
    }

    fn lies(&self) -> bool {
        self.bounds.budget.lies > 0
    }

    fn rests_well(&self, state: &State) -> bool {
        if !state.world.is_at_rest() {
            return true;
        }
        self.tally.rests.fetch_add(1, Ordering::Relaxed);
        let settled = rest::settled(&state.world, self.manner);
        self.graph.rest(state.print, rest::can_complete(&settled, self.manner));
        rest::is_at_one(&settled)
    }

    fn sees_divisions(&self, state: &State) -> bool {
        if !state.world.is_at_rest() {
            return true;
        }
        self.tally.rests.fetch_add(1, Ordering::Relaxed);
        let mut seen = true;
        for division in rest::divisions(&rest::settled(&state.world, self.manner)) {
            match division {
                Division::None => {}
                Division::Seen => {
                    self.tally.seen.fetch_add(1, Ordering::Relaxed);
                }
                Division::Silent => {
                    self.tally.silent.fetch_add(1, Ordering::Relaxed);
                }
                Division::Unseen => seen = false,
            }
        }
        seen
    }
}

impl<R: Rules> Model for Checked<R> {
    type State = State;
    type Action = Action;

    /// All are a group; or all but one are, and that one waits in the channel, or is outside of it.
    fn init_states(&self) -> Vec<State> {
        let all = self.bounds.members;
        let kinds = [(all, false), (all.saturating_sub(1), true), (all.saturating_sub(1), false)];
        let kinds: BTreeSet<_> = kinds.into_iter().filter(|(joined, _)| *joined > 0).collect();
        let worlds = kinds.into_iter().map(|(joined, others)| {
            let mut world = World::grouped(self.manner, all, joined, others);
            world.budget = self.bounds.budget;
            world.lying = self.lies();
            State::new(world)
        });
        worlds.collect()
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        state.world.actions(self.manner, self.bounds.reduced, actions);
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let mut world = last.world.clone();
        world.apply(self.manner, action, None);
        let next = State::new(world);
        if !self.lies() {
            self.graph.step(last.print, next.print);
        }
        Some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        let sound = Property::<Self>::always(SOUND, |model, state| {
            let wrong = matches!(state.world.wrong, Some(Wrong::Fault(_) | Wrong::Refused { .. }));
            model.first(SOUND, !wrong)
        });
        if self.lies() {
            let seen = Property::<Self>::always(SEEN, |model, state| {
                model.first(SEEN, model.sees_divisions(state))
            });
            return vec![sound, seen];
        }
        vec![
            sound,
            Property::<Self>::always(AGREEMENT, |model, state| {
                let wrong =
                    matches!(state.world.wrong, Some(Wrong::Begins { .. } | Wrong::Ends { .. }));
                model.first(AGREEMENT, !wrong)
            }),
            Property::<Self>::always(CALM, |model, state| {
                model.first(CALM, state.world.members().all(|member| !member.alarmed))
            }),
            Property::<Self>::always(AT_ONE, |model, state| {
                model.first(AT_ONE, model.rests_well(state))
            }),
        ]
    }
}
