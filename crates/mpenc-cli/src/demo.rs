//! `mpenc demo`: a relay or an XMPP server, and a group of real `mpenc chat` processes that go through
//! a story.

mod faulty;
mod proof;
mod world;
#[cfg(feature = "xmpp")]
mod xmpp;

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use mpenc_relay::{Config, Recording, Relay, RelayHandle, SeenPacket, Statistics};

use crate::chat::Line;
use crate::keys::SecretKey;
use world::{Place, World};

/// What `mpenc demo` takes.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// How many people take part: at least 5, so that one can come late and stall, one be excluded,
    /// one be killed and come back, and two see it all.
    #[arg(long, value_name = "N", default_value_t = 6, value_parser = clap::value_parser!(u8).range(5..=16))]
    members: u8,
    /// Another story: a relay that loses packets, and one that lies about their order.
    #[arg(long, conflicts_with = "members")]
    faulty: bool,
    /// The same story in a room of a real XMPP server, Prosody, which is started on this machine, and
    /// installed by apt-get if it is missing.
    #[cfg(feature = "xmpp")]
    #[arg(long, conflicts_with = "faulty")]
    xmpp: bool,
}

/// Where the story takes place.
enum Stage {
    Relay(RelayHandle),
    #[cfg(feature = "xmpp")]
    Xmpp(Box<xmpp::Prosody>),
}

impl Stage {
    fn name(&self) -> &'static str {
        match self {
            Self::Relay(_) => "the relay",
            #[cfg(feature = "xmpp")]
            Self::Xmpp(_) => "the server",
        }
    }

    fn statistics(&self, _packets: &[SeenPacket]) -> Statistics {
        match self {
            Self::Relay(handle) => handle.statistics(),
            #[cfg(feature = "xmpp")]
            Self::Xmpp(_) => xmpp::statistics(_packets),
        }
    }
}

/// Names of those who take part; the last three have a role of their own.
const NAMES: [&str; 16] = [
    "alice", "bob", "carol", "dave", "erin", "frank", "grace", "heidi", "ivan", "judy", "kim",
    "leo", "mallory", "niaj", "olivia", "peggy",
];

/// Octets of packets that the relay keeps, to search them.
const KEPT: usize = 64 * 1024 * 1024;

/// Runs the story. The exit code is 0 only if everything held that it claims.
pub(crate) fn run(args: &Args, out: &mut dyn Write) -> Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        if args.faulty { faulty::story(out).await } else { story(args, out).await }
    })
}

async fn story(args: &Args, out: &mut dyn Write) -> Result<ExitCode> {
    let began = Instant::now();
    let folder = Folder::new()?;
    let count = usize::from(args.members);
    let names: Vec<&str> = NAMES.into_iter().take(count).collect();
    let [founders @ .., killed, excluded, late] = names.as_slice() else {
        bail!("a demo needs more members");
    };
    let (Some(first), Some(second)) = (founders.first(), founders.get(1)) else {
        bail!("a demo needs more members");
    };
    let peers = make_keys(folder.path(), &names)?;
    let recording = Arc::new(Recording::new(KEPT));
    let (stage, place) = stage(args, folder.path(), &names, &recording, out).await?;
    let mut world = World::new(place, folder.path().to_owned(), peers, out);
    world.say("every name below is a process of its own")?;

    world.chapter("they enter the room, and agree on keys")?;
    world.start(first)?;
    world.until(first, "is alone in the room", |line| matches!(line, Line::Note { .. })).await?;
    #[cfg(feature = "xmpp")]
    if let Stage::Xmpp(server) = &stage {
        server.watch(Arc::clone(&recording))?;
    }
    let first_group: Vec<&str> = names.iter().filter(|name| *name != late).copied().collect();
    for name in first_group.iter().skip(1) {
        world.start(name)?;
        world.until(name, "is in the room", |line| matches!(line, Line::Note { .. })).await?;
    }
    let others = first_group.iter().skip(1).copied().collect::<Vec<_>>().join(" ");
    world.type_in(first, &format!("/include {others}")).await?;
    world.all_have_members(&first_group, &first_group).await?;

    world.chapter("everybody writes at once: nobody's words come out of their true order")?;
    world.everybody_says(&first_group, &first_group, "hello from").await?;

    world.chapter("somebody comes late, and cannot read what was written before")?;
    world.start(late)?;
    world.until(late, "is in the room", |line| matches!(line, Line::Note { .. })).await?;
    let aborted = stall(&mut world, second, late, &first_group).await?;
    world.type_in(second, &format!("/include {late}")).await?;
    world.all_have_members(&names, &names).await?;
    world.everybody_says(&[late, first], &names, "welcome, says").await?;

    world.chapter(&format!("{excluded} is excluded, and cannot read what is written after"))?;
    world.type_in(first, &format!("/exclude {excluded}")).await?;
    let group: Vec<&str> = names.iter().filter(|name| *name != excluded).copied().collect();
    world.all_have_members(&group, &group).await?;
    world.everybody_says(&[second], &group, "between us, says").await?;

    world.chapter("two propose to refresh the group key, at once")?;
    let decided = conflict(&mut world, [first, late]).await?;

    world.chapter(&format!("the process of {killed} is killed, and the others exclude it"))?;
    world.kill(killed).await?;
    let rest: Vec<&str> = group.iter().filter(|name| *name != killed).copied().collect();
    world.all_have_members(&rest, &rest).await?;
    world.everybody_says(&rest, &rest, "still here:").await?;

    world
        .chapter(&format!("{killed} comes back, and can read only what is written from now on"))?;
    world.start_again(killed)?;
    world.until(killed, "is in the room", |line| matches!(line, Line::Note { .. })).await?;
    world.type_in(first, &format!("/include {killed}")).await?;
    world.all_have_members(&group, &group).await?;
    world.everybody_says(&group, &group, "all here again:").await?;

    world.chapter("what everybody holds")?;
    let statuses = world.compare(&group).await?;
    let mut held = proof::table(&statuses, &group, world.out())?;
    held &= proof::claim(
        aborted,
        &format!("while {late} was stopped, its include was aborted in time, and all saw why"),
        world.out(),
    )?;
    held &= proof::claim(
        decided,
        "of two proposals made at once one was carried out, and the other's author knows",
        world.out(),
    )?;

    world.chapter("they part")?;
    let mut clean = true;
    for name in &group {
        world.type_in(name, "/part").await?;
        clean &= world.ended(name).await?;
    }
    world.stop(excluded).await?;
    held &= proof::claim(clean, "the process of everybody who parted ended well", world.out())?;

    world.chapter("who could read what")?;
    let (said, shown) = (world.said().to_vec(), world.shown());
    held &= proof::readers(&said, &shown, world.out())?;

    world.chapter(&format!("what {} saw", stage.name()))?;
    let packets = recording.take();
    let (missed, statistics) = (recording.missed(), stage.statistics(&packets));
    let out = world.out();
    held &= proof::what_it_saw(stage.name(), &packets, missed, &statistics, &said, out)?;

    let took = began.elapsed().as_secs_f32();
    world.say(&format!("\n{} messages by {count} people in {took:.1} s", said.len()))?;
    if held {
        world.say("all of it held")?;
        Ok(ExitCode::SUCCESS)
    } else {
        world.say("something did NOT hold: see above")?;
        Ok(ExitCode::FAILURE)
    }
}

/// Sets up the relay or the server.
async fn stage(
    args: &Args,
    folder: &Path,
    names: &[&str],
    recording: &Arc<Recording>,
    out: &mut dyn Write,
) -> Result<(Stage, Place)> {
    #[cfg(feature = "xmpp")]
    if args.xmpp {
        let server = xmpp::Prosody::start(folder, names, out).await?;
        let place = server.place();
        return Ok((Stage::Xmpp(Box::new(server)), place));
    }
    let _ = (args, folder, names);
    let config = Config::new(([127, 0, 0, 1], 0).into());
    let relay = Relay::bind(config.observer(Arc::clone(recording) as Arc<_>)).await?;
    let (address, handle) = (relay.local_addr(), relay.handle());
    tokio::spawn(relay.run(std::future::pending()));
    writeln!(out, "a relay listens on {address}")?;
    Ok((Stage::Relay(handle), Place::Relay(address)))
}

/// Somebody's process stops while `by` includes it. Says whether everybody saw that the operation
/// was aborted because it waited for them.
async fn stall(world: &mut World<'_>, by: &str, stopped: &str, members: &[&str]) -> Result<bool> {
    if cfg!(not(unix)) {
        world.say("(a process cannot be stopped on this system: this part is left out)")?;
        return Ok(true);
    }
    world.freeze(stopped, true).await?;
    let own = world.propose(by, &format!("/include {stopped}")).await?;
    let mut aborted = true;
    for name in members {
        let why = world.failure(name).await?;
        aborted &= why.contains("timed out") && why.contains(stopped);
    }
    let (completed, _) = world.outcome(by, &own).await?;
    world.freeze(stopped, false).await?;
    Ok(aborted && !completed)
}

/// How often two proposals may miss each other before the demo gives up.
const ROUNDS: usize = 20;

/// Two make a proposal at once, until they really are at once. Says whether exactly one of them was
/// carried out, and the other's author was told whose it was.
async fn conflict(world: &mut World<'_>, authors: [&str; 2]) -> Result<bool> {
    for _ in 0..ROUNDS {
        let [first, second] = authors;
        world.type_in(second, "/refresh").await?;
        let one = world.propose(first, "/refresh").await?;
        let other = world.proposal(second).await?;
        let (one, how_one) = world.outcome(first, &one).await?;
        let (other, how_other) = world.outcome(second, &other).await?;
        match (one, other) {
            (true, false) => return Ok(how_other.contains(authors[0])),
            (false, true) => return Ok(how_one.contains(authors[1])),
            (true, true) => world.say("(one after the other: once more)")?,
            (false, false) => return Ok(false),
        }
    }
    bail!("{ROUNDS} times, two proposals were not made at once")
}

fn make_keys(folder: &Path, names: &[&str]) -> Result<PathBuf> {
    let mut peers = String::new();
    for name in names {
        let secret = SecretKey::generate()?;
        secret.save(&folder.join(format!("{name}.key")))?;
        peers.push_str(&format!("{name} {}\n", hex::encode(secret.public_key())));
    }
    let path = folder.join("peers");
    fs::write(&path, peers).with_context(|| format!("cannot write {}", path.display()))?;
    Ok(path)
}

/// A folder for the keys, gone at the end.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Result<Self> {
        let mut name = [0; 8];
        getrandom::fill(&mut name)?;
        let path = std::env::temp_dir().join(format!("mpenc-demo-{}", hex::encode(name)));
        fs::create_dir(&path).with_context(|| format!("cannot make {}", path.display()))?;
        Ok(Self(path))
    }

    fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What cannot be removed stays in the system's folder for such things.
        let _ = fs::remove_dir_all(&self.0);
    }
}
