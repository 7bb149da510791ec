//! Whose ack is late: everybody's of a message, and ours of all messages.

use alloc::collections::{BTreeMap, VecDeque};
use alloc::vec::Vec;

use mpenc_message::Kind;

use super::pop_front_if;
use crate::Instant;

/// The ack monitors: one for each monitored message that is not fully acked (AK-04, AK-05).
#[derive(Clone, Debug)]
pub(crate) struct Monitors<I> {
    open: BTreeMap<I, Monitor>,
    /// Those that nothing was said of, oldest first. The first one is always open; behind it some
    /// may have been settled: they are passed over when their turn comes.
    untold: VecDeque<(Instant, I)>,
}

/// What is known of a message until it is fully acked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Monitor {
    pub(crate) kind: Kind,
    /// Whether somebody was told that it is not fully acked.
    pub(crate) told: bool,
}

impl<I: Copy + Ord> Monitors<I> {
    pub(crate) fn new() -> Self {
        Self { open: BTreeMap::new(), untold: VecDeque::new() }
    }

    /// A message was accepted, and should be fully acked by `due`.
    pub(crate) fn start(&mut self, id: I, kind: Kind, due: Instant) {
        // All wait equally long, so they fall due in the order in which they came; this keeps it so
        // even if time ran backwards.
        let due = self.untold.back().map_or(due, |&(last, _)| last.max(due));
        if self.open.insert(id, Monitor { kind, told: false }).is_none() {
            self.untold.push_back((due, id));
        }
    }

    /// Nobody's ack of the message is awaited any more.
    pub(crate) fn settle(&mut self, id: &I) -> Option<Monitor> {
        let monitor = self.open.remove(id)?;
        self.pass_over_settled();
        Some(monitor)
    }

    /// When the next message should be fully acked.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.untold.front().map(|&(due, _)| due)
    }

    /// A message that should be fully acked by now, and is not. Each is given once.
    pub(crate) fn take_due(&mut self, now: Instant) -> Option<(I, Kind)> {
        let (_, id) = pop_front_if(&mut self.untold, |&(due, _)| due <= now)?;
        let monitor = self.open.get_mut(&id)?;
        monitor.told = true;
        let kind = monitor.kind;
        self.pass_over_settled();
        Some((id, kind))
    }

    /// All messages that are not fully acked and that nobody was told of, ascending (AK-10).
    pub(crate) fn take_all(&mut self) -> Vec<(I, Kind)> {
        self.untold.clear();
        let untold = self.open.iter_mut().filter(|(_, monitor)| !monitor.told);
        untold
            .map(|(id, monitor)| {
                monitor.told = true;
                (*id, monitor.kind)
            })
            .collect()
    }

    fn pass_over_settled(&mut self) {
        while pop_front_if(&mut self.untold, |(_, id)| !self.open.contains_key(id)).is_some() {}
    }
}

/// When our own ack is due.
///
/// Whatever we write descends from all that we have accepted. So all acks that we owe are paid at
/// once, and the earliest deadline is all there is to remember.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct OwedAck {
    due: Option<Instant>,
}

impl OwedAck {
    /// We accepted a message that we should have acked by `due`.
    pub(crate) fn owe(&mut self, due: Instant) {
        self.due = Some(self.due.map_or(due, |earlier| earlier.min(due)));
    }

    /// We wrote something; or will not ack anything any more.
    pub(crate) fn clear(&mut self) {
        self.due = None;
    }

    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.due
    }

    /// Whether an ack is to be written now. It is said once: should writing fail, then because it
    /// always will.
    pub(crate) fn take_due(&mut self, now: Instant) -> bool {
        self.due.take_if(|due| *due <= now).is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::tests::at;

    #[test]
    fn each_message_is_told_of_once_and_only_if_it_is_late() {
        let mut monitors = Monitors::new();
        monitors.start(3, Kind::Payload, at(26.0));
        monitors.start(1, Kind::Fin, at(27.0));
        monitors.start(2, Kind::Payload, at(28.0));
        assert_eq!(monitors.take_due(at(25.0)), None);
        assert_eq!(monitors.settle(&3), Some(Monitor { kind: Kind::Payload, told: false }));
        assert_eq!(monitors.deadline(), Some(at(27.0)), "a settled one does not wake anybody");
        assert_eq!(monitors.take_due(at(30.0)), Some((1, Kind::Fin)));
        assert_eq!(monitors.take_due(at(30.0)), Some((2, Kind::Payload)));
        assert_eq!(monitors.take_due(at(99.0)), None);
        assert_eq!(monitors.settle(&1), Some(Monitor { kind: Kind::Fin, told: true }));
        assert_eq!(monitors.settle(&1), None);
    }

    #[test]
    fn settling_those_behind_wakes_nobody_either() {
        let mut monitors = Monitors::new();
        for id in 0..4 {
            monitors.start(id, Kind::Payload, at(f64::from(id)));
        }
        monitors.settle(&1);
        monitors.settle(&2);
        monitors.settle(&0);
        assert_eq!(monitors.deadline(), Some(at(3.0)));
        monitors.settle(&3);
        assert_eq!(monitors.deadline(), None);
    }

    #[test]
    fn the_end_tells_of_the_rest() {
        let mut monitors = Monitors::new();
        for id in [5, 4, 6] {
            monitors.start(id, Kind::Payload, at(26.0));
        }
        assert_eq!(monitors.take_due(at(26.0)), Some((5, Kind::Payload)));
        assert_eq!(monitors.take_all(), [(4, Kind::Payload), (6, Kind::Payload)]);
        assert_eq!(monitors.take_all(), []);
        assert_eq!(monitors.deadline(), None);
    }

    #[test]
    fn the_earliest_ack_pays_for_all() {
        let mut owed = OwedAck::default();
        owed.owe(at(21.0));
        owed.owe(at(22.0));
        owed.owe(at(3.0));
        assert_eq!(owed.deadline(), Some(at(3.0)));
        assert!(!owed.take_due(at(2.0)));
        assert!(owed.take_due(at(3.0)));
        assert!(!owed.take_due(at(99.0)));
        owed.owe(at(100.0));
        owed.clear();
        assert_eq!(owed.deadline(), None);
    }
}
