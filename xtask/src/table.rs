//! Tables in documents.

use anyhow::{Context, Result};

/// The rows of all tables whose first column has this title, each with the heading above it.
pub(crate) fn rows<'a, const N: usize>(
    text: &'a str,
    title: &str,
) -> Result<Vec<(&'a str, [String; N])>> {
    let (mut rows, mut heading, mut inside) = (Vec::new(), "", false);
    for line in text.lines() {
        if let Some(row) = line.strip_prefix('|') {
            let cells = cells(row);
            let first = cells.first().map_or("", String::as_str);
            let (titles, border) = (first == title, first.starts_with("--"));
            if inside && !border {
                let count = cells.len();
                let cells = cells.try_into().ok();
                let cells = cells.with_context(|| format!("{count} cells, not {N}: {line}"))?;
                rows.push((heading, cells));
            }
            inside |= titles;
        } else {
            inside = false;
            if let Some(text) = line.strip_prefix("## ") {
                heading = text.trim();
            }
        }
    }
    Ok(rows)
}

/// The cells of a row, in which an escaped bar is no border.
fn cells(row: &str) -> Vec<String> {
    let mut cells = vec![String::new()];
    let mut chars = row.chars().peekable();
    while let Some(char) = chars.next() {
        match char {
            '\\' if chars.next_if_eq(&'|').is_some() => push(&mut cells, '|'),
            '|' => cells.push(String::new()),
            char => push(&mut cells, char),
        }
    }
    // What follows the last border is nothing.
    cells.pop();
    cells.iter().map(|cell| cell.trim().to_owned()).collect()
}

fn push(cells: &mut [String], char: char) {
    if let Some(cell) = cells.last_mut() {
        cell.push(char);
    }
}

/// A cell without the marks of code.
pub(crate) fn code(cell: &str) -> &str {
    cell.trim_matches('`')
}

#[cfg(test)]
mod tests {
    use super::{cells, code, rows};

    #[test]
    fn an_escaped_bar_is_no_border() {
        assert_eq!(cells(" `a \\|\\| b` | c |"), ["`a || b`", "c"]);
    }

    #[test]
    fn rows_have_their_heading_and_other_tables_are_left() {
        let text = "## a\n| X | Y |\n|---|---|\n| 1 | 2 |\n\n| Z |\n|---|\n| 3 |\n\n\
                    ## b\n\n| X | Y |\n|---|---|\n| 4 | 5 |\n";
        let rows = rows::<2>(text, "X").unwrap_or_default();
        let expected = [("a", ["1", "2"]), ("b", ["4", "5"])];
        assert_eq!(rows, expected.map(|(heading, cells)| (heading, cells.map(str::to_owned))));
    }

    #[test]
    fn a_row_with_other_cells_is_refused() {
        assert!(rows::<2>("| X | Y |\n|---|---|\n| 1 |\n", "X").is_err());
    }

    #[test]
    fn code_has_no_marks() {
        assert_eq!(code("`a`"), "a");
    }
}
