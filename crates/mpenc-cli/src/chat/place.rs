//! Where people talk: a room of the relay, or one on an XMPP server.

use std::net::SocketAddr;

use anyhow::{Context, Result};
use mpenc::MemberId;
use mpenc_relay::{Ended, LeaveCause, RelayChannel, check_name, check_room};
use tokio::sync::watch;

use super::DIALECT;
use super::words::{Name, Printable};
use crate::relay::parse_address;

/// What says where the room is.
#[derive(Debug, clap::Args)]
pub(crate) struct Place {
    /// The relay.
    #[arg(long, value_name = "ADDRESS:PORT", value_parser = parse_address)]
    #[cfg_attr(feature = "xmpp", arg(required_unless_present = "xmpp", conflicts_with = "xmpp"))]
    #[cfg_attr(not(feature = "xmpp"), arg(required = true))]
    relay: Option<SocketAddr>,
    /// Your XMPP account. Its password is asked for, or taken from MPENC_PASSWORD.
    #[cfg(feature = "xmpp")]
    #[arg(long, value_name = "NAME@HOST")]
    xmpp: Option<String>,
    /// The XMPP server, if it is not where your account's domain says.
    #[cfg(feature = "xmpp")]
    #[arg(long, value_name = "HOST:PORT", requires = "xmpp")]
    xmpp_server: Option<String>,
    /// An XMPP server on this machine, without TLS.
    #[cfg(feature = "xmpp")]
    #[arg(long, value_name = "ADDRESS:PORT", requires = "xmpp", conflicts_with = "xmpp_server")]
    xmpp_insecure: Option<SocketAddr>,
    /// The room; of XMPP with its host: friends@conference.example.org.
    #[arg(long)]
    pub(super) room: String,
    /// Your name in the room: what others have your public key under.
    #[arg(long)]
    pub(super) name: String,
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
    /// The channel, and who we are on it.
    pub(super) fn channel(&self) -> Result<(Channel, MemberId)> {
        let refused = || format!("--name {:?} cannot be used", self.name);
        #[cfg(feature = "xmpp")]
        if let Some(account) = &self.xmpp {
            let config = self.xmpp(account)?;
            let own = config.own_id().with_context(refused)?;
            return Ok((Channel::Xmpp(Box::new(mpenc_xmpp::XmppChannel::new(config))), own));
        }
        let relay = self.relay.context("--relay is missing")?;
        check_room(&self.room).with_context(|| format!("--room {:?} cannot be used", self.room))?;
        check_name(&self.name).with_context(refused)?;
        let own = MemberId::new(DIALECT, &self.name).with_context(refused)?;
        let channel = RelayChannel::new(relay, &self.room, &self.name, DIALECT);
        Ok((Channel::Relay(Box::new(channel)), own))
    }

    #[cfg(feature = "xmpp")]
    fn xmpp(&self, account: &str) -> Result<mpenc_xmpp::Config> {
        use mpenc_xmpp::{Config, Server};

        let server = match (&self.xmpp_server, self.xmpp_insecure) {
            (_, Some(addr)) => Server::InsecureLoopback(addr),
            (Some(text), None) => {
                let split = text.rsplit_once(':');
                let split = split.and_then(|(host, port)| Some((host, port.parse().ok()?)));
                let (host, port) =
                    split.with_context(|| format!("--xmpp-server {text:?} is no HOST:PORT"))?;
                Server::Host(host.to_owned(), port)
            }
            (None, None) => Server::Domain,
        };
        // Wrong addresses are told before anybody is asked for a password.
        Config::new(account, "", &self.room, &self.name)?.server(server.clone())?;
        let password = zeroize::Zeroizing::new(match std::env::var("MPENC_PASSWORD") {
            Ok(password) => password,
            Err(_) => rpassword::prompt_password(format!("Password of {account}: "))
                .context("there is no terminal to ask for the password, and no MPENC_PASSWORD")?,
        });
        Ok(Config::new(account, &password, &self.room, &self.name)?.server(server)?)
    }
}

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
