//! Proposing operations, and starting them.

use alloc::collections::BTreeSet;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

use ed25519_dalek::SigningKey;
use mpenc_wire::{
    Dialect, EncodeError, GreetType, GreetingFields, GreetingPacket, MAX_MEMBERS, MemberId,
    MetadataFields, RecordType,
};
use rand_core::CryptoRng;

use super::agreement;
use super::aske::{self, Nonce};
use super::contribution::Contribution;
use super::greeting::CliquesGreeting;
use super::group::{Context, Entry, Group, Own};
use super::initial::InitialProof;
use super::keys::{AgreedKeys, draw_signing_key};
use crate::identity::{Identities, IdentitySigner, SignerFailed};
use crate::{
    Change, CheckedInitial, Completed, Greeter, Initial, InternalError, Operation, OperationStep,
    OrderRefs, Proposal, ProposeError, Refused, Status,
};

/// Makes and starts membership operations: CLIQUES with ASKE.
///
/// It holds what the last completed operation agreed on, and changes only when the result of
/// another one is [adopted](Greeter::adopt): a failed operation leaves nothing behind.
#[derive(Clone)]
pub struct CliquesGreeter {
    pub(super) context: Context,
    /// The members of `group`, or ourselves alone.
    members: Vec<MemberId>,
    pub(super) group: Option<Group>,
}

impl fmt::Debug for CliquesGreeter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CliquesGreeter")
    }
}

/// The secrets of a proposal of ours. Wiped on drop.
#[derive(Clone)]
pub struct CliquesDraft(pub(super) Own);

impl fmt::Debug for CliquesDraft {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CliquesDraft")
    }
}

/// The result of a completed operation, for [`Greeter::adopt`]. Wiped on drop.
#[derive(Clone)]
pub struct CliquesResult(pub(super) Option<Group>);

impl fmt::Debug for CliquesResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CliquesResult")
    }
}

/// A member of the current group, as the last operation agreed on them: public values only.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct AgreedMember<'a> {
    /// Who.
    pub id: &'a MemberId,
    /// Their intermediate key: the product of all contributions but theirs.
    pub int_key: &'a [u8; 32],
    /// Their nonce.
    pub nonce: &'a [u8; 32],
    /// The key that they sign with.
    pub ephemeral_key: &'a [u8; 32],
    /// How many operations have completed since they last renewed their contribution; `None` if
    /// we have not seen them do so, which counts as longest ago (GK-13).
    pub since_renewal: Option<u32>,
}

impl CliquesGreeter {
    /// A greeter for the member `own`, alone.
    #[must_use]
    pub fn new(
        dialect: Dialect,
        own: MemberId,
        signer: Arc<dyn IdentitySigner + Send + Sync>,
        identities: Arc<dyn Identities + Send + Sync>,
    ) -> Self {
        let members = [own.clone()].into();
        Self { context: Context { dialect, own, signer, identities }, members, group: None }
    }

    /// What the last completed operation agreed on, in the order of the agreement; nothing if we
    /// are alone.
    pub fn agreed(&self) -> impl Iterator<Item = AgreedMember<'_>> {
        self.group.iter().flat_map(|group| &group.members).map(|member| AgreedMember {
            id: &member.id,
            int_key: member.int_key.octets(),
            nonce: &member.entry.nonce,
            ephemeral_key: member.entry.key.octets(),
            since_renewal: member.age,
        })
    }

    /// Per member, how many operations have completed since they last renewed their contribution:
    /// what a rolling refresh ranks by (GK-13). `None` (we have not seen it) counts as oldest.
    pub fn renewals(&self) -> impl Iterator<Item = (&MemberId, Option<u32>)> {
        self.agreed().map(|member| (member.id, member.since_renewal))
    }

    /// The keys of the current sub-session; `None` if we are alone.
    #[must_use]
    pub fn keys(&self) -> Option<AgreedKeys> {
        self.group.as_ref().map(|group| group.keys(&self.context.own))
    }

    /// The members after a change, in the order of the agreement.
    fn target(&self, change: Change<'_>) -> Vec<MemberId> {
        match change {
            Change::Include(ids) => {
                let mut added = ids.to_vec();
                added.sort_unstable();
                self.members.iter().cloned().chain(added).collect()
            }
            Change::Exclude(ids) => {
                self.members.iter().filter(|member| !ids.contains(member)).cloned().collect()
            }
            Change::Refresh => self.members.clone(),
        }
    }

    /// A proposal's packet, before it is encoded: what the initiator contributes, and the lists.
    fn draw(
        &self,
        rng: &mut dyn CryptoRng,
        change: Change<'_>,
        members: &[MemberId],
    ) -> Result<Drawn, ProposeError> {
        let factor = Contribution::draw(rng);
        let mut nonce = || {
            let mut nonce = [0; 32];
            rng.fill_bytes(&mut nonce);
            nonce
        };
        let Some(group) = &self.group else {
            let nonce = nonce();
            let own = Own { contribution: factor, nonce, ephemeral: draw_signing_key(rng) };
            return Ok(Drawn {
                greet_type: GreetType::ESTABLISH_INITIAL,
                int_keys: agreement::first_upflow(&own.contribution),
                entries: [own.entry()].into(),
                session_signature: None,
                own,
            });
        };
        let contribution = group.own.contribution.then(&factor);
        let ephemeral = group.own.ephemeral.clone();
        let place = group.place;
        let all = group.members.iter().map(|member| &member.int_key);
        if let Change::Refresh = change {
            return Ok(Drawn {
                greet_type: GreetType::REFRESH,
                int_keys: agreement::renew(&factor, place, all)?,
                entries: Vec::new(),
                session_signature: None,
                own: Own { contribution, nonce: group.own.nonce, ephemeral },
            });
        }
        let own = Own { contribution, nonce: nonce(), ephemeral };
        let entry =
            |at: usize, entry: &Entry| if at == place { own.entry() } else { entry.clone() };
        if let Change::Include(_) = change {
            let mut int_keys = agreement::renew(&factor, place, all)?;
            if let Some(member) = group.members.get(place) {
                int_keys.push(agreement::cardinal(&own.contribution, &member.int_key)?);
            }
            let old = group.members.iter().enumerate();
            return Ok(Drawn {
                greet_type: GreetType::INCLUDE_INITIAL,
                int_keys,
                entries: old.map(|(at, member)| entry(at, &member.entry)).collect(),
                session_signature: None,
                own,
            });
        }
        let staying: Vec<_> = group
            .members
            .iter()
            .enumerate()
            .filter(|(_, member)| members.contains(&member.id))
            .collect();
        let own_place = staying.iter().position(|(at, _)| *at == place).unwrap_or_default();
        let int_keys = staying.iter().map(|(_, member)| &member.int_key);
        let int_keys = agreement::renew(&factor, own_place, int_keys)?;
        let entries: Vec<_> =
            staying.iter().map(|(at, member)| entry(*at, &member.entry)).collect();
        let session_id =
            aske::session_id(members.iter().zip(entries.iter().map(|entry| &entry.nonce)));
        let signature = self.context.session_signature(&own, &session_id);
        Ok(Drawn {
            greet_type: GreetType::EXCLUDE_INITIAL,
            int_keys,
            entries,
            session_signature: Some(signature.map_err(|SignerFailed| ProposeError::SignerFailed)?),
            own,
        })
    }
}

/// What was drawn and computed for a proposal.
struct Drawn {
    greet_type: GreetType,
    own: Own,
    int_keys: Vec<[u8; 32]>,
    entries: Vec<Entry>,
    session_signature: Option<[u8; 64]>,
}

impl Greeter for CliquesGreeter {
    type Keys = AgreedKeys;
    type Draft = CliquesDraft;
    type Proof = InitialProof;
    type Result = CliquesResult;
    type Greeting = CliquesGreeting;

    fn dialect(&self) -> Dialect {
        self.context.dialect
    }

    fn own_id(&self) -> &MemberId {
        &self.context.own
    }

    fn members(&self) -> &[MemberId] {
        &self.members
    }

    fn knows_identity(&self, member: &MemberId) -> bool {
        *member == self.context.own || self.context.identity(member).is_some()
    }

    fn since_renewal(&self, member: &MemberId) -> Option<u32> {
        self.agreed().find(|agreed| agreed.id == member)?.since_renewal
    }

    fn check_change(&self, change: Change<'_>) -> Result<(), ProposeError> {
        let (Change::Include(ids) | Change::Exclude(ids)) = change else {
            return if self.group.is_some() { Ok(()) } else { Err(ProposeError::Alone) };
        };
        if ids.is_empty() {
            return Err(ProposeError::NobodyNamed);
        }
        let mut named = BTreeSet::new();
        for id in ids {
            if *id == self.context.own {
                return Err(ProposeError::NamesUs);
            }
            if !named.insert(id) {
                return Err(ProposeError::NamedTwice(id.clone()));
            }
        }
        let members: BTreeSet<&MemberId> = self.members.iter().collect();
        match change {
            Change::Exclude(_) => match ids.iter().find(|id| !members.contains(id)) {
                Some(id) => Err(ProposeError::NotMember(id.clone())),
                None => Ok(()),
            },
            _ => {
                if let Some(id) = ids.iter().find(|id| members.contains(id)) {
                    return Err(ProposeError::AlreadyMember(id.clone()));
                }
                if members.len().saturating_add(ids.len()) > MAX_MEMBERS {
                    return Err(ProposeError::Encode(EncodeError::TooMany(RecordType::MEMBER)));
                }
                match ids.iter().find(|id| !self.knows_identity(id)) {
                    Some(id) => Err(ProposeError::NoIdentityKey(id.clone())),
                    None => Ok(()),
                }
            }
        }
    }

    fn propose(
        &self,
        rng: &mut dyn CryptoRng,
        change: Change<'_>,
        order: OrderRefs,
    ) -> Result<Proposal<CliquesDraft>, ProposeError> {
        self.check_change(change)?;
        let members = self.target(change);
        let drawn = self.draw(rng, change, &members)?;
        let operation = match change {
            Change::Refresh => Operation::Refresh,
            Change::Exclude(_) => Operation::Exclude,
            Change::Include(_) if self.group.is_some() => Operation::Include,
            Change::Include(_) => Operation::Establish,
        };
        let (nonces, pub_keys) = lists(&drawn.entries);
        let is_upflow = !drawn.greet_type.is_downflow();
        let fields = GreetingFields {
            greet_type: drawn.greet_type,
            source: &self.context.own,
            dest: members.get(drawn.entries.len()).filter(|_| is_upflow),
            members: &members,
            int_keys: &drawn.int_keys,
            nonces: &nonces,
            pub_keys: &pub_keys,
            metadata: Some(MetadataFields {
                prev_pf: &order.prev_pf,
                chain_hash: &order.chain_hash,
                latest_pm: &order.latest_pm,
            }),
            session_signature: drawn.session_signature.as_ref(),
        };
        let packet =
            self.context.seal(&fields, &drawn.own.ephemeral).map_err(ProposeError::Encode)?;
        let single = operation == Operation::Refresh || members.len() == 1;
        let author = self.context.own.clone();
        Ok(Proposal {
            packet,
            initial: Initial { operation, author, members, order, single },
            draft: CliquesDraft(drawn.own),
        })
    }

    fn check_initial(
        &self,
        sender: &MemberId,
        packet: &GreetingPacket<'_>,
    ) -> Result<CheckedInitial<InitialProof>, Refused> {
        self.verify_initial(sender, packet)
            .map_err(|check| Refused::new(packet.source.to_owned(), check))
    }

    fn start(
        &self,
        rng: &mut dyn CryptoRng,
        id: [u8; 32],
        checked: CheckedInitial<InitialProof>,
        draft: Option<CliquesDraft>,
    ) -> Result<(CliquesGreeting, OperationStep<AgreedKeys, CliquesResult>), InternalError> {
        CliquesGreeting::start(self, rng, id, checked, draft)
    }

    fn adopt(&mut self, result: CliquesResult) {
        self.group = result.0;
        self.members = match &self.group {
            Some(group) => group.ids().cloned().collect(),
            None => [self.context.own.clone()].into(),
        };
    }

    fn reset(&mut self) {
        self.adopt(CliquesResult(None));
    }
}

impl Context {
    /// Encodes a greeting packet and signs it with our ephemeral key.
    pub(super) fn seal(
        &self,
        fields: &GreetingFields<'_>,
        key: &SigningKey,
    ) -> Result<String, EncodeError> {
        let unsigned = fields.encode(self.dialect)?;
        let signature = aske::sign(key, aske::GREETING, unsigned.signed());
        Ok(unsigned.finish(&signature))
    }

    /// Our session signature.
    pub(super) fn session_signature(
        &self,
        own: &Own,
        session_id: &[u8; 32],
    ) -> Result<[u8; 64], SignerFailed> {
        let key = own.ephemeral.verifying_key();
        let message =
            aske::authenticator(self.dialect, &self.own, key.as_bytes(), &own.nonce, session_id);
        self.signer.sign(&message)
    }
}

/// The NONCE and PUB_KEY records of these entries.
pub(super) fn lists(entries: &[Entry]) -> (Vec<Nonce>, Vec<[u8; 32]>) {
    entries.iter().map(|entry| (entry.nonce, *entry.key.octets())).unzip()
}

/// What an operation led to that is over.
pub(super) fn completed(
    context: &Context,
    group: Option<Group>,
) -> Status<Completed<AgreedKeys, CliquesResult>> {
    Status::Completed(Completed {
        members: match &group {
            Some(group) => group.ids().cloned().collect(),
            None => [context.own.clone()].into(),
        },
        keys: group.as_ref().map(|group| group.keys(&context.own)),
        result: CliquesResult(group),
    })
}
