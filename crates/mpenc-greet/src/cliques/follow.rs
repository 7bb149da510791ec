//! Checking the packets of a running operation. Nothing here changes anything.

use alloc::vec::Vec;
use core::fmt;

use mpenc_wire::{AbortPacket, GreetingPacket, MemberId};

use super::aske;
use super::course::Course;
use super::greeting::{CliquesGreeting, Confirming, State, Upflow};
use super::group::Entry;
use super::initial::{
    admit_int_keys, admit_points, expect_counts, expect_upflow, operation, verify,
    verify_session_signature, verify_with_new_key,
};
use super::int_key::{IntKey, IntPoint};
use super::keys::IdentityKey;
use crate::{Check, Checked, List, Stage};

/// The proof that a packet was checked against a running operation.
#[derive(Clone)]
pub struct Proof {
    /// How many packets had been applied: the state that it was checked against.
    pub(super) step: usize,
    /// The author's place among the members.
    pub(super) author: usize,
    /// The key that signed it.
    pub(super) signer: [u8; 32],
    /// Its signature, by which a duplicate is known.
    pub(super) signature: [u8; 64],
    pub(super) verified: Verified,
}

impl fmt::Debug for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Proof")
    }
}

/// What was found in a packet.
#[derive(Clone)]
pub(super) enum Verified {
    /// The next member's contribution; the points of the intermediate keys, if they are for us.
    Upflow { entry: Entry, points: Vec<IntPoint> },
    /// The last member's contribution, all intermediate keys, and the author's identity key if it
    /// is known: their session signature has been verified under it.
    Downflow { entry: Entry, int_keys: Vec<IntKey>, identity: Option<IdentityKey> },
    /// A session signature.
    Confirm,
}

impl CliquesGreeting {
    pub(super) fn verify(
        &self,
        sender: &MemberId,
        packet: &GreetingPacket<'_>,
    ) -> Result<Checked<Proof>, Check> {
        let Self { course, state } = self;
        if packet.source != *sender {
            return Err(Check::SenderIsNotSource { sender: sender.clone() });
        }
        if course.applied.contains(packet.signature) {
            return Err(Check::Duplicate);
        }
        if packet.greet_type.is_initial() || packet.metadata.is_some() {
            return Err(Check::InitialInside);
        }
        if operation(packet) != Some(course.initial.operation) {
            return Err(Check::OtherOperation);
        }
        let members = &course.initial.members;
        if packet.members.len() != members.len()
            || !packet.members.iter().zip(members).all(|(id, member)| id == *member)
        {
            return Err(Check::MembersDiffer);
        }
        let author = members
            .iter()
            .position(|member| packet.source == *member)
            .ok_or(Check::MembersDiffer)?;
        let (stage, signer, verified) = match state {
            State::Upflow(upflow) => course.verify_collection(packet, author, upflow)?,
            State::Confirming(confirming) => course.verify_confirm(packet, author, confirming)?,
            State::Over => return Err(Check::Stage),
        };
        let proof = Proof {
            step: course.applied.len(),
            author,
            signer,
            signature: *packet.signature,
            verified,
        };
        Ok(Checked { stage, proof })
    }

    pub(super) fn verify_abort(
        &self,
        sender: &MemberId,
        packet: &AbortPacket<'_>,
    ) -> Result<(), Check> {
        let Self { course, state } = self;
        if !course.context.dialect.aborts {
            return Err(Check::NotInDialect);
        }
        if packet.source != *sender {
            return Err(Check::SenderIsNotSource { sender: sender.clone() });
        }
        if *packet.aborted_pi != course.id {
            return Err(Check::AbortsAnother);
        }
        let mut members = course.initial.members.iter();
        let author =
            members.position(|member| packet.source == *member).ok_or(Check::AbortByOutsider)?;
        let entries = match state {
            State::Upflow(upflow) => &upflow.entries,
            State::Confirming(confirming) => &confirming.entries,
            State::Over => return Err(Check::Stage),
        };
        let key = &entries.get(author).ok_or(Check::NoKeyForAuthor)?.key;
        let message = aske::in_context(aske::ABORT, packet.signed);
        if key.verify(&message, packet.signature) { Ok(()) } else { Err(Check::Signature) }
    }
}

impl Course {
    /// An upflow, or the first downflow, whichever the next member owes.
    fn verify_collection(
        &self,
        packet: &GreetingPacket<'_>,
        author: usize,
        upflow: &Upflow,
    ) -> Result<(Stage, [u8; 32], Verified), Check> {
        let members = &self.initial.members;
        let turn = upflow.entries.len();
        let count = turn.saturating_add(1);
        let next = members.get(count);
        if packet.greet_type.is_confirm() || packet.greet_type.is_downflow() != next.is_none() {
            return Err(Check::Stage);
        }
        if author != turn {
            let awaited = members.get(turn).ok_or(Check::Stage)?.clone();
            return Err(Check::Turn { awaited });
        }
        match next {
            Some(next) => {
                expect_upflow(packet, next)?;
                expect_counts(packet, count.saturating_add(1), count)?;
            }
            None => expect_counts(packet, count, count)?,
        }
        // What the earlier members contributed has not been touched.
        self.expect_lists(packet, &upflow.entries)?;
        let nonce = *packet.nonces.iter().nth(turn).ok_or(Check::Count(List::Nonces))?;
        let octets = packet.pub_keys.iter().nth(turn).ok_or(Check::Count(List::PubKeys))?;
        let is_ours = self.place == Some(turn);
        let key = if is_ours {
            let own = upflow.own.as_ref().ok_or(Check::NotOurs)?.entry();
            if own.nonce != nonce || own.key.octets() != octets {
                return Err(Check::NotOurs);
            }
            verify(packet, &own.key)?;
            own.key
        } else {
            verify_with_new_key(packet, members.get(turn).ok_or(Check::Stage)?, octets)?
        };
        let signer = *key.octets();
        let entry = Entry { nonce, key };
        let Some(next) = next else {
            let identity = self.verify_downflow(packet, upflow, &entry, turn)?;
            let int_keys = admit_int_keys(packet)?;
            return Ok((Stage::Middle, signer, Verified::Downflow { entry, int_keys, identity }));
        };
        let is_for_us = *next == self.context.own;
        let points = if is_for_us { admit_points(packet)? } else { Vec::new() };
        Ok((Stage::Middle, signer, Verified::Upflow { entry, points }))
    }

    /// The session signature in the first downflow. Where its author's identity key is not known,
    /// we shall not confirm, and so the operation can never complete for us.
    fn verify_downflow(
        &self,
        packet: &GreetingPacket<'_>,
        upflow: &Upflow,
        entry: &Entry,
        author: usize,
    ) -> Result<Option<IdentityKey>, Check> {
        let signature = packet.session_signature.ok_or(Check::Count(List::SessionSignature))?;
        if self.place == Some(author) {
            let is_ours = upflow.signature.as_ref() == Some(signature);
            return if is_ours { Ok(None) } else { Err(Check::NotOurs) };
        }
        let member = self.initial.members.get(author).ok_or(Check::MembersDiffer)?;
        let Some(identity) = self.context.identity(member) else {
            return Ok(None);
        };
        let session_id = aske::session_id(self.initial.members.iter().zip(packet.nonces.iter()));
        verify_session_signature(&self.context, &identity, member, entry, &session_id, signature)?;
        Ok(Some(identity))
    }

    /// A confirm.
    fn verify_confirm(
        &self,
        packet: &GreetingPacket<'_>,
        author: usize,
        confirming: &Confirming,
    ) -> Result<(Stage, [u8; 32], Verified), Check> {
        if !packet.greet_type.is_confirm() {
            return Err(Check::Stage);
        }
        let signature = packet.session_signature.ok_or(Check::Count(List::SessionSignature))?;
        if confirming.confirmed.get(author) != Some(&false) {
            return Err(Check::AlreadyConfirmed);
        }
        let entries = &confirming.entries;
        let repeated = if self.context.dialect.confirm_repeats_keys { entries.len() } else { 0 };
        expect_counts(packet, 0, repeated)?;
        self.expect_lists(packet, entries.get(..repeated).unwrap_or_default())?;
        let entry = entries.get(author).ok_or(Check::MembersDiffer)?;
        verify(packet, &entry.key)?;
        if self.place == Some(author) {
            // Ours: our ephemeral key signed it, but it may be a replay out of an older operation.
            if confirming.signature.as_ref() != Some(signature) {
                return Err(Check::NotOurs);
            }
        } else {
            let identity = self.identities.get(author).and_then(|identity| identity.as_ref());
            let identity = identity.ok_or(Check::NoIdentityKey)?;
            let member = self.initial.members.get(author).ok_or(Check::MembersDiffer)?;
            let session_id = &confirming.session_id;
            verify_session_signature(
                &self.context,
                identity,
                member,
                entry,
                session_id,
                signature,
            )?;
        }
        let mut others = confirming.confirmed.iter().enumerate();
        let is_final = others.all(|(place, confirmed)| *confirmed || place == author);
        if is_final {
            self.authenticate_packets(entries)?;
        }
        let stage = if is_final { Stage::Final } else { Stage::Middle };
        Ok((stage, *entry.key.octets(), Verified::Confirm))
    }

    /// The nonces and keys of these members are as they contributed them.
    fn expect_lists(&self, packet: &GreetingPacket<'_>, entries: &[Entry]) -> Result<(), Check> {
        let lists = packet.nonces.iter().zip(packet.pub_keys.iter());
        for ((entry, member), (nonce, key)) in entries.iter().zip(&self.initial.members).zip(lists)
        {
            if *nonce != entry.nonce {
                return Err(Check::Nonce(member.clone()));
            }
            if key != entry.key.octets() {
                return Err(Check::PubKeyDiffers(member.clone()));
            }
        }
        Ok(())
    }

    /// Every packet of the operation was signed by the key that its author's session signature
    /// authenticates: that is what authenticates the initial packet's PREV_PF, CHAIN_HASH and
    /// LATEST_PM, and everyone's MEMBER list (SO-08).
    ///
    /// Each signature was verified when its packet came, and whether one verifies depends on the
    /// key and the octets only; so comparing the keys says the same as verifying again.
    fn authenticate_packets(&self, entries: &[Entry]) -> Result<(), Check> {
        for (author, signer) in &self.signers {
            let key = entries.get(*author).map(|entry| entry.key.octets());
            if key != Some(signer) {
                let member = self.initial.members.get(*author).ok_or(Check::MembersDiffer)?;
                return Err(Check::SignerNotAuthenticated(member.clone()));
            }
        }
        Ok(())
    }
}
