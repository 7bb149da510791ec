//! The codec decides on counts, turns and destinations before a greeter sees a packet. A greeter
//! does not rely on it: each check holds for views that were changed after they were decoded, too.

use mpenc_greet::{Check, Greeter, Greeting, List, Operation};
use mpenc_wire::{AbortFields, Dialect, GreetType, GreetingPacket, MemberId, Packet, unarmor};

use crate::crowd::Crowd;

const DIALECTS: [Dialect; 2] = [Dialect::DOCUMENT, Dialect::MPENC_JS];
const THREE: [&str; 3] = ["ann", "ben", "cat"];

/// The octets of a packet, to be looked at again and again.
struct Sent {
    dialect: Dialect,
    contents: Vec<u8>,
}

impl Sent {
    fn new(dialect: Dialect, text: &str) -> Self {
        let mut buffer = Vec::new();
        let contents = unarmor(text, &mut buffer).expect("armor").to_vec();
        Self { dialect, contents }
    }

    fn view(&self) -> GreetingPacket<'_> {
        match Packet::decode(self.dialect, &self.contents) {
            Ok(Packet::Greeting(packet)) => packet,
            other => panic!("{other:?}"),
        }
    }
}

/// A proposal's packet, which is not sent.
fn proposal(crowd: &mut Crowd, by: &str, operation: Operation, targets: &[&str]) -> Sent {
    crowd.propose(by, operation, targets);
    let dialect = crowd.dialect;
    let person = crowd.person(by);
    person.draft = None;
    Sent::new(dialect, &person.outbox.pop_front().expect("a proposal"))
}

/// Each operation, as a group of three (and dan) would propose it.
struct Proposals {
    establish: Sent,
    include: Sent,
    exclude: Sent,
    /// Of everyone but ben.
    alone: Sent,
    refresh: Sent,
}

impl Proposals {
    fn new(dialect: Dialect) -> Self {
        let mut strangers = Crowd::new(dialect, &THREE);
        let mut group = Crowd::established(dialect, &["ann", "ben", "cat", "dan"], 3);
        Self {
            establish: proposal(&mut strangers, "ann", Operation::Establish, &["ben", "cat"]),
            include: proposal(&mut group, "ben", Operation::Include, &["dan"]),
            exclude: proposal(&mut group, "ben", Operation::Exclude, &["cat"]),
            alone: proposal(&mut group, "ben", Operation::Exclude, &["ann", "cat"]),
            refresh: proposal(&mut group, "ben", Operation::Refresh, &[]),
        }
    }
}

/// What a greeter that runs nothing says to a packet by its source.
#[track_caller]
fn refused(greeter: &impl Greeter, packet: &GreetingPacket<'_>) -> Check {
    let sender = packet.source.to_owned();
    greeter.check_initial(&sender, packet).map(drop).expect_err("it was changed").check
}

/// What a greeting says to a packet by its source.
#[track_caller]
fn refused_inside(greeting: &impl Greeting, packet: &GreetingPacket<'_>) -> Check {
    let sender = packet.source.to_owned();
    greeting.check(&sender, packet).map(drop).expect_err("it was changed").check
}

type Bend<'a> = &'a dyn Fn(&mut GreetingPacket<'a>);

#[track_caller]
fn all_refused<'a>(
    check: impl Fn(&GreetingPacket<'_>) -> Check,
    honest: GreetingPacket<'a>,
    bends: &[(Check, Bend<'a>)],
) {
    for (expected, bend) in bends {
        let mut packet = honest;
        bend(&mut packet);
        assert_eq!(check(&packet), *expected);
    }
}

#[test]
fn an_establish() {
    for dialect in DIALECTS {
        let all = Proposals::new(dialect);
        let (include, exclude) = (all.include.view(), all.exclude.view());
        let (alone, refresh) = (all.alone.view(), all.refresh.view());
        let mut crowd = Crowd::new(dialect, &THREE);
        let ben = &crowd.person("ben").greeter;
        all_refused(
            |packet| refused(ben, packet),
            all.establish.view(),
            &[
                (Check::NotInitial, &|it| it.metadata = None),
                (Check::NotInitial, &|it| it.greet_type = GreetType::ESTABLISH_UP),
                (Check::NotInitial, &|it| it.greet_type = GreetType(0x80)),
                // It is by ann, who is not among these.
                (Check::InitiatorNotMember, &|it| it.members = alone.members),
                // Ben alone, and ben at another place than the first.
                (Check::Members, &|it| (it.members, it.source) = (alone.members, alone.source)),
                (Check::Members, &|it| it.source = refresh.source),
                (Check::Count(List::IntKeys), &|it| it.int_keys = refresh.int_keys),
                (Check::Count(List::Nonces), &|it| it.nonces = include.nonces),
                (Check::Count(List::PubKeys), &|it| it.pub_keys = include.pub_keys),
                (Check::Stage, &|it| it.session_signature = exclude.session_signature),
                (Check::Destination, &|it| it.dest = None),
                (Check::Destination, &|it| it.dest = Some(it.source)),
                (Check::BasePoint, &|it| it.int_keys = exclude.int_keys),
            ],
        );
    }
}

#[test]
fn an_invitation() {
    for dialect in DIALECTS {
        let all = Proposals::new(dialect);
        let (establish, exclude) = (all.establish.view(), all.exclude.view());
        let names = ["ann", "ben", "cat", "dan", "eve", "fay"];
        let mut larger = Crowd::established(dialect, &names, 5);
        let larger = proposal(&mut larger, "ann", Operation::Include, &["fay"]);
        let larger = larger.view();
        let mut crowd = Crowd::new(dialect, &["cat", "dan"]);
        let dan_id = crowd.id("dan");
        let dan = &crowd.people[&dan_id].greeter;
        all_refused(
            |packet| refused(dan, packet),
            all.include.view(),
            &[
                // More keys than members; as many; one, which makes no group.
                (Check::Count(List::PubKeys), &|it| it.pub_keys = larger.pub_keys),
                (Check::Members, &|it| it.pub_keys = establish.pub_keys),
                // Of two keys, so that cat and dan would be added.
                (Check::Count(List::IntKeys), &|it| it.pub_keys = exclude.pub_keys),
                (Check::Count(List::IntKeys), &|it| it.int_keys = larger.int_keys),
                (Check::Count(List::Nonces), &|it| it.nonces = exclude.nonces),
                (Check::Stage, &|it| it.session_signature = exclude.session_signature),
                (Check::Destination, &|it| it.dest = None),
                (Check::Destination, &|it| it.dest = Some(it.source)),
                (Check::InitiatorNotMember, &|it| it.source = dan_id.borrowed()),
            ],
        );
        // By its account we are a member already: then we would have a group.
        let cat = &crowd.person("cat").greeter;
        assert_eq!(refused(cat, &all.include.view()), Check::Members);
    }
}

#[test]
fn what_members_propose() {
    for dialect in DIALECTS {
        let all = Proposals::new(dialect);
        let (establish, include) = (all.establish.view(), all.include.view());
        let (exclude, refresh) = (all.exclude.view(), all.refresh.view());
        let mut crowd = Crowd::established(dialect, &["ann", "ben", "cat", "dan"], 3);
        let dan = crowd.id("dan");
        let ann = &crowd.person("ann").greeter;
        all_refused(
            |packet| refused(ann, packet),
            include,
            &[
                (Check::InitiatorNotMember, &|it| it.source = dan.borrowed()),
                (Check::Members, &|it| it.members = refresh.members),
                (Check::Members, &|it| it.members = exclude.members),
                (Check::Count(List::IntKeys), &|it| it.int_keys = refresh.int_keys),
                (Check::Count(List::Nonces), &|it| it.nonces = exclude.nonces),
                (Check::Count(List::PubKeys), &|it| it.pub_keys = exclude.pub_keys),
                (Check::Stage, &|it| it.session_signature = exclude.session_signature),
                (Check::Destination, &|it| it.dest = None),
                (Check::Destination, &|it| it.dest = Some(it.source)),
            ],
        );
        all_refused(
            |packet| refused(ann, packet),
            exclude,
            &[
                (Check::Members, &|it| it.members = refresh.members),
                (Check::Members, &|it| it.members = include.members),
                (Check::Count(List::IntKeys), &|it| it.int_keys = refresh.int_keys),
                (Check::Count(List::Nonces), &|it| it.nonces = establish.nonces),
                (Check::Count(List::PubKeys), &|it| it.pub_keys = establish.pub_keys),
                (Check::Count(List::SessionSignature), &|it| it.session_signature = None),
            ],
        );
        all_refused(
            |packet| refused(ann, packet),
            refresh,
            &[
                (Check::Members, &|it| it.members = exclude.members),
                (Check::Members, &|it| it.members = include.members),
                (Check::Count(List::IntKeys), &|it| it.int_keys = exclude.int_keys),
                (Check::Count(List::Nonces), &|it| it.nonces = establish.nonces),
                (Check::Count(List::PubKeys), &|it| it.pub_keys = establish.pub_keys),
            ],
        );
        // By somebody who is in the list, and in no group of ours.
        for operation in [exclude, refresh] {
            let mut packet = operation;
            packet.members = include.members;
            packet.source = dan.borrowed();
            assert_eq!(refused(ann, &packet), Check::InitiatorNotMember);
        }
    }
}

/// Takes a packet out of somebody's outbox.
fn taken(crowd: &mut Crowd, by: &str) -> (MemberId, String) {
    (crowd.id(by), crowd.person(by).outbox.pop_front().expect("a packet"))
}

#[test]
fn what_comes_inside_an_operation() {
    for dialect in DIALECTS {
        let all = Proposals::new(dialect);
        let (establish, include) = (all.establish.view(), all.include.view());
        let (exclude, refresh) = (all.exclude.view(), all.refresh.view());
        let mut crowd = Crowd::new(dialect, &["ann", "ben", "cat", "dan"]);
        let dan = crowd.id("dan");
        crowd.propose("ann", Operation::Establish, &["ben", "cat"]);
        let (sender, text) = taken(&mut crowd, "ann");
        crowd.deliver(&sender, &text);

        // Ben's upflow.
        let (ben, text) = taken(&mut crowd, "ben");
        let upflow = Sent::new(dialect, &text);
        let greeting = crowd.person("ann").greeting.clone().expect("it runs");
        all_refused(
            |packet| refused_inside(&greeting, packet),
            upflow.view(),
            &[
                (Check::InitialInside, &|it| it.metadata = establish.metadata),
                (Check::InitialInside, &|it| it.greet_type = GreetType::ESTABLISH_INITIAL),
                (Check::OtherOperation, &|it| it.greet_type = GreetType::INCLUDE_UP),
                (Check::OtherOperation, &|it| it.greet_type = GreetType(0x10)),
                (Check::MembersDiffer, &|it| it.members = include.members),
                (Check::MembersDiffer, &|it| it.members = exclude.members),
                (Check::MembersDiffer, &|it| it.source = dan.borrowed()),
                (Check::Stage, &|it| it.greet_type = GreetType::ESTABLISH_DOWN),
                (Check::Stage, &|it| it.greet_type = GreetType::ESTABLISH_CONFIRM),
                (Check::Turn { awaited: ben.clone() }, &|it| it.source = establish.source),
                (Check::Stage, &|it| it.session_signature = exclude.session_signature),
                (Check::Destination, &|it| it.dest = None),
                (Check::Destination, &|it| it.dest = Some(it.source)),
                (Check::Count(List::IntKeys), &|it| it.int_keys = include.int_keys),
                (Check::Count(List::Nonces), &|it| it.nonces = include.nonces),
                (Check::Count(List::PubKeys), &|it| it.pub_keys = include.pub_keys),
            ],
        );
        crowd.deliver(&ben, &text);

        // Cat's downflow.
        let (cat, text) = taken(&mut crowd, "cat");
        let downflow = Sent::new(dialect, &text);
        let greeting = crowd.person("ann").greeting.clone().expect("it runs");
        all_refused(
            |packet| refused_inside(&greeting, packet),
            downflow.view(),
            &[
                (Check::Stage, &|it| it.greet_type = GreetType::ESTABLISH_UP),
                (Check::Stage, &|it| it.greet_type = GreetType::ESTABLISH_CONFIRM),
                (Check::Count(List::IntKeys), &|it| it.int_keys = include.int_keys),
                (Check::Count(List::Nonces), &|it| it.nonces = exclude.nonces),
                (Check::Count(List::PubKeys), &|it| it.pub_keys = exclude.pub_keys),
                (Check::Count(List::SessionSignature), &|it| it.session_signature = None),
            ],
        );
        crowd.deliver(&cat, &text);

        // Ann's confirm.
        let (ann, text) = taken(&mut crowd, "ann");
        let confirm = Sent::new(dialect, &text);
        let greeting = crowd.person("cat").greeting.clone().expect("it runs");
        let lists = confirm.view().nonces.len();
        all_refused(
            |packet| refused_inside(&greeting, packet),
            confirm.view(),
            &[
                (Check::Stage, &|it| it.greet_type = GreetType::ESTABLISH_DOWN),
                (Check::Count(List::SessionSignature), &|it| it.session_signature = None),
                (Check::Count(List::IntKeys), &|it| it.int_keys = refresh.int_keys),
                (Check::Count(List::Nonces), &|it| it.nonces = exclude.nonces),
                (Check::Count(List::PubKeys), &|it| it.pub_keys = exclude.pub_keys),
            ],
        );
        assert_eq!(lists, if dialect == Dialect::DOCUMENT { 0 } else { 3 });
        crowd.deliver(&ann, &text);

        // Ben's confirm is the last packet; after it nothing more can come.
        let (ben, text) = taken(&mut crowd, "ben");
        let last = Sent::new(dialect, &text);
        let person = crowd.person("cat");
        let mut greeting = person.greeting.clone().expect("it runs");
        let checked = greeting.check(&ben, &last.view()).expect("honest");
        let once_more = greeting.check(&ben, &last.view()).expect("nothing has changed");
        let _ = greeting.apply(&mut person.rng, checked).expect("no bug");
        assert!(greeting.apply(&mut person.rng, once_more).is_err(), "of an earlier state");
        let mut again = last.view();
        let other = [9; 64];
        again.signature = &other;
        assert_eq!(refused_inside(&greeting, &again), Check::Stage);
        crowd.deliver(&ben, &text);
        crowd.assert_group(&THREE);
    }
}

#[test]
fn aborts() {
    for dialect in DIALECTS {
        let mut crowd = Crowd::new(dialect, &["ann", "ben"]);
        crowd.propose("ann", Operation::Establish, &["ben"]);
        let (ann, text) = taken(&mut crowd, "ann");
        crowd.deliver(&ann, &text);
        let person = crowd.person("ann");
        let mut greeting = person.greeting.clone().expect("it runs");
        let abort = AbortFields { source: &ann, aborted_pi: &person.initial_id, reason: "" };
        let abort = abort.encode(Dialect::DOCUMENT).expect("fits").finish(&[0; 64]);
        let mut buffer = Vec::new();
        let contents = unarmor(&abort, &mut buffer).expect("armor");
        let Ok(Packet::Abort(abort)) = Packet::decode(Dialect::DOCUMENT, contents) else {
            panic!("an abort")
        };
        let refused = greeting.check_abort(&ann, &abort).expect_err("not signed").check;
        if dialect == Dialect::MPENC_JS {
            assert_eq!(refused, Check::NotInDialect);
            continue;
        }
        assert_eq!(refused, Check::Signature);
        // What is over cannot be aborted.
        for by in ["ben", "ann"] {
            let (sender, text) = taken(&mut crowd, by);
            let sent = Sent::new(dialect, &text);
            let checked = greeting.check(&sender, &sent.view()).expect("honest");
            let person = crowd.person("ann");
            let step = greeting.apply(&mut person.rng, checked).expect("no bug");
            person.outbox.extend(step.send);
        }
        assert_eq!(greeting.check_abort(&ann, &abort).expect_err("over").check, Check::Stage);
    }
}
