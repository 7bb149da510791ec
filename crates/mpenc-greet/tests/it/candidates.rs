//! Someone who waits to be included cannot tell a forged proposal from a true one, and runs them
//! side by side: none disturbs another, and only the true one completes.

use std::collections::BTreeSet;

use ed25519_dalek::SigningKey;
use mpenc_greet::{
    CannotConfirm, Check, Checked, CheckedInitial, CliquesGreeter, CliquesGreeting, Greeter,
    Greeting, Operation, Stage, Status,
};
use mpenc_wire::{Dialect, MemberId, Packet, unarmor};

use crate::crowd::Crowd;
use crate::mirror::Mirror;

const DIALECTS: [Dialect; 2] = [Dialect::DOCUMENT, Dialect::MPENC_JS];

/// One operation that eve runs, and what she answers in it.
struct Candidate {
    greeting: CliquesGreeting,
    /// The packets that she sends in it.
    answers: Vec<String>,
    cannot: Option<CannotConfirm>,
}

fn check_initial(
    crowd: &mut Crowd,
    sender: &str,
    text: &str,
) -> Result<CheckedInitial<<CliquesGreeter as Greeter>::Proof>, Check> {
    let (dialect, sender) = (crowd.dialect, crowd.id(sender));
    let mut buffer = Vec::new();
    let contents = unarmor(text, &mut buffer).unwrap();
    let Ok(Packet::Greeting(packet)) = Packet::decode(dialect, contents) else {
        panic!("not a greeting packet");
    };
    let eve = crowd.person("eve");
    eve.greeter.check_initial(&sender, &packet).map_err(|refused| refused.check)
}

/// Eve starts to follow a proposal.
fn follow(crowd: &mut Crowd, sender: &str, text: &str) -> Candidate {
    let checked = check_initial(crowd, sender, text).expect("nothing speaks against it");
    let eve = crowd.person("eve");
    let (greeting, step) = eve.greeter.start(&mut eve.rng, [9; 32], checked, None).unwrap();
    let cannot = match step.status {
        Status::Pending => None,
        Status::CannotConfirm(reason) => Some(reason),
        status => panic!("{status:?}"),
    };
    Candidate { greeting, answers: step.send, cannot }
}

/// Checks a packet against a candidate; gives the proof as well.
fn check(
    dialect: Dialect,
    candidate: &Candidate,
    sender: &MemberId,
    text: &str,
) -> Result<Checked<<CliquesGreeting as Greeting>::Proof>, Check> {
    let mut buffer = Vec::new();
    let contents = unarmor(text, &mut buffer).unwrap();
    let Ok(Packet::Greeting(packet)) = Packet::decode(dialect, contents) else {
        panic!("not a greeting packet");
    };
    candidate.greeting.check(sender, &packet).map_err(|refused| refused.check)
}

/// The packet by which `by` proposes to include or establish; eve does not see it yet.
fn proposal(crowd: &mut Crowd, by: &str, operation: Operation, targets: &[&str]) -> String {
    crowd.propose(by, operation, targets);
    crowd.person(by).outbox.front().expect("a proposal").clone()
}

/// Mal says that he and ann are a group, and that they include eve: with keys of his own making,
/// and, to look as true as can be, with all that an outsider can know.
fn forged(crowd: &mut Crowd, like: &Mirror, number: u8) -> String {
    let key = SigningKey::from_bytes(&[number; 32]);
    let other = SigningKey::from_bytes(&[number ^ 0x80; 32]);
    let mut forged = like.clone();
    forged.source = crowd.id("mal");
    forged.members[1] = crowd.id("mal");
    forged.pub_keys = vec![other.verifying_key().to_bytes(), key.verifying_key().to_bytes()];
    forged.nonces = vec![[number; 32], [number ^ 0x80; 32]];
    forged.sign(&key)
}

/// What eve has drawn for an operation, as far as her answer shows it. Of the intermediate keys, any
/// but her own has her contribution in it.
fn drawn(crowd: &Crowd, candidate: &Candidate) -> [[u8; 32]; 3] {
    let answer = Mirror::of(crowd.dialect, &candidate.answers[0]);
    [answer.int_keys[0], *answer.nonces.last().unwrap(), *answer.pub_keys.last().unwrap()]
}

#[test]
fn several_run_side_by_side_and_the_true_one_completes() {
    for dialect in DIALECTS {
        let mut crowd = Crowd::established(dialect, &["ann", "ben", "dan", "eve", "mal"], 2);
        let include = proposal(&mut crowd, "ann", Operation::Include, &["eve"]);
        let establish = proposal(&mut crowd, "dan", Operation::Establish, &["eve"]);
        let like = Mirror::of(dialect, &include);
        let lies = [1, 2].map(|number| forged(&mut crowd, &like, number));
        let mut candidates = vec![
            follow(&mut crowd, "mal", &lies[0]),
            follow(&mut crowd, "dan", &establish),
            follow(&mut crowd, "ann", &include),
            follow(&mut crowd, "mal", &lies[1]),
        ];
        let true_one = 2;

        // Nothing that was drawn for one is in another.
        let secrets: BTreeSet<_> =
            candidates.iter().flat_map(|candidate| drawn(&crowd, candidate)).collect();
        assert_eq!(secrets.len(), 3 * candidates.len());
        assert!(candidates.iter().all(|candidate| candidate.cannot.is_none()));
        let eve = crowd.person("eve").greeter.clone();
        assert_eq!(eve.members(), [eve.own_id().clone()], "and nothing is in force");

        // All of eve's answers reach the channel; each is taken by the operation that it is of.
        let eve_id = crowd.id("eve");
        for (of, candidate) in candidates.iter().enumerate() {
            for (by, other) in candidates.iter().enumerate() {
                let verdict = check(dialect, other, &eve_id, &candidate.answers[0]);
                assert_eq!(verdict.is_ok(), of == by, "{of} {by}: {verdict:?}");
            }
        }

        // The group runs the true one to its end.
        let eve_answers = candidates[true_one].answers.clone();
        crowd.person("ann").outbox.clear();
        let ann = crowd.id("ann");
        for name in ["ann", "ben"] {
            assert_eq!(crowd.person(name).receive(&ann, &include), Ok(Stage::Middle));
        }
        let mut packets = vec![(eve_id.clone(), eve_answers[0].clone())];
        let mut joined = None;
        while let Some((sender, text)) = packets.pop() {
            for name in ["ann", "ben"] {
                let person = crowd.person(name);
                if person.receive(&sender, &text).is_ok() {
                    let id = person.greeter.own_id().clone();
                    let answers = crowd.person(name).outbox.drain(..).collect::<Vec<_>>();
                    packets.extend(answers.into_iter().map(|text| (id.clone(), text)));
                }
            }
            for (at, candidate) in candidates.iter_mut().enumerate() {
                let Ok(checked) = check(dialect, candidate, &sender, &text) else {
                    assert_ne!(at, true_one);
                    continue;
                };
                assert_eq!(at, true_one, "a packet of the group is of the true operation only");
                let eve = crowd.person("eve");
                let step = candidate.greeting.apply(&mut eve.rng, checked).unwrap();
                packets.extend(step.send.into_iter().map(|text| (eve_id.clone(), text)));
                if let Status::Completed(completed) = step.status {
                    joined = Some(completed);
                }
            }
        }
        drop(candidates);
        let completed = joined.expect("complete");
        let eve = crowd.person("eve");
        eve.greeter.adopt(completed.result);
        eve.keys = completed.keys;
        crowd.assert_group(&["ann", "ben", "eve"]);
        // She is a member like any other.
        crowd.person("dan").end();
        crowd.run("eve", Operation::Refresh, &[]);
        crowd.assert_group(&["ann", "ben", "eve"]);
    }
}

#[test]
fn a_hundred_forged_proposals_leave_no_trace() {
    let mut crowd = Crowd::established(Dialect::DOCUMENT, &["ann", "ben", "eve", "mal"], 2);
    let include = proposal(&mut crowd, "ann", Operation::Include, &["eve"]);
    let like = Mirror::of(crowd.dialect, &include);
    let mut newest = None;
    let mut seen = BTreeSet::new();
    for number in 1..=100 {
        let text = forged(&mut crowd, &like, number);
        let candidate = follow(&mut crowd, "mal", &text);
        assert!(drawn(&crowd, &candidate).iter().all(|value| seen.insert(*value)), "drawn anew");
        // It replaces the one before it, which is dropped.
        newest = Some(candidate);
    }
    // Ann never confirms, and nobody can in her name: the most that mal can send is his own part.
    let newest = newest.unwrap();
    let awaited = newest.greeting.progress().awaited;
    assert_eq!(awaited, [crowd.id("eve")], "it waits for the echo of what eve has sent");
    let eve = crowd.person("eve");
    assert_eq!(eve.greeter.members(), [eve.greeter.own_id().clone()]);
    assert!(eve.greeter.keys().is_none());
    crowd.settle();
    crowd.assert_group(&["ann", "ben", "eve"]);
}

#[test]
fn who_names_a_stranger_cannot_be_confirmed() {
    let mut crowd = Crowd::established(Dialect::DOCUMENT, &["ann", "ben", "eve"], 2);
    let include = proposal(&mut crowd, "ann", Operation::Include, &["eve"]);
    let like = Mirror::of(crowd.dialect, &include);
    // Nobody knows mal here: eve says so, and has drawn and answered nothing.
    let text = forged(&mut crowd, &like, 1);
    let candidate = follow(&mut crowd, "mal", &text);
    assert_eq!(candidate.cannot, Some(CannotConfirm::NoIdentityKey(crowd.id("mal"))));
    assert!(candidate.answers.is_empty());
}
