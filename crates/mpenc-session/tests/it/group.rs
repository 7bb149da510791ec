//! A group of sessions around a simulated channel.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use mpenc::{CliquesGreeter, Dialect, LocalIdentity, MemberId, Session};
use mpenc_session::{
    ApiMisuse, ChannelAction, ChannelEvent, Config, Event, Input, JoinPatience, Membership,
    OperationId, Sent, State,
};
use mpenc_sim::{Latency, NodeId, Sim, What};

use crate::tap::Wiretapped;

pub fn id(name: &str) -> MemberId {
    MemberId::new(Dialect::DOCUMENT, name).expect("a good name")
}

pub fn ids(names: &[&str]) -> Vec<MemberId> {
    names.iter().map(|name| id(name)).collect()
}

pub fn seed(name: &str) -> [u8; 32] {
    let mut seed = [0x5a; 32];
    for (place, octet) in seed.iter_mut().zip(name.bytes()) {
        *place = octet;
    }
    seed
}

pub fn config() -> Config {
    let mut config = Config::default();
    config.join_patience = JoinPatience::Forever;
    config.stay_if_last = true;
    config
}

/// Sessions by name. All know all identity keys, unless a test says otherwise.
pub struct Group {
    pub sim: Sim<Wiretapped>,
    nodes: BTreeMap<String, NodeId>,
    known: BTreeMap<MemberId, [u8; 32]>,
    dialect: Dialect,
}

impl Group {
    pub fn new(seed_of_run: u64, names: &[&str]) -> Self {
        Self::with(seed_of_run, names, &config())
    }

    /// All with these options.
    pub fn with(seed_of_run: u64, names: &[&str], config: &Config) -> Self {
        Self::speaking(Dialect::DOCUMENT, seed_of_run, names, config)
    }

    /// All in this dialect.
    pub fn speaking(dialect: Dialect, seed_of_run: u64, names: &[&str], config: &Config) -> Self {
        let known = names
            .iter()
            .map(|name| (id(name), LocalIdentity::from_seed(&seed(name)).public_key()))
            .collect();
        let sim = Sim::new(seed_of_run, Latency::default());
        let mut group = Self { sim, nodes: BTreeMap::new(), known, dialect };
        for name in names {
            let known = group.known.clone();
            group.add(name, known, config.clone());
        }
        group
    }

    pub fn known(&self) -> BTreeMap<MemberId, [u8; 32]> {
        self.known.clone()
    }

    pub fn add(&mut self, name: &str, known: BTreeMap<MemberId, [u8; 32]>, config: Config) {
        let signer = LocalIdentity::from_seed(&seed(name)).into_signer();
        let greeter = CliquesGreeter::new(self.dialect, id(name), signer, Arc::new(known));
        let node = self.sim.add(Session::new(greeter, config));
        self.nodes.insert(name.to_owned(), node);
    }

    pub fn node(&self, name: &str) -> NodeId {
        self.nodes[name]
    }

    pub fn session(&self, name: &str) -> &Session<Wiretapped> {
        self.sim.session(self.node(name))
    }

    pub fn run(&mut self, seconds: u64) {
        self.sim.run_for(Duration::from_secs(seconds)).expect("it comes to rest");
    }

    pub fn join(&mut self, name: &str) {
        let node = self.node(name);
        self.sim.act(node, |session, cx, out| session.join(cx, out)).expect("outside");
        self.run(1);
    }

    pub fn propose(
        &mut self,
        name: &str,
        change: Membership<'_>,
    ) -> Result<OperationId, ApiMisuse> {
        let node = self.node(name);
        self.sim.act(node, |session, cx, out| session.propose(cx, change, out))
    }

    pub fn include(&mut self, by: &str, names: &[&str]) -> OperationId {
        self.propose(by, Membership::Include(&ids(names))).expect("it may include")
    }

    pub fn exclude(&mut self, by: &str, names: &[&str]) -> OperationId {
        self.propose(by, Membership::Exclude(&ids(names))).expect("it may exclude")
    }

    pub fn send(&mut self, by: &str, text: &str) -> mpenc::MessageId {
        let node = self.node(by);
        let sent = self.sim.act(node, |session, cx, out| session.send(cx, text, out));
        match sent.expect("it may send") {
            Sent::Now(id) => id,
            other => panic!("not sent now: {other:?}"),
        }
    }

    pub fn part(&mut self, name: &str) {
        let node = self.node(name);
        self.sim.act(node, |session, cx, out| session.part(cx, out)).expect("it may part");
    }

    /// Tells a session something that the channel did not say.
    pub fn hear(&mut self, name: &str, event: ChannelEvent<'_>) {
        self.input(name, Input::Channel(event));
    }

    /// The packet that a member sent last; the simulation records what happens since before it.
    pub fn last_packet_of(&mut self, name: &str) -> String {
        let node = self.node(name);
        let sent = self.sim.take_records().into_iter().rev().find_map(|record| match record.what {
            What::Asked(ChannelAction::Send { packet }) if record.node == node => Some(packet),
            _ => None,
        });
        sent.expect("it sent something")
    }

    /// Tells a session the time.
    pub fn tick(&mut self, name: &str) {
        self.input(name, Input::Tick);
    }

    fn input(&mut self, name: &str, input: Input<'_>) {
        let node = self.node(name);
        let heard = self.sim.act(node, |session, cx, out| {
            session.handle(cx, input, out);
            Ok(())
        });
        heard.expect("it is heard");
    }

    /// What this one asked of the channel, and when, since the last call. What others asked is
    /// forgotten; and what came before the first call.
    pub fn asked(&mut self, name: &str) -> Vec<(Duration, ChannelAction)> {
        self.sim.record();
        let node = self.node(name);
        let records = self.sim.take_records().into_iter().filter(|record| record.node == node);
        records
            .filter_map(|record| match record.what {
                What::Asked(action) => Some((record.at.since_epoch(), action)),
                _ => None,
            })
            .collect()
    }

    /// The packets among it.
    pub fn packets(&mut self, name: &str) -> Vec<String> {
        let asked = self.asked(name).into_iter();
        asked
            .filter_map(|(_, action)| match action {
                ChannelAction::Send { packet } => Some(packet),
                _ => None,
            })
            .collect()
    }

    /// How long the run has taken.
    pub fn now(&self) -> Duration {
        self.sim.now().since_epoch()
    }

    pub fn events(&mut self, name: &str) -> Vec<Event> {
        let node = self.node(name);
        self.sim.take_events(node)
    }

    /// All enter, and the first establishes the group.
    pub fn establish(&mut self, names: &[&str]) {
        for name in names {
            self.join(name);
        }
        self.include(names[0], &names[1..]);
        self.run(2);
        self.assert_together(names);
    }

    /// These are a group: the same members, the same transcript, the same server order, nothing
    /// running.
    pub fn assert_together(&self, names: &[&str]) {
        let first = self.session(names[0]);
        for name in names {
            let session = self.session(name);
            assert_eq!(session.state(), State::Joined, "{name}");
            assert!(session.operation_progress().is_none(), "{name}: an operation runs");
            assert_eq!(session.members(), first.members(), "{name}");
            assert_eq!(session.transcript(), first.transcript(), "{name}");
            assert_eq!(session.order_head(), first.order_head(), "{name}");
            let mut members = session.members().to_vec();
            members.sort();
            let mut expected = ids(names);
            expected.sort();
            assert_eq!(members, expected, "{name}");
        }
    }

    /// What a member's log shows: author and text.
    pub fn shown(&self, name: &str) -> Vec<(String, String)> {
        let log = self.session(name).messages();
        log.lines().iter().map(|line| (line.author.to_string(), line.payload.clone())).collect()
    }
}

/// Runs for a second in which nothing reaches a member.
pub fn run_deaf(group: &mut Group, name: &str) {
    for _ in 0..100 {
        group.sim.run_for(Duration::from_millis(10)).unwrap();
        group.sim.lose_incoming(group.node(name));
    }
}
