//! Packets that may have to be sent again, until everybody has them.

use alloc::collections::{BTreeMap, VecDeque};
use alloc::string::String;
use alloc::vec::Vec;

use crate::Instant;

/// How many octets of packets are kept.
pub(crate) const OCTETS: usize = 4 * 1024 * 1024;

/// What keeping a packet costs beside its text, roughly.
const OVERHEAD: usize = 256;

/// The packets of accepted messages, explicit acks among them, until they are fully acked (RS-06).
///
/// When there is no room, the oldest packet of the author who takes up most gives way: others' can
/// not be crowded out. Who wrote it, and whoever else has it, can still send it again.
#[derive(Clone, Debug)]
pub(crate) struct Cache<I, A> {
    packets: BTreeMap<I, Packet>,
    shares: BTreeMap<A, Share<I>>,
    octets: usize,
    limit: usize,
}

#[derive(Clone, Debug)]
struct Packet {
    text: String,
    /// When it last went through the channel.
    last: Instant,
}

/// An author's packets: the first to the last one of their chain that are kept.
#[derive(Clone, Debug)]
struct Share<I> {
    ids: VecDeque<I>,
    octets: usize,
}

impl<I: Copy + Ord, A: Clone + Ord> Cache<I, A> {
    pub(crate) fn new(limit: usize) -> Self {
        Self { packets: BTreeMap::new(), shares: BTreeMap::new(), octets: 0, limit }
    }

    /// Keeps a packet that was just accepted, and says which ones gave way: itself, if it is too
    /// large.
    pub(crate) fn insert(&mut self, now: Instant, id: I, author: &A, text: String) -> Vec<I> {
        if self.packets.contains_key(&id) {
            return Vec::new();
        }
        let octets = cost(&text);
        self.packets.insert(id, Packet { text, last: now });
        let share = self
            .shares
            .entry(author.clone())
            .or_insert_with(|| Share { ids: VecDeque::new(), octets: 0 });
        share.ids.push_back(id);
        share.octets = share.octets.saturating_add(octets);
        self.octets = self.octets.saturating_add(octets);

        let mut evicted = Vec::new();
        while self.octets > self.limit {
            // Looked for when there is no room only, which is seldom.
            let greediest =
                self.shares.iter().max_by_key(|(author, share)| (share.octets, *author));
            let Some((greediest, _)) = greediest else { break };
            let greediest = greediest.clone();
            match self.drop_oldest_if(&greediest, |_| true) {
                Some(id) => evicted.push(id),
                None => break,
            }
        }
        evicted
    }

    /// Lets the author's packets go that everybody has: those from the first of their chain.
    pub(crate) fn trim(&mut self, author: &A, is_fully_acked: impl Fn(&I) -> bool) {
        while self.drop_oldest_if(author, &is_fully_acked).is_some() {}
    }

    /// How many octets the packets cost.
    pub(crate) const fn octets(&self) -> usize {
        self.octets
    }

    /// The packet, as it was inserted.
    pub(crate) fn packet(&self, id: &I) -> Option<&str> {
        self.packets.get(id).map(|packet| packet.text.as_str())
    }

    /// When the packet last went through the channel; `None` if it is not here.
    pub(crate) fn last(&self, id: &I) -> Option<Instant> {
        self.packets.get(id).map(|packet| packet.last)
    }

    /// The packet goes through the channel now.
    pub(crate) fn seen(&mut self, now: Instant, id: &I) {
        if let Some(packet) = self.packets.get_mut(id) {
            packet.last = packet.last.max(now);
        }
    }

    pub(crate) fn clear(&mut self) {
        *self = Self::new(self.limit);
    }

    fn drop_oldest_if(&mut self, author: &A, may_go: impl Fn(&I) -> bool) -> Option<I> {
        let share = self.shares.get_mut(author)?;
        let id = *share.ids.front()?;
        if !may_go(&id) {
            return None;
        }
        share.ids.pop_front();
        let octets = self.packets.remove(&id).map_or(0, |packet| cost(&packet.text));
        share.octets = share.octets.saturating_sub(octets);
        self.octets = self.octets.saturating_sub(octets);
        Some(id)
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.packets.len()
    }
}

fn cost(text: &str) -> usize {
    text.len().saturating_add(OVERHEAD)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::flow::tests::at;

    fn text(octets: usize) -> String {
        "x".repeat(octets)
    }

    #[test]
    fn nobody_crowds_out_the_others() {
        let mut cache = Cache::new(100_000);
        cache.insert(at(0.0), 0, &"modest", text(10_000));
        for id in 1..1_000 {
            let evicted = cache.insert(at(0.0), id, &"greedy", text(1_000));
            assert!(!evicted.contains(&0));
        }
        assert_eq!(cache.packet(&0).map(str::len), Some(10_000));
        assert_eq!(cache.packet(&1), None);
        assert!(cache.packet(&999).is_some());
    }

    #[test]
    fn what_is_too_large_is_not_kept() {
        let mut cache = Cache::new(1_000);
        assert_eq!(cache.insert(at(0.0), 1, &"a", text(2_000)), [1]);
        assert_eq!(cache.len(), 0);
    }

    #[test]
    fn what_everybody_has_goes() {
        let mut cache = Cache::new(OCTETS);
        for id in 0..5 {
            cache.insert(at(0.0), id, &"a", text(1));
            cache.insert(at(0.0), id + 10, &"b", text(1));
        }
        cache.trim(&"a", |id| *id < 3);
        assert_eq!(cache.packet(&2), None);
        assert_eq!(cache.packet(&3), Some("x"));
        assert_eq!(cache.packet(&10), Some("x"));
    }

    proptest! {
        /// The sums are exact, and the limit is kept, whatever comes and goes.
        #[test]
        fn the_books_are_kept(
            steps in prop::collection::vec((0_u8..4, 0_usize..3_000, any::<bool>()), 0..200),
        ) {
            let mut cache = Cache::new(20_000);
            for (id, (author, octets, trim)) in steps.into_iter().enumerate() {
                if trim {
                    cache.trim(&author, |kept| *kept + 5 < id);
                } else {
                    cache.insert(at(0.0), id, &author, text(octets));
                }
                prop_assert!(cache.octets <= 20_000);
                let sum: usize = cache.packets.values().map(|packet| cost(&packet.text)).sum();
                prop_assert_eq!(cache.octets, sum);
                let shares: usize = cache.shares.values().map(|share| share.ids.len()).sum();
                prop_assert_eq!(shares, cache.packets.len());
                for (author, share) in &cache.shares {
                    let octets = share.ids.iter().map(|id| cost(&cache.packets[id].text));
                    prop_assert_eq!(share.octets, octets.sum::<usize>(), "{}", author);
                }
            }
        }
    }
}
