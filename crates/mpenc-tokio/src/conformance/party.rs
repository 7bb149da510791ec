//! Some members in a room, whose channels all make progress while one is waited for.

use core::future::poll_fn;
use core::pin::Pin;
use core::task::Poll;
use core::time::Duration;
use std::collections::{BTreeMap, VecDeque};

use mpenc_session::ChannelAction;
use mpenc_wire::MemberId;
use tokio::time::timeout;

use super::{Rule, Venue, Violation};
use crate::{ChannelNotice, GroupChannel};

/// How long anything may take.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);

pub(super) type Name = &'static str;

struct Seat<C> {
    channel: C,
    notices: VecDeque<ChannelNotice>,
    error: Option<String>,
}

pub(super) struct Party<'v, V: Venue> {
    venue: &'v V,
    room: Name,
    seats: BTreeMap<Name, Seat<V::Channel>>,
}

impl<'v, V: Venue> Party<'v, V> {
    pub(super) fn new(venue: &'v V, room: Name) -> Self {
        Self { venue, room, seats: BTreeMap::new() }
    }

    /// Whoever has this name; they come into being when they are first asked for.
    fn seat(&mut self, name: Name) -> &mut Seat<V::Channel> {
        let (venue, room) = (self.venue, self.room);
        self.seats.entry(name).or_insert_with(|| Seat {
            channel: venue.channel(room, name),
            notices: VecDeque::new(),
            error: None,
        })
    }

    /// Drops a channel, as a program does that crashes.
    pub(super) fn drop(&mut self, name: Name) {
        self.seats.remove(name);
    }

    /// Somebody else who wants the name of `taken`, and is called `rival` here.
    pub(super) fn rival(&mut self, taken: Name, rival: Name) -> bool {
        let Some(channel) = self.venue.rival(self.room, taken) else { return false };
        self.seats.insert(rival, Seat { channel, notices: VecDeque::new(), error: None });
        true
    }

    pub(super) fn member(&self, name: Name) -> MemberId {
        self.venue.member(self.room, name)
    }

    pub(super) fn act(&mut self, name: Name, action: ChannelAction) {
        self.seat(name).channel.act(action);
    }

    pub(super) fn send(&mut self, name: Name, packet: &str) {
        self.act(name, ChannelAction::Send { packet: packet.to_owned() });
    }

    /// Waits until some channel tells something. The calls of the others are dropped, and made anew
    /// the next time.
    async fn step(&mut self) {
        let mut waiting: Vec<_> = self
            .seats
            .values_mut()
            .filter(|seat| seat.error.is_none())
            .map(|Seat { channel, notices, error }| {
                let next: Pin<Box<dyn Future<Output = _> + Send + '_>> = Box::pin(channel.next());
                (next, notices, error)
            })
            .collect();
        poll_fn(|cx| {
            for (next, notices, error) in &mut waiting {
                match next.as_mut().poll(cx) {
                    Poll::Ready(Ok(notice)) => notices.push_back(notice),
                    Poll::Ready(Err(failed)) => **error = Some(failed.to_string()),
                    Poll::Pending => continue,
                }
                return Poll::Ready(());
            }
            Poll::Pending
        })
        .await;
    }

    /// The next thing that somebody's channel tells: a notice, or why it failed.
    pub(super) async fn hear(
        &mut self,
        name: Name,
        rule: Rule,
        awaited: &str,
    ) -> Result<Result<ChannelNotice, String>, Violation> {
        loop {
            let seat = self.seat(name);
            if let Some(notice) = seat.notices.pop_front() {
                return Ok(Ok(notice));
            }
            if let Some(error) = &seat.error {
                return Ok(Err(error.clone()));
            }
            if timeout(PATIENCE, self.step()).await.is_err() {
                let what = format!("{name} waits for {awaited}, and nothing comes");
                return Err(Violation { rule, what });
            }
        }
    }

    /// The next notice of somebody's.
    pub(super) async fn notice(
        &mut self,
        name: Name,
        rule: Rule,
        awaited: &str,
    ) -> Result<ChannelNotice, Violation> {
        self.hear(name, rule, awaited).await?.map_err(|error| Violation {
            rule: Rule::Alive,
            what: format!("{name} waits for {awaited}, and the channel failed: {error}"),
        })
    }

    /// Waits for this notice of somebody's, and no other.
    pub(super) async fn expect(
        &mut self,
        name: Name,
        rule: Rule,
        expected: ChannelNotice,
    ) -> Result<(), Violation> {
        let found = self.notice(name, rule, &show(&expected)).await?;
        if sorted(found.clone()) == sorted(expected.clone()) {
            return Ok(());
        }
        let what = format!("{name} waits for {}, and hears {}", show(&expected), show(&found));
        Err(Violation { rule, what })
    }

    pub(super) async fn expect_packet(
        &mut self,
        name: Name,
        rule: Rule,
        sender: Name,
        packet: &str,
    ) -> Result<(), Violation> {
        let (sender, packet) = (self.member(sender), packet.to_owned());
        self.expect(name, rule, ChannelNotice::Packet { sender, packet }).await
    }

    /// Lets this one enter; `others` are inside, and hear of it.
    pub(super) async fn enter(&mut self, name: Name, others: &[Name]) -> Result<(), Violation> {
        self.act(name, ChannelAction::Enter);
        let members = others.iter().chain([&name]).map(|name| self.member(name)).collect();
        self.expect(name, Rule::EnteredFirst, ChannelNotice::Entered { members }).await?;
        for other in others {
            let notice = self.entered(name);
            self.expect(other, Rule::Complete, notice).await?;
        }
        Ok(())
    }

    pub(super) fn entered(&self, name: Name) -> ChannelNotice {
        ChannelNotice::Changed { entered: vec![self.member(name)], left: Vec::new() }
    }

    pub(super) fn left(&self, name: Name) -> ChannelNotice {
        ChannelNotice::Changed { entered: Vec::new(), left: vec![self.member(name)] }
    }

    /// What was told and not looked at yet, without waiting.
    pub(super) fn told(&mut self, name: Name) -> Option<ChannelNotice> {
        self.seat(name).notices.pop_front()
    }

    /// A channel by itself.
    pub(super) fn channel(&mut self, name: Name) -> &mut V::Channel {
        &mut self.seat(name).channel
    }
}

/// Sets have no order.
fn sorted(mut notice: ChannelNotice) -> ChannelNotice {
    match &mut notice {
        ChannelNotice::Entered { members } => members.sort(),
        ChannelNotice::Changed { entered, left } => {
            entered.sort();
            left.sort();
        }
        _ => {}
    }
    notice
}

/// A notice for people; packets may be long.
pub(super) fn show(notice: &ChannelNotice) -> String {
    let text = format!("{notice:?}");
    match text.char_indices().nth(200) {
        Some((at, _)) => format!("{}…", text.get(..at).unwrap_or_default()),
        None => text,
    }
}
