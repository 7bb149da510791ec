//! Messages that wait for their readers to be the members: how people name them and take them back.

use anyhow::Result;
use mpenc::session::LocalId;
use mpenc::{Event, MemberId, Mpenc};
use mpenc_tokio::Handle;

use super::line::{Line, note, warning};
use super::tell::texts;
use super::words::Shortened;
use super::{Chat, Flow, Front};

/// What people call messages that wait: numbers from 1 on, each given once, so that none comes to
/// mean another message while somebody types it.
#[derive(Debug, Default)]
pub(crate) struct Numbers(Vec<LocalId>);

impl Numbers {
    /// The number of a message, a new one if it has none.
    pub(crate) fn of(&mut self, local: LocalId) -> usize {
        let at = self.0.iter().position(|known| *known == local).unwrap_or_else(|| {
            self.0.push(local);
            self.0.len().saturating_sub(1)
        });
        at.saturating_add(1)
    }

    /// The message that has a number.
    fn named(&self, number: usize) -> Option<LocalId> {
        self.0.get(number.checked_sub(1)?).copied()
    }
}

impl<F: Front> Chat<'_, F> {
    /// Shows what waits, oldest first.
    pub(super) async fn queue(&mut self, handle: &Handle<Mpenc>) -> Result<Flow> {
        let waiting = handle.query(|session| {
            let waiting = session.waiting();
            let rows = waiting.map(|w| (w.local, texts(w.readers), w.text.to_owned()));
            rows.collect::<Vec<_>>()
        });
        match waiting.await {
            Ok(waiting) if waiting.is_empty() => self.show(&note("nothing waits for its readers")),
            Ok(waiting) => waiting.into_iter().try_fold(Flow::On, |_, (local, readers, text)| {
                let number = self.numbers.of(local);
                self.show(&Line::Waiting { number, readers, text })
            }),
            Err(gone) => self.show(&self.teller.refusal(&gone.into())),
        }
    }

    /// The session is over, and nobody wished that: what still waits is told, as it ends with us.
    pub(super) async fn give_up_waiting(&mut self, handle: &Handle<Mpenc>) -> Result<()> {
        let given_up = handle.call(|session, _, _| {
            let waiting = session.waiting();
            let waiting = waiting.map(|w| (w.local, w.readers.iter().cloned().collect()));
            let waiting: Vec<(LocalId, Vec<MemberId>)> = waiting.collect();
            let take = |(local, readers)| {
                let text = session.take_back(local)?;
                Some(Event::NotSent { local, readers, text, error: None })
            };
            Ok(waiting.into_iter().filter_map(take).collect::<Vec<_>>())
        });
        // If the session has gone already, it has told what it had.
        for event in given_up.await.unwrap_or_default() {
            self.record(&event)?;
            if let Some(line) = self.teller.tell(&event) {
                self.show(&line)?;
            }
        }
        self.front.refresh(handle, &mut self.numbers).await
    }

    /// Takes back what waits under a number.
    pub(super) async fn take_back(
        &mut self,
        handle: &Handle<Mpenc>,
        number: usize,
    ) -> Result<Flow> {
        let unknown = || warning(format!("nothing waits under the number {number}: see /queue"));
        let Some(local) = self.numbers.named(number) else { return self.show(&unknown()) };
        let taken = handle.call(move |session, _, _| Ok(session.take_back(local)));
        match taken.await {
            Ok(Some(text)) => {
                self.show(&note(format!("taken back, and will not be sent: {}", Shortened(&text))))
            }
            Ok(None) => self.show(&unknown()),
            Err(error) => self.show(&self.teller.refusal(&error)),
        }
    }
}
