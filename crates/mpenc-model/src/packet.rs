//! What goes over the channel. Packets are symbols: no keys, no signatures, no texts.

use std::fmt;

use mpenc_order::{ChainHash, PacketId};

use crate::name::{Name, Names};

/// What a proposal is called: whose, and the how manieth of theirs. It stands for all that an
/// author draws afresh, so that no two proposals are the same octets. It names the sub-session that
/// comes of it as well, and so its keys.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Key {
    /// Who made it.
    pub author: Name,
    /// Which of theirs it is.
    pub serial: u8,
}

/// What an operation changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// It makes a group.
    Establish,
    /// It adds these members.
    Include(Names),
    /// It takes members away.
    Exclude,
    /// It changes the keys.
    Refresh,
}

/// The initial packet of an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Initial {
    /// What it is called.
    pub key: Key,
    /// What it changes.
    pub kind: Kind,
    /// Its target members.
    pub members: Names,
    /// PREV_PF.
    pub prev_pf: PacketId,
    /// CHAIN_HASH.
    pub chain_hash: ChainHash,
}

impl Initial {
    /// Whether it is its operation's final packet too.
    #[must_use]
    pub fn is_single(&self) -> bool {
        self.kind == Kind::Refresh || self.members.len() == 1
    }

    /// Whose confirmation is in it: an exclude has its author's session signature. Who includes others
    /// signs only when these have contributed.
    #[must_use]
    pub fn confirmed(&self) -> Names {
        match self.kind {
            Kind::Establish | Kind::Include(_) => Names::default(),
            Kind::Exclude | Kind::Refresh => Names::default().with(self.key.author),
        }
    }
}

/// A packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Packet {
    /// The first one of an operation.
    Initial(Initial),
    /// What every other target member contributes. The last one is the final packet. It names
    /// nonces and keys of its operation, not a packet id.
    Confirm(Key),
    /// An abort of the operation with this initial packet.
    Abort(PacketId),
    /// A message, or an ack of one.
    Data(Data),
}

/// What a message says of the order, and what it takes to read it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Data {
    /// The sub-session under whose keys it is.
    pub sub: Key,
    /// Which message of its author's it is; 0 for acks, which nobody acks.
    pub serial: u8,
    /// The message that it acks, by its author and their count.
    pub acks: Option<(Name, u8)>,
    /// ORDER_ACK.
    pub order: Option<(PacketId, ChainHash)>,
}

/// What the server tells a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Notice {
    /// They are in the channel, with these, themselves among them.
    Inside(Names),
    /// Somebody has entered.
    Entered(Name),
    /// Somebody has left: they themselves, perhaps.
    Left(Name),
    /// Somebody has sent a packet: they themselves, perhaps.
    Packet(Name, Packet),
}

impl Packet {
    /// Octets that stand for it: the same for the same packet, and for no other one.
    #[must_use]
    pub fn octets(&self) -> Vec<u8> {
        let mut octets = Vec::with_capacity(80);
        match self {
            Self::Initial(initial) => {
                octets.extend_from_slice(b"initial ");
                initial.key.write(&mut octets);
                octets.push(initial.members.octet());
                octets.push(match initial.kind {
                    Kind::Establish => b'*',
                    Kind::Include(new) => b'+' ^ new.octet().rotate_left(4),
                    Kind::Exclude => b'-',
                    Kind::Refresh => b'=',
                });
                octets.extend_from_slice(initial.prev_pf.as_bytes());
                octets.extend_from_slice(initial.chain_hash.as_bytes());
            }
            Self::Confirm(key) => {
                octets.extend_from_slice(b"confirm ");
                key.write(&mut octets);
            }
            Self::Abort(initial) => {
                octets.extend_from_slice(b"abort ");
                octets.extend_from_slice(initial.as_bytes());
            }
            // The order never sees one.
            Self::Data(_) => {}
        }
        octets
    }

    /// Its id, where these are in the channel.
    #[must_use]
    pub fn id(&self, sender: Name, channel: Names) -> PacketId {
        let others = channel.without(sender).to_vec();
        PacketId::compute(sender.as_ref(), others.iter().map(AsRef::as_ref), &self.octets())
    }
}

impl Key {
    fn write(&self, octets: &mut Vec<u8>) {
        octets.extend_from_slice(self.author.as_ref());
        octets.push(self.serial);
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.author, self.serial)
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl fmt::Display for Packet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Initial(initial) => {
                let Initial { key, kind, members, .. } = initial;
                match kind {
                    Kind::Establish => write!(f, "establish {key}, for {members}"),
                    Kind::Include(_) => write!(f, "include {key}, for {members}"),
                    Kind::Exclude => write!(f, "exclude {key}, for {members}"),
                    Kind::Refresh => write!(f, "refresh {key}"),
                }
            }
            Self::Confirm(key) => write!(f, "confirm of {key}"),
            Self::Abort(initial) => write!(f, "abort of {initial:?}"),
            Self::Data(Data { sub, serial, acks, order }) => {
                match acks {
                    Some((author, serial)) => write!(f, "ack of message {author}{serial}")?,
                    None => write!(f, "message {serial}")?,
                }
                write!(f, " in {sub}")?;
                match order {
                    Some((packet, hash)) => write!(f, ", order {packet:?} {hash:?}"),
                    None => Ok(()),
                }
            }
        }
    }
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Inside(members) => write!(f, "the channel has {members}"),
            Self::Entered(who) => write!(f, "{who} has entered"),
            Self::Left(who) => write!(f, "{who} has left"),
            Self::Packet(sender, packet) => write!(f, "{sender}: {packet}"),
        }
    }
}
