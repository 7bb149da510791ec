//! Sessions around a simulated channel, under virtual time.

use core::fmt;
use core::time::Duration;
use std::collections::{BTreeMap, VecDeque};

use mpenc_session::{
    ApiMisuse, ChannelAction, Ctx, Event, Input, Instant, Output, Outputs, Session, Suite,
};
use mpenc_wire::MemberId;
use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};

use crate::channel::Mailboxes;
use crate::{Notice, Server};

/// Names a session in a simulation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(usize);

/// How long things are under way; each journey takes a random time in between.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Latency {
    /// The shortest way between a member and the server.
    pub least: Duration,
    /// The longest.
    pub most: Duration,
}

impl Default for Latency {
    fn default() -> Self {
        Self { least: Duration::from_millis(5), most: Duration::from_millis(80) }
    }
}

/// A simulation did not come to rest within its steps: a loop of packets or timers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stuck;

impl fmt::Display for Stuck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the simulation did not come to rest")
    }
}

impl core::error::Error for Stuck {}

struct Node<S: Suite> {
    id: MemberId,
    session: Session<S>,
    rng: ChaCha20Rng,
    events: Vec<Event>,
    crashed: bool,
    frozen: bool,
}

/// Something under way; ways to and from the server keep the order of what goes on them.
#[derive(Clone, Debug)]
struct Travelling<T> {
    arrives: Instant,
    what: T,
}

/// Sessions around one honest channel, under virtual time. The same seed and the same calls give
/// the same run, octet for octet.
pub struct Sim<S: Suite> {
    now: Instant,
    rng: ChaCha20Rng,
    latency: Latency,
    server: Server,
    nodes: Vec<Node<S>>,
    by_member: BTreeMap<MemberId, NodeId>,
    up: Mailboxes<Travelling<ChannelAction>>,
    down: Mailboxes<Travelling<Notice>>,
    out: Outputs,
}

impl<S: Suite> Sim<S> {
    /// An empty simulation.
    #[must_use]
    pub fn new(seed: u64, latency: Latency) -> Self {
        Self {
            now: Instant::default(),
            rng: ChaCha20Rng::seed_from_u64(seed),
            latency,
            server: Server::default(),
            nodes: Vec::new(),
            by_member: BTreeMap::new(),
            up: BTreeMap::new(),
            down: BTreeMap::new(),
            out: Outputs::new(),
        }
    }

    /// Adds a session, outside of the channel. Its randomness comes from the simulation's seed.
    pub fn add(&mut self, session: Session<S>) -> NodeId {
        let id = session.own_id().clone();
        let node = NodeId(self.nodes.len());
        let rng = ChaCha20Rng::seed_from_u64(self.rng.next_u64());
        self.by_member.insert(id.clone(), node);
        self.nodes.push(Node {
            id,
            session,
            rng,
            events: Vec::new(),
            crashed: false,
            frozen: false,
        });
        node
    }

    /// The time now.
    #[must_use]
    pub fn now(&self) -> Instant {
        self.now
    }

    /// The server.
    #[must_use]
    pub fn server(&self) -> &Server {
        &self.server
    }

    /// A session.
    ///
    /// # Panics
    /// If the node is of another simulation.
    #[must_use]
    #[expect(clippy::indexing_slicing, reason = "node ids are made by `add`")]
    pub fn session(&self, node: NodeId) -> &Session<S> {
        &self.nodes[node.0].session
    }

    /// Takes what a session has told its user since the last time.
    ///
    /// # Panics
    /// If the node is of another simulation.
    #[expect(clippy::indexing_slicing, reason = "node ids are made by `add`")]
    pub fn take_events(&mut self, node: NodeId) -> Vec<Event> {
        core::mem::take(&mut self.nodes[node.0].events)
    }

    /// Lets a session's user do something.
    ///
    /// # Errors
    /// What the session says of it.
    ///
    /// # Panics
    /// If the node is of another simulation.
    #[expect(clippy::indexing_slicing, reason = "node ids are made by `add`")]
    pub fn act<R>(
        &mut self,
        node: NodeId,
        act: impl FnOnce(&mut Session<S>, &mut Ctx<'_>, &mut Outputs) -> Result<R, ApiMisuse>,
    ) -> Result<R, ApiMisuse> {
        let Node { session, rng, .. } = &mut self.nodes[node.0];
        let result = act(session, &mut Ctx::new(self.now, rng), &mut self.out);
        self.dispatch(node);
        result
    }

    /// A member's process dies: it does nothing any more, and the server sees it leave.
    ///
    /// # Panics
    /// If the node is of another simulation.
    #[expect(clippy::indexing_slicing, reason = "node ids are made by `add`")]
    pub fn crash(&mut self, node: NodeId) {
        let node = &mut self.nodes[node.0];
        node.crashed = true;
        let id = node.id.clone();
        self.up.remove(&id);
        self.down.remove(&id);
        let told = self.server.leave(&id);
        self.announce(told);
    }

    /// A member's process stops for a while: it stays in the channel, and takes and does nothing
    /// until [`Sim::thaw`]. Its user may still act.
    ///
    /// # Panics
    /// If the node is of another simulation.
    #[expect(clippy::indexing_slicing, reason = "node ids are made by `add`")]
    pub fn freeze(&mut self, node: NodeId) {
        self.nodes[node.0].frozen = true;
    }

    /// A frozen member's process goes on, with what has come for it in the meantime.
    ///
    /// # Panics
    /// If the node is of another simulation.
    #[expect(clippy::indexing_slicing, reason = "node ids are made by `add`")]
    pub fn thaw(&mut self, node: NodeId) {
        self.nodes[node.0].frozen = false;
    }

    /// Loses what is under way from a member to the server.
    ///
    /// # Panics
    /// If the node is of another simulation.
    #[expect(clippy::indexing_slicing, reason = "node ids are made by `add`")]
    pub fn lose_outgoing(&mut self, node: NodeId) {
        self.up.remove(&self.nodes[node.0].id);
    }

    /// Has a member's place in the channel send a packet that its session did not make.
    ///
    /// # Panics
    /// If the node is of another simulation.
    #[expect(clippy::indexing_slicing, reason = "node ids are made by `add`")]
    pub fn inject(&mut self, node: NodeId, packet: &str) {
        let arrives = self.now.after(self.journey());
        let action = ChannelAction::Send { packet: packet.to_owned() };
        send(self.up.entry(self.nodes[node.0].id.clone()).or_default(), arrives, action);
    }

    /// Runs until nothing is under way and no deadline falls before `until`.
    ///
    /// # Errors
    /// [`Stuck`] after a million steps.
    pub fn run_until(&mut self, until: Instant) -> Result<(), Stuck> {
        for _ in 0..1_000_000 {
            match self.next_step() {
                Some((at, step)) if at <= until => {
                    self.now = self.now.max(at);
                    self.step(step);
                }
                _ => {
                    self.now = self.now.max(until);
                    return Ok(());
                }
            }
        }
        Err(Stuck)
    }

    /// Runs for a while of virtual time.
    ///
    /// # Errors
    /// [`Stuck`] after a million steps.
    pub fn run_for(&mut self, while_: Duration) -> Result<(), Stuck> {
        self.run_until(self.now.after(while_))
    }

    fn next_step(&self) -> Option<(Instant, Step)> {
        // Of one moment: what goes up, then what comes down, then deadlines.
        let awake = |id: &MemberId| {
            let node = self.by_member.get(id).and_then(|node| self.nodes.get(node.0));
            node.is_some_and(|node| !node.frozen)
        };
        let up = self
            .up
            .iter()
            .filter(|(id, _)| awake(id))
            .filter_map(|(id, ways)| Some((ways.front()?.arrives, Step::Up(id.clone()))));
        let down = self
            .down
            .iter()
            .filter(|(id, _)| awake(id))
            .filter_map(|(id, ways)| Some((ways.front()?.arrives, Step::Down(id.clone()))));
        let deadlines = self
            .nodes
            .iter()
            .enumerate()
            .filter(|(_, node)| !node.crashed && !node.frozen)
            .filter_map(|(at, node)| Some((node.session.next_deadline()?, Step::Tick(NodeId(at)))));
        up.chain(down).chain(deadlines).min_by_key(|(at, _)| (*at).max(self.now))
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Up(id) => {
                let Some(action) = self.up.get_mut(&id).and_then(VecDeque::pop_front) else {
                    return;
                };
                let told = self.server.act(&id, action.what);
                self.announce(told);
            }
            Step::Down(id) => {
                let Some(notice) = self.down.get_mut(&id).and_then(VecDeque::pop_front) else {
                    return;
                };
                if let Some(&node) = self.by_member.get(&id) {
                    notice.what.with(|event| self.feed(node, Input::Channel(event)));
                }
            }
            Step::Tick(node) => self.feed(node, Input::Tick),
        }
    }

    fn feed(&mut self, node: NodeId, input: Input<'_>) {
        let Some(Node { session, rng, crashed: false, .. }) = self.nodes.get_mut(node.0) else {
            return;
        };
        session.handle(&mut Ctx::new(self.now, rng), input, &mut self.out);
        self.dispatch(node);
    }

    fn dispatch(&mut self, node: NodeId) {
        while let Some(output) = self.out.pop() {
            match output {
                Output::Channel(action) => {
                    let arrives = self.now.after(self.journey());
                    if let Some(node) = self.nodes.get(node.0) {
                        send(self.up.entry(node.id.clone()).or_default(), arrives, action);
                    }
                }
                Output::Event(event) => {
                    if let Some(node) = self.nodes.get_mut(node.0) {
                        node.events.push(event);
                    }
                }
                _ => {}
            }
        }
    }

    fn announce(&mut self, told: Vec<(MemberId, Notice)>) {
        for (id, notice) in told {
            let arrives = self.now.after(self.journey());
            send(self.down.entry(id).or_default(), arrives, notice);
        }
    }

    fn journey(&mut self) -> Duration {
        let spread = self.latency.most.saturating_sub(self.latency.least).as_micros();
        let part = u128::from(self.rng.next_u32()).saturating_mul(spread) >> 32;
        self.latency
            .least
            .saturating_add(Duration::from_micros(u64::try_from(part).unwrap_or(u64::MAX)))
    }
}

/// Nothing overtakes anything on one way.
fn send<T>(way: &mut VecDeque<Travelling<T>>, arrives: Instant, what: T) {
    let arrives = way.back().map_or(arrives, |last| last.arrives.max(arrives));
    way.push_back(Travelling { arrives, what });
}

enum Step {
    Up(MemberId),
    Down(MemberId),
    Tick(NodeId),
}
