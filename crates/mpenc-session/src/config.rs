//! What a caller may choose.

use core::time::Duration;

use crate::RollingRefresh;

/// Nothing repeats faster than this, whatever the configuration says: a tick must end.
pub(crate) const SHORTEST: Duration = Duration::from_millis(1);

/// A session's options. Times are the inputs of all liveness rules (AK-09).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Config {
    /// BC_LAT: how long a broadcast takes to reach everybody, nearly always. Default 5 s; less than 1 ms
    /// counts as that wherever something is tried again.
    pub broadcast_latency: Duration,
    /// M_INTV: how long a member usually takes to reply. Default 16 s.
    pub reply_interval: Duration,
    /// Propose to include whoever enters the channel. Default off: entering proves no identity.
    pub auto_include: bool,
    /// Stay in the channel when everybody else has gone. Default off.
    pub stay_if_last: bool,
    /// How long to wait to be included before leaving the channel; if members whom we know are about
    /// to do so then, until that has ended.
    pub join_patience: JoinPatience,
    /// Renew our contribution to the group key by itself when it is old, by refreshes of our own.
    /// Default off: then it is renewed only by the operations that the user proposes. What it is good
    /// for is in SECURITY.md.
    pub rolling_refresh: Option<RollingRefresh>,
    /// Write a heartbeat after 4·FA_INTV without a message of ours, and tell of members of whom
    /// nothing proves that they are there (FR-02, FR-03). Default on, in dialects that have them; they
    /// show outsiders that somebody is there, at times that are random within a sixteenth (FR-07).
    pub heartbeats: bool,
}

/// How long to wait to be included before leaving the channel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum JoinPatience {
    /// (2 + members of the channel) · (BC_LAT + 1 s): for channels where those inside include
    /// newcomers by themselves. The default.
    #[default]
    ByMembers,
    /// This long.
    For(Duration),
    /// Until we are included, leave, or the others do.
    Forever,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            broadcast_latency: Duration::from_secs(5),
            reply_interval: Duration::from_secs(16),
            auto_include: false,
            stay_if_last: false,
            join_patience: JoinPatience::ByMembers,
            rolling_refresh: None,
            heartbeats: true,
        }
    }
}

impl Config {
    /// FA_INTV: how long a message may stay short of its full ack: 2·BC_LAT + M_INTV.
    #[must_use]
    pub fn full_ack_interval(&self) -> Duration {
        self.latencies(2).saturating_add(self.reply_interval)
    }

    /// `n` times BC_LAT. What waits so long, and then does the same again, must not do so at once.
    pub(crate) fn latencies(&self, n: u32) -> Duration {
        self.broadcast_latency.max(SHORTEST).saturating_mul(n)
    }

    /// How long each packet of an operation among `members` members may take.
    pub(crate) fn packet_wait(&self, members: usize) -> Duration {
        let members = u32::try_from(members).unwrap_or(u32::MAX);
        self.latencies(2).saturating_add(Duration::from_millis(50).saturating_mul(members))
    }
}
