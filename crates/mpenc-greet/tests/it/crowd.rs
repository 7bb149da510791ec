//! Members on a channel, each with its own greeter: packets reach all in the same order.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use mpenc_greet::{
    AgreedKeys, CannotConfirm, Change, Check, CliquesDraft, CliquesGreeter, CliquesGreeting,
    Greeter, Greeting, Identities, Initial, LocalIdentity, Operation, OrderRefs, Refused, Stage,
    Status,
};
use mpenc_wire::{Dialect, MemberId, Packet, unarmor};
use rand_chacha::ChaCha20Rng;
use rand_core::{CryptoRng, SeedableRng};

/// One member.
#[derive(Clone)]
pub struct Person<R> {
    pub greeter: CliquesGreeter,
    pub greeting: Option<CliquesGreeting>,
    pub rng: R,
    /// What they would send now.
    pub outbox: VecDeque<String>,
    pub draft: Option<(String, CliquesDraft)>,
    /// The keys of their last completed operation.
    pub keys: Option<AgreedKeys>,
    pub cannot: Option<CannotConfirm>,
    pub completed: usize,
    /// The packet id of the next initial packet.
    pub initial_id: [u8; 32],
}

impl<R: CryptoRng> Person<R> {
    pub fn new(greeter: CliquesGreeter, rng: R) -> Self {
        Self {
            greeter,
            greeting: None,
            rng,
            outbox: VecDeque::new(),
            draft: None,
            keys: None,
            cannot: None,
            completed: 0,
            initial_id: [7; 32],
        }
    }

    pub fn propose(&mut self, change: Change<'_>, order: OrderRefs) -> Initial {
        let proposal = self.greeter.propose(&mut self.rng, change, order).unwrap();
        self.outbox.push_back(proposal.packet.clone());
        self.draft = Some((proposal.packet, proposal.draft));
        proposal.initial
    }

    /// Takes a packet, as a session does where every packet is the first on its parent.
    pub fn receive(&mut self, sender: &MemberId, text: &str) -> Result<Stage, Refused> {
        let mut buffer = Vec::new();
        let contents = unarmor(text, &mut buffer).expect("armor");
        let packet = match Packet::decode(self.greeter.dialect(), contents).expect("a packet") {
            Packet::Greeting(packet) => packet,
            Packet::Abort(packet) => {
                let no_operation =
                    || Refused::new(sender.clone(), Check::Other("no operation runs"));
                self.greeting.as_ref().ok_or_else(no_operation)?.check_abort(sender, &packet)?;
                self.end();
                return Ok(Stage::Final);
            }
            packet => panic!("not of an operation: {packet:?}"),
        };
        let (stage, step) = match &mut self.greeting {
            Some(greeting) => {
                let checked = greeting.check(sender, &packet)?;
                let stage = checked.stage;
                (stage, greeting.apply(&mut self.rng, checked).expect("no bug"))
            }
            None => {
                let checked = self.greeter.check_initial(sender, &packet)?;
                let single = checked.initial.single;
                let draft = self.draft.take_if(|(packet, _)| packet == text);
                let draft = draft.map(|(_, draft)| draft);
                let (greeting, step) = self
                    .greeter
                    .start(&mut self.rng, self.initial_id, checked, draft)
                    .expect("no bug");
                self.greeting = Some(greeting);
                (if single { Stage::Final } else { Stage::Middle }, step)
            }
        };
        self.outbox.extend(step.send);
        match step.status {
            Status::Pending => assert!(stage == Stage::Middle),
            Status::CannotConfirm(reason) => self.cannot = Some(reason),
            Status::Completed(completed) => {
                assert!(stage == Stage::Final);
                self.greeter.adopt(completed.result);
                assert_eq!(self.greeter.members(), completed.members);
                self.keys = completed.keys;
                self.completed += 1;
                self.end();
            }
            status => panic!("{status:?}"),
        }
        Ok(stage)
    }

    /// The operation is over.
    pub fn end(&mut self) {
        self.greeting = None;
        self.draft = None;
        self.outbox.clear();
    }

    pub fn leave(&mut self) {
        self.end();
        self.greeter.reset();
        self.keys = None;
    }
}

/// Members who know each other.
pub struct Crowd<R = ChaCha20Rng> {
    pub dialect: Dialect,
    pub people: BTreeMap<MemberId, Person<R>>,
}

pub fn order() -> OrderRefs {
    OrderRefs { prev_pf: [1; 32], chain_hash: [2; 32], latest_pm: Vec::new() }
}

/// The identity of a member in tests with made-up randomness.
pub fn identity(name: &str) -> LocalIdentity {
    let mut seed = [0x5a; 32];
    seed[..name.len()].copy_from_slice(name.as_bytes());
    LocalIdentity::from_seed(&seed)
}

impl Crowd {
    pub fn new(dialect: Dialect, names: &[&str]) -> Self {
        let ids: Vec<_> = names.iter().map(|name| MemberId::new(dialect, name).unwrap()).collect();
        let known: BTreeMap<_, _> =
            ids.iter().cloned().zip(names.iter().map(|name| identity(name).public_key())).collect();
        let known: Arc<dyn Identities + Send + Sync> = Arc::new(known);
        let people = ids.iter().zip(names).enumerate().map(|(number, (id, name))| {
            let signer = identity(name).into_signer();
            let greeter = CliquesGreeter::new(dialect, id.clone(), signer, known.clone());
            let rng = ChaCha20Rng::seed_from_u64(number.try_into().unwrap());
            (id.clone(), Person::new(greeter, rng))
        });
        Self { dialect, people: people.collect() }
    }

    /// A crowd in which the first `in_group` have established a group.
    pub fn established(dialect: Dialect, names: &[&str], in_group: usize) -> Self {
        let mut crowd = Self::new(dialect, names);
        crowd.run(names[0], Operation::Establish, &names[1..in_group]);
        crowd
    }
}

impl<R: CryptoRng> Crowd<R> {
    pub fn id(&self, name: &str) -> MemberId {
        MemberId::new(self.dialect, name).unwrap()
    }

    pub fn ids(&self, names: &[&str]) -> Vec<MemberId> {
        names.iter().map(|name| self.id(name)).collect()
    }

    pub fn person(&mut self, name: &str) -> &mut Person<R> {
        let id = self.id(name);
        self.people.get_mut(&id).unwrap()
    }

    pub fn propose(&mut self, by: &str, operation: Operation, targets: &[&str]) -> Initial {
        let targets = self.ids(targets);
        let change = match operation {
            Operation::Refresh => Change::Refresh,
            Operation::Exclude => Change::Exclude(&targets),
            _ => Change::Include(&targets),
        };
        let initial = self.person(by).propose(change, order());
        assert_eq!(initial.operation, operation);
        initial
    }

    /// Takes the next packet that somebody wants to send.
    pub fn next_packet(&mut self) -> Option<(MemberId, String)> {
        self.people
            .iter_mut()
            .find_map(|(id, person)| Some((id.clone(), person.outbox.pop_front()?)))
    }

    /// Hands a packet to everyone in the group or in an operation, or whom it invites.
    pub fn deliver(&mut self, sender: &MemberId, text: &str) {
        for (id, person) in &mut self.people {
            if let Err(refused) = person.receive(sender, text) {
                let is_outsider =
                    matches!(refused.check, Check::NotForUs | Check::NoGroup | Check::NotInitial);
                assert!(is_outsider, "{id} refuses: {refused}");
            }
        }
    }

    /// Runs an operation to its end.
    pub fn run(&mut self, by: &str, operation: Operation, targets: &[&str]) {
        self.propose(by, operation, targets);
        self.settle();
    }

    pub fn settle(&mut self) {
        while let Some((sender, text)) = self.next_packet() {
            self.deliver(&sender, &text);
        }
    }

    /// All these are in one group, with the same keys, and nobody else.
    pub fn assert_group(&mut self, names: &[&str]) {
        let ids = self.ids(names);
        let (first, others) = ids.split_first().unwrap();
        let keys = self.people[first].keys.clone().expect("keys");
        assert_eq!(keys.members().iter().map(|(id, _)| id.clone()).collect::<Vec<_>>(), ids);
        assert_eq!(keys.own_id(), first);
        for id in others {
            let other = self.people[id].keys.as_ref().expect("keys");
            assert_eq!(other.session_id(), keys.session_id());
            assert_eq!(other.group_key(), keys.group_key());
            assert_eq!(other.members(), keys.members());
        }
    }
}
