//! What goes into a session and what comes out.

use alloc::collections::VecDeque;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use mpenc_wire::MemberId;
use rand_core::CryptoRng;

use crate::{Event, Instant};

/// Time and randomness: they come with each call, because a session has neither.
pub struct Ctx<'a> {
    /// The caller's clock.
    pub now: Instant,
    /// The caller's randomness. It must be good: keys and IVs come from it.
    pub rng: &'a mut dyn CryptoRng,
}

impl<'a> Ctx<'a> {
    /// This moment, and this randomness.
    pub fn new(now: Instant, rng: &'a mut dyn CryptoRng) -> Self {
        Self { now, rng }
    }
}

impl fmt::Debug for Ctx<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ctx").field("now", &self.now).finish_non_exhaustive()
    }
}

/// What happens to a session.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Input<'a> {
    /// The channel gave us its next event.
    Channel(ChannelEvent<'a>),
    /// Time has passed: what is due at `Ctx::now` is done.
    Tick,
}

/// An event of the group channel, in the channel's order (SE-13).
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum ChannelEvent<'a> {
    /// We entered; `members` are all who are in the channel now, ourselves among them.
    Entered {
        /// All who are in the channel now.
        members: &'a [MemberId],
    },
    /// We left, were removed, or lost the connection.
    Left,
    /// Others entered or left. One member per event in dialect Document.
    Changed {
        /// Who entered.
        entered: &'a [MemberId],
        /// Who left.
        left: &'a [MemberId],
    },
    /// A packet, our own ones included. The sender is what the channel says: unauthenticated.
    Packet {
        /// Who sent it, says the channel.
        sender: &'a MemberId,
        /// The packet's text.
        packet: &'a str,
    },
}

/// What a session wants the channel to do. A channel may ignore it, or do it later (SE-14).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ChannelAction {
    /// Send this packet to everybody in the channel, ourselves included.
    Send {
        /// The packet's text.
        packet: String,
    },
    /// Enter the channel.
    Enter,
    /// Leave the channel.
    Leave,
    /// Let these members enter.
    Invite(Vec<MemberId>),
    /// Remove these members.
    Remove(Vec<MemberId>),
}

/// One thing that comes out of a session.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Output {
    /// For the channel.
    Channel(ChannelAction),
    /// For the user.
    Event(Event),
}

/// A queue of outputs, owned by the caller and reusable: first in, first out.
///
/// Draining it late delays things but never breaks them.
#[derive(Clone, Debug, Default)]
pub struct Outputs {
    queue: VecDeque<Output>,
}

impl Outputs {
    /// An empty queue.
    #[must_use]
    pub const fn new() -> Self {
        Self { queue: VecDeque::new() }
    }

    /// Takes the oldest output.
    pub fn pop(&mut self) -> Option<Output> {
        self.queue.pop_front()
    }

    /// Takes all outputs, oldest first.
    pub fn drain(&mut self) -> impl Iterator<Item = Output> + '_ {
        self.queue.drain(..)
    }

    /// How many outputs wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.queue.len()
    }

    /// Whether none waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    pub(crate) fn act(&mut self, action: ChannelAction) {
        self.queue.push_back(Output::Channel(action));
    }

    pub(crate) fn tell(&mut self, event: Event) {
        self.queue.push_back(Output::Event(event));
    }
}
