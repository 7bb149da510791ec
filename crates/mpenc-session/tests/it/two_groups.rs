//! Two groups in one room who want the same newcomer, at about the same time.

use std::time::Duration;

use mpenc_session::{ChannelAction, Event, FailReason, Outcome, State};
use mpenc_sim::What;
use mpenc_wire::{Dialect, Packet, unarmor};

use crate::group::{Group, id};

/// What became of the newcomer, and of the proposal that came to nothing.
#[derive(Debug, Default)]
struct Ends {
    /// Lives in which the first group got them, and in which the second one did.
    joined: [usize; 2],
    /// Lives in which they had to leave the room, because both groups counted on them.
    left: usize,
    /// Proposals of the second group that ended because the newcomer had joined the first one.
    aborted: usize,
    /// Aborts that they could only write some time after they had joined, when it could be believed.
    late: usize,
}

/// Whether this is an abort packet.
fn is_abort(text: &str) -> bool {
    let mut contents = Vec::new();
    let contents = unarmor(text, &mut contents).expect("a packet");
    matches!(Packet::decode(Dialect::DOCUMENT, contents), Ok(Packet::Abort(_)))
}

/// a and b are one group; x and y begin another one in the same room.
fn establish_two(group: &mut Group) {
    group.establish(&["a", "b"]);
    group.join("x");
    let node = group.node("x");
    group.sim.act(node, |session, cx, out| session.start_here(cx, out)).expect("a second group");
    group.join("y");
    group.include("x", &["y"]);
}

/// A life in which the second group invites them this much later than the first one.
fn life(seed: u64, later: Duration, ends: &mut Ends) {
    let mut group = Group::new(seed, &["a", "b", "x", "y", "j"]);
    establish_two(&mut group);
    group.run(5);
    group.assert_together(&["x", "y"]);
    group.join("j");
    for name in ["a", "b", "x", "y", "j"] {
        group.events(name);
    }
    group.sim.record();
    group.sim.take_records();

    group.include("a", &["j"]);
    group.sim.run_for(later).expect("it comes to rest");
    let own = group.include("x", &["j"]);
    group.run(5);

    let events = group.events("x");
    let overdue = events.iter().any(|event| matches!(event, Event::OperationOverdue { .. }));
    assert!(!overdue, "nobody waits in vain for who has joined another: {events:?}");
    ends.aborted += events
        .iter()
        .filter(|event| match event {
            Event::OperationEnded { own: ended, outcome: Outcome::Failed(reason) } => {
                let by_them = matches!(
                    reason,
                    FailReason::Aborted { by, reason } if *by == id("j") && reason == "joined another"
                );
                *ended == own && by_them
            }
            _ => false,
        })
        .count();
    let node = group.node("j");
    let mut joined_at = None;
    for record in group.sim.take_records().into_iter().filter(|record| record.node == node) {
        match record.what {
            What::Told(Event::Members { .. }) => joined_at = joined_at.or(Some(record.at)),
            What::Asked(ChannelAction::Leave) => ends.left += 1,
            What::Asked(ChannelAction::Send { packet }) if is_abort(&packet) => {
                ends.late += usize::from(joined_at.is_some_and(|joined| joined < record.at));
            }
            _ => {}
        }
    }

    // Whoever counts on them is right to, in the end.
    group.run(60);
    for (first, second, joined) in [("a", "b", 0), ("x", "y", 1)] {
        let counted = group.session(first).members().contains(&id("j"));
        assert_eq!(counted, group.session("j").members().contains(&id(first)));
        assert_eq!(group.session(first).members(), group.session(second).members());
        assert_eq!(group.session(first).state(), State::Joined);
        ends.joined[joined] += usize::from(counted);
    }
}

#[test]
fn who_is_wanted_by_two_groups_ends_in_one_and_the_other_does_not_wait_for_them() {
    let mut ends = Ends::default();
    for step in 0..60 {
        life(step.into(), Duration::from_millis(10) * (step % 30), &mut ends);
    }
    assert!(ends.joined[0] > 0 && ends.joined[1] > 0, "{ends:?}");
    assert!(ends.aborted > 0 && ends.late > 0 && ends.left > 0, "{ends:?}");
}

/// What another group in the room writes is nothing to tell, however much it is.
#[test]
fn what_another_group_writes_is_nothing_to_tell() {
    let mut group = Group::new(914, &["a", "b", "x", "y"]);
    establish_two(&mut group);
    group.run(120);
    group.assert_together(&["x", "y"]);
    group.events("a");
    for number in 0..40 {
        group.send("x", &format!("text {number}"));
    }
    group.run(300);
    let told = group.events("a");
    assert!(!told.iter().any(|event| matches!(event, Event::NotDecrypted { .. })), "{told:?}");
}
