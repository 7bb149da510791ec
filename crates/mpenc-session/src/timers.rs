//! Every deadline of a session, and when it fires. Those of a sub-session's liveness are apart, in
//! [`flow::Timer`](crate::flow::Timer).

use alloc::collections::BTreeMap;

use mpenc_order::PacketId;
use mpenc_wire::MemberId;

use crate::{Instant, OperationId};

/// Names a sub-session of this session: they are counted.
pub(crate) type SubSessionNumber = u64;

/// What falls due. Firing one whose cause has gone is a no-op, so none needs cancelling.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Timer {
    /// A verified message still misses parents BC_LAT after it came: the first of the sub-session's.
    MissingParents(SubSessionNumber),
    /// A reader left the channel, or was excluded, BC_LAT ago: their acks are not awaited any more.
    Waive(SubSessionNumber, MemberId),
    /// A packet that no sub-session could open is still there BC_LAT after it came: the first of
    /// them all.
    Undecryptable,
    /// Our proposal was not echoed within 2·BC_LAT.
    Echo(OperationId),
    /// The running operation's next packet has not come in time; `u64` counts its packets, so that
    /// any progress makes this stale.
    OperationPacket(PacketId, u64),
    /// The running operation took longer than all of its packets may.
    OperationWhole(PacketId),
    /// Our turn to abort the running operation, after its timeout: rank · BC_LAT/4.
    AbortTurn(PacketId),
    /// Our abort was not echoed within 2·BC_LAT: leave the channel.
    AbortEcho(PacketId),
    /// Our turn to propose the exclude of those who left: rank · BC_LAT/4.
    AutoExclude,
    /// Our contribution to the group key has become old by time.
    ContributionOld,
    /// Our turn to propose a refresh that is due: BC_LAT for each member who needs it more.
    Refresh,
    /// No monitored message of ours has carried our history up to this operation, FA_INTV − 2·BC_LAT
    /// after its end.
    HistoryCarrier(PacketId),
    /// Everybody should have confirmed our history up to this operation, FA_INTV after its end.
    HistoryConfirmed(PacketId),
    /// A member named an operation's end that we had not seen, BC_LAT ago.
    HistoryUnknown(MemberId, PacketId),
    /// Half of the time is over in which what is missing of the sub-session with this number may come:
    /// whoever is there is to show it.
    HistoryHalf(SubSessionNumber),
    /// We have been alone for 16·BC_LAT, since the sub-session with this number: ask those out whom
    /// we excluded, and leave, unless we are to stay. It is set anew if something is under way then.
    LeaveAlone(SubSessionNumber),
    /// We were excluded, and nobody removed us from the channel.
    LeaveChannel,
    /// Those whom an include awaits have not entered the channel.
    Invitation(OperationId),
    /// Enter again, after we were removed while waiting to be included.
    Reenter,
    /// Nobody has included us: give up, unless somebody is about to.
    JoinPatience,
}

/// Deadlines in the order in which they fire; of one moment, in the order they were set.
#[derive(Clone, Debug, Default)]
pub(crate) struct Timers {
    entries: BTreeMap<(Instant, u64), Timer>,
    set: u64,
}

impl Timers {
    pub(crate) fn set(&mut self, at: Instant, timer: Timer) {
        self.set = self.set.wrapping_add(1);
        self.entries.insert((at, self.set), timer);
    }

    /// Forgets those for which `keep` says no.
    pub(crate) fn retain(&mut self, mut keep: impl FnMut(&Timer) -> bool) {
        self.entries.retain(|_, timer| keep(timer));
    }

    /// Forgets those for which `is_it` says yes, and says whether there were any.
    pub(crate) fn take(&mut self, is_it: impl Fn(&Timer) -> bool) -> bool {
        let before = self.entries.len();
        self.retain(|timer| !is_it(timer));
        self.entries.len() < before
    }

    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        self.entries.first_key_value().map(|(&(at, _), _)| at)
    }

    /// Whether one is set for which `is_it` says yes.
    pub(crate) fn has(&self, is_it: impl Fn(&Timer) -> bool) -> bool {
        self.entries.values().any(is_it)
    }

    /// How many are set.
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Takes the first one that is due.
    pub(crate) fn take_due(&mut self, now: Instant) -> Option<Timer> {
        let entry = self.entries.first_entry()?;
        (entry.key().0 <= now).then(|| entry.remove())
    }

    pub(crate) fn clear(&mut self) {
        self.entries.clear();
    }
}
