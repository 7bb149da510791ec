//! A group in which everybody is a whole session.

use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use mpenc::{Event, Membership, Mpenc, Severity};
use mpenc_sim::{Latency, NodeId, Sim};

use super::carriers::foretell;
use super::people::People;
use super::table::{Spent, cpu, head, line, warn};
use super::{PATIENCE, PAUSE, REST, Scale, TEXT};

struct World {
    sim: Sim<Mpenc>,
    people: People,
    nodes: Vec<NodeId>,
    shown: usize,
    warnings: usize,
}

/// All is done by all; the last one comes later, and goes again.
pub(super) fn run(args: &Scale) -> Result<()> {
    let Scale { members, messages, .. } = *args;
    let mut world = World::new(args)?;
    let foretold = foretell(&world.people.ids, members);
    head();
    let before = world.spent();
    world.enter()?;
    line("all enter the channel", members + 1, before, world.spent());

    let others = world.people.ids.get(1..members).context("there are members")?.to_vec();
    world.change("they establish a group", Membership::Include(&others), members)?;
    foretold.compare_establish(world.sim.server().longest())?;

    let before = world.spent();
    world.talk(members, messages)?;
    line(&format!("they exchange {messages} messages"), members, before, world.spent());

    let last = [world.people.id(members)?.clone()];
    world.change("they include one", Membership::Include(&last), members + 1)?;
    world.change("they exclude one", Membership::Exclude(&last), members)?;
    world.change("one refreshes", Membership::Refresh, members)?;

    foretold.compare_all(world.sim.server().longest())?;
    println!("{} texts were shown; warnings: {}", world.shown, world.warnings);
    ensure!(world.shown == messages * members, "every text should have been shown to all");
    ensure!(world.warnings == 0, "nobody should have been warned");
    Ok(())
}

impl World {
    fn new(args: &Scale) -> Result<Self> {
        let mut latency = Latency::default();
        latency.least = Duration::from_millis(args.latency) / 2;
        latency.most = latency.least;
        let mut sim = Sim::new(args.seed, latency);
        let people = People::new(args.members + 1)?;
        let nodes = (0..people.ids.len())
            .map(|number| Ok(sim.add(people.session(number)?)))
            .collect::<Result<_>>()?;
        Ok(Self { sim, people, nodes, shown: 0, warnings: 0 })
    }

    fn spent(&self) -> Spent {
        let (packets, octets) = self.sim.server().traffic();
        Spent { time: self.sim.now(), cpu: cpu(), packets, octets }
    }

    /// Lets time pass, and reads what the sessions tell.
    fn pass(&mut self, time: Duration) -> Result<()> {
        self.sim.run_for(time)?;
        for node in &self.nodes {
            for event in self.sim.take_events(*node) {
                match event {
                    Event::Message(_) => self.shown += 1,
                    event if event.severity() > Severity::Info => {
                        self.warnings += 1;
                        warn(&event);
                    }
                    _ => {}
                }
            }
        }
        Ok(())
    }

    fn node(&self, at: usize) -> Result<NodeId> {
        self.nodes.get(at).copied().context("there is such a member")
    }

    fn enter(&mut self) -> Result<()> {
        for at in 0..self.nodes.len() {
            let node = self.node(at)?;
            self.sim.act(node, |session, cx, out| session.join(cx, out))?;
        }
        self.pass(Duration::from_secs(2))
    }

    /// The first member proposes, and all wait until those who are members are so many; and then
    /// until the sub-session before is over.
    fn change(&mut self, what: &str, change: Membership<'_>, members: usize) -> Result<()> {
        let (node, before) = (self.node(0)?, self.spent());
        self.sim.act(node, |session, cx, out| session.propose(cx, change, out).map(drop))?;
        let over = loop {
            self.pass(Duration::from_millis(10))?;
            let is_member = |node: &NodeId| {
                let session = self.sim.session(*node);
                session.operation_progress().is_none() && session.members().len() == members
            };
            if self.nodes.iter().take(members).all(is_member) {
                break self.sim.now();
            }
            if self.sim.now().since(before.time) > PATIENCE {
                bail!("the operation did not end");
            }
        };
        self.pass(REST)?;
        line(what, members, before, Spent { time: over, ..self.spent() });
        Ok(())
    }

    /// All write in turn; then they wait until all is acked.
    fn talk(&mut self, members: usize, messages: usize) -> Result<()> {
        for number in 0..messages {
            let node = self.node(number % members)?;
            self.sim.act(node, |session, cx, out| session.send(cx, TEXT, out).map(drop))?;
            self.pass(PAUSE)?;
        }
        self.pass(REST)
    }
}
