//! Misuse by the caller is an error, and nothing happens.

use std::time::Duration;

use mpenc::greet::ProposeError;
use mpenc_session::{ApiMisuse, Event, Membership, State};

use crate::group::{Group, config, id, ids};

#[test]
fn calls_that_do_not_fit_the_state_are_refused() {
    let mut group = Group::new(31, &["a", "b", "c"]);
    let node = group.node("a");
    let try_send = |group: &mut Group, text: &str| {
        group.sim.act(node, |session, cx, out| session.send(cx, text, out).map(|_| ()))
    };
    assert_eq!(try_send(&mut group, "x"), Err(ApiMisuse::NotInSession));
    assert_eq!(group.propose("a", Membership::Refresh), Err(ApiMisuse::NotInChannel));
    let part = |group: &mut Group| group.sim.act(node, |session, cx, out| session.part(cx, out));
    assert_eq!(part(&mut group), Err(ApiMisuse::NotInChannel));
    let start =
        |group: &mut Group| group.sim.act(node, |session, cx, out| session.start_here(cx, out));
    assert_eq!(start(&mut group), Err(ApiMisuse::NotInChannel));
    group.join("a");
    assert_eq!(start(&mut group), Err(ApiMisuse::InSession), "alone, it has started one itself");
    let join = |group: &mut Group| group.sim.act(node, |session, cx, out| session.join(cx, out));
    assert_eq!(join(&mut group), Err(ApiMisuse::InChannel));
    assert_eq!(
        group.propose("a", Membership::Refresh),
        Err(ApiMisuse::Propose(ProposeError::Alone))
    );
    group.join("b");
    assert_eq!(group.propose("b", Membership::Include(&ids(&["a"]))), Err(ApiMisuse::NotSynced));
    let cases = [
        (Membership::Include(&[]), ProposeError::NobodyNamed),
        (Membership::Exclude(&[id("a")]), ProposeError::NamesUs),
        (Membership::Exclude(&[id("b")]), ProposeError::NotMember(id("b"))),
        (Membership::Include(&[id("b"), id("b")]), ProposeError::NamedTwice(id("b"))),
        (Membership::Include(&[id("nobody")]), ProposeError::NoIdentityKey(id("nobody"))),
    ];
    for (change, error) in cases {
        assert_eq!(group.propose("a", change), Err(ApiMisuse::Propose(error)), "{change:?}");
    }
    group.include("a", &["b"]);
    assert_eq!(group.propose("a", Membership::Refresh), Err(ApiMisuse::OperationPending));
    group.run(2);
    group.assert_together(&["a", "b"]);
    assert!(matches!(try_send(&mut group, ""), Err(ApiMisuse::Seal(_))));
    assert!(matches!(try_send(&mut group, &"x".repeat(40_000)), Err(ApiMisuse::Seal(_))));
    let abort = group.sim.act(node, |session, cx, out| session.abort(cx, "", out));
    assert_eq!(abort, Err(ApiMisuse::NoOperation));
    group.part("a");
    assert_eq!(try_send(&mut group, "x"), Err(ApiMisuse::Parting));
    assert_eq!(group.session("a").state(), State::Parting);
}

/// Whoever has said that they leave changes the members no more: the others would have to follow them
/// out of the door.
#[test]
fn whoever_parts_proposes_nothing() {
    let mut group = Group::new(33, &["a", "b", "c", "d"]);
    group.establish(&["a", "b", "c"]);
    group.join("d");
    group.part("a");
    let (newcomer, member) = (ids(&["d"]), ids(&["c"]));
    let changes =
        [Membership::Refresh, Membership::Include(&newcomer), Membership::Exclude(&member)];
    for change in changes {
        assert_eq!(group.propose("a", change), Err(ApiMisuse::Parting), "{change:?}");
    }
    group.run(120);
    group.assert_together(&["b", "c"]);
    assert_eq!(group.session("a").state(), State::Outside);
}

/// Between the end of the exclude and our removal from the room, what we were part of is past.
#[test]
fn whoever_was_excluded_starts_nothing_before_they_have_left() {
    let mut group = Group::new(32, &["a", "b", "c"]);
    group.establish(&["a", "b", "c"]);
    group.events("c");
    group.exclude("a", &["c"]);
    for _ in 0..1000 {
        group.sim.run_for(Duration::from_millis(1)).expect("it comes to rest");
        if group.events("c").iter().any(|event| matches!(event, Event::Excluded { .. })) {
            break;
        }
    }
    let node = group.node("c");
    let start = group.sim.act(node, |session, cx, out| session.start_here(cx, out));
    assert_eq!(start, Err(ApiMisuse::Excluded));
    assert_eq!(group.session("c").state(), State::Excluded);
    group.run(5);
    group.assert_together(&["a", "b"]);
}

/// A clock that runs backwards or jumps is a no-op, never a panic.
#[test]
fn a_strange_clock_breaks_nothing() {
    use mpenc_session::{Ctx, Input, Instant, Outputs};
    use rand_chacha::ChaCha20Rng;
    use rand_chacha::rand_core::SeedableRng;

    let known = std::sync::Arc::new(std::collections::BTreeMap::new());
    let signer = mpenc::LocalIdentity::from_seed(&[1; 32]).into_signer();
    let dialect = mpenc::Dialect::DOCUMENT;
    let greeter = mpenc::CliquesGreeter::new(dialect, id("a"), signer, known);
    let mut session = mpenc::MpencSession::new(greeter, mpenc_session::Config::default());
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    let mut out = Outputs::new();
    for seconds in [10, 3, u64::MAX, 0] {
        let now = Instant::new(Duration::from_secs(seconds));
        let mut cx = Ctx::new(now, &mut rng);
        session.handle(&mut cx, Input::Tick, &mut out);
        let members = [id("a"), id("b")];
        let event = mpenc_session::ChannelEvent::Entered { members: &members };
        session.handle(&mut cx, Input::Channel(event), &mut out);
    }
    assert!(!matches!(session.state(), State::Closed));
}

/// Nothing is as fast as to take no time: whoever says so of their channel does not make the session
/// time out, and propose the same again, for ever within one call.
#[test]
fn no_latency_at_all_ends_every_call() {
    let mut none = config();
    none.broadcast_latency = Duration::ZERO;
    none.auto_include = true;
    let mut group = Group::new(34, &["a", "b"]);
    let known = group.known();
    group.add("a", known, none);
    group.join("a");
    group.join("b");
    let proposed = |event: &&Event| matches!(event, Event::Proposed { .. });
    let proposals = group.events("a").iter().filter(proposed).count();
    assert!((1..=10).contains(&proposals), "each waits twice as long: {proposals}");
}
