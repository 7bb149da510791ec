//! Operations that an unsynced member follows side by side, until one of them completes.

use alloc::collections::BTreeSet;
use alloc::vec::Vec;
use core::cmp::Reverse;

use crate::operation::{Begun, Head};
use crate::recent::Recent;
use crate::{End, Ended, IgnoreReason, Ongoing, PacketId, Proposal, RejectReason, Verdict};

/// An initial packet that becomes a candidate once [`Candidates::begin`] gets this token.
#[derive(Debug)]
#[must_use = "the packet becomes a candidate only when `begin` gets this token"]
pub struct Candidacy<M> {
    begun: Begun<M>,
    sender: M,
    known: bool,
    doubtful: bool,
}

impl<M> Candidacy<M> {
    /// Packet id of its initial packet.
    #[must_use]
    pub const fn id(&self) -> PacketId {
        self.begun.id
    }

    /// Whether another proposal on its parent was there before, which others may have accepted.
    #[must_use]
    pub const fn is_doubtful(&self) -> bool {
        self.doubtful
    }
}

/// A candidate that has completed: the operation that we follow from now on.
#[derive(Clone, Debug)]
#[non_exhaustive]
#[must_use = "the order has to adopt it, and the others have to be wiped"]
pub struct Completion<M, O> {
    /// It, for [`ServerOrder::adopt`](crate::ServerOrder::adopt).
    pub ended: Ended<M, O>,
    /// The other candidates, which came to nothing.
    pub dropped: Vec<Ongoing<M, O>>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Candidate<M, O> {
    ongoing: Ongoing<M, O>,
    sender: M,
    single: bool,
    known: bool,
    doubtful: bool,
    /// When it last advanced, in steps of all candidates.
    advanced: u64,
}

impl<M, O> Candidate<M, O> {
    /// The lowest is the first to give way.
    const fn worth(&self) -> (bool, bool, u64) {
        (self.known, !self.doubtful, self.advanced)
    }
}

/// The operations that an unsynced member follows: hardened joining.
///
/// Who is not synced knows neither members nor keys, and cannot tell a forged proposal from a true
/// one before the operation has completed, which only the true one does. So it follows several, each
/// with secrets of its own, and adopts parent and history of the first that completes. Nothing that
/// was only proposed, by whomever, touches the [`ServerOrder`](crate::ServerOrder).
///
/// - Every transport sender has one place, in which their newest proposal replaces their older one;
///   but of two on the same parent the first stays, because that is the one that members accept.
/// - There are [`Candidates::CAPACITY`] places. When all are taken, a newcomer takes that of the
///   candidate which is the least promising: first those that name somebody `known` to nobody here,
///   then the doubtful ones, then the one that has gone longest without progress. What names
///   strangers never takes the place of what does not.
/// - A proposal is *doubtful* if another one on its parent came before it. That decides nothing but
///   the order in which candidates are tried and give way.
///
/// Fewer senders than places can do nothing to a joiner, whatever and however much they send. As
/// many as there are places, all known, or a server that forges senders, can push out the true
/// candidate and so delay the joiner, as a server can anyway. Nobody can make it adopt what does not
/// complete.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Candidates<M, O> {
    own: M,
    /// In the order of their arrival.
    places: Vec<Candidate<M, O>>,
    steps: u64,
    /// Initial packets that became candidates: duplicates of them are ignored.
    seen: Recent,
    /// Parents on which there was a proposal that is not for us, or has failed.
    doubtful: Recent,
}

impl<M: Clone + Ord + AsRef<[u8]>, O> Candidates<M, O> {
    /// How many operations are followed at a time.
    pub const CAPACITY: usize = 4;

    /// No candidates yet.
    #[must_use]
    pub fn new(own: M) -> Self {
        Self {
            own,
            places: Vec::new(),
            steps: 0,
            seen: Recent::default(),
            doubtful: Recent::default(),
        }
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// How many there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.places.len()
    }

    /// The candidates, the most promising first: the order in which to try a packet that may be of
    /// any of them.
    pub fn iter(&self) -> impl Iterator<Item = &Ongoing<M, O>> {
        // The sort is stable: in the order of arrival, otherwise.
        let mut ranked: Vec<&Candidate<M, O>> = self.places.iter().collect();
        ranked.sort_by_key(|candidate| Reverse((candidate.known, !candidate.doubtful)));
        ranked.into_iter().map(|candidate| &candidate.ongoing)
    }

    /// The candidate with this initial packet.
    #[must_use]
    pub fn find(&self, initial: &PacketId) -> Option<&Ongoing<M, O>> {
        Some(&self.places.get(self.position(initial)?)?.ongoing)
    }

    /// The candidate with this initial packet, to note something that is no progress.
    pub fn find_mut(&mut self, initial: &PacketId) -> Option<&mut Ongoing<M, O>> {
        let at = self.position(initial)?;
        Some(&mut self.places.get_mut(at)?.ongoing)
    }

    /// The candidate with this initial packet, to apply a packet to it: that is progress.
    pub fn advance(&mut self, initial: &PacketId) -> Option<&mut Ongoing<M, O>> {
        let at = self.position(initial)?;
        self.steps = self.steps.saturating_add(1);
        let candidate = self.places.get_mut(at)?;
        candidate.advanced = self.steps;
        Some(&mut candidate.ongoing)
    }

    /// Whether this initial packet became a candidate before, so that [`offer`](Self::offer) ignores
    /// it: tells so without any work for the packet.
    #[must_use]
    pub fn has_seen(&self, id: &PacketId) -> bool {
        self.seen.contains(id)
    }

    /// Decides whether an initial packet becomes a candidate. It does once [`Candidates::begin`] has
    /// got the token; until then nothing changes but what is remembered for doubt.
    ///
    /// `sender` is the transport's; `known` tells whether everybody whom the proposal names is known
    /// to the caller independently of it (by an identity key, a credential); `channel` are the
    /// channel's members.
    pub fn offer(
        &mut self,
        id: PacketId,
        sender: &M,
        proposal: &Proposal<'_, M>,
        known: bool,
        channel: &BTreeSet<M>,
    ) -> Verdict<Candidacy<M>> {
        if self.seen.contains(&id) {
            return Verdict::Ignore(IgnoreReason::Duplicate);
        }
        if !proposal.members.iter().all(|member| channel.contains(member)) {
            return Verdict::Ignore(IgnoreReason::TargetAbsent);
        }
        if *sender == self.own || *proposal.author == self.own {
            return Verdict::Reject(RejectReason::NotOurProposal);
        }
        let parent = Head { packet: proposal.prev_pf, chain_hash: proposal.prev_chain_hash };
        if !proposal.members.contains(&self.own) {
            self.doubtful.insert(parent.packet);
            return Verdict::Ignore(IgnoreReason::NotForUs);
        }
        let mut same_parent =
            self.places.iter().filter(|other| other.ongoing.parent() == parent.packet);
        let doubtful =
            self.doubtful.contains(&parent.packet) || same_parent.clone().next().is_some();
        if same_parent.any(|other| other.sender == *sender) {
            return Verdict::Reject(RejectReason::ParentTaken);
        }
        let crowded_out = match self.place_for(sender) {
            Some(at) => self
                .places
                .get(at)
                .is_some_and(|other| other.sender != *sender && other.known && !known),
            None => false,
        };
        if crowded_out {
            return Verdict::Reject(RejectReason::NoPlace);
        }
        let begun = Begun {
            id,
            parent,
            members: Vec::from(proposal.members),
            own: false,
            provisional: true,
            single: proposal.single,
        };
        Verdict::Accept(Candidacy { begun, sender: sender.clone(), known, doubtful })
    }

    /// Begins to follow an operation. Gives the candidate whose place it takes: its secrets are to
    /// be wiped.
    pub fn begin(&mut self, candidacy: Candidacy<M>, operation: O) -> Option<Ongoing<M, O>> {
        let Candidacy { begun, sender, known, doubtful } = candidacy;
        self.seen.insert(begun.id);
        let replaced = self.place_for(&sender).map(|at| self.places.remove(at).ongoing);
        self.steps = self.steps.saturating_add(1);
        let (single, advanced) = (begun.single, self.steps);
        let ongoing = begun.ongoing(operation);
        self.places.push(Candidate { ongoing, sender, single, known, doubtful, advanced });
        replaced
    }

    /// The place that a proposal by this sender takes: their own, or, where all are taken, that of
    /// the least promising.
    fn place_for(&self, sender: &M) -> Option<usize> {
        let own = self.places.iter().position(|candidate| candidate.sender == *sender);
        if own.is_some() || self.places.len() < Self::CAPACITY {
            return own;
        }
        let places = self.places.iter().enumerate();
        places.min_by_key(|(_, candidate)| candidate.worth()).map(|(at, _)| at)
    }

    /// The final packet `id` of the candidate with this initial packet, which the caller has checked,
    /// completes it. All others are dropped, and so is what was remembered.
    ///
    /// A single packet completes its operation itself: `id` is `initial` then, and only then.
    pub fn complete(&mut self, initial: &PacketId, id: PacketId) -> Option<Completion<M, O>> {
        let at = self.position(initial)?;
        if self.places.get(at)?.single != (*initial == id) {
            return None;
        }
        let Candidate { ongoing, single, .. } = self.places.remove(at);
        let ended = ongoing.end(id, if single { End::Both } else { End::Final });
        let dropped = self.clear();
        Some(Completion { ended, dropped })
    }

    /// The abort packet `id`, which the caller has checked, ends the candidate with this initial
    /// packet.
    pub fn abort(&mut self, initial: &PacketId, id: PacketId) -> Option<Ended<M, O>> {
        self.drop_candidate(initial).map(|ongoing| ongoing.end(id, End::Abort))
    }

    /// Stops following a candidate: its time is over, or we cannot take part in it.
    pub fn drop_candidate(&mut self, initial: &PacketId) -> Option<Ongoing<M, O>> {
        let at = self.position(initial)?;
        let Candidate { ongoing, .. } = self.places.remove(at);
        // Its parent may have had its operation.
        self.doubtful.insert(ongoing.parent());
        Some(ongoing)
    }

    /// LOI: members left the channel, all in one event. The candidates that need one of them fail.
    pub fn members_left(&mut self, leavers: &[M], channel_after: &BTreeSet<M>) -> Vec<Ended<M, O>> {
        let (failed, rest) = core::mem::take(&mut self.places)
            .into_iter()
            .partition(|candidate: &Candidate<M, O>| candidate.ongoing.needs(leavers));
        self.places = rest;
        let failed: Vec<Candidate<M, O>> = failed;
        failed
            .into_iter()
            .map(|Candidate { ongoing, .. }| {
                self.doubtful.insert(ongoing.parent());
                ongoing.end_by_leave(leavers, channel_after)
            })
            .collect()
    }

    /// Forgets everything, because we left the channel or have become synced. Gives the candidates
    /// that there were.
    pub fn clear(&mut self) -> Vec<Ongoing<M, O>> {
        self.seen.clear();
        self.doubtful.clear();
        let places = core::mem::take(&mut self.places);
        places.into_iter().map(|candidate| candidate.ongoing).collect()
    }

    fn position(&self, initial: &PacketId) -> Option<usize> {
        self.places.iter().position(|candidate| candidate.ongoing.initial() == *initial)
    }
}
