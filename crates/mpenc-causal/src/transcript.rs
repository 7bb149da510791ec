//! The transcript itself: the rules for what may be added, and the bookkeeping when it is.

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec;
use alloc::vec::Vec;

use crate::acks::{AckTable, Advance};
use crate::index::{Index, at};
use crate::{AddError, Added, Entry, ForkEvidence, Role};

/// The causal order of one sub-session's messages, and who acknowledged which of them.
///
/// Its members are constant. A message is added only after all its parents, so that every prefix
/// of the delivery order is causally complete, and only if it keeps the rules of design 3.4; see
/// [`AddError`] for the list. A refused message leaves no trace.
///
/// `I` names messages. Authors may choose ids (hashes can be ground), so ids live in ordered maps
/// only, and their order decides nothing but the order in which some answers are listed. `A` names
/// members.
///
/// # Costs
///
/// With *n* members, [`add`](Self::add) takes O(*n* · parents) plus what it newly reports as fully
/// acked, and one look-up per id; [`before`](Self::before) compares two numbers. A message costs
/// *n* numbers and its edges until it is [pruned](Self::prune).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Transcript<I, A> {
    /// Ascending: a member's place here is its number everywhere else, for every participant.
    pub(crate) members: Vec<A>,
    pub(crate) nodes: Vec<Node<I>>,
    by_id: BTreeMap<I, Index>,
    /// Per member.
    pub(crate) chains: Vec<Chain>,
    /// Messages without children: at most one by each member.
    pub(crate) heads: BTreeSet<Index>,
    /// Content and close messages that are not fully acked.
    pub(crate) unacked: BTreeSet<Index>,
    pub(crate) acks: AckTable,
}

/// One message.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Node<I> {
    pub(crate) id: I,
    pub(crate) author: usize,
    /// The place in the author's chain, from 0.
    pub(crate) position: u32,
    /// The length of the longest path from a message without parents: a Lamport clock.
    pub(crate) height: u32,
    /// How many messages the author's chain has up to and including its latest one, as of this
    /// message, that is not an explicit ack.
    pub(crate) monitored: u32,
    pub(crate) role: Role,
    /// Empty once the message is pruned.
    pub(crate) links: Links,
}

/// The part of a message that pruning forgets.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Links {
    pub(crate) parents: Box<[Index]>,
    pub(crate) children: Vec<Index>,
    /// Per member, how many of their messages are this one or its ancestors.
    pub(crate) context: Box<[u32]>,
}

/// One member's messages.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Chain {
    pub(crate) messages: Vec<Index>,
    /// How many of them, from the first, are pruned.
    pub(crate) pruned: u32,
    /// The first close message.
    pub(crate) close: Option<Index>,
}

/// Proof that a message may be added, and what was worked out on the way.
struct Checked {
    index: Index,
    author: usize,
    position: u32,
    parents: Box<[Index]>,
    context: Box<[u32]>,
}

impl<I: Copy + Ord, A: Clone + Ord> Transcript<I, A> {
    /// An empty transcript of a sub-session with these members, ourselves included. Repetitions
    /// count once; the order does not matter.
    pub fn new(members: impl IntoIterator<Item = A>) -> Self {
        let members: BTreeSet<A> = members.into_iter().collect();
        let members: Vec<A> = members.into_iter().collect();
        let n = members.len();
        Self {
            members,
            nodes: Vec::new(),
            by_id: BTreeMap::new(),
            chains: vec![Chain::default(); n],
            heads: BTreeSet::new(),
            unacked: BTreeSet::new(),
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
        Ok(self.insert(entry.id, entry.role, checked))
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
        let advances = self.member_index(reader).map(|reader| self.acks.waive(reader));
        self.report(advances.unwrap_or_default())
    }

    fn checked(&self, entry: &Entry<'_, I, A>) -> Result<Checked, AddError<I, A>> {
        if self.contains(&entry.id) {
            return Err(AddError::Duplicate);
        }
        let author = self.check_membership(entry)?;
        let parents = self.check_parents(entry)?;
        let mut context = self.merge_contexts(&parents)?;
        let position = self.check_chain(entry, author, &context)?;
        if let Some(count) = context.get_mut(author) {
            *count = position.saturating_add(1);
        }
        let index = Index::next(self.nodes.len()).ok_or(AddError::Full)?;
        Ok(Checked { index, author, position, parents: parents.into(), context: context.into() })
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
    fn check_parents(&self, entry: &Entry<'_, I, A>) -> Result<Vec<Index>, AddError<I, A>> {
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
        let (mut found, mut missing) = (Vec::with_capacity(named), Vec::new());
        let mut seen = BTreeSet::new();
        for &parent in entry.parents {
            // One parent, the usual case, cannot be named twice.
            if named > 1 && !seen.insert(parent) {
                return Err(AddError::ParentsNotAntichain { ancestor: parent, descendant: parent });
            }
            match self.index_of(&parent) {
                Some(index) => found.push(index),
                None => missing.push(parent),
            }
        }
        if missing.is_empty() { Ok(found) } else { Err(AddError::MissingParents(missing)) }
    }

    /// The union of the parents' pasts, as counts per member, if the parents are an anti-chain.
    ///
    /// A pruned parent has no context any more and stands for itself alone. That is enough to refuse
    /// it: whatever descends from its author's latest message also descends from every pruned one,
    /// so it is either redundant here or leads into a fork in `check_chain`.
    fn merge_contexts(&self, parents: &[Index]) -> Result<Vec<u32>, AddError<I, A>> {
        // A single parent, the usual case, has nothing to be compared with.
        if let [parent] = parents
            && let Some(node) = self.node(*parent)
            && !node.links.context.is_empty()
        {
            return Ok(node.links.context.to_vec());
        }
        // Per member: the largest count among the parents, and how many parents attain it.
        let mut merged = vec![(0_u32, 0_usize); self.members.len()];
        for node in self.nodes_at(parents) {
            if node.links.context.is_empty() {
                raise(merged.get_mut(node.author), node.count());
            }
            for (largest, &count) in merged.iter_mut().zip(node.links.context.iter()) {
                raise(Some(largest), count);
            }
        }
        for (&index, node) in parents.iter().zip(self.nodes_at(parents)) {
            let (count, attained) = merged.get(node.author).copied().unwrap_or_default();
            // A parent's own count is attained by itself; by another, or exceeded, only if that
            // other one descends from it.
            if count > node.count() || attained > 1 {
                let descendant = parents.iter().filter(|&&other| other != index);
                let descendant = descendant
                    .filter_map(|other| self.node(*other))
                    .find(|other| self.counts(other, node.author) >= node.count());
                return Err(AddError::ParentsNotAntichain {
                    ancestor: node.id,
                    descendant: descendant.map_or(node.id, |other| other.id),
                });
            }
        }
        Ok(merged.into_iter().map(|(count, _)| count).collect())
    }

    /// The message's position in its author's chain, if the chain goes on with it.
    fn check_chain(
        &self,
        entry: &Entry<'_, I, A>,
        author: usize,
        context: &[u32],
    ) -> Result<u32, AddError<I, A>> {
        let Some(chain) = self.chains.get(author) else {
            return Err(AddError::AuthorNotMember(entry.author.clone()));
        };
        let seen = context.get(author).copied().unwrap_or(0);
        // Among pruned messages the count is a lower bound only; among the others it is exact.
        let unseen = chain.messages.get(at(seen.max(chain.pruned)));
        let unseen = unseen.or_else(|| chain.messages.get(at(seen)));
        if let Some(accepted) = unseen.and_then(|&index| self.node(index)) {
            return Err(AddError::Fork(ForkEvidence {
                author: entry.author.clone(),
                accepted: accepted.id,
                refused: entry.id,
            }));
        }
        match chain.close.and_then(|close| self.node(close)) {
            Some(close) if entry.role == Role::Content => {
                Err(AddError::AfterClose { close: close.id })
            }
            _ => Ok(seen),
        }
    }

    /// Cannot fail, so that a message is added wholly or not at all.
    fn insert(&mut self, id: I, role: Role, checked: Checked) -> Added<I> {
        let Checked { index, author, position, parents, context } = checked;
        let height = self.nodes_at(&parents).map(|node| node.height.saturating_add(1)).max();
        let count = position.saturating_add(1);
        let mut monitored = count;
        if let Some(chain) = self.chains.get_mut(author) {
            let previous = chain.messages.last().and_then(|last| self.nodes.get(last.at()));
            if role == Role::Ack {
                monitored = previous.map_or(0, |previous| previous.monitored);
            }
            if role == Role::Close && chain.close.is_none() {
                chain.close = Some(index);
            }
            chain.messages.push(index);
        }
        // In this order, the set is never empty, and keeps its memory.
        self.heads.insert(index);
        for parent in &parents {
            self.heads.remove(parent);
            if let Some(node) = self.nodes.get_mut(parent.at()) {
                node.links.children.push(index);
            }
        }
        self.by_id.insert(id, index);
        if role != Role::Ack {
            self.unacked.insert(index);
        }
        let advances = self.acks.record(author, &context);
        let links = Links { parents, children: Vec::new(), context };
        let height = height.unwrap_or(0);
        self.nodes.push(Node { id, author, position, height, monitored, role, links });
        Added::new(self.report(advances))
    }

    /// The ids of what became fully acked and was awaited, in delivery order.
    fn report(&mut self, advances: Vec<Advance>) -> Vec<I> {
        let mut acked = Vec::new();
        for (author, positions) in advances {
            let Some(chain) = self.chains.get(author) else { continue };
            let range = at(positions.start)..at(positions.end);
            let messages = chain.messages.get(range).unwrap_or_default();
            // Explicit acks never were in the set: they are passed over here.
            acked.extend(messages.iter().copied().filter(|index| self.unacked.remove(index)));
        }
        acked.sort_unstable();
        self.nodes_at(&acked).map(|node| node.id).collect()
    }

    // Looking things up.

    pub(crate) fn index_of(&self, id: &I) -> Option<Index> {
        self.by_id.get(id).copied()
    }

    pub(crate) fn member_index(&self, member: &A) -> Option<usize> {
        self.members.binary_search(member).ok()
    }

    pub(crate) fn node(&self, index: Index) -> Option<&Node<I>> {
        self.nodes.get(index.at())
    }

    pub(crate) fn node_of(&self, id: &I) -> Option<&Node<I>> {
        self.index_of(id).and_then(|index| self.node(index))
    }

    pub(crate) fn nodes_at<'a>(
        &'a self,
        indices: impl IntoIterator<Item = &'a Index>,
    ) -> impl Iterator<Item = &'a Node<I>> {
        indices.into_iter().filter_map(|index| self.node(*index))
    }

    pub(crate) fn is_node_pruned(&self, node: &Node<I>) -> bool {
        self.chains.get(node.author).is_some_and(|chain| node.position < chain.pruned)
    }

    /// How many messages of `author` are the node or its ancestors. A lower bound if it is pruned.
    pub(crate) fn counts(&self, node: &Node<I>, author: usize) -> u32 {
        if node.links.context.is_empty() && node.author == author {
            return node.count();
        }
        node.links.context.get(author).copied().unwrap_or(0)
    }
}

impl<I> Node<I> {
    /// How many messages the author's chain has up to and including this one.
    pub(crate) fn count(&self) -> u32 {
        self.position.saturating_add(1)
    }
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
