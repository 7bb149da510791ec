//! The task that runs a session.

use core::fmt;
use core::time::Duration;
use std::collections::VecDeque;

use getrandom::SysRng;
use mpenc_session::{ChannelEvent, Ctx, Event, Input, Instant, Output, Outputs, Session, Suite};
use rand_core::{CryptoRng, UnwrapErr};
use tokio::sync::mpsc;
use tokio::time::{Instant as Clock, sleep_until};

use crate::handle::Command;
use crate::{Events, GroupChannel, Handle, trace};

/// The least time between two ticks. A deadline that a tick does not move must not make a loop
/// that only burns time.
const TICK_PAUSE: Duration = Duration::from_millis(1);

/// What a driver may be told.
pub struct Options {
    rng: Box<dyn CryptoRng + Send>,
    commands: usize,
    events: usize,
}

impl Default for Options {
    /// The system's randomness, 16 calls, 256 events.
    fn default() -> Self {
        Self { rng: Box::new(UnwrapErr(SysRng)), commands: 16, events: 256 }
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("commands", &self.commands)
            .field("events", &self.events)
            .finish_non_exhaustive()
    }
}

impl Options {
    /// Where the session's randomness comes from. Keys and IVs come from it: anything but the
    /// system's is for tests.
    ///
    /// The default asks the system each time, rather than seeding a generator once: a copy of the
    /// process or of its machine must not draw the same IVs. Should the system fail to give
    /// randomness, the driver panics; nothing safe could follow.
    #[must_use]
    pub fn rng(mut self, rng: impl CryptoRng + Send + 'static) -> Self {
        self.rng = Box::new(rng);
        self
    }

    /// How many calls may wait; at least 1.
    #[must_use]
    pub fn commands(mut self, commands: usize) -> Self {
        self.commands = commands.max(1);
        self
    }

    /// How many events may wait before the driver stops to take from the channel; at least 1.
    #[must_use]
    pub fn events(mut self, events: usize) -> Self {
        self.events = events.max(1);
        self
    }
}

/// Runs a session over a group channel: one task, one sleep.
#[must_use = "a driver does nothing until it runs"]
pub struct Driver<S: Suite, C> {
    session: Session<S>,
    channel: C,
    rng: Box<dyn CryptoRng + Send>,
    /// The session's time is the time since then.
    epoch: Clock,
    commands: mpsc::Receiver<Command<S>>,
    events: mpsc::Sender<Event>,
    outputs: Outputs,
    /// Events that the caller has no room for yet.
    waiting: VecDeque<Event>,
    /// How many may wait before we stop to take from the channel.
    patience: usize,
}

impl<S: Suite, C> fmt::Debug for Driver<S, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Driver")
    }
}

impl<S: Suite + 'static, C: GroupChannel> Driver<S, C> {
    /// A driver for a new session, with the ends by which its caller calls it and hears of it.
    pub fn new(session: Session<S>, channel: C, options: Options) -> (Self, Handle<S>, Events) {
        let Options { rng, commands, events } = options;
        let patience = events;
        let (handle, commands) = mpsc::channel(commands);
        let (events, hear) = mpsc::channel(events);
        let driver = Self {
            session,
            channel,
            rng,
            epoch: Clock::now(),
            commands,
            events,
            outputs: Outputs::new(),
            waiting: VecDeque::new(),
            patience,
        };
        (driver, Handle::new(handle), Events::new(hear))
    }

    /// Runs the session until the last [`Handle`] is dropped, or the channel fails.
    ///
    /// Dropping the last handle drops the channel: the others see that we left without a word. Call
    /// [`Handle::part`] and wait for [`Event::LeftChannel`] first, unless you are in a hurry.
    ///
    /// # Errors
    /// What the channel says. The session was told that we left, and its last events wait to be
    /// read: this returns when they have been, or when the [`Events`] are dropped.
    pub async fn run(mut self) -> Result<(), C::Error> {
        let result = self.drive().await;
        if result.is_err() {
            self.input(Input::Channel(ChannelEvent::Left));
        }
        // Nobody may wait for an answer any more while the last events wait to be read.
        let Self { events, waiting, commands, session, channel, .. } = self;
        drop((commands, session, channel));
        for event in waiting {
            if events.send(event).await.is_err() {
                break;
            }
        }
        result
    }

    async fn drive(&mut self) -> Result<(), C::Error> {
        let mut sleep = core::pin::pin!(sleep_until(self.epoch));
        let mut armed = None;
        let mut earliest = self.epoch;
        loop {
            // The clock is trusted over the sleep, which may be late, or never get its turn while the
            // channel is busy.
            let now = self.now();
            if self.session.next_deadline().is_some_and(|deadline| deadline <= now) {
                self.input(Input::Tick);
                earliest = self.epoch + now.since_epoch() + TICK_PAUSE;
            }
            let wake = self
                .session
                .next_deadline()
                .and_then(|deadline| self.epoch.checked_add(deadline.since_epoch()))
                .map(|deadline| deadline.max(earliest));
            if wake != armed {
                armed = wake;
                if let Some(wake) = wake {
                    sleep.as_mut().reset(wake);
                }
            }
            if self.events.is_closed() {
                // Nobody wants them; they must not keep us from the channel.
                self.waiting.clear();
            }
            // In this order, so that a run is a function of its inputs. Nothing is starved: events
            // and calls are the caller's own, and deadlines have been looked at above.
            tokio::select! {
                biased;
                () = hand_over(&mut self.waiting, &self.events), if !self.waiting.is_empty() => {}
                command = self.commands.recv() => match command {
                    Some(command) => self.command(command),
                    None => return Ok(()),
                },
                notice = self.channel.next(), if self.waiting.len() < self.patience => {
                    self.input(Input::Channel(notice?.as_event()));
                }
                () = &mut sleep, if armed.is_some() => armed = None,
            }
        }
    }

    fn now(&self) -> Instant {
        Instant::new(self.epoch.elapsed())
    }

    fn input(&mut self, input: Input<'_>) {
        let _span = trace::input(&input);
        let mut cx = Ctx::new(self.now(), &mut *self.rng);
        self.session.handle(&mut cx, input, &mut self.outputs);
        self.output();
    }

    fn command(&mut self, command: Command<S>) {
        let _span = trace::call();
        let mut cx = Ctx::new(self.now(), &mut *self.rng);
        command(&mut self.session, &mut cx, &mut self.outputs);
        self.output();
    }

    /// Does what the session says.
    fn output(&mut self) {
        for output in self.outputs.drain() {
            trace::output(&output);
            match output {
                Output::Channel(action) => self.channel.act(action),
                Output::Event(event) => self.waiting.push_back(event),
                // A kind of output that is newer than this driver.
                _ => {}
            }
        }
    }
}

/// Hands over the oldest event once there is room for it. Cancel-safe.
async fn hand_over(waiting: &mut VecDeque<Event>, events: &mpsc::Sender<Event>) {
    // No room ever: nobody wants them.
    let Ok(room) = events.reserve().await else { return };
    if let Some(event) = waiting.pop_front() {
        room.send(event);
    }
}
