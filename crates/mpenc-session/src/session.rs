//! The session: dispatch, the caller's actions, and queries.

use alloc::collections::BTreeSet;
use alloc::string::String;
use alloc::vec::Vec;

use mpenc_causal::MessageLog;
use mpenc_greet::{Greeter, Greeting, InternalError};
use mpenc_message::{Kind, MessageSecurity};
use mpenc_order::{Candidates, OrderAcks, ServerOrder};
use mpenc_wire::{Dialect, MemberId, MessageId};

use crate::channel::Presence;
use crate::elsewhere::Elsewhere;
use crate::flow::{Clock, FIN_PATIENCE};
use crate::held::HeldPackets;
use crate::joining::Regretted;
use crate::operation::Running;
use crate::outbox::Outbox;
use crate::own::{Invitation, OwnProposal};
use crate::past::Past;
use crate::renewal::Contribution;
use crate::shared::Shared;
use crate::subsession::{SubSession, WriteError};
use crate::timers::{SubSessionNumber, Timer, Timers};
use crate::{
    ApiMisuse, ChannelAction, ChannelEvent, Config, Ctx, Event, Input, Instant, OperationId,
    Outputs, Sent, Suite,
};

pub(crate) type GreetingOf<S> = <<S as Suite>::Greeter as Greeter>::Greeting;
pub(crate) type DraftOf<S> = <<S as Suite>::Greeter as Greeter>::Draft;

/// How long, in latencies, packets may still come of a sub-session that is over: until the others'
/// patience is over, and then what they sent last is still under way, and may be slow.
pub(crate) const STRAGGLERS: u32 = FIN_PATIENCE + 8;

/// One member's local view of a group (SE-01): a line of membership operations, each of which,
/// when it completes, makes a sub-session with constant members and keys.
///
/// Feed it what the channel says and the passing of time through [`Session::handle`]; do what
/// [`Outputs`] says; call again at [`Session::next_deadline`]. See the crate's documentation.
pub struct Session<S: Suite> {
    pub(crate) shared: Shared,
    pub(crate) own: MemberId,
    pub(crate) greeter: S::Greeter,
    pub(crate) order: ServerOrder<MemberId, Running<GreetingOf<S>>>,
    /// While we wait to be included: the operations that may do so.
    pub(crate) candidates: Candidates<MemberId, Running<GreetingOf<S>>>,
    pub(crate) presence: Presence,
    pub(crate) current: Option<SubSession<S::Security>>,
    pub(crate) previous: Option<SubSession<S::Security>>,
    /// Sub-sessions that are over, latest last: their late packets are nobody's fault.
    pub(crate) past: Past<<S::Security as MessageSecurity>::Retired>,
    /// Our proposal that the channel has not ordered yet.
    pub(crate) proposal: Option<OwnProposal<DraftOf<S>>>,
    /// Proposals of ours that were not echoed in time, and that the channel may still order.
    pub(crate) late: Vec<OwnProposal<DraftOf<S>>>,
    /// Our operation that the channel has begun, until its outcome is told.
    pub(crate) begun: Option<OperationId>,
    /// Our include that waits for those to include to enter the channel.
    pub(crate) invitation: Option<Invitation>,
    /// Members who left the channel, or said that they part, and must be excluded (LS, LOX).
    pub(crate) to_exclude: BTreeSet<MemberId>,
    /// Members who entered while nothing could be proposed (`auto_include`).
    pub(crate) to_include: BTreeSet<MemberId>,
    /// Of whom packets may come that are of no operation of ours: what is left of failed ones, and
    /// those of another group in the same room. That they are refused is nothing to tell.
    pub(crate) elsewhere: Elsewhere,
    /// Operations of other groups that we have answered, and did not join by.
    pub(crate) regretted: Vec<Regretted<GreetingOf<S>>>,
    /// Whether we enter the channel again as soon as we have left it.
    pub(crate) enter_again: bool,
    /// How often in a row we have entered the channel again by ourselves, and were not included.
    pub(crate) reentries: u32,
    pub(crate) held: HeldPackets,
    /// Room for the records of a packet, so that it is not asked for anew each time.
    pub(crate) contents: Vec<u8>,
    pub(crate) outbox: Outbox,
    pub(crate) parting: bool,
    /// Whether a sub-session was dropped before everything in it was acked (SE-07).
    pub(crate) tainted: bool,
    pub(crate) closed: bool,
    pub(crate) operations: u64,
    /// Whether the user was told that somebody has not confirmed our history.
    pub(crate) history_overdue: bool,
    /// Whether an operation has completed since we entered the channel.
    pub(crate) completed_here: bool,
    /// Until when the others may still finish a sub-session that we, who joined, were not part of.
    pub(crate) foreign_until: Instant,
}

/// What falls due.
#[derive(Clone, Copy)]
enum Waiting {
    Timer,
    Sub(SubSessionNumber),
}

/// Where a session stands (SE-12).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum State {
    /// Not in the channel.
    Outside,
    /// We asked the channel to let us in.
    Entering,
    /// In the channel, waiting to be included.
    Waiting,
    /// The session's only member: nobody to talk to yet.
    Alone,
    /// A member.
    Joined,
    /// A member who has said that they leave.
    Parting,
    /// Excluded by the others; the channel has not removed us yet.
    Excluded,
    /// Closed by a bug of ours.
    Closed,
}

/// For simulators and tests, which compare what two copies do. Two copies that both go on are two
/// authors in one name: the others see a fork.
impl<S: Suite> Clone for Session<S>
where
    S::Greeter: Clone,
    GreetingOf<S>: Clone,
    DraftOf<S>: Clone,
    S::Security: Clone,
    <S::Security as MessageSecurity>::Retired: Clone,
{
    fn clone(&self) -> Self {
        Self {
            shared: self.shared.clone(),
            own: self.own.clone(),
            greeter: self.greeter.clone(),
            order: self.order.clone(),
            candidates: self.candidates.clone(),
            presence: self.presence.clone(),
            current: self.current.clone(),
            previous: self.previous.clone(),
            past: self.past.clone(),
            proposal: self.proposal.clone(),
            late: self.late.clone(),
            begun: self.begun,
            invitation: self.invitation.clone(),
            to_exclude: self.to_exclude.clone(),
            to_include: self.to_include.clone(),
            elsewhere: self.elsewhere.clone(),
            regretted: self.regretted.clone(),
            enter_again: self.enter_again,
            reentries: self.reentries,
            held: self.held.clone(),
            contents: Vec::new(),
            outbox: self.outbox.clone(),
            parting: self.parting,
            tainted: self.tainted,
            closed: self.closed,
            operations: self.operations,
            history_overdue: self.history_overdue,
            completed_here: self.completed_here,
            foreign_until: self.foreign_until,
        }
    }
}

impl<S: Suite> Session<S> {
    /// A session outside of its channel.
    #[must_use]
    pub fn new(greeter: S::Greeter, config: Config) -> Self {
        let own = greeter.own_id().clone();
        let dialect = greeter.dialect();
        Self {
            order: ServerOrder::unsynced(own.clone()),
            candidates: Candidates::new(own.clone()),
            shared: Shared {
                config,
                dialect,
                timers: Timers::default(),
                clock: Clock::default(),
                stamp: Instant::default(),
                contribution: Contribution::default(),
                log: MessageLog::new(),
                order_acks: OrderAcks::new(own.clone()),
                heard: Vec::new(),
                newest: 0,
                parting: BTreeSet::new(),
            },
            own,
            greeter,
            presence: Presence::Outside,
            current: None,
            previous: None,
            past: Past::default(),
            proposal: None,
            late: Vec::new(),
            begun: None,
            invitation: None,
            to_exclude: BTreeSet::new(),
            to_include: BTreeSet::new(),
            elsewhere: Elsewhere::default(),
            regretted: Vec::new(),
            enter_again: false,
            reentries: 0,
            held: HeldPackets::default(),
            contents: Vec::new(),
            outbox: Outbox::default(),
            parting: false,
            tainted: false,
            closed: false,
            operations: 0,
            history_overdue: false,
            completed_here: false,
            foreign_until: Instant::default(),
        }
    }

    /// Takes the next input. Never fails on anything that peers or the channel say: their faults
    /// become events.
    pub fn handle(&mut self, cx: &mut Ctx<'_>, input: Input<'_>, out: &mut Outputs) {
        if self.closed {
            return;
        }
        let stamp = cx.now;
        let cx = &mut self.own_time(cx);
        let result = match input {
            // First what has piled up is heard.
            Input::Tick if self.shared.clock.is_still(stamp) => Ok(()),
            Input::Tick => self.tick(cx, out),
            Input::Channel(ChannelEvent::Packet { sender, packet }) => {
                self.on_packet(cx, sender, packet, out)
            }
            Input::Channel(ChannelEvent::Entered { members }) => self.on_entered(cx, members, out),
            Input::Channel(ChannelEvent::Left) => self.on_left(cx, out),
            Input::Channel(ChannelEvent::Changed { entered, left }) => {
                self.on_changed(cx, entered, left, out)
            }
        }
        .and_then(|()| self.settle(cx, out));
        if let Err(error) = result {
            self.close(error, out);
        }
    }

    /// Enters the channel.
    ///
    /// # Errors
    /// [`ApiMisuse`] if we are there already.
    pub fn join(&mut self, _cx: &mut Ctx<'_>, out: &mut Outputs) -> Result<(), ApiMisuse> {
        self.check_open()?;
        if !matches!(self.presence, Presence::Outside) {
            return Err(ApiMisuse::InChannel);
        }
        self.reentries = 0;
        self.presence = Presence::Entering;
        out.act(ChannelAction::Enter);
        Ok(())
    }

    /// Sends a text to the members as they are now, also while an operation runs (SE-04).
    ///
    /// # Errors
    /// [`ApiMisuse`]; nothing was sent.
    pub fn send(
        &mut self,
        cx: &mut Ctx<'_>,
        text: &str,
        out: &mut Outputs,
    ) -> Result<Sent, ApiMisuse> {
        self.check_open()?;
        let cx = &mut self.own_time(cx);
        self.write(cx, Kind::Payload, text, out).map(Sent::Now)
    }

    /// Acks by hand everything that we have accepted (AK-08).
    ///
    /// # Errors
    /// [`ApiMisuse`]; nothing was sent.
    pub fn ack(&mut self, cx: &mut Ctx<'_>, out: &mut Outputs) -> Result<Sent, ApiMisuse> {
        self.check_open()?;
        let cx = &mut self.own_time(cx);
        self.write(cx, Kind::AckManual, "", out).map(Sent::Now)
    }

    pub(crate) fn write(
        &mut self,
        cx: &mut Ctx<'_>,
        kind: Kind,
        text: &str,
        out: &mut Outputs,
    ) -> Result<MessageId, ApiMisuse> {
        let current = self.current.as_mut().ok_or(ApiMisuse::NotInSession)?;
        if !current.is_open() {
            return Err(ApiMisuse::Parting);
        }
        if let Some(forker) = current.forkers().next().filter(|_| kind != Kind::AckManual) {
            return Err(ApiMisuse::Forked(forker.clone()));
        }
        let written = current.write(cx, &mut self.shared, kind, text, out);
        written.map_err(|error| self.misuse(error, out))
    }

    /// A message of ours was not written: by misuse, or because of a bug.
    fn misuse(&mut self, error: WriteError, out: &mut Outputs) -> ApiMisuse {
        match error {
            WriteError::Seal(error) => ApiMisuse::Seal(error),
            WriteError::Internal(error) => {
                self.close(error, out);
                ApiMisuse::Internal(error)
            }
        }
    }

    /// Parts: says so to the others (two FINs in a row, TI-04), waits until everything is acked or
    /// its time is up, and leaves the channel. Whoever is alone leaves at once; whoever was removed
    /// while waiting to be included does not enter again.
    ///
    /// # Errors
    /// [`ApiMisuse`] if we are not in the channel, or parting already.
    pub fn part(&mut self, cx: &mut Ctx<'_>, out: &mut Outputs) -> Result<(), ApiMisuse> {
        self.check_open()?;
        let cx = &mut self.own_time(cx);
        if matches!(self.presence, Presence::Outside) {
            // Whoever was removed while waiting enters again after a while: not any more.
            return if self.shared.timers.take(|timer| matches!(timer, Timer::Reenter)) {
                self.give_up_outbox(out);
                Ok(())
            } else {
                Err(ApiMisuse::NotInChannel)
            };
        }
        if self.parting {
            return Err(ApiMisuse::Parting);
        }
        match &mut self.current {
            Some(current) => match current.finish(cx, &mut self.shared, true, out) {
                Ok(()) => {}
                Err(error @ WriteError::Internal(_)) => return Err(self.misuse(error, out)),
                // A key that has sealed all it may, and nobody need stay for that: our leaving says
                // the same (LS), at once or, if one FIN went out, when that has had its time.
                Err(WriteError::Seal(_)) if current.is_open() => out.act(ChannelAction::Leave),
                Err(WriteError::Seal(_)) => {}
            },
            None => out.act(ChannelAction::Leave),
        }
        self.begin_parting(out);
        self.give_up_outbox(out);
        Ok(())
    }

    /// When to call [`Session::handle`] with [`Input::Tick`] next; `None` if nothing waits.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Instant> {
        self.earliest().map(|(at, _)| self.shared.clock.caller(at))
    }

    // ---- queries ----

    /// Who we are.
    #[must_use]
    pub fn own_id(&self) -> &MemberId {
        &self.own
    }

    /// The dialect spoken.
    #[must_use]
    pub fn dialect(&self) -> Dialect {
        self.shared.dialect
    }

    /// Where we stand.
    #[must_use]
    pub fn state(&self) -> State {
        if self.closed {
            return State::Closed;
        }
        match &self.presence {
            Presence::Outside => State::Outside,
            Presence::Entering => State::Entering,
            Presence::Inside(_) if self.parting => State::Parting,
            Presence::Inside(_) if self.current.is_some() => State::Joined,
            Presence::Inside(_) if self.excluded() => State::Excluded,
            Presence::Inside(_) if self.order.is_synced() && self.order_is_ours() => State::Alone,
            Presence::Inside(_) => State::Waiting,
        }
    }

    /// The session's members, in the order of the agreement; ourselves alone if we are in none.
    #[must_use]
    pub fn members(&self) -> &[MemberId] {
        self.greeter.members()
    }

    /// Who is in the channel, ourselves included, says the channel.
    pub fn channel_members(&self) -> impl Iterator<Item = &MemberId> {
        self.presence.members().into_iter().flatten()
    }

    /// The user's log: payloads only, in the order in which they were accepted (LG-01).
    #[must_use]
    pub fn messages(&self) -> &MessageLog<MessageId, MemberId, String> {
        &self.shared.log
    }

    /// Forgets the lines of [`messages`](Self::messages) before a place, for callers who keep them
    /// elsewhere, or need them no more. Nothing else changes: what comes later has its place, and is
    /// said to follow on what it follows on.
    pub fn forget_messages_before(&mut self, place: usize) {
        self.shared.log.forget_before(place);
    }

    /// The ids of all messages of the current sub-session, acks and the like among them, in an
    /// order that is the same for everybody who has them.
    #[must_use]
    pub fn transcript(&self) -> Vec<MessageId> {
        self.current.as_ref().map(|sub| sub.transcript().canonical_order()).unwrap_or_default()
    }

    /// Who has not acked a message, of the current or the previous sub-session.
    #[must_use]
    pub fn unacked_by(&self, id: &MessageId) -> Vec<MemberId> {
        [&self.current, &self.previous]
            .into_iter()
            .flatten()
            .find_map(|sub| sub.unacked_by(id))
            .unwrap_or_default()
    }

    /// Messages in the log that are not fully acked, and may yet be: those of the previous and of the
    /// current sub-session, oldest first.
    pub fn unacked(&self) -> impl Iterator<Item = MessageId> + '_ {
        let subs = [&self.previous, &self.current].into_iter().flatten();
        let unacked = subs.flat_map(|sub| sub.transcript().unacked());
        unacked.filter(|id| self.shared.log.line(id).is_some())
    }

    /// Messages that wait out of sight for those that their authors had seen, or, as there was no room for
    /// them, to come again; of the previous and of the current sub-session. [`Event::NotAccepted`] tells
    /// of those that wait for long.
    pub fn unaccepted(&self) -> impl Iterator<Item = MessageId> + '_ {
        [&self.previous, &self.current].into_iter().flatten().flat_map(SubSession::unaccepted)
    }

    /// Who has told two stories in the current sub-session ([`Event::Forked`]): while there is
    /// anybody, nothing can be written.
    pub fn forkers(&self) -> impl Iterator<Item = &MemberId> {
        self.current.iter().flat_map(SubSession::forkers)
    }

    /// Whether everything that was written in this session was acked by everybody, and nobody was heard
    /// of who tells another story: of the order of operations ([`Event::OrderMismatch`]), of their own
    /// messages ([`Event::Forked`]), or in our name.
    ///
    /// Two honest members for whom it is true, and who have each other's acks, have accepted the same.
    #[must_use]
    pub fn is_consistent(&self) -> bool {
        let mut subs = [&self.current, &self.previous].into_iter().flatten();
        let one_story = |sub: &SubSession<S::Security>| sub.forkers().next().is_none();
        !self.tainted
            && !self.order.is_disputed()
            && subs.all(|sub| sub.is_consistent() && one_story(sub))
    }

    /// The server order: packet id of the latest accepted final packet, and the chain hash at it.
    #[must_use]
    pub fn order_head(&self) -> Option<(mpenc_order::PacketId, mpenc_order::ChainHash)> {
        self.order.head()
    }

    /// How many operations have completed since a member renewed their contribution to the group key;
    /// `None` if we have not seen them do so (GK-13).
    #[must_use]
    pub fn since_renewal(&self, member: &MemberId) -> Option<u32> {
        self.greeter.since_renewal(member)
    }

    /// Who has done their part in the running operation, and who is awaited.
    #[must_use]
    pub fn operation_progress(&self) -> Option<mpenc_greet::Progress> {
        let running = self.order.ongoing().or_else(|| self.candidates.iter().next())?;
        Some(running.operation().greeting.progress())
    }

    // ---- inside ----

    pub(crate) fn check_open(&self) -> Result<(), ApiMisuse> {
        if self.closed { Err(ApiMisuse::Closed) } else { Ok(()) }
    }

    /// Whether a completed operation excluded us while we are still in the channel.
    pub(crate) fn excluded(&self) -> bool {
        self.current.is_none() && self.presence.excluded()
    }

    /// Whether the order is one that we started or were synced by a completed operation, and not
    /// one that we follow only because of an invitation that still runs.
    pub(crate) fn order_is_ours(&self) -> bool {
        self.order.ongoing().is_none_or(|running| !running.is_provisional())
    }

    /// Every call of the caller begins with this: inside, the session's own time counts.
    pub(crate) fn own_time<'a>(&mut self, cx: &'a mut Ctx<'_>) -> Ctx<'a> {
        let earliest = self.earliest().map(|(at, _)| at);
        let latency = self.shared.config.broadcast_latency;
        self.shared.stamp = cx.now;
        Ctx { now: self.shared.clock.read(cx.now, earliest, latency), rng: &mut *cx.rng }
    }

    /// What falls due next, and when, on the session's time.
    fn earliest(&self) -> Option<(Instant, Waiting)> {
        let timer = self.shared.timers.next_deadline().map(|at| (at, Waiting::Timer));
        let subs = [&self.current, &self.previous].into_iter().flatten();
        let subs = subs.filter_map(|sub| Some((sub.next_deadline()?, Waiting::Sub(sub.number()))));
        timer.into_iter().chain(subs).min_by_key(|&(at, _)| at)
    }

    fn tick(&mut self, cx: &mut Ctx<'_>, out: &mut Outputs) -> Result<(), InternalError> {
        while let Some((_, waiting)) = self.earliest().filter(|&(at, _)| at <= cx.now) {
            match waiting {
                Waiting::Timer => {
                    if let Some(timer) = self.shared.timers.take_due(cx.now) {
                        self.fire(cx, timer, out)?;
                    }
                }
                Waiting::Sub(number) => self.fire_sub(cx, number, out)?,
            }
        }
        Ok(())
    }

    fn fire_sub(
        &mut self,
        cx: &mut Ctx<'_>,
        number: SubSessionNumber,
        out: &mut Outputs,
    ) -> Result<(), InternalError> {
        let Some((sub, shared)) = self.sub(number) else { return Ok(()) };
        match sub.fire(cx, shared, out) {
            Ok(true) => self.on_subsession_over(cx, number, out),
            Ok(false) => {}
            Err(error) => automatic(Err::<(), _>(error))?,
        }
        Ok(())
    }

    fn fire(
        &mut self,
        cx: &mut Ctx<'_>,
        timer: Timer,
        out: &mut Outputs,
    ) -> Result<(), InternalError> {
        match timer {
            Timer::MissingParents(number) => {
                if let Some((sub, shared)) = self.sub(number) {
                    sub.parents_due(cx.now, shared, out);
                }
            }
            Timer::Waive(number, member) => {
                if let Some((sub, shared)) = self.sub(number) {
                    sub.waive(cx.now, shared, &member, out);
                }
            }
            Timer::Undecryptable => self.on_undecryptable_due(cx.now, out),
            Timer::Echo(id) => self.on_echo_due(cx, id, out),
            Timer::Invitation(id) => self.on_invitation_due(id, out),
            Timer::OperationPacket(id, packets) => self.on_packet_due(cx, id, packets, out),
            Timer::OperationWhole(id) => self.on_operation_due(cx, id, out),
            Timer::AbortTurn(id) => self.on_abort_turn(cx, id, out),
            Timer::AbortEcho(id) => self.on_abort_echo_due(id, out),
            Timer::AutoExclude => self.auto_exclude(cx, out),
            // That it is due, every input's end sees.
            Timer::ContributionOld => {}
            Timer::Refresh => self.on_turn_to_refresh(cx, out),
            Timer::HistoryCarrier(packet) => self.on_history_carrier_due(cx, &packet, out)?,
            Timer::HistoryHalf(number) => self.on_history_half(cx, number, out)?,
            Timer::HistoryConfirmed(packet) => self.on_history_due(&packet, out),
            Timer::HistoryUnknown(member, packet) => self.on_history_unknown(member, &packet, out),
            Timer::LeaveAlone(number) => self.on_alone(cx, number, out),
            Timer::LeaveChannel => {
                if self.excluded() {
                    out.act(ChannelAction::Leave);
                }
            }
            Timer::Reenter => {
                if matches!(self.presence, Presence::Outside) {
                    self.presence = Presence::Entering;
                    out.act(ChannelAction::Enter);
                }
            }
            Timer::JoinPatience => self.on_join_patience_over(cx, out),
        }
        Ok(())
    }

    fn sub(
        &mut self,
        number: SubSessionNumber,
    ) -> Option<(&mut SubSession<S::Security>, &mut Shared)> {
        let sub = [&mut self.current, &mut self.previous]
            .into_iter()
            .flatten()
            .find(|sub| sub.number() == number)?;
        Some((sub, &mut self.shared))
    }

    /// What every input may have made possible or necessary.
    fn settle(&mut self, cx: &mut Ctx<'_>, out: &mut Outputs) -> Result<(), InternalError> {
        self.catch_up(cx, out)?;
        self.hear_history(cx, out);
        let parting = core::mem::take(&mut self.shared.parting);
        for member in parting {
            if self.members().contains(&member) && self.to_exclude.insert(member) {
                self.schedule_auto_exclude(cx, out);
            }
        }
        self.advance_invitation(cx, out);
        self.await_turn_to_refresh(cx);
        Ok(())
    }

    /// What waited for the sub-session before has its turn, once that has come.
    pub(crate) fn catch_up(
        &mut self,
        cx: &Ctx<'_>,
        out: &mut Outputs,
    ) -> Result<(), InternalError> {
        let Self { current, previous, shared, .. } = self;
        match current {
            Some(current) => current.catch_up(cx.now, shared, previous.as_ref(), out),
            None => Ok(()),
        }
    }

    fn on_subsession_over(&mut self, cx: &Ctx<'_>, number: SubSessionNumber, out: &mut Outputs) {
        if self.previous.as_ref().is_some_and(|sub| sub.number() == number) {
            self.drop_previous(cx, out);
            self.remove_excluded(out);
            if self.parting && self.current.is_none() {
                out.act(ChannelAction::Leave);
            }
        } else if self.parting {
            out.act(ChannelAction::Leave);
        }
    }

    /// Drops the previous sub-session; what was not acked in it stays marked for good (SE-07).
    pub(crate) fn drop_previous(&mut self, cx: &Ctx<'_>, out: &mut Outputs) {
        if let Some(sub) = self.previous.take() {
            self.retire(cx, sub, out);
        }
    }

    pub(crate) fn retire(
        &mut self,
        cx: &Ctx<'_>,
        mut sub: SubSession<S::Security>,
        out: &mut Outputs,
    ) {
        sub.stop(out);
        self.tainted |= !sub.is_consistent();
        self.shared.log.end(sub.section());
        let new_until = cx.now.after(self.shared.config.latencies(STRAGGLERS));
        self.past.add(cx.now, new_until, sub.retire());
    }

    /// A bug of ours: nothing can be trusted any more.
    pub(crate) fn close(&mut self, error: InternalError, out: &mut Outputs) {
        self.closed = true;
        self.current = None;
        self.previous = None;
        self.end_all_of_ours(out);
        self.give_up_outbox(out);
        self.greeter.reset();
        self.order.reset();
        self.candidates.clear();
        self.regretted.clear();
        self.shared.timers.clear();
        out.tell(Event::Internal(error));
        out.act(ChannelAction::Leave);
    }
}

/// A message that the rules ask for was not written. That a key has sealed all it may is nothing to
/// tell the user here: others see it by their monitors, and `send` says so.
pub(crate) fn automatic<T>(written: Result<T, WriteError>) -> Result<(), InternalError> {
    match written {
        Err(WriteError::Internal(error)) => Err(error),
        Ok(_) | Err(WriteError::Seal(_)) => Ok(()),
    }
}
