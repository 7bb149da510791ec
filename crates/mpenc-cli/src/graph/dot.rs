//! Input for Graphviz.

use super::picture::{Picture, Row};

/// The picture in the language of Graphviz: an arrow leads from a message to what it was written
/// after.
pub(super) fn dot(picture: &Picture) -> String {
    let mut out = String::from("digraph transcript {\n  rankdir=BT;\n  node [shape=box];\n");
    for (at, row) in picture.rows.iter().enumerate() {
        match row {
            Row::Message(message) => {
                let number = message.number;
                let label = format!("[{number}] {}\n{}", message.author, message.text);
                let label = format!("{}\n{}", label.trim_end(), message.acks);
                out.push_str(&format!("  m{number} [label={}];\n", quoted(&label)));
                for parent in &message.parents {
                    out.push_str(&format!("  m{number} -> m{parent};\n"));
                }
            }
            Row::Members(said) => {
                let label = quoted(said);
                out.push_str(&format!("  c{at} [shape=plaintext, label={label}];\n"));
            }
        }
    }
    out.push_str("}\n");
    out
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n"))
}
