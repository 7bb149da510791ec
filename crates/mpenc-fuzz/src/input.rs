//! Reading an input as a list of small choices.

/// The octets of an input that are left. When they are used up, all choices are 0.
pub(crate) struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    pub(crate) const fn new(octets: &'a [u8]) -> Self {
        Self(octets)
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn octet(&mut self) -> u8 {
        let Some((&first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        first
    }

    /// From 0 to `n` − 1, for `n` up to 256.
    pub(crate) fn below(&mut self, n: usize) -> usize {
        usize::from(self.octet()) % n.max(1)
    }

    /// From 0 to 65,535.
    pub(crate) fn number(&mut self) -> usize {
        usize::from(u16::from_be_bytes([self.octet(), self.octet()]))
    }
}
