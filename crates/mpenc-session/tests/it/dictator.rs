//! Another membership protocol, to show that a session knows only the traits (SE-19).
//!
//! The *key dictator*: whoever proposes a change draws the group key, and sends it to everyone in
//! clear, in the intermediate keys of a packet that looks like a refresh. One packet is all there
//! is, and it protects nothing: it is a toy for tests.

use std::collections::BTreeSet;
use std::time::Duration;

use mpenc::{Dialect, LocalIdentity, MemberId, Mpenc, Session, State, Suite};
use mpenc_greet::{
    AgreedKeys, Change, Check, Checked, CheckedInitial, Completed, Greeter, Greeting, Initial,
    InternalError, Operation, OperationStep, OrderRefs, Progress, Proposal, ProposeError, Refused,
    Started, Status, Step,
};
use mpenc_message::SubSessionSecurity;
use mpenc_session::{Membership, Sent};
use mpenc_sim::{Latency, NodeId, Sim};
use mpenc_wire::{AbortPacket, GreetType, GreetingFields, GreetingPacket, MetadataFields};
use rand_core::CryptoRng;

use crate::group::{config, id, ids};

/// The dictator's membership protocol, with mpENC's messages.
pub enum Dictated {}

impl Suite for Dictated {
    type Greeter = Dictator;
    type Security = SubSessionSecurity;

    fn secure(dialect: Dialect, keys: AgreedKeys) -> SubSessionSecurity {
        Mpenc::secure(dialect, keys)
    }
}

/// Makes and takes the dictator's packets.
#[derive(Clone, Debug)]
pub struct Dictator {
    own: MemberId,
    members: Vec<MemberId>,
}

impl Dictator {
    pub fn new(own: MemberId) -> Self {
        let members = vec![own.clone()];
        Self { own, members }
    }

    /// The members after a change.
    fn target(&self, change: Change<'_>) -> Vec<MemberId> {
        let current = self.members.iter().cloned();
        match change {
            Change::Include(added) => current.chain(added.iter().cloned()).collect(),
            Change::Exclude(gone) => current.filter(|member| !gone.contains(member)).collect(),
            _ => current.collect(),
        }
    }

    /// What turns the current members into these.
    fn operation(&self, author: &MemberId, target: &[MemberId]) -> Option<Operation> {
        let current: BTreeSet<_> = self.members.iter().collect();
        let target: BTreeSet<_> = target.iter().collect();
        if current.len() == 1 {
            let starts = *author == self.own;
            Some(if starts { Operation::Establish } else { Operation::Include })
        } else if target == current {
            Some(Operation::Refresh)
        } else if target.is_superset(&current) {
            Some(Operation::Include)
        } else if target.is_subset(&current) {
            Some(Operation::Exclude)
        } else {
            None
        }
    }

    fn keys(&self, members: &[MemberId], group_key: [u8; 32]) -> Option<AgreedKeys> {
        let place = members.iter().position(|member| *member == self.own)?;
        // Everyone knows everyone's signing key. It is a toy.
        let seed = |place: usize| {
            let mut seed = group_key;
            seed[0] = u8::try_from(place).expect("few members");
            seed
        };
        let public = |place| LocalIdentity::from_seed(&seed(place)).public_key();
        let with_keys = members.iter().cloned().enumerate();
        let with_keys = with_keys.map(|(place, member)| (member, public(place)));
        let mut session_id = group_key;
        session_id.reverse();
        let own = self.own.clone();
        AgreedKeys::new(own, with_keys, &seed(place), session_id, group_key).ok()
    }
}

impl Greeter for Dictator {
    type Keys = AgreedKeys;
    type Draft = ();
    /// The group key.
    type Proof = [u8; 32];
    /// The members.
    type Result = Vec<MemberId>;
    type Greeting = Dictate;

    fn dialect(&self) -> Dialect {
        Dialect::DOCUMENT
    }

    fn own_id(&self) -> &MemberId {
        &self.own
    }

    fn members(&self) -> &[MemberId] {
        &self.members
    }

    fn knows_identity(&self, _: &MemberId) -> bool {
        true
    }

    fn check_change(&self, change: Change<'_>) -> Result<(), ProposeError> {
        match change {
            Change::Include([]) | Change::Exclude([]) => Err(ProposeError::NobodyNamed),
            Change::Include(added) => match added.iter().find(|id| self.members.contains(id)) {
                Some(id) => Err(ProposeError::AlreadyMember(id.clone())),
                None => Ok(()),
            },
            Change::Exclude(gone) if gone.contains(&self.own) => Err(ProposeError::NamesUs),
            Change::Exclude(gone) => match gone.iter().find(|id| !self.members.contains(id)) {
                Some(id) => Err(ProposeError::NotMember(id.clone())),
                None => Ok(()),
            },
            _ if self.members.len() < 2 => Err(ProposeError::Alone),
            _ => Ok(()),
        }
    }

    fn propose(
        &self,
        rng: &mut dyn CryptoRng,
        change: Change<'_>,
        order: OrderRefs,
    ) -> Result<Proposal<()>, ProposeError> {
        self.check_change(change)?;
        let members = self.target(change);
        let mut group_key = [0; 32];
        rng.fill_bytes(&mut group_key);
        let fields = GreetingFields {
            greet_type: GreetType::REFRESH,
            source: &self.own,
            dest: None,
            members: &members,
            int_keys: &vec![group_key; members.len()],
            nonces: &[],
            pub_keys: &[],
            metadata: Some(MetadataFields {
                prev_pf: &order.prev_pf,
                chain_hash: &order.chain_hash,
                latest_pm: &order.latest_pm,
            }),
            session_signature: None,
        };
        let packet = fields.encode(self.dialect()).map_err(ProposeError::Encode)?.finish(&[0; 64]);
        let author = self.own.clone();
        let operation = self.operation(&author, &members).expect("a change of one kind");
        let initial = Initial { operation, author, members, order, single: true };
        Ok(Proposal { packet, initial, draft: () })
    }

    fn check_initial(
        &self,
        sender: &MemberId,
        packet: &GreetingPacket<'_>,
    ) -> Result<CheckedInitial<[u8; 32]>, Refused> {
        let refuse = |check| Refused::new(packet.source.to_owned(), check);
        if packet.source != *sender {
            return Err(refuse(Check::SenderIsNotSource { sender: sender.clone() }));
        }
        let metadata = packet.metadata.ok_or_else(|| refuse(Check::NotInitial))?;
        if packet.greet_type != GreetType::REFRESH {
            return Err(refuse(Check::NotInitial));
        }
        let members: Vec<_> = packet.members.iter().map(|id| id.to_owned()).collect();
        if self.members.len() < 2 && !members.contains(&self.own) {
            return Err(refuse(Check::NotForUs));
        }
        if self.members.len() > 1 && !self.members.contains(sender) {
            return Err(refuse(Check::InitiatorNotMember));
        }
        let operation = self.operation(sender, &members).ok_or_else(|| refuse(Check::Members))?;
        let group_key =
            *packet.int_keys.iter().next().ok_or_else(|| refuse(Check::Other("no group key")))?;
        let order = OrderRefs {
            prev_pf: *metadata.prev_pf,
            chain_hash: *metadata.chain_hash,
            latest_pm: metadata.latest_pm.iter().collect(),
        };
        let author = sender.clone();
        let initial = Initial { operation, author, members, order, single: true };
        Ok(CheckedInitial { initial, proof: group_key })
    }

    fn start(
        &self,
        _: &mut dyn CryptoRng,
        _: [u8; 32],
        checked: CheckedInitial<[u8; 32]>,
        draft: Option<()>,
    ) -> Result<Started<Dictate>, InternalError> {
        let CheckedInitial { initial, proof } = checked;
        if draft.is_some() != (initial.author == self.own) {
            return Err(InternalError::new("a draft of somebody else"));
        }
        let stays = initial.members.len() > 1 && initial.members.contains(&self.own);
        let members = if stays { initial.members.clone() } else { vec![self.own.clone()] };
        let keys = if stays { self.keys(&members, proof) } else { None };
        let completed = Completed { members: members.clone(), keys, result: members };
        let step = Step { send: Vec::new(), status: Status::Completed(completed) };
        Ok((Dictate(initial), step))
    }

    fn adopt(&mut self, members: Vec<MemberId>) {
        self.members = members;
    }

    fn reset(&mut self) {
        self.members = vec![self.own.clone()];
    }
}

/// An operation that was over with its first packet.
#[derive(Clone, Debug)]
pub struct Dictate(Initial);

impl Greeting for Dictate {
    type Keys = AgreedKeys;
    type Proof = ();
    type Result = Vec<MemberId>;

    fn initial(&self) -> &Initial {
        &self.0
    }

    fn check(&self, _: &MemberId, packet: &GreetingPacket<'_>) -> Result<Checked<()>, Refused> {
        Err(Refused::new(packet.source.to_owned(), Check::Stage))
    }

    fn check_abort(&self, _: &MemberId, packet: &AbortPacket<'_>) -> Result<(), Refused> {
        Err(Refused::new(packet.source.to_owned(), Check::Stage))
    }

    fn apply(
        &mut self,
        _: &mut dyn CryptoRng,
        _: Checked<()>,
    ) -> Result<OperationStep<AgreedKeys, Vec<MemberId>>, InternalError> {
        Err(InternalError::new("nothing passes the check"))
    }

    fn encode_abort(&self, _: &str) -> Option<String> {
        None
    }

    fn progress(&self) -> Progress {
        Progress::default()
    }
}

struct People {
    sim: Sim<Dictated>,
    nodes: Vec<(&'static str, NodeId)>,
}

impl People {
    /// All of them in the channel.
    fn new(names: &[&'static str]) -> Self {
        let mut people = Self { sim: Sim::new(7, Latency::default()), nodes: Vec::new() };
        for name in names {
            let node = people.sim.add(Session::new(Dictator::new(id(name)), config()));
            people.nodes.push((name, node));
            people.sim.act(node, |session, cx, out| session.join(cx, out)).expect("outside");
            people.run();
        }
        people
    }

    fn run(&mut self) {
        self.sim.run_for(Duration::from_secs(2)).expect("it comes to rest");
    }

    fn node(&self, name: &str) -> NodeId {
        self.nodes.iter().find(|(other, _)| *other == name).expect("one of them").1
    }

    fn propose(&mut self, by: &str, change: Membership<'_>) {
        let node = self.node(by);
        self.sim
            .act(node, |session, cx, out| session.propose(cx, change, out))
            .expect("it may propose");
        self.run();
    }

    fn say(&mut self, by: &str, text: &str) {
        let node = self.node(by);
        let sent = self.sim.act(node, |session, cx, out| session.send(cx, text, out));
        assert!(matches!(sent.expect("it may send"), Sent::Now(_)));
        self.run();
    }

    fn assert_group(&self, names: &[&str]) {
        for name in names {
            let session = self.sim.session(self.node(name));
            assert_eq!(session.state(), State::Joined, "{name}");
            assert_eq!(session.members(), ids(names), "{name}");
            assert!(session.operation_progress().is_none(), "{name}");
        }
    }

    fn shown(&self, name: &str) -> Vec<String> {
        let log = self.sim.session(self.node(name)).messages();
        log.lines().iter().map(|line| line.payload.clone()).collect()
    }
}

#[test]
fn another_membership_protocol_plugs_in() {
    let mut people = People::new(&["ann", "ben", "cat"]);
    people.propose("ann", Membership::Include(&ids(&["ben"])));
    people.assert_group(&["ann", "ben"]);
    people.say("ben", "we two");
    people.propose("ben", Membership::Include(&ids(&["cat"])));
    people.assert_group(&["ann", "ben", "cat"]);
    people.say("cat", "we three");
    people.propose("cat", Membership::Refresh);
    people.assert_group(&["ann", "ben", "cat"]);
    people.say("ann", "still three");
    people.propose("ann", Membership::Exclude(&ids(&["cat"])));
    people.assert_group(&["ann", "ben"]);
    people.say("ann", "two again");
    assert_eq!(people.shown("ben"), ["we two", "we three", "still three", "two again"]);
    assert_eq!(people.shown("cat"), ["we three", "still three"]);
}
