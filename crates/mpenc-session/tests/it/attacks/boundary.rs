//! What an initial packet says of the history before it (PREV_PF, CHAIN_HASH, LATEST_PM), falsified;
//! and initial packets that are past: rows 44 to 47.

use mpenc::{Dialect, LocalIdentity, MemberId, MessageId};
use mpenc_greet::Check;
use mpenc_session::{
    ChannelEvent, Event, FailReason, Fault, HistoryFault, Membership, Outcome, Severity, State,
};
use mpenc_wire::{GreetType, GreetingFields, MetadataFields, Packet, unarmor};

use super::{all_is_well, at_rest, is_greeting, keys, refused, settle, show};
use crate::group::{Group, id, ids};
use crate::history::mismatches;

const NAMES: [&str; 3] = ["a", "b", "m"];
const WITH_J: [&str; 4] = ["a", "b", "m", "j"];

/// An initial packet, to be changed and signed again.
struct Initial {
    greet_type: GreetType,
    source: MemberId,
    dest: Option<MemberId>,
    members: Vec<MemberId>,
    int_keys: Vec<[u8; 32]>,
    nonces: Vec<[u8; 32]>,
    pub_keys: Vec<[u8; 32]>,
    prev_pf: [u8; 32],
    chain_hash: [u8; 32],
    latest_pm: Vec<MessageId>,
    session_signature: Option<[u8; 64]>,
    signature: [u8; 64],
}

impl Initial {
    fn of(packet: &str) -> Self {
        let mut contents = Vec::new();
        let contents = unarmor(packet, &mut contents).unwrap();
        let Ok(Packet::Greeting(packet)) = Packet::decode(Dialect::DOCUMENT, contents) else {
            panic!("no greeting packet");
        };
        let metadata = packet.metadata.expect("an initial packet");
        Self {
            greet_type: packet.greet_type,
            source: packet.source.to_owned(),
            dest: packet.dest.map(|dest| dest.to_owned()),
            members: packet.members.iter().map(|member| member.to_owned()).collect(),
            int_keys: packet.int_keys.iter().copied().collect(),
            nonces: packet.nonces.iter().copied().collect(),
            pub_keys: packet.pub_keys.iter().copied().collect(),
            prev_pf: *metadata.prev_pf,
            chain_hash: *metadata.chain_hash,
            latest_pm: metadata.latest_pm.iter().collect(),
            session_signature: packet.session_signature.copied(),
            signature: *packet.signature,
        }
    }

    /// The packet, signed by whoever makes signatures.
    fn signed(&self, sign: impl FnOnce(&[u8]) -> [u8; 64]) -> String {
        let fields = GreetingFields {
            greet_type: self.greet_type,
            source: &self.source,
            dest: self.dest.as_ref(),
            members: &self.members,
            int_keys: &self.int_keys,
            nonces: &self.nonces,
            pub_keys: &self.pub_keys,
            metadata: Some(MetadataFields {
                prev_pf: &self.prev_pf,
                chain_hash: &self.chain_hash,
                latest_pm: &self.latest_pm,
            }),
            session_signature: self.session_signature.as_ref(),
        };
        let unsigned = fields.encode(Dialect::DOCUMENT).unwrap();
        let signature = sign(unsigned.signed());
        unsigned.finish(&signature)
    }

    /// With the signature that it had.
    fn altered(&self) -> String {
        self.signed(|_| self.signature)
    }

    /// By a malicious author.
    fn signed_by(&self, name: &str) -> String {
        self.signed(|signed| keys(name).sign_greeting(signed))
    }
}

/// What `name` proposes, while nothing of it reaches `deaf`: that is for the test to say.
fn proposed_past(
    group: &mut Group,
    name: &str,
    change: Membership<'_>,
    deaf: &str,
) -> (mpenc_session::OperationId, String) {
    group.asked(name);
    group.sim.freeze(group.node(deaf));
    let own = group.propose(name, change).unwrap();
    let packet = group.packets(name).remove(0);
    assert!(is_greeting(&packet));
    group.run(1);
    group.sim.lose_incoming(group.node(deaf));
    (own, packet)
}

fn members_of(events: &[Event]) -> usize {
    events.iter().filter(|event| matches!(event, Event::Members { .. })).count()
}

/// ATTACKS 44, "covered by initiator's authenticated E": a member who is shown other references than
/// the others refuses the packet. Here it is a refresh, which the others have: what they say of it
/// tells that they were told another story (`OrderMismatch`).
#[test]
fn attack_44_references_altered_for_a_member() {
    let mut group = at_rest(744, &NAMES);
    let (_, packet) = proposed_past(&mut group, "a", Membership::Refresh, "b");
    let honest = || Initial::of(&packet);
    let altered = [
        Initial { prev_pf: [1; 32], ..honest() },
        Initial { chain_hash: [2; 32], ..honest() },
        Initial { latest_pm: Vec::new(), ..honest() },
        Initial {
            latest_pm: Vec::from([MessageId::from_hash(Dialect::DOCUMENT, &[3; 32])]),
            ..honest()
        },
    ];
    for initial in altered {
        let events = refused(&mut group, "b", "a", &initial.altered());
        let [Event::Refused { sender, fault: Fault::Greeting(fault) }] = &events[..] else {
            panic!("{events:?}");
        };
        assert_eq!((sender, &fault.check), (&id("a"), &Check::Signature));
    }
    group.run(1);
    group.sim.thaw(group.node("b"));
    group.run(60);
    for name in ["a", "m"] {
        assert_eq!(members_of(&group.events(name)), 1, "{name} has the refresh");
    }
    let events = group.events("b");
    assert_eq!(members_of(&events), 0);
    let told = mismatches(&events);
    assert!(
        told.iter().all(|(_, fault)| matches!(fault, HistoryFault::Unknown { .. })),
        "{told:?}"
    );
    assert!(!told.is_empty(), "{events:?}");
}

/// ATTACKS 44: whoever joins knows nobody's keys, so that the server can sign what it alters by a key
/// of its own. Nobody else has that key from the initiator: nothing can be made of the answer, and
/// the operation fails, for all. The next one succeeds.
#[test]
fn attack_44_references_altered_for_who_joins() {
    let mut group = Group::new(745, &WITH_J);
    group.establish(&NAMES);
    group.join("j");
    settle(&mut group, &NAMES);
    let joins = ids(&["j"]);
    let (own, packet) = proposed_past(&mut group, "a", Membership::Include(&joins), "j");
    let server = LocalIdentity::from_seed(&[9; 32]);
    let mut initial = Initial { chain_hash: [2; 32], ..Initial::of(&packet) };
    let place = initial.members.iter().position(|member| *member == id("a")).unwrap();
    initial.pub_keys[place] = server.public_key();
    let signer = server.into_signer();
    let forged = initial.signed(|signed| signer.sign(&[b"greetmsgsig", signed].concat()).unwrap());
    show(&mut group, "j", "a", &forged);
    group.sim.thaw(group.node("j"));
    group.run(60);
    for name in NAMES {
        let events = group.events(name);
        let faults: Vec<_> = events
            .iter()
            .filter_map(|event| match event {
                Event::Refused { sender, fault: Fault::Greeting(fault) } => {
                    Some((sender, &fault.check))
                }
                _ => None,
            })
            .collect();
        assert_eq!(faults, [(&id("j"), &Check::PubKeyDiffers(id("a")))], "{name}");
        if name == "a" {
            let failed = events.iter().any(|event| {
                matches!(event, Event::OperationEnded {
                    own: it,
                    outcome: Outcome::Failed(FailReason::Aborted { .. }),
                } if *it == own)
            });
            assert!(failed, "{events:?}");
        }
        assert!(events.iter().all(|event| event.severity() < Severity::Security), "{events:?}");
    }
    let events = group.events("j");
    assert_eq!(members_of(&events), 0, "{events:?}");
    assert_eq!(group.session("j").state(), State::Waiting);
    group.include("b", &["j"]);
    group.run(60);
    all_is_well(&mut group, &WITH_J);
}

/// ATTACKS 45, "first CH exchange": m gives whoever joins another chain hash than the others, with
/// the server's help. It is signed by m, and all complete it; then j's order acks differ, and all
/// are told (`OrderMismatch`, with both values), before anybody proposes anything.
#[test]
fn attack_45_a_false_chain_hash_for_who_joins() {
    let mut group = Group::new(746, &WITH_J);
    group.establish(&NAMES);
    group.join("j");
    settle(&mut group, &NAMES);
    let joins = ids(&["j"]);
    let (_, packet) = proposed_past(&mut group, "m", Membership::Include(&joins), "j");
    let lie = Initial { chain_hash: [2; 32], ..Initial::of(&packet) }.signed_by("m");
    show(&mut group, "j", "m", &lie);
    group.sim.thaw(group.node("j"));
    group.run(60);
    for name in WITH_J {
        let events = group.events(name);
        assert_eq!(group.session(name).members(), ids(&WITH_J), "{name}: it completes");
        let told = mismatches(&events);
        assert!(!told.is_empty(), "{name}: {events:?}");
        for (member, fault) in told {
            assert_eq!(*member == id("j"), name != "j", "{name} is told of {member}");
            let HistoryFault::Differs { ours, theirs, .. } = fault else {
                panic!("{name}: {fault}");
            };
            assert_ne!(ours, theirs);
        }
        let again = group.propose(name, Membership::Refresh);
        assert_eq!(again, Err(mpenc_session::ApiMisuse::OrderDisputed), "{name}");
    }
}

/// ATTACKS 45: without the server's help, the old members see it at once, and no one is included.
#[test]
fn attack_45_a_false_chain_hash_for_all() {
    let mut group = Group::new(747, &WITH_J);
    group.establish(&NAMES);
    group.join("j");
    settle(&mut group, &NAMES);
    let honest = super::keys::copy_sends(&group, "m", |copy, cx, out| {
        copy.propose(cx, Membership::Include(&ids(&["j"])), out)
    });
    let lie = Initial { chain_hash: [2; 32], ..Initial::of(&honest) }.signed_by("m");
    group.sim.inject(group.node("m"), &lie);
    group.run(60);
    for name in ["a", "b"] {
        let events = group.events(name);
        let [(member, HistoryFault::Proposal(_))] = mismatches(&events)[..] else {
            panic!("{name}: {events:?}");
        };
        assert_eq!(*member, id("m"));
        assert_eq!(group.session(name).members(), ids(&NAMES));
    }
    assert_eq!(members_of(&group.events("j")), 0);
}

/// ATTACKS 46, "wait/resend, then flag": m's refresh names a message that does not exist. It takes
/// effect, and the message is waited for as long as the old sub-session is kept; then all but m are
/// told what is missing, and who named it (`HistoryDiffers`).
#[test]
fn attack_46_latest_pm_names_unknown_messages() {
    let mut group = at_rest(750, &NAMES);
    let honest = super::keys::copy_sends(&group, "m", |copy, cx, out| {
        copy.propose(cx, Membership::Refresh, out)
    });
    let mut lie = Initial::of(&honest);
    let unknown = MessageId::from_hash(Dialect::DOCUMENT, &[4; 32]);
    lie.latest_pm.push(unknown);
    lie.latest_pm.sort();
    group.sim.inject(group.node("m"), &lie.signed_by("m"));
    group.run(1);
    group.sim.freeze(group.node("m"));
    group.run(70);
    for name in ["a", "b"] {
        let events = group.events(name);
        assert_eq!(members_of(&events), 1, "{name}");
        assert!(events.iter().all(|event| event.severity() < Severity::Security), "{events:?}");
        assert!(!group.session(name).is_consistent(), "{name} waits");
    }
    // m, who says that it exists, is there, and does not send it.
    let m = id("m");
    for name in ["a", "b"] {
        group.hear(name, ChannelEvent::Packet { sender: &m, packet: &honest });
    }
    group.run(30);
    for name in ["a", "b"] {
        let events = group.events(name);
        let told: Vec<_> =
            events.iter().filter(|event| event.severity() == Severity::Security).collect();
        let [Event::HistoryDiffers { author, missing, there, .. }] = told[..] else {
            panic!("{name}: {events:?}");
        };
        assert_eq!((author, &missing[..]), (&id("m"), &[unknown][..]), "{name}");
        assert_eq!(*there, ids(&["m"]), "of a and b everybody knows that they lack it");
    }
    group.exclude("a", &["m"]);
    group.run(120);
    all_is_well(&mut group, &["a", "b"]);
}

/// ATTACKS 47, "contributory completion": the server gives whoever waits a proposal that has lost to
/// another one, and that has failed, instead of the one that stands. Nobody else follows it, so it
/// comes to nothing; the one that stands fails, naming who did not answer. Then it lets go.
#[test]
fn attack_47_whoever_waits_is_fed_a_proposal_that_is_past() {
    for loses in [true, false] {
        let mut group = Group::new(748, &WITH_J);
        group.establish(&NAMES);
        group.join("j");
        settle(&mut group, &NAMES);
        let joins = ids(&["j"]);
        if loses {
            // What m sends is held back until b has won.
            group.sim.freeze(group.node("m"));
        }
        let (_, past) = proposed_past(&mut group, "m", Membership::Include(&joins), "j");
        if loses {
            group.propose("b", Membership::Refresh).unwrap();
            group.run(1);
            group.sim.thaw(group.node("m"));
        } else {
            let node = group.node("a");
            group.sim.act(node, |session, cx, out| session.abort(cx, "no", out)).unwrap();
        }
        group.run(60);
        group.sim.lose_incoming(group.node("j"));
        group.assert_together(&NAMES);
        let (own, _) = proposed_past(&mut group, "a", Membership::Include(&joins), "j");
        show(&mut group, "j", "m", &past);
        group.sim.thaw(group.node("j"));
        group.run(60);
        let events = group.events("j");
        assert_eq!(members_of(&events), 0, "{events:?}");
        let candidates = events.iter().filter(|event| matches!(event, Event::Candidate(_))).count();
        assert_eq!(candidates, 1, "it follows what it is told: {events:?}");
        assert_eq!(group.session("j").state(), State::Waiting);
        for name in NAMES {
            let events = group.events(name);
            assert!(events.iter().all(|event| event.severity() < Severity::Security), "{events:?}");
            let failed = events.iter().any(|event| {
                matches!(event, Event::OperationFailed {
                    reason: FailReason::Aborted { reason, .. }, ..
                } if reason.contains("waiting for j"))
            });
            assert!(failed, "{name}: {events:?}");
            if name == "a" {
                let ended = events.iter().any(|event| {
                    matches!(event, Event::OperationEnded { own: it, outcome: Outcome::Failed(_) }
                        if *it == own)
                });
                assert!(ended, "{events:?}");
            }
        }
        group.include("b", &["j"]);
        group.run(60);
        all_is_well(&mut group, &WITH_J);
    }
}

/// ATTACKS 47, "CH exchange": fed a proposal that stands, but told of another channel than the others
/// see, whoever joins has another history from the first, which they find out (`OrderMismatch`).
#[test]
fn attack_47_whoever_joins_sees_another_channel() {
    let mut group = Group::new(749, &WITH_J);
    group.establish(&NAMES);
    group.join("j");
    settle(&mut group, &NAMES);
    let ghost = ids(&["ghost"]);
    group.hear("j", ChannelEvent::Changed { entered: &ghost, left: &[] });
    group.include("a", &["j"]);
    group.run(60);
    for name in WITH_J {
        let events = group.events(name);
        assert_eq!(group.session(name).members(), ids(&WITH_J), "{name}: it completes");
        let told = mismatches(&events);
        for (member, _) in &told {
            assert_eq!(**member == id("j"), name != "j", "{name} is told of {member}");
        }
        assert!(!told.is_empty(), "{name}: {events:?}");
    }
}
