use std::net::SocketAddr;

use mpenc::{ChannelAction, Dialect, MemberId};
use mpenc_relay::{Ended, LeaveCause, RelayChannel, RelayError};
use mpenc_tokio::{ChannelNotice, GroupChannel};

use crate::support::{Running, ended, entered, left, loopback, next, packet, say, within};

fn member(name: &str) -> MemberId {
    MemberId::new(Dialect::DOCUMENT, name).unwrap()
}

fn channel(addr: SocketAddr, name: &str) -> RelayChannel {
    RelayChannel::new(addr, "room", name, Dialect::DOCUMENT)
}

async fn notice(channel: &mut RelayChannel) -> ChannelNotice {
    within(channel.next()).await.unwrap()
}

fn inside(names: &[&str]) -> ChannelNotice {
    ChannelNotice::Entered { members: names.iter().map(|name| member(name)).collect() }
}

#[tokio::test]
async fn a_room_is_a_group_channel() {
    let relay = Running::start(|config| config).await;
    let mut watcher = relay.enter("watcher").await;
    let mut alice = channel(relay.addr, "alice");
    alice.act(ChannelAction::Enter);
    assert_eq!(notice(&mut alice).await, inside(&["watcher", "alice"]));
    let mut bob = channel(relay.addr, "bob");
    bob.act(ChannelAction::Enter);
    assert_eq!(notice(&mut bob).await, inside(&["watcher", "alice", "bob"]));
    let bob_entered = ChannelNotice::Changed { entered: vec![member("bob")], left: Vec::new() };
    assert_eq!(notice(&mut alice).await, bob_entered);

    // Nothing is sent before somebody waits for notices, and then in order; invitations are not
    // what a relay does.
    bob.act(ChannelAction::Invite(vec![member("carol")]));
    bob.act(ChannelAction::Send { packet: "hello".to_owned() });
    bob.act(ChannelAction::Remove(vec![member("alice"), member("nobody")]));
    let hello = ChannelNotice::Packet { sender: member("bob"), packet: "hello".to_owned() };
    let alice_left = ChannelNotice::Changed { entered: Vec::new(), left: vec![member("alice")] };
    assert_eq!(notice(&mut bob).await, hello);
    assert_eq!(notice(&mut bob).await, alice_left);
    assert_eq!(notice(&mut alice).await, hello);
    assert_eq!(notice(&mut alice).await, ChannelNotice::Left);
    let removed = LeaveCause::Removed { by: "bob".to_owned() };
    assert_eq!(*alice.ended().borrow(), Some(Ended::Left(removed.clone())));

    // Whoever has left can enter again.
    alice.act(ChannelAction::Enter);
    assert_eq!(notice(&mut alice).await, inside(&["watcher", "bob", "alice"]));
    alice.act(ChannelAction::Leave);
    assert_eq!(notice(&mut alice).await, ChannelNotice::Left);

    assert_eq!(next(&mut watcher).await, entered("alice"));
    assert_eq!(next(&mut watcher).await, entered("bob"));
    assert_eq!(next(&mut watcher).await, packet("bob", "hello"));
    assert_eq!(next(&mut watcher).await, left("alice", removed));
    assert_eq!(next(&mut watcher).await, entered("alice"));
    assert_eq!(next(&mut watcher).await, left("alice", LeaveCause::Left));
}

#[tokio::test]
async fn entering_survives_being_cancelled() {
    let relay = Running::start(|config| config).await;
    let mut watcher = relay.enter("watcher").await;
    let mut alice = channel(relay.addr, "alice");
    alice.act(ChannelAction::Enter);
    // Something else is always ready first, until the relay has answered.
    let inside_now = loop {
        tokio::select! {
            biased;
            notice = alice.next() => break notice.unwrap(),
            () = tokio::task::yield_now() => {}
        }
    };
    assert_eq!(inside_now, inside(&["watcher", "alice"]));
    say(&mut watcher, "once").await;
    assert_eq!(next(&mut watcher).await, entered("alice"));
    assert_eq!(next(&mut watcher).await, packet("watcher", "once"));
}

#[tokio::test]
async fn leaving_before_having_entered() {
    let relay = Running::start(|config| config).await;
    let mut alice = channel(relay.addr, "alice");
    alice.act(ChannelAction::Leave);
    alice.act(ChannelAction::Enter);
    alice.act(ChannelAction::Leave);
    assert_eq!(notice(&mut alice).await, ChannelNotice::Left);
    alice.act(ChannelAction::Enter);
    assert_eq!(notice(&mut alice).await, inside(&["alice"]));
}

#[tokio::test]
async fn a_room_that_cannot_be_entered_ends_the_channel() {
    let relay = Running::start(|config| config).await;
    let mut alice = relay.enter("alice").await;
    let mut second = channel(relay.addr, "alice");
    second.act(ChannelAction::Enter);
    let error = within(second.next()).await.unwrap_err();
    assert!(matches!(error, RelayError::Refused(_)), "{error}");
    within(alice.send(mpenc_relay::ClientAction::Leave)).await.unwrap();
    assert_eq!(next(&mut alice).await, ended(LeaveCause::Left));
    // It may be tried again.
    second.act(ChannelAction::Enter);
    assert_eq!(notice(&mut second).await, inside(&["alice"]));

    let listener = tokio::net::TcpListener::bind(loopback()).await.unwrap();
    let nobody = listener.local_addr().unwrap();
    drop(listener);
    let mut third = channel(nobody, "alice");
    third.act(ChannelAction::Enter);
    let error = within(third.next()).await.unwrap_err();
    assert!(matches!(error, RelayError::Address { .. }), "{error}");
}

#[tokio::test]
async fn a_lost_connection_is_a_leave() {
    let relay = mpenc_relay::Relay::bind(mpenc_relay::Config::new(loopback())).await.unwrap();
    let mut alice = channel(relay.local_addr(), "alice");
    let task = tokio::spawn(relay.run(std::future::pending()));
    alice.act(ChannelAction::Enter);
    assert_eq!(notice(&mut alice).await, inside(&["alice"]));
    task.abort();
    assert_eq!(notice(&mut alice).await, ChannelNotice::Left);
    assert!(matches!(*alice.ended().borrow(), Some(Ended::Disconnected(_))));
}

#[tokio::test]
async fn whom_the_dialect_cannot_name_is_not_there() {
    let relay = Running::start(|config| config).await;
    let mut outsider = relay.enter("日本").await;
    let mut alice = RelayChannel::new(relay.addr, "room", "alicé", Dialect::MPENC_JS);
    let own = MemberId::new(Dialect::MPENC_JS, "alicé").unwrap();
    alice.act(ChannelAction::Enter);
    let members = vec![own.clone()];
    assert_eq!(notice(&mut alice).await, ChannelNotice::Entered { members });
    say(&mut outsider, "konnichiwa").await;
    drop(outsider);
    // Its own name is understood, in the dialect's own octets.
    alice.act(ChannelAction::Send { packet: "x".to_owned() });
    let expected = ChannelNotice::Packet { sender: own.clone(), packet: "x".to_owned() };
    assert_eq!(notice(&mut alice).await, expected);
    alice.act(ChannelAction::Remove(vec![own]));
    assert_eq!(notice(&mut alice).await, ChannelNotice::Left);
}
