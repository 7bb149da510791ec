//! One life: people, what they do, and how time passes.

use core::time::Duration;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use mpenc::{
    ApiMisuse, Config, Ctx, Dialect, Event, JoinPatience, LocalIdentity, MemberId, Membership,
    Outputs, Sent, Session, State,
};
use mpenc_session::{ChannelAction, Instant};

use super::bounds::Bounds;
use super::chance::Chance;
use super::crypto::{Crypto, Known};
use super::deed::{Deed, Does};
use super::hostile::{Attack, Puppeteer, Tried};
use super::story;
use super::witness::{Found, Witness};
use super::{Faults, Finding, Plan, Report};
use crate::{Latency, Loss, NodeId, Notice, Record, Sim, What};

/// Names of people; who comes after them is called by a number.
const NAMES: [&str; 8] = ["ann", "ben", "cleo", "dan", "eve", "fay", "gil", "hana"];
/// How many things one input may lead to, beside a few for every text of the life.
const OUTPUTS: usize = 64;
/// How many things may happen until the next deed, or in ten seconds after the last.
const STEPS: usize = 200_000;

/// Somebody, and the process that runs for them.
struct Person {
    id: MemberId,
    seed: [u8; 32],
    config: Config,
    /// `None` while none runs.
    node: Option<NodeId>,
    /// Since when the process stands still, and until when.
    stalls: Option<(Instant, Instant)>,
    /// Since when the network does, and until when.
    cut: Option<(Instant, Instant)>,
    hostile: bool,
    /// What happens to data packets on the way to the server, and on the way back; where any get lost.
    link: Option<[Loss; 2]>,
}

/// Where the next deed comes from.
enum Source {
    /// People enter, and one includes the others; then so many are chosen, one after the other.
    Chosen { first: VecDeque<Deed>, more: u32 },
    /// They are written down.
    Written(VecDeque<Deed>),
}

pub(crate) struct Life<'a, C: Crypto> {
    seed: u64,
    pub(super) plan: Plan,
    chance: Chance,
    /// Whether people come who are asked in.
    whims: Chance,
    source: Source,
    /// What was done, also if somebody panics in the middle of it.
    deeds: &'a mut Vec<Deed>,
    pub(crate) sim: Sim<C>,
    known: Known,
    people: Vec<Person>,
    pub(crate) witness: Witness,
    bounds: Bounds,
    pub(super) puppeteers: BTreeMap<NodeId, Puppeteer>,
    /// How attacks are chosen in detail.
    pub(super) malice: Chance,
    pub(super) tried: Tried,
    texts: usize,
    /// When everything that people did had long been over.
    pub(super) settled: Instant,
    /// Whether time does not go on: then the life ends here.
    pub(super) stuck: bool,
    listener: Option<&'a mut dyn FnMut(&str)>,
    pub(super) report: Report,
}

impl<'a, C: Crypto> Life<'a, C> {
    /// A life of this seed; if there are `written` deeds, it is these that are done.
    pub(crate) fn new(
        seed: u64,
        plan: Plan,
        written: Option<&[Deed]>,
        deeds: &'a mut Vec<Deed>,
        listener: Option<&'a mut dyn FnMut(&str)>,
    ) -> Self {
        let mut chance = Chance::new(seed, 1);
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
        // One to a third of them, if any: the last ones, so that somebody honest begins.
        let honest = match plan.faults {
            Faults::Hostile => count.saturating_sub(chance.below(count / 3).saturating_add(1)),
            _ => count,
        };
        let mut links = Chance::new(seed, 5);
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
                let hostile = at >= honest;
                let link = plan.faults.loses().then(|| link(&mut links, config.broadcast_latency));
                let (node, stalls, cut) = (None, None, None);
                Some(Person { id, seed, config, node, stalls, cut, hostile, link })
            })
            .collect();
        let known = people
            .iter()
            .map(|person| (person.id.clone(), LocalIdentity::from_seed(&person.seed).public_key()))
            .collect();
        let hostile = people.iter().filter(|person| person.hostile);
        let hostile = hostile.map(|person| person.id.clone()).collect();
        let mut sim = Sim::new(seed, latency);
        if plan.faults.lies() {
            sim.lie(seed);
        }
        sim.record();
        let source = match written {
            Some(deeds) => Source::Written(deeds.iter().cloned().collect()),
            None => {
                let first = beginning(&mut chance, people.len());
                Source::Chosen { first, more: plan.steps }
            }
        };
        Self {
            seed,
            plan,
            chance,
            whims: Chance::new(seed, 3),
            source,
            deeds,
            sim,
            known: Arc::new(known),
            people,
            witness: Witness::new(plan.faults.divides(), hostile),
            bounds: Bounds::default(),
            puppeteers: BTreeMap::new(),
            malice: Chance::new(seed, 4),
            tried: Tried::default(),
            texts: 0,
            settled: Instant::default(),
            stuck: false,
            listener,
            report: Report { runs: 1, ..Report::default() },
        }
    }

    /// Leads it to its end.
    pub(crate) fn lead(mut self) -> Report {
        while let Some(deed) = self.next_deed().filter(|_| !self.stuck) {
            self.deeds.push(deed.clone());
            self.perform(&deed);
            self.pass(Duration::from_millis(deed.then));
        }
        self.recover(true);
        self.report.lies = self.sim.tell_the_truth();
        self.rest();
        for (what, times) in self.sim.happened() {
            self.report.count(what, *times);
        }
        self.report.operations = u64::try_from(self.witness.operations()).unwrap_or(u64::MAX);
        self.report.messages = u64::try_from(self.texts).unwrap_or(u64::MAX);
        self.report.warnings = self.witness.warnings;
        self.report.attacks = self.tried.sums();
        self.report
    }

    fn next_deed(&mut self) -> Option<Deed> {
        match &mut self.source {
            Source::Written(deeds) => deeds.pop_front(),
            Source::Chosen { first, more } => {
                if let Some(deed) = first.pop_front() {
                    return Some(deed);
                }
                *more = more.checked_sub(1)?;
                Some(self.choose())
            }
        }
    }

    // ---- what people do ----

    /// What somebody might do now.
    fn choose(&mut self) -> Deed {
        let who = self.chance.below(self.people.len());
        let does = self.choose_for(who);
        Deed { who, does, then: pause(&mut self.chance) }
    }

    fn choose_for(&mut self, who: usize) -> Does {
        let Some(node) = self.node(who) else {
            return if self.chance.one_in(3) { Does::Start } else { Does::Wait };
        };
        if self.people.get(who).is_some_and(|person| person.stalls.is_some()) {
            return Does::Wait;
        }
        if self.people.get(who).is_some_and(|person| person.hostile) && self.chance.one_in(3) {
            return Does::Attack(Attack::nth(self.chance.below(Attack::COUNT)));
        }
        // More often while an operation runs: most of the time none does.
        let running = self.sim.session(node).operation_progress().is_some();
        if self.plan.faults.churns() && self.chance.one_in(if running { 4 } else { 16 }) {
            return self.choose_mishap();
        }
        let dice = self.chance.below(100);
        match self.sim.session(node).state() {
            State::Outside if dice < 60 => Does::Join,
            State::Waiting if dice < 3 => Does::Part,
            State::Waiting | State::Alone | State::Joined | State::Parting => {
                self.choose_inside(node, dice)
            }
            _ => Does::Wait,
        }
    }

    fn choose_inside(&mut self, node: NodeId, dice: usize) -> Does {
        let members = self.sim.session(node).members();
        let everybody = 0..self.people.len();
        let (inside, outside): (Vec<_>, Vec<_>) = everybody.clone().partition(|&who| {
            self.people.get(who).is_some_and(|person| members.contains(&person.id))
        });
        match dice {
            0..45 => Does::Write,
            45..50 => Does::Ack,
            50..54 => Does::WriteTo(self.chance.some(&everybody.collect::<Vec<_>>(), 3)),
            54..68 => Does::Include(self.chance.some(&outside, 3)),
            68..73 => Does::Exclude(self.chance.some(&inside, 2)),
            73..82 => Does::Refresh,
            82..84 => Does::Part,
            84..85 => Does::Abort,
            85..87 if self.plan.faults == Faults::Chaos => Does::Plain,
            _ => Does::Wait,
        }
    }

    /// Something goes wrong with somebody's process or connection.
    fn choose_mishap(&mut self) -> Does {
        let kinds = if self.plan.faults == Faults::Chaos { 7 } else { 4 };
        let kind = self.chance.below(kinds);
        let most = if self.chance.one_in(4) { 60_000 } else { 3_000 };
        let millis = u64::try_from(self.chance.below(most)).unwrap_or(0);
        match kind {
            0 => Does::Crash,
            1 => Does::Die,
            2 => Does::Disconnect,
            3 => Does::Stall(millis),
            4 => Does::Cut(millis),
            5 => Does::Split(
                self.chance.some(&(0..self.people.len()).collect::<Vec<_>>(), 4),
                millis,
            ),
            _ => Does::Kicked,
        }
    }

    fn perform(&mut self, deed: &Deed) {
        let Deed { who, does, .. } = deed;
        let who = *who;
        match does {
            Does::Wait => {}
            Does::Start => {
                if self.node(who).is_none() {
                    self.start(who);
                    self.join(who);
                }
            }
            Does::Join => self.join(who),
            Does::Part => self.part(who),
            Does::Include(others) => {
                let others = self.ids(others);
                self.propose(who, Membership::Include(&others));
            }
            Does::Exclude(others) => {
                let others = self.ids(others);
                self.propose(who, Membership::Exclude(&others));
            }
            Does::Refresh => self.propose(who, Membership::Refresh),
            Does::Abort => {
                let abort = |session: &mut Session<C>, cx: &mut Ctx<'_>, out: &mut Outputs| {
                    session.abort(cx, "changed my mind", out)
                };
                self.act(who, "aborts", abort);
                self.watch();
            }
            Does::Write => {
                if let Some(node) = self.node(who) {
                    self.write(who, node);
                }
            }
            Does::WriteTo(readers) => {
                let readers = self.ids(readers);
                if let Some(node) = self.node(who) {
                    self.write_to(who, node, &readers);
                }
            }
            Does::Ack => {
                self.act(who, "acks", |session, cx, out| session.ack(cx, out).map(drop));
                self.watch();
            }
            Does::Attack(attack) => {
                if let Some(node) = self.node(who) {
                    self.attack(who, node, *attack);
                }
            }
            Does::Crash
            | Does::Die
            | Does::Disconnect
            | Does::Stall(_)
            | Does::Cut(_)
            | Does::Split(..)
            | Does::Kicked
            | Does::Plain => {
                if let Some(node) = self.node(who) {
                    self.tell(who, &does.to_string());
                    self.count(does, node);
                    self.befall(who, node, does);
                    self.watch();
                }
            }
        }
    }

    /// What befalls somebody, or is done past their session.
    fn befall(&mut self, who: usize, node: NodeId, does: &Does) {
        let now = self.sim.now();
        match does {
            Does::Crash => {
                self.sim.crash(node);
                self.bury(who, node);
            }
            Does::Die => {
                self.sim.die(node);
                self.bury(who, node);
            }
            Does::Disconnect => self.sim.disconnect(node),
            Does::Kicked => self.sim.kick(node),
            Does::Plain => {
                self.witness.noisy.insert(self.sim.session(node).own_id().clone());
                self.sim.inject(node, "hello, is this thing on?");
            }
            Does::Stall(millis) => {
                self.sim.freeze(node);
                let until = now.after(Duration::from_millis(*millis));
                if let Some(person) = self.people.get_mut(who) {
                    person.stalls = Some((now, until));
                }
            }
            Does::Cut(millis) => self.cut(who, node, *millis),
            Does::Split(others, millis) => {
                for &who in others {
                    if let Some(node) = self.node(who) {
                        self.cut(who, node, *millis);
                    }
                }
            }
            _ => {}
        }
    }

    fn cut(&mut self, who: usize, node: NodeId, millis: u64) {
        self.sim.cut(node);
        let now = self.sim.now();
        if let Some(person) = self.people.get_mut(who) {
            person.cut = Some((now, now.after(Duration::from_millis(millis))));
        }
    }

    /// Counts what befalls somebody, and whether it does in the middle of an operation.
    fn count(&mut self, does: &Does, node: NodeId) {
        let what = does.to_string();
        let what = what.split(',').next().unwrap_or_default();
        let what = what.split(" for ").next().unwrap_or_default();
        self.report.count(what, 1);
        if self.sim.session(node).operation_progress().is_some() {
            self.report.count(&format!("{what} in the middle of an operation"), 1);
        }
    }

    fn ids(&self, places: &[usize]) -> Vec<MemberId> {
        let id = |place: &usize| self.people.get(*place).map(|person| person.id.clone());
        places.iter().filter_map(id).collect()
    }

    fn bury(&mut self, who: usize, node: NodeId) {
        self.sim.mend(node);
        // With all that was to end for that process: `pass` waits for each such end in turn.
        if let Some(person) = self.people.get_mut(who) {
            person.node = None;
            person.stalls = None;
            person.cut = None;
        }
        if let Some(book) = self.witness.books.get_mut(&node) {
            book.dead = true;
        }
    }

    /// Processes and networks that stood still go on, if it is time, or `everybody`'s.
    fn recover(&mut self, everybody: bool) {
        let now = self.sim.now();
        for who in 0..self.people.len() {
            let Some(person) = self.people.get_mut(who) else { continue };
            let Some(node) = person.node else { continue };
            let due = |stop: &mut (Instant, Instant)| everybody || stop.1 <= now;
            let stops = [person.stalls.take_if(due), person.cut.take_if(due)];
            let long = person.config.broadcast_latency;
            if stops.iter().flatten().any(|(since, _)| now.since(*since) >= long) {
                self.witness.stalled.insert(person.id.clone());
            }
            let [stalled, cut] = stops;
            if stalled.is_some() {
                self.sim.thaw(node);
                self.tell(who, "stalls no more");
            }
            if cut.is_some() {
                self.sim.mend(node);
                self.tell(who, "is cut off no more");
            }
        }
    }

    fn start(&mut self, who: usize) {
        let Some(person) = self.people.get_mut(who) else { return };
        let greeter = C::greeter(&person.id, &person.seed, &self.known);
        let node = self.sim.add(Session::new(greeter, person.config.clone()));
        person.node = Some(node);
        person.stalls = None;
        if let Some([up, down]) = person.link {
            self.sim.lose_from(node, up);
            self.sim.lose_to(node, down);
        }
        if person.hostile {
            self.sim.puppet(node);
            self.puppeteers.insert(node, Puppeteer::default());
        }
        let id = person.id.clone();
        self.witness.add(node, id);
        self.tell(who, "starts a process");
    }

    pub(crate) fn is_puppet(&self, node: NodeId) -> bool {
        self.puppeteers.contains_key(&node)
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
        act: impl FnOnce(&mut Session<C>, &mut Ctx<'_>, &mut Outputs) -> Result<R, ApiMisuse>,
    ) -> Option<R> {
        let node = self.node(who)?;
        self.bounds.forget(node);
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

    /// Lets time pass; what stands still goes on when it is time.
    pub(crate) fn pass(&mut self, while_: Duration) {
        let until = self.sim.now().after(while_);
        while !self.stuck {
            let stops = self.people.iter().flat_map(|person| [person.stalls, person.cut]);
            let first = stops.flatten().map(|(_, until)| until).min();
            let stop = first.map_or(until, |first| first.min(until));
            if !self.run_until(stop) && !self.stuck {
                self.stuck = true;
                self.found(Found::Violation(String::from("it never comes to rest")));
            }
            self.recover(false);
            if stop == until {
                return;
            }
        }
    }

    fn run_until(&mut self, until: Instant) -> bool {
        for _ in 0..STEPS {
            if !self.happen(until) {
                return true;
            }
            if self.stuck {
                break;
            }
        }
        false
    }

    /// Lets the next thing happen that is due by then, if anything is; else it is then.
    pub(crate) fn happen(&mut self, until: Instant) -> bool {
        let something = self.sim.advance(until);
        for (lie, sender, packet) in self.sim.take_forged() {
            self.tried.sends(lie, &sender, None, &packet);
        }
        if something {
            self.watch();
            self.invite();
        }
        something
    }

    /// People whom others ask in usually come.
    fn invite(&mut self) {
        for id in self.sim.take_invited() {
            let Some(who) = self.people.iter().position(|person| person.id == id) else { continue };
            let outside =
                self.node(who).is_some_and(|node| self.sim.session(node).state() == State::Outside);
            if outside && !self.whims.one_in(4) {
                self.join(who);
            }
        }
    }

    /// Has the witness see what happened. Each time it is one session's doing.
    pub(crate) fn watch(&mut self) {
        let records = self.sim.take_records();
        if let Some(node) = records.first().map(|record| record.node) {
            self.sim.take_events(node);
            self.witness.now = self.sim.now();
            self.see(node, &records);
            self.watch_findings();
        }
        self.pull_strings();
    }

    fn see(&mut self, node: NodeId, records: &[Record]) {
        let mut heard = None;
        let mut events = Vec::new();
        for record in records {
            if self.listener.is_some() {
                let line = story::line(&self.witness, record);
                self.say(&line);
            }
            match &record.what {
                What::Asked(ChannelAction::Send { packet }) => match story::greets(packet) {
                    Some((true, confirms)) => self.witness.sends_initial(node, packet, confirms),
                    Some((false, true)) => self.witness.confirms(node),
                    _ => {}
                },
                What::Heard(Notice::Packet { packet, sender }) => {
                    heard = Some(packet.as_str());
                    if let Some(puppeteer) = self.puppeteers.get_mut(&node)
                        && *sender != *self.sim.session(node).own_id()
                    {
                        puppeteer.hears(packet);
                    }
                }
                What::Told(event) => events.push(event),
                _ => {}
            }
            self.witness.sees(node, &record.what, self.sim.session(node));
        }
        if self.puppeteers.contains_key(&node) {
            return;
        }
        let people = self.people.len();
        let broken = self.bounds.see(node, self.sim.session(node), records, people);
        self.stuck |= broken.stuck;
        for what in broken.what {
            self.witness.violation(node, what);
        }
        self.tried.hears(heard, &events);
        let messages: Vec<_> = events
            .into_iter()
            .filter_map(|event| match event {
                Event::Message(message) => Some(message),
                _ => None,
            })
            .collect();
        self.witness.compare(node, &messages);
        if records.len() > OUTPUTS.saturating_add(self.texts.saturating_mul(4)) {
            let what = format!("one input led to {} outputs", records.len());
            self.witness.violation(node, what);
        }
    }

    /// Reports what the witness found.
    pub(crate) fn watch_findings(&mut self) {
        for found in core::mem::take(&mut self.witness.found) {
            self.found(found);
        }
    }

    pub(super) fn found(&mut self, found: Found) {
        let at = self.sim.now().since_epoch();
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

    pub(super) fn tell(&mut self, who: usize, what: &str) {
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

/// What happens to data packets on somebody's way to the server and back: of most people, 5 % of those
/// that come get lost, and 5 % come twice; of some, none, or one in five. Of those that they send,
/// 2 % or none.
fn link(links: &mut Chance, latency: Duration) -> [Loss; 2] {
    let delay = latency.saturating_mul(3);
    let [lost, doubled] = match links.below(6) {
        0 => [0, 0],
        1 => [20, 10],
        _ => [5, 5],
    };
    let up = if links.one_in(2) { 2 } else { 0 };
    [Loss::new(up, up, Duration::ZERO), Loss::new(lost, doubled, delay)]
}

/// Everybody enters, one after the other, and the first includes the others.
fn beginning(chance: &mut Chance, people: usize) -> VecDeque<Deed> {
    let mut deeds: VecDeque<_> =
        (0..people).map(|who| Deed { who, does: Does::Start, then: chance.up_to(1_000) }).collect();
    if let Some(last) = deeds.back_mut() {
        last.then = last.then.saturating_add(3_000);
    }
    let does = Does::Include((1..people).collect());
    deeds.push_back(Deed { who: 0, does, then: 0 });
    deeds
}

/// Often none at all: then things happen at the same time.
fn pause(chance: &mut Chance) -> u64 {
    match chance.below(20) {
        0..8 => 0,
        8..15 => chance.up_to(300),
        15..19 => chance.up_to(4_000),
        _ => chance.up_to(90_000),
    }
}
