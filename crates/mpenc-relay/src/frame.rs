//! The wire format: frames and their octets.
//!
//! ```text
//! frame    length (u32) ‖ body                      all integers are big endian
//! body     tag (u8) ‖ fields
//! string   length (u16) ‖ that many octets of UTF-8
//! text     UTF-8, to the end of the body
//!
//! tag   from client            fields
//! 0x01  Hello                  version (u16) ‖ room (string) ‖ name (string)
//! 0x02  Send                   packet (text)
//! 0x03  Remove                 name (string)
//! 0x04  Leave                  —
//!
//! tag   from relay             fields
//! 0x81  Welcome                names (strings), in the order of their entering
//! 0x82  Refused                reason (string)
//! 0x83  Entered                name (string)
//! 0x84  Left                   name (string) ‖ cause (u8) ‖ by (string; cause 2 only)
//! 0x85  Packet                 sender (string) ‖ packet (text)
//!
//! cause 0 left, 1 disconnected, 2 removed by a member, 3 too slow, 4 broke the protocol,
//!       5 the relay closes
//! ```

use core::fmt;

use bytes::{BufMut, Bytes, BytesMut};

use crate::name::{InvalidName, MAX_NAME, check_name, check_room};

/// The version of this format that a client says in its Hello.
pub const VERSION: u16 = 1;

/// The most octets that a packet's text may have: 1.4 MiB, the limit of an mpENC packet.
pub const MAX_PACKET: usize = 1_468_006;

/// The most octets that a body may have: the longest packet with the longest sender name.
pub const MAX_BODY: usize = 1 + 2 + MAX_NAME + MAX_PACKET;

/// The most octets that a Hello's body may have; nothing longer is read from a stranger.
pub(crate) const MAX_HELLO: usize = 1 + 2 + 2 * (2 + MAX_NAME);

/// The octets before a body: its length.
pub(crate) const HEADER: usize = 4;

mod tag {
    pub(super) const HELLO: u8 = 0x01;
    pub(super) const SEND: u8 = 0x02;
    pub(super) const REMOVE: u8 = 0x03;
    pub(super) const LEAVE: u8 = 0x04;
    pub(super) const WELCOME: u8 = 0x81;
    pub(super) const REFUSED: u8 = 0x82;
    pub(super) const ENTERED: u8 = 0x83;
    pub(super) const LEFT: u8 = 0x84;
    pub(super) const PACKET: u8 = 0x85;
}

/// A decoded frame, borrowing from its body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Frame<'a> {
    /// A client's.
    Client(ClientFrame<'a>),
    /// The relay's.
    Server(ServerFrame<'a>),
}

/// What a client says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ClientFrame<'a> {
    /// The first frame, and only the first: who wants to enter which room.
    Hello {
        /// The version of the format that the client speaks. Not checked by the decoder, so that
        /// the relay can answer another one.
        version: u16,
        /// The room.
        room: &'a str,
        /// The member's name there.
        name: &'a str,
    },
    /// Send this to everybody in the room, the sender included.
    Send {
        /// The packet's text.
        packet: &'a str,
    },
    /// Remove this member from the room. Any member may.
    Remove {
        /// Whom.
        name: &'a str,
    },
    /// Leave the room.
    Leave,
}

/// What the relay says.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ServerFrame<'a> {
    /// You are in the room.
    Welcome {
        /// Everybody in the room in the order of their entering: you are the last.
        members: Vec<&'a str>,
    },
    /// You are not served, or not any longer. The last frame of its connection.
    Refused {
        /// Why: one sentence for people.
        reason: &'a str,
    },
    /// A member entered.
    Entered {
        /// Who.
        name: &'a str,
    },
    /// A member left. If it is you, this is the last frame of its connection.
    Left {
        /// Who.
        name: &'a str,
        /// Why.
        cause: LeaveCause<&'a str>,
    },
    /// A member sent a packet.
    Packet {
        /// Who.
        sender: &'a str,
        /// The packet's text.
        packet: &'a str,
    },
}

/// Why a member left a room; `N` holds a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LeaveCause<N> {
    /// They said so.
    Left,
    /// Their connection ended.
    Disconnected,
    /// A member removed them.
    Removed {
        /// Who did.
        by: N,
    },
    /// They did not read fast enough what was sent to them.
    TooSlow,
    /// They broke the relay's protocol.
    Misbehaved,
    /// The relay closes.
    Closing,
}

impl LeaveCause<&str> {
    pub(crate) fn to_owned(self) -> LeaveCause<String> {
        match self {
            Self::Left => LeaveCause::Left,
            Self::Disconnected => LeaveCause::Disconnected,
            Self::Removed { by } => LeaveCause::Removed { by: by.to_owned() },
            Self::TooSlow => LeaveCause::TooSlow,
            Self::Misbehaved => LeaveCause::Misbehaved,
            Self::Closing => LeaveCause::Closing,
        }
    }
}

impl<N: fmt::Display> fmt::Display for LeaveCause<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Left => f.write_str("left"),
            Self::Disconnected => f.write_str("lost the connection"),
            Self::Removed { by } => write!(f, "was removed by {by}"),
            Self::TooSlow => f.write_str("was too slow"),
            Self::Misbehaved => f.write_str("broke the relay's protocol"),
            Self::Closing => f.write_str("left because the relay closes"),
        }
    }
}

/// Why octets are no frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum MalformedFrame {
    /// The body is longer than allowed here.
    TooLong {
        /// How long its header says it is.
        octets: usize,
        /// How long it may be.
        limit: usize,
    },
    /// The body ends inside a field, or is empty.
    Truncated,
    /// Octets follow the last field.
    TrailingOctets,
    /// The tag is of no known frame.
    UnknownTag(u8),
    /// The cause of a leave is unknown.
    UnknownCause(u8),
    /// A string is not UTF-8.
    NotUtf8,
    /// A name is not a name.
    Name(InvalidName),
    /// The reason of a refusal is empty, too long or has control characters.
    Reason(InvalidName),
    /// The frame may not be sent in this direction, or not now.
    OutOfPlace(&'static str),
}

impl fmt::Display for MalformedFrame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong { octets, limit } => {
                write!(f, "a frame of {octets} octets is longer than the {limit} allowed here")
            }
            Self::Truncated => f.write_str("the frame ends inside a field"),
            Self::TrailingOctets => f.write_str("octets follow the frame's last field"),
            Self::UnknownTag(tag) => write!(f, "no frame has the tag {tag:#04x}"),
            Self::UnknownCause(cause) => write!(f, "no leave has the cause {cause}"),
            Self::NotUtf8 => f.write_str("a string in the frame is not UTF-8"),
            Self::Name(error) => write!(f, "the frame names nobody: {error}"),
            Self::Reason(error) => write!(f, "the refusal gives no proper reason: {error}"),
            Self::OutOfPlace(name) => write!(f, "a {name} frame is out of place here"),
        }
    }
}

impl core::error::Error for MalformedFrame {}

/// Decodes a frame's body (without its length). Allocates only the list of a Welcome, which is
/// never longer than the input.
///
/// # Errors
/// [`MalformedFrame`] says what is wrong; no input panics.
pub fn decode_frame(body: &[u8]) -> Result<Frame<'_>, MalformedFrame> {
    if body.len() > MAX_BODY {
        return Err(MalformedFrame::TooLong { octets: body.len(), limit: MAX_BODY });
    }
    let mut fields = Fields(body);
    let frame = match fields.u8()? {
        tag::HELLO => Frame::Client(ClientFrame::Hello {
            version: fields.u16()?,
            room: fields.room()?,
            name: fields.name()?,
        }),
        tag::SEND => Frame::Client(ClientFrame::Send { packet: fields.text()? }),
        tag::REMOVE => Frame::Client(ClientFrame::Remove { name: fields.name()? }),
        tag::LEAVE => Frame::Client(ClientFrame::Leave),
        tag::WELCOME => {
            let mut members = Vec::new();
            while !fields.is_empty() {
                members.push(fields.name()?);
            }
            Frame::Server(ServerFrame::Welcome { members })
        }
        tag::REFUSED => Frame::Server(ServerFrame::Refused { reason: fields.reason()? }),
        tag::ENTERED => Frame::Server(ServerFrame::Entered { name: fields.name()? }),
        tag::LEFT => {
            Frame::Server(ServerFrame::Left { name: fields.name()?, cause: fields.cause()? })
        }
        tag::PACKET => {
            Frame::Server(ServerFrame::Packet { sender: fields.name()?, packet: fields.text()? })
        }
        tag => return Err(MalformedFrame::UnknownTag(tag)),
    };
    if fields.is_empty() { Ok(frame) } else { Err(MalformedFrame::TrailingOctets) }
}

/// The rest of a body: taking from it never goes past its end.
struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn take(&mut self, octets: usize) -> Result<&'a [u8], MalformedFrame> {
        let (taken, rest) = self.0.split_at_checked(octets).ok_or(MalformedFrame::Truncated)?;
        self.0 = rest;
        Ok(taken)
    }

    fn u8(&mut self) -> Result<u8, MalformedFrame> {
        let (first, rest) = self.0.split_first().ok_or(MalformedFrame::Truncated)?;
        self.0 = rest;
        Ok(*first)
    }

    fn u16(&mut self) -> Result<u16, MalformedFrame> {
        let (first, rest) = self.0.split_first_chunk().ok_or(MalformedFrame::Truncated)?;
        self.0 = rest;
        Ok(u16::from_be_bytes(*first))
    }

    fn string(&mut self) -> Result<&'a str, MalformedFrame> {
        let octets = self.u16()?;
        utf8(self.take(usize::from(octets))?)
    }

    fn text(&mut self) -> Result<&'a str, MalformedFrame> {
        let text = core::mem::take(&mut self.0);
        if text.len() > MAX_PACKET {
            return Err(MalformedFrame::TooLong { octets: text.len(), limit: MAX_PACKET });
        }
        utf8(text)
    }

    fn name(&mut self) -> Result<&'a str, MalformedFrame> {
        let name = self.string()?;
        check_name(name).map_err(MalformedFrame::Name)?;
        Ok(name)
    }

    fn room(&mut self) -> Result<&'a str, MalformedFrame> {
        let room = self.string()?;
        check_room(room).map_err(MalformedFrame::Name)?;
        Ok(room)
    }

    fn reason(&mut self) -> Result<&'a str, MalformedFrame> {
        // It is shown to people as it is: the rules of a room's name keep it harmless.
        let reason = self.string()?;
        check_room(reason).map_err(MalformedFrame::Reason)?;
        Ok(reason)
    }

    fn cause(&mut self) -> Result<LeaveCause<&'a str>, MalformedFrame> {
        Ok(match self.u8()? {
            0 => LeaveCause::Left,
            1 => LeaveCause::Disconnected,
            2 => LeaveCause::Removed { by: self.name()? },
            3 => LeaveCause::TooSlow,
            4 => LeaveCause::Misbehaved,
            5 => LeaveCause::Closing,
            cause => return Err(MalformedFrame::UnknownCause(cause)),
        })
    }
}

fn utf8(octets: &[u8]) -> Result<&str, MalformedFrame> {
    core::str::from_utf8(octets).map_err(|_| MalformedFrame::NotUtf8)
}

impl Frame<'_> {
    /// What the format calls it.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Client(ClientFrame::Hello { .. }) => "Hello",
            Self::Client(ClientFrame::Send { .. }) => "Send",
            Self::Client(ClientFrame::Remove { .. }) => "Remove",
            Self::Client(ClientFrame::Leave) => "Leave",
            Self::Server(ServerFrame::Welcome { .. }) => "Welcome",
            Self::Server(ServerFrame::Refused { .. }) => "Refused",
            Self::Server(ServerFrame::Entered { .. }) => "Entered",
            Self::Server(ServerFrame::Left { .. }) => "Left",
            Self::Server(ServerFrame::Packet { .. }) => "Packet",
        }
    }

    /// The whole frame: length and body.
    #[must_use]
    pub fn encode(&self) -> Bytes {
        match self {
            Self::Client(frame) => frame.encode(),
            Self::Server(frame) => frame.encode(),
        }
    }
}

impl ClientFrame<'_> {
    /// The whole frame: length and body.
    ///
    /// Strings are cut to [`MAX_NAME`] octets and packets to [`MAX_PACKET`]: check them before.
    #[must_use]
    pub fn encode(&self) -> Bytes {
        let mut out = BytesMut::new();
        self.encode_into(&mut out);
        out.freeze()
    }

    pub(crate) fn encode_into(&self, out: &mut BytesMut) {
        framed(out, |out| match *self {
            Self::Hello { version, room, name } => {
                out.put_u8(tag::HELLO);
                out.put_u16(version);
                put_string(out, room);
                put_string(out, name);
            }
            Self::Send { packet } => {
                out.put_u8(tag::SEND);
                put_text(out, packet);
            }
            Self::Remove { name } => {
                out.put_u8(tag::REMOVE);
                put_string(out, name);
            }
            Self::Leave => out.put_u8(tag::LEAVE),
        });
    }
}

impl ServerFrame<'_> {
    /// The whole frame: length and body.
    ///
    /// Strings are cut to [`MAX_NAME`] octets and packets to [`MAX_PACKET`]: check them before.
    #[must_use]
    pub fn encode(&self) -> Bytes {
        let mut out = BytesMut::new();
        framed(&mut out, |out| match self {
            Self::Welcome { members } => {
                out.put_u8(tag::WELCOME);
                for name in members {
                    put_string(out, name);
                }
            }
            Self::Refused { reason } => {
                out.put_u8(tag::REFUSED);
                put_string(out, reason);
            }
            Self::Entered { name } => {
                out.put_u8(tag::ENTERED);
                put_string(out, name);
            }
            Self::Left { name, cause } => {
                out.put_u8(tag::LEFT);
                put_string(out, name);
                match cause {
                    LeaveCause::Left => out.put_u8(0),
                    LeaveCause::Disconnected => out.put_u8(1),
                    LeaveCause::Removed { by } => {
                        out.put_u8(2);
                        put_string(out, by);
                    }
                    LeaveCause::TooSlow => out.put_u8(3),
                    LeaveCause::Misbehaved => out.put_u8(4),
                    LeaveCause::Closing => out.put_u8(5),
                }
            }
            Self::Packet { sender, packet } => {
                out.put_u8(tag::PACKET);
                put_string(out, sender);
                put_text(out, packet);
            }
        });
        out.freeze()
    }
}

/// Writes a body after its length: the length is patched in, never computed twice.
fn framed(out: &mut BytesMut, body: impl FnOnce(&mut BytesMut)) {
    let start = out.len();
    out.put_u32(0);
    body(out);
    let octets = out.len().saturating_sub(start).saturating_sub(HEADER);
    if let Some(header) = out.get_mut(start..start + HEADER) {
        // No body reaches 4 GiB: packets, strings and the members of a room are bounded.
        header.copy_from_slice(&u32::try_from(octets).unwrap_or(u32::MAX).to_be_bytes());
    }
}

fn put_string(out: &mut BytesMut, string: &str) {
    let string = cut(string, MAX_NAME);
    out.put_u16(u16::try_from(string.len()).unwrap_or(u16::MAX));
    out.put_slice(string.as_bytes());
}

fn put_text(out: &mut BytesMut, text: &str) {
    out.put_slice(cut(text, MAX_PACKET).as_bytes());
}

/// The longest beginning of at most `octets` that ends between two characters.
fn cut(text: &str, octets: usize) -> &str {
    if text.len() <= octets {
        return text;
    }
    // At most three steps back: no character is longer than four octets.
    (0..=octets).rev().find_map(|end| text.get(..end)).unwrap_or_default()
}

#[cfg(test)]
mod tests;
