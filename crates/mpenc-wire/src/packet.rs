//! Views of decoded packets.

use crate::{GreetType, IntKeys, MemberRef, Members, MessageIds, Values32};

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
    /// SOURCE: one of `members`.
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
