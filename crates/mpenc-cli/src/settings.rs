//! The configuration file: what somebody would otherwise type with every `mpenc chat`.
//!
//! A file of TOML in the platform's place for it, `~/.config/mpenc/config.toml` on Linux. Its names
//! are those of the flags, which override it:
//!
//! ```toml
//! key = "ann.key"
//! peers = "peers.txt"
//! name = "ann"
//! xmpp = "ann@example.org"
//! room = "tea@conference.example.org"
//! ```
//!
//! A name that it does not know is refused: a misspelt line must not do nothing without a word. It
//! holds no password, on purpose.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail};
use directories::{BaseDirs, ProjectDirs};
use serde::Deserialize;

/// What a configuration file may say.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub(crate) struct Settings {
    pub(crate) relay: Option<String>,
    pub(crate) xmpp: Option<String>,
    pub(crate) xmpp_server: Option<String>,
    pub(crate) xmpp_insecure: Option<String>,
    pub(crate) room: Option<String>,
    pub(crate) name: Option<String>,
    pub(crate) key: Option<PathBuf>,
    pub(crate) peers: Option<PathBuf>,
    pub(crate) plain: Option<bool>,
    pub(crate) latency_ms: Option<u64>,
    pub(crate) reply_ms: Option<u64>,
    pub(crate) refresh_minutes: Option<u64>,
}

/// Where a configuration was looked for, and what was there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    /// Where; `None` on a system that has no place for such files.
    pub(crate) path: Option<PathBuf>,
    /// `None` if there is no file.
    pub(crate) settings: Option<Settings>,
}

/// Where the file is, unless `--config` says otherwise.
fn usual_place() -> Option<PathBuf> {
    ProjectDirs::from("", "", "mpenc").map(|dirs| dirs.config_dir().join("config.toml"))
}

/// Reads the file that was named, or the one in the usual place if it is there.
///
/// # Errors
/// It cannot be read, or is malformed: one sentence that names the file, and the line.
pub(crate) fn load(named: Option<&Path>) -> Result<Found> {
    let Some(path) = named.map(Path::to_owned).or_else(usual_place) else {
        return Ok(Found { path: None, settings: None });
    };
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound && named.is_none() => {
            return Ok(Found { path: Some(path), settings: None });
        }
        Err(error) => {
            return Err(error).with_context(|| format!("cannot read {}", path.display()));
        }
    };
    let settings = Some(parse(&text, &path)?);
    Ok(Found { path: Some(path), settings })
}

fn parse(text: &str, path: &Path) -> Result<Settings> {
    let shown = path.display();
    let mut settings: Settings = toml::from_str(text).map_err(|error| {
        let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
        let line = before.matches('\n').count().saturating_add(1);
        // What the library says may go over several lines; people get one sentence.
        let what = error.message().split_whitespace().collect::<Vec<_>>().join(" ");
        anyhow!("{shown}:{line}: {what}")
    })?;
    if [&settings.relay, &settings.xmpp].iter().all(|place| place.is_some()) {
        bail!("{shown}: relay and xmpp exclude each other")
    }
    let base = path.parent().unwrap_or(Path::new(""));
    for file in [&mut settings.key, &mut settings.peers] {
        *file = file.take().map(|file| place_of(base, &file));
    }
    Ok(settings)
}

/// What a file means that is named in a configuration in this folder.
fn place_of(base: &Path, file: &Path) -> PathBuf {
    match (file.strip_prefix("~"), BaseDirs::new()) {
        (Ok(rest), Some(dirs)) => dirs.home_dir().join(rest),
        _ => base.join(file),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Result<Settings, String> {
        parse(text, Path::new("etc/config.toml")).map_err(|error| error.to_string())
    }

    #[test]
    fn names_are_those_of_the_flags_and_files_stand_beside_it() {
        let text = "xmpp = 'ann@example.org'\nxmpp-server = 'h:1'\nkey = 'ann.key'\n\
                    peers = '/srv/peers.txt'\nlatency-ms = 100\nplain = true\n";
        let settings = Settings {
            xmpp: Some("ann@example.org".into()),
            xmpp_server: Some("h:1".into()),
            key: Some("etc/ann.key".into()),
            peers: Some("/srv/peers.txt".into()),
            latency_ms: Some(100),
            plain: Some(true),
            ..Settings::default()
        };
        assert_eq!(parsed(text), Ok(settings));
        let home = BaseDirs::new().unwrap().home_dir().join("ann.key");
        assert_eq!(parsed("key = '~/ann.key'").unwrap().key, Some(home));
        assert_eq!(parsed(""), Ok(Settings::default()));
    }

    #[test]
    fn what_is_wrong_is_one_sentence_with_its_line() {
        for (text, fault) in [
            ("name = 'ann'\nkeys = 'a'\n", "etc/config.toml:2: unknown field `keys`"),
            ("password = 'x'", "etc/config.toml:1: unknown field `password`"),
            ("\n\nname = 7\n", "etc/config.toml:3: invalid type"),
            ("name = 'ann\n", "etc/config.toml:1: "),
            ("relay = 'a'\nxmpp = 'b'", "etc/config.toml: relay and xmpp exclude each other"),
        ] {
            let error = parsed(text).unwrap_err();
            assert!(error.starts_with(fault) && !error.contains('\n'), "{error:?}");
        }
    }
}
