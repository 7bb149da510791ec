//! `mpenc doctor`: looks at what a chat needs, and says of what is missing what to do about it.

mod server;

use std::collections::BTreeMap;
use std::fmt;
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use anyhow::Result;
use mpenc::MemberId;

use crate::chat::{DIALECT, Name, Names, Place, Printable, Who, file_beside, text, texts};
use crate::keys::{Fingerprint, Peers, SecretKey, load_identity, load_peers};

/// What `mpenc doctor` takes: what `mpenc chat` takes, as far as it is there already.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    who: Who,
    /// Do not connect to the server.
    #[arg(long)]
    offline: bool,
}

/// What an examination says.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Finding {
    /// It is as it should be.
    Well(String),
    /// A chat is possible, but there is something to do first, or later.
    Hint(String),
    /// A chat is not possible, or not safe: what is wrong, and what to do.
    Ill(String, String),
}

impl Finding {
    fn ill(what: impl fmt::Display, remedy: impl Into<String>) -> Self {
        Self::Ill(Printable(&what.to_string()).to_string(), remedy.into())
    }
}

/// What has been found so far, told as it is found.
struct Report<'a> {
    out: &'a mut dyn Write,
    ill: usize,
}

impl Report<'_> {
    fn tell(&mut self, about: &str, finding: &Finding) -> Result<()> {
        match finding {
            Finding::Well(what) => writeln!(self.out, "✓ {about}: {what}")?,
            Finding::Hint(what) => writeln!(self.out, "· {about}: {what}")?,
            Finding::Ill(what, remedy) => {
                self.ill = self.ill.saturating_add(1);
                writeln!(self.out, "✗ {about}: {what}")?;
                writeln!(self.out, "    do: {remedy}")?;
            }
        }
        // Asking the server takes its time; what is known by then should be seen.
        Ok(self.out.flush()?)
    }
}

/// Examines everything, and says at the end whether a chat can begin.
pub(crate) fn run(mut args: Args, out: &mut dyn Write) -> Result<ExitCode> {
    let mut report = Report { out, ill: 0 };
    report.tell("configuration", &configuration(&mut args.who))?;
    let (secret, finding) = key(args.who.key.as_deref());
    report.tell("secret key", &finding)?;
    let (peers, finding) = peers_file(args.who.peers.as_deref());
    report.tell("peers", &finding)?;
    let place = place(&args.who);
    if let Ok(place) = &place {
        report.tell("name", &name(place, secret.as_ref(), peers.as_ref()))?;
    }
    if let (Some(peers), Some(path)) = (&peers, args.who.peers.as_deref()) {
        let own = place.as_ref().ok().and_then(|place| place.own().ok());
        report.tell("comparing", &compared(own.as_ref(), peers, path))?;
    }
    match place {
        Ok(_) if args.offline => {
            report.tell("server", &Finding::Hint("not asked (--offline)".into()))?;
        }
        Ok(place) => {
            let members = peers.map_or(0, |peers| peers.iter().count());
            for (about, finding) in server::findings(&place, members)? {
                report.tell(about, &finding)?;
            }
        }
        Err(finding) => report.tell("server", &finding)?,
    }
    match report.ill {
        0 => writeln!(report.out, "All that a chat needs is there.")?,
        1 => writeln!(report.out, "One thing keeps you from a chat.")?,
        ill => writeln!(report.out, "{ill} things keep you from a chat.")?,
    }
    Ok(if report.ill == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn configuration(who: &mut Who) -> Finding {
    let found = match who.configured() {
        Ok(found) => found,
        Err(error) => return Finding::ill(format!("{error:#}"), "correct that line, or remove it"),
    };
    match (found.path, found.settings) {
        (Some(path), Some(_)) => writable_by_others(&path)
            .unwrap_or_else(|| Finding::Well(format!("read from {}", path.display()))),
        (Some(path), None) => Finding::Hint(format!(
            "there is no {}; what you write there need not be typed: key, peers, name, room, and \
             relay or xmpp",
            path.display()
        )),
        (None, _) => Finding::Hint("this system has no place for it; --config names a file".into()),
    }
}

fn key(path: Option<&Path>) -> (Option<SecretKey>, Finding) {
    let Some(path) = path else {
        let remedy = "make one with mpenc keygen --out FILE, and name it with --key FILE";
        return (None, Finding::ill("none is named", remedy));
    };
    let shown = path.display();
    match load_identity(path) {
        Ok(secret) => {
            let fingerprint = Fingerprint::of(&secret.public_key());
            let what =
                format!("{shown} is readable to you alone; its fingerprint is {fingerprint}");
            (Some(secret), Finding::Well(what))
        }
        Err(error) if !path.exists() => {
            let remedy = format!("make one with mpenc keygen --out {shown}");
            (None, Finding::ill(format!("{error:#}"), remedy))
        }
        Err(error) => {
            let remedy = format!(
                "do what it says, or make a new key with mpenc keygen --out FILE, and let the others \
                 have the public part; {shown} stays as it is"
            );
            (None, Finding::ill(format!("{error:#}"), remedy))
        }
    }
}

fn peers_file(path: Option<&Path>) -> (Option<Peers>, Finding) {
    let Some(path) = path else {
        let remedy = "write a file with a line for everybody, a name and a public key, and name it \
                      with --peers FILE";
        return (None, Finding::ill("no file is named", remedy));
    };
    match load_peers(DIALECT, path) {
        Ok(peers) => {
            let finding = writable_by_others(path).unwrap_or_else(|| {
                let names = texts(peers.iter().map(|(name, _)| name));
                Finding::Well(format!("{} has keys of {}", path.display(), Names(&names)))
            });
            (Some(peers), finding)
        }
        Err(error) => {
            let remedy = "write a line for everybody: a name, a space, and the public key that mpenc \
                          keygen showed them";
            (None, Finding::ill(format!("{error:#}"), remedy))
        }
    }
}

/// Whether our name can be used, and belongs to our key.
fn name(place: &Place, secret: Option<&SecretKey>, peers: Option<&Peers>) -> Finding {
    let own = match place.own() {
        Ok(own) => own,
        Err(error) => return Finding::ill(format!("{error:#}"), "choose another one"),
    };
    let shown = Name(&text(&own)).to_string();
    let (Some(secret), Some(peers)) = (secret, peers) else {
        return Finding::Well(format!("{shown} can be used"));
    };
    let public = secret.public_key();
    let others = peers.iter().find(|(name, key)| **key == public && **name != own);
    match (peers.key(&own), others) {
        (Some(key), _) if *key != public => Finding::ill(
            format!(
                "{shown} has another public key in your peers file than the one of your secret key"
            ),
            format!("put {} there, or take the name that is yours", hex::encode(public)),
        ),
        (None, Some((other, _))) => Finding::ill(
            format!("your key stands in your peers file as {}, not as {shown}", Name(&text(other))),
            format!("take --name {}, or change that line", Name(&text(other))),
        ),
        _ => Finding::Well(format!("{shown}, with your key")),
    }
}

/// Whose key was compared by another way, and who has another one since.
fn compared(own: Option<&MemberId>, peers: &Peers, path: &Path) -> Finding {
    let file = file_beside(path);
    let known = if file.exists() { load_peers(DIALECT, &file) } else { Ok(Peers::default()) };
    let known = match known {
        Ok(known) => known,
        Err(error) => {
            let remedy = "correct that line, or remove it and compare that key again";
            return Finding::ill(format!("{error:#}"), remedy);
        }
    };
    let mut sorted: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for (name, key) in peers.iter().filter(|(name, _)| Some(*name) != own) {
        let kind = match known.key(name) {
            Some(before) if before == key => "same",
            Some(_) => "changed",
            None => "never",
        };
        sorted.entry(kind).or_default().push(text(name));
    }
    if let Some(changed) = sorted.get("changed") {
        return Finding::ill(
            format!("{}: the key is not the one that you compared", Names(changed)),
            "ask them by another way whether they have a new key, and compare with /verify",
        );
    }
    match (sorted.get("never"), sorted.get("same")) {
        (Some(never), _) => Finding::Hint(format!(
            "you have not compared keys with {}; /verify NAME does that, in a chat",
            Names(never)
        )),
        (None, Some(_)) => Finding::Well("you have compared keys with all of them".into()),
        (None, None) => Finding::Hint("there is nobody but you in your peers file".into()),
    }
}

fn place(who: &Who) -> Result<Place, Finding> {
    let server = who.place.server().map_err(|error| {
        Finding::ill(format!("{error:#}"), "correct it; mpenc chat --help tells what is possible")
    })?;
    let Some(server) = server else {
        let remedy = "choose with --relay ADDRESS:PORT or --xmpp NAME@HOST; for a first run, start \
                      mpenc relay, and take --relay 127.0.0.1:7788";
        return Err(Finding::ill("none is named", remedy));
    };
    let (Some(room), Some(name)) = (who.place.room(), &who.place.name) else {
        let remedy = "choose with --room ROOM and --name NAME; all members take the same room";
        return Err(Finding::ill("no room or no name is given", remedy));
    };
    Ok(Place { server, room: room.to_owned(), name: name.clone() })
}

/// Whoever can write these files can put their key in the place of another one.
#[cfg(unix)]
fn writable_by_others(path: &Path) -> Option<Finding> {
    use std::os::unix::fs::PermissionsExt as _;

    let mode = std::fs::metadata(path).ok()?.permissions().mode() & 0o777;
    (mode & 0o022 != 0).then(|| {
        Finding::ill(
            format!("others can write {} (mode {mode:03o}), and so change keys", path.display()),
            format!("chmod go-w {}", path.display()),
        )
    })
}

#[cfg(not(unix))]
fn writable_by_others(_path: &Path) -> Option<Finding> {
    None
}
