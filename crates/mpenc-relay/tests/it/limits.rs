use std::time::Duration;

use mpenc_relay::{Config, LeaveCause, Limits, Notice, Relay, RelayClient, RelayError};
use tokio::net::TcpStream;

use crate::support::{Running, entered, left, next, packet, refusal, say, within};

fn limits(change: impl FnOnce(&mut Limits)) -> impl FnOnce(Config) -> Config {
    let mut limits = Limits::default();
    change(&mut limits);
    |config| config.limits(limits)
}

#[tokio::test]
async fn remote_addresses_are_refused_unless_allowed() {
    let listen = ([0, 0, 0, 0], 0).into();
    let error = Relay::bind(Config::new(listen)).await.unwrap_err();
    assert!(matches!(error, RelayError::NotLoopback(addr) if addr == listen));
    assert!(error.to_string().starts_with("0.0.0.0:0 is not a loopback address"), "{error}");
    // Bound and dropped: nobody can connect in between, because nothing accepts.
    drop(Relay::bind(Config::new(listen).allow_remote(true)).await.unwrap());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_does_not_read_leaves_and_the_others_go_on() {
    let relay = Running::start(limits(|limits| {
        limits.queue_frames = 64;
        limits.queue_octets = 1 << 20;
    }))
    .await;
    let mut slow = relay.enter("slow").await;
    let mut alice = relay.enter("alice").await;
    let mut bob = relay.enter("bob").await;
    assert_eq!(next(&mut alice).await, entered("bob"));

    // The system's own buffers take some megabytes first; how many does not matter. Everybody else
    // reads each packet before the next one comes, so that only `slow` can fall behind.
    let long = "x".repeat(256 * 1024);
    let mut left_after = None;
    for round in 0..1000 {
        say(&mut bob, &long).await;
        assert_eq!(next(&mut bob).await, packet("bob", &long));
        assert_eq!(next(&mut alice).await, packet("bob", &long));
        if relay.handle.statistics().too_slow == 1 {
            left_after = Some(round);
            break;
        }
    }
    assert!(left_after.is_some(), "nobody was too slow");
    assert_eq!(next(&mut bob).await, left("slow", LeaveCause::TooSlow));
    assert_eq!(next(&mut alice).await, left("slow", LeaveCause::TooSlow));
    say(&mut alice, "on").await;
    assert_eq!(next(&mut bob).await, packet("alice", "on"));
    assert_eq!(next(&mut alice).await, packet("alice", "on"));

    // What was on its way to `slow` may still arrive; then the connection ends.
    loop {
        match next(&mut slow).await.unwrap() {
            Notice::Ended(mpenc_relay::Ended::Disconnected(_)) => break,
            Notice::Entered { .. } | Notice::Packet { .. } => {}
            notice => panic!("{notice:?}"),
        }
    }
}

#[tokio::test]
async fn a_burst_of_small_packets_is_not_slowness() {
    // Many more frames than a queue holds come with few reads of the relay.
    let relay = Running::start(limits(|limits| limits.queue_frames = 1024)).await;
    let mut alice = relay.enter("alice").await;
    for _ in 0..50_000 {
        alice.queue(mpenc_relay::ClientAction::Send { packet: "" }).unwrap();
    }
    for _ in 0..50_000 {
        assert_eq!(next(&mut alice).await, packet("alice", ""));
    }
}

#[tokio::test]
async fn a_full_relay_says_so() {
    let relay = Running::start(limits(|limits| limits.connections = 1)).await;
    let mut alice = relay.enter("alice").await;
    let mut second = within(TcpStream::connect(relay.addr)).await.unwrap();
    assert_eq!(refusal(&mut second).await, "the relay is full: its limit of connections is 1");
    say(&mut alice, "on").await;
    assert_eq!(next(&mut alice).await, packet("alice", "on"));
}

#[tokio::test]
async fn rooms_and_members_are_bounded() {
    let relay = Running::start(limits(|limits| {
        limits.rooms = 1;
        limits.members_per_room = 2;
    }))
    .await;
    let _alice = relay.enter("alice").await;
    let _bob = relay.enter("bob").await;
    for (room, reason) in [
        ("room", "the room is full: its limit of members is 2"),
        ("other", "the relay is full: its limit of rooms is 1"),
    ] {
        let error = within(RelayClient::connect(relay.addr, room, "carol")).await.unwrap_err();
        assert!(matches!(&error, RelayError::Refused(said) if said == reason), "{error}");
    }
}

#[tokio::test]
async fn a_silent_stranger_is_refused() {
    // No time at all, so that the test needs none either.
    let relay = Running::start(limits(|limits| limits.handshake_timeout = Duration::ZERO)).await;
    let mut stranger = within(TcpStream::connect(relay.addr)).await.unwrap();
    assert_eq!(refusal(&mut stranger).await, "you did not say in time who you are");
}

#[tokio::test]
async fn a_closing_relay_does_not_wait_for_strangers() {
    let relay = Running::start(limits(|limits| {
        limits.handshake_timeout = Duration::from_secs(1_000_000);
    }))
    .await;
    let mut stranger = within(TcpStream::connect(relay.addr)).await.unwrap();
    // Somebody who connects later is welcomed: the stranger's task has started before.
    let mut alice = relay.enter("alice").await;
    let stop = relay.stop();
    let read = async {
        let reason = refusal(&mut stranger).await;
        drop(stranger);
        reason
    };
    let alice_reads = async {
        let notice = next(&mut alice).await;
        drop(alice);
        notice
    };
    let (reason, _, ()) = tokio::join!(read, alice_reads, stop);
    assert_eq!(reason, "the relay closes");
}

#[tokio::test]
async fn a_removed_client_that_does_not_read_does_not_hold_the_relay() {
    let relay = Running::start(limits(|limits| {
        limits.queue_octets = 1 << 30;
        limits.drain_timeout = Duration::ZERO;
    }))
    .await;
    let _deaf = relay.enter("deaf").await;
    let mut alice = relay.enter("alice").await;
    // More than the system's buffers take: the relay cannot write all of it.
    let long = "x".repeat(1 << 20);
    for _ in 0..64 {
        say(&mut alice, &long).await;
        assert_eq!(next(&mut alice).await, packet("alice", &long));
    }
    let remove = mpenc_relay::ClientAction::Remove { name: "deaf" };
    within(alice.send(remove)).await.unwrap();
    let cause = LeaveCause::Removed { by: "alice".to_owned() };
    assert_eq!(next(&mut alice).await, left("deaf", cause));
    drop(alice);
    relay.stop().await;
}
