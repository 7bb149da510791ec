//! The processes of a demo, and what they have said so far.

use std::collections::BTreeMap;
use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStdin, Command};
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::proof::Said;
use crate::chat::{Line, Status};

/// How long anything may take before the demo gives up.
const PATIENCE: Duration = Duration::from_secs(20);
/// BC_LAT of the processes: the relay is on this machine, which may be busy.
const LATENCY_MS: &str = "400";
/// M_INTV of the processes.
const REPLY_MS: &str = "50";

struct Process {
    child: Child,
    input: ChildStdin,
    /// What it has said and no step of the story has looked at.
    unseen: Vec<Line>,
    status: Option<Status>,
    members: Vec<String>,
    /// Author and text of every message that it has shown.
    shown: Vec<(String, String)>,
    /// Whether it says nothing more.
    ended: bool,
}

enum Heard {
    /// A line of its output.
    Line(String, Line),
    /// A line of its output that cannot be read, or of its error output.
    Text(String, String),
    Ended(String),
}

/// Where the room of a demo is.
#[derive(Clone, Debug)]
pub(super) enum Place {
    /// On a relay.
    Relay(SocketAddr),
    /// On an XMPP server of this machine; everybody has an account, with this password.
    #[cfg(feature = "xmpp")]
    Xmpp(SocketAddr, String),
}

/// The processes of a demo, and what they have said so far.
pub(super) struct World<'a> {
    place: Place,
    folder: PathBuf,
    peers: PathBuf,
    processes: BTreeMap<String, Process>,
    heard: mpsc::UnboundedReceiver<Heard>,
    tell: mpsc::UnboundedSender<Heard>,
    /// Every text that was sent.
    said: Vec<Said>,
    out: &'a mut dyn Write,
}

impl<'a> World<'a> {
    pub(super) fn new(
        place: Place,
        folder: PathBuf,
        peers: PathBuf,
        out: &'a mut dyn Write,
    ) -> Self {
        let (tell, heard) = mpsc::unbounded_channel();
        let (processes, said) = (BTreeMap::new(), Vec::new());
        Self { place, folder, peers, processes, heard, tell, said, out }
    }

    pub(super) fn out(&mut self) -> &mut dyn Write {
        self.out
    }

    pub(super) fn said(&self) -> &[Said] {
        &self.said
    }

    /// Author and text of every message that each process has shown.
    pub(super) fn shown(&self) -> BTreeMap<String, Vec<(String, String)>> {
        let shown = |(name, process): (&String, &Process)| (name.clone(), process.shown.clone());
        self.processes.iter().map(shown).collect()
    }

    pub(super) fn say(&mut self, text: &str) -> Result<()> {
        writeln!(self.out, "{text}")?;
        Ok(self.out.flush()?)
    }

    pub(super) fn chapter(&mut self, text: &str) -> Result<()> {
        self.say(&format!("\n── {text} ──"))
    }

    /// Starts a member's process.
    pub(super) fn start(&mut self, name: &str) -> Result<()> {
        let program = std::env::current_exe().context("cannot find this program's own file")?;
        let mut command = Command::new(program);
        command.args(["chat", "--json", "--name", name]).args([
            "--latency-ms",
            LATENCY_MS,
            "--reply-ms",
            REPLY_MS,
        ]);
        match &self.place {
            Place::Relay(address) => {
                command.args(["--room", "demo", "--relay", &address.to_string()]);
            }
            #[cfg(feature = "xmpp")]
            Place::Xmpp(address, password) => {
                command
                    .args(["--room", "demo@conference.localhost"])
                    .args(["--xmpp", &format!("{name}@localhost")])
                    .args(["--xmpp-insecure", &address.to_string()])
                    .env("MPENC_PASSWORD", password);
            }
        }
        // Whatever whoever runs the demo has configured is not part of its story.
        let nothing = self.folder.join("config.toml");
        std::fs::write(&nothing, "").context("cannot write into the demo's folder")?;
        let mut child = command
            .arg("--config")
            .arg(nothing)
            .arg("--key")
            .arg(self.folder.join(format!("{name}.key")))
            .arg("--peers")
            .arg(&self.peers)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("cannot start the process of {name}"))?;
        let input = child.stdin.take().context("no input to a process")?;
        let output = child.stdout.take().context("no output of a process")?;
        let errors = child.stderr.take().context("no error output of a process")?;
        let (tell, owner) = (self.tell.clone(), name.to_owned());
        tokio::spawn(async move {
            // Nobody listens any more at the end of the demo: then it does not matter.
            let mut lines = BufReader::new(output).lines();
            while let Ok(Some(text)) = lines.next_line().await {
                let _ = tell.send(match serde_json::from_str(&text) {
                    Ok(line) => Heard::Line(owner.clone(), line),
                    Err(_) => Heard::Text(owner.clone(), text),
                });
            }
            let mut lines = BufReader::new(errors).lines();
            while let Ok(Some(text)) = lines.next_line().await {
                let _ = tell.send(Heard::Text(owner.clone(), text));
            }
            let _ = tell.send(Heard::Ended(owner));
        });
        let process = Process {
            child,
            input,
            unseen: Vec::new(),
            status: None,
            members: Vec::new(),
            shown: Vec::new(),
            ended: false,
        };
        self.processes.insert(name.to_owned(), process);
        Ok(())
    }

    /// Types a line into a member's process.
    pub(super) async fn type_in(&mut self, name: &str, line: &str) -> Result<()> {
        self.show(name, &format!("> {line}"))?;
        self.write(name, line).await
    }

    async fn write(&mut self, name: &str, line: &str) -> Result<()> {
        let process = self.process(name)?;
        process
            .input
            .write_all(format!("{line}\n").as_bytes())
            .await
            .with_context(|| format!("the process of {name} takes no input any more"))
    }

    /// Kills a member's process, without a word of farewell.
    pub(super) async fn kill(&mut self, name: &str) -> Result<()> {
        self.show(name, "killed")?;
        self.stop(name).await
    }

    /// Ends a process that is no part of the story any more, and hears what it said last.
    pub(super) async fn stop(&mut self, name: &str) -> Result<()> {
        self.process(name)?.child.kill().await?;
        self.wait_for_end(name).await
    }

    /// Starts a member whose process is no more: the same identity, and nothing else of before. What
    /// the first process was told is its own from now on, under another name.
    pub(super) fn start_again(&mut self, name: &str) -> Result<()> {
        let before = format!("{name} (before)");
        let process = self.processes.remove(name).ok_or_else(|| anyhow!("{name} takes no part"))?;
        self.processes.insert(before.clone(), process);
        for member in self.said.iter_mut().flat_map(|said| &mut said.members) {
            if member == name {
                member.clone_from(&before);
            }
        }
        self.start(name)
    }

    /// Stops a member's process where it stands, or lets it go on: it does nothing in between, and
    /// its connection stays.
    pub(super) async fn freeze(&mut self, name: &str, stop: bool) -> Result<()> {
        self.show(name, if stop { "stopped" } else { "goes on" })?;
        let child = self.process(name)?.child.id().context("it has ended")?;
        // It may take long, or, if the process ends at this moment, forever.
        let done = tokio::task::spawn_blocking(move || signal(child, stop));
        let done = timeout(PATIENCE, done).await.context("it does not stop")??;
        done.with_context(|| format!("the process of {name} cannot be stopped"))
    }

    /// Types what makes a member propose something, and gives its number.
    pub(super) async fn propose(&mut self, name: &str, line: &str) -> Result<String> {
        self.type_in(name, line).await?;
        self.proposal(name).await
    }

    /// Waits until a member has proposed something, and gives its number.
    pub(super) async fn proposal(&mut self, name: &str) -> Result<String> {
        self.first(name, "proposes something", |line| match line {
            Line::Proposed { own, .. } => Some(own.clone()),
            _ => None,
        })
        .await
    }

    /// Waits for the outcome of a member's operation: whether it was completed, and how it ended.
    pub(super) async fn outcome(&mut self, name: &str, proposal: &str) -> Result<(bool, String)> {
        self.first(name, "has an outcome", |line| match line {
            Line::Ended { own, completed, how } if own == proposal => {
                Some((*completed, how.clone()))
            }
            _ => None,
        })
        .await
    }

    /// Waits until a member sees a running operation end without effect: why it did.
    pub(super) async fn failure(&mut self, name: &str) -> Result<String> {
        self.first(name, "sees the operation end", |line| match line {
            Line::Failed { why, .. } => Some(why.clone()),
            _ => None,
        })
        .await
    }

    /// Waits until a member says something of which `wanted` makes something.
    async fn first<T>(
        &mut self,
        name: &str,
        what: &str,
        wanted: impl Fn(&Line) -> Option<T>,
    ) -> Result<T> {
        loop {
            let unseen = &mut self.process(name)?.unseen;
            let found = unseen.iter().enumerate().find_map(|(at, line)| Some((at, wanted(line)?)));
            if let Some((at, found)) = found {
                unseen.drain(..=at);
                return Ok(found);
            }
            self.is_still_there(name)?;
            self.listen(&format!("{name} {what}")).await?;
        }
    }

    /// Waits until a member says such a line.
    pub(super) async fn until(
        &mut self,
        name: &str,
        what: &str,
        wanted: impl Fn(&Line) -> bool,
    ) -> Result<()> {
        self.first(name, what, |line| wanted(line).then_some(())).await
    }

    /// Waits until these members all say that the members are these, confirmed by everybody.
    pub(super) async fn all_have_members(&mut self, who: &[&str], members: &[&str]) -> Result<()> {
        let mut wanted: Vec<&str> = members.to_vec();
        wanted.sort_unstable();
        for name in who {
            loop {
                let process = self.process(name)?;
                let mut last = None;
                for (at, line) in process.unseen.iter().enumerate() {
                    if matches!(line, Line::Members { .. }) {
                        last = Some(at);
                    }
                }
                if let Some(at) = last {
                    process.unseen.drain(..=at);
                    if process.members == wanted {
                        break;
                    }
                }
                self.is_still_there(name)?;
                self.listen(&format!("{name} sees the members {}", wanted.join(", "))).await?;
            }
        }
        Ok(())
    }

    /// Lets these write something at the same time to the members, and waits until everything is
    /// acked by all.
    pub(super) async fn everybody_says(
        &mut self,
        who: &[&str],
        members: &[&str],
        words: &str,
    ) -> Result<()> {
        let texts = self.all_type(who, members, words).await?;
        for (name, text) in &texts {
            self.until_acked(name, text).await?;
        }
        Ok(())
    }

    /// The same, by all of them to all others; waits until everybody sees that it is acked by all.
    pub(super) async fn everybody_says_and_sees(
        &mut self,
        all: &[&str],
        words: &str,
    ) -> Result<()> {
        let texts = self.all_type(all, all, words).await?;
        for reader in all {
            for (_, text) in &texts {
                self.until_acked(reader, text).await?;
            }
        }
        Ok(())
    }

    async fn until_acked(&mut self, name: &str, text: &str) -> Result<()> {
        loop {
            let process = self.process(name)?;
            let acked =
                |line: &Line| matches!(line, Line::FullyAcked { text: acked, .. } if acked == text);
            if let Some(at) = process.unseen.iter().position(acked) {
                process.unseen.remove(at);
                return Ok(());
            }
            self.is_still_there(name)?;
            self.listen(&format!("{name} has everybody's ack")).await?;
        }
    }

    async fn all_type<'n>(
        &mut self,
        who: &[&'n str],
        members: &[&str],
        words: &str,
    ) -> Result<Vec<(&'n str, String)>> {
        let mut texts = Vec::new();
        for name in who {
            let text = format!("{words} {name} ({})", self.said.len() + 1);
            let members = members.iter().map(|&name| name.to_owned()).collect();
            self.said.push(Said { author: (*name).to_owned(), text: text.clone(), members });
            texts.push((*name, text));
        }
        for (name, text) in &texts {
            self.type_in(name, text).await?;
        }
        Ok(texts)
    }

    /// A member's chain hash.
    pub(super) async fn history(&mut self, name: &str) -> Result<String> {
        self.process(name)?.status = None;
        self.write(name, "/status").await?;
        loop {
            if let Some(status) = &self.process(name)?.status {
                return Ok(status.chain_hash.clone());
            }
            self.is_still_there(name)?;
            self.listen(&format!("{name}'s figures")).await?;
        }
    }

    /// Waits until a member is alarmed by something with these words: what it is.
    pub(super) async fn alarm(&mut self, name: &str, words: &str) -> Result<String> {
        self.first(name, &format!("is told of {words}"), |line| match line {
            Line::Alarm { text } if text.contains(words) => Some(text.clone()),
            _ => None,
        })
        .await
    }

    /// Ends all processes, without a word of farewell.
    pub(super) async fn stop_all(&mut self) -> Result<()> {
        let names: Vec<String> = self.processes.keys().cloned().collect();
        for name in names {
            self.stop(&name).await?;
        }
        Ok(())
    }

    /// Asks these for their figures until they agree, or patience is over.
    pub(super) async fn compare(&mut self, who: &[&str]) -> Result<Vec<(String, Status)>> {
        for _ in 0..20 {
            for name in who {
                self.process(name)?.status = None;
                self.write(name, "/status").await?;
            }
            while who.iter().any(|name| {
                self.processes.get(*name).is_some_and(|process| process.status.is_none())
            }) {
                self.listen("everybody's figures").await?;
            }
            let statuses: Vec<(String, Status)> = who
                .iter()
                .filter_map(|name| {
                    let status = self.processes.get(*name)?.status.clone()?;
                    Some(((*name).to_owned(), status))
                })
                .collect();
            let settled = statuses.windows(2).all(|pair| match pair {
                [(_, a), (_, b)] => {
                    a.transcript == b.transcript && a.unacked == 0 && b.unacked == 0
                }
                _ => false,
            });
            if settled {
                return Ok(statuses);
            }
            // Acks are still under way: wait for whatever is said next, or a moment.
            let _ = timeout(Duration::from_millis(300), self.hear()).await;
        }
        bail!("the members do not come to agree on what was said")
    }

    /// Waits for a member's process to end by itself. Says whether it ended well.
    pub(super) async fn ended(&mut self, name: &str) -> Result<bool> {
        self.wait_for_end(name).await?;
        let status = timeout(PATIENCE, self.process(name)?.child.wait()).await??;
        Ok(status.success())
    }

    async fn wait_for_end(&mut self, name: &str) -> Result<()> {
        while !self.process(name)?.ended {
            self.listen(&format!("the process of {name} has ended")).await?;
        }
        Ok(())
    }

    fn is_still_there(&mut self, name: &str) -> Result<()> {
        if self.process(name)?.ended {
            bail!("the process of {name} ended before its part in the story was over")
        }
        Ok(())
    }

    fn process(&mut self, name: &str) -> Result<&mut Process> {
        self.processes.get_mut(name).ok_or_else(|| anyhow!("{name} takes no part"))
    }

    async fn listen(&mut self, what: &str) -> Result<()> {
        match timeout(PATIENCE, self.hear()).await {
            Ok(result) => result,
            Err(_) => {
                bail!("{} s have passed, and it has not come about: {what}", PATIENCE.as_secs())
            }
        }
    }

    async fn hear(&mut self) -> Result<()> {
        let Some(heard) = self.heard.recv().await else { bail!("nobody speaks any more") };
        match heard {
            Heard::Line(name, line) => {
                let is_shown = !matches!(
                    line,
                    Line::Progress { .. } | Line::Status(_) | Line::Ended { completed: true, .. }
                );
                if is_shown {
                    self.show(&name, &line.to_string())?;
                }
                let process = self.process(&name)?;
                match &line {
                    Line::Status(status) => process.status = Some(status.clone()),
                    Line::Members { members, .. } => process.members.clone_from(members),
                    Line::Message { author, text, .. } => {
                        process.shown.push((author.clone(), text.clone()));
                    }
                    _ => {}
                }
                process.unseen.push(line);
            }
            Heard::Text(name, text) => self.show(&name, &text)?,
            Heard::Ended(name) => self.process(&name)?.ended = true,
        }
        Ok(())
    }

    fn show(&mut self, name: &str, text: &str) -> Result<()> {
        self.say(&format!("{name:>8} │ {text}"))
    }
}

/// Stops a process, or lets it go on. It stands when this is over: on a busy machine, its threads may
/// go on for a while after the signal was sent.
#[cfg(unix)]
fn signal(process: u32, stop: bool) -> Result<()> {
    use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, waitid};

    let process = i32::try_from(process).ok().and_then(Pid::from_raw).context("no such process")?;
    kill_process(process, if stop { Signal::STOP } else { Signal::CONT })?;
    if stop {
        waitid(WaitId::Pid(process), WaitIdOptions::STOPPED)?;
    }
    Ok(())
}

#[cfg(not(unix))]
fn signal(_process: u32, _stop: bool) -> Result<()> {
    bail!("this system has no signal for that")
}
