//! The rolling refresh, and keys that have sealed enough.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use mpenc::message::{
    Draft, MessageSecurity, OpenError, Opened, SealError, Sealed, SubSessionSecurity,
};
use mpenc::{CliquesGreeter, Dialect, LocalIdentity, MemberId, MessageId, Mpenc};
use mpenc_session::{Config, Event, Membership, RollingRefresh, Sent, Session, Severity, Suite};
use mpenc_sim::{Latency, NodeId, Sim};
use mpenc_wire::DataPacket;
use rand_core::CryptoRng;

use crate::group::{Group, config, id, ids};

const NAMES: [&str; 4] = ["a", "b", "c", "d"];
const HOUR: u64 = 60 * 60;

fn rolling(limits: impl Fn(&mut RollingRefresh)) -> Config {
    let mut rolling = RollingRefresh::never();
    limits(&mut rolling);
    let mut config = config();
    config.rolling_refresh = Some(rolling);
    config
}

/// Who refreshed since the last call, in order, as a sees it.
fn refreshes(group: &mut Group) -> Vec<String> {
    let events = group.events("a");
    let alarming = events.iter().find(|event| event.severity() >= Severity::Security);
    assert_eq!(alarming, None);
    events
        .into_iter()
        .filter_map(|event| match event {
            Event::Members { operation, author, .. } if operation.to_string() == "refresh" => {
                Some(author.to_string())
            }
            _ => None,
        })
        .collect()
}

/// How many proposals were made that came to nothing.
fn beaten(group: &mut Group) -> usize {
    let lost = |event: &Event| {
        matches!(event, Event::OperationEnded { outcome, .. }
            if !matches!(outcome, mpenc_session::Outcome::Completed))
    };
    ["b", "c", "d"]
        .into_iter()
        .map(|name| group.events(name).iter().filter(|e| lost(e)).count())
        .sum()
}

/// A session does not age by being refreshed: what others could still say of old operations is all
/// that it keeps of them.
#[test]
fn a_session_forgets_the_operations_that_nobody_names_any_more() {
    let mut group = Group::new(439, &NAMES);
    group.establish(&NAMES);
    for round in 0..40 {
        group.propose(NAMES[round % 4], Membership::Refresh).expect("it may refresh");
        // Some follow on each other before everybody has confirmed the one before.
        group.run(if round % 4 == 0 { 90 } else { 3 });
    }
    group.run(90);
    for name in NAMES {
        let footprint = group.session(name).footprint();
        assert!(footprint.places <= 4, "{footprint:?}");
        assert!(group.session(name).history_unconfirmed_by().is_empty());
    }
    assert_eq!(refreshes(&mut group).len(), 40);
    group.assert_together(&NAMES);
}

#[test]
fn nobody_refreshes_by_itself_who_was_not_asked_to() {
    let mut group = Group::new(440, &NAMES);
    group.establish(&NAMES);
    group.events("a");
    group.run(5 * HOUR);
    assert!(refreshes(&mut group).is_empty());
}

/// Everybody renews once in every period, one after the other.
#[test]
fn all_renew_when_their_contributions_are_old() {
    let config = rolling(|limits| limits.age = Some(Duration::from_secs(HOUR)));
    let mut group = Group::with(441, &NAMES, &config);
    group.establish(&NAMES);
    group.events("a");
    for _ in 0..3 {
        group.run(HOUR + 60);
        let mut refreshed = refreshes(&mut group);
        assert_eq!(refreshed.len(), NAMES.len(), "{refreshed:?}");
        refreshed.sort();
        assert_eq!(refreshed, NAMES);
        assert_eq!(beaten(&mut group), 0, "they take turns");
    }
    group.run(60);
    group.assert_together(&NAMES);
}

/// The user's own operations renew as well.
#[test]
fn whoever_has_renewed_does_not_do_so_again() {
    let config = rolling(|limits| limits.age = Some(Duration::from_secs(HOUR)));
    let mut group = Group::with(442, &NAMES, &config);
    group.establish(&NAMES);
    group.run(HOUR / 2);
    group.propose("c", Membership::Refresh).unwrap();
    group.run(1);
    group.events("a");
    group.run(HOUR / 2 + 60);
    let mut refreshed = refreshes(&mut group);
    refreshed.sort();
    assert_eq!(refreshed, ["a", "b", "d"]);
    group.run(HOUR / 2);
    assert_eq!(refreshes(&mut group), ["c"]);
}

/// The oldest contribution is renewed first.
#[test]
fn turns_go_by_age() {
    let config = rolling(|limits| limits.messages = Some(10));
    let mut group = Group::with(443, &NAMES, &config);
    group.establish(&NAMES);
    for name in ["b", "d", "a"] {
        group.run(1);
        group.propose(name, Membership::Refresh).unwrap();
    }
    group.run(60);
    group.events("a");
    for number in 0..9 {
        group.send("b", &format!("text {number}"));
    }
    group.run(60);
    assert!(refreshes(&mut group).is_empty(), "nine are not ten");
    group.send("b", "text 10");
    group.run(60);
    assert_eq!(refreshes(&mut group), ["c", "b", "d", "a"]);
    assert_eq!(group.session("d").since_renewal(&id("c")), Some(3));
}

#[test]
fn changes_of_the_members_make_contributions_old() {
    let config = rolling(|limits| limits.changes = Some(2));
    let names = ["a", "b", "c", "d", "e"];
    let mut group = Group::with(444, &names, &config);
    group.establish(&NAMES);
    group.run(60);
    group.events("a");
    group.join("e");
    group.include("a", &["e"]);
    group.run(60);
    assert!(refreshes(&mut group).is_empty(), "one is not two, and refreshes do not count");
    group.exclude("a", &["e"]);
    group.run(60);
    // a proposed both, and has renewed by that.
    assert_eq!(refreshes(&mut group), ["b", "c", "d"]);
}

/// An operation of the user's goes first, and an exclude of somebody who left; then the refresh.
#[test]
fn what_is_more_urgent_goes_first() {
    let config = rolling(|limits| limits.messages = Some(1));
    let mut group = Group::with(445, &NAMES, &config);
    group.establish(&NAMES);
    group.run(60);
    group.events("a");
    group.send("a", "one");
    group.exclude("a", &["d"]);
    group.run(120);
    let mut refreshed = refreshes(&mut group);
    refreshed.sort();
    assert_eq!(refreshed, ["b", "c"], "a has renewed by its exclude");
    assert_eq!(group.session("a").members(), ids(&["a", "b", "c"]));
}

// ---- keys that have sealed enough ----

/// Message security under keys that are worn after twenty messages, instead of 2²⁴.
enum Delicate {}

impl Suite for Delicate {
    type Greeter = CliquesGreeter;
    type Security = Worn;

    fn secure(dialect: Dialect, keys: mpenc::greet::AgreedKeys) -> Worn {
        Worn { inner: Mpenc::secure(dialect, keys), messages: 0 }
    }
}

struct Worn {
    inner: SubSessionSecurity,
    messages: u32,
}

impl MessageSecurity for Worn {
    type Retired = <SubSessionSecurity as MessageSecurity>::Retired;

    fn dialect(&self) -> Dialect {
        self.inner.dialect()
    }

    fn hint(&self) -> u8 {
        self.inner.hint()
    }

    fn message_id(&self, packet: &DataPacket<'_>) -> MessageId {
        self.inner.message_id(packet)
    }

    fn seal(&mut self, rng: &mut dyn CryptoRng, draft: &Draft<'_>) -> Result<Sealed, SealError> {
        self.messages += 1;
        self.inner.seal(rng, draft)
    }

    fn open(&self, author: &MemberId, packet: &DataPacket<'_>) -> Result<Opened, OpenError> {
        self.inner.open(author, packet)
    }

    fn commit(&mut self, message: &Opened) {
        self.messages += 1;
        self.inner.commit(message);
    }

    fn retire(self) -> Self::Retired {
        self.inner.retire()
    }

    fn refresh_due(&self) -> bool {
        self.messages >= 20
    }
}

/// Without any option: a key that has sealed enough is refreshed, once, by one of the members.
#[test]
fn a_worn_key_is_refreshed() {
    let names = ["a", "b", "c"];
    let seeds: BTreeMap<MemberId, [u8; 32]> =
        (1..).zip(names).map(|(octet, name)| (id(name), [octet; 32])).collect();
    let known: BTreeMap<MemberId, [u8; 32]> = seeds
        .iter()
        .map(|(id, seed)| (id.clone(), LocalIdentity::from_seed(seed).public_key()))
        .collect();
    let known = Arc::new(known);
    let mut sim: Sim<Delicate> = Sim::new(446, Latency::default());
    let run = |sim: &mut Sim<Delicate>, seconds| {
        sim.run_for(Duration::from_secs(seconds)).unwrap();
    };
    let nodes: Vec<NodeId> = seeds
        .iter()
        .map(|(id, seed)| {
            let signer = LocalIdentity::from_seed(seed).into_signer();
            let known = Arc::clone(&known);
            let greeter = CliquesGreeter::new(Dialect::DOCUMENT, id.clone(), signer, known);
            let node = sim.add(Session::new(greeter, config()));
            sim.act(node, |session, cx, out| session.join(cx, out)).unwrap();
            run(&mut sim, 1);
            node
        })
        .collect();
    let all = ids(&["b", "c"]);
    sim.act(nodes[0], |s, cx, out| s.propose(cx, Membership::Include(&all), out)).unwrap();
    run(&mut sim, 60);
    sim.take_events(nodes[0]);
    for number in 0..20 {
        let text = format!("text {number}");
        let sent = sim.act(nodes[1], |session, cx, out| session.send(cx, &text, out)).unwrap();
        assert!(matches!(sent, Sent::Now(_)));
    }
    run(&mut sim, 20);
    let refreshed = sim.take_events(nodes[0]).into_iter().filter(|event| {
        matches!(event, Event::Members { operation, .. } if operation.to_string() == "refresh")
    });
    assert_eq!(refreshed.count(), 1);
    run(&mut sim, 20);
    let proposed = sim.take_events(nodes[0]);
    assert!(!proposed.iter().any(|event| matches!(event, Event::Proposed { .. })), "{proposed:?}");
}
