//! Forgetting what nobody can refer to any more.

use alloc::vec::Vec;

use crate::Transcript;
use crate::index::at;
use crate::transcript::Links;

impl<I: Copy + Ord, A: Clone + Ord> Transcript<I, A> {
    /// Forgets edges and contexts of the messages that every other member acked with messages that
    /// are themselves acked by everyone, and returns their ids in delivery order, so that the
    /// caller can forget bodies and packets.
    ///
    /// Every member's latest message descends from a pruned one, and everybody knows. So no message
    /// that keeps the rules can name it as a parent, and nobody needs it to be sent again. Its id,
    /// author, role and place in both orders are kept: replays are still recognised, and an
    /// operation's metadata may still name it. All ancestors of a pruned message are pruned.
    ///
    /// Members who were [waived](Self::waive) still count: messages of theirs may yet arrive. Costs
    /// O(*n*²) and the pruned messages.
    pub fn prune(&mut self) -> Vec<I> {
        self.note_stable();
        let mut pruned = Vec::new();
        for author in 0..self.members.len() {
            let stable = self.stable_count(author);
            let Some(chain) = self.chains.get_mut(author) else { continue };
            let range = at(chain.pruned)..at(stable);
            pruned.extend_from_slice(chain.messages.get(range).unwrap_or_default());
            chain.pruned = chain.pruned.max(stable);
        }
        pruned.sort_unstable();
        for index in &pruned {
            if let Some(node) = self.nodes.get_mut(index.at()) {
                node.links = Links::default();
            }
        }
        self.ids(&pruned)
    }

    /// Whether the message's edges and context are forgotten.
    pub fn is_pruned(&self, id: &I) -> bool {
        self.node_of(id).is_some_and(|node| self.is_node_pruned(node))
    }

    /// Keeps, per member, the context of their latest message that everyone acked. The message
    /// may be pruned by now; then its context was noted before it went.
    fn note_stable(&mut self) {
        for member in 0..self.members.len() {
            let acked = self.acks.acked_by_all(member);
            let context = acked.checked_sub(1).and_then(|position| {
                let latest = *self.chains.get(member)?.messages.get(at(position))?;
                self.node(latest).map(|node| node.links.context.to_vec())
            });
            let context = context.filter(|context| !context.is_empty());
            if let (Some(row), Some(context)) = (self.stable.get_mut(member), context) {
                *row = context;
            }
        }
    }

    /// How many messages of `author` may go.
    fn stable_count(&self, author: usize) -> u32 {
        let others = self.stable.iter().enumerate().filter(|&(reader, _)| reader != author);
        let stable = others.map(|(_, row)| row.get(author).copied().unwrap_or(0)).min();
        // A lone member's messages are acked as they come; the latest is the next one's parent.
        let own = || self.acks.acked(author, author).saturating_sub(1);
        stable.unwrap_or_else(own)
    }
}
