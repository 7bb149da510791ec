//! Whatever members propose, and in whatever order the server puts it: who sees the same order
//! accepts the same, whatever the operations are.

use std::collections::BTreeSet;

use mpenc_order::{ChainHash, PacketId, Proposal, ServerOrder, Verdict};
use proptest::prelude::*;

/// A group operation that is nothing of ours: a commit, as in MLS, with the welcome that completes
/// it where it adds somebody.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Commit {
    Update { by: u8 },
    Add { by: u8, welcomed: bool },
}

/// What the server delivers.
#[derive(Clone, Debug)]
enum Delivered {
    /// A commit by `by` on its head at the time of sending.
    Commit { packet: Vec<u8>, by: u8, add: bool, parent: (PacketId, ChainHash) },
    /// Completes the commit that runs.
    Welcome { packet: Vec<u8>, by: u8 },
    /// Ends the commit that runs without effect.
    Abort { packet: Vec<u8>, by: u8, aborted: PacketId },
    /// A member leaves the channel, and comes back after the operation.
    Blink { who: u8 },
}

type Order = ServerOrder<Vec<u8>, Commit>;

struct Replica {
    order: Order,
    done: Vec<Commit>,
}

const MEMBERS: u8 = 4;

fn name(member: u8) -> Vec<u8> {
    vec![b'a' + member]
}

fn everybody() -> BTreeSet<Vec<u8>> {
    (0..MEMBERS).map(name).collect()
}

fn id(by: u8, packet: &[u8]) -> PacketId {
    let (sender, everybody) = (name(by), everybody());
    let others = everybody.iter().filter(|&other| *other != sender).map(Vec::as_slice);
    PacketId::compute(&sender, others, packet)
}

impl Replica {
    fn new(own: u8) -> Self {
        let mut order = Order::unsynced(name(own));
        order.start(PacketId::from_bytes([1; 32]));
        Self { order, done: Vec::new() }
    }

    fn take(&mut self, event: &Delivered) {
        let members: Vec<Vec<u8>> = everybody().into_iter().collect();
        match event {
            Delivered::Commit { packet, by, add, parent } => {
                let proposal = Proposal {
                    author: &name(*by),
                    members: &members,
                    prev_pf: parent.0,
                    prev_chain_hash: parent.1,
                    single: !add,
                };
                let id = id(*by, packet);
                let verdict =
                    self.order.offer_initial(id, packet, &proposal, &members, &everybody());
                if let Verdict::Accept(accepted) = verdict {
                    let commit = if *add {
                        Commit::Add { by: *by, welcomed: false }
                    } else {
                        Commit::Update { by: *by }
                    };
                    if let Some(ended) = self.order.begin(accepted, commit) {
                        self.done.push(ended.into_operation());
                    }
                }
            }
            Delivered::Welcome { packet, by } => {
                if let Verdict::Accept(mut ended) = self.order.offer_final(id(*by, packet)) {
                    if let Commit::Add { welcomed, .. } = ended.operation_mut() {
                        *welcomed = true;
                    }
                    self.done.push(ended.into_operation());
                }
            }
            Delivered::Abort { packet, by, aborted } => {
                let _ = self.order.offer_abort(id(*by, packet), aborted).accepted();
            }
            Delivered::Blink { who } => {
                let mut after = everybody();
                after.remove(&name(*who));
                let _ = self.order.members_left(&[name(*who)], &after);
            }
        }
    }
}

/// A packet, and the chain hash at it.
type Place = Option<(PacketId, ChainHash)>;

/// Where a replica stands: at its head, and at the initial packet of what runs.
fn place(replica: &Replica) -> (Place, Place) {
    let ongoing = replica.order.ongoing();
    (replica.order.head(), ongoing.map(|ongoing| (ongoing.initial(), ongoing.chain_hash())))
}

#[test]
fn three_replicas_agree_on_commits() {
    let mut replicas: Vec<Replica> = (0..3).map(Replica::new).collect();
    let parent = replicas[0].order.head().unwrap();
    // Each has committed on the same epoch.
    let commits: Vec<Delivered> =
        (0..3).map(|by| Delivered::Commit { packet: vec![by], by, add: by == 1, parent }).collect();
    for (by, replica) in replicas.iter_mut().enumerate() {
        replica.order.propose(&[u8::try_from(by).unwrap()]);
    }
    // The delivery service has received the second one first.
    for event in [&commits[1], &commits[0], &commits[2]] {
        for replica in &mut replicas {
            replica.take(event);
        }
    }
    let welcome = Delivered::Welcome { packet: b"welcome".to_vec(), by: 1 };
    for replica in &mut replicas {
        assert!(!replica.order.proposal_pending(), "each proposal was accepted or has lost");
        assert_eq!(replica.done, [], "an add needs its welcome");
        replica.take(&welcome);
        assert_eq!(replica.done, [Commit::Add { by: 1, welcomed: true }]);
    }
    // Who has lost commits again, on the new epoch.
    let parent = replicas[0].order.head().unwrap();
    let again = Delivered::Commit { packet: b"again".to_vec(), by: 2, add: false, parent };
    replicas[2].order.propose(b"again");
    for replica in &mut replicas {
        replica.take(&again);
        assert_eq!(replica.done.last(), Some(&Commit::Update { by: 2 }));
    }
    assert!(replicas.iter().all(|replica| place(replica) == place(&replicas[0])));
}

/// One step of a random run. `by` and `lag` say who sends, and how many packets they have not seen.
#[derive(Clone, Debug)]
enum Step {
    Commit { by: u8, lag: usize, add: bool },
    Welcome { by: u8 },
    Abort { by: u8, lag: usize },
    Blink { who: u8 },
    Repeat { lag: usize },
}

fn step() -> impl Strategy<Value = Step> {
    let member = 0..MEMBERS;
    prop_oneof![
        5 => (member.clone(), 0..4_usize, any::<bool>())
            .prop_map(|(by, lag, add)| Step::Commit { by, lag, add }),
        3 => member.clone().prop_map(|by| Step::Welcome { by }),
        1 => (member.clone(), 0..4_usize).prop_map(|(by, lag)| Step::Abort { by, lag }),
        1 => (1..MEMBERS).prop_map(|who| Step::Blink { who }),
        1 => (0..8_usize).prop_map(|lag| Step::Repeat { lag }),
    ]
}

proptest! {
    #[test]
    fn replicas_agree(steps in proptest::collection::vec(step(), 1..60)) {
        let mut replicas: Vec<Replica> = (0..MEMBERS).map(Replica::new).collect();
        let mut events: Vec<Delivered> = Vec::new();
        // What senders may not have seen yet.
        let mut heads = vec![replicas[0].order.head().unwrap()];
        let mut initials = vec![PacketId::from_bytes([0; 32])];
        for (number, step) in steps.iter().enumerate() {
            let packet = number.to_be_bytes().to_vec();
            let event = match *step {
                Step::Commit { by, lag, add } => {
                    let parent = heads[heads.len().saturating_sub(lag + 1)];
                    if parent == replicas[usize::from(by)].order.head().unwrap() {
                        replicas[usize::from(by)].order.propose(&packet);
                    }
                    Delivered::Commit { packet, by, add, parent }
                }
                Step::Welcome { by } => Delivered::Welcome { packet, by },
                Step::Abort { by, lag } => {
                    let aborted = initials[initials.len().saturating_sub(lag + 1)];
                    Delivered::Abort { packet, by, aborted }
                }
                Step::Blink { who } => Delivered::Blink { who },
                Step::Repeat { lag } => match events.get(events.len().saturating_sub(lag + 1)) {
                    Some(event) => event.clone(),
                    None => continue,
                },
            };
            for replica in &mut replicas {
                replica.take(&event);
            }
            events.push(event);
            let (head, ongoing) = place(&replicas[0]);
            if heads.last() != head.as_ref() {
                heads.extend(head);
            }
            initials.extend(ongoing.map(|(initial, _)| initial));
            for replica in &replicas {
                prop_assert_eq!(place(replica), place(&replicas[0]));
                prop_assert_eq!(&replica.done, &replicas[0].done);
            }
        }
    }
}
