//! Groups in rooms of real servers, and what goes wrong with them. After each story members,
//! transcripts and chain hashes are the same.

use mpenc::{ChannelAction, Event, Outcome};
use mpenc_tokio::{Change, ChannelNotice, GroupChannel};
use mpenc_xmpp::{Ended, XmppChannel, establish_octets};

use crate::server::{ACCOUNTS, Kind, Server};
use crate::support::{
    Member, agree, gather, id, include_all, inside, members, notice, talk, within,
};

fn some(server: &Server, room: &str, names: &[&'static str]) -> Vec<Member> {
    members(names.iter().map(|name| (*name, server.config(room, name))).collect())
}

async fn twelve(server: &Server) {
    let room = "twelve";
    let mut group = some(server, room, &ACCOUNTS);
    group[0].join().await;
    // Whoever only watches sees how long packets are.
    let mut watcher = XmppChannel::new(server.config_as(room, "leo", "watcher"));
    watcher.act(ChannelAction::Enter);
    assert_eq!(notice(&mut watcher).await, inside(&["alice", "watcher"]));
    let watching = tokio::spawn(async move {
        let mut longest = 0;
        loop {
            match watcher.next().await {
                Ok(ChannelNotice::Packet { packet, .. }) if packet == "enough" => return longest,
                Ok(ChannelNotice::Packet { packet, .. }) => longest = longest.max(packet.len()),
                Ok(_) => {}
                Err(error) => panic!("{error}"),
            }
        }
    });
    for member in &mut group[1..] {
        member.join().await;
    }
    for name in &ACCOUNTS[1..] {
        group[0].is_joined_by(name).await;
    }
    group[0].include(&ACCOUNTS[1..]).await;
    agree(&mut group).await;
    talk(&mut group, "hello from").await;
    agree(&mut group).await;

    let mut last = XmppChannel::new(server.config_as(room, "kim", "last"));
    last.act(ChannelAction::Enter);
    within(last.next()).await.unwrap();
    last.act(ChannelAction::Send { packet: "enough".to_owned() });
    let heard = async { while last.next().await.is_ok() {} };
    let longest = tokio::select! {
        longest = within(watching) => longest.unwrap(),
        () = heard => panic!("the channel ended"),
    };
    let most = establish_octets(12, 5);
    assert!(longest <= most && most <= longest * 3 / 2, "{longest} octets; at most {most}?");
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

async fn killed(server: &Server) {
    let mut all = some(server, "killed", &["alice", "bob", "carol", "dave"]);
    let mut dave = all.pop().unwrap();
    gather(&mut all).await;
    dave.join().await;
    all[0].is_joined_by("dave").await;
    let carol = all.pop().unwrap();
    let mut group = all;
    let own = group[0].handle.propose(Change::Include(vec![id("dave")])).await.unwrap();
    group[1].until(|event| matches!(event, Event::OperationAccepted(_)).then_some(())).await;
    carol.kill();
    let outcome = group[0].ends(own).await;
    if outcome == Outcome::Completed {
        // She had done her part already.
        group.push(dave);
        agree(&mut group).await;
    } else {
        agree(&mut group).await;
        group[0].include(&["dave"]).await;
        group.push(dave);
        agree(&mut group).await;
    }
    talk(&mut group, "without her").await;
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
async fn twelve_agree_on_prosody() {
    twelve(&Server::start(Kind::Prosody).await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn proposals_at_once_on_prosody() {
    at_once(&Server::start(Kind::Prosody).await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_in_an_operation_on_prosody() {
    killed(&Server::start(Kind::Prosody).await).await;
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

/// In one test, because this server takes its time to start.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_of_it_on_ejabberd() {
    let mut server = Server::start(Kind::Ejabberd).await;
    twelve(&server).await;
    at_once(&server).await;
    killed(&server).await;
    outsiders(&server).await;
    not_the_owner(&server).await;
    restarted(&mut server).await;
}
