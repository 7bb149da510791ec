use mpenc_relay::{ClientAction, LeaveCause, Notice, RelayClient, RelayError, Statistics};

use crate::support::{Running, ended, entered, left, loopback, next, packet, say, within};

#[tokio::test]
async fn leaving_is_seen_by_all_and_by_oneself() {
    let relay = Running::start(|config| config).await;
    let mut alice = relay.enter("alice").await;
    let mut bob = relay.enter("bob").await;
    say(&mut bob, "bye").await;
    within(bob.send(ClientAction::Leave)).await.unwrap();
    assert_eq!(next(&mut alice).await, entered("bob"));
    assert_eq!(next(&mut alice).await, packet("bob", "bye"));
    assert_eq!(next(&mut alice).await, left("bob", LeaveCause::Left));
    assert_eq!(next(&mut bob).await, packet("bob", "bye"));
    assert_eq!(next(&mut bob).await, ended(LeaveCause::Left));
    assert_eq!(next(&mut bob).await, None);
    let after = bob.queue(ClientAction::Send { packet: "more" });
    assert!(matches!(after, Err(RelayError::NotInRoom)));
    // The name is free again.
    let (_bob, members) = within(RelayClient::connect(relay.addr, "room", "bob")).await.unwrap();
    assert_eq!(members, ["alice", "bob"]);
}

#[tokio::test]
async fn a_dropped_connection_is_a_leave() {
    let relay = Running::start(|config| config).await;
    let mut alice = relay.enter("alice").await;
    let bob = relay.enter("bob").await;
    drop(bob);
    assert_eq!(next(&mut alice).await, entered("bob"));
    assert_eq!(next(&mut alice).await, left("bob", LeaveCause::Disconnected));
}

#[tokio::test]
async fn any_member_may_remove_another() {
    let relay = Running::start(|config| config).await;
    let mut alice = relay.enter("alice").await;
    let mut bob = relay.enter("bob").await;
    let mut carol = relay.enter("carol").await;
    within(carol.send(ClientAction::Remove { name: "alice" })).await.unwrap();
    let cause = || LeaveCause::Removed { by: "carol".to_owned() };
    assert_eq!(next(&mut alice).await, entered("bob"));
    assert_eq!(next(&mut alice).await, entered("carol"));
    assert_eq!(next(&mut alice).await, ended(cause()));
    assert_eq!(next(&mut bob).await, entered("carol"));
    assert_eq!(next(&mut bob).await, left("alice", cause()));
    assert_eq!(next(&mut carol).await, left("alice", cause()));
    // Who is not there cannot be removed; the channel goes on.
    within(carol.send(ClientAction::Remove { name: "alice" })).await.unwrap();
    say(&mut carol, "on").await;
    assert_eq!(next(&mut bob).await, packet("carol", "on"));
}

#[tokio::test]
async fn rooms_do_not_hear_each_other() {
    let relay = Running::start(|config| config).await;
    let (mut tea, _) = within(RelayClient::connect(relay.addr, "tea", "alice")).await.unwrap();
    let (mut milk, _) = within(RelayClient::connect(relay.addr, "milk", "alice")).await.unwrap();
    say(&mut tea, "one").await;
    say(&mut milk, "two").await;
    assert_eq!(next(&mut tea).await, packet("alice", "one"));
    assert_eq!(next(&mut milk).await, packet("alice", "two"));
}

#[tokio::test]
async fn a_name_is_given_once() {
    let relay = Running::start(|config| config).await;
    let mut alice = relay.enter("alice").await;
    let clash = within(RelayClient::connect(relay.addr, "room", "alice")).await.unwrap_err();
    assert_eq!(
        clash.to_string(),
        "the relay refused us: somebody in the room `room` has the name `alice` already"
    );
    // Nobody in the room heard of it.
    say(&mut alice, "still here").await;
    assert_eq!(next(&mut alice).await, packet("alice", "still here"));
    assert_eq!(relay.handle.statistics().refused, 1);
}

#[tokio::test]
async fn names_are_checked_before_connecting() {
    // Nobody listens there.
    for (room, name) in [("", "alice"), ("room", ""), ("room", "a\nb"), ("room", "__server__")] {
        let error = within(RelayClient::connect(loopback(), room, name)).await.unwrap_err();
        assert!(matches!(error, RelayError::Name(_)), "{error}");
    }
}

#[tokio::test]
async fn the_longest_packet_passes_and_a_longer_one_is_not_queued() {
    let relay = Running::start(|config| config).await;
    let mut alice = relay.enter("alice").await;
    let mut bob = relay.enter("bob").await;
    let longest = "x".repeat(mpenc_relay::MAX_PACKET);
    let longer = format!("{longest}y");
    let error = bob.queue(ClientAction::Send { packet: &longer }).unwrap_err();
    assert!(matches!(error, RelayError::PacketTooLong { octets } if octets == longer.len()));
    bob.queue(ClientAction::Send { packet: &longest }).unwrap();
    assert_eq!(next(&mut bob).await, packet("bob", &longest));
    assert_eq!(next(&mut alice).await, entered("bob"));
    assert_eq!(next(&mut alice).await, packet("bob", &longest));
}

#[tokio::test]
async fn a_relay_that_closes_says_so() {
    let relay = Running::start(|config| config).await;
    let mut alice = relay.enter("alice").await;
    say(&mut alice, "last words").await;
    assert_eq!(next(&mut alice).await, packet("alice", "last words"));
    let handle = relay.handle.clone();
    let (notice, ()) = tokio::join!(next(&mut alice), relay.stop());
    assert_eq!(notice, ended(LeaveCause::Closing));
    let statistics = handle.statistics();
    let Statistics {
        rooms: 0, members: 0, entered: 1, packets: 1, octets: 10, deliveries: 1, ..
    } = statistics
    else {
        panic!("{statistics:?}")
    };
}

#[tokio::test]
async fn a_relay_that_is_gone_ends_the_membership() {
    let relay = mpenc_relay::Relay::bind(mpenc_relay::Config::new(loopback())).await.unwrap();
    let addr = relay.local_addr();
    let task = tokio::spawn(relay.run(std::future::pending()));
    let (mut alice, _) = within(RelayClient::connect(addr, "room", "alice")).await.unwrap();
    task.abort();
    assert!(matches!(
        next(&mut alice).await,
        Some(Notice::Ended(mpenc_relay::Ended::Disconnected(_)))
    ));
    assert_eq!(next(&mut alice).await, None);
    let error = within(RelayClient::connect(addr, "room", "alice")).await.unwrap_err();
    assert!(matches!(error, RelayError::Address { .. }), "{error}");
}
