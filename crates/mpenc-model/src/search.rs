//! A search, from its bounds to a report.

use std::fmt;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use stateright::{Checker as _, HasDiscoveries, Model as _};

use crate::action::{Action, Lie};
use crate::checked::{Bounds, Checked, LIVE, State};
use crate::rules::Rules;

/// What was found.
#[derive(Clone, Debug)]
pub struct Report {
    /// Different states.
    pub states: usize,
    /// Steps between them.
    pub transitions: usize,
    /// The most steps to any of them.
    pub depth: usize,
    /// Whether there are no more states within the bounds.
    pub complete: bool,
    /// States in which nothing is under way.
    pub rests: u64,
    /// Those of them from which, as they are, no operation can complete.
    pub poor_rests: usize,
    /// Pairs of members, in those states, who are divided and were told so.
    pub seen: u64,
    /// Pairs who are divided, cannot read each other, and know that acks are missing.
    pub silent: u64,
    /// How long it took.
    pub took: Duration,
    /// What is not so, and how that comes about.
    pub violation: Option<Violation>,
}

/// Something that is not as it should be.
#[derive(Clone, Debug)]
pub struct Violation {
    /// What is not so.
    pub property: &'static str,
    /// How it comes about, for people.
    pub script: Vec<String>,
}

/// Explores all states within these bounds, up to about `most`, in so many threads. With one thread,
/// a violation's script is the shortest.
#[must_use]
pub fn search<R: Rules>(bounds: Bounds, rules: R, most: Option<usize>, threads: usize) -> Report {
    let began = Instant::now();
    let model = Checked::new(bounds, rules);
    let builder = model
        .clone()
        .checker()
        .threads(threads)
        .finish_when(HasDiscoveries::AnyFailures)
        .target_state_count(most.unwrap_or(0));
    let checker = builder.spawn_bfs().join();
    let discoveries = checker.discoveries().into_iter();
    let mut found: Vec<_> =
        discoveries.map(|(property, path)| (path.into_states(), property)).collect();
    found.sort_by_key(|(states, property)| (states.len(), *property));
    let mut violation = found.into_iter().next().map(|(states, property)| {
        let way = states.iter().map(State::print).collect::<Vec<_>>();
        Violation { property, script: script(&model, &way) }
    });
    let complete = violation.is_none() && checker.is_done();
    let stopped = most.is_some_and(|most| checker.state_count() >= most);
    if violation.is_none() && bounds.budget.lies == 0 {
        let starts: Vec<u64> = model.init_states().iter().map(State::print).collect();
        violation = model
            .graph
            .dead_end(&starts)
            .map(|way| Violation { property: LIVE, script: script(&model, &way) });
    }
    Report {
        states: checker.unique_state_count(),
        transitions: checker.state_count(),
        depth: checker.max_depth(),
        complete: complete && !stopped,
        rests: model.tally.rests.load(Ordering::Relaxed),
        poor_rests: model.graph.poor_rests(),
        seen: model.tally.seen.load(Ordering::Relaxed),
        silent: model.tally.silent.load(Ordering::Relaxed),
        took: began.elapsed(),
        violation,
    }
}

/// What happens on the way through these states.
fn script<R: Rules>(model: &Checked<R>, way: &[u64]) -> Vec<String> {
    let mut lines = Vec::new();
    let starts = model.init_states();
    let Some(mut state) = starts.into_iter().find(|start| way.first() == Some(&start.print()))
    else {
        return lines;
    };
    let waits = state.world.room().minus(group(&state));
    lines.push(format!("   a group of {}; in the channel beside them: {waits}", group(&state)));
    for (number, print) in way.iter().enumerate().skip(1) {
        let mut actions = Vec::new();
        model.actions(&state, &mut actions);
        let step = actions.into_iter().find_map(|action| {
            let next = model.next_state(&state, action)?;
            (next.print() == *print).then_some((action, next))
        });
        let Some((action, next)) = step else { return lines };
        let about = match action {
            Action::Lie(_, Lie::Gone(_)) => String::new(),
            Action::Hear(name) | Action::Lie(name, _) => {
                let queue = state.world.queue(name);
                let notice = queue.and_then(|queue| queue.front());
                notice.map(|notice| format!(" “{notice}”")).unwrap_or_default()
            }
            _ => String::new(),
        };
        lines.push(format!("{number:>2}. {action}{about}"));
        let mut story = Vec::new();
        state.world.clone().apply(model.manner, action, Some(&mut story));
        lines.extend(story.into_iter().map(|line| format!("      {line}")));
        state = next;
    }
    if let Some(wrong) = state.world.wrong {
        lines.push(format!("   {wrong:?}"));
    }
    for member in state.world.members() {
        let head = member.order.head();
        let head = head.map(|(packet, hash)| format!("{packet:?} {hash:?}"));
        let head = head.unwrap_or_else(|| String::from("not synced"));
        let alarmed = if member.alarmed { ", alarmed" } else { "" };
        let (own, members) = (member.own, member.members);
        let inside = if member.inside.is_some() { "in the channel" } else { "outside" };
        lines.push(format!("   {own} is {inside}, with {members}, at {head}{alarmed}"));
    }
    lines
}

fn group(state: &State) -> crate::name::Names {
    state.world.members().next().map(|member| member.members).unwrap_or_default()
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whole = if self.complete { "all" } else { "not all" };
        writeln!(
            f,
            "{} states ({whole}), {} transitions, depth {}, {:.1} s",
            self.states,
            self.transitions,
            self.depth,
            self.took.as_secs_f32()
        )?;
        write!(f, "at rest {}", self.rests)?;
        if self.poor_rests > 0 {
            write!(f, ", of which {} allow no operation", self.poor_rests)?;
        }
        if self.seen + self.silent > 0 {
            write!(
                f,
                "; divided pairs {}: alarmed {}, without a common key and missing acks {}",
                self.seen + self.silent,
                self.seen,
                self.silent
            )?;
        }
        if let Some(Violation { property, script }) = &self.violation {
            write!(f, "\nVIOLATED: {property}")?;
            for line in script {
                write!(f, "\n{line}")?;
            }
        }
        Ok(())
    }
}
