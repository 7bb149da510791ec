//! Words: how names are typed and shown, and how what others wrote is made safe to show.

use std::fmt::{self, Write};
use std::iter::Peekable;
use std::str::Chars;

/// A name, as a person reads it and can type it: as it is if it is one plain word, else in quotes,
/// with escapes for whatever does not show or turns the direction of writing.
///
/// What [`split`] reads of it is the same name again, so two names never look the same unless
/// their letters do.
pub(crate) struct Name<'a>(pub(crate) &'a str);

impl fmt::Display for Name<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plain = |c: char| c.is_alphanumeric() || "-_.@+'".contains(c);
        // A plus before a name says that it is new.
        if !self.0.is_empty() && !self.0.starts_with('+') && self.0.chars().all(plain) {
            return f.write_str(self.0);
        }
        f.write_char('"')?;
        for c in self.0.chars() {
            match c {
                '\'' => f.write_char(c)?,
                c => write!(f, "{}", c.escape_debug())?,
            }
        }
        f.write_char('"')
    }
}

/// Names, with commas between them.
pub(crate) struct Names<'a>(pub(crate) &'a [String]);

impl fmt::Display for Names<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, name) in self.0.iter().enumerate() {
            write!(f, "{}{}", if at == 0 { "" } else { ", " }, Name(name))?;
        }
        Ok(())
    }
}

/// Members after a change: a plus stands before who is new among them, a minus before who is not any
/// more.
pub(crate) struct Changed<'a> {
    pub(crate) members: &'a [String],
    pub(crate) include: &'a [String],
    pub(crate) exclude: &'a [String],
}

impl fmt::Display for Changed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, name) in self.members.iter().enumerate() {
            let new = if self.include.contains(name) { "+" } else { "" };
            write!(f, "{}{new}{}", if at == 0 { "" } else { ", " }, Name(name))?;
        }
        for (at, name) in self.exclude.iter().enumerate() {
            write!(f, "{}−{}", if at == 0 { "; " } else { ", " }, Name(name))?;
        }
        Ok(())
    }
}

/// Why a line does not split into words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BadWords {
    /// A quote that opens a word is never closed.
    Open,
    /// What follows the backslash is no escape.
    Escape,
    /// A closing quote is not followed by a space.
    Glued,
}

impl fmt::Display for BadWords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Open => "a quoted name has no closing \"",
            Self::Escape => {
                "in a quoted name, a backslash comes before \", \\, n, r, t, 0, or u{…} with the \
                 number of a character"
            }
            Self::Glued => "a space is missing after a closing \"",
        })
    }
}

/// Splits a line into words at white space. A word that begins with a quote goes on to the closing
/// one, and may hold spaces and the escapes that [`Name`] shows.
pub(crate) fn split(line: &str) -> Result<Vec<String>, BadWords> {
    let mut words = Vec::new();
    let mut chars = line.chars().peekable();
    loop {
        while chars.next_if(|c| c.is_whitespace()).is_some() {}
        if chars.next_if_eq(&'"').is_some() {
            words.push(quoted(&mut chars)?);
            if chars.peek().is_some_and(|c| !c.is_whitespace()) {
                return Err(BadWords::Glued);
            }
            continue;
        }
        let mut word = String::new();
        while let Some(c) = chars.next_if(|c| !c.is_whitespace()) {
            word.push(c);
        }
        if word.is_empty() {
            return Ok(words);
        }
        words.push(word);
    }
}

/// Splits a line at its first colon that is not inside of a quoted word. `None` if there is none.
pub(crate) fn split_at_colon(line: &str) -> Result<Option<(&str, &str)>, BadWords> {
    let (mut opens, mut quoted, mut escaped) = (true, false, false);
    for (at, c) in line.char_indices() {
        match c {
            ':' if !quoted => return Ok(line.get(..at).zip(line.get(at.saturating_add(1)..))),
            '"' if opens && !quoted => quoted = true,
            '"' if quoted && !escaped => quoted = false,
            _ => {}
        }
        escaped = quoted && c == '\\' && !escaped;
        opens = c.is_whitespace();
    }
    if quoted { Err(BadWords::Open) } else { Ok(None) }
}

fn quoted(chars: &mut Peekable<Chars<'_>>) -> Result<String, BadWords> {
    let mut word = String::new();
    loop {
        match chars.next().ok_or(BadWords::Open)? {
            '"' => return Ok(word),
            '\\' => word.push(match chars.next().ok_or(BadWords::Open)? {
                c @ ('"' | '\\' | '\'') => c,
                'n' => '\n',
                'r' => '\r',
                't' => '\t',
                '0' => '\0',
                'u' => unicode(chars).ok_or(BadWords::Escape)?,
                _ => return Err(BadWords::Escape),
            }),
            c => word.push(c),
        }
    }
}

fn unicode(chars: &mut Peekable<Chars<'_>>) -> Option<char> {
    chars.next_if_eq(&'{')?;
    let mut number = 0_u32;
    loop {
        match chars.next()? {
            '}' => return char::from_u32(number),
            digit => {
                let digit = digit.to_digit(16)?;
                number = number.checked_mul(16)?.checked_add(digit)?;
            }
        }
    }
}

/// Whether a character can command a terminal, break a line, or turn the direction of writing.
pub(crate) fn plays_tricks(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{61c}'
                | '\u{200e}'
                | '\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2066}'..='\u{2069}'
        )
}

/// A text by somebody else, on one line, without what could play tricks on a reader.
pub(crate) struct Printable<'a>(pub(crate) &'a str);

impl fmt::Display for Printable<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|c| {
            f.write_char(match c {
                '\t' => ' ',
                '\n' => '⏎',
                c if plays_tricks(c) => char::REPLACEMENT_CHARACTER,
                c => c,
            })
        })
    }
}

/// The start of a text, enough to know which one is meant.
pub(crate) struct Shortened<'a>(pub(crate) &'a str);

impl fmt::Display for Shortened<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const LONG: usize = 40;
        match self.0.char_indices().nth(LONG) {
            Some((end, _)) => write!(f, "{}…", Printable(self.0.get(..end).unwrap_or_default())),
            None => Printable(self.0).fmt(f),
        }
    }
}

/// JSON, with escapes for what could play tricks on whoever looks at it in a terminal.
pub(crate) fn json<T: serde::Serialize>(value: &T) -> serde_json::Result<String> {
    let mut safe = String::new();
    // Outside of its strings JSON has no such characters, and inside of them this means the same.
    for c in serde_json::to_string(value)?.chars() {
        if plays_tricks(c) {
            // All of them are below U+10000. Writing to a string cannot fail.
            let _ = write!(safe, "\\u{:04x}", u32::from(c));
        } else {
            safe.push(c);
        }
    }
    Ok(safe)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_shown_as_they_can_be_typed() {
        for (name, shown) in [
            ("ann", "ann"),
            ("Zoë-2", "Zoë-2"),
            ("O'Brien", "O'Brien"),
            ("a+b", "a+b"),
            ("+a", r#""+a""#),
            ("ann lee", r#""ann lee""#),
            ("", r#""""#),
            ("a\"b", r#""a\"b""#),
            (r"a\b", r#""a\\b""#),
            ("/part", r#""/part""#),
            ("x: y, z", r#""x: y, z""#),
            ("\u{202e}nna", r#""\u{202e}nna""#),
            ("a\u{9b}31m", r#""a\u{9b}31m""#),
            ("two\nlines\0", r#""two\nlines\0""#),
            ("zero\u{200b}width", r#""zero\u{200b}width""#),
        ] {
            assert_eq!(Name(name).to_string(), shown);
            assert_eq!(split(&format!(" {shown}  x")), Ok(vec![name.to_owned(), "x".to_owned()]));
        }
    }

    #[test]
    fn broken_quotes_are_refused() {
        for (line, fault) in [
            (r#""ann lee"#, BadWords::Open),
            (r#""ann\"#, BadWords::Open),
            (r#""a\q""#, BadWords::Escape),
            (r#""\u{d800}""#, BadWords::Escape),
            (r#""\u{123456789}""#, BadWords::Escape),
            (r#""\u12""#, BadWords::Escape),
            (r#""ann"lee"#, BadWords::Glued),
        ] {
            assert_eq!(split(line), Err(fault), "{line}");
        }
        assert_eq!(split("an\"n"), Ok(vec!["an\"n".to_owned()]));
        assert_eq!(split(" \t "), Ok(vec![]));
    }

    #[test]
    fn texts_play_no_tricks() {
        let text = "a\u{1b}[31mb\u{9b}2Jc\u{202e}d\u{2066}e\u{200f}f\u{2028}g\r\nh\ti";
        let shown = Printable(text).to_string();
        assert_eq!(shown, "a�[31mb�2Jc�d�e�f�g�⏎h i");
        assert_eq!(Printable("שלום 👩‍👩‍👧 ok").to_string(), "שלום 👩‍👩‍👧 ok");
        let long = format!("\u{1b}{}", "é".repeat(60));
        assert_eq!(Shortened(&long).to_string(), format!("�{}…", "é".repeat(39)));
    }

    #[test]
    fn json_plays_no_tricks_and_means_the_same() {
        let text = "a\u{1b}\u{9b}\u{202e}\"\\ é";
        let json = json(&text).unwrap();
        assert!(!json.chars().any(plays_tricks), "{json}");
        assert_eq!(serde_json::from_str::<String>(&json).unwrap(), text);
    }
}
