//! A server that tells different members different things.

use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

use mpenc_wire::{MemberId, armor, unarmor};
use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};

use crate::Notice;

/// How many of each sender's packets are kept, to be told again.
const KEPT: usize = 16;
/// How many packets a flood is.
const FLOOD: usize = 24;
/// How many events a split lasts at most.
const SPLIT: usize = 80;

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
/// | a membership packet | some get it later than what comes after it; one never gets it, be it the sender |
/// | a data packet | one never gets it |
/// | any packet | one gets an older packet of the sender in its place, or one that was changed; one gets, before it, another's older packet in anybody's name, or a flood of changed ones |
/// | somebody enters or leaves | one is not told; one is told later |
/// | any packet | before it, one is told that somebody left who did not |
/// | any | from here on, and for a while, two halves of the channel are told nothing of each other |
pub(crate) struct Lies {
    rng: ChaCha20Rng,
    older: BTreeMap<MemberId, VecDeque<String>>,
    /// One half of the channel, and for how many more events it is told nothing of the other.
    split: Option<(BTreeSet<MemberId>, usize)>,
    told: BTreeMap<&'static str, u64>,
    /// Packets that nobody has sent as they are told, in whose name, and as which lie.
    forged: Vec<(&'static str, MemberId, String)>,
}

impl Lies {
    pub(crate) fn new(seed: u64) -> Self {
        let mut rng = ChaCha20Rng::seed_from_u64(seed);
        // Another stream than the channel's and the people's, which are seeded alike.
        rng.set_stream(2);
        let (older, told) = (BTreeMap::new(), BTreeMap::new());
        Self { rng, older, split: None, told, forged: Vec::new() }
    }

    /// How many lies were told, by kind.
    pub(crate) fn told(&self) -> &BTreeMap<&'static str, u64> {
        &self.told
    }

    /// Takes the packets that were made up since the last time.
    pub(crate) fn take_forged(&mut self) -> Vec<(&'static str, MemberId, String)> {
        core::mem::take(&mut self.forged)
    }

    fn below(&mut self, n: usize) -> usize {
        let n = u64::try_from(n).unwrap_or(u64::MAX);
        let product = (u128::from(self.rng.next_u32()) * u128::from(n)) >> 32;
        usize::try_from(product).unwrap_or(0)
    }

    fn late(&mut self) -> Duration {
        Duration::from_millis(u64::try_from(self.below(3_000)).unwrap_or(0))
    }

    fn tells(&mut self, lie: &'static str) {
        let times = self.told.entry(lie).or_default();
        *times = times.saturating_add(1);
    }

    /// What is told of one event, of which an honest server would say this to these.
    pub(crate) fn change(&mut self, honest: Vec<(MemberId, Notice)>) -> Vec<Told> {
        let Some((_, event)) = honest.first().cloned() else { return Vec::new() };
        let everybody: Vec<MemberId> = honest.iter().map(|(to, _)| to.clone()).collect();
        let mut told: Vec<Told> =
            honest.into_iter().map(|(to, notice)| Told { to, notice, late: None }).collect();
        let victim = self.below(told.len());
        match event {
            Notice::Packet { sender, packet } => {
                self.change_packet(&mut told, victim, &everybody, &sender, &packet);
                let older = self.older.entry(sender.clone()).or_default();
                if older.len() == KEPT {
                    older.pop_front();
                }
                older.push_back(packet);
                self.keep_apart(&mut told, &everybody, &sender);
            }
            Notice::OtherEntered(who) | Notice::OtherLeft(who) => {
                self.change_move(&mut told, victim);
                self.keep_apart(&mut told, &everybody, &who);
            }
            _ => {}
        }
        told
    }

    fn change_packet(
        &mut self,
        told: &mut Vec<Told>,
        victim: usize,
        everybody: &[MemberId],
        sender: &MemberId,
        packet: &str,
    ) {
        let data = told.first().is_some_and(|told| told.notice.is_data());
        let [late, lost, older, changed, again, flood] =
            if data { [0, 3, 5, 7, 9, 10] } else { [8, 11, 14, 17, 19, 20] };
        let Some(to) = everybody.get(victim) else { return };
        let dice = self.below(100);
        if dice < late {
            for told in told {
                told.late = (self.below(2) == 0).then(|| self.late());
            }
            self.tells("late");
        } else if dice < lost {
            told.remove(victim);
            self.tells("withheld");
        } else if dice < older {
            if let Some(packet) = self.older_of(sender)
                && let Some(told) = told.get_mut(victim)
            {
                told.notice = Notice::Packet { sender: sender.clone(), packet };
                self.tells("exchanged");
            }
        } else if dice < changed {
            if let Some(packet) = self.changed(packet)
                && let Some(told) = told.get_mut(victim)
            {
                self.forged.push(("changed", sender.clone(), packet.clone()));
                told.notice = Notice::Packet { sender: sender.clone(), packet };
                self.tells("changed");
            }
        } else if dice < again {
            let (by, named) = (self.below(everybody.len()), self.below(everybody.len()));
            if let (Some(by), Some(named)) = (everybody.get(by), everybody.get(named))
                && let Some(packet) = self.older_of(by)
            {
                let notice = Notice::Packet { sender: named.clone(), packet };
                told.insert(0, Told { to: to.clone(), notice, late: None });
                self.tells("told again");
            }
        } else if dice < flood {
            for _ in 0..FLOOD {
                let Some(packet) = self.changed(packet) else { break };
                self.forged.push(("flooded", sender.clone(), packet.clone()));
                let notice = Notice::Packet { sender: sender.clone(), packet };
                told.insert(0, Told { to: to.clone(), notice, late: None });
            }
            self.tells("flooded");
        } else if self.below(200) == 0 {
            let gone = self.below(everybody.len());
            if let Some(gone) = everybody.get(gone).filter(|gone| *gone != to) {
                let notice = Notice::OtherLeft(gone.clone());
                told.insert(0, Told { to: to.clone(), notice, late: None });
                self.tells("said to have left");
            }
        }
    }

    /// Somebody enters or leaves. Whoever it is about is told the truth: they know it.
    fn change_move(&mut self, told: &mut Vec<Told>, victim: usize) {
        let dice = self.below(100);
        let about_others =
            |told: &Told| matches!(told.notice, Notice::OtherEntered(_) | Notice::OtherLeft(_));
        if !told.get(victim).is_some_and(about_others) {
            return;
        }
        if dice < 15 {
            told.remove(victim);
            self.tells("coming or going withheld");
        } else if dice < 25 {
            let late = self.late();
            if let Some(told) = told.get_mut(victim) {
                told.late = Some(late);
            }
            self.tells("coming or going late");
        }
    }

    /// While the channel is split, what somebody does is not told to the other half.
    fn keep_apart(&mut self, told: &mut Vec<Told>, everybody: &[MemberId], who: &MemberId) {
        if self.split.is_none() && self.below(150) == 0 {
            let half = everybody.iter().filter(|_| self.rng.next_u32() & 1 == 0).cloned();
            let half = half.collect();
            let events = self.below(SPLIT);
            self.split = Some((half, events));
        }
        let Some((half, events)) = &mut self.split else { return };
        let before = told.len();
        told.retain(|told| told.to == *who || half.contains(&told.to) == half.contains(who));
        let over = *events == 0;
        *events = events.saturating_sub(1);
        if over {
            self.split = None;
        }
        if told.len() < before {
            self.tells("split");
        }
    }

    fn older_of(&mut self, sender: &MemberId) -> Option<String> {
        let kept = self.older.get(sender).map_or(0, VecDeque::len);
        let at = self.below(kept);
        self.older.get(sender)?.get(at).cloned()
    }

    /// A packet with a few octets changed, which may be of its signature or of what is signed.
    fn changed(&mut self, packet: &str) -> Option<String> {
        let mut contents = Vec::new();
        let mut octets = unarmor(packet, &mut contents).ok()?.to_vec();
        for _ in 0..=self.below(4) {
            let (at, bit) = (self.below(octets.len()), self.below(8));
            *octets.get_mut(at)? ^= 1 << bit;
        }
        Some(armor(&octets)).filter(|changed| changed != packet)
    }
}
