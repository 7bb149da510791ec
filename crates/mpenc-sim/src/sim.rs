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

use crate::channel::{Mailboxes, is_data};
use crate::dice::Dice;
use crate::lies::{Lies, Told};
use crate::loss::{Loss, Stray};
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

/// What a session took in or gave out, in order; see [`Sim::record`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Record {
    /// When.
    pub at: Instant,
    /// Whose session.
    pub node: NodeId,
    /// What.
    pub what: What,
}

/// See [`Record`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum What {
    /// The channel told it something.
    Heard(Notice),
    /// Its deadline came.
    Ticked,
    /// It asked something of the channel.
    Asked(ChannelAction),
    /// It told its user something.
    Told(Event),
}

struct Node<S: Suite> {
    id: MemberId,
    session: Session<S>,
    /// The session's next deadline, as it was when the session last did something.
    due: Option<Instant>,
    rng: Dice,
    events: Vec<Event>,
    crashed: bool,
    frozen: bool,
    cut: bool,
    puppet: bool,
}

impl<S: Suite> Node<S> {
    /// Whether anything comes from it or to it.
    const fn is_reached(&self) -> bool {
        !self.frozen && !self.cut
    }
}

/// What goes up to the server: a wish of the session behind the connection, or the connection's end.
#[derive(Clone, Debug)]
enum Up {
    Action(ChannelAction),
    Broken,
}

/// Something under way; ways to and from the server keep the order of what goes on them.
#[derive(Clone, Debug)]
struct Travelling<T> {
    arrives: Instant,
    what: T,
}

/// Sessions around one channel, honest unless it is told to lie, under virtual time. The same seed and the same calls give
/// the same run, octet for octet.
pub struct Sim<S: Suite> {
    now: Instant,
    rng: ChaCha20Rng,
    latency: Latency,
    server: Server,
    nodes: Vec<Node<S>>,
    /// Whose connection a member's place in the channel is.
    seats: BTreeMap<MemberId, NodeId>,
    /// By member, so that what a dead process sent comes before what its successor sends.
    up: Mailboxes<MemberId, Travelling<(NodeId, Up)>>,
    down: Mailboxes<NodeId, Travelling<Notice>>,
    /// What becomes of data packets on each way, where nothing else is said of that one.
    loss: Option<Loss>,
    lossy_up: BTreeMap<NodeId, Loss>,
    lossy_down: BTreeMap<NodeId, Loss>,
    /// How often what happened to packets.
    happened: BTreeMap<&'static str, u64>,
    /// What the server tells otherwise than it happened.
    lies: Option<Lies>,
    stray: Stray<NodeId>,
    out: Outputs,
    invited: Vec<MemberId>,
    /// What the sessions of puppets ask of the channel.
    wishes: Vec<(NodeId, ChannelAction)>,
    records: Option<Vec<Record>>,
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
            seats: BTreeMap::new(),
            up: BTreeMap::new(),
            down: BTreeMap::new(),
            loss: None,
            lossy_up: BTreeMap::new(),
            lossy_down: BTreeMap::new(),
            happened: BTreeMap::new(),
            lies: None,
            stray: Stray::default(),
            out: Outputs::new(),
            invited: Vec::new(),
            wishes: Vec::new(),
            records: None,
        }
    }

    /// Adds a session, outside of the channel. Its randomness comes from the simulation's seed. It
    /// may be the successor of a crashed one of the same member.
    pub fn add(&mut self, session: Session<S>) -> NodeId {
        let id = session.own_id().clone();
        let node = NodeId(self.nodes.len());
        let rng = Dice::new(self.rng.next_u64());
        self.nodes.push(Node {
            id,
            due: session.next_deadline(),
            session,
            rng,
            events: Vec::new(),
            crashed: false,
            frozen: false,
            cut: false,
            puppet: false,
        });
        node
    }

    /// From now on, data packets get lost, come twice, and overtake each other on the way to each
    /// receiver. All else goes its way in order, as a group channel promises.
    pub fn lose(&mut self, loss: Loss) {
        self.loss = Some(loss);
    }

    /// The same on the way to one member alone, whatever is said of the others.
    pub fn lose_to(&mut self, node: NodeId, loss: Loss) {
        self.lossy_down.insert(node, loss);
    }

    /// From now on, data packets of one member get lost before the server has them, for everybody, or
    /// come there twice. They do not overtake each other there.
    pub fn lose_from(&mut self, node: NodeId, loss: Loss) {
        self.lossy_up.insert(node, loss);
    }

    /// From now on, the server tells different members different things, now and then; what, comes
    /// from the seed.
    pub fn lie(&mut self, seed: u64) {
        self.lies = Some(Lies::new(seed));
    }

    /// From now on, the server tells the truth. What it has said it does not take back. Says how many
    /// lies it has told.
    pub fn tell_the_truth(&mut self) -> u64 {
        let lies = self.lies.take();
        let told = lies.as_ref().map(Lies::told).into_iter().flatten();
        told.fold(0, |sum: u64, (lie, times)| {
            self.count(lie, *times);
            sum.saturating_add(*times)
        })
    }

    /// Takes the packets that a lying server has made up since the last time, in whose name, and as
    /// which lie.
    pub fn take_forged(&mut self) -> Vec<(&'static str, MemberId, String)> {
        self.lies.as_mut().map(Lies::take_forged).unwrap_or_default()
    }

    /// How often what has happened to packets: which losses, and, after
    /// [`tell_the_truth`](Sim::tell_the_truth), which lies.
    #[must_use]
    pub const fn happened(&self) -> &BTreeMap<&'static str, u64> {
        &self.happened
    }

    fn count(&mut self, what: &'static str, times: u64) {
        let sum = self.happened.entry(what).or_default();
        *sum = sum.saturating_add(times);
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

    /// Takes whom members have asked into the channel since the last time.
    pub fn take_invited(&mut self) -> Vec<MemberId> {
        core::mem::take(&mut self.invited)
    }

    /// From now on, keeps what sessions take in and give out, for [`Sim::take_records`].
    pub fn record(&mut self) {
        self.records.get_or_insert_default();
    }

    /// Takes what was recorded since the last time.
    pub fn take_records(&mut self) -> Vec<Record> {
        self.records.as_mut().map(core::mem::take).unwrap_or_default()
    }

    fn note(&mut self, node: NodeId, what: impl FnOnce() -> What) {
        let at = self.now;
        if let Some(records) = &mut self.records {
            records.push(Record { at, node, what: what() });
        }
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

    /// A member's process dies: it does nothing any more, what it sent and was told last is lost, and
    /// the server sees it leave at once.
    ///
    /// # Panics
    /// If the node is of another simulation.
    pub fn crash(&mut self, node: NodeId) {
        self.bury(node);
        self.disconnect(node);
        self.down.remove(&node);
    }

    /// A member's process dies, and the server sees it leave after all that it sent.
    ///
    /// # Panics
    /// If the node is of another simulation.
    pub fn die(&mut self, node: NodeId) {
        self.bury(node);
        self.down.remove(&node);
        self.send_up(node, Up::Broken);
    }

    /// A process that died while it stood still holds back nothing any more of what it had sent: its
    /// successor's connection comes behind that.
    #[expect(clippy::indexing_slicing, reason = "node ids are made by `add`")]
    fn bury(&mut self, node: NodeId) {
        self.nodes[node.0].crashed = true;
        self.nodes[node.0].frozen = false;
    }

    /// A member's connection breaks: what it sent last is lost, and the server sees it leave at
    /// once. Its session lives, and hears that it left.
    ///
    /// # Panics
    /// If the node is of another simulation.
    #[expect(clippy::indexing_slicing, reason = "node ids are made by `add`")]
    pub fn disconnect(&mut self, node: NodeId) {
        let id = self.nodes[node.0].id.clone();
        if let Some(way) = self.up.get_mut(&id) {
            // What a dead predecessor sent is on its way all the same.
            way.retain(|item| item.what.0 != node);
        }
        if self.seats.get(&id) == Some(&node) {
            let told = self.server.leave(&id);
            self.announce(told);
        } else if !self.nodes[node.0].crashed {
            // It was still on its way in.
            let arrives = self.now.after(self.journey());
            send(self.down.entry(node).or_default(), arrives, Notice::Left);
        }
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

    /// The network between a member and the server stops: what is under way waits, and the process
    /// goes on, until [`Sim::mend`]. The server sees nothing of it.
    ///
    /// # Panics
    /// If the node is of another simulation.
    #[expect(clippy::indexing_slicing, reason = "node ids are made by `add`")]
    pub fn cut(&mut self, node: NodeId) {
        self.nodes[node.0].cut = true;
    }

    /// The network between a member and the server goes on, with what has waited in it.
    ///
    /// # Panics
    /// If the node is of another simulation.
    #[expect(clippy::indexing_slicing, reason = "node ids are made by `add`")]
    pub fn mend(&mut self, node: NodeId) {
        self.nodes[node.0].cut = false;
    }

    /// The server removes a member from the channel.
    ///
    /// # Panics
    /// If the node is of another simulation.
    #[expect(clippy::indexing_slicing, reason = "node ids are made by `add`")]
    pub fn kick(&mut self, node: NodeId) {
        let told = self.server.leave(&self.nodes[node.0].id);
        self.announce(told);
    }

    /// Loses what is under way from a member to the server.
    ///
    /// # Panics
    /// If the node is of another simulation.
    #[expect(clippy::indexing_slicing, reason = "node ids are made by `add`")]
    pub fn lose_outgoing(&mut self, node: NodeId) {
        self.up.remove(&self.nodes[node.0].id);
    }

    /// Loses what is under way from the server to a member.
    ///
    /// # Panics
    /// If the node is of another simulation.
    pub fn lose_incoming(&mut self, node: NodeId) {
        self.down.remove(&node);
    }

    /// Has a member's place in the channel send a packet that its session did not make.
    ///
    /// # Panics
    /// If the node is of another simulation.
    pub fn inject(&mut self, node: NodeId, packet: &str) {
        let action = ChannelAction::Send { packet: packet.to_owned() };
        self.send_up(node, Up::Action(action));
    }

    /// From now on, a session is a puppet: what it asks of the channel is not done, but can be taken
    /// with [`Sim::take_wishes`]; and what it draws is remembered.
    ///
    /// # Panics
    /// If the node is of another simulation.
    #[expect(clippy::indexing_slicing, reason = "node ids are made by `add`")]
    pub fn puppet(&mut self, node: NodeId) {
        let node = &mut self.nodes[node.0];
        node.puppet = true;
        node.rng.remember();
    }

    /// Takes what the sessions of puppets have asked of the channel since the last time.
    pub fn take_wishes(&mut self) -> Vec<(NodeId, ChannelAction)> {
        core::mem::take(&mut self.wishes)
    }

    /// Asks something of the channel in the name of a session.
    pub fn ask(&mut self, node: NodeId, action: ChannelAction) {
        self.note(node, || What::Asked(action.clone()));
        self.send_up(node, Up::Action(action));
    }

    /// The secrets of 32 octets that a puppet has drawn lately, newest last.
    ///
    /// # Panics
    /// If the node is of another simulation.
    #[must_use]
    #[expect(clippy::indexing_slicing, reason = "node ids are made by `add`")]
    pub fn drawn(&self, node: NodeId) -> &[[u8; 32]] {
        self.nodes[node.0].rng.drawn()
    }

    /// Runs until nothing is under way and no deadline falls before `until`.
    ///
    /// # Errors
    /// [`Stuck`] after a million steps.
    pub fn run_until(&mut self, until: Instant) -> Result<(), Stuck> {
        for _ in 0..1_000_000 {
            if !self.advance(until) {
                return Ok(());
            }
        }
        Err(Stuck)
    }

    /// Does the next thing that is due by `until`: one step of the server, or one input of one
    /// session. If nothing is, it is `until` now; says whether something was.
    pub fn advance(&mut self, until: Instant) -> bool {
        let step = self.next_step().filter(|(at, _)| *at <= until);
        self.now = self.now.max(step.as_ref().map_or(until, |(at, _)| *at));
        let Some((_, step)) = step else { return false };
        self.step(step);
        true
    }

    /// Whether nothing is under way and no session waits for anything: nothing will happen any more
    /// unless a user does something.
    #[must_use]
    pub fn is_at_rest(&self) -> bool {
        self.next_step().is_none()
    }

    /// Whether nothing is under way to or from the server. What sessions do by themselves, now and
    /// then, may put something under way again.
    #[must_use]
    pub fn is_quiet(&self) -> bool {
        let empty = |way: &VecDeque<Travelling<_>>| way.is_empty();
        self.up.values().all(VecDeque::is_empty)
            && self.down.values().all(empty)
            && self.stray.is_empty()
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
        let reached = |node: &NodeId| self.nodes.get(node.0).is_some_and(Node::is_reached);
        let up = self
            .up
            .iter()
            .filter_map(|(id, way)| Some((id, way.front()?)))
            .filter(|(_, first)| reached(&first.what.0))
            .map(|(id, first)| (first.arrives, Step::Up(id.clone())));
        let down = self
            .down
            .iter()
            .filter(|(node, _)| reached(node))
            .filter_map(|(&node, way)| Some((way.front()?.arrives, Step::Down(node))));
        let deadlines = self
            .nodes
            .iter()
            .enumerate()
            .filter(|(_, node)| !node.crashed && !node.frozen)
            .filter_map(|(at, node)| Some((node.due?, Step::Tick(NodeId(at)))));
        let stray = self.stray.next(reached).map(|at| (at, Step::Stray));
        up.chain(down).chain(stray).chain(deadlines).min_by_key(|(at, _)| (*at).max(self.now))
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Up(id) => {
                let Some(first) = self.up.get_mut(&id).and_then(VecDeque::pop_front) else {
                    return;
                };
                let (node, what) = first.what;
                self.serve(node, &id, what);
            }
            Step::Down(node) => {
                let Some(first) = self.down.get_mut(&node).and_then(VecDeque::pop_front) else {
                    return;
                };
                self.note(node, || What::Heard(first.what.clone()));
                first.what.with(|event| self.feed(node, Input::Channel(event)));
            }
            Step::Stray => {
                let nodes = &self.nodes;
                let reached = |node: &NodeId| nodes.get(node.0).is_some_and(Node::is_reached);
                if let Some((node, notice)) = self.stray.take(reached) {
                    self.note(node, || What::Heard(notice.clone()));
                    notice.with(|event| self.feed(node, Input::Channel(event)));
                }
            }
            Step::Tick(node) => {
                self.note(node, || What::Ticked);
                self.feed(node, Input::Tick);
            }
        }
    }

    /// The server does what it is asked.
    fn serve(&mut self, node: NodeId, id: &MemberId, what: Up) {
        let told = match what {
            Up::Broken => self.server.leave(id),
            Up::Action(action) => {
                match &action {
                    ChannelAction::Enter if !self.server.members().contains(id) => {
                        self.seats.insert(id.clone(), node);
                    }
                    ChannelAction::Invite(members) => self.invited.extend(members.iter().cloned()),
                    _ => {}
                }
                self.server.act(id, action)
            }
        };
        self.announce(told);
    }

    fn feed(&mut self, node: NodeId, input: Input<'_>) {
        let Some(Node { session, rng, crashed: false, .. }) = self.nodes.get_mut(node.0) else {
            return;
        };
        session.handle(&mut Ctx::new(self.now, rng), input, &mut self.out);
        self.dispatch(node);
    }

    fn dispatch(&mut self, node: NodeId) {
        if let Some(Node { session, due, .. }) = self.nodes.get_mut(node.0) {
            *due = session.next_deadline();
        }
        while let Some(output) = self.out.pop() {
            match output {
                Output::Channel(action)
                    if self.nodes.get(node.0).is_some_and(|node| node.puppet) =>
                {
                    self.wishes.push((node, action));
                }
                Output::Channel(action) => {
                    self.note(node, || What::Asked(action.clone()));
                    self.send_up(node, Up::Action(action));
                }
                Output::Event(event) => {
                    self.note(node, || What::Told(event.clone()));
                    if let Some(node) = self.nodes.get_mut(node.0) {
                        node.events.push(event);
                    }
                }
                _ => {}
            }
        }
    }

    fn send_up(&mut self, node: NodeId, what: Up) {
        let arrives = self.now.after(self.journey());
        let loss = match &what {
            Up::Action(ChannelAction::Send { packet }) if is_data(packet) => {
                self.lossy_up.get(&node).copied()
            }
            _ => None,
        };
        let copies = loss.map_or(1, |loss| loss.fate(&mut self.rng).len());
        match copies {
            0 => self.count("lost on the way to the server", 1),
            1 => {}
            _ => self.count("doubled on the way to the server", 1),
        }
        if let Some(Node { id, .. }) = self.nodes.get(node.0) {
            let way = self.up.entry(id.clone()).or_default();
            for _ in 0..copies {
                send(way, arrives, (node, what.clone()));
            }
        }
    }

    fn announce(&mut self, told: Vec<(MemberId, Notice)>) {
        let told = match &mut self.lies {
            Some(lies) => lies.change(told),
            None => told.into_iter().map(|(to, notice)| Told { to, notice, late: None }).collect(),
        };
        for Told { to: id, notice, late } in told {
            // Drawn in any case: who hears of it changes nothing for the others.
            let arrives = self.now.after(self.journey());
            let seat = self.seats.get(&id).copied();
            if notice == Notice::Left {
                self.seats.remove(&id);
                // What strays is lost when its sender or its receiver goes.
                self.stray.forget(&id, seat);
            }
            if let Some(node) = seat
                && self.nodes.get(node.0).is_some_and(|node| !node.crashed)
            {
                if let Some(late) = late {
                    self.stray.send(arrives.after(late), node, notice);
                    continue;
                }
                let loss = self.lossy_down.get(&node).copied().or(self.loss);
                match loss.filter(|_| notice.is_data()) {
                    Some(loss) => {
                        let fate = loss.fate(&mut self.rng);
                        match fate.len() {
                            0 => self.count("lost on the way to a receiver", 1),
                            1 => {}
                            _ => self.count("doubled on the way to a receiver", 1),
                        }
                        for delay in fate {
                            self.stray.send(arrives.after(delay), node, notice.clone());
                        }
                    }
                    None => send(self.down.entry(node).or_default(), arrives, notice),
                }
            }
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
    Down(NodeId),
    Stray,
    Tick(NodeId),
}
