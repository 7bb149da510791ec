//! A server that tells different members different things.

use core::time::Duration;
use std::collections::{BTreeMap, VecDeque};

use mpenc_wire::MemberId;
use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};

use crate::Notice;

/// How many of each sender's packets are kept, to be told again.
const KEPT: usize = 16;

/// What one member is told.
pub(crate) struct Told {
    pub(crate) to: MemberId,
    pub(crate) notice: Notice,
    /// How late, if it goes a way of its own and others overtake it.
    pub(crate) late: Option<Duration>,
}

/// A liar. Of each event on the channel it decides whether and to whom it lies:
///
/// | event | lie |
/// |---|---|
/// | a membership packet | some get it later than what comes after it; one never gets it, be it the sender; one gets an older packet of the sender in its place |
/// | a data packet | one never gets it; one gets an older packet of the sender in its place |
/// | somebody enters or leaves | one is not told; one is told later |
/// | any packet | before it, one is told that somebody left who did not |
pub(crate) struct Lies {
    rng: ChaCha20Rng,
    older: BTreeMap<MemberId, VecDeque<String>>,
    told: u64,
}

impl Lies {
    pub(crate) fn new(seed: u64) -> Self {
        let mut rng = ChaCha20Rng::seed_from_u64(seed);
        // Another stream than the channel's and the people's, which are seeded alike.
        rng.set_stream(2);
        Self { rng, older: BTreeMap::new(), told: 0 }
    }

    /// How many lies were told.
    pub(crate) fn told(&self) -> u64 {
        self.told
    }

    fn below(&mut self, n: usize) -> usize {
        let n = u64::try_from(n).unwrap_or(u64::MAX);
        let product = (u128::from(self.rng.next_u32()) * u128::from(n)) >> 32;
        usize::try_from(product).unwrap_or(0)
    }

    fn late(&mut self) -> Duration {
        Duration::from_millis(u64::try_from(self.below(3_000)).unwrap_or(0))
    }

    /// What is told of one event, of which an honest server would say this to these.
    pub(crate) fn change(&mut self, honest: Vec<(MemberId, Notice)>) -> Vec<Told> {
        let dice = self.below(100);
        let victim = self.below(honest.len());
        let event = honest.first().map(|(_, notice)| notice.clone());
        let everybody: Vec<MemberId> = honest.iter().map(|(to, _)| to.clone()).collect();
        let mut told: Vec<Told> =
            honest.into_iter().map(|(to, notice)| Told { to, notice, late: None }).collect();
        match event {
            Some(Notice::Packet { sender, packet }) => {
                let data = told.first().is_some_and(|told| told.notice.is_data());
                let [late, lost, older] = if data { [0, 3, 5] } else { [8, 11, 14] };
                if dice < late {
                    for told in &mut told {
                        told.late = (self.below(2) == 0).then(|| self.late());
                    }
                    self.told += 1;
                } else if dice < lost {
                    told.remove(victim);
                    self.told += 1;
                } else if dice < older {
                    let kept = self.older.get(&sender).map_or(0, VecDeque::len);
                    let at = self.below(kept);
                    let older = self.older.get(&sender).and_then(|older| older.get(at)).cloned();
                    if let (Some(packet), Some(told)) = (older, told.get_mut(victim)) {
                        told.notice = Notice::Packet { sender: sender.clone(), packet };
                        self.told += 1;
                    }
                } else if self.below(200) == 0 {
                    let gone = self.below(everybody.len());
                    if let (Some(gone), Some(to)) = (everybody.get(gone), everybody.get(victim))
                        && gone != to
                    {
                        let notice = Notice::OtherLeft(gone.clone());
                        told.insert(0, Told { to: to.clone(), notice, late: None });
                        self.told += 1;
                    }
                }
                let older = self.older.entry(sender).or_default();
                if older.len() == KEPT {
                    older.pop_front();
                }
                older.push_back(packet);
            }
            Some(Notice::OtherEntered(_) | Notice::OtherLeft(_)) => {
                // Whoever it is about is told the truth: they know it.
                let about_others = |told: &Told| {
                    matches!(told.notice, Notice::OtherEntered(_) | Notice::OtherLeft(_))
                };
                if told.get(victim).is_some_and(about_others) {
                    if dice < 15 {
                        told.remove(victim);
                        self.told += 1;
                    } else if dice < 25 {
                        let late = self.late();
                        if let Some(told) = told.get_mut(victim) {
                            told.late = Some(late);
                        }
                        self.told += 1;
                    }
                }
            }
            _ => {}
        }
        told
    }
}
