//! What has to come in the sub-session before, so that a message of this one may be shown.
//!
//! A message names parents of its own sub-session only, and what its author had seen before that is in
//! another transcript. So that nothing is shown before what its author had seen, a member who was in
//! both holds a text of the new sub-session back, as if it missed a parent, until there are in the old
//! one:
//!
//! - the messages that the operation between them names (LATEST_PM), which count as parents of all
//!   that follows it (LG-04);
//! - its author's FIN. Whoever completes the operation writes that first, so it has for ancestors all
//!   that they had seen by then. Who was no member before has none.
//!
//! In the channel's order both come before the message; they are waited for only where something was
//! lost, or is withheld, and resends bring them. What its author took in the old sub-session after
//! their FIN is the one thing that nothing in their message tells of.
//!
//! Nobody waits for ever: when the old sub-session has had its time, or makes way for another
//! operation's, that is told (it has parted, not consistent; or
//! [`HistoryDiffers`](crate::Event::HistoryDiffers)), and then what waited is shown.

use alloc::vec::Vec;

use mpenc_greet::InternalError;
use mpenc_message::{Kind, MessageSecurity};
use mpenc_wire::{MemberId, MessageId};

use super::{Incoming, SubSession};
use crate::shared::Shared;
use crate::{Instant, Outputs};

/// What a message waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Awaited {
    /// A parent.
    Message(MessageId),
    /// Messages that the operation names which ended the sub-session before.
    History,
    /// What the member with this number, its author, wrote last in the sub-session before.
    EndOf(usize),
}

impl Awaited {
    /// Those that are messages whose ids are known.
    pub(super) fn messages(awaited: Vec<Self>) -> Vec<MessageId> {
        let id = |awaited| if let Self::Message(id) = awaited { Some(id) } else { None };
        awaited.into_iter().filter_map(id).collect()
    }
}

impl<X: MessageSecurity> SubSession<X> {
    /// It follows on another one, in which some of the `latest` messages are still missing.
    pub(crate) fn follows(mut self, latest: Vec<MessageId>) -> Self {
        self.latest_before = Some(latest);
        self
    }

    /// What has to come in the sub-session before, if the `other` one is that, until a message may be
    /// taken here. Only texts are shown; and what we write ourselves follows on what we have.
    pub(super) fn awaited_before(&self, other: Option<&Self>, message: &Incoming) -> Vec<Awaited> {
        let mut awaited = Vec::new();
        let author = &message.author;
        let waits = message.kind == Kind::Payload && *author != self.own;
        if let Some(before) = other.filter(|other| waits && other.number < self.number) {
            if !before.is_whole() {
                awaited.push(Awaited::History);
            }
            if before.awaits_end_of(author) {
                awaited.extend(self.transcript.number(author).map(Awaited::EndOf));
            }
        }
        awaited
    }

    /// Whether the member has yet to end their part. That they have left the channel, as only the server
    /// says, changes nothing: whoever is a member of the next sub-session was there to end this one.
    fn awaits_end_of(&self, member: &MemberId) -> bool {
        self.transcript.is_member(member) && self.transcript.closed_by(member).is_none()
    }

    /// Takes what waited for the sub-session `before`, as far as that has come, or never will.
    pub(crate) fn catch_up(
        &mut self,
        now: Instant,
        shared: &mut Shared,
        before: Option<&Self>,
        out: &mut Outputs,
    ) -> Result<(), InternalError> {
        let is_whole = before.is_none_or(Self::is_whole);
        if is_whole
            && let Some(latest) = self.latest_before.take()
            && let Some(before) = before
        {
            shared
                .log
                .begin_again(self.section, before.section, &before.transcript, &latest)
                .map_err(|_| {
                    InternalError::new("the log did not take what a section follows on")
                })?;
        }
        if self.pending.is_empty() {
            return Ok(());
        }
        let mut ready = Vec::new();
        if is_whole {
            ready.extend(self.pending.take_ready(&Awaited::History));
        }
        for (number, member) in self.members.iter().enumerate() {
            if before.is_none_or(|before| !before.awaits_end_of(member)) {
                ready.extend(self.pending.take_ready(&Awaited::EndOf(number)));
            }
        }
        for message in ready {
            self.take(now, shared, before, message, out)?;
        }
        Ok(())
    }
}
