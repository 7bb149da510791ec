//! GREET_TYPE: which operation a greeting packet is part of, and which stage of it.

use core::fmt;

use crate::Dialect;

/// The operation that a GREET_TYPE names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum GreetOperation {
    /// The first agreement of a group.
    Establish,
    /// Adds members.
    Include,
    /// Removes members.
    Exclude,
    /// Renews the group key.
    Refresh,
}

/// A GREET_TYPE value: a struct over the integer, so that an unknown value survives to the error.
///
/// ```text
///  bit  0x80       0x70                     0x08            0x04               0x02      0x01
///       initiator  operation: 1 establish,  nonces, keys,   intermediate keys  downflow  not an
///                  2 include, 3 exclude,    signatures                                   establish
///                  4 refresh                (ASKE)
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(clippy::exhaustive_structs, reason = "a number on the wire")]
pub struct GreetType(
    /// Its number on the wire.
    pub u16,
);

impl GreetType {
    /// An establish begins.
    pub const ESTABLISH_INITIAL: Self = Self(0x009c);
    /// An establish's upflow goes on.
    pub const ESTABLISH_UP: Self = Self(0x001c);
    /// An establish's first downflow.
    pub const ESTABLISH_DOWN: Self = Self(0x001e);
    /// An establish is confirmed.
    pub const ESTABLISH_CONFIRM: Self = Self(0x001a);
    /// An include begins.
    pub const INCLUDE_INITIAL: Self = Self(0x00ad);
    /// An include's upflow goes on.
    pub const INCLUDE_UP: Self = Self(0x002d);
    /// An include's first downflow.
    pub const INCLUDE_DOWN: Self = Self(0x002f);
    /// An include is confirmed.
    pub const INCLUDE_CONFIRM: Self = Self(0x002b);
    /// An exclude begins.
    pub const EXCLUDE_INITIAL: Self = Self(0x00bf);
    /// An exclude is confirmed.
    pub const EXCLUDE_CONFIRM: Self = Self(0x003b);
    /// A refresh: its only packet.
    pub const REFRESH: Self = Self(0x00c7);

    /// All that are in use.
    const ALL: [(Self, &'static str); 11] = [
        (Self::ESTABLISH_INITIAL, "establish: initial upflow"),
        (Self::ESTABLISH_UP, "establish: upflow"),
        (Self::ESTABLISH_DOWN, "establish: downflow"),
        (Self::ESTABLISH_CONFIRM, "establish: confirm"),
        (Self::INCLUDE_INITIAL, "include: initial upflow"),
        (Self::INCLUDE_UP, "include: upflow"),
        (Self::INCLUDE_DOWN, "include: downflow"),
        (Self::INCLUDE_CONFIRM, "include: confirm"),
        (Self::EXCLUDE_INITIAL, "exclude: initial downflow"),
        (Self::EXCLUDE_CONFIRM, "exclude: confirm"),
        (Self::REFRESH, "refresh"),
    ];

    /// What it says, in words; `None` if it is unknown.
    #[must_use]
    pub fn name(self) -> Option<&'static str> {
        Self::ALL.iter().find(|(known, _)| *known == self).map(|&(_, name)| name)
    }

    /// The operation; `None` if it is unknown.
    #[must_use]
    pub fn operation(self) -> Option<GreetOperation> {
        self.name()?;
        match self.0 & 0x70 {
            0x10 => Some(GreetOperation::Establish),
            0x20 => Some(GreetOperation::Include),
            0x30 => Some(GreetOperation::Exclude),
            0x40 => Some(GreetOperation::Refresh),
            _ => None,
        }
    }

    /// Whether the packet starts its operation.
    #[must_use]
    pub const fn is_initial(self) -> bool {
        self.0 & 0x80 != 0
    }

    /// Whether the packet carries nonces and keys, or a session signature.
    #[must_use]
    pub const fn is_aske(self) -> bool {
        self.0 & 0x08 != 0
    }

    /// Whether the packet carries intermediate keys.
    #[must_use]
    pub const fn has_int_keys(self) -> bool {
        self.0 & 0x04 != 0
    }

    /// Whether the packet carries NONCE and PUB_KEY records.
    #[must_use]
    pub fn has_nonces(self, dialect: Dialect) -> bool {
        self.is_aske() && (self.has_int_keys() || dialect.confirm_repeats_keys)
    }

    /// Whether the packet carries its author's session signature.
    #[must_use]
    pub const fn has_session_signature(self) -> bool {
        self.is_aske() && self.is_downflow()
    }

    /// Whether the packet is for everybody (else it is directed to the next member).
    #[must_use]
    pub const fn is_downflow(self) -> bool {
        self.0 & 0x02 != 0
    }

    /// Whether the packet does nothing but confirm.
    #[must_use]
    pub const fn is_confirm(self) -> bool {
        self.is_downflow() && self.is_aske() && !self.has_int_keys()
    }
}

impl fmt::Display for GreetType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "0x{:04x}", self.0),
        }
    }
}

impl fmt::Debug for GreetType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "GreetType({self})")
    }
}
