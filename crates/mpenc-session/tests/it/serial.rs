//! Events can be serialized (feature `serde`): names and ids as people read them.

use crate::group::Group;

#[test]
fn events_serialize() {
    let mut group = Group::new(51, &["ann", "ben"]);
    group.establish(&["ann", "ben"]);
    let sent = group.send("ann", "hello");
    group.run(1);
    let events: Vec<serde_json::Value> = group
        .events("ben")
        .iter()
        .map(|event| serde_json::to_value(event).expect("every event serializes"))
        .collect();
    let message = events.iter().find_map(|event| event.get("Message")).expect("a message");
    let expected = serde_json::json!({
        "id": sent.to_string(),
        "author": "ann",
        "readers": ["ben"],
        "text": "hello",
        "place": 0,
        "parents_back": [],
        "of_former_members": false,
    });
    assert_eq!(*message, expected);
}
