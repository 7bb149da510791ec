//! Hardened joining: what a room can do to somebody who waits to be included (SO-18, SO-19).
//!
//! The operations are commits, as in MLS: one that adds somebody is complete with its welcome, which
//! only members of the group can make. Nothing of ours is needed to follow several of them.

use std::collections::BTreeSet;

use mpenc_order::{
    Candidates, ChainHash, End, IgnoreReason, PacketId, Proposal, RejectReason, ServerOrder,
    Verdict,
};
use proptest::prelude::*;

const GROUP: [&str; 2] = ["ann", "ben"];
const JOINER: &str = "joe";
const OUTSIDERS: [&str; 6] = ["m0", "m1", "m2", "m3", "m4", "m5"];

fn name(member: &str) -> String {
    member.to_owned()
}

fn room() -> BTreeSet<String> {
    GROUP.iter().chain(&[JOINER]).chain(&OUTSIDERS).map(|member| name(member)).collect()
}

fn id(sender: &str, packet: &[u8]) -> PacketId {
    let room = room();
    let others = room.iter().filter(|&other| *other != sender).map(String::as_bytes);
    PacketId::compute(sender.as_bytes(), others, packet)
}

/// What the joiner holds for a commit: the secret drawn for it, and what they have seen of it.
#[derive(Debug)]
struct Following {
    secret: u32,
}

/// A commit as the delivery service hands it on.
#[derive(Clone, Debug)]
struct Commit {
    sender: &'static str,
    packet: Vec<u8>,
    members: Vec<String>,
    parent: (PacketId, ChainHash),
}

impl Commit {
    fn new(sender: &'static str, number: u32, parent: (PacketId, ChainHash)) -> Self {
        let members = [sender, GROUP[0], GROUP[1], JOINER];
        let members: BTreeSet<String> = members.iter().map(|member| name(member)).collect();
        let packet = number.to_be_bytes().to_vec();
        Self { sender, packet, members: members.into_iter().collect(), parent }
    }

    /// Invented by an outsider, on a parent that is invented as well.
    fn forged(sender: &'static str, number: u32) -> Self {
        let parent = id(sender, &[&b"parent"[..], &number.to_be_bytes()].concat());
        Self::new(sender, 1000 + number, (parent, ChainHash::start(&parent)))
    }

    fn for_members(mut self, members: &[&str]) -> Self {
        self.members = members.iter().map(|member| name(member)).collect();
        self
    }

    fn id(&self) -> PacketId {
        id(self.sender, &self.packet)
    }

    fn author(&self) -> String {
        name(self.sender)
    }
}

struct Joiner {
    order: ServerOrder<String, Following>,
    candidates: Candidates<String, Following>,
    /// Secrets drawn so far: all of them differ.
    drawn: u32,
    /// Whose credentials are known.
    known: BTreeSet<String>,
    /// What was wiped, and the secret that is in use.
    wiped: Vec<u32>,
    joined_with: Option<u32>,
}

impl Joiner {
    fn new(known: &[&str]) -> Self {
        Self {
            order: ServerOrder::unsynced(name(JOINER)),
            candidates: Candidates::new(name(JOINER)),
            drawn: 0,
            known: known.iter().chain(&[JOINER]).map(|member| name(member)).collect(),
            wiped: Vec::new(),
            joined_with: None,
        }
    }

    /// Offers a commit, and begins to follow it if it becomes a candidate.
    fn take(&mut self, commit: &Commit) -> Verdict<()> {
        let author = commit.author();
        let proposal = Proposal {
            author: &author,
            members: &commit.members,
            prev_pf: commit.parent.0,
            prev_chain_hash: commit.parent.1,
            single: false,
        };
        let known = commit.members.iter().all(|member| self.known.contains(member));
        match self.candidates.offer(commit.id(), &author, &proposal, known, &room()) {
            Verdict::Accept(candidacy) => {
                assert_eq!(candidacy.id(), commit.id());
                self.drawn += 1;
                let following = Following { secret: self.drawn };
                let replaced = self.candidates.begin(candidacy, following);
                self.wiped.extend(replaced.map(|old| old.operation().secret));
                assert!(self.candidates.len() <= Candidates::<String, Following>::CAPACITY);
                Verdict::Accept(())
            }
            Verdict::Ignore(reason) => Verdict::Ignore(reason),
            Verdict::Reject(reason) => Verdict::Reject(reason),
            other => panic!("{other:?}"),
        }
    }

    /// The welcome of a commit: that it is the group's is what the caller has verified.
    fn welcome(&mut self, commit: &Commit, welcome: PacketId) -> bool {
        let Some(completion) = self.candidates.complete(&commit.id(), welcome) else {
            return false;
        };
        self.wiped.extend(completion.dropped.iter().map(|other| other.operation().secret));
        self.order.adopt(&completion.ended);
        assert_eq!(completion.ended.how(), End::Final);
        assert!(completion.ended.was_provisional() && !completion.ended.is_own());
        self.joined_with = Some(completion.ended.into_operation().secret);
        true
    }

    fn assert_all_but_ours_wiped(&self) {
        let mut secrets = self.wiped.clone();
        secrets.extend(self.joined_with);
        secrets.sort_unstable();
        assert_eq!(secrets, (1..=self.drawn).collect::<Vec<_>>(), "each is wiped, or in use");
    }
}

/// The group's order, as its members see it.
struct Group {
    order: ServerOrder<String, ()>,
}

impl Group {
    fn new() -> Self {
        let mut order = ServerOrder::unsynced(name("ann"));
        order.start(id("ann", b"start"));
        Self { order }
    }

    fn add(&self, by: &'static str, number: u32) -> Commit {
        let parent = self.order.head().unwrap();
        Commit::new(by, number, parent)
    }

    fn take(&mut self, commit: &Commit) -> bool {
        let author = commit.author();
        let proposal = Proposal {
            author: &author,
            members: &commit.members,
            prev_pf: commit.parent.0,
            prev_chain_hash: commit.parent.1,
            single: false,
        };
        if commit.sender == "ann" {
            self.order.propose(&commit.packet);
        }
        let current = GROUP.map(name);
        let verdict =
            self.order.offer_initial(commit.id(), &commit.packet, &proposal, &current, &room());
        verdict.accepted().map(|accepted| self.order.begin(accepted, ())).is_some()
    }

    fn end(&mut self, packet: PacketId) {
        assert!(self.order.offer_final(packet).accepted().is_some());
    }
}

/// The group adds the joiner, and `noise` comes before and after each of its packets.
fn joins_despite(known: &[&str], noise: impl Fn(u32) -> Vec<Commit>) -> (Group, Joiner) {
    let (mut group, mut joiner) = (Group::new(), Joiner::new(known));
    let add = group.add("ann", 1);
    let welcome = id("ben", b"welcome");
    for forged in noise(0) {
        let _ = joiner.take(&forged);
        assert!(!group.take(&forged));
    }
    assert!(group.take(&add));
    assert_eq!(joiner.take(&add), Verdict::Accept(()));
    for forged in noise(1) {
        let _ = joiner.take(&forged);
        assert!(!group.take(&forged));
    }
    group.end(welcome);
    joiner.welcome(&add, welcome);
    (group, joiner)
}

fn assert_joined(group: &Group, joiner: &Joiner) {
    assert_eq!(joiner.order.head(), group.order.head(), "same parent, same history");
    assert!(joiner.candidates.is_empty());
    joiner.assert_all_but_ours_wiped();
}

#[test]
fn attack_47_a_hundred_forged_proposals_by_one_outsider() {
    let (group, joiner) = joins_despite(&[], |round| {
        (0..100).map(|number| Commit::forged("m0", round * 100 + number)).collect()
    });
    assert_joined(&group, &joiner);
    assert_eq!(joiner.drawn, 201, "each was answered with secrets of its own");
    // Of the outsider only the newest one was ever followed: all secrets but that of the last forged
    // proposal and ours were wiped before the end.
    assert_eq!(joiner.wiped.len(), 200);
}

#[test]
fn attack_47_a_forged_history_on_the_true_parent() {
    // The outsider knows the true parent, as everybody in the room does, and lies about the history
    // before it. Their proposal comes first, and the true one is doubtful then.
    let (mut group, mut joiner) = (Group::new(), Joiner::new(&[]));
    let (parent, _) = group.order.head().unwrap();
    let lie = ChainHash::from_bytes([9; 32]);
    assert_eq!(joiner.take(&Commit::new("m0", 7, (parent, lie))), Verdict::Accept(()));
    let other = Commit::new("m1", 8, (parent, lie)).for_members(&["ann", "ben", "m1"]);
    assert_eq!(joiner.take(&other), Verdict::Ignore(IgnoreReason::NotForUs));
    let add = group.add("ann", 1);
    assert!(group.take(&add));
    assert_eq!(joiner.take(&add), Verdict::Accept(()));
    assert!(!joiner.order.is_synced(), "nothing is adopted before it completes");
    let welcome = id("ben", b"welcome");
    group.end(welcome);
    assert!(joiner.welcome(&add, welcome));
    assert_joined(&group, &joiner);
}

#[test]
fn fewer_colluding_senders_than_places_can_do_nothing() {
    let flood = |senders: &'static [&'static str]| {
        move |round: u32| -> Vec<Commit> {
            (0..100)
                .flat_map(|number| senders.iter().map(move |sender| (number, *sender)))
                .map(|(number, sender)| Commit::forged(sender, round * 100 + number))
                .collect()
        }
    };
    // Whether they are known to the joiner or not.
    for known in [&[][..], &["ann", "ben", "m0", "m1", "m2"]] {
        let (group, joiner) = joins_despite(known, flood(&OUTSIDERS[..3]));
        assert_joined(&group, &joiner);
    }
}

#[test]
fn strangers_can_do_nothing_however_many_they_are() {
    let (group, joiner) = joins_despite(&GROUP, |round| {
        (0..100)
            .flat_map(|number| OUTSIDERS.map(|sender| (number, sender)))
            .map(|(number, sender)| Commit::forged(sender, round * 100 + number))
            .collect()
    });
    assert_joined(&group, &joiner);
}

#[test]
fn as_many_colluding_senders_as_places_can_delay_and_nothing_more() {
    // Nobody is known better than anybody else: four senders push the true candidate out.
    let (mut group, mut joiner) = joins_despite(&[], |round| {
        OUTSIDERS[..4].iter().map(|sender| Commit::forged(sender, round)).collect()
    });
    assert!(!joiner.order.is_synced(), "not joined; but nothing forged was adopted either");
    assert_eq!(joiner.order.head(), None);
    assert_eq!(joiner.candidates.len(), 4);
    // None of theirs ever completes. The joiner can be added as soon as they pause.
    group.order = {
        let mut order = ServerOrder::unsynced(name("ann"));
        order.start(id("ann", b"again"));
        order
    };
    let add = group.add("ann", 2);
    assert!(group.take(&add));
    assert_eq!(joiner.take(&add), Verdict::Accept(()));
    let welcome = id("ben", b"welcome again");
    group.end(welcome);
    assert!(joiner.welcome(&add, welcome));
    assert_joined(&group, &joiner);
}

#[test]
fn progress_keeps_a_place() {
    let (group, mut joiner) = (Group::new(), Joiner::new(&[]));
    let add = group.add("ann", 1);
    let _ = joiner.take(&add);
    for (number, sender) in OUTSIDERS.into_iter().enumerate() {
        let number = u32::try_from(number).unwrap();
        assert!(joiner.candidates.advance(&add.id()).is_some(), "another packet of it has come");
        assert_eq!(joiner.take(&Commit::forged(sender, number)), Verdict::Accept(()));
        assert!(joiner.candidates.find(&add.id()).is_some());
    }
    let followed: Vec<PacketId> = joiner.candidates.iter().map(|one| one.initial()).collect();
    let newest = [3, 4, 5].map(|number| Commit::forged(OUTSIDERS[number], number as u32).id());
    assert_eq!(followed[0], add.id());
    assert_eq!(followed[1..], newest, "the others gave way in their order");
}

#[test]
fn what_is_noted_is_no_progress() {
    let (group, mut joiner) = (Group::new(), Joiner::new(&[]));
    let add = group.add("ann", 1);
    let _ = joiner.take(&add);
    for (number, sender) in (1..).zip(&OUTSIDERS[..3]) {
        assert_eq!(joiner.take(&Commit::forged(sender, number)), Verdict::Accept(()));
    }
    let noted = joiner.candidates.find_mut(&add.id()).expect("it is followed");
    assert_eq!((noted.initial(), noted.operation().secret), (add.id(), 1));
    assert!(joiner.candidates.find_mut(&id("ann", b"another")).is_none());
    // It has still gone longest without progress.
    assert_eq!(joiner.take(&Commit::forged("m3", 4)), Verdict::Accept(()));
    assert!(joiner.candidates.find(&add.id()).is_none());
}

#[test]
fn the_newest_of_a_sender_replaces_the_older_but_not_on_the_same_parent() {
    let mut joiner = Joiner::new(&[]);
    let first = Commit::forged("m0", 1);
    assert_eq!(joiner.take(&first), Verdict::Accept(()));
    // Of two on one parent, the members accept the first.
    let again = Commit::new("m0", 2, first.parent);
    assert_eq!(joiner.take(&again), Verdict::Reject(RejectReason::ParentTaken));
    let next = Commit::forged("m0", 3);
    assert_eq!(joiner.take(&next), Verdict::Accept(()));
    assert_eq!(joiner.wiped, [1]);
    assert_eq!(joiner.candidates.len(), 1);
    assert!(joiner.candidates.find(&next.id()).is_some());
    // A copy of the older one does not bring it back.
    assert_eq!(joiner.take(&first), Verdict::Ignore(IgnoreReason::Duplicate));
}

#[test]
fn what_is_doubtful_comes_last_and_gives_way_first() {
    let (group, mut joiner) = (Group::new(), Joiner::new(&[]));
    let parent = group.order.head().unwrap();
    let other = Commit::new("ben", 9, parent).for_members(&["ann", "ben", "m0"]);
    assert_eq!(joiner.take(&other), Verdict::Ignore(IgnoreReason::NotForUs));
    let doubtful = Commit::new("ann", 1, parent);
    let _ = joiner.take(&doubtful);
    let certain: Vec<Commit> = (0..4).map(|at| Commit::forged(OUTSIDERS[at], 1)).collect();
    for commit in &certain[..3] {
        let _ = joiner.take(commit);
    }
    assert!(!joiner.candidates.is_empty());
    assert_eq!(joiner.candidates.iter().last().unwrap().initial(), doubtful.id());
    assert!(joiner.candidates.advance(&doubtful.id()).is_some());
    let _ = joiner.take(&certain[3]);
    assert!(
        joiner.candidates.find(&doubtful.id()).is_none(),
        "though it was the latest to advance"
    );
}

#[test]
fn who_names_strangers_takes_no_place_of_the_known() {
    let known = ["ann", "ben", "m0", "m1", "m2", "m3"];
    let mut joiner = Joiner::new(&known);
    for sender in &OUTSIDERS[..4] {
        assert_eq!(joiner.take(&Commit::forged(sender, 1)), Verdict::Accept(()));
    }
    let stranger = Commit::forged("m4", 1);
    assert_eq!(joiner.take(&stranger), Verdict::Reject(RejectReason::NoPlace));
    let friend = Commit::forged("ann", 1).for_members(&["ann", "ben", JOINER]);
    assert_eq!(joiner.take(&friend), Verdict::Accept(()));
    assert!(joiner.candidates.find(&Commit::forged("m0", 1).id()).is_none(), "the oldest");
}

#[test]
fn the_known_come_first_and_give_way_last() {
    let mut joiner = Joiner::new(&["ann", "ben"]);
    let stranger = Commit::forged("m0", 1);
    let friend = Commit::forged("ann", 1).for_members(&["ann", "ben", JOINER]);
    for commit in [&stranger, &friend, &Commit::forged("m1", 1), &Commit::forged("m2", 1)] {
        assert_eq!(joiner.take(commit), Verdict::Accept(()));
    }
    assert_eq!(joiner.candidates.iter().next().unwrap().initial(), friend.id());
    for sender in ["m0", "m1", "m2"] {
        assert!(joiner.candidates.advance(&Commit::forged(sender, 1).id()).is_some());
    }
    // The friend's has gone longest without progress.
    assert_eq!(joiner.take(&Commit::forged("m3", 1)), Verdict::Accept(()));
    assert!(joiner.candidates.find(&friend.id()).is_some());
    assert!(joiner.candidates.find(&stranger.id()).is_none());
}

#[test]
fn so_18_what_comes_after_another_on_its_parent_is_doubtful() {
    let offer = |joiner: &mut Joiner, commit: &Commit| {
        let author = commit.author();
        let proposal = Proposal {
            author: &author,
            members: &commit.members,
            prev_pf: commit.parent.0,
            prev_chain_hash: commit.parent.1,
            single: false,
        };
        let offered = joiner.candidates.offer(commit.id(), &author, &proposal, true, &room());
        offered.accepted().unwrap().is_doubtful()
    };
    let mut joiner = Joiner::new(&[]);
    let first = Commit::forged("m0", 1);
    let second = Commit::new("m1", 2, first.parent);
    assert!(!offer(&mut joiner, &second), "an offer alone takes no place");
    let _ = joiner.take(&first);
    assert!(offer(&mut joiner, &second), "that one is followed");
    assert!(joiner.candidates.abort(&first.id(), id("m0", b"abort")).is_some());
    assert!(offer(&mut joiner, &second), "it has failed, and the order has gone on");
    let other = Commit::forged("m2", 3);
    let _ = joiner.take(&other);
    let mut after = room();
    after.remove("m2");
    assert_eq!(joiner.candidates.members_left(&[name("m2")], &after).len(), 1);
    assert!(offer(&mut joiner, &Commit::new("m1", 4, other.parent)), "so has that one");
    assert!(joiner.candidates.clear().is_empty());
    assert!(!offer(&mut joiner, &second), "we left, and know nothing any more");
    assert_eq!(joiner.take(&first), Verdict::Accept(()));
}

#[test]
fn in_our_own_name() {
    let mut joiner = Joiner::new(&[]);
    let echo = Commit::forged("joe", 1);
    assert_eq!(joiner.take(&echo), Verdict::Reject(RejectReason::NotOurProposal));
    // Whether the transport only, or the packet only, says that it is ours.
    let other = Commit::forged("m0", 2);
    for (sender, author) in [(JOINER, "m0"), ("m0", JOINER)] {
        let proposal = Proposal {
            author: &name(author),
            members: &other.members,
            prev_pf: other.parent.0,
            prev_chain_hash: other.parent.1,
            single: false,
        };
        let offered = joiner.candidates.offer(other.id(), &name(sender), &proposal, true, &room());
        assert!(matches!(offered, Verdict::Reject(RejectReason::NotOurProposal)));
    }
}

#[test]
fn so_10_xp_makes_nothing_doubtful_and_no_candidate() {
    let mut joiner = Joiner::new(&[]);
    let absent = Commit::forged("m0", 1).for_members(&["m0", "zoe", JOINER]);
    assert_eq!(joiner.take(&absent), Verdict::Ignore(IgnoreReason::TargetAbsent));
    assert!(joiner.candidates.is_empty());
}

#[test]
fn so_24_candidates_end_with_their_leavers_aborts_and_time() {
    let mut joiner = Joiner::new(&[]);
    let commits: Vec<Commit> = (0..4)
        .map(|at| Commit::forged(OUTSIDERS[at], 1).for_members(&[OUTSIDERS[at], JOINER]))
        .collect();
    for commit in &commits {
        let _ = joiner.take(commit);
    }
    let mut after = room();
    after.remove("m0");
    let failed = joiner.candidates.members_left(&[name("m0")], &after);
    assert_eq!(failed.len(), 1);
    assert_eq!((failed[0].how(), failed[0].initial()), (End::Leave, commits[0].id()));
    let aborted = joiner.candidates.abort(&commits[1].id(), id("m1", b"abort")).unwrap();
    assert_eq!(aborted.how(), End::Abort);
    assert!(joiner.candidates.abort(&commits[1].id(), id("m1", b"abort")).is_none());
    assert!(joiner.candidates.drop_candidate(&commits[2].id()).is_some());
    assert_eq!(joiner.candidates.len(), 1);
    // A failed operation syncs nobody.
    joiner.order.adopt(&aborted);
    assert!(!joiner.order.is_synced());
    assert_eq!(joiner.candidates.clear().len(), 1);
}

#[test]
fn a_single_packet_completes_itself_and_nothing_else() {
    let mut candidates: Candidates<String, ()> = Candidates::new(name(JOINER));
    let commit = Commit::forged("m0", 1);
    let author = commit.author();
    let proposal = Proposal {
        author: &author,
        members: &commit.members,
        prev_pf: commit.parent.0,
        prev_chain_hash: commit.parent.1,
        single: true,
    };
    let offered = candidates.offer(commit.id(), &author, &proposal, true, &room());
    candidates.begin(offered.accepted().unwrap(), ());
    assert!(candidates.complete(&commit.id(), id("m0", b"other")).is_none());
    let completion = candidates.complete(&commit.id(), commit.id()).unwrap();
    assert_eq!(completion.ended.how(), End::Both);
    let chain_hash = commit.parent.1.next(&commit.id(), mpenc_order::EntryType::Both);
    assert_eq!(completion.ended.chain_hash(), chain_hash);
}

/// What comes before, between and after the true packets.
#[derive(Clone, Debug)]
enum Noise {
    Forged {
        by: usize,
        number: u32,
    },
    /// A forged one that is not for the joiner, on the true parent.
    Elsewhere {
        by: usize,
        number: u32,
    },
    /// The true initial packet once more.
    Copy,
}

fn noise() -> impl Strategy<Value = Vec<Noise>> {
    let one = prop_oneof![
        6 => (0..3_usize, 0..1000_u32).prop_map(|(by, number)| Noise::Forged { by, number }),
        2 => (0..3_usize, 0..1000_u32).prop_map(|(by, number)| Noise::Elsewhere { by, number }),
        1 => Just(Noise::Copy),
    ];
    proptest::collection::vec(one, 0..40)
}

proptest! {
    #[test]
    fn three_outsiders_change_nothing(before in noise(), between in noise()) {
        let (mut group, mut joiner) = (Group::new(), Joiner::new(&[]));
        let add = group.add("ann", 1);
        let shout = |joiner: &mut Joiner, noise: &[Noise], copies: bool| {
            for one in noise {
                let commit = match *one {
                    Noise::Forged { by, number } => Commit::forged(OUTSIDERS[by], number),
                    Noise::Elsewhere { by, number } => {
                        Commit::new(OUTSIDERS[by], 5000 + number, add.parent)
                            .for_members(&["ann", "ben", "m0"])
                    }
                    Noise::Copy if copies => add.clone(),
                    Noise::Copy => continue,
                };
                let _ = joiner.take(&commit);
            }
        };
        shout(&mut joiner, &before, false);
        prop_assert!(group.take(&add));
        prop_assert_eq!(joiner.take(&add), Verdict::Accept(()));
        shout(&mut joiner, &between, true);
        let welcome = id("ben", b"welcome");
        group.end(welcome);
        prop_assert!(joiner.welcome(&add, welcome));
        prop_assert_eq!(joiner.order.head(), group.order.head());
        joiner.assert_all_but_ours_wiped();
    }
}
