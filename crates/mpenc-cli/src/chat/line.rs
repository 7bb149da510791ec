//! What a person, or a program with `--json`, reads.

use std::fmt;

use mpenc::session::{FailReason, OperationInfo, Outcome};
use mpenc::{Event, MemberId, Severity};
use serde::{Deserialize, Serialize};

/// One line of output. People see its `Display`, programs its JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "line", rename_all = "snake_case")]
pub(crate) enum Line {
    /// A message takes its place in the log.
    Message { number: usize, author: String, text: String, parents_back: Vec<usize> },
    /// Everybody has acked a message.
    FullyAcked { author: String, text: String },
    /// Somebody has not acked a message in time.
    NotFullyAcked { author: String, text: String, missing: Vec<String> },
    /// The members have changed: everybody confirmed it.
    Members {
        members: Vec<String>,
        include: Vec<String>,
        exclude: Vec<String>,
        by: String,
        operation: String,
    },
    /// An operation of ours was proposed.
    Proposed { own: String, operation: String },
    /// An operation was accepted and runs.
    Accepted { operation: String, by: String, include: Vec<String>, exclude: Vec<String> },
    /// How far it is.
    Progress { contributed: usize, confirmed: usize, awaited: Vec<String> },
    /// An operation ended without effect.
    Failed { operation: String, by: String, why: String },
    /// How an operation of ours ended.
    Ended { own: String, completed: bool, how: String },
    /// What `/who` shows.
    Who { members: Vec<String>, channel: Vec<String>, state: String },
    /// One message of what `/acks` shows.
    Unacked { author: String, text: String, missing: Vec<String> },
    /// What `/status` shows.
    Status(Status),
    /// Something to know.
    Note { text: String },
    /// Something to worry about.
    Warning { text: String },
    /// Somebody broke the rules in a way that matters.
    Alarm { text: String },
}

/// Figures that members can compare with each other.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Status {
    pub(crate) state: String,
    pub(crate) members: Vec<String>,
    /// SHA-256 over the ids of all messages of the current sub-session, in the order that is the
    /// same for everybody.
    pub(crate) transcript: String,
    pub(crate) messages: usize,
    pub(crate) chain_hash: String,
    pub(crate) unacked: usize,
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Message { author, text, number, parents_back } => {
                write!(f, "[{number}] <{author}> {}", printable(text))?;
                match parents_back.as_slice() {
                    [1] => Ok(()),
                    [] if *number == 1 => Ok(()),
                    [] => f.write_str("   ↑ written before anything above was seen"),
                    parents => {
                        let lines: Vec<String> = parents
                            .iter()
                            .map(|back| format!("[{}]", number.saturating_sub(*back)))
                            .collect();
                        write!(f, "   ↑ written after {}", lines.join(", "))
                    }
                }
            }
            Self::FullyAcked { author, text } => {
                write!(f, "✓ acked by everybody: <{author}> {}", shorten(text))
            }
            Self::NotFullyAcked { author, text, missing } => {
                write!(f, "! not acked by {}: <{author}> {}", missing.join(", "), shorten(text))
            }
            Self::Members { members, include, exclude, by, operation } => {
                write!(f, "* members, confirmed by all of them: {}", members.join(", "))?;
                let changes: Vec<String> = include
                    .iter()
                    .map(|name| format!("+{name}"))
                    .chain(exclude.iter().map(|name| format!("−{name}")))
                    .collect();
                let changes = if changes.is_empty() {
                    String::new()
                } else {
                    format!(" {}", changes.join(" "))
                };
                write!(f, "   ({operation} by {by}{changes})")
            }
            Self::Proposed { own, operation } => write!(
                f,
                "* {own} {operation} proposed; messages still go to the members as they are"
            ),
            Self::Accepted { operation, by, include, exclude } => {
                write!(f, "* {operation} by {by} runs")?;
                if !include.is_empty() {
                    write!(f, ", to add {}", include.join(", "))?;
                }
                if !exclude.is_empty() {
                    write!(f, ", to remove {}", exclude.join(", "))?;
                }
                Ok(())
            }
            Self::Progress { contributed, confirmed, awaited } => {
                write!(f, "* … {contributed} contributed, {confirmed} confirmed")?;
                if awaited.is_empty() {
                    Ok(())
                } else {
                    write!(f, ", awaiting {}", awaited.join(", "))
                }
            }
            Self::Failed { operation, by, why } => {
                write!(f, "! {operation} by {by} ended without effect: {why}")
            }
            Self::Ended { own, how, .. } => write!(f, "* {own} {how}"),
            Self::Who { members, channel, state } => write!(
                f,
                "* {state}; members: {}; in the room, says the relay: {}",
                members.join(", "),
                channel.join(", ")
            ),
            Self::Unacked { author, text, missing } => {
                write!(f, "* not acked by {}: <{author}> {}", missing.join(", "), shorten(text))
            }
            Self::Status(status) => write!(
                f,
                "* {}; members {}; {} messages, transcript {}; chain hash {}; {} not acked",
                status.state,
                status.members.join(","),
                status.messages,
                start(&status.transcript),
                start(&status.chain_hash),
                status.unacked,
            ),
            Self::Note { text } => write!(f, "* {text}"),
            Self::Warning { text } => write!(f, "! {text}"),
            Self::Alarm { text } => write!(f, "!!! {text}"),
        }
    }
}

/// The start of a hash, enough for people to compare.
pub(crate) fn start(hash: &str) -> &str {
    hash.get(..16).unwrap_or(hash)
}

fn shorten(text: &str) -> String {
    const LONG: usize = 40;
    if text.chars().count() <= LONG {
        text.to_owned()
    } else {
        text.chars().take(LONG).chain(['…']).collect()
    }
}

/// Names of members; what could play tricks on a reader is escaped.
pub(crate) fn names<'a>(members: impl IntoIterator<Item = &'a MemberId>) -> Vec<String> {
    members.into_iter().map(ToString::to_string).collect()
}

/// What an event says that needs no more than itself; messages and their acks are the caller's,
/// who has the log.
pub(crate) fn of_event(event: &Event) -> Option<Line> {
    let name = |member: &MemberId| member.to_string();
    let list = |members: &[MemberId]| names(members);
    let operation = |info: &OperationInfo| info.operation.to_string();
    Some(match event {
        Event::Proposed { own, operation } => {
            Line::Proposed { own: own.to_string(), operation: operation.to_string() }
        }
        Event::OperationAccepted(info) => Line::Accepted {
            operation: operation(info),
            by: name(&info.author),
            include: list(&info.include),
            exclude: list(&info.exclude),
        },
        Event::OperationProgress { contributed, confirmed, awaited } => Line::Progress {
            contributed: contributed.len(),
            confirmed: confirmed.len(),
            awaited: list(awaited),
        },
        Event::OperationFailed { operation: info, reason } => {
            Line::Failed { operation: operation(info), by: name(&info.author), why: why(reason) }
        }
        Event::OperationOverdue { operation: info, awaited } => Line::Warning {
            text: format!(
                "{} by {} takes longer than it should, awaiting {}",
                operation(info),
                name(&info.author),
                list(awaited).join(", ")
            ),
        },
        Event::CannotConfirm { operation: info, reason } => Line::Warning {
            text: format!(
                "we do not confirm the {} by {}: {reason}; nobody is trusted without a known key",
                operation(info),
                name(&info.author)
            ),
        },
        Event::OperationEnded { own, outcome } => Line::Ended {
            own: own.to_string(),
            completed: matches!(outcome, Outcome::Completed),
            how: outcome_text(outcome),
        },
        Event::Members { remain, include, exclude, operation, author } => Line::Members {
            members: names(remain.iter().chain(include)),
            include: list(include),
            exclude: list(exclude),
            by: name(author),
            operation: operation.to_string(),
        },
        Event::EnteredChannel { others } if others.is_empty() => {
            note("you are in the room, alone; whoever enters can be included")
        }
        Event::EnteredChannel { others } => note(format!(
            "you are in the room, with {}; wait for one of them to include you",
            list(others).join(", ")
        )),
        Event::MemberEntered(member) => note(format!(
            "somebody who calls themselves {0} is in the room; /include {0} adds them",
            name(member)
        )),
        Event::MemberLeft(member) => {
            note(format!("{} left the room, says the relay", name(member)))
        }
        Event::LeftChannel => note("you left the room: the session is over"),
        Event::NotIncluded => warning("nobody has included you in time"),
        Event::Excluded { by } => warning(format!("{} excluded you", name(by))),
        Event::Parting(member) => note(format!("{} is leaving", name(member))),
        Event::Parted { consistent: true } => note("everything was acked by everybody"),
        Event::Parted { consistent: false } => {
            warning("the members as they were did not ack everything: marked messages stay marked")
        }
        Event::Unreachable { .. } => return None,
        Event::NotAccepted { author, missing, .. } => warning(format!(
            "a message by {} waits out of sight for {} earlier ones",
            name(author),
            missing.len()
        )),
        Event::NotDecrypted { sender, octets, .. } => warning(format!(
            "a packet of {octets} octets that {} sent, says the relay, could not be opened",
            name(sender)
        )),
        Event::Plain { sender } => warning(format!(
            "{} sent something that is not encrypted; it is not shown",
            name(sender)
        )),
        Event::Refused { sender, fault } => {
            warning(format!("refused a packet that {} sent, says the relay: {fault}", name(sender)))
        }
        Event::PeerMisbehaved { member, fault } => {
            alarm(format!("{} broke the rules, signed by themselves: {fault}", name(member)))
        }
        Event::OrderMismatch { author, reason } => alarm(format!(
            "{} builds on another history than ours: somebody was told something else ({reason})",
            name(author)
        )),
        Event::Internal(what) => alarm(format!("a bug in this program closed the session: {what}")),
        other if other.severity() > Severity::Info => warning(format!("{other:?}")),
        _ => return None,
    })
}

pub(crate) fn note(text: impl Into<String>) -> Line {
    Line::Note { text: text.into() }
}

pub(crate) fn warning(text: impl Into<String>) -> Line {
    Line::Warning { text: text.into() }
}

fn alarm(text: impl Into<String>) -> Line {
    Line::Alarm { text: text.into() }
}

fn why(reason: &FailReason) -> String {
    match reason {
        FailReason::MemberLeft(members) => {
            format!("{} left the room, says the relay", names(members).join(", "))
        }
        FailReason::Aborted { by, reason } if reason.is_empty() => {
            format!("{} aborted it", by)
        }
        FailReason::Aborted { by, reason } => {
            format!("{} aborted it: {}", by, printable(reason))
        }
        FailReason::WeLeft => "you left the room".into(),
        FailReason::NotEntered(members) => {
            format!("{} did not enter the room", names(members).join(", "))
        }
        FailReason::ChannelChanged => "the room changed in the meantime; try again".into(),
        other => format!("{other:?}"),
    }
}

/// A text by somebody else, without what could play tricks on a terminal.
pub(crate) fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

fn outcome_text(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Completed => "is done".into(),
        Outcome::Rejected { by } => {
            format!("was rejected: an operation by {} came first", by)
        }
        Outcome::Failed(reason) => format!("failed: {}", why(reason)),
        Outcome::TimedOut => "timed out: the relay has not passed it on".into(),
        other => format!("{other:?}"),
    }
}
