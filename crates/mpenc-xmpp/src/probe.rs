//! What can be known of a server without entering a room.

use core::time::Duration;

use tokio::time::timeout;
use tokio_xmpp::Stanza;
use tokio_xmpp::jid::{BareJid, Jid};
use tokio_xmpp::parsers::disco::{DiscoInfoQuery, DiscoInfoResult};
use tokio_xmpp::parsers::iq::Iq;

use crate::connect::{self, Connection};
use crate::{Config, XmppError};

/// How long the server may take, for each step.
const PATIENCE: Duration = Duration::from_secs(15);

/// What a server has shown.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Probe {
    /// The longest stanza that it takes, in octets.
    pub limit: usize,
    /// Whether the host of our room has rooms (XEP-0045). A room may still not let us in.
    pub has_rooms: bool,
}

/// Connects to our server, by TLS if the configuration does not say otherwise, and hangs up.
///
/// # Errors
/// [`XmppError::Unreachable`], [`XmppError::TimedOut`].
pub async fn reach(config: &Config) -> Result<(), XmppError> {
    within(connect::reach(config)).await
}

/// Logs in, asks whether the host of our room has rooms, and hangs up. Nobody in the room hears of
/// it.
///
/// # Errors
/// As [`reach`]; and [`XmppError::Login`].
pub async fn probe(config: &Config) -> Result<Probe, XmppError> {
    let Connection { mut stream, limit } = within(connect::connect(config.clone())).await?;
    let host = BareJid::from_parts(None, config.room.domain());
    let has_rooms = within(async {
        const ID: &str = "disco";
        let mut query = Iq::from_get(ID, DiscoInfoQuery { node: None });
        *query.to_mut() = Some(Jid::from(host));
        let answer = connect::ask(&mut stream, &Stanza::from(query), ID).await?;
        let info = answer.ok().flatten().and_then(|info| DiscoInfoResult::try_from(info).ok());
        Ok(info.is_some_and(|info| info.identities.iter().any(|id| id.category == "conference")))
    })
    .await?;
    Ok(Probe { limit, has_rooms })
}

async fn within<T>(step: impl Future<Output = Result<T, XmppError>>) -> Result<T, XmppError> {
    timeout(PATIENCE, step).await.unwrap_or(Err(XmppError::TimedOut))
}
