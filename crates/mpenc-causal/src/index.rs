//! Dense indices: every message and every member has a small number inside a transcript, so that
//! the hot paths touch arrays and the caller's ids are looked up once.

/// A message's place in the delivery order of one transcript, from 0.
///
/// Parents come before their children, so indices are a topological order. For callers who ask much
/// about the same message: see [`Transcript::indexed`](crate::Transcript::indexed).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Index(u32);

impl Index {
    /// The index of the element that would be pushed next; `None` when the numbers are used up.
    ///
    /// One number is left over, so that a count of messages fits as well.
    pub(crate) fn next(len: usize) -> Option<Self> {
        u32::try_from(len).ok().filter(|&index| index < u32::MAX).map(Self)
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
    fn one_number_is_left_over_for_a_count() {
        assert_eq!(Index::next(at(u32::MAX - 1)), Some(Index(u32::MAX - 1)));
        assert_eq!(Index::next(at(u32::MAX)), None);
    }
}
