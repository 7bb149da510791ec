//! Proposals, and the checks of initial packets.

use std::collections::BTreeSet;

use mpenc::greet::{
    Change, Check, CheckedInitial, Greeter, Initial, InternalError, Operation, OrderRefs, Proposal,
    ProposeError, Refused, Started,
};
use mpenc::wire::{
    EncodeError, GreetOperation, GreetType, GreetingFields, GreetingPacket, MAX_MEMBERS,
    MetadataFields, RecordType,
};
use mpenc::{Dialect, MemberId};
use rand_core::CryptoRng;

use super::greeting::NullGreeting;
use super::{GREETING, NullKeys, SESSION, hash, mark};

/// With what every establish begins.
const BASE_POINT: [u8; 32] = {
    let mut point = [0; 32];
    point[0] = 9;
    point
};

/// What stands for a member's ephemeral key.
pub(super) fn key(member: &MemberId) -> [u8; 32] {
    hash([&b"key"[..], member.as_bytes()])
}

/// What the members of a group have agreed on.
#[derive(Clone, Debug)]
pub(crate) struct NullGroup {
    pub(super) members: Vec<MemberId>,
    pub(super) nonces: Vec<[u8; 32]>,
    pub(super) secret: [u8; 32],
}

impl NullGroup {
    /// The group of these members, who have contributed these nonces.
    pub(super) fn new(members: &[MemberId], nonces: &[[u8; 32]]) -> Self {
        let secret = session_id(members, nonces);
        Self { members: members.to_vec(), nonces: nonces.to_vec(), secret }
    }

    /// What stands for a member's intermediate key, which is another in each group, and which they
    /// themselves do not change.
    fn int_key(&self, member: &MemberId) -> [u8; 32] {
        hash([&b"int key"[..], &self.secret, member.as_bytes()])
    }

    pub(super) fn keys(&self, own: &MemberId) -> NullKeys {
        NullKeys { own: own.clone(), members: self.members.clone(), secret: self.secret }
    }
}

/// What these members mark to confirm each other.
pub(super) fn session_id(members: &[MemberId], nonces: &[[u8; 32]]) -> [u8; 32] {
    hash(members.iter().map(MemberId::as_bytes).chain(nonces.iter().map(|nonce| &nonce[..])))
}

/// What stands for a session signature.
pub(super) fn confirmation(by: &MemberId, members: &[MemberId], nonces: &[[u8; 32]]) -> [u8; 64] {
    mark(SESSION, by, &session_id(members, nonces))
}

/// Membership operations without keys.
#[derive(Clone, Debug)]
pub(crate) struct NullGreeter {
    pub(super) own: MemberId,
    alone: Vec<MemberId>,
    pub(super) group: Option<NullGroup>,
}

/// What an initial packet contributes.
#[derive(Clone, Debug)]
pub(crate) struct NullProof {
    pub(super) author: usize,
    pub(super) nonces: Vec<[u8; 32]>,
    /// What a refresh adds to the secret.
    pub(super) fresh: [u8; 32],
    pub(super) signature: [u8; 64],
}

impl NullGreeter {
    pub(crate) fn new(own: MemberId) -> Self {
        Self { alone: vec![own.clone()], own, group: None }
    }

    fn target(&self, change: Change<'_>) -> Vec<MemberId> {
        match change {
            Change::Include(ids) => {
                let mut added = ids.to_vec();
                added.sort_unstable();
                self.members().iter().cloned().chain(added).collect()
            }
            Change::Exclude(ids) => {
                self.members().iter().filter(|member| !ids.contains(member)).cloned().collect()
            }
            _ => self.members().to_vec(),
        }
    }

    fn verify(
        &self,
        sender: &MemberId,
        packet: &GreetingPacket<'_>,
    ) -> Result<CheckedInitial<NullProof>, Check> {
        if packet.source != *sender {
            return Err(Check::SenderIsNotSource { sender: sender.clone() });
        }
        let metadata = packet.metadata.ok_or(Check::NotInitial)?;
        let operation = operation(packet).ok_or(Check::NotInitial)?;
        let members: Vec<MemberId> = packet.members.iter().map(|id| id.to_owned()).collect();
        let nonces: Vec<[u8; 32]> = packet.nonces.iter().copied().collect();
        let author =
            members.iter().position(|member| member == sender).ok_or(Check::InitiatorNotMember)?;
        match (&self.group, operation) {
            (None, _) if !members.contains(&self.own) => return Err(Check::NotForUs),
            (None, Operation::Establish) if author == 0 && ascend(&members, 1) => {}
            (None, Operation::Include)
                if nonces.len() > 1
                    && ascend(&members, nonces.len())
                    && members.iter().skip(nonces.len()).any(|member| *member == self.own) => {}
            (None, Operation::Establish | Operation::Include) => return Err(Check::Members),
            (None, _) => return Err(Check::NoGroup),
            (Some(_), Operation::Establish) => return Err(Check::GroupExists),
            (Some(group), _) => follows(group, sender, operation, &members, &nonces)?,
        }
        if let Some(group) = &self.group
            && packet.int_keys.iter().nth(author) != Some(&group.int_key(sender))
        {
            return Err(Check::InitiatorIntKey);
        }
        for (member, listed) in members.iter().zip(packet.pub_keys.iter()) {
            if *listed != key(member) {
                return Err(Check::PubKeyDiffers(member.clone()));
            }
        }
        if *packet.signature != mark(GREETING, sender, packet.signed) {
            return Err(Check::Signature);
        }
        if operation == Operation::Exclude
            && packet.session_signature != Some(&confirmation(sender, &members, &nonces))
        {
            return Err(Check::SessionSignature);
        }
        let order = OrderRefs {
            prev_pf: *metadata.prev_pf,
            chain_hash: *metadata.chain_hash,
            latest_pm: metadata.latest_pm.iter().collect(),
        };
        let single = operation == Operation::Refresh || members.len() == 1;
        let others = packet.int_keys.iter().enumerate().filter(|(at, _)| *at != author);
        let fresh = others.map(|(_, key)| *key).next().unwrap_or_default();
        let proof = NullProof { author, nonces, fresh, signature: *packet.signature };
        let initial = Initial { operation, author: sender.clone(), members, order, single };
        Ok(CheckedInitial { initial, proof })
    }
}

/// Whether those from this place on are there, and in order.
fn ascend(members: &[MemberId], from: usize) -> bool {
    members
        .get(from..)
        .is_some_and(|added| !added.is_empty() && added.is_sorted_by(|one, next| one < next))
}

/// Whether a change follows from the group as it is.
fn follows(
    group: &NullGroup,
    author: &MemberId,
    operation: Operation,
    members: &[MemberId],
    nonces: &[[u8; 32]],
) -> Result<(), Check> {
    let before = &group.members;
    if !before.contains(author) {
        return Err(Check::InitiatorNotMember);
    }
    let right = match operation {
        Operation::Include => members.starts_with(before) && ascend(members, before.len()),
        Operation::Refresh => members == before,
        _ => {
            let staying = before.iter().filter(|member| members.contains(member));
            members.len() < before.len() && staying.eq(members)
        }
    };
    if !right {
        return Err(Check::Members);
    }
    let old = before.iter().zip(&group.nonces).filter(|(member, _)| members.contains(member));
    for ((member, old), nonce) in old.zip(nonces) {
        if member == author && old == nonce {
            return Err(Check::NonceNotRenewed);
        }
        if member != author && old != nonce {
            return Err(Check::Nonce(member.clone()));
        }
    }
    Ok(())
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

/// Encodes a packet and marks it.
pub(super) fn seal(fields: &GreetingFields<'_>) -> Result<String, EncodeError> {
    let unsigned = fields.encode(Dialect::DOCUMENT)?;
    let signature = mark(GREETING, fields.source, unsigned.signed());
    Ok(unsigned.finish(&signature))
}

impl Greeter for NullGreeter {
    type Keys = NullKeys;
    /// Our nonce.
    type Draft = [u8; 32];
    type Proof = NullProof;
    type Result = Option<NullGroup>;
    type Greeting = NullGreeting;

    fn dialect(&self) -> Dialect {
        Dialect::DOCUMENT
    }

    fn own_id(&self) -> &MemberId {
        &self.own
    }

    fn members(&self) -> &[MemberId] {
        self.group.as_ref().map_or(&self.alone, |group| &group.members)
    }

    fn knows_identity(&self, _: &MemberId) -> bool {
        true
    }

    fn check_change(&self, change: Change<'_>) -> Result<(), ProposeError> {
        let members = self.members();
        let (Change::Include(ids) | Change::Exclude(ids)) = change else {
            return if self.group.is_some() { Ok(()) } else { Err(ProposeError::Alone) };
        };
        if ids.is_empty() {
            return Err(ProposeError::NobodyNamed);
        }
        let mut named = BTreeSet::new();
        for id in ids {
            if *id == self.own {
                return Err(ProposeError::NamesUs);
            }
            if !named.insert(id) {
                return Err(ProposeError::NamedTwice(id.clone()));
            }
            match change {
                Change::Exclude(_) if !members.contains(id) => {
                    return Err(ProposeError::NotMember(id.clone()));
                }
                Change::Include(_) if members.contains(id) => {
                    return Err(ProposeError::AlreadyMember(id.clone()));
                }
                _ => {}
            }
        }
        if self.target(change).len() > MAX_MEMBERS {
            return Err(ProposeError::Encode(EncodeError::TooMany(RecordType::MEMBER)));
        }
        Ok(())
    }

    fn propose(
        &self,
        rng: &mut dyn CryptoRng,
        change: Change<'_>,
        order: OrderRefs,
    ) -> Result<Proposal<[u8; 32]>, ProposeError> {
        self.check_change(change)?;
        let members = self.target(change);
        let mut nonce = [0; 32];
        rng.fill_bytes(&mut nonce);
        let (operation, greet_type) = match (change, &self.group) {
            (Change::Include(_), None) => (Operation::Establish, GreetType::ESTABLISH_INITIAL),
            (Change::Include(_), Some(_)) => (Operation::Include, GreetType::INCLUDE_INITIAL),
            (Change::Exclude(_), _) => (Operation::Exclude, GreetType::EXCLUDE_INITIAL),
            _ => (Operation::Refresh, GreetType::REFRESH),
        };
        let nonces: Vec<[u8; 32]> = match (&self.group, operation) {
            (_, Operation::Refresh) => Vec::new(),
            (None, _) => vec![nonce],
            (Some(group), _) => (group.members.iter().zip(&group.nonces))
                .filter(|(member, _)| members.contains(member))
                .map(|(member, old)| if *member == self.own { nonce } else { *old })
                .collect(),
        };
        let pub_keys: Vec<_> = members.iter().take(nonces.len()).map(key).collect();
        let int_keys = match operation {
            Operation::Establish | Operation::Include => nonces.len().saturating_add(1),
            _ => members.len(),
        };
        let mut int_keys = vec![nonce; int_keys];
        let place = members.iter().position(|member| *member == self.own).unwrap_or_default();
        if let Some(own) = int_keys.get_mut(place) {
            *own = self.group.as_ref().map_or(BASE_POINT, |group| group.int_key(&self.own));
        }
        let exclude = operation == Operation::Exclude;
        let confirmation = exclude.then(|| confirmation(&self.own, &members, &nonces));
        let fields = GreetingFields {
            greet_type,
            source: &self.own,
            dest: members.get(nonces.len()).filter(|_| !greet_type.is_downflow()),
            members: &members,
            int_keys: &int_keys,
            nonces: &nonces,
            pub_keys: &pub_keys,
            metadata: Some(MetadataFields {
                prev_pf: &order.prev_pf,
                chain_hash: &order.chain_hash,
                latest_pm: &order.latest_pm,
            }),
            session_signature: confirmation.as_ref(),
        };
        let packet = seal(&fields).map_err(ProposeError::Encode)?;
        let single = operation == Operation::Refresh || members.len() == 1;
        let author = self.own.clone();
        let initial = Initial { operation, author, members, order, single };
        Ok(Proposal { packet, initial, draft: nonce })
    }

    fn check_initial(
        &self,
        sender: &MemberId,
        packet: &GreetingPacket<'_>,
    ) -> Result<CheckedInitial<NullProof>, Refused> {
        self.verify(sender, packet).map_err(|check| Refused::new(packet.source.to_owned(), check))
    }

    fn start(
        &self,
        rng: &mut dyn CryptoRng,
        id: [u8; 32],
        checked: CheckedInitial<NullProof>,
        draft: Option<[u8; 32]>,
    ) -> Result<Started<NullGreeting>, InternalError> {
        if draft.is_some() != (checked.initial.author == self.own) {
            return Err(InternalError::new("a draft of somebody else"));
        }
        NullGreeting::start(self, rng, id, checked, draft)
    }

    fn adopt(&mut self, result: Option<NullGroup>) {
        self.group = result;
    }

    fn reset(&mut self) {
        self.group = None;
    }
}
