//! What holds secrets shows nothing of them.

use mpenc_greet::{
    Change, Greeter, Greeting, IdentityKey, IdentitySigner, LocalIdentity, Operation, Status,
};
use mpenc_wire::{Dialect, Packet, unarmor};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;

use crate::crowd::{Crowd, order};

#[test]
fn debug_shows_type_names_only() {
    let dialect = Dialect::DOCUMENT;
    let mut crowd = Crowd::established(dialect, &["ann", "ben"], 2);
    let person = crowd.person("ann").clone();
    insta::assert_snapshot!(format!("{:?}", LocalIdentity::from_seed(&[1; 32])), @"LocalIdentity");
    insta::assert_snapshot!(format!("{:?}", person.greeter), @"CliquesGreeter");
    insta::assert_snapshot!(format!("{:?}", person.keys), @"Some(AgreedKeys)");

    let mut rng = person.rng.clone();
    let proposal = person.greeter.propose(&mut rng, Change::Refresh, order()).unwrap();
    insta::assert_snapshot!(format!("{:?}", proposal.draft), @"CliquesDraft");
    let mut buffer = Vec::new();
    let contents = unarmor(&proposal.packet, &mut buffer).unwrap();
    let Ok(Packet::Greeting(packet)) = Packet::decode(dialect, contents) else {
        panic!("not a greeting packet");
    };
    let own = person.greeter.own_id();
    let checked = person.greeter.check_initial(own, &packet).unwrap();
    insta::assert_snapshot!(format!("{:?}", checked.proof), @"InitialProof");
    let (greeting, step) =
        person.greeter.start(&mut rng, [7; 32], checked, Some(proposal.draft)).unwrap();
    insta::assert_snapshot!(format!("{greeting:?}"), @"CliquesGreeting");
    let Status::Completed(completed) = step.status else { panic!("a refresh is one packet") };
    insta::assert_snapshot!(
        format!("{completed:?}"),
        @"Completed { members: [MemberId(ann), MemberId(ben)], keys: Some(AgreedKeys), result: CliquesResult }"
    );

    crowd.propose("ann", Operation::Exclude, &["ben"]);
    let mut crowd = Crowd::new(dialect, &["ann", "ben"]);
    crowd.propose("ann", Operation::Establish, &["ben"]);
    let (sender, text) = crowd.next_packet().unwrap();
    crowd.deliver(&sender, &text);
    let (sender, text) = crowd.next_packet().unwrap();
    let mut buffer = Vec::new();
    let contents = unarmor(&text, &mut buffer).unwrap();
    let Ok(Packet::Greeting(packet)) = Packet::decode(dialect, contents) else {
        panic!("not a greeting packet");
    };
    let greeting = crowd.person("ann").greeting.clone().unwrap();
    let checked = greeting.check(&sender, &packet).unwrap();
    insta::assert_snapshot!(format!("{checked:?}"), @"Checked { stage: Middle, proof: Proof }");
}

#[test]
fn an_identity_is_drawn_and_signs_for_its_key() {
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    let [one, other] = [(); 2].map(|()| LocalIdentity::generate(&mut rng));
    assert_ne!(one.public_key(), other.public_key());
    let admitted = IdentityKey::admit(&one.public_key()).unwrap();
    assert_eq!(*admitted.as_bytes(), one.public_key());
    let signature = one.sign(b"text").unwrap();
    assert!(admitted.verify(b"text", &signature));
    assert!(!admitted.verify(b"another text", &signature));
    assert!(!IdentityKey::admit(&other.public_key()).unwrap().verify(b"text", &signature));
}
