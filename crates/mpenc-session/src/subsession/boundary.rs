//! The end of a sub-session, as the operation that ended it names it (SO-08, LATEST_PM).
//!
//! The initial packet of an operation says which messages its author had seen last. Once the
//! operation completes, that is authenticated, and so everybody who was in the old sub-session should
//! have them, or get them by resends. They are waited for as long as the old sub-session is kept:
//! until then it is not consistent. If they never come, its author named messages that do not exist,
//! or somebody keeps them from us: the members do not have the same history, which is told.
//!
//! Where another operation completes sooner and takes the old sub-session away, nothing is said of
//! it: nobody can know what would have come.

use alloc::collections::BTreeSet;
use alloc::vec::Vec;

use mpenc_message::MessageSecurity;
use mpenc_order::PacketId;
use mpenc_wire::{MemberId, MessageId};

use super::SubSession;
use crate::Outputs;
use crate::event::Event;

/// Messages that should be there and are not.
#[derive(Clone, Debug)]
pub(super) struct Boundary {
    operation: PacketId,
    author: MemberId,
    missing: BTreeSet<MessageId>,
}

impl<X: MessageSecurity> SubSession<X> {
    /// An operation has completed whose author had seen these messages last.
    pub(crate) fn ends_with(
        &mut self,
        operation: PacketId,
        author: &MemberId,
        latest: &[MessageId],
    ) {
        let missing = latest.iter().filter(|id| !self.transcript.contains(id)).copied().collect();
        self.boundary = Some(Boundary { operation, author: author.clone(), missing });
    }

    /// Whether all messages are there that the author of the operation had seen which ended this
    /// sub-session.
    pub(super) fn is_whole(&self) -> bool {
        self.boundary.as_ref().is_none_or(|boundary| boundary.missing.is_empty())
    }

    /// A message is in the transcript now.
    pub(super) fn found(&mut self, id: &MessageId) {
        if let Some(boundary) = &mut self.boundary {
            boundary.missing.remove(id);
        }
    }

    /// The time in which the missing ones could have come is over.
    pub(super) fn tell_missing(&mut self, out: &mut Outputs) {
        if let Some(boundary) = self.boundary.take_if(|boundary| !boundary.missing.is_empty()) {
            let missing: Vec<MessageId> = boundary.missing.into_iter().collect();
            let Boundary { operation, author, .. } = boundary;
            out.tell(Event::HistoryDiffers { operation, author, missing });
        }
    }
}
