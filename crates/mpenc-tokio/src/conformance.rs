//! What every group channel must do, tried on one: for the tests of those who write channels.
//!
//! Implement [`Venue`] for yours, and let a test call [`check`]. The rules are those of
//! `docs/TRANSPORTS.md`; a channel that breaks one is told which, and what was seen.

mod checks;
mod party;

use core::error::Error;
use core::fmt;

use mpenc_wire::MemberId;

use crate::GroupChannel;

/// Where channels meet: a server with rooms, or whatever takes its place.
pub trait Venue {
    /// The channel that is tried.
    type Channel: GroupChannel;

    /// A new channel, outside of this room, for whoever has this name. Rooms and names are short
    /// words of lower-case letters. A name may be used again once its first channel has gone.
    fn channel(&self, room: &str, name: &str) -> Self::Channel;

    /// What the session calls whoever has this name in this room.
    fn member(&self, room: &str, name: &str) -> MemberId;

    /// A channel of somebody else who wants this name, which is taken; `None` if that cannot be.
    fn rival(&self, room: &str, name: &str) -> Option<Self::Channel> {
        Some(self.channel(room, name))
    }
}

/// What a channel must keep to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Rule {
    /// All get packets, enters and leaves in the same sequence.
    OneOrder,
    /// Our own packets come back in it, as they were sent.
    Echo,
    /// Whoever stays misses nothing, and hears nothing twice.
    Complete,
    /// First comes who is there, and nothing of what was before; outside comes nothing.
    EnteredFirst,
    /// Nobody has the name of somebody else.
    Names,
    /// Whoever leaves, is removed or vanishes has left, for all.
    Leaving,
    /// A call of `next` that is dropped loses nothing.
    CancelSafe,
    /// The channel goes on as long as nothing happens to it.
    Alive,
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::OneOrder => "all get the same sequence",
            Self::Echo => "our own packets come back as they were sent",
            Self::Complete => "whoever stays misses nothing, and hears nothing twice",
            Self::EnteredFirst => "first comes who is there, and nothing of what was before",
            Self::Names => "nobody has the name of somebody else",
            Self::Leaving => "whoever leaves, is removed or vanishes has left, for all",
            Self::CancelSafe => "a call of next that is dropped loses nothing",
            Self::Alive => "a channel goes on as long as nothing happens to it",
        })
    }
}

/// A rule that was broken.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Violation {
    /// Which.
    pub rule: Rule,
    /// What was seen.
    pub what: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "not so: {}: {}", self.rule, self.what)
    }
}

impl Error for Violation {}

/// Tries everything, in rooms of this venue that nobody else may be in.
///
/// It takes as long as the channel takes for some hundred packets. A channel that is silent where
/// it must speak is given up after a minute of tokio's time.
///
/// # Errors
/// The first [`Violation`].
pub async fn check<V: Venue>(venue: &V) -> Result<(), Violation> {
    checks::entering(venue).await?;
    checks::order(venue).await?;
    checks::newcomers(venue).await?;
    checks::leaving(venue).await?;
    checks::vanishing(venue).await?;
    checks::removing(venue).await?;
    checks::cancelling(venue).await?;
    checks::octets(venue).await?;
    checks::names(venue).await
}
