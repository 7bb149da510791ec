//! What is known of every message for as long as its transcript is there, pruned or not.

use crate::Role;
#[cfg(doc)]
use crate::index::Index;

/// ```text
///  id  ‖  height, 30 bits; role, 2 bits  ‖  author, 16 bits
/// ```
///
/// In octets, so that no padding comes to it: there may be millions.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Kept<I> {
    pub(crate) id: I,
    height_and_role: [u8; 4],
    author: [u8; 2],
}

impl<I> Kept<I> {
    /// `None` if the author's number is too large for it. The height is below [`Index::MOST`].
    pub(crate) fn new(id: I, author: usize, height: u32, role: Role) -> Option<Self> {
        let author = u16::try_from(author).ok()?.to_le_bytes();
        let role: u32 = match role {
            Role::Content => 0,
            Role::Ack => 1,
            Role::Close => 2,
        };
        Some(Self { id, height_and_role: ((height << 2) | role).to_le_bytes(), author })
    }

    /// The author's number.
    pub(crate) fn author(&self) -> usize {
        usize::from(u16::from_le_bytes(self.author))
    }

    /// The length of the longest path from a message without parents: a Lamport clock.
    pub(crate) const fn height(&self) -> u32 {
        u32::from_le_bytes(self.height_and_role) >> 2
    }

    pub(crate) const fn role(&self) -> Role {
        match u32::from_le_bytes(self.height_and_role) & 3 {
            0 => Role::Content,
            1 => Role::Ack,
            _ => Role::Close,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Kept;
    use crate::Role;
    use crate::index::Index;

    #[test]
    fn it_is_kept_as_it_was() {
        for role in [Role::Content, Role::Ack, Role::Close] {
            for author in [0, 1, 255, 256, 65_535] {
                for height in [0, 1, 77, Index::MOST - 1] {
                    let kept = Kept::new('x', author, height, role).unwrap();
                    assert_eq!((kept.author(), kept.height(), kept.role()), (author, height, role));
                }
            }
        }
        assert_eq!(Kept::new('x', 65_536, 0, Role::Ack), None);
    }

    #[test]
    fn nothing_is_added_to_the_id_but_six_octets() {
        assert_eq!(size_of::<Kept<[u8; 33]>>(), 39);
    }
}
