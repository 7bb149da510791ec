//! The relay itself: it listens, and gives every connection its task.

use std::collections::BTreeMap;
use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::connection::serve;
use crate::hub::{ConnectionId, Hub, LateFrame};
use crate::{Config, Limits, RelayError, ServerFrame, Statistics};

/// How long to wait when the system has no more sockets for us.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// What all connections share.
pub(crate) struct Shared {
    pub(crate) limits: Limits,
    hub: Mutex<Hub>,
}

impl Shared {
    /// The hub, for one short call: the guard must never live across an `await`.
    pub(crate) fn hub(&self) -> MutexGuard<'_, Hub> {
        // Only an observer can panic under this lock; the rooms are whole then, too.
        self.hub.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A relay that listens. See the [crate](crate) for what it does.
#[must_use = "a relay serves nobody until it runs"]
pub struct Relay {
    listener: TcpListener,
    local_addr: SocketAddr,
    shared: Arc<Shared>,
    /// Frames that a faulty relay delivers late.
    late: Option<mpsc::UnboundedReceiver<LateFrame>>,
}

impl core::fmt::Debug for Relay {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Relay").field("local_addr", &self.local_addr).finish_non_exhaustive()
    }
}

/// Looks into a running relay.
#[derive(Clone)]
pub struct RelayHandle {
    shared: Arc<Shared>,
}

impl core::fmt::Debug for RelayHandle {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("RelayHandle").finish_non_exhaustive()
    }
}

impl RelayHandle {
    /// What the relay has done and holds, now.
    #[must_use]
    pub fn statistics(&self) -> Statistics {
        self.shared.hub().statistics()
    }
}

impl Relay {
    /// Starts to listen. Clients can connect from now on; they are served once the relay
    /// [runs](Self::run).
    ///
    /// # Errors
    /// [`RelayError::NotLoopback`] unless the configuration allows remote clients;
    /// [`RelayError::Address`] if the system does not let us listen there.
    pub async fn bind(config: Config) -> Result<Self, RelayError> {
        let tamper = config.tamper();
        let Config { listen: addr, allow_remote, limits, observer, .. } = config;
        if !allow_remote && !is_loopback(addr.ip()) {
            return Err(RelayError::NotLoopback(addr));
        }
        let failed = |source| RelayError::Address { addr, source };
        let listener = TcpListener::bind(addr).await.map_err(failed)?;
        let local_addr = listener.local_addr().map_err(failed)?;
        let mut hub = Hub::new(limits.clone(), observer);
        let late = tamper.map(|tamper| hub.tamper(tamper));
        let shared = Arc::new(Shared { limits, hub: Mutex::new(hub) });
        Ok(Self { listener, local_addr, shared, late })
    }

    /// Where the relay listens.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// A way to look into the relay while it runs.
    #[must_use]
    pub fn handle(&self) -> RelayHandle {
        RelayHandle { shared: self.shared.clone() }
    }

    /// Serves clients until `shutdown` is ready; then everybody leaves, is told so, and has the
    /// drain timeout to read it.
    ///
    /// Dropping the future instead ends all connections at once.
    pub async fn run(self, shutdown: impl Future<Output = ()>) {
        let Self { listener, shared, late, .. } = self;
        let mut delivery = JoinSet::new();
        if let Some(late) = late {
            delivery.spawn(deliver_late(late, shared.clone()));
        }
        let mut shutdown = std::pin::pin!(shutdown);
        let (close, closing) = watch::channel(false);
        let mut connections = JoinSet::new();
        let mut next_id = 0;
        loop {
            tokio::select! {
                () = &mut shutdown => break,
                // Connections report nothing; they are taken out so that they can be counted.
                Some(_) = connections.join_next() => {}
                accepted = listener.accept() => match accepted {
                    Ok((stream, _)) if connections.len() < shared.limits.connections => {
                        let id = ConnectionId(next_id);
                        next_id += 1;
                        connections.spawn(serve(stream, id, shared.clone(), closing.clone()));
                    }
                    Ok((stream, _)) => refuse(stream, &shared),
                    // No more file descriptors, or a client that is gone already.
                    Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
                },
            }
        }
        drop(listener);
        shared.hub().close();
        close.send_replace(true);
        while connections.join_next().await.is_some() {}
    }
}

/// Delivers frames that are late, each at its time; of one time, in the order in which they came.
async fn deliver_late(mut late: mpsc::UnboundedReceiver<LateFrame>, shared: Arc<Shared>) {
    let mut waiting: BTreeMap<(Instant, u64), LateFrame> = BTreeMap::new();
    let mut numbered = 0_u64;
    loop {
        let next = waiting.first_key_value().map(|(&(at, _), _)| at);
        let due = async {
            match next {
                Some(at) => tokio::time::sleep_until(at).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            frame = late.recv() => {
                let Some(frame) = frame else { return };
                numbered = numbered.wrapping_add(1);
                waiting.insert((Instant::now() + frame.after, numbered), frame);
            }
            () = due => {}
        }
        let now = Instant::now();
        while let Some(first) = waiting.first_entry().filter(|first| first.key().0 <= now) {
            let LateFrame { to, frame, .. } = first.remove();
            shared.hub().deliver(to, &frame);
        }
    }
}

/// Also in its IPv6 form.
fn is_loopback(addr: IpAddr) -> bool {
    addr.to_canonical().is_loopback()
}

/// Says that the relay is full, as far as the socket takes it without waiting.
fn refuse(stream: TcpStream, shared: &Shared) {
    shared.hub().count_refused();
    let reason =
        format!("the relay is full: its limit of connections is {}", shared.limits.connections);
    let frame = ServerFrame::Refused { reason: &reason }.encode();
    if let Ok(mut stream) = stream.into_std() {
        // A new socket takes one short frame. If not, the client sees only the end.
        let _ = std::io::Write::write(&mut stream, &frame);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback() {
        for addr in ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"] {
            assert!(is_loopback(addr.parse().unwrap()), "{addr}");
        }
        for addr in ["0.0.0.0", "::", "192.168.1.1", "::ffff:10.0.0.1"] {
            assert!(!is_loopback(addr.parse().unwrap()), "{addr}");
        }
    }
}
