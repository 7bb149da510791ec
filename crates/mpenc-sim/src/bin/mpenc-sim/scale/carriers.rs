//! How long packets get, and who carries them: known before anything is sent.

use anyhow::{Result, ensure};
use mpenc::MemberId;
use mpenc::wire::{MAX_CONTENTS, MAX_MEMBERS};

/// Octets of a record's head.
const HEAD: usize = 4;
/// Octets that a member adds to the downflow of an establish, but for the name: an intermediate key,
/// a nonce, a signing key, and the head of the name.
const MEMBER: usize = 3 * (HEAD + 32) + HEAD;
/// Octets that the latest message of one member adds to the first packet of an include or exclude,
/// if all have written at once.
const LATEST: usize = HEAD + 32;
/// What a packet has once: prefix, version, types, source, destination, order, two signatures.
const ONCE: usize = 350;
/// Limits of what carries packets, in octets of text.
const CARRIERS: [(&str, usize); 3] = [
    ("the least that an XMPP server must take", 10_000),
    ("XMPP servers, as they are set up mostly", 262_144),
    ("the relay", 1_400_000),
];

/// How many octets of text the longest packets have at most.
pub(super) struct Foretold {
    establish: usize,
    change: usize,
}

/// Says how long the packets of a group will get, and who carries them. So many of these people
/// establish it.
pub(super) fn foretell(ids: &[MemberId], members: usize) -> Foretold {
    let lengths = || ids.iter().map(|id| id.as_bytes().len());
    let names: usize = lengths().take(members).sum();
    let establish = text(names + members * MEMBER + ONCE);
    let names: usize = lengths().sum();
    let contents = names + ids.len() * (MEMBER + LATEST) + ONCE;
    let change = text(contents);
    println!("the longest packet of an establish will have {establish} octets of text at most,");
    println!("of an include or exclude {change}; names have {} each", names / ids.len().max(1));
    let longest = lengths().max().unwrap_or_default();
    for (name, limit) in CARRIERS {
        let most = (limit / 4 * 3).saturating_sub(ONCE) / (MEMBER + LATEST + longest);
        let most = most.min(MAX_MEMBERS);
        println!("{} {name}: {limit} octets, {most} such members", fits(change, limit));
    }
    println!("{} the protocol: {MAX_CONTENTS} octets of records", fits(contents, MAX_CONTENTS));
    Foretold { establish, change }
}

fn fits(length: usize, limit: usize) -> &'static str {
    if length <= limit { "     fits" } else { " TOO LONG" }
}

/// Base64 makes four octets of three.
fn text(contents: usize) -> usize {
    contents.div_ceil(3) * 4
}

impl Foretold {
    /// This was the longest packet when only an establish had taken place.
    pub(super) fn compare_establish(&self, longest: usize) -> Result<()> {
        let is_near = longest <= self.establish && longest + text(ONCE) >= self.establish;
        ensure!(is_near, "{} octets were foretold, not {longest}", self.establish);
        Ok(())
    }

    /// This was the longest packet of all.
    pub(super) fn compare_all(&self, longest: usize) -> Result<()> {
        println!("\nthe longest packet had {longest} octets of text");
        ensure!(longest <= self.change, "{} octets were foretold", self.change);
        Ok(())
    }
}
