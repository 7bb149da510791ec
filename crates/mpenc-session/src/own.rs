//! Operations of our own: from the wish to the one event that tells the outcome.

use alloc::string::String;
use alloc::vec::Vec;

use mpenc_greet::{Change, Greeter, OrderRefs};
use mpenc_wire::MemberId;

use crate::event::{FailReason, Outcome};
use crate::session::DraftOf;
use crate::subsession::SubSession;
use crate::timers::Timer;
use crate::{ApiMisuse, ChannelAction, Ctx, Event, OperationId, Outputs, Session, Suite};

/// An operation of ours, until its outcome.
#[derive(Clone)]
pub(crate) struct OwnOperation<D> {
    pub(crate) id: OperationId,
    change: OwnedChange,
    stage: OwnStage<D>,
}

/// A membership change that we keep.
#[derive(Clone, Debug)]
pub(crate) enum OwnedChange {
    Include(Vec<MemberId>),
    Exclude(Vec<MemberId>),
    Refresh,
}

/// How far an operation of ours has come.
#[derive(Clone)]
enum OwnStage<D> {
    /// Those to include have yet to enter the channel.
    Inviting,
    /// The proposal is on its way to the channel and back. Once `timed_out`, its outcome has been
    /// told; packet and draws are kept all the same, because the channel may still order it.
    Proposed { packet: String, draft: D, timed_out: bool },
    /// The channel has ordered it.
    Running,
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

impl<D> OwnOperation<D> {
    /// Whether its proposal is on its way.
    pub(crate) const fn is_proposed(&self) -> bool {
        matches!(self.stage, OwnStage::Proposed { .. })
    }

    /// Whether this is its proposal.
    pub(crate) fn is_packet(&self, text: &str) -> bool {
        matches!(&self.stage, OwnStage::Proposed { packet, .. } if packet == text)
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
        if !self.order.is_synced() {
            return Err(ApiMisuse::NotSynced);
        }
        if self.order.ongoing().is_some() {
            return Err(ApiMisuse::OperationRunning);
        }
        if self.own_operation.is_some() {
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
        let absent: Vec<MemberId> = match &change {
            OwnedChange::Include(new) => {
                new.iter().filter(|&member| !inside.members.contains(member)).cloned().collect()
            }
            _ => Vec::new(),
        };
        let id = self.next_operation();
        if absent.is_empty() {
            self.propose_now(cx, id, change, out)?;
        } else {
            let patience = self.shared.config.full_ack_interval();
            self.shared.timers.set(cx.now.after(patience), Timer::Invitation(id));
            self.own_operation = Some(OwnOperation { id, change, stage: OwnStage::Inviting });
            out.act(ChannelAction::Invite(absent));
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
        change: OwnedChange,
        out: &mut Outputs,
    ) -> Result<(), ApiMisuse> {
        let (prev_pf, chain_hash) = self.order.head().ok_or(ApiMisuse::NotSynced)?;
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
        self.own_operation = Some(OwnOperation {
            id,
            change,
            stage: OwnStage::Proposed {
                packet: proposal.packet,
                draft: proposal.draft,
                timed_out: false,
            },
        });
        Ok(())
    }

    /// Proposes something that the rules of the channel ask for, not the user.
    pub(crate) fn propose_automatic(
        &mut self,
        cx: &mut Ctx<'_>,
        change: OwnedChange,
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
        let Some(OwnOperation { id, change: OwnedChange::Include(new), stage: OwnStage::Inviting }) =
            &self.own_operation
        else {
            return;
        };
        let Some(inside) = self.presence.inside() else { return };
        if self.order.ongoing().is_some()
            || !new.iter().all(|member| inside.members.contains(member))
        {
            return;
        }
        let (id, change) = (*id, OwnedChange::Include(new.clone()));
        self.own_operation = None;
        if self.propose_now(cx, id, change, out).is_err() {
            let outcome = Outcome::Failed(FailReason::ChannelChanged);
            out.tell(Event::OperationEnded { own: id, outcome });
        }
    }

    pub(crate) fn on_invitation_due(&mut self, id: OperationId, out: &mut Outputs) {
        let Some(own) = &self.own_operation else { return };
        if own.id != id || !matches!(own.stage, OwnStage::Inviting) {
            return;
        }
        let absent = match (&own.change, self.presence.inside()) {
            (OwnedChange::Include(new), Some(inside)) => {
                new.iter().filter(|&member| !inside.members.contains(member)).cloned().collect()
            }
            _ => Vec::new(),
        };
        self.end_own_operation(Outcome::Failed(FailReason::NotEntered(absent)), out);
    }

    /// Our proposal was not echoed in time. Packet and draws are kept: the channel may still order
    /// it, and then it runs like anybody's.
    pub(crate) fn on_echo_due(&mut self, id: OperationId, out: &mut Outputs) {
        let Some(own) = &mut self.own_operation else { return };
        if let OwnStage::Proposed { timed_out: timed_out @ false, .. } = &mut own.stage
            && own.id == id
        {
            *timed_out = true;
            out.tell(Event::OperationEnded { own: id, outcome: Outcome::TimedOut });
        }
    }

    /// Ends our own operation; a draft that goes with it is wiped.
    pub(crate) fn end_own_operation(&mut self, outcome: Outcome, out: &mut Outputs) {
        if let Some(own) = self.own_operation.take() {
            self.order.withdraw();
            if !matches!(own.stage, OwnStage::Proposed { timed_out: true, .. }) {
                out.tell(Event::OperationEnded { own: own.id, outcome });
            }
        }
    }

    /// The channel has ordered our proposal: the secrets that were drawn for it.
    pub(crate) fn take_draft(&mut self) -> Option<DraftOf<S>> {
        let own = self.own_operation.as_mut()?;
        match core::mem::replace(&mut own.stage, OwnStage::Running) {
            OwnStage::Proposed { draft, timed_out, .. } => {
                if timed_out {
                    // Its outcome has been told: from here on it is anybody's.
                    self.own_operation = None;
                }
                Some(draft)
            }
            _ => None,
        }
    }
}
