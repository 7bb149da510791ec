//! A session that is given what a member did and saw.

use std::sync::Arc;
use std::time::Duration;

use mpenc::greet::Operation;
use mpenc::{
    ApiMisuse, ChannelAction, ChannelEvent, CliquesGreeter, Config, Ctx, Event, Identities, Input,
    Instant, JoinPatience, LocalIdentity, MemberId, Membership, MpencSession, Output, Outputs,
};

use super::draws::Draws;
use super::script::{Change, Cue, Notice};
use super::seen::{Members, Message, Seen, Text, sorted};
use crate::replay::format::{FlowControl, Options};
use crate::replay::recording::DIALECT;

/// One member's session, and the draws that are left.
pub(super) struct Player {
    session: MpencSession,
    draws: Draws,
    out: Outputs,
    /// The members that the user was told of.
    members: Vec<MemberId>,
}

impl Player {
    pub(super) fn new(
        own: MemberId,
        identity: LocalIdentity,
        identities: Arc<dyn Identities + Send + Sync>,
        config: Config,
        draws: Draws,
    ) -> Self {
        let signer = identity.into_signer();
        let greeter = CliquesGreeter::new(DIALECT, own.clone(), signer, identities);
        Self {
            session: MpencSession::new(greeter, config),
            draws,
            out: Outputs::new(),
            members: vec![own],
        }
    }

    pub(super) fn draws(&mut self) -> &mut Draws {
        &mut self.draws
    }

    /// The next time at which the session wants to be called, in milliseconds.
    pub(super) fn next_deadline(&self) -> Option<u64> {
        let deadline = self.session.next_deadline()?.since_epoch().as_millis();
        Some(u64::try_from(deadline).unwrap_or(u64::MAX))
    }

    /// Has the session do what is due.
    pub(super) fn tick(&mut self, now: u64) -> Vec<Seen> {
        let mut cx = Ctx::new(instant(now), &mut self.draws);
        self.session.handle(&mut cx, Input::Tick, &mut self.out);
        self.seen().into_iter().filter(|seen| *seen != Seen::Enter).collect()
    }

    /// Gives the session a cue.
    ///
    /// # Errors
    /// The session refuses to do that: nothing was done.
    pub(super) fn play(&mut self, now: u64, cue: &Cue) -> Result<Vec<Seen>, ApiMisuse> {
        let mut cx = Ctx::new(instant(now), &mut self.draws);
        let (session, out) = (&mut self.session, &mut self.out);
        match cue {
            Cue::Join => session.join(&mut cx, out)?,
            Cue::Part => session.part(&mut cx, out)?,
            Cue::Ack => session.ack(&mut cx, out).map(drop)?,
            Cue::Send(text) => session.send(&mut cx, text, out).map(drop)?,
            Cue::Propose(change) => {
                let membership = match change {
                    Change::Include(members) => Membership::Include(members),
                    Change::Exclude(members) => Membership::Exclude(members),
                    Change::Refresh => Membership::Refresh,
                };
                session.propose(&mut cx, membership, out).map(drop)?;
            }
            Cue::Notice(notice) => {
                let event = match notice {
                    Notice::Entered(members) => ChannelEvent::Entered { members },
                    Notice::Left => ChannelEvent::Left,
                    Notice::Changed { entered, left } => ChannelEvent::Changed { entered, left },
                    Notice::Packet { sender, packet } => ChannelEvent::Packet { sender, packet },
                };
                session.handle(&mut cx, Input::Channel(event), out);
            }
        }
        let joins = matches!(cue, Cue::Join);
        Ok(self.seen().into_iter().filter(|seen| joins || *seen != Seen::Enter).collect())
    }

    /// What of the outputs can be compared.
    fn seen(&mut self) -> Vec<Seen> {
        let mut out = std::mem::take(&mut self.out);
        let seen = out
            .drain()
            .filter_map(|output| match output {
                Output::Channel(action) => action_seen(action),
                Output::Event(event) => self.event_seen(event),
                _ => None,
            })
            .collect();
        self.out = out;
        seen
    }

    fn event_seen(&mut self, event: Event) -> Option<Seen> {
        match event {
            Event::Message(message) => Some(Seen::Message(Message {
                id: message.id,
                author: message.author,
                readers: message.readers.to_vec(),
                text: Text::of(&message.text),
                parents_back: message.parents_back,
            })),
            // The first implementation tells its user nothing of a refresh.
            Event::Members { operation: Operation::Refresh, .. } => None,
            Event::Members { remain, include, exclude, .. } => {
                self.members = remain.iter().chain(&include).cloned().collect();
                Some(Seen::Members(Members { remain, include, exclude }.sorted()))
            }
            // There, leaving the channel is told as the exclude of all others.
            Event::LeftChannel if self.members.len() > 1 => {
                let own = vec![self.session.own_id().clone()];
                let before = std::mem::replace(&mut self.members, own.clone());
                let exclude = before.into_iter().filter(|member| !own.contains(member)).collect();
                let members = Members { remain: own, include: Vec::new(), exclude };
                Some(Seen::Members(members.sorted()))
            }
            _ => None,
        }
    }
}

fn action_seen(action: ChannelAction) -> Option<Seen> {
    Some(match action {
        ChannelAction::Send { packet } => Seen::Packet(packet),
        ChannelAction::Enter => Seen::Enter,
        ChannelAction::Invite(members) => Seen::Invite(sorted(members)),
        _ => return None,
    })
}

/// The options of the first implementation, as ours.
pub(super) fn config(flow: &FlowControl, options: Options) -> Config {
    let mut config = Config::default();
    config.broadcast_latency = Duration::from_millis(flow.broadcast_latency);
    let latencies = flow.broadcast_latency.saturating_mul(2);
    config.reply_interval = Duration::from_millis(flow.full_ack_interval.saturating_sub(latencies));
    // There, waiting to be included has no end.
    config.join_patience = JoinPatience::Forever;
    config.stay_if_last = options.stay_if_last_member;
    config.auto_include = options.auto_include_extra;
    config
}

const fn instant(milliseconds: u64) -> Instant {
    Instant::new(Duration::from_millis(milliseconds))
}
