//! Who we are, on which server, in which room.

use core::fmt;
use std::net::SocketAddr;

use mpenc_wire::{Dialect, MemberId};
use tokio_xmpp::jid::{BareJid, FullJid};
use zeroize::Zeroizing;

use crate::XmppError;

/// How to reach the server of our account.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Server {
    /// As the domain's DNS records say, with StartTLS; certificates by the system's roots, or by the
    /// file that `SSL_CERT_FILE` names.
    Domain,
    /// This host and port, with StartTLS as above; the certificate is the domain's.
    Host(String, u16),
    /// Without TLS. Only to this very machine: anything else is refused.
    InsecureLoopback(SocketAddr),
}

/// What members are called in the session.
///
/// All members of a session must choose the same, and their identities are known by these names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Names {
    /// By their nicks alone: `alice`.
    #[default]
    Nick,
    /// By their nicks in full: `room@conference.example.org/alice`.
    Occupant,
    /// By their accounts: `alice@example.org`. Only in rooms where everybody may see them.
    Account,
}

/// An account, a room, and a nick in it.
#[derive(Clone)]
pub struct Config {
    pub(crate) account: BareJid,
    pub(crate) password: Zeroizing<String>,
    pub(crate) room: BareJid,
    pub(crate) own: FullJid,
    pub(crate) server: Server,
    pub(crate) names: Names,
    pub(crate) dialect: Dialect,
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("account", &self.account)
            .field("own", &self.own)
            .field("server", &self.server)
            .field("names", &self.names)
            .finish_non_exhaustive()
    }
}

impl Config {
    /// An account `name@host` with its password, a room `room@conference.host`, and our nick in it.
    ///
    /// # Errors
    /// [`XmppError::Address`]: one of them is no such address.
    pub fn new(account: &str, password: &str, room: &str, nick: &str) -> Result<Self, XmppError> {
        let invalid = |text: &str| XmppError::Address(text.to_owned());
        let bare = |text: &str| {
            let jid = BareJid::new(text).ok().filter(|jid| jid.node().is_some());
            jid.ok_or_else(|| invalid(text))
        };
        let (account, room) = (bare(account)?, bare(room)?);
        let own = room.with_resource_str(nick).map_err(|_| invalid(nick))?;
        Ok(Self {
            account,
            password: Zeroizing::new(password.to_owned()),
            room,
            own,
            server: Server::Domain,
            names: Names::default(),
            dialect: Dialect::DOCUMENT,
        })
    }

    /// How to reach the server; [`Server::Domain`] unless said otherwise.
    ///
    /// # Errors
    /// [`XmppError::NotLoopback`]: it would be without TLS, and not on this machine.
    pub fn server(mut self, server: Server) -> Result<Self, XmppError> {
        if let Server::InsecureLoopback(addr) = server
            && !addr.ip().is_loopback()
        {
            return Err(XmppError::NotLoopback(addr));
        }
        self.server = server;
        Ok(self)
    }

    /// What members are called; by their nicks unless said otherwise.
    #[must_use]
    pub fn names(mut self, names: Names) -> Self {
        self.names = names;
        self
    }

    /// How the session writes names; [`Dialect::DOCUMENT`] unless said otherwise.
    #[must_use]
    pub fn dialect(mut self, dialect: Dialect) -> Self {
        self.dialect = dialect;
        self
    }

    /// What we are called in the session.
    ///
    /// # Errors
    /// [`XmppError::Address`]: the dialect cannot write it.
    pub fn own_id(&self) -> Result<MemberId, XmppError> {
        let name = self.own_name();
        MemberId::new(self.dialect, name).map_err(|_| XmppError::Address(name.to_owned()))
    }

    fn own_name(&self) -> &str {
        match self.names {
            Names::Nick => self.own.resource().as_str(),
            Names::Occupant => self.own.as_str(),
            Names::Account => self.account.as_str(),
        }
    }
}
