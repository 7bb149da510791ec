//! A running operation.

use std::collections::BTreeSet;

use mpenc::greet::{
    CannotConfirm, Check, Checked, CheckedInitial, Completed, Greeting, Initial, InternalError,
    Operation, OperationStep, Progress, Refused, Stage, Started, Status, Step,
};
use mpenc::wire::{AbortFields, AbortPacket, GreetType, GreetingFields, GreetingPacket};
use mpenc::{Dialect, MemberId};
use rand_core::CryptoRng;

use super::greeter::{NullGreeter, NullGroup, NullProof, confirmation, key, operation, seal};
use super::{ABORT, GREETING, NullKeys, hash, mark};

type NullStep = OperationStep<NullKeys, Option<NullGroup>>;

/// An operation: nonces are collected in the order of the members, then confirmations in any.
#[derive(Clone, Debug)]
pub(crate) struct NullGreeting {
    own: MemberId,
    id: [u8; 32],
    initial: Initial,
    /// Our place among the members; `None` if we are being excluded.
    place: Option<usize>,
    /// The nonces of the first members; all of them once confirmations are collected.
    nonces: Vec<[u8; 32]>,
    /// Our own, once we have drawn one.
    nonce: Option<[u8; 32]>,
    confirmed: Vec<bool>,
    applied: BTreeSet<[u8; 64]>,
    over: bool,
}

/// What a packet adds.
#[derive(Clone, Debug)]
pub(crate) struct FollowProof {
    step: usize,
    author: usize,
    /// A nonce; or a confirmation.
    nonce: Option<[u8; 32]>,
    signature: [u8; 64],
}

impl NullGreeting {
    pub(super) fn start(
        greeter: &NullGreeter,
        rng: &mut dyn CryptoRng,
        id: [u8; 32],
        checked: CheckedInitial<NullProof>,
        draft: Option<[u8; 32]>,
    ) -> Result<Started<Self>, InternalError> {
        let CheckedInitial { initial, proof } = checked;
        let place = initial.members.iter().position(|member| *member == greeter.own);
        let ours = greeter.group.as_ref().and_then(|group| {
            let at = group.members.iter().position(|member| *member == greeter.own)?;
            group.nonces.get(at).copied()
        });
        let mut greeting = Self {
            own: greeter.own.clone(),
            id,
            place,
            nonces: proof.nonces,
            nonce: draft.or(ours),
            confirmed: vec![false; initial.members.len()],
            applied: [proof.signature].into(),
            over: false,
            initial,
        };
        let step = match greeting.initial.operation {
            Operation::Refresh => {
                let group = greeter.group.as_ref();
                let group = group.ok_or(InternalError::new("nobody to refresh with"))?;
                let secret = hash([&group.secret[..], &proof.fresh[..]]);
                greeting.complete(Some(NullGroup { secret, ..group.clone() }))
            }
            Operation::Exclude => greeting.confirms(proof.author)?,
            _ => greeting.answer(rng)?,
        };
        Ok((greeting, step))
    }

    /// Contributes, if it is our turn.
    fn answer(&mut self, rng: &mut dyn CryptoRng) -> Result<NullStep, InternalError> {
        let turn = self.nonces.len();
        if self.place != Some(turn) {
            return Ok(pending(Vec::new()));
        }
        let mut nonce = [0; 32];
        rng.fill_bytes(&mut nonce);
        self.nonce = Some(nonce);
        let nonces: Vec<_> = self.nonces.iter().copied().chain([nonce]).collect();
        let next = self.initial.members.get(nonces.len());
        let establish = self.initial.operation == Operation::Establish;
        let greet_type = match (establish, next) {
            (true, Some(_)) => GreetType::ESTABLISH_UP,
            (true, None) => GreetType::ESTABLISH_DOWN,
            (false, Some(_)) => GreetType::INCLUDE_UP,
            (false, None) => GreetType::INCLUDE_DOWN,
        };
        let int_keys = next.map_or(nonces.len(), |_| nonces.len().saturating_add(1));
        let pub_keys: Vec<_> = self.initial.members.iter().take(nonces.len()).map(key).collect();
        let members = &self.initial.members;
        let signature = next.is_none().then(|| confirmation(&self.own, members, &nonces));
        let fields = GreetingFields {
            greet_type,
            source: &self.own,
            dest: next,
            members,
            int_keys: &vec![nonce; int_keys],
            nonces: &nonces,
            pub_keys: &pub_keys,
            metadata: None,
            session_signature: signature.as_ref(),
        };
        Ok(sends(&fields))
    }

    /// All have contributed, and this member has confirmed: so do we.
    fn confirms(&mut self, author: usize) -> Result<NullStep, InternalError> {
        if let Some(confirmed) = self.confirmed.get_mut(author) {
            *confirmed = true;
        }
        if self.confirmed.iter().all(|confirmed| *confirmed) {
            return Ok(self.complete(self.group()));
        }
        if self.place.is_none_or(|place| place == author) {
            return Ok(pending(Vec::new()));
        }
        let members = &self.initial.members;
        let signature = confirmation(&self.own, members, &self.nonces);
        let fields = GreetingFields {
            greet_type: match self.initial.operation {
                Operation::Establish => GreetType::ESTABLISH_CONFIRM,
                Operation::Include => GreetType::INCLUDE_CONFIRM,
                _ => GreetType::EXCLUDE_CONFIRM,
            },
            source: &self.own,
            dest: None,
            members,
            int_keys: &[],
            nonces: &[],
            pub_keys: &[],
            metadata: None,
            session_signature: Some(&signature),
        };
        Ok(sends(&fields))
    }

    /// The group that this leads to; `None` for who is excluded, or alone.
    fn group(&self) -> Option<NullGroup> {
        let members = &self.initial.members;
        let stays = self.place.is_some() && members.len() > 1;
        stays.then(|| NullGroup::new(members, &self.nonces))
    }

    fn complete(&mut self, group: Option<NullGroup>) -> NullStep {
        self.over = true;
        let members = match &group {
            Some(group) => group.members.clone(),
            None => vec![self.own.clone()],
        };
        let keys = group.as_ref().map(|group| group.keys(&self.own));
        let completed = Completed { members, keys, result: group };
        Step { send: Vec::new(), status: Status::Completed(completed) }
    }

    fn is_upflow(&self) -> bool {
        self.nonces.len() < self.initial.members.len()
    }

    fn verify(
        &self,
        sender: &MemberId,
        packet: &GreetingPacket<'_>,
    ) -> Result<Checked<FollowProof>, Check> {
        if packet.source != *sender {
            return Err(Check::SenderIsNotSource { sender: sender.clone() });
        }
        if self.applied.contains(packet.signature) {
            return Err(Check::Duplicate);
        }
        if packet.greet_type.is_initial() {
            return Err(Check::InitialInside);
        }
        if operation(packet) != Some(self.initial.operation) {
            return Err(Check::OtherOperation);
        }
        let members = &self.initial.members;
        if packet.members.len() != members.len()
            || !packet.members.iter().zip(members).all(|(id, member)| id == *member)
        {
            return Err(Check::MembersDiffer);
        }
        let author =
            members.iter().position(|member| member == sender).ok_or(Check::MembersDiffer)?;
        if self.over || packet.greet_type.is_confirm() == self.is_upflow() {
            return Err(Check::Stage);
        }
        if *packet.signature != mark(GREETING, sender, packet.signed) {
            return Err(Check::Signature);
        }
        let (stage, nonce) = if self.is_upflow() {
            (Stage::Middle, Some(self.verify_contribution(packet, author)?))
        } else {
            if self.confirmed.get(author) != Some(&false) {
                return Err(Check::AlreadyConfirmed);
            }
            if packet.session_signature != Some(&confirmation(sender, members, &self.nonces)) {
                return Err(Check::SessionSignature);
            }
            let awaited = self.confirmed.iter().filter(|confirmed| !**confirmed).count();
            (if awaited == 1 { Stage::Final } else { Stage::Middle }, None)
        };
        let step = self.applied.len();
        let proof = FollowProof { step, author, nonce, signature: *packet.signature };
        Ok(Checked { stage, proof })
    }

    fn verify_contribution(
        &self,
        packet: &GreetingPacket<'_>,
        author: usize,
    ) -> Result<[u8; 32], Check> {
        let members = &self.initial.members;
        let turn = self.nonces.len();
        if author != turn {
            let awaited = members.get(turn).ok_or(Check::Stage)?.clone();
            return Err(Check::Turn { awaited });
        }
        for ((nonce, listed), member) in self.nonces.iter().zip(packet.nonces.iter()).zip(members) {
            if nonce != listed {
                return Err(Check::Nonce(member.clone()));
            }
        }
        for (member, listed) in members.iter().zip(packet.pub_keys.iter()) {
            if *listed != key(member) {
                return Err(Check::PubKeyDiffers(member.clone()));
            }
        }
        let nonces: Vec<[u8; 32]> = packet.nonces.iter().copied().collect();
        let nonce = *nonces.get(turn).ok_or(Check::Stage)?;
        if self.place == Some(turn) && self.nonce != Some(nonce) {
            return Err(Check::NotOurs);
        }
        let source = members.get(turn).ok_or(Check::Stage)?;
        let is_last = turn.saturating_add(1) == members.len();
        if is_last && packet.session_signature != Some(&confirmation(source, members, &nonces)) {
            return Err(Check::SessionSignature);
        }
        Ok(nonce)
    }
}

const fn pending(send: Vec<String>) -> NullStep {
    Step { send, status: Status::Pending }
}

fn sends(fields: &GreetingFields<'_>) -> NullStep {
    match seal(fields) {
        Ok(packet) => pending(vec![packet]),
        Err(_) => Step { send: Vec::new(), status: Status::CannotConfirm(CannotConfirm::TooLarge) },
    }
}

impl Greeting for NullGreeting {
    type Keys = NullKeys;
    type Proof = FollowProof;
    type Result = Option<NullGroup>;

    fn initial(&self) -> &Initial {
        &self.initial
    }

    fn check(
        &self,
        sender: &MemberId,
        packet: &GreetingPacket<'_>,
    ) -> Result<Checked<FollowProof>, Refused> {
        self.verify(sender, packet).map_err(|check| Refused::new(packet.source.to_owned(), check))
    }

    fn check_abort(&self, sender: &MemberId, packet: &AbortPacket<'_>) -> Result<(), Refused> {
        let refuse = |check| Err(Refused::new(packet.source.to_owned(), check));
        if packet.source != *sender {
            return refuse(Check::SenderIsNotSource { sender: sender.clone() });
        }
        if *packet.aborted_pi != self.id {
            return refuse(Check::AbortsAnother);
        }
        match self.initial.members.iter().position(|member| member == sender) {
            None => refuse(Check::AbortByOutsider),
            Some(author) if author >= self.nonces.len() => refuse(Check::NoKeyForAuthor),
            _ if *packet.signature != mark(ABORT, sender, packet.signed) => {
                refuse(Check::Signature)
            }
            _ => Ok(()),
        }
    }

    fn apply(
        &mut self,
        rng: &mut dyn CryptoRng,
        checked: Checked<FollowProof>,
    ) -> Result<NullStep, InternalError> {
        let FollowProof { step, author, nonce, signature } = checked.proof;
        if step != self.applied.len() {
            return Err(InternalError::new("a packet was checked against another state"));
        }
        self.applied.insert(signature);
        match nonce {
            Some(nonce) => {
                self.nonces.push(nonce);
                if self.is_upflow() { self.answer(rng) } else { self.confirms(author) }
            }
            None => {
                if let Some(confirmed) = self.confirmed.get_mut(author) {
                    *confirmed = true;
                }
                if self.confirmed.iter().all(|confirmed| *confirmed) {
                    return Ok(self.complete(self.group()));
                }
                Ok(pending(Vec::new()))
            }
        }
    }

    fn encode_abort(&self, reason: &str) -> Option<String> {
        if self.over || self.place? >= self.nonces.len() {
            return None;
        }
        let reason = reason.get(..reason.len().min(200)).unwrap_or_default();
        let fields = AbortFields { source: &self.own, aborted_pi: &self.id, reason };
        let unsigned = fields.encode(Dialect::DOCUMENT).ok()?;
        let signature = mark(ABORT, &self.own, unsigned.signed());
        Some(unsigned.finish(&signature))
    }

    fn progress(&self) -> Progress {
        let members = &self.initial.members;
        let mut progress = Progress::default();
        progress.contributed = members.iter().take(self.nonces.len()).cloned().collect();
        if self.is_upflow() {
            progress.awaited = members.get(self.nonces.len()).cloned().into_iter().collect();
        } else {
            for (member, confirmed) in members.iter().zip(&self.confirmed) {
                let list = if *confirmed { &mut progress.confirmed } else { &mut progress.awaited };
                list.push(member.clone());
            }
        }
        progress
    }

    fn keys_if_confirmed(&self) -> Option<NullKeys> {
        if self.over || self.is_upflow() {
            return None;
        }
        Some(self.group()?.keys(&self.own))
    }
}
