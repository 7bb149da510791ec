//! What the program does with texts that come from anywhere, for tests that feed it with them.

use anyhow::Result;

use crate::inspect::View;
use crate::replay::format;

/// Shows a packet, good or bad: as `mpenc inspect` prints it, and as it prints it with `--json`.
///
/// # Errors
/// None that memory does not have.
pub fn inspect(packet: &str) -> Result<(String, String)> {
    let view = View::of(None, packet);
    let mut tree = Vec::new();
    crate::inspect::write_tree(&view, &mut tree)?;
    Ok((String::from_utf8(tree)?, serde_json::to_string_pretty(&view)?))
}

/// Reads the text of a file of vectors, as `mpenc replay` does.
///
/// # Errors
/// Why it is none.
pub fn vectors(text: &str) -> Result<()> {
    format::read(text).map(drop)
}
