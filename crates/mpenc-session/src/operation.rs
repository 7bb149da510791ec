//! The membership operation that the channel runs, ours or another's.
//!
//! Every packet goes check → offer → apply (PROTOCOL 3.5): the greeting verifies it and changes
//! nothing, the server order says whether it is the first, and only then is it applied.

use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

use mpenc_greet::{
    Check, CheckedInitial, Completed, Greeter, Greeting, Initial, InternalError, Operation, Stage,
    Status, Step,
};
use mpenc_message::Kind;
use mpenc_order::{AcceptedInitial, ChainHash, Ended, PacketId, Proposal, RejectReason, Verdict};
use mpenc_wire::{AbortPacket, GreetingPacket, MemberId};

use crate::data::refuse;
use crate::event::{FailReason, Fault, HistoryFault, OperationInfo, Outcome};
use crate::own::OwnProposal;
use crate::session::{GreetingOf, STRAGGLERS, automatic};
use crate::subsession::SubSession;
use crate::timers::Timer;
use crate::unauthenticated::Unauthenticated;
use crate::{ChannelAction, Config, Ctx, Event, OperationId, Outputs, Session, Suite};

/// What a completed operation of this suite gives.
pub(crate) type CompletedOf<S> =
    Completed<<<S as Suite>::Greeter as Greeter>::Keys, <<S as Suite>::Greeter as Greeter>::Result>;

/// The operation that the channel runs.
#[derive(Clone)]
pub(crate) struct Running<G> {
    pub(crate) greeting: G,
    pub(crate) info: OperationInfo,
    /// Packets applied so far: a deadline set before the last of them is stale.
    pub(crate) packets: u64,
    /// Whether its time is up, and its end was or will be asked for.
    pub(crate) overdue: bool,
    /// Whether the user was told that it runs.
    pub(crate) told: bool,
    /// Members whose session signature was refused, until a good one comes.
    pub(crate) unauthenticated: Unauthenticated,
}

impl<G> Running<G> {
    pub(crate) fn new(greeting: G, info: OperationInfo) -> Self {
        let unauthenticated = Unauthenticated::new(info.members.len());
        Self { greeting, info, packets: 0, overdue: false, told: true, unauthenticated }
    }

    /// Whether this is one of its members, and not we.
    pub(crate) fn has_other(&self, member: &MemberId, own: &MemberId) -> bool {
        member != own && self.info.members.contains(member)
    }

    /// How long its next packet may take.
    pub(crate) fn packet_wait(&self, config: &Config) -> Duration {
        config.packet_wait(self.info.members.len())
    }

    /// How long all of its packets together may take: upflow packets, one for every new member but
    /// the first author, and then the downflow, its first packet and one confirm by everybody else.
    pub(crate) fn whole_wait(&self, config: &Config) -> Duration {
        let members = self.info.members.len();
        let packets = match self.info.operation {
            Operation::Establish => members.saturating_mul(2),
            _ => members.saturating_add(self.info.include.len()),
        };
        self.packet_wait(config).saturating_mul(u32::try_from(packets).unwrap_or(u32::MAX))
    }
}

impl<S: Suite> Session<S> {
    pub(crate) fn on_initial(
        &mut self,
        cx: &mut Ctx<'_>,
        sender: &MemberId,
        id: PacketId,
        text: &str,
        packet: &GreetingPacket<'_>,
        out: &mut Outputs,
    ) -> Result<(), InternalError> {
        self.recall_late(sender, text);
        self.decide_initial(cx, sender, id, text, packet, out)?;
        // Whatever kept it from being accepted: what has come back does not come again.
        self.own_proposal_lost(cx, sender, text, out);
        Ok(())
    }

    fn decide_initial(
        &mut self,
        cx: &mut Ctx<'_>,
        sender: &MemberId,
        id: PacketId,
        text: &str,
        packet: &GreetingPacket<'_>,
        out: &mut Outputs,
    ) -> Result<(), InternalError> {
        let parent = packet.metadata.map(|metadata| PacketId::from_bytes(*metadata.prev_pf));
        if let Some(parent) = &parent
            && self.builds_without_us(sender, parent)
        {
            self.leave_unauthenticated(out);
            return Ok(());
        }
        if parent.is_some_and(|parent| self.order.is_taken(&parent)) {
            // A proposal that lost a race, or an old one again: the normal case, and no fault. It
            // may build on members and keys that are past, so it is not worth checking.
            self.expect_answers(packet);
            return Ok(());
        }
        if self.is_ignored(&id, packet) {
            return Ok(());
        }
        let checked = match self.greeter.check_initial(sender, packet) {
            Ok(checked) => checked,
            Err(refused)
                if refused.check == Check::NotForUs
                    || self.is_of_others(sender, &refused.check) =>
            {
                self.expect_answers(packet);
                if self.follows_candidates() {
                    self.doubt_candidates(sender, packet);
                } else {
                    self.doubt(id, text, packet);
                }
                return Ok(());
            }
            Err(refused) => {
                refuse(sender, Fault::Greeting(refused), out);
                return Ok(());
            }
        };
        if self.follows_candidates() {
            return self.on_candidate(cx, sender, id, checked, out);
        }
        let Some(inside) = self.presence.inside() else { return Ok(()) };
        let initial = &checked.initial;
        let proposal = Proposal {
            author: &initial.author,
            members: &initial.members,
            prev_pf: PacketId::from_bytes(initial.order.prev_pf),
            prev_chain_hash: ChainHash::from_bytes(initial.order.chain_hash),
            single: initial.single,
        };
        let mut verdict = self.order.offer_initial(
            id,
            text.as_bytes(),
            &proposal,
            self.greeter.members(),
            &inside.members,
        );
        if matches!(verdict, Verdict::Reject(RejectReason::AuthorNotMember))
            && self.yields_to(initial)
        {
            // Two started here at once. Theirs was ordered first, and it includes us: we drop ours
            // and are someone who waits, as if we had not started.
            self.order.reset();
            let present = inside.members.len();
            let by = initial.author.clone();
            let outcome = Outcome::Rejected { by };
            self.end_proposal(outcome.clone(), out);
            self.end_late(&outcome, out);
            self.set_join_patience(cx, present);
            if self.follows_candidates() {
                return self.on_candidate(cx, sender, id, checked, out);
            }
            let Some(inside) = self.presence.inside() else { return Ok(()) };
            let offered = self.order.offer_initial(
                id,
                text.as_bytes(),
                &proposal,
                self.greeter.members(),
                &inside.members,
            );
            verdict = offered;
        }
        match verdict {
            Verdict::Accept(accepted) => self.begin(cx, id, accepted, checked, out)?,
            Verdict::Reject(reason) => {
                self.expect_answers(packet);
                self.on_rejected(checked.initial.author, reason, out);
            }
            _ => self.expect_answers(packet),
        }
        Ok(())
    }

    /// Whether everybody ignores a proposal, whatever else it says: it names somebody who is not in the
    /// channel (XP), or is a candidate already. Whoever knows no group would look at every key of it
    /// first, at the cost of a scalar multiplication each, for anybody and as often as it comes.
    ///
    /// Members compare its lists with what they know, so that checking it costs them no more than one
    /// signature; and they are told who forges proposals.
    fn is_ignored(&self, id: &PacketId, packet: &GreetingPacket<'_>) -> bool {
        let Some(inside) = self.presence.inside() else { return true };
        let is_there = |member: MemberId| inside.members.contains(&member);
        self.greeter.members().len() <= 1
            && (self.candidates.has_seen(id)
                || !packet.members.iter().all(|member| is_there(member.to_owned())))
    }

    /// If this is our own proposal, it has come back and was not accepted: it never will be.
    fn own_proposal_lost(
        &mut self,
        cx: &mut Ctx<'_>,
        sender: &MemberId,
        text: &str,
        out: &mut Outputs,
    ) {
        let back = |proposal: &&OwnProposal<_>| *sender == self.own && proposal.is_packet(text);
        let Some(proposal) = self.proposal.as_ref().filter(back) else { return };
        let running = self.order.ongoing().map(|running| &running.operation().info.author);
        let outcome = match proposal.beaten_by().or(running) {
            Some(by) => Outcome::Rejected { by: by.clone() },
            None => Outcome::Failed(FailReason::ChannelChanged),
        };
        self.lose_proposal(outcome, out);
        if self.order.ongoing().is_none() {
            self.after_operation(cx, out);
        }
    }

    /// Whether our own start gives way to another's: they are known by identity, their proposal
    /// names us, and nothing has come of ours.
    fn yields_to(&self, initial: &Initial) -> bool {
        !self.completed_here
            && self.order.ongoing().is_none()
            && initial.members.contains(&self.own)
            && self.greeter.knows_identity(&initial.author)
    }

    /// Whether a refused proposal is one that we could not follow anyway: of another group in the
    /// room, or made by those who do not know yet that we left and came back.
    fn is_of_others(&self, sender: &MemberId, check: &Check) -> bool {
        let members = self.greeter.members();
        if members.len() > 1 {
            return !members.contains(sender) || self.to_exclude.contains(sender);
        }
        matches!(check, Check::NoGroup | Check::Members)
    }

    /// A proposal that we do not follow: those in the channel whom it names, and who may know less
    /// than we do, may answer it all the same.
    fn expect_answers(&mut self, packet: &GreetingPacket<'_>) {
        let Some(inside) = self.presence.inside() else { return };
        let known = if self.order_is_ours() { self.greeter.members() } else { &[] };
        let named = packet.members.iter().map(|member| member.to_owned());
        let may_answer =
            named.filter(|member| inside.members.contains(member) && !known.contains(member));
        self.elsewhere.extend(may_answer);
    }

    /// EIO: somebody else's operation, seen while we wait. Nobody's keys are known to us, so nothing
    /// of it can be verified; all that it can do is make us doubt other proposals on its parent.
    fn doubt(&mut self, id: PacketId, text: &str, packet: &GreetingPacket<'_>) {
        let (Some(metadata), Some(inside)) = (packet.metadata, self.presence.inside()) else {
            return;
        };
        if self.order.is_synced() {
            return;
        }
        let members: Vec<MemberId> = packet
            .members
            .iter()
            .map(|member| member.to_owned())
            .filter(|member| *member != self.own)
            .collect();
        let proposal = Proposal {
            author: &packet.source.to_owned(),
            members: &members,
            prev_pf: PacketId::from_bytes(*metadata.prev_pf),
            prev_chain_hash: ChainHash::from_bytes(*metadata.chain_hash),
            single: false,
        };
        // Whatever it says, it accepts nothing that does not name us.
        let _ = self.order.offer_initial(
            id,
            text.as_bytes(),
            &proposal,
            self.greeter.members(),
            &inside.members,
        );
    }

    fn on_rejected(&mut self, author: MemberId, reason: RejectReason, out: &mut Outputs) {
        match reason {
            // An authenticated member builds on a history that we do not share.
            reason if reason.is_order_mismatch() => {
                self.dispute(author, HistoryFault::Proposal(reason), out);
            }
            // Concurrent proposals are the normal case, and so are those of other sessions.
            reason if reason.is_benign() => {}
            reason => refuse(&author, Fault::Order(reason), out),
        }
    }

    /// The channel has ordered the start of an operation.
    fn begin(
        &mut self,
        cx: &mut Ctx<'_>,
        id: PacketId,
        accepted: AcceptedInitial,
        checked: CheckedInitial<<S::Greeter as Greeter>::Proof>,
        out: &mut Outputs,
    ) -> Result<(), InternalError> {
        let (draft, own) = if accepted.is_own() {
            self.take_draft().map_or((None, None), |(draft, own)| (Some(draft), own))
        } else {
            let by = checked.initial.author.clone();
            self.end_proposal(Outcome::Rejected { by }, out);
            (None, None)
        };
        self.end_late(&Outcome::Rejected { by: checked.initial.author.clone() }, out);
        self.begun = own;
        let info = self.describe(id, &checked.initial, own);
        out.tell(Event::OperationAccepted(info.clone()));
        self.remove_stale(&info, out);
        if let Some(current) = self.current.as_mut().filter(|current| current.is_open()) {
            automatic(current.write(cx, &mut self.shared, Kind::Consistency, "", out))?;
        }
        self.elsewhere.remove(&info.author);
        let single = checked.initial.single;
        let (greeting, step) = self.greeter.start(cx.rng, *id.as_bytes(), checked, draft)?;
        let running = Running::new(greeting, info);
        if let Some(ended) = self.order.begin(accepted, running) {
            if self.stays_put(&ended.operation().info) {
                return Ok(());
            }
            return self.on_final_step(cx, ended, step, out);
        }
        if single {
            return Err(InternalError::new(
                "a single packet began an operation and did not end it",
            ));
        }
        self.set_whole_deadline(cx, id);
        self.on_step(cx, step, out)
    }

    pub(crate) fn describe(
        &self,
        id: PacketId,
        initial: &Initial,
        own: Option<OperationId>,
    ) -> OperationInfo {
        let members = self.greeter.members();
        let new = initial.members.iter().filter(|&member| !members.contains(member));
        let gone = members.iter().filter(|&member| !initial.members.contains(member));
        // Someone who waits knows no old members: all whom the packet names are news to us.
        OperationInfo {
            id,
            operation: initial.operation,
            author: initial.author.clone(),
            members: initial.members.clone(),
            include: new.cloned().collect(),
            exclude: gone.cloned().collect(),
            own,
        }
    }

    /// IAL: someone is to be included who was excluded and has never left the channel.
    fn remove_stale(&mut self, info: &OperationInfo, out: &mut Outputs) {
        let Some(inside) = self.presence.inside() else { return };
        let stale: Vec<MemberId> = inside.excluded_of(&info.members).cloned().collect();
        if !stale.is_empty() {
            out.act(ChannelAction::Remove(stale));
        }
    }

    pub(crate) fn on_greeting(
        &mut self,
        cx: &mut Ctx<'_>,
        sender: &MemberId,
        id: PacketId,
        packet: &GreetingPacket<'_>,
        out: &mut Outputs,
    ) -> Result<(), InternalError> {
        // What is left of an operation that has failed, or of one that we are not part of, is still
        // under way for a while: that is nobody's fault.
        if self.follows_candidates() {
            return self.on_candidate_packet(cx, sender, id, packet, out);
        }
        // Ours may be one of the same members.
        let _ = self.on_regretted_packet(cx, sender, packet, out)?;
        let Some(running) = self.order.ongoing() else { return Ok(()) };
        if self.stays_put(&running.operation().info) {
            return Ok(());
        }
        let checked = match running.operation().greeting.check(sender, packet) {
            Ok(checked) => checked,
            Err(refused) if refused.is_duplicate() => return Ok(()),
            Err(refused) => {
                let stray = self.may_be_stray(sender, &refused.check);
                // Whoever is being included has not seen what came before.
                let early = running.is_provisional() && is_out_of_place(&refused.check);
                if refused.check == Check::SessionSignature
                    && let Some(running) = self.order.ongoing_mut()
                {
                    running.operation_mut().unauthenticated.refused(sender, id, stray);
                }
                if !stray && !early {
                    refuse(sender, Fault::Greeting(refused), out);
                }
                return Ok(());
            }
        };
        match checked.stage {
            Stage::Final => match self.order.offer_final(id) {
                Verdict::Accept(mut ended) => {
                    let step = ended.operation_mut().greeting.apply(cx.rng, checked)?;
                    self.on_final_step(cx, ended, step, out)
                }
                _ => Ok(()),
            },
            _ => {
                let Some(running) = self.order.ongoing_mut() else { return Ok(()) };
                let running = running.operation_mut();
                let step = running.greeting.apply(cx.rng, checked)?;
                running.packets = running.packets.saturating_add(1);
                running.unauthenticated.comes(sender, id);
                // Whoever is being included may still answer other proposals, which came to nothing.
                if self.greeter.members().contains(sender) {
                    self.elsewhere.remove(sender);
                }
                let progress = running.greeting.progress();
                out.tell(Event::OperationProgress {
                    contributed: progress.contributed,
                    confirmed: progress.confirmed,
                    awaited: progress.awaited,
                });
                self.on_step(cx, step, out)
            }
        }
    }

    /// Whether a refused packet may be of another operation than the running one, which is nobody's
    /// fault: what they answered to one that has failed, or that we do not follow, may still be under
    /// way.
    fn may_be_stray(&self, sender: &MemberId, check: &Check) -> bool {
        match check {
            // A confirm is signed by the key that its author brought to this very operation, if they are
            // new: then it is of no other. Whoever was a member before keeps theirs.
            Check::SessionSignature => {
                self.greeter.members().contains(sender)
                    && self.order.ongoing().is_some_and(|running| {
                        let members = &running.operation().info.members;
                        self.elsewhere.may_confirm_late(sender, members)
                    })
            }
            // Keys come last: all before them were those of this operation.
            Check::IntKey { .. } | Check::PubKey { .. } => false,
            _ => self.elsewhere.contains(sender),
        }
    }

    /// Whether we are being excluded, in a dialect in which the excluded do not follow: they keep
    /// what they have until they leave the channel.
    fn stays_put(&self, info: &OperationInfo) -> bool {
        !self.shared.dialect.excluded_follow && info.exclude.contains(&self.own)
    }

    /// What applying a packet led to, where it has not ended the operation.
    fn on_step(
        &mut self,
        cx: &mut Ctx<'_>,
        step: Step<CompletedOf<S>>,
        out: &mut Outputs,
    ) -> Result<(), InternalError> {
        send_all(step.send, out);
        match step.status {
            Status::Pending => self.set_packet_deadline(cx),
            Status::CannotConfirm(reason) => {
                let Some(running) = self.order.ongoing() else { return Ok(()) };
                let id = running.initial();
                let running = running.operation();
                out.tell(Event::CannotConfirm {
                    operation: running.info.clone(),
                    reason: reason.clone(),
                });
                match running.greeting.encode_abort(&alloc::format!("{reason}")) {
                    Some(packet) => self.send_abort(cx, id, packet, out),
                    // Nobody would believe an abort of ours: that we leave ends the operation.
                    None => out.act(ChannelAction::Leave),
                }
            }
            Status::Completed(_) => {
                return Err(InternalError::new("an operation completed before its final packet"));
            }
            _ => {}
        }
        Ok(())
    }

    /// The final packet was accepted and applied: the operation must be complete.
    pub(crate) fn on_final_step(
        &mut self,
        cx: &mut Ctx<'_>,
        ended: Ended<MemberId, Running<GreetingOf<S>>>,
        step: Step<CompletedOf<S>>,
        out: &mut Outputs,
    ) -> Result<(), InternalError> {
        send_all(step.send, out);
        let Status::Completed(completed) = step.status else {
            return Err(InternalError::new("a final packet did not complete its operation"));
        };
        self.on_completed(cx, ended.into_operation(), completed, out)?;
        self.after_operation(cx, out);
        Ok(())
    }

    /// The atomic switch (SE-05): the old sub-session sends FIN, the new one takes over.
    fn on_completed(
        &mut self,
        cx: &mut Ctx<'_>,
        running: Running<GreetingOf<S>>,
        completed: CompletedOf<S>,
        out: &mut Outputs,
    ) -> Result<(), InternalError> {
        let info = running.info;
        let latest = running.greeting.initial().order.latest_pm.clone();
        let before: Vec<MemberId> = self.greeter.members().to_vec();
        let excluded_us = !info.members.contains(&self.own);
        let renews = info.author == self.own || self.current.is_none();
        let changes = !info.include.is_empty() || !info.exclude.is_empty();
        self.note_renewal(cx, renews, changes);

        if self.current.is_none() {
            // The others may still finish sub-sessions that we were never part of.
            let patience = self.shared.config.latencies(STRAGGLERS);
            self.foreign_until = cx.now.after(patience);
        }
        if self.current.is_some() {
            // What waited for it has its place before the end of the one that goes now.
            self.drop_previous(cx, out);
            self.catch_up(cx, out)?;
        }
        if let Some(mut old) = self.current.take() {
            if !excluded_us {
                let latency = self.shared.config.broadcast_latency;
                if let Some(half) = old.ends_with(cx.now, latency, &info, &latest) {
                    self.shared.timers.set(half, Timer::HistoryHalf(old.number()));
                }
                automatic(old.finish(cx, &mut self.shared, false, out))?;
            }
            old.make_way(&completed.members);
            self.previous = Some(old);
        }
        if completed.keys.is_none() && !excluded_us && !self.shared.dialect.unreachable_readers {
            // Nobody is left whose acks could come, and nothing says so: it ends at once.
            self.drop_previous(cx, out);
        }
        self.stop_awaiting(cx, &info.exclude);
        self.greeter.adopt(completed.result);
        self.to_exclude.retain(|member| completed.members.contains(member));
        self.note_excluded(cx, &info.exclude);
        if let Some(keys) = completed.keys {
            self.shared.newest = self.shared.newest.wrapping_add(1);
            self.completed_here = true;
            self.reentries = 0;
            let section = match &self.previous {
                Some(old) => self.shared.log.begin_after(old.section(), old.transcript(), &latest),
                None => self.shared.log.begin(),
            }
            .map_err(|_| InternalError::new("the log did not begin a section"))?;
            let security = S::secure(self.shared.dialect, keys);
            let members = &completed.members;
            let mut current =
                SubSession::new(&self.shared, cx.now, section, security, members, &self.own)
                    .began_by(self.order.head().map(|(packet, _)| packet));
            if self.previous.as_ref().is_some_and(|old| !old.is_whole()) {
                current = current.follows(latest);
            }
            self.current = Some(current);
        }
        // Before anything is written to the new members: those who joined know nothing of before.
        self.note_history(cx, out);
        if excluded_us {
            out.tell(Event::Excluded { by: info.author.clone() });
        } else {
            let (remain, include) =
                completed.members.iter().cloned().partition(|member| before.contains(member));
            out.tell(Event::Members {
                id: info.id,
                remain,
                include,
                exclude: info.exclude.clone(),
                operation: info.operation,
                author: info.author.clone(),
            });
        }
        self.end_begun(Outcome::Completed, out);
        self.retry_held(cx, out)?;
        if !self.parting {
            self.flush_outbox(cx, out)?;
        }
        if self.parting {
            if let Some(current) = &mut self.current
                && self.shared.dialect.parting_repeats
            {
                // We said that we leave, and were kept: say it again to the members as they are
                // now. If we were not, the old sub-session's end is what we wait for.
                automatic(current.finish(cx, &mut self.shared, true, out))?;
            } else if self.current.is_none() && self.previous.is_none() {
                // We said it to nobody, and nothing is left to wait for.
                out.act(ChannelAction::Leave);
            }
        } else if self.current.is_none() && !excluded_us {
            self.await_company(cx);
        }
        Ok(())
    }

    pub(crate) fn on_abort(
        &mut self,
        cx: &mut Ctx<'_>,
        sender: &MemberId,
        id: PacketId,
        packet: &AbortPacket<'_>,
        out: &mut Outputs,
    ) -> Result<(), InternalError> {
        let aborted = PacketId::from_bytes(*packet.aborted_pi);
        self.regretted
            .retain(|regretted| regretted.id != aborted || !regretted.is_ended_by(sender, packet));
        if self.follows_candidates() {
            self.on_candidate_abort(sender, id, packet, out);
            return Ok(());
        }
        let Some(running) = self.order.ongoing().filter(|running| running.initial() == aborted)
        else {
            // A late copy of an abort that came second: silent.
            return Ok(());
        };
        if let Err(refused) = running.operation().greeting.check_abort(sender, packet) {
            refuse(sender, Fault::Greeting(refused), out);
            return Ok(());
        }
        if let Verdict::Accept(ended) = self.order.offer_abort(id, &aborted) {
            let reason =
                FailReason::Aborted { by: sender.clone(), reason: String::from(packet.reason) };
            self.on_failed(cx, ended, reason, out);
        }
        Ok(())
    }

    /// An operation ended without effect: everything of it is wiped, the members stay.
    pub(crate) fn on_failed(
        &mut self,
        cx: &mut Ctx<'_>,
        ended: Ended<MemberId, Running<GreetingOf<S>>>,
        reason: FailReason,
        out: &mut Outputs,
    ) {
        let running = ended.into_operation();
        if let Some(member) = running.unauthenticated.untold().cloned() {
            // Whoever ended it knows nothing of that. It is over for all, so nobody has to leave.
            out.tell(Event::NotAuthenticated { operation: running.info.clone(), member });
        }
        if let (FailReason::Aborted { .. }, Some(inside)) = (&reason, self.presence.inside_mut()) {
            inside.aborted = inside.aborted.saturating_add(1);
        }
        self.note_history(cx, out);
        // What they, or we, have answered already is under way.
        let awaited = running.greeting.progress().awaited;
        self.elsewhere.failed(running.info.members.clone(), awaited);
        out.tell(Event::OperationFailed { operation: running.info, reason: reason.clone() });
        self.end_begun(Outcome::Failed(reason), out);
        self.after_operation(cx, out);
    }

    /// What waited for an operation to end.
    pub(crate) fn after_operation(&mut self, cx: &mut Ctx<'_>, out: &mut Outputs) {
        self.shared.timers.retain(|timer| {
            !matches!(
                timer,
                Timer::OperationPacket(..)
                    | Timer::OperationWhole(_)
                    | Timer::AbortTurn(_)
                    | Timer::AbortEcho(_)
            )
        });
        if !self.to_exclude.is_empty() {
            self.schedule_auto_exclude(cx, out);
        }
        self.auto_include(cx, out);
    }
}

/// Whether a refused packet may well be of another operation than the running one.
pub(crate) fn is_out_of_place(check: &Check) -> bool {
    matches!(
        check,
        Check::OtherOperation | Check::MembersDiffer | Check::Stage | Check::Turn { .. }
    )
}

pub(crate) fn send_all(packets: Vec<String>, out: &mut Outputs) {
    for packet in packets {
        out.act(ChannelAction::Send { packet });
    }
}
