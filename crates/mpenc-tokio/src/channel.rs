//! What a driver needs of a group channel.

use core::error::Error;
use core::future::Future;

use mpenc_session::{ChannelAction, ChannelEvent};
use mpenc_wire::MemberId;

/// A group channel: it gives each of its members one sequence of notices in the same order (design
/// chapter 4.1; requirements SE-13, SE-14).
///
/// A channel is created outside of its room, and stays useful after leaving it: [`act`](Self::act)
/// with [`ChannelAction::Enter`] brings it in, again.
pub trait GroupChannel {
    /// Why the channel is of no use any more.
    type Error: Error + Send + Sync + 'static;

    /// The next notice. While we are outside, and nothing is under way, it waits.
    ///
    /// This is also when the channel does what [`act`](Self::act) queued: all input and output
    /// happens here, so that one task can wait for everything at once.
    ///
    /// It must be *cancel-safe*: a call that is dropped before it is ready must lose neither a notice
    /// nor a part of what is queued, for the driver drops it whenever something else happens first.
    ///
    /// # Errors
    /// The channel cannot go on: the driver tells the session that we left, and ends. A lost
    /// connection is none if the channel can connect anew: it is [`ChannelNotice::Left`].
    fn next(&mut self) -> impl Future<Output = Result<ChannelNotice, Self::Error>> + Send;

    /// Queues an action, after those queued before. Never waits.
    ///
    /// There is no result, because there is none to rely on: a channel may ignore an action or do it
    /// later (SE-14). What came of it shows in the notices.
    fn act(&mut self, action: ChannelAction);
}

/// What a group channel tells: a [`ChannelEvent`] that owns what it says.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ChannelNotice {
    /// We entered; `members` are all who are in the channel now, ourselves among them.
    Entered {
        /// All who are in the channel now.
        members: Vec<MemberId>,
    },
    /// We left, were removed, or lost the connection.
    Left,
    /// Others entered or left. One member per notice, if the channel can (dialect Document).
    Changed {
        /// Who entered.
        entered: Vec<MemberId>,
        /// Who left.
        left: Vec<MemberId>,
    },
    /// A packet, our own ones included.
    Packet {
        /// Who sent it, says the channel.
        sender: MemberId,
        /// The packet's text.
        packet: String,
    },
}

impl ChannelNotice {
    /// Lends it in the form that a session takes.
    #[must_use]
    pub fn as_event(&self) -> ChannelEvent<'_> {
        match self {
            Self::Entered { members } => ChannelEvent::Entered { members },
            Self::Left => ChannelEvent::Left,
            Self::Changed { entered, left } => ChannelEvent::Changed { entered, left },
            Self::Packet { sender, packet } => ChannelEvent::Packet { sender, packet },
        }
    }
}
