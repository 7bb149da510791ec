//! What a session is given to replay a member, and what is expected of it.

use anyhow::{Context as _, Result, bail};
use mpenc::{MemberId, MessageId};
use mpenc_wire::{Packet, unarmor};

use super::seen::{Members, Message, Seen, Text, sorted};
use crate::replay::format::{
    Action, ChannelKind, Entry, Line, OwnNotice, Received, Recording, Sent, Who, Wish,
};
use crate::replay::recording::{DIALECT, id};

/// As what the first implementation accepts a packet that completes an operation.
const FINAL: &str = "1";

/// A member's part.
pub(super) struct Script {
    pub(super) steps: Vec<Step>,
    pub(super) expected: Vec<Expected>,
    /// The first step of the current tick.
    tick: usize,
}

/// Something that is given to the session.
pub(super) struct Step {
    pub(super) place: Place,
    pub(super) cue: Cue,
    /// Whether the first implementation puts off what this leads to.
    puts_off: bool,
}

/// What is expected of the session.
pub(super) struct Expected {
    pub(super) place: Place,
    pub(super) seen: Seen,
}

/// Where in the member's entries, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    /// Counted from 0.
    pub(super) entry: usize,
    /// Milliseconds of the recording's clock.
    pub(super) at: u64,
}

/// What is given to the session.
pub(super) enum Cue {
    Join,
    Part,
    Ack,
    Send(String),
    Propose(Change),
    Notice(Notice),
}

/// What the channel tells.
pub(super) enum Notice {
    Entered(Vec<MemberId>),
    Left,
    Changed { entered: Vec<MemberId>, left: Vec<MemberId> },
    Packet { sender: MemberId, packet: String },
}

/// A change of the members.
pub(super) enum Change {
    Include(Vec<MemberId>),
    Exclude(Vec<MemberId>),
    Refresh,
}

impl Script {
    /// The part of a member of this recording.
    ///
    /// # Errors
    /// The entries name something that the recording does not have.
    pub(super) fn new(recording: &Recording, own: &MemberId, lines: &[Line]) -> Result<Self> {
        let mut script = Self { steps: Vec::new(), expected: Vec::new(), tick: 0 };
        let mut reader = Reader { recording, own, in_session: false, joining: false, present: &[] };
        for (entry, line) in lines.iter().enumerate() {
            let place = Place { entry, at: line.at };
            let what = || format!("{own}, entry {entry}");
            if let Some(cue) = reader.cue(&line.entry).with_context(what)? {
                let rest = lines.iter().skip(entry).skip(1).map(|line| &line.entry);
                let puts_off =
                    matches!(cue, Cue::Notice(Notice::Changed { .. })) || reader.is_final(rest);
                script.add(Step { place, cue, puts_off }, line.same_tick);
            }
            for seen in reader.seen(&line.entry).with_context(what)? {
                script.expected.push(Expected { place, seen });
            }
        }
        Ok(script)
    }

    /// What was handed over in one tick as a whole does not take effect in the order in which it
    /// came. The first implementation opens messages at once. What a final packet, or somebody who
    /// enters, leads to it puts off to the end of the tick: so messages go before that.
    fn add(&mut self, step: Step, same_tick: bool) {
        if !same_tick {
            self.tick = self.steps.len();
        } else if step.cue.is_message() {
            let tick = self.steps.get(self.tick..).unwrap_or_default();
            let put_off = tick.iter().rev().take_while(|earlier| earlier.puts_off).count();
            return self.steps.insert(self.steps.len().saturating_sub(put_off), step);
        }
        self.steps.push(step);
    }
}

impl Cue {
    /// Whether this is a packet with a message.
    fn is_message(&self) -> bool {
        let Self::Notice(Notice::Packet { packet, .. }) = self else { return false };
        let mut buffer = Vec::new();
        let packet =
            unarmor(packet, &mut buffer).and_then(|contents| Packet::decode(DIALECT, contents));
        matches!(packet, Ok(Packet::Data(_)))
    }
}

/// Goes through the entries of a member.
struct Reader<'a> {
    recording: &'a Recording,
    own: &'a MemberId,
    /// Whether there are other members.
    in_session: bool,
    /// Whether the user has just asked to join.
    joining: bool,
    /// Who is in the channel.
    present: &'a [String],
}

impl Reader<'_> {
    /// What the session is given at this entry.
    fn cue(&mut self, entry: &Entry) -> Result<Option<Cue>> {
        match entry {
            Entry::Action(action) => self.action(action),
            Entry::Received(received) => {
                self.received(received).map(|notice| Some(Cue::Notice(notice)))
            }
            Entry::Status { members } => {
                self.in_session = members.len() > 1;
                Ok(None)
            }
            _ => Ok(None),
        }
    }

    fn action(&mut self, action: &Action) -> Result<Option<Cue>> {
        if action.refused {
            // Ours may well do what the first implementation could not.
            return Ok(None);
        }
        Ok(Some(match &action.wish {
            Wish::Join => {
                self.joining = true;
                Cue::Join
            }
            // There, whoever has nobody to part from parts by doing nothing.
            Wish::Part if !self.in_session => return Ok(None),
            Wish::Part => Cue::Part,
            Wish::Ack => Cue::Ack,
            Wish::Send(text) => Cue::Send(text.clone()),
            Wish::Include(members) => Cue::Propose(Change::Include(ids(members)?)),
            Wish::Exclude(members) => Cue::Propose(Change::Exclude(ids(members)?)),
            Wish::Refresh => Cue::Propose(Change::Refresh),
            Wish::Channel => return Ok(None),
        }))
    }

    fn received(&mut self, received: &Received) -> Result<Notice> {
        if let Some((sender, packet)) = &received.packet {
            return Ok(Notice::Packet { sender: member(sender)?, packet: packet.clone() });
        }
        let event = received.channel.and_then(|at| self.recording.channel.get(at));
        let event = event.context("there is no such channel event")?;
        Ok(match &event.kind {
            ChannelKind::Packet { packet } => {
                Notice::Packet { sender: member(&event.sender)?, packet: packet.clone() }
            }
            ChannelKind::Members { enter, leave } => {
                self.present = &event.members_after;
                match received.about_self {
                    Some(OwnNotice::Enter) => Notice::Entered(ids(self.present)?),
                    Some(OwnNotice::Leave) => Notice::Left,
                    None => {
                        Notice::Changed { entered: self.others(enter)?, left: self.others(leave)? }
                    }
                }
            }
        })
    }

    /// Whether a packet was accepted as a final one; `rest` are the entries after it.
    fn is_final<'e>(&self, rest: impl Iterator<Item = &'e Entry>) -> bool {
        rest.take_while(|entry| !matches!(entry, Entry::Received(_) | Entry::Action(_))).any(
            |entry| match entry {
                Entry::OpPacket { op, accepted: true, .. } => {
                    let packet = self.recording.op_packets.get(*op);
                    packet.and_then(|packet| packet.packet_type.as_deref()) == Some(FINAL)
                }
                _ => false,
            },
        )
    }

    /// What is expected of the session at this entry.
    fn seen(&mut self, entry: &Entry) -> Result<Vec<Seen>> {
        Ok(match entry {
            Entry::Sent(sent) => vec![Seen::Packet(self.packet(sent)?.to_owned())],
            Entry::Request { enter } => match enter {
                Who::Us(true) if std::mem::take(&mut self.joining) => vec![Seen::Enter],
                Who::Others(names) => {
                    // There, those are named too who are in it already.
                    let absent = names.iter().filter(|name| !self.present.contains(*name));
                    let absent: Vec<String> = absent.cloned().collect();
                    let invited = sorted(ids(&absent)?);
                    if invited.is_empty() { Vec::new() } else { vec![Seen::Invite(invited)] }
                }
                _ => Vec::new(),
            },
            Entry::Ready { message, parents_back } => {
                vec![Seen::Message(self.message(*message, parents_back)?)]
            }
            Entry::Members { remain, include, exclude } => {
                let (remain, include, exclude) = (ids(remain)?, ids(include)?, ids(exclude)?);
                vec![Seen::Members(Members { remain, include, exclude }.sorted())]
            }
            _ => Vec::new(),
        })
    }

    fn packet<'s>(&'s self, sent: &'s Sent) -> Result<&'s str> {
        if let Some(packet) = &sent.packet {
            return Ok(packet);
        }
        match sent.channel.and_then(|at| self.recording.channel.get(at)).map(|event| &event.kind) {
            Some(ChannelKind::Packet { packet }) => Ok(packet),
            _ => bail!("there is no such packet"),
        }
    }

    fn message(&self, at: usize, parents_back: &[usize]) -> Result<Message> {
        let message = self.recording.messages.get(at).context("there is no such message")?;
        let text = match (&message.content.text, &message.content.sha256) {
            (Some(text), _) => Text::of(text),
            (None, Some(sha256)) => Text::from_hash(sha256.0),
            (None, None) => bail!("the message has no text"),
        };
        let id = MessageId::from_bytes(DIALECT, &message.mid.0);
        Ok(Message {
            id: id.context("the message's id is malformed")?,
            author: member(&message.author)?,
            readers: ids(&message.readers)?,
            text,
            parents_back: parents_back.to_vec(),
        })
    }

    /// These members without ourselves, of whom the channel tells otherwise.
    fn others(&self, names: &[String]) -> Result<Vec<MemberId>> {
        let members = ids(names)?;
        Ok(members.into_iter().filter(|member| member != self.own).collect())
    }
}

pub(super) fn member(name: &str) -> Result<MemberId> {
    id(name).with_context(|| format!("{name:?} is no member id"))
}

fn ids(names: &[String]) -> Result<Vec<MemberId>> {
    names.iter().map(|name| member(name)).collect()
}
