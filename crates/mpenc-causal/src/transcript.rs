//! The transcript itself: the rules for what may be added, and the bookkeeping when it is.

use alloc::collections::{BTreeSet, VecDeque};
use alloc::vec;
use alloc::vec::Vec;
use core::hash::Hash;
use core::ops::Range;

use crate::acks::AckTable;
use crate::arena::Arena;
use crate::index::{Index, at};
use crate::kept::Kept;
use crate::live::{Context, Live, LiveNodes, Parents};
use crate::table::Table;
use crate::{AddError, Added, Entry, ForkEvidence, Role};

/// The causal order of one sub-session's messages, and who acknowledged which of them.
///
/// Its members are constant. A message is added only after all its parents, so that every prefix
/// of the delivery order is causally complete, and only if it keeps the rules of design 3.4; see
/// [`AddError`] for the list. A refused message leaves no trace.
///
/// `I` names messages. Authors may choose ids (hashes can be ground): where many have the same hash,
/// they are found by their order, so nothing gets slow. That order decides nothing but the order in
/// which some answers are listed. `A` names members, of whom at most 65,536 can write.
///
/// # Costs
///
/// With *n* members, [`add`](Self::add) takes O(*n* · parents) plus what it newly reports as fully
/// acked, and one look-up per id; [`before`](Self::before) compares two numbers. A message costs
/// *n* numbers and its edges until it is [pruned](Self::prune); then its id, and 12 to 15 octets.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Transcript<I, A> {
    /// Ascending: a member's place here is its number everywhere else, for every participant.
    pub(crate) members: Vec<A>,
    /// All messages, in delivery order.
    pub(crate) kept: Arena<Kept<I>>,
    by_id: Table<I>,
    pub(crate) live: LiveNodes,
    /// Per member.
    pub(crate) chains: Vec<Chain>,
    /// Messages without children, ascending: at most one by each member.
    pub(crate) heads: Vec<Index>,
    /// How many content and close messages are not fully acked.
    unacked: usize,
    pub(crate) acks: AckTable,
}

/// One member's messages.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Chain {
    /// The first one.
    pub(crate) first: Option<Index>,
    /// How many of them, from the first, are pruned.
    pub(crate) pruned: u32,
    /// The last of those.
    pub(crate) last_pruned: Option<Index>,
    /// The others.
    pub(crate) messages: VecDeque<Index>,
    /// The first close message.
    pub(crate) close: Option<Index>,
}

/// A message, looked up.
pub(crate) struct Node<'a, I> {
    pub(crate) index: Index,
    pub(crate) kept: &'a Kept<I>,
    /// `None` if it is pruned.
    pub(crate) live: Option<&'a Live>,
}

/// Proof that a message may be added, and what was worked out on the way.
struct Checked<I> {
    index: Index,
    author: usize,
    position: u32,
    parents: Parents,
    context: Context,
    kept: Kept<I>,
}

impl<I: Copy + Ord + Hash, A: Clone + Ord> Transcript<I, A> {
    /// An empty transcript of a sub-session with these members, ourselves included. Repetitions
    /// count once; the order does not matter.
    pub fn new(members: impl IntoIterator<Item = A>) -> Self {
        let members: BTreeSet<A> = members.into_iter().collect();
        let members: Vec<A> = members.into_iter().collect();
        let n = members.len();
        Self {
            members,
            kept: Arena::new(),
            by_id: Table::new(),
            live: LiveNodes::new(n),
            chains: vec![Chain::default(); n],
            heads: Vec::new(),
            unacked: 0,
            acks: AckTable::new(n),
        }
    }

    /// Adds a message and says which messages it makes fully acked.
    ///
    /// # Errors
    ///
    /// The first broken rule, in the order in which [`AddError`] lists them; the transcript is then
    /// unchanged (TR-12).
    pub fn add(&mut self, entry: Entry<'_, I, A>) -> Result<Added<I>, AddError<I, A>> {
        let checked = self.checked(&entry)?;
        Ok(self.insert(checked))
    }

    /// Whether [`add`](Self::add) would take the message.
    ///
    /// # Errors
    ///
    /// Those of `add`.
    pub fn check(&self, entry: &Entry<'_, I, A>) -> Result<(), AddError<I, A>> {
        self.checked(entry).map(|_| ())
    }

    /// Stops waiting for the acknowledgements of a reader who cannot give them any more: one who
    /// left or was excluded. Returns the messages that wait for nobody else.
    ///
    /// What the reader has acked, or acks yet, still counts for [`acked_by`](Self::acked_by), and
    /// they may still be the author of messages. There is no way back: a member who returns does so
    /// in another sub-session.
    pub fn waive(&mut self, reader: &A) -> Vec<I> {
        let Some(reader) = self.member_index(reader) else { return Vec::new() };
        let Self { acks, chains, kept, unacked, .. } = self;
        let mut acked = Vec::new();
        acks.waive(reader, |author, positions| {
            collect_acked(chains, kept, author, positions, &mut acked);
        });
        *unacked = unacked.saturating_sub(acked.len());
        self.in_order(acked)
    }

    fn checked(&self, entry: &Entry<'_, I, A>) -> Result<Checked<I>, AddError<I, A>> {
        if self.contains(&entry.id) {
            return Err(AddError::Duplicate);
        }
        let author = self.check_membership(entry)?;
        let parents = self.check_parents(entry)?;
        let context = self.merge_contexts(&parents)?;
        let seen = match &context {
            Context::OfParent(parent) => self.live.context(*parent).get(author).copied(),
            Context::Merged(counts) => counts.get(author).copied(),
        };
        let position = self.check_chain(entry, author, seen.unwrap_or(0))?;
        let index = Index::next(self.kept.len()).ok_or(AddError::Full)?;
        let above = parents.as_slice().iter().filter_map(|parent| self.kept.get(parent.at()));
        let height = above.map(|parent| parent.height().saturating_add(1)).max().unwrap_or(0);
        let kept = Kept::new(entry.id, author, height, entry.role).ok_or(AddError::Full)?;
        Ok(Checked { index, author, position, parents, context, kept })
    }

    /// The author's number, if they and the readers are this transcript's members.
    fn check_membership(&self, entry: &Entry<'_, I, A>) -> Result<usize, AddError<I, A>> {
        let Some(author) = self.member_index(entry.author) else {
            return Err(AddError::AuthorNotMember(entry.author.clone()));
        };
        if let Some(readers) = entry.readers {
            if readers.contains(entry.author) {
                return Err(AddError::AuthorAmongReaders(entry.author.clone()));
            }
            let expected = self.members.iter().filter(|&member| member != entry.author);
            if !readers.iter().eq(expected) {
                return Err(AddError::MembersDiffer);
            }
        }
        Ok(author)
    }

    /// The parents' indices, if all of them are here and none is named twice.
    fn check_parents(&self, entry: &Entry<'_, I, A>) -> Result<Parents, AddError<I, A>> {
        let (named, limit) = (entry.parents.len(), self.members.len());
        if named > limit {
            return Err(AddError::TooManyParents { named, limit });
        }
        if entry.parents.contains(&entry.id) {
            return Err(AddError::OwnAncestor);
        }
        let mut parents = entry.parents.iter();
        let foreign =
            entry.elsewhere.and_then(|other| parents.find(|&parent| other.contains(parent)));
        if let Some(&parent) = foreign {
            return Err(AddError::ParentElsewhere(parent));
        }
        // One parent, the usual case, cannot be named twice, and needs no list.
        if let [parent] = entry.parents {
            let found = self.index_of(parent).map(Parents::One);
            return found.ok_or_else(|| AddError::MissingParents(Vec::from([*parent])));
        }
        let (mut found, mut missing) = (Vec::with_capacity(named), Vec::new());
        let mut seen = BTreeSet::new();
        for &parent in entry.parents {
            if !seen.insert(parent) {
                return Err(AddError::ParentsNotAntichain { ancestor: parent, descendant: parent });
            }
            match self.index_of(&parent) {
                Some(index) => found.push(index),
                None => missing.push(parent),
            }
        }
        if missing.is_empty() { Ok(found.into()) } else { Err(AddError::MissingParents(missing)) }
    }

    /// The union of the parents' pasts, as counts per member, if the parents are an anti-chain.
    ///
    /// A pruned parent has no context any more and stands for all of its author's that are pruned.
    /// That is enough to refuse it: whatever descends from its author's latest message also descends
    /// from every pruned one, so it is either redundant here or leads into a fork in `check_chain`.
    fn merge_contexts(&self, parents: &Parents) -> Result<Context, AddError<I, A>> {
        // A single parent, the usual case, has nothing to be compared with.
        if let Parents::One(parent) = parents
            && self.node(*parent).is_some_and(|node| node.live.is_some())
        {
            return Ok(Context::OfParent(*parent));
        }
        let parents = parents.as_slice();
        // Per member: the largest count among the parents, and how many parents attain it.
        let mut merged = vec![(0_u32, 0_usize); self.members.len()];
        for node in self.nodes_at(parents) {
            if node.live.is_none() {
                raise(merged.get_mut(node.author()), self.counts(&node, node.author()));
                continue;
            }
            for (largest, &count) in merged.iter_mut().zip(self.live.context(node.index)) {
                raise(Some(largest), count);
            }
        }
        for node in self.nodes_at(parents) {
            let (count, attained) = merged.get(node.author()).copied().unwrap_or_default();
            // A parent's own count is attained by itself; by another, or exceeded, only if that
            // other one descends from it.
            if count > self.counts(&node, node.author()) || attained > 1 {
                let mut others = self.nodes_at(parents);
                if let Some(other) = others.find(|other| self.descends(other, &node)) {
                    return Err(AddError::ParentsNotAntichain {
                        ancestor: node.kept.id,
                        descendant: other.kept.id,
                    });
                }
            }
        }
        Ok(Context::Merged(merged.into_iter().map(|(count, _)| count).collect()))
    }

    /// Whether a message certainly descends from another.
    fn descends(&self, node: &Node<'_, I>, from: &Node<'_, I>) -> bool {
        if node.author() == from.author() {
            return node.index > from.index;
        }
        node.live.is_some() && self.counts(node, from.author()) >= self.counts(from, from.author())
    }

    /// The message's position in its author's chain, if the chain goes on with it, where its parents
    /// have `seen` so many of it.
    fn check_chain(
        &self,
        entry: &Entry<'_, I, A>,
        author: usize,
        seen: u32,
    ) -> Result<u32, AddError<I, A>> {
        let Some(chain) = self.chains.get(author) else {
            return Err(AddError::AuthorNotMember(entry.author.clone()));
        };
        // That one of the pruned was seen does not say which; the author's latest is never pruned.
        let unseen = chain.messages.get(at(seen.saturating_sub(chain.pruned)));
        if let Some(accepted) = unseen.and_then(|&index| self.id_at(index)) {
            return Err(AddError::Fork(ForkEvidence {
                author: entry.author.clone(),
                accepted,
                refused: entry.id,
            }));
        }
        match chain.close.and_then(|close| self.id_at(close)) {
            Some(close) if entry.role == Role::Content => Err(AddError::AfterClose { close }),
            _ => Ok(seen),
        }
    }

    /// Cannot fail, so that a message is added wholly or not at all.
    fn insert(&mut self, checked: Checked<I>) -> Added<I> {
        let Checked { index, author, position, parents, context, kept } = checked;
        let role = kept.role();
        let mut monitored = position.saturating_add(1);
        if let Some(chain) = self.chains.get_mut(author) {
            if role == Role::Ack {
                let previous = chain.messages.back().and_then(|&last| self.live.get(last));
                monitored = previous.map_or(0, |previous| previous.monitored);
            }
            if role == Role::Close && chain.close.is_none() {
                chain.close = Some(index);
            }
            chain.first.get_or_insert(index);
            chain.messages.push_back(index);
        }
        for parent in parents.as_slice() {
            if let Ok(place) = self.heads.binary_search(parent) {
                self.heads.remove(place);
            }
        }
        self.heads.push(index);
        if role != Role::Ack {
            self.unacked = self.unacked.saturating_add(1);
        }
        let Self { kept: all, by_id, .. } = self;
        by_id.insert(kept.id, index, Index::of(0)..index, |index| {
            all.get(index.at()).map(|kept| kept.id)
        });
        all.push(kept);
        self.live.push(Live { position, monitored, parents }, context, author);

        let Self { acks, chains, kept, live, unacked, .. } = self;
        let mut acked = Vec::new();
        acks.record(author, live.context(index), |author, positions| {
            collect_acked(chains, kept, author, positions, &mut acked);
        });
        *unacked = unacked.saturating_sub(acked.len());
        Added { index, author, fully_acked: self.in_order(acked) }
    }

    /// The ids of some messages, in delivery order.
    fn in_order(&self, mut indices: Vec<Index>) -> Vec<I> {
        indices.sort_unstable();
        self.ids(&indices)
    }

    // Looking things up.

    pub(crate) fn index_of(&self, id: &I) -> Option<Index> {
        self.by_id.find(id, |index| self.id_at(index))
    }

    pub(crate) fn member_index(&self, member: &A) -> Option<usize> {
        self.members.binary_search(member).ok()
    }

    pub(crate) fn node(&self, index: Index) -> Option<Node<'_, I>> {
        let kept = self.kept.get(index.at())?;
        let pruned = self.chains.get(kept.author()).map_or(0, |chain| chain.pruned);
        let live = self.live.get(index).filter(|live| live.position >= pruned);
        Some(Node { index, kept, live })
    }

    pub(crate) fn node_of(&self, id: &I) -> Option<Node<'_, I>> {
        self.index_of(id).and_then(|index| self.node(index))
    }

    pub(crate) fn nodes_at<'a>(
        &'a self,
        indices: impl IntoIterator<Item = &'a Index>,
    ) -> impl Iterator<Item = Node<'a, I>> {
        indices.into_iter().filter_map(|index| self.node(*index))
    }

    /// How many content and close messages are not fully acked.
    pub(crate) const fn unacked_count(&self) -> usize {
        self.unacked
    }

    /// How many messages of `author` are the node or its ancestors. If it is pruned, as many as if
    /// it were its author's last pruned one, which had seen nothing.
    pub(crate) fn counts(&self, node: &Node<'_, I>, author: usize) -> u32 {
        if node.live.is_some() {
            return self.live.context(node.index).get(author).copied().unwrap_or(0);
        }
        let own = self.chains.get(author).filter(|_| node.author() == author);
        own.map_or(0, |chain| chain.pruned)
    }
}

impl<I> Node<'_, I> {
    pub(crate) fn author(&self) -> usize {
        self.kept.author()
    }
}

impl Chain {
    /// The message at a position, if it is not pruned.
    pub(crate) fn live_at(&self, position: u32) -> Option<Index> {
        self.messages.get(at(position.checked_sub(self.pruned)?)).copied()
    }

    /// The messages at some positions, but for those that are pruned.
    pub(crate) fn live_between(&self, positions: Range<u32>) -> impl Iterator<Item = Index> {
        let from = at(positions.start.saturating_sub(self.pruned)).min(self.messages.len());
        let to = at(positions.end.saturating_sub(self.pruned)).min(self.messages.len());
        self.messages.range(from..to.max(from)).copied()
    }
}

/// Adds to a list which messages became fully acked: those of an author at some positions. Explicit
/// acks are not awaited, and passed over.
fn collect_acked<I>(
    chains: &[Chain],
    kept: &Arena<Kept<I>>,
    author: usize,
    positions: Range<u32>,
    acked: &mut Vec<Index>,
) {
    let Some(chain) = chains.get(author) else { return };
    let awaited = |index: &Index| kept.get(index.at()).is_some_and(|kept| kept.role() != Role::Ack);
    acked.extend(chain.live_between(positions).filter(awaited));
}

/// Takes another count into a maximum and the number of times that it was attained.
fn raise(largest: Option<&mut (u32, usize)>, count: u32) {
    let Some(largest) = largest else { return };
    if count > largest.0 {
        *largest = (count, 1);
    } else if count == largest.0 {
        largest.1 = largest.1.saturating_add(1);
    }
}
