//! Order acks: who has confirmed what, and what we have to confirm (SO-16).

use std::collections::{BTreeMap, BTreeSet};

use mpenc_order::{AckVerdict, ChainHash, EntryType, OrderAcks, PacketId, UnknownAck};
use proptest::prelude::*;

type Acks = OrderAcks<String, u32>;

fn names(members: &str) -> Vec<String> {
    members.split_whitespace().map(str::to_owned).collect()
}

fn id(number: u16) -> PacketId {
    let mut octets = [0; 32];
    octets[..2].copy_from_slice(&number.to_be_bytes());
    PacketId::from_bytes(octets)
}

fn hash(number: u16) -> ChainHash {
    ChainHash::start(&id(number))
}

/// Ann's view of a session, after each of these operations was accepted.
fn ann(operations: &[(u16, &str)]) -> Acks {
    let mut acks = Acks::new("ann".to_owned());
    for (number, members) in operations {
        assert_eq!(acks.accepted(id(*number), hash(*number), &names(members)), []);
    }
    acks
}

fn ack(acks: &mut Acks, member: &str, number: u16) -> AckVerdict {
    acks.on_ack(&member.to_owned(), id(number), hash(number))
}

fn missing(acks: &Acks, number: u16) -> String {
    acks.missing(&id(number)).cloned().collect::<Vec<_>>().join(" ")
}

#[test]
fn so_16_members_of_the_resulting_session_are_expected_to_ack() {
    let mut acks = ann(&[(1, "ann ben cat")]);
    assert_eq!(missing(&acks, 1), "ben cat");
    assert_eq!(ack(&mut acks, "ben", 1), AckVerdict::Match);
    assert_eq!(missing(&acks, 1), "cat");
    assert_eq!(ack(&mut acks, "ben", 1), AckVerdict::Covered);
    assert_eq!(ack(&mut acks, "cat", 1), AckVerdict::Match);
    assert_eq!(missing(&acks, 1), "");
    assert_eq!(ack(&mut acks, "ann", 1), AckVerdict::NotExpected);
    assert_eq!(ack(&mut acks, "dan", 1), AckVerdict::NotExpected);
}

#[test]
fn so_16_a_later_equal_chain_hash_covers_earlier_ones() {
    let mut acks = ann(&[(1, "ann ben"), (2, "ann ben"), (3, "ann ben")]);
    assert_eq!(ack(&mut acks, "ben", 2), AckVerdict::Match);
    assert_eq!((missing(&acks, 1), missing(&acks, 2), missing(&acks, 3)), {
        (String::new(), String::new(), "ben".to_owned())
    });
    assert_eq!(ack(&mut acks, "ben", 1), AckVerdict::Covered);
}

#[test]
fn so_16_joiners_ack_from_their_own_operation_on_and_leavers_are_waived() {
    let mut acks = ann(&[(1, "ann ben cat"), (2, "ann cat dan")]);
    assert_eq!(missing(&acks, 1), "cat", "ben is waived, and dan was not there");
    assert_eq!(missing(&acks, 2), "cat dan");
    assert_eq!(ack(&mut acks, "ben", 1), AckVerdict::NotExpected);
    // Who comes back acks from then on.
    assert_eq!(acks.accepted(id(3), hash(3), &names("ann ben cat dan")), []);
    assert_eq!((missing(&acks, 2), missing(&acks, 3)), ("cat dan".into(), "ben cat dan".into()));
}

#[test]
fn so_16_who_leaves_the_channel_is_waived_at_once() {
    let mut acks = ann(&[(1, "ann ben cat")]);
    acks.waive(&"ben".to_owned());
    assert_eq!(missing(&acks, 1), "cat");
    assert_eq!(ack(&mut acks, "ben", 1), AckVerdict::NotExpected);
    // That they leave has ended an operation; they are still to be excluded.
    assert_eq!(acks.accepted(id(2), hash(2), &names("ann cat")), []);
    assert_eq!(missing(&acks, 2), "cat");
    acks.waive(&"cat".to_owned());
    assert!(!acks.needs_carrier(), "nobody is left to tell");
}

#[test]
fn so_16_another_chain_hash_is_a_mismatch() {
    let mut acks = ann(&[(1, "ann ben cat"), (2, "ann ben cat")]);
    let (ours, theirs) = (hash(2), hash(77));
    let verdict = acks.on_ack(&"ben".to_owned(), id(2), theirs);
    assert_eq!(verdict, AckVerdict::Mismatch { ours, theirs });
    assert_eq!(acks.differing().collect::<Vec<_>>(), ["ben"]);
    assert_eq!(missing(&acks, 2), "cat", "ben has answered, but something else");
    // Also where an equal one has come before: it contradicts itself, and that is evidence too.
    assert_eq!(ack(&mut acks, "cat", 2), AckVerdict::Match);
    let verdict = acks.on_ack(&"cat".to_owned(), id(1), theirs);
    assert_eq!(verdict, AckVerdict::Mismatch { ours: hash(1), theirs });
}

#[test]
fn so_16_an_unknown_packet_is_held_until_it_comes() {
    let mut acks = ann(&[(1, "ann ben cat")]);
    assert_eq!(ack(&mut acks, "ben", 2), AckVerdict::Unknown);
    assert_eq!(ack(&mut acks, "ben", 2), AckVerdict::Waiting, "its deadline stands");
    assert_eq!(acks.on_ack(&"cat".to_owned(), id(2), hash(5)), AckVerdict::Unknown);
    let verdicts = acks.accepted(id(2), hash(2), &names("ann ben cat"));
    let mismatch = AckVerdict::Mismatch { ours: hash(2), theirs: hash(5) };
    assert_eq!(verdicts, [("ben".to_owned(), AckVerdict::Match), ("cat".to_owned(), mismatch)]);
    assert_eq!(acks.give_up(&"ben".to_owned(), &id(2)), None, "it came in time");
    assert_eq!((missing(&acks, 1), missing(&acks, 2)), (String::new(), String::new()));
}

#[test]
fn so_16_a_packet_that_never_comes_is_a_mismatch() {
    let mut acks = ann(&[(1, "ann ben cat")]);
    assert_eq!(ack(&mut acks, "ben", 2), AckVerdict::Unknown);
    assert_eq!(acks.give_up(&"cat".to_owned(), &id(2)), None);
    let UnknownAck { packet, theirs, ours, .. } =
        acks.give_up(&"ben".to_owned(), &id(2)).expect("still unknown");
    assert_eq!((packet, theirs, ours), (id(2), hash(2), (id(1), hash(1))));
    assert_eq!(acks.differing().collect::<Vec<_>>(), ["ben"]);
    assert_eq!(acks.give_up(&"ben".to_owned(), &id(2)), None, "told once");
}

#[test]
fn what_is_told_of_an_unknown_packet_names_theirs_and_ours() {
    let mut acks = ann(&[(1, "ann ben")]);
    let _ = ack(&mut acks, "ben", 2);
    let told = acks.give_up(&"ben".to_owned(), &id(2)).expect("it never came").to_string();
    let expected = format!("they accepted {}, which we never saw; our latest is {}", id(2), id(1));
    assert_eq!(told, expected);
}

#[test]
fn what_is_held_for_another_packet_stays_held() {
    let mut acks = ann(&[(1, "ann ben")]);
    assert_eq!(ack(&mut acks, "ben", 3), AckVerdict::Unknown);
    assert_eq!(acks.accepted(id(2), hash(2), &names("ann ben")), []);
    let verdicts = acks.accepted(id(3), hash(3), &names("ann ben"));
    assert_eq!(verdicts, [("ben".to_owned(), AckVerdict::Match)]);
    assert_eq!(missing(&acks, 2), "");
}

#[test]
fn what_is_held_is_bounded_and_the_first_deadline_stands() {
    let mut acks = ann(&[(1, "ann ben")]);
    for number in 0..8 {
        assert_eq!(ack(&mut acks, "ben", 100 + number), AckVerdict::Unknown);
    }
    for number in 8..100 {
        assert_eq!(ack(&mut acks, "ben", 100 + number), AckVerdict::Waiting);
    }
    assert!(acks.give_up(&"ben".to_owned(), &id(100)).is_some());
}

#[test]
fn what_is_remembered_is_bounded() {
    let mut acks = ann(&[(1, "ann ben")]);
    for number in 2..=257 {
        acks.accepted(id(number), hash(number), &names("ann ben"));
    }
    assert_eq!(missing(&acks, 1), "", "nobody is missing at what is forgotten");
    assert_eq!(missing(&acks, 2), "ben");
    assert_eq!(ack(&mut acks, "ben", 1), AckVerdict::Unknown);
    assert_eq!(ack(&mut acks, "ben", 2), AckVerdict::Match);
    assert_eq!(ack(&mut acks, "ben", 257), AckVerdict::Match);
    assert_eq!(missing(&acks, 256), "");
}

#[test]
fn places_that_nobody_names_any_more_are_forgotten() {
    let mut acks = ann(&[(1, "ann ben"), (2, "ann ben"), (3, "ann ben"), (4, "ann ben")]);
    acks.forget_before(&[id(3), id(9)]);
    acks.forget_before(&[]);
    assert_eq!(acks.remembered(), 4, "one of them may be older than all");
    acks.forget_before(&[id(3), id(2)]);
    assert_eq!(acks.remembered(), 3);
    assert_eq!((missing(&acks, 1), missing(&acks, 2)), (String::new(), "ben".to_owned()));
    acks.forget_before(&[id(3)]);
    assert_eq!(missing(&acks, 3), "ben", "who has not acked what is forgotten misses this too");
    assert_eq!(ack(&mut acks, "ben", 3), AckVerdict::Match, "numbers are as they were");
    assert_eq!((missing(&acks, 3), missing(&acks, 4)), (String::new(), "ben".to_owned()));
    assert_eq!(ack(&mut acks, "ben", 3), AckVerdict::Covered);
    assert_eq!(ack(&mut acks, "ben", 1), AckVerdict::Unknown);
    assert_eq!(acks.accepted(id(5), hash(5), &names("ann ben")), []);
    assert_eq!(missing(&acks, 5), "ben");
    assert_eq!(ack(&mut acks, "ben", 5), AckVerdict::Match);
}

#[test]
fn ours_is_attached_until_one_that_carries_it_is_fully_acked() {
    let mut acks = ann(&[]);
    assert_eq!(acks.to_attach(), None);
    acks.accepted(id(1), hash(1), &names("ann ben"));
    assert_eq!(acks.to_attach(), Some((id(1), hash(1))));
    assert!(acks.needs_carrier());
    assert!(!acks.on_fully_acked(&7), "a message that was written before");
    acks.carried(8);
    assert!(!acks.needs_carrier());
    acks.carried(9);
    assert_eq!(acks.to_attach(), Some((id(1), hash(1))), "until it is known to have arrived");
    assert!(!acks.on_fully_acked(&7));
    assert!(acks.on_fully_acked(&8), "the first one that carried it");
    assert_eq!(acks.to_attach(), None);
    assert!(!acks.on_fully_acked(&9) && !acks.needs_carrier());
}

#[test]
fn ours_starts_anew_with_every_operation() {
    let mut acks = ann(&[(1, "ann ben")]);
    acks.carried(8);
    // One that failed, too: the sub-session is the same, but the message did not say this.
    acks.accepted(id(2), hash(2), &names("ann ben"));
    assert!(acks.needs_carrier());
    assert!(!acks.on_fully_acked(&8));
    assert_eq!(acks.to_attach(), Some((id(2), hash(2))));
}

#[test]
fn alone_there_is_nobody_to_write_to() {
    let acks = ann(&[(1, "ann")]);
    assert!(!acks.needs_carrier());
    assert_eq!(missing(&acks, 1), "");
}

#[test]
fn so_22_who_leaves_or_is_excluded_knows_nothing() {
    let mut acks = ann(&[(1, "ann ben"), (2, "ben")]);
    assert_eq!((acks.to_attach(), missing(&acks, 1)), (None, String::new()));
    acks.accepted(id(3), hash(3), &names("ann ben"));
    acks.clear();
    assert_eq!((acks.to_attach(), missing(&acks, 3)), (None, String::new()));
    assert_eq!(ack(&mut acks, "ben", 3), AckVerdict::NotExpected);
}

/// What the server does in a random run.
#[derive(Clone, Debug)]
enum Step {
    /// An operation ends, with these others in the session.
    Operation { others: u8, fork: bool },
    /// The member reads the order up to `lag` operations before the latest, and acks it.
    Ack { member: u8, lag: usize },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        1 => (0..16_u8, prop::bool::weighted(0.05))
            .prop_map(|(others, fork)| Step::Operation { others, fork }),
        3 => (0..4_u8, 0..4_usize).prop_map(|(member, lag)| Step::Ack { member, lag }),
    ]
}

fn other(number: u8) -> String {
    format!("m{number}")
}

proptest! {
    /// Against a model that keeps, for every operation, the set of those who have not acked it.
    #[test]
    fn every_lie_is_found_and_nobody_is_accused_falsely(
        steps in proptest::collection::vec(step(), 1..80)
    ) {
        let mut acks = Acks::new("own".to_owned());
        let mut ours: Vec<(PacketId, ChainHash)> = Vec::new();
        // The same packets after another history, which members of odd number are told.
        let mut theirs: Vec<(PacketId, ChainHash)> = Vec::new();
        let (mut ours_now, mut theirs_now) = (hash(0), hash(0));
        let mut expected: Vec<BTreeSet<String>> = Vec::new();
        let mut members: BTreeMap<String, usize> = BTreeMap::new();
        let mut liars: BTreeSet<String> = BTreeSet::new();
        for (number, step) in steps.into_iter().enumerate() {
            match step {
                Step::Operation { others, fork } => {
                    let packet = id(u16::try_from(number).unwrap());
                    ours_now = ours_now.next(&packet, EntryType::Final);
                    let told = if fork { EntryType::Abort } else { EntryType::Final };
                    theirs_now = theirs_now.next(&packet, told);
                    ours.push((packet, ours_now));
                    theirs.push((packet, theirs_now));
                    let session: BTreeSet<String> = (0..4)
                        .filter(|member| others & (1 << member) != 0)
                        .map(other)
                        .collect();
                    let mut list = vec!["own".to_owned()];
                    list.extend(session.iter().cloned());
                    prop_assert_eq!(acks.accepted(packet, ours_now, &list), []);
                    members.retain(|member, _| session.contains(member));
                    liars.retain(|member| session.contains(member));
                    for member in &session {
                        members.entry(member.clone()).or_insert(ours.len() - 1);
                    }
                    for waiting in &mut expected {
                        waiting.retain(|member| session.contains(member));
                    }
                    expected.push(session);
                }
                Step::Ack { member, lag } => {
                    let name = other(member);
                    let Some(since) = members.get(&name).copied() else { continue };
                    let at = (ours.len() - 1).saturating_sub(lag).max(since);
                    let told = if member % 2 == 1 { &theirs } else { &ours };
                    let (packet, chain_hash) = told[at];
                    let verdict = acks.on_ack(&name, packet, chain_hash);
                    if chain_hash == ours[at].1 {
                        let news = expected[at].contains(&name);
                        let wanted = if news { AckVerdict::Match } else { AckVerdict::Covered };
                        prop_assert_eq!(verdict, wanted);
                        for waiting in &mut expected[..=at] {
                            waiting.remove(&name);
                        }
                    } else {
                        let (ours, theirs) = (ours[at].1, chain_hash);
                        prop_assert_eq!(verdict, AckVerdict::Mismatch { ours, theirs });
                        liars.insert(name);
                    }
                }
            }
            for ((packet, _), waiting) in ours.iter().zip(&expected) {
                let missing: BTreeSet<String> = acks.missing(packet).cloned().collect();
                prop_assert_eq!(missing, waiting.difference(&liars).cloned().collect());
            }
            prop_assert_eq!(acks.differing().cloned().collect::<BTreeSet<_>>(), liars.clone());
        }
    }
}
