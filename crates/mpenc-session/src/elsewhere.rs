//! Packets that are of no operation of ours, and that are nobody's fault.
//!
//! What a member answered to an operation that has failed comes while the next one runs; and whoever
//! waits to be included answers all who propose it. That such packets are refused is nothing to tell.
//!
//! Anybody can bring this about, by naming somebody in a packet that nothing verifies. So it excuses
//! only what a packet of another operation can be refused for, and for a session signature it takes
//! more (PROTOCOL 3.4): an operation of the same members that we have followed ourselves, and that came
//! to nothing.

use alloc::collections::{BTreeSet, VecDeque};
use alloc::vec::Vec;

use mpenc_wire::MemberId;

/// How many operations that came to nothing are remembered. What is late is of the last ones.
const OPERATIONS: usize = 16;

/// Of whom such packets may come.
#[derive(Clone, Debug, Default)]
pub(crate) struct Elsewhere {
    named: BTreeSet<MemberId>,
    /// The latest last.
    failed: VecDeque<Failed>,
}

/// An operation that we followed, and that came to nothing.
#[derive(Clone, Debug)]
struct Failed {
    members: Vec<MemberId>,
    /// Who may have confirmed it all the same.
    unconfirmed: Vec<MemberId>,
}

impl Elsewhere {
    /// A packet names these, as members of an operation that we do not follow.
    pub(crate) fn extend(&mut self, members: impl IntoIterator<Item = MemberId>) {
        self.named.extend(members);
    }

    /// An operation of these members came to nothing, and some of them may have confirmed it all the
    /// same.
    pub(crate) fn failed(&mut self, members: Vec<MemberId>, unconfirmed: Vec<MemberId>) {
        if unconfirmed.is_empty() {
            return;
        }
        self.named.extend(unconfirmed.iter().cloned());
        if self.failed.len() >= OPERATIONS {
            self.failed.pop_front();
        }
        self.failed.push_back(Failed { members, unconfirmed });
    }

    /// Nothing of before comes of this member any more: they have answered the operation that runs, or
    /// left the channel.
    pub(crate) fn remove(&mut self, member: &MemberId) {
        self.named.remove(member);
        for failed in &mut self.failed {
            failed.unconfirmed.retain(|other| other != member);
        }
        self.failed.retain(|failed| !failed.unconfirmed.is_empty());
    }

    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }

    /// Whether packets may come of this member that are of no operation of ours.
    pub(crate) fn contains(&self, member: &MemberId) -> bool {
        self.named.contains(member)
    }

    /// Whether a confirm of this member, in an operation of these, may be of another one before it:
    /// a confirm fits every operation with the same members up to its session signature.
    pub(crate) fn may_confirm_late(&self, member: &MemberId, members: &[MemberId]) -> bool {
        self.failed
            .iter()
            .any(|failed| failed.members == members && failed.unconfirmed.contains(member))
    }
}
