//! A group channel on a room.

use core::fmt;
use core::pin::Pin;
use core::task::{Context, Poll, ready};
use core::time::Duration;
use std::collections::VecDeque;

use futures_util::{Sink, Stream as _};
use mpenc_session::ChannelAction;
use mpenc_tokio::{ChannelNotice, GroupChannel};
use mpenc_wire::MemberId;
use tokio::sync::watch;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_xmpp::Stanza;
use tokio_xmpp::xmlstream::{FallibleStreamElement, ReadError, XmppStreamElement};
use tracing::{Instrument as _, debug, info, info_span, warn};

use crate::connect::{Connection, Stream, connect};
use crate::room::{Effects, Room};
use crate::{Config, Ended, XmppError};

/// How long connecting may take, and then being let in.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long the room may take to confirm that we left.
const LEAVE_PATIENCE: Duration = Duration::from_secs(5);

/// A room on an XMPP server, as a group channel for a session.
///
/// Occupants whom the session cannot name are outsiders that it does not see. A nick that is changed
/// is one member who leaves and another who enters. A connection that is lost is a leave; entering
/// connects anew. Entering fails, and with it the channel, if the room does not let us in, or the
/// server cannot be reached at first; a server that was there before may come back, so not to reach
/// it is a leave, too.
pub struct XmppChannel {
    config: Config,
    state: State,
    notices: VecDeque<ChannelNotice>,
    ended: watch::Sender<Option<Ended>>,
    /// Whether we have been in the room.
    known: bool,
    moderators: watch::Sender<Vec<MemberId>>,
    wanted: watch::Receiver<Vec<MemberId>>,
}

/// Says who is to moderate the room, and so can remove others from it.
///
/// Rooms let moderators only remove somebody. If the room is ours, and shows us the accounts of
/// those who are in it, we can make the members of the session moderators; and take it back when they
/// are not members any more. Outsiders should not have it. Where we cannot, nothing happens.
#[derive(Clone, Debug)]
pub struct Moderators(watch::Sender<Vec<MemberId>>);

impl Moderators {
    /// From now on these, and nobody else by our doing: what `Event::Members` names.
    pub fn set(&self, members: &[MemberId]) {
        self.0.send_replace(members.to_vec());
    }
}

type Connecting = Pin<Box<dyn Future<Output = Result<Connection, XmppError>> + Send>>;

enum State {
    Outside,
    /// Kept between calls of `next`, so that a cancelled one does not hang up.
    Connecting(Connecting),
    Online(Box<Online>),
    /// We are outside, and that has not been told yet.
    Left(Ended),
}

/// A stream on which we are in the room, or about to be.
struct Online {
    stream: Stream,
    outgoing: VecDeque<Stanza>,
    room: Room,
    until: Instant,
}

impl fmt::Debug for XmppChannel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("XmppChannel").field("config", &self.config).finish_non_exhaustive()
    }
}

impl XmppChannel {
    /// A channel that is outside of the room. It connects when it is told to enter.
    #[must_use]
    pub fn new(config: Config) -> Self {
        let (state, notices) = (State::Outside, VecDeque::new());
        let (moderators, wanted) = watch::channel(Vec::new());
        let ended = watch::Sender::new(None);
        Self { config, state, notices, ended, known: false, moderators, wanted }
    }

    /// Why we were last outside after having been in the room, for people to read: a session only
    /// learns that it is so.
    #[must_use]
    pub fn ended(&self) -> watch::Receiver<Option<Ended>> {
        self.ended.subscribe()
    }

    /// For callers who want the members of the session to be able to remove others.
    #[must_use]
    pub fn moderators(&self) -> Moderators {
        Moderators(self.moderators.clone())
    }

    fn take(&mut self, effects: Effects) -> Result<(), XmppError> {
        let Effects { notices, stanzas, over } = effects;
        for notice in &notices {
            trace(notice);
        }
        self.known |= notices.iter().any(|notice| matches!(notice, ChannelNotice::Entered { .. }));
        self.notices.extend(notices);
        if let State::Online(online) = &mut self.state {
            online.outgoing.extend(stanzas);
        }
        match over {
            Some(Ok(ended)) => self.state = State::Left(traced(ended)),
            Some(Err(error)) => return self.failed(error),
            None => {}
        }
        Ok(())
    }

    fn failed(&mut self, error: XmppError) -> Result<(), XmppError> {
        let why = match error {
            XmppError::Unreachable(why) if self.known => why,
            XmppError::TimedOut if self.known => XmppError::TimedOut.to_string(),
            error => {
                warn!(?error, "cannot enter");
                self.state = State::Outside;
                return Err(error);
            }
        };
        self.state = State::Left(traced(Ended::Disconnected(why)));
        Ok(())
    }
}

impl GroupChannel for XmppChannel {
    type Error = XmppError;

    async fn next(&mut self) -> Result<ChannelNotice, XmppError> {
        loop {
            if let Some(notice) = self.notices.pop_front() {
                return Ok(notice);
            }
            match &mut self.state {
                State::Outside => return core::future::pending().await,
                State::Connecting(connecting) => {
                    let connected = connecting.await;
                    // Whatever came of it, this future is finished.
                    self.state = State::Outside;
                    let connection = match connected {
                        Ok(connection) => connection,
                        Err(error) => {
                            self.failed(error)?;
                            continue;
                        }
                    };
                    let mut online = Online::new(connection, self.config.clone());
                    let wanted = self.wanted.borrow_and_update().clone();
                    // Nobody is there yet: it is done when they come.
                    online.room.moderate(wanted);
                    self.state = State::Online(Box::new(online));
                }
                State::Online(online) => {
                    let effects = tokio::select! {
                        biased;
                        Ok(()) = self.wanted.changed() => {
                            let wanted = self.wanted.borrow_and_update().clone();
                            online.room.moderate(wanted)
                        }
                        effects = online.next() => effects,
                    };
                    self.take(effects)?;
                }
                State::Left(_) => {
                    if let State::Left(ended) = core::mem::replace(&mut self.state, State::Outside)
                    {
                        self.ended.send_replace(Some(ended));
                    }
                    return Ok(ChannelNotice::Left);
                }
            }
        }
    }

    fn act(&mut self, action: ChannelAction) {
        match (&mut self.state, action) {
            (State::Online(online), action) => {
                let effects = online.room.act(action);
                if online.room.is_leaving() {
                    online.until = Instant::now() + LEAVE_PATIENCE;
                }
                // An action never fails: what the room cannot do, it ignores.
                let _ = self.take(effects);
            }
            // While an end is untold, entering would hide it.
            (State::Outside, ChannelAction::Enter) => {
                let connecting = timeout(PATIENCE, connect(self.config.clone()));
                let Config { account, server, .. } = &self.config;
                let span = info_span!("connect", %account, ?server, again = self.known);
                self.state = State::Connecting(Box::pin(
                    async { connecting.await.unwrap_or(Err(XmppError::TimedOut)) }.instrument(span),
                ));
            }
            (State::Connecting(_), ChannelAction::Leave) => {
                self.state = State::Left(traced(Ended::Left));
            }
            _ => {}
        }
    }
}

/// For operators: kinds and sizes, no texts. What a server chose is escaped.
fn trace(notice: &ChannelNotice) {
    match notice {
        ChannelNotice::Entered { members } => info!(members = members.len(), "inside"),
        ChannelNotice::Packet { sender, packet } => {
            debug!(?sender, octets = packet.len(), "packet in");
        }
        ChannelNotice::Changed { entered, left } => debug!(?entered, ?left, "occupants"),
        _ => {}
    }
}

fn traced(ended: Ended) -> Ended {
    info!(?ended, "outside");
    ended
}

impl Online {
    fn new(connection: Connection, config: Config) -> Self {
        info!(limit = connection.limit, room = %config.room, "connected, asks to enter");
        let (room, stanza) = Room::enter(config, connection.limit);
        let outgoing = VecDeque::from([stanza]);
        Self { stream: connection.stream, outgoing, room, until: Instant::now() + PATIENCE }
    }

    /// What happens next. Cancel-safe: stanzas that have not been written stay queued.
    async fn next(&mut self) -> Effects {
        let (until, waits) = (self.until, self.room.is_waiting());
        let step = core::future::poll_fn(|cx| self.poll(cx));
        if !waits {
            return step.await;
        }
        let over = timeout_at(until, step).await;
        over.unwrap_or_else(|_| Effects {
            over: Some(if self.room.is_leaving() {
                Ok(Ended::Left)
            } else {
                Err(XmppError::TimedOut)
            }),
            ..Effects::default()
        })
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Effects> {
        // If writing fails, what the server said last may still be there to read, and then its end.
        if let Err(error) = self.poll_write(cx) {
            warn!(?error, "cannot write");
            self.outgoing.clear();
        }
        let element = match ready!(Pin::new(&mut self.stream).poll_next(cx)) {
            Some(Ok(FallibleStreamElement::Ok(element))) => element,
            // Stanzas that cannot be read come from other occupants: they must not get us out.
            Some(Ok(FallibleStreamElement::Err(_)) | Err(ReadError::ParseError(_))) => {
                debug!("a stanza that cannot be read is left out");
                return Poll::Ready(Effects::default());
            }
            Some(Err(ReadError::SoftTimeout)) => {
                debug!("silence: asks the server whether it is there");
                let ping = self.room.ping();
                self.outgoing.push_back(ping);
                return Poll::Ready(Effects::default());
            }
            Some(Err(ReadError::HardError(error))) => return self.lost(error.to_string()),
            Some(Err(ReadError::StreamFooterReceived)) | None => {
                return self.lost("it hung up".to_owned());
            }
        };
        match element {
            XmppStreamElement::Stanza(stanza) => Poll::Ready(self.room.see(stanza)),
            XmppStreamElement::StreamError(error) => {
                warn!(error = ?error.to_string(), "stream error");
                self.lost(error.to_string())
            }
            _ => Poll::Ready(Effects::default()),
        }
    }

    fn poll_write(&mut self, cx: &mut Context<'_>) -> std::io::Result<()> {
        let mut stream = Pin::new(&mut self.stream);
        while let Some(stanza) = self.outgoing.front() {
            match Sink::<&Stanza>::poll_ready(stream.as_mut(), cx) {
                Poll::Ready(ready) => ready?,
                Poll::Pending => break,
            }
            stream.as_mut().start_send(stanza)?;
            self.outgoing.pop_front();
        }
        match Sink::<&Stanza>::poll_flush(stream, cx) {
            Poll::Ready(flushed) => flushed,
            Poll::Pending => Ok(()),
        }
    }

    fn lost(&self, why: String) -> Poll<Effects> {
        let over = if self.room.is_told() {
            Ok(Ended::Disconnected(why))
        } else {
            Err(XmppError::Unreachable(why))
        };
        Poll::Ready(Effects { over: Some(over), ..Effects::default() })
    }
}
