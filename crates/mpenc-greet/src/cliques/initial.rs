//! Checking initial packets.

use alloc::vec::Vec;
use core::fmt;

use mpenc_wire::{GreetOperation, GreetingPacket, MemberId};

use super::aske;
use super::greeter::CliquesGreeter;
use super::group::{Context, Entry, Group};
use super::int_key::{BASE_POINT, IntKey, IntPoint};
use super::keys::{IdentityKey, PublicKey, ShapedKey};
use crate::{Check, CheckedInitial, Initial, List, Operation, OrderRefs};

/// The proof that an initial packet was checked.
#[derive(Clone)]
pub struct InitialProof {
    /// The author's place among the members.
    pub(super) author: usize,
    /// The key that signed it.
    pub(super) signer: PublicKey,
    /// Its signature, by which a duplicate is known.
    pub(super) signature: [u8; 64],
    /// What the first members have contributed: all of them, in an exclude; nothing is said in a
    /// refresh.
    pub(super) entries: Vec<Entry>,
    /// The intermediate keys that an exclude or a refresh gives the group.
    pub(super) int_keys: Vec<IntKey>,
    /// The points of those of an upflow, if it is for us; else they were not looked at.
    pub(super) points: Vec<IntPoint>,
}

impl InitialProof {
    /// Of a packet without intermediate keys that concern us.
    fn new(
        packet: &GreetingPacket<'_>,
        author: usize,
        signer: PublicKey,
        entries: Vec<Entry>,
    ) -> Self {
        let (int_keys, points) = (Vec::new(), Vec::new());
        Self { author, signer, signature: *packet.signature, entries, int_keys, points }
    }
}

impl fmt::Debug for InitialProof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("InitialProof")
    }
}

impl CliquesGreeter {
    /// Structure and lists first, then one signature check, then what costs more.
    pub(super) fn verify_initial(
        &self,
        sender: &MemberId,
        packet: &GreetingPacket<'_>,
    ) -> Result<CheckedInitial<InitialProof>, Check> {
        if packet.source != *sender {
            return Err(Check::SenderIsNotSource { sender: sender.clone() });
        }
        let metadata = packet.metadata.ok_or(Check::NotInitial)?;
        if !packet.greet_type.is_initial() {
            return Err(Check::NotInitial);
        }
        let operation = operation(packet).ok_or(Check::NotInitial)?;
        let members: Vec<MemberId> = packet.members.iter().map(|id| id.to_owned()).collect();
        let author = members
            .iter()
            .position(|member| packet.source == *member)
            .ok_or(Check::InitiatorNotMember)?;
        let proof = match (&self.group, operation) {
            (None, _) if !members.contains(&self.context.own) => return Err(Check::NotForUs),
            (None, Operation::Establish) => self.verify_establish(packet, &members)?,
            (None, Operation::Include) => self.verify_invitation(packet, &members, author)?,
            (None, _) => return Err(Check::NoGroup),
            (Some(_), Operation::Establish) => return Err(Check::GroupExists),
            (Some(group), Operation::Include) => verify_include(packet, &members, group)?,
            (Some(group), Operation::Exclude) => {
                verify_exclude(&self.context, packet, &members, group, author)?
            }
            (Some(group), Operation::Refresh) => verify_refresh(packet, &members, group)?,
        };
        let order = OrderRefs {
            prev_pf: *metadata.prev_pf,
            chain_hash: *metadata.chain_hash,
            latest_pm: metadata.latest_pm.iter().collect(),
        };
        let single = operation == Operation::Refresh || members.len() == 1;
        let initial =
            Initial { operation, author: packet.source.to_owned(), members, order, single };
        Ok(CheckedInitial { initial, proof })
    }

    /// An establish, of which we are a member; ours, or another's. Nobody's key is known before.
    fn verify_establish(
        &self,
        packet: &GreetingPacket<'_>,
        members: &[MemberId],
    ) -> Result<InitialProof, Check> {
        let [initiator, others @ ..] = members else {
            return Err(Check::Members);
        };
        let Some(next) = others.first() else {
            return Err(Check::Members);
        };
        if packet.source != *initiator || !others.is_sorted_by(|one, next| one < next) {
            return Err(Check::Members);
        }
        expect_counts(packet, 2, 1)?;
        expect_upflow(packet, next)?;
        let mut int_keys = packet.int_keys.iter();
        if int_keys.next() != Some(&BASE_POINT) {
            return Err(Check::BasePoint);
        }
        let nonce = *packet.nonces.iter().next().ok_or(Check::Count(List::Nonces))?;
        let octets = packet.pub_keys.iter().next().ok_or(Check::Count(List::PubKeys))?;
        let key = verify_with_new_key(packet, initiator, octets)?;
        let points = self.admit_if_next(packet, next)?;
        let entries = [Entry { nonce, key: key.clone() }].into();
        Ok(InitialProof { points, ..InitialProof::new(packet, 0, key, entries) })
    }

    /// An include that adds us. What it says of the old members is provisional: we cannot know
    /// their keys until their session signatures have confirmed them.
    fn verify_invitation(
        &self,
        packet: &GreetingPacket<'_>,
        members: &[MemberId],
        author: usize,
    ) -> Result<InitialProof, Check> {
        let old = packet.pub_keys.len();
        let (Some(before), Some(added @ [next, ..])) = (members.get(..old), members.get(old..))
        else {
            return Err(Check::Count(List::PubKeys));
        };
        // A group of one is none: whoever is alone establishes.
        let is_group = before.len() >= 2;
        if !is_group
            || !added.contains(&self.context.own)
            || !added.is_sorted_by(|one, next| one < next)
        {
            return Err(Check::Members);
        }
        if author >= old {
            return Err(Check::InitiatorNotMember);
        }
        expect_counts(packet, old.saturating_add(1), old)?;
        expect_upflow(packet, next)?;
        let octets = packet.pub_keys.iter().nth(author).ok_or(Check::Count(List::PubKeys))?;
        let signer = verify_with_new_key(packet, &packet.source.to_owned(), octets)?;
        let lists = before.iter().zip(packet.nonces.iter().zip(packet.pub_keys.iter()));
        let entries = lists.enumerate().map(|(at, (id, (nonce, octets)))| {
            let key = if at == author { signer.clone() } else { admit(id, octets)? };
            Ok(Entry { nonce: *nonce, key })
        });
        let entries = entries.collect::<Result<_, Check>>()?;
        let points = self.admit_if_next(packet, next)?;
        Ok(InitialProof { points, ..InitialProof::new(packet, author, signer, entries) })
    }

    /// The intermediate keys of an upflow concern only the member whom it is directed to.
    fn admit_if_next(
        &self,
        packet: &GreetingPacket<'_>,
        next: &MemberId,
    ) -> Result<Vec<IntPoint>, Check> {
        if *next == self.context.own { admit_points(packet) } else { Ok(Vec::new()) }
    }
}

/// An include by a member of our group.
fn verify_include(
    packet: &GreetingPacket<'_>,
    members: &[MemberId],
    group: &Group,
) -> Result<InitialProof, Check> {
    let old = group.members.len();
    let author = group.position(packet.source).ok_or(Check::InitiatorNotMember)?;
    let (Some(before), Some(added @ [next, ..])) = (members.get(..old), members.get(old..)) else {
        return Err(Check::Members);
    };
    if !group.ids().eq(before) || !added.is_sorted_by(|one, next| one < next) {
        return Err(Check::Members);
    }
    expect_counts(packet, old.saturating_add(1), old)?;
    expect_upflow(packet, next)?;
    let places: Vec<usize> = (0..old).collect();
    expect_own_int_key(packet, group, author, author)?;
    let entries = expect_lists(packet, group, &places, author)?;
    let signer = verify_with_known_key(packet, group, author)?;
    Ok(InitialProof::new(packet, author, signer, entries))
}

/// An exclude by a member of our group; of us, perhaps.
fn verify_exclude(
    context: &Context,
    packet: &GreetingPacket<'_>,
    members: &[MemberId],
    group: &Group,
    author: usize,
) -> Result<InitialProof, Check> {
    let place = group.position(packet.source).ok_or(Check::InitiatorNotMember)?;
    let places = group.remaining(packet.members.iter()).ok_or(Check::Members)?;
    if places.len() >= group.members.len() {
        return Err(Check::Members);
    }
    expect_counts(packet, members.len(), members.len())?;
    let session_signature = packet.session_signature.ok_or(Check::Count(List::SessionSignature))?;
    expect_own_int_key(packet, group, author, place)?;
    let entries = expect_lists(packet, group, &places, place)?;
    let signer = verify_with_known_key(packet, group, place)?;
    // Our own packet: that our ephemeral key signed it is proof enough.
    if packet.source != context.own {
        let session_id = aske::session_id(members.iter().zip(packet.nonces.iter()));
        let identity = group.members.get(place).and_then(|member| member.identity.as_ref());
        let entry = entries.get(author).ok_or(Check::Count(List::Nonces))?;
        verify_session_signature(
            context,
            identity.ok_or(Check::NoIdentityKey)?,
            &packet.source.to_owned(),
            entry,
            &session_id,
            session_signature,
        )?;
    }
    let int_keys = admit_int_keys(packet)?;
    Ok(InitialProof { int_keys, ..InitialProof::new(packet, author, signer, entries) })
}

/// A refresh by a member of our group.
fn verify_refresh(
    packet: &GreetingPacket<'_>,
    members: &[MemberId],
    group: &Group,
) -> Result<InitialProof, Check> {
    let author = group.position(packet.source).ok_or(Check::InitiatorNotMember)?;
    if !group.ids().eq(members) {
        return Err(Check::Members);
    }
    expect_counts(packet, members.len(), 0)?;
    expect_own_int_key(packet, group, author, author)?;
    let signer = verify_with_known_key(packet, group, author)?;
    let int_keys = admit_int_keys(packet)?;
    Ok(InitialProof { int_keys, ..InitialProof::new(packet, author, signer, Vec::new()) })
}

/// The operation that GREET_TYPE names.
pub(super) fn operation(packet: &GreetingPacket<'_>) -> Option<Operation> {
    match packet.greet_type.operation()? {
        GreetOperation::Establish => Some(Operation::Establish),
        GreetOperation::Include => Some(Operation::Include),
        GreetOperation::Exclude => Some(Operation::Exclude),
        GreetOperation::Refresh => Some(Operation::Refresh),
        _ => None,
    }
}

/// Exactly as many records as the stage demands.
pub(super) fn expect_counts(
    packet: &GreetingPacket<'_>,
    int_keys: usize,
    entries: usize,
) -> Result<(), Check> {
    if packet.int_keys.len() != int_keys {
        Err(Check::Count(List::IntKeys))
    } else if packet.nonces.len() != entries {
        Err(Check::Count(List::Nonces))
    } else if packet.pub_keys.len() != entries {
        Err(Check::Count(List::PubKeys))
    } else {
        Ok(())
    }
}

/// An upflow, directed to the next member.
pub(super) fn expect_upflow(packet: &GreetingPacket<'_>, next: &MemberId) -> Result<(), Check> {
    if packet.greet_type.is_downflow() || packet.session_signature.is_some() {
        Err(Check::Stage)
    } else if packet.dest.is_some_and(|dest| dest == *next) {
        Ok(())
    } else {
        Err(Check::Destination)
    }
}

/// The initiator's own intermediate key, which lacks exactly their contribution, stays as it was:
/// `at` in the packet, `place` in the group.
fn expect_own_int_key(
    packet: &GreetingPacket<'_>,
    group: &Group,
    at: usize,
    place: usize,
) -> Result<(), Check> {
    let before = group.members.get(place).map(|member| member.int_key.octets());
    if before.is_some() && packet.int_keys.iter().nth(at) == before {
        Ok(())
    } else {
        Err(Check::InitiatorIntKey)
    }
}

/// The nonces and keys of the members at these places are as they were, but for the initiator's
/// nonce, which is another (AS-08, AS-09). With the old one, a server could replay what was
/// contributed to an operation that failed.
fn expect_lists(
    packet: &GreetingPacket<'_>,
    group: &Group,
    places: &[usize],
    author: usize,
) -> Result<Vec<Entry>, Check> {
    let lists = packet.nonces.iter().zip(packet.pub_keys.iter());
    let entries = places.iter().zip(lists).map(|(place, (nonce, key))| {
        let member = group.members.get(*place).ok_or(Check::Members)?;
        if key != member.entry.key.octets() {
            return Err(Check::PubKeyDiffers(member.id.clone()));
        }
        let is_old = *nonce == member.entry.nonce;
        if *place == author && is_old {
            return Err(Check::NonceNotRenewed);
        }
        if *place != author && !is_old {
            return Err(Check::Nonce(member.id.clone()));
        }
        Ok(Entry { nonce: *nonce, key: member.entry.key.clone() })
    });
    entries.collect()
}

/// Verifies the signature under a key that an earlier operation authenticated.
fn verify_with_known_key(
    packet: &GreetingPacket<'_>,
    group: &Group,
    author: usize,
) -> Result<PublicKey, Check> {
    let member = group.members.get(author).ok_or(Check::InitiatorNotMember)?;
    verify(packet, &member.entry.key)?;
    Ok(member.entry.key.clone())
}

/// Verifies the signature under a key that a completed check has admitted.
pub(super) fn verify(packet: &GreetingPacket<'_>, key: &PublicKey) -> Result<(), Check> {
    let message = aske::in_context(aske::GREETING, packet.signed);
    if key.verify(&message, packet.signature) { Ok(()) } else { Err(Check::Signature) }
}

/// Verifies the signature under the author's key that this very packet brings, and then admits it:
/// the signature comes first because admission costs a scalar multiplication more.
pub(super) fn verify_with_new_key(
    packet: &GreetingPacket<'_>,
    author: &MemberId,
    octets: &[u8; 32],
) -> Result<PublicKey, Check> {
    let fault = |fault| Check::PubKey { member: author.clone(), fault };
    let key = ShapedKey::new(octets).map_err(fault)?;
    let message = aske::in_context(aske::GREETING, packet.signed);
    if !key.verify(&message, packet.signature) {
        return Err(Check::Signature);
    }
    key.admit().map_err(fault)
}

fn admit(member: &MemberId, octets: &[u8; 32]) -> Result<PublicKey, Check> {
    ShapedKey::new(octets)
        .and_then(ShapedKey::admit)
        .map_err(|fault| Check::PubKey { member: member.clone(), fault })
}

/// Admits all intermediate keys of a packet, ours or not.
pub(super) fn admit_int_keys(packet: &GreetingPacket<'_>) -> Result<Vec<IntKey>, Check> {
    IntKey::admit_all(packet.int_keys.iter())
        .map_err(|(index, fault)| Check::IntKey { index, fault })
}

/// Admits all intermediate keys of an upflow that is for us, and which we shall multiply.
pub(super) fn admit_points(packet: &GreetingPacket<'_>) -> Result<Vec<IntPoint>, Check> {
    IntPoint::admit_all(packet.int_keys.iter())
        .map_err(|(index, fault)| Check::IntKey { index, fault })
}

/// Verifies a member's session signature under their identity key (AS-07).
pub(super) fn verify_session_signature(
    context: &Context,
    identity: &IdentityKey,
    member: &MemberId,
    entry: &Entry,
    session_id: &[u8; 32],
    signature: &[u8; 64],
) -> Result<(), Check> {
    let message =
        aske::authenticator(context.dialect, member, entry.key.octets(), &entry.nonce, session_id);
    if identity.verify(&message, signature) { Ok(()) } else { Err(Check::SessionSignature) }
}
