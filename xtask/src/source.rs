//! Finding one's way in a source file, by its lines.

/// The function around a line, and the type that it belongs to: `Type::function`. A constant or the
/// like around it, if no function is.
///
/// Formatted code tells by its indentation.
pub(crate) fn place(lines: &[&str], number: usize) -> String {
    let Some(at) = number.checked_sub(1).filter(|at| *at < lines.len()) else {
        return String::from("?");
    };
    let around = around(lines, at);
    let function = around.iter().find_map(|line| named_after(line, "fn "));
    let owner = around.iter().find_map(|line| owner(line));
    match (owner, function) {
        (Some(owner), Some(function)) => format!("{owner}::{function}"),
        (None, Some(function)) => function.to_owned(),
        (Some(owner), None) => owner.to_owned(),
        (None, None) => String::from("?"),
    }
}

/// Whether the line is inside of a module of tests.
pub(crate) fn is_test(lines: &[&str], number: usize) -> bool {
    let Some(at) = number.checked_sub(1) else { return false };
    around(lines, at).iter().any(|line| named_after(line, "mod ").is_some())
}

/// The line and those that it is indented below, from the inside out.
fn around<'a>(lines: &[&'a str], at: usize) -> Vec<&'a str> {
    let mut around = Vec::new();
    let mut depth = usize::MAX;
    for line in lines.iter().take(at.saturating_add(1)).rev() {
        let indent = line.len().saturating_sub(line.trim_start().len());
        let text = line.trim_start();
        // What closes, or goes on, has the indentation of what opened.
        let goes_on = text.is_empty() || text.starts_with([')', ']', '}', '>', '{']);
        let opens = !goes_on && !text.starts_with("where") && !text.starts_with("//");
        if opens && indent < depth {
            around.push(text);
            depth = indent;
        }
    }
    around
}

/// The type that a line begins an implementation for, or the trait that it defines.
fn owner(line: &str) -> Option<&str> {
    if let Some(name) = named_after(line, "trait ") {
        return Some(name);
    }
    let header = line.strip_prefix("impl")?;
    let header = if header.starts_with('<') { after_generics(header)? } else { header };
    let named = header.split_once(" for ").map_or(header, |(_, named)| named).trim_start();
    let named = named.trim_start_matches('&');
    let path = named.split(['<', ' ', '{']).next()?;
    path.rsplit("::").next().filter(|name| !name.is_empty())
}

/// What follows the generic parameters that a text starts with.
fn after_generics(text: &str) -> Option<&str> {
    let mut depth = 0_usize;
    for (at, char) in text.char_indices() {
        match char {
            '<' => depth = depth.saturating_add(1),
            '>' if !text.get(..at)?.ends_with('-') => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0 {
            return text.get(at.saturating_add(1)..);
        }
    }
    None
}

/// The name after a keyword that begins an item.
fn named_after<'a>(line: &'a str, keyword: &str) -> Option<&'a str> {
    let (before, after) = line.split_once(keyword)?;
    let modifiers = ["pub", "const", "async", "unsafe", "default", "extern"];
    let begins = before
        .split_whitespace()
        .all(|word| modifiers.iter().any(|modifier| word == *modifier || word.starts_with("pub(")));
    let name = after.split(|char: char| !char.is_alphanumeric() && char != '_').next()?;
    (begins && !name.is_empty()).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::{is_test, place};

    const SOURCE: &str = "\
fn free() {
    go();
}

impl<I: Fn() -> u8> fmt::Display for Name<I>
where
    I: Copy,
{
    pub(crate) fn method(
        &self,
    ) -> u8 {
        if yes {
            no()
        }
    }
}

#[cfg(test)]
mod tests {
    fn inner() {
        go();
    }
}
";

    #[test]
    fn a_line_is_in_its_function_and_that_in_its_type() {
        let lines: Vec<_> = SOURCE.lines().collect();
        assert_eq!(place(&lines, 2), "free");
        assert_eq!(place(&lines, 9), "Name::method");
        assert_eq!(place(&lines, 13), "Name::method");
        assert_eq!(place(&lines, 99), "?");
    }

    #[test]
    fn tests_are_known() {
        let lines: Vec<_> = SOURCE.lines().collect();
        assert!(is_test(&lines, 21));
        assert!(!is_test(&lines, 13));
    }
}
