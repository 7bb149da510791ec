//! Logs in, pictures out.

use super::picture::{Picture, Row};
use super::{dot, svg};

const LOG: &str = r#"{"at_ms":1,"event":"other","name":"EnteredChannel","severity":"info"}
{"at_ms":9,"event":"members","members":["ann","bob"],"include":["bob"],"exclude":[],"by":"ann","operation":"include"}
{"at_ms":10,"event":"message","id":"aa","author":"ann","readers":["bob"],"number":1,"parents":[],"former":false,"text":"<script>\"x\""}
{"at_ms":11,"event":"message","id":"bb","author":"b b","readers":["ann"],"number":2,"parents":[1],"former":false}
{"at_ms":12,"event":"fully_acked","id":"aa"}
{"at_ms":13,"event":"not_fully_acked","id":"bb","missing":["ann"]}
"#;

#[test]
fn a_log_becomes_lanes_parents_and_acks() {
    let picture = Picture::read(LOG).unwrap();
    assert_eq!(picture.lanes, ["ann", "\"b b\""]);
    let [Row::Members(change), Row::Message(first), Row::Message(second)] = &picture.rows[..]
    else {
        panic!("{picture:?}")
    };
    assert_eq!(change, "members: ann, +bob (include by ann)");
    assert_eq!((first.lane, first.acks.as_str()), (0, "acked by all"));
    assert_eq!((second.lane, second.acks.as_str()), (1, "overdue: ann"));
    assert_eq!((second.parents.as_slice(), second.text.as_str()), (&[1][..], ""));
}

#[test]
fn nothing_that_was_written_becomes_markup() {
    let picture = Picture::read(LOG).unwrap();
    let html = svg::html(&picture);
    assert!(html.contains("[1] ann: &lt;script&gt;&quot;x&quot; (acked by all)"), "{html}");
    assert!(!html.contains("<script"));
    assert_eq!(html.matches("class=\"edge\"").count(), 2, "a parent and a change");
    let dot = dot::dot(&picture);
    assert!(dot.contains(r#"m1 [label="[1] ann\n<script>\"x\"\nacked by all"];"#), "{dot}");
    assert!(dot.contains("m2 -> m1;"), "{dot}");
}

#[test]
fn a_line_cut_short_at_the_end_is_left_out_and_any_other_is_refused() {
    let whole = Picture::read(LOG).unwrap();
    assert_eq!(Picture::read(&format!("{LOG}{{\"at_ms\":14,\"ev")).unwrap(), whole);
    let broken = format!("{{\"at_ms\"\n{LOG}");
    assert!(Picture::read(&broken).unwrap_err().to_string().contains("line 1"));
    assert!(Picture::read("hello").is_err());
}
