//! Operations of our own: from the wish to the one event that tells the outcome.

use alloc::collections::BTreeSet;
use alloc::string::String;
use alloc::vec::Vec;

use mpenc_greet::{Change, Greeter, OrderRefs, ProposeError};
use mpenc_wire::MemberId;

use crate::event::{FailReason, Outcome};
use crate::session::DraftOf;
use crate::subsession::SubSession;
use crate::timers::Timer;
use crate::{ApiMisuse, ChannelAction, Ctx, Event, OperationId, Outputs, Session, Suite};

/// How many proposals that were not echoed in time are remembered. The wait for the echo doubles with
/// each, so that more than these take the channel hours to swallow.
const LATE: usize = 10;

/// A proposal of ours, on its way to the channel and back.
#[derive(Clone)]
pub(crate) struct OwnProposal<D> {
    id: OperationId,
    packet: String,
    draft: D,
    /// Whether its outcome has been told. Packet and draws are kept all the same, because the
    /// channel may still order it.
    told: bool,
    /// Whether it came back and could not be accepted, but keeps its place (`lost_proposals_linger`).
    lost: bool,
    /// Who proposed the operation that ran when it was made, and that has its place.
    beaten_by: Option<MemberId>,
    /// Whom to include later, if another's proposal comes first: what the rules of the channel ask
    /// for is tried again, what a user asks for is not (SO-17).
    again: Vec<MemberId>,
}

/// An include of ours that waits for those to include to enter the channel. Whoever was excluded and
/// is still there leaves it first: they have a session that they do not know is over.
#[derive(Clone, Debug)]
pub(crate) struct Invitation {
    id: OperationId,
    new: Vec<MemberId>,
    /// Whether those who were absent have been asked in.
    invited: bool,
}

/// A membership change that we keep.
#[derive(Clone, Debug)]
pub(crate) enum OwnedChange {
    Include(Vec<MemberId>),
    Exclude(Vec<MemberId>),
    Refresh,
}

impl OwnedChange {
    fn of(change: Change<'_>) -> Option<Self> {
        match change {
            Change::Include(members) => Some(Self::Include(members.to_vec())),
            Change::Exclude(members) => Some(Self::Exclude(members.to_vec())),
            Change::Refresh => Some(Self::Refresh),
            _ => None,
        }
    }

    fn borrow(&self) -> Change<'_> {
        match self {
            Self::Include(members) => Change::Include(members),
            Self::Exclude(members) => Change::Exclude(members),
            Self::Refresh => Change::Refresh,
        }
    }
}

impl<D> OwnProposal<D> {
    /// Whether this is its packet.
    pub(crate) fn is_packet(&self, text: &str) -> bool {
        self.packet == text
    }

    /// Whose operation ran when it was made.
    pub(crate) fn beaten_by(&self) -> Option<&MemberId> {
        self.beaten_by.as_ref()
    }

    /// Whether another one has to wait for this one's outcome.
    fn is_pending(&self) -> bool {
        !self.told || self.lost
    }
}

impl<S: Suite> Session<S> {
    /// Proposes a membership change. Those to include are asked into the channel first, where they
    /// are not in it yet; whoever of them was excluded before, and has not left the channel since, is
    /// asked out before that. It ends in exactly one [`Event::OperationEnded`].
    ///
    /// # Errors
    /// [`ApiMisuse`]: nothing was proposed.
    pub fn propose(
        &mut self,
        cx: &mut Ctx<'_>,
        change: Change<'_>,
        out: &mut Outputs,
    ) -> Result<OperationId, ApiMisuse> {
        self.check_open()?;
        let cx = &mut self.own_time(cx);
        self.propose_at(cx, change, out)
    }

    /// The same, on the session's time.
    pub(crate) fn propose_at(
        &mut self,
        cx: &mut Ctx<'_>,
        change: Change<'_>,
        out: &mut Outputs,
    ) -> Result<OperationId, ApiMisuse> {
        let Some(inside) = self.presence.inside() else { return Err(ApiMisuse::NotInChannel) };
        if inside.we_are_excluded {
            return Err(ApiMisuse::Excluded);
        }
        if self.parting && !self.shared.dialect.parting_proposes {
            return Err(ApiMisuse::Parting);
        }
        if !self.order.is_synced() || !self.order_is_ours() {
            return Err(ApiMisuse::NotSynced);
        }
        if self.order.is_disputed() {
            return Err(ApiMisuse::OrderDisputed);
        }
        let change = OwnedChange::of(change).ok_or(ApiMisuse::UnknownChange)?;
        // An include that waits for others to leave or enter the channel is not proposed yet.
        let waits_for = match &change {
            OwnedChange::Include(new) if !inside.ready(new) => {
                Some(inside.excluded_of(new).cloned().collect::<Vec<_>>())
            }
            _ => None,
        };
        let pending =
            if waits_for.is_some() { self.invitation.is_some() } else { self.is_proposing() };
        if pending {
            return Err(ApiMisuse::OperationPending);
        }
        self.greeter.check_change(change.borrow()).map_err(ApiMisuse::Propose)?;
        let stays = |member: &&MemberId| match &change {
            OwnedChange::Exclude(excluded) => !excluded.contains(member),
            _ => true,
        };
        if let Some(absent) = self
            .greeter
            .members()
            .iter()
            .filter(stays)
            .find(|&member| *member != self.own && !inside.members.contains(member))
        {
            return Err(ApiMisuse::NotInChannelYet(absent.clone()));
        }
        let id = self.next_operation();
        match (change, waits_for) {
            (OwnedChange::Include(new), Some(stale)) => {
                if !stale.is_empty() {
                    out.act(ChannelAction::Remove(stale));
                }
                self.await_invited(cx, id);
                self.invitation = Some(Invitation { id, new, invited: false });
                self.advance_invitation(cx, out);
            }
            (change, _) => self.propose_now(cx, id, &change, false, out)?,
        }
        Ok(id)
    }

    /// Whether a proposal of ours is protocol-pending: no other one can be made.
    pub(crate) fn is_proposing(&self) -> bool {
        self.proposal.iter().chain(&self.late).any(OwnProposal::is_pending)
    }

    fn await_invited(&mut self, cx: &Ctx<'_>, id: OperationId) {
        let patience = self.shared.config.full_ack_interval();
        self.shared.timers.set(cx.now.after(patience), Timer::Invitation(id));
    }

    fn next_operation(&mut self) -> OperationId {
        self.operations = self.operations.saturating_add(1);
        OperationId(self.operations)
    }

    fn propose_now(
        &mut self,
        cx: &mut Ctx<'_>,
        id: OperationId,
        change: &OwnedChange,
        automatic: bool,
        out: &mut Outputs,
    ) -> Result<(), ApiMisuse> {
        let (prev_pf, head) = self.order.head().ok_or(ApiMisuse::NotSynced)?;
        // While an operation runs, a proposal is too late before it is sent. It is made all the
        // same: whoever hears of the running one later than of ours sees that we knew of it.
        let chain_hash = self.order.ongoing().map_or(head, |running| running.chain_hash());
        let refs = OrderRefs {
            prev_pf: *prev_pf.as_bytes(),
            chain_hash: *chain_hash.as_bytes(),
            latest_pm: self.current.as_ref().map(SubSession::heads).unwrap_or_default(),
        };
        let proposal = match self.greeter.propose(cx.rng, change.borrow(), refs) {
            Ok(proposal) => proposal,
            Err(ProposeError::Internal(error)) => {
                self.close(error, out);
                return Err(ApiMisuse::Closed);
            }
            Err(error) => return Err(ApiMisuse::Propose(error)),
        };
        self.order.propose(proposal.packet.as_bytes());
        if let Some(late) = self.proposal.take() {
            if self.late.len() == LATE {
                self.late.remove(0);
            }
            self.late.push(late);
        }
        // Twice as long for each that the channel has kept to itself: else whoever is cut off, and
        // is to exclude somebody, would make one after the other.
        let late = u32::try_from(self.late.len()).unwrap_or(u32::MAX);
        let echo = self.shared.config.latencies(2_u32.saturating_mul(2_u32.saturating_pow(late)));
        self.shared.timers.set(cx.now.after(echo), Timer::Echo(id));
        out.tell(Event::Proposed { own: id, operation: proposal.initial.operation, automatic });
        out.act(ChannelAction::Send { packet: proposal.packet.clone() });
        self.proposal = Some(OwnProposal {
            id,
            packet: proposal.packet,
            draft: proposal.draft,
            told: false,
            lost: false,
            beaten_by: self.order.ongoing().map(|running| running.operation().info.author.clone()),
            again: Vec::new(),
        });
        Ok(())
    }

    /// Proposes something that the rules of the channel ask for, not the user.
    pub(crate) fn propose_automatic(
        &mut self,
        cx: &mut Ctx<'_>,
        change: &OwnedChange,
        out: &mut Outputs,
    ) {
        if self.greeter.check_change(change.borrow()).is_ok() {
            let id = self.next_operation();
            // What may still fail is a signer or the size of the packet: nothing was sent then,
            // and the next occasion tries again.
            if self.propose_now(cx, id, change, true, out).is_ok()
                && let (Some(proposal), OwnedChange::Include(new)) = (&mut self.proposal, change)
            {
                proposal.again.clone_from(new);
            }
        }
    }

    /// Takes our include the next step: once all of those excluded before are out, those who are
    /// absent are asked in; once all are in, and nothing else is going on, it is proposed.
    pub(crate) fn advance_invitation(&mut self, cx: &mut Ctx<'_>, out: &mut Outputs) {
        let (Some(invitation), Some(inside)) = (&mut self.invitation, self.presence.inside())
        else {
            return;
        };
        let id = invitation.id;
        if inside.we_are_excluded {
            return self.end_invitation(FailReason::ChannelChanged, out);
        }
        if inside.excluded_of(&invitation.new).next().is_some() {
            return;
        }
        let absent = absent(&invitation.new, &inside.members);
        if !absent.is_empty() {
            if !core::mem::replace(&mut invitation.invited, true) {
                self.await_invited(cx, id);
                out.act(ChannelAction::Invite(absent));
            }
            return;
        }
        let busy = self.is_proposing() || self.order.is_disputed();
        if !self.shared.dialect.invited_at_once && (busy || self.order.ongoing().is_some()) {
            return;
        }
        let Some(Invitation { id, new, .. }) = self.invitation.take() else { return };
        let change = OwnedChange::Include(new);
        // Meanwhile another of ours may be on its way, or others may have included them.
        if busy
            || self.greeter.check_change(change.borrow()).is_err()
            || self.propose_now(cx, id, &change, false, out).is_err()
        {
            let outcome = Outcome::Failed(FailReason::ChannelChanged);
            out.tell(Event::OperationEnded { own: id, outcome });
        }
    }

    fn end_invitation(&mut self, reason: FailReason, out: &mut Outputs) {
        if let Some(Invitation { id, .. }) = self.invitation.take() {
            out.tell(Event::OperationEnded { own: id, outcome: Outcome::Failed(reason) });
        }
    }

    /// From here on we are about to leave the channel: no content follows, and nothing is proposed
    /// that the others would have to follow without us.
    pub(crate) fn begin_parting(&mut self, out: &mut Outputs) {
        self.parting = true;
        self.end_invitation(FailReason::WeLeft, out);
    }

    /// Whether we have asked somebody into the channel, to include them.
    pub(crate) fn has_invited(&self, member: &MemberId) -> bool {
        self.invitation.as_ref().is_some_and(|invitation| invitation.new.contains(member))
    }

    pub(crate) fn on_invitation_due(&mut self, id: OperationId, out: &mut Outputs) {
        if let Some(Invitation { id, new, .. }) =
            self.invitation.take_if(|waiting| waiting.id == id)
        {
            let inside = self.presence.inside();
            let absent = inside.map(|inside| absent(&new, &inside.members)).unwrap_or_default();
            let outcome = Outcome::Failed(FailReason::NotEntered(absent));
            out.tell(Event::OperationEnded { own: id, outcome });
        }
    }

    /// Our proposal was not echoed in time. Packet and draws are kept: the channel may still order
    /// it, and then it runs like anybody's. Meanwhile we may propose again.
    pub(crate) fn on_echo_due(&mut self, cx: &mut Ctx<'_>, id: OperationId, out: &mut Outputs) {
        let mut ours = self.proposal.iter_mut().chain(&mut self.late);
        if let Some(proposal) = ours.find(|proposal| proposal.id == id)
            && !core::mem::replace(&mut proposal.told, true)
        {
            self.to_include.append(&mut proposal.again.drain(..).collect());
            out.tell(Event::OperationEnded { own: id, outcome: Outcome::TimedOut });
            if self.order.ongoing().is_none() {
                self.after_operation(cx, out);
            }
        }
    }

    /// If the channel has ordered, late, a proposal that was not echoed in time, it is that one which
    /// is up now, and not the one made since: that one waits, and is up again if this one is lost.
    pub(crate) fn recall_late(&mut self, sender: &MemberId, text: &str) {
        if *sender == self.own
            && let Some(late) = self.late.iter().position(|late| late.is_packet(text))
        {
            self.order.propose(text.as_bytes());
            let late = self.late.swap_remove(late);
            self.late.extend(self.proposal.replace(late));
        }
    }

    /// Our proposal has come back, and could not be accepted.
    pub(crate) fn lose_proposal(&mut self, outcome: Outcome, out: &mut Outputs) {
        if !self.shared.dialect.lost_proposals_linger {
            self.end_proposal(outcome, out);
            self.resume_proposal();
        } else if let Some(proposal) = &mut self.proposal {
            proposal.lost = true;
            if !core::mem::replace(&mut proposal.told, true) {
                out.tell(Event::OperationEnded { own: proposal.id, outcome });
            }
        }
    }

    /// A late proposal has come back to nothing: the one that we made since is up again. The channel
    /// may still order that, and it has no outcome yet.
    fn resume_proposal(&mut self) {
        if self.proposal.is_none()
            && let Some(made_since) = self.late.iter().position(|late| !late.told)
        {
            let made_since = self.late.swap_remove(made_since);
            self.order.propose(made_since.packet.as_bytes());
            self.proposal = Some(made_since);
        }
    }

    /// Our proposal will not be accepted any more: its draft is wiped.
    pub(crate) fn end_proposal(&mut self, outcome: Outcome, out: &mut Outputs) {
        if let Some(proposal) = self.proposal.take_if(|proposal| !proposal.lost) {
            self.order.withdraw();
            self.end_one(proposal, outcome, out);
        }
    }

    fn end_one(&mut self, proposal: OwnProposal<DraftOf<S>>, outcome: Outcome, out: &mut Outputs) {
        if let (Outcome::Rejected { .. }, Some(inside)) = (&outcome, self.presence.inside()) {
            let again = proposal.again.into_iter();
            self.to_include.extend(again.filter(|member| inside.members.contains(member)));
        }
        if !proposal.told {
            out.tell(Event::OperationEnded { own: proposal.id, outcome });
        }
    }

    /// A proposal was accepted: those on the same parent that the channel has not ordered yet will
    /// not be any more.
    pub(crate) fn end_late(&mut self, outcome: &Outcome, out: &mut Outputs) {
        for late in core::mem::take(&mut self.late) {
            self.end_one(late, outcome.clone(), out);
        }
    }

    /// The operation that ran has ended; if it was ours, this is its outcome.
    pub(crate) fn end_begun(&mut self, outcome: Outcome, out: &mut Outputs) {
        if let Some(own) = self.begun.take() {
            out.tell(Event::OperationEnded { own, outcome });
        }
    }

    /// Whatever of ours has no outcome yet ends, because we leave.
    pub(crate) fn end_all_of_ours(&mut self, out: &mut Outputs) {
        let outcome = Outcome::Failed(FailReason::WeLeft);
        self.end_proposal(outcome.clone(), out);
        self.proposal = None;
        self.end_late(&outcome, out);
        self.end_invitation(FailReason::WeLeft, out);
        self.end_begun(outcome, out);
    }

    /// The channel has ordered our proposal: the secrets that were drawn for it, and what it is
    /// called; nothing if its outcome has been told, for then it runs like anybody's.
    pub(crate) fn take_draft(&mut self) -> Option<(DraftOf<S>, Option<OperationId>)> {
        let OwnProposal { id, draft, told, .. } =
            self.proposal.take_if(|proposal| !proposal.lost)?;
        Some((draft, (!told).then_some(id)))
    }
}

fn absent(new: &[MemberId], present: &BTreeSet<MemberId>) -> Vec<MemberId> {
    new.iter().filter(|&member| !present.contains(member)).cloned().collect()
}
