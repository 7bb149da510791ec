//! Waiting to be included (SO-18, SO-19): several operations are followed side by side, and the
//! first that completes is the one.
//!
//! Whoever waits knows nobody's keys, and cannot tell a forged proposal from a true one before it
//! has completed. So none of them decides anything: each is a candidate with secrets of its own and
//! a time of its own, and nothing is adopted but what all of its members confirmed.

use alloc::vec::Vec;

use mpenc_greet::{Check, CheckedInitial, Greeter, Greeting, InternalError, Stage, Status, Step};
use mpenc_order::{Ended, Ongoing, PacketId, Proposal, Verdict};
use mpenc_wire::{AbortPacket, GreetingPacket, MemberId};

use crate::data::refuse;
use crate::event::{FailReason, Fault};
use crate::operation::{CompletedOf, Running, is_out_of_place, send_all};
use crate::session::GreetingOf;
use crate::timers::Timer;
use crate::{ChannelAction, Ctx, Event, Outputs, Session, Suite};

/// Why we end our part in a candidate of another group.
const JOINED_ANOTHER: &str = "joined another";

/// How many operations are remembered that we have answered and do not follow any more.
const REGRETTED: usize = 16;

/// An operation that we have answered, and do not follow any more: we have joined another group
/// since, or it took too long, or gave way to another candidate. If it completes all the same, its
/// members count on us.
#[derive(Clone)]
pub(crate) struct Regretted<G> {
    /// Packet id of its initial packet.
    pub(crate) id: PacketId,
    /// That of the final packet before it.
    parent: PacketId,
    greeting: G,
    /// Whether we have no abort to send for it, or have sent one.
    aborted: bool,
}

impl<G: Greeting> Regretted<G> {
    /// Whether an abort packet that names it is one that its members believe.
    pub(crate) fn is_ended_by(&self, sender: &MemberId, packet: &AbortPacket<'_>) -> bool {
        self.greeting.check_abort(sender, packet).is_ok()
    }
}

type Candidate<S> = Ongoing<MemberId, Running<GreetingOf<S>>>;

impl<S: Suite> Session<S> {
    /// Whether proposals that include us are candidates.
    pub(crate) fn follows_candidates(&self) -> bool {
        self.shared.dialect.candidates && !self.order.is_synced()
    }

    /// A proposal that we have checked as far as somebody who waits can.
    pub(crate) fn on_candidate(
        &mut self,
        cx: &mut Ctx<'_>,
        sender: &MemberId,
        id: PacketId,
        checked: CheckedInitial<<S::Greeter as Greeter>::Proof>,
        out: &mut Outputs,
    ) -> Result<(), InternalError> {
        let Some(inside) = self.presence.inside() else { return Ok(()) };
        if *sender == self.own {
            // Of before we gave way to another's start.
            return Ok(());
        }
        let initial = &checked.initial;
        let proposal = Proposal {
            author: &initial.author,
            members: &initial.members,
            prev_pf: PacketId::from_bytes(initial.order.prev_pf),
            prev_chain_hash: mpenc_order::ChainHash::from_bytes(initial.order.chain_hash),
            single: initial.single,
        };
        let known = initial
            .members
            .iter()
            .all(|member| *member == self.own || self.greeter.knows_identity(member));
        let candidacy = match self.candidates.offer(id, sender, &proposal, known, &inside.members) {
            Verdict::Accept(candidacy) => candidacy,
            Verdict::Reject(reason) if !reason.is_benign() => {
                refuse(sender, Fault::Order(reason), out);
                return Ok(());
            }
            _ => {
                self.expect_stray(&checked.initial.members);
                return Ok(());
            }
        };
        let info = self.describe(id, &checked.initial, None);
        // Of strangers' proposals the user hears when they complete, if they do.
        if known {
            out.tell(Event::Candidate(info.clone()));
        }
        let single = checked.initial.single;
        let (greeting, step) = self.greeter.start(cx.rng, *id.as_bytes(), checked, None)?;
        let running = Running { told: known, ..Running::new(greeting, info) };
        if let Some(replaced) = self.candidates.begin(candidacy, running) {
            self.give_up(replaced, FailReason::NotFollowed, out);
        }
        if single {
            return self.on_candidate_completed(cx, id, id, step, out);
        }
        self.set_candidate_deadlines(cx, id, true);
        self.on_candidate_step(id, step, out);
        Ok(())
    }

    /// A proposal that does not include us, or that we cannot follow: it makes others on its parent
    /// doubtful.
    pub(crate) fn doubt_candidates(&mut self, sender: &MemberId, packet: &GreetingPacket<'_>) {
        let (Some(metadata), Some(inside)) = (packet.metadata, self.presence.inside()) else {
            return;
        };
        let members: Vec<MemberId> = packet
            .members
            .iter()
            .map(|member| member.to_owned())
            .filter(|member| *member != self.own)
            .collect();
        let proposal = Proposal {
            author: sender,
            members: &members,
            prev_pf: PacketId::from_bytes(*metadata.prev_pf),
            prev_chain_hash: mpenc_order::ChainHash::from_bytes(*metadata.chain_hash),
            single: false,
        };
        // It does not name us, so it becomes no candidate, whatever its id.
        let id = proposal.prev_pf;
        let _ = self.candidates.offer(id, sender, &proposal, false, &inside.members);
    }

    /// A packet of an operation, while we wait: the first candidate that it fits takes it.
    pub(crate) fn on_candidate_packet(
        &mut self,
        cx: &mut Ctx<'_>,
        sender: &MemberId,
        id: PacketId,
        packet: &GreetingPacket<'_>,
        out: &mut Outputs,
    ) -> Result<(), InternalError> {
        let mut fault = None;
        let mut fits = None;
        let mut unauthenticated = Vec::new();
        for candidate in self.candidates.iter() {
            match candidate.operation().greeting.check(sender, packet) {
                Ok(checked) => {
                    fits = Some((candidate.initial(), checked));
                    break;
                }
                // We have not seen what came before we entered.
                Err(refused) if refused.is_duplicate() || is_out_of_place(&refused.check) => {}
                // A member who is slow may still answer an operation of before we entered, and bear
                // the same key in both. If no good one comes, that ends the candidate.
                Err(refused) if refused.check == Check::SessionSignature => {
                    let members = &candidate.operation().info.members;
                    let stray = self.elsewhere.may_confirm_late(sender, members);
                    unauthenticated.push((candidate.initial(), stray));
                }
                Err(refused) => fault = fault.or(Some(refused)),
            }
        }
        let Some((initial, checked)) = fits else {
            if self.on_regretted_packet(cx, sender, packet, out)? {
                return Ok(());
            }
            for (initial, stray) in unauthenticated {
                if let Some(candidate) = self.candidates.find_mut(&initial) {
                    candidate.operation_mut().unauthenticated.refused(sender, id, stray);
                }
            }
            let stray = *sender == self.own || self.elsewhere.contains(sender);
            if let Some(refused) = fault.filter(|_| !stray) {
                refuse(sender, Fault::Greeting(refused), out);
            }
            return Ok(());
        };
        let stage = checked.stage;
        let Some(candidate) = self.candidates.advance(&initial) else { return Ok(()) };
        let running = candidate.operation_mut();
        let step = running.greeting.apply(cx.rng, checked)?;
        running.packets = running.packets.saturating_add(1);
        running.unauthenticated.comes(sender, id);
        let told = running.told;
        let progress = running.greeting.progress();
        if stage == Stage::Final {
            return self.on_candidate_completed(cx, initial, id, step, out);
        }
        if told {
            out.tell(Event::OperationProgress {
                contributed: progress.contributed,
                confirmed: progress.confirmed,
                awaited: progress.awaited,
            });
        }
        self.set_candidate_deadlines(cx, initial, false);
        self.on_candidate_step(initial, step, out);
        Ok(())
    }

    /// All of its members have confirmed it: it is the one.
    fn on_candidate_completed(
        &mut self,
        cx: &mut Ctx<'_>,
        initial: PacketId,
        last: PacketId,
        step: Step<CompletedOf<S>>,
        out: &mut Outputs,
    ) -> Result<(), InternalError> {
        let Some(completion) = self.candidates.complete(&initial, last) else {
            return Err(InternalError::new("a candidate's final packet did not complete it"));
        };
        self.order.adopt(&completion.ended);
        let parent = completion.ended.parent();
        self.regretted.retain(|regretted| regretted.parent != parent);
        for dropped in completion.dropped {
            // What was on the same parent has lost anyway.
            if dropped.parent() == parent {
                self.on_dropped(dropped, FailReason::NotFollowed, out);
            } else {
                self.abandon(dropped, out);
            }
        }
        self.on_final_step(cx, completion.ended, step, out)
    }

    fn regret(&mut self, operation: Regretted<GreetingOf<S>>) {
        if self.regretted.len() == REGRETTED {
            self.regretted.remove(0);
        }
        self.regretted.push(operation);
    }

    /// A packet of an operation by which a group includes us, although we do not follow it any more;
    /// says whether it is one. As soon as they know our key they can believe an abort of ours; if
    /// theirs completes all the same, they count on us: then we leave the channel, and enter it
    /// again.
    pub(crate) fn on_regretted_packet(
        &mut self,
        cx: &mut Ctx<'_>,
        sender: &MemberId,
        packet: &GreetingPacket<'_>,
        out: &mut Outputs,
    ) -> Result<bool, InternalError> {
        let found = self.regretted.iter_mut().enumerate().find_map(|(at, regretted)| {
            let checked = regretted.greeting.check(sender, packet).ok()?;
            Some((at, regretted, checked))
        });
        let Some((at, regretted, checked)) = found else { return Ok(false) };
        let step = regretted.greeting.apply(cx.rng, checked)?;
        if let Status::Completed(_) = step.status {
            self.regretted.swap_remove(at);
            self.enter_again = true;
            out.act(ChannelAction::Leave);
        } else if !regretted.aborted
            && let Some(packet) = regretted.greeting.encode_abort(JOINED_ANOTHER)
        {
            regretted.aborted = true;
            out.act(ChannelAction::Send { packet });
        }
        Ok(true)
    }

    /// What we cannot confirm we do not follow. It may be forged, so we do not leave for it; if it is
    /// not, our abort or the others' patience ends it.
    fn on_candidate_step(
        &mut self,
        initial: PacketId,
        step: Step<CompletedOf<S>>,
        out: &mut Outputs,
    ) {
        send_all(step.send, out);
        if let Status::CannotConfirm(reason) = step.status
            && let Some(dropped) = self.candidates.drop_candidate(&initial)
        {
            let running = dropped.operation();
            out.tell(Event::CannotConfirm {
                operation: running.info.clone(),
                reason: reason.clone(),
            });
            if let Some(packet) = running.greeting.encode_abort(&alloc::format!("{reason}")) {
                out.act(ChannelAction::Send { packet });
            }
            self.on_dropped(dropped, FailReason::NotFollowed, out);
        }
    }

    fn set_candidate_deadlines(&mut self, cx: &Ctx<'_>, initial: PacketId, whole: bool) {
        let Some(candidate) = self.candidates.find(&initial) else { return };
        let running = candidate.operation();
        let (packets, wait) = (running.packets, running.packet_wait(&self.shared.config));
        let all = running.whole_wait(&self.shared.config);
        let timers = &mut self.shared.timers;
        timers.set(cx.now.after(wait), Timer::OperationPacket(initial, packets));
        if whole {
            timers.set(cx.now.after(all), Timer::OperationWhole(initial));
        }
    }

    /// A candidate has had its time. `packets` is how many it had when the deadline was set.
    pub(crate) fn on_candidate_due(
        &mut self,
        initial: &PacketId,
        packets: Option<u64>,
        out: &mut Outputs,
    ) {
        let due = self.candidates.find(initial).is_some_and(|candidate| {
            packets.is_none_or(|packets| candidate.operation().packets == packets)
        });
        if due && let Some(dropped) = self.candidates.drop_candidate(initial) {
            // It may be forged from its beginning: nothing to leave the channel for.
            let reason = match dropped.operation().unauthenticated.certain() {
                Some(member) => FailReason::NotAuthenticated(member.clone()),
                None => FailReason::NotFollowed,
            };
            self.give_up(dropped, reason, out);
        }
    }

    pub(crate) fn on_candidate_abort(
        &mut self,
        sender: &MemberId,
        id: PacketId,
        packet: &AbortPacket<'_>,
        out: &mut Outputs,
    ) {
        let aborted = PacketId::from_bytes(*packet.aborted_pi);
        let Some(candidate) = self.candidates.find(&aborted) else { return };
        if let Err(refused) = candidate.operation().greeting.check_abort(sender, packet) {
            refuse(sender, Fault::Greeting(refused), out);
            return;
        }
        if let Some(ended) = self.candidates.abort(&aborted, id) {
            let reason = FailReason::Aborted { by: sender.clone(), reason: packet.reason.into() };
            self.on_candidate_ended(ended, reason, out);
        }
    }

    /// LOI, for candidates.
    pub(crate) fn candidates_left(&mut self, left: &[MemberId], out: &mut Outputs) {
        let Some(inside) = self.presence.inside() else { return };
        self.regretted.retain(|regretted| {
            !regretted.greeting.initial().members.iter().any(|member| left.contains(member))
        });
        for ended in self.candidates.members_left(left, &inside.members) {
            self.on_candidate_ended(ended, FailReason::MemberLeft(left.to_vec()), out);
        }
    }

    fn on_candidate_ended(
        &mut self,
        ended: Ended<MemberId, Running<GreetingOf<S>>>,
        reason: FailReason,
        out: &mut Outputs,
    ) {
        self.forget_operation(ended.into_operation(), reason, out);
    }

    /// We follow it no longer. For its members it may yet complete: what of them may wait the
    /// longest, a confirm, can be under way. Strangers' operations never complete for us.
    fn give_up(&mut self, dropped: Candidate<S>, reason: FailReason, out: &mut Outputs) {
        let parent = dropped.parent();
        let Running { greeting, info, told, .. } = dropped.into_operation();
        self.expect_late(&info.members);
        if told {
            // What we answered stands; that the others' patience ends it, we hope for.
            self.regret(Regretted { id: info.id, parent, greeting, aborted: true });
            out.tell(Event::CandidateDropped { operation: info, reason });
        }
    }

    fn on_dropped(&mut self, dropped: Candidate<S>, reason: FailReason, out: &mut Outputs) {
        self.forget_operation(dropped.into_operation(), reason, out);
    }

    /// We follow another group, or one of our own: this one must not count on us.
    fn abandon(&mut self, dropped: Candidate<S>, out: &mut Outputs) {
        let parent = dropped.parent();
        let Running { greeting, info, told, .. } = dropped.into_operation();
        self.expect_late(&info.members);
        let abort = greeting.encode_abort(JOINED_ANOTHER);
        self.regret(Regretted { id: info.id, parent, greeting, aborted: abort.is_some() });
        if told {
            let reason = FailReason::NotFollowed;
            out.tell(Event::CandidateDropped { operation: info, reason });
        }
        send_all(abort.into_iter().collect(), out);
    }

    /// We follow an order of our own.
    pub(crate) fn abandon_candidates(&mut self, out: &mut Outputs) {
        for dropped in self.candidates.clear() {
            self.abandon(dropped, out);
        }
    }

    /// We left: all candidates are wiped.
    pub(crate) fn drop_candidates(&mut self, out: &mut Outputs) {
        for dropped in self.candidates.clear() {
            self.on_dropped(dropped, FailReason::WeLeft, out);
        }
    }

    /// What others answer to a proposal that we do not follow is still under way.
    fn expect_stray(&mut self, members: &[MemberId]) {
        let present = self.present(members);
        self.elsewhere.extend(present);
    }

    /// What we and others have answered to a candidate that comes to nothing is still under way.
    fn expect_late(&mut self, members: &[MemberId]) {
        let present = self.present(members);
        self.elsewhere.failed(members.to_vec(), present);
    }

    fn present(&self, members: &[MemberId]) -> Vec<MemberId> {
        let Some(inside) = self.presence.inside() else { return Vec::new() };
        members.iter().filter(|&member| inside.members.contains(member)).cloned().collect()
    }

    fn forget_operation(
        &mut self,
        running: Running<GreetingOf<S>>,
        reason: FailReason,
        out: &mut Outputs,
    ) {
        self.expect_late(&running.info.members);
        if running.told {
            out.tell(Event::CandidateDropped { operation: running.info, reason });
        }
    }
}
