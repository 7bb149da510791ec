//! A group channel on a room of the relay.

use core::fmt;
use core::pin::Pin;
use core::time::Duration;
use std::net::SocketAddr;

use mpenc_session::ChannelAction;
use mpenc_tokio::{ChannelNotice, GroupChannel};
use mpenc_wire::{Dialect, MemberId};
use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};

use crate::{ClientAction, Ended, Notice, RelayClient, RelayError};

/// How long the relay may take to confirm that we left.
const LEAVE_PATIENCE: Duration = Duration::from_secs(5);

/// A room of a relay, as a group channel for a session.
///
/// Names in the room are member ids. Members whose names the dialect cannot write are outsiders that
/// nobody in the session can see; their packets are not passed on. The relay has no invitations:
/// whoever knows the room enters it by themselves.
///
/// A connection that is lost is a leave; entering connects anew. Entering fails, and with it the
/// channel, if the relay cannot be reached or refuses us.
pub struct RelayChannel {
    addr: SocketAddr,
    room: String,
    name: String,
    dialect: Dialect,
    state: State,
    ended: watch::Sender<Option<Ended>>,
}

type Connecting =
    Pin<Box<dyn Future<Output = Result<(RelayClient, Vec<String>), RelayError>> + Send>>;

enum State {
    Outside,
    /// Kept between calls of `next`, so that a cancelled one does not hang up.
    Entering(Connecting),
    Inside(RelayClient),
    /// We said that we leave; the relay should say so too, until then.
    Leaving(RelayClient, Instant),
    /// We are outside, and that has not been told yet.
    Left(Ended),
}

impl fmt::Debug for RelayChannel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RelayChannel")
            .field("addr", &self.addr)
            .field("room", &self.room)
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

impl RelayChannel {
    /// A channel that is outside of this room. It connects when it is told to enter.
    #[must_use]
    pub fn new(addr: SocketAddr, room: &str, name: &str, dialect: Dialect) -> Self {
        Self {
            addr,
            room: room.to_owned(),
            name: name.to_owned(),
            dialect,
            state: State::Outside,
            ended: watch::Sender::new(None),
        }
    }

    /// Why we were last outside after having been in the room, for people to read: a session only
    /// learns that it is so.
    #[must_use]
    pub fn ended(&self) -> watch::Receiver<Option<Ended>> {
        self.ended.subscribe()
    }

    fn member(&self, name: &str) -> Option<MemberId> {
        MemberId::new(self.dialect, name).ok()
    }

    /// What the session should know of what happened in the room.
    fn translate(&mut self, notice: Notice) -> Option<ChannelNotice> {
        match notice {
            Notice::Entered { name } => {
                let entered = vec![self.member(&name)?];
                Some(ChannelNotice::Changed { entered, left: Vec::new() })
            }
            Notice::Left { name, .. } => {
                let left = vec![self.member(&name)?];
                Some(ChannelNotice::Changed { entered: Vec::new(), left })
            }
            Notice::Packet { sender, packet } => {
                Some(ChannelNotice::Packet { sender: self.member(&sender)?, packet })
            }
            Notice::Ended(ended) => {
                self.state = State::Left(ended);
                None
            }
        }
    }

    /// Queues an action for the room, if we are in it.
    fn queue(&mut self, action: ClientAction<'_>) {
        let State::Inside(client) = &mut self.state else { return };
        // Any other error means that no frame can hold it: a channel may ignore what it cannot do.
        if let Err(RelayError::Congested) = client.queue(action) {
            // Losing one packet would break the order that the channel promises: better to lose the
            // connection, which everybody sees.
            self.state = State::Left(Ended::Disconnected(std::io::ErrorKind::TimedOut));
        }
    }
}

impl GroupChannel for RelayChannel {
    type Error = RelayError;

    async fn next(&mut self) -> Result<ChannelNotice, RelayError> {
        loop {
            let notice = match &mut self.state {
                State::Outside => return core::future::pending().await,
                State::Entering(connecting) => {
                    let connected = connecting.await;
                    // Whatever came of it, this future is finished.
                    self.state = State::Outside;
                    let (client, names) = connected?;
                    self.state = State::Inside(client);
                    let members = names.iter().filter_map(|name| self.member(name)).collect();
                    return Ok(ChannelNotice::Entered { members });
                }
                State::Inside(client) => client.next().await,
                State::Leaving(client, until) => {
                    let left = || Some(Notice::Ended(Ended::Left(crate::LeaveCause::Left)));
                    timeout_at(*until, client.next()).await.unwrap_or_else(|_| left())
                }
                State::Left(_) => {
                    if let State::Left(ended) = core::mem::replace(&mut self.state, State::Outside)
                    {
                        self.ended.send_replace(Some(ended));
                    }
                    return Ok(ChannelNotice::Left);
                }
            };
            match notice {
                Some(notice) => {
                    if let Some(notice) = self.translate(notice) {
                        return Ok(notice);
                    }
                }
                // Not reached: a client says that it has ended before it says nothing more.
                None => self.state = State::Outside,
            }
        }
    }

    fn act(&mut self, action: ChannelAction) {
        match action {
            ChannelAction::Send { packet } => self.queue(ClientAction::Send { packet: &packet }),
            ChannelAction::Remove(members) => {
                for member in members {
                    let name = member.to_text(self.dialect);
                    self.queue(ClientAction::Remove { name: &name });
                }
            }
            ChannelAction::Enter => self.enter(),
            ChannelAction::Leave => self.leave(),
            // There is no way to reach somebody who is not in the room.
            _ => {}
        }
    }
}

impl RelayChannel {
    fn enter(&mut self) {
        // While an end is untold, entering would hide it.
        if let State::Outside = self.state {
            let (addr, room, name) = (self.addr, self.room.clone(), self.name.clone());
            self.state =
                State::Entering(Box::pin(
                    async move { RelayClient::connect(addr, &room, &name).await },
                ));
        }
    }

    fn leave(&mut self) {
        self.queue(ClientAction::Leave);
        self.state = match core::mem::replace(&mut self.state, State::Outside) {
            State::Inside(client) => State::Leaving(client, Instant::now() + LEAVE_PATIENCE),
            State::Entering(_) => State::Left(Ended::Left(crate::LeaveCause::Left)),
            other => other,
        };
    }
}
