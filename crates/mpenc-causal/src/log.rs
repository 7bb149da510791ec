//! The user's view: one line per payload, in the order in which they were accepted.

use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::error::Error;
use core::fmt;
use core::hash::Hash;
use core::iter;

use crate::Transcript;
use crate::index::{Index, at};
use crate::table::Table;

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
///
/// Whoever keeps lines elsewhere lets the log [forget](Self::forget_before) them.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct MessageLog<I, A, T> {
    /// Those that are not forgotten.
    lines: Vec<Line<I, A, T>>,
    /// How many are.
    forgotten: u32,
    by_id: Table<I>,
    /// Of forgotten lines that may yet be the parents of others.
    stubs: BTreeMap<Index, Stub<I>>,
    /// Those that are open.
    sections: BTreeMap<Section, SectionState>,
    /// How many sections there were.
    begun: u32,
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
    /// Effective parents.
    parents: Places,
    origin: Origin,
}

/// Where a line comes from, in the transcript of its section.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Origin {
    message: Index,
    height: u32,
    /// The author's number, and the message's place in their chain.
    author: usize,
    position: u32,
}

/// What is left of a line that was forgotten.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Stub<I> {
    id: I,
    section: Section,
    origin: Origin,
}

/// Some lines, ascending. Most often it is one.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Places {
    None,
    One(Index),
    /// Shared, as runs of messages that are no lines have the same.
    Many(Arc<[Index]>),
}

/// What the log needs to know about a section while messages may still come.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct SectionState {
    /// What messages without parents have as effective parents.
    base: Places,
    /// The latest lines as of each message, payload or not, in the transcript's delivery order; none
    /// where these are the base. `None` if the message did not pass through the log.
    latest: VecDeque<Option<Places>>,
    /// The index of the first message that `latest` tells of.
    first: Index,
    /// The latest lines as of the last message before that, which was pruned.
    pruned: Places,
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

impl<I: Copy + Ord + Hash, A: Clone + Ord, T> Default for MessageLog<I, A, T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<I: Copy + Ord + Hash, A: Clone + Ord, T> MessageLog<I, A, T> {
    /// An empty log, without sections.
    pub const fn new() -> Self {
        Self {
            lines: Vec::new(),
            forgotten: 0,
            by_id: Table::new(),
            stubs: BTreeMap::new(),
            sections: BTreeMap::new(),
            begun: 0,
        }
    }

    /// Begins a section that continues nothing: we established the session, joined it, or were alone.
    /// Also for who joined a session with a past: it is not theirs.
    ///
    /// # Errors
    ///
    /// [`LogError::Full`].
    pub fn begin(&mut self) -> Result<Section, LogError<I>> {
        self.open(Places::None)
    }

    /// Begins the section of a membership change that we came through: after `previous`, whose
    /// transcript is given, and of which the change names the `latest` messages (LATEST_PM).
    ///
    /// Without latest messages the previous section has been silent so far, and what it fell back
    /// to holds here as well. Names that are unknown in the previous section are ignored; one that is
    /// pruned there stands for all that is.
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
        let base = self.base_after(previous, transcript, latest)?;
        self.open(base)
    }

    /// Tells a section of what it follows on once more: some of the names were unknown when it
    /// [began](Self::begin_after), and are not any more. Lines that it has already stay as they are.
    ///
    /// # Errors
    ///
    /// [`LogError::UnknownSection`].
    pub fn begin_again(
        &mut self,
        section: Section,
        previous: Section,
        transcript: &Transcript<I, A>,
        latest: &[I],
    ) -> Result<(), LogError<I>> {
        let base = self.base_after(previous, transcript, latest)?;
        let state = self.sections.get_mut(&section).ok_or(LogError::UnknownSection)?;
        state.base = base;
        Ok(())
    }

    /// What messages without parents have as effective parents, in a section after `previous`.
    fn base_after(
        &self,
        previous: Section,
        transcript: &Transcript<I, A>,
        latest: &[I],
    ) -> Result<Places, LogError<I>> {
        let state = self.state(previous)?;
        let known = latest.iter().filter_map(|id| state.latest_at(transcript.index_of(id)?));
        Ok(state.or_base(self.latest_lines(previous, transcript, known)))
    }

    /// Forgets what is only needed while messages of the section may still come, and while a new
    /// section may begin after it. Its lines stay.
    pub fn end(&mut self, section: Section) {
        self.sections.remove(&section);
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
        let node = transcript.node_of(&id).ok_or(LogError::NotInTranscript(id))?;
        if state.knows(node.index) {
            return Err(LogError::Duplicate(id));
        }
        let (message, height, author) = (node.index, node.kept.height(), node.author());
        let live = node.live.ok_or(LogError::NotInTranscript(id))?;
        let name = transcript.member(author).ok_or(LogError::NotInTranscript(id))?;
        let known = |parent: &Index| match state.latest_at(*parent) {
            Some(places) => Ok(places),
            None => Err(LogError::MissedParent(transcript.id_at(*parent).unwrap_or(id))),
        };
        let parents = match live.parents.as_slice() {
            [parent] => known(parent)?.clone(),
            parents => {
                let sets = parents.iter().map(known).collect::<Result<Vec<_>, _>>()?;
                self.latest_lines(section, transcript, sets.into_iter())
            }
        };
        let place = self.next_place().ok_or(LogError::Full)?;
        let effective = payload.is_some().then(|| state.or_base(parents.clone()));
        let origin = Origin { message, height, author, position: live.position };

        let state = self.sections.get_mut(&section).ok_or(LogError::UnknownSection)?;
        state.forget_before(transcript.live.first());
        let (Some(payload), Some(effective)) = (payload, effective) else {
            state.set(message, parents);
            return Ok(None);
        };
        state.set(message, Places::One(place));
        let Self { by_id, lines, forgotten, .. } = self;
        by_id.insert(id, place, Index::of(*forgotten)..place, |place| {
            Some(lines.get(at(place.number().checked_sub(*forgotten)?))?.id)
        });
        let author = name.clone();
        self.lines.push(Line { id, author, section, payload, place, parents: effective, origin });
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
        let sets = transcript.heads.iter().filter_map(|head| state.latest_at(*head));
        let latest = state.or_base(self.latest_lines(section, transcript, sets));
        Ok(latest.as_slice().iter().filter_map(|place| Some(self.stub(*place)?.id)).collect())
    }

    /// Forgets the lines before a place. Those after it keep theirs.
    ///
    /// Takes as long as there are lines that stay, and messages of open sections that are not pruned.
    pub fn forget_before(&mut self, place: usize) {
        let count = place.saturating_sub(at(self.forgotten)).min(self.lines.len());
        // Some may yet be the latest lines that somebody has seen.
        let mut needed: BTreeSet<Index> = BTreeSet::new();
        for state in self.sections.values() {
            let latest = state.latest.iter().flatten();
            let places = latest.chain([&state.base, &state.pruned]);
            needed.extend(places.flat_map(Places::as_slice));
        }
        self.stubs.retain(|place, _| needed.contains(place));
        for line in self.lines.drain(..count) {
            if needed.contains(&line.place) {
                self.stubs.insert(line.place, line.stub());
            }
            self.forgotten = self.forgotten.saturating_add(1);
        }
        self.lines.shrink_to(self.lines.len().saturating_mul(2));
    }

    /// The lines that were not forgotten, in delivery order.
    pub fn lines(&self) -> &[Line<I, A, T>] {
        &self.lines
    }

    /// The line of a payload. `None` if it was forgotten.
    pub fn line(&self, id: &I) -> Option<&Line<I, A, T>> {
        self.line_at(self.by_id.find(id, |place| self.line_at(place).map(|line| line.id))?)
    }

    /// The ids of a line's effective parents, in delivery order; but for those that were forgotten.
    /// None if the line is unknown.
    pub fn parents(&self, id: &I) -> impl ExactSizeIterator<Item = I> {
        let parents = self.line(id).map(|line| line.parents.as_slice()).unwrap_or_default();
        let parents = parents.iter().filter_map(|place| self.line_at(*place));
        parents.map(|line| line.id).collect::<Vec<_>>().into_iter()
    }

    /// The lines that the author of a line had seen, the latest first: a reader who selects a line
    /// can be shown what it answers (LG-06). Ends where lines were forgotten.
    pub fn ancestors(&self, id: &I) -> impl Iterator<Item = &Line<I, A, T>> {
        let parents = self.line(id).map(|line| line.parents.as_slice()).unwrap_or_default();
        let mut frontier: BTreeSet<Index> = parents.iter().copied().collect();
        core::iter::from_fn(move || {
            let line = self.line_at(frontier.pop_last()?)?;
            frontier.extend(line.parents.as_slice());
            Some(line)
        })
    }

    /// The lines in an order that is the same for all who have them: by section, and within one
    /// like [`Transcript::canonical_order`].
    pub fn canonical_order(&self) -> Vec<&Line<I, A, T>> {
        let mut lines: Vec<_> = self.lines.iter().collect();
        lines.sort_by_key(|line| (line.section, line.origin.height, line.origin.author));
        lines
    }

    fn open(&mut self, base: Places) -> Result<Section, LogError<I>> {
        let section = Section(Index::next(at(self.begun)).ok_or(LogError::Full)?);
        self.begun = self.begun.saturating_add(1);
        self.sections.insert(section, SectionState::new(base));
        Ok(section)
    }

    /// The section's state, while it is open.
    fn state(&self, section: Section) -> Result<&SectionState, LogError<I>> {
        self.sections.get(&section).ok_or(LogError::UnknownSection)
    }

    fn next_place(&self) -> Option<Index> {
        Index::next(at(self.forgotten).saturating_add(self.lines.len()))
    }

    fn line_at(&self, place: Index) -> Option<&Line<I, A, T>> {
        self.lines.get(at(place.number().checked_sub(self.forgotten)?))
    }

    /// What is known of a line, even if it was forgotten.
    fn stub(&self, place: Index) -> Option<Stub<I>> {
        let line = self.line_at(place).map(Line::stub);
        line.or_else(|| self.stubs.get(&place).copied())
    }

    /// The latest lines of the union of some sets of lines; none if that is empty.
    ///
    /// At most one line per member is looked at closely, whatever the sets hold. Two lines of which
    /// the transcript forgot the order are unordered: were one an ancestor of the other, then every
    /// message that can still be a parent would descend from both, and no set would hold the elder.
    fn latest_lines<'a>(
        &self,
        section: Section,
        transcript: &Transcript<I, A>,
        sets: impl Iterator<Item = &'a Places>,
    ) -> Places {
        let mut newest: BTreeMap<usize, (Index, Origin)> = BTreeMap::new();
        for place in sets.flat_map(Places::as_slice) {
            // Lines of earlier sections come through the base, and are behind all lines of this.
            let Some(stub) = self.stub(*place).filter(|stub| stub.section == section) else {
                continue;
            };
            let best = newest.entry(stub.origin.author).or_insert((*place, stub.origin));
            if stub.origin.position > best.1.position {
                *best = (*place, stub.origin);
            }
        }
        let is_latest = |(_, origin): &&(Index, Origin)| {
            let mut others = newest.values().filter(|(_, other)| other.author != origin.author);
            !others.any(|(_, other)| {
                let seen = transcript.live.context(other.message).get(origin.author);
                seen.is_some_and(|seen| *seen > origin.position)
            })
        };
        newest.values().filter(is_latest).map(|(place, _)| *place).collect()
    }
}

impl SectionState {
    const fn new(base: Places) -> Self {
        Self { base, latest: VecDeque::new(), first: Index::of(0), pruned: Places::None }
    }

    /// The latest lines at a message that passed.
    fn latest_at(&self, message: Index) -> Option<&Places> {
        match message.number().checked_sub(self.first.number()) {
            Some(offset) => self.latest.get(at(offset))?.as_ref(),
            None => Some(&self.pruned),
        }
    }

    /// Whether a message passed already.
    fn knows(&self, message: Index) -> bool {
        self.latest_at(message).is_some()
    }

    fn or_base(&self, latest: Places) -> Places {
        if latest == Places::None { self.base.clone() } else { latest }
    }

    fn set(&mut self, message: Index, latest: Places) {
        let offset = at(message.number().saturating_sub(self.first.number()));
        let missing = offset.saturating_add(1).saturating_sub(self.latest.len());
        self.latest.extend(iter::repeat_n(None, missing));
        if let Some(place) = self.latest.get_mut(offset) {
            *place = Some(latest);
        }
    }

    /// Nothing that comes can have a message before this one as a parent.
    fn forget_before(&mut self, first: Index) {
        while self.first < first {
            self.first = self.first.following();
            if let Some(latest) = self.latest.pop_front().flatten() {
                self.pruned = latest;
            }
        }
    }
}

impl Places {
    fn as_slice(&self) -> &[Index] {
        match self {
            Self::None => &[],
            Self::One(place) => core::slice::from_ref(place),
            Self::Many(places) => places,
        }
    }
}

impl FromIterator<Index> for Places {
    fn from_iter<P: IntoIterator<Item = Index>>(places: P) -> Self {
        let mut places = places.into_iter();
        let Some(first) = places.next() else { return Self::None };
        let Some(second) = places.next() else { return Self::One(first) };
        let mut all: Vec<Index> = [first, second].into_iter().chain(places).collect();
        all.sort_unstable();
        Self::Many(all.into())
    }
}

impl<I: Copy, A, T> Line<I, A, T> {
    const fn stub(&self) -> Stub<I> {
        Stub { id: self.id, section: self.section, origin: self.origin }
    }
}

impl<I, A, T> Line<I, A, T> {
    /// The line's place in the log, from 0: how many lines came before it.
    pub fn place(&self) -> usize {
        self.place.at()
    }

    /// How far back its effective parents are, ascending: 1 is the line above.
    pub fn distances(&self) -> impl ExactSizeIterator<Item = usize> {
        let parents = self.parents.as_slice().iter().rev();
        parents.map(|parent| self.place().saturating_sub(parent.at()))
    }

    /// Whether its effective parents are exactly the line above, or, at the first line, none. Where
    /// not, the reader should be told that the author had not seen the log as it is shown.
    pub fn follows_line_above(&self) -> bool {
        self.distances().eq((self.place() > 0).then_some(1))
    }
}

#[cfg(test)]
mod tests {
    use super::{MessageLog, Places};
    use crate::{Entry, Role, Transcript};

    type Result = core::result::Result<(), std::boxed::Box<dyn core::error::Error>>;

    #[test]
    fn runs_of_acks_share_one_set() -> Result {
        let mut transcript = Transcript::new(["alice", "bob"]);
        let mut log = MessageLog::new();
        let section = log.begin()?;
        // Two lines at the same time, and a long run of acks after them.
        for (id, author) in [(0, "alice"), (1, "bob")] {
            transcript.add(Entry::new(id, &author, &[], Role::Content))?;
            log.accept(section, &transcript, id, Some(()))?;
        }
        for id in 2..100_u32 {
            let author = if id.is_multiple_of(2) { "alice" } else { "bob" };
            transcript.add(Entry::new(id, &author, &transcript.heads(), Role::Ack))?;
            log.accept(section, &transcript, id, None)?;
        }
        let mut sets = log.sections.values().flat_map(|section| section.latest.iter().skip(2));
        let Some(Some(Places::Many(first))) = sets.next() else { panic!("two lines") };
        let shared = sets.all(
            |set| matches!(set, Some(Places::Many(set)) if alloc::sync::Arc::ptr_eq(set, first)),
        );
        assert!(shared);
        Ok(())
    }

    #[test]
    fn what_has_ended_takes_no_room() -> Result {
        let mut log: MessageLog<u32, &str, ()> = MessageLog::new();
        let transcript = Transcript::new(["alice", "bob"]);
        let mut section = log.begin()?;
        for _ in 0..1_000 {
            let next = log.begin_after(section, &transcript, &[])?;
            log.end(section);
            assert!(log.begin_after(section, &transcript, &[]).is_err());
            section = next;
        }
        assert_eq!(log.sections.len(), 1);
        Ok(())
    }

    #[test]
    fn what_was_pruned_takes_no_room() -> Result {
        let mut transcript = Transcript::new(["alice", "bob"]);
        let mut log = MessageLog::new();
        let section = log.begin()?;
        for id in 0..1_000_u32 {
            let author = if id.is_multiple_of(2) { "alice" } else { "bob" };
            transcript.add(Entry::new(id, &author, &transcript.heads(), Role::Content))?;
            log.accept(section, &transcript, id, Some(()))?;
            transcript.prune();
            log.forget_before(log.lines().last().map_or(0, |line| line.place()));
        }
        assert!(log.sections.values().all(|section| section.latest.len() < 10));
        assert!(log.lines().len() == 1 && log.stubs.len() < 10);
        Ok(())
    }
}
