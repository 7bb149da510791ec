//! A few whole sessions in a group that is much larger.

use std::collections::VecDeque;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use mpenc::message::Kind;
use mpenc::{
    ChannelAction, ChannelEvent, Ctx, Event, Input, Instant, MemberId, Membership, MpencSession,
    Output, Outputs, Severity,
};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng as _;

use super::carriers::foretell;
use super::crowd::{Crowd, Sent};
use super::people::People;
use super::table::{Spent, cpu, head, line, warn};
use super::{PATIENCE, PAUSE, REST, Scale, TEXT};

/// How long sessions wait, at most, before they tell what they accepted: FA_INTV - 2 BC_LAT and a
/// little.
const HISTORY: Duration = Duration::from_secs(17);

/// After how many messages the crowd acks: 18 s, about as long as sessions wait that write nothing.
const ACKED: usize = 180;

struct Hall {
    people: People,
    /// Each with its number.
    sessions: Vec<(usize, MpencSession)>,
    crowd: Crowd,
    rng: ChaCha20Rng,
    now: Duration,
    latency: Duration,
    out: Outputs,
    /// What is under way, and when it arrives at everybody.
    under_way: VecDeque<(Duration, MemberId, String)>,
    longest: usize,
    /// Processor time of the sessions.
    cpu: Duration,
    packets: u64,
    octets: u64,
    shown: usize,
    warnings: usize,
}

/// The sessions stand at equal distances, the first one and the last one among them; and one more
/// person comes later, and goes again.
pub(super) fn run(args: &Scale, full: usize) -> Result<()> {
    let Scale { members, messages, .. } = *args;
    let mut hall = Hall::new(args, full)?;
    let foretold = foretell(&hall.people.ids, members);
    head();
    hall.enter()?;
    let others = hall.people.ids.get(1..members).context("there are members")?.to_vec();
    hall.change("they establish a group", Membership::Include(&others), members)?;
    foretold.compare_establish(hall.longest)?;

    let before = hall.spent();
    for number in 0..messages {
        hall.talk(number % members)?;
        if number % ACKED == ACKED - 1 {
            hall.crowd_writes(Kind::AckAutomatic)?;
        }
    }
    hall.rest()?;
    line(&format!("they exchange {messages} messages"), full, before, hall.spent());

    let last = [hall.people.id(members)?.clone()];
    hall.change("they include one", Membership::Include(&last), members + 1)?;
    hall.change("they exclude one", Membership::Exclude(&last), members)?;
    hall.change("one refreshes", Membership::Refresh, members)?;

    foretold.compare_all(hall.longest)?;
    println!("{} texts were shown; warnings: {}", hall.shown, hall.warnings);
    ensure!(hall.shown == messages * full, "every text should have been shown to all sessions");
    ensure!(hall.warnings == 0, "nobody should have been warned");
    Ok(())
}

impl Hall {
    fn new(args: &Scale, full: usize) -> Result<Self> {
        let people = People::new(args.members + 1)?;
        let place = |at: usize| at * (args.members - 1) / (full - 1);
        let session = |at: usize| Ok((place(at), people.session(place(at))?));
        let sessions: Vec<_> = (0..full).map(session).collect::<Result<_>>()?;
        let is_session = |number: usize| sessions.iter().any(|(other, _)| *other == number);
        let crowd = people.ids.iter().enumerate().filter(|(number, _)| !is_session(*number));
        Ok(Self {
            crowd: Crowd::new(crowd),
            people,
            sessions,
            rng: ChaCha20Rng::seed_from_u64(args.seed),
            now: Duration::from_secs(1),
            latency: Duration::from_millis(args.latency),
            out: Outputs::new(),
            under_way: VecDeque::new(),
            longest: 0,
            cpu: Duration::ZERO,
            packets: 0,
            octets: 0,
            shown: 0,
            warnings: 0,
        })
    }

    fn spent(&self) -> Spent {
        let (packets, octets) = (self.packets, self.octets);
        Spent { time: Instant::new(self.now), cpu: self.cpu, packets, octets }
    }

    fn send(&mut self, sent: impl IntoIterator<Item = Sent>) {
        for (id, packet) in sent {
            self.packets += 1;
            self.octets += packet.len() as u64;
            self.longest = self.longest.max(packet.len());
            self.under_way.push_back((self.now + self.latency, id, packet));
        }
    }

    /// All sessions do something, which takes processor time.
    fn all(&mut self, mut act: impl FnMut(&mut MpencSession, &mut Ctx<'_>, &mut Outputs)) {
        let before = cpu();
        let mut told = Vec::new();
        for (number, session) in &mut self.sessions {
            let mut cx = Ctx::new(Instant::new(self.now), &mut self.rng);
            act(session, &mut cx, &mut self.out);
            told.extend(core::iter::from_fn(|| self.out.pop()).map(|output| (*number, output)));
        }
        self.cpu += cpu().saturating_sub(before);
        for (number, output) in told {
            self.heed(number, output);
        }
    }

    /// Does what a session asks of the channel, and counts what it tells.
    fn heed(&mut self, number: usize, output: Output) {
        match output {
            Output::Channel(ChannelAction::Send { packet }) => {
                let id = self.people.ids.get(number).cloned();
                self.send(id.map(|id| (id, packet)));
            }
            Output::Channel(ChannelAction::Remove(left)) => {
                let event = ChannelEvent::Changed { entered: &[], left: &left };
                self.all(|session, cx, out| session.handle(cx, Input::Channel(event), out));
            }
            Output::Event(Event::Message(_)) => self.shown += 1,
            Output::Event(event) if event.severity() > Severity::Info => {
                self.warnings += 1;
                warn(&event);
            }
            _ => {}
        }
    }

    fn enter(&mut self) -> Result<()> {
        let mut refused = None;
        self.all(|session, cx, out| refused = refused.take().or(session.join(cx, out).err()));
        if let Some(refused) = refused {
            return Err(refused.into());
        }
        // The first session finds nobody; then the crowd comes, and the others find it there.
        let ids = self.people.ids.clone();
        let (first, others) = ids.split_at(1);
        self.all(|session, cx, out| {
            let is_first = first.contains(session.own_id());
            let members = if is_first { first } else { &ids };
            session.handle(cx, Input::Channel(ChannelEvent::Entered { members }), out);
            if is_first {
                let event = ChannelEvent::Changed { entered: others, left: &[] };
                session.handle(cx, Input::Channel(event), out);
            }
        });
        Ok(())
    }

    /// Lets time pass.
    fn pass(&mut self, time: Duration) -> Result<()> {
        let until = self.now + time;
        loop {
            let arrives = self.under_way.front().map(|(arrives, ..)| *arrives);
            let due = |(_, session): &(usize, MpencSession)| session.next_deadline();
            let due = self.sessions.iter().filter_map(due).min();
            let due = due.map(|due| due.since(Instant::default()));
            let next = arrives.into_iter().chain(due).min().filter(|next| *next <= until);
            let Some(next) = next else { break };
            self.now = self.now.max(next);
            let has_come = arrives.is_some_and(|arrives| arrives <= next);
            let packet = if has_come { self.under_way.pop_front() } else { None };
            match packet {
                Some((_, sender, packet)) => self.deliver(&sender, &packet)?,
                None => {
                    let now = Instant::new(self.now);
                    self.all(|session, cx, out| {
                        if session.next_deadline().is_some_and(|due| due <= now) {
                            session.handle(cx, Input::Tick, out);
                        }
                    });
                }
            }
        }
        self.now = until;
        Ok(())
    }

    fn deliver(&mut self, sender: &MemberId, packet: &str) -> Result<()> {
        let event = ChannelEvent::Packet { sender, packet };
        self.all(|session, cx, out| session.handle(cx, Input::Channel(event), out));
        let answers = self.crowd.hear(&mut self.rng, sender, packet)?;
        self.send(answers);
        Ok(())
    }

    /// The first session proposes, and all wait until those who are members are so many; and then
    /// until the sub-session before is over.
    fn change(&mut self, what: &str, change: Membership<'_>, members: usize) -> Result<()> {
        let before = self.spent();
        let mut refused = None;
        let mut first = true;
        self.all(|session, cx, out| {
            if core::mem::take(&mut first) {
                refused = session.propose(cx, change, out).err();
            }
        });
        if let Some(refused) = refused {
            return Err(refused.into());
        }
        let over = loop {
            self.pass(Duration::from_millis(10))?;
            let is_member = |(_, session): &(usize, MpencSession)| {
                session.operation_progress().is_none() && session.members().len() == members
            };
            if self.sessions.iter().all(is_member) {
                break Instant::new(self.now);
            }
            ensure!(is_in_time(before, self.now), "the operation did not end");
        };
        self.pass(PAUSE)?;
        let acks = self.crowd.ack_end(&mut self.rng)?;
        self.send(acks);
        // The sessions have told of the order by then, and the crowd tells the same.
        self.pass(HISTORY)?;
        self.crowd_writes(Kind::Heartbeat)?;
        self.rest()?;
        let full = self.sessions.len();
        line(what, full, before, Spent { time: over, ..self.spent() });
        Ok(())
    }

    fn talk(&mut self, number: usize) -> Result<()> {
        let id = self.people.id(number)?.clone();
        if self.crowd.contains(&id) {
            let packet = self.crowd.say(&mut self.rng, &id, TEXT)?;
            self.send([(id, packet)]);
        } else {
            let mut refused = None;
            self.all(|session, cx, out| {
                if *session.own_id() == id {
                    refused = session.send(cx, TEXT, out).err();
                }
            });
            if let Some(refused) = refused {
                return Err(refused.into());
            }
        }
        self.pass(PAUSE)
    }

    /// The crowd acks everything, and time passes.
    fn rest(&mut self) -> Result<()> {
        self.crowd_writes(Kind::AckAutomatic)?;
        self.pass(REST)
    }

    fn crowd_writes(&mut self, kind: Kind) -> Result<()> {
        self.pass(PAUSE)?;
        let packets = self.crowd.write(&mut self.rng, kind)?;
        self.send(packets);
        Ok(())
    }
}

fn is_in_time(before: Spent, now: Duration) -> bool {
    Instant::new(now).since(before.time) <= PATIENCE
}
