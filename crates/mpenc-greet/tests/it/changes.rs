//! What a caller does: proposals, aborts, failures, and what can be asked.

use std::collections::BTreeMap;
use std::sync::Arc;

use mpenc_greet::{
    CannotConfirm, Change, Check, CliquesGreeter, Greeter, Greeting, Identities, IdentitySigner,
    Operation, ProposeError, SignerFailed,
};
use mpenc_wire::{
    Dialect, EncodeError, MAX_CONTENTS, MAX_MEMBER_ID, MAX_MEMBERS, MemberId, Packet, RecordType,
    unarmor,
};

use crate::crowd::{Crowd, identity, order};

const DIALECT: Dialect = Dialect::DOCUMENT;
const DIALECTS: [Dialect; 2] = [Dialect::DOCUMENT, Dialect::MPENC_JS];

#[test]
fn every_operation_in_both_dialects() {
    for dialect in DIALECTS {
        let names = ["ann", "ben", "cat", "dan", "eve"];
        let mut crowd = Crowd::established(dialect, &names, 2);
        crowd.assert_group(&["ann", "ben"]);
        crowd.run("ben", Operation::Include, &["eve", "cat", "dan"]);
        crowd.assert_group(&["ann", "ben", "cat", "dan", "eve"]);
        crowd.run("dan", Operation::Refresh, &[]);
        crowd.assert_group(&names);
        crowd.run("cat", Operation::Exclude, &["ann", "dan"]);
        crowd.assert_group(&["ben", "cat", "eve"]);
        for gone in ["ann", "dan"] {
            assert!(crowd.person(gone).keys.is_none());
            assert_eq!(crowd.person(gone).greeter.agreed().count(), 0);
        }
        crowd.run("eve", Operation::Include, &["ann"]);
        crowd.assert_group(&["ben", "cat", "eve", "ann"]);
        crowd.run("cat", Operation::Exclude, &["ann", "ben", "eve"]);
        for name in ["ann", "ben", "cat", "eve"] {
            let person = crowd.person(name);
            assert!(person.keys.is_none());
            assert_eq!(person.greeter.members(), [person.greeter.own_id().clone()]);
        }
        crowd.run("cat", Operation::Establish, &["ben"]);
        crowd.assert_group(&["cat", "ben"]);
    }
}

#[test]
fn keys_change_with_every_operation_but_the_session_id_stays_in_a_refresh() {
    let mut crowd = Crowd::established(DIALECT, &["ann", "ben", "cat"], 2);
    let keys = |crowd: &mut Crowd| crowd.person("ann").keys.clone().unwrap();
    let first = keys(&mut crowd);
    crowd.run("ben", Operation::Refresh, &[]);
    let refreshed = keys(&mut crowd);
    assert_eq!(refreshed.session_id(), first.session_id());
    assert_ne!(refreshed.group_key(), first.group_key());
    assert_eq!(refreshed.members(), first.members());
    crowd.run("ann", Operation::Include, &["cat"]);
    let included = keys(&mut crowd);
    assert_ne!(included.session_id(), refreshed.session_id());
    assert_ne!(included.group_key(), refreshed.group_key());
    // The ephemeral key is kept while its owner stays.
    assert_eq!(included.members()[..2], first.members()[..]);
}

#[test]
fn misuse_is_refused_before_anything_is_drawn() {
    let mut crowd = Crowd::established(DIALECT, &["ann", "ben", "cat"], 2);
    let (ann, ben, cat) = (crowd.id("ann"), crowd.id("ben"), crowd.id("cat"));
    let eve = crowd.id("eve");
    let many: Vec<_> = (0..MAX_MEMBERS).map(|number| crowd.id(&format!("m{number}"))).collect();
    let too_many = ProposeError::Encode(EncodeError::TooMany(RecordType::MEMBER));
    let cases: [(Change<'_>, ProposeError); 11] = [
        (Change::Include(&[]), ProposeError::NobodyNamed),
        (Change::Exclude(&[]), ProposeError::NobodyNamed),
        (Change::Exclude(std::slice::from_ref(&ann)), ProposeError::NamesUs),
        (Change::Include(&[cat.clone(), ann.clone()]), ProposeError::NamesUs),
        (Change::Include(&[cat.clone(), cat.clone()]), ProposeError::NamedTwice(cat.clone())),
        (Change::Include(&[cat.clone(), ben.clone()]), ProposeError::AlreadyMember(ben.clone())),
        (Change::Exclude(&[ben.clone(), cat.clone()]), ProposeError::NotMember(cat.clone())),
        (Change::Include(std::slice::from_ref(&eve)), ProposeError::NoIdentityKey(eve.clone())),
        (Change::Include(&many), too_many.clone()),
        // There are two already: so many more are one too many; one less are as many as there may be.
        (Change::Include(&many[..MAX_MEMBERS - 1]), too_many),
        (Change::Include(&many[..MAX_MEMBERS - 2]), ProposeError::NoIdentityKey(many[0].clone())),
    ];
    let greeter = crowd.person("ann").greeter.clone();
    let mut nothing = crate::draws::Draws::default();
    for (change, expected) in cases {
        assert_eq!(greeter.check_change(change), Err(expected.clone()));
        assert_eq!(greeter.propose(&mut nothing, change, order()).unwrap_err(), expected);
    }
    let alone = crowd.person("cat").greeter.clone();
    assert_eq!(alone.check_change(Change::Refresh), Err(ProposeError::Alone));
    assert_eq!(
        alone.check_change(Change::Exclude(std::slice::from_ref(&ann))),
        Err(ProposeError::NotMember(ann))
    );
    assert!(greeter.check_change(Change::Refresh).is_ok());
    assert!(greeter.check_change(Change::Exclude(&[ben])).is_ok());
    assert!(greeter.check_change(Change::Include(&[cat])).is_ok());
}

/// A greeter for somebody of the crowd who knows only these, and signs with that.
fn replace(
    crowd: &mut Crowd,
    name: &str,
    knows: &[&str],
    signer: Arc<dyn IdentitySigner + Send + Sync>,
) {
    let known: BTreeMap<MemberId, [u8; 32]> =
        knows.iter().map(|name| (crowd.id(name), identity(name).public_key())).collect();
    let (dialect, own) = (crowd.dialect, crowd.id(name));
    let known: Arc<dyn Identities + Send + Sync> = Arc::new(known);
    crowd.person(name).greeter = CliquesGreeter::new(dialect, own, signer, known);
}

/// What an operation leads to is known while confirmations are awaited, and to members only.
#[test]
fn the_keys_are_known_before_the_last_confirm() {
    let names = ["ann", "ben", "cat", "dan"];
    let mut crowd = Crowd::established(Dialect::DOCUMENT, &names, 4);
    crowd.propose("ann", Operation::Exclude, &["dan"]);
    let mut expected = BTreeMap::new();
    while let Some((sender, text)) = crowd.next_packet() {
        crowd.deliver(&sender, &text);
        for (id, person) in &crowd.people {
            if let Some(keys) = person.greeting.as_ref().and_then(Greeting::keys_if_confirmed) {
                expected.insert(id.clone(), (*keys.group_key(), *keys.session_id()));
            }
        }
    }
    let ids = crowd.ids(&["ann", "ben", "cat"]);
    assert!(expected.keys().eq(&ids), "{:?}", expected.keys());
    for (id, expected) in expected {
        let keys = crowd.people[&id].keys.as_ref().unwrap();
        assert_eq!((*keys.group_key(), *keys.session_id()), expected, "{id}");
    }
}

#[test]
fn without_an_identity_key_nothing_is_confirmed() {
    for dialect in DIALECTS {
        // ben, in the middle, does not know cat; or cat, the last, does not know ben.
        for (name, knows, stranger) in
            [("ben", ["ann", "ben"], "cat"), ("cat", ["ann", "cat"], "ben")]
        {
            let mut crowd = Crowd::new(dialect, &["ann", "ben", "cat"]);
            replace(&mut crowd, name, &knows, identity(name).into_signer());
            crowd.run("ann", Operation::Establish, &["ben", "cat"]);
            let stranger = crowd.id(stranger);
            assert!(!crowd.person(name).greeter.knows_identity(&stranger));
            let expected = CannotConfirm::NoIdentityKey(stranger.clone());
            assert_eq!(expected.to_string(), format!("no identity key is known for {stranger}"));
            assert_eq!(crowd.person(name).cannot, Some(expected));
            let own = crowd.id(name);
            for person in crowd.people.values() {
                assert_eq!(person.completed, 0);
                let progress = person.greeting.as_ref().unwrap().progress();
                assert!(progress.awaited.contains(&own), "all wait for {own}");
                assert!(!progress.confirmed.contains(&own));
            }
        }
    }
}

#[test]
fn a_weak_identity_key_is_none() {
    let mut crowd = Crowd::new(DIALECT, &["ann", "ben"]);
    let ben = crowd.id("ben");
    let mut weak = [0; 32];
    weak[0] = 1;
    let known: Arc<dyn Identities + Send + Sync> = Arc::new(BTreeMap::from([(ben.clone(), weak)]));
    let ann = crowd.id("ann");
    let greeter = CliquesGreeter::new(DIALECT, ann, identity("ann").into_signer(), known);
    assert!(!greeter.knows_identity(&ben));
    let change = greeter.check_change(Change::Include(std::slice::from_ref(&ben)));
    assert_eq!(change, Err(ProposeError::NoIdentityKey(ben)));
    let person = crowd.person("ann");
    assert!(person.greeter.knows_identity(&person.greeter.own_id().clone()));
}

struct Unplugged;

impl IdentitySigner for Unplugged {
    fn sign(&self, _: &[u8]) -> Result<[u8; 64], SignerFailed> {
        Err(SignerFailed)
    }
}

#[test]
fn a_signer_that_fails_confirms_nothing() {
    for name in ["ann", "ben", "cat"] {
        let mut crowd = Crowd::new(DIALECT, &["ann", "ben", "cat"]);
        replace(&mut crowd, name, &["ann", "ben", "cat"], Arc::new(Unplugged));
        crowd.run("ann", Operation::Establish, &["ben", "cat"]);
        assert_eq!(crowd.person(name).cannot, Some(CannotConfirm::SignerFailed));
        assert!(crowd.people.values().all(|person| person.completed == 0));
        // The initiator and the middle one have shown their keys, so they can say why.
        let greeting = crowd.person(name).greeting.clone().unwrap();
        assert_eq!(greeting.encode_abort("no token").is_some(), name != "cat");
    }
    let mut crowd = Crowd::established(DIALECT, &["ann", "ben"], 2);
    // An exclude carries our session signature at once.
    let mut unplugged = Crowd::new(DIALECT, &["ann", "ben"]);
    replace(&mut unplugged, "ann", &["ben"], Arc::new(SignsOnce::default()));
    unplugged.run("ann", Operation::Establish, &["ben"]);
    let ben = crowd.id("ben");
    let person = unplugged.person("ann");
    let change = Change::Exclude(std::slice::from_ref(&ben));
    let error = person.greeter.propose(&mut person.rng, change, order()).unwrap_err();
    assert_eq!(error, ProposeError::SignerFailed);
    crowd.assert_group(&["ann", "ben"]);
}

#[derive(Default)]
struct SignsOnce(std::sync::atomic::AtomicBool);

impl IdentitySigner for SignsOnce {
    fn sign(&self, message: &[u8]) -> Result<[u8; 64], SignerFailed> {
        if self.0.swap(true, std::sync::atomic::Ordering::SeqCst) {
            return Err(SignerFailed);
        }
        identity("ann").sign(message)
    }
}

/// What everybody says to an abort.
fn abort_check(crowd: &Crowd, at: &str, sender: &str, text: &str) -> Result<(), Check> {
    let mut buffer = Vec::new();
    let contents = unarmor(text, &mut buffer).unwrap();
    let Ok(Packet::Abort(packet)) = Packet::decode(crowd.dialect, contents) else {
        panic!("not an abort packet");
    };
    let greeting = crowd.people[&crowd.id(at)].greeting.as_ref().unwrap();
    greeting.check_abort(&crowd.id(sender), &packet).map_err(|refused| refused.check)
}

#[test]
fn who_may_abort() {
    let names = ["ann", "ben", "cat", "dan", "eve"];
    let mut crowd = Crowd::established(DIALECT, &names, 3);
    crowd.propose("ann", Operation::Include, &["dan", "eve"]);
    let (sender, text) = crowd.next_packet().unwrap();
    crowd.deliver(&sender, &text);
    let greeting =
        |crowd: &Crowd, name: &str| crowd.people[&crowd.id(name)].greeting.clone().unwrap();
    // Old members may; joiners once their keys have appeared.
    for name in ["ann", "ben", "cat"] {
        let abort = greeting(&crowd, name).encode_abort("by hand").unwrap();
        for at in names {
            assert_eq!(abort_check(&crowd, at, name, &abort), Ok(()));
            let other = crowd.id("dan");
            assert_eq!(
                abort_check(&crowd, at, "dan", &abort),
                Err(Check::SenderIsNotSource { sender: other })
            );
        }
    }
    assert_eq!(greeting(&crowd, "dan").encode_abort("too early"), None);
    let (sender, text) = crowd.next_packet().unwrap();
    crowd.deliver(&sender, &text);
    let abort = greeting(&crowd, "dan").encode_abort("now").unwrap();
    assert!(names.iter().all(|at| abort_check(&crowd, at, "dan", &abort).is_ok()));
    assert_eq!(greeting(&crowd, "eve").encode_abort("too early"), None);
    crowd.settle();
    crowd.assert_group(&names);

    // Of another operation.
    crowd.person("ann").initial_id = [8; 32];
    crowd.propose("ann", Operation::Exclude, &["eve"]);
    let (sender, text) = crowd.next_packet().unwrap();
    crowd.deliver(&sender, &text);
    assert_eq!(
        abort_check(&crowd, "ann", "ben", &abort_of(&crowd, "ben")),
        Err(Check::AbortsAnother)
    );
    // The excluded may not, and cannot.
    assert_eq!(greeting(&crowd, "eve").encode_abort("no!"), None);
    // A long reason is cut where a character ends.
    let long = greeting(&crowd, "ben").encode_abort(&"ü".repeat(200)).unwrap();
    assert_eq!(abort_check(&crowd, "eve", "ben", &long), Ok(()));
    // MpencJs has none.
    let mut other = Crowd::new(Dialect::MPENC_JS, &["ann", "ben"]);
    other.propose("ann", Operation::Establish, &["ben"]);
    let (sender, text) = other.next_packet().unwrap();
    other.deliver(&sender, &text);
    assert_eq!(greeting(&other, "ann").encode_abort("?"), None);
}

fn abort_of(crowd: &Crowd, name: &str) -> String {
    crowd.people[&crowd.id(name)].greeting.as_ref().unwrap().encode_abort("").unwrap()
}

#[test]
fn progress_says_who_is_awaited() {
    let mut crowd = Crowd::new(DIALECT, &["ann", "ben", "cat"]);
    let (ann, ben, cat) = (crowd.id("ann"), crowd.id("ben"), crowd.id("cat"));
    crowd.propose("ann", Operation::Establish, &["ben", "cat"]);
    let all = vec![ann.clone(), ben.clone(), cat.clone()];
    let expected = [
        (vec![ann.clone()], vec![], vec![ben.clone()]),
        (vec![ann.clone(), ben.clone()], vec![], vec![cat.clone()]),
        (all.clone(), vec![cat.clone()], vec![ann.clone(), ben.clone()]),
        (all.clone(), vec![ann.clone(), cat.clone()], vec![ben.clone()]),
    ];
    for (contributed, confirmed, awaited) in expected {
        let (sender, text) = crowd.next_packet().unwrap();
        crowd.deliver(&sender, &text);
        for person in crowd.people.values() {
            let greeting = person.greeting.as_ref().unwrap();
            assert_eq!(greeting.initial().members, all);
            let progress = greeting.progress();
            assert_eq!(progress.contributed, contributed);
            assert_eq!(progress.confirmed, confirmed);
            assert_eq!(progress.awaited, awaited);
        }
    }
    crowd.settle();
    crowd.assert_group(&["ann", "ben", "cat"]);
}

#[test]
fn renewals_are_counted_as_far_as_they_were_seen() {
    let mut crowd = Crowd::established(DIALECT, &["ann", "ben", "cat", "dan"], 3);
    let ages = |crowd: &mut Crowd, name: &str| -> Vec<Option<u32>> {
        let greeter = &crowd.person(name).greeter;
        // The same, asked of each.
        assert!(greeter.renewals().all(|(id, age)| greeter.since_renewal(id) == age));
        greeter.renewals().map(|(_, age)| age).collect()
    };
    assert_eq!(ages(&mut crowd, "ann"), [Some(0), Some(0), Some(0)]);
    crowd.run("ben", Operation::Refresh, &[]);
    assert_eq!(ages(&mut crowd, "ann"), [Some(1), Some(0), Some(1)]);
    crowd.run("cat", Operation::Include, &["dan"]);
    assert_eq!(ages(&mut crowd, "ann"), [Some(2), Some(1), Some(0), Some(0)]);
    // The joiner has seen nothing of the others but the initiator.
    assert_eq!(ages(&mut crowd, "dan"), [None, None, Some(0), Some(0)]);
    crowd.run("ann", Operation::Exclude, &["ben"]);
    assert_eq!(ages(&mut crowd, "ann"), [Some(0), Some(1), Some(1)]);
    assert_eq!(ages(&mut crowd, "dan"), [Some(0), Some(1), Some(1)]);
    assert_eq!(ages(&mut crowd, "ben"), []);
    let ben = crowd.id("ben");
    assert_eq!(crowd.person("ann").greeter.since_renewal(&ben), None);
}

/// Whoever proposes is told of it what everybody reads in it.
#[test]
fn a_proposal_says_the_same_to_all() {
    for dialect in DIALECTS {
        let mut crowd = Crowd::established(dialect, &["ann", "ben", "cat", "dan"], 3);
        for (operation, targets, single) in [
            (Operation::Include, &["dan"][..], false),
            (Operation::Exclude, &["cat"], false),
            (Operation::Exclude, &["ben", "cat"], true),
            (Operation::Refresh, &[], true),
        ] {
            let proposed = crowd.propose("ann", operation, targets);
            let person = crowd.person("ann");
            person.draft = None;
            let text = person.outbox.pop_front().unwrap();
            let mut buffer = Vec::new();
            let contents = unarmor(&text, &mut buffer).unwrap();
            let Ok(Packet::Greeting(packet)) = Packet::decode(dialect, contents) else {
                panic!("not a greeting packet");
            };
            let ann = crowd.id("ann");
            let checked = crowd.person("ben").greeter.check_initial(&ann, &packet).unwrap();
            assert_eq!(checked.initial, proposed);
            assert_eq!(proposed.single, single, "{operation}");
        }
    }
}

#[test]
fn a_clone_goes_its_own_way() {
    let mut crowd = Crowd::established(DIALECT, &["ann", "ben"], 2);
    let before = crowd.person("ann").clone();
    crowd.run("ben", Operation::Refresh, &[]);
    let after = crowd.person("ann").keys.clone().unwrap();
    assert_ne!(before.greeter.keys().unwrap().group_key(), after.group_key());
    crowd.person("ann").leave();
    assert!(crowd.person("ann").greeter.keys().is_none());
    assert!(before.greeter.keys().is_some());
}

#[test]
fn drafts_and_proofs_go_where_they_belong() {
    let mut crowd = Crowd::established(DIALECT, &["ann", "ben", "cat", "dan"], 3);
    let ann = crowd.person("ann").clone();
    let mut rng = ann.rng.clone();
    let proposal = ann.greeter.propose(&mut rng, Change::Refresh, order()).unwrap();
    let id = ann.greeter.own_id().clone();
    let check = |greeter: &CliquesGreeter| {
        let mut buffer = Vec::new();
        let contents = unarmor(&proposal.packet, &mut buffer).unwrap();
        let Ok(Packet::Greeting(packet)) = Packet::decode(DIALECT, contents) else {
            panic!("not a greeting packet");
        };
        greeter.check_initial(&id, &packet).unwrap()
    };
    let checked = check(&ann.greeter);
    assert_eq!(checked.initial, proposal.initial);
    assert!(checked.initial.single);
    // Our own proposal without its draft, and another's with one.
    assert!(ann.greeter.start(&mut rng, [7; 32], checked, None).is_err());
    let ben = crowd.person("ben").clone();
    let draft = Some(proposal.draft.clone());
    assert!(ben.greeter.start(&mut rng, [7; 32], check(&ben.greeter), draft).is_err());

    // The draft of another proposal of ours.
    let dan = crowd.id("dan");
    let change = Change::Include(std::slice::from_ref(&dan));
    let [first, second] = [(); 2].map(|()| ann.greeter.propose(&mut rng, change, order()).unwrap());
    let mut buffer = Vec::new();
    let contents = unarmor(&first.packet, &mut buffer).unwrap();
    let Ok(Packet::Greeting(packet)) = Packet::decode(DIALECT, contents) else {
        panic!("not a greeting packet");
    };
    for (draft, fits) in [(second.draft, false), (first.draft, true)] {
        let checked = ann.greeter.check_initial(&id, &packet).unwrap();
        let started = ann.greeter.start(&mut rng, [7; 32], checked, Some(draft));
        assert_eq!(started.is_ok(), fits);
    }

    // A proof of an older state, in which the same packet would still be awaited.
    let mut four = Crowd::established(DIALECT, &["ann", "ben", "cat", "dan"], 4);
    four.propose("ann", Operation::Exclude, &["dan"]);
    let (sender, text) = four.next_packet().unwrap();
    four.deliver(&sender, &text);
    let mut greeting = four.person("dan").greeting.clone().unwrap();
    let checked = ["ben", "cat"].map(|name| {
        let text = four.person(name).outbox.pop_front().unwrap();
        let mut buffer = Vec::new();
        let contents = unarmor(&text, &mut buffer).unwrap();
        let Ok(Packet::Greeting(packet)) = Packet::decode(DIALECT, contents) else {
            panic!("not a greeting packet");
        };
        greeting.check(&four.id(name), &packet).unwrap()
    });
    let applied = checked.map(|checked| greeting.apply(&mut rng, checked).is_ok());
    assert_eq!(applied, [true, false]);

    // And one of a state that is over.
    crowd.propose("ann", Operation::Exclude, &["cat"]);
    let (sender, text) = crowd.next_packet().unwrap();
    crowd.deliver(&sender, &text);
    let (sender, text) = crowd.next_packet().unwrap();
    let mut buffer = Vec::new();
    let contents = unarmor(&text, &mut buffer).unwrap();
    let Ok(Packet::Greeting(packet)) = Packet::decode(DIALECT, contents) else {
        panic!("not a greeting packet");
    };
    let mut greeting = crowd.person("cat").greeting.clone().unwrap();
    let (first, second) =
        (greeting.check(&sender, &packet).unwrap(), greeting.check(&sender, &packet).unwrap());
    assert!(greeting.apply(&mut rng, first).is_ok());
    assert!(greeting.apply(&mut rng, second).is_err());
    assert!(greeting.check(&sender, &packet).unwrap_err().is_duplicate());
    assert!(greeting.progress().awaited.is_empty());
}

#[test]
fn packets_for_others_are_not_for_us() {
    for dialect in DIALECTS {
        let mut crowd = Crowd::established(dialect, &["ann", "ben", "cat", "dan", "eve"], 3);
        let check = |crowd: &mut Crowd, name: &str, text: &str| {
            let ben = crowd.id("ben");
            crowd.person(name).receive(&ben, text).map_err(|refused| refused.check)
        };
        crowd.propose("ben", Operation::Include, &["dan"]);
        let include = crowd.person("ben").outbox.pop_back().unwrap();
        assert_eq!(check(&mut crowd, "eve", &include), Err(Check::NotForUs));
        crowd.propose("ben", Operation::Refresh, &[]);
        let refresh = crowd.person("ben").outbox.pop_back().unwrap();
        assert_eq!(check(&mut crowd, "eve", &refresh), Err(Check::NotForUs));
        // A member who has lost the session knows of no group.
        crowd.person("cat").leave();
        assert_eq!(check(&mut crowd, "cat", &refresh), Err(Check::NoGroup));
        assert_eq!(check(&mut crowd, "cat", &include), Err(Check::Members));
        // A confirm starts nothing.
        crowd.person("ben").end();
        crowd.propose("ann", Operation::Exclude, &["cat"]);
        let (ann, text) = crowd.next_packet().unwrap();
        let ben = crowd.person("ben");
        assert!(ben.receive(&ann, &text).is_ok());
        let confirm = ben.outbox.pop_front().unwrap();
        assert_eq!(check(&mut crowd, "ann", &confirm), Err(Check::NotInitial));
    }
}

#[test]
fn an_answer_that_fits_into_no_packet() {
    // So many members with such long ids that the initiator's packet just fits.
    let key = identity("ann").public_key();
    let propose = |filler: usize| {
        let mut ids = vec![MemberId::new(DIALECT, "ann").unwrap()];
        let long = |number: usize| format!("{number:04}{}", "x".repeat(MAX_MEMBER_ID - 4));
        ids.extend((0..1019).map(|number| MemberId::new(DIALECT, &long(number)).unwrap()));
        ids.push(MemberId::new(DIALECT, &"z".repeat(filler)).unwrap());
        let known: BTreeMap<_, _> = ids.iter().cloned().map(|id| (id, key)).collect();
        let known: Arc<dyn Identities + Send + Sync> = Arc::new(known);
        let greeter = |id: &MemberId| {
            let signer = identity("ann").into_signer();
            CliquesGreeter::new(DIALECT, id.clone(), signer, known.clone())
        };
        let mut rng = <rand_chacha::ChaCha20Rng as rand_core::SeedableRng>::seed_from_u64(1);
        let proposal =
            greeter(&ids[0]).propose(&mut rng, Change::Include(&ids[1..]), order()).unwrap();
        let octets = unarmor(&proposal.packet, &mut Vec::new()).unwrap().len();
        (greeter(&ids[1]), ids[0].clone(), proposal, octets, rng)
    };
    let octets = propose(100).3;
    let (next, first, proposal, octets, mut rng) = propose(100 + MAX_CONTENTS - octets);
    assert_eq!(octets, MAX_CONTENTS);
    let mut buffer = Vec::new();
    let contents = unarmor(&proposal.packet, &mut buffer).unwrap();
    let Ok(Packet::Greeting(packet)) = Packet::decode(DIALECT, contents) else {
        panic!("not a greeting packet");
    };
    let checked = next.check_initial(&first, &packet).unwrap();
    let (_, step) = next.start(&mut rng, [7; 32], checked, None).unwrap();
    let mpenc_greet::Status::CannotConfirm(reason) = step.status else {
        panic!("{:?}", step.status);
    };
    assert_eq!(reason, CannotConfirm::TooLarge);
    assert!(step.send.is_empty());
}
