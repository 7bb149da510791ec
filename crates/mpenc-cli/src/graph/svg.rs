//! A drawing, and a page with the drawing in it.

use std::collections::BTreeMap;

use super::picture::{Picture, Row};

/// Between lanes, and between rows.
const LANE: usize = 90;
const ROW: usize = 36;
/// Left of the first lane, and above the first row.
const EDGE: usize = 50;
/// What the texts beside the lanes take.
const TEXT: usize = 640;

const STYLE: &str = "text{font:13px sans-serif;fill:#222}.lane{stroke:#ddd}.edge{stroke:#777;\
                     fill:none}.dot{fill:#2b6cb0}.late{fill:#b7410e}.change{fill:#555}";

/// The drawing: lanes of authors, time downwards, a line from each message to those it was written
/// after.
pub(super) fn svg(picture: &Picture) -> String {
    let lanes = picture.lanes.len();
    let x = |lane: usize| lane.saturating_mul(LANE).saturating_add(EDGE);
    let y = |row: usize| row.saturating_add(1).saturating_mul(ROW).saturating_add(EDGE);
    let (beside, height) = (x(lanes), y(picture.rows.len()));
    let width = beside.saturating_add(TEXT);
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
         viewBox=\"0 0 {width} {height}\">\n<style>{STYLE}</style>\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n"
    );
    for (lane, author) in picture.lanes.iter().enumerate() {
        let x = x(lane);
        out.push_str(&format!(
            "<text x=\"{x}\" y=\"24\" text-anchor=\"middle\">{}</text>\n\
             <line class=\"lane\" x1=\"{x}\" y1=\"{EDGE}\" x2=\"{x}\" y2=\"{height}\"/>\n",
            escaped(author)
        ));
    }
    let mut places: BTreeMap<usize, (usize, usize)> = BTreeMap::new();
    for (row, what) in picture.rows.iter().enumerate() {
        let y = y(row);
        let below = y.saturating_add(4);
        match what {
            Row::Message(message) => {
                let x = x(message.lane);
                for (px, py) in message.parents.iter().filter_map(|number| places.get(number)) {
                    out.push_str(&format!(
                        "<line class=\"edge\" x1=\"{x}\" y1=\"{y}\" x2=\"{px}\" y2=\"{py}\"/>\n"
                    ));
                }
                places.insert(message.number, (x, y));
                let class = if message.acks == "acked by all" { "dot" } else { "late" };
                let text = if message.text.is_empty() { "" } else { ": " };
                out.push_str(&format!(
                    "<circle class=\"{class}\" cx=\"{x}\" cy=\"{y}\" r=\"6\"/>\n\
                     <text x=\"{beside}\" y=\"{below}\">[{}] {}{text}{} ({})</text>\n",
                    message.number,
                    escaped(&message.author),
                    escaped(&message.text),
                    escaped(&message.acks)
                ));
            }
            Row::Members(said) => out.push_str(&format!(
                "<line class=\"edge\" stroke-dasharray=\"4\" x1=\"0\" y1=\"{y}\" x2=\"{beside}\" \
                 y2=\"{y}\"/>\n<text class=\"change\" x=\"{beside}\" y=\"{below}\">{}</text>\n",
                escaped(said)
            )),
        }
    }
    out.push_str("</svg>\n");
    out
}

/// A page that needs nothing else, and loads nothing.
pub(super) fn html(picture: &Picture) -> String {
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" \
         content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
         <title>Transcript</title>\n</head>\n<body>\n{}</body>\n</html>\n",
        svg(picture)
    )
}

fn escaped(text: &str) -> String {
    let mut safe = String::new();
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            c => safe.push(c),
        }
    }
    safe
}
