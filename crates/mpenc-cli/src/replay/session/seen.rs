//! What can be seen of a member from outside: the same types for what was recorded and for ours.

use std::fmt;

use mpenc::{MemberId, MessageId};
use mpenc_wire::Dialect;
use sha2::{Digest, Sha256};

use crate::replay::difference::difference;

/// Something that a member did or told its user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Seen {
    /// It sent a packet.
    Packet(String),
    /// It asked the channel to let it in, because its user wants to join.
    Enter,
    /// It asked the channel to let these in, who are not there.
    Invite(Vec<MemberId>),
    /// It told the user of a message.
    Message(Message),
    /// It told the user who is a member now.
    Members(Members),
}

/// Kinds of what is seen. Each is compared by itself, because the order between them is not the
/// same in the first implementation and here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Packet,
    Enter,
    Invite,
    Message,
    Members,
}

/// A message in the user's log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Message {
    pub(super) id: MessageId,
    pub(super) author: MemberId,
    pub(super) readers: Vec<MemberId>,
    pub(super) text: Text,
    pub(super) parents_back: Vec<usize>,
}

/// A text, by its hash: of long ones, a recording has no more.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Text([u8; 32]);

/// Who is a member, and since when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Members {
    pub(super) remain: Vec<MemberId>,
    pub(super) include: Vec<MemberId>,
    pub(super) exclude: Vec<MemberId>,
}

impl Seen {
    pub(super) const fn kind(&self) -> Kind {
        match self {
            Self::Packet(_) => Kind::Packet,
            Self::Enter => Kind::Enter,
            Self::Invite(_) => Kind::Invite,
            Self::Message(_) => Kind::Message,
            Self::Members(_) => Kind::Members,
        }
    }

    /// In what ours is not the recorded one.
    pub(super) fn differs_from(&self, recorded: &Self) -> String {
        match (recorded, self) {
            (Self::Packet(recorded), Self::Packet(ours)) => difference(recorded, ours),
            _ => format!("recorded {recorded}, ours {self}"),
        }
    }
}

impl Text {
    pub(super) fn of(text: &str) -> Self {
        Self(Sha256::digest(text).into())
    }

    pub(super) const fn from_hash(sha256: [u8; 32]) -> Self {
        Self(sha256)
    }
}

impl Members {
    /// The order of members is not told by the first implementation.
    pub(super) fn sorted(self) -> Self {
        Self {
            remain: sorted(self.remain),
            include: sorted(self.include),
            exclude: sorted(self.exclude),
        }
    }
}

/// In the order of their octets.
pub(super) fn sorted(mut members: Vec<MemberId>) -> Vec<MemberId> {
    members.sort();
    members
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().take(4).try_for_each(|octet| write!(f, "{octet:02x}"))
    }
}

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Packet(packet) => write!(f, "{}", Summary(packet)),
            Self::Enter => f.write_str("a request to enter"),
            Self::Invite(members) => write!(f, "a request to let {} in", Names(members)),
            Self::Message(message) => write!(
                f,
                "the message {} of {} to {} (text {:?}, parents {:?} back)",
                message.id,
                message.author,
                Names(&message.readers),
                message.text,
                message.parents_back
            ),
            Self::Members(members) => write!(
                f,
                "the members {} with {} and without {}",
                Names(&members.remain),
                Names(&members.include),
                Names(&members.exclude)
            ),
        }
    }
}

/// Members in a line of text.
struct Names<'a>(&'a [MemberId]);

impl fmt::Display for Names<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("nobody");
        }
        for (at, member) in self.0.iter().enumerate() {
            write!(f, "{}{member}", if at == 0 { "" } else { ", " })?;
        }
        Ok(())
    }
}

/// What kind of packet it is.
struct Summary<'a>(&'a str);

impl fmt::Display for Summary<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use mpenc_wire::{Packet, unarmor};
        let mut buffer = Vec::new();
        match unarmor(self.0, &mut buffer)
            .and_then(|contents| Packet::decode(Dialect::MPENC_JS, contents))
        {
            Ok(Packet::Greeting(greeting)) => {
                write!(f, "a greeting {} for ", greeting.greet_type)?;
                let members: Vec<MemberId> =
                    greeting.members.iter().map(|member| member.to_owned()).collect();
                write!(f, "{}", Names(&members))
            }
            Ok(Packet::Data(data)) => write!(f, "a message of {} octets", data.payload.len()),
            Ok(_) => f.write_str("a packet of another kind"),
            Err(error) => write!(f, "no packet ({error})"),
        }
    }
}
