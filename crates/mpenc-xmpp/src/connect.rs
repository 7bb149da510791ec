//! From nothing to a stream on which stanzas go both ways.

use core::time::Duration;
use std::borrow::Cow;
use std::net::SocketAddr;

use futures_util::{SinkExt, StreamExt};
use sasl::common::Credentials;
use tokio_xmpp::connect::{
    AsyncReadAndWrite, DnsConfig, ServerConnector, StartTlsServerConnector, TcpServerConnector,
};
use tokio_xmpp::error::AuthError;
use tokio_xmpp::jid::Jid;
use tokio_xmpp::minidom::Element;
use tokio_xmpp::parsers::bind::BindQuery;
use tokio_xmpp::parsers::iq::Iq;
use tokio_xmpp::parsers::ns;
use tokio_xmpp::parsers::stanza_error::StanzaError;
use tokio_xmpp::xmlstream::{
    FallibleStreamElement, ReadError, StreamHeader, Timeouts, XmlStream, XmppStreamElement,
};
use tokio_xmpp::{Error, Stanza, client_login, rustls};
use tracing::debug;

use crate::{Config, Server, XmppError};

/// Octets of a stanza that a server takes if it does not say: what Prosody and ejabberd do.
const LIMIT: usize = 262_144;

pub(crate) type Stream = XmlStream<Box<dyn AsyncReadAndWrite + Send>, FallibleStreamElement>;

/// After so long a silence the server is asked whether it is there, and has as long to answer.
const TIMEOUTS: Timeouts =
    Timeouts { read_timeout: Duration::from_secs(60), response_timeout: Duration::from_secs(60) };

/// A stream, and how many octets of a stanza the server takes.
pub(crate) struct Connection {
    pub(crate) stream: Stream,
    pub(crate) limit: usize,
}

/// Connects, logs in, and binds a resource of the server's choice.
///
/// This is done by hand, rather than by the library's client, because that one connects anew by
/// itself: what went wrong would be hidden from people, and packets lost from the session.
pub(crate) async fn connect(config: Config) -> Result<Connection, XmppError> {
    match &config.server {
        Server::InsecureLoopback(addr) => log_in(plain(*addr), &config).await,
        server => log_in(with_tls(server, &config), &config).await,
    }
}

/// Connects, as far as the server says who it is, and hangs up.
pub(crate) async fn reach(config: &Config) -> Result<(), XmppError> {
    match &config.server {
        Server::InsecureLoopback(addr) => greeted(plain(*addr), config).await,
        server => greeted(with_tls(server, config), config).await,
    }
}

fn plain(addr: SocketAddr) -> TcpServerConnector {
    TcpServerConnector::from(DnsConfig::addr(&addr.to_string()))
}

fn with_tls(server: &Server, config: &Config) -> StartTlsServerConnector {
    // Which of the cryptographic libraries in the program rustls takes must not be chance.
    if rustls::crypto::CryptoProvider::get_default().is_none() {
        let _ = rustls::crypto::ring::default_provider().install_default();
    }
    StartTlsServerConnector::from(match server {
        Server::Host(host, port) => DnsConfig::no_srv(host, *port),
        _ => DnsConfig::srv_default_client(config.account.domain().as_str()),
    })
}

async fn greeted<C: ServerConnector>(server: C, config: &Config) -> Result<(), XmppError> {
    let jid = Jid::from(config.account.clone());
    let (pending, _) = server.connect(&jid, ns::JABBER_CLIENT, TIMEOUTS).await.map_err(failed)?;
    pending.recv_features::<FallibleStreamElement>().await.map_err(|e| failed(e.into()))?;
    Ok(())
}

async fn log_in<C: ServerConnector>(server: C, config: &Config) -> Result<Connection, XmppError>
where
    C::Stream: 'static,
{
    let name =
        config.account.node().ok_or_else(|| XmppError::Address(config.account.to_string()))?;
    let jid = Jid::from(config.account.clone());
    let (pending, binding) =
        server.connect(&jid, ns::JABBER_CLIENT, TIMEOUTS).await.map_err(failed)?;
    let (features, stream) = pending.recv_features().await.map_err(|e| failed(e.into()))?;
    debug!("the server answers");
    let credentials = Credentials::default()
        .with_username(name.as_str())
        .with_password(config.password.as_str())
        .with_channel_binding(binding);
    let stream =
        client_login(stream, features.sasl_mechanisms, credentials).await.map_err(failed)?;
    debug!("logged in");
    let to = Some(Cow::Borrowed(config.account.domain().as_str()));
    let header = StreamHeader { to, from: None, id: None };
    let pending = stream.send_header(header).await.map_err(|e| failed(e.into()))?;
    let (features, stream) = pending.recv_features().await.map_err(|e| failed(e.into()))?;
    let limit = features.limits.and_then(|limits| limits.max_bytes);
    let limit = limit.and_then(|limit| usize::try_from(limit.get()).ok()).unwrap_or(LIMIT);
    let mut stream: Stream = stream.box_stream();
    bind(&mut stream).await?;
    Ok(Connection { stream, limit })
}

async fn bind(stream: &mut Stream) -> Result<(), XmppError> {
    const ID: &str = "bind";
    let request = Stanza::from(Iq::from_set(ID, BindQuery::new(None)));
    match ask(stream, &request, ID).await? {
        Ok(_) => Ok(()),
        Err(error) => Err(XmppError::Unreachable(crate::stanza::reason(&error))),
    }
}

/// Sends a request, and waits for its answer. All else that comes is left out.
pub(crate) async fn ask(
    stream: &mut Stream,
    request: &Stanza,
    asked: &str,
) -> Result<Result<Option<Element>, StanzaError>, XmppError> {
    stream.send(request).await.map_err(|error| failed(error.into()))?;
    loop {
        let element = match stream.next().await {
            Some(Ok(element)) => element.into_read_error(),
            Some(Err(ReadError::SoftTimeout)) => continue,
            Some(Err(error)) => Err(error),
            None => return Err(XmppError::Unreachable("it hung up".to_owned())),
        };
        match element.map_err(|error| XmppError::Unreachable(error.to_string()))? {
            XmppStreamElement::Stanza(Stanza::Iq(Iq::Result { id, payload, .. }))
                if id == asked =>
            {
                return Ok(Ok(payload));
            }
            XmppStreamElement::Stanza(Stanza::Iq(Iq::Error { id, error, .. })) if id == asked => {
                return Ok(Err(error));
            }
            XmppStreamElement::StreamError(error) => {
                return Err(XmppError::Unreachable(error.to_string()));
            }
            _ => {}
        }
    }
}

fn failed(error: Error) -> XmppError {
    match error {
        Error::Auth(AuthError::Fail(why)) => XmppError::Login(crate::stanza::words_of(&why)),
        Error::Auth(error) => XmppError::Login(error.to_string()),
        Error::DnsNet(error) if error.is_no_records_found() => {
            XmppError::Unreachable("there is no address for its name".to_owned())
        }
        Error::DnsNet(error) => {
            XmppError::Unreachable(format!("its name cannot be looked up: {error}"))
        }
        Error::Io(error) => XmppError::Unreachable(error.to_string()),
        error => XmppError::Unreachable(error.to_string()),
    }
}
