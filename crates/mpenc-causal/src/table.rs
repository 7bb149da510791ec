//! From ids to numbers.
//!
//! A hash table of numbers; the ids themselves stand where they are kept anyway. It takes 5 octets
//! for each place of a number, of which at least seven of twelve are in use, and one look at 16
//! octets to say that an id is new.
//!
//! Authors may choose ids, so they can choose them to have one hash, and no secret is at hand to
//! stir it with: the same inputs must give the same state. So a search looks at four buckets at
//! most, and what finds no place in these goes into an ordered map. Whoever grinds ids gains the
//! cost of that map, which is small.

use alloc::collections::BTreeMap;
use alloc::vec;
use alloc::vec::Vec;
use core::hash::{Hash, Hasher};
use core::hint::black_box;
use core::ops::Range;

use crate::index::Index;

/// Numbers in a bucket.
const SLOTS: usize = 16;
/// How many buckets an id may be in.
const PROBES: usize = 4;
/// How many of a bucket's places may be taken, on average, before the table grows.
const FULL: usize = 14;

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Table<I> {
    /// Of each place a part of the id's hash, which is never 0; or 0 if the place is free. In a
    /// bucket the free ones are the last ones.
    tags: Vec<[u8; SLOTS]>,
    numbers: Vec<[u32; SLOTS]>,
    /// How many ids there are, crowded ones among them.
    len: usize,
    /// Those whose buckets are all full.
    crowded: BTreeMap<I, u32>,
}

impl<I: Copy + Ord + Hash> Table<I> {
    pub(crate) const fn new() -> Self {
        Self { tags: Vec::new(), numbers: Vec::new(), len: 0, crowded: BTreeMap::new() }
    }

    /// The number of an id, where `id_of` gives the id of a number that is still of interest.
    pub(crate) fn find(&self, id: &I, id_of: impl Fn(Index) -> Option<I>) -> Option<Index> {
        let hash = hash(id);
        for bucket in self.buckets(hash) {
            let (tags, numbers) = (self.tags.get(bucket)?, self.numbers.get(bucket)?);
            let mut matches = places(tags, tag(hash));
            while matches != 0 {
                let at = first(matches);
                let number = numbers.get(at).map(|&number| Index::of(number));
                if let Some(number) = number.filter(|&number| id_of(number) == Some(*id)) {
                    return Some(number);
                }
                matches &= matches.wrapping_sub(1);
            }
            if tags.last() == Some(&0) {
                return None;
            }
        }
        let number = self.crowded.get(id).map(|&number| Index::of(number));
        number.filter(|&number| id_of(number) == Some(*id))
    }

    /// Adds an id that is not there yet, with a number above all others. If the table is too full
    /// for it, it is made anew for those of the numbers before it that are still of `interest`.
    pub(crate) fn insert(
        &mut self,
        id: I,
        number: Index,
        interest: Range<Index>,
        id_of: impl Fn(Index) -> Option<I>,
    ) {
        if self.len >= self.tags.len().saturating_mul(FULL) {
            let count = interest.end.number().saturating_sub(interest.start.number());
            let count = crate::index::at(count).saturating_add(1);
            // Half as many again: growing by more would keep more places empty, by less would
            // fill them anew more often.
            let buckets = (count / FULL).saturating_add(count / (2 * FULL)).saturating_add(1);
            self.clear(buckets);
            let numbers = interest.start.number()..interest.end.number();
            self.place_all(numbers.filter_map(|number| Some((id_of(Index::of(number))?, number))));
        }
        self.place(id, hash(&id), number.number());
    }

    /// Fills a large table. Each place is somewhere else in memory; so some at once are looked at
    /// before they are filled, and memory is waited for once for all of these.
    fn place_all(&mut self, ids: impl Iterator<Item = (I, u32)>) {
        const AT_ONCE: usize = 16;
        let mut ids = ids.map(|(id, number)| (id, hash(&id), number)).peekable();
        let mut batch = Vec::with_capacity(AT_ONCE);
        while ids.peek().is_some() {
            batch.extend(ids.by_ref().take(AT_ONCE));
            for (_, hash, _) in &batch {
                let bucket = scaled(*hash, self.tags.len());
                black_box(self.tags.get(bucket).map(|tags| tags[0]));
                black_box(self.numbers.get(bucket).map(|numbers| numbers[0]));
            }
            batch.drain(..).for_each(|(id, hash, number)| self.place(id, hash, number));
        }
    }

    fn clear(&mut self, buckets: usize) {
        // First of all the old ones go, so that both are never there at once.
        (self.tags, self.numbers) = (Vec::new(), Vec::new());
        self.tags = vec![[0; SLOTS]; buckets];
        self.numbers = vec![[0; SLOTS]; buckets];
        self.crowded.clear();
        self.len = 0;
    }

    fn place(&mut self, id: I, hash: u64, number: u32) {
        self.len = self.len.saturating_add(1);
        for bucket in self.buckets(hash) {
            let Some((tags, numbers)) = self.tags.get_mut(bucket).zip(self.numbers.get_mut(bucket))
            else {
                continue;
            };
            let free = first(places(tags, 0));
            if let Some((place, slot)) = tags.get_mut(free).zip(numbers.get_mut(free)) {
                (*place, *slot) = (tag(hash), number);
                return;
            }
        }
        self.crowded.insert(id, number);
    }

    /// The buckets that an id with this hash may be in: some that follow each other on a circle.
    fn buckets(&self, hash: u64) -> impl Iterator<Item = usize> + use<I> {
        let count = self.tags.len();
        let start = scaled(hash, count);
        (0..PROBES.min(count)).map(move |step| {
            let bucket = start.saturating_add(step);
            if bucket < count { bucket } else { bucket.saturating_sub(count) }
        })
    }
}

/// The upper half of the hash, as a part of a count.
fn scaled(hash: u64, count: usize) -> usize {
    let count = u64::try_from(count).unwrap_or(u64::MAX);
    usize::try_from((hash >> 32).saturating_mul(count) >> 32).unwrap_or(0)
}

/// Of the lower half, which has no part in choosing the bucket.
fn tag(hash: u64) -> u8 {
    let [low, ..] = hash.to_le_bytes();
    low.max(1)
}

/// The places of a tag, as a bit each in the lowest bit of every octet; places behind the first one
/// may be there falsely, which is found out by who looks at them.
fn places(tags: &[u8; SLOTS], tag: u8) -> u128 {
    const LOW: u128 = u128::from_ne_bytes([0x01; SLOTS]);
    const HIGH: u128 = u128::from_ne_bytes([0x80; SLOTS]);
    let difference = u128::from_le_bytes(*tags) ^ u128::from_ne_bytes([tag; SLOTS]);
    // The highest bit of an octet is set if the octet is 0, or is 1 behind one that is 0.
    (difference.wrapping_sub(LOW) & !difference & HIGH) >> 7
}

/// The first of some places; past the end if there is none.
fn first(places: u128) -> usize {
    crate::index::at(places.trailing_zeros() / 8)
}

/// Stirs ids well enough to spread those that nobody chose.
fn hash(id: &impl Hash) -> u64 {
    let mut mixer = Mixer(0x243f_6a88_85a3_08d3);
    id.hash(&mut mixer);
    mixer.finish()
}

struct Mixer(u64);

impl Mixer {
    fn mix(&mut self, word: u64) {
        const FACTOR: u128 = 0x9e37_79b9_7f4a_7c15;
        // Both halves of the product depend on all that went in.
        let [low, high] = halves(u128::from(self.0 ^ word).wrapping_mul(FACTOR));
        self.0 = low ^ high.rotate_left(29);
    }
}

#[expect(clippy::as_conversions, reason = "the halves are meant")]
const fn halves(number: u128) -> [u64; 2] {
    [number as u64, (number >> 64) as u64]
}

impl Hasher for Mixer {
    fn write(&mut self, octets: &[u8]) {
        let (words, rest) = octets.as_chunks();
        words.iter().for_each(|word| self.mix(u64::from_le_bytes(*word)));
        // At most seven, behind a one that tells how many.
        let more = |number: u64, octet: &u8| number.wrapping_mul(256).wrapping_add((*octet).into());
        self.mix(rest.iter().fold(1, more));
    }

    fn write_u8(&mut self, number: u8) {
        self.mix(u64::from(number));
    }

    fn write_u32(&mut self, number: u32) {
        self.mix(u64::from(number));
    }

    fn write_u64(&mut self, number: u64) {
        self.mix(number);
    }

    fn write_usize(&mut self, number: usize) {
        self.mix(u64::try_from(number).unwrap_or(u64::MAX));
    }

    fn finish(&self) -> u64 {
        let mut last = Self(self.0);
        last.mix(0xa409_3822_299f_31d0);
        last.0
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::vec::Vec;

    use proptest::prelude::*;

    use super::*;

    /// Ids that all have the same hash.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
    struct Same(u32);

    impl Hash for Same {
        fn hash<H: Hasher>(&self, state: &mut H) {
            state.write_u8(7);
        }
    }

    struct Numbered<I> {
        ids: Vec<I>,
        table: Table<I>,
    }

    impl<I: Copy + Ord + Hash> Numbered<I> {
        fn new() -> Self {
            Self { ids: Vec::new(), table: Table::new() }
        }

        fn add(&mut self, id: I) {
            let number = Index::next(self.ids.len()).unwrap();
            let Self { ids, table } = self;
            table.insert(id, number, Index::of(0)..number, |number| ids.get(number.at()).copied());
            self.ids.push(id);
        }

        fn find(&self, id: I) -> Option<usize> {
            self.table.find(&id, |number| self.ids.get(number.at()).copied()).map(Index::at)
        }
    }

    #[test]
    fn ids_of_one_hash_crowd_into_a_map() {
        let mut numbered = Numbered::new();
        for id in 0..1_000 {
            numbered.add(Same(id));
        }
        assert!(numbered.table.crowded.len() >= 1_000 - PROBES * SLOTS);
        for id in 0..1_000 {
            assert_eq!(numbered.find(Same(id)), Some(usize::try_from(id).unwrap()));
        }
        assert_eq!(numbered.find(Same(1_000)), None);
    }

    #[test]
    fn few_places_are_empty_and_hardly_anything_crowds() {
        let mut numbered = Numbered::new();
        for id in 0..100_000_u32 {
            numbered.add(id);
            let places = numbered.table.tags.len() * SLOTS;
            // Of a bucket a part may be there more than needed.
            assert!(places * 7 <= usize::try_from(id + 32).unwrap() * 12, "{places} {id}");
        }
        assert!(numbered.table.crowded.len() < 100, "{}", numbered.table.crowded.len());
    }

    #[test]
    fn what_is_of_no_interest_goes() {
        let mut table = Table::new();
        for number in 0..10_000_u32 {
            // Only the last hundred count.
            let from = number.saturating_sub(100);
            let id_of = |number: Index| (number.number() >= from).then(|| number.number() * 3);
            table.insert(number * 3, Index::of(number), Index::of(from)..Index::of(number), id_of);
            assert_eq!(
                table.find(&(number * 3), |n| Some(n.number() * 3)),
                Some(Index::of(number))
            );
            assert_eq!(table.find(&((from.max(1) - 1) * 3), id_of).is_some(), from == 0);
        }
        assert!(table.tags.len() < 20, "{}", table.tags.len());
    }

    #[test]
    fn numbers_as_ids_are_told_apart_by_each_bit() {
        let ids: Vec<u64> = (0..64).map(|bit| 1 << bit).collect();
        let hashes: BTreeSet<u64> = ids.iter().map(hash).collect();
        assert_eq!(hashes.len(), ids.len());
        let mut numbered = Numbered::new();
        ids.iter().for_each(|&id| numbered.add(id));
        for (number, &id) in ids.iter().enumerate() {
            assert_eq!(numbered.find(id), Some(number));
            assert_eq!(numbered.find(!id), None);
        }
    }

    #[test]
    fn whatever_an_id_is_made_of_spreads_it_over_buckets_and_tags() {
        fn spread<I: Hash>(what: &str, ids: impl Iterator<Item = I>) {
            const BUCKETS: usize = 64;
            let hashes: BTreeSet<u64> = ids.map(|id| hash(&id)).collect();
            assert_eq!(hashes.len(), 4_096, "{what}");
            let (mut buckets, mut tags) = ([0; BUCKETS], [0; 256]);
            for hash in hashes {
                buckets[scaled(hash, BUCKETS)] += 1;
                tags[usize::from(tag(hash))] += 1;
            }
            // 64 in each bucket and 16 with each tag, if they were drawn; 0 is no tag.
            assert!(buckets.iter().all(|count| (24..128).contains(count)), "{what} {buckets:?}");
            assert!(tags[1..].iter().all(|count| *count < 64), "{what} {tags:?}");
            assert!(tags[1..].iter().filter(|count| **count > 0).count() > 240, "{what} {tags:?}");
        }
        let low = |number: u16| number.to_le_bytes()[0] % 64;
        let high = |number: u16| (number / 64).to_le_bytes()[0];
        spread("octets", (0..4_096).map(|number| (low(number), high(number))));
        spread("u32", 0..4_096_u32);
        spread("the upper half of u64", (0..4_096_u64).map(|number| number << 32));
        spread("usize", 0..4_096_usize);
        for place in 0..11 {
            let ids = (0..4_096).map(|number| {
                let mut octets = [7; 11];
                octets[place] = low(number);
                octets[(place + 1) % 11] = high(number);
                octets
            });
            spread("eleven octets", ids);
        }
    }

    #[test]
    fn ids_that_differ_in_length_only_differ() {
        let zeros = [0_u8; 20];
        let ids: BTreeSet<u64> = (0..20)
            .map(|len| {
                let mut mixer = Mixer(1);
                mixer.write(&zeros[..len]);
                mixer.finish()
            })
            .collect();
        assert_eq!(ids.len(), 20);
    }

    proptest! {
        #[test]
        fn it_is_a_map(ids: BTreeSet<u16>, others: Vec<u16>) {
            let mut numbered = Numbered::new();
            for &id in ids.iter().rev() {
                prop_assert_eq!(numbered.find(id), None);
                numbered.add(id);
            }
            for (number, &id) in ids.iter().rev().enumerate() {
                prop_assert_eq!(numbered.find(id), Some(number));
            }
            for id in others {
                prop_assert_eq!(numbered.find(id).is_some(), ids.contains(&id));
            }
        }

        #[test]
        fn places_are_found(tags: [u8; SLOTS], tag: u8) {
            let found = places(&tags, tag);
            let true_first = tags.iter().position(|&other| other == tag).unwrap_or(SLOTS);
            prop_assert_eq!(first(found), true_first);
            for (at, &other) in tags.iter().enumerate() {
                prop_assert!(other != tag || found >> (8 * at) & 1 == 1);
            }
        }
    }
}
