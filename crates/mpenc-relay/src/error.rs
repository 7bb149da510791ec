//! What can go wrong for the caller.

use core::fmt;
use std::io;
use std::net::SocketAddr;

use crate::{InvalidName, MAX_PACKET, MalformedFrame};

/// What can go wrong for the caller of a relay or a client.
#[derive(Debug)]
#[non_exhaustive]
pub enum RelayError {
    /// The address can be reached from other machines, and nobody said that it may.
    NotLoopback(SocketAddr),
    /// Listening at, or connecting to, this address failed.
    Address {
        /// Which address.
        addr: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
    /// The connection failed before we were in the room.
    Io(io::Error),
    /// The connection ended before we were in the room.
    Disconnected,
    /// The relay refused us; it gives this reason.
    Refused(String),
    /// What answers is no relay: it does not speak its protocol.
    Malformed(MalformedFrame),
    /// Our own name, or somebody else's, is no name.
    Name(InvalidName),
    /// The packet is longer than [`MAX_PACKET`].
    PacketTooLong {
        /// How long it is.
        octets: usize,
    },
    /// Too much waits to be sent already: the relay does not take it.
    Congested,
    /// We are not in the room any longer.
    NotInRoom,
}

impl fmt::Display for RelayError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotLoopback(addr) => write!(
                f,
                "{addr} is not a loopback address: other machines could reach the relay, which has \
                 neither accounts nor encryption; allow remote clients explicitly if you want this"
            ),
            Self::Address { addr, source } => write!(f, "{addr}: {source}"),
            Self::Io(source) => write!(f, "the connection to the relay failed: {source}"),
            Self::Disconnected => f.write_str("the relay ended the connection"),
            Self::Refused(reason) => write!(f, "the relay refused us: {reason}"),
            Self::Malformed(error) => write!(f, "this is no relay: {error}"),
            Self::Name(error) => error.fmt(f),
            Self::PacketTooLong { octets } => {
                write!(f, "a packet of {octets} octets is longer than {MAX_PACKET}")
            }
            Self::Congested => f.write_str("too much waits to be sent to the relay"),
            Self::NotInRoom => f.write_str("we are not in the room"),
        }
    }
}

impl core::error::Error for RelayError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Address { source, .. } | Self::Io(source) => Some(source),
            Self::Malformed(error) => Some(error),
            Self::Name(error) => Some(error),
            _ => None,
        }
    }
}

impl From<InvalidName> for RelayError {
    fn from(error: InvalidName) -> Self {
        Self::Name(error)
    }
}
