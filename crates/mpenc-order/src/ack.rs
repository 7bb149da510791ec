//! Order acks: members tell each other, inside authenticated messages, what they have accepted.

use alloc::collections::{BTreeMap, VecDeque};
use alloc::vec::Vec;
use core::{fmt, mem};

use crate::operation::Head;
use crate::{ChainHash, PacketId};

/// What an order ack of a member says to us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[must_use = "an ack that differs is evidence that somebody was told another story"]
pub enum AckVerdict {
    /// Their history up to this packet is ours, which we did not know yet.
    Match,
    /// Their history up to this packet is ours, which we knew already.
    Covered,
    /// They accepted the same packet after another history: one of us was told another story.
    Mismatch {
        /// Our chain hash at that packet.
        ours: ChainHash,
        /// Theirs.
        theirs: ChainHash,
    },
    /// They accepted a packet that we do not know. It is held, because it may still be under way to
    /// us; when a broadcast's latency has passed, [`OrderAcks::give_up`] tells.
    Unknown,
    /// They name a packet that we do not know, and the deadline of this one, or of an earlier such
    /// ack of theirs, stands already.
    Waiting,
    /// No ack is expected from them: they left, were excluded, or are ourselves.
    NotExpected,
}

/// An order ack for a packet that has not become known in time: its author and we were told other
/// stories.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct UnknownAck {
    /// The packet that they name as their latest accepted final one.
    pub packet: PacketId,
    /// The chain hash that they name at it.
    pub theirs: ChainHash,
    /// Our latest accepted final packet, and our chain hash at it.
    pub ours: (PacketId, ChainHash),
}

impl fmt::Display for UnknownAck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "they accepted {}, which we never saw; our latest is {}",
            self.packet, self.ours.0
        )
    }
}

/// What one other member has told us of the order.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Told {
    /// The number of the first place that they have not acked. A chain hash covers all before it, so
    /// that one number says everything; for who joined it starts at their own operation.
    unacked_from: u64,
    /// Acks for packets that we do not know yet.
    early: Vec<Head>,
    /// Whether they named something else than we did.
    differs: bool,
}

/// How far our own latest ack has come.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Sending<I> {
    /// No monitored message of the current sub-session carries it yet.
    Due,
    /// This was the first one that did.
    Carried(I),
    /// That message was fully acked: everyone knows.
    Settled,
}

/// Who has confirmed which of the operations that we accepted, and what we still have to confirm
/// ourselves (SO-16).
///
/// Generic in the member's id and in the message's. It knows nothing of messages but their ids, and
/// nothing of time: the caller sets the deadlines, and asks when they have passed.
///
/// **Acks of others.** [`accepted`](Self::accepted) is told of every accepted final packet, whether
/// the operation succeeded or failed, with the members of the session that results. They, and only
/// they, are expected to ack it: who joins acks from their own operation on, who has left or was
/// excluded is waived. An equal chain hash confirms everything before it as well.
///
/// **Acks of ours.** [`to_attach`](Self::to_attach) says what every message has to carry now, until
/// one monitored message of the current sub-session has carried it to everyone. An author's messages
/// are a chain, so whoever has acked a later one has acked the first: only that one is remembered.
///
/// The latest [`OrderAcks::HISTORY`] places of the order are remembered, if the caller does not
/// [forget](Self::forget_before) them before that. An ack for one before them
/// is like one for a packet that was never seen: no honest message is that late, because the keys
/// that opened it have been replaced since, or so many operations in a row have failed.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct OrderAcks<M, I> {
    own: M,
    places: VecDeque<Head>,
    /// The number of the oldest place that is remembered.
    oldest: u64,
    others: BTreeMap<M, Told>,
    sending: Sending<I>,
}

impl<M: Clone + Ord, I: PartialEq> OrderAcks<M, I> {
    /// How many places of the order are remembered (64 octets each).
    pub const HISTORY: usize = 256;

    /// How many acks for unknown packets are held for each member. Further ones are dropped: the
    /// deadlines of those that are held come first.
    pub const HELD: usize = 8;

    /// The acks of a member who has accepted nothing.
    #[must_use]
    pub const fn new(own: M) -> Self {
        Self {
            own,
            places: VecDeque::new(),
            oldest: 0,
            others: BTreeMap::new(),
            sending: Sending::Settled,
        }
    }

    /// We left, or are not synced any more: nothing is known, expected, or due.
    pub fn clear(&mut self) {
        self.places.clear();
        self.others.clear();
        self.sending = Sending::Settled;
    }

    /// A final packet was accepted, also one that ended an operation without effect; `members` are
    /// those of the session that results, without those who have left the channel. Gives the
    /// verdicts about acks that were held for it.
    ///
    /// If we are not among the members, everything is [cleared](Self::clear).
    pub fn accepted(
        &mut self,
        packet: PacketId,
        chain_hash: ChainHash,
        members: &[M],
    ) -> Vec<(M, AckVerdict)> {
        if !members.contains(&self.own) {
            self.clear();
            return Vec::new();
        }
        if self.places.len() >= Self::HISTORY {
            self.places.pop_front();
            self.oldest = self.oldest.saturating_add(1);
        }
        let number = self.next_number();
        self.places.push_back(Head { packet, chain_hash });
        self.others.retain(|member, _| members.contains(member));
        for member in members.iter().filter(|&member| *member != self.own) {
            self.others.entry(member.clone()).or_insert_with(|| Told {
                unacked_from: number,
                early: Vec::new(),
                differs: false,
            });
        }
        self.sending = Sending::Due;
        let mut verdicts = Vec::new();
        for (member, told) in &mut self.others {
            let (known, early): (Vec<Head>, Vec<Head>) =
                mem::take(&mut told.early).into_iter().partition(|early| early.packet == packet);
            told.early = early;
            let known = known.into_iter().map(|ack| ack.chain_hash);
            verdicts.extend(
                known.map(|theirs| (member.clone(), told.compare(number, chain_hash, theirs))),
            );
        }
        verdicts
    }

    /// A member left the channel: no ack is expected from them any more, though they are a member
    /// until they are excluded. They are not to be among the members of what is
    /// [accepted](Self::accepted) until then.
    pub fn waive(&mut self, member: &M) {
        self.others.remove(member);
    }

    /// A member's authenticated message says that `packet` is their latest accepted final packet,
    /// and `chain_hash` the chain hash at it.
    pub fn on_ack(&mut self, member: &M, packet: PacketId, chain_hash: ChainHash) -> AckVerdict {
        let Some(told) = self.others.get_mut(member) else {
            return AckVerdict::NotExpected;
        };
        let numbered = (self.oldest..).zip(&self.places);
        let known = numbered.into_iter().find(|(_, place)| place.packet == packet);
        if let Some((number, place)) = known {
            return told.compare(number, place.chain_hash, chain_hash);
        }
        let ack = Head { packet, chain_hash };
        if told.early.len() >= Self::HELD || told.early.contains(&ack) {
            return AckVerdict::Waiting;
        }
        told.early.push(ack);
        AckVerdict::Unknown
    }

    /// The time of a held ack is over: tells whether its packet is still unknown. Then it is held no
    /// longer, and its author differs from us.
    pub fn give_up(&mut self, member: &M, packet: &PacketId) -> Option<UnknownAck> {
        let ours = self.places.back().map(|place| (place.packet, place.chain_hash))?;
        let told = self.others.get_mut(member)?;
        let at = told.early.iter().position(|early| early.packet == *packet)?;
        let Head { packet, chain_hash: theirs } = told.early.swap_remove(at);
        told.differs = true;
        Some(UnknownAck { packet, theirs, ours })
    }

    /// Who has not acked this accepted final packet, and is expected to. Nobody is, if it is not
    /// remembered; and who [differs](Self::differing) is not missing.
    pub fn missing(&self, packet: &PacketId) -> impl Iterator<Item = &M> {
        let mut numbered = (self.oldest..).zip(&self.places);
        let number = numbered.find(|(_, place)| place.packet == *packet).map(|(number, _)| number);
        let missing = move |told: &Told| {
            number.is_some_and(|number| number >= told.unacked_from) && !told.differs
        };
        self.others.iter().filter(move |(_, told)| missing(told)).map(|(member, _)| member)
    }

    /// Nobody who keeps to the rules names a place before the first of these any more: forgets those
    /// before it. If one of them is not remembered, it may be before all that are, and nothing is
    /// forgotten.
    ///
    /// Whoever has not acked what is forgotten has not acked what came after it either, so they are
    /// [missing](Self::missing) there.
    pub fn forget_before(&mut self, needed: &[PacketId]) {
        let place = |packet: &PacketId| self.places.iter().position(|at| at.packet == *packet);
        let Some(places) = needed.iter().map(place).collect::<Option<Vec<_>>>() else { return };
        let Some(first) = places.into_iter().min() else { return };
        self.places.drain(..first);
        self.oldest = self.oldest.saturating_add(u64::try_from(first).unwrap_or(u64::MAX));
    }

    /// How many places are remembered.
    #[must_use]
    pub fn remembered(&self) -> usize {
        self.places.len()
    }

    /// Members who have named another history than ours.
    pub fn differing(&self) -> impl Iterator<Item = &M> {
        self.others.iter().filter(|(_, told)| told.differs).map(|(member, _)| member)
    }

    /// What every message that we write now has to carry: the latest accepted final packet, and the
    /// chain hash at it.
    #[must_use]
    pub fn to_attach(&self) -> Option<(PacketId, ChainHash)> {
        match self.sending {
            Sending::Settled => None,
            Sending::Due | Sending::Carried(_) => {
                self.places.back().map(|place| (place.packet, place.chain_hash))
            }
        }
    }

    /// Whether no monitored message carries it yet, and somebody waits for it: after a while, the
    /// caller writes one for its sake.
    #[must_use]
    pub fn needs_carrier(&self) -> bool {
        matches!(self.sending, Sending::Due) && !self.others.is_empty()
    }

    /// We wrote a message that carries it, which is monitored, and in the current sub-session.
    pub fn carried(&mut self, message: I) {
        if matches!(self.sending, Sending::Due) {
            self.sending = Sending::Carried(message);
        }
    }

    /// A message of ours was fully acked. Tells whether everyone knows by it what we accepted, so
    /// that no message has to carry it any more.
    pub fn on_fully_acked(&mut self, message: &I) -> bool {
        let settles = matches!(&self.sending, Sending::Carried(carrier) if carrier == message);
        if settles {
            self.sending = Sending::Settled;
        }
        settles
    }

    fn next_number(&self) -> u64 {
        let remembered = u64::try_from(self.places.len()).unwrap_or(u64::MAX);
        self.oldest.saturating_add(remembered)
    }
}

impl Told {
    fn compare(&mut self, number: u64, ours: ChainHash, theirs: ChainHash) -> AckVerdict {
        if ours != theirs {
            self.differs = true;
            return AckVerdict::Mismatch { ours, theirs };
        }
        if number < self.unacked_from {
            return AckVerdict::Covered;
        }
        self.unacked_from = number.saturating_add(1);
        AckVerdict::Match
    }
}
