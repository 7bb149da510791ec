//! The user's view: one line per payload, in the order in which they were accepted.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;
use core::error::Error;
use core::fmt;

use crate::Transcript;
use crate::index::Index;

/// Payloads of a whole session, across its sub-sessions, in delivery order (LG-01).
///
/// The log is append-only: a line never moves. Messages that are not payloads make no line, yet
/// causality passes through them: a line's *effective parents* are the latest payloads that its
/// author had seen (LG-03). Where these are not exactly the line above, the reader should be told
/// ([`Line::follows_line_above`], LG-06).
///
/// Each sub-session is a [`Section`]. At its beginning, effective parents fall back to those of the
/// membership change: the latest messages of the previous sub-session, as the change names them
/// (LG-04). Lines of an old section may still arrive after a new one has begun.
///
/// Every message must pass through [`accept`](Self::accept), right after the transcript has taken
/// it, as payloads may descend from it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct MessageLog<I, A, T> {
    lines: Vec<Line<I, A, T>>,
    by_id: BTreeMap<I, Index>,
    sections: Vec<SectionState<I>>,
}

/// Names a section of one log: a sub-session. Later ones are greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Section(Index);

/// One payload in a [`MessageLog`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Line<I, A, T> {
    /// Which message.
    pub id: I,
    /// Who wrote it.
    pub author: A,
    /// The sub-session in which, and so to whom, it was written.
    pub section: Section,
    /// The payload.
    pub payload: T,
    place: Index,
    /// Effective parents, ascending.
    parents: Vec<Index>,
    /// The place in the canonical order of its section: height and author's number.
    rank: (u32, usize),
}

/// What the log needs to know about a section while messages may still come.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct SectionState<I> {
    /// What messages without parents have as effective parents.
    base: Vec<Index>,
    /// Per message, payload or not: which set of lines are the latest at that point.
    latest: BTreeMap<I, usize>,
    /// Distinct sets, so that runs of acks share one.
    sets: Vec<Vec<Index>>,
}

/// Misuse of a [`MessageLog`]. The log is unchanged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LogError<I> {
    /// The section is of another log, or ended.
    UnknownSection,
    /// The message is not in the transcript, or pruned in it.
    NotInTranscript(I),
    /// The message passed through the log already.
    Duplicate(I),
    /// A parent of the message did not pass through the log before it.
    MissedParent(I),
    /// The log holds as many lines, or sections, as it can number (2³² − 1).
    Full,
}

impl<I: fmt::Display> fmt::Display for LogError<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownSection => f.write_str("the log has no such open section"),
            Self::NotInTranscript(id) => write!(f, "{id} is not in the transcript"),
            Self::Duplicate(id) => write!(f, "{id} passed through the log already"),
            Self::MissedParent(id) => write!(f, "the parent {id} did not pass through the log"),
            Self::Full => f.write_str("the log is full"),
        }
    }
}

impl<I: fmt::Debug + fmt::Display> Error for LogError<I> {}

impl<I, A, T> Default for MessageLog<I, A, T> {
    fn default() -> Self {
        Self { lines: Vec::new(), by_id: BTreeMap::new(), sections: Vec::new() }
    }
}

impl<I: Copy + Ord, A: Clone + Ord, T> MessageLog<I, A, T> {
    /// An empty log, without sections.
    pub fn new() -> Self {
        Self::default()
    }

    /// Begins a section that continues nothing: we established the session, joined it, or were alone.
    /// Also for who joined a session with a past: it is not theirs.
    ///
    /// # Errors
    ///
    /// [`LogError::Full`].
    pub fn begin(&mut self) -> Result<Section, LogError<I>> {
        self.open(Vec::new())
    }

    /// Begins the section of a membership change that we came through: after `previous`, whose
    /// transcript is given, and of which the change names the `latest` messages (LATEST_PM).
    ///
    /// Without latest messages the previous section has been silent so far, and what it fell back
    /// to holds here as well. Names that are unknown in the previous section are ignored.
    ///
    /// # Errors
    ///
    /// [`LogError::UnknownSection`] and [`LogError::Full`].
    pub fn begin_after(
        &mut self,
        previous: Section,
        transcript: &Transcript<I, A>,
        latest: &[I],
    ) -> Result<Section, LogError<I>> {
        let state = self.state(previous)?;
        let known = latest.iter().filter_map(|id| state.latest_at(id));
        let base = self.latest_lines(previous, state, transcript, known);
        self.open(base)
    }

    /// Forgets what is only needed while messages of the section may still come, and while a new
    /// section may begin after it. Its lines stay.
    pub fn end(&mut self, section: Section) {
        if let Some(state) = self.sections.get_mut(section.0.at()) {
            *state = SectionState { base: Vec::new(), latest: BTreeMap::new(), sets: Vec::new() };
        }
    }

    /// Takes a message that `transcript`, the section's, has just added. With a payload it becomes
    /// a line, which is returned.
    ///
    /// # Errors
    ///
    /// All but the first and last mean that messages were passed on in another order than that in
    /// which the transcript took them.
    pub fn accept(
        &mut self,
        section: Section,
        transcript: &Transcript<I, A>,
        id: I,
        payload: Option<T>,
    ) -> Result<Option<&Line<I, A, T>>, LogError<I>> {
        let state = self.state(section)?;
        if state.latest.contains_key(&id) {
            return Err(LogError::Duplicate(id));
        }
        let node = transcript.node_of(&id).filter(|_| !transcript.is_pruned(&id));
        let author = node.and_then(|node| transcript.members.get(node.author));
        let (Some(node), Some(author)) = (node, author) else {
            return Err(LogError::NotInTranscript(id));
        };
        let mut sets = Vec::with_capacity(node.links.parents.len());
        for parent in transcript.parents(&id) {
            sets.push(state.latest_at(&parent).ok_or(LogError::MissedParent(parent))?);
        }
        let parents = self.latest_lines(section, state, transcript, sets.into_iter());
        let place = Index::next(self.lines.len()).ok_or(LogError::Full)?;

        let (rank, author) = ((node.height, node.author), author.clone());
        let state = self.sections.get_mut(section.0.at()).ok_or(LogError::UnknownSection)?;
        let Some(payload) = payload else {
            state.set(id, parents, transcript.parents(&id));
            return Ok(None);
        };
        state.set(id, Vec::from([place]), core::iter::empty());
        self.by_id.insert(id, place);
        self.lines.push(Line { id, author, section, payload, place, parents, rank });
        Ok(self.lines.last())
    }

    /// The effective parents of a payload that we write next, ascending by place (LG-07).
    ///
    /// # Errors
    ///
    /// [`LogError::UnknownSection`].
    pub fn next_parents(
        &self,
        section: Section,
        transcript: &Transcript<I, A>,
    ) -> Result<Vec<I>, LogError<I>> {
        let state = self.state(section)?;
        let heads = transcript.heads();
        let sets = heads.iter().filter_map(|head| state.latest_at(head));
        let latest = self.latest_lines(section, state, transcript, sets);
        Ok(latest.iter().filter_map(|place| self.lines.get(place.at())).map(|l| l.id).collect())
    }

    /// The lines, in delivery order.
    pub fn lines(&self) -> &[Line<I, A, T>] {
        &self.lines
    }

    /// The line of a payload.
    pub fn line(&self, id: &I) -> Option<&Line<I, A, T>> {
        self.lines.get(self.by_id.get(id)?.at())
    }

    /// The ids of a line's effective parents, in delivery order. None if the line is unknown.
    pub fn parents(&self, id: &I) -> impl ExactSizeIterator<Item = I> {
        let parents = self.line(id).map(|line| line.parents.as_slice()).unwrap_or_default();
        let parents = parents.iter().filter_map(|place| self.lines.get(place.at()));
        parents.map(|line| line.id).collect::<Vec<_>>().into_iter()
    }

    /// The lines that the author of a line had seen, the latest first: a reader who selects a line
    /// can be shown what it answers (LG-06).
    pub fn ancestors(&self, id: &I) -> impl Iterator<Item = &Line<I, A, T>> {
        let parents = self.line(id).map(|line| line.parents.as_slice()).unwrap_or_default();
        let mut frontier: BTreeSet<Index> = parents.iter().copied().collect();
        core::iter::from_fn(move || {
            let line = self.lines.get(frontier.pop_last()?.at())?;
            frontier.extend(line.parents.iter());
            Some(line)
        })
    }

    /// The lines in an order that is the same for all who have them: by section, and within one
    /// like [`Transcript::canonical_order`].
    pub fn canonical_order(&self) -> Vec<&Line<I, A, T>> {
        let mut lines: Vec<_> = self.lines.iter().collect();
        lines.sort_by_key(|line| (line.section, line.rank));
        lines
    }

    fn open(&mut self, base: Vec<Index>) -> Result<Section, LogError<I>> {
        let section = Section(Index::next(self.sections.len()).ok_or(LogError::Full)?);
        let sets = Vec::from([base.clone()]);
        self.sections.push(SectionState { base, latest: BTreeMap::new(), sets });
        Ok(section)
    }

    /// The section's state, while it is open. An ended one has not even the empty set.
    fn state(&self, section: Section) -> Result<&SectionState<I>, LogError<I>> {
        let state = self.sections.get(section.0.at()).filter(|state| !state.sets.is_empty());
        state.ok_or(LogError::UnknownSection)
    }

    /// The latest lines of the union of some sets of lines, ascending; the base if that is empty.
    ///
    /// At most one line per member is looked at closely, whatever the sets hold. Two lines of which
    /// the transcript forgot the order are unordered: were one an ancestor of the other, then every
    /// message that can still be a parent would descend from both, and no set would hold the elder.
    fn latest_lines<'a>(
        &self,
        section: Section,
        state: &SectionState<I>,
        transcript: &Transcript<I, A>,
        sets: impl Iterator<Item = &'a [Index]>,
    ) -> Vec<Index> {
        let mut newest: BTreeMap<&A, &Line<I, A, T>> = BTreeMap::new();
        for line in sets.flatten().filter_map(|place| self.lines.get(place.at())) {
            // Lines of earlier sections come through the base, and are behind all lines of this.
            if line.section == section {
                let best = newest.entry(&line.author).or_insert(line);
                if line.rank > best.rank {
                    *best = line;
                }
            }
        }
        if newest.is_empty() {
            return state.base.clone();
        }
        let is_latest = |line: &&Line<I, A, T>| {
            !newest.values().any(|other| transcript.before(&line.id, &other.id) == Some(true))
        };
        let mut latest: Vec<Index> =
            newest.values().copied().filter(is_latest).map(|line| line.place).collect();
        latest.sort_unstable();
        latest
    }
}

impl<I: Copy + Ord> SectionState<I> {
    /// The latest lines at a message that passed.
    fn latest_at(&self, id: &I) -> Option<&[Index]> {
        self.sets.get(*self.latest.get(id)?).map(Vec::as_slice)
    }

    /// Notes the latest lines at a message, sharing the set of a parent that has the same.
    fn set(&mut self, id: I, latest: Vec<Index>, parents: impl Iterator<Item = I>) {
        let base = (self.sets.first() == Some(&latest)).then_some(0);
        let known = parents.filter_map(|parent| self.latest.get(&parent).copied());
        let shared = known.chain(base).find(|&set| self.sets.get(set) == Some(&latest));
        let set = shared.unwrap_or(self.sets.len());
        if shared.is_none() {
            self.sets.push(latest);
        }
        self.latest.insert(id, set);
    }
}

impl<I, A, T> Line<I, A, T> {
    /// The line's place in the log, from 0.
    pub fn place(&self) -> usize {
        self.place.at()
    }

    /// How far back its effective parents are, ascending: 1 is the line above.
    pub fn distances(&self) -> impl ExactSizeIterator<Item = usize> {
        self.parents.iter().rev().map(|parent| self.place().saturating_sub(parent.at()))
    }

    /// Whether its effective parents are exactly the line above, or, at the first line, none. Where
    /// not, the reader should be told that the author had not seen the log as it is shown.
    pub fn follows_line_above(&self) -> bool {
        self.distances().eq((self.place() > 0).then_some(1))
    }
}

#[cfg(test)]
mod tests {
    use super::MessageLog;
    use crate::{Entry, Role, Transcript};

    #[test]
    fn runs_of_acks_share_one_set() -> Result<(), std::boxed::Box<dyn core::error::Error>> {
        let mut transcript = Transcript::new(["alice", "bob"]);
        let mut log = MessageLog::new();
        let section = log.begin()?;
        for id in 0..100_u32 {
            let author = if id.is_multiple_of(2) { "alice" } else { "bob" };
            let parent: std::vec::Vec<u32> = id.checked_sub(1).into_iter().collect();
            transcript.add(Entry::new(id, &author, &parent, Role::Ack))?;
            // Two payloads, each with a long run of acks before and after it.
            log.accept(section, &transcript, id, matches!(id, 30 | 60).then_some(()))?;
        }
        let sets: std::vec::Vec<usize> = log.sections.iter().map(|s| s.sets.len()).collect();
        assert_eq!(sets, [3], "none, the first, the second");
        Ok(())
    }
}
