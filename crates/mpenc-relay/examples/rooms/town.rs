//! Rooms full of members.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use mpenc::{
    CliquesGreeter, Config, Dialect, Event, LocalIdentity, MemberId, Mpenc, MpencSession, Severity,
};
use mpenc_relay::RelayChannel;
use mpenc_tokio::{Change, Driver, Events, Handle, Options};
use tokio::task::JoinSet;

/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(300);

/// A session, from outside.
struct Member {
    id: MemberId,
    handle: Handle<Mpenc>,
    events: Events,
}

/// A room, and who is in it.
struct Room {
    number: usize,
    members: Vec<Member>,
}

/// All rooms.
pub(crate) struct Town {
    rooms: Vec<Room>,
    /// Runs the sessions, until it is dropped.
    _drivers: JoinSet<()>,
}

impl Town {
    /// So many members for each room of a relay, outside of it.
    pub(crate) fn new(relay: SocketAddr, rooms: usize, members: usize) -> Self {
        let names: Vec<String> = (0..members).map(|number| format!("member {number:04}")).collect();
        let id = |name: &String| MemberId::new(Dialect::DOCUMENT, name).unwrap();
        let mut drivers = JoinSet::new();
        let mut room = |number: usize| {
            let keys: Vec<_> = (0..members).map(|member| identity(number, member)).collect();
            let known: BTreeMap<_, _> =
                names.iter().map(id).zip(keys.iter().map(LocalIdentity::public_key)).collect();
            let known = Arc::new(known);
            let mut member = |(name, key): (&String, LocalIdentity)| {
                let greeter = CliquesGreeter::new(
                    Dialect::DOCUMENT,
                    id(name),
                    key.into_signer(),
                    Arc::clone(&known) as _,
                );
                let session = MpencSession::new(greeter, Config::default());
                let room = format!("room {number}");
                let channel = RelayChannel::new(relay, &room, name, Dialect::DOCUMENT);
                let (driver, handle, events) = Driver::new(session, channel, Options::default());
                drivers.spawn(async { driver.run().await.unwrap() });
                Member { id: id(name), handle, events }
            };
            Room { number, members: names.iter().zip(keys).map(&mut member).collect() }
        };
        Self { rooms: (0..rooms).map(&mut room).collect(), _drivers: drivers }
    }

    /// All rooms do something at the same time.
    async fn all<F: Future<Output = Room> + Send + 'static>(&mut self, act: impl Fn(Room) -> F) {
        let mut acting: JoinSet<Room> = self.rooms.drain(..).map(act).collect();
        while let Some(room) = acting.join_next().await {
            self.rooms.push(room.unwrap());
        }
    }

    /// All enter their rooms.
    pub(crate) async fn enter(&mut self) {
        self.all(async |mut room| {
            for member in &mut room.members {
                member.handle.join().await.unwrap();
                member.until(1, |event| matches!(event, Event::EnteredChannel { .. })).await;
            }
            room
        })
        .await;
    }

    /// The first of each room establishes a group of all.
    pub(crate) async fn establish(&mut self) {
        self.all(async |mut room| {
            let ids: Vec<_> = room.members.iter().map(|member| member.id.clone()).collect();
            let (first, others) = (&mut room.members[0], &ids[1..]);
            // It knows of all.
            first.until(others.len(), |event| matches!(event, Event::MemberEntered(_))).await;
            first.handle.propose(Change::Include(others.to_vec())).await.unwrap();
            for member in &mut room.members {
                member.until(1, |event| matches!(event, Event::Members { .. })).await;
            }
            room
        })
        .await;
    }

    /// Everybody writes so many texts, and reads all of their room, and none of another.
    pub(crate) async fn talk(&mut self, texts: usize) {
        self.all(|room| room.talk(texts)).await;
    }
}

impl Room {
    async fn talk(mut self, texts: usize) -> Self {
        let start = format!("room {}: ", self.number);
        for number in 0..texts {
            for member in &self.members {
                let text = format!("{start}{:<80}{number:>10}", "something");
                member.handle.send(text).await.unwrap();
            }
        }
        let texts = texts * self.members.len();
        for member in &mut self.members {
            let is_text = |event: &Event| match event {
                Event::Message(message) => {
                    assert!(message.text.starts_with(&start), "{}", message.text);
                    true
                }
                _ => false,
            };
            member.until(texts, is_text).await;
        }
        self
    }
}

impl Member {
    /// Waits for so many such events.
    async fn until(&mut self, count: usize, is_it: impl Fn(&Event) -> bool) {
        let search = async {
            let mut found = 0;
            while found < count {
                let event = self.events.next().await.expect("the session goes on");
                assert!(event.severity() <= Severity::Info, "{event:?}");
                found += usize::from(is_it(&event));
            }
        };
        tokio::time::timeout(PATIENCE, search).await.expect("it comes");
    }
}

fn identity(room: usize, member: usize) -> LocalIdentity {
    let mut seed = [8; 32];
    seed[..8].copy_from_slice(&room.to_le_bytes());
    seed[8..16].copy_from_slice(&member.to_le_bytes());
    LocalIdentity::from_seed(&seed)
}
