//! An author who tells two stories (TR-17): caught, shown with both, and excluded.

use mpenc_session::{
    ApiMisuse, ChannelAction, Ctx, Event, Membership, Outcome, Output, Outputs, Severity,
};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;

use crate::group::{Group, id, run_deaf};

const NAMES: [&str; 4] = ["a", "b", "c", "m"];

/// What a copy of a session would send, which the session itself knows nothing of.
fn other_story(group: &Group, name: &str, text: &str) -> String {
    let mut copy = group.session(name).clone();
    let mut rng = ChaCha20Rng::seed_from_u64(7);
    let mut out = Outputs::new();
    copy.send(&mut Ctx::new(group.sim.now(), &mut rng), text, &mut out).unwrap();
    let packet = out.drain().find_map(|output| match output {
        Output::Channel(ChannelAction::Send { packet }) => Some(packet),
        _ => None,
    });
    packet.expect("it is sent")
}

fn forks(events: &[Event]) -> Vec<&Event> {
    events.iter().filter(|event| matches!(event, Event::Forked { .. })).collect()
}

/// m tells a and c one story, and b another one first.
fn forked(seed: u64) -> Group {
    let mut group = Group::new(seed, &NAMES);
    group.establish(&NAMES);
    group.run(60);
    for name in NAMES {
        group.events(name);
    }
    let other = other_story(&group, "m", "I vote against");
    group.send("m", "I vote in favour");
    run_deaf(&mut group, "b");
    group.sim.inject(group.node("m"), &other);
    group
}

#[test]
fn both_stories_are_shown_to_all_whichever_came_first() {
    let mut group = forked(410);
    group.run(2);
    let shown = |group: &Group, name: &str| {
        group.shown(name).into_iter().map(|(_, text)| text).collect::<Vec<_>>()
    };
    for name in ["a", "c"] {
        assert_eq!(shown(&group, name), ["I vote in favour"], "{name}");
    }
    assert_eq!(shown(&group, "b"), ["I vote against"]);
    let mut stories = Vec::new();
    for name in ["a", "b", "c"] {
        let events = group.events(name);
        let forks = forks(&events);
        let [Event::Forked { author, accepted, refused }] = forks[..] else {
            panic!("{name} was told {forks:?}");
        };
        assert_eq!(forks[0].severity(), Severity::Security);
        assert_eq!(*author, id("m"));
        assert!(accepted.packet.is_some() && refused.packet.is_some());
        assert_eq!(group.session(name).forkers().collect::<Vec<_>>(), [&id("m")]);
        stories.push((accepted.id, refused.id));
    }
    let [a, b, c] = stories[..] else { unreachable!("three were asked") };
    assert_eq!((a, a), ((b.1, b.0), c), "the same two stories");
}

/// Nobody writes content on such ground; acks, operations and FIN go on, and afterwards all is well.
#[test]
fn nothing_is_written_until_the_author_is_excluded() {
    let mut group = forked(411);
    group.run(2);
    for name in ["a", "b", "c"] {
        assert_eq!(forks(&group.events(name)).len(), 1, "{name}");
        let node = group.node(name);
        let sent = group.sim.act(node, |session, cx, out| session.send(cx, "hm", out));
        assert_eq!(sent, Err(ApiMisuse::Forked(id("m"))));
        group.sim.act(node, |session, cx, out| session.ack(cx, out)).expect("acks go on");
        let readers: Vec<_> = NAMES.iter().filter(|&other| other != &name).map(|n| id(n)).collect();
        let kept = group.sim.act(node, |session, cx, out| session.send_to(cx, &readers, "x", out));
        assert_eq!(kept, Err(ApiMisuse::Forked(id("m"))));
    }
    let own = group.exclude("a", &["m"]);
    group.run(120);
    let outcome = Outcome::Completed;
    assert!(group.events("a").contains(&Event::OperationEnded { own, outcome }));
    group.send("b", "among honest people");
    group.run(60);
    group.assert_together(&["a", "b", "c"]);
    for name in ["a", "b", "c"] {
        assert_eq!(group.session(name).forkers().count(), 0);
        assert_eq!(group.shown(name).last().unwrap().1, "among honest people");
        assert!(forks(&group.events(name)).is_empty(), "told once");
    }
}

/// A hundred more stories are nothing new, and start no storm.
#[test]
fn more_stories_are_nothing_new() {
    let mut group = Group::new(412, &["a", "b", "m"]);
    group.establish(&["a", "b", "m"]);
    group.run(60);
    let others: Vec<String> =
        (0..100).map(|number| other_story(&group, "m", &format!("story {number}"))).collect();
    group.send("m", "the first");
    group.run(1);
    group.asked("a");
    group.events("a");
    for other in others {
        group.sim.inject(group.node("m"), &other);
    }
    group.run(10);
    assert_eq!(forks(&group.events("a")).len(), 1);
    assert!(group.packets("a").len() <= 2, "both stories, once");
    assert_eq!(group.session("a").transcript(), group.session("b").transcript());
}

/// A copy of ourselves, brought back from somewhere, is found out as well.
#[test]
fn a_second_writer_in_our_own_name_is_noticed() {
    let mut group = Group::new(413, &["a", "b"]);
    group.establish(&["a", "b"]);
    group.run(60);
    let other = other_story(&group, "a", "from the old laptop");
    group.send("a", "from the new one");
    group.run(1);
    group.sim.inject(group.node("a"), &other);
    group.run(1);
    for name in ["a", "b"] {
        let events = group.events(name);
        let forks = forks(&events);
        assert!(
            matches!(forks[..], [Event::Forked { author, .. }] if *author == id("a")),
            "{forks:?}"
        );
    }
    assert_eq!(group.propose("b", Membership::Refresh).err(), None);
}
