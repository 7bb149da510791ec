//! `/verify`: whose key was compared with them by another way, and is still the same.
//!
//! What was compared is kept beside the peers file, in the same format, so that a key that somebody
//! has put in the place of another one is noticed.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result};
use mpenc::MemberId;

use super::front::Front;
use super::line::{Line, alarm, note, warning};
use super::tell::text;
use super::words::Name;
use super::{Chat, DIALECT, Flow};
use crate::keys::{Fingerprint, Peers, load_peers};

/// How many digits a fingerprint has.
const DIGITS: usize = 40;

/// Whose key was compared, and who has another one now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Compared {
    pub(crate) same: BTreeSet<String>,
    pub(crate) changed: BTreeSet<String>,
}

/// The keys that we have, and those that were compared.
pub(crate) struct Verified {
    own: MemberId,
    peers: Arc<Peers>,
    file: PathBuf,
    compared: Peers,
}

/// What comparing digits with a key says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Digits {
    Same,
    /// They are those of our own key.
    Own,
    Other,
    /// There are so many, which is not what a fingerprint has.
    Count(usize),
    Letters,
}

impl Verified {
    /// Reads what was compared before.
    ///
    /// # Errors
    /// The file is there and cannot be read, or is malformed.
    pub(crate) fn load(own: MemberId, peers: Arc<Peers>, peers_file: &Path) -> Result<Self> {
        let file = file_beside(peers_file);
        let compared = load_compared(&file)?;
        Ok(Self { own, peers, file, compared })
    }

    pub(crate) fn now(&self) -> Compared {
        let mut now = Compared::default();
        for (name, key) in self.peers.iter().filter(|(name, _)| **name != self.own) {
            match self.compared.key(name) {
                Some(compared) if compared == key => now.same.insert(text(name)),
                Some(_) => now.changed.insert(text(name)),
                None => false,
            };
        }
        now
    }

    /// What to say at the beginning: who has another key than the one that was compared.
    pub(crate) fn alarms(&self) -> Vec<Line> {
        let changed = self.peers.iter().filter_map(|(name, key)| {
            let compared = self.compared.key(name).filter(|compared| *compared != key)?;
            let name = Name(&text(name)).to_string();
            Some(alarm(format!(
                "the key that you have of {name} is not the one that you compared with them: it was \
                 {}, and is {} now. Whoever has changed it may speak in their name; compare again \
                 (/verify {name}) before you trust it",
                Fingerprint::of(compared),
                Fingerprint::of(key)
            )))
        });
        changed.collect()
    }

    fn compare(&self, key: &[u8; 32], typed: &str) -> Digits {
        let typed: String = typed.chars().filter(|c| !c.is_whitespace() && *c != '-').collect();
        if !typed.chars().all(|c| c.is_ascii_digit()) {
            return Digits::Letters;
        }
        if typed.len() != DIGITS {
            return Digits::Count(typed.len());
        }
        let is = |key| digits(key) == typed;
        match self.peers.key(&self.own) {
            _ if is(key) => Digits::Same,
            Some(own) if is(own) => Digits::Own,
            _ => Digits::Other,
        }
    }

    /// Writes down that this key was compared. Others may have written in the meantime.
    fn record(&mut self, name: MemberId, key: [u8; 32]) -> Result<()> {
        let mut compared = Peers::default();
        for (other, its) in load_compared(&self.file)?.iter().filter(|(_, its)| **its != key) {
            compared.insert(other.clone(), *its);
        }
        compared.insert(name, key);
        let mut lines =
            String::from("# Keys whose fingerprint was compared: /verify writes this.\n");
        for (name, key) in compared.iter() {
            lines.push_str(&format!("{} {}\n", text(name), hex::encode(key)));
        }
        // A crash leaves the old file or the new one, and no half of either.
        let new = with_ending(&self.file, ".new");
        fs::write(&new, lines)
            .and_then(|()| fs::rename(&new, &self.file))
            .with_context(|| format!("cannot write {}", self.file.display()))?;
        self.compared = compared;
        Ok(())
    }
}

/// The file that says what was compared, beside this peers file.
pub(crate) fn file_beside(peers_file: &Path) -> PathBuf {
    with_ending(peers_file, ".verified")
}

fn with_ending(path: &Path, ending: &str) -> PathBuf {
    let mut path = OsString::from(path);
    path.push(ending);
    path.into()
}

fn load_compared(file: &Path) -> Result<Peers> {
    match fs::metadata(file) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(Peers::default()),
        _ => load_peers(DIALECT, file),
    }
}

fn digits(key: &[u8; 32]) -> String {
    Fingerprint::of(key).to_string().replace(' ', "")
}

/// Two fingerprints beside each other, four groups to a line.
fn side_by_side(theirs: (&str, &Fingerprint), own: &Fingerprint) -> [String; 3] {
    let halves = |fingerprint: &Fingerprint| {
        let digits = fingerprint.to_string();
        let (first, rest) = digits.split_at_checked(23).unwrap_or((&digits, ""));
        (first.to_owned(), rest.trim_start().to_owned())
    };
    let ((a, b), (c, d)) = (halves(theirs.1), halves(own));
    [format!("{:23} │ you", theirs.0), format!("{a} │ {c}"), format!("{b} │ {d}")]
}

impl<F: Front> Chat<'_, F> {
    /// Shows fingerprints, or compares one with what its owner has read out.
    pub(super) fn verify(&mut self, name: &str, typed: &str) -> Result<Flow> {
        let Some([member]) = self.members(&[name.to_owned()])?.as_deref().and_then(first) else {
            return Ok(Flow::On);
        };
        let shown = Name(name).to_string();
        if member == self.verified.own {
            return self.show(&warning("your own key is not compared with itself; name a peer"));
        }
        let Some(key) = self.verified.peers.key(&member).copied() else {
            let peers = self.args.peers.display();
            return self.show(&warning(format!("{peers} has no key for {shown} to compare")));
        };
        if typed.is_empty() {
            return self.show_fingerprints(name, &member, &key);
        }
        let why = match self.verified.compare(&key, typed) {
            Digits::Same => {
                return match self.verified.record(member, key) {
                    Ok(()) => {
                        self.front.compared(&self.verified.now());
                        self.show(&note(format!("the key of {shown} is compared, and recorded")))
                    }
                    Err(error) => self.show(&warning(format!("{error:#}: nothing was recorded"))),
                };
            }
            Digits::Own => format!("these are your own digits: ask {shown} for theirs"),
            Digits::Other => format!(
                "these are not the digits of the key that you have of {shown}: compare again, and \
                 if they stay different, do not trust it"
            ),
            Digits::Count(found) => {
                format!("a fingerprint has {DIGITS} digits, and these are {found}")
            }
            Digits::Letters => "a fingerprint is made of digits and spaces only".to_owned(),
        };
        self.show(&warning(format!("{why}; nothing was recorded")))
    }

    fn show_fingerprints(&mut self, name: &str, member: &MemberId, key: &[u8; 32]) -> Result<Flow> {
        let Some(own) = self.verified.peers.key(&self.verified.own) else { return Ok(Flow::On) };
        let (theirs, own) = (Fingerprint::of(key), Fingerprint::of(own));
        let compared = self.verified.compared.key(member) == Some(key);
        if self.args.json {
            let (member, theirs, own) = (name.to_owned(), theirs.to_string(), own.to_string());
            return self.show(&Line::Fingerprints { member, theirs, own, compared });
        }
        let shown = Name(name).to_string();
        for line in side_by_side((&shown, &theirs), &own) {
            self.show(&note(line))?;
        }
        self.show(&note(if compared {
            format!("you have compared the key of {shown}")
        } else {
            format!(
                "read yours to {shown} by another way, a call for example, and type what they read \
                 to you: /verify {shown} DIGITS"
            )
        }))
    }
}

fn first(members: &[MemberId]) -> Option<[MemberId; 1]> {
    members.first().map(|member| [member.clone()])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::SecretKey;

    fn member(name: &str) -> MemberId {
        MemberId::new(DIALECT, name).unwrap()
    }

    fn world(folder: &Path) -> (Verified, [u8; 32]) {
        let key = || SecretKey::generate().unwrap().public_key();
        let (mut peers, bob) = (Peers::default(), key());
        peers.insert(member("ann"), key());
        peers.insert(member("bob b"), bob);
        let file = folder.join("peers");
        (Verified::load(member("ann"), Arc::new(peers), &file).unwrap(), bob)
    }

    fn again(before: &Verified, peers: Peers) -> Verified {
        let peers_file = before.file.with_extension("");
        Verified::load(member("ann"), Arc::new(peers), &peers_file).unwrap()
    }

    #[test]
    fn what_was_compared_is_remembered() {
        let folder = tempfile::tempdir().unwrap();
        let (mut verified, bob) = world(folder.path());
        assert_eq!(verified.now(), Compared::default());
        verified.record(member("bob b"), bob).unwrap();
        let verified = again(&verified, (*verified.peers).clone());
        assert_eq!(verified.now().same, BTreeSet::from(["bob b".to_owned()]));
        assert_eq!(verified.alarms(), []);
    }

    #[test]
    fn a_key_that_changed_is_alarming_until_it_is_compared() {
        let folder = tempfile::tempdir().unwrap();
        let (mut verified, bob) = world(folder.path());
        verified.record(member("bob b"), bob).unwrap();
        let (mut peers, other) = ((*verified.peers).clone(), [7; 32]);
        peers.insert(member("bob b"), other);
        let mut verified = again(&verified, peers);
        let changed = BTreeSet::from(["bob b".to_owned()]);
        assert_eq!(verified.now(), Compared { changed, ..Compared::default() });
        let [Line::Alarm { text }] = &verified.alarms()[..] else { panic!("one alarm") };
        assert!(text.contains("(/verify \"bob b\")"), "{text}");
        assert!(text.contains(&Fingerprint::of(&bob).to_string()), "{text}");
        assert!(text.contains(&Fingerprint::of(&other).to_string()), "{text}");
        verified.record(member("bob b"), other).unwrap();
        assert_eq!(verified.alarms(), []);
    }

    #[test]
    fn a_key_under_a_new_name_leaves_a_file_that_can_be_read() {
        let folder = tempfile::tempdir().unwrap();
        let (mut verified, bob) = world(folder.path());
        verified.record(member("bob b"), bob).unwrap();
        verified.record(member("robert"), bob).unwrap();
        let compared = load_compared(&verified.file).unwrap();
        assert_eq!(compared.iter().map(|(name, _)| text(name)).collect::<Vec<_>>(), ["robert"]);
    }

    #[test]
    fn only_the_right_digits_are_right() {
        let folder = tempfile::tempdir().unwrap();
        let (verified, bob) = world(folder.path());
        let shown = Fingerprint::of(&bob).to_string();
        assert_eq!(verified.compare(&bob, &shown), Digits::Same);
        assert_eq!(verified.compare(&bob, &shown.replace(' ', "-")), Digits::Same);
        assert_eq!(verified.compare(&bob, &digits(&bob)), Digits::Same);
        let own = digits(verified.peers.key(&verified.own).unwrap());
        assert_eq!(verified.compare(&bob, &own), Digits::Own);
        assert_eq!(verified.compare(&bob, &digits(&[9; 32])), Digits::Other);
        assert_eq!(verified.compare(&bob, &shown[..shown.len() - 1]), Digits::Count(39));
        assert_eq!(verified.compare(&bob, "bob"), Digits::Letters);
    }

    #[test]
    fn fingerprints_stand_beside_each_other() {
        let (theirs, own) = (Fingerprint::of(&[7; 32]), Fingerprint::of(&[9; 32]));
        let lines = side_by_side(("bob", &theirs), &own);
        let column = |side: usize| {
            let halves = lines[1..].iter().map(|line| line.split(" │ ").nth(side).unwrap());
            halves.collect::<Vec<_>>().join(" ")
        };
        assert_eq!((column(0), column(1)), (theirs.to_string(), own.to_string()));
        assert!(lines.iter().all(|line| line.chars().count() < 56));
    }
}
