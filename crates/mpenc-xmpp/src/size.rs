//! How long packets get.

/// Octets of a record's head.
const HEAD: usize = 4;

/// What an establish says of each member, apart from the name: an intermediate key, a nonce, and a
/// signing key.
const KEYS: usize = 3 * (HEAD + 32);

/// What it says once: version, kind, sender, what it answers, chain hash, signature.
const ONCE: usize = 500;

/// How many octets the longest packet has of an establish of so many members, at most, if no name is
/// longer than this: what the server's limit for stanzas must allow, and about 300 more.
///
/// An include or an exclude also names the latest messages: if all members have just written at once,
/// that is 48 octets more for each.
///
/// A server that allows the usual 262,144 octets takes groups of 1,024 members, the most there can
/// be, with names of up to 70 octets.
#[must_use]
pub fn establish_octets(members: usize, longest_name: usize) -> usize {
    let each = KEYS.saturating_add(HEAD).saturating_add(longest_name);
    let contents = members.saturating_mul(each).saturating_add(ONCE).saturating_add(longest_name);
    // Base64 makes four of three; the prefix and the end are in what is said once.
    contents.div_ceil(3).saturating_mul(4)
}
