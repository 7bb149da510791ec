//! Members, and sets of them.

use std::collections::BTreeSet;
use std::fmt;

/// How many members a model can have at most.
pub const MOST: usize = 4;

/// A member: `a`, `b`, `c` or `d`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name([u8; 1]);

impl Name {
    /// The member at this place, counted from 0; those from [`MOST`] on do not exist.
    #[must_use]
    pub const fn at(index: usize) -> Option<Self> {
        match index {
            0 => Some(Self(*b"a")),
            1 => Some(Self(*b"b")),
            2 => Some(Self(*b"c")),
            3 => Some(Self(*b"d")),
            _ => None,
        }
    }

    /// The first so many.
    pub fn first(count: usize) -> impl Iterator<Item = Self> {
        (0..count).map_while(Self::at)
    }

    /// Its place.
    #[must_use]
    pub fn index(self) -> usize {
        let [letter] = self.0;
        usize::from(letter.saturating_sub(b'a'))
    }

    fn bit(self) -> u8 {
        1 << self.index()
    }
}

impl AsRef<[u8]> for Name {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [letter] = self.0;
        write!(f, "{}", char::from(letter))
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// A set of members.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Names(u8);

impl Names {
    /// Whether it has this one.
    #[must_use]
    pub fn has(self, name: Name) -> bool {
        self.0 & name.bit() != 0
    }

    /// Whether nobody is in it.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// How many are in it.
    #[must_use]
    pub const fn len(self) -> u32 {
        self.0.count_ones()
    }

    /// Its members, in order.
    pub fn iter(self) -> impl Iterator<Item = Name> {
        Name::first(MOST).filter(move |&name| self.has(name))
    }

    /// With this one; tells whether it was not there.
    pub fn insert(&mut self, name: Name) -> bool {
        let was = self.has(name);
        self.0 |= name.bit();
        !was
    }

    /// Without this one; tells whether it was there.
    pub fn remove(&mut self, name: Name) -> bool {
        let was = self.has(name);
        self.0 &= !name.bit();
        was
    }

    /// With this one.
    #[must_use]
    pub fn with(mut self, name: Name) -> Self {
        self.insert(name);
        self
    }

    /// Without this one.
    #[must_use]
    pub fn without(mut self, name: Name) -> Self {
        self.remove(name);
        self
    }

    /// Those who are in either.
    #[must_use]
    pub const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Those who are in both.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Those who are not in the other.
    #[must_use]
    pub const fn minus(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Whether all of these are in the other.
    #[must_use]
    pub const fn within(self, other: Self) -> bool {
        self.minus(other).is_empty()
    }

    /// As `mpenc-order` takes them.
    #[must_use]
    pub fn to_vec(self) -> Vec<Name> {
        self.iter().collect()
    }

    /// As `mpenc-order` takes those of the channel.
    #[must_use]
    pub fn to_set(self) -> BTreeSet<Name> {
        self.iter().collect()
    }

    /// One octet that stands for it.
    #[must_use]
    pub const fn octet(self) -> u8 {
        self.0
    }
}

impl FromIterator<Name> for Names {
    fn from_iter<I: IntoIterator<Item = Name>>(names: I) -> Self {
        names.into_iter().fold(Self::default(), Self::with)
    }
}

impl fmt::Display for Names {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return f.write_str("nobody");
        }
        for (at, name) in self.iter().enumerate() {
            if at > 0 {
                f.write_str(" ")?;
            }
            write!(f, "{name}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Names {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{{{self}}}")
    }
}
