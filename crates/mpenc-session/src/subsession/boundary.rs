//! The end of a sub-session, as the operation that ended it names it (SO-08, LATEST_PM).
//!
//! The initial packet of an operation says which messages its author had seen last. Once the
//! operation completes, that is authenticated, and so everybody who was in the old sub-session should
//! have them, or get them by resends. They are waited for as long as the old sub-session is kept:
//! until then it is not consistent. If they never come, the members do not have the same history,
//! which is told: its author named messages that do not exist, or somebody keeps them from us, or
//! they were lost together with those who had them.
//!
//! What can be known of that is who was there to send them again. Somebody was, who stayed in the
//! channel, and of whom something came in the second half of the waiting: by then everything that is
//! not fully acked has been sent again, and will be once more. We write a heartbeat then, which all
//! have to ack. Who lacked it themselves could not: of whoever had it we cannot accept the FIN, which
//! descends from it, so whose FIN is here did not have it when they ended their part; but for the author
//! of the operation, who named it. Where nobody was, we, or they, may just as well have been cut off, and a server that
//! wants to look like that has to drop all that they send: their silence is told of too.
//!
//! Where another operation completes sooner and takes the old sub-session away, nothing is said of
//! it: nobody can know what would have come.

use alloc::collections::BTreeSet;
use alloc::vec::Vec;
use core::time::Duration;

use mpenc_message::MessageSecurity;
use mpenc_order::PacketId;
use mpenc_wire::{MemberId, MessageId};

use super::SubSession;
use crate::OperationInfo;
use crate::event::Event;
use crate::flow::FIN_PATIENCE;
use crate::{Instant, Outputs};

/// Messages that should be there and are not.
#[derive(Clone, Debug)]
pub(super) struct Boundary {
    operation: PacketId,
    author: MemberId,
    missing: BTreeSet<MessageId>,
    /// Members of before and after who have not left the channel: who could send them again.
    able: BTreeSet<MemberId>,
    /// When the second half of the waiting begins.
    half: Instant,
    /// Of whom something has come since.
    there: BTreeSet<MemberId>,
}

impl<X: MessageSecurity> SubSession<X> {
    /// An operation has completed whose author had seen these messages last. If some are missing,
    /// gives the time at which to look who is there.
    pub(crate) fn ends_with(
        &mut self,
        now: Instant,
        latency: Duration,
        info: &OperationInfo,
        latest: &[MessageId],
    ) -> Option<Instant> {
        let missing: BTreeSet<MessageId> =
            latest.iter().filter(|id| !self.transcript.contains(id)).copied().collect();
        let half = now.after(latency.saturating_mul(FIN_PATIENCE / 2));
        let waits = !missing.is_empty();
        let stay = self.readers.iter().filter(|&member| info.members.contains(member));
        self.boundary = Some(Boundary {
            operation: info.id,
            author: info.author.clone(),
            missing,
            able: stay.cloned().collect(),
            half,
            there: BTreeSet::new(),
        });
        waits.then_some(half)
    }

    /// Something of theirs has come, says the channel.
    pub(crate) fn hears(&mut self, now: Instant, sender: &MemberId) {
        if let Some(boundary) = &mut self.boundary
            && boundary.half <= now
            && boundary.able.contains(sender)
            && !boundary.there.contains(sender)
        {
            boundary.there.insert(sender.clone());
        }
    }

    /// They have left the channel. Should they come back, they have forgotten everything.
    pub(crate) fn leaves(&mut self, member: &MemberId) {
        if let Some(boundary) = &mut self.boundary {
            boundary.able.remove(member);
            boundary.there.remove(member);
        }
    }

    /// Whether all messages are there that the author of the operation had seen which ended this
    /// sub-session.
    pub(crate) fn is_whole(&self) -> bool {
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
            let Boundary { operation, author, there, .. } = boundary;
            let lacked = |member: &MemberId| self.transcript.closed_by(member).is_some();
            let had = |member: &MemberId| *member == author || !lacked(member);
            let there = there.into_iter().filter(had).collect();
            out.tell(Event::HistoryDiffers { operation, author, missing, there });
        }
    }
}
