//! The caller's ends: calls into the session, and the events that come out of it.

use core::fmt;

use mpenc_session::{
    ApiMisuse, Ctx, Event, Membership, OperationId, Outputs, Sent, Session, Suite,
};
use mpenc_wire::MemberId;
use tokio::sync::{mpsc, oneshot};

use crate::{CallError, Gone};

/// Something to do with the session, between two of its inputs.
pub(crate) type Command<S> = Box<dyn FnOnce(&mut Session<S>, &mut Ctx<'_>, &mut Outputs) + Send>;

/// A membership change that owns its names: a [`Membership`] to send to a driver.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Change {
    /// Add these.
    Include(Vec<MemberId>),
    /// Remove these.
    Exclude(Vec<MemberId>),
    /// Renew the group key.
    Refresh,
}

impl Change {
    /// Lends it in the form that a session takes.
    #[must_use]
    pub fn as_membership(&self) -> Membership<'_> {
        match self {
            Self::Include(members) => Membership::Include(members),
            Self::Exclude(members) => Membership::Exclude(members),
            Self::Refresh => Membership::Refresh,
        }
    }
}

/// Calls into a session that a [`Driver`](crate::Driver) runs. Clones call the same session.
///
/// Calls are done in the order in which they are made, between two inputs of the session. A call
/// whose future is dropped while it waits may or may not be done.
pub struct Handle<S: Suite> {
    commands: mpsc::Sender<Command<S>>,
}

impl<S: Suite> Clone for Handle<S> {
    fn clone(&self) -> Self {
        Self { commands: self.commands.clone() }
    }
}

impl<S: Suite> fmt::Debug for Handle<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Handle")
    }
}

impl<S: Suite + 'static> Handle<S> {
    pub(crate) fn new(commands: mpsc::Sender<Command<S>>) -> Self {
        Self { commands }
    }

    /// Enters the channel. See [`Session::join`].
    ///
    /// # Errors
    /// [`CallError`]: nothing was done.
    pub async fn join(&self) -> Result<(), CallError> {
        self.call(Session::join).await
    }

    /// Starts a session although others are in the channel. See [`Session::start_here`].
    ///
    /// # Errors
    /// [`CallError`]: nothing was done.
    pub async fn start_here(&self) -> Result<(), CallError> {
        self.call(Session::start_here).await
    }

    /// Sends a text to the members as they are when the call is done. See [`Session::send`].
    ///
    /// # Errors
    /// [`CallError`]: nothing was sent.
    pub async fn send(&self, text: impl Into<String>) -> Result<Sent, CallError> {
        let text = text.into();
        self.call(move |session, cx, out| session.send(cx, &text, out)).await
    }

    /// Acks by hand everything that was accepted. See [`Session::ack`].
    ///
    /// # Errors
    /// [`CallError`]: nothing was sent.
    pub async fn ack(&self) -> Result<Sent, CallError> {
        self.call(Session::ack).await
    }

    /// Proposes a membership change. See [`Session::propose`].
    ///
    /// # Errors
    /// [`CallError`]: nothing was proposed.
    pub async fn propose(&self, change: Change) -> Result<OperationId, CallError> {
        self.call(move |session, cx, out| session.propose(cx, change.as_membership(), out)).await
    }

    /// Asks for the end of the running operation. See [`Session::abort`].
    ///
    /// # Errors
    /// [`CallError`]: nothing was sent.
    pub async fn abort(&self, reason: impl Into<String>) -> Result<(), CallError> {
        let reason = reason.into();
        self.call(move |session, cx, out| session.abort(cx, &reason, out)).await
    }

    /// Parts: says so to the others, waits for their acks, leaves the channel. It is done when
    /// [`Event::LeftChannel`] comes. See [`Session::part`].
    ///
    /// # Errors
    /// [`CallError`]: nothing was done.
    pub async fn part(&self) -> Result<(), CallError> {
        self.call(Session::part).await
    }

    /// Asks the session something.
    ///
    /// # Errors
    /// [`Gone`]: the driver has ended.
    pub async fn query<R: Send + 'static>(
        &self,
        ask: impl FnOnce(&Session<S>) -> R + Send + 'static,
    ) -> Result<R, Gone> {
        self.with(move |session, _, _| ask(session)).await
    }

    /// Calls any method of the session that can be misused.
    ///
    /// # Errors
    /// [`CallError`]: what the method says, or [`CallError::Gone`].
    pub async fn call<R: Send + 'static>(
        &self,
        call: impl FnOnce(&mut Session<S>, &mut Ctx<'_>, &mut Outputs) -> Result<R, ApiMisuse>
        + Send
        + 'static,
    ) -> Result<R, CallError> {
        Ok(self.with(call).await??)
    }

    /// Does anything with the session; what it outputs is done like all its outputs.
    ///
    /// # Errors
    /// [`Gone`]: the driver has ended.
    pub async fn with<R: Send + 'static>(
        &self,
        act: impl FnOnce(&mut Session<S>, &mut Ctx<'_>, &mut Outputs) -> R + Send + 'static,
    ) -> Result<R, Gone> {
        let (answer, answered) = oneshot::channel();
        let command: Command<S> = Box::new(move |session, cx, out| {
            // Whoever asked may not wait for the answer any more.
            let _ = answer.send(act(session, cx, out));
        });
        self.commands.send(command).await.map_err(|_| Gone)?;
        answered.await.map_err(|_| Gone)
    }
}

/// The events of a session that a [`Driver`](crate::Driver) runs, in order.
///
/// None is ever dropped. Read them: while too many wait, the driver takes nothing more from the
/// channel (calls and deadlines go on). If you do not want them, drop this.
#[derive(Debug)]
pub struct Events {
    events: mpsc::Receiver<Event>,
}

impl Events {
    pub(crate) fn new(events: mpsc::Receiver<Event>) -> Self {
        Self { events }
    }

    /// The next event; `None` once the driver has ended and all have been read. Cancel-safe.
    pub async fn next(&mut self) -> Option<Event> {
        self.events.recv().await
    }

    /// The next event, if one waits.
    pub fn try_next(&mut self) -> Option<Event> {
        self.events.try_recv().ok()
    }
}
