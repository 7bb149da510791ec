//! What may go wrong.

use core::fmt;
use std::net::SocketAddr;

/// Why a room cannot be entered.
#[derive(Debug)]
#[non_exhaustive]
pub enum XmppError {
    /// This is no address, or no nick.
    Address(String),
    /// Without TLS we talk to this machine only, and this is another one.
    NotLoopback(SocketAddr),
    /// The server cannot be reached, or hung up while we logged in. What happened, in its words.
    Unreachable(String),
    /// The server does not accept our name and password.
    Login(String),
    /// Somebody else in the room has our nick.
    NickInUse(String),
    /// The room, or its server, does not let us in. Its reason.
    Refused(String),
    /// The room hides whose account is whose, so members cannot be called by their accounts.
    Anonymous,
    /// Nobody answered in time.
    TimedOut,
}

impl fmt::Display for XmppError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(text) => write!(f, "{text:?} is no XMPP address (NAME@HOST), or no nick"),
            Self::NotLoopback(addr) => {
                write!(f, "{addr} is another machine: without TLS we only talk to this one")
            }
            Self::Unreachable(why) => write!(f, "the XMPP server cannot be reached: {why}"),
            Self::Login(why) => {
                write!(f, "the XMPP server does not accept our name and password: {why}")
            }
            Self::NickInUse(nick) => write!(f, "somebody in the room is called {nick} already"),
            Self::Refused(why) => write!(f, "the room does not let us in: {why}"),
            Self::Anonymous => {
                f.write_str("the room hides accounts: members can only be called by their nicks")
            }
            Self::TimedOut => f.write_str("the XMPP server or the room did not answer in time"),
        }
    }
}

impl core::error::Error for XmppError {}

/// Why we are not in the room any longer.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Ended {
    /// We left.
    Left,
    /// We were removed. By whom, if the room says.
    Removed(Option<String>),
    /// The room or its server closes.
    Closed,
    /// Our nick was changed to this one: to the session that is somebody else.
    Renamed(String),
    /// A packet would be longer than the server takes, which would end the connection: it was not
    /// sent. Leaving is how everybody learns that it is missing.
    TooLong {
        /// Octets of the stanza.
        octets: usize,
        /// Octets that the server takes.
        limit: usize,
    },
    /// Another program that uses our account speaks under our name: one of them has to go.
    Doubled,
    /// The room sent a packet of ours back. Its reason.
    Bounced(String),
    /// The connection is lost. What happened.
    Disconnected(String),
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Left => f.write_str("we left"),
            Self::Removed(Some(by)) => write!(f, "{by} removed us"),
            Self::Removed(None) => f.write_str("we were removed"),
            Self::Closed => f.write_str("the room closed"),
            Self::Renamed(nick) => write!(f, "our nick was changed to {nick}"),
            Self::TooLong { octets, limit } => write!(
                f,
                "a packet of {octets} octets is over the server's limit of {limit}: ask its \
                 operator for more, or make smaller changes"
            ),
            Self::Doubled => f.write_str(
                "another program uses our account and name in the room: end one of them",
            ),
            Self::Bounced(why) => write!(f, "the room did not take a packet: {why}"),
            Self::Disconnected(why) => write!(f, "the connection to the server is lost: {why}"),
        }
    }
}
