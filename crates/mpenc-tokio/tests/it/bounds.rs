use mpenc_session::{ChannelAction, Event, State};
use mpenc_tokio::{ChannelNotice, Options};

use crate::solo::member;
use crate::support::{all_wait, start};

#[tokio::test(start_paused = true)]
async fn who_does_not_read_events_stops_the_channel_but_not_calls_and_deadlines() {
    let mut world = start(Options::default().events(4));
    world.handle.join().await.unwrap();
    assert_eq!(world.actions.recv().await, Some(ChannelAction::Enter));
    world.let_in(&["bob", "alice"]);
    for _ in 0..100 {
        world.text("bob", "noise");
    }
    world.notice(ChannelNotice::Changed { entered: vec![member("carol")], left: Vec::new() });
    all_wait().await;
    // Calls are still done, while carol waits behind the noise.
    let present = world.handle.query(|session| session.channel_members().count()).await;
    assert_eq!(present, Ok(2));
    // Deadlines too: the session gives up waiting to be included.
    assert_eq!(world.actions.recv().await, Some(ChannelAction::Leave));
    assert_eq!(world.handle.query(|session| session.state()).await, Ok(State::Parting));

    // Then everything is there, in order, and nothing was dropped.
    let mut noise = 0;
    let mut rest = Vec::new();
    while noise < 100 || rest.len() < 3 {
        match world.events.next().await.unwrap() {
            Event::Plain { .. } => noise += 1,
            event => rest.push(event),
        }
    }
    assert_eq!(noise, 100);
    assert_eq!(
        rest,
        [
            Event::EnteredChannel { others: vec![member("bob")] },
            Event::NotIncluded,
            Event::MemberEntered(member("carol")),
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn who_drops_the_events_does_not_stop_the_channel() {
    let world = start(Options::default().events(1));
    world.handle.join().await.unwrap();
    world.let_in(&["bob", "alice"]);
    for _ in 0..100 {
        world.text("bob", "noise");
    }
    // Full first, dropped then.
    all_wait().await;
    drop(world.events);
    let carol = ChannelNotice::Changed { entered: vec![member("carol")], left: Vec::new() };
    world.notices.send(Ok(carol)).unwrap();
    all_wait().await;
    let present = world.handle.query(|session| session.channel_members().count()).await;
    assert_eq!(present, Ok(3));
}

#[tokio::test(start_paused = true)]
async fn a_call_that_nobody_waits_for_is_harmless() {
    let mut world = start(Options::default().commands(1));
    {
        let join = world.handle.join();
        tokio::pin!(join);
        // Sent, and then forgotten.
        tokio::select! {
            biased;
            _ = &mut join => panic!("the driver has had no turn"),
            () = std::future::ready(()) => {}
        }
    }
    assert_eq!(world.actions.recv().await, Some(ChannelAction::Enter));
    assert_eq!(world.handle.query(|session| session.state()).await, Ok(State::Entering));
}
