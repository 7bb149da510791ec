//! Which messages a member has accepted in a sub-session, as far as parents depend on it.

use mpenc_wire::MessageId;

/// The latest messages of a sub-session: those that no other accepted message has as a parent.
#[derive(Default)]
pub(super) struct Transcript {
    /// Least recently accepted first.
    heads: Vec<MessageId>,
}

impl Transcript {
    /// A message was accepted.
    pub(super) fn accept(&mut self, id: MessageId, parents: &[MessageId]) {
        self.heads.retain(|head| !parents.contains(head));
        self.heads.push(id);
    }

    /// What a message that is written now has as parents, in wire order: most recent first.
    pub(super) fn parents(&self) -> Vec<MessageId> {
        self.heads.iter().rev().copied().collect()
    }

    /// What a proposal that is made now names as the latest messages, in wire order: sorted.
    pub(super) fn latest(&self) -> Vec<MessageId> {
        let mut latest = self.heads.clone();
        latest.sort_unstable();
        latest
    }
}
