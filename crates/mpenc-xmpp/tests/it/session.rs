//! Whole sessions in a room: the real protocol, a real server.

use mpenc::{Event, State};
use mpenc_xmpp::Ended;

use crate::server::{Kind, Server};
use crate::support::{id, members};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_conversation_in_a_room() {
    let server = Server::start(Kind::Prosody).await;
    let configs = ["alice", "bob"].map(|name| (name, server.config("room", name)));
    let [mut alice, mut bob] = members(configs.into()).try_into().ok().unwrap();
    alice.join().await;
    bob.join().await;
    alice.sees(Event::MemberEntered(id("bob"))).await;
    alice.include(&["bob"]).await;
    alice.is_among(&["alice", "bob"]).await;
    bob.is_among(&["alice", "bob"]).await;

    alice.handle.send("plain text of alice").await.unwrap();
    bob.hears("alice", "plain text of alice").await;
    bob.handle.send("plain text of bob").await.unwrap();
    alice.hears("bob", "plain text of bob").await;

    bob.handle.part().await.unwrap();
    bob.sees(Event::LeftChannel).await;
    assert_eq!(bob.handle.query(|session| session.state()).await, Ok(State::Outside));
    // alice owns the room, and removes who has parted: she may come first.
    let ended = bob.ended.borrow().clone();
    assert!(matches!(ended, Some(Ended::Left | Ended::Removed(Some(_)))), "{ended:?}");
    alice.sees(Event::MemberLeft(id("bob"))).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restarted_server_is_a_leave_for_all() {
    let mut server = Server::start(Kind::Prosody).await;
    let configs = ["alice", "bob"].map(|name| (name, server.config("room", name)));
    let [mut alice, mut bob] = members(configs.into()).try_into().ok().unwrap();
    alice.join().await;
    bob.join().await;
    alice.sees(Event::MemberEntered(id("bob"))).await;
    alice.include(&["bob"]).await;
    bob.is_among(&["alice", "bob"]).await;
    alice.is_among(&["alice", "bob"]).await;

    server.restart().await;
    for member in [&mut alice, &mut bob] {
        member.sees(Event::LeftChannel).await;
        assert!(matches!(*member.ended.borrow(), Some(Ended::Disconnected(_))));
    }
    alice.join().await;
    bob.join().await;
    alice.sees(Event::MemberEntered(id("bob"))).await;
    alice.include(&["bob"]).await;
    bob.is_among(&["alice", "bob"]).await;
    alice.handle.send("again").await.unwrap();
    bob.hears("alice", "again").await;
}
