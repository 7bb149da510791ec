//! Completion of commands and names.

use crate::chat::{COMMANDS, Name};

/// What can stand in the place of what is being typed: how many octets before the cursor it replaces,
/// and what it may be.
pub(crate) fn candidates(before: &str, names: &[String]) -> (usize, Vec<String>) {
    let word = match open_quote(before).and_then(|at| before.get(at..)) {
        Some(quoted) => quoted,
        None => before.rsplit(char::is_whitespace).next().unwrap_or_default(),
    };
    if before.starts_with('/') && word.len() == before.len() {
        let commands = COMMANDS.iter().filter(|command| command.starts_with(word));
        return (word.len(), commands.map(|command| format!("{command} ")).collect());
    }
    if !before.starts_with('/') || word.is_empty() {
        return (0, Vec::new());
    }
    let typed = word.strip_prefix('"').unwrap_or(word);
    let fits = names.iter().filter(|name| name.starts_with(typed));
    (word.len(), fits.map(|name| format!("{} ", Name(name))).collect())
}

/// Where a quoted name begins that has not ended: it may have spaces in it.
fn open_quote(text: &str) -> Option<usize> {
    let (mut open, mut escaped) = (None, false);
    for (at, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' if open.is_some() => escaped = true,
            '"' => open = if open.is_some() { None } else { Some(at) },
            _ => {}
        }
    }
    open
}

/// What all of these begin with.
pub(crate) fn common(candidates: &[String]) -> &str {
    let Some((first, rest)) = candidates.split_first() else { return "" };
    let shared = |other: &String| {
        let same = first.char_indices().zip(other.chars()).find(|((_, a), b)| a != b);
        same.map_or(first.len().min(other.len()), |((at, _), _)| at)
    };
    let length = rest.iter().map(shared).min().unwrap_or(first.len());
    first.get(..length).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names() -> Vec<String> {
        ["ann", "anton", "ann lee", "bob"].map(str::to_owned).to_vec()
    }

    #[test]
    fn commands_and_names_are_completed() {
        for (before, octets, expected) in [
            ("/ex", 3, &["/exclude "][..]),
            ("/include bo", 2, &["bob "]),
            ("/include an", 2, &["ann ", "anton ", "\"ann lee\" "]),
            ("/include \"ann l", 6, &["\"ann lee\" "]),
            ("/include \"ann lee\" b", 1, &["bob "]),
            ("/include \"a\\\"n", 5, &[]),
            ("/include \"ann lee\" \"bo", 3, &["bob "]),
            ("/to bob ant", 3, &["anton "]),
            ("/include ", 0, &[]),
            ("hello an", 0, &[]),
        ] {
            assert_eq!(candidates(before, &names()), (octets, strings(expected)), "{before}");
        }
    }

    fn strings(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|&text| text.to_owned()).collect()
    }

    #[test]
    fn what_is_common_is_found() {
        let of = |texts: &[&str]| common(&strings(texts)).to_owned();
        assert_eq!(of(&["ann ", "anton "]), "an");
        assert_eq!(of(&["bob "]), "bob ");
        assert_eq!(of(&["ä", "ö"]), "");
        assert_eq!(of(&[]), "");
    }
}
