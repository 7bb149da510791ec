//! A running operation: its states, and what an applied packet does to them.
//!
//! ```text
//!  establish, include:  Upflow ──first downflow──▶ Confirming ──last confirm──▶ over
//!  exclude:             Confirming ──last confirm──▶ over
//!  refresh, and exclude everyone but me:  over
//! ```
//!
//! Every member of M ∪ M′ follows it, also the excluded, and the old members while an upflow passes
//! among the new ones. Our own packets count when the channel has echoed them, not when we make
//! them (SO-04).

use alloc::string::String;
use alloc::vec::Vec;
use core::{fmt, mem};

use mpenc_wire::{AbortFields, AbortPacket, GreetingPacket, MAX_REASON, MemberId};
use rand_core::CryptoRng;

use super::aske;
use super::course::{Course, Next};
use super::follow::{Proof, Verified};
use super::greeter::{CliquesDraft, CliquesGreeter, CliquesResult};
use super::group::{Entry, Own};
use super::initial::InitialProof;
use super::int_key::IntKey;
use super::keys::{AgreedKeys, GroupKey};
use crate::{
    Checked, CheckedInitial, Greeting, Initial, InternalError, Operation, OperationStep, Progress,
    Refused, Status, Step,
};

type CliquesStep = OperationStep<AgreedKeys, CliquesResult>;

/// A running operation: CLIQUES with ASKE.
#[derive(Clone)]
pub struct CliquesGreeting {
    pub(super) course: Course,
    pub(super) state: State,
}

impl fmt::Debug for CliquesGreeting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CliquesGreeting")
    }
}

/// Where an operation stands.
#[derive(Clone)]
pub(super) enum State {
    /// Contributions are being collected.
    Upflow(Upflow),
    /// Everyone has contributed; session signatures are being collected.
    Confirming(Confirming),
    /// Nothing more can be applied.
    Over,
}

/// Contributions are being collected, in the order of the members.
#[derive(Clone)]
pub(super) struct Upflow {
    /// What the first members have contributed. The next packet comes from the one after them.
    pub(super) entries: Vec<Entry>,
    /// Our own contribution, if we have been asked for it or are an old member.
    pub(super) own: Option<Own>,
    /// Our session signature, if we made the first downflow.
    pub(super) signature: Option<[u8; 64]>,
}

/// Everyone has contributed; session signatures are being collected.
#[derive(Clone)]
pub(super) struct Confirming {
    pub(super) entries: Vec<Entry>,
    pub(super) int_keys: Vec<IntKey>,
    pub(super) session_id: [u8; 32],
    /// Who has confirmed, as far as we have received it.
    pub(super) confirmed: Vec<bool>,
    /// Our own part; `None` if we are being excluded.
    pub(super) sealed: Option<(Own, GroupKey)>,
    /// Our session signature, if we could make one.
    pub(super) signature: Option<[u8; 64]>,
}

impl Confirming {
    /// This member has confirmed. Whether others are still awaited.
    fn add(&mut self, author: usize) -> bool {
        if let Some(confirmed) = self.confirmed.get_mut(author) {
            *confirmed = true;
        }
        self.confirmed.contains(&false)
    }
}

impl CliquesGreeting {
    pub(super) fn start(
        greeter: &CliquesGreeter,
        rng: &mut dyn CryptoRng,
        id: [u8; 32],
        checked: CheckedInitial<InitialProof>,
        draft: Option<CliquesDraft>,
    ) -> Result<(Self, CliquesStep), InternalError> {
        let CheckedInitial { initial, proof } = checked;
        let group = greeter.group.as_ref();
        if draft.is_some() != (initial.author == greeter.context.own) {
            return Err(InternalError("a draft goes with our own proposal, and with no other"));
        }
        let mut course = Course::new(greeter, id, initial, &proof);
        let own = match (draft, group) {
            (Some(CliquesDraft(own)), _) => Some(own),
            (None, Some(group)) => course.place.is_some().then(|| group.own.clone()),
            (None, None) => None,
        };
        let next = match course.initial.operation {
            Operation::Refresh => course.refreshed(group, own, proof.int_keys)?,
            Operation::Exclude => {
                course.confirm(own, None, proof.author, proof.entries, proof.int_keys)?
            }
            Operation::Establish | Operation::Include => {
                let listed = course.place.and_then(|place| proof.entries.get(place));
                if own.as_ref().zip(listed).is_some_and(|(own, entry)| !own.made(entry)) {
                    return Err(InternalError("the draft is of another proposal"));
                }
                let upflow = Upflow { entries: proof.entries, own, signature: None };
                course.answer(rng, upflow, &proof.points)?
            }
        };
        let Next { state, send, status } = next;
        Ok((Self { course, state }, Step { send, status }))
    }
}

impl Greeting for CliquesGreeting {
    type Keys = AgreedKeys;
    type Proof = Proof;
    type Result = CliquesResult;

    fn initial(&self) -> &Initial {
        &self.course.initial
    }

    fn check(
        &self,
        sender: &MemberId,
        packet: &GreetingPacket<'_>,
    ) -> Result<Checked<Proof>, Refused> {
        self.verify(sender, packet).map_err(|check| Refused::new(packet.source.to_owned(), check))
    }

    fn check_abort(&self, sender: &MemberId, packet: &AbortPacket<'_>) -> Result<(), Refused> {
        self.verify_abort(sender, packet)
            .map_err(|check| Refused::new(packet.source.to_owned(), check))
    }

    fn apply(
        &mut self,
        rng: &mut dyn CryptoRng,
        checked: Checked<Proof>,
    ) -> Result<CliquesStep, InternalError> {
        let proof = checked.proof;
        if proof.step != self.course.applied.len() {
            return Err(InternalError("a packet was checked against another state"));
        }
        let course = &mut self.course;
        course.applied.insert(proof.signature);
        course.signers.push((proof.author, proof.signer));
        // Most packets are confirms that others are to follow, and change next to nothing.
        if let (State::Confirming(confirming), Verified::Confirm) =
            (&mut self.state, &proof.verified)
            && confirming.add(proof.author)
        {
            return Ok(Step { send: Vec::new(), status: Status::Pending });
        }
        let next = match (mem::replace(&mut self.state, State::Over), proof.verified) {
            (State::Upflow(mut upflow), Verified::Upflow { entry, points }) => {
                upflow.entries.push(entry);
                course.answer(rng, upflow, &points)?
            }
            (State::Upflow(mut upflow), Verified::Downflow { entry, int_keys, identity }) => {
                upflow.entries.push(entry);
                if let Some(slot) = course.identities.get_mut(proof.author) {
                    *slot = identity;
                }
                let Upflow { entries, own, signature } = upflow;
                course.confirm(own, signature, proof.author, entries, int_keys)?
            }
            (State::Confirming(confirming), Verified::Confirm) => course.complete(confirming)?,
            _ => return Err(InternalError("a packet was checked against another state")),
        };
        self.state = next.state;
        Ok(Step { send: next.send, status: next.status })
    }

    fn encode_abort(&self, reason: &str) -> Option<String> {
        let Course { context, id, place, .. } = &self.course;
        if !context.dialect.aborts {
            return None;
        }
        let own = match &self.state {
            // Our key must have appeared: nobody else could verify the abort.
            State::Upflow(Upflow { entries, own, .. }) if (*place)? < entries.len() => own.as_ref(),
            State::Confirming(Confirming { sealed, .. }) => sealed.as_ref().map(|(own, _)| own),
            _ => None,
        }?;
        let reason = shortened(reason);
        let fields = AbortFields { source: &context.own, aborted_pi: id, reason };
        let unsigned = fields.encode(context.dialect).ok()?;
        let signature = aske::sign(&own.ephemeral, aske::ABORT, unsigned.signed());
        Some(unsigned.finish(&signature))
    }

    fn keys_if_confirmed(&self) -> Option<AgreedKeys> {
        let State::Confirming(confirming) = &self.state else { return None };
        match self.course.complete(confirming.clone()).ok()?.status {
            Status::Completed(completed) => completed.keys,
            _ => None,
        }
    }

    fn progress(&self) -> Progress {
        let members = &self.course.initial.members;
        match &self.state {
            State::Upflow(upflow) => {
                let contributed = members.iter().take(upflow.entries.len()).cloned().collect();
                let awaited = members.get(upflow.entries.len()).cloned().into_iter().collect();
                Progress { contributed, confirmed: Vec::new(), awaited }
            }
            State::Confirming(confirming) => {
                let places = members.iter().zip(&confirming.confirmed);
                let (confirmed, awaited): (Vec<_>, Vec<_>) = places.partition(|(_, done)| **done);
                let ids = |list: Vec<(&MemberId, _)>| {
                    list.into_iter().map(|(id, _)| id.clone()).collect()
                };
                Progress {
                    contributed: members.clone(),
                    confirmed: ids(confirmed),
                    awaited: ids(awaited),
                }
            }
            State::Over => Progress {
                contributed: members.clone(),
                confirmed: members.clone(),
                awaited: Vec::new(),
            },
        }
    }
}

/// As much of a reason as fits into an abort packet.
fn shortened(reason: &str) -> &str {
    (0..=MAX_REASON.min(reason.len())).rev().find_map(|end| reason.get(..end)).unwrap_or_default()
}
