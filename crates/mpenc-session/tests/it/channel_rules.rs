//! What entering and leaving the channel means, rule by rule.

use std::collections::BTreeSet;
use std::time::Duration;

use mpenc::Dialect;
use mpenc_session::{
    ChannelAction, ChannelEvent, Event, FailReason, JoinPatience, Membership, Outcome, State,
};

use crate::group::{Group, config, id, ids};

const SECOND: Duration = Duration::from_secs(1);
/// BC_LAT/4.
const TURN: Duration = Duration::from_millis(1_250);

fn removals(group: &mut Group, name: &str) -> Vec<ChannelAction> {
    let asked = group.asked(name).into_iter().map(|(_, action)| action);
    asked.filter(|action| matches!(action, ChannelAction::Remove(_))).collect()
}

fn remove(name: &str) -> ChannelAction {
    ChannelAction::Remove(ids(&[name]))
}

/// IAL: who was included a moment ago does not know who was excluded before that, and has not left.
/// Those who know have the channel remove them, so that they come back as somebody new.
#[test]
fn somebody_excluded_who_has_never_left_is_not_included() {
    let mut group = Group::new(61, &["a", "b", "c", "new"]);
    group.establish(&["a", "b", "c"]);
    group.exclude("a", &["c"]);
    group.run(1);
    group.join("new");
    group.include("a", &["new"]);
    group.run(1);
    group.assert_together(&["a", "b", "new"]);
    assert_eq!(group.session("c").state(), State::Excluded);
    group.asked("a");
    let own = group.include("new", &["c"]);
    group.run(1);
    assert_eq!(removals(&mut group, "a"), [remove("c")]);
    assert_eq!(group.session("c").state(), State::Outside);
    let outcome = Outcome::Failed(FailReason::MemberLeft(ids(&["c"])));
    assert!(group.events("new").contains(&Event::OperationEnded { own, outcome }));
    group.join("c");
    group.include("new", &["c"]);
    group.run(3);
    group.assert_together(&["a", "b", "c", "new"]);
}

/// The channel did not remove whoever was excluded, nor tell that they left and came back; still they
/// are included again. Members are not asked out.
#[test]
fn whoever_is_a_member_again_is_not_asked_out() {
    let mut group = Group::new(70, &["a", "b", "c", "new"]);
    group.establish(&["a", "b", "c"]);
    group.exclude("a", &["c"]);
    group.run(1);
    group.join("new");
    group.include("a", &["new"]);
    group.run(1);
    group.assert_together(&["a", "b", "new"]);
    let c = group.node("c");
    group.hear("c", ChannelEvent::Left);
    group.sim.act(c, |session, cx, out| session.join(cx, out)).expect("outside");
    group.sim.lose_outgoing(c);
    group.hear("c", ChannelEvent::Entered { members: &ids(&["a", "b", "c", "new"]) });
    for name in ["a", "b"] {
        let node = group.node(name);
        group.sim.puppet(node);
    }
    group.include("new", &["c"]);
    let mut asked_out = Vec::new();
    for _ in 0..20_000 {
        group.sim.run_for(Duration::from_millis(10)).unwrap();
        for (node, action) in group.sim.take_wishes() {
            if let ChannelAction::Remove(members) = action {
                let is_member = group.session("a").members().contains(&id("c"));
                asked_out.push((members, is_member));
            } else {
                group.sim.ask(node, action);
            }
        }
    }
    group.assert_together(&["a", "b", "c", "new"]);
    // IAL, by both, before it was a member.
    assert_eq!(asked_out, vec![(ids(&["c"]), false); 2]);
}

/// LS: of those who remain, the k-th waits k·BC_LAT/4 before it proposes the exclude.
#[test]
fn automatic_excludes_are_staggered() {
    let names = ["a", "b", "c", "d"];
    for rank in 0..3 {
        let mut group = Group::new(62, &names);
        group.establish(&names);
        group.run(60);
        // Those before it sleep.
        for name in &names[..rank] {
            group.sim.freeze(group.node(name));
        }
        let waits = TURN * u32::try_from(rank).unwrap();
        for name in names {
            group.events(name);
        }
        group.asked("a");
        let since = group.now();
        group.sim.crash(group.node("d"));
        group.run(4);
        let told: Vec<bool> = names
            .into_iter()
            .map(|name| {
                let events = group.events(name);
                events.iter().any(|event| matches!(event, Event::Proposed { .. }))
            })
            .collect();
        let only: Vec<bool> = (0..names.len()).map(|at| at == rank).collect();
        assert_eq!(told, only, "nobody acts out of turn, or without need");
        // The first packet that it sent is the proposal.
        let after = group.asked(names[rank])[0].0 - since;
        assert!(waits < after && after < waits + SECOND / 10, "{rank}: {after:?}");
        for name in &names[..rank] {
            group.sim.thaw(group.node(name));
        }
        group.run(60);
        group.assert_together(&names[..3]);
    }
}

/// EAL: somebody dies and comes back before the others have excluded them: out, until that is done.
#[test]
fn whoever_is_still_to_be_excluded_stays_out() {
    let mut group = Group::new(63, &["a", "b", "c", "d"]);
    group.establish(&["a", "b", "c", "d"]);
    // It is needed for the exclude, which lasts.
    group.sim.freeze(group.node("b"));
    group.sim.crash(group.node("d"));
    group.run(1);
    let known = group.known();
    group.add("d", known, config());
    group.asked("a");
    group.join("d");
    assert!(removals(&mut group, "a").contains(&remove("d")));
    assert_eq!(group.session("d").state(), State::Outside);
    group.sim.thaw(group.node("b"));
    group.run(60);
    // It came again, and is somebody new.
    group.assert_together(&["a", "b", "c"]);
    assert_eq!(group.session("d").state(), State::Waiting);
    group.include("c", &["d"]);
    group.run(3);
    group.assert_together(&["a", "b", "c", "d"]);
}

/// Whoever is never included gives up, and does not come again by itself.
#[test]
fn the_patience_to_be_included_ends() {
    // With three in the channel: (2 + 3)·(BC_LAT + 1 s), or what the caller says.
    let cases = [(JoinPatience::ByMembers, 30), (JoinPatience::For(7 * SECOND), 7)];
    for (patience, seconds) in cases {
        let mut group = Group::new(64, &["a", "b", "patient", "impatient"]);
        group.establish(&["a", "b"]);
        let mut impatient = config();
        impatient.join_patience = patience;
        let known = group.known();
        group.add("impatient", known, impatient);
        group.join("impatient");
        group.run(seconds - 2);
        assert_eq!(group.session("impatient").state(), State::Waiting);
        group.events("impatient");
        group.run(2);
        assert_eq!(group.events("impatient"), [Event::NotIncluded, Event::LeftChannel]);
        group.join("patient");
        group.asked("impatient");
        group.run(300);
        assert_eq!(group.asked("impatient"), [], "{patience:?}");
        assert_eq!(group.session("impatient").state(), State::Outside);
        assert_eq!(group.session("patient").state(), State::Waiting, "for ever");
    }
}

/// Once included, nobody's patience ends.
#[test]
fn whoever_is_included_in_time_stays() {
    let mut group = Group::new(65, &["a", "b", "c"]);
    group.establish(&["a", "b"]);
    let mut impatient = config();
    impatient.join_patience = JoinPatience::For(7 * SECOND);
    let known = group.known();
    group.add("c", known, impatient);
    group.join("c");
    group.run(5);
    group.include("b", &["c"]);
    group.run(60);
    group.assert_together(&["a", "b", "c"]);
    assert!(!group.events("c").contains(&Event::NotIncluded));
}

/// The patience does not end in the middle of being included: those who do so have its answer.
#[test]
fn patience_does_not_end_in_the_middle_of_an_include() {
    for completes in [true, false] {
        let mut impatient = config();
        impatient.join_patience = JoinPatience::For(7 * SECOND);
        let mut group = Group::new(68, &["a", "b", "c"]);
        group.establish(&["a", "b"]);
        let known = group.known();
        group.add("c", known, impatient);
        group.join("c");
        // It confirms last.
        group.sim.freeze(group.node("b"));
        group.run(5);
        let own = group.include("a", &["c"]);
        group.run(2);
        assert!(group.session("c").operation_progress().is_some());
        assert_eq!(group.session("c").state(), State::Waiting);
        if completes {
            group.sim.thaw(group.node("b"));
        } else {
            group.sim.crash(group.node("b"));
        }
        group.run(60);
        let given_up = group.events("c").contains(&Event::NotIncluded);
        let ended = group.events("a").into_iter().any(|event| {
            matches!(event, Event::OperationEnded { own: ended, outcome }
                if ended == own && (outcome == Outcome::Completed) == completes)
        });
        assert!(ended, "{completes}");
        assert_eq!(given_up, !completes);
        let expected = if completes { State::Joined } else { State::Outside };
        assert_eq!(group.session("c").state(), expected);
    }
}

/// In the dialect without candidates, whoever was not included after all gives up as well; and if
/// the operation never ends, because nobody can abort it, once its time is over.
#[test]
fn patience_ends_after_an_include_that_failed_in_the_first_dialect() {
    let mut impatient = config();
    impatient.join_patience = JoinPatience::For(7 * SECOND);
    for fails in [true, false] {
        let mut group = Group::speaking(Dialect::MPENC_JS, 69, &["a", "b", "c"], &config());
        group.establish(&["a", "b"]);
        let known = group.known();
        group.add("c", known, impatient.clone());
        group.join("c");
        group.sim.freeze(group.node("b"));
        group.run(5);
        group.include("a", &["c"]);
        group.run(5);
        assert!(group.session("c").operation_progress().is_some());
        if fails {
            group.sim.crash(group.node("b"));
        }
        group.run(60);
        assert!(group.events("c").contains(&Event::NotIncluded), "{fails}");
        assert_eq!(group.session("c").state(), State::Outside);
    }
}

/// SO-33: whoever starts anew, because those who were there before have left, or because the user says
/// so, includes those who came after them (`auto_include`).
#[test]
fn whoever_starts_anew_includes_those_who_came_later() {
    let mut auto = config();
    auto.auto_include = true;
    for by_hand in [false, true] {
        let mut group = Group::with(80, &["first", "b", "c"], &auto);
        let known = group.known();
        group.add("first", known, config());
        for name in ["first", "b", "c"] {
            group.join(name);
        }
        let node = group.node("b");
        if by_hand {
            group.sim.act(node, |session, cx, out| session.start_here(cx, out)).expect("it waits");
        } else {
            group.part("first");
        }
        group.run(30);
        group.assert_together(&["b", "c"]);
        let left = group.session("first").state() == State::Outside;
        assert_ne!(left, by_hand);
    }
}

/// ATTACKS 49: somebody enters under a name that looks like a friend's. That they are there is told; but
/// nobody includes them by itself (`auto_include`) whose identity key is not known, nor asks them out;
/// and they do not keep the friend out who comes while a proposal is under way.
#[test]
fn attack_49_whoever_enters_under_a_similar_name_is_announced_and_no_more() {
    let mut auto = config();
    auto.auto_include = true;
    let mut group = Group::with(82, &["a", "b", "carol"], &auto);
    let known = group.known();
    group.add("b", known.clone(), config());
    group.add("car0l", known, config());
    group.join("b");
    group.join("a");
    group.include("b", &["a"]);
    group.run(60);
    group.assert_together(&["a", "b"]);
    group.asked("a");
    group.propose("a", Membership::Refresh).unwrap();
    group.join("car0l");
    group.join("carol");
    group.run(60);
    group.assert_together(&["a", "b", "carol"]);
    for name in ["a", "b"] {
        let told = group.events(name).contains(&Event::MemberEntered(id("car0l")));
        assert!(told, "{name}");
        let removes = |action: &ChannelAction| matches!(action, ChannelAction::Remove(_));
        assert!(!group.asked(name).iter().any(|(_, action)| removes(action)), "{name}");
    }
    assert_eq!(group.session("car0l").state(), State::Waiting);
}

/// SO-27: removed while waiting, a member enters again after a while that grows with the members of
/// the channel, and that is not the same for all.
#[test]
fn whoever_was_removed_while_waiting_enters_again_after_a_jittered_delay() {
    for (present, unit) in [(2, 24), (4, 36)] {
        let unit = unit * SECOND;
        let mut delays = BTreeSet::new();
        for seed in 0..16 {
            let names = ["a", "b", "c", "d"];
            let mut group = Group::new(700 + seed, &names);
            for name in &names[..present] {
                group.join(name);
            }
            let waiting = names[present - 1];
            group.asked(waiting);
            let since = group.now();
            group.hear(waiting, ChannelEvent::Left);
            group.run(60);
            let asked = group.asked(waiting);
            assert_eq!(asked.len(), 1, "{asked:?}");
            assert_eq!(asked[0].1, ChannelAction::Enter);
            delays.insert(asked[0].0 - since);
        }
        let (least, most) = (*delays.first().unwrap(), *delays.last().unwrap());
        assert!(unit / 2 <= least && most < unit * 3 / 4, "{least:?} to {most:?}");
        assert!(most - least > unit / 8, "spread over a quarter: {least:?} to {most:?}");
        assert_eq!(delays.len(), 16);
    }
}

/// SO-27: whoever is removed each time, because members were told different things and one includes
/// whom another asks out, comes ever more seldom; until they are included, or join by hand.
#[test]
fn whoever_is_removed_each_time_enters_ever_more_seldom() {
    let mut group = Group::new(720, &["a", "b"]);
    group.join("a");
    group.join("b");
    let unit = 24 * SECOND;
    let removed = |group: &mut Group, doublings: u32| {
        group.asked("b");
        let since = group.now();
        group.sim.kick(group.node("b"));
        let unit = unit * (1 << doublings);
        group.run(unit.as_secs());
        let asked = group.asked("b");
        assert_eq!(asked.len(), 1, "{doublings}: {asked:?}");
        assert_eq!(asked[0].1, ChannelAction::Enter);
        let delay = asked[0].0 - since;
        assert!(unit / 2 <= delay && delay < unit * 3 / 4 + SECOND, "{doublings}: {delay:?}");
    };
    for doublings in [0, 1, 2, 3, 4, 5, 6, 6] {
        removed(&mut group, doublings);
    }
    group.include("a", &["b"]);
    group.run(5);
    group.assert_together(&["a", "b"]);
    group.sim.kick(group.node("b"));
    group.run(60);
    group.join("b");
    for doublings in [0, 1] {
        removed(&mut group, doublings);
    }
}

/// A member who was removed does not come again by itself: that was meant.
#[test]
fn a_member_who_was_removed_does_not_enter_again() {
    let mut group = Group::new(66, &["a", "b"]);
    group.establish(&["a", "b"]);
    group.asked("b");
    group.hear("b", ChannelEvent::Left);
    group.run(120);
    assert_eq!(group.session("b").state(), State::Outside);
    assert!(!group.asked("b").iter().any(|(_, action)| *action == ChannelAction::Enter));
}

/// Whoever was excluded waits to be removed, and leaves when nobody does it: after 20·BC_LAT.
#[test]
fn whoever_was_excluded_and_is_not_removed_leaves() {
    let mut group = Group::new(67, &["a", "b", "c"]);
    group.establish(&["a", "b", "c"]);
    group.exclude("a", &["c"]);
    group.run(1);
    assert!(group.events("c").contains(&Event::Excluded { by: id("a") }));
    for name in ["a", "b"] {
        group.sim.freeze(group.node(name));
    }
    group.asked("c");
    group.run(98);
    assert_eq!(group.session("c").state(), State::Excluded);
    assert_eq!(group.propose("c", Membership::Refresh), Err(mpenc_session::ApiMisuse::Excluded));
    group.run(2);
    assert_eq!(group.session("c").state(), State::Outside);
    let asked = group.asked("c").into_iter().map(|(_, action)| action);
    // What the others have not acked is sent again meanwhile.
    let asked: Vec<_> =
        asked.filter(|action| !matches!(action, ChannelAction::Send { .. })).collect();
    assert_eq!(asked, [ChannelAction::Leave]);
}
