//! What a running operation leads to: our answers, our confirm, and the group that it makes.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::String;
use alloc::vec::Vec;

use mpenc_wire::{EncodeError, GreetType, GreetingFields, MemberId};
use rand_core::CryptoRng;

use super::agreement;
use super::aske;
use super::contribution::Contribution;
use super::greeter::{CliquesGreeter, CliquesResult, completed, lists};
use super::greeting::{Confirming, State, Upflow};
use super::group::{Context, Entry, Group, Member, Own};
use super::initial::InitialProof;
use super::int_key::{IntKey, IntPoint};
use super::keys::{AgreedKeys, IdentityKey, draw_signing_key};
use crate::{CannotConfirm, Completed, Initial, InternalError, Operation, Status};

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

/// What applying a packet gives, before it is applied to the [`Course`].
pub(super) struct Next {
    pub(super) state: State,
    pub(super) send: Vec<String>,
    pub(super) status: Status<Completed<AgreedKeys, CliquesResult>>,
}

impl Next {
    pub(super) const fn pending(state: State) -> Self {
        Self { state, send: Vec::new(), status: Status::Pending }
    }

    const fn cannot(state: State, reason: CannotConfirm) -> Self {
        Self { state, send: Vec::new(), status: Status::CannotConfirm(reason) }
    }
}

impl Course {
    /// The course of an operation that this initial packet starts.
    pub(super) fn new(
        greeter: &CliquesGreeter,
        id: [u8; 32],
        initial: Initial,
        proof: &InitialProof,
    ) -> Self {
        let before = before(greeter.group.as_ref(), &initial);
        Self {
            place: initial.members.iter().position(|member| *member == greeter.context.own),
            identities: before.iter().map(|member| member.as_ref()?.identity.clone()).collect(),
            ages: ages(&before, &initial, proof),
            applied: [proof.signature].into(),
            signers: [(proof.author, *proof.signer.octets())].into(),
            context: greeter.context.clone(),
            id,
            initial,
        }
    }

    fn member(&self, place: usize) -> Result<&MemberId, InternalError> {
        self.initial.members.get(place).ok_or(InternalError("no member at this place"))
    }

    /// Answers an upflow that was directed to us; else waits for the one whose turn it is.
    pub(super) fn answer(
        &mut self,
        rng: &mut dyn CryptoRng,
        upflow: Upflow,
        points: &[IntPoint],
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
                int_keys: &agreement::downflow(&own.contribution, points)?,
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
                int_keys: &agreement::upflow(&own.contribution, points)?,
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
    pub(super) fn confirm(
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
    pub(super) fn complete(&self, confirming: Confirming) -> Result<Next, InternalError> {
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
    pub(super) fn refreshed(
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

fn too_large(_: EncodeError) -> CannotConfirm {
    CannotConfirm::TooLarge
}

/// The members as they were before the operation, in its order; `None` for who was none.
fn before<'a>(group: Option<&'a Group>, initial: &Initial) -> Vec<Option<&'a Member>> {
    let members = group.iter().flat_map(|group| &group.members);
    let members: BTreeMap<&MemberId, &Member> =
        members.map(|member| (&member.id, member)).collect();
    initial.members.iter().map(|id| members.get(id).copied()).collect()
}

/// Completed operations since each member's renewal, once this one completes: the author renews,
/// and who joins contributes anew.
fn ages(before: &[Option<&Member>], initial: &Initial, proof: &InitialProof) -> Vec<Option<u32>> {
    let is_upflow = matches!(initial.operation, Operation::Establish | Operation::Include);
    let members = before.iter().enumerate();
    members
        .map(|(place, member)| {
            let joins = is_upflow && place >= proof.entries.len();
            if place == proof.author || joins {
                return Some(0);
            }
            member.as_ref()?.age.map(|age| age.saturating_add(1))
        })
        .collect()
}
