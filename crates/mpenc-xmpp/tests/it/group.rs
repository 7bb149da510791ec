//! Groups in rooms of real servers, and what goes wrong with them. After each story members,
//! transcripts and chain hashes are the same.

use mpenc::{ChannelAction, Event, Outcome};
use mpenc_tokio::{Change, GroupChannel};
use mpenc_xmpp::{Ended, XmppChannel};

use crate::server::{Kind, Server};
use crate::support::{Member, agree, gather, id, include_all, inside, members, notice, talk};

fn some(server: &Server, room: &str, names: &[&'static str]) -> Vec<Member> {
    members(names.iter().map(|name| (*name, server.config(room, name))).collect())
}

async fn at_once(server: &Server) {
    let mut group = some(server, "at-once", &["alice", "bob", "carol"]);
    gather(&mut group).await;
    // Until the proposals really are at once.
    loop {
        let first = group[0].handle.propose(Change::Refresh).await.unwrap();
        let second = group[2].handle.propose(Change::Refresh).await.unwrap();
        let (first, second) = (group[0].ends(first).await, group[2].ends(second).await);
        let done = [&first, &second].map(|outcome| *outcome == Outcome::Completed);
        match done {
            [true, true] => agree(&mut group).await,
            [false, false] => panic!("{first:?} {second:?}"),
            _ => break,
        }
    }
    talk(&mut group, "after two proposals").await;
    agree(&mut group).await;
}

async fn restarted(server: &mut Server) {
    let mut group = some(server, "restarted", &["alice", "bob", "carol"]);
    gather(&mut group).await;
    talk(&mut group, "before").await;
    agree(&mut group).await;
    // On its way, or not even that.
    group[1].handle.send("in the middle").await.unwrap();
    server.restart().await;
    for member in &mut group {
        member.sees(Event::LeftChannel).await;
        assert!(matches!(*member.ended.borrow(), Some(Ended::Disconnected(_))));
    }
    gather(&mut group).await;
    talk(&mut group, "after").await;
    agree(&mut group).await;
}

async fn outsiders(server: &Server) {
    let room = "outsiders";
    let mut group = some(server, room, &["alice", "bob"]);
    gather(&mut group).await;
    let mut erin = XmppChannel::new(server.config(room, "erin"));
    erin.act(ChannelAction::Enter);
    assert_eq!(notice(&mut erin).await, inside(&["alice", "bob", "erin"]));
    for packet in ["is this thing on?", "?mpENC:", "?mpENC:AAAA.", "?OTR", "?mpENCé\n<b>"] {
        erin.act(ChannelAction::Send { packet: packet.to_owned() });
    }
    let drives = tokio::spawn(async move { while erin.next().await.is_ok() {} });
    let sender = id("erin");
    for member in &mut group {
        for _ in 0..2 {
            member.sees(Event::Plain { sender: sender.clone() }).await;
        }
    }
    talk(&mut group, "never mind").await;
    agree(&mut group).await;
    drives.abort();
}

async fn not_the_owner(server: &Server) {
    let room = "not-the-owner";
    // The room is of somebody who is no member.
    let mut kim = XmppChannel::new(server.config(room, "kim"));
    let moderators = kim.moderators();
    kim.act(ChannelAction::Enter);
    assert_eq!(notice(&mut kim).await, inside(&["kim"]));
    let drives = tokio::spawn(async move { while kim.next().await.is_ok() {} });
    let mut group = some(server, room, &["alice", "bob", "carol", "dave"]);
    group[0].join().await;
    group[0].handle.start_here().await.unwrap();
    include_all(&mut group).await;
    let mut dave = group.pop().unwrap();
    let mut carol = group.pop().unwrap();
    // Nobody may remove her: she is excluded, and stays in the room.
    group[1].handle.propose(Change::Exclude(vec![id("carol")])).await.unwrap();
    group.push(dave);
    agree(&mut group).await;
    carol.sees(Event::Excluded { by: id("bob") }).await;
    talk(&mut group, "without carol").await;
    agree(&mut group).await;
    // The room's owner makes them moderators: who is excluded now is removed.
    moderators.set(&[id("alice"), id("bob")]);
    dave = group.pop().unwrap();
    group[1].handle.propose(Change::Exclude(vec![id("dave")])).await.unwrap();
    agree(&mut group).await;
    dave.sees(Event::LeftChannel).await;
    talk(&mut group, "without dave").await;
    agree(&mut group).await;
    drives.abort();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn proposals_at_once_on_prosody() {
    at_once(&Server::start(Kind::Prosody).await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_server_restarts_on_prosody() {
    restarted(&mut Server::start(Kind::Prosody).await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn outsiders_on_prosody() {
    outsiders(&Server::start(Kind::Prosody).await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_may_not_remove_others_on_prosody() {
    not_the_owner(&Server::start(Kind::Prosody).await).await;
}
