//! A relay that loses, doubles, delays and lies: for tests of those who use it.
//!
//! A group channel promises one order of membership packets and of who enters and leaves; it
//! promises nothing of data packets. [`Faults`] without a [`Lie`] keep that promise: only data
//! packets are lost, come twice or overtake each other, for each receiver by itself, the sender's
//! own echo included. A lie breaks it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use bytes::Bytes;
use mpenc_wire::{Dialect, Packet, unarmor};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use crate::ServerFrame;
use crate::hub::Tamper;

/// How many packets that are kept from somebody are remembered in each room.
const WITHHELD: usize = 4096;
/// By how much halves of a room hear of each other late, unless a delay is given.
const APART: Duration = Duration::from_millis(400);

/// What a faulty relay does wrong.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Faults {
    /// How many of a hundred data packets never reach a receiver.
    pub drop: u8,
    /// How many of a hundred reach it twice.
    pub duplicate: u8,
    /// By how much a data packet may be late.
    pub delay: Duration,
    /// What it tells different members differently.
    pub lie: Option<Lie>,
    /// What its choices come from: the same seed and the same traffic give the same faults.
    pub seed: u64,
}

/// What a lying relay tells different members of a room differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Lie {
    /// Whoever entered second is not told of those who enter from the fourth on, nor of what they
    /// send and that they leave.
    Membership,
    /// Each half of the room gets its own members' packets first, and the other half's later: so two
    /// proposals at once come in two orders.
    Order,
    /// Every third data packet never reaches whoever entered second, nor does any copy of it that
    /// others send again: they get an older one of the same sender in its place.
    Packets,
}

/// The state of a faulty relay.
pub(crate) struct Tampering {
    faults: Faults,
    rng: ChaCha8Rng,
    rooms: BTreeMap<String, Room>,
}

/// What was told otherwise in a room.
#[derive(Default)]
struct Room {
    /// Who is told less than the others.
    victim: Option<String>,
    /// Members of whom the victim does not know.
    hidden: BTreeSet<String>,
    /// Signatures of data packets that the victim must not get, the oldest first.
    withheld: VecDeque<[u8; 64]>,
    /// The last data packet of each sender that the victim got.
    latest: BTreeMap<String, Bytes>,
    /// Data packets so far.
    seen: u64,
}

impl Tampering {
    pub(crate) fn new(faults: Faults) -> Self {
        let rng = ChaCha8Rng::seed_from_u64(faults.seed);
        Self { faults, rng, rooms: BTreeMap::new() }
    }

    /// By how much each copy of a data packet is late that reaches one receiver.
    fn copies(&mut self) -> impl Iterator<Item = Duration> + use<> {
        let (percent, late) = (self.below(100), [self.below(1_000), self.below(1_000)]);
        let (drop, duplicate) = (u32::from(self.faults.drop), u32::from(self.faults.duplicate));
        let copies = match percent {
            percent if percent < drop => 0,
            percent if percent < drop + duplicate => 2,
            _ => 1,
        };
        let most = match self.faults.lie {
            // There it is the distance between the halves.
            Some(Lie::Order) => Duration::ZERO,
            _ => self.faults.delay,
        };
        late.into_iter().take(copies).map(move |part| most * part / 1_000)
    }

    fn below(&mut self, n: u32) -> u32 {
        let product = u64::from(self.rng.next_u32()) * u64::from(n);
        u32::try_from(product >> 32).unwrap_or(0)
    }

    /// What each member is told, if anything.
    fn lie(
        &mut self,
        lie: Lie,
        room: &str,
        members: &[String],
        frame: &ServerFrame<'_>,
        signature: Option<&[u8; 64]>,
    ) -> Vec<Option<Told>> {
        let honest = Told { frame: frame.encode(), late: Duration::ZERO };
        let apart = if self.faults.delay.is_zero() { APART } else { self.faults.delay };
        let room = self.rooms.entry(room.to_owned()).or_default();
        if room.victim.is_none() && members.len() >= 3 {
            room.victim = members.get(1).cloned();
        }
        match lie {
            Lie::Membership => {
                if let ServerFrame::Entered { name } = frame
                    && members.len() > 3
                {
                    room.hidden.insert((*name).to_owned());
                }
                let about = match frame {
                    ServerFrame::Entered { name } | ServerFrame::Left { name, .. } => Some(*name),
                    ServerFrame::Packet { sender, .. } => Some(*sender),
                    _ => None,
                };
                let hidden = about.is_some_and(|name| room.hidden.contains(name));
                let kept = |member: &String| hidden && room.victim.as_ref() == Some(member);
                members.iter().map(|member| (!kept(member)).then(|| honest.clone())).collect()
            }
            Lie::Order => {
                let ServerFrame::Packet { sender, .. } = frame else {
                    return vec![Some(honest); members.len()];
                };
                let middle = members.len().div_ceil(2);
                let half = |at: usize| at < middle;
                let sender = members.iter().position(|member| member == sender).unwrap_or(0);
                (0..members.len())
                    .map(|at| {
                        let late = if half(at) == half(sender) { Duration::ZERO } else { apart };
                        Some(Told { late, ..honest.clone() })
                    })
                    .collect()
            }
            Lie::Packets => {
                let (Some(signature), ServerFrame::Packet { sender, .. }) = (signature, frame)
                else {
                    return vec![Some(honest); members.len()];
                };
                let instead = room.instead_of_data(signature, sender, &honest.frame);
                let told = |member: &String| {
                    if room.victim.as_ref() != Some(member) {
                        return Some(honest.clone());
                    }
                    let frame = instead.clone()?;
                    Some(Told { frame, late: Duration::ZERO })
                };
                members.iter().map(told).collect()
            }
        }
    }
}

impl Tamper for Tampering {
    fn instead(
        &mut self,
        room: &str,
        members: &[String],
        frame: &ServerFrame<'_>,
    ) -> Vec<Vec<(Duration, Bytes)>> {
        let honest = frame.encode();
        let signature = match frame {
            ServerFrame::Packet { packet, .. } => data_signature(packet),
            _ => None,
        };
        let lies =
            self.faults.lie.map(|lie| self.lie(lie, room, members, frame, signature.as_ref()));
        (0..members.len())
            .map(|at| {
                let told = lies.as_ref().and_then(|lies| lies.get(at));
                let Told { frame, late } = match told {
                    Some(Some(told)) => told.clone(),
                    Some(None) => return Vec::new(),
                    None => Told { frame: honest.clone(), late: Duration::ZERO },
                };
                if signature.is_none() {
                    return vec![(late, frame)];
                }
                let copies = self.copies();
                copies.map(|delay| (late + delay, frame.clone())).collect()
            })
            .collect()
    }
}

/// What one member is told.
#[derive(Clone)]
struct Told {
    frame: Bytes,
    late: Duration,
}

impl Room {
    /// What the victim gets instead of a data packet.
    fn instead_of_data(
        &mut self,
        signature: &[u8; 64],
        sender: &str,
        honest: &Bytes,
    ) -> Option<Bytes> {
        self.seen = self.seen.wrapping_add(1);
        let again = self.withheld.contains(signature);
        if !again && !self.seen.is_multiple_of(3) {
            self.latest.insert(sender.to_owned(), honest.clone());
            return Some(honest.clone());
        }
        if !again {
            if self.withheld.len() == WITHHELD {
                self.withheld.pop_front();
            }
            self.withheld.push_back(*signature);
        }
        self.latest.get(sender).cloned()
    }
}

/// The signature of a data packet, which copies of it share; `None` if it is something else.
fn data_signature(packet: &str) -> Option<[u8; 64]> {
    let mut contents = Vec::new();
    let contents = unarmor(packet, &mut contents).ok()?;
    [Dialect::DOCUMENT, Dialect::MPENC_JS].into_iter().find_map(|dialect| {
        match Packet::decode(dialect, contents) {
            Ok(Packet::Data(data)) => Some(*data.signature),
            _ => None,
        }
    })
}

#[cfg(test)]
mod tests;
