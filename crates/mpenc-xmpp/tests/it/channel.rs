//! A room as a group channel.

use mpenc::ChannelAction;
use mpenc_tokio::{ChannelNotice, GroupChannel};
use mpenc_xmpp::{Config, Ended, Server as At, XmppChannel, XmppError};

use crate::server::{Kind, Server};
use crate::support::{entered, id, inside, left, notice, packet, within};

#[tokio::test]
async fn a_room_is_a_group_channel() {
    let server = Server::start(Kind::Prosody).await;
    let mut alice = XmppChannel::new(server.config("room", "alice"));
    alice.act(ChannelAction::Enter);
    assert_eq!(notice(&mut alice).await, inside(&["alice"]));
    let mut bob = XmppChannel::new(server.config("room", "bob"));
    bob.act(ChannelAction::Enter);
    assert_eq!(notice(&mut bob).await, inside(&["alice", "bob"]));
    assert_eq!(notice(&mut alice).await, entered("bob"));

    // What we say comes back, in the order of the room. (It is written while bob waits for notices.)
    bob.act(ChannelAction::Send { packet: "?mpENC:one <&> two.".to_owned() });
    bob.act(ChannelAction::Send { packet: "three".to_owned() });
    for channel in [&mut bob, &mut alice] {
        assert_eq!(notice(channel).await, packet("bob", "?mpENC:one <&> two."));
        assert_eq!(notice(channel).await, packet("bob", "three"));
    }

    // Who has not created the room removes nobody; who has does.
    bob.act(ChannelAction::Remove(vec![id("alice")]));
    bob.act(ChannelAction::Send { packet: "four".to_owned() });
    assert_eq!(notice(&mut bob).await, packet("bob", "four"));
    assert_eq!(notice(&mut alice).await, packet("bob", "four"));
    alice.act(ChannelAction::Remove(vec![id("bob"), id("nobody")]));
    assert_eq!(notice(&mut alice).await, left("bob"));
    assert_eq!(notice(&mut bob).await, ChannelNotice::Left);
    assert!(matches!(*bob.ended().borrow(), Some(Ended::Removed(_))));

    // Whoever has left can enter again, and hears nothing of what was said before.
    bob.act(ChannelAction::Enter);
    assert_eq!(notice(&mut bob).await, inside(&["alice", "bob"]));
    bob.act(ChannelAction::Leave);
    assert_eq!(notice(&mut bob).await, ChannelNotice::Left);
    assert_eq!(notice(&mut alice).await, entered("bob"));
    assert_eq!(notice(&mut alice).await, left("bob"));
}

#[tokio::test]
async fn a_dropped_connection_is_a_leave_for_the_others() {
    let server = Server::start(Kind::Prosody).await;
    let mut alice = XmppChannel::new(server.config("room", "alice"));
    alice.act(ChannelAction::Enter);
    assert_eq!(notice(&mut alice).await, inside(&["alice"]));
    let mut bob = XmppChannel::new(server.config("room", "bob"));
    bob.act(ChannelAction::Enter);
    assert_eq!(notice(&mut bob).await, inside(&["alice", "bob"]));
    drop(bob);
    assert_eq!(notice(&mut alice).await, entered("bob"));
    assert_eq!(notice(&mut alice).await, left("bob"));
}

#[tokio::test]
async fn a_packet_over_the_limit_is_not_sent_on_prosody() {
    over_the_limit(&Server::start(Kind::Prosody).await).await;
}

#[tokio::test]
async fn a_packet_over_the_limit_is_not_sent_on_ejabberd() {
    over_the_limit(&Server::start(Kind::Ejabberd).await).await;
}

async fn over_the_limit(server: &Server) {
    let mut alice = XmppChannel::new(server.config("room", "alice"));
    alice.act(ChannelAction::Enter);
    assert_eq!(notice(&mut alice).await, inside(&["alice"]));
    let most = "x".repeat(261_000);
    alice.act(ChannelAction::Send { packet: most.clone() });
    assert_eq!(notice(&mut alice).await, packet("alice", &most));
    alice.act(ChannelAction::Send { packet: "x".repeat(300_000) });
    assert_eq!(notice(&mut alice).await, ChannelNotice::Left);
    let ended = alice.ended().borrow().clone();
    assert!(matches!(ended, Some(Ended::TooLong { limit: 262_144, .. })), "{ended:?}");
}

#[tokio::test]
async fn who_is_not_let_in_is_told_why() {
    let server = Server::start(Kind::Prosody).await;
    let mut alice = XmppChannel::new(server.config("room", "alice"));
    alice.act(ChannelAction::Enter);
    assert_eq!(notice(&mut alice).await, inside(&["alice"]));

    let fails = async |account: &str, password: &str, room: &str, nick: &str| {
        let config = Config::new(account, password, room, nick).unwrap();
        let config = config.server(At::InsecureLoopback(server.addr)).unwrap();
        let mut channel = XmppChannel::new(config);
        channel.act(ChannelAction::Enter);
        within(channel.next()).await.unwrap_err()
    };
    let room = "room@conference.localhost";
    let error = fails("bob@localhost", "bobbob", room, "alice").await;
    assert!(matches!(&error, XmppError::NickInUse(nick) if nick == "alice"), "{error}");
    let error = fails("bob@localhost", "wrong", room, "bob").await;
    assert!(matches!(error, XmppError::Login(_)), "{error}");
    let error = fails("bob@localhost", "bobbob", "room@nowhere.localhost", "bob").await;
    assert!(matches!(error, XmppError::Refused(_)), "{error}");
}

#[test]
fn no_tls_only_to_this_machine() {
    let config = || Config::new("a@example.org", "", "r@c.example.org", "a").unwrap();
    assert!(config().server(At::InsecureLoopback(([127, 0, 0, 1], 5222).into())).is_ok());
    let error = config().server(At::InsecureLoopback(([192, 0, 2, 1], 5222).into()));
    assert!(matches!(error, Err(XmppError::NotLoopback(_))));
    assert!(matches!(Config::new("example.org", "", "r@c", "a"), Err(XmppError::Address(_))));
    assert!(!format!("{:?}", config()).contains("password"));
}

#[tokio::test]
async fn a_server_that_was_there_may_come_back() {
    let mut server = Server::start(Kind::Prosody).await;
    let mut alice = XmppChannel::new(server.config("room", "alice"));
    alice.act(ChannelAction::Enter);
    assert_eq!(notice(&mut alice).await, inside(&["alice"]));
    server.stop().await;
    assert_eq!(notice(&mut alice).await, ChannelNotice::Left);
    // Whoever has never been there is told that it is not; whoever has been tries again.
    let mut bob = XmppChannel::new(server.config("room", "bob"));
    bob.act(ChannelAction::Enter);
    let error = within(bob.next()).await.unwrap_err();
    assert!(matches!(error, XmppError::Unreachable(_)), "{error}");
    alice.act(ChannelAction::Enter);
    assert_eq!(notice(&mut alice).await, ChannelNotice::Left);
    assert!(matches!(*alice.ended().borrow(), Some(Ended::Disconnected(_))));
    server.restart().await;
    alice.act(ChannelAction::Enter);
    assert_eq!(notice(&mut alice).await, inside(&["alice"]));
}

#[tokio::test]
async fn a_room_for_members_only() {
    // Prosody makes its rooms so, if it is told to.
    let server = Server::with(Kind::Prosody, "muc_room_default_members_only = true\n").await;
    let mut alice = XmppChannel::new(server.config("room", "alice"));
    alice.act(ChannelAction::Enter);
    assert_eq!(notice(&mut alice).await, inside(&["alice"]));
    let mut bob = XmppChannel::new(server.config("room", "bob"));
    bob.act(ChannelAction::Enter);
    let error = within(bob.next()).await.unwrap_err();
    assert!(matches!(&error, XmppError::Refused(why) if why.contains("registration required")));
}

#[tokio::test]
async fn a_server_that_slows_us_down_loses_nothing() {
    let more = "limits = { c2s = { rate = \"10kb/s\"; burst = \"1s\" } }\n";
    let server = Server::with(Kind::Prosody, more).await;
    let mut alice = XmppChannel::new(server.config("room", "alice"));
    alice.act(ChannelAction::Enter);
    assert_eq!(notice(&mut alice).await, inside(&["alice"]));
    let packets: Vec<String> = (0..30).map(|n| format!("{n} {}", "x".repeat(1_000))).collect();
    for text in &packets {
        alice.act(ChannelAction::Send { packet: text.clone() });
    }
    for text in &packets {
        assert_eq!(notice(&mut alice).await, packet("alice", text));
    }
}
