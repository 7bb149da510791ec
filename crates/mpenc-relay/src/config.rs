//! What a relay is told.

use core::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use crate::RelayObserver;
use crate::frame::MAX_BODY;
use crate::hub::Tamper;

/// What a relay is told.
#[derive(Clone)]
pub struct Config {
    pub(crate) listen: SocketAddr,
    pub(crate) allow_remote: bool,
    pub(crate) limits: Limits,
    pub(crate) observer: Option<Arc<dyn RelayObserver>>,
    #[cfg(feature = "faults")]
    pub(crate) faults: Option<crate::Faults>,
}

impl Config {
    /// Listen here; port 0 lets the system choose. Only loopback addresses are accepted unless
    /// [`allow_remote`](Self::allow_remote) is said, too.
    #[must_use]
    pub fn new(listen: SocketAddr) -> Self {
        Self {
            listen,
            allow_remote: false,
            limits: Limits::default(),
            observer: None,
            #[cfg(feature = "faults")]
            faults: None,
        }
    }

    /// Accept an address that other machines can reach. Whoever reaches it can enter any room,
    /// read what is sent there, and remove anybody: the relay has neither accounts nor encryption.
    #[must_use]
    pub fn allow_remote(mut self, allow: bool) -> Self {
        self.allow_remote = allow;
        self
    }

    /// Bounds on what clients can make the relay hold.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Do these things wrong, for tests.
    #[cfg(feature = "faults")]
    #[must_use]
    pub fn faults(mut self, faults: crate::Faults) -> Self {
        self.faults = Some(faults);
        self
    }

    /// What makes other frames of those that members should get, if anything does.
    pub(crate) fn tamper(&self) -> Option<Box<dyn Tamper>> {
        #[cfg(feature = "faults")]
        if let Some(faults) = &self.faults {
            return Some(Box::new(crate::faults::Tampering::new(faults.clone())));
        }
        None
    }

    /// Tell this observer everything that the relay sees.
    #[must_use]
    pub fn observer(mut self, observer: Arc<dyn RelayObserver>) -> Self {
        self.observer = Some(observer);
        self
    }
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("listen", &self.listen)
            .field("allow_remote", &self.allow_remote)
            .field("limits", &self.limits)
            .field("observer", &self.observer.is_some())
            .finish()
    }
}

/// The most members that a room can have: the names of all of them fit into one Welcome.
pub(crate) const MAX_MEMBERS: usize = 1024;

const _: () = assert!(MAX_MEMBERS * (2 + crate::MAX_NAME) < MAX_BODY);

/// Bounds on what clients can make the relay hold and do.
///
/// The worst case in memory is about `connections` × (`queue_octets` + 1.4 MiB).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Limits {
    /// Connections at one time. Default: 256.
    pub connections: usize,
    /// Rooms at one time; a room is there as long as it has members. Default: 64.
    pub rooms: usize,
    /// Members in a room; never more than 1,024. Default: 256.
    pub members_per_room: usize,
    /// Frames that wait for one client. Default: 4,096.
    pub queue_frames: usize,
    /// Octets that wait for one client. A single longer frame still passes an empty queue.
    /// Default: 8 MiB.
    pub queue_octets: usize,
    /// How long a client may take to say who it is. Default: 10 s.
    pub handshake_timeout: Duration,
    /// How long a client that leaves may take to read what was sent to it before. Default: 5 s.
    pub drain_timeout: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 256,
            rooms: 64,
            members_per_room: 256,
            queue_frames: 4096,
            queue_octets: 8 * 1024 * 1024,
            handshake_timeout: Duration::from_secs(10),
            drain_timeout: Duration::from_secs(5),
        }
    }
}
