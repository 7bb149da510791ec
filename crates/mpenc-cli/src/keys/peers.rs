//! The public keys of one's peers.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, anyhow, bail};
use mpenc_greet::{Identities, IdentityKey};
use mpenc_wire::{Dialect, MemberId};

use crate::hex_bytes;

/// Public keys by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Peers(BTreeMap<MemberId, [u8; 32]>);

impl Peers {
    /// The key of a peer.
    #[must_use]
    pub fn key(&self, name: &MemberId) -> Option<&[u8; 32]> {
        self.0.get(name)
    }

    /// All names and keys, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&MemberId, &[u8; 32])> {
        self.0.iter()
    }

    /// Adds a peer, in place of what was known of that name.
    pub fn insert(&mut self, name: MemberId, key: [u8; 32]) -> Option<[u8; 32]> {
        self.0.insert(name, key)
    }

    fn parse(dialect: Dialect, text: &str, shown: impl fmt::Display) -> Result<Self> {
        let mut lines_of_names = BTreeMap::new();
        let mut lines_of_keys = BTreeMap::new();
        let mut peers = Self::default();
        for (line, text) in (1..).zip(text.lines().map(str::trim)) {
            if text.is_empty() || text.starts_with('#') {
                continue;
            }
            let at = format!("{shown}:{line}");
            let (name, key) = entry(dialect, text).map_err(|fault| anyhow!("{at}: {fault}"))?;
            if let Some(before) = lines_of_names.insert(name.clone(), line) {
                bail!("{at}: {name} has a key in line {before} already")
            }
            if let Some(before) = lines_of_keys.insert(key, line) {
                bail!("{at}: this key belongs to someone else in line {before}")
            }
            peers.insert(name, key);
        }
        Ok(peers)
    }
}

impl Identities for Peers {
    fn identity_key(&self, member: &MemberId) -> Option<[u8; 32]> {
        self.key(member).copied()
    }
}

/// A name, which may hold spaces, and a key, which may not.
fn entry(dialect: Dialect, text: &str) -> Result<(MemberId, [u8; 32]), String> {
    let (name, key) = text
        .rsplit_once(char::is_whitespace)
        .ok_or("a name and a public key are expected, with a space between them")?;
    let name = MemberId::new(dialect, name.trim_end()).map_err(|error| error.to_string())?;
    let key = hex_bytes::parse(key).map_err(|fault| format!("the public key: {fault}"))?;
    IdentityKey::admit(&key).map_err(|fault| format!("the public key {fault}"))?;
    Ok((name, key))
}

/// Reads a peers file.
///
/// # Errors
/// It cannot be read, or it is malformed, or it names someone, or a key, twice: one sentence that
/// names the file, and the line.
pub fn load_peers(dialect: Dialect, path: &Path) -> Result<Peers> {
    let shown = path.display();
    let text = fs::read_to_string(path).with_context(|| format!("cannot read {shown}"))?;
    Peers::parse(dialect, &text, shown)
}
