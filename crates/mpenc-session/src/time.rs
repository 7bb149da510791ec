//! Local time.

use core::fmt;
use core::time::Duration;

/// A moment on the caller's clock: a duration since an epoch that the caller picks.
///
/// Only differences matter, and only on this machine (MO-08). A clock that jumps or runs backwards
/// delays or hastens what waits for it; it never breaks anything.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Instant(Duration);

impl Instant {
    /// The moment `since_epoch` after the caller's epoch.
    #[must_use]
    pub const fn new(since_epoch: Duration) -> Self {
        Self(since_epoch)
    }

    /// How long after the caller's epoch this is.
    #[must_use]
    pub const fn since_epoch(self) -> Duration {
        self.0
    }

    /// This moment and a while; the last moment there is, if that is past it.
    #[must_use]
    pub const fn after(self, while_: Duration) -> Self {
        Self(self.0.saturating_add(while_))
    }

    /// How long ago `earlier` was; zero if it was not.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Duration {
        self.0.saturating_sub(earlier.0)
    }
}

impl fmt::Debug for Instant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Instant({:?})", self.0)
    }
}
