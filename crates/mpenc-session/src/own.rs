//! Operations of our own: from the wish to the one event that tells the outcome.

use alloc::collections::BTreeSet;
use alloc::string::String;
use alloc::vec::Vec;

use mpenc_greet::{Change, Greeter, OrderRefs};
use mpenc_wire::MemberId;

use crate::event::{FailReason, Outcome};
use crate::session::DraftOf;
use crate::subsession::SubSession;
use crate::timers::Timer;
use crate::{ApiMisuse, ChannelAction, Ctx, Event, OperationId, Outputs, Session, Suite};

/// A proposal of ours, on its way to the channel and back.
#[derive(Clone)]
pub(crate) struct OwnProposal<D> {
    id: OperationId,
    packet: String,
    draft: D,
    /// Whether its outcome has been told. Packet and draws are kept all the same, because the
    /// channel may still order it.
    timed_out: bool,
}

/// An include of ours that waits for those to include to enter the channel.
#[derive(Clone, Debug)]
pub(crate) struct Invitation {
    id: OperationId,
    new: Vec<MemberId>,
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
}

impl<S: Suite> Session<S> {
    /// Proposes a membership change. Those to include are asked into the channel first, where they
    /// are not in it yet. It ends in exactly one [`Event::OperationEnded`].
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
        let Some(inside) = self.presence.inside() else { return Err(ApiMisuse::NotInChannel) };
        if self.parting {
            return Err(ApiMisuse::Parting);
        }
        if inside.we_are_excluded {
            return Err(ApiMisuse::Excluded);
        }
        if !self.order.is_synced() || !self.order_is_ours() {
            return Err(ApiMisuse::NotSynced);
        }
        if self.proposal.is_some() || self.invitation.is_some() {
            return Err(ApiMisuse::OperationPending);
        }
        let change = OwnedChange::of(change).ok_or(ApiMisuse::UnknownChange)?;
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
        let absent = match &change {
            OwnedChange::Include(new) => absent(new, &inside.members),
            _ => Vec::new(),
        };
        let id = self.next_operation();
        match change {
            OwnedChange::Include(new) if !absent.is_empty() => {
                let patience = self.shared.config.full_ack_interval();
                self.shared.timers.set(cx.now.after(patience), Timer::Invitation(id));
                self.invitation = Some(Invitation { id, new });
                out.act(ChannelAction::Invite(absent));
            }
            change => self.propose_now(cx, id, &change, out)?,
        }
        Ok(id)
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
        let proposal =
            self.greeter.propose(cx.rng, change.borrow(), refs).map_err(ApiMisuse::Propose)?;
        self.order.propose(proposal.packet.as_bytes());
        let echo = self.shared.config.latencies(2);
        self.shared.timers.set(cx.now.after(echo), Timer::Echo(id));
        out.tell(Event::Proposed { own: id, operation: proposal.initial.operation });
        out.act(ChannelAction::Send { packet: proposal.packet.clone() });
        self.proposal = Some(OwnProposal {
            id,
            packet: proposal.packet,
            draft: proposal.draft,
            timed_out: false,
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
            let _ = self.propose_now(cx, id, change, out);
        }
    }

    /// Once all whom an include awaits have entered the channel, it is proposed.
    pub(crate) fn advance_invitation(&mut self, cx: &mut Ctx<'_>, out: &mut Outputs) {
        let (Some(invitation), Some(inside)) = (&self.invitation, self.presence.inside()) else {
            return;
        };
        if self.parting || inside.we_are_excluded {
            let own = invitation.id;
            self.invitation = None;
            let outcome = Outcome::Failed(FailReason::ChannelChanged);
            out.tell(Event::OperationEnded { own, outcome });
            return;
        }
        if self.order.ongoing().is_some()
            || self.proposal.is_some()
            || !absent(&invitation.new, &inside.members).is_empty()
        {
            return;
        }
        let Some(Invitation { id, new }) = self.invitation.take() else { return };
        if self.propose_now(cx, id, &OwnedChange::Include(new), out).is_err() {
            let outcome = Outcome::Failed(FailReason::ChannelChanged);
            out.tell(Event::OperationEnded { own: id, outcome });
        }
    }

    pub(crate) fn on_invitation_due(&mut self, id: OperationId, out: &mut Outputs) {
        if let Some(Invitation { id, new }) = self.invitation.take_if(|waiting| waiting.id == id) {
            let inside = self.presence.inside();
            let absent = inside.map(|inside| absent(&new, &inside.members)).unwrap_or_default();
            let outcome = Outcome::Failed(FailReason::NotEntered(absent));
            out.tell(Event::OperationEnded { own: id, outcome });
        }
    }

    /// Our proposal was not echoed in time. Packet and draws are kept: the channel may still order
    /// it, and then it runs like anybody's.
    pub(crate) fn on_echo_due(&mut self, id: OperationId, out: &mut Outputs) {
        if let Some(proposal) = self.proposal.as_mut().filter(|proposal| proposal.id == id)
            && !core::mem::replace(&mut proposal.timed_out, true)
        {
            out.tell(Event::OperationEnded { own: id, outcome: Outcome::TimedOut });
        }
    }

    /// Our proposal will not be accepted any more: its draft is wiped.
    pub(crate) fn end_proposal(&mut self, outcome: Outcome, out: &mut Outputs) {
        if let Some(proposal) = self.proposal.take() {
            self.order.withdraw();
            if !proposal.timed_out {
                out.tell(Event::OperationEnded { own: proposal.id, outcome });
            }
        }
    }

    /// Whatever of ours has no outcome yet ends, because we left.
    pub(crate) fn end_all_of_ours(&mut self, running: Option<OperationId>, out: &mut Outputs) {
        let outcome = Outcome::Failed(FailReason::WeLeft);
        self.end_proposal(outcome.clone(), out);
        for own in self.invitation.take().map(|waiting| waiting.id).into_iter().chain(running) {
            out.tell(Event::OperationEnded { own, outcome: outcome.clone() });
        }
    }

    /// The channel has ordered our proposal: the secrets that were drawn for it, and what it is
    /// called; nothing if its outcome has been told, for then it runs like anybody's.
    pub(crate) fn take_draft(&mut self) -> Option<(DraftOf<S>, Option<OperationId>)> {
        let OwnProposal { id, draft, timed_out, .. } = self.proposal.take()?;
        Some((draft, (!timed_out).then_some(id)))
    }
}

fn absent(new: &[MemberId], present: &BTreeSet<MemberId>) -> Vec<MemberId> {
    new.iter().filter(|&member| !present.contains(member)).cloned().collect()
}
