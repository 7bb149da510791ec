//! Hashes that name packets and the order they were accepted in.

use alloc::vec::Vec;
use core::fmt;

use sha2::{Digest as _, Sha256};

/// The sender whom leave pseudo packets are by: the channel's server.
pub(crate) const SERVER: &[u8] = b"__server__";

/// A packet's id: it covers the packet, its sender and its recipients, so that a transport that
/// tells different stories about them is found out (SO-13).
///
/// ```text
/// SHA-256( sender ‖ "\n" ‖ recipient ‖ "\n" ‖ … ‖ recipient ‖ "\n\n" ‖ packet )
///                          \____ sorted, joined by "\n" ___/
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PacketId([u8; 32]);

/// The chain hash: it covers every packet that was accepted so far, in order (SO-14).
///
/// ```text
/// SHA-256( previous chain hash ‖ packet id ‖ entry type )
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct ChainHash([u8; 32]);

/// As what a packet entered the order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum EntryType {
    /// An operation's initial packet.
    Initial,
    /// An operation's final packet.
    Final,
    /// A packet that is an operation's initial and its final packet.
    Both,
    /// A packet that ended an operation without effect.
    Abort,
    /// The pseudo packet for a leaver who ended an operation without effect.
    Leave,
}

impl EntryType {
    /// The octets that enter the chain hash.
    #[must_use]
    pub const fn as_bytes(self) -> &'static [u8] {
        match self {
            Self::Initial => b"2",
            Self::Final => b"1",
            Self::Both => b"3",
            Self::Abort => b"4",
            Self::Leave => b"\xffleave",
        }
    }
}

impl PacketId {
    /// The id with these octets.
    #[must_use]
    pub const fn from_bytes(octets: [u8; 32]) -> Self {
        Self(octets)
    }

    /// Its octets.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The id of `packet` by `sender` where `others` are the channel's other members (octets of
    /// their ids, in any order) at the time of its receipt.
    #[must_use]
    pub fn compute<'a>(
        sender: &[u8],
        others: impl IntoIterator<Item = &'a [u8]>,
        packet: &[u8],
    ) -> Self {
        let mut others: Vec<&[u8]> = others.into_iter().collect();
        others.sort_unstable();
        let mut hash = Sha256::new_with_prefix(sender);
        hash.update(b"\n");
        for (at, other) in others.iter().enumerate() {
            if at > 0 {
                hash.update(b"\n");
            }
            hash.update(other);
        }
        hash.update(b"\n\n");
        hash.update(packet);
        Self(hash.finalize().into())
    }
}

impl ChainHash {
    /// The chain hash with these octets.
    #[must_use]
    pub const fn from_bytes(octets: [u8; 32]) -> Self {
        Self(octets)
    }

    /// Its octets.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The first chain hash of an order from scratch: SHA-256(PREV_PF ‖ 0xFF) (SO-07).
    #[must_use]
    pub fn start(prev_pf: &PacketId) -> Self {
        let hash = Sha256::new_with_prefix(prev_pf.0).chain_update([0xff]);
        Self(hash.finalize().into())
    }

    /// The chain hash after this packet was accepted as `entry`.
    #[must_use]
    pub fn next(&self, id: &PacketId, entry: EntryType) -> Self {
        let hash =
            Sha256::new_with_prefix(self.0).chain_update(id.0).chain_update(entry.as_bytes());
        Self(hash.finalize().into())
    }
}

/// The pseudo packet by which `leavers` (octets of their ids, in any order) end the operation with
/// this initial packet (SO-24).
///
/// ```text
/// 0xFF "leave " ‖ packet id of the initial packet ‖ "\n" ‖ leavers, sorted, joined by ","
/// ```
///
/// Its packet id is computed with `__server__` as the sender, and those who are left in the channel
/// as the others.
#[must_use]
pub fn leave_pseudo_packet(initial: &PacketId, leavers: &[&[u8]]) -> Vec<u8> {
    let mut leavers = Vec::from(leavers);
    leavers.sort_unstable();
    let mut packet = Vec::from(b"\xffleave ");
    packet.extend_from_slice(&initial.0);
    packet.push(b'\n');
    packet.extend_from_slice(&leavers.join(&b','));
    packet
}

fn write_hex(f: &mut fmt::Formatter<'_>, octets: &[u8]) -> fmt::Result {
    octets.iter().try_for_each(|octet| write!(f, "{octet:02x}"))
}

/// The first octets, enough to tell ids apart in a log.
fn write_short(f: &mut fmt::Formatter<'_>, name: &str, octets: &[u8; 32]) -> fmt::Result {
    let (head, _) = octets.split_at(4);
    write!(f, "{name}(")?;
    write_hex(f, head)?;
    f.write_str("…)")
}

impl fmt::Display for PacketId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_hex(f, &self.0)
    }
}

impl fmt::Debug for PacketId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_short(f, "PacketId", &self.0)
    }
}

impl fmt::Display for ChainHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_hex(f, &self.0)
    }
}

impl fmt::Debug for ChainHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_short(f, "ChainHash", &self.0)
    }
}
