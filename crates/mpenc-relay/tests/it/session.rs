//! Whole sessions over the relay: the real protocol, the real clock, the system's randomness.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use mpenc::{
    CliquesGreeter, Config, Dialect, Event, LocalIdentity, MemberId, Mpenc, MpencSession, State,
};
use mpenc_relay::{Recording, RelayChannel, RelayError};
use mpenc_tokio::{Change, Driver, Events, Handle, Options};
use tokio::task::JoinHandle;

use crate::support::{Running, within};

struct Member {
    handle: Handle<Mpenc>,
    events: Events,
    task: JoinHandle<Result<(), RelayError>>,
}

fn id(name: &str) -> MemberId {
    MemberId::new(Dialect::DOCUMENT, name).unwrap()
}

fn members(relay: &Running, names: &[&str]) -> Vec<Member> {
    let seeds = 1..=u8::try_from(names.len()).unwrap();
    let keys: Vec<_> = seeds.map(|seed| LocalIdentity::from_seed(&[seed; 32])).collect();
    let known: BTreeMap<_, _> =
        names.iter().zip(&keys).map(|(name, key)| (id(name), key.public_key())).collect();
    let known = Arc::new(known);
    let start = |(name, key): (&&str, LocalIdentity)| {
        let greeter =
            CliquesGreeter::new(Dialect::DOCUMENT, id(name), key.into_signer(), known.clone());
        let mut config = Config::default();
        // A loopback is quick; parting waits for some of these.
        config.broadcast_latency = Duration::from_millis(200);
        config.reply_interval = Duration::from_millis(200);
        let session = MpencSession::new(greeter, config);
        let channel = RelayChannel::new(relay.addr, "room", name, Dialect::DOCUMENT);
        let (driver, handle, events) = Driver::new(session, channel, Options::default());
        Member { handle, events, task: tokio::spawn(driver.run()) }
    };
    names.iter().zip(keys).map(start).collect()
}

impl Member {
    /// Waits for the event that this finds something in.
    async fn until<T>(&mut self, find: impl Fn(&Event) -> Option<T>) -> T {
        let mut seen = Vec::new();
        let search = async {
            loop {
                let event = self.events.next().await?;
                if let Some(found) = find(&event) {
                    return Some(found);
                }
                seen.push(event);
            }
        };
        let found = tokio::time::timeout(Duration::from_secs(60), search).await;
        found.ok().flatten().unwrap_or_else(|| panic!("it did not come: {seen:#?}"))
    }

    async fn hears(&mut self, author: &str, text: &str) {
        self.until(|event| match event {
            Event::Message(message) if message.author == id(author) && message.text == text => {
                Some(())
            }
            _ => None,
        })
        .await;
    }

    async fn is_member(&mut self) {
        self.until(|event| matches!(event, Event::Members { .. }).then_some(())).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_conversation_over_the_relay() {
    let recording = Arc::new(Recording::new(1 << 20));
    let relay = Running::start(|config| config.observer(recording.clone())).await;
    let [mut alice, mut bob] = members(&relay, &["alice", "bob"]).try_into().ok().unwrap();

    alice.handle.join().await.unwrap();
    alice.until(|event| matches!(event, Event::EnteredChannel { .. }).then_some(())).await;
    bob.handle.join().await.unwrap();
    let bob_came = |event: &Event| (*event == Event::MemberEntered(id("bob"))).then_some(());
    alice.until(bob_came).await;
    alice.handle.propose(Change::Include(vec![id("bob")])).await.unwrap();
    alice.is_member().await;
    bob.is_member().await;

    alice.handle.send("plain text of alice").await.unwrap();
    bob.hears("alice", "plain text of alice").await;
    bob.handle.send("plain text of bob").await.unwrap();
    alice.hears("bob", "plain text of bob").await;
    let acked = alice.until(|event| match event {
        Event::FullyAcked(id) => Some(*id),
        _ => None,
    });
    let acked = acked.await;
    let missing = alice.handle.query(move |session| session.unacked_by(&acked)).await;
    assert_eq!(missing, Ok(Vec::new()));

    bob.handle.part().await.unwrap();
    bob.until(|event| (*event == Event::LeftChannel).then_some(())).await;
    assert_eq!(bob.handle.query(|session| session.state()).await, Ok(State::Outside));
    drop(bob.handle);
    within(bob.task).await.unwrap().unwrap();
    let bob_left = |event: &Event| (*event == Event::MemberLeft(id("bob"))).then_some(());
    alice.until(bob_left).await;
    drop(alice.handle);
    within(alice.task).await.unwrap().unwrap();

    // The relay saw all of it, and none of it.
    let seen = recording.take();
    assert!(seen.len() > 5, "{}", seen.len());
    assert!(seen.iter().all(|seen| seen.packet.starts_with("?mpENC:")));
    relay.stop().await;
}
