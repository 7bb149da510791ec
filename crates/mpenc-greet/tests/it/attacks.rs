//! The adversarial plan, by its numbers, in both dialects: what a server, a member or an outsider
//! sends is refused by the right check, and what an honest member sends is still taken after it.

use ed25519_dalek::SigningKey;
use mpenc_greet::{CannotConfirm, Check, Greeter, Greeting, KeyFault, List, Operation, Refused};
use mpenc_wire::{Dialect, GreetType, MemberId, RecordType, armor, records, unarmor};

use crate::crowd::Crowd;
use crate::mirror::{Mirror, decodes};

const DIALECTS: [Dialect; 2] = [Dialect::DOCUMENT, Dialect::MPENC_JS];
const OUTSIDER: [u8; 32] = [0x6f; 32];

/// Three in a group, one more who knows them all.
fn three(dialect: Dialect) -> Crowd {
    Crowd::established(dialect, &["ann", "ben", "cat", "dan"], 3)
}

/// What everyone in the list says to a packet; it changes nothing for anybody.
fn refused(crowd: &mut Crowd, by: &[&str], sender: &str, text: &str) -> Vec<Check> {
    let sender = crowd.id(sender);
    let mut checks = Vec::new();
    for name in by {
        let person = crowd.person(name);
        let before = person.greeting.as_ref().map(Greeting::progress);
        let sends = person.outbox.clone();
        let Refused { check, .. } = person.receive(&sender, text).expect_err(name);
        assert_eq!(person.greeting.as_ref().map(Greeting::progress), before);
        assert_eq!(person.outbox, sends, "no answer");
        checks.push(check);
    }
    checks
}

fn all_refuse(crowd: &mut Crowd, by: &[&str], sender: &str, text: &str, expected: &Check) {
    for check in refused(crowd, by, sender, text) {
        assert_eq!(check, *expected);
    }
}

/// The ephemeral key of a member of the group.
fn key_of(crowd: &mut Crowd, name: &str) -> SigningKey {
    crowd.person(name).keys.as_ref().expect("a member").signing_key().clone()
}

/// A proposal's packet, which is not sent.
fn proposal(crowd: &mut Crowd, by: &str, operation: Operation, targets: &[&str]) -> Mirror {
    crowd.propose(by, operation, targets);
    let dialect = crowd.dialect;
    let person = crowd.person(by);
    person.draft = None;
    Mirror::of(dialect, &person.outbox.pop_front().unwrap())
}

/// The next packet of a running operation, as its sender made it; they still want to send it.
fn pending(crowd: &mut Crowd, by: &str) -> String {
    crowd.person(by).outbox.front().expect("a packet to send").clone()
}

/// Sends the next packet of `by` to all.
fn send(crowd: &mut Crowd, by: &str) {
    let sender = crowd.id(by);
    let text = crowd.person(by).outbox.pop_front().expect("a packet to send");
    crowd.deliver(&sender, &text);
}

#[test]
fn attack_4_replay_out_of_an_aborted_operation() {
    for dialect in DIALECTS {
        let mut crowd = three(dialect);
        crowd.propose("ben", Operation::Include, &["dan"]);
        send(&mut crowd, "ben");
        let old = pending(&mut crowd, "dan");
        send(&mut crowd, "dan");
        let confirm = pending(&mut crowd, "ann");
        crowd.people.values_mut().for_each(super::crowd::Person::end);

        crowd.propose("ben", Operation::Include, &["dan"]);
        send(&mut crowd, "ben");
        // The initiator's renewed nonce tells the old downflow from the new one.
        let ben = crowd.id("ben");
        all_refuse(&mut crowd, &["ann", "ben", "cat", "dan"], "dan", &old, &Check::Nonce(ben));
        send(&mut crowd, "dan");
        // An old confirm of the same MEMBER; MpencJs repeats the nonces in it. The operation
        // goes on waiting for the good one.
        for check in refused(&mut crowd, &["ben", "cat", "dan"], "ann", &confirm) {
            assert!(matches!(check, Check::SessionSignature | Check::Nonce(_)), "{check}");
        }
        let ours = &refused(&mut crowd, &["ann"], "ann", &confirm)[0];
        assert!(matches!(ours, Check::NotOurs | Check::Nonce(_)), "{ours}");
        crowd.settle();
        crowd.assert_group(&["ann", "ben", "cat", "dan"]);
    }
}

#[test]
fn attack_20_sender_is_not_source() {
    for dialect in DIALECTS {
        let mut crowd = three(dialect);
        crowd.propose("ben", Operation::Refresh, &[]);
        let text = pending(&mut crowd, "ben");
        let sender = crowd.id("cat");
        let expected = Check::SenderIsNotSource { sender };
        all_refuse(&mut crowd, &["ann", "ben", "cat"], "cat", &text, &expected);
        crowd.settle();
        crowd.assert_group(&["ann", "ben", "cat"]);
    }
}

#[test]
fn attack_21_without_a_signature() {
    for dialect in DIALECTS {
        let mut crowd = three(dialect);
        let text = proposal(&mut crowd, "ben", Operation::Refresh, &[]);
        let text = text.sign(&SigningKey::from_bytes(&OUTSIDER));
        let mut buffer = Vec::new();
        let contents = unarmor(&text, &mut buffer).unwrap();
        assert!(decodes(dialect, &text));
        // The signature record: four octets of header, 64 of value.
        assert!(!decodes(dialect, &armor(&contents[68..])));
        assert_eq!(
            records(&contents[..68]).next().unwrap().unwrap().kind,
            RecordType::MESSAGE_SIGNATURE
        );
    }
}

#[test]
fn attack_22_forged_refresh() {
    for dialect in DIALECTS {
        let mut crowd = three(dialect);
        let mirror = proposal(&mut crowd, "ben", Operation::Refresh, &[]);
        let forged = mirror.with(|packet| {
            let chosen = packet.int_keys[1];
            packet.int_keys[0] = chosen;
        });
        let all = ["ann", "ben", "cat"];
        let forged = forged.sign(&SigningKey::from_bytes(&OUTSIDER));
        all_refuse(&mut crowd, &all, "ben", &forged, &Check::Signature);
        crowd.run("ben", Operation::Refresh, &[]);
        crowd.assert_group(&all);
    }
}

/// Intermediate keys that nobody takes, with what is wrong with them.
fn bad_keys() -> Vec<([u8; 32], KeyFault)> {
    let number = |octets: &[u8], fill: u8, top: u8| {
        let mut key = [fill; 32];
        key[..octets.len()].copy_from_slice(octets);
        key[31] = top;
        key
    };
    vec![
        (number(&[], 0, 0), KeyFault::SmallOrder),
        (number(&[1], 0, 0), KeyFault::SmallOrder),
        (number(&[2], 0, 0), KeyFault::NotOnCurve),
        (number(&[0xec], 0xff, 0x7f), KeyFault::NotOnCurve),
        (number(&[0xed], 0xff, 0x7f), KeyFault::NotCanonical),
        (number(&[0xed + 9], 0xff, 0x7f), KeyFault::NotCanonical),
        (number(&[9], 0, 0x80), KeyFault::NotCanonical),
    ]
}

#[test]
fn attacks_23_and_24_bad_intermediate_keys() {
    for dialect in DIALECTS {
        let mut crowd = three(dialect);
        let key = key_of(&mut crowd, "ben");
        let all = ["ann", "cat"];
        for (bad, fault) in bad_keys() {
            for index in [0, 2] {
                // All look at all entries: at another's, too.
                let mirror = proposal(&mut crowd, "ben", Operation::Refresh, &[]);
                let text = mirror.with(|packet| packet.int_keys[index] = bad).sign(&key);
                all_refuse(&mut crowd, &all, "ben", &text, &Check::IntKey { index, fault });
            }
            let mirror = proposal(&mut crowd, "ben", Operation::Exclude, &["cat"]);
            let text = mirror.with(|packet| packet.int_keys[0] = bad).sign(&key);
            let expected = Check::IntKey { index: 0, fault };
            all_refuse(&mut crowd, &all, "ben", &text, &expected);
            // An upflow concerns whom it is directed to.
            let mirror = proposal(&mut crowd, "ben", Operation::Include, &["dan"]);
            let text = mirror.with(|packet| packet.int_keys[3] = bad).sign(&key);
            let expected = Check::IntKey { index: 3, fault };
            all_refuse(&mut crowd, &["dan"], "ben", &text, &expected);
            let text = mirror_of_establish(&mut crowd, bad);
            let expected = Check::IntKey { index: 1, fault };
            all_refuse(&mut crowd, &["dan"], "eve", &text, &expected);
        }
        crowd.run("ben", Operation::Refresh, &[]);
        crowd.assert_group(&["ann", "ben", "cat"]);
    }
}

#[test]
fn upflow_keys_concern_whom_they_are_for() {
    for dialect in DIALECTS {
        let mut crowd = Crowd::new(dialect, &["ann", "ben", "cat"]);
        let key = SigningKey::from_bytes(&OUTSIDER);
        let bent = proposal(&mut crowd, "ann", Operation::Establish, &["ben", "cat"]).with(|it| {
            it.int_keys[1] = [0; 32];
            it.pub_keys[0] = key.verifying_key().to_bytes();
        });
        let text = bent.sign(&key);
        let expected = Check::IntKey { index: 1, fault: KeyFault::SmallOrder };
        all_refuse(&mut crowd, &["ben"], "ann", &text, &expected);
        let ann = crowd.id("ann");
        assert!(crowd.person("cat").receive(&ann, &text).is_ok());
        assert!(crowd.person("cat").outbox.is_empty());
    }
}

/// An establish with dan, by someone from elsewhere.
fn mirror_of_establish(crowd: &mut Crowd, int_key: [u8; 32]) -> String {
    let mut elsewhere = Crowd::new(crowd.dialect, &["eve", "dan"]);
    let key = SigningKey::from_bytes(&OUTSIDER);
    let mirror = proposal(&mut elsewhere, "eve", Operation::Establish, &["dan"]);
    let mirror = mirror.with(|packet| {
        packet.int_keys[1] = int_key;
        packet.pub_keys[0] = key.verifying_key().to_bytes();
    });
    mirror.sign(&key)
}

#[test]
fn attack_25_bad_ephemeral_keys() {
    for dialect in DIALECTS {
        let mut crowd = Crowd::new(dialect, &["ann", "ben"]);
        let ann = crowd.id("ann");
        let mut identity_point = [0; 32];
        identity_point[0] = 1;
        let mut not_reduced = [0xff; 32];
        not_reduced[0] = 0xed + 3;
        let bad = [
            (identity_point, KeyFault::SmallOrder),
            ([0; 32], KeyFault::SmallOrder),
            (not_reduced, KeyFault::NotCanonical),
        ];
        for (octets, fault) in bad {
            let mirror = proposal(&mut crowd, "ann", Operation::Establish, &["ben"]);
            let text = mirror
                .with(|packet| packet.pub_keys[0] = octets)
                .sign(&SigningKey::from_bytes(&OUTSIDER));
            let expected = Check::PubKey { member: ann.clone(), fault };
            all_refuse(&mut crowd, &["ben"], "ann", &text, &expected);
        }
        crowd.run("ann", Operation::Establish, &["ben"]);
        crowd.assert_group(&["ann", "ben"]);
    }
}

#[test]
fn attack_27_forged_proposal_with_a_members_name() {
    for dialect in DIALECTS {
        let mut crowd = three(dialect);
        for (operation, targets) in [
            (Operation::Include, ["dan"].as_slice()),
            (Operation::Exclude, ["cat"].as_slice()),
            (Operation::Refresh, [].as_slice()),
        ] {
            let mirror = proposal(&mut crowd, "ben", operation, targets);
            let text = mirror.sign(&SigningKey::from_bytes(&OUTSIDER));
            all_refuse(&mut crowd, &["ann", "cat"], "ben", &text, &Check::Signature);
        }
        crowd.run("cat", Operation::Include, &["dan"]);
        crowd.assert_group(&["ann", "ben", "cat", "dan"]);
    }
}

#[test]
fn attack_28_junk_last_confirm() {
    for dialect in DIALECTS {
        let mut crowd = three(dialect);
        crowd.propose("ann", Operation::Exclude, &["ben"]);
        send(&mut crowd, "ann");
        let key = key_of(&mut crowd, "cat");
        let honest = pending(&mut crowd, "cat");
        let junk = Mirror::of(dialect, &honest)
            .with(|packet| packet.session_signature.as_mut().unwrap()[5] ^= 1);
        let all = ["ann", "ben"];
        all_refuse(&mut crowd, &all, "cat", &junk.sign(&key), &Check::SessionSignature);
        all_refuse(&mut crowd, &["cat"], "cat", &junk.sign(&key), &Check::NotOurs);
        let outsider = SigningKey::from_bytes(&OUTSIDER);
        all_refuse(&mut crowd, &all, "cat", &junk.sign(&outsider), &Check::Signature);
        // In the name of who made the downflow, which is a confirm.
        let again = junk.with(|packet| packet.source = packet.members[0].clone());
        let key = key_of(&mut crowd, "ann");
        all_refuse(&mut crowd, &all, "ann", &again.sign(&key), &Check::AlreadyConfirmed);
        crowd.settle();
        crowd.assert_group(&["ann", "cat"]);
        assert_eq!(crowd.person("ben").greeter.members().len(), 1);
    }
}

#[test]
fn attack_30_duplicate_members() {
    for dialect in DIALECTS {
        let mut crowd = three(dialect);
        let mirror = proposal(&mut crowd, "ben", Operation::Refresh, &[]);
        let text = mirror
            .with(|packet| packet.members[2] = packet.members[0].clone())
            .sign(&SigningKey::from_bytes(&OUTSIDER));
        assert!(!decodes(dialect, &text));
    }
}

#[test]
fn attacks_31_and_32_members_changed_inside_an_operation() {
    for dialect in DIALECTS {
        let mut crowd = Crowd::established(dialect, &["ann", "ben", "cat", "dan"], 4);
        crowd.propose("ann", Operation::Exclude, &["dan"]);
        send(&mut crowd, "ann");
        let key = key_of(&mut crowd, "ben");
        let honest = Mirror::of(dialect, &pending(&mut crowd, "ben"));
        let changes: [fn(&mut Vec<MemberId>); 3] = [
            |members| members.swap(0, 2),
            |members| {
                members.pop();
            },
            |members| members.insert(1, MemberId::new(Dialect::DOCUMENT, "eve").unwrap()),
        ];
        for change in changes {
            let text = honest.clone().with(|packet| change(&mut packet.members)).sign(&key);
            if decodes(dialect, &text) {
                let all = ["ann", "ben", "cat", "dan"];
                all_refuse(&mut crowd, &all, "ben", &text, &Check::MembersDiffer);
            }
        }
        crowd.settle();
        crowd.assert_group(&["ann", "ben", "cat"]);
    }
}

#[test]
fn attack_33_members_that_do_not_follow_from_the_current_ones() {
    for dialect in DIALECTS {
        let mut crowd = three(dialect);
        let key = key_of(&mut crowd, "ben");
        let (dan, eve) = (crowd.id("dan"), crowd.id("eve"));
        let others = ["ann", "cat"];

        // An include that drops ann, and one that puts the new one in front.
        let honest = proposal(&mut crowd, "ben", Operation::Include, &["dan"]);
        let drops = honest.clone().with(|packet| packet.members[0] = eve.clone());
        let front = honest.clone().with(|packet| packet.members.swap(0, 2));
        for mirror in [drops, front] {
            all_refuse(&mut crowd, &others, "ben", &mirror.sign(&key), &Check::Members);
        }
        // An include of two who are not sorted.
        let two = honest.with(|packet| {
            packet.members.splice(3.., [eve.clone(), dan.clone()]);
            packet.dest = Some(eve.clone());
        });
        let everyone = ["ann", "cat", "dan"];
        all_refuse(&mut crowd, &everyone, "ben", &two.sign(&key), &Check::Members);

        // Excludes: of nobody, in another order, and of ann for eve.
        let honest = proposal(&mut crowd, "ben", Operation::Exclude, &["cat"]);
        let order = honest.clone().with(|packet| packet.members.swap(0, 1));
        let swaps = honest.with(|packet| packet.members[0] = eve.clone());
        let nobody = proposal(&mut crowd, "ben", Operation::Refresh, &[]).with(|packet| {
            packet.greet_type = GreetType::EXCLUDE_INITIAL;
            packet.nonces = vec![[1; 32]; 3];
            packet.pub_keys = vec![[1; 32]; 3];
            packet.session_signature = Some([0; 64]);
        });
        for mirror in [order, swaps, nobody] {
            all_refuse(&mut crowd, &others, "ben", &mirror.sign(&key), &Check::Members);
        }
        // A refresh among others.
        let honest = proposal(&mut crowd, "ben", Operation::Refresh, &[]);
        let order = honest.with(|packet| packet.members.swap(0, 2));
        all_refuse(&mut crowd, &others, "ben", &order.sign(&key), &Check::Members);

        // An establish of two who are not sorted.
        let mut elsewhere = Crowd::new(dialect, &["eve", "fay", "dan"]);
        let order = proposal(&mut elsewhere, "eve", Operation::Establish, &["dan", "fay"]);
        let order = order.with(|packet| {
            packet.members.swap(1, 2);
            packet.dest = Some(packet.members[1].clone());
        });
        let text = order.sign(&SigningKey::from_bytes(&OUTSIDER));
        all_refuse(&mut crowd, &["dan"], "eve", &text, &Check::Members);

        // An establish, inside the group.
        let text = mirror_of_establish(&mut Crowd::new(dialect, &["eve", "dan"]), [9; 32]);
        all_refuse(&mut crowd, &others, "eve", &text, &Check::GroupExists);
        // By somebody who is no member.
        let honest = proposal(&mut crowd, "ben", Operation::Include, &["dan"]);
        let by_dan = honest.with(|packet| packet.source = dan.clone());
        if decodes(dialect, &by_dan.sign(&key)) {
            let expected = Check::InitiatorNotMember;
            all_refuse(&mut crowd, &everyone, "dan", &by_dan.sign(&key), &expected);
        }
        crowd.run("ben", Operation::Include, &["dan"]);
        crowd.assert_group(&["ann", "ben", "cat", "dan"]);
    }
}

#[test]
fn an_include_of_one_is_an_establish_in_disguise() {
    for dialect in DIALECTS {
        // Two claim to be a group of one who includes the other.
        let mut crowd = three(dialect);
        let key = key_of(&mut crowd, "ben");
        let honest = proposal(&mut crowd, "ben", Operation::Include, &["dan"]);
        let alone = honest.with(|packet| {
            packet.members.drain(..1);
            packet.members.remove(1);
            packet.int_keys.drain(..2);
            packet.nonces.drain(..2);
            packet.pub_keys.drain(..1);
            packet.pub_keys.pop();
        });
        let text = alone.sign(&key);
        if decodes(dialect, &text) {
            all_refuse(&mut crowd, &["dan"], "ben", &text, &Check::Members);
        }
    }
}

#[test]
fn attack_34_greet_type_contradicts_the_records() {
    for dialect in DIALECTS {
        let mut crowd = three(dialect);
        let key = key_of(&mut crowd, "ben");
        let refresh = proposal(&mut crowd, "ben", Operation::Refresh, &[]);
        let include = proposal(&mut crowd, "ben", Operation::Include, &["dan"]);
        for (mirror, greet_type) in [
            (&refresh, GreetType::EXCLUDE_INITIAL),
            (&refresh, GreetType::INCLUDE_INITIAL),
            (&include, GreetType::REFRESH),
            (&include, GreetType::INCLUDE_DOWN),
        ] {
            let text = mirror.clone().with(|packet| packet.greet_type = greet_type).sign(&key);
            assert!(!decodes(dialect, &text), "{greet_type}");
        }
        // What the codec cannot know: the operation of a packet inside a running one.
        let all = ["ann", "ben", "cat", "dan"];
        let mut crowd = Crowd::established(dialect, &all, 4);
        crowd.propose("ann", Operation::Exclude, &["dan"]);
        send(&mut crowd, "ann");
        let text = Mirror::of(dialect, &pending(&mut crowd, "ben"))
            .with(|packet| packet.greet_type = GreetType::INCLUDE_CONFIRM)
            .sign(&key_of(&mut crowd, "ben"));
        all_refuse(&mut crowd, &all, "ben", &text, &Check::OtherOperation);
        crowd.settle();
        crowd.assert_group(&["ann", "ben", "cat"]);
    }
}

#[test]
fn attacks_35_and_36_contributions_replaced_in_the_downflow() {
    for dialect in DIALECTS {
        // Everybody but dan is honest; dan signs as he likes.
        for place in 0..3 {
            let mut crowd = Crowd::new(dialect, &["ann", "ben", "cat", "dan"]);
            crowd.propose("ann", Operation::Establish, &["ben", "cat", "dan"]);
            for name in ["ann", "ben", "cat"] {
                send(&mut crowd, name);
            }
            let victim = crowd.id(["ann", "ben", "cat"][place]);
            let key = SigningKey::from_bytes(&OUTSIDER);
            let mirror = Mirror::of(dialect, &pending(&mut crowd, "dan"))
                .with(|packet| packet.pub_keys[3] = key.verifying_key().to_bytes());
            let nonce = mirror.clone().with(|packet| packet.nonces[place][0] ^= 1).sign(&key);
            let other = SigningKey::from_bytes(&[3; 32]).verifying_key().to_bytes();
            let ephemeral = mirror.with(|packet| packet.pub_keys[place] = other).sign(&key);
            let all = ["ann", "ben", "cat"];
            all_refuse(&mut crowd, &all, "dan", &nonce, &Check::Nonce(victim.clone()));
            let expected = Check::PubKeyDiffers(victim);
            all_refuse(&mut crowd, &all, "dan", &ephemeral, &expected);
            // Not even in his own eyes: what he contributed is something else.
            let own = &refused(&mut crowd, &["dan"], "dan", &ephemeral)[0];
            assert!(matches!(own, Check::PubKeyDiffers(_)));
            crowd.settle();
            crowd.assert_group(&["ann", "ben", "cat", "dan"]);
        }
    }
}

#[test]
fn attack_36_an_initiator_shows_the_joiner_another_key() {
    for dialect in DIALECTS {
        // ben, whom the server helps, tells dan that ann has another key. dan cannot know; but
        // nothing that ann signs verifies for him, so that he never completes it.
        let mut crowd = three(dialect);
        crowd.propose("ben", Operation::Include, &["dan"]);
        let honest = pending(&mut crowd, "ben");
        let key = key_of(&mut crowd, "ben");
        let other = SigningKey::from_bytes(&OUTSIDER);
        let shown = Mirror::of(dialect, &honest)
            .with(|packet| packet.pub_keys[0] = other.verifying_key().to_bytes())
            .sign(&key);
        let (ann, ben) = (crowd.id("ann"), crowd.id("ben"));
        let expected = Check::PubKeyDiffers(ann.clone());
        all_refuse(&mut crowd, &["ann", "cat"], "ben", &shown, &expected);
        assert!(crowd.person("dan").receive(&ben, &shown).is_ok());
        let answer = crowd.person("dan").outbox.pop_front().unwrap();
        for name in ["ann", "cat"] {
            assert!(crowd.person(name).receive(&ben, &honest).is_ok());
        }
        all_refuse(&mut crowd, &["ann", "cat"], "dan", &answer, &expected);
    }
}

type Bend = fn(&mut Mirror);

#[test]
fn attack_38_wrong_counts() {
    for dialect in DIALECTS {
        let mut crowd = three(dialect);
        let key = key_of(&mut crowd, "ben");
        let refresh = proposal(&mut crowd, "ben", Operation::Refresh, &[]);
        let exclude = proposal(&mut crowd, "ben", Operation::Exclude, &["cat"]);
        let include = proposal(&mut crowd, "ben", Operation::Include, &["dan"]);
        let changes: [(&str, Bend); 6] = [
            ("an INT_KEY less", |packet| {
                packet.int_keys.pop();
            }),
            ("an INT_KEY more", |packet| packet.int_keys.push([9; 32])),
            ("a NONCE less", |packet| {
                packet.nonces.pop();
            }),
            ("a NONCE more", |packet| packet.nonces.push([9; 32])),
            ("a PUB_KEY less", |packet| {
                packet.pub_keys.pop();
            }),
            ("a PUB_KEY more", |packet| packet.pub_keys.push([9; 32])),
        ];
        for mirror in [refresh, exclude, include] {
            for (what, change) in changes {
                let bent = mirror.clone().with(change);
                if bent.nonces == mirror.nonces
                    && bent.pub_keys == mirror.pub_keys
                    && bent.int_keys == mirror.int_keys
                {
                    continue;
                }
                let text = bent.sign(&key);
                if decodes(dialect, &text) {
                    for check in refused(&mut crowd, &["ann", "cat"], "ben", &text) {
                        let fits = matches!(check, Check::Count(_) | Check::Destination);
                        assert!(fits, "{what} in {}: {check}", mirror.greet_type);
                    }
                }
            }
        }
        crowd.run("ben", Operation::Refresh, &[]);
        crowd.assert_group(&["ann", "ben", "cat"]);
    }
}

#[test]
fn attacks_39_and_41_wrong_lengths() {
    for dialect in DIALECTS {
        let mut crowd = three(dialect);
        let mirror = proposal(&mut crowd, "ben", Operation::Exclude, &["cat"]);
        let text = mirror.sign(&key_of(&mut crowd, "ben"));
        let mut buffer = Vec::new();
        let contents = unarmor(&text, &mut buffer).unwrap().to_vec();
        for kind in [RecordType::INT_KEY, RecordType::NONCE, RecordType::PUB_KEY] {
            for length in [31, 33] {
                let mut bent = Vec::new();
                for record in records(&contents) {
                    let record = record.unwrap();
                    let mut value = record.value.to_vec();
                    if record.kind == kind {
                        value.resize(length, 0);
                    }
                    bent.extend(record.kind.0.to_be_bytes());
                    bent.extend(u16::try_from(value.len()).unwrap().to_be_bytes());
                    bent.extend(value);
                }
                assert!(!decodes(dialect, &armor(&bent)), "{kind} of {length}");
            }
        }
    }
}

#[test]
fn attack_40_colliding_session_ids() {
    for dialect in DIALECTS {
        // SHA-256 of "ab" ‖ "c" is that of "a" ‖ "bc": the lists of members differ all the same.
        let names = ["ab", "c", "d"];
        let mut crowd = Crowd::established(dialect, &names, 3);
        crowd.propose("ab", Operation::Exclude, &["d"]);
        send(&mut crowd, "ab");
        let (a, bc) = (crowd.id("a"), crowd.id("bc"));
        let shifted = Mirror::of(dialect, &pending(&mut crowd, "c")).with(|packet| {
            packet.members = vec![a, bc.clone()];
            packet.source = bc;
        });
        let text = shifted.sign(&key_of(&mut crowd, "c"));
        all_refuse(&mut crowd, &names, "bc", &text, &Check::MembersDiffer);
        crowd.settle();
        crowd.assert_group(&["ab", "c"]);
    }
}

#[test]
fn attack_75_cheap_checks_come_first() {
    for dialect in DIALECTS {
        let mut crowd = three(dialect);
        let outsider = SigningKey::from_bytes(&OUTSIDER);
        let honest = proposal(&mut crowd, "ben", Operation::Refresh, &[]);
        // Bad intermediate keys under a bad signature: only the signature was looked at.
        let forged = honest.clone().with(|packet| packet.int_keys[0] = [0; 32]);
        let text = forged.sign(&outsider);
        all_refuse(&mut crowd, &["ann", "cat"], "ben", &text, &Check::Signature);
        // A wrong list of members under a bad signature: not even that.
        let forged = honest.with(|packet| packet.members.swap(0, 2));
        let text = forged.sign(&outsider);
        all_refuse(&mut crowd, &["ann", "cat"], "ben", &text, &Check::Members);
        // A joiner: the signature under the key that the packet brings comes before the torsion
        // of this and all other keys, and before the intermediate keys.
        let honest = proposal(&mut crowd, "ben", Operation::Include, &["dan"]);
        let forged = honest.with(|packet| {
            packet.int_keys[3] = [0; 32];
            packet.pub_keys[0] = [0; 32];
        });
        let text = forged.sign(&outsider);
        all_refuse(&mut crowd, &["dan"], "ben", &text, &Check::Signature);
    }
}

#[test]
fn the_initiator_must_renew_and_keep_their_own_entry() {
    for dialect in DIALECTS {
        let mut crowd = three(dialect);
        let key = key_of(&mut crowd, "ben");
        let nonce = *crowd.person("ben").greeter.agreed().nth(1).unwrap().nonce;
        for (operation, target) in [(Operation::Include, "dan"), (Operation::Exclude, "cat")] {
            let honest = proposal(&mut crowd, "ben", operation, &[target]);
            let stale = honest.clone().with(|packet| packet.nonces[1] = nonce).sign(&key);
            let all = ["ann", "cat"];
            all_refuse(&mut crowd, &all, "ben", &stale, &Check::NonceNotRenewed);
            let entry = honest.with(|packet| packet.int_keys[1] = packet.int_keys[0]).sign(&key);
            all_refuse(&mut crowd, &all, "ben", &entry, &Check::InitiatorIntKey);
        }
    }
}

#[test]
fn turns_stages_and_destinations() {
    for dialect in DIALECTS {
        let mut crowd = Crowd::new(dialect, &["ann", "ben", "cat", "dan"]);
        crowd.propose("ann", Operation::Establish, &["ben", "cat", "dan"]);
        let initial = pending(&mut crowd, "ann");
        send(&mut crowd, "ann");
        let all = ["ann", "ben", "cat", "dan"];
        let duplicates = refused(&mut crowd, &all, "ann", &initial);
        assert!(duplicates.iter().all(|check| *check == Check::Duplicate));
        let outsider = SigningKey::from_bytes(&OUTSIDER);
        let ben = crowd.id("ben");
        let upflow = Mirror::of(dialect, &pending(&mut crowd, "ben"));
        // Another one instead of ben, a confirm already, another initial packet.
        let by_cat = upflow.clone().with(|packet| {
            packet.source = packet.members[2].clone();
            packet.dest = Some(packet.members[3].clone());
            packet.int_keys.push([9; 32]);
            packet.nonces.push([9; 32]);
            packet.pub_keys.push(outsider.verifying_key().to_bytes());
        });
        let expected = Check::Turn { awaited: ben };
        all_refuse(&mut crowd, &all, "cat", &by_cat.sign(&outsider), &expected);
        let repeats = dialect == Dialect::MPENC_JS;
        let confirm = upflow.clone().with(|packet| {
            packet.greet_type = GreetType::ESTABLISH_CONFIRM;
            packet.dest = None;
            packet.int_keys.clear();
            packet.nonces = if repeats { vec![[9; 32]; 4] } else { vec![] };
            packet.pub_keys = if repeats { vec![[9; 32]; 4] } else { vec![] };
            packet.session_signature = Some([0; 64]);
        });
        all_refuse(&mut crowd, &all, "ben", &confirm.sign(&outsider), &Check::Stage);
        let second = Mirror::of(dialect, &initial).with(|packet| packet.nonces[0][0] ^= 1);
        all_refuse(&mut crowd, &all, "ann", &second.sign(&outsider), &Check::InitialInside);
        // In our name, with another key than ours.
        let forged = upflow
            .with(|packet| packet.pub_keys[1] = outsider.verifying_key().to_bytes())
            .sign(&outsider);
        assert_eq!(refused(&mut crowd, &["ben"], "ben", &forged), [Check::NotOurs]);
        crowd.settle();
        crowd.assert_group(&all);
    }
}

#[test]
fn a_downflow_needs_its_session_signature() {
    for dialect in DIALECTS {
        let mut crowd = Crowd::new(dialect, &["ann", "ben"]);
        crowd.propose("ann", Operation::Establish, &["ben"]);
        send(&mut crowd, "ann");
        let key = SigningKey::from_bytes(&OUTSIDER);
        let downflow = Mirror::of(dialect, &pending(&mut crowd, "ben"))
            .with(|packet| packet.pub_keys[1] = key.verifying_key().to_bytes());
        // Another ephemeral key than the one that ben's identity key has signed.
        let expected = Check::SessionSignature;
        all_refuse(&mut crowd, &["ann"], "ben", &downflow.sign(&key), &expected);
        crowd.settle();
        crowd.assert_group(&["ann", "ben"]);
    }
}

#[test]
fn confirms_repeat_what_was_contributed() {
    // MpencJs only: in dialect Document a confirm has no lists.
    let names = ["ann", "ben", "cat", "dan"];
    let mut crowd = Crowd::established(Dialect::MPENC_JS, &names, 4);
    crowd.propose("ann", Operation::Exclude, &["dan"]);
    send(&mut crowd, "ann");
    let key = key_of(&mut crowd, "ben");
    let honest = Mirror::of(Dialect::MPENC_JS, &pending(&mut crowd, "ben"));
    let cat = crowd.id("cat");
    let nonce = honest.clone().with(|packet| packet.nonces[2][0] ^= 1).sign(&key);
    all_refuse(&mut crowd, &names, "ben", &nonce, &Check::Nonce(cat.clone()));
    let other = SigningKey::from_bytes(&OUTSIDER).verifying_key().to_bytes();
    let ephemeral = honest.with(|packet| packet.pub_keys[2] = other).sign(&key);
    all_refuse(&mut crowd, &names, "ben", &ephemeral, &Check::PubKeyDiffers(cat));
    crowd.settle();
    crowd.assert_group(&["ann", "ben", "cat"]);
}

#[test]
fn an_exclude_is_confirmed_by_its_first_packet() {
    for dialect in DIALECTS {
        let mut crowd = three(dialect);
        let key = key_of(&mut crowd, "ben");
        for target in ["ann", "cat"] {
            let bent = proposal(&mut crowd, "ben", Operation::Exclude, &[target])
                .with(|packet| packet.session_signature.as_mut().unwrap()[40] ^= 1);
            // The excluded look at it, too: they must not think that they are out.
            let all = ["ann", "cat"];
            all_refuse(&mut crowd, &all, "ben", &bent.sign(&key), &Check::SessionSignature);
        }
        crowd.run("ben", Operation::Exclude, &["ann", "cat"]);
        for name in ["ann", "ben", "cat"] {
            assert!(crowd.person(name).keys.is_none());
        }
    }
}

#[test]
fn a_refused_packet_never_says_whom_it_does_not_know() {
    let refused =
        Refused::new(MemberId::new(Dialect::DOCUMENT, "ben").unwrap(), Check::Count(List::IntKeys));
    assert!(!refused.is_duplicate());
    assert!(refused.to_string().contains("ben"));
    assert_eq!(CannotConfirm::SignerFailed.to_string(), "the identity signer failed");
}
