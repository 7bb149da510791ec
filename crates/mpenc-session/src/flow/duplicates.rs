//! What a message that comes once more asks of us (RS-04).
//!
//! | the message that came once more | answer |
//! |---|---|
//! | ours, or an explicit ack | none: we owe no ack of it |
//! | everybody knows that everybody has acked it | none: they have ours |
//! | not acked by us yet | none: our ack is due anyway |
//! | first acked by a monitored message of ours | none: that one is resent until it is fully acked |
//! | first acked by an explicit ack of ours, which some message of the sender descends from | none: they have it |
//! | first acked by an explicit ack of ours, which none does | that ack, once more |
//!
//! Nobody monitors explicit acks, so this is the only way in which a lost one is found. With it go
//! the explicit acks directly before it: those are lost as easily, and the ack is of no use without
//! its parents.

use alloc::vec::Vec;
use core::time::Duration;

use mpenc_causal::Role;

use super::Causality;
use super::cache::Cache;
use super::pace::Pace;
use crate::Instant;

/// Answers to messages that come once more.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Answers {
    latency: Duration,
    /// Apart from the resends' pace: or whoever asks for answers could keep resends back.
    pace: Pace,
}

impl Answers {
    pub(crate) fn new(latency: Duration) -> Self {
        Self { latency, pace: Pace::new(latency) }
    }

    /// What to send, in order, because `sender`, another member, sent `id` once more.
    pub(crate) fn to<I: Copy + Ord, A: Clone + Ord>(
        &mut self,
        now: Instant,
        id: &I,
        sender: &A,
        own: &A,
        transcript: &impl Causality<I, A>,
        cache: &mut Cache<I, A>,
    ) -> Vec<I> {
        let ours = transcript.author(id).as_ref() == Some(own);
        // Of what is pruned everybody has our ack, and more.
        if ours || transcript.role(id) == Some(Role::Ack) || transcript.is_pruned(id) {
            return Vec::new();
        }
        let Some(ack) = transcript.first_after(own, id) else { return Vec::new() };
        if transcript.role(&ack) != Some(Role::Ack) || !self.pace.allows(now) {
            return Vec::new();
        }
        let due = |id: &I| {
            !transcript.acked_by(id, sender)
                && cache.last(id).is_some_and(|last| now.since(last) >= self.latency)
        };
        if !due(&ack) {
            return Vec::new();
        }
        let mut packets = transcript.ack_run_before(&ack);
        packets.retain(due);
        packets.push(ack);
        for packet in &packets {
            cache.seen(now, packet);
        }
        self.pace.spend(now, packets.len());
        packets
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::String;

    use mpenc_causal::{Entry, Transcript};

    use super::*;
    use crate::flow::cache::OCTETS;
    use crate::flow::pace::BURST;
    use crate::flow::tests::at;

    const NONE: [u32; 0] = [];

    struct Case {
        transcript: Transcript<u32, &'static str>,
        cache: Cache<u32, &'static str>,
        answers: Answers,
    }

    impl Case {
        /// Messages 0, 1, … are written at time 0: by whom, on which parents, for what.
        fn new(messages: &[(&'static str, &[u32], Role)]) -> Self {
            let mut case = Self {
                transcript: Transcript::new(["alice", "bob", "carol"]),
                cache: Cache::new(OCTETS),
                answers: Answers::new(Duration::from_secs(5)),
            };
            for (id, (author, parents, role)) in (0..).zip(messages) {
                case.transcript.add(Entry::new(id, author, parents, *role)).unwrap();
                case.cache.insert(at(0.0), id, author, String::new());
            }
            case
        }

        /// We are alice.
        fn to(&mut self, seconds: f64, id: u32, sender: &'static str) -> Vec<u32> {
            let Self { transcript, cache, answers } = self;
            answers.to(at(seconds), &id, &sender, &"alice", transcript, cache)
        }
    }

    #[test]
    fn an_explicit_ack_that_the_sender_lacks_is_sent_again() {
        let mut case = Case::new(&[("bob", &[], Role::Content), ("alice", &[0], Role::Ack)]);
        assert_eq!(case.to(30.0, 0, "bob"), [1]);
        assert_eq!(case.to(34.9, 0, "bob"), NONE, "once per BC_LAT");
        assert_eq!(case.to(34.9, 0, "carol"), NONE, "whoever asks");
        assert_eq!(case.to(35.0, 0, "carol"), [1]);
    }

    #[test]
    fn an_ack_on_its_way_is_not_sent_again() {
        let mut case = Case::new(&[("bob", &[], Role::Content), ("alice", &[0], Role::Ack)]);
        assert_eq!(case.to(4.9, 0, "bob"), NONE);
    }

    #[test]
    fn in_all_other_cases_there_is_nothing_to_do() {
        let mut case = Case::new(&[
            ("alice", &[], Role::Content),
            ("bob", &[0], Role::Ack),
            ("bob", &[1], Role::Content),
            ("alice", &[2], Role::Content),
            ("carol", &[3], Role::Content),
            ("bob", &[4], Role::Content),
            ("alice", &[5], Role::Ack),
            ("bob", &[6], Role::Ack),
            ("carol", &[5], Role::Content),
        ]);
        assert_eq!(case.to(30.0, 0, "bob"), NONE, "ours");
        assert_eq!(case.to(30.0, 1, "bob"), NONE, "an explicit ack");
        assert_eq!(case.to(30.0, 2, "bob"), NONE, "acked by a monitored message");
        assert_eq!(case.to(30.0, 4, "bob"), NONE, "bob has acked our ack");
        assert_eq!(case.to(30.0, 8, "carol"), NONE, "not acked yet");
        assert_eq!(case.to(30.0, 99, "carol"), NONE, "unknown");
        assert_eq!(case.to(30.0, 4, "carol"), [6], "carol has not");
    }

    /// Our second ack is of no use to whoever lacks the first, which acks nothing by itself.
    #[test]
    fn acks_before_it_go_with_it() {
        let mut case = Case::new(&[
            ("bob", &[], Role::Content),
            ("alice", &[0], Role::Ack),
            ("alice", &[1], Role::Ack),
            ("bob", &[0], Role::Content),
            ("alice", &[2, 3], Role::Ack),
        ]);
        assert_eq!(case.to(30.0, 3, "bob"), [1, 2, 4]);
        assert_eq!(case.to(31.0, 0, "bob"), NONE, "it has just gone with the other");
    }

    #[test]
    fn whoever_sends_everything_again_does_not_get_everything_back() {
        let mut messages: Vec<(&str, Vec<u32>, Role)> = Vec::new();
        for id in 0..500_u32 {
            let parents = id.checked_sub(1).into_iter().collect();
            let by_us = id % 2 == 1;
            messages.push((
                if by_us { "alice" } else { "bob" },
                parents,
                if by_us { Role::Ack } else { Role::Content },
            ));
        }
        let messages: Vec<_> =
            messages.iter().map(|(author, parents, role)| (*author, &**parents, *role)).collect();
        let mut case = Case::new(&messages);
        let answered: usize = (0..500).map(|id| case.to(30.0, id, "carol").len()).sum();
        assert!(answered <= usize::try_from(BURST).unwrap() + 1, "{answered}");
        assert!(answered > 0);
    }
}
