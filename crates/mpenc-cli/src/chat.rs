//! `mpenc chat`: talks to a group over the relay, in lines of text.

mod command;
mod line;

use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use mpenc::{
    CliquesGreeter, Config, Dialect, Event, JoinPatience, MemberId, Mpenc, MpencSession, State,
};
use mpenc_relay::RelayChannel;
use mpenc_tokio::{Change, Driver, Handle, Options};
use sha2::{Digest, Sha256};
use tokio::io::{AsyncBufReadExt, BufReader};

use crate::keys::{Peers, load_identity, load_peers};
use command::{Command, HELP};
pub(crate) use line::{Line, Status, start};
use line::{names, note, of_event, warning};

/// The dialect that people talk; the other one is for recordings.
const DIALECT: Dialect = Dialect::DOCUMENT;

/// What `mpenc chat` takes.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The relay.
    #[arg(long, value_name = "ADDRESS:PORT")]
    relay: SocketAddr,
    /// The room.
    #[arg(long)]
    room: String,
    /// Your name in the room: what others have your public key under.
    #[arg(long)]
    name: String,
    /// Your secret key (see `mpenc keygen`).
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// The public keys of the others: lines of a name and a key.
    #[arg(long, value_name = "FILE")]
    peers: PathBuf,
    /// Print one JSON object per line, for programs.
    #[arg(long)]
    json: bool,
    /// BC_LAT: how long a packet takes to reach everybody, nearly always.
    #[arg(long, value_name = "MS", default_value_t = 5_000, value_parser = clap::value_parser!(u64).range(10..=600_000))]
    latency_ms: u64,
    /// M_INTV: how long a member usually takes to reply.
    #[arg(long, value_name = "MS", default_value_t = 16_000, value_parser = clap::value_parser!(u64).range(10..=600_000))]
    reply_ms: u64,
}

/// Talks until the session is over.
pub(crate) fn run(args: &Args, out: &mut dyn Write) -> Result<ExitCode> {
    let session = session(args)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let result = runtime.block_on(Chat::new(args, out).talk(session, args));
    // A thread that waits for a line of input must not keep the process alive.
    runtime.shutdown_background();
    result
}

fn session(args: &Args) -> Result<MpencSession> {
    let own = MemberId::new(DIALECT, &args.name)
        .with_context(|| format!("--name {:?} cannot be used", args.name))?;
    let secret = load_identity(&args.key)?;
    let public = secret.public_key();
    let mut peers: Peers = load_peers(DIALECT, &args.peers)?;
    if let Some(before) = peers.insert(own.clone(), public)
        && before != public
    {
        bail!(
            "{} has another public key for {} than the one of {}",
            args.peers.display(),
            args.name,
            args.key.display()
        );
    }
    let known = peers.iter().map(|(name, key)| (name.clone(), *key)).collect();
    let known: std::collections::BTreeMap<MemberId, [u8; 32]> = known;
    let greeter =
        CliquesGreeter::new(DIALECT, own, secret.identity().into_signer(), Arc::new(known));
    let mut config = Config::default();
    config.broadcast_latency = Duration::from_millis(args.latency_ms);
    config.reply_interval = Duration::from_millis(args.reply_ms);
    config.join_patience = JoinPatience::Forever;
    config.stay_if_last = true;
    Ok(MpencSession::new(greeter, config))
}

struct Chat<'a> {
    out: &'a mut dyn Write,
    json: bool,
    /// Whether the user said that they leave, or the input has ended.
    leaving: bool,
}

impl<'a> Chat<'a> {
    fn new(args: &Args, out: &'a mut dyn Write) -> Self {
        Self { out, json: args.json, leaving: false }
    }

    async fn talk(mut self, session: MpencSession, args: &Args) -> Result<ExitCode> {
        let channel = RelayChannel::new(args.relay, &args.room, &args.name, DIALECT);
        let ended = channel.ended();
        let (driver, handle, mut events) = Driver::new(session, channel, Options::default());
        let driver = tokio::spawn(driver.run());
        handle.join().await?;
        let mut lines = BufReader::new(tokio::io::stdin()).lines();
        let mut input_open = true;
        loop {
            tokio::select! {
                event = events.next() => {
                    let Some(event) = event else { break };
                    self.show_event(&handle, &event).await?;
                    if event == Event::LeftChannel && self.is_over(&handle).await {
                        break;
                    }
                }
                line = lines.next_line(), if input_open => match line {
                    Ok(Some(line)) => self.obey(&handle, &line).await?,
                    // What is no text cannot be sent; the rest of the input may still be.
                    Err(error) if error.kind() == std::io::ErrorKind::InvalidData => {
                        self.show(&warning("that line is not UTF-8, and was not sent"))?;
                    }
                    Ok(None) | Err(_) => {
                        input_open = false;
                        self.part(&handle).await?;
                    }
                },
            }
        }
        drop(handle);
        drop(events);
        driver.await.context("the session's task failed")??;
        if self.leaving {
            return Ok(ExitCode::SUCCESS);
        }
        let why = ended.borrow().as_ref().map(ToString::to_string);
        bail!("the session is over: {}", why.unwrap_or_else(|| "we left the room".into()))
    }

    /// Whether the session will not enter the room again by itself.
    async fn is_over(&self, handle: &Handle<Mpenc>) -> bool {
        let waits = handle.query(|session| session.next_deadline().is_some()).await;
        self.leaving || !waits.unwrap_or(false)
    }

    async fn part(&mut self, handle: &Handle<Mpenc>) -> Result<()> {
        if !self.leaving {
            self.leaving = true;
            if let Err(error) = handle.part().await {
                self.show(&warning(error.to_string()))?;
            }
        }
        Ok(())
    }

    async fn obey(&mut self, handle: &Handle<Mpenc>, line: &str) -> Result<()> {
        let command = match Command::parse(line) {
            Ok(command) => command,
            Err(error) => return self.show(&warning(error.to_string())),
        };
        let done = match command {
            Command::Empty => return Ok(()),
            Command::Say(text) => handle.send(text).await.map(|_| ()),
            Command::Include(names) => match self.members(&names)? {
                Some(members) => handle.propose(Change::Include(members)).await.map(|_| ()),
                None => return Ok(()),
            },
            Command::Exclude(names) => match self.members(&names)? {
                Some(members) => handle.propose(Change::Exclude(members)).await.map(|_| ()),
                None => return Ok(()),
            },
            Command::Refresh => handle.propose(Change::Refresh).await.map(|_| ()),
            Command::Abort(why) => handle.abort(why).await,
            Command::Start => handle.start_here().await,
            Command::Part => return self.part(handle).await,
            Command::Help => return self.show(&note(HELP)),
            Command::Who => return self.who(handle).await,
            Command::Acks => return self.acks(handle).await,
            Command::Status => return self.status(handle).await,
        };
        match done {
            Ok(()) => Ok(()),
            Err(error) => self.show(&warning(error.to_string())),
        }
    }

    fn members(&mut self, names: &[String]) -> Result<Option<Vec<MemberId>>> {
        let mut members = Vec::new();
        for name in names {
            match MemberId::new(DIALECT, name) {
                Ok(member) => members.push(member),
                Err(error) => {
                    self.show(&warning(format!("{name}: {error}")))?;
                    return Ok(None);
                }
            }
        }
        Ok(Some(members))
    }

    async fn who(&mut self, handle: &Handle<Mpenc>) -> Result<()> {
        let line = handle
            .query(|session| Line::Who {
                members: names(session.members()),
                channel: names(session.channel_members()),
                state: state_text(session.state()).into(),
            })
            .await?;
        self.show(&line)
    }

    async fn acks(&mut self, handle: &Handle<Mpenc>) -> Result<()> {
        let lines = handle
            .query(|session| {
                let log = session.messages();
                let unacked = log.lines().iter().filter_map(|line| {
                    let missing = names(&session.unacked_by(&line.id));
                    (!missing.is_empty()).then(|| Line::Unacked {
                        author: line.author.to_string(),
                        text: line.payload.clone(),
                        missing,
                    })
                });
                unacked.collect::<Vec<_>>()
            })
            .await?;
        if lines.is_empty() {
            return self.show(&note("everything was acked by everybody who can"));
        }
        lines.iter().try_for_each(|line| self.show(line))
    }

    async fn status(&mut self, handle: &Handle<Mpenc>) -> Result<()> {
        let status = handle.query(status_of).await?;
        self.show(&Line::Status(status))
    }

    async fn show_event(&mut self, handle: &Handle<Mpenc>, event: &Event) -> Result<()> {
        let line = match event {
            Event::Message(message) => Some(Line::Message {
                number: message.place + 1,
                author: message.author.to_string(),
                text: message.text.clone(),
                parents_back: message.parents_back.clone(),
            }),
            Event::FullyAcked(id) => {
                let (author, text) = lookup(handle, *id).await?;
                Some(Line::FullyAcked { author, text })
            }
            Event::NotFullyAcked { id, missing } | Event::Unreachable { id, missing } => {
                let (author, text) = lookup(handle, *id).await?;
                Some(Line::NotFullyAcked { author, text, missing: names(missing) })
            }
            other => of_event(other),
        };
        line.map_or(Ok(()), |line| self.show(&line))
    }

    fn show(&mut self, line: &Line) -> Result<()> {
        if self.json {
            writeln!(self.out, "{}", serde_json::to_string(line)?)?;
        } else {
            writeln!(self.out, "{line}")?;
        }
        Ok(self.out.flush()?)
    }
}

async fn lookup(handle: &Handle<Mpenc>, id: mpenc::MessageId) -> Result<(String, String)> {
    let found = handle
        .query(move |session| {
            let line = session.messages().line(&id)?;
            Some((line.author.to_string(), line.payload.clone()))
        })
        .await?;
    Ok(found.unwrap_or_default())
}

fn status_of(session: &MpencSession) -> Status {
    let transcript = session.transcript();
    let mut hash = Sha256::new();
    for id in &transcript {
        hash.update(id.as_bytes());
    }
    let mut members = names(session.members());
    members.sort();
    Status {
        state: state_text(session.state()).into(),
        members,
        transcript: hex::encode(hash.finalize()),
        messages: transcript.len(),
        chain_hash: session.order_head().map(|(_, hash)| hash.to_string()).unwrap_or_default(),
        unacked: session.unacked().count(),
    }
}

fn state_text(state: State) -> &'static str {
    match state {
        State::Outside => "outside of the room",
        State::Entering => "entering the room",
        State::Waiting => "waiting to be included",
        State::Alone => "alone",
        State::Joined => "a member",
        State::Parting => "parting",
        State::Excluded => "excluded",
        State::Closed => "closed",
        _ => "in an unknown state",
    }
}
