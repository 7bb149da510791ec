//! Messages that wait for their parents.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;
use core::fmt;

/// A bounded buffer of messages whose parents are missing (TR-13, TR-14).
///
/// Each message is filed under the parents that it lacks, so that an arriving one wakes exactly
/// those that waited for it; nothing is tried again in vain. What is held is not shown: an item
/// comes out only when it is [ready](Self::take_ready), or when it is given up.
///
/// When there is no room, or an author has used up their quota, the author's own oldest message
/// goes. An author who holds none makes room at the cost of whoever holds most, so that nobody can
/// keep the others out.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Pending<I, A, T> {
    capacity: usize,
    per_author: usize,
    held: BTreeMap<I, Waiting<I, A, T>>,
    /// Who waits for a missing message, in the order in which they came.
    waiting_for: BTreeMap<I, BTreeMap<u64, I>>,
    /// Each author's held messages, in the order in which they came. No entry is empty.
    by_author: BTreeMap<A, BTreeMap<u64, I>>,
    /// How many came so far.
    arrivals: u64,
}

#[derive(Clone, PartialEq, Eq, Hash)]
struct Waiting<I, A, T> {
    arrival: u64,
    author: A,
    missing: BTreeSet<I>,
    item: T,
}

/// A held message, without its contents.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Held<'a, I, A> {
    /// Which message.
    pub id: I,
    /// Who wrote it.
    pub author: &'a A,
    /// Its parents that are still missing, ascending.
    pub missing: Vec<I>,
}

/// A message that was given up.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Dropped<I, A, T> {
    /// Which message.
    pub id: I,
    /// Who wrote it.
    pub author: A,
    /// Its parents that were still missing, ascending.
    pub missing: Vec<I>,
    /// What was held. It must not be shown: the order that its author meant is unknown.
    pub item: T,
    /// Why.
    pub reason: DropReason,
}

/// Why a message is not held, or not any longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum DropReason {
    /// There was no room for it.
    Overflow,
    /// A message with this id is held already.
    Duplicate,
    /// None of its parents is missing, so that nothing would ever wake it.
    NothingMissing,
}

impl fmt::Display for DropReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Overflow => "there was no room to hold the message",
            Self::Duplicate => "the message is held already",
            Self::NothingMissing => "no parent of the message is missing",
        })
    }
}

impl<I: Copy + Ord, A: Clone + Ord, T> Pending<I, A, T> {
    /// An empty buffer for `capacity` messages, of which any one author may have `per_author`.
    pub fn new(capacity: usize, per_author: usize) -> Self {
        Self {
            capacity,
            per_author,
            held: BTreeMap::new(),
            waiting_for: BTreeMap::new(),
            by_author: BTreeMap::new(),
            arrivals: 0,
        }
    }

    /// Holds a message until the `missing` ones have come: those that
    /// [`AddError::MissingParents`](crate::AddError::MissingParents) lists.
    ///
    /// Returns what had to be dropped for it, which may be the message itself.
    pub fn insert(
        &mut self,
        id: I,
        author: A,
        missing: impl IntoIterator<Item = I>,
        item: T,
    ) -> Vec<Dropped<I, A, T>> {
        let missing: BTreeSet<I> = missing.into_iter().collect();
        let arrival = self.arrivals;
        let waiting = Waiting { arrival, author, missing, item };
        if self.held.contains_key(&id) {
            return Vec::from([waiting.dropped(id, DropReason::Duplicate)]);
        }
        if waiting.missing.is_empty() {
            return Vec::from([waiting.dropped(id, DropReason::NothingMissing)]);
        }
        self.arrivals = self.arrivals.saturating_add(1);
        self.file(id, waiting);
        self.make_room(&id)
    }

    /// Tells that the message `arrived` was added, and takes out every message that waited for
    /// nothing else, in the order in which they came. Their turn is now; each of them may in turn
    /// make others ready.
    pub fn take_ready(&mut self, arrived: &I) -> Vec<T> {
        let waiters = self.waiting_for.remove(arrived).unwrap_or_default();
        let mut ready = Vec::new();
        for id in waiters.into_values() {
            let Some(waiting) = self.held.get_mut(&id) else { continue };
            waiting.missing.remove(arrived);
            if waiting.missing.is_empty() {
                ready.extend(self.take(&id).map(|waiting| waiting.item));
            }
        }
        ready
    }

    /// Takes a message out, ready or not: its timeout ran out, or its sub-session ended.
    pub fn remove(&mut self, id: &I) -> Option<T> {
        self.take(id).map(|waiting| waiting.item)
    }

    /// Whether the message is held.
    pub fn contains(&self, id: &I) -> bool {
        self.held.contains_key(id)
    }

    /// Who wrote a held message, and which parents it lacks, ascending.
    pub fn missing(&self, id: &I) -> Option<(A, Vec<I>)> {
        let waiting = self.held.get(id)?;
        Some((waiting.author.clone(), waiting.missing.iter().copied().collect()))
    }

    /// What is held, ascending by id.
    pub fn iter(&self) -> impl Iterator<Item = Held<'_, I, A>> {
        self.held.iter().map(|(&id, waiting)| Held {
            id,
            author: &waiting.author,
            missing: waiting.missing.iter().copied().collect(),
        })
    }

    /// How many messages are held.
    pub fn len(&self) -> usize {
        self.held.len()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.held.is_empty()
    }

    fn file(&mut self, id: I, waiting: Waiting<I, A, T>) {
        for &parent in &waiting.missing {
            self.waiting_for.entry(parent).or_default().insert(waiting.arrival, id);
        }
        self.by_author.entry(waiting.author.clone()).or_default().insert(waiting.arrival, id);
        self.held.insert(id, waiting);
    }

    fn take(&mut self, id: &I) -> Option<Waiting<I, A, T>> {
        let waiting = self.held.remove(id)?;
        for parent in &waiting.missing {
            forget(&mut self.waiting_for, parent, waiting.arrival);
        }
        forget(&mut self.by_author, &waiting.author, waiting.arrival);
        Some(waiting)
    }

    /// One message at most is too many, as one came.
    fn make_room(&mut self, newest: &I) -> Vec<Dropped<I, A, T>> {
        let Some(author) = self.held.get(newest).map(|waiting| &waiting.author) else {
            return Vec::new();
        };
        let own = self.by_author.get(author).map_or(0, BTreeMap::len);
        let loser = if own > self.per_author || (self.held.len() > self.capacity && own > 1) {
            author
        } else if self.held.len() > self.capacity {
            // The author has this one message; whoever holds most of the others has at least one.
            let most = self.by_author.iter().max_by_key(|(_, held)| held.len());
            most.map_or(author, |(author, _)| author)
        } else {
            return Vec::new();
        };
        let oldest = self.by_author.get(loser).and_then(|held| held.first_key_value());
        let Some(oldest) = oldest.map(|(_, &id)| id) else { return Vec::new() };
        let dropped = self.take(&oldest).map(|lost| lost.dropped(oldest, DropReason::Overflow));
        dropped.into_iter().collect()
    }
}

impl<I: Copy, A, T> Waiting<I, A, T> {
    fn dropped(self, id: I, reason: DropReason) -> Dropped<I, A, T> {
        let Self { author, missing, item, .. } = self;
        Dropped { id, author, missing: missing.into_iter().collect(), item, reason }
    }
}

fn forget<K: Ord, I>(index: &mut BTreeMap<K, BTreeMap<u64, I>>, key: &K, arrival: u64) {
    if let Some(filed) = index.get_mut(key) {
        filed.remove(&arrival);
        if filed.is_empty() {
            index.remove(key);
        }
    }
}

impl<I: fmt::Debug, A: fmt::Debug, T> fmt::Debug for Pending<I, A, T> {
    /// Without the contents, which nobody may see before their parents.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pending")
            .field("capacity", &self.capacity)
            .field("per_author", &self.per_author)
            .field("held", &self.by_author)
            .field("waiting_for", &self.waiting_for)
            .finish_non_exhaustive()
    }
}

impl<I: fmt::Debug, A: fmt::Debug, T> fmt::Debug for Dropped<I, A, T> {
    /// Without the contents, which nobody may see before their parents.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dropped")
            .field("id", &self.id)
            .field("author", &self.author)
            .field("missing", &self.missing)
            .field("reason", &self.reason)
            .finish_non_exhaustive()
    }
}
