use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use mpenc::order::{ChainHash, PacketId};
use mpenc::session::OperationId;
use mpenc::{
    CliquesGreeter, Config as Timing, Dialect, Event, JoinPatience, LocalIdentity, MemberId,
    MessageId, Mpenc, MpencSession, Outcome,
};
use mpenc_tokio::{Change, ChannelNotice, Driver, Events, GroupChannel, Handle, Options};
use mpenc_xmpp::{Config, Ended, XmppChannel, XmppError};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// How long anything may take, on a machine that does much else.
const PATIENCE: Duration = Duration::from_secs(150);

/// BC_LAT and M_INTV: a loopback is quick, but the machine may do much else.
const LATENCY_MS: u64 = 2_000;

/// Fails the test instead of hanging it.
pub(crate) async fn within<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future).await.expect("it hangs")
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
    pub(crate) name: String,
    events: Events,
    task: JoinHandle<Result<(), XmppError>>,
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
        timing.broadcast_latency = Duration::from_millis(LATENCY_MS);
        timing.reply_interval = Duration::from_millis(LATENCY_MS);
        timing.join_patience = JoinPatience::Forever;
        let channel = XmppChannel::new(config);
        let ended = channel.ended();
        let session = MpencSession::new(greeter, timing);
        let (driver, handle, events) =
            Driver::new(session, channel, Options::default().events(1 << 16));
        let (name, task) = (name.to_owned(), tokio::spawn(driver.run()));
        Member { handle, ended, name, events, task }
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
        let found = tokio::time::timeout(PATIENCE, search).await;
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

    /// Waits until this one is in the channel.
    pub(crate) async fn is_joined_by(&mut self, name: &str) {
        let wanted = id(name);
        loop {
            let is = wanted.clone();
            let ask = move |session: &MpencSession| session.channel_members().any(|id| *id == is);
            if self.handle.query(ask).await.unwrap() {
                return;
            }
            self.until(|event| (*event == Event::MemberEntered(wanted.clone())).then_some(()))
                .await;
        }
    }

    /// Cuts the connection, as a crash does.
    pub(crate) fn kill(self) {
        self.task.abort();
    }

    pub(crate) async fn ends(&mut self, own: OperationId) -> Outcome {
        self.until(|event| match event {
            Event::OperationEnded { own: ended, outcome } if *ended == own => Some(outcome.clone()),
            _ => None,
        })
        .await
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

/// What a member holds, to be compared.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Held {
    members: Vec<MemberId>,
    transcript: Vec<MessageId>,
    order: Option<(PacketId, ChainHash)>,
}

/// Waits until these are the members, and all hold the same: members, transcript, fully acked, and
/// chain hash.
pub(crate) async fn agree(group: &mut [Member]) {
    let names: Vec<String> = group.iter().map(|member| member.name.clone()).collect();
    for member in &mut *group {
        member.is_among(&names.iter().map(String::as_str).collect::<Vec<_>>()).await;
    }
    within(hold_the_same(group)).await;
}

async fn hold_the_same(group: &mut [Member]) {
    loop {
        let mut held = Vec::new();
        let mut pending = None;
        for (at, member) in group.iter().enumerate() {
            let ask = |session: &MpencSession| {
                let mut members = session.members().to_vec();
                members.sort();
                let (transcript, order) = (session.transcript(), session.order_head());
                let settled = session.is_consistent()
                    && session.unacked().next().is_none()
                    && session.waiting().next().is_none();
                (Held { members, transcript, order }, settled)
            };
            let (holds, settled) = member.handle.query(ask).await.unwrap();
            held.push(holds);
            if !settled {
                pending = Some(at);
            }
        }
        let differs = held.iter().position(|holds| *holds != held[0]);
        let Some(at) = pending.or(differs) else {
            assert_eq!(held[0].members.len(), group.len());
            assert!(held[0].order.is_some());
            return;
        };
        // Something is under way to this one, which it may take without a word.
        let moment = Duration::from_millis(200);
        let _ = tokio::time::timeout(moment, group[at].events.next()).await;
    }
}

/// Each says something, and all hear it.
pub(crate) async fn talk(group: &mut [Member], words: &str) {
    for member in &*group {
        member.handle.send(format!("{words} {}", member.name)).await.unwrap();
    }
    let names: Vec<String> = group.iter().map(|member| member.name.clone()).collect();
    for member in &mut *group {
        let mut awaited: BTreeSet<_> =
            names.iter().map(|name| (id(name), format!("{words} {name}"))).collect();
        while !awaited.is_empty() {
            let heard = member.until(|event| match event {
                Event::Message(message) => Some((message.author.clone(), message.text.clone())),
                _ => None,
            });
            awaited.remove(&heard.await);
        }
    }
}

/// Lets all enter, and the first include the others.
pub(crate) async fn gather(group: &mut [Member]) {
    group[0].join().await;
    include_all(group).await;
}

/// The same, for a first one who has entered.
pub(crate) async fn include_all(group: &mut [Member]) {
    for member in &mut group[1..] {
        member.join().await;
    }
    let names: Vec<String> = group.iter().skip(1).map(|member| member.name.clone()).collect();
    for name in &names {
        group[0].is_joined_by(name).await;
    }
    group[0].include(&names.iter().map(String::as_str).collect::<Vec<_>>()).await;
    agree(group).await;
}
