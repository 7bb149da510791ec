//! What a person types.

use std::fmt;

use super::words::{BadWords, Printable, split, split_at_colon};

/// A line of input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Command {
    /// Send this text.
    Say(String),
    /// Send this text to exactly these, once they are the members.
    To(Vec<String>, String),
    /// Propose to include these.
    Include(Vec<String>),
    /// Propose to exclude these.
    Exclude(Vec<String>),
    /// Propose to renew the group key.
    Refresh,
    /// Abort the running operation.
    Abort(String),
    /// Start a session although others are in the room.
    Start,
    /// Show the fingerprint of this one's key, or compare it with these digits.
    Verify(String, String),
    /// Show the members.
    Who,
    /// Show who has not acked what.
    Acks,
    /// Show the texts that wait for their readers.
    Queue,
    /// Take back the text that waits under this number.
    TakeBack(usize),
    /// Show one line of figures that members can compare.
    Status,
    /// Leave the session.
    Part,
    /// Show what there is.
    Help,
    /// Nothing.
    Empty,
}

/// A command that does not exist, or lacks something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum BadCommand {
    Unknown(String),
    NeedsNames(&'static str),
    NeedsNothing(&'static str),
    NeedsText,
    NeedsNumber,
    NeedsName,
    Words(&'static str, BadWords),
}

impl fmt::Display for BadCommand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown(word) => write!(
                f,
                "there is no command {}: /help shows all; to send a text that starts with /, type //",
                Printable(word)
            ),
            Self::NeedsNames(word) => write!(f, "{word} needs one or more names"),
            Self::NeedsNothing(word) => write!(f, "{word} takes nothing more"),
            Self::NeedsText => {
                f.write_str("/to needs names, a colon and a text, such as: /to ann bob: see you")
            }
            Self::NeedsNumber => f.write_str("/take-back needs one number that /queue shows"),
            Self::NeedsName => f.write_str("/verify needs one name, and then perhaps digits"),
            Self::Words(word, fault) => write!(f, "{word}: {fault}"),
        }
    }
}

pub(crate) const HELP: [&str; 16] = [
    "/include NAME…   propose to add these; whoever is not in the room is waited for a while",
    "/exclude NAME…   propose to remove these",
    "/to NAME…: TEXT  send this to exactly these others, now or once they are the members",
    "/queue           what waits for its readers to be the members",
    "/take-back N     take back the text that waits under this number",
    "/refresh         propose to renew the group key",
    "/abort [WHY]     end the running operation without effect",
    "/start           found a session here, although others were in the room before you",
    "/who             who the members are, and who else is in the room",
    "/verify NAME     show the fingerprints of their key and yours, to be compared by another way",
    "/verify NAME DIGITS  compare theirs with what they have read to you, and record it",
    "/acks            who has not acked what",
    "/status          one line of figures that members can compare",
    "/part            leave, once everybody has acked that you leave, or time is up",
    "Anything else is sent to the members; a text that starts with / is typed with //.",
    "A name with spaces goes in quotes: /include \"ann lee\"",
];

/// All commands, as they are typed.
pub(crate) const COMMANDS: [&str; 14] = [
    "/abort",
    "/acks",
    "/exclude",
    "/help",
    "/include",
    "/part",
    "/queue",
    "/refresh",
    "/start",
    "/status",
    "/take-back",
    "/to",
    "/verify",
    "/who",
];

impl Command {
    /// Reads a line.
    pub(crate) fn parse(line: &str) -> Result<Self, BadCommand> {
        let line = line.trim_end_matches(['\r', '\n']);
        if line.trim().is_empty() {
            return Ok(Self::Empty);
        }
        if let Some(text) = line.strip_prefix("//") {
            return Ok(Self::Say(format!("/{text}")));
        }
        if !line.starts_with('/') {
            return Ok(Self::Say(line.to_owned()));
        }
        let (word, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
        let rest = rest.trim();
        let names = |word, make: fn(Vec<String>) -> Self| match split(rest) {
            Err(fault) => Err(BadCommand::Words(word, fault)),
            Ok(names) if names.is_empty() => Err(BadCommand::NeedsNames(word)),
            Ok(names) => Ok(make(names)),
        };
        let plain = |word, command| {
            if rest.is_empty() { Ok(command) } else { Err(BadCommand::NeedsNothing(word)) }
        };
        match word {
            "/to" => {
                let (listed, text) = split_at_colon(rest)
                    .map_err(|fault| BadCommand::Words("/to", fault))?
                    .ok_or(BadCommand::NeedsText)?;
                match split(listed) {
                    Err(fault) => Err(BadCommand::Words("/to", fault)),
                    Ok(names) if names.is_empty() => Err(BadCommand::NeedsNames("/to")),
                    Ok(_) if text.trim().is_empty() => Err(BadCommand::NeedsText),
                    Ok(names) => Ok(Self::To(names, text.trim().to_owned())),
                }
            }
            "/include" => names("/include", Self::Include),
            "/exclude" => names("/exclude", Self::Exclude),
            "/refresh" => plain("/refresh", Self::Refresh),
            "/abort" => Ok(Self::Abort(rest.to_owned())),
            "/start" => plain("/start", Self::Start),
            "/verify" => match split(rest) {
                Err(fault) => Err(BadCommand::Words("/verify", fault)),
                Ok(words) => words
                    .split_first()
                    .map(|(name, digits)| Self::Verify(name.clone(), digits.join(" ")))
                    .ok_or(BadCommand::NeedsName),
            },
            "/who" => plain("/who", Self::Who),
            "/acks" => plain("/acks", Self::Acks),
            "/status" => plain("/status", Self::Status),
            "/queue" => plain("/queue", Self::Queue),
            "/take-back" => rest.parse().map(Self::TakeBack).map_err(|_| BadCommand::NeedsNumber),
            "/part" => plain("/part", Self::Part),
            "/help" => plain("/help", Self::Help),
            other => Err(BadCommand::Unknown(other.to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read() {
        let names = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
        for (line, command) in [
            ("hello /there\n", Command::Say("hello /there".into())),
            ("//include x", Command::Say("/include x".into())),
            ("/include bob  carol", Command::Include(names(&["bob", "carol"]))),
            ("/exclude \"ann lee\" bob\r\n", Command::Exclude(names(&["ann lee", "bob"]))),
            ("/abort  too \"slow ", Command::Abort("too \"slow".into())),
            ("/abort", Command::Abort(String::new())),
            (
                "/to bob \"ann lee\":  so: hi ",
                Command::To(names(&["bob", "ann lee"]), "so: hi".into()),
            ),
            (
                "/to \"x: y\" \"\\\":\": a \"b: c",
                Command::To(names(&["x: y", "\":"]), "a \"b: c".into()),
            ),
            ("/queue", Command::Queue),
            ("/verify \"ann lee\"", Command::Verify("ann lee".into(), String::new())),
            ("/verify bob 12345  678", Command::Verify("bob".into(), "12345 678".into())),
            ("/take-back 12", Command::TakeBack(12)),
            ("/part ", Command::Part),
            ("  \n", Command::Empty),
        ] {
            assert_eq!(Command::parse(line), Ok(command), "{line:?}");
        }
    }

    #[test]
    fn what_is_no_command_is_refused_and_never_sent() {
        for (line, fault) in [
            ("/include", BadCommand::NeedsNames("/include")),
            ("/exclude  ", BadCommand::NeedsNames("/exclude")),
            ("/include \"ann", BadCommand::Words("/include", BadWords::Open)),
            ("/to bob hi", BadCommand::NeedsText),
            ("/to bob: ", BadCommand::NeedsText),
            ("/to : hi", BadCommand::NeedsNames("/to")),
            ("/to \"ann: hi", BadCommand::Words("/to", BadWords::Open)),
            ("/to \"ann: hi\"", BadCommand::NeedsText),
            ("/to \"ann\"lee: hi", BadCommand::Words("/to", BadWords::Glued)),
            ("/verify", BadCommand::NeedsName),
            ("/take-back", BadCommand::NeedsNumber),
            ("/take-back -1", BadCommand::NeedsNumber),
            ("/take-back 1 2", BadCommand::NeedsNumber),
            ("/queue 1", BadCommand::NeedsNothing("/queue")),
            ("/who me", BadCommand::NeedsNothing("/who")),
            ("/nick x", BadCommand::Unknown("/nick".into())),
            ("/Include x", BadCommand::Unknown("/Include".into())),
        ] {
            assert_eq!(Command::parse(line), Err(fault), "{line:?}");
        }
    }
}
