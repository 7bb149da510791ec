//! The adversarial test plan: a test for each row of the table of attacks, which its name says.
//!
//! Each asserts what the row demands that users see, or that they see nothing; that what is refused
//! leaves the state as it was ([`refused`]); and that honest members can go on ([`all_is_well`]).
//! Malicious members have real keys ([`Keys`](crate::tap::Keys)); a malicious server says what the
//! test has it say.
//!
//! Latencies are the defaults: BC_LAT is 5 s, FA_INTV 26 s.

mod boundary;
mod clock;
mod flood;
mod keys;
mod operations;
mod order;
mod packets;
mod replay;
mod transcript;
mod withheld;

use std::time::Duration;

use mpenc::{Dialect, MessageId};
use mpenc_session::{
    ChannelAction, ChannelEvent, Ctx, Event, Input, Membership, Output, Outputs, Severity,
};
use mpenc_wire::{Packet, unarmor};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;

use crate::group::{Group, id};
use crate::tap::Keys;

/// An established group in which everything has been said and acked.
fn at_rest(seed: u64, names: &[&str]) -> Group {
    let mut group = Group::new(seed, names);
    group.establish(names);
    settle(&mut group, names);
    group
}

/// Lets time pass until everything is acked, and forgets what was told.
fn settle(group: &mut Group, names: &[&str]) {
    group.run(100);
    for name in names {
        assert!(group.session(name).is_consistent(), "{name}");
        group.events(name);
        group.asked(name);
    }
}

/// The keys of a member's newest sub-session.
fn keys(name: &str) -> Keys {
    Keys::of(&id(name), 0)
}

fn texts(group: &Group, name: &str) -> Vec<String> {
    group.shown(name).into_iter().map(|(_, text)| text).collect()
}

/// Tells one member alone of a packet.
fn show(group: &mut Group, to: &str, sender: &str, packet: &str) {
    group.hear(to, ChannelEvent::Packet { sender: &id(sender), packet });
}

/// Has a member write a text; its packet is on its way.
fn said(group: &mut Group, name: &str, text: &str) -> (MessageId, String) {
    group.asked(name);
    let id = group.send(name, text);
    (id, group.packets(name).remove(0))
}

/// The latest messages that a member has accepted: the parents of what they would write now.
fn heads(group: &Group, name: &str) -> Vec<MessageId> {
    let mut session = group.session(name).clone();
    let mut rng = ChaCha20Rng::seed_from_u64(2);
    let mut out = Outputs::new();
    session.send(&mut Ctx::new(group.sim.now(), &mut rng), "what now?", &mut out).unwrap();
    let packet = out.drain().find_map(|output| match output {
        Output::Channel(ChannelAction::Send { packet }) => Some(packet),
        _ => None,
    });
    keys(name).parents(&packet.unwrap())
}

/// All that can be told of a session's state: what it answers, and, octet for octet, what it does
/// in the next minutes, left alone, told to write, and told to renew the keys.
fn digest(group: &Group, name: &str) -> Vec<String> {
    let session = group.session(name);
    let log = session.messages().lines();
    let mut digest = vec![
        format!("{:?}", (session.state(), session.members(), session.order_head())),
        format!("{:?}", (session.transcript(), session.unacked().collect::<Vec<_>>())),
        format!("{:?}", (session.is_consistent(), session.operation_progress())),
        format!("{:?}", (session.history_unconfirmed_by(), session.waiting().collect::<Vec<_>>())),
        format!("{:?}", (session.unaccepted().collect::<Vec<_>>(), session.forkers().count())),
        format!("{:?}", log.iter().map(|line| line.id).collect::<Vec<_>>()),
    ];
    for busy in [false, true] {
        let mut session = session.clone();
        let mut rng = ChaCha20Rng::seed_from_u64(1);
        let mut out = Outputs::new();
        let start = group.sim.now();
        if busy {
            let cx = &mut Ctx::new(start, &mut rng);
            let sent = session.send(cx, "what now?", &mut out);
            let proposed = session.propose(cx, Membership::Refresh, &mut out);
            digest.push(format!("{sent:?} {proposed:?}"));
        }
        let end = start.after(Duration::from_secs(200));
        while let Some(next) = session.next_deadline().filter(|next| *next <= end) {
            session.handle(&mut Ctx::new(next.max(start), &mut rng), Input::Tick, &mut out);
        }
        digest.extend(out.drain().map(|output| format!("{output:?}")));
    }
    digest
}

/// Does something after which the session must be as it was before.
fn unchanged(group: &mut Group, name: &str, act: impl FnOnce(&mut Group)) {
    let before = digest(group, name);
    act(group);
    let after = digest(group, name);
    let differs = before.iter().zip(&after).find(|(before, after)| before != after);
    assert_eq!(differs, None, "{name} is not as it was");
    assert_eq!(before.len(), after.len(), "{name} is not as it was");
}

/// Tells one member alone of a packet that is to be refused: that leaves the state as it was. Gives
/// what the user is told of it.
fn refused(group: &mut Group, by: &str, sender: &str, packet: &str) -> Vec<Event> {
    group.events(by);
    group.asked(by);
    unchanged(group, by, |group| show(group, by, sender, packet));
    assert_eq!(group.asked(by), [], "{by} answers");
    group.events(by)
}

/// These members are a group, hear each other, and nobody misses anything or is alarmed by it.
fn all_is_well(group: &mut Group, names: &[&str]) {
    for name in names {
        group.events(name);
    }
    let sent: Vec<MessageId> =
        names.iter().map(|name| group.send(name, &format!("{name} goes on"))).collect();
    group.run(60);
    group.assert_together(names);
    for name in names {
        let shown = texts(group, name);
        let heard = shown.iter().filter(|text| text.ends_with(" goes on")).count();
        assert!(heard >= names.len(), "{name}: {shown:?}");
        let events = group.events(name);
        for id in &sent {
            assert!(events.contains(&Event::FullyAcked(*id)), "{name}: {events:?}");
        }
        let alarming = events.iter().find(|event| event.severity() == Severity::Security);
        assert_eq!(alarming, None, "{name}");
    }
    let renewed = group.propose(names[0], Membership::Refresh);
    renewed.unwrap_or_else(|error| panic!("{}: {error}", names[0]));
    group.run(2);
    group.assert_together(names);
}

/// Nothing of it may alarm, or stay: what is still told at the end of a run.
fn alarms(events: &[Event]) -> Vec<&Event> {
    events.iter().filter(|event| event.severity() > Severity::Info).collect()
}

/// Runs for a while in which nothing that this member sends arrives.
fn run_mute(group: &mut Group, name: &str, seconds: u64) {
    run_while(group, seconds, |group| group.sim.lose_outgoing(group.node(name)));
}

/// Runs for a while in which nothing arrives at this member.
fn run_deaf(group: &mut Group, name: &str, seconds: u64) {
    run_while(group, seconds, |group| group.sim.lose_incoming(group.node(name)));
}

/// Loses what is under way, faster than anything can arrive.
fn run_while(group: &mut Group, seconds: u64, mut lose: impl FnMut(&mut Group)) {
    let end = group.now() + Duration::from_secs(seconds);
    while group.now() < end {
        group.sim.run_for(Duration::from_millis(4)).expect("it comes to rest");
        lose(group);
    }
}

fn is_greeting(packet: &str) -> bool {
    let mut contents = Vec::new();
    let contents = unarmor(packet, &mut contents).unwrap();
    matches!(Packet::decode(Dialect::DOCUMENT, contents), Ok(Packet::Greeting(_)))
}
