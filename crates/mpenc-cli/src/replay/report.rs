//! What came out of the replay of one file.

use std::fmt;

use mpenc_message::{Kind, OrderAck};
use mpenc_wire::{MemberId, MessageId};

use crate::hex_bytes::HexVec;

/// How many differences are told; the others are only counted.
const TOLD: usize = 20;

/// Counts packets and differences.
#[derive(Default)]
pub(crate) struct Report {
    /// Packets that were checked.
    pub(crate) packets: usize,
    /// Lines to print whatever comes out.
    pub(crate) notes: Vec<String>,
    /// What to say beside the numbers.
    pub(crate) remark: Option<String>,
    differences: usize,
    told: Vec<String>,
}

impl Report {
    /// Notes a difference. `place` says where in the file.
    pub(crate) fn differs(&mut self, place: impl fmt::Display, what: impl fmt::Display) {
        self.differences = self.differences.saturating_add(1);
        if self.told.len() < TOLD {
            self.told.push(format!("{place}: {what}"));
        }
    }

    /// Compares; what differs is named.
    pub(crate) fn expect_eq<T: PartialEq + Shown>(
        &mut self,
        place: impl fmt::Display,
        what: &str,
        recorded: &T,
        ours: &T,
    ) {
        if recorded != ours {
            self.differs(
                place,
                format_args!("{what}: recorded {}, ours {}", recorded.shown(), ours.shown()),
            );
        }
    }

    /// Counts one more packet.
    pub(crate) fn packet(&mut self) {
        self.packets = self.packets.saturating_add(1);
    }

    /// How many differences there are.
    pub(crate) const fn differences(&self) -> usize {
        self.differences
    }

    /// The differences in words, the first ones.
    pub(crate) fn told(&self) -> impl Iterator<Item = &str> {
        self.told.iter().map(String::as_str)
    }

    /// How many differences there are beyond those that [`Report::told`] gives.
    pub(crate) fn untold(&self) -> usize {
        self.differences.saturating_sub(self.told.len())
    }
}

/// Values that a difference shows.
pub(crate) trait Shown {
    /// In a line of text.
    fn shown(&self) -> String;
}

impl<const N: usize> Shown for [u8; N] {
    fn shown(&self) -> String {
        hex::encode(self)
    }
}

impl Shown for str {
    fn shown(&self) -> String {
        format!("{self:?}")
    }
}

impl Shown for String {
    fn shown(&self) -> String {
        self.as_str().shown()
    }
}

impl Shown for HexVec {
    fn shown(&self) -> String {
        hex::encode(&self.0)
    }
}

impl<T: Shown> Shown for Vec<T> {
    fn shown(&self) -> String {
        format!("[{}]", self.iter().map(Shown::shown).collect::<Vec<_>>().join(", "))
    }
}

impl Shown for MemberId {
    fn shown(&self) -> String {
        self.to_string()
    }
}

impl Shown for MessageId {
    fn shown(&self) -> String {
        hex::encode(self.as_bytes())
    }
}

impl Shown for Kind {
    fn shown(&self) -> String {
        format!("{self:?}")
    }
}

impl Shown for OrderAck {
    fn shown(&self) -> String {
        format!("{} at {}", hex::encode(self.packet_id), hex::encode(self.chain_hash))
    }
}

impl<T: Shown> Shown for Option<T> {
    fn shown(&self) -> String {
        self.as_ref().map_or_else(|| "nothing".to_owned(), Shown::shown)
    }
}
