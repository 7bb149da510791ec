//! What a person types.

use std::fmt;

/// A line of input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Command {
    /// Send this text.
    Say(String),
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
    /// Show the members.
    Who,
    /// Show who has not acked what.
    Acks,
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
}

impl fmt::Display for BadCommand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown(word) => write!(f, "there is no command {word}; /help shows all"),
            Self::NeedsNames(word) => write!(f, "{word} needs one or more names"),
            Self::NeedsNothing(word) => write!(f, "{word} takes nothing more"),
        }
    }
}

pub(crate) const HELP: &str = "\
/include NAME…  add members        /who     members and who else is in the room
/exclude NAME…  remove members     /acks    who has not acked what
/refresh        renew the key      /status  one line that members can compare
/abort [WHY]    end the running operation
/start          found a session here   /part    leave the session
Everything else is sent to the members. A text that starts with / is sent as //…";

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
        let mut words = line.split_whitespace();
        let word = words.next().unwrap_or_default();
        let rest: Vec<String> = words.map(str::to_owned).collect();
        let names = |name: &'static str, make: fn(Vec<String>) -> Self| {
            if rest.is_empty() { Err(BadCommand::NeedsNames(name)) } else { Ok(make(rest.clone())) }
        };
        let plain = |name: &'static str, command: Self| {
            if rest.is_empty() { Ok(command) } else { Err(BadCommand::NeedsNothing(name)) }
        };
        match word {
            "/include" => names("/include", Self::Include),
            "/exclude" => names("/exclude", Self::Exclude),
            "/refresh" => plain("/refresh", Self::Refresh),
            "/abort" => Ok(Self::Abort(rest.join(" "))),
            "/start" => plain("/start", Self::Start),
            "/who" => plain("/who", Self::Who),
            "/acks" => plain("/acks", Self::Acks),
            "/status" => plain("/status", Self::Status),
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
        let names = vec!["bob".to_owned(), "carol".to_owned()];
        assert_eq!(Command::parse("hello /there\n"), Ok(Command::Say("hello /there".into())));
        assert_eq!(Command::parse("//include x"), Ok(Command::Say("/include x".into())));
        assert_eq!(Command::parse("/include bob  carol"), Ok(Command::Include(names)));
        assert_eq!(Command::parse("/abort too slow"), Ok(Command::Abort("too slow".into())));
        assert_eq!(Command::parse("  \n"), Ok(Command::Empty));
        assert_eq!(Command::parse("/include"), Err(BadCommand::NeedsNames("/include")));
        assert_eq!(Command::parse("/who me"), Err(BadCommand::NeedsNothing("/who")));
        assert_eq!(Command::parse("/nick x"), Err(BadCommand::Unknown("/nick".into())));
    }
}
