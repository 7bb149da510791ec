//! The events of a scripted session, as its users see them: pinned.

use crate::group::{Group, ids};
use mpenc_session::{Event, Membership};

#[test]
fn the_story_of_one_member() {
    let mut group = Group::new(42, &["ann", "ben", "cleo"]);
    group.establish(&["ann", "ben"]);
    group.send("ann", "hello");
    group.run(30);
    group.join("cleo");
    group.include("ann", &["cleo"]);
    group.run(1);
    group.send("cleo", "here I am");
    group.run(30);
    group.propose("ben", Membership::Refresh).unwrap();
    group.run(1);
    group.exclude("ben", &["cleo"]);
    group.run(1);
    group.part("ann");
    group.run(60);
    assert_eq!(group.session("ben").members(), ids(&["ben"]));
    let story: Vec<String> = group
        .events("ben")
        .iter()
        .filter(|event| !matches!(event, Event::OperationProgress { .. }))
        .map(|event| format!("{event:?}"))
        .collect();
    insta::assert_snapshot!(story.join("\n"));
}
