//! What a session needs of message security, whichever it is.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use mpenc_wire::{DataPacket, Dialect, Malformed, MemberId, MessageId};
use rand_core::CryptoRng;

use crate::PaddingFault;

/// What a message is for (ME-09).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// Text by the author; never empty.
    Payload,
    /// An explicit ack that the session sent by itself.
    AckAutomatic,
    /// An explicit ack that the user asked for.
    AckManual,
    /// A sign of life.
    Heartbeat,
    /// Asks everyone to ack.
    Consistency,
    /// The author writes no more content in this sub-session.
    Fin,
}

/// What an author says of the server order: the latest accepted final packet, and the chain hash
/// at it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "the wire fixes it")]
pub struct OrderAck {
    /// Packet id of the latest accepted final packet.
    pub packet_id: [u8; 32],
    /// The chain hash at it.
    pub chain_hash: [u8; 32],
}

/// A message to seal.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::exhaustive_structs, reason = "callers make it")]
pub struct Draft<'a> {
    /// Its parents, in the order that the dialect wants them on the wire.
    pub parents: &'a [MessageId],
    /// What it is for.
    pub kind: Kind,
    /// The text; empty unless `kind` is a payload.
    pub text: &'a str,
    /// The server-order ack that it carries.
    pub order_ack: Option<OrderAck>,
}

/// A sealed message.
#[derive(Clone, Debug)]
pub struct Sealed {
    /// Its id.
    pub id: MessageId,
    /// The packet, as text for the channel.
    pub packet: String,
}

/// A message that was verified and decrypted.
#[derive(Clone, Debug)]
pub struct Opened {
    /// Its id.
    pub id: MessageId,
    /// Who wrote it.
    pub author: MemberId,
    /// Its parents, in wire order.
    pub parents: Vec<MessageId>,
    /// What it is for.
    pub kind: Kind,
    /// The text of a payload.
    pub text: String,
    /// The server-order ack that it carries.
    pub order_ack: Option<OrderAck>,
}

/// Why a message cannot be sealed. Nothing has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SealError {
    /// The message is too long for one packet.
    TooLong {
        /// Octets of what the dialect limits: the text (Document) or all records (MpencJs).
        octets: usize,
        /// How many are allowed.
        limit: usize,
    },
    /// A payload must have text; other kinds must not.
    TextAndKindDisagree,
    /// This key has sealed as many messages as is safe: refresh the group key first.
    KeyExhausted,
    /// The dialect has no such kind of message.
    KindNotInDialect,
    /// The parents are more than the members, or not in the dialect's order.
    Parents,
}

impl fmt::Display for SealError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong { octets, limit } => {
                write!(f, "the message takes {octets} octets; {limit} are allowed")
            }
            Self::TextAndKindDisagree => {
                f.write_str("a payload must have text, and other kinds must have none")
            }
            Self::KeyExhausted => {
                f.write_str("this group key has sealed too many messages: refresh it first")
            }
            Self::KindNotInDialect => f.write_str("the dialect has no such kind of message"),
            Self::Parents => f.write_str("the parents are too many or out of order"),
        }
    }
}

impl core::error::Error for SealError {}

/// Why a packet is not a message of this sub-session.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum OpenError {
    /// The hint names another key: it may belong to another sub-session.
    OtherKey,
    /// The author is no member of this sub-session.
    NotMember(MemberId),
    /// The signature does not verify under the author's key and this sub-session's.
    Signature,
    /// The author's signature is good, but what was signed is malformed: a fault by the author.
    Content(ContentFault),
}

/// What is wrong with a well-signed message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ContentFault {
    /// The padding is not as it must be.
    Padding(PaddingFault),
    /// The records are not.
    Malformed(Malformed),
    /// The kind is none that we know.
    UnknownKind(u8),
    /// Text beside a kind that has none.
    KindWithText,
    /// A payload without text.
    EmptyText,
    /// The text is not UTF-8.
    NotUtf8,
    /// The body is not the one way to write its value (dialect MpencJs).
    Json,
    /// More parents than members.
    TooManyParents,
}

impl fmt::Display for ContentFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Padding(fault) => fault.fmt(f),
            Self::Malformed(error) => error.fmt(f),
            Self::UnknownKind(kind) => write!(f, "unknown message kind {kind}"),
            Self::KindWithText => f.write_str("only payloads have text"),
            Self::EmptyText => f.write_str("a payload without text"),
            Self::NotUtf8 => f.write_str("the text is not UTF-8"),
            Self::Json => {
                f.write_str("the body is not a JSON array of one value, as it is written")
            }
            Self::TooManyParents => f.write_str("more parents than members"),
        }
    }
}

impl core::error::Error for ContentFault {}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OtherKey => f.write_str("it is sealed under another key"),
            Self::NotMember(member) => write!(f, "{member} is no member of this sub-session"),
            Self::Signature => f.write_str("the signature does not verify"),
            Self::Content(fault) => write!(f, "well signed, but malformed: {fault}"),
        }
    }
}

impl core::error::Error for OpenError {}

/// Seals and opens the messages of one sub-session.
///
/// A session knows only this: a ratchet can take the place of constant keys without touching it
/// (SE-20).
pub trait MessageSecurity {
    /// What is left when the sub-session is over.
    type Retired: RetiredSecurity;

    /// The dialect spoken.
    fn dialect(&self) -> Dialect;

    /// First octet of SHA-256(sid ‖ group key), in front of every data packet (ME-06).
    fn hint(&self) -> u8;

    /// Whether a packet's signature can be anybody's, by the look of it. If it cannot, the packet is no
    /// message under any key, now or later: it is refused before anything is hashed, and not held.
    fn can_be_signature(signature: &[u8; 64]) -> bool
    where
        Self: Sized,
    {
        let _ = signature;
        true
    }

    /// The id of a data packet, without opening it: to notice duplicates cheaply. What can have been
    /// signed by nobody may get an id that no message has.
    fn message_id(&self, packet: &DataPacket<'_>) -> MessageId;

    /// Seals a message of ours.
    ///
    /// # Errors
    /// [`SealError`]; nothing has changed.
    fn seal(&mut self, rng: &mut dyn CryptoRng, draft: &Draft<'_>) -> Result<Sealed, SealError>;

    /// Verifies, then decrypts a message by `author`: the transport's sender, or the SOURCE of a
    /// resent packet. Nothing changes; see [`MessageSecurity::commit`].
    ///
    /// # Errors
    /// [`OpenError`]: the check that failed.
    fn open(&self, author: &MemberId, packet: &DataPacket<'_>) -> Result<Opened, OpenError>;

    /// The same, for who knows the packet's id already, as [`message_id`](Self::message_id) gave it.
    ///
    /// # Errors
    /// Those of `open`.
    fn open_known(
        &self,
        id: MessageId,
        author: &MemberId,
        packet: &DataPacket<'_>,
    ) -> Result<Opened, OpenError> {
        let _ = id;
        self.open(author, packet)
    }

    /// Counts a message that the transcript accepted, and lets a ratchet destroy its secrets.
    fn commit(&mut self, message: &Opened);

    /// Wipes what decrypts and what signs.
    fn retire(self) -> Self::Retired;

    /// Whether so many messages were sealed under this key, by all authors, that it should be
    /// refreshed.
    fn refresh_due(&self) -> bool;
}

/// Recognises late packets of a sub-session that is over, so that they are not taken for something
/// that cannot be opened.
pub trait RetiredSecurity {
    /// Whether `author` signed this packet in that sub-session.
    fn verifies(&self, author: &MemberId, packet: &DataPacket<'_>) -> bool;

    /// Takes what is the same in another sub-session's from there, rather than keep it twice. A group
    /// whose key is refreshed has the same members, with the same keys. By default nothing is shared.
    fn share(&mut self, _other: &Self)
    where
        Self: Sized,
    {
    }
}
