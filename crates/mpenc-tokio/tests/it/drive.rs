use core::time::Duration;

use mpenc_session::{ApiMisuse, ChannelAction, Event, State};
use mpenc_tokio::{CallError, Change, ChannelNotice, Options};
use tokio::time::Instant;

use crate::solo::member;
use crate::support::start;

#[tokio::test(start_paused = true)]
async fn calls_become_actions_and_notices_become_events() {
    let mut world = start(Options::default());
    world.handle.join().await.unwrap();
    assert_eq!(world.actions.recv().await, Some(ChannelAction::Enter));
    assert_eq!(world.handle.query(|session| session.state()).await, Ok(State::Entering));
    world.let_in(&["bob", "alice"]);
    let others = vec![member("bob")];
    assert_eq!(world.events.next().await, Some(Event::EnteredChannel { others }));
    world.notice(ChannelNotice::Changed { entered: vec![member("carol")], left: Vec::new() });
    assert_eq!(world.events.next().await, Some(Event::MemberEntered(member("carol"))));
    world.text("bob", "not of ours");
    assert_eq!(world.events.next().await, Some(Event::Plain { sender: member("bob") }));
    world.handle.part().await.unwrap();
    assert_eq!(world.actions.recv().await, Some(ChannelAction::Leave));
    world.notice(ChannelNotice::Left);
    assert_eq!(world.events.next().await, Some(Event::LeftChannel));
    assert_eq!(world.handle.query(|session| session.state()).await, Ok(State::Outside));
}

#[tokio::test(start_paused = true)]
async fn misuse_comes_back_to_the_caller() {
    let world = start(Options::default());
    let misuse = |error| Err(CallError::Misuse(error));
    assert_eq!(world.handle.send("hi").await.map(|_| ()), misuse(ApiMisuse::NotInSession));
    assert_eq!(world.handle.ack().await.map(|_| ()), misuse(ApiMisuse::NotInSession));
    assert_eq!(world.handle.part().await, misuse(ApiMisuse::NotInChannel));
    assert_eq!(world.handle.start_here().await, misuse(ApiMisuse::NotInChannel));
    assert_eq!(world.handle.abort("no").await, misuse(ApiMisuse::NoOperation));
    let change = Change::Include(vec![member("bob")]);
    let proposed = world.handle.propose(change).await;
    assert_eq!(proposed.map(|_| ()), misuse(ApiMisuse::NotInChannel));
    assert_eq!(
        CallError::Misuse(ApiMisuse::NotInSession).to_string(),
        ApiMisuse::NotInSession.to_string()
    );
}

/// (2 + members) · (BC_LAT + 1 s) with two members in the channel.
const PATIENCE: Duration = Duration::from_secs(4 * 6);

#[tokio::test(start_paused = true)]
async fn deadlines_are_met_to_the_millisecond() {
    let mut world = start(Options::default());
    world.handle.join().await.unwrap();
    assert_eq!(world.actions.recv().await, Some(ChannelAction::Enter));
    let entered = Instant::now();
    world.let_in(&["bob", "alice"]);
    assert!(matches!(world.events.next().await, Some(Event::EnteredChannel { .. })));
    // What happens meanwhile does not move the deadline.
    tokio::time::advance(PATIENCE / 2).await;
    world.text("bob", "hello?");
    assert!(matches!(world.events.next().await, Some(Event::Plain { .. })));
    assert_eq!(world.events.next().await, Some(Event::NotIncluded));
    // Paused time is exact; tokio's wheel turns once per millisecond.
    assert!(entered.elapsed() - PATIENCE <= Duration::from_millis(2), "{:?}", entered.elapsed());
    assert_eq!(world.actions.recv().await, Some(ChannelAction::Leave));
}

#[tokio::test(start_paused = true)]
async fn a_deadline_that_is_gone_wakes_nobody() {
    let mut world = start(Options::default());
    world.handle.join().await.unwrap();
    world.let_in(&["bob", "alice"]);
    assert!(matches!(world.events.next().await, Some(Event::EnteredChannel { .. })));
    world.notice(ChannelNotice::Changed { entered: Vec::new(), left: vec![member("bob")] });
    assert_eq!(world.events.next().await, Some(Event::MemberLeft(member("bob"))));
    assert_eq!(world.handle.query(|session| session.state()).await, Ok(State::Alone));
    let quiet = tokio::time::timeout(10 * PATIENCE, world.events.next()).await;
    assert!(quiet.is_err(), "{quiet:?}");
}

#[tokio::test(start_paused = true)]
async fn the_clock_is_trusted_over_the_sleep() {
    let mut world = start(Options::default());
    world.handle.join().await.unwrap();
    world.let_in(&["bob", "alice"]);
    assert!(matches!(world.events.next().await, Some(Event::EnteredChannel { .. })));
    // The deadline passes while the driver has no turn, for less than what the session takes for
    // its own sleep; then the channel is busy. The deadline is met before the second of the packets
    // that wait.
    world.text("bob", "one");
    world.text("bob", "two");
    tokio::time::advance(PATIENCE + Duration::from_secs(1)).await;
    let mut events = Vec::new();
    for _ in 0..3 {
        events.push(world.events.next().await.unwrap());
    }
    let place = events.iter().position(|event| *event == Event::NotIncluded);
    assert!(matches!(place, Some(0 | 1)), "{events:?}");
}

#[tokio::test(start_paused = true)]
async fn the_randomness_is_the_one_given() {
    // Removed while waiting, the session comes back after a delay that it draws.
    let mut delays = Vec::new();
    for _ in 0..2 {
        let mut world = start(Options::default());
        world.handle.join().await.unwrap();
        assert_eq!(world.actions.recv().await, Some(ChannelAction::Enter));
        world.let_in(&["bob", "alice"]);
        world.notice(ChannelNotice::Left);
        let left = Instant::now();
        assert_eq!(world.actions.recv().await, Some(ChannelAction::Enter));
        delays.push(left.elapsed());
    }
    assert!(delays[0] > Duration::from_secs(1), "{delays:?}");
    assert_eq!(delays[0], delays[1]);
}
