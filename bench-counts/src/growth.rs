//! A transcript that grows.

use mpenc::causal::{Entry, Role, Transcript};
use mpenc::{MemberId, MessageId};
use sha2::{Digest, Sha256};

use crate::ours::{DIALECT, ids};

/// A transcript to which all members add in turn, each after the message before.
pub struct Growth {
    transcript: Transcript<MessageId, MemberId>,
    members: Vec<MemberId>,
    latest: Option<MessageId>,
    added: usize,
    prune: Option<usize>,
}

impl Growth {
    /// An empty one. With `prune` it forgets what it can, whenever so many messages were added.
    pub fn new(members: usize, prune: Option<usize>) -> Self {
        let members = ids(members);
        let transcript = Transcript::new(members.iter().cloned());
        Self { transcript, members, latest: None, added: 0, prune }
    }

    /// The ids of the next messages.
    pub fn next_ids(&self, count: usize) -> Vec<MessageId> {
        let id = |number: usize| {
            MessageId::from_hash(DIALECT, &Sha256::digest(number.to_le_bytes()).into())
        };
        (self.added..self.added + count).map(id).collect()
    }

    /// Adds the next message.
    pub fn add(&mut self, id: MessageId) {
        let author = &self.members[self.added % self.members.len()];
        let parents: Vec<MessageId> = self.latest.into_iter().collect();
        let entry = Entry::new(id, author, &parents, Role::Content);
        core::hint::black_box(self.transcript.add(entry).expect("a good message"));
        self.latest = Some(id);
        self.added += 1;
        if self.prune.is_some_and(|count| self.added.is_multiple_of(count)) {
            core::hint::black_box(self.transcript.prune());
        }
    }
}
