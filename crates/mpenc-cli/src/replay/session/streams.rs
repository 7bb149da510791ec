//! Compares what is seen of a session with what is expected of it.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;

use super::script::{Expected, Place};
use super::seen::{Kind, Seen};

/// Where a member is not as it was recorded.
#[derive(Debug)]
pub(super) struct Difference {
    /// The recorded entry that did not come; or, if something came that was not recorded, the entry
    /// that was given last, or was to be given next.
    pub(super) place: Place,
    what: String,
}

impl Difference {
    pub(super) fn new(place: Place, what: impl fmt::Display) -> Self {
        Self { place, what: what.to_string() }
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)
    }
}

/// What is expected, by kind. Of each kind only the first difference is told: the others follow
/// from it.
pub(super) struct Streams {
    expected: BTreeMap<Kind, VecDeque<Expected>>,
    differences: Vec<Difference>,
    packets: usize,
}

impl Streams {
    pub(super) fn new(expected: Vec<Expected>) -> Self {
        let mut streams: BTreeMap<Kind, VecDeque<Expected>> = BTreeMap::new();
        for kind in [Kind::Packet, Kind::Enter, Kind::Invite, Kind::Message, Kind::Members] {
            streams.insert(kind, VecDeque::new());
        }
        for expected in expected {
            streams.entry(expected.seen.kind()).or_default().push_back(expected);
        }
        Self { expected: streams, differences: Vec::new(), packets: 0 }
    }

    /// This was seen here.
    pub(super) fn take(&mut self, here: Place, ours: &Seen) {
        let kind = ours.kind();
        let Some(stream) = self.expected.get_mut(&kind) else { return };
        let same = |next: &Expected| next.place.at == here.at && next.seen == *ours;
        match stream.front() {
            Some(next) if same(next) => {
                stream.pop_front();
                self.packets = self.packets.saturating_add(usize::from(kind == Kind::Packet));
            }
            Some(Expected { place, seen }) if place.at == here.at => {
                let difference = Difference::new(*place, ours.differs_from(seen));
                self.over(kind, difference);
            }
            _ => {
                let what = format_args!("expected nothing, and {ours} came");
                self.over(kind, Difference::new(here, what));
            }
        }
    }

    /// Our session refuses what the user wants here: nothing is asked of the channel.
    pub(super) fn refused(&mut self, here: Place) {
        for kind in [Kind::Enter, Kind::Invite] {
            if let Some(stream) = self.expected.get_mut(&kind)
                && stream.front().is_some_and(|next| next.place.at == here.at)
            {
                stream.pop_front();
            }
        }
    }

    /// All that was expected before `now` must have come.
    pub(super) fn overdue(&mut self, now: u64) {
        let late = |stream: &VecDeque<Expected>| {
            let Expected { place, seen } = stream.front().filter(|next| next.place.at < now)?;
            Some(Difference::new(*place, format_args!("expected {seen}, and it did not come")))
        };
        let late: Vec<(Kind, Difference)> = self
            .expected
            .iter()
            .filter_map(|(&kind, stream)| Some((kind, late(stream)?)))
            .collect();
        late.into_iter().for_each(|(kind, difference)| self.over(kind, difference));
    }

    /// Notes a difference that is of no stream.
    pub(super) fn differs(&mut self, difference: Difference) {
        self.differences.push(difference);
    }

    /// The differences, first the first one; and how many packets were the same.
    pub(super) fn finish(mut self) -> (Vec<Difference>, usize) {
        self.differences.sort_by_key(|difference| difference.place);
        (self.differences, self.packets)
    }

    /// Whether there is no difference so far.
    pub(super) const fn are_same(&self) -> bool {
        self.differences.is_empty()
    }

    fn over(&mut self, kind: Kind, difference: Difference) {
        self.expected.remove(&kind);
        self.differences.push(difference);
    }
}
