use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use mpenc::{
    CliquesGreeter, Config as Timing, Dialect, Event, LocalIdentity, MemberId, Mpenc, MpencSession,
};
use mpenc_tokio::{Change, ChannelNotice, Driver, Events, GroupChannel, Handle, Options};
use mpenc_xmpp::{Config, Ended, XmppChannel, XmppError};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// Fails the test instead of hanging it.
pub(crate) async fn within<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(90), future).await.expect("it hangs")
}

pub(crate) fn id(name: &str) -> MemberId {
    MemberId::new(Dialect::DOCUMENT, name).unwrap()
}

pub(crate) async fn notice(channel: &mut XmppChannel) -> ChannelNotice {
    within(channel.next()).await.unwrap()
}

pub(crate) fn inside(names: &[&str]) -> ChannelNotice {
    ChannelNotice::Entered { members: names.iter().map(|name| id(name)).collect() }
}

pub(crate) fn entered(name: &str) -> ChannelNotice {
    ChannelNotice::Changed { entered: vec![id(name)], left: Vec::new() }
}

pub(crate) fn left(name: &str) -> ChannelNotice {
    ChannelNotice::Changed { entered: Vec::new(), left: vec![id(name)] }
}

pub(crate) fn packet(sender: &str, packet: &str) -> ChannelNotice {
    ChannelNotice::Packet { sender: id(sender), packet: packet.to_owned() }
}

/// A member whose session runs.
pub(crate) struct Member {
    pub(crate) handle: Handle<Mpenc>,
    pub(crate) ended: watch::Receiver<Option<Ended>>,
    events: Events,
    _task: JoinHandle<Result<(), XmppError>>,
}

/// Starts a session for each; they know each other's keys.
pub(crate) fn members(configs: Vec<(&str, Config)>) -> Vec<Member> {
    let seeds = 1..=u8::try_from(configs.len()).unwrap();
    let keys: Vec<_> = seeds.map(|seed| LocalIdentity::from_seed(&[seed; 32])).collect();
    let names = configs.iter().map(|(name, _)| id(name));
    let known: BTreeMap<_, _> = names.zip(keys.iter().map(LocalIdentity::public_key)).collect();
    let known = Arc::new(known);
    let start = |((name, config), key): ((&str, Config), LocalIdentity)| {
        assert_eq!(config.own_id().unwrap(), id(name));
        let signer = key.into_signer();
        let greeter = CliquesGreeter::new(Dialect::DOCUMENT, id(name), signer, known.clone());
        let mut timing = Timing::default();
        // A loopback is quick; parting waits for some of these.
        timing.broadcast_latency = Duration::from_millis(500);
        timing.reply_interval = Duration::from_millis(500);
        let channel = XmppChannel::new(config);
        let ended = channel.ended();
        let session = MpencSession::new(greeter, timing);
        let (driver, handle, events) = Driver::new(session, channel, Options::default());
        Member { handle, ended, events, _task: tokio::spawn(driver.run()) }
    };
    configs.into_iter().zip(keys).map(start).collect()
}

impl Member {
    /// Waits for the event that this finds something in.
    pub(crate) async fn until<T>(&mut self, find: impl Fn(&Event) -> Option<T>) -> T {
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
        let found = tokio::time::timeout(Duration::from_secs(90), search).await;
        found.ok().flatten().unwrap_or_else(|| panic!("it did not come: {seen:#?}"))
    }

    pub(crate) async fn sees(&mut self, expected: Event) {
        self.until(|event| (*event == expected).then_some(())).await;
    }

    pub(crate) async fn hears(&mut self, author: &str, text: &str) {
        self.until(|event| match event {
            Event::Message(message) if message.author == id(author) && message.text == text => {
                Some(())
            }
            _ => None,
        })
        .await;
    }

    pub(crate) async fn join(&mut self) {
        self.handle.join().await.unwrap();
        self.until(|event| matches!(event, Event::EnteredChannel { .. }).then_some(())).await;
    }

    pub(crate) async fn include(&mut self, names: &[&str]) {
        let names = names.iter().map(|name| id(name)).collect();
        self.handle.propose(Change::Include(names)).await.unwrap();
    }

    /// Waits until the members are these.
    pub(crate) async fn is_among(&mut self, names: &[&str]) {
        let mut expected: Vec<_> = names.iter().map(|name| id(name)).collect();
        expected.sort();
        loop {
            let members = self.handle.query(|session| session.members().to_vec()).await;
            let mut members = members.unwrap();
            members.sort();
            if members == expected {
                return;
            }
            self.until(|event| matches!(event, Event::Members { .. }).then_some(())).await;
        }
    }
}
