//! Messages that wait until the members are exactly those whom they were written to (SE-28).

use alloc::collections::{BTreeSet, VecDeque};
use alloc::string::String;
use alloc::vec::Vec;

use mpenc_greet::InternalError;
use mpenc_message::{Kind, MessageSecurity};
use mpenc_wire::MemberId;

use crate::event::{LocalId, Sent};
use crate::subsession::{SubSession, WriteError};
use crate::{ApiMisuse, Ctx, Event, Outputs, Session, Suite};

/// How many messages may wait.
const ROOM: usize = 256;

#[derive(Clone, Debug)]
pub(crate) struct Waiting {
    local: LocalId,
    readers: BTreeSet<MemberId>,
    text: String,
}

/// Messages that wait, oldest first.
#[derive(Clone, Debug, Default)]
pub(crate) struct Outbox {
    queue: VecDeque<Waiting>,
    numbered: u64,
}

impl<S: Suite> Session<S> {
    /// Sends a text to exactly these readers: now, if they are the other members, or as soon as
    /// they are. It never reaches anybody else. If we leave the channel first, it is reported as
    /// [`Event::NotSent`].
    ///
    /// # Errors
    /// [`ApiMisuse`]; nothing was sent, and nothing waits.
    pub fn send_to(
        &mut self,
        cx: &mut Ctx<'_>,
        readers: &[MemberId],
        text: &str,
        out: &mut Outputs,
    ) -> Result<Sent, ApiMisuse> {
        self.check_open()?;
        let cx = &mut self.own_time(cx);
        if self.presence.inside().is_none() {
            return Err(ApiMisuse::NotInChannel);
        }
        if self.parting {
            return Err(ApiMisuse::Parting);
        }
        let readers: BTreeSet<MemberId> = readers.iter().cloned().collect();
        if readers.is_empty() || readers.contains(&self.own) {
            return Err(ApiMisuse::Readers);
        }
        if self.current.as_ref().is_some_and(|sub| is_for(sub, &readers)) {
            // Whatever waits for the same readers was written before.
            self.flush_outbox(cx, out).map_err(|error| {
                self.close(error, out);
                ApiMisuse::Internal(error)
            })?;
            return self.write(cx, Kind::Payload, text, out).map(Sent::Now);
        }
        if self.outbox.queue.len() >= ROOM {
            return Err(ApiMisuse::OutboxFull);
        }
        if text.is_empty() {
            return Err(ApiMisuse::Seal(mpenc_message::SealError::TextAndKindDisagree));
        }
        self.outbox.numbered = self.outbox.numbered.saturating_add(1);
        let local = LocalId(self.outbox.numbered);
        self.outbox.queue.push_back(Waiting { local, readers, text: String::from(text) });
        Ok(Sent::Queued(local))
    }

    /// Sends what was written to the members as they are now.
    pub(crate) fn flush_outbox(
        &mut self,
        cx: &mut Ctx<'_>,
        out: &mut Outputs,
    ) -> Result<(), InternalError> {
        let Some(current) = self.current.as_mut().filter(|sub| sub.takes_content()) else {
            return Ok(());
        };
        let mut kept = VecDeque::new();
        let mut result = Ok(());
        for waiting in core::mem::take(&mut self.outbox.queue) {
            if !is_for(current, &waiting.readers) {
                kept.push_back(waiting);
                continue;
            }
            match current.write(cx, &mut self.shared, Kind::Payload, &waiting.text, out) {
                Ok(id) => out.tell(Event::Sent { local: waiting.local, id }),
                Err(WriteError::Seal(error)) => {
                    out.tell(Event::NotSent { local: waiting.local, error: Some(error) });
                }
                Err(WriteError::Internal(error)) => result = Err(error),
            }
        }
        self.outbox.queue = kept;
        result
    }

    /// We left: what still waits can no longer be sent to those whom it was written to.
    pub(crate) fn give_up_outbox(&mut self, out: &mut Outputs) {
        for waiting in core::mem::take(&mut self.outbox.queue) {
            out.tell(Event::NotSent { local: waiting.local, error: None });
        }
    }

    /// Messages that wait for their readers to be the members, oldest first.
    #[must_use]
    pub fn waiting(&self) -> Vec<LocalId> {
        self.outbox.queue.iter().map(|waiting| waiting.local).collect()
    }
}

fn is_for<X: MessageSecurity>(sub: &SubSession<X>, readers: &BTreeSet<MemberId>) -> bool {
    sub.readers().len() == readers.len() && sub.readers().iter().all(|r| readers.contains(r))
}
