//! Views of decoded packets.

use crate::{MemberRef, MessageId};

/// A decoded packet. Everything in it borrows from the octets it was decoded from.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Packet<'a> {
    /// Part of a membership operation.
    Greeting(GreetingPacket<'a>),
    /// A sealed message.
    Data(DataPacket<'a>),
    /// Ends a membership operation (dialect Document only).
    Abort(AbortPacket<'a>),
}

/// A GREET_TYPE value: a struct over the integer, so that an unknown value survives to the error.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GreetType(pub u16);

/// A greeting packet.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct GreetingPacket<'a> {
    /// MESSAGE_SIGNATURE.
    pub signature: &'a [u8; 64],
    /// S: every octet after the signature record.
    pub signed: &'a [u8],
    /// GREET_TYPE; agrees with the records that are there.
    pub greet_type: GreetType,
    /// SOURCE; one of `members` (or, in an exclude, an include …, an old member).
    pub source: MemberRef<'a>,
    /// DEST; `None` on broadcasts.
    pub dest: Option<MemberRef<'a>>,
    /// MEMBER records, in their order, without duplicates.
    pub members: Members<'a>,
    /// INT_KEY records.
    pub int_keys: IntKeys<'a>,
    /// NONCE records.
    pub nonces: Values32<'a>,
    /// PUB_KEY records.
    pub pub_keys: Values32<'a>,
    /// PREV_PF, CHAIN_HASH, LATEST_PM: in an operation's initial packet.
    pub metadata: Option<Metadata<'a>>,
    /// SESSION_SIGNATURE.
    pub session_signature: Option<&'a [u8; 64]>,
}

/// The metadata of an operation's initial packet.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Metadata<'a> {
    /// PREV_PF: packet id of the previous final packet.
    pub prev_pf: &'a [u8; 32],
    /// CHAIN_HASH: the chain hash at it, as the initiator computed it.
    pub chain_hash: &'a [u8; 32],
    /// LATEST_PM: the latest messages that the initiator had accepted, ascending.
    pub latest_pm: MessageIds<'a>,
}

/// A data packet: a sealed message.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct DataPacket<'a> {
    /// SOURCE in front: the author, where another member sends the packet again (not signed).
    pub resent_author: Option<MemberRef<'a>>,
    /// SIDKEY_HINT.
    pub hint: u8,
    /// MESSAGE_SIGNATURE.
    pub signature: &'a [u8; 64],
    /// S: every octet after the signature record.
    pub signed: &'a [u8],
    /// MESSAGE_IV.
    pub iv: &'a [u8; 12],
    /// MESSAGE_PAYLOAD: ciphertext.
    pub payload: &'a [u8],
}

/// An abort packet.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct AbortPacket<'a> {
    /// MESSAGE_SIGNATURE.
    pub signature: &'a [u8; 64],
    /// S: every octet after the signature record.
    pub signed: &'a [u8],
    /// SOURCE.
    pub source: MemberRef<'a>,
    /// ABORTED_PI: packet id of the initial packet of the operation to end.
    pub aborted_pi: &'a [u8; 32],
    /// MESSAGE_PAYLOAD: why; at most 256 octets.
    pub reason: &'a str,
}

/// A run of MEMBER records.
#[derive(Clone, Copy, Debug)]
pub struct Members<'a> {
    pub(crate) records: &'a [u8],
    pub(crate) len: usize,
}

/// A run of INT_KEY records. An empty one (MpencJs) is the base point.
#[derive(Clone, Copy, Debug)]
pub struct IntKeys<'a> {
    pub(crate) records: &'a [u8],
    pub(crate) len: usize,
}

/// A run of records with 32 octets each.
#[derive(Clone, Copy, Debug)]
pub struct Values32<'a> {
    pub(crate) records: &'a [u8],
    pub(crate) len: usize,
}

/// A run of message ids.
#[derive(Clone, Copy, Debug)]
pub struct MessageIds<'a> {
    pub(crate) records: &'a [u8],
    pub(crate) len: usize,
}

impl<'a> Members<'a> {
    /// The members in their order.
    pub fn iter(self) -> impl Iterator<Item = MemberRef<'a>> {
        let _ = self.records;
        core::iter::empty()
    }
    /// How many.
    #[must_use]
    pub fn len(self) -> usize {
        self.len
    }
    /// Whether there is none.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.len == 0
    }
}

impl<'a> IntKeys<'a> {
    /// The keys in their order, the base point written out.
    pub fn iter(self) -> impl Iterator<Item = &'a [u8; 32]> {
        let _ = self.records;
        core::iter::empty()
    }
    /// How many.
    #[must_use]
    pub fn len(self) -> usize {
        self.len
    }
    /// Whether there is none.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.len == 0
    }
}

impl<'a> Values32<'a> {
    /// The values in their order.
    pub fn iter(self) -> impl Iterator<Item = &'a [u8; 32]> {
        let _ = self.records;
        core::iter::empty()
    }
    /// How many.
    #[must_use]
    pub fn len(self) -> usize {
        self.len
    }
    /// Whether there is none.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.len == 0
    }
}

impl<'a> MessageIds<'a> {
    /// The ids in their order.
    pub fn iter(self) -> impl Iterator<Item = MessageId> + 'a {
        let _ = self.records;
        core::iter::empty()
    }
    /// How many.
    #[must_use]
    pub fn len(self) -> usize {
        self.len
    }
    /// Whether there is none.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.len == 0
    }
}
