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

use alloc::collections::BTreeSet;
use alloc::string::String;
use alloc::vec::Vec;
use core::{fmt, mem};

use mpenc_wire::{
    AbortFields, AbortPacket, EncodeError, GreetType, GreetingFields, GreetingPacket, MAX_REASON,
    MemberId,
};
use rand_core::CryptoRng;

use super::agreement;
use super::aske;
use super::contribution::Contribution;
use super::follow::{Proof, Verified};
use super::greeter::{CliquesDraft, CliquesGreeter, CliquesResult, completed, lists};
use super::group::{Context, Entry, Group, Member, Own};
use super::initial::InitialProof;
use super::int_key::IntKey;
use super::keys::{AgreedKeys, GroupKey, IdentityKey, draw_signing_key};
use crate::{
    CannotConfirm, Check, Checked, CheckedInitial, Completed, Greeting, Initial, InternalError,
    Operation, OperationStep, Progress, Refused, Status, Step,
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

/// What all states of an operation need.
#[derive(Clone)]
pub(super) struct Course {
    pub(super) context: Context,
    /// The initial packet's id.
    pub(super) id: [u8; 32],
    pub(super) initial: Initial,
    /// Our place among the members; `None` if we are being excluded.
    pub(super) place: Option<usize>,
    /// The members' identity keys, as far as they have been admitted.
    pub(super) identities: Vec<Option<IdentityKey>>,
    /// Per member, completed operations since their renewal, once this one completes.
    ages: Vec<Option<u32>>,
    /// Signatures of the packets that have been applied.
    pub(super) applied: BTreeSet<[u8; 64]>,
    /// Whose packets have been applied (by place), and the keys that signed them.
    pub(super) signers: Vec<(usize, [u8; 32])>,
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
    int_keys: Vec<IntKey>,
    pub(super) session_id: [u8; 32],
    /// Who has confirmed, as far as we have received it.
    pub(super) confirmed: Vec<bool>,
    /// Our own part; `None` if we are being excluded.
    sealed: Option<(Own, GroupKey)>,
    /// Our session signature, if we could make one.
    pub(super) signature: Option<[u8; 64]>,
}

/// What applying a packet gives, before it is applied to the [`Course`].
struct Next {
    state: State,
    send: Vec<String>,
    status: Status<Completed<AgreedKeys, CliquesResult>>,
}

impl Next {
    const fn pending(state: State) -> Self {
        Self { state, send: Vec::new(), status: Status::Pending }
    }

    const fn cannot(state: State, reason: CannotConfirm) -> Self {
        Self { state, send: Vec::new(), status: Status::CannotConfirm(reason) }
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
        let mut course = Course {
            place: initial.members.iter().position(|member| *member == greeter.context.own),
            identities: known_identities(group, &initial),
            ages: ages(group, &initial, proof.author, proof.entries.len()),
            applied: [proof.signature].into(),
            signers: [(proof.author, *proof.signer.octets())].into(),
            context: greeter.context.clone(),
            id,
            initial,
        };
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
                if let Some((own, entry)) =
                    own.as_ref().zip(course.place.and_then(|place| proof.entries.get(place)))
                    && (own.nonce != entry.nonce || !own.is(entry))
                {
                    return Err(InternalError("the draft is of another proposal"));
                }
                let upflow = Upflow { entries: proof.entries, own, signature: None };
                course.answer(rng, upflow, &proof.int_keys)?
            }
        };
        let Next { state, send, status } = next;
        Ok((Self { course, state }, Step { send, status }))
    }
}

impl Course {
    fn member(&self, place: usize) -> Result<&MemberId, InternalError> {
        self.initial.members.get(place).ok_or(InternalError("no member at this place"))
    }

    /// Answers an upflow that was directed to us; else waits for the one whose turn it is.
    fn answer(
        &mut self,
        rng: &mut dyn CryptoRng,
        upflow: Upflow,
        int_keys: &[IntKey],
    ) -> Result<Next, InternalError> {
        let turn = upflow.entries.len();
        if self.place != Some(turn) {
            return Ok(Next::pending(State::Upflow(upflow)));
        }
        let is_last = turn.saturating_add(1) == self.initial.members.len();
        // The first downflow confirms, so the last member looks before they leap.
        if is_last && let Some(member) = self.find_identities() {
            let reason = CannotConfirm::NoIdentityKey(member);
            return Ok(Next::cannot(State::Upflow(upflow), reason));
        }
        let contribution = Contribution::draw(rng);
        let mut nonce = [0; 32];
        rng.fill_bytes(&mut nonce);
        let own = Own { contribution, nonce, ephemeral: draw_signing_key(rng) };
        let mut entries = upflow.entries.clone();
        entries.push(own.entry());
        let (nonces, pub_keys) = lists(&entries);
        let is_establish = self.initial.operation == Operation::Establish;
        let sent = if is_last {
            let session_id = self.session_id(&entries);
            let Ok(signature) = self.context.session_signature(&own, &session_id) else {
                return Ok(Next::cannot(State::Upflow(upflow), CannotConfirm::SignerFailed));
            };
            let fields = GreetingFields {
                greet_type: if is_establish {
                    GreetType::ESTABLISH_DOWN
                } else {
                    GreetType::INCLUDE_DOWN
                },
                source: &self.context.own,
                dest: None,
                members: &self.initial.members,
                int_keys: &agreement::downflow(&own.contribution, int_keys)?,
                nonces: &nonces,
                pub_keys: &pub_keys,
                metadata: None,
                session_signature: Some(&signature),
            };
            self.context.seal(&fields, &own.ephemeral).map(|packet| (packet, Some(signature)))
        } else {
            let fields = GreetingFields {
                greet_type: if is_establish {
                    GreetType::ESTABLISH_UP
                } else {
                    GreetType::INCLUDE_UP
                },
                source: &self.context.own,
                dest: Some(self.member(turn.saturating_add(1))?),
                members: &self.initial.members,
                int_keys: &agreement::upflow(&own.contribution, int_keys)?,
                nonces: &nonces,
                pub_keys: &pub_keys,
                metadata: None,
                session_signature: None,
            };
            self.context.seal(&fields, &own.ephemeral).map(|packet| (packet, None))
        };
        let (packet, signature) = match sent {
            Ok(sent) => sent,
            Err(error) => return Ok(Next::cannot(State::Upflow(upflow), too_large(error))),
        };
        let state = State::Upflow(Upflow { own: Some(own), signature, ..upflow });
        Ok(Next { state, send: [packet].into(), status: Status::Pending })
    }

    /// The first downflow is there: confirms it, if we have not.
    fn confirm(
        &mut self,
        own: Option<Own>,
        signature: Option<[u8; 64]>,
        author: usize,
        entries: Vec<Entry>,
        int_keys: Vec<IntKey>,
    ) -> Result<Next, InternalError> {
        let session_id = self.session_id(&entries);
        let sealed = match (self.place, own) {
            (Some(place), Some(own)) => {
                let key = int_keys.get(place).ok_or(InternalError("our key is missing"))?;
                let group_key = agreement::group_key(&own.contribution, key)?;
                Some((own, group_key))
            }
            (None, None) => None,
            _ => return Err(InternalError("a member without a contribution")),
        };
        let mut confirming = Confirming {
            confirmed: (0..entries.len()).map(|place| place == author).collect(),
            entries,
            int_keys,
            session_id,
            sealed,
            signature,
        };
        if confirming.confirmed.iter().all(|confirmed| *confirmed) {
            return self.complete(confirming);
        }
        if self.place == Some(author) {
            return Ok(Next::pending(State::Confirming(confirming)));
        }
        let missing = self.find_identities();
        let Some((own, _)) = &confirming.sealed else {
            return Ok(Next::pending(State::Confirming(confirming)));
        };
        if let Some(member) = missing {
            let reason = CannotConfirm::NoIdentityKey(member);
            return Ok(Next::cannot(State::Confirming(confirming), reason));
        }
        let Ok(signature) = self.context.session_signature(own, &session_id) else {
            let reason = CannotConfirm::SignerFailed;
            return Ok(Next::cannot(State::Confirming(confirming), reason));
        };
        let (nonces, pub_keys) = if self.context.dialect.confirm_repeats_keys {
            lists(&confirming.entries)
        } else {
            Default::default()
        };
        let fields = GreetingFields {
            greet_type: match self.initial.operation {
                Operation::Establish => GreetType::ESTABLISH_CONFIRM,
                Operation::Include => GreetType::INCLUDE_CONFIRM,
                _ => GreetType::EXCLUDE_CONFIRM,
            },
            source: &self.context.own,
            dest: None,
            members: &self.initial.members,
            int_keys: &[],
            nonces: &nonces,
            pub_keys: &pub_keys,
            metadata: None,
            session_signature: Some(&signature),
        };
        match self.context.seal(&fields, &own.ephemeral) {
            Ok(packet) => {
                confirming.signature = Some(signature);
                let state = State::Confirming(confirming);
                Ok(Next { state, send: [packet].into(), status: Status::Pending })
            }
            Err(error) => Ok(Next::cannot(State::Confirming(confirming), too_large(error))),
        }
    }

    /// Everyone has confirmed.
    fn complete(&self, confirming: Confirming) -> Result<Next, InternalError> {
        let Confirming { entries, int_keys, session_id, sealed, .. } = confirming;
        let group = match (self.place, sealed) {
            // Alone, there is no group: what we contributed to it is wiped.
            _ if self.initial.members.len() < 2 => None,
            (Some(place), Some((own, group_key))) => {
                let members = self.initial.members.iter().zip(&self.identities).zip(&self.ages);
                let members = members.zip(entries.into_iter().zip(int_keys)).map(
                    |(((id, identity), age), (entry, int_key))| Member {
                        id: id.clone(),
                        identity: identity.clone(),
                        entry,
                        int_key,
                        age: *age,
                    },
                );
                Some(Group { members: members.collect(), place, own, session_id, group_key })
            }
            (None, None) => None,
            _ => return Err(InternalError("a member without a contribution")),
        };
        let status = completed(&self.context, group);
        Ok(Next { state: State::Over, send: Vec::new(), status })
    }

    /// A refresh is complete with its only packet.
    fn refreshed(
        &self,
        group: Option<&Group>,
        own: Option<Own>,
        int_keys: Vec<IntKey>,
    ) -> Result<Next, InternalError> {
        let (Some(group), Some(own)) = (group, own) else {
            return Err(InternalError("a refresh without a group"));
        };
        let key = int_keys.get(group.place).ok_or(InternalError("our key is missing"))?;
        let group_key = agreement::group_key(&own.contribution, key)?;
        let members = group.members.iter().zip(int_keys).zip(&self.ages);
        let members = members
            .map(|((member, int_key), age)| Member { int_key, age: *age, ..member.clone() })
            .collect();
        let (place, session_id) = (group.place, group.session_id);
        let group = Group { members, place, own, session_id, group_key };
        let status = completed(&self.context, Some(group));
        Ok(Next { state: State::Over, send: Vec::new(), status })
    }

    pub(super) fn session_id(&self, entries: &[Entry]) -> [u8; 32] {
        let nonces = entries.iter().map(|entry| &entry.nonce);
        aske::session_id(self.initial.members.iter().zip(nonces))
    }

    /// Admits the identity keys of all other members, and names the first one without any.
    fn find_identities(&mut self) -> Option<MemberId> {
        let mut missing = None;
        let members = self.initial.members.iter().zip(&mut self.identities).enumerate();
        for (place, (id, identity)) in members {
            if identity.is_none() && self.place != Some(place) {
                *identity = self.context.identity(id);
                if identity.is_none() && missing.is_none() {
                    missing = Some(id.clone());
                }
            }
        }
        missing
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
            .map_err(|check: Check| Refused::new(packet.source.to_owned(), check))
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
        self.course.applied.insert(proof.signature);
        self.course.signers.push((proof.author, proof.signer));
        let course = &mut self.course;
        let next = match (mem::replace(&mut self.state, State::Over), proof.verified) {
            (State::Upflow(mut upflow), Verified::Upflow { entry, int_keys }) => {
                upflow.entries.push(entry);
                course.answer(rng, upflow, &int_keys)?
            }
            (State::Upflow(mut upflow), Verified::Downflow { entry, int_keys, identity }) => {
                upflow.entries.push(entry);
                if let Some(slot) = course.identities.get_mut(proof.author) {
                    *slot = identity;
                }
                let Upflow { entries, own, signature } = upflow;
                course.confirm(own, signature, proof.author, entries, int_keys)?
            }
            (State::Confirming(mut confirming), Verified::Confirm) => {
                if let Some(confirmed) = confirming.confirmed.get_mut(proof.author) {
                    *confirmed = true;
                }
                if confirming.confirmed.iter().all(|confirmed| *confirmed) {
                    course.complete(confirming)?
                } else {
                    Next::pending(State::Confirming(confirming))
                }
            }
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

fn too_large(_: EncodeError) -> CannotConfirm {
    CannotConfirm::TooLarge
}

/// The identity keys that were admitted when the members joined.
fn known_identities(group: Option<&Group>, initial: &Initial) -> Vec<Option<IdentityKey>> {
    let known = |id: &MemberId| {
        let group = group?;
        group.members.get(group.position(id.borrowed())?)?.identity.clone()
    };
    initial.members.iter().map(known).collect()
}

/// Completed operations since each member's renewal, once this one completes: the author renews,
/// and who joins contributes anew.
fn ages(
    group: Option<&Group>,
    initial: &Initial,
    author: usize,
    contributed: usize,
) -> Vec<Option<u32>> {
    let old = |id: &MemberId| {
        let group = group?;
        group.members.get(group.position(id.borrowed())?)?.age.map(|age| age.saturating_add(1))
    };
    let is_upflow = matches!(initial.operation, Operation::Establish | Operation::Include);
    let members = initial.members.iter().enumerate();
    members
        .map(|(place, id)| {
            let joins = is_upflow && place >= contributed;
            if place == author || joins { Some(0) } else { old(id) }
        })
        .collect()
}
