//! Ours: the message layer alone, and whole sessions.

use core::ops::Range;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use ed25519_dalek::SigningKey;
use mpenc::message::{Draft, Kind, MessageSecurity, SubSessionKeys, SubSessionSecurity};
use mpenc::wire::{Packet, unarmor};
use mpenc::{
    ChannelAction, ChannelEvent, CliquesGreeter, Config, Ctx, Dialect, Event, Input, Instant,
    LocalIdentity, MemberId, Membership, MessageId, MpencSession, Output, Outputs, Sent,
};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;

/// What all of them speak.
pub const DIALECT: Dialect = Dialect::DOCUMENT;

/// Member ids that sort by number.
pub fn ids(members: usize) -> Vec<MemberId> {
    let id = |number| MemberId::new(DIALECT, &format!("member {number:04}")).expect("an id");
    (0..members).map(id).collect()
}

/// Sealing and opening, without a session.
pub struct MessageLayer {
    ids: Vec<MemberId>,
    members: Vec<SubSessionSecurity>,
    latest: Vec<MessageId>,
    rng: ChaCha20Rng,
    buffer: Vec<u8>,
}

impl MessageLayer {
    /// A group of so many, in which a message was sent.
    pub fn new(members: usize) -> Self {
        let ids = ids(members);
        let keys: Vec<_> =
            (0..members).map(|number| SigningKey::from_bytes(&[number as u8; 32])).collect();
        let public: Vec<_> =
            ids.iter().cloned().zip(keys.iter().map(SigningKey::verifying_key)).collect();
        let security = |(own, signing_key): (&MemberId, SigningKey)| {
            SubSessionSecurity::new(&SubSessionKeys {
                dialect: DIALECT,
                own: own.clone(),
                members: public.clone(),
                signing_key,
                session_id: [1; 32],
                group_key: [2; 32],
            })
        };
        let members = ids.iter().zip(keys).map(security).collect();
        let mut layer = Self {
            ids,
            members,
            latest: Vec::new(),
            rng: ChaCha20Rng::seed_from_u64(3),
            buffer: Vec::new(),
        };
        layer.seal(0, "the first");
        layer
    }

    /// A member seals a message.
    pub fn seal(&mut self, author: usize, text: &str) -> String {
        let draft = Draft { parents: &self.latest, kind: Kind::Payload, text, order_ack: None };
        let sealed = self.members[author].seal(&mut self.rng, &draft).expect("a draft");
        self.latest.clear();
        self.latest.push(sealed.id);
        sealed.packet
    }

    /// Member 0 decodes and opens what another sealed, and gives the text's length.
    pub fn open(&mut self, author: usize, packet: &str) -> usize {
        let contents = unarmor(packet, &mut self.buffer).expect("a packet");
        let Ok(Packet::Data(packet)) = Packet::decode(DIALECT, contents) else {
            panic!("a data packet");
        };
        let opened = self.members[0].open(&self.ids[author], &packet).expect("a message");
        self.members[0].commit(&opened);
        opened.text.len()
    }
}

/// A group of whole sessions, and a channel that delivers at once.
#[derive(Clone)]
pub struct World {
    /// Who they are.
    pub ids: Vec<MemberId>,
    /// Theirs.
    pub sessions: Vec<MpencSession>,
    rng: ChaCha20Rng,
    now: Duration,
    out: Outputs,
    queue: VecDeque<(usize, String)>,
}

impl World {
    /// Sessions outside of any group; all are in the channel.
    pub fn new(members: usize) -> Self {
        let ids = ids(members);
        let seed = |number: usize| {
            let mut seed = [5; 32];
            seed[..8].copy_from_slice(&number.to_le_bytes());
            seed
        };
        let keys: Vec<_> =
            (0..members).map(|number| LocalIdentity::from_seed(&seed(number))).collect();
        let known: BTreeMap<_, _> =
            ids.iter().cloned().zip(keys.iter().map(LocalIdentity::public_key)).collect();
        let known = Arc::new(known);
        let session = |(id, key): (&MemberId, LocalIdentity)| {
            let known = Arc::clone(&known);
            let greeter = CliquesGreeter::new(DIALECT, id.clone(), key.into_signer(), known);
            MpencSession::new(greeter, Config::default())
        };
        let sessions = ids.iter().zip(keys).map(session).collect();
        let mut world = Self {
            ids,
            sessions,
            rng: ChaCha20Rng::seed_from_u64(4),
            now: Duration::from_secs(1),
            out: Outputs::new(),
            queue: VecDeque::new(),
        };
        let ids = world.ids.clone();
        for member in 0..members {
            world.feed(member, ChannelEvent::Entered { members: &ids[..=member] });
            let entered = core::slice::from_ref(&ids[member]);
            for other in 0..member {
                world.feed(other, ChannelEvent::Changed { entered, left: &[] });
            }
        }
        world
    }

    /// A group of all of them.
    pub fn established(members: usize) -> Self {
        let mut world = Self::new(members);
        let others = world.ids[1..].to_vec();
        world.propose(0, Membership::Include(&others));
        for session in &world.sessions {
            assert_eq!(session.members().len(), members, "everybody is a member");
        }
        world
    }

    fn feed(&mut self, at: usize, event: ChannelEvent<'_>) {
        let mut cx = Ctx::new(Instant::new(self.now), &mut self.rng);
        self.sessions[at].handle(&mut cx, Input::Channel(event), &mut self.out);
        self.collect(at);
    }

    fn collect(&mut self, from: usize) {
        while let Some(output) = self.out.pop() {
            match output {
                Output::Channel(ChannelAction::Send { packet }) => {
                    self.queue.push_back((from, packet));
                }
                Output::Event(
                    event @ (Event::Refused { .. }
                    | Event::Internal(_)
                    | Event::PeerMisbehaved { .. }
                    | Event::NotFullyAcked { .. }),
                ) => panic!("{event:?}"),
                _ => {}
            }
        }
    }

    /// Proposes, and lets the channel carry everything that follows.
    pub fn propose(&mut self, member: usize, change: Membership<'_>) {
        self.proposed(member, change);
        self.carry();
    }

    /// Proposes. The channel carries nothing yet.
    pub fn proposed(&mut self, member: usize, change: Membership<'_>) {
        let mut cx = Ctx::new(Instant::new(self.now), &mut self.rng);
        self.sessions[member].propose(&mut cx, change, &mut self.out).expect("a proposal");
        self.collect(member);
    }

    /// The channel carries all that was sent, and what follows from it.
    pub fn carry(&mut self) {
        while let Some((from, packet)) = self.next_packet() {
            for at in 0..self.sessions.len() {
                self.hear(at, from, &packet);
            }
            self.pass(Duration::from_millis(1));
        }
    }

    /// Takes what the channel has to carry next, and who sent it.
    pub fn next_packet(&mut self) -> Option<(usize, String)> {
        self.queue.pop_front()
    }

    /// A member gets a packet, whatever it asks for.
    pub fn hear(&mut self, at: usize, author: usize, packet: &str) {
        let sender = self.ids[author].clone();
        self.feed(at, ChannelEvent::Packet { sender: &sender, packet });
    }

    /// Time passes until everybody has acked everything, and every sub-session before is over.
    pub fn rest(&mut self) {
        for _ in 0..60 {
            self.pass(Duration::from_secs(1));
            self.carry();
        }
        self.out = Outputs::new();
        self.queue = VecDeque::new();
    }

    /// Time passes; whatever falls due is done.
    pub fn pass(&mut self, time: Duration) {
        self.now += time;
        let now = Instant::new(self.now);
        for at in 0..self.sessions.len() {
            if self.sessions[at].next_deadline().is_some_and(|due| due <= now) {
                let mut cx = Ctx::new(now, &mut self.rng);
                self.sessions[at].handle(&mut cx, Input::Tick, &mut self.out);
                self.collect(at);
            }
        }
    }

    /// A member gets a packet that asks for no answer; gives the length of the text in it.
    pub fn give(&mut self, at: usize, author: usize, packet: &str) -> usize {
        let sender = &self.ids[author];
        let mut cx = Ctx::new(Instant::new(self.now), &mut self.rng);
        let event = ChannelEvent::Packet { sender, packet };
        self.sessions[at].handle(&mut cx, Input::Channel(event), &mut self.out);
        core::hint::black_box(self.sessions[at].next_deadline());
        let mut length = 0;
        while let Some(output) = self.out.pop() {
            match output {
                Output::Event(Event::Message(message)) => length = message.text.len(),
                Output::Channel(ChannelAction::Send { .. }) => panic!("nobody asked for a packet"),
                _ => {}
            }
        }
        length
    }

    /// A member sends a message.
    pub fn send_as(&mut self, author: usize, text: &str) -> String {
        let mut cx = Ctx::new(Instant::new(self.now), &mut self.rng);
        let sent = self.sessions[author].send(&mut cx, text, &mut self.out).expect("a member");
        assert!(matches!(sent, Sent::Now(_)));
        core::hint::black_box(self.sessions[author].next_deadline());
        let mut sent = None;
        while let Some(output) = self.out.pop() {
            if let Output::Channel(ChannelAction::Send { packet }) = output {
                sent = Some(packet);
            }
        }
        sent.expect("a packet")
    }

    /// Everybody forgets what was shown to their users.
    pub fn forget(&mut self) {
        for session in &mut self.sessions {
            session.forget_messages_before(usize::MAX);
        }
    }

    /// Some get a packet, and a little time passes.
    pub fn give_all(&mut self, members: Range<usize>, author: usize, packet: &str) {
        for at in members {
            self.give(at, author, packet);
        }
        self.now += Duration::from_millis(10);
    }
}

/// A packet of ours, changed so that it is nobody's.
pub fn forged(packet: &str, number: u32, canonical: bool) -> String {
    let mut contents = Vec::new();
    unarmor(packet, &mut contents).expect("a packet");
    let last = contents.len() - 4;
    contents[last..].copy_from_slice(&number.to_le_bytes());
    if !canonical {
        // Behind the hint and the signature record's header: the top of S.
        contents[5 + 4 + 63] = 0xff;
    }
    mpenc::wire::armor(&contents)
}
