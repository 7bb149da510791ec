//! Packets of operations, changed and signed again.

use mpenc::MemberId;
use mpenc::wire::{RecordType, armor, records, unarmor};
use serde::{Deserialize, Serialize};

use super::super::chance::Chance;
use super::super::crypto::sign_greeting;

/// What is changed in a packet of an operation. All but the last are signed again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Tamper {
    /// An intermediate key of zeros.
    ZeroIntKey,
    /// One of small order.
    LowOrderIntKey,
    /// One that is no canonical encoding.
    NonCanonicalIntKey,
    /// One that is another point.
    OtherIntKey,
    /// One less.
    OneIntKeyLess,
    /// One more.
    OneIntKeyMore,
    /// One of 31 octets.
    ShortIntKey,
    /// Another nonce.
    OtherNonce,
    /// Another ephemeral key, for somebody.
    OtherPubKey,
    /// Somebody left out.
    MemberLess,
    /// A stranger.
    MemberMore,
    /// Somebody twice.
    MemberTwice,
    /// The members in another order.
    MembersSwapped,
    /// Another operation or stage.
    OtherType,
    /// Another author.
    OtherSource,
    /// Another version.
    OtherVersion,
    /// Another previous final packet.
    OtherPrevPf,
    /// Another chain hash.
    OtherChainHash,
    /// A latest message that does not exist.
    UnknownLatest,
    /// Another session signature.
    OtherSessionSignature,
    /// A record that nobody knows.
    UnknownRecord,
    /// Half a record at the end.
    HalfRecord,
    /// Another signature.
    OtherSignature,
    /// Not sent at all.
    Withhold,
}

impl Tamper {
    /// All of them.
    pub(crate) const ALL: [Self; 24] = [
        Self::ZeroIntKey,
        Self::LowOrderIntKey,
        Self::NonCanonicalIntKey,
        Self::OtherIntKey,
        Self::OneIntKeyLess,
        Self::OneIntKeyMore,
        Self::ShortIntKey,
        Self::OtherNonce,
        Self::OtherPubKey,
        Self::MemberLess,
        Self::MemberMore,
        Self::MemberTwice,
        Self::MembersSwapped,
        Self::OtherType,
        Self::OtherSource,
        Self::OtherVersion,
        Self::OtherPrevPf,
        Self::OtherChainHash,
        Self::UnknownLatest,
        Self::OtherSessionSignature,
        Self::UnknownRecord,
        Self::HalfRecord,
        Self::OtherSignature,
        Self::Withhold,
    ];
}

/// A greeting as the records that it is, so that it can become what no encoder makes.
struct Mirror {
    signature: [u8; 64],
    signed: Vec<u8>,
    records: Vec<(RecordType, Vec<u8>)>,
    /// What stands behind the last record.
    rest: Vec<u8>,
}

/// Octets of a signature with its header.
const SIGNATURE: usize = 68;

impl Mirror {
    fn of(packet: &str) -> Option<Self> {
        let mut contents = Vec::new();
        let contents = unarmor(packet, &mut contents).ok()?;
        let (head, signed) = contents.split_at_checked(SIGNATURE)?;
        let records: Result<Vec<_>, _> = records(signed)
            .map(|record| record.map(|record| (record.kind, record.value.to_vec())))
            .collect();
        Some(Self {
            signature: *head.last_chunk()?,
            signed: signed.to_vec(),
            records: records.ok()?,
            rest: Vec::new(),
        })
    }

    /// The octets of all records.
    fn octets(&self) -> Vec<u8> {
        let mut octets = Vec::new();
        for (kind, value) in &self.records {
            octets.extend(kind.0.to_be_bytes());
            octets.extend(u16::try_from(value.len()).unwrap_or(0).to_be_bytes());
            octets.extend(value);
        }
        octets.extend(&self.rest);
        octets
    }

    fn text(&self, signature: &[u8; 64]) -> String {
        let head = [&RecordType::MESSAGE_SIGNATURE.0.to_be_bytes()[..], &[0, 64]].concat();
        armor(&[&head[..], signature, &self.octets()].concat())
    }

    /// The places of all records of a type.
    fn all(&self, kind: RecordType) -> Vec<usize> {
        let places = self.records.iter().enumerate();
        places.filter(|(_, (other, _))| *other == kind).map(|(at, _)| at).collect()
    }

    /// One record of a type, at random.
    fn pick(&self, kind: RecordType, chance: &mut Chance) -> Option<usize> {
        chance.pick(&self.all(kind)).copied()
    }

    /// Puts this into one record of a type, at random.
    fn put(&mut self, kind: RecordType, value: &[u8], chance: &mut Chance) -> Option<()> {
        let at = self.pick(kind, chance)?;
        self.records.get_mut(at)?.1 = value.to_vec();
        Some(())
    }
}

/// A greeting of this member with this change, signed again; the same text where there is nothing
/// to change; nothing if it is withheld.
pub(crate) fn tamper(
    how: Tamper,
    by: &MemberId,
    drawn: &[[u8; 32]],
    packet: &str,
    chance: &mut Chance,
) -> Option<String> {
    if how == Tamper::Withhold {
        return None;
    }
    Some(changed(how, by, drawn, packet, chance).unwrap_or_else(|| packet.to_owned()))
}

fn changed(
    how: Tamper,
    by: &MemberId,
    drawn: &[[u8; 32]],
    packet: &str,
    chance: &mut Chance,
) -> Option<String> {
    let mut mirror = Mirror::of(packet)?;
    let mut other = [0x42; 32];
    other.iter_mut().for_each(|octet| *octet ^= u8::try_from(chance.below(256)).unwrap_or(0));
    // Of a point of the curve's order, in the form that clamping could have made: below 2²⁵⁵.
    if let Some(last) = other.last_mut() {
        *last &= 0x3f;
    }
    match how {
        Tamper::ZeroIntKey => mirror.put(RecordType::INT_KEY, &[0; 32], chance)?,
        Tamper::LowOrderIntKey => {
            let mut one = [0; 32];
            one[0] = 1;
            mirror.put(RecordType::INT_KEY, &one, chance)?;
        }
        Tamper::NonCanonicalIntKey => mirror.put(RecordType::INT_KEY, &[0xff; 32], chance)?,
        Tamper::OtherIntKey => mirror.put(RecordType::INT_KEY, &other, chance)?,
        Tamper::OneIntKeyLess => {
            let at = mirror.pick(RecordType::INT_KEY, chance)?;
            mirror.records.remove(at);
        }
        Tamper::OneIntKeyMore => {
            let at = mirror.pick(RecordType::INT_KEY, chance)?;
            mirror.records.insert(at, (RecordType::INT_KEY, other.to_vec()));
        }
        Tamper::ShortIntKey => {
            let at = mirror.pick(RecordType::INT_KEY, chance)?;
            mirror.records.get_mut(at)?.1.pop()?;
        }
        Tamper::OtherNonce => mirror.put(RecordType::NONCE, &other, chance)?,
        Tamper::OtherPubKey => mirror.put(RecordType::PUB_KEY, &other, chance)?,
        Tamper::MemberLess => {
            let at = mirror.pick(RecordType::MEMBER, chance)?;
            mirror.records.remove(at);
        }
        Tamper::MemberMore => {
            let at = mirror.pick(RecordType::MEMBER, chance)?;
            mirror.records.insert(at, (RecordType::MEMBER, b"mallory".to_vec()));
        }
        Tamper::MemberTwice => {
            let at = mirror.pick(RecordType::MEMBER, chance)?;
            let twice = mirror.records.get(at)?.clone();
            mirror.records.insert(at, twice);
        }
        Tamper::MembersSwapped => {
            let all = mirror.all(RecordType::MEMBER);
            let [first, .., last] = all.as_slice() else { return None };
            mirror.records.swap(*first, *last);
        }
        Tamper::OtherType => {
            let types = [0x9c, 0x1c, 0x1e, 0x1a, 0xad, 0x2d, 0x2f, 0x2b, 0xbf, 0x3b, 0xc7, 0x77];
            let kind = *chance.pick(&types)?;
            mirror.put(RecordType::GREET_TYPE, &[0, kind], chance)?;
        }
        Tamper::OtherSource => {
            let at = mirror.pick(RecordType::MEMBER, chance)?;
            let member = mirror.records.get(at)?.1.clone();
            mirror.put(RecordType::SOURCE, &member, chance)?;
        }
        Tamper::OtherVersion => mirror.put(RecordType::PROTOCOL_VERSION, &[0, 2], chance)?,
        Tamper::OtherPrevPf => mirror.put(RecordType::PREV_PF, &other, chance)?,
        Tamper::OtherChainHash => mirror.put(RecordType::CHAIN_HASH, &other, chance)?,
        Tamper::UnknownLatest => {
            let [at] = mirror.all(RecordType::CHAIN_HASH)[..] else { return None };
            let place = at.saturating_add(1);
            mirror.records.insert(place, (RecordType::LATEST_PM, other.to_vec()));
        }
        Tamper::OtherSessionSignature => {
            mirror.put(RecordType::SESSION_SIGNATURE, &[other, other].concat(), chance)?;
        }
        Tamper::UnknownRecord => mirror.records.push((RecordType(0x7777), other.to_vec())),
        Tamper::HalfRecord => mirror.rest = vec![1, 3, 0, 32, 9, 9],
        Tamper::OtherSignature | Tamper::Withhold => {}
    }
    let before = (&mirror.signature, &mirror.signed[..]);
    let mut signature = sign_greeting(by, drawn, before, &mirror.octets())?;
    if let (Tamper::OtherSignature, Some(octet)) = (how, signature.first_mut()) {
        *octet ^= 1;
    }
    Some(mirror.text(&signature))
}
