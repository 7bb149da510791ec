//! Packets that no sub-session could open yet.

use alloc::collections::{BTreeMap, VecDeque};
use alloc::string::String;
use alloc::vec::Vec;

use mpenc_wire::MemberId;

use crate::{Event, HeldId, Instant, Outputs};

/// How many packets of one sender are held.
const PER_SENDER: usize = 16;
/// How many octets are held in all.
const OCTETS: usize = 256 * 1024;

#[derive(Clone, Debug)]
pub(crate) struct Held {
    pub(crate) number: HeldId,
    pub(crate) sender: MemberId,
    pub(crate) packet: String,
    /// When to say that it could not be opened.
    due: Instant,
    pub(crate) told: bool,
}

impl Held {
    /// The user hears that it could not be opened.
    pub(crate) fn tell(&self, out: &mut Outputs) {
        out.tell(Event::NotDecrypted {
            packet: self.number,
            sender: self.sender.clone(),
            octets: self.packet.len(),
        });
    }
}

/// The try-later queue (TR-15), bounded by sender and in octets. Only data packets come here:
/// membership events never wait in a queue that can drop.
#[derive(Clone, Debug, Default)]
pub(crate) struct HeldPackets {
    queue: VecDeque<Held>,
    octets: usize,
    numbered: u64,
    /// Whether the queue's timer is set. There is one for all, or a flood of packets that give way to
    /// each other would leave a flood of timers.
    armed: bool,
}

impl HeldPackets {
    /// Holds a packet. When there is no room, the oldest of whoever takes up most gives way, so that
    /// nobody can keep the others out. Says when its time is up, if the timer is to be set, and adds to
    /// `dropped` what gave way.
    pub(crate) fn hold(
        &mut self,
        sender: &MemberId,
        packet: &str,
        due: Instant,
        dropped: &mut Vec<Held>,
    ) -> Option<Instant> {
        self.numbered = self.numbered.wrapping_add(1);
        let number = HeldId(self.numbered);
        self.octets = self.octets.saturating_add(packet.len());
        self.queue.push_back(Held {
            number,
            sender: sender.clone(),
            packet: String::from(packet),
            due,
            told: false,
        });
        if self.queue.iter().filter(|held| held.sender == *sender).count() > PER_SENDER {
            dropped.extend(self.take_oldest_of(sender));
        }
        while self.octets > OCTETS {
            let Some(most) = self.greediest() else { break };
            dropped.extend(self.take_oldest_of(&most));
        }
        (!core::mem::replace(&mut self.armed, true)).then_some(due)
    }

    /// The timer has fired: packets whose time is up and that nobody was told of, and when to set it
    /// again.
    pub(crate) fn take_due(&mut self, now: Instant) -> (Vec<HeldId>, Option<Instant>) {
        let waiting = || self.queue.iter().filter(|held| !held.told);
        let due = waiting().filter(|held| held.due <= now).map(|held| held.number).collect();
        let next = waiting().filter(|held| held.due > now).map(|held| held.due).min();
        self.armed = next.is_some();
        (due, next)
    }

    fn take_oldest_of(&mut self, sender: &MemberId) -> Option<Held> {
        let oldest = self.queue.iter().position(|held| held.sender == *sender);
        let taken = self.queue.remove(oldest?)?;
        self.octets = self.octets.saturating_sub(taken.packet.len());
        Some(taken)
    }

    /// Whoever takes up most octets.
    fn greediest(&self) -> Option<MemberId> {
        let mut octets: BTreeMap<&MemberId, usize> = BTreeMap::new();
        for held in &self.queue {
            let sum = octets.entry(&held.sender).or_default();
            *sum = sum.saturating_add(held.packet.len());
        }
        octets.into_iter().max_by_key(|&(_, sum)| sum).map(|(sender, _)| sender.clone())
    }

    /// How many packets are held.
    pub(crate) fn len(&self) -> usize {
        self.queue.len()
    }

    /// How many octets they have.
    pub(crate) const fn octets(&self) -> usize {
        self.octets
    }

    /// Whether this very packet is held already.
    pub(crate) fn contains(&self, sender: &MemberId, packet: &str) -> bool {
        self.queue.iter().any(|held| held.sender == *sender && held.packet == packet)
    }

    /// A packet's time is up.
    pub(crate) fn tell(&mut self, number: HeldId, out: &mut Outputs) {
        if let Some(held) = self.queue.iter_mut().find(|held| held.number == number) {
            held.told = true;
            held.tell(out);
        }
    }

    /// Who sent a held packet.
    pub(crate) fn sender(&self, number: HeldId) -> Option<&MemberId> {
        self.queue.iter().find(|held| held.number == number).map(|held| &held.sender)
    }

    /// Lets a packet go.
    pub(crate) fn forget(&mut self, number: HeldId) {
        if let Some(at) = self.queue.iter().position(|held| held.number == number)
            && let Some(held) = self.queue.remove(at)
        {
            self.octets = self.octets.saturating_sub(held.packet.len());
        }
    }

    /// Takes all out, to try them again.
    pub(crate) fn take_all(&mut self) -> Vec<Held> {
        self.octets = 0;
        self.queue.drain(..).collect()
    }

    /// Puts back one that could still not be opened.
    pub(crate) fn put_back(&mut self, held: Held) {
        self.octets = self.octets.saturating_add(held.packet.len());
        self.queue.push_back(held);
    }

    /// Lets all go; the caller clears the timer.
    pub(crate) fn clear(&mut self) {
        *self = Self { numbered: self.numbered, ..Self::default() };
    }
}

#[cfg(test)]
mod tests {
    use alloc::format;

    use mpenc_wire::Dialect;

    use super::*;

    fn id(name: &str) -> MemberId {
        MemberId::new(Dialect::DOCUMENT, name).unwrap()
    }

    fn at(seconds: u64) -> Instant {
        Instant::new(core::time::Duration::from_secs(seconds))
    }

    #[test]
    fn nobody_can_keep_the_others_out() {
        let (greedy, modest) = (id("greedy"), id("modest"));
        let mut held = HeldPackets::default();
        let mut dropped = Vec::new();
        for number in 0..PER_SENDER {
            let packet = format!("{number:>width$}", width = OCTETS / PER_SENDER);
            held.hold(&greedy, &packet, at(5), &mut dropped);
        }
        assert!(dropped.is_empty());
        held.hold(&modest, "small", at(5), &mut dropped);
        assert!(held.contains(&modest, "small"));
        assert_eq!(dropped.len(), 1);
        assert_eq!(dropped[0].sender, greedy, "one of theirs gave way");
        for number in 0..2 * PER_SENDER {
            held.hold(&modest, &format!("{number}"), at(5), &mut dropped);
        }
        let count = held.take_all().iter().filter(|held| held.sender == modest).count();
        assert_eq!(count, PER_SENDER);
    }

    #[test]
    fn one_timer_serves_all() {
        let mut held = HeldPackets::default();
        let mut dropped = Vec::new();
        assert_eq!(held.hold(&id("a"), "1", at(5), &mut dropped), Some(at(5)));
        for number in 0..1_000 {
            assert_eq!(held.hold(&id("b"), &format!("{number}"), at(6), &mut dropped), None);
        }
        let (due, next) = held.take_due(at(5));
        assert_eq!((due.len(), next), (1, Some(at(6))));
        let (due, next) = held.take_due(at(7));
        assert_eq!((due.len(), next), (1 + PER_SENDER, None));
        assert_eq!(held.hold(&id("a"), "2", at(8), &mut dropped), Some(at(8)));
    }
}
