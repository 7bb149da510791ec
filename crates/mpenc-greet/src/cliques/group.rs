//! A group, as its last completed operation left it.

use alloc::sync::Arc;
use alloc::vec::Vec;

use ed25519_dalek::SigningKey;
use mpenc_wire::{Dialect, MemberId, MemberRef};
use zeroize::ZeroizeOnDrop;

use super::aske::Nonce;
use super::contribution::Contribution;
use super::int_key::IntKey;
use super::keys::{AgreedKeys, GroupKey, IdentityKey, PublicKey};
use crate::identity::{Identities, IdentitySigner};

/// Who we are and whom we know: the same for all operations. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Context {
    pub(crate) dialect: Dialect,
    pub(crate) own: MemberId,
    pub(crate) signer: Arc<dyn IdentitySigner + Send + Sync>,
    pub(crate) identities: Arc<dyn Identities + Send + Sync>,
}

impl Context {
    /// The identity key of another member; `None` if none is known, or none that can be admitted.
    pub(crate) fn identity(&self, member: &MemberId) -> Option<IdentityKey> {
        IdentityKey::admit(&self.identities.identity_key(member)?).ok()
    }
}

/// What a member contributed to ASKE.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) nonce: Nonce,
    pub(crate) key: PublicKey,
}

/// What we contribute to an operation ourselves: all that was drawn for it. Wiped on drop.
#[derive(Clone, ZeroizeOnDrop)]
pub(crate) struct Own {
    pub(crate) contribution: Contribution,
    pub(crate) nonce: Nonce,
    pub(crate) ephemeral: SigningKey,
}

impl Own {
    pub(crate) fn entry(&self) -> Entry {
        Entry { nonce: self.nonce, key: PublicKey::of(&self.ephemeral) }
    }

    /// Whether this is our entry.
    pub(crate) fn made(&self, entry: &Entry) -> bool {
        self.nonce == entry.nonce && self.ephemeral.verifying_key() == *entry.key.verifying_key()
    }
}

/// A member of a group.
#[derive(Clone)]
pub(crate) struct Member {
    pub(crate) id: MemberId,
    /// Admitted once, when they joined; ours is not needed.
    pub(crate) identity: Option<IdentityKey>,
    pub(crate) entry: Entry,
    pub(crate) int_key: IntKey,
    /// Completed operations since their latest renewal; `None` if we have not seen one.
    pub(crate) age: Option<u32>,
}

/// A group of two or more, ourselves among them, as its last completed operation left it.
///
/// Alone, there is none: contributions, nonce and ephemeral key are wiped with it, and the next
/// operation is an establish.
#[derive(Clone)]
pub(crate) struct Group {
    /// In the order of the agreement.
    pub(crate) members: Vec<Member>,
    /// Which one of them we are.
    pub(crate) place: usize,
    pub(crate) own: Own,
    pub(crate) session_id: [u8; 32],
    pub(crate) group_key: GroupKey,
}

impl Group {
    pub(crate) fn position(&self, member: MemberRef<'_>) -> Option<usize> {
        self.members.iter().position(|other| other.id == member)
    }

    pub(crate) fn ids(&self) -> impl Iterator<Item = &MemberId> {
        self.members.iter().map(|member| &member.id)
    }

    /// The places of those who stay, in order; `None` unless `staying` are some of the members in
    /// their order.
    pub(crate) fn remaining<'a>(
        &self,
        staying: impl IntoIterator<Item = MemberRef<'a>>,
    ) -> Option<Vec<usize>> {
        let mut places = self.members.iter().enumerate();
        staying
            .into_iter()
            .map(|id| places.find(|(_, member)| member.id == id).map(|(place, _)| place))
            .collect()
    }

    /// What message security gets.
    pub(crate) fn keys(&self, own: &MemberId) -> AgreedKeys {
        AgreedKeys {
            own: own.clone(),
            members: self
                .members
                .iter()
                .map(|member| (member.id.clone(), *member.entry.key.verifying_key()))
                .collect(),
            signing_key: self.own.ephemeral.clone(),
            session_id: self.session_id,
            group_key: self.group_key.clone(),
        }
    }
}
