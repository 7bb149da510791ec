//! Packets that no session makes.

use mpenc::message::{Draft, Kind, OrderAck};
use mpenc::wire::{PREFIX, PlaintextFields, armor, resend, unarmor};
use mpenc::{Dialect, MemberId, MessageId};
use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};
use serde::{Deserialize, Serialize};

use super::super::chance::Chance;
use super::super::crypto::Kept;
use super::Puppeteer;

/// What a hostile member sends by themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Trick {
    /// Two messages, neither of which follows the other.
    Fork,
    /// A message with a parent that another of its parents follows.
    RedundantParent,
    /// One with a parent that does not exist.
    UnknownParent,
    /// One with a parent out of an older sub-session.
    ForeignParent,
    /// One after the member's last.
    AfterFin,
    /// One that says that the server's order is another.
    OtherOrder,
    /// One under the keys of an older sub-session.
    OldKeys,
    /// One of a kind that does not exist.
    UnknownKind,
    /// An ack with a text.
    AckWithText,
    /// A text that is none.
    NotUtf8,
    /// One without a body.
    NoBody,
    /// Parents in the wrong order.
    ParentsDescend,
    /// A signature that is not right.
    OtherSignature,
    /// A message in another's name, as if sent again.
    ForgedAuthor,
    /// A packet of another, as if it were one's own.
    Stolen,
    /// A packet of another with an octet changed.
    Changed,
    /// A good message, written in a way that is not the one way.
    NotCanonical,
    /// A packet of rubbish.
    Rubbish,
    /// Many of these, and of packets that only lack a good signature.
    Flood,
    /// An ack of what nobody has written.
    FalseAck,
    /// An ack of what was sent last, whether one's own session has it or not.
    HastyAck,
    /// A packet that is too long.
    TooLong,
}

impl Trick {
    /// All of them.
    pub(crate) const ALL: [Self; 22] = [
        Self::Fork,
        Self::RedundantParent,
        Self::UnknownParent,
        Self::ForeignParent,
        Self::AfterFin,
        Self::OtherOrder,
        Self::OldKeys,
        Self::UnknownKind,
        Self::AckWithText,
        Self::NotUtf8,
        Self::NoBody,
        Self::ParentsDescend,
        Self::OtherSignature,
        Self::ForgedAuthor,
        Self::Stolen,
        Self::Changed,
        Self::NotCanonical,
        Self::Rubbish,
        Self::Flood,
        Self::FalseAck,
        Self::HastyAck,
        Self::TooLong,
    ];
}

/// How many packets a flood is.
const FLOOD: usize = 48;

/// A packet to send, and the id of the message in it, if there is one that can be opened.
pub(crate) struct Forged {
    pub(crate) packet: String,
    pub(crate) id: Option<MessageId>,
    /// Whether it is what is wrong, and not only what leads to it.
    pub(crate) wrong: bool,
}

impl Forged {
    const fn unreadable(packet: String) -> Self {
        Self { packet, id: None, wrong: true }
    }
}

/// The tools of a hostile member.
struct Forge<'a> {
    kept: &'a [Kept],
    rng: ChaCha20Rng,
}

impl Forge<'_> {
    /// A message under the keys of so many sub-sessions ago.
    fn message(&mut self, ago: usize, parents: &[MessageId], kind: Kind) -> Option<Forged> {
        self.sealed(ago, parents, kind, None)
    }

    fn sealed(
        &mut self,
        ago: usize,
        parents: &[MessageId],
        kind: Kind,
        order_ack: Option<OrderAck>,
    ) -> Option<Forged> {
        let mut parents = parents.to_vec();
        parents.sort_unstable();
        let text = format!("believe me {}", self.rng.next_u32());
        let text = if kind == Kind::Payload { text.as_str() } else { "" };
        let kept = self.kept.iter().rev().nth(ago)?;
        let sealed =
            kept.seal(&mut self.rng, &Draft { parents: &parents, kind, text, order_ack })?;
        Some(Forged { packet: sealed.packet, id: Some(sealed.id), wrong: true })
    }

    /// Records that are sealed as they are.
    fn octets(&mut self, fields: &PlaintextFields<'_>, drop_body: bool) -> Option<Forged> {
        let mut octets = fields.encode().ok()?;
        if drop_body {
            octets.truncate(octets.len().saturating_sub(fields.body.len().saturating_add(4)));
        }
        let kept = self.kept.last()?;
        let sealed = kept.seal_octets(&mut self.rng, &octets)?;
        Some(Forged { packet: sealed.packet, id: Some(sealed.id), wrong: true })
    }

    fn rubbish(&mut self) -> Forged {
        let mut octets = vec![0; 120];
        self.rng.fill_bytes(&mut octets);
        Forged::unreadable(armor(&octets))
    }
}

/// The packets of a trick; none if there is nothing to play it with.
pub(crate) fn forge(
    trick: Trick,
    kept: &[Kept],
    puppeteer: &Puppeteer,
    others: &[MemberId],
    chance: &mut Chance,
) -> Vec<Forged> {
    let seed = u64::try_from(chance.below(usize::MAX)).unwrap_or(0);
    let forge = Forge { kept, rng: ChaCha20Rng::seed_from_u64(seed) };
    play(trick, forge, puppeteer, others, chance).unwrap_or_default()
}

fn play(
    trick: Trick,
    mut forge: Forge<'_>,
    puppeteer: &Puppeteer,
    others: &[MemberId],
    chance: &mut Chance,
) -> Option<Vec<Forged>> {
    let kept = forge.kept;
    let mut other = [0; 32];
    forge.rng.fill_bytes(&mut other);
    let unknown = MessageId::from_hash(Dialect::DOCUMENT, &other);
    let newest: Vec<MessageId> = puppeteer.own.back().copied().into_iter().collect();
    let fields = PlaintextFields { parents: &newest, kind: None, body: b"", order_ack: None };
    let stolen = chance.pick(&puppeteer.heard.iter().cloned().collect::<Vec<_>>()).cloned();
    let one = match trick {
        Trick::Fork => {
            let first = forge.message(0, &newest, Kind::Payload)?;
            let second = forge.message(0, &newest, Kind::Payload)?;
            return Some(vec![Forged { wrong: false, ..first }, second]);
        }
        Trick::AfterFin => {
            let fin = forge.message(0, &newest, Kind::Fin)?;
            let after = forge.message(0, &[fin.id?], Kind::Payload)?;
            return Some(vec![Forged { wrong: false, ..fin }, after]);
        }
        Trick::RedundantParent => {
            let mut own = puppeteer.own.iter().rev();
            let both = [*own.next()?, *own.next()?];
            forge.message(0, &both, Kind::Payload)?
        }
        Trick::UnknownParent => {
            let parents: Vec<_> = newest.iter().copied().chain([unknown]).collect();
            forge.message(0, &parents, Kind::Payload)?
        }
        Trick::ForeignParent => {
            let old = forge.message(1, &[], Kind::Payload)?;
            let new = forge.message(0, &[old.id?], Kind::Payload)?;
            return Some(vec![old, new]);
        }
        Trick::OtherOrder => {
            let ack = OrderAck { packet_id: other, chain_hash: other };
            forge.sealed(0, &newest, Kind::Payload, Some(ack))?
        }
        Trick::OldKeys => forge.message(1, &[], Kind::Payload)?,
        Trick::UnknownKind => {
            forge.octets(&PlaintextFields { kind: Some(99), body: b"hi", ..fields }, false)?
        }
        Trick::AckWithText => {
            forge.octets(&PlaintextFields { kind: Some(1), body: b"hi", ..fields }, false)?
        }
        Trick::NotUtf8 => forge.octets(&PlaintextFields { body: b"\xff\xfe", ..fields }, false)?,
        Trick::NoBody => forge.octets(&fields, true)?,
        Trick::ParentsDescend => {
            let mut parents = [unknown, *newest.first()?];
            parents.sort_unstable_by(|one, next| next.cmp(one));
            // The encoder sorts nothing, and refuses: so they are exchanged by hand.
            let ascending = [parents[1], parents[0]];
            let octets = PlaintextFields { parents: &ascending, body: b"hi", ..fields };
            let octets = octets.encode().ok()?;
            let length = parents[0].as_bytes().len().saturating_add(4);
            let (first, rest) = octets.split_at_checked(length)?;
            let (second, rest) = rest.split_at_checked(length)?;
            let sealed =
                forge.kept.last()?.seal_octets(&mut forge.rng, &[second, first, rest].concat())?;
            Forged { packet: sealed.packet, id: Some(sealed.id), wrong: true }
        }
        Trick::OtherSignature => {
            let message = forge.message(0, &newest, Kind::Payload)?;
            Forged::unreadable(flipped(&message.packet, |length| length.min(20))?)
        }
        Trick::ForgedAuthor => {
            let message = forge.message(0, &newest, Kind::Payload)?;
            Forged::unreadable(resend(&message.packet, chance.pick(others)?).ok()?)
        }
        Trick::Stolen => Forged::unreadable(stolen?),
        Trick::Changed => {
            let at = chance.below(200);
            Forged::unreadable(flipped(&stolen?, |length| at % length.max(1))?)
        }
        Trick::NotCanonical => {
            let message = forge.message(0, &newest, Kind::Payload)?;
            let (head, tail) = message.packet.split_at_checked(60)?;
            Forged::unreadable(format!("{head}\n{tail}"))
        }
        Trick::Rubbish => forge.rubbish(),
        Trick::Flood => return Some(flood(&mut forge, &newest)),
        Trick::FalseAck => {
            let parents: Vec<_> = newest.iter().copied().chain([unknown]).collect();
            forge.message(0, &parents, Kind::AckManual)?
        }
        Trick::HastyAck => {
            let kept = kept.last()?;
            let last = puppeteer.heard.iter().rev().find_map(|packet| kept.message_id(packet))?;
            let parents: Vec<_> = newest.iter().copied().chain([last]).collect();
            forge.message(0, &parents, Kind::AckManual)?
        }
        Trick::TooLong => Forged::unreadable(format!("{PREFIX}{}.", "A".repeat(1_500_000))),
    };
    Some(vec![one])
}

/// Half of it is rubbish, which is refused at once; half looks like messages of the sub-session, so
/// that it is kept for a while.
fn flood(forge: &mut Forge<'_>, newest: &[MessageId]) -> Vec<Forged> {
    let message = forge.message(0, newest, Kind::Payload);
    (0..FLOOD)
        .map(|at| {
            let place = at.saturating_add(20);
            let spoilt = message.as_ref().and_then(|it| flipped(&it.packet, |n| place % n.max(1)));
            match spoilt {
                Some(packet) if at % 2 == 0 => Forged::unreadable(packet),
                _ => forge.rubbish(),
            }
        })
        .collect()
}

/// A packet with one bit changed in the octet at this place.
fn flipped(packet: &str, place: impl FnOnce(usize) -> usize) -> Option<String> {
    let mut contents = Vec::new();
    let mut octets = unarmor(packet, &mut contents).ok()?.to_vec();
    let at = place(octets.len());
    *octets.get_mut(at)? ^= 1;
    Some(armor(&octets))
}
