//! Runs of records of one type, checked when they were decoded, and read in place.

use core::fmt;

use crate::record::{HEADER, Reader};
use crate::{MemberRef, MessageId};

/// The base point of Curve25519: u = 9.
pub(crate) const BASE_POINT: [u8; 32] = {
    let mut point = [0; 32];
    point[0] = 9;
    point
};

/// Octets of a record with a value of 32 octets.
const RECORD_32: usize = HEADER + 32;

macro_rules! run {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy)]
        pub struct $name<'a> {
            pub(crate) records: &'a [u8],
            pub(crate) len: usize,
        }

        impl $name<'_> {
            /// How many.
            #[must_use]
            pub const fn len(self) -> usize {
                self.len
            }

            /// Whether there is none.
            #[must_use]
            pub const fn is_empty(self) -> bool {
                self.len == 0
            }
        }

        impl fmt::Debug for $name<'_> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_list().entries(self.iter()).finish()
            }
        }
    };
}

run! {
    /// A run of MEMBER records.
    Members
}
run! {
    /// A run of INT_KEY records. An empty one (MpencJs) is the base point.
    IntKeys
}
run! {
    /// A run of records with 32 octets each.
    Values32
}
run! {
    /// A run of message ids.
    MessageIds
}

fn values<'a>(records: &'a [u8]) -> impl Iterator<Item = &'a [u8]> + use<'a> {
    let mut reader = Reader::new(records);
    core::iter::from_fn(move || reader.next().ok().flatten().map(|record| record.value))
}

impl<'a> Members<'a> {
    /// The members in their order.
    pub fn iter(self) -> impl Iterator<Item = MemberRef<'a>> + use<'a> {
        values(self.records).map(MemberRef)
    }
}

impl<'a> IntKeys<'a> {
    /// The keys in their order, the base point written out.
    pub fn iter(self) -> impl Iterator<Item = &'a [u8; 32]> + use<'a> {
        values(self.records).map(|value| value.try_into().unwrap_or(&BASE_POINT))
    }
}

impl<'a> Values32<'a> {
    /// The values in their order.
    pub fn iter(self) -> impl Iterator<Item = &'a [u8; 32]> + use<'a> {
        self.records.as_chunks::<RECORD_32>().0.iter().filter_map(|record| record.last_chunk())
    }
}

impl<'a> MessageIds<'a> {
    /// The ids in their order.
    pub fn iter(self) -> impl Iterator<Item = MessageId> + use<'a> {
        values(self.records).filter_map(MessageId::from_octets)
    }
}
