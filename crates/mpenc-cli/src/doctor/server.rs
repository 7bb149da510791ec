//! Whether the server can be reached, and has what a chat needs.

use std::net::SocketAddr;

use anyhow::Result;
use mpenc_relay::RelayClient;

use super::Finding;
use crate::chat::{Place, Server};

/// What the server says. Nobody in the room hears of it.
pub(super) fn findings(place: &Place, members: usize) -> Result<Vec<(&'static str, Finding)>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let findings = runtime.block_on(async {
        match &place.server {
            Server::Relay(relay) => vec![("server", ask_relay(*relay).await)],
            #[cfg(feature = "xmpp")]
            Server::Xmpp { .. } => ask_xmpp(place, members).await,
        }
    });
    #[cfg(not(feature = "xmpp"))]
    let _ = members;
    // A look-up of a name that still runs must not keep the process alive.
    runtime.shutdown_background();
    Ok(findings)
}

/// Enters a room of our own for a moment: a relay says nothing to whoever only connects.
async fn ask_relay(relay: SocketAddr) -> Finding {
    let mut room = [0; 8];
    if let Err(error) = getrandom::fill(&mut room) {
        return Finding::ill(error, "try again");
    }
    match RelayClient::connect(relay, &format!("doctor-{}", hex::encode(room)), "doctor").await {
        Ok(_) => Finding::Well(format!("a relay answers at {relay}")),
        Err(error) => Finding::ill(
            error,
            format!("start mpenc relay there, or correct --relay {relay}; is a firewall between?"),
        ),
    }
}

#[cfg(feature = "xmpp")]
async fn ask_xmpp(place: &Place, members: usize) -> Vec<(&'static str, Finding)> {
    use mpenc_xmpp::{XmppError, establish_octets, probe, reach};

    use crate::chat::PASSWORD;

    let password = std::env::var(PASSWORD).map(zeroize::Zeroizing::new);
    let config = match place.xmpp(password.as_ref().map_or("", |password| password.as_str())) {
        Ok(config) => config,
        Err(error) => return vec![("server", Finding::ill(format!("{error:#}"), "correct it"))],
    };
    let unreachable = |error: XmppError| {
        let remedy = "see that the server runs and the account's host is right; --xmpp-server \
                      HOST:PORT names a server that is elsewhere; SSL_CERT_FILE=FILE names an authority \
                      that the system does not know";
        Finding::ill(error, remedy)
    };
    if let Err(error) = reach(&config).await {
        return vec![("server", unreachable(error))];
    }
    let mut findings = vec![("server", Finding::Well("an XMPP server answers".into()))];
    if password.is_err() {
        let what = format!("not tried: {PASSWORD} is not set; mpenc chat asks for the password");
        findings.push(("account", Finding::Hint(what)));
        return findings;
    }
    let probe = match probe(&config).await {
        Ok(probe) => probe,
        Err(error @ XmppError::Login(_)) => {
            let remedy = format!("correct {PASSWORD}, or --xmpp");
            findings.push(("account", Finding::ill(error, remedy)));
            return findings;
        }
        Err(error) => {
            findings.push(("account", unreachable(error)));
            return findings;
        }
    };
    findings.push(("account", Finding::Well("the server accepts name and password".into())));
    findings.push((
        "rooms",
        if probe.has_rooms {
            Finding::Well(format!("the host of {} has rooms", place.room))
        } else {
            let what = format!("the host of {} has none", place.room);
            Finding::ill(what, "correct --room; on many servers it is ROOM@conference.HOST")
        },
    ));
    // What a list of members takes grows with the names; those in the room are not known yet.
    let most = establish_octets(members, 70);
    findings.push((
        "packets",
        if most <= probe.limit {
            Finding::Well(format!(
                "the server takes {} octets, enough for all of your peers at once",
                probe.limit
            ))
        } else {
            Finding::Hint(format!(
                "the server takes {} octets, and to include all of your {members} peers at once may \
                 take {most}; include them in parts",
                probe.limit
            ))
        },
    ));
    findings
}
