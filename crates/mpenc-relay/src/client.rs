//! A member's side of the relay.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::time::timeout;

use crate::reader::{FrameReader, ReadError};
use crate::{
    ClientFrame, Frame, LeaveCause, MAX_BODY, MAX_PACKET, MalformedFrame, RelayError, ServerFrame,
    VERSION, check_name, check_room, decode_frame,
};

/// How long connecting and being welcomed may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// The most octets that wait to be written: a relay that takes none is not waited for.
const OUTGOING_LIMIT: usize = 16 * 1024 * 1024;

/// What a member does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ClientAction<'a> {
    /// Send this to everybody in the room, ourselves included.
    Send {
        /// The packet's text.
        packet: &'a str,
    },
    /// Remove this member from the room.
    Remove {
        /// Whom.
        name: &'a str,
    },
    /// Leave the room. [`Notice::Ended`] comes when it is done.
    Leave,
}

/// What happens in the room. All its members get the same notices in the same order.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Notice {
    /// Another member entered.
    Entered {
        /// Who.
        name: String,
    },
    /// Another member left.
    Left {
        /// Who.
        name: String,
        /// Why.
        cause: LeaveCause<String>,
    },
    /// A member, perhaps ourselves, sent a packet.
    Packet {
        /// Who, says the relay.
        sender: String,
        /// The packet's text.
        packet: String,
    },
    /// We are not in the room any longer. The last notice.
    Ended(Ended),
}

/// Why we are not in the room any longer.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Ended {
    /// We left, or were made to, says the relay.
    Left(LeaveCause<String>),
    /// The relay serves us no longer, and gives this reason.
    Refused(String),
    /// The connection failed.
    Disconnected(io::ErrorKind),
    /// The relay does not speak its protocol.
    Malformed(MalformedFrame),
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Left(LeaveCause::Left) => f.write_str("we left"),
            Self::Left(LeaveCause::Removed { by }) => write!(f, "{by} removed us"),
            Self::Left(LeaveCause::Closing) => f.write_str("the relay closes"),
            Self::Left(cause) => write!(f, "the relay says that we {cause}"),
            Self::Refused(reason) => write!(f, "the relay ended it: {reason}"),
            Self::Disconnected(kind) => write!(f, "the connection to the relay failed: {kind}"),
            Self::Malformed(error) => write!(f, "the relay broke its protocol: {error}"),
        }
    }
}

/// A member of a room.
///
/// Actions are queued and written while you wait for notices ([`next`](Self::next)), or by
/// [`flush`](Self::flush). Keep asking for notices: the relay drops whoever does not read them.
pub struct RelayClient {
    name: String,
    reader: FrameReader<OwnedReadHalf>,
    /// Until the end: dropping it tells the relay that we are gone, too.
    writer: Option<OwnedWriteHalf>,
    outgoing: BytesMut,
}

impl fmt::Debug for RelayClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RelayClient").field("name", &self.name).finish_non_exhaustive()
    }
}

impl RelayClient {
    /// Connects to a relay and enters a room. Returns also everybody who is there, in the order of
    /// their entering: we are the last.
    ///
    /// # Errors
    /// [`RelayError`] says what went wrong; [`RelayError::Refused`] has the relay's own words.
    pub async fn connect(
        addr: SocketAddr,
        room: &str,
        name: &str,
    ) -> Result<(Self, Vec<String>), RelayError> {
        check_room(room)?;
        check_name(name)?;
        let failed = |source| RelayError::Address { addr, source };
        timeout(CONNECT_TIMEOUT, async {
            let stream = TcpStream::connect(addr).await.map_err(failed)?;
            Self::enter(stream, room, name).await
        })
        .await
        .unwrap_or_else(|_| Err(failed(io::ErrorKind::TimedOut.into())))
    }

    async fn enter(
        stream: TcpStream,
        room: &str,
        name: &str,
    ) -> Result<(Self, Vec<String>), RelayError> {
        // Small frames must not wait for each other. If it fails, they do.
        let _ = stream.set_nodelay(true);
        let (read, mut writer) = stream.into_split();
        let hello = ClientFrame::Hello { version: VERSION, room, name }.encode();
        // A relay that is full says so and closes: read that first, whatever became of our Hello.
        let written = writer.write_all(&hello).await;
        let mut reader = FrameReader::new(read, MAX_BODY);
        let body = match reader.next().await {
            Ok(Some(body)) => body,
            Ok(None) => return Err(written.err().map_or(RelayError::Disconnected, RelayError::Io)),
            Err(ReadError::Io(error)) => return Err(RelayError::Io(error)),
            Err(ReadError::Malformed(error)) => return Err(RelayError::Malformed(error)),
        };
        match decode_frame(&body).map_err(RelayError::Malformed)? {
            Frame::Server(ServerFrame::Welcome { members }) => {
                let members = members.into_iter().map(str::to_owned).collect();
                let name = name.to_owned();
                let outgoing = BytesMut::new();
                Ok((Self { name, reader, writer: Some(writer), outgoing }, members))
            }
            Frame::Server(ServerFrame::Refused { reason }) => {
                Err(RelayError::Refused(reason.to_owned()))
            }
            frame => Err(RelayError::Malformed(MalformedFrame::OutOfPlace(frame.kind()))),
        }
    }

    /// Our name in the room.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Queues an action. It is written by [`next`](Self::next) or [`flush`](Self::flush).
    ///
    /// # Errors
    /// [`RelayError::PacketTooLong`] or [`RelayError::Name`] if no frame can hold it;
    /// [`RelayError::Congested`] if 16 MiB wait already; [`RelayError::NotInRoom`] after the end.
    /// Nothing is queued then.
    pub fn queue(&mut self, action: ClientAction<'_>) -> Result<(), RelayError> {
        let frame = match action {
            ClientAction::Send { packet } if packet.len() > MAX_PACKET => {
                return Err(RelayError::PacketTooLong { octets: packet.len() });
            }
            ClientAction::Send { packet } => ClientFrame::Send { packet },
            ClientAction::Remove { name } => {
                check_name(name)?;
                ClientFrame::Remove { name }
            }
            ClientAction::Leave => ClientFrame::Leave,
        };
        if self.writer.is_none() {
            return Err(RelayError::NotInRoom);
        }
        if self.outgoing.len() > OUTGOING_LIMIT {
            return Err(RelayError::Congested);
        }
        frame.encode_into(&mut self.outgoing);
        Ok(())
    }

    /// Writes what is queued. Cancel-safe: what has not been written stays queued.
    ///
    /// # Errors
    /// [`RelayError::Io`]; the [`Notice::Ended`] that follows may know more.
    pub async fn flush(&mut self) -> Result<(), RelayError> {
        let Some(writer) = &mut self.writer else { return Ok(()) };
        while !self.outgoing.is_empty() {
            writer.write_buf(&mut self.outgoing).await.map_err(RelayError::Io)?;
        }
        Ok(())
    }

    /// Queues an action and writes what is queued.
    ///
    /// # Errors
    /// As [`queue`](Self::queue) and [`flush`](Self::flush).
    pub async fn send(&mut self, action: ClientAction<'_>) -> Result<(), RelayError> {
        self.queue(action)?;
        self.flush().await
    }

    /// The next notice; `None` after [`Notice::Ended`]. Writes what is queued meanwhile.
    ///
    /// Cancel-safe: no notice and no octet is lost.
    pub async fn next(&mut self) -> Option<Notice> {
        let writer = self.writer.as_mut()?;
        let notice = loop {
            tokio::select! {
                body = self.reader.next() => break notice(&self.name, body),
                written = writer.write_buf(&mut self.outgoing),
                    if !self.outgoing.is_empty() =>
                {
                    if written.is_err() {
                        // What the relay said last may still be there to read.
                        self.outgoing.clear();
                    }
                }
            }
        };
        if matches!(notice, Notice::Ended(_)) {
            self.writer = None;
            self.outgoing.clear();
        }
        Some(notice)
    }
}

/// What a frame means to the member of this name.
fn notice(own: &str, body: Result<Option<Bytes>, ReadError>) -> Notice {
    let body = match body {
        Ok(Some(body)) => body,
        Ok(None) => return Notice::Ended(Ended::Disconnected(io::ErrorKind::UnexpectedEof)),
        Err(ReadError::Io(error)) => return Notice::Ended(Ended::Disconnected(error.kind())),
        Err(ReadError::Malformed(error)) => return Notice::Ended(Ended::Malformed(error)),
    };
    let frame = match decode_frame(&body) {
        Ok(Frame::Server(frame)) => frame,
        Ok(frame @ Frame::Client(_)) => {
            let error = MalformedFrame::OutOfPlace(frame.kind());
            return Notice::Ended(Ended::Malformed(error));
        }
        Err(error) => return Notice::Ended(Ended::Malformed(error)),
    };
    match frame {
        ServerFrame::Entered { name } => Notice::Entered { name: name.to_owned() },
        ServerFrame::Left { name, cause } if name == own => {
            Notice::Ended(Ended::Left(cause.to_owned()))
        }
        ServerFrame::Left { name, cause } => {
            Notice::Left { name: name.to_owned(), cause: cause.to_owned() }
        }
        ServerFrame::Packet { sender, packet } => {
            Notice::Packet { sender: sender.to_owned(), packet: packet.to_owned() }
        }
        ServerFrame::Refused { reason } => Notice::Ended(Ended::Refused(reason.to_owned())),
        ServerFrame::Welcome { .. } => {
            Notice::Ended(Ended::Malformed(MalformedFrame::OutOfPlace("Welcome")))
        }
    }
}
