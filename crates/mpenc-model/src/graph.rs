//! The graph of all states that were reached, to ask what can still be reached from each.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};

#[derive(Debug, Default)]
struct Notes {
    steps: Vec<(u64, u64)>,
    rests: HashMap<u64, bool>,
}

/// The steps between states, and which states are goals.
///
/// `stateright` checks what is *always* so, and what is so at the end of every path (*eventually*);
/// what *can* become so from everywhere, it does not. So the steps are written down while it explores,
/// and searched backwards from the goals.
#[derive(Debug, Default)]
pub struct Graph(Mutex<Notes>);

impl Graph {
    fn notes<T>(&self, with: impl FnOnce(&mut Notes) -> T) -> T {
        // Nothing that holds the lock can panic halfway.
        with(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// There is a step from one state to another.
    pub fn step(&self, from: u64, to: u64) {
        self.notes(|notes| notes.steps.push((from, to)));
    }

    /// Nothing is under way in this state; and is it a goal?
    pub fn rest(&self, state: u64, goal: bool) {
        self.notes(|notes| notes.rests.insert(state, goal));
    }

    /// How many states, in which nothing is under way, are no goals.
    #[must_use]
    pub fn poor_rests(&self) -> usize {
        self.notes(|notes| notes.rests.values().filter(|goal| !**goal).count())
    }

    /// The shortest way from one of these states to one from which no goal can be reached: the states
    /// on it. `None` if there is no such state.
    ///
    /// States that were reached, but whose steps were not explored, count as goals.
    #[must_use]
    pub fn dead_end(&self, from: &[u64]) -> Option<Vec<u64>> {
        self.notes(|notes| {
            let Notes { steps, rests } = notes;
            steps.sort_unstable();
            steps.dedup();
            let mut names: Vec<u64> = steps
                .iter()
                .flat_map(|&(from, to)| [from, to])
                .chain(from.iter().copied())
                .collect();
            names.sort_unstable();
            names.dedup();
            // Every name is there: it comes from the steps.
            let place = |name: u64| names.binary_search(&name).unwrap_or_default();
            let steps: Vec<(usize, usize)> =
                steps.iter().map(|&(from, to)| (place(from), place(to))).collect();
            let ahead = Neighbours::new(names.len(), steps.iter().copied());
            let back = Neighbours::new(names.len(), steps.iter().map(|&(from, to)| (to, from)));

            let goals = names.iter().enumerate().filter(|(at, name)| match rests.get(name) {
                Some(goal) => *goal,
                None => ahead.of(*at).is_empty(),
            });
            let mut lives = vec![false; names.len()];
            let mut queue: VecDeque<usize> = goals.map(|(at, _)| at).collect();
            while let Some(at) = queue.pop_front() {
                let Some(alive) = lives.get_mut(at) else { continue };
                if !std::mem::replace(alive, true) {
                    queue.extend(back.of(at));
                }
            }

            let mut came_from: Vec<Option<usize>> = vec![None; names.len()];
            let mut queue: VecDeque<usize> = from.iter().map(|&name| place(name)).collect();
            for &start in &queue {
                came_from.get_mut(start)?.replace(start);
            }
            while let Some(at) = queue.pop_front() {
                if !*lives.get(at)? {
                    let mut way = vec![at];
                    let mut at = at;
                    while let Some(&Some(before)) = came_from.get(at)
                        && before != at
                    {
                        way.push(before);
                        at = before;
                    }
                    let way = way.into_iter().rev();
                    return Some(way.filter_map(|at| names.get(at).copied()).collect());
                }
                for &next in ahead.of(at) {
                    let before = came_from.get_mut(next)?;
                    if before.is_none() {
                        *before = Some(at);
                        queue.push_back(next);
                    }
                }
            }
            None
        })
    }
}

/// Who is a step away from whom.
struct Neighbours {
    starts: Vec<usize>,
    all: Vec<usize>,
}

impl Neighbours {
    fn new(count: usize, steps: impl Iterator<Item = (usize, usize)>) -> Self {
        let mut steps: Vec<_> = steps.collect();
        steps.sort_unstable();
        let starts = (0..=count).map(|at| steps.partition_point(|(from, _)| *from < at)).collect();
        Self { starts, all: steps.into_iter().map(|(_, to)| to).collect() }
    }

    fn of(&self, at: usize) -> &[usize] {
        match (self.starts.get(at), self.starts.get(at + 1)) {
            (Some(&from), Some(&to)) => self.all.get(from..to).unwrap_or_default(),
            _ => &[],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_nearest_state_without_a_way_to_a_goal() {
        let graph = Graph::default();
        // 1 → 2 → 3 (a goal); 2 → 4 → 5 → 4, which is a trap; 1 → 6, which nobody explored.
        for (from, to) in [(1, 2), (2, 3), (2, 4), (4, 5), (5, 4), (1, 6)] {
            graph.step(from, to);
        }
        graph.rest(3, true);
        assert_eq!(graph.dead_end(&[1]), Some(vec![1, 2, 4]));
        graph.step(5, 3);
        assert_eq!(graph.dead_end(&[1]), None);
        graph.rest(3, false);
        graph.step(2, 6);
        assert_eq!(graph.dead_end(&[1]), Some(vec![1, 2, 3]));
    }

    #[test]
    fn one_state_may_be_all() {
        let graph = Graph::default();
        graph.rest(1, false);
        assert_eq!(graph.dead_end(&[1]), Some(vec![1]));
        assert_eq!(graph.poor_rests(), 1);
        graph.rest(1, true);
        assert_eq!(graph.dead_end(&[1]), None);
    }
}
