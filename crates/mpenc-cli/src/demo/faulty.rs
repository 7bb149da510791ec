//! `mpenc demo --faulty`: a relay that loses packets, and one that lies.

use std::io::Write;
use std::net::SocketAddr;
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use mpenc_relay::{Config, Faults, Lie, Relay};

use super::world::{Place, World};
use super::{Folder, make_keys, proof};
use crate::chat::Line;

/// Who takes part: two in each half of the room.
const NAMES: [&str; 4] = ["alice", "bob", "carol", "dave"];
/// How often two proposals may miss each other before the demo gives up.
const ROUNDS: usize = 5;

/// Runs both stories. The exit code is 0 only if everything held that they claim.
pub(super) async fn story(out: &mut dyn Write) -> Result<ExitCode> {
    let began = Instant::now();
    let folder = Folder::new()?;
    let peers = make_keys(folder.path(), &NAMES)?;
    let mut held = lossy(folder.path(), &peers, out).await?;
    held &= lying(folder.path(), &peers, out).await?;
    writeln!(out, "\n{:.1} s", began.elapsed().as_secs_f32())?;
    if held {
        writeln!(out, "all of it held")?;
        Ok(ExitCode::SUCCESS)
    } else {
        writeln!(out, "something did NOT hold: see above")?;
        Ok(ExitCode::FAILURE)
    }
}

/// Starts a relay that does these things wrong.
async fn start(faults: Faults) -> Result<SocketAddr> {
    let relay = Relay::bind(Config::new(([127, 0, 0, 1], 0).into()).faults(faults)).await?;
    let address = relay.local_addr();
    tokio::spawn(relay.run(std::future::pending()));
    Ok(address)
}

/// All enter, and agree on keys.
async fn establish(world: &mut World<'_>) -> Result<()> {
    for name in NAMES {
        world.start(name)?;
        world.until(name, "is in the room", |line| matches!(line, Line::Note { .. })).await?;
    }
    let [first, others @ ..] = NAMES;
    world.type_in(first, &format!("/include {}", others.join(" "))).await?;
    world.all_have_members(&NAMES, &NAMES).await
}

async fn lossy(folder: &Path, peers: &Path, out: &mut dyn Write) -> Result<bool> {
    let mut faults = Faults::default();
    (faults.drop, faults.duplicate, faults.seed) = (20, 5, 1);
    faults.delay = Duration::from_millis(300);
    let address = start(faults).await?;
    let mut world = World::new(Place::Relay(address), folder.to_owned(), peers.to_owned(), out);
    world.say(&format!(
        "a relay on {address} loses a fifth of all messages to each receiver, doubles some, and lets \
         them overtake each other"
    ))?;
    world.chapter("they agree on keys, and write")?;
    establish(&mut world).await?;
    for words in ["hello from", "how are you, asks", "fine, says"] {
        world.everybody_says_and_sees(&NAMES, words).await?;
    }
    world.chapter("what came of it")?;
    let (said, shown) = (world.said().to_vec(), world.shown());
    let mut held = proof::readers(&said, &shown, world.out())?;
    let texts = said.len();
    held &= proof::claim(
        true,
        &format!("everybody saw that each of the {texts} messages was acked by everybody"),
        world.out(),
    )?;
    world.stop_all().await?;
    Ok(held)
}

async fn lying(folder: &Path, peers: &Path, out: &mut dyn Write) -> Result<bool> {
    let mut faults = Faults::default();
    faults.lie = Some(Lie::Order);
    let address = start(faults).await?;
    let mut world = World::new(Place::Relay(address), folder.to_owned(), peers.to_owned(), out);
    world.say(&format!(
        "\na relay on {address} tells each half of the room another order: first what its own half \
         sent"
    ))?;
    world.chapter("they agree on keys")?;
    establish(&mut world).await?;
    world.chapter(
        "one in each half proposes something: each half is told that its own came first",
    )?;
    let [first, .., last] = NAMES;
    let mut split = false;
    for _ in 0..ROUNDS {
        world.type_in(last, "/refresh").await?;
        let one = world.propose(first, "/refresh").await?;
        let other = world.proposal(last).await?;
        let (one, _) = world.outcome(first, &one).await?;
        let (other, _) = world.outcome(last, &other).await?;
        split = one && other && world.history(first).await? != world.history(last).await?;
        if split {
            break;
        }
        world.say("(they were not at once: once more)")?;
    }
    if !split {
        bail!("{ROUNDS} times, two proposals were not made at once");
    }
    world.chapter("each of them sees that somebody was told another story")?;
    let mut held = true;
    for name in NAMES {
        let alarm = world.alarm(name, "another history").await?;
        let others = NAMES.iter().filter(|other| **other != name);
        let named = others.clone().filter(|other| alarm.contains(**other)).count();
        held &= proof::claim(
            named == 1,
            &format!(
                "{name} is told of somebody by name, whose history is another, and both values"
            ),
            world.out(),
        )?;
    }
    world.type_in(first, "/refresh").await?;
    let refused = world.until(
        first,
        "may not go on as if nothing had happened",
        |line| matches!(line, Line::Warning { text } if text.contains("another history")),
    );
    refused.await?;
    held &= proof::claim(true, "nothing is proposed on such ground", world.out())?;
    world.stop_all().await?;
    Ok(held)
}
