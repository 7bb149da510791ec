//! Dense indices: every message and every member has a small number inside a transcript, so that
//! the hot paths touch arrays and the caller's ids are looked up once.

/// A message's place in the delivery order of one transcript, from 0.
///
/// Parents come before their children, so indices are a topological order. For callers who ask much
/// about the same message: see [`Transcript::indexed`](crate::Transcript::indexed).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Index(u32);

impl Index {
    /// So many can be numbered: as many messages as there are heights, of 30 bits.
    pub(crate) const MOST: u32 = 1 << 30;

    /// The index of the element that would be pushed next; `None` when the numbers are used up.
    pub(crate) fn next(len: usize) -> Option<Self> {
        u32::try_from(len).ok().filter(|&index| index < Self::MOST).map(Self)
    }

    pub(crate) const fn of(number: u32) -> Self {
        Self(number)
    }

    pub(crate) const fn number(self) -> u32 {
        self.0
    }

    /// For `slice.get(index.at())`.
    pub(crate) fn at(self) -> usize {
        at(self.0)
    }

    pub(crate) const fn following(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

/// A count as an offset. Saturates where `usize` is narrower than 32 bits: such an offset is past
/// the end of anything that fits into memory there.
pub(crate) fn at(count: u32) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::{Index, at};

    #[test]
    fn so_many_can_be_numbered() {
        assert_eq!(Index::next(at(Index::MOST - 1)), Some(Index(Index::MOST - 1)));
        assert_eq!(Index::next(at(Index::MOST)), None);
        assert_eq!(Index::next(usize::MAX), None);
    }
}
