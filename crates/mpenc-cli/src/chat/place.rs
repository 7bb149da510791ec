//! Where people talk: a room of the relay, or one on an XMPP server.

use std::net::SocketAddr;
use std::path::Path;

use anyhow::{Context, Result, anyhow, bail};
use mpenc::MemberId;
use mpenc_relay::{Ended, LeaveCause, RelayChannel, check_name, check_room};
use tokio::sync::watch;

use super::DIALECT;
use super::args::missing;
use super::words::{Name, Printable};
use crate::relay::parse_address;
use crate::settings::Settings;

/// What says where the room is.
#[derive(Debug, clap::Args)]
pub(crate) struct PlaceArgs {
    /// The relay.
    #[arg(long, value_name = "ADDRESS:PORT", value_parser = parse_address)]
    #[cfg_attr(feature = "xmpp", arg(conflicts_with = "xmpp"))]
    relay: Option<SocketAddr>,
    /// Your XMPP account. Its password is asked for, or taken from MPENC_PASSWORD.
    #[cfg(feature = "xmpp")]
    #[arg(long, value_name = "NAME@HOST")]
    xmpp: Option<String>,
    /// The XMPP server, if it is not where your account's domain says.
    #[cfg(feature = "xmpp")]
    #[arg(long, value_name = "HOST:PORT", conflicts_with = "relay")]
    xmpp_server: Option<String>,
    /// An XMPP server on this machine, without TLS.
    #[cfg(feature = "xmpp")]
    #[arg(long, value_name = "ADDRESS:PORT", conflicts_with_all = ["relay", "xmpp_server"])]
    xmpp_insecure: Option<SocketAddr>,
    /// The room; of XMPP with its host: friends@conference.example.org.
    #[arg(long)]
    room: Option<String>,
    /// Your name in the room: what others have your public key under.
    #[arg(long)]
    pub(crate) name: Option<String>,
}

/// Where the room is, and who we are there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) server: Server,
    pub(crate) room: String,
    pub(crate) name: String,
}

/// Which server the room is on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Server {
    Relay(SocketAddr),
    #[cfg(feature = "xmpp")]
    Xmpp {
        account: String,
        server: mpenc_xmpp::Server,
    },
}

impl PlaceArgs {
    /// Takes from a configuration file what no flag says. An address among the flags puts aside all
    /// of those in the file: half of each would be a server that nobody meant.
    pub(super) fn default_to(&mut self, settings: &Settings) -> Result<()> {
        self.room = self.room.take().or_else(|| settings.room.clone());
        self.name = self.name.take().or_else(|| settings.name.clone());
        #[cfg(feature = "xmpp")]
        let said = self.relay.is_some() || self.xmpp.is_some();
        #[cfg(not(feature = "xmpp"))]
        let said = self.relay.is_some();
        if said {
            return Ok(());
        }
        let address = |name: &str, text: &Option<String>| match text {
            Some(text) => {
                parse_address(text).map(Some).map_err(|what| anyhow!("{name} is {text:?}: {what}"))
            }
            None => Ok(None),
        };
        self.relay = address("relay", &settings.relay)?;
        let insecure = address("xmpp-insecure", &settings.xmpp_insecure)?;
        #[cfg(feature = "xmpp")]
        {
            self.xmpp.clone_from(&settings.xmpp);
            // These two say the same thing in two ways: a flag puts aside both.
            if self.xmpp_server.is_none() && self.xmpp_insecure.is_none() {
                self.xmpp_server.clone_from(&settings.xmpp_server);
                self.xmpp_insecure = insecure;
            }
        }
        #[cfg(not(feature = "xmpp"))]
        if settings.xmpp.is_some() || insecure.is_some() {
            bail!("this program was built without XMPP")
        }
        Ok(())
    }

    /// The place that was chosen, if all of it was.
    pub(crate) fn chosen(self, config: Option<&Path>) -> Result<Place> {
        let server = self.server()?;
        Ok(Place {
            server: server.ok_or_else(|| match cfg!(feature = "xmpp") {
                true => missing("--relay <ADDRESS:PORT> or --xmpp <NAME@HOST>", "relay", config),
                false => missing("--relay <ADDRESS:PORT>", "relay", config),
            })?,
            room: self.room.ok_or_else(|| missing("--room <ROOM>", "room", config))?,
            name: self.name.ok_or_else(|| missing("--name <NAME>", "name", config))?,
        })
    }

    /// Which server was chosen, if one was.
    pub(crate) fn server(&self) -> Result<Option<Server>> {
        #[cfg(feature = "xmpp")]
        if let Some(account) = &self.xmpp {
            use mpenc_xmpp::Server as At;

            let server = match (&self.xmpp_server, self.xmpp_insecure) {
                (_, Some(addr)) => At::InsecureLoopback(addr),
                (Some(text), None) => {
                    let split = text.rsplit_once(':');
                    let split = split.and_then(|(host, port)| Some((host, port.parse().ok()?)));
                    let (host, port) =
                        split.with_context(|| format!("--xmpp-server {text:?} is no HOST:PORT"))?;
                    At::Host(host.to_owned(), port)
                }
                (None, None) => At::Domain,
            };
            return Ok(Some(Server::Xmpp { account: account.clone(), server }));
        }
        #[cfg(feature = "xmpp")]
        if self.xmpp_server.is_some() || self.xmpp_insecure.is_some() {
            bail!("--xmpp NAME@HOST is missing: whose account on that server?")
        }
        Ok(self.relay.map(Server::Relay))
    }

    /// The room that was chosen, if one was.
    pub(crate) fn room(&self) -> Option<&str> {
        self.room.as_deref()
    }
}

/// Why we are outside of the room, in words for people.
pub(super) type Why = Box<dyn Fn() -> Option<String>>;

/// Who the members are now, for a channel that can do something for them.
pub(super) type Promote = Box<dyn Fn(&[MemberId])>;

/// A channel that waits to enter.
pub(super) enum Channel {
    Relay(Box<RelayChannel>),
    #[cfg(feature = "xmpp")]
    Xmpp(Box<mpenc_xmpp::XmppChannel>),
}

impl Place {
    /// The channel, and who we are on it. May ask for a password.
    pub(super) fn channel(&self) -> Result<(Channel, MemberId)> {
        let own = self.own()?;
        match &self.server {
            Server::Relay(relay) => {
                let channel = RelayChannel::new(*relay, &self.room, &self.name, DIALECT);
                Ok((Channel::Relay(Box::new(channel)), own))
            }
            #[cfg(feature = "xmpp")]
            Server::Xmpp { account, .. } => {
                let password = zeroize::Zeroizing::new(match std::env::var(PASSWORD) {
                    Ok(password) => password,
                    Err(_) => rpassword::prompt_password(format!("Password of {account}: "))
                        .with_context(|| {
                            format!(
                                "there is no terminal to ask for the password, and no {PASSWORD}"
                            )
                        })?,
                });
                let config = self.xmpp(&password)?;
                Ok((Channel::Xmpp(Box::new(mpenc_xmpp::XmppChannel::new(config))), own))
            }
        }
    }

    /// What we are called there.
    ///
    /// # Errors
    /// The room, the name or the account cannot be used.
    pub(crate) fn own(&self) -> Result<MemberId> {
        let refused = || format!("--name {:?} cannot be used", self.name);
        match &self.server {
            Server::Relay(_) => {
                check_room(&self.room)
                    .with_context(|| format!("--room {:?} cannot be used", self.room))?;
                check_name(&self.name).with_context(refused)?;
                MemberId::new(DIALECT, &self.name).with_context(refused)
            }
            #[cfg(feature = "xmpp")]
            Server::Xmpp { .. } => self.xmpp("")?.own_id().with_context(refused),
        }
    }

    /// What a channel to an XMPP server needs; with this password.
    #[cfg(feature = "xmpp")]
    pub(crate) fn xmpp(&self, password: &str) -> Result<mpenc_xmpp::Config> {
        let Server::Xmpp { account, server } = &self.server else {
            bail!("this is no XMPP server")
        };
        let config = mpenc_xmpp::Config::new(account, password, &self.room, &self.name)?;
        Ok(config.server(server.clone())?)
    }
}

/// The environment variable of the XMPP account's password.
#[cfg(feature = "xmpp")]
pub(crate) const PASSWORD: &str = "MPENC_PASSWORD";

/// Why the relay says that we are outside.
pub(super) fn why_relay(ended: watch::Receiver<Option<Ended>>) -> Why {
    Box::new(move || {
        Some(match ended.borrow().as_ref()? {
            Ended::Left(LeaveCause::Removed { by }) => {
                format!("{} removed you from the room, says the relay", Name(by))
            }
            Ended::Left(LeaveCause::Left) => "you left the room".into(),
            other => Printable(&other.to_string()).to_string(),
        })
    })
}

/// Why the XMPP server says that we are outside.
#[cfg(feature = "xmpp")]
pub(super) fn why_xmpp(ended: watch::Receiver<Option<mpenc_xmpp::Ended>>) -> Why {
    use mpenc_xmpp::Ended;

    Box::new(move || {
        Some(match ended.borrow().as_ref()? {
            Ended::Removed(Some(by)) => {
                format!("{} removed you from the room, says the server", Name(by))
            }
            Ended::Left => "you left the room".into(),
            other => Printable(&other.to_string()).to_string(),
        })
    })
}
