//! Messages that wait until the members are exactly those whom they were written to (SE-28).
//!
//! They may be written at any time, also outside of the channel, and wait through everything that
//! may yet end with these members: an operation, a connection that breaks, a removal while waiting.
//! Once we leave by our own wish, are excluded, or give up, that can no longer happen in this
//! session, and each is reported. Sent they are at most once: what has been sent is the transcript's
//! to deliver.

use alloc::collections::{BTreeSet, VecDeque};
use alloc::string::String;

use mpenc_greet::InternalError;
use mpenc_message::{Kind, MessageSecurity, SealError};
use mpenc_wire::MemberId;

use crate::event::{LocalId, Sent};
use crate::subsession::{SubSession, WriteError};
use crate::{ApiMisuse, Ctx, Event, Instant, Outputs, Session, Suite};

/// How many messages may wait.
const ROOM: usize = 256;
/// How many octets of text they may have together.
const OCTETS: usize = 4 * 1024 * 1024;
/// A text that is longer fits into no message, in either dialect.
const LONGEST: usize = 32_766;

#[derive(Clone, Debug)]
pub(crate) struct Waiting {
    local: LocalId,
    readers: BTreeSet<MemberId>,
    text: String,
    since: Instant,
}

impl Waiting {
    fn not_sent(self, error: Option<SealError>) -> Event {
        let Self { local, readers, text, since: _ } = self;
        Event::NotSent { local, readers: readers.into_iter().collect(), text, error }
    }
}

/// A message that waits for its readers to be the members.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Queued<'a> {
    /// What it is called while it waits.
    pub local: LocalId,
    /// Whom it was written to.
    pub readers: &'a BTreeSet<MemberId>,
    /// What was written.
    pub text: &'a str,
    /// When it was written, on the caller's clock.
    pub since: Instant,
}

/// Messages that wait, oldest first.
#[derive(Clone, Debug, Default)]
pub(crate) struct Outbox {
    queue: VecDeque<Waiting>,
    numbered: u64,
}

impl<S: Suite> Session<S> {
    /// Sends a text to exactly these readers: now, if they are the other members, or as soon as
    /// they are; until then it waits, also while we are outside of the channel. It never reaches
    /// anybody else. If we leave, or are excluded, before they are the members, it is reported as
    /// [`Event::NotSent`]. What was written to the same readers goes out in the order in which it
    /// was written.
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
        let since = cx.now;
        let cx = &mut self.own_time(cx);
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
        let octets = self.outbox.queue.iter().map(|waiting| waiting.text.len());
        let octets = octets.fold(text.len(), usize::saturating_add);
        if self.outbox.queue.len() >= ROOM || octets > OCTETS {
            return Err(ApiMisuse::OutboxFull);
        }
        if text.is_empty() {
            return Err(ApiMisuse::Seal(SealError::TextAndKindDisagree));
        }
        if text.len() > LONGEST {
            let (octets, limit) = (text.len(), LONGEST);
            return Err(ApiMisuse::Seal(SealError::TooLong { octets, limit }));
        }
        self.outbox.numbered = self.outbox.numbered.saturating_add(1);
        let local = LocalId(self.outbox.numbered);
        self.outbox.queue.push_back(Waiting { local, readers, text: String::from(text), since });
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
        let mut exhausted = false;
        for waiting in core::mem::take(&mut self.outbox.queue) {
            if result.is_err() || exhausted || !is_for(current, &waiting.readers) {
                kept.push_back(waiting);
                continue;
            }
            match current.write(cx, &mut self.shared, Kind::Payload, &waiting.text, out) {
                Ok(id) => out.tell(Event::Sent { local: waiting.local, id }),
                // The next refresh brings a key that seals.
                Err(WriteError::Seal(SealError::KeyExhausted)) => {
                    exhausted = true;
                    kept.push_back(waiting);
                }
                Err(WriteError::Seal(error)) => {
                    out.tell(waiting.not_sent(Some(error)));
                }
                Err(WriteError::Internal(error)) => {
                    result = Err(error);
                    kept.push_back(waiting);
                }
            }
        }
        self.outbox.queue = kept;
        result
    }

    /// The session is over: what still waits can no longer be sent to those whom it was written to.
    pub(crate) fn give_up_outbox(&mut self, out: &mut Outputs) {
        for waiting in core::mem::take(&mut self.outbox.queue) {
            out.tell(waiting.not_sent(None));
        }
    }

    /// Messages that wait for their readers to be the members, oldest first.
    pub fn waiting(&self) -> impl Iterator<Item = Queued<'_>> {
        self.outbox.queue.iter().map(|waiting| Queued {
            local: waiting.local,
            readers: &waiting.readers,
            text: &waiting.text,
            since: waiting.since,
        })
    }

    /// Takes back a message that still waits: gives its text, and nothing more is told of it. `None`
    /// if it does not wait (any more).
    pub fn take_back(&mut self, local: LocalId) -> Option<String> {
        let at = self.outbox.queue.iter().position(|waiting| waiting.local == local)?;
        self.outbox.queue.remove(at).map(|waiting| waiting.text)
    }
}

fn is_for<X: MessageSecurity>(sub: &SubSession<X>, readers: &BTreeSet<MemberId>) -> bool {
    sub.readers().len() == readers.len() && sub.readers().iter().all(|r| readers.contains(r))
}
