//! What `mpenc chat` takes, from its command line and from the configuration file.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::error::ErrorKind;

use super::place::{Place, PlaceArgs};
use crate::settings::{self, Found};

/// The bounds of times that people may choose.
const MS: std::ops::RangeInclusive<u64> = 10..=600_000;
const MINUTES: std::ops::RangeInclusive<u64> = 0..=525_600;

/// Who talks, and where: what `mpenc chat` and `mpenc doctor` share.
#[derive(Debug, clap::Args)]
pub(crate) struct Who {
    /// The configuration file, if it is not in its usual place (`mpenc doctor` says where that is).
    /// What stands there need not be given here.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) place: PlaceArgs,
    /// Your secret key (see `mpenc keygen`).
    #[arg(long, value_name = "FILE")]
    pub(crate) key: Option<PathBuf>,
    /// The public keys of the others: lines of a name and a key.
    #[arg(long, value_name = "FILE")]
    pub(crate) peers: Option<PathBuf>,
}

/// What `mpenc chat` takes.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    who: Who,
    /// Print one JSON object per line, for programs.
    #[arg(long)]
    json: bool,
    /// Read and print lines, although this is a terminal.
    #[arg(long)]
    plain: bool,
    /// Take the whole screen, although the configuration file says `plain`.
    #[arg(long, conflicts_with_all = ["plain", "json"])]
    screen: bool,
    /// Keep a log of what happens in a new file, for `mpenc graph` and for reports of bugs: who
    /// wrote when and after what, and no secrets.
    #[arg(long, value_name = "FILE")]
    log: Option<PathBuf>,
    /// Put what is written into the log, too.
    #[arg(long, requires = "log")]
    log_text: bool,
    /// Trace what the program does into a new file, for operators: steps and sizes, no texts, no
    /// secrets. A single - is standard error.
    #[arg(long, value_name = "FILE")]
    trace: Option<PathBuf>,
    /// BC_LAT: how long a packet takes to reach everybody, nearly always [default: 5000].
    #[arg(long, value_name = "MS", value_parser = clap::value_parser!(u64).range(10..=600_000))]
    latency_ms: Option<u64>,
    /// M_INTV: how long a member usually takes to reply [default: 16000].
    #[arg(long, value_name = "MS", value_parser = clap::value_parser!(u64).range(10..=600_000))]
    reply_ms: Option<u64>,
    /// Renew your part of the group key when it is so many minutes old (see SECURITY.md, forward
    /// secrecy); 0: only when you do something that renews it [default: 1440].
    #[arg(long, value_name = "MINUTES", value_parser = clap::value_parser!(u64).range(0..=525_600))]
    refresh_minutes: Option<u64>,
}

/// What was chosen, by flags or by the configuration file.
#[derive(Debug)]
pub(crate) struct Setup {
    pub(super) place: Place,
    pub(super) key: PathBuf,
    pub(super) peers: PathBuf,
    pub(super) json: bool,
    pub(super) plain: bool,
    pub(super) log: Option<PathBuf>,
    pub(super) log_text: bool,
    pub(super) trace: Option<PathBuf>,
    pub(super) latency_ms: u64,
    pub(super) reply_ms: u64,
    pub(super) refresh_minutes: u64,
}

impl Who {
    /// What was found in the configuration file; what it says is put where no flag says otherwise.
    ///
    /// # Errors
    /// It cannot be read, or is malformed.
    pub(crate) fn configured(&mut self) -> Result<Found> {
        let found = settings::load(self.config.as_deref())?;
        if let (Some(path), Some(settings)) = (&found.path, &found.settings) {
            self.place.default_to(settings).with_context(|| path.display().to_string())?;
            self.key = self.key.take().or_else(|| settings.key.clone());
            self.peers = self.peers.take().or_else(|| settings.peers.clone());
        }
        Ok(found)
    }
}

impl Args {
    /// All that was chosen.
    ///
    /// # Errors
    /// The configuration file is malformed; or something is said nowhere, which is a fault of the
    /// command line.
    pub(super) fn setup(mut self) -> Result<Setup> {
        let Found { path, settings } = self.who.configured()?;
        let path = path.as_deref();
        let settings = settings.unwrap_or_default();
        let Who { place, key, peers, .. } = self.who;
        let number = |flag: Option<u64>, name, file: Option<u64>, bounds, usual| match flag {
            Some(flag) => Ok(flag),
            None => within(path, name, file, &bounds).map(|file| file.unwrap_or(usual)),
        };
        Ok(Setup {
            place: place.chosen(path)?,
            key: key.ok_or_else(|| missing("--key <FILE>", "key", path))?,
            peers: peers.ok_or_else(|| missing("--peers <FILE>", "peers", path))?,
            json: self.json,
            plain: !self.screen && (self.plain || settings.plain.unwrap_or(false)),
            log: self.log,
            log_text: self.log_text,
            trace: self.trace,
            latency_ms: number(self.latency_ms, "latency-ms", settings.latency_ms, MS, 5_000)?,
            reply_ms: number(self.reply_ms, "reply-ms", settings.reply_ms, MS, 16_000)?,
            refresh_minutes: number(
                self.refresh_minutes,
                "refresh-minutes",
                settings.refresh_minutes,
                MINUTES,
                1_440,
            )?,
        })
    }
}

/// A number of the configuration file, if it may be chosen.
fn within(
    path: Option<&Path>,
    name: &str,
    number: Option<u64>,
    bounds: &std::ops::RangeInclusive<u64>,
) -> Result<Option<u64>> {
    match number {
        Some(number) if !bounds.contains(&number) => {
            let path = path.unwrap_or(Path::new("")).display();
            let (least, most) = (bounds.start(), bounds.end());
            anyhow::bail!("{path}: {name} is {number}, and has to be from {least} to {most}")
        }
        number => Ok(number),
    }
}

/// Something is said neither by a flag nor in the configuration file.
pub(super) fn missing(flag: &str, name: &str, path: Option<&Path>) -> anyhow::Error {
    let place = path.map_or_else(String::new, |path| {
        format!(", and {} does not say {name} = \"…\"", path.display())
    });
    crate::cli::usage(ErrorKind::MissingRequiredArgument, &format!("{flag} is missing{place}"))
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::super::place::Server;
    use super::*;

    #[derive(Parser)]
    struct Program {
        #[command(flatten)]
        args: Args,
    }

    /// What follows from these flags, and a file that says this.
    fn setup(file: &str, flags: &[&str]) -> Setup {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config.toml");
        std::fs::write(&path, file).unwrap();
        let config = ["mpenc", "--config", path.to_str().unwrap()];
        Program::try_parse_from([&config, flags].concat()).unwrap().args.setup().unwrap()
    }

    const FILE: &str = "key = '/file/key'\npeers = '/file/peers'\nname = 'file'\nroom = 'file'\n\
                        latency-ms = 11\nreply-ms = 12\nrefresh-minutes = 13\nplain = true\n";
    const RELAY: &str = "relay = '127.0.0.1:1'\n";

    #[test]
    fn the_file_says_what_no_flag_says() {
        let setup = setup(&format!("{FILE}{RELAY}"), &[]);
        assert_eq!((setup.key, setup.peers), ("/file/key".into(), "/file/peers".into()));
        assert_eq!((&*setup.place.name, &*setup.place.room), ("file", "file"));
        assert_eq!((setup.latency_ms, setup.reply_ms, setup.refresh_minutes), (11, 12, 13));
        assert!(setup.plain);
        assert_eq!(setup.place.server, Server::Relay("127.0.0.1:1".parse().unwrap()));
    }

    #[test]
    fn every_flag_counts_more_than_the_file() {
        let flags = [
            ["--key", "flag.key"],
            ["--peers", "flag.peers"],
            ["--name", "flag"],
            ["--room", "tea"],
            ["--latency-ms", "21"],
            ["--reply-ms", "22"],
            ["--refresh-minutes", "23"],
            ["--relay", "127.0.0.1:2"],
        ];
        let setup =
            setup(&format!("{FILE}{RELAY}"), &[flags.as_flattened(), &["--screen"]].concat());
        assert_eq!((setup.key, setup.peers), ("flag.key".into(), "flag.peers".into()));
        assert_eq!((&*setup.place.name, &*setup.place.room), ("flag", "tea"));
        assert_eq!((setup.latency_ms, setup.reply_ms, setup.refresh_minutes), (21, 22, 23));
        assert!(!setup.plain);
        assert_eq!(setup.place.server, Server::Relay("127.0.0.1:2".parse().unwrap()));
    }

    /// Half of an address from here and half from there would be a server that nobody meant.
    #[test]
    #[cfg(feature = "xmpp")]
    fn an_address_comes_from_one_place() {
        use mpenc_xmpp::Server as At;

        let xmpp = format!("{FILE}xmpp = 'file@localhost'\nxmpp-insecure = '127.0.0.1:1'\n");
        let server = |flags: &[&str]| setup(&xmpp, flags).place.server;
        let account = |account: &str, server| Server::Xmpp { account: account.into(), server };
        let insecure = |at: &str| At::InsecureLoopback(at.parse().unwrap());
        assert_eq!(server(&[]), account("file@localhost", insecure("127.0.0.1:1")));
        assert_eq!(server(&["--xmpp", "flag@localhost"]), account("flag@localhost", At::Domain));
        assert_eq!(
            server(&["--relay", "127.0.0.1:2"]),
            Server::Relay("127.0.0.1:2".parse().unwrap())
        );
        assert_eq!(
            server(&["--xmpp-server", "host:2"]),
            account("file@localhost", At::Host("host".into(), 2))
        );
        assert_eq!(
            server(&["--xmpp-insecure", "127.0.0.1:2"]),
            account("file@localhost", insecure("127.0.0.1:2"))
        );
    }
}
