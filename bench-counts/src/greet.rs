//! Membership operations of ours, without sessions: who spends how much on which packet.

use std::collections::BTreeMap;
use std::sync::Arc;

use mpenc::MemberId;
use mpenc::greet::{
    AgreedKeys, Change, CliquesDraft, CliquesGreeter, CliquesGreeting, Completed, Greeter,
    Greeting, LocalIdentity, OrderRefs, Status, Step,
};
use mpenc::wire::{Packet, unarmor};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;

use crate::clock::timed;
use crate::ours::{DIALECT, ids};

/// Octets of each member's name.
pub const NAME: usize = 11;

/// Members of a group, and some who are none yet.
#[derive(Clone)]
pub struct Group {
    /// Who they are.
    pub ids: Vec<MemberId>,
    greeters: Vec<CliquesGreeter>,
    rng: ChaCha20Rng,
    operations: u8,
}

/// Who handles which packet of an operation, each counted from 0.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Deed {
    /// Which packet.
    pub packet: usize,
    /// Who handles it.
    pub member: usize,
}

/// Calls the work of a deed, once.
pub type Watch<'a> = dyn FnMut(Deed, &mut dyn FnMut()) + 'a;

/// What an operation cost, in nanoseconds of processor time.
pub struct Cost {
    /// Per member (those who are in it), everything they did.
    pub cpu: Vec<f64>,
    /// Per packet: who handled it how long. Its author is `packets[at].0`.
    pub packets: Vec<(usize, Vec<f64>)>,
    /// What the proposal took.
    pub proposing: f64,
    /// Octets of all packets.
    pub octets: usize,
    /// The text of the proposal.
    pub proposal: String,
}

impl Cost {
    /// What all did, together.
    pub fn sum(&self) -> f64 {
        self.cpu.iter().sum()
    }

    /// The proposal, then each packet of a chain of `steps` packets as the next one handles it, and
    /// the last one as the others do, of whom the median counts: until everybody has the group key.
    pub fn chain(&self, steps: usize) -> f64 {
        let mut time = self.proposing;
        for at in 0..steps {
            let (author, handled) = &self.packets[at];
            let next = self.packets.get(at + 1).map(|(author, _)| *author);
            time += match next {
                Some(next) if at + 1 < steps => handled[next],
                _ => middle(handled.iter().enumerate().filter(|(member, _)| member != author)),
            };
        }
        time
    }

    /// What comes after the chain of `steps` packets, until everybody has completed the operation:
    /// what a member does with all that the others confirm, the median of them.
    pub fn confirming(&self, steps: usize) -> f64 {
        let confirms = self.packets.get(steps..).unwrap_or_default();
        let all = |at: usize| confirms.iter().map(|(_, handled)| handled[at]).sum::<f64>();
        let all: Vec<f64> = (0..self.cpu.len()).map(all).collect();
        middle(all.iter().enumerate())
    }
}

/// The middle of some numbers; zero if there are none.
fn middle<'a>(numbers: impl Iterator<Item = (usize, &'a f64)>) -> f64 {
    let mut numbers: Vec<f64> = numbers.map(|(_, number)| *number).collect();
    numbers.sort_by(f64::total_cmp);
    numbers.get(numbers.len() / 2).copied().unwrap_or_default()
}

impl Group {
    /// Nobody is in a group yet.
    pub fn new(people: usize) -> Self {
        let ids = ids(people);
        let seed = |number: usize| {
            let mut seed = [6; 32];
            seed[..8].copy_from_slice(&number.to_le_bytes());
            seed
        };
        let keys: Vec<_> = (0..people).map(|at| LocalIdentity::from_seed(&seed(at))).collect();
        let known: BTreeMap<_, _> =
            ids.iter().cloned().zip(keys.iter().map(LocalIdentity::public_key)).collect();
        let known = Arc::new(known);
        let greeter = |(id, key): (&MemberId, LocalIdentity)| {
            CliquesGreeter::new(DIALECT, id.clone(), key.into_signer(), known.clone())
        };
        let greeters = ids.iter().zip(keys).map(greeter).collect();
        Self { ids, greeters, rng: ChaCha20Rng::seed_from_u64(7), operations: 0 }
    }

    /// The first `members` establish a group.
    pub fn established(people: usize, members: usize) -> (Self, Cost) {
        let mut group = Self::new(people);
        let others = group.ids[1..members].to_vec();
        let cost = group.run(0, Change::Include(&others), members);
        (group, cost)
    }

    /// The member was excluded.
    pub fn forget(&mut self, member: usize) {
        self.greeters[member].reset();
    }

    /// One operation, by `author`, that the first `people` are told of.
    pub fn run(&mut self, author: usize, change: Change<'_>, people: usize) -> Cost {
        self.run_watched(author, change, people, &mut |_, work| work())
    }

    /// The same. Whatever a member does for a packet is done where `watch` calls it.
    pub fn run_watched(
        &mut self,
        author: usize,
        change: Change<'_>,
        people: usize,
        watch: &mut Watch<'_>,
    ) -> Cost {
        self.operations = self.operations.wrapping_add(1);
        let number = self.operations;
        let rng = &mut self.rng;
        let order = OrderRefs {
            prev_pf: [number.wrapping_sub(1); 32],
            chain_hash: [number; 32],
            latest_pm: Vec::new(),
        };
        let (proposal, proposing) =
            timed(|| self.greeters[author].propose(rng, change, order).expect("a proposal"));
        let mut cost = Cost {
            cpu: vec![0.0; people],
            packets: Vec::new(),
            proposing,
            octets: 0,
            proposal: proposal.packet.clone(),
        };
        cost.cpu[author] += proposing;
        let mut draft = Some(proposal.draft);
        let mut running: Vec<Option<CliquesGreeting>> = (0..people).map(|_| None).collect();
        let mut queue = std::collections::VecDeque::from([(author, proposal.packet)]);
        let mut results = Vec::new();
        while let Some((from, text)) = queue.pop_front() {
            cost.octets += text.len();
            let mut handled = vec![0.0; people];
            for at in 0..people {
                let draft = if at == author { draft.take() } else { None };
                let (greeter, running) = (&self.greeters[at], &mut running[at]);
                let mut arrival = Some((running, draft));
                let mut step = None;
                let mut took = 0.0;
                watch(Deed { packet: cost.packets.len(), member: at }, &mut || {
                    let (running, draft) = arrival.take().expect("it is done once");
                    let from = &self.ids[from];
                    let done = timed(|| handle(greeter, running, draft, from, &text, number, rng));
                    took = done.1;
                    step = Some(done.0);
                });
                let step = step.expect("it is done");
                handled[at] = took;
                cost.cpu[at] += took;
                queue.extend(step.send.into_iter().map(|packet| (at, packet)));
                match step.status {
                    Status::Completed(completed) => results.push((at, completed.result)),
                    Status::CannotConfirm(reason) => panic!("{reason}"),
                    _ => {}
                }
            }
            cost.packets.push((from, handled));
        }
        assert_eq!(results.len(), people, "it completes for everybody");
        for (at, result) in results {
            self.greeters[at].adopt(result);
        }
        cost
    }
}

/// What a member does for a packet: decodes, checks and applies it.
fn handle(
    greeter: &CliquesGreeter,
    running: &mut Option<CliquesGreeting>,
    draft: Option<CliquesDraft>,
    from: &MemberId,
    text: &str,
    number: u8,
    rng: &mut ChaCha20Rng,
) -> Step<Completed<AgreedKeys, <CliquesGreeter as Greeter>::Result>> {
    let mut buffer = Vec::new();
    let contents = unarmor(text, &mut buffer).expect("a packet");
    let Ok(Packet::Greeting(packet)) = Packet::decode(DIALECT, contents) else {
        panic!("a greeting packet");
    };
    match running {
        None => {
            let checked = greeter.check_initial(from, &packet).expect("a good packet");
            let (greeting, step) =
                greeter.start(rng, [number; 32], checked, draft).expect("no bug");
            *running = Some(greeting);
            step
        }
        Some(greeting) => {
            let checked = greeting.check(from, &packet).expect("a good packet");
            greeting.apply(rng, checked).expect("no bug")
        }
    }
}
