//! The concurrency resolver.

use alloc::collections::BTreeSet;
use alloc::vec::Vec;
use core::mem;

use sha2::{Digest as _, Sha256};

use crate::operation::{Begun, Head};
use crate::recent::{Parents, Recent};
use crate::{ChainHash, End, Ended, IgnoreReason, Ongoing, PacketId, RejectReason, Verdict};

/// What the initial packet of an operation proposes. The caller has checked the packet.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::exhaustive_structs, reason = "callers make it")]
pub struct Proposal<'a, M> {
    /// Who proposes it.
    pub author: &'a M,
    /// Its target members: who will be in the session when it succeeds.
    pub members: &'a [M],
    /// The parent: packet id of the latest final packet that the author had accepted.
    pub prev_pf: PacketId,
    /// The chain hash at it, by the author's account.
    pub prev_chain_hash: ChainHash,
    /// Whether the packet is the operation's final packet too.
    pub single: bool,
}

/// An initial packet that the order accepts once [`ServerOrder::begin`] gets this token.
#[derive(Debug)]
#[must_use = "the packet is accepted only when `begin` gets this token"]
pub struct AcceptedInitial {
    id: PacketId,
    own: bool,
    provisional: bool,
    single: bool,
    supersedes_own: bool,
}

impl AcceptedInitial {
    /// Its packet id.
    #[must_use]
    pub const fn id(&self) -> PacketId {
        self.id
    }

    /// Whether it is our pending proposal.
    #[must_use]
    pub const fn is_own(&self) -> bool {
        self.own
    }

    /// EII: whether we were not synced, and follow the order from here on only because this
    /// operation includes us.
    #[must_use]
    pub const fn is_provisional(&self) -> bool {
        self.provisional
    }

    /// Whether it is the operation's final packet too.
    #[must_use]
    pub const fn is_single(&self) -> bool {
        self.single
    }

    /// Whether it was first on the parent that our own pending proposal names: ours has lost.
    #[must_use]
    pub const fn supersedes_own(&self) -> bool {
        self.supersedes_own
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum State<M, O> {
    /// We know nothing of the order.
    Unsynced,
    /// No operation runs.
    Idle(Head),
    /// One operation runs.
    Running(Ongoing<M, O>),
}

/// One member's view of the order of operations: for every parent, the first packet that names it
/// is accepted, and all others are rejected.
///
/// Every method is called with what the channel delivered, in the channel's order. Members who see
/// the same order accept the same packets, and have the same chain hash.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ServerOrder<M, O> {
    own: M,
    state: State<M, O>,
    /// SHA-256 of our own proposal, as long as the channel may still accept it.
    pending: Option<[u8; 32]>,
    /// Whether a member builds on another history.
    disputed: bool,
    /// What an [`AcceptedInitial`] stands for.
    staged: Option<Begun<M>>,
    /// Packets that were accepted: duplicates of them are ignored, and proposals on their places
    /// are known to be late.
    accepted: Recent,
    /// Those of them that proposals are built on, for longer.
    parents: Parents,
    /// EIO: parents on which others may have accepted an initial packet before we were synced.
    doubtful: Recent,
}

impl<M: Clone + Ord + AsRef<[u8]>, O> ServerOrder<M, O> {
    /// The view of a member who knows nothing of the order.
    #[must_use]
    pub fn unsynced(own: M) -> Self {
        Self {
            own,
            state: State::Unsynced,
            pending: None,
            disputed: false,
            staged: None,
            accepted: Recent::default(),
            parents: Parents::default(),
            doubtful: Recent::default(),
        }
    }

    /// Starts an order from scratch, at a random `prev_pf` (SO-07, SO-33). Whatever was known of
    /// another order is forgotten.
    pub fn start(&mut self, prev_pf: PacketId) {
        self.reset();
        self.accepted.insert(prev_pf);
        self.parents.insert(&prev_pf);
        let chain_hash = ChainHash::start(&prev_pf);
        self.state = State::Idle(Head { packet: prev_pf, chain_hash });
    }

    /// LI: we left the channel; we know nothing of the order any more (SO-22).
    pub fn reset(&mut self) {
        self.state = State::Unsynced;
        self.pending = None;
        self.disputed = false;
        self.staged = None;
        self.accepted.clear();
        self.parents.clear();
        self.doubtful.clear();
    }

    /// Whether we know our place in the order; provisionally, while the running operation
    /// [is provisional](Ongoing::is_provisional).
    #[must_use]
    pub const fn is_synced(&self) -> bool {
        !matches!(self.state, State::Unsynced)
    }

    /// The latest accepted final packet, and the chain hash at it: the parent of a proposal that we
    /// make now. Stays as it is while an operation runs.
    #[must_use]
    pub const fn head(&self) -> Option<(PacketId, ChainHash)> {
        match &self.state {
            State::Unsynced => None,
            State::Idle(head) | State::Running(Ongoing { parent: head, .. }) => {
                Some((head.packet, head.chain_hash))
            }
        }
    }

    /// The operation that runs.
    #[must_use]
    pub const fn ongoing(&self) -> Option<&Ongoing<M, O>> {
        match &self.state {
            State::Running(ongoing) => Some(ongoing),
            _ => None,
        }
    }

    /// The operation that runs, to advance it.
    #[must_use]
    pub const fn ongoing_mut(&mut self) -> Option<&mut Ongoing<M, O>> {
        match &mut self.state {
            State::Running(ongoing) => Some(ongoing),
            _ => None,
        }
    }

    /// Remembers our own proposal, which we are about to send: only this packet, octet by octet, is
    /// accepted in our name. Replaces an earlier one.
    ///
    /// The caller refuses own proposals while the order [is disputed](Self::is_disputed).
    pub fn propose(&mut self, packet: &[u8]) {
        self.pending = Some(digest(packet));
    }

    /// Whether the channel may still accept our own proposal.
    #[must_use]
    pub const fn proposal_pending(&self) -> bool {
        self.pending.is_some()
    }

    /// Forgets our own proposal: it is rejected if the channel orders it later.
    pub fn withdraw(&mut self) {
        self.pending = None;
    }

    /// Whether a proposal on this parent comes too late, whatever else it says: another one was
    /// accepted on it. Tells the losers of a race without any work for them.
    #[must_use]
    pub fn is_taken(&self, parent: &PacketId) -> bool {
        match &self.state {
            State::Unsynced => false,
            State::Idle(head) => *parent != head.packet && self.has_accepted(parent),
            State::Running(_) => self.has_accepted(parent),
        }
    }

    fn has_accepted(&self, parent: &PacketId) -> bool {
        self.accepted.contains(parent) || self.parents.contains(parent)
    }

    /// Decides about an operation's initial packet. It counts as accepted once
    /// [`ServerOrder::begin`] has got the token; until then nothing changes but what EIO remembers,
    /// and whether the order [is disputed](Self::is_disputed).
    ///
    /// `current` are the members of the session as it is (nobody, or only us, where we are in
    /// none); `channel` are those of the channel.
    pub fn offer_initial(
        &mut self,
        id: PacketId,
        packet: &[u8],
        proposal: &Proposal<'_, M>,
        current: &[M],
        channel: &BTreeSet<M>,
    ) -> Verdict<AcceptedInitial> {
        self.staged = None;
        if self.accepted.contains(&id) {
            return Verdict::Ignore(IgnoreReason::Duplicate);
        }
        // XP comes before all else: what everybody ignores must not make anything doubtful.
        if !proposal.members.iter().all(|member| channel.contains(member)) {
            return Verdict::Ignore(IgnoreReason::TargetAbsent);
        }
        let named = Head { packet: proposal.prev_pf, chain_hash: proposal.prev_chain_hash };
        match &self.state {
            State::Unsynced => self.offer_unsynced(id, proposal, named),
            State::Idle(head) => {
                let head = *head;
                if let Err(reason) = self.check_place(proposal, head, named, packet, current) {
                    return self.reject(reason);
                }
                let own = *proposal.author == self.own;
                self.stage(id, proposal, head, own, false)
            }
            State::Running(ongoing) => {
                let head = ongoing.parent;
                // Who follows only because of this operation knows neither members nor history; whom
                // it excludes may not be able to follow it to its end.
                let knows_members = !ongoing.provisional;
                let knows_history = knows_members && ongoing.members.contains(&self.own);
                let reason = if knows_members && !self.is_member(proposal.author, current) {
                    RejectReason::AuthorNotMember
                } else if knows_history && !self.is_known(head, named.packet) {
                    self.unknown_parent(proposal.author, head, named)
                } else {
                    RejectReason::ParentTaken
                };
                self.reject(reason)
            }
        }
    }

    /// Rejects a proposal, and remembers it if it is evidence of another history.
    fn reject<T>(&mut self, reason: RejectReason) -> Verdict<T> {
        if reason.is_order_mismatch() {
            self.dispute();
        }
        Verdict::Reject(reason)
    }

    /// A proposal by a member, or in our name, builds on what we never accepted, as far as we can
    /// tell. We never proposed that: in our name it is a forgery, and no evidence of anybody's history.
    fn unknown_parent(&self, author: &M, head: Head, named: Head) -> RejectReason {
        if *author == self.own {
            RejectReason::NotOurProposal
        } else {
            RejectReason::UnknownParent { theirs: named.packet, ours: head.packet }
        }
    }

    /// EIO and EII.
    fn offer_unsynced(
        &mut self,
        id: PacketId,
        proposal: &Proposal<'_, M>,
        named: Head,
    ) -> Verdict<AcceptedInitial> {
        if *proposal.author == self.own {
            return Verdict::Reject(RejectReason::NotOurProposal);
        }
        if !proposal.members.contains(&self.own) {
            self.doubtful.insert(named.packet);
            return Verdict::Ignore(IgnoreReason::NotForUs);
        }
        if self.doubtful.contains(&named.packet) {
            return Verdict::Reject(RejectReason::Doubtful);
        }
        self.stage(id, proposal, named, false, true)
    }

    /// Whether a proposal may follow `head`, where no operation runs.
    ///
    /// Its author comes first, because only a member's word is evidence of another history. Its
    /// parent comes before its octets, because our own lost proposal is no forgery.
    fn check_place(
        &self,
        proposal: &Proposal<'_, M>,
        head: Head,
        named: Head,
        packet: &[u8],
        current: &[M],
    ) -> Result<(), RejectReason> {
        if !self.is_member(proposal.author, current) {
            return Err(RejectReason::AuthorNotMember);
        }
        if named.packet != head.packet {
            return Err(if self.is_known(head, named.packet) {
                RejectReason::ParentTaken
            } else {
                self.unknown_parent(proposal.author, head, named)
            });
        }
        if *proposal.author == self.own && self.pending != Some(digest(packet)) {
            return Err(RejectReason::NotOurProposal);
        }
        if named.chain_hash != head.chain_hash {
            let (theirs, ours) = (named.chain_hash, head.chain_hash);
            return Err(RejectReason::ChainHashMismatch { theirs, ours });
        }
        Ok(())
    }

    fn is_member(&self, author: &M, current: &[M]) -> bool {
        *author == self.own || current.contains(author)
    }

    /// Whether we have accepted this, or may have: an old proposal that comes again is no evidence of
    /// another history.
    fn is_known(&self, head: Head, parent: PacketId) -> bool {
        parent == head.packet || self.has_accepted(&parent) || self.parents.have_gaps()
    }

    fn stage(
        &mut self,
        id: PacketId,
        proposal: &Proposal<'_, M>,
        parent: Head,
        own: bool,
        provisional: bool,
    ) -> Verdict<AcceptedInitial> {
        let single = proposal.single;
        let members = Vec::from(proposal.members);
        self.staged = Some(Begun { id, parent, members, own, provisional, single });
        let supersedes_own = !own && self.pending.is_some();
        Verdict::Accept(AcceptedInitial { id, own, provisional, single, supersedes_own })
    }

    /// Begins the operation whose initial packet was accepted. One that is a single packet ends
    /// here as well, and is given back at once.
    ///
    /// A token that something else has overtaken (another offer, a leaver, a reset) begins nothing:
    /// the operation is dropped.
    pub fn begin(&mut self, accepted: AcceptedInitial, operation: O) -> Option<Ended<M, O>> {
        let begun = self.staged.take().filter(|staged| staged.id == accepted.id)?;
        let (id, single) = (begun.id, begun.single);
        // Whether it is this one or has lost against it: it cannot be accepted any more.
        self.pending = None;
        self.accepted.insert(begun.parent.packet);
        self.accepted.insert(id);
        if begun.provisional {
            // The only way to a head that we have not accepted ourselves.
            self.parents.insert(&begun.parent.packet);
        }
        self.state = State::Running(begun.ongoing(operation));
        if single { self.end(id, End::Both) } else { None }
    }

    /// Decides about a packet that is final for the running operation: the first one is accepted,
    /// and ends it (SO-04, SO-09). The caller has checked that it belongs to it.
    pub fn offer_final(&mut self, id: PacketId) -> Verdict<Ended<M, O>> {
        self.offer_end(id, End::Final)
    }

    /// Decides about an abort packet for the operation whose initial packet is `aborted`: the first
    /// one is accepted, if that operation runs, and ends it (FW-01). The caller has checked it.
    pub fn offer_abort(&mut self, id: PacketId, aborted: &PacketId) -> Verdict<Ended<M, O>> {
        match self.ongoing() {
            Some(ongoing) if ongoing.initial == *aborted => self.offer_end(id, End::Abort),
            _ => Verdict::Ignore(IgnoreReason::NotRunning),
        }
    }

    fn offer_end(&mut self, id: PacketId, how: End) -> Verdict<Ended<M, O>> {
        self.staged = None;
        if self.accepted.contains(&id) {
            return Verdict::Ignore(IgnoreReason::Duplicate);
        }
        match self.end(id, how) {
            Some(ended) => Verdict::Accept(ended),
            None => Verdict::Ignore(IgnoreReason::NotRunning),
        }
    }

    /// LOI: members left the channel, all in one event. If a target member of the running operation
    /// is among them, it fails (SO-24).
    pub fn members_left(
        &mut self,
        leavers: &[M],
        channel_after: &BTreeSet<M>,
    ) -> Option<Ended<M, O>> {
        self.staged = None;
        if !self.ongoing()?.needs(leavers) {
            return None;
        }
        self.end_with(|ongoing| ongoing.end_by_leave(leavers, channel_after))
    }

    fn end(&mut self, id: PacketId, how: End) -> Option<Ended<M, O>> {
        self.end_with(|ongoing| ongoing.end(id, how))
    }

    fn end_with(&mut self, end: impl FnOnce(Ongoing<M, O>) -> Ended<M, O>) -> Option<Ended<M, O>> {
        match mem::replace(&mut self.state, State::Unsynced) {
            State::Running(ongoing) => {
                let ended = end(ongoing);
                self.accepted.insert(ended.head.packet);
                self.parents.insert(&ended.head.packet);
                if ended.was_provisional() && !ended.how().is_success() {
                    // A joiner is unsynced again. The parent had its operation: a copy of that
                    // initial packet must not be taken for a new one.
                    self.doubtful.insert(ended.ongoing.parent.packet);
                } else {
                    self.state = State::Idle(ended.head);
                }
                Some(ended)
            }
            other => {
                self.state = other;
                None
            }
        }
    }

    /// Follows the order from the end of this operation on, which was a
    /// [candidate](crate::Candidates) while we were not synced, and has completed (SO-19).
    ///
    /// Nothing happens if it failed, or if we are synced.
    pub fn adopt<P>(&mut self, ended: &Ended<M, P>) {
        if self.is_synced() || !ended.how().is_success() {
            return;
        }
        self.reset();
        self.accepted.insert(ended.ongoing.parent.packet);
        self.accepted.insert(ended.initial());
        self.accepted.insert(ended.head.packet);
        self.parents.insert(&ended.ongoing.parent.packet);
        self.parents.insert(&ended.head.packet);
        self.state = State::Idle(ended.head);
    }

    /// Whether somebody builds on another history than ours: a member's proposal said so, or
    /// [`dispute`](Self::dispute) did. Then we must propose nothing any more; only leaving and
    /// joining again recovers ([`reset`](Self::reset)).
    ///
    /// What others propose goes on to be decided as ever, and so is a proposal of ours that is under
    /// way already: who shares our history accepts it, and must not do so without us.
    #[must_use]
    pub const fn is_disputed(&self) -> bool {
        self.disputed
    }

    /// Somebody builds on another history than ours: an [order ack](crate::OrderAcks) says so.
    pub const fn dispute(&mut self) {
        self.disputed = self.is_synced();
    }
}

fn digest(packet: &[u8]) -> [u8; 32] {
    Sha256::digest(packet).into()
}
