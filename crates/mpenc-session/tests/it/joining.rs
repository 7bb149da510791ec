//! Whoever waits to be included, in a room with people who forge proposals: they neither wedge nor
//! poison a joiner, however many they make (PROTOCOL 5, the hardened form).

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use mpenc::greet::{Greeter, Identities, OrderRefs};
use mpenc::{CliquesGreeter, Dialect, LocalIdentity, MemberId, MpencSession};
use mpenc_session::{
    ChannelAction, ChannelEvent, Ctx, Event, Input, Instant, Membership, Outcome, Output, Outputs,
    Severity, State,
};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;

use crate::group::{Group, config, id, ids, seed};

/// A well-formed, well-signed proposal by somebody in the room, who will never complete it: to start
/// a group with these, on an order that does not exist, or on one that does.
fn forged(
    group: &Group,
    by: &str,
    members: &[&str],
    number: u8,
    prev_pf: Option<[u8; 32]>,
) -> String {
    let signer = LocalIdentity::from_seed(&seed(by)).into_signer();
    let greeter = CliquesGreeter::new(Dialect::DOCUMENT, id(by), signer, Arc::new(group.known()));
    let refs = OrderRefs {
        prev_pf: prev_pf.unwrap_or([number; 32]),
        chain_hash: [number; 32],
        latest_pm: Vec::new(),
    };
    let mut rng = ChaCha20Rng::seed_from_u64(u64::from(number));
    let proposal = greeter.propose(&mut rng, Membership::Include(&ids(members)), refs);
    proposal.expect("it can be made").packet
}

fn assert_joined(
    group: &mut Group,
    own: mpenc_session::OperationId,
    members: &[&str],
    joiner: &str,
) {
    let events = group.events("a");
    let ended = Event::OperationEnded { own, outcome: Outcome::Completed };
    assert!(events.contains(&ended), "{events:?}");
    assert!(group.session(joiner).members().contains(&id("a")));
    group.assert_together(members);
    for name in members {
        let alarming: Vec<Event> = group
            .events(name)
            .into_iter()
            .filter(|event| event.severity() >= Severity::Security)
            .collect();
        assert!(alarming.is_empty(), "{name}: {alarming:?}");
    }
}

/// A hundred of them, by one outsider, before, during and after the real one.
#[test]
fn one_outsider_who_forges_a_hundred_proposals_keeps_nobody_out() {
    let mut group = Group::new(460, &["a", "b", "j", "o"]);
    group.establish(&["a", "b"]);
    group.run(60);
    group.join("j");
    group.join("o");
    group.events("j");
    let o = group.node("o");
    for number in 0..50 {
        let packet = forged(&group, "o", &["j"], number, None);
        group.sim.inject(o, &packet);
    }
    let own = group.include("a", &["j"]);
    for number in 50..100 {
        let packet = forged(&group, "o", &["j"], number, None);
        group.sim.inject(o, &packet);
    }
    group.run(5);
    let members: Vec<MemberId> = ids(&["a", "b", "j"]);
    assert_eq!(group.session("j").members(), members, "no later than without them");
    group.run(60);
    assert_joined(&mut group, own, &["a", "b", "j"], "j");
}

/// More strangers than there is room for candidates, all at once, around the real one.
#[test]
fn many_strangers_take_no_room_that_the_real_one_needs() {
    let outsiders = ["o", "p", "q", "r", "s", "t"];
    let mut names = vec!["a", "b", "j"];
    names.extend(outsiders);
    let mut group = Group::new(461, &names);
    let mut known = group.known();
    known.retain(|member, _| !ids(&outsiders).contains(member));
    group.add("j", known, config());
    group.establish(&["a", "b"]);
    group.run(60);
    group.join("j");
    for name in outsiders {
        group.join(name);
    }
    for (number, name) in (0..).zip(outsiders) {
        let packet = forged(&group, name, &["j"], number, None);
        let node = group.node(name);
        group.sim.inject(node, &packet);
    }
    let own = group.include("a", &["j"]);
    group.run(60);
    assert_joined(&mut group, own, &["a", "b", "j"], "j");
}

/// Proposals for others on the very parent that the real one will name: doubt alone refuses nothing.
#[test]
fn doubt_does_not_poison() {
    let mut group = Group::new(462, &["a", "b", "j", "o", "p"]);
    group.establish(&["a", "b"]);
    group.run(60);
    for name in ["j", "o", "p"] {
        group.join(name);
    }
    let (parent, _) = group.session("a").order_head().expect("a has an order");
    let o = group.node("o");
    for (number, members) in (0..).zip([&["p"][..], &["j"], &["p", "j"]]) {
        let packet = forged(&group, "o", members, number, Some(*parent.as_bytes()));
        group.sim.inject(o, &packet);
    }
    group.run(1);
    let own = group.include("a", &["j"]);
    group.run(60);
    assert_joined(&mut group, own, &["a", "b", "j"], "j");
}

/// Whoever is only ever shown forged ones goes on waiting, and says of each what came of it.
#[test]
fn forged_proposals_alone_come_to_nothing() {
    let mut group = Group::new(463, &["a", "j", "o"]);
    group.join("a");
    group.join("j");
    group.join("o");
    let o = group.node("o");
    let packet = forged(&group, "o", &["j"], 1, None);
    group.sim.inject(o, &packet);
    group.run(120);
    let events = group.events("j");
    let told = events.iter().filter(|event| matches!(event, Event::Candidate(_))).count();
    let dropped =
        events.iter().filter(|event| matches!(event, Event::CandidateDropped { .. })).count();
    assert_eq!((told, dropped), (1, 1), "{events:?}");
    assert!(!events.iter().any(|event| matches!(event, Event::Members { .. })));
    assert_eq!(group.session("j").state(), State::Waiting);
    let own = group.include("a", &["j"]);
    group.run(60);
    assert_joined(&mut group, own, &["a", "j"], "j");
}

/// Whoever waits gives up an operation that takes too long, and at that very moment the last confirm
/// comes. The others count on them now: so they leave, and enter to be included again.
#[test]
fn whoever_gave_up_too_early_enters_again() {
    let mut group = Group::new(91, &["a", "b", "c"]);
    group.establish(&["a", "b"]);
    group.join("c");
    group.sim.freeze(group.node("a"));
    group.include("b", &["c"]);
    let dropped = |group: &mut Group| {
        let events = group.events("c");
        events.iter().any(|event| matches!(event, Event::CandidateDropped { .. }))
    };
    let step = Duration::from_millis(20);
    while !dropped(&mut group) {
        assert!(group.now() < Duration::from_secs(100), "c never gives it up");
        group.sim.run_for(step).unwrap();
    }
    group.sim.thaw(group.node("a"));
    group.run(1);
    let completed =
        |event: &Event| matches!(event, Event::Members { include, .. } if *include == ids(&["c"]));
    assert!(group.events("b").iter().any(completed), "it completes for the others");
    group.run(300);
    group.assert_together(&["a", "b"]);
    assert_eq!(group.session("c").state(), State::Waiting);
    group.include("a", &["c"]);
    group.run(10);
    group.assert_together(&["a", "b", "c"]);
}

/// Whoever waits starts on their own when all are gone who were there before; and at that very moment
/// the last confirm of an operation that includes them is under way. Its members count on them then:
/// so they leave, and enter to be included again.
#[test]
fn whoever_started_on_their_own_too_early_enters_again() {
    let mut group = Group::new(92, &["x", "j", "a"]);
    group.join("x");
    group.join("j");
    group.join("a");
    let a = group.node("a");
    group.sim.act(a, |session, cx, out| session.start_here(cx, out)).expect("in no session");
    group.include("a", &["j"]);
    // a has j's answer and has sent the last confirm, which is on its way to the server.
    let confirms = |event: &Event| matches!(event, Event::OperationProgress { .. });
    while !group.events("a").iter().any(confirms) {
        assert!(group.now() < Duration::from_secs(10), "j never answers");
        group.sim.run_for(Duration::from_millis(1)).unwrap();
    }
    group.sim.kick(group.node("x"));
    group.run(1);
    let completed =
        |event: &Event| matches!(event, Event::Members { include, .. } if *include == ids(&["j"]));
    assert!(group.events("a").iter().any(completed), "for a it completes");
    group.run(300);
    assert_eq!(group.session("a").members(), ids(&["a"]));
    assert_eq!(group.session("j").state(), State::Waiting);
    group.include("a", &["j"]);
    group.run(10);
    group.assert_together(&["a", "j"]);
}

/// Whoever started too early has asked to leave, to enter again; and then the user parts: they stay
/// outside, and what waits to be sent is given up.
#[test]
fn whoever_parts_does_not_enter_again() {
    let mut group = Group::new(94, &["x", "j", "a"]);
    group.join("x");
    group.join("j");
    group.join("a");
    let (a, j) = (group.node("a"), group.node("j"));
    group.sim.act(a, |session, cx, out| session.start_here(cx, out)).expect("in no session");
    group.include("a", &["j"]);
    let confirms = |event: &Event| matches!(event, Event::OperationProgress { .. });
    while !group.events("a").iter().any(confirms) {
        assert!(group.now() < Duration::from_secs(10), "j never answers");
        group.sim.run_for(Duration::from_millis(1)).unwrap();
    }
    group.sim.kick(group.node("x"));
    let leave = |group: &mut Group| {
        let asked = group.asked("j");
        asked.iter().any(|(_, action)| *action == ChannelAction::Leave)
    };
    group.asked("j");
    while !leave(&mut group) {
        assert!(group.now() < Duration::from_secs(20), "j never leaves");
        group.sim.run_for(Duration::from_millis(1)).unwrap();
    }
    assert_eq!(group.session("j").state(), State::Alone);
    let readers = ids(&["a"]);
    group.sim.act(j, |session, cx, out| session.send_to(cx, &readers, "later", out)).unwrap();
    group.part("j");
    group.run(600);
    assert!(!group.asked("j").iter().any(|(_, action)| *action == ChannelAction::Enter));
    assert_eq!(group.session("j").state(), State::Outside);
    let not_sent = |event: &Event| matches!(event, Event::NotSent { .. });
    assert!(group.events("j").iter().any(not_sent));
}

/// Counts how often somebody is looked up: once a proposal's keys and signature have been checked.
struct Counting {
    known: BTreeMap<MemberId, [u8; 32]>,
    lookups: AtomicUsize,
}

impl Identities for Counting {
    fn identity_key(&self, member: &MemberId) -> Option<[u8; 32]> {
        self.lookups.fetch_add(1, Ordering::Relaxed);
        self.known.identity_key(member)
    }
}

/// Somebody in the room makes proposals that everybody ignores: with somebody who is not there, and one
/// that is followed already. However long they are and however often they come, nobody looks at what is
/// in them; and when all are there, the first is as good as any.
#[test]
fn what_everybody_ignores_costs_no_work() {
    let group = Group::new(95, &["ghost", "j", "o"]);
    let identities = Arc::new(Counting { known: group.known(), lookups: AtomicUsize::new(0) });
    let signer = LocalIdentity::from_seed(&seed("j")).into_signer();
    let greeter = CliquesGreeter::new(Dialect::DOCUMENT, id("j"), signer, identities.clone());
    let mut session = MpencSession::new(greeter, config());
    let mut rng = ChaCha20Rng::seed_from_u64(95);
    let mut out = Outputs::new();
    let mut hear = |event: ChannelEvent<'_>| {
        identities.lookups.store(0, Ordering::Relaxed);
        let mut cx = Ctx::new(Instant::new(Duration::from_secs(1)), &mut rng);
        session.handle(&mut cx, Input::Channel(event), &mut out);
        let told: Vec<Output> = out.drain().collect();
        let follows = |output: &Output| matches!(output, Output::Event(Event::Candidate(_)));
        (identities.lookups.load(Ordering::Relaxed), told.iter().any(follows), told.len())
    };
    hear(ChannelEvent::Entered { members: &ids(&["j", "o"]) });
    let o = id("o");
    let absent = forged(&group, "o", &["ghost", "j"], 1, None);
    let good = forged(&group, "o", &["j"], 2, None);
    assert_eq!(hear(ChannelEvent::Packet { sender: &o, packet: &absent }), (0, false, 0));
    let (lookups, followed, _) = hear(ChannelEvent::Packet { sender: &o, packet: &good });
    assert!(lookups > 0 && followed);
    for _ in 0..3 {
        assert_eq!(hear(ChannelEvent::Packet { sender: &o, packet: &good }), (0, false, 0));
    }
    hear(ChannelEvent::Changed { entered: &ids(&["ghost"]), left: &[] });
    let (lookups, followed, _) = hear(ChannelEvent::Packet { sender: &o, packet: &absent });
    assert!(lookups > 0 && followed);
}

/// A slow member answers an operation that ended before the joiner came, among the same members, and
/// then the one that includes them: nothing is wrong with the first answer.
#[test]
fn what_was_answered_to_an_operation_of_before_is_no_forgery() {
    let mut group = Group::new(93, &["a", "b", "c", "j"]);
    group.establish(&["a", "b", "c"]);
    let slow = group.node("c");
    group.join("j");
    group.sim.freeze(slow);
    group.include("a", &["j"]);
    group.run(1);
    group.part("j");
    group.run(1);
    group.join("j");
    group.include("a", &["j"]);
    group.run(1);
    group.events("j");
    group.sim.thaw(slow);
    group.run(10);
    group.assert_together(&["a", "b", "c", "j"]);
    let events = group.events("j");
    let refused = events.iter().find(|event| matches!(event, Event::Refused { .. }));
    assert_eq!(refused, None);
}
