//! The channel rules: what entering and leaving means for the session (PROTOCOL chapter 6).
//!
//! | rule | when | what |
//! |---|---|---|
//! | LI | we leave | everything of the session is forgotten |
//! | LS | a member leaves outside an operation | propose to exclude them |
//! | LOI | a target member leaves during one | it fails, for everybody at once |
//! | LOX | a member leaves during one | propose to exclude them afterwards |
//! | ES | somebody enters outside an operation | tell the user |
//! | EO | somebody enters during one that is not theirs | ask the channel to remove them |
//! | EAL | somebody whom we still have to exclude enters | ask the channel to remove them |
//! | IAL | somebody is to be included who was excluded and never left | likewise |

use alloc::collections::BTreeSet;
use alloc::vec::Vec;
use core::time::Duration;

use mpenc_greet::{Greeter, InternalError};
use mpenc_order::{Ongoing, PacketId};
use mpenc_wire::MemberId;

use crate::event::FailReason;
use crate::flow::FIN_PATIENCE;
use crate::own::OwnedChange;
use crate::renewal::Contribution;
use crate::session::automatic;
use crate::timers::{SubSessionNumber, Timer};
use crate::{ApiMisuse, ChannelAction, Ctx, Event, Outputs, Session, Suite};

/// How long, in latencies, someone who was excluded waits to be removed from the channel.
const REMOVAL_PATIENCE: u32 = 20;
/// How often the wait for the next exclude by itself doubles: up to 128·BC_LAT.
const MOST_DOUBLINGS: u32 = 7;
/// How often the wait doubles after which someone who was removed while waiting enters again.
const MOST_REENTRY_DOUBLINGS: u32 = 6;

/// Where we are with respect to the channel.
#[derive(Clone, Debug)]
pub(crate) enum Presence {
    Outside,
    Entering,
    Inside(Inside),
}

/// Being in the channel.
#[derive(Clone, Debug, Default)]
pub(crate) struct Inside {
    /// Who is in the channel, ourselves included, says the channel.
    pub(crate) members: BTreeSet<MemberId>,
    /// Who was there before us, and has been there since: one of them may include us.
    pub(crate) seniors: BTreeSet<MemberId>,
    /// Who was excluded and has not left the channel.
    pub(crate) excluded: BTreeSet<MemberId>,
    /// Whether we are among those.
    pub(crate) we_are_excluded: bool,
    /// How many operations in a row were aborted, since one completed or a member left.
    pub(crate) aborted: u32,
}

impl Inside {
    /// Whether all of these can be included as they are: in the channel, and not left over from a
    /// time when they were members.
    pub(crate) fn ready(&self, new: &[MemberId]) -> bool {
        new.iter().all(|member| self.members.contains(member) && !self.excluded.contains(member))
    }

    /// Who of these was excluded and has not left the channel.
    pub(crate) fn excluded_of<'a>(
        &'a self,
        members: &'a [MemberId],
    ) -> impl Iterator<Item = &'a MemberId> {
        members.iter().filter(|&member| self.excluded.contains(member))
    }
}

impl Presence {
    pub(crate) fn members(&self) -> Option<&BTreeSet<MemberId>> {
        self.inside().map(|inside| &inside.members)
    }

    pub(crate) fn inside(&self) -> Option<&Inside> {
        if let Self::Inside(inside) = self { Some(inside) } else { None }
    }

    pub(crate) fn inside_mut(&mut self) -> Option<&mut Inside> {
        if let Self::Inside(inside) = self { Some(inside) } else { None }
    }

    pub(crate) fn excluded(&self) -> bool {
        self.inside().is_some_and(|inside| inside.we_are_excluded)
    }
}

impl<S: Suite> Session<S> {
    /// Starts a session here, although others are in the channel: they are outsiders, or wait to be
    /// included. Whoever is alone in the channel does so by itself.
    ///
    /// # Errors
    /// [`ApiMisuse`] if we are not in the channel, or follow a session already.
    pub fn start_here(&mut self, cx: &mut Ctx<'_>, out: &mut Outputs) -> Result<(), ApiMisuse> {
        self.check_open()?;
        let cx = &mut self.own_time(cx);
        let inside = self.presence.inside().ok_or(ApiMisuse::NotInChannel)?;
        if inside.we_are_excluded {
            return Err(ApiMisuse::Excluded);
        }
        if self.order.is_synced() {
            return Err(ApiMisuse::InSession);
        }
        self.start_order(cx, out);
        Ok(())
    }

    fn start_order(&mut self, cx: &mut Ctx<'_>, out: &mut Outputs) {
        let mut prev_pf = [0; 32];
        cx.rng.fill_bytes(&mut prev_pf);
        self.order.start(PacketId::from_bytes(prev_pf));
        self.abandon_candidates(out);
        self.shared.timers.retain(|timer| !matches!(timer, Timer::JoinPatience));
        // Who came after us, while we waited ourselves, waits for us now.
        self.auto_include(cx, out);
    }

    pub(crate) fn on_entered(
        &mut self,
        cx: &mut Ctx<'_>,
        members: &[MemberId],
        out: &mut Outputs,
    ) -> Result<(), InternalError> {
        let parting = self.parting;
        if self.presence.inside().is_some() {
            // A second entering without a leaving in between: the channel lost us and took us back.
            self.on_left(cx, out)?;
        }
        let mut present: BTreeSet<MemberId> = members.iter().cloned().collect();
        present.insert(self.own.clone());
        let others: Vec<MemberId> =
            present.iter().filter(|&member| *member != self.own).cloned().collect();
        let alone = others.is_empty();
        let inhabitants = present.len();
        let seniors = others.iter().cloned().collect();
        self.presence = Presence::Inside(Inside { members: present, seniors, ..Inside::default() });
        self.shared.timers.retain(|timer| !matches!(timer, Timer::Reenter));
        self.tainted = false;
        out.tell(Event::EnteredChannel { others });
        if parting {
            // It is past, or was asked for while we were entering, and perhaps nobody heard us leave.
            // There is nobody to say it to, and nothing to wait for.
            self.parting = true;
            out.act(ChannelAction::Leave);
        } else if alone {
            self.start_order(cx, out);
        } else {
            self.set_join_patience(cx, inhabitants);
        }
        Ok(())
    }

    /// We wait to be included, in a channel of so many.
    pub(crate) fn set_join_patience(&mut self, cx: &Ctx<'_>, present: usize) {
        if let Some(patience) = self.join_patience(present) {
            self.shared.timers.set(cx.now.after(patience), Timer::JoinPatience);
        }
    }

    /// How long to wait to be included: (2 + members)·(BC_LAT + 1 s), or what the caller chose.
    fn join_patience(&self, present: usize) -> Option<Duration> {
        match self.shared.config.join_patience {
            crate::JoinPatience::Forever => None,
            crate::JoinPatience::For(patience) => Some(patience),
            crate::JoinPatience::ByMembers => Some(self.waiting_unit(present)),
        }
    }

    fn waiting_unit(&self, present: usize) -> Duration {
        let step = self.shared.config.broadcast_latency.saturating_add(Duration::from_secs(1));
        step.saturating_mul(u32::try_from(present.saturating_add(2)).unwrap_or(u32::MAX))
    }

    pub(crate) fn on_join_patience_over(&mut self, cx: &Ctx<'_>, out: &mut Outputs) {
        if self.presence.inside().is_none() || self.order.is_synced() && self.order_is_ours() {
            return;
        }
        if self.is_being_included() {
            // Others count on our answer. It ends in its own time; then we look again.
            let soon = self.shared.config.latencies(2);
            self.shared.timers.set(cx.now.after(soon), Timer::JoinPatience);
            return;
        }
        self.begin_parting(out);
        out.tell(Event::NotIncluded);
        out.act(ChannelAction::Leave);
    }

    /// Whether an operation that includes us is under way, and in its time, among members whom we
    /// know: strangers cannot keep us waiting.
    fn is_being_included(&self) -> bool {
        let running = self.order.ongoing().into_iter().chain(self.candidates.iter());
        running.map(Ongoing::operation).any(|running| running.told && !running.overdue)
    }

    /// LI: everything of the session is forgotten.
    pub(crate) fn on_left(
        &mut self,
        cx: &mut Ctx<'_>,
        out: &mut Outputs,
    ) -> Result<(), InternalError> {
        let Some(inside) = self.presence.inside() else {
            // Said twice, or we are not let in.
            if matches!(self.presence, Presence::Entering) {
                self.presence = Presence::Outside;
                self.parting = false;
                out.tell(Event::LeftChannel);
            }
            return Ok(());
        };
        let present = inside.members.len();
        let inside_is_over = inside.we_are_excluded;
        let provisional = self.order.ongoing().is_some_and(|running| running.is_provisional());
        // Whoever parts has asked to leave for good, whatever we left for before that.
        let again = core::mem::take(&mut self.enter_again) && !self.parting;
        let waiting = again
            || !self.parting && !inside.we_are_excluded && (provisional || !self.order.is_synced());
        if let Some(running) = self.order.ongoing() {
            let info = &running.operation().info;
            out.tell(if info.exclude.contains(&self.own) {
                Event::Excluded { by: info.author.clone() }
            } else {
                Event::OperationFailed { operation: info.clone(), reason: FailReason::WeLeft }
            });
        }
        self.end_all_of_ours(out);
        self.drop_candidates(out);
        self.drop_previous(cx, out);
        if let Some(mut sub) = self.current.take() {
            if self.shared.dialect.fin_after_leaving {
                automatic(sub.finish(cx, &mut self.shared, false, out))?;
            }
            self.retire(cx, sub, out);
        }
        self.past.clear();
        // Whoever lost the connection, or was removed while waiting, may yet come back.
        if !again && (self.parting || inside_is_over) {
            self.give_up_outbox(out);
        }
        self.greeter.reset();
        self.order.reset();
        self.shared.order_acks.clear();
        self.history_overdue = false;
        self.held.clear();
        self.shared.timers.clear();
        self.shared.contribution = Contribution::default();
        self.shared.parting.clear();
        self.to_exclude.clear();
        self.to_include.clear();
        self.elsewhere.clear();
        self.regretted.clear();
        self.parting = false;
        self.completed_here = false;
        self.presence = Presence::Outside;
        out.tell(Event::LeftChannel);
        if waiting {
            // SO-27: removed while waiting, perhaps because we came in the middle of something.
            // Jittered, so that those who wait do not all come back at once. Whoever one member includes
            // and another has removed, because they were told different things, may be removed each
            // time: so each makes the next wait twice as long.
            let mut draw = [0; 4];
            cx.rng.fill_bytes(&mut draw);
            let unit = self.waiting_unit(present);
            let jitter =
                unit.as_millis().saturating_mul(u128::from(u32::from_be_bytes(draw))) >> 34;
            let jitter = Duration::from_millis(u64::try_from(jitter).unwrap_or(u64::MAX));
            let doublings = self.reentries.min(MOST_REENTRY_DOUBLINGS);
            self.reentries = self.reentries.saturating_add(1);
            let delay = (unit / 2).saturating_add(jitter).saturating_mul(1 << doublings);
            self.shared.timers.set(cx.now.after(delay), Timer::Reenter);
        }
        Ok(())
    }

    pub(crate) fn on_changed(
        &mut self,
        cx: &mut Ctx<'_>,
        entered: &[MemberId],
        left: &[MemberId],
        out: &mut Outputs,
    ) -> Result<(), InternalError> {
        if left.contains(&self.own) {
            return self.on_left(cx, out);
        }
        if !left.is_empty() {
            self.on_others_left(cx, left, out);
        }
        for member in entered {
            self.on_other_entered(cx, member, out);
        }
        Ok(())
    }

    fn on_others_left(&mut self, cx: &mut Ctx<'_>, left: &[MemberId], out: &mut Outputs) {
        let Some(inside) = self.presence.inside_mut() else { return };
        let left: Vec<MemberId> =
            left.iter().filter(|&member| inside.members.remove(member)).cloned().collect();
        for member in &left {
            inside.excluded.remove(member);
            inside.seniors.remove(member);
            if self.greeter.members().contains(member) && !self.to_exclude.contains(member) {
                // Perhaps it was they who did not answer. (Whoever is to be excluded is asked out as
                // often as they come.)
                inside.aborted = 0;
            }
            self.to_include.remove(member);
            self.elsewhere.remove(member);
            out.tell(Event::MemberLeft(member.clone()));
        }
        let deserted = inside.seniors.is_empty();
        // A pseudo packet names one leaver, or in MpencJs all who left at once.
        let at_once = if self.shared.dialect.leave_names_batch { left.len() } else { 1 };
        let ended = left
            .chunks(at_once.max(1))
            .find_map(|leavers| self.order.members_left(leavers, &inside.members));
        self.candidates_left(&left, out);
        for member in &left {
            self.shared.order_acks.waive(member);
            if let Some(previous) = &mut self.previous {
                previous.leaves(member);
            }
        }
        self.stop_awaiting(cx, &left);
        for member in left.iter().filter(|&member| self.greeter.members().contains(member)) {
            self.to_exclude.insert(member.clone());
        }
        if let Some(ended) = ended {
            self.on_failed(cx, ended, FailReason::MemberLeft(left), out);
        } else if !self.to_exclude.is_empty() && self.order.ongoing().is_none() {
            self.schedule_auto_exclude(cx, out);
        }
        if deserted && !self.order.is_synced() && !self.presence.excluded() && !self.parting {
            // SO-33: nobody is left who could include us.
            self.start_order(cx, out);
        }
    }

    /// Readers who left or were excluded cannot be reached any more: their acks are awaited for
    /// BC_LAT, because some may still be under way.
    pub(crate) fn stop_awaiting(&mut self, cx: &Ctx<'_>, gone: &[MemberId]) {
        if !self.shared.dialect.unreachable_readers {
            return;
        }
        let due = cx.now.after(self.shared.config.broadcast_latency);
        for sub in [&self.current, &self.previous].into_iter().flatten() {
            for member in gone.iter().filter(|member| sub.has_reader(member)) {
                self.shared.timers.set(due, Timer::Waive(sub.number(), member.clone()));
            }
        }
    }

    fn on_other_entered(&mut self, cx: &mut Ctx<'_>, member: &MemberId, out: &mut Outputs) {
        let Some(inside) = self.presence.inside_mut() else { return };
        if *member == self.own || !inside.members.insert(member.clone()) {
            return;
        }
        out.tell(Event::MemberEntered(member.clone()));
        if self.to_exclude.contains(member) {
            // EAL.
            out.act(ChannelAction::Remove(Vec::from([member.clone()])));
            return;
        }
        if let Some(running) = self.order.ongoing() {
            let info = &running.operation().info;
            if !info.members.contains(member) && !info.exclude.contains(member) {
                // EO. An outsider, of whom we know no identity key, may stay, whatever they have sent:
                // a room may hold other groups, and of ours they cannot become a member.
                if self.greeter.knows_identity(member) && !self.has_invited(member) {
                    out.act(ChannelAction::Remove(Vec::from([member.clone()])));
                }
                return;
            }
        }
        if self.shared.config.auto_include
            && self.greeter.knows_identity(member)
            && !self.has_invited(member)
        {
            self.to_include.insert(member.clone());
            self.auto_include(cx, out);
        }
    }

    /// Proposes to include those who entered, if nothing else is going on.
    pub(crate) fn auto_include(&mut self, cx: &mut Ctx<'_>, out: &mut Outputs) {
        if self.to_include.is_empty() || !self.may_propose() || !self.to_exclude.is_empty() {
            return;
        }
        let members = self.greeter.members();
        let mut targets = core::mem::take(&mut self.to_include);
        targets.retain(|member| !members.contains(member));
        if !targets.is_empty() {
            self.propose_automatic(cx, &OwnedChange::Include(targets.into_iter().collect()), out);
        }
    }

    /// LS, LOX: our turn to propose the exclude comes k·BC_LAT/4 from now, where k is our place
    /// among the members who remain; by then another's proposal has usually come. Whoever did not
    /// answer the last one may not answer the next one either, for hours: so each that is aborted makes
    /// the next wait twice as long.
    pub(crate) fn schedule_auto_exclude(&mut self, cx: &mut Ctx<'_>, out: &mut Outputs) {
        let rank = self
            .greeter
            .members()
            .iter()
            .filter(|&member| !self.to_exclude.contains(member))
            .position(|member| *member == self.own);
        let Some(rank) = rank.and_then(|rank| u32::try_from(rank).ok()) else { return };
        let wait = (self.shared.config.broadcast_latency / 4).saturating_mul(rank);
        let aborted = self.presence.inside().map_or(0, |inside| inside.aborted.min(MOST_DOUBLINGS));
        let more = if aborted == 0 { 0 } else { 1_u32 << aborted };
        let wait = wait.saturating_add(self.shared.config.latencies(more));
        if wait.is_zero() || !self.shared.dialect.staggered_excludes {
            self.auto_exclude(cx, out);
        } else if more == 0 || !self.shared.timers.has(|timer| matches!(timer, Timer::AutoExclude))
        {
            // One turn is enough for all occasions, or those who come and go would bring up many.
            self.shared.timers.set(cx.now.after(wait), Timer::AutoExclude);
        }
    }

    /// Proposes to exclude those who left, if it is still needed and nothing else is going on.
    pub(crate) fn auto_exclude(&mut self, cx: &mut Ctx<'_>, out: &mut Outputs) {
        let members = self.greeter.members();
        self.to_exclude.retain(|member| members.contains(member));
        if self.to_exclude.is_empty() || !self.may_propose() {
            return;
        }
        let targets = self.to_exclude.iter().cloned().collect();
        self.propose_automatic(cx, &OwnedChange::Exclude(targets), out);
    }

    /// Whether a proposal of ours could be accepted now.
    pub(crate) fn may_propose(&self) -> bool {
        !self.parting
            && !self.presence.excluded()
            && self.presence.inside().is_some()
            && self.order.is_synced()
            && !self.order.is_disputed()
            && self.order.ongoing().is_none()
            && !self.is_proposing()
    }

    /// Excluded members who stay in the channel are asked out, once the old sub-session has had
    /// its time (TI-07).
    pub(crate) fn remove_excluded(&mut self, out: &mut Outputs) {
        if let Some(inside) = self.presence.inside()
            && !inside.excluded.is_empty()
            && !inside.we_are_excluded
        {
            let members = inside.excluded.iter().cloned().collect();
            out.act(ChannelAction::Remove(members));
        }
    }

    /// TI-10: the last member leaves, unless it is to stay, or a group comes about in the meantime.
    pub(crate) fn await_company(&mut self, cx: &Ctx<'_>) {
        let patience = self.shared.config.latencies(FIN_PATIENCE);
        self.shared.timers.set(cx.now.after(patience), Timer::LeaveAlone(self.shared.newest));
    }

    /// We have been alone for 16·BC_LAT, since this sub-session.
    pub(crate) fn on_alone(&mut self, cx: &Ctx<'_>, since: SubSessionNumber, out: &mut Outputs) {
        if self.shared.newest != since || self.current.is_some() {
            return;
        }
        if self.is_proposing() || self.invitation.is_some() || self.order.ongoing().is_some() {
            // It may bring company. If it does not, whoever began it may try once more.
            return self.await_company(cx);
        }
        self.remove_excluded(out);
        if !self.shared.config.stay_if_last {
            self.begin_parting(out);
            out.act(ChannelAction::Leave);
        }
    }

    /// An operation that excludes these has completed, and the members are as they are after it.
    pub(crate) fn note_excluded(&mut self, cx: &Ctx<'_>, excluded: &[MemberId]) {
        let us = excluded.contains(&self.own);
        let Some(inside) = self.presence.inside_mut() else { return };
        inside.aborted = 0;
        // The channel may not have told that they left, and came back: a member is nobody to ask out.
        let members = self.greeter.members();
        inside.excluded.retain(|member| !members.contains(member));
        for member in excluded.iter().filter(|&member| *member != self.own) {
            if inside.members.contains(member) {
                inside.excluded.insert(member.clone());
            }
        }
        inside.we_are_excluded |= us;
        if us {
            let patience = self.shared.config.latencies(REMOVAL_PATIENCE);
            self.shared.timers.set(cx.now.after(patience), Timer::LeaveChannel);
        }
    }
}
