//! One life: people, what they do, and how time passes.

use core::time::Duration;
use std::collections::BTreeMap;
use std::sync::Arc;

use mpenc::{
    ApiMisuse, CliquesGreeter, Config, Ctx, Dialect, Event, JoinPatience, LocalIdentity, MemberId,
    Membership, Mpenc, MpencSession, Outputs, Sent, State,
};
use mpenc_session::Instant;

use super::chance::Chance;
use super::story;
use super::witness::{Found, Witness};
use super::{Faults, Finding, Plan, Report};
use crate::{Latency, Loss, NodeId, Sim, What};

/// Names of people; who comes after them is called by a number.
const NAMES: [&str; 8] = ["ann", "ben", "cleo", "dan", "eve", "fay", "gil", "hana"];
/// How many things one input may lead to, beside a few for every text of the life.
const OUTPUTS: usize = 64;

/// Somebody, and the process that runs for them.
struct Person {
    id: MemberId,
    seed: [u8; 32],
    config: Config,
    /// `None` while none runs.
    node: Option<NodeId>,
    /// Until when it stalls.
    /// Since when it stalls, and until when.
    stalls: Option<(Instant, Instant)>,
}

pub(crate) struct Life<'a> {
    seed: u64,
    pub(super) plan: Plan,
    chance: Chance,
    pub(crate) sim: Sim<Mpenc>,
    known: Arc<BTreeMap<MemberId, [u8; 32]>>,
    people: Vec<Person>,
    pub(crate) witness: Witness,
    texts: usize,
    listener: Option<&'a mut dyn FnMut(&str)>,
    pub(super) report: Report,
}

impl<'a> Life<'a> {
    pub(crate) fn new(seed: u64, plan: Plan, listener: Option<&'a mut dyn FnMut(&str)>) -> Self {
        let mut chance = Chance::new(seed);
        let count = plan
            .least
            .saturating_add(chance.below(plan.most.saturating_sub(plan.least).saturating_add(1)));
        // Always less than BC_LAT for a whole round: slower channels would be a fault.
        let most = [20, 80, 400, 2000].map(Duration::from_millis);
        let latency = Latency {
            least: Duration::from_millis(5),
            most: chance.pick(&most).copied().unwrap_or_default(),
        };
        let auto_include = chance.one_in(3);
        let people: Vec<_> = (0..count)
            .filter_map(|at| {
                let name = NAMES.get(at).map_or_else(|| format!("no{at}"), |&name| name.to_owned());
                let mut config = Config::default();
                config.auto_include = auto_include;
                config.stay_if_last = chance.one_in(2);
                config.join_patience = match chance.below(3) {
                    0 => JoinPatience::Forever,
                    1 => JoinPatience::ByMembers,
                    _ => JoinPatience::For(Duration::from_secs(40)),
                };
                let mut seed = [0x5a; 32];
                seed.iter_mut().zip(name.bytes()).for_each(|(place, octet)| *place = octet);
                let id = MemberId::new(Dialect::DOCUMENT, &name).ok()?;
                Some(Person { id, seed, config, node: None, stalls: None })
            })
            .collect();
        let known = people
            .iter()
            .map(|person| (person.id.clone(), LocalIdentity::from_seed(&person.seed).public_key()))
            .collect();
        let mut sim = Sim::new(seed, latency);
        if plan.faults == Faults::Loss {
            let latency = Config::default().broadcast_latency;
            sim.lose(Loss::new(5, 5, latency.saturating_mul(3)));
        }
        if plan.faults == Faults::Liar {
            sim.lie(seed);
        }
        sim.record();
        Self {
            seed,
            plan,
            chance,
            sim,
            known: Arc::new(known),
            people,
            witness: Witness::new(plan.faults == Faults::Liar),
            texts: 0,
            listener,
            report: Report { runs: 1, ..Report::default() },
        }
    }

    pub(crate) fn lead(mut self) -> Report {
        for who in 0..self.people.len() {
            self.start(who);
            self.join(who);
            let pause = self.chance.up_to(Duration::from_secs(1));
            self.pass(pause);
        }
        self.pass(Duration::from_secs(3));
        let others: Vec<_> = self.people.iter().skip(1).map(|person| person.id.clone()).collect();
        self.propose(0, Membership::Include(&others));
        for _ in 0..self.plan.steps {
            self.thaw(false);
            self.step();
            let pause = self.pause();
            self.pass(pause);
        }
        self.thaw(true);
        self.sim.tell_the_truth();
        self.report.lies = self.sim.lies_told();
        self.rest();
        self.report.operations = u64::try_from(self.witness.operations()).unwrap_or(u64::MAX);
        self.report.messages = u64::try_from(self.texts).unwrap_or(u64::MAX);
        self.report.warnings = self.witness.warnings;
        self.report
    }

    /// Often none at all: then things happen at the same time.
    fn pause(&mut self) -> Duration {
        let most = match self.chance.below(20) {
            0..8 => return Duration::ZERO,
            8..15 => Duration::from_millis(300),
            15..19 => Duration::from_secs(4),
            _ => Duration::from_secs(90),
        };
        self.chance.up_to(most)
    }

    // ---- what people do ----

    fn step(&mut self) {
        let who = self.chance.below(self.people.len());
        let churn = self.plan.faults == Faults::Churn;
        let Some(node) = self.node(who) else {
            if self.chance.one_in(3) {
                self.start(who);
                self.join(who);
            }
            return;
        };
        if self.people.get(who).is_some_and(|person| person.stalls.is_some()) {
            return;
        }
        if churn && self.chance.one_in(16) {
            return self.fail(who, node);
        }
        let dice = self.chance.below(100);
        match self.sim.session(node).state() {
            State::Outside if dice < 60 => self.join(who),
            State::Waiting if dice < 3 => self.part(who),
            State::Waiting | State::Alone | State::Joined | State::Parting => {
                self.live_on(who, node, dice);
            }
            _ => {}
        }
    }

    fn live_on(&mut self, who: usize, node: NodeId, dice: usize) {
        let members = self.sim.session(node).members().to_vec();
        let everybody: Vec<_> = self.people.iter().map(|person| person.id.clone()).collect();
        match dice {
            0..45 => self.write(who, node),
            45..50 => {
                self.act(who, "acks", |session, cx, out| session.ack(cx, out).map(drop));
                self.watch();
            }
            50..54 => {
                let readers = self.chance.some(&everybody, 3);
                self.write_to(who, node, &readers);
            }
            54..68 => {
                let others: Vec<_> =
                    everybody.into_iter().filter(|id| !members.contains(id)).collect();
                let chosen = self.chance.some(&others, 3);
                self.propose(who, Membership::Include(&chosen));
            }
            68..73 => {
                let chosen = self.chance.some(&members, 2);
                self.propose(who, Membership::Exclude(&chosen));
            }
            73..82 => self.propose(who, Membership::Refresh),
            82..84 => self.part(who),
            84..85 => {
                let abort = |session: &mut MpencSession, cx: &mut Ctx<'_>, out: &mut Outputs| {
                    session.abort(cx, "changed my mind", out)
                };
                self.act(who, "aborts", abort);
                self.watch();
            }
            _ => {}
        }
    }

    /// Something goes wrong with somebody's process.
    fn fail(&mut self, who: usize, node: NodeId) {
        match self.chance.below(4) {
            0 => {
                self.tell(who, "crashes, and what was under way is lost");
                self.sim.crash(node);
                self.bury(who, node);
            }
            1 => {
                self.tell(who, "dies");
                self.sim.die(node);
                self.bury(who, node);
            }
            2 => {
                self.tell(who, "loses the connection");
                self.sim.disconnect(node);
            }
            _ => {
                let most = if self.chance.one_in(4) { 60 } else { 3 };
                let while_ = self.chance.up_to(Duration::from_secs(most));
                self.tell(who, &format!("stalls for {while_:?}"));
                self.sim.freeze(node);
                let until = self.sim.now().after(while_);
                if let Some(person) = self.people.get_mut(who) {
                    person.stalls = Some((self.sim.now(), until));
                }
            }
        }
        self.watch();
    }

    fn bury(&mut self, who: usize, node: NodeId) {
        if let Some(person) = self.people.get_mut(who) {
            person.node = None;
        }
        if let Some(book) = self.witness.books.get_mut(&node) {
            book.dead = true;
        }
    }

    fn thaw(&mut self, everybody: bool) {
        let now = self.sim.now();
        for who in 0..self.people.len() {
            let Some(person) = self.people.get_mut(who) else { continue };
            if let Some(node) = person.node
                && let Some((since, _)) =
                    person.stalls.take_if(|(_, until)| everybody || *until <= now)
            {
                if now.since(since) >= person.config.broadcast_latency {
                    self.witness.stalled.insert(person.id.clone());
                }
                self.sim.thaw(node);
                self.tell(who, "stalls no more");
            }
        }
    }

    fn start(&mut self, who: usize) {
        let Some(person) = self.people.get_mut(who) else { return };
        let signer = LocalIdentity::from_seed(&person.seed).into_signer();
        let known = Arc::clone(&self.known);
        let greeter = CliquesGreeter::new(Dialect::DOCUMENT, person.id.clone(), signer, known);
        let node = self.sim.add(MpencSession::new(greeter, person.config.clone()));
        person.node = Some(node);
        person.stalls = None;
        let id = person.id.clone();
        self.witness.add(node, id);
        self.tell(who, "starts a process");
    }

    pub(crate) fn node(&self, who: usize) -> Option<NodeId> {
        self.people.get(who)?.node
    }

    /// The live processes, by person.
    pub(crate) fn processes(&self) -> BTreeMap<MemberId, NodeId> {
        self.people.iter().filter_map(|person| Some((person.id.clone(), person.node?))).collect()
    }

    fn act<R>(
        &mut self,
        who: usize,
        what: &str,
        act: impl FnOnce(&mut MpencSession, &mut Ctx<'_>, &mut Outputs) -> Result<R, ApiMisuse>,
    ) -> Option<R> {
        let node = self.node(who)?;
        match self.sim.act(node, act) {
            Ok(result) => {
                self.tell(who, what);
                Some(result)
            }
            Err(misuse) => {
                self.tell(who, &format!("{what}? no: {misuse}"));
                None
            }
        }
    }

    fn join(&mut self, who: usize) {
        self.act(who, "joins", |session, cx, out| session.join(cx, out));
        self.watch();
    }

    fn part(&mut self, who: usize) {
        let done = self.act(who, "parts", |session, cx, out| session.part(cx, out));
        if let (Some(()), Some(node)) = (done, self.node(who)) {
            self.witness.parts(node);
        }
        self.watch();
    }

    fn propose(&mut self, who: usize, change: Membership<'_>) {
        let what = match change {
            Membership::Include(members) => format!("includes {}", story::names(members)),
            Membership::Exclude(members) => format!("excludes {}", story::names(members)),
            _ => String::from("renews the key"),
        };
        let own = self.act(who, &what, |session, cx, out| session.propose(cx, change, out));
        if let (Some(own), Some(node)) = (own, self.node(who)) {
            self.witness.proposed(node, own);
        }
        self.watch();
    }

    fn text(&mut self, who: usize) -> String {
        self.texts = self.texts.saturating_add(1);
        let name = self.people.get(who).map(|person| person.id.to_string()).unwrap_or_default();
        format!("{name}'s text {}", self.texts)
    }

    pub(crate) fn write(&mut self, who: usize, node: NodeId) {
        let readers = self.sim.session(node).members().to_vec();
        let text = self.text(who);
        let what = format!("writes {text:?}");
        let sent = self.act(who, &what, |session, cx, out| session.send(cx, &text, out));
        self.note_sent(node, sent, &readers, &text);
    }

    fn write_to(&mut self, who: usize, node: NodeId, readers: &[MemberId]) {
        let text = self.text(who);
        let what = format!("writes {text:?} to {}", story::names(readers));
        let sent =
            self.act(who, &what, |session, cx, out| session.send_to(cx, readers, &text, out));
        self.note_sent(node, sent, readers, &text);
    }

    fn note_sent(&mut self, node: NodeId, sent: Option<Sent>, readers: &[MemberId], text: &str) {
        match sent {
            Some(Sent::Now(id)) => self.witness.wrote(node, id, readers, text),
            Some(Sent::Queued(local)) => self.witness.queued(node, local, readers, text),
            _ => self.texts = self.texts.saturating_sub(1),
        }
        self.watch();
    }

    // ---- how time passes ----

    /// Lets time pass.
    pub(crate) fn pass(&mut self, while_: Duration) {
        let until = self.sim.now().after(while_);
        for _ in 0..1_000_000 {
            if !self.sim.advance(until) {
                return;
            }
            self.watch();
            self.invite();
        }
        self.found(Found::Violation(String::from("it never comes to rest")));
    }

    /// People whom others ask in usually come.
    fn invite(&mut self) {
        for id in self.sim.take_invited() {
            let Some(who) = self.people.iter().position(|person| person.id == id) else { continue };
            let outside =
                self.node(who).is_some_and(|node| self.sim.session(node).state() == State::Outside);
            if outside && !self.chance.one_in(4) {
                self.join(who);
            }
        }
    }

    /// Has the witness see what happened. Each time it is one session's doing.
    pub(crate) fn watch(&mut self) {
        let records = self.sim.take_records();
        let Some(node) = records.first().map(|record| record.node) else { return };
        self.sim.take_events(node);
        let mut messages = Vec::new();
        for record in &records {
            if self.listener.is_some() {
                let line = story::line(&self.witness, record);
                self.say(&line);
            }
            match story::greets(&record.what) {
                Some((packet, true, confirms)) => {
                    self.witness.sends_initial(record.node, packet, confirms);
                }
                Some((_, false, true)) => self.witness.confirms(record.node),
                _ => {}
            }
            self.witness.sees(record.node, &record.what, self.sim.session(record.node));
            if let What::Told(Event::Message(message)) = &record.what {
                messages.push(message);
            }
        }
        self.witness.compare(node, &messages);
        if records.len() > OUTPUTS.saturating_add(self.texts.saturating_mul(4)) {
            let what = format!("one input led to {} outputs", records.len());
            self.witness.violation(node, what);
        }
        self.watch_findings();
    }

    /// Reports what the witness found.
    pub(crate) fn watch_findings(&mut self) {
        for found in core::mem::take(&mut self.witness.found) {
            self.found(found);
        }
    }

    fn found(&mut self, found: Found) {
        let at = self.sim.now();
        let seed = self.seed;
        match found {
            Found::Violation(what) => {
                self.say(&format!("!! violation: {what}"));
                self.report.violations.push(Finding { seed, at, what });
            }
            Found::FalseWarning(what) => {
                self.say(&format!("!! false warning: {what}"));
                self.report.false_warnings.push(Finding { seed, at, what });
            }
        }
    }

    fn tell(&mut self, who: usize, what: &str) {
        if self.listener.is_some() {
            let name = self.people.get(who).map(|person| person.id.to_string()).unwrap_or_default();
            let line = format!("{} {name:<6}  * {what}", story::time(self.sim.now()));
            self.say(&line);
        }
    }

    pub(crate) fn say(&mut self, line: &str) {
        if let Some(listener) = &mut self.listener {
            listener(line);
        }
    }

    pub(crate) fn people(&self) -> usize {
        self.people.len()
    }
}
