use mpenc_session::{ChannelAction, Event};
use mpenc_tokio::{CallError, Gone, Options};

use crate::solo::member;
use crate::support::{Broken, start};

#[tokio::test(start_paused = true)]
async fn the_last_handle_ends_it() {
    let mut world = start(Options::default());
    let other = world.handle.clone();
    other.join().await.unwrap();
    drop(world.handle);
    assert_eq!(world.actions.recv().await, Some(ChannelAction::Enter));
    drop(other);
    assert_eq!(world.task.await.unwrap(), Ok(()));
    assert_eq!(world.actions.recv().await, None);
    assert_eq!(world.events.next().await, None);
}

#[tokio::test(start_paused = true)]
async fn a_broken_channel_ends_it_and_the_session_has_left() {
    let mut world = start(Options::default().events(1));
    world.handle.join().await.unwrap();
    world.let_in(&["bob", "alice"]);
    world.text("bob", "noise");
    world.notices.send(Err(Broken)).unwrap();
    let mut events = Vec::new();
    while let Some(event) = world.events.next().await {
        events.push(event);
    }
    assert_eq!(
        events,
        [
            Event::EnteredChannel { others: vec![member("bob")] },
            Event::Plain { sender: member("bob") },
            Event::LeftChannel,
        ]
    );
    assert_eq!(world.task.await.unwrap(), Err(Broken));
    assert_eq!(world.handle.query(|_| ()).await, Err(Gone));
    assert_eq!(world.handle.join().await, Err(CallError::Gone));
}

#[tokio::test(start_paused = true)]
async fn callers_do_not_wait_for_a_driver_whose_last_events_are_unread() {
    let world = start(Options::default().events(1));
    world.handle.join().await.unwrap();
    world.let_in(&["bob", "alice"]);
    world.notices.send(Err(Broken)).unwrap();
    // The driver ends in its own time; from then on calls fail, although nobody reads.
    while world.handle.query(|_| ()).await.is_ok() {
        tokio::task::yield_now().await;
    }
    drop(world.events);
    assert_eq!(world.task.await.unwrap(), Err(Broken));
}
