//! One session in the middle of a group's life, fed with the group's traffic in any order and
//! changed at will, with comings and goings, with time, and with what its user does.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use mpenc::session::Fault;
use mpenc::{
    ChannelAction, ChannelEvent, CliquesGreeter, Config, Ctx, Dialect, Event, Input as Happens,
    Instant, LocalIdentity, MemberId, Membership, Mpenc, MpencSession, Output, Outputs,
};
use mpenc_sim::{Latency, Sim, What};
use mpenc_wire::{armor, unarmor};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;

use crate::input::Input;

const NAMES: [&str; 4] = ["ann", "ben", "cat", "dan"];
/// How many things happen to the session at most.
const EVENTS: usize = 60;
/// How many things one of them may lead to.
const OUTPUTS: usize = 400;

/// A group's life up to here, and a while longer: its traffic is what the session is fed with.
#[derive(Clone)]
struct Scene {
    session: MpencSession,
    now: Instant,
    packets: Vec<(MemberId, String)>,
    ids: Vec<MemberId>,
}

thread_local! {
    static SCENE: Scene = scene();
}

fn scene() -> Scene {
    let ids: Vec<MemberId> =
        NAMES.iter().map(|name| MemberId::new(Dialect::DOCUMENT, name).unwrap()).collect();
    let identity = |place: usize| LocalIdentity::from_seed(&[u8::try_from(place).unwrap(); 32]);
    let keys = (0..).map(identity).map(|key| key.public_key());
    let known: BTreeMap<_, _> = ids.iter().cloned().zip(keys).collect();
    let known = Arc::new(known);
    let mut sim: Sim<Mpenc> = Sim::new(1, Latency::default());
    sim.record();
    let nodes: Vec<_> = (0..ids.len())
        .map(|place| {
            let signer = identity(place).into_signer();
            let known = Arc::clone(&known);
            let greeter = CliquesGreeter::new(Dialect::DOCUMENT, ids[place].clone(), signer, known);
            let node = sim.add(MpencSession::new(greeter, Config::default()));
            sim.act(node, |session, cx, out| session.join(cx, out)).unwrap();
            sim.run_for(Duration::from_secs(1)).unwrap();
            node
        })
        .collect();
    let pass = |sim: &mut Sim<Mpenc>| sim.run_for(Duration::from_secs(2)).unwrap();
    sim.act(nodes[0], |s, cx, out| s.propose(cx, Membership::Include(&ids[1..3]), out)).unwrap();
    pass(&mut sim);
    sim.act(nodes[1], |session, cx, out| session.send(cx, "hello", out)).unwrap();
    pass(&mut sim);
    let (session, now) = (sim.session(nodes[0]).clone(), sim.now());
    // What the others do from here on, the session has not seen.
    sim.act(nodes[2], |session, cx, out| session.send(cx, "hello back", out)).unwrap();
    sim.act(nodes[1], |s, cx, out| s.propose(cx, Membership::Include(&ids[3..]), out)).unwrap();
    pass(&mut sim);
    sim.act(nodes[3], |session, cx, out| session.send(cx, "hello all", out)).unwrap();
    sim.act(nodes[1], |session, cx, out| session.propose(cx, Membership::Refresh, out)).unwrap();
    pass(&mut sim);
    sim.act(nodes[1], |s, cx, out| s.propose(cx, Membership::Exclude(&ids[2..3]), out)).unwrap();
    pass(&mut sim);
    sim.act(nodes[3], |session, cx, out| session.part(cx, out)).unwrap();
    pass(&mut sim);
    let packets = sim.take_records().into_iter().filter_map(|record| match record.what {
        What::Asked(ChannelAction::Send { packet }) => {
            Some((sim.session(record.node).own_id().clone(), packet))
        }
        _ => None,
    });
    let packets = packets.collect();
    Scene { session, now, packets, ids }
}

pub(crate) fn run(input: &[u8]) {
    let mut input = Input::new(input);
    let Scene { mut session, mut now, mut packets, ids } = SCENE.with(Scene::clone);
    let mut rng = ChaCha20Rng::seed_from_u64(u64::from(input.octet()));
    let mut out = Outputs::new();
    for _ in 0..EVENTS {
        if input.is_empty() {
            break;
        }
        let kind = input.below(16);
        let other = ids[input.below(ids.len())].clone();
        let before = digest(&session);
        let cx = &mut Ctx::new(now, &mut rng);
        match kind {
            0..7 => {
                let (sender, packet) = packets[input.below(packets.len())].clone();
                let changed = change(&mut input, &packet);
                let sender = if input.below(16) == 0 { other } else { sender };
                let event = ChannelEvent::Packet { sender: &sender, packet: &changed };
                session.handle(cx, Happens::Channel(event), &mut out);
            }
            7 => {
                let event = ChannelEvent::Changed { entered: &[other], left: &[] };
                session.handle(cx, Happens::Channel(event), &mut out);
            }
            8 => {
                let event = ChannelEvent::Changed { entered: &[], left: &[other] };
                session.handle(cx, Happens::Channel(event), &mut out);
            }
            9 => {
                let some = &ids[..=input.below(ids.len())];
                session.handle(
                    cx,
                    Happens::Channel(ChannelEvent::Entered { members: some }),
                    &mut out,
                );
            }
            10 => session.handle(cx, Happens::Channel(ChannelEvent::Left), &mut out),
            11 | 12 => {
                now = now.after(Duration::from_millis(u64::try_from(input.number()).unwrap()));
                // As a caller does: at each deadline on the way.
                for _ in 0..OUTPUTS {
                    let Some(due) = session.next_deadline().filter(|due| *due <= now) else {
                        break;
                    };
                    session.handle(&mut Ctx::new(due, &mut rng), Happens::Tick, &mut out);
                }
                let due = session.next_deadline();
                assert!(due.is_none_or(|due| due > now), "a deadline that is always due");
            }
            _ => {
                let _ = match input.below(8) {
                    0 => session.join(cx, &mut out),
                    1 => session.part(cx, &mut out),
                    2 => session.abort(cx, "no", &mut out),
                    3 => session.ack(cx, &mut out).map(drop),
                    4 => session.propose(cx, Membership::Refresh, &mut out).map(drop),
                    5 => session.propose(cx, Membership::Exclude(&[other]), &mut out).map(drop),
                    6 => session.propose(cx, Membership::Include(&[other]), &mut out).map(drop),
                    _ => session.send(cx, "something", &mut out).map(drop),
                };
            }
        }
        let mut outputs: usize = 0;
        let mut refused = kind < 7;
        for output in out.drain() {
            outputs += 1;
            refused &= is_refusal(&output);
            match output {
                Output::Event(event @ Event::Internal(_)) => panic!("{event:?}"),
                Output::Channel(ChannelAction::Send { packet }) => {
                    packets.push((session.own_id().clone(), packet));
                }
                _ => {}
            }
        }
        assert!(outputs < OUTPUTS, "{outputs} outputs");
        if refused && outputs > 0 {
            assert_eq!(digest(&session), before, "what was refused changed something");
        }
        assert!(session.members().len() <= ids.len());
    }
}

/// Whether this says of a packet that it was refused. (What is said in our own name keeps us from
/// writing.)
fn is_refusal(output: &Output) -> bool {
    match output {
        Output::Event(Event::Refused { .. } | Event::Plain { .. }) => true,
        Output::Event(Event::PeerMisbehaved { fault, .. }) => !matches!(fault, Fault::InOurName),
        _ => false,
    }
}

/// What can be seen of a session's state.
fn digest(session: &MpencSession) -> String {
    let state = (session.state(), session.members(), session.order_head());
    let unacked: Vec<_> = session.unacked().collect();
    let unaccepted: Vec<_> = session.unaccepted().collect();
    let messages = (session.transcript(), unacked, unaccepted, session.messages().lines().len());
    let progress = (session.operation_progress(), session.history_unconfirmed_by());
    let rest = (session.waiting().count(), session.forkers().count(), session.is_consistent());
    format!("{:?}", (state, messages, progress, rest, session.footprint()))
}

/// A packet as it is, or changed somewhere.
fn change(input: &mut Input<'_>, packet: &str) -> String {
    let how = input.below(8);
    let mut contents = Vec::new();
    let Ok(octets) = unarmor(packet, &mut contents) else { return packet.to_owned() };
    let mut octets = octets.to_vec();
    let at = input.number() % octets.len().max(1);
    match how {
        0 => octets[at] ^= input.octet(),
        1 => octets.truncate(at),
        2 => octets.insert(at, input.octet()),
        3 => return packet.get(..at.min(packet.len())).unwrap_or_default().to_owned(),
        _ => return packet.to_owned(),
    }
    armor(&octets)
}
