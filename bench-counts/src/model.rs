//! What membership operations take, counted: from how many packets and octets, to how many of the
//! primitives that cost something.
//!
//! The formulae are those of docs/PERFORMANCE.md. A test compares packets and octets with those of
//! real operations, and `bench-peers` the time that the primitives take with that of operations.

/// An operation, by how many members it has in the end, and how many it adds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Operation {
    /// So many make a group.
    Establish(usize),
    /// So many are in a group, and so many more join.
    Include(usize, usize),
    /// So many stay.
    Exclude(usize),
    /// So many go on with another key.
    Refresh(usize),
}

/// How often each primitive is executed.
#[derive(Clone, Copy, Default, PartialEq, Debug)]
pub struct Primitives {
    /// Multiplications of a point of a list, and its way from octets and back.
    pub multiplications: f64,
    /// Lists of intermediate keys that are made: what that takes beside each key.
    pub lists: f64,
    /// Group keys that are made: a multiplication as well, of one point, and a hash.
    pub group_keys: f64,
    /// Intermediate keys that are admitted, and not multiplied.
    pub int_keys: f64,
    /// Signing keys that are admitted.
    pub signing_keys: f64,
    /// Signing keys that are drawn.
    pub drawn: f64,
    /// Signatures that are verified.
    pub checks: f64,
    /// Signatures that are made.
    pub signatures: f64,
    /// Octets of text that come in, and are decoded and hashed.
    pub octets_in: f64,
    /// Octets of text that are signed, and go out.
    pub octets_out: f64,
}

impl Primitives {
    /// How many of each people compare the price of, and what that is called, in the order of
    /// [`Primitives::list`].
    pub const LOTS: [(f64, &str); 10] = [
        (1.0, "a multiplication"),
        (1.0, "a list, beside its keys"),
        (1.0, "a group key"),
        (1.0, "admission of an int. key"),
        (1.0, "admission of a signing key"),
        (1.0, "a signing key is drawn"),
        (1.0, "a signature check"),
        (1.0, "a signature"),
        (1e3, "1,000 octets in"),
        (1e3, "1,000 octets out"),
    ];

    /// All of them, in one order.
    pub const fn list(&self) -> [f64; 10] {
        let Self {
            multiplications,
            lists,
            group_keys,
            int_keys,
            signing_keys,
            drawn,
            checks,
            signatures,
            octets_in,
            octets_out,
        } = *self;
        [
            multiplications,
            lists,
            group_keys,
            int_keys,
            signing_keys,
            drawn,
            checks,
            signatures,
            octets_in,
            octets_out,
        ]
    }

    /// Of such a list.
    pub const fn of_list(list: [f64; 10]) -> Self {
        let [
            multiplications,
            lists,
            group_keys,
            int_keys,
            signing_keys,
            drawn,
            checks,
            signatures,
            octets_in,
            octets_out,
        ] = list;
        Self {
            multiplications,
            lists,
            group_keys,
            int_keys,
            signing_keys,
            drawn,
            checks,
            signatures,
            octets_in,
            octets_out,
        }
    }
}

/// Octets of a record's head.
const HEAD: usize = 4;
/// A key, a nonce, or a hash.
const VALUE: usize = HEAD + 32;
const SIGNATURE: usize = HEAD + 64;
/// Signature, version, message type, operation and stage.
const ALWAYS: usize = SIGNATURE + (HEAD + 2) + (HEAD + 1) + (HEAD + 2);
/// What an initial packet says of the order, if no message was sent.
const ORDER: usize = 2 * VALUE;

/// Octets of text of so many octets of records: base64, prefix and end.
const fn text(contents: usize) -> usize {
    contents.div_ceil(3) * 4 + 8
}

impl Operation {
    /// How many members there are in the end.
    pub const fn members(self) -> usize {
        match self {
            Self::Establish(members) | Self::Exclude(members) | Self::Refresh(members) => members,
            Self::Include(before, more) => before + more,
        }
    }

    /// Who hands keys on to whom, one after the other: packets up to the first downflow, with it.
    pub const fn chain(self) -> usize {
        match self {
            Self::Establish(members) => members,
            Self::Include(_, more) => 1 + more,
            Self::Exclude(_) | Self::Refresh(_) => 1,
        }
    }

    /// Who has contributed before the operation starts, its author among them.
    const fn before(self) -> usize {
        match self {
            Self::Establish(_) => 1,
            Self::Include(before, _) => before,
            Self::Exclude(members) | Self::Refresh(members) => members,
        }
    }

    /// How many packets the operation has.
    pub const fn packets(self) -> usize {
        self.chain() + self.confirms()
    }

    const fn confirms(self) -> usize {
        match self {
            Self::Refresh(_) => 0,
            _ => self.members() - 1,
        }
    }

    /// How often a packet is waited for: until everybody has completed the operation, that many
    /// times the way from a member to the server and on to the others.
    pub const fn rounds(self) -> usize {
        match self {
            Self::Refresh(_) => 1,
            _ => self.chain() + 1,
        }
    }

    /// Octets of each packet's text up to the first downflow, where each name has so many.
    fn chain_octets(self, name: usize) -> Vec<usize> {
        let (members, chain, before) = (self.members(), self.chain(), self.before());
        let list = ALWAYS + HEAD + name + members * (HEAD + name);
        let is_upflow = matches!(self, Self::Establish(_) | Self::Include(..));
        let packet = |at: usize| {
            let order = if at == 0 { ORDER } else { 0 };
            let contributed = before + at;
            let (int_keys, lists) = match self {
                Self::Refresh(_) => (members, 0),
                _ if at + 1 < chain => (contributed + 1, contributed),
                _ => (members, members),
            };
            let end = match self {
                _ if is_upflow && at + 1 < chain => HEAD + name,
                Self::Refresh(_) => 0,
                _ => SIGNATURE,
            };
            text(list + order + int_keys * VALUE + lists * 2 * VALUE + end)
        };
        (0..chain).map(packet).collect()
    }

    /// Octets of text of a confirm.
    const fn confirm_octets(self, name: usize) -> usize {
        text(ALWAYS + HEAD + name + self.members() * (HEAD + name) + SIGNATURE)
    }

    /// Octets of text of all packets, where each name has so many.
    pub fn octets(self, name: usize) -> usize {
        let chain: usize = self.chain_octets(name).into_iter().sum();
        chain + self.confirms() * self.confirm_octets(name)
    }

    /// Octets of the longest packet.
    pub fn longest(self, name: usize) -> usize {
        self.chain_octets(name).into_iter().max().unwrap_or_default()
    }

    /// What a member does who neither proposes nor joins.
    pub fn follower(self, name: usize) -> Primitives {
        let (chain, confirms) = (count(self.chain()), count(self.confirms()));
        let (new, is_refresh) = (count(self.members() - self.before()), confirms == 0.0);
        Primitives {
            multiplications: 0.0,
            lists: 0.0,
            group_keys: 1.0,
            // All of the first downflow, which everybody can use.
            int_keys: count(self.members()),
            // Those that joiners sign with, and their identities.
            signing_keys: 2.0 * new,
            drawn: 0.0,
            // Of every packet; and the session signature, but for our own confirm.
            checks: chain + 2.0 * confirms - if is_refresh { 0.0 } else { 1.0 } + signed(self),
            signatures: if is_refresh { 0.0 } else { 2.0 },
            octets_in: count(self.octets(name)),
            octets_out: if is_refresh { 0.0 } else { count(self.confirm_octets(name)) },
        }
    }

    /// What all members of an establish do together.
    pub fn all(self, name: usize) -> Primitives {
        let Self::Establish(_) = self else { return Primitives::default() };
        let members = count(self.members());
        let keys = members * (members + 1.0) / 2.0;
        let octets: usize = self.octets(name);
        Primitives {
            // Contributions.
            multiplications: keys - 1.0,
            lists: members,
            group_keys: members,
            // All, by all. (Who contributes next takes the points of those that they get.)
            int_keys: members * members,
            // Of all others: what they sign with, and their identities.
            signing_keys: 2.0 * members * (members - 1.0),
            drawn: members,
            // As followers do, who do not verify what they signed as the last one.
            checks: members * members + (members - 1.0) + (members - 1.0) * (2.0 * members - 1.0),
            signatures: members + 1.0 + 2.0 * (members - 1.0),
            octets_in: members * count(octets),
            octets_out: count(octets),
        }
    }

    /// What happens one after the other until everybody has the group key, and made their confirm.
    pub fn critical(self, name: usize) -> Primitives {
        let (members, before, chain) =
            (count(self.members()), count(self.before()), count(self.chain()));
        let octets = count(self.chain_octets(name).into_iter().sum());
        let is_refresh = matches!(self, Self::Refresh(_));
        let joins = members - before;
        // Keys that those who join get, one after the other.
        let handed_on = joins * before + joins * (joins + 1.0) / 2.0;
        Primitives {
            // All but one's own are renewed, and a new one for who joins; the last one does not
            // apply theirs to the group's secret.
            multiplications: before + handed_on - 1.0,
            lists: chain,
            // Everybody needs it.
            group_keys: 1.0,
            drawn: if matches!(self, Self::Establish(_)) { members } else { joins },
            // Those that are handed on are multiplied, which takes more than admitting them does.
            int_keys: members,
            signing_keys: match self {
                Self::Exclude(_) | Self::Refresh(_) => 0.0,
                // Each step brings one; who joins last admits the identities of all, and so do the
                // others then, as far as they join.
                _ if joins > 1.0 => before + joins + 2.0 * (members - 1.0),
                _ => before + members - 1.0 + 2.0,
            },
            // Of every packet, and the session signature.
            checks: if is_refresh { 1.0 } else { chain + 1.0 },
            // That one, and two of a confirm.
            signatures: if is_refresh { 1.0 } else { chain + 3.0 },
            octets_in: octets,
            octets_out: octets,
        }
    }

    /// What a member does after that, with all that the others confirm, until the operation is
    /// completed.
    pub fn confirming(self, name: usize) -> Primitives {
        let confirms = count(self.confirms());
        Primitives {
            // Two signatures of each, but one of one's own when it comes back.
            checks: (2.0 * confirms - 1.0).max(0.0),
            octets_in: confirms * count(self.confirm_octets(name)),
            ..Primitives::default()
        }
    }
}

/// Whether the first downflow carries a session signature, and so one more check.
fn signed(operation: Operation) -> f64 {
    if matches!(operation, Operation::Refresh(_)) { 0.0 } else { 1.0 }
}

#[allow(clippy::as_conversions, reason = "they are small")]
fn count(number: usize) -> f64 {
    number as f64
}

#[cfg(test)]
mod tests {
    use mpenc::greet::Change;

    use super::*;
    use crate::greet::{Group, NAME};

    #[test]
    fn lists_are_in_one_order() {
        let list: [f64; 10] = core::array::from_fn(|at| f64::from(u8::try_from(at).unwrap()));
        assert_eq!(Primitives::of_list(list).list(), list);
        assert_eq!(Primitives { octets_in: 1.0, ..Primitives::default() }.list()[8], 1.0);
        assert_eq!(Primitives::LOTS[8], (1e3, "1,000 octets in"));
    }

    fn compare(operation: Operation, cost: &crate::greet::Cost) {
        assert_eq!(cost.packets.len(), operation.packets(), "{operation:?}");
        assert_eq!(cost.octets, operation.octets(NAME), "{operation:?}");
    }

    #[test]
    fn packets_and_octets_are_as_the_formulae_say() {
        for members in [2, 3, 8, 13] {
            let (mut group, cost) = Group::established(members + 3, members);
            compare(Operation::Establish(members), &cost);
            let joins = group.ids[members..].to_vec();
            let cost = group.run(0, Change::Include(&joins), members + 3);
            compare(Operation::Include(members, 3), &cost);
            let cost = group.run(1, Change::Refresh, members + 3);
            compare(Operation::Refresh(members + 3), &cost);
            let cost = group.run(1, Change::Exclude(&joins), members + 3);
            compare(Operation::Exclude(members), &cost);
        }
    }

    #[test]
    fn rounds_are_as_the_formulae_say() {
        // Who sends the packets of the chain; then all confirm at once.
        let (mut group, cost) = Group::established(6, 4);
        let authors: Vec<usize> = cost.packets.iter().map(|(author, _)| *author).collect();
        assert_eq!(authors, [0, 1, 2, 3, 0, 1, 2]);
        assert_eq!(Operation::Establish(4).rounds(), 4 + 1);
        let joins = group.ids[4..].to_vec();
        let cost = group.run(2, Change::Include(&joins), 6);
        let authors: Vec<usize> = cost.packets.iter().map(|(author, _)| *author).collect();
        assert_eq!(authors, [2, 4, 5, 0, 1, 2, 3, 4]);
        assert_eq!(Operation::Include(4, 2).rounds(), 3 + 1);
    }
}
