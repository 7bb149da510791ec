//! What a person, or a program with `--json`, reads.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::words::{Changed, Name, Names, Printable, Shortened};

/// One line of output. Programs read its JSON, in which names and texts are as they are; people
/// read its `Display`, in which nothing can play tricks on them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "line", rename_all = "snake_case")]
pub(crate) enum Line {
    /// A message takes its place in the log.
    Message {
        number: usize,
        author: String,
        text: String,
        parents_back: Vec<usize>,
        /// Whether it was written among the members as they were before a change.
        #[serde(default)]
        former: bool,
    },
    /// Everybody has acked a message.
    FullyAcked { number: usize, author: String, text: String },
    /// Somebody has not acked a message in time.
    NotFullyAcked { number: usize, author: String, text: String, missing: Vec<String> },
    /// Somebody has left or was excluded before they acked a message: their ack will not come.
    Unreachable { number: usize, author: String, text: String, missing: Vec<String> },
    /// The members have changed, or have a new key.
    Members {
        members: Vec<String>,
        include: Vec<String>,
        exclude: Vec<String>,
        by: String,
        operation: String,
        /// Whether it made a member of us.
        joined: bool,
    },
    /// An operation of ours was proposed.
    Proposed { own: String, operation: String },
    /// An operation was accepted and runs.
    Accepted {
        operation: String,
        by: String,
        include: Vec<String>,
        exclude: Vec<String>,
        /// Whether it is to make a member of us, together with those to include.
        joins: bool,
    },
    /// How far it is, out of so many who take part.
    Progress { contributed: usize, confirmed: usize, of: usize, awaited: Vec<String> },
    /// An operation, perhaps our own, ended without effect.
    Failed { own: Option<String>, operation: String, by: String, why: String },
    /// How an operation of ours ended.
    Ended { own: String, completed: bool, how: String },
    /// What `/who` shows.
    Who {
        members: Vec<String>,
        channel: Vec<String>,
        state: String,
        /// The operation that runs.
        #[serde(default)]
        running: Option<Running>,
        /// Who has not confirmed yet that they were told the same history of operations as we were.
        #[serde(default)]
        unconfirmed: Vec<String>,
        /// Of which members the key was compared with them.
        #[serde(default)]
        compared: Vec<String>,
    },
    /// What `/verify` shows: digits to read out.
    Fingerprints { member: String, theirs: String, own: String, compared: bool },
    /// One text of what `/queue` shows, and the number by which it is taken back.
    Waiting { number: usize, readers: Vec<String>, text: String },
    /// One message of what `/acks` shows.
    Unacked { number: usize, author: String, text: String, missing: Vec<String> },
    /// What `/status` shows.
    Status(Status),
    /// Something to know.
    Note { text: String },
    /// Something to worry about.
    Warning { text: String },
    /// Somebody broke the rules in a way that matters.
    Alarm { text: String },
}

/// Who has done what of the operation that runs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Running {
    pub(crate) contributed: Vec<String>,
    pub(crate) confirmed: Vec<String>,
    pub(crate) awaited: Vec<String>,
}

/// Figures that members can compare with each other.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Status {
    pub(crate) state: String,
    pub(crate) members: Vec<String>,
    /// SHA-256 over the ids of all messages of the current sub-session, acks among them, in the
    /// order that is the same for everybody.
    pub(crate) transcript: String,
    pub(crate) messages: usize,
    pub(crate) chain_hash: String,
    pub(crate) unacked: usize,
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Message { author, text, number, parents_back, former } => {
                write!(f, "[{number}] <{}> {}", Name(author), Printable(text))?;
                if let Some(parents) = parents_in_words(*number, parents_back) {
                    write!(f, "   ↑ {parents}")?;
                }
                f.write_str(if *former { "   ↑ among the members before the change" } else { "" })
            }
            Self::FullyAcked { number, .. } => write!(f, "✓ [{number}] everybody has acked it"),
            Self::NotFullyAcked { number, author, text, missing } => write!(
                f,
                "! [{number}] not acked in time by {}: <{}> {}",
                Names(missing),
                Name(author),
                Shortened(text)
            ),
            Self::Unreachable { number, author, text, missing } => write!(
                f,
                "! [{number}] {} left or was excluded before acking it: <{}> {}",
                Names(missing),
                Name(author),
                Shortened(text)
            ),
            Self::Members { members, include, exclude, by, operation, joined } => {
                if *joined {
                    f.write_str("* you are a member now; ")?;
                    write!(f, "members, as each of them confirmed: {}", Names(members))?;
                } else {
                    members_changed(f, members, include, exclude)?;
                }
                write!(f, " ({} by {})", Printable(operation), Name(by))
            }
            Self::Proposed { own, operation } => {
                write!(f, "* {operation} is proposed ({own}); nothing changes until it is done")
            }
            Self::Accepted { operation, by, include, exclude, joins } => {
                write!(f, "* {operation} by {} runs", Name(by))?;
                if *joins {
                    return write!(f, ", to make a group of you and {}", Names(include));
                }
                if !include.is_empty() {
                    write!(f, ", to add {}", Names(include))?;
                }
                if !exclude.is_empty() {
                    write!(f, ", to remove {}", Names(exclude))?;
                }
                Ok(())
            }
            Self::Progress { contributed, confirmed, of, awaited } => {
                write!(f, "* … {contributed} of {of} contributed, {confirmed} of {of} confirmed")?;
                if awaited.is_empty() { Ok(()) } else { write!(f, "; awaiting {}", Names(awaited)) }
            }
            Self::Failed { operation, by, why, .. } => {
                write!(f, "! {operation} by {} ended without effect: {why}", Name(by))
            }
            Self::Ended { own, completed: true, how } => write!(f, "* {own} {how}"),
            Self::Ended { own, completed: false, how } => write!(f, "! {own} {how}"),
            Self::Who { members, channel, state, running, unconfirmed, compared } => {
                who(f, members, channel, state)?;
                if !compared.is_empty() {
                    write!(f, "; keys that you have compared: {}", Names(compared))?;
                }
                if let Some(running) = running {
                    progress(f, running)?;
                }
                if unconfirmed.is_empty() {
                    return Ok(());
                }
                f.write_str("; not confirmed yet that all were told the same history: ")?;
                write!(f, "{}", Names(unconfirmed))
            }
            Self::Fingerprints { member, theirs, own, .. } => {
                write!(f, "* {}: {}; you: {}", Name(member), Printable(theirs), Printable(own))
            }
            Self::Waiting { number, readers, text } => {
                write!(f, "* ({number}) waits for {}: {}", Names(readers), Shortened(text))
            }
            Self::Unacked { number, author, text, missing } => write!(
                f,
                "* [{number}] not acked by {}: <{}> {}",
                Names(missing),
                Name(author),
                Shortened(text)
            ),
            Self::Status(status) => write!(
                f,
                "* {}; members: {}; {} messages and acks, transcript {}; chain hash {}; {} not acked",
                status.state,
                Names(&status.members),
                status.messages,
                start(&status.transcript),
                start(&status.chain_hash),
                status.unacked,
            ),
            Self::Note { text } => write!(f, "* {}", Printable(text)),
            Self::Warning { text } => write!(f, "! {}", Printable(text)),
            Self::Alarm { text } => write!(f, "!!! {}", Printable(text)),
        }
    }
}

/// What a message was written in view of, if that is not the line above it.
pub(crate) fn parents_in_words(number: usize, parents_back: &[usize]) -> Option<String> {
    match parents_back {
        [1] => None,
        [] if number == 1 => None,
        [] => Some("written before anything above was seen".into()),
        parents => {
            let parents = parents.iter().rev().map(|back| number.saturating_sub(*back));
            let parents: Vec<String> = parents.map(|number| format!("[{number}]")).collect();
            Some(format!("written after {}", parents.join(", ")))
        }
    }
}

fn members_changed(
    f: &mut fmt::Formatter<'_>,
    members: &[String],
    include: &[String],
    exclude: &[String],
) -> fmt::Result {
    match members {
        // Nobody confirms a refresh: whoever gets its packet has the new key.
        _ if include.is_empty() && exclude.is_empty() => {
            return write!(f, "* the group key is new; members as before: {}", Names(members));
        }
        [_] => f.write_str("* alone now: ")?,
        _ => f.write_str("* members, as each of them confirmed: ")?,
    }
    write!(f, "{}", Changed { members, include, exclude })
}

fn who(
    f: &mut fmt::Formatter<'_>,
    members: &[String],
    channel: &[String],
    state: &str,
) -> fmt::Result {
    write!(f, "* {state}; members: {}", Names(members))?;
    let others: Vec<String> =
        channel.iter().filter(|name| !members.contains(name)).cloned().collect();
    if !others.is_empty() {
        write!(f, "; also in the room, says the server: {}", Names(&others))?;
    }
    let absent: Vec<String> =
        members.iter().filter(|name| !channel.contains(name)).cloned().collect();
    if !absent.is_empty() {
        write!(f, "; not in the room, says the server: {}", Names(&absent))?;
    }
    Ok(())
}

fn progress(f: &mut fmt::Formatter<'_>, running: &Running) -> fmt::Result {
    f.write_str("; an operation runs")?;
    for (what, names) in [
        ("contributed", &running.contributed),
        ("confirmed", &running.confirmed),
        ("awaited", &running.awaited),
    ] {
        if !names.is_empty() {
            write!(f, ", {what}: {}", Names(names))?;
        }
    }
    Ok(())
}

/// The start of a hash, enough for people to compare.
pub(crate) fn start(hash: &str) -> &str {
    hash.get(..16).unwrap_or(hash)
}

pub(crate) fn note(text: impl Into<String>) -> Line {
    Line::Note { text: text.into() }
}

pub(crate) fn warning(text: impl Into<String>) -> Line {
    Line::Warning { text: text.into() }
}

pub(crate) fn alarm(text: impl Into<String>) -> Line {
    Line::Alarm { text: text.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(number: usize, parents_back: &[usize], former: bool) -> String {
        let (author, text, parents_back) = ("ann".into(), "hi".into(), parents_back.to_vec());
        Line::Message { number, author, text, parents_back, former }.to_string()
    }

    #[test]
    fn messages_say_where_their_parents_are_unless_it_is_the_line_above() {
        assert_eq!(message(1, &[], false), "[1] <ann> hi");
        assert_eq!(message(7, &[1], false), "[7] <ann> hi");
        assert_eq!(message(7, &[2], false), "[7] <ann> hi   ↑ written after [5]");
        assert_eq!(message(7, &[1, 3], false), "[7] <ann> hi   ↑ written after [4], [6]");
        assert_eq!(
            message(2, &[], false),
            "[2] <ann> hi   ↑ written before anything above was seen"
        );
        assert_eq!(message(7, &[1], true), "[7] <ann> hi   ↑ among the members before the change");
    }

    #[test]
    fn no_line_plays_tricks() {
        let bad = "\u{1b}[2J\u{9b}31m\u{202e}evil\n\u{2066}".to_owned();
        let list = vec![bad.clone()];
        let (author, text, missing) = (bad.clone(), bad.clone(), list.clone());
        let (members, include, exclude) = (list.clone(), list.clone(), list.clone());
        let lines = [
            Line::Message {
                number: 1,
                author: author.clone(),
                text: text.clone(),
                parents_back: vec![],
                former: false,
            },
            Line::NotFullyAcked {
                number: 1,
                author: author.clone(),
                text: text.clone(),
                missing: missing.clone(),
            },
            Line::Unreachable {
                number: 1,
                author: author.clone(),
                text: text.clone(),
                missing: missing.clone(),
            },
            Line::Unacked { number: 1, author, text: text.clone(), missing },
            Line::Members {
                members: members.clone(),
                include: include.clone(),
                exclude: exclude.clone(),
                by: bad.clone(),
                operation: "include".into(),
                joined: false,
            },
            Line::Accepted {
                operation: "include".into(),
                by: bad.clone(),
                include,
                exclude,
                joins: false,
            },
            Line::Progress { contributed: 1, confirmed: 1, of: 2, awaited: list.clone() },
            Line::Who {
                members: members.clone(),
                channel: vec!["x\u{7f}".into()],
                state: "alone".into(),
                running: Some(Running {
                    contributed: list.clone(),
                    confirmed: list.clone(),
                    awaited: list.clone(),
                }),
                unconfirmed: list.clone(),
                compared: list.clone(),
            },
            Line::Fingerprints {
                member: bad.clone(),
                theirs: bad.clone(),
                own: bad.clone(),
                compared: true,
            },
            Line::Waiting { number: 1, readers: list, text: text.clone() },
            Line::Status(Status { members, ..Status::default() }),
            note(text.clone()),
            warning(text.clone()),
            alarm(text),
        ];
        for line in lines {
            let shown = line.to_string();
            assert!(!shown.chars().any(super::super::words::plays_tricks), "{shown:?}");
            let json = super::super::words::json(&line).unwrap();
            assert_eq!(serde_json::from_str::<Line>(&json).unwrap(), line);
        }
    }

    #[test]
    fn who_says_how_far_the_running_operation_is() {
        let names = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
        let who = |running, unconfirmed: &[&str]| {
            let (members, channel) = (names(&["ann", "bob"]), names(&["ann", "eve x"]));
            let unconfirmed = names(unconfirmed);
            let (state, compared) = ("here".into(), vec![]);
            Line::Who { members, channel, state, running, unconfirmed, compared }.to_string()
        };
        let plain = "* here; members: ann, bob; also in the room, says the server: \"eve x\"; \
                     not in the room, says the server: bob";
        assert_eq!(who(None, &[]), plain);
        let (contributed, confirmed) = (names(&["ann", "eve x"]), names(&["ann"]));
        let running = Running { contributed, confirmed, awaited: names(&["bob"]) };
        assert_eq!(
            who(Some(running), &["bob"]),
            format!(
                "{plain}; an operation runs, contributed: ann, \"eve x\", confirmed: ann, \
                 awaited: bob; not confirmed yet that all were told the same history: bob"
            )
        );
    }

    #[test]
    fn only_a_change_of_members_was_confirmed_by_each() {
        let members = |members: &[&str], include: &[&str], exclude: &[&str]| {
            let list = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
            Line::Members {
                members: list(members),
                include: list(include),
                exclude: list(exclude),
                by: "ann".into(),
                operation: "…".into(),
                joined: false,
            }
            .to_string()
        };
        assert_eq!(
            members(&["ann", "bob"], &["bob"], &["eve x"]),
            "* members, as each of them confirmed: ann, +bob; −\"eve x\" (… by ann)"
        );
        assert_eq!(
            members(&["ann", "bob"], &[], &[]),
            "* the group key is new; members as before: ann, bob (… by ann)"
        );
        assert_eq!(
            members(&["ann"], &[], &["bob", "cat"]),
            "* alone now: ann; −bob, −cat (… by ann)"
        );
    }
}
