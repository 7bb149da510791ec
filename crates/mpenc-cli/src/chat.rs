//! `mpenc chat`: talks to a group, full screen or in lines of text.

mod args;
mod command;
mod front;
mod line;
mod parting;
mod place;
mod queue;
mod tell;
mod verify;
mod words;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{IsTerminal, Write, stdin, stdout};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use mpenc::session::FailReason;
use mpenc::{
    CliquesGreeter, Config, Dialect, Event, JoinPatience, MemberId, MessageId, Mpenc, MpencSession,
    RollingRefresh, Sent, State,
};
use mpenc_tokio::{Change, Driver, GroupChannel, Handle, Options};
use sha2::{Digest, Sha256};
use tracing::Instrument as _;

use crate::keys::{Peers, load_identity, load_peers};
use crate::log::Log;
use crate::trace;
use crate::tui::Screen;
use args::Setup;
pub(crate) use args::{Args, Who};
use command::Command;
pub(crate) use command::{COMMANDS, HELP};
use front::Plain;
pub(crate) use front::{Front, Input};
pub(crate) use line::{Line, Running, Status, parents_in_words, start};
use line::{note, warning};
#[cfg(feature = "xmpp")]
pub(crate) use place::PASSWORD;
use place::{Channel, Promote, Why};
pub(crate) use place::{Place, Server};
pub(crate) use queue::Numbers;
use tell::Teller;
pub(crate) use tell::{text, texts};
pub(crate) use verify::Compared;
use verify::Verified;
pub(crate) use verify::file_beside;
pub(crate) use words::{Changed, Name, Names, Printable, json};

/// The dialect that people talk; the other one is for recordings.
pub(crate) const DIALECT: Dialect = Dialect::DOCUMENT;

/// Talks until the session is over.
pub(crate) fn run(args: Args, out: &mut dyn Write) -> Result<ExitCode> {
    let args = &args.setup()?;
    let full = !args.json && !args.plain && stdin().is_terminal() && stdout().is_terminal();
    if let Some(path) = &args.trace {
        if full && trace::is_standard_error(path) {
            bail!("--trace - would write over the screen: name a file, or take --plain")
        }
        trace::start(path)?;
    }
    let (channel, own) = args.place.channel()?;
    let secret = load_identity(&args.key)?;
    let public = secret.public_key();
    let mut peers = load_peers(DIALECT, &args.peers)?;
    if let Some(before) = peers.insert(own.clone(), public)
        && before != public
    {
        bail!(
            "{} has another public key for {} than the one of {}",
            args.peers.display(),
            Name(&args.place.name),
            args.key.display()
        );
    }
    let log = args.log.as_deref().map(|path| Log::create(path, args.log_text)).transpose()?;
    let known = peers.iter().map(|(name, _)| name.clone()).collect();
    let teller = Teller::new(own.clone(), known, args.peers.display().to_string());
    let peers = Arc::<Peers>::new(peers);
    let verified = Verified::load(own.clone(), Arc::clone(&peers), &args.peers)?;
    let signer = secret.identity().into_signer();
    let greeter = CliquesGreeter::new(DIALECT, own, signer, peers);
    let session = MpencSession::new(greeter, config(args));
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let result = runtime.block_on(async {
        if full {
            let room = &args.place.room;
            let screen = Screen::new(room, &args.place.name).context("cannot use this terminal")?;
            Chat::new(args, teller, screen, verified, log).talk_on(channel, session).await
        } else {
            let plain = Plain::new(out, args.json);
            Chat::new(args, teller, plain, verified, log).talk_on(channel, session).await
        }
    });
    // A thread that waits for a line of input must not keep the process alive.
    runtime.shutdown_background();
    result
}

fn config(args: &Setup) -> Config {
    let mut config = Config::default();
    config.broadcast_latency = Duration::from_millis(args.latency_ms);
    config.reply_interval = Duration::from_millis(args.reply_ms);
    config.join_patience = JoinPatience::Forever;
    config.stay_if_last = true;
    config.rolling_refresh = (args.refresh_minutes > 0).then(|| {
        let mut rolling = RollingRefresh::default();
        rolling.age = Some(Duration::from_secs(args.refresh_minutes.saturating_mul(60)));
        rolling
    });
    config
}

struct Chat<'a, F> {
    args: &'a Setup,
    front: F,
    /// The log, and when it began.
    log: Option<(Log<File>, Instant)>,
    teller: Teller,
    /// Whose key was compared with them.
    verified: Verified,
    /// Whether we have been in the room: only then does input make sense.
    entered: bool,
    /// Whether the user said that they leave, or the input has ended.
    leaving: bool,
    /// Why we are about to be outside, if that is known: better than what the relay says of it.
    reason: Option<String>,
    /// Messages that were not acked in time, or never will be, and by whom.
    unacked: BTreeMap<MessageId, Vec<String>>,
    /// What people call the messages that wait for their readers.
    numbers: Numbers,
    /// An operation of ours of whose failure people have been told.
    failed: Option<String>,
}

/// Whether to go on.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Flow {
    On,
    Over,
}

impl<'a, F: Front> Chat<'a, F> {
    fn new(
        args: &'a Setup,
        teller: Teller,
        front: F,
        verified: Verified,
        log: Option<Log<File>>,
    ) -> Self {
        let log = log.map(|log| (log, Instant::now()));
        let (entered, leaving, reason) = (false, false, None);
        let (unacked, numbers, failed) = (BTreeMap::new(), Numbers::default(), None);
        Self {
            args,
            front,
            log,
            teller,
            verified,
            entered,
            leaving,
            reason,
            unacked,
            numbers,
            failed,
        }
    }

    async fn talk_on(self, channel: Channel, session: MpencSession) -> Result<ExitCode> {
        match channel {
            Channel::Relay(channel) => {
                let why = place::why_relay(channel.ended());
                self.talk(session, *channel, why, Box::new(|_| {})).await
            }
            #[cfg(feature = "xmpp")]
            Channel::Xmpp(channel) => {
                let why = place::why_xmpp(channel.ended());
                let moderators = channel.moderators();
                let promote = Box::new(move |members: &[MemberId]| moderators.set(members));
                self.talk(session, *channel, why, promote).await
            }
        }
    }

    async fn talk<C>(
        mut self,
        session: MpencSession,
        channel: C,
        why: Why,
        promote: Promote,
    ) -> Result<ExitCode>
    where
        C: GroupChannel + Send + 'static,
    {
        let (driver, handle, mut events) = Driver::new(session, channel, Options::default());
        let driver = tokio::spawn(driver.run().instrument(tracing::info_span!(
            "chat",
            room = self.args.place.room,
            name = self.args.place.name
        )));
        self.front.compared(&self.verified.now());
        for line in self.verified.alarms() {
            self.show(&line)?;
        }
        handle.join().await?;
        loop {
            let flow = tokio::select! {
                event = events.next() => match event {
                    Some(event) => {
                        let mut flow = self.told(&handle, &event, &why, &promote).await?;
                        // What the session is by now is shown after all that led to it.
                        while flow == Flow::On
                            && let Some(event) = events.try_next()
                        {
                            flow = self.told(&handle, &event, &why, &promote).await?;
                        }
                        flow
                    }
                    None => Flow::Over,
                },
                input = self.front.input(self.entered) => match input? {
                    Input::Line(line) => self.obey(&handle, &line).await?,
                    Input::NotText => {
                        self.show(&warning("that line is not UTF-8, and was not sent"))?
                    }
                    Input::End => self.part(&handle).await?,
                    Input::Quit => {
                        self.leaving = true;
                        Flow::Over
                    }
                    Input::Nothing => Flow::On,
                },
            };
            self.front.refresh(&handle, &mut self.numbers).await?;
            if flow == Flow::Over {
                break;
            }
        }
        if !self.leaving {
            self.give_up_waiting(&handle).await?;
        }
        drop((handle, events));
        let outcome = driver.await.context("the session's task failed")?;
        let failure = match outcome {
            // Its own text says it all; its sources would say it again.
            Err(error) => {
                format!("cannot enter the room {}: {error}", Name(&self.args.place.room))
            }
            Ok(()) if self.leaving => return Ok(ExitCode::SUCCESS),
            Ok(()) => {
                let why = self.reason.take().or_else(why);
                let why = why.unwrap_or_else(|| "you left the room".into());
                format!("the session is over: {why}")
            }
        };
        self.front.over(&failure).await?;
        bail!("{failure}")
    }

    /// The session says something.
    async fn told(
        &mut self,
        handle: &Handle<Mpenc>,
        event: &Event,
        why: &Why,
        promote: &Promote,
    ) -> Result<Flow> {
        self.front.event(event);
        self.record(event)?;
        if let Event::Members { remain, include, .. } = event {
            promote(&[remain.as_slice(), include.as_slice()].concat());
        }
        self.hear(handle, event, why).await
    }

    /// Logs what the session says. The chat goes on if that fails.
    fn record(&mut self, event: &Event) -> Result<()> {
        if let Some((log, began)) = &mut self.log
            && let Err(error) = log.record(began.elapsed(), event)
        {
            self.show(&warning(format!("the log ends here, as it cannot be written: {error}")))?;
        }
        Ok(())
    }

    /// Tells what the session says.
    async fn hear(&mut self, handle: &Handle<Mpenc>, event: &Event, why: &Why) -> Result<Flow> {
        match event {
            Event::EnteredChannel { .. } => self.entered = true,
            Event::Members { .. } => self.reason = None,
            // It is over, and we are still there.
            Event::OperationFailed { reason, .. } if *reason != FailReason::WeLeft => {
                self.reason = None;
            }
            Event::Excluded { by } => {
                self.reason = Some(format!("{} excluded you", Name(&text(by))));
            }
            Event::CannotConfirm { reason, .. } => self.reason = Some(reason.to_string()),
            Event::NotAuthenticated { member, .. } => {
                let member = text(member);
                self.reason = Some(format!("{} could not be authenticated", Name(&member)));
            }
            Event::Internal(what) => self.reason = Some(format!("a bug in this program: {what}")),
            _ => {}
        }
        let line = match event {
            Event::LeftChannel => return self.outside(handle, why).await,
            Event::Message(message) => Some(Line::Message {
                number: message.place + 1,
                author: text(&message.author),
                text: message.text.clone(),
                parents_back: message.parents_back.clone(),
                former: message.of_former_members,
            }),
            Event::FullyAcked(id) => {
                self.unacked.remove(id);
                let found = lookup(handle, *id).await;
                found.map(|(number, author, text)| Line::FullyAcked { number, author, text })
            }
            Event::NotFullyAcked { id, missing } => {
                let missing = texts(missing);
                self.unacked.insert(*id, missing.clone());
                lookup(handle, *id).await.map(|(number, author, text)| Line::NotFullyAcked {
                    number,
                    author,
                    text,
                    missing,
                })
            }
            Event::Unreachable { id, missing } => {
                let missing = texts(missing);
                self.unacked.insert(*id, missing.clone());
                lookup(handle, *id).await.map(|(number, author, text)| Line::Unreachable {
                    number,
                    author,
                    text,
                    missing,
                })
            }
            Event::Parted { .. } if !self.leaving => None,
            Event::Parted { consistent: answered } => {
                Some(self.parted(handle, *answered).await.into())
            }
            Event::Excluded { .. } if self.leaving => {
                Some(note("you are no member any more, as you wished"))
            }
            Event::MemberFresh(member) => Some(self.fresh(handle, member).await),
            other => self.teller.tell(other),
        };
        if let Some(line) = line {
            self.show(&line)?;
        }
        Ok(if matches!(event, Event::Internal(_)) { Flow::Over } else { Flow::On })
    }

    /// Of somebody nothing is missed any more: they have shown that they are there, or need not.
    async fn fresh(&self, handle: &Handle<Mpenc>, member: &MemberId) -> Line {
        let asked = member.clone();
        let here = handle.query(move |session| {
            session.members().contains(&asked) && session.channel_members().any(|m| *m == asked)
        });
        let member = text(member);
        if !self.leaving && here.await.unwrap_or(false) {
            note(format!("{} is there again", Name(&member)))
        } else {
            note(format!("no sign of life of {} is awaited any more", Name(&member)))
        }
    }

    /// We are not in the room any more.
    async fn outside(&mut self, handle: &Handle<Mpenc>, why: &Why) -> Result<Flow> {
        if self.leaving {
            self.show(&note("you left the room"))?;
            return Ok(Flow::Over);
        }
        let enters_again = handle.query(|session| session.next_deadline().is_some()).await;
        if !enters_again.unwrap_or(false) {
            return Ok(Flow::Over);
        }
        let why = why().unwrap_or_else(|| "you are not in the room any more".into());
        self.show(&warning(format!("{why}; you enter again after a while")))?;
        Ok(Flow::On)
    }

    async fn part(&mut self, handle: &Handle<Mpenc>) -> Result<Flow> {
        if self.leaving {
            return Ok(Flow::On);
        }
        self.leaving = true;
        let told: Vec<MessageId> = self.unacked.keys().copied().collect();
        let parted = handle.call(move |session, cx, out| {
            let waits = session.state() == State::Joined;
            let unacked = parting::unacked(session, told);
            session.part(cx, out).map(|()| waits.then_some(unacked))
        });
        match parted.await {
            Ok(None) => Ok(Flow::On),
            Ok(Some(unacked)) => {
                let patience = self.args.latency_ms.saturating_mul(16) / 1000;
                self.show(&parting::leaving(patience, unacked))
            }
            // Outside already.
            Err(_) => Ok(Flow::Over),
        }
    }

    async fn obey(&mut self, handle: &Handle<Mpenc>, line: &str) -> Result<Flow> {
        let done = match Command::parse(line) {
            Err(error) => return self.show(&warning(error.to_string())),
            Ok(Command::Empty) => Ok(()),
            Ok(Command::Say(text)) => handle.send(text).await.map(|_| ()),
            Ok(Command::To(names, text)) => match self.members(&names)? {
                Some(readers) => return self.send_to(handle, readers, text).await,
                None => Ok(()),
            },
            Ok(Command::Include(names)) => match self.members(&names)? {
                Some(members) => return self.include(handle, members).await,
                None => Ok(()),
            },
            Ok(Command::Exclude(names)) => match self.members(&names)? {
                Some(members) => handle.propose(Change::Exclude(members)).await.map(|_| ()),
                None => Ok(()),
            },
            Ok(Command::Refresh) => handle.propose(Change::Refresh).await.map(|_| ()),
            Ok(Command::Abort(why)) => handle.abort(why).await,
            Ok(Command::Start) => match handle.start_here().await {
                Ok(()) => return self.show(&note("a session of your own; /include adds others")),
                Err(error) => Err(error),
            },
            Ok(Command::Part) => return self.part(handle).await,
            Ok(Command::Help) => {
                self.front.help()?;
                Ok(())
            }
            Ok(Command::Verify(name, digits)) => return self.verify(&name, &digits),
            Ok(Command::Who) => return self.who(handle).await,
            Ok(Command::Acks) => return self.acks(handle).await,
            Ok(Command::Queue) => return self.queue(handle).await,
            Ok(Command::TakeBack(number)) => return self.take_back(handle, number).await,
            Ok(Command::Status) => match handle.query(status_of).await {
                Ok(status) => return self.show(&Line::Status(status)),
                Err(gone) => Err(gone.into()),
            },
        };
        match done {
            Ok(()) => Ok(Flow::On),
            Err(error) => self.show(&self.teller.refusal(&error)),
        }
    }

    fn members(&mut self, names: &[String]) -> Result<Option<Vec<MemberId>>> {
        let mut members = Vec::new();
        for name in names {
            match MemberId::new(DIALECT, name) {
                Ok(member) => members.push(member),
                Err(error) => {
                    self.show(&warning(format!("{} is no name: {error}", Name(name))))?;
                    return Ok(None);
                }
            }
        }
        Ok(Some(members))
    }

    async fn send_to(
        &mut self,
        handle: &Handle<Mpenc>,
        readers: Vec<MemberId>,
        text: String,
    ) -> Result<Flow> {
        let names = texts(&readers);
        let sent = handle.call(move |session, cx, out| session.send_to(cx, &readers, &text, out));
        match sent.await {
            Ok(Sent::Queued(local)) => {
                let number = self.numbers.of(local);
                self.show(&note(format!(
                    "this waits, and is sent as soon as the members are exactly you and {}; \
                     /take-back {number} takes it back",
                    words::Names(&names)
                )))
            }
            Ok(_) => Ok(Flow::On),
            Err(error) => self.show(&self.teller.refusal(&error)),
        }
    }

    async fn include(&mut self, handle: &Handle<Mpenc>, members: Vec<MemberId>) -> Result<Flow> {
        let proposed = handle.call(move |session, cx, out| {
            session.propose(cx, Change::Include(members.clone()).as_membership(), out)?;
            let present = |member: &&MemberId| session.channel_members().any(|m| m == *member);
            Ok(texts(members.iter().filter(|member| !present(member))))
        });
        match proposed.await {
            Ok(absent) if absent.is_empty() => Ok(Flow::On),
            Ok(absent) => {
                let patience = config(self.args).full_ack_interval().as_secs_f32();
                self.show(&note(format!(
                    "not in the room: {}; the proposal waits up to {patience:.0} s for them to enter",
                    words::Names(&absent)
                )))
            }
            Err(error) => self.show(&self.teller.refusal(&error)),
        }
    }

    async fn who(&mut self, handle: &Handle<Mpenc>) -> Result<Flow> {
        let compared = self.verified.now().same;
        let who = handle.query(move |session| Line::Who {
            compared: texts(session.members().iter().filter(|m| compared.contains(&text(m)))),
            members: texts(session.members()),
            channel: texts(session.channel_members()),
            state: state_text(session.state()).into(),
            running: session.operation_progress().map(|progress| Running {
                contributed: texts(&progress.contributed),
                confirmed: texts(&progress.confirmed),
                awaited: texts(&progress.awaited),
            }),
            unconfirmed: texts(&session.history_unconfirmed_by()),
        });
        match who.await {
            Ok(line) => self.show(&line),
            Err(gone) => self.show(&self.teller.refusal(&gone.into())),
        }
    }

    async fn acks(&mut self, handle: &Handle<Mpenc>) -> Result<Flow> {
        let told = self.unacked.clone();
        let lines = handle.query(move |session| {
            let unacked = session.messages().lines().iter().filter_map(|line| {
                let mut missing = texts(&session.unacked_by(&line.id));
                if missing.is_empty() {
                    // Of a sub-session that is over, the session only knows what it told us.
                    missing = told.get(&line.id)?.clone();
                }
                let (number, author) = (line.place() + 1, text(&line.author));
                Some(Line::Unacked { number, author, text: line.payload.clone(), missing })
            });
            unacked.collect::<Vec<_>>()
        });
        match lines.await {
            Ok(lines) if lines.is_empty() => self.show(&note("no message lacks an ack")),
            Ok(lines) => lines.iter().try_fold(Flow::On, |_, line| self.show(line)),
            Err(gone) => self.show(&self.teller.refusal(&gone.into())),
        }
    }

    fn show(&mut self, line: &Line) -> Result<Flow> {
        if self.args.json || !self.said_already(line) {
            self.front.show(line)?;
        }
        Ok(Flow::On)
    }

    /// Whether people have been told the same in other words.
    fn said_already(&mut self, line: &Line) -> bool {
        match line {
            Line::Failed { own, .. } => {
                self.failed.clone_from(own);
                false
            }
            Line::Ended { own, completed, .. } => *completed || self.failed.as_ref() == Some(own),
            _ => false,
        }
    }
}

/// The number, author and text of a message in the log.
async fn lookup(handle: &Handle<Mpenc>, id: MessageId) -> Option<(usize, String, String)> {
    let found = handle.query(move |session| {
        let line = session.messages().line(&id)?;
        Some((line.place() + 1, text(&line.author), line.payload.clone()))
    });
    found.await.ok().flatten()
}

fn status_of(session: &MpencSession) -> Status {
    let transcript = session.transcript();
    let mut hash = Sha256::new();
    for id in &transcript {
        hash.update(id.as_bytes());
    }
    let mut members = texts(session.members());
    members.sort();
    Status {
        state: state_text(session.state()).into(),
        members,
        transcript: hex::encode(hash.finalize()),
        messages: transcript.len(),
        chain_hash: session.order_head().map(|(_, hash)| hash.to_string()).unwrap_or_default(),
        unacked: session.unacked().count(),
    }
}

pub(crate) fn state_text(state: State) -> &'static str {
    match state {
        State::Outside => "you are outside of the room",
        State::Entering => "you are entering the room",
        State::Waiting => "you are waiting to be included",
        State::Alone => "you are alone",
        State::Joined => "you are a member",
        State::Parting => "you are leaving",
        State::Excluded => "you were excluded",
        State::Closed => "the session is closed",
        _ => "you are in a state without a name",
    }
}
