//! Proposals, ends, aborts and leavings in any order: all who see the same order accept the same,
//! and what a model accepts that knows nothing but "the first one on its parent wins".

use std::collections::BTreeSet;

use mpenc_order::{ChainHash, PacketId, Proposal, ServerOrder, Verdict};

use crate::input::Input;

const MEMBERS: u8 = 3;
const EVENTS: usize = 200;
/// The order knows the newest 64 packets again, and leaves older ones to the checks before it. A
/// leaving adds a packet, and so does an operation's end.
const REMEMBERED: usize = 60;

type Member = [u8; 1];
type Order = ServerOrder<Member, ()>;

/// Only packets: which one is the head, and which operation runs on it.
struct Model {
    head: PacketId,
    running: Option<PacketId>,
    seen: BTreeSet<PacketId>,
}

impl Model {
    /// Whether an initial packet on this parent is accepted.
    fn initial(&mut self, id: PacketId, parent: PacketId, single: bool) -> bool {
        let accepted = self.running.is_none() && parent == self.head && !self.seen.contains(&id);
        if accepted {
            self.seen.insert(id);
            if single { self.head = id } else { self.running = Some(id) }
        }
        accepted
    }

    fn end(&mut self, id: PacketId) -> bool {
        let accepted = self.running.is_some() && !self.seen.contains(&id);
        if accepted {
            self.running = None;
            self.head = id;
            self.seen.insert(id);
        }
        accepted
    }
}

fn id(packet: &[u8]) -> PacketId {
    PacketId::compute(b"x", [], packet)
}

pub(crate) fn run(input: &[u8]) {
    let mut input = Input::new(input);
    let start = PacketId::from_bytes([1; 32]);
    let everybody: BTreeSet<Member> = (0..MEMBERS).map(|member| [member]).collect();
    let members: Vec<Member> = everybody.iter().copied().collect();
    let mut replicas: Vec<Order> = (0..MEMBERS)
        .map(|own| {
            let mut order = Order::unsynced([own]);
            order.start(start);
            order
        })
        .collect();
    let mut model = Model { head: start, running: None, seen: [start].into() };
    let mut places: Vec<(PacketId, ChainHash)> = replicas[0].head().into_iter().collect();
    let mut packets: Vec<Vec<u8>> = Vec::new();
    for number in 0..EVENTS {
        if input.is_empty() || model.seen.len() > REMEMBERED {
            break;
        }
        let kind = input.below(8);
        // An old packet again, now and then.
        let packet = match input.below(4) {
            0 if !packets.is_empty() => packets[input.below(packets.len())].clone(),
            _ => number.to_be_bytes().to_vec(),
        };
        packets.push(packet.clone());
        let id = id(&packet);
        let by = [u8::try_from(input.below(usize::from(MEMBERS))).unwrap()];
        match kind {
            0..4 => {
                let lag = input.below(3);
                let (parent, hash) = places[places.len().saturating_sub(lag.saturating_add(1))];
                let single = kind == 0;
                // Who is named as its author has made it.
                if model.running.is_none() && parent == model.head {
                    replicas[usize::from(by[0])].propose(&packet);
                }
                let expected = model.initial(id, parent, single);
                for order in &mut replicas {
                    let proposal = Proposal {
                        author: &by,
                        members: &members,
                        prev_pf: parent,
                        prev_chain_hash: hash,
                        single,
                    };
                    let verdict = order.offer_initial(id, &packet, &proposal, &members, &everybody);
                    assert_eq!(matches!(verdict, Verdict::Accept(_)), expected, "{verdict:?}");
                    if let Verdict::Accept(accepted) = verdict {
                        assert_eq!(order.begin(accepted, ()).is_some(), single);
                    }
                }
            }
            4 | 5 => {
                let expected = model.end(id);
                for order in &mut replicas {
                    assert_eq!(order.offer_final(id).accepted().is_some(), expected);
                }
            }
            6 => {
                let other = input.below(4) == 0;
                let aborted = if other { start } else { model.running.unwrap_or(start) };
                let expected = model.running == Some(aborted) && model.end(id);
                for order in &mut replicas {
                    assert_eq!(order.offer_abort(id, &aborted).accepted().is_some(), expected);
                }
            }
            _ => {
                let mut after = everybody.clone();
                after.remove(&by);
                let expected = model.running.take().is_some();
                let mut heads = BTreeSet::new();
                for order in &mut replicas {
                    let ended = order.members_left(&[by], &after);
                    assert_eq!(ended.is_some(), expected);
                    heads.extend(order.head().map(|(packet, _)| packet));
                }
                assert_eq!(heads.len(), 1);
                if expected {
                    model.head = heads.pop_first().unwrap();
                    assert!(model.seen.insert(model.head), "a leaving that was there before");
                }
            }
        }
        let head = replicas[0].head();
        for order in &replicas {
            assert_eq!(order.head(), head);
            assert_eq!(order.ongoing().map(|ongoing| ongoing.initial()), model.running);
            assert!(!order.is_disputed());
        }
        assert_eq!(head.map(|(packet, _)| packet), Some(model.head));
        places.extend(head.filter(|head| !places.contains(head)));
    }
}
