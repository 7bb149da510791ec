//! Forgetting what nobody can refer to any more.

use alloc::vec::Vec;
use core::hash::Hash;

use crate::Transcript;
use crate::index::Index;
use crate::transcript::Node;

impl<I: Copy + Ord + Hash, A: Clone + Ord> Transcript<I, A> {
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
        let latest: Vec<Option<Node<'_, I>>> =
            (0..self.members.len()).map(|reader| self.latest_acked_by_all(reader)).collect();
        let stable: Vec<u32> =
            (0..self.members.len()).map(|author| self.stable_count(author, &latest)).collect();
        let mut pruned: Vec<Index> = Vec::new();
        for (chain, stable) in self.chains.iter_mut().zip(stable) {
            while chain.pruned < stable
                && let Some(index) = chain.messages.pop_front()
            {
                chain.pruned = chain.pruned.saturating_add(1);
                chain.last_pruned = Some(index);
                pruned.push(index);
            }
        }
        pruned.sort_unstable();
        let Self { live, chains, kept, .. } = self;
        live.forget_while(|index, live| {
            let author = kept.get(index.at()).and_then(|kept| chains.get(kept.author()));
            author.is_some_and(|chain| live.position < chain.pruned)
        });
        self.ids(&pruned)
    }

    /// Whether the message's edges and context are forgotten.
    pub fn is_pruned(&self, id: &I) -> bool {
        self.node_of(id).is_some_and(|node| node.live.is_none())
    }

    /// How many messages are not pruned.
    pub fn live(&self) -> usize {
        self.chains.iter().map(|chain| chain.messages.len()).sum()
    }

    /// How many messages of `author` may go: those that every other member's `latest` message
    /// which everyone acked descends from.
    ///
    /// If that message is pruned itself, its context is gone and counts as nothing. Rightly so:
    /// whatever it descends from went before it.
    fn stable_count(&self, author: usize, latest: &[Option<Node<'_, I>>]) -> u32 {
        let others = latest.iter().enumerate().filter(|&(reader, _)| reader != author);
        let acked = others
            .map(|(_, latest)| latest.as_ref().map_or(0, |latest| self.counts(latest, author)));
        // A lone member's messages are acked as they come; the latest is the next one's parent.
        acked.min().unwrap_or_else(|| self.acks.acked(author, author).saturating_sub(1))
    }

    /// The author's latest message that everybody has acked, unless it is pruned.
    fn latest_acked_by_all(&self, author: usize) -> Option<Node<'_, I>> {
        let position = self.acks.acked_by_all(author).checked_sub(1)?;
        self.node(self.chains.get(author)?.live_at(position)?)
    }
}
