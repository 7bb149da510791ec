//! Rule by rule, named after the requirements.

use std::collections::BTreeSet;

use mpenc_order::{
    Candidates, ChainHash, End, Ended, EntryType, IgnoreReason, PacketId, Proposal, RejectReason,
    ServerOrder, Verdict, leave_pseudo_packet,
};

type Order = ServerOrder<String, u8>;

fn names(members: &str) -> Vec<String> {
    members.split_whitespace().map(str::to_owned).collect()
}

fn channel(members: &str) -> BTreeSet<String> {
    names(members).into_iter().collect()
}

fn id(number: u8) -> PacketId {
    PacketId::from_bytes([number; 32])
}

const START: u8 = 100;

/// A synced member of a session, and the place that its order starts at.
fn synced(own: &str) -> (Order, (PacketId, ChainHash)) {
    let mut order = Order::unsynced(own.to_owned());
    order.start(id(START));
    let head = order.head().unwrap();
    (order, head)
}

/// A proposal in a session of ann, ben and cat, whose channel dan and eve are in as well.
#[derive(Clone)]
struct Packet {
    id: u8,
    author: &'static str,
    members: &'static str,
    parent: (PacketId, ChainHash),
    single: bool,
}

impl Packet {
    fn new(id: u8, author: &'static str, parent: (PacketId, ChainHash)) -> Self {
        Self { id, author, members: "ann ben cat", parent, single: false }
    }

    fn for_members(mut self, members: &'static str) -> Self {
        self.members = members;
        self
    }

    fn single(mut self) -> Self {
        self.single = true;
        self
    }

    fn text(&self) -> [u8; 1] {
        [self.id]
    }

    fn offer_in(&self, order: &mut Order, present: &str) -> Verdict<mpenc_order::AcceptedInitial> {
        let (author, members) = (self.author.to_owned(), names(self.members));
        let proposal = Proposal {
            author: &author,
            members: &members,
            prev_pf: self.parent.0,
            prev_chain_hash: self.parent.1,
            single: self.single,
        };
        let current = names("ann ben cat");
        order.offer_initial(id(self.id), &self.text(), &proposal, &current, &channel(present))
    }

    fn offer(&self, order: &mut Order) -> Verdict<mpenc_order::AcceptedInitial> {
        self.offer_in(order, "ann ben cat dan eve")
    }

    /// Offers it, expects that it is accepted, and begins.
    fn begin(&self, order: &mut Order) -> Option<Ended<String, u8>> {
        let accepted = self.offer(order).accepted().expect("accepted");
        order.begin(accepted, self.id)
    }

    fn rejected(&self, order: &mut Order) -> RejectReason {
        match self.offer(order) {
            Verdict::Reject(reason) => reason,
            other => panic!("{other:?}"),
        }
    }

    fn ignored(&self, order: &mut Order) -> IgnoreReason {
        match self.offer(order) {
            Verdict::Ignore(reason) => reason,
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn so_07_an_order_from_scratch() {
    let mut order = Order::unsynced("ann".to_owned());
    assert!(!order.is_synced());
    assert_eq!(order.head(), None);
    order.start(id(START));
    assert!(order.is_synced());
    assert_eq!(order.head(), Some((id(START), ChainHash::start(&id(START)))));
}

#[test]
fn so_09_the_first_initial_packet_on_a_parent_is_accepted() {
    let (mut order, head) = synced("ann");
    assert!(Packet::new(1, "ben", head).begin(&mut order).is_none());
    let ongoing = order.ongoing().unwrap();
    assert_eq!((ongoing.initial(), ongoing.parent()), (id(1), id(START)));
    assert_eq!(ongoing.chain_hash(), head.1.next(&id(1), EntryType::Initial));
    assert_eq!(ongoing.members(), names("ann ben cat"));
    assert!(!ongoing.is_own() && !ongoing.is_provisional());
    assert_eq!(order.head(), Some(head), "the parent stays until the operation ends");
    // While it runs, and after it has ended.
    assert_eq!(Packet::new(2, "cat", head).rejected(&mut order), RejectReason::ParentTaken);
    let _ = order.offer_final(id(3)).accepted().unwrap();
    assert_eq!(Packet::new(2, "cat", head).rejected(&mut order), RejectReason::ParentTaken);
}

#[test]
fn so_09_the_first_final_packet_ends_the_operation() {
    let (mut order, head) = synced("ann");
    assert_eq!(
        order.offer_final(id(9)).accepted().map(|ended| ended.how()),
        None,
        "nothing runs that it could end"
    );
    Packet::new(1, "ben", head).begin(&mut order);
    let ended = order.offer_final(id(2)).accepted().unwrap();
    let chain_hash = head.1.next(&id(1), EntryType::Initial).next(&id(2), EntryType::Final);
    assert_eq!((ended.how(), ended.initial(), ended.packet_id()), (End::Final, id(1), id(2)));
    assert_eq!(ended.chain_hash(), chain_hash);
    assert_eq!((*ended.operation(), ended.members()), (1, &names("ann ben cat")[..]));
    assert!(ended.how().is_success());
    assert!(order.ongoing().is_none());
    assert_eq!(order.head(), Some((id(2), chain_hash)));
    assert!(matches!(order.offer_final(id(3)), Verdict::Ignore(IgnoreReason::NotRunning)));
}

#[test]
fn so_12_a_single_packet_is_initial_and_final() {
    let (mut order, head) = synced("ann");
    assert!(!Packet::new(1, "ben", head).offer(&mut order).accepted().unwrap().is_single());
    let single = Packet::new(1, "ben", head).single();
    let accepted = single.offer(&mut order).accepted().unwrap();
    assert!(accepted.is_single());
    assert_eq!(accepted.id(), id(1));
    let ended = single.begin(&mut order).unwrap();
    assert_eq!(ended.how(), End::Both);
    assert_eq!(ended.chain_hash(), head.1.next(&id(1), EntryType::Both));
    assert_eq!(order.head(), Some((id(1), ended.chain_hash())));
    assert!(order.ongoing().is_none());
    let next = order.head().unwrap();
    assert!(Packet::new(2, "cat", next).begin(&mut order).is_none());
}

#[test]
fn so_09_which_parents_are_taken() {
    let mut order = Order::unsynced("ann".to_owned());
    assert!(!order.is_taken(&id(START)), "who knows nothing knows of none");
    order.start(id(START));
    let head = order.head().unwrap();
    assert!(!order.is_taken(&id(START)), "nothing has followed it yet");
    Packet::new(1, "ben", head).begin(&mut order);
    assert!(order.is_taken(&id(START)), "an operation runs on it");
    assert!(!order.is_taken(&id(9)), "what is unknown may be another history");
    let _ = order.offer_final(id(2)).accepted().unwrap();
    assert!(order.is_taken(&id(START)) && order.is_taken(&id(1)));
    assert!(!order.is_taken(&id(2)), "that is the parent of what comes next");
    assert!(!order.is_taken(&id(9)));
}

#[test]
fn so_02_duplicates_of_accepted_packets_are_ignored() {
    let (mut order, head) = synced("ann");
    let initial = Packet::new(1, "ben", head);
    initial.begin(&mut order);
    assert_eq!(initial.ignored(&mut order), IgnoreReason::Duplicate);
    let _ = order.offer_final(id(2)).accepted().unwrap();
    assert_eq!(initial.ignored(&mut order), IgnoreReason::Duplicate);
    let next = order.head().unwrap();
    Packet::new(3, "cat", next).begin(&mut order);
    assert!(matches!(order.offer_final(id(2)), Verdict::Ignore(IgnoreReason::Duplicate)));
    assert!(order.ongoing().is_some(), "the old final packet does not end the new operation");
}

#[test]
fn so_10_xp_an_absent_target_member() {
    let (mut order, head) = synced("ann");
    let include = Packet::new(1, "ben", head).for_members("ann ben cat dan");
    let verdict = include.offer_in(&mut order, "ann ben cat");
    assert!(matches!(verdict, Verdict::Ignore(IgnoreReason::TargetAbsent)));
    // It has taken nobody's place.
    assert!(Packet::new(2, "cat", head).offer(&mut order).accepted().is_some());
}

#[test]
fn so_10_xp_makes_no_parent_doubtful() {
    let mut order = Order::unsynced("eve".to_owned());
    let head = (id(START), ChainHash::start(&id(START)));
    let include = Packet::new(1, "ben", head).for_members("ann ben cat dan");
    let verdict = include.offer_in(&mut order, "ann ben cat eve");
    assert!(matches!(verdict, Verdict::Ignore(IgnoreReason::TargetAbsent)));
    let include = Packet::new(2, "cat", head).for_members("ann ben cat eve");
    assert!(include.offer(&mut order).accepted().is_some());
}

#[test]
fn so_18_eio_makes_the_parent_doubtful() {
    let mut order = Order::unsynced("eve".to_owned());
    let head = (id(START), ChainHash::start(&id(START)));
    assert_eq!(Packet::new(1, "ben", head).ignored(&mut order), IgnoreReason::NotForUs);
    let ours = Packet::new(2, "cat", head).for_members("ann ben cat eve");
    assert_eq!(ours.rejected(&mut order), RejectReason::Doubtful);
    assert!(!order.is_synced());
    // On another parent there is no doubt.
    let next = (id(3), head.1);
    let ours = Packet::new(4, "cat", next).for_members("ann ben cat eve");
    assert!(ours.offer(&mut order).accepted().is_some());
}

#[test]
fn so_18_doubts_are_bounded() {
    let mut order = Order::unsynced("eve".to_owned());
    let chain_hash = ChainHash::start(&id(START));
    for number in 0..65 {
        let parent = (id(number), chain_hash);
        assert_eq!(Packet::new(200, "ben", parent).ignored(&mut order), IgnoreReason::NotForUs);
    }
    let ours =
        |parent| Packet::new(201, "ben", (id(parent), chain_hash)).for_members("ann ben cat eve");
    assert_eq!(ours(64).rejected(&mut order), RejectReason::Doubtful);
    assert_eq!(ours(1).rejected(&mut order), RejectReason::Doubtful);
    assert!(ours(0).offer(&mut order).accepted().is_some(), "the oldest gave way");
}

#[test]
fn so_19_eii_syncs_provisionally() {
    let mut order = Order::unsynced("eve".to_owned());
    let head = (id(START), ChainHash::from_bytes([5; 32]));
    let include = Packet::new(1, "ben", head).for_members("ann ben cat eve");
    let accepted = include.offer(&mut order).accepted().unwrap();
    assert!(accepted.is_provisional() && !accepted.is_own() && !accepted.supersedes_own());
    assert!(!order.is_synced(), "an offer changes nothing");
    assert!(order.begin(accepted, 1).is_none());
    assert!(order.is_synced() && order.ongoing().unwrap().is_provisional());
    assert_eq!(order.head(), Some(head));
    let other = Packet::new(2, "cat", (id(9), head.1));
    assert_eq!(other.rejected(&mut order), RejectReason::ParentTaken, "we know no history yet");
    let ended = order.offer_final(id(3)).accepted().unwrap();
    assert!(ended.was_provisional());
    assert_eq!(order.head(), Some((id(3), ended.chain_hash())));
}

#[test]
fn a_joiner_whose_first_operation_fails_is_unsynced_again() {
    let mut order = Order::unsynced("eve".to_owned());
    let head = (id(START), ChainHash::start(&id(START)));
    let include = Packet::new(1, "ben", head).for_members("ann ben cat eve");
    include.begin(&mut order);
    let ended = order.offer_abort(id(2), &id(1)).accepted().unwrap();
    assert_eq!(ended.how(), End::Abort);
    assert!(!order.is_synced() && order.ongoing().is_none());
    // Neither a copy nor another packet on that parent is taken: the parent had its operation.
    assert_eq!(include.ignored(&mut order), IgnoreReason::Duplicate);
    let again = Packet { id: 3, ..include };
    assert_eq!(again.rejected(&mut order), RejectReason::Doubtful);
    let next = (ended.packet_id(), ended.chain_hash());
    assert!(Packet { parent: next, ..again }.begin(&mut order).is_none());
}

#[test]
fn the_proposer_of_a_failed_establish_stays_synced() {
    let (mut order, head) = synced("ann");
    let establish = Packet::new(1, "ann", head).for_members("ann eve");
    order.propose(&establish.text());
    establish.begin(&mut order);
    let ended = order.offer_abort(id(2), &id(1)).accepted().unwrap();
    assert!(ended.is_own());
    assert_eq!(order.head(), Some((id(2), ended.chain_hash())));
}

#[test]
fn so_22_li_forgets_everything() {
    let (mut order, head) = synced("ann");
    order.propose(&[7]);
    Packet::new(1, "ben", head).begin(&mut order);
    order.reset();
    assert!(!order.is_synced() && !order.proposal_pending());
    assert!(order.ongoing().is_none());
    assert_eq!(order.head(), None);
}

#[test]
fn so_24_loi_a_target_member_leaves() {
    let (mut order, head) = synced("ann");
    Packet::new(1, "ben", head).for_members("ann ben dan").begin(&mut order);
    // Who is being excluded, and who has nothing to do with it, may leave.
    let after = channel("ann ben dan");
    assert!(order.members_left(&names("cat eve"), &after).is_none());
    let after = channel("ann dan");
    let ended = order.members_left(&names("ben"), &after).unwrap();
    assert_eq!(ended.how(), End::Leave);
    assert!(!ended.how().is_success());
    let packet = leave_pseudo_packet(&id(1), &[b"ben"]);
    let pseudo = PacketId::compute(b"__server__", [&b"dan"[..], b"ann"], &packet);
    assert_eq!(ended.packet_id(), pseudo);
    let chain_hash = head.1.next(&id(1), EntryType::Initial).next(&pseudo, EntryType::Leave);
    assert_eq!(order.head(), Some((pseudo, chain_hash)));
    assert!(order.members_left(&names("dan"), &channel("ann")).is_none(), "nothing runs");
}

#[test]
fn so_24_loi_names_the_batch() {
    let (mut order, head) = synced("ann");
    Packet::new(1, "ben", head).for_members("ann ben dan").begin(&mut order);
    let ended = order.members_left(&names("eve dan"), &channel("ann ben cat")).unwrap();
    let packet = leave_pseudo_packet(&id(1), &[b"dan", b"eve"]);
    let others = [&b"ann"[..], b"ben", b"cat"];
    assert_eq!(ended.packet_id(), PacketId::compute(b"__server__", others, &packet));
}

#[test]
fn so_31_an_author_outside_the_session() {
    let (mut order, head) = synced("ann");
    assert_eq!(Packet::new(1, "dan", head).rejected(&mut order), RejectReason::AuthorNotMember);
    let elsewhere = (id(55), ChainHash::start(&id(55)));
    let reason = Packet::new(2, "dan", elsewhere).rejected(&mut order);
    assert_eq!(reason, RejectReason::AuthorNotMember, "an outsider's word proves nothing");
    Packet::new(3, "ben", head).begin(&mut order);
    assert_eq!(Packet::new(1, "dan", head).rejected(&mut order), RejectReason::AuthorNotMember);
}

#[test]
fn so_32_only_the_proposal_that_we_sent_is_ours() {
    let (mut order, head) = synced("ann");
    let ours = Packet::new(1, "ann", head);
    assert_eq!(ours.rejected(&mut order), RejectReason::NotOurProposal, "nothing is pending");
    order.propose(&ours.text());
    let forged = Packet { id: 2, ..ours.clone() };
    assert_eq!(forged.rejected(&mut order), RejectReason::NotOurProposal);
    assert!(order.proposal_pending());
    let accepted = ours.offer(&mut order).accepted().unwrap();
    assert!(accepted.is_own() && !accepted.supersedes_own());
    order.begin(accepted, 0);
    assert!(order.ongoing().unwrap().is_own());
    assert!(!order.proposal_pending());
}

#[test]
fn so_32_in_our_name_to_an_unsynced_member() {
    let mut order = Order::unsynced("ann".to_owned());
    let head = (id(START), ChainHash::start(&id(START)));
    assert_eq!(Packet::new(1, "ann", head).rejected(&mut order), RejectReason::NotOurProposal);
}

#[test]
fn our_own_proposal_loses_against_a_concurrent_one() {
    let (mut order, head) = synced("ann");
    let ours = Packet::new(1, "ann", head);
    order.propose(&ours.text());
    let accepted = Packet::new(2, "ben", head).offer(&mut order).accepted().unwrap();
    assert!(accepted.supersedes_own() && !accepted.is_own());
    order.begin(accepted, 2);
    assert!(!order.proposal_pending());
    // Its echo comes second: rejected, but no forgery.
    let reason = ours.rejected(&mut order);
    assert_eq!(reason, RejectReason::ParentTaken);
    assert!(reason.is_benign());
    let _ = order.offer_final(id(3)).accepted().unwrap();
    assert_eq!(ours.rejected(&mut order), RejectReason::ParentTaken);
}

#[test]
fn a_withdrawn_proposal_is_rejected() {
    let (mut order, head) = synced("ann");
    let ours = Packet::new(1, "ann", head);
    order.propose(&ours.text());
    order.withdraw();
    assert_eq!(ours.rejected(&mut order), RejectReason::NotOurProposal);
}

#[test]
fn so_16_our_parent_with_another_history() {
    let (mut order, head) = synced("ann");
    let theirs = ChainHash::from_bytes([6; 32]);
    let reason = Packet::new(1, "ben", (head.0, theirs)).rejected(&mut order);
    assert_eq!(reason, RejectReason::ChainHashMismatch { theirs, ours: head.1 });
    assert!(!reason.is_benign());
    assert!(Packet::new(2, "cat", head).offer(&mut order).accepted().is_some());
}

#[test]
fn so_16_a_parent_that_we_never_accepted() {
    let (mut order, head) = synced("ann");
    let elsewhere = (id(55), head.1);
    let expected = RejectReason::UnknownParent { theirs: id(55), ours: head.0 };
    assert_eq!(Packet::new(1, "ben", elsewhere).rejected(&mut order), expected);
    Packet::new(2, "cat", head).begin(&mut order);
    assert_eq!(Packet::new(1, "ben", elsewhere).rejected(&mut order), expected);
    assert!(!expected.is_benign());
}

/// An operation of one packet.
fn refresh(order: &mut Order, number: u32) {
    let packet = number.to_be_bytes();
    let author = "ben".to_owned();
    let members = names("ann ben cat");
    let (prev_pf, prev_chain_hash) = order.head().unwrap();
    let proposal =
        Proposal { author: &author, members: &members, prev_pf, prev_chain_hash, single: true };
    let id = PacketId::compute(b"ben", [], &packet);
    let present = channel("ann ben cat");
    let accepted = order.offer_initial(id, &packet, &proposal, &members, &present);
    assert!(order.begin(accepted.accepted().unwrap(), 0).is_some());
}

/// An old proposal that comes again after many operations is late, and no sign of another history; a
/// parent that was never there still is one.
#[test]
fn so_16_an_old_proposal_is_no_other_history_however_old() {
    let (mut order, head) = synced("ann");
    let old = Packet::new(1, "ben", head);
    for number in 0..4_094 {
        refresh(&mut order, number);
    }
    assert!(order.is_taken(&head.0));
    assert_eq!(old.rejected(&mut order), RejectReason::ParentTaken);
    let elsewhere = Packet::new(2, "ben", (id(55), head.1));
    let ours = order.head().unwrap().0;
    let expected = RejectReason::UnknownParent { theirs: id(55), ours };
    assert_eq!(elsewhere.rejected(&mut order), expected);
    assert!(order.is_disputed());
}

/// When the first places are forgotten, nothing tells them from those that were never there: nobody
/// is accused, whatever runs. With a history that differs at our own place it is as ever.
#[test]
fn so_16_whoever_has_forgotten_places_accuses_nobody_of_unknown_ones() {
    let (mut order, head) = synced("ann");
    for number in 0..4_096 {
        refresh(&mut order, number);
    }
    let (old, elsewhere) = (Packet::new(1, "ben", head), (id(55), head.1));
    for packet in [&old, &Packet::new(2, "ben", elsewhere), &Packet::new(3, "ann", elsewhere)] {
        assert_eq!(packet.rejected(&mut order), RejectReason::ParentTaken);
    }
    let ours = order.head().unwrap();
    Packet::new(4, "cat", ours).begin(&mut order);
    assert_eq!(old.rejected(&mut order), RejectReason::ParentTaken);
    let _ = order.offer_final(id(5)).accepted().unwrap();
    assert!(!order.is_disputed());
    let theirs = ChainHash::from_bytes([6; 32]);
    let (parent, ours) = order.head().unwrap();
    let reason = Packet::new(6, "ben", (parent, theirs)).rejected(&mut order);
    assert_eq!(reason, RejectReason::ChainHashMismatch { theirs, ours });
    // Who leaves and comes again knows a new order from its beginning.
    order.start(id(START));
    let reason = Packet::new(7, "ben", elsewhere).rejected(&mut order);
    assert_eq!(reason, RejectReason::UnknownParent { theirs: id(55), ours: id(START) });
}

#[test]
fn whom_an_operation_excludes_accuses_nobody_of_another_history() {
    let (mut order, head) = synced("ann");
    Packet::new(1, "ben", head).for_members("ben cat").begin(&mut order);
    let next = Packet::new(2, "ben", (id(55), head.1));
    assert_eq!(next.rejected(&mut order), RejectReason::ParentTaken);
}

#[test]
fn fw_01_the_first_abort_ends_the_operation() {
    let (mut order, head) = synced("ann");
    let late =
        |order: &mut Order, number, aborted| match order.offer_abort(id(number), &id(aborted)) {
            Verdict::Ignore(reason) => reason,
            other => panic!("{other:?}"),
        };
    assert_eq!(late(&mut order, 5, 1), IgnoreReason::NotRunning);
    Packet::new(1, "ben", head).begin(&mut order);
    assert_eq!(late(&mut order, 6, 99), IgnoreReason::NotRunning);
    let ended = order.offer_abort(id(7), &id(1)).accepted().unwrap();
    let chain_hash = head.1.next(&id(1), EntryType::Initial).next(&id(7), EntryType::Abort);
    assert_eq!((ended.how(), ended.chain_hash()), (End::Abort, chain_hash));
    assert_eq!(late(&mut order, 8, 1), IgnoreReason::NotRunning);
    assert_eq!(order.head(), Some((id(7), chain_hash)));
    // An abort of it does not end the next one.
    Packet::new(9, "cat", (id(7), chain_hash)).begin(&mut order);
    assert_eq!(late(&mut order, 10, 1), IgnoreReason::NotRunning);
    assert!(order.ongoing().is_some());
}

#[test]
fn an_offer_without_begin_changes_nothing() {
    let (mut order, head) = synced("ann");
    drop(Packet::new(1, "ben", head).offer(&mut order).accepted().unwrap());
    assert!(order.ongoing().is_none());
    assert!(Packet::new(2, "cat", head).begin(&mut order).is_none());
    assert_eq!(order.ongoing().unwrap().initial(), id(2));
}

#[test]
fn an_overtaken_token_begins_nothing() {
    let (mut order, head) = synced("ann");
    let first = Packet::new(1, "ben", head).offer(&mut order).accepted().unwrap();
    let second = Packet::new(2, "cat", head).offer(&mut order).accepted().unwrap();
    assert!(order.begin(first, 1).is_none());
    assert!(order.ongoing().is_none());
    assert!(order.begin(second, 2).is_none());
    assert!(order.ongoing().is_none(), "the first token has used up the offer");

    let accepted = Packet::new(3, "ben", head).offer(&mut order).accepted().unwrap();
    order.reset();
    assert!(order.begin(accepted, 3).is_none());
    assert!(!order.is_synced());
}

#[test]
fn the_operation_can_be_advanced() {
    let (mut order, head) = synced("ann");
    Packet::new(1, "ben", head).begin(&mut order);
    *order.ongoing_mut().unwrap().operation_mut() = 42;
    assert_eq!(*order.ongoing().unwrap().operation(), 42);
    let mut ended = order.offer_final(id(2)).accepted().unwrap();
    *ended.operation_mut() += 1;
    assert_eq!(ended.into_operation(), 43);
}

#[test]
fn so_16_another_history_disputes_the_order_until_we_leave() {
    let (mut order, head) = synced("ann");
    assert!(!order.is_disputed());
    let theirs = ChainHash::from_bytes([6; 32]);
    let reason = Packet::new(1, "ben", (head.0, theirs)).rejected(&mut order);
    assert!(reason.is_order_mismatch());
    assert!(order.is_disputed());
    // What others propose on our history is decided as ever, and the dispute stays.
    Packet::new(2, "cat", head).begin(&mut order);
    let _ = order.offer_final(id(3)).accepted().unwrap();
    assert!(order.is_disputed());
    order.reset();
    assert!(!order.is_disputed());

    let (mut order, head) = synced("ann");
    Packet::new(1, "cat", head).begin(&mut order);
    let reason = Packet::new(2, "ben", (id(55), head.1)).rejected(&mut order);
    assert!(reason.is_order_mismatch() && order.is_disputed(), "while an operation runs, too");
}

#[test]
fn so_16_an_order_ack_disputes_the_order() {
    let (mut order, head) = synced("ann");
    let ours = Packet::new(1, "ann", head);
    order.propose(&ours.text());
    order.dispute();
    assert!(order.is_disputed());
    // Our own proposal that is under way is still one that the others may accept.
    assert!(ours.begin(&mut order).is_none());
    let mut unsynced = Order::unsynced("ann".to_owned());
    unsynced.dispute();
    assert!(!unsynced.is_disputed(), "there is no history to dispute");
}

#[test]
fn concurrent_starts_are_no_dispute() {
    let (mut order, head) = synced("ann");
    let theirs = (id(55), ChainHash::start(&id(55)));
    let establish = Packet::new(1, "dan", theirs).for_members("ann dan");
    assert_eq!(establish.rejected(&mut order), RejectReason::AuthorNotMember);
    assert!(!RejectReason::AuthorNotMember.is_order_mismatch() && !order.is_disputed());
    assert_eq!(order.head(), Some(head));
}

#[test]
fn so_32_what_we_never_proposed_is_no_evidence() {
    let (mut order, head) = synced("ann");
    for forged in [
        Packet::new(1, "ann", (id(55), head.1)),
        Packet::new(2, "ann", (head.0, ChainHash::from_bytes([6; 32]))),
    ] {
        assert_eq!(forged.rejected(&mut order), RejectReason::NotOurProposal);
    }
    Packet::new(3, "ben", head).begin(&mut order);
    let forged = Packet::new(4, "ann", (id(55), head.1));
    assert_eq!(forged.rejected(&mut order), RejectReason::NotOurProposal);
    assert!(!order.is_disputed());
}

#[test]
fn a_completed_candidate_is_where_the_order_goes_on() {
    let (mut group, head) = synced("ann");
    let include = Packet::new(1, "ben", head).for_members("ann ben cat eve");
    include.begin(&mut group);
    let mut candidates = Candidates::new("eve".to_owned());
    let members = names(include.members);
    let author = "ben".to_owned();
    let proposal = Proposal {
        author: &author,
        members: &members,
        prev_pf: head.0,
        prev_chain_hash: head.1,
        single: false,
    };
    let channel = channel("ann ben cat dan eve");
    let candidacy = candidates.offer(id(1), &author, &proposal, true, &channel).accepted().unwrap();
    assert!(!candidacy.is_doubtful());
    assert!(candidates.begin(candidacy, ()).is_none());
    let ongoing = candidates.find(&id(1)).unwrap();
    assert_eq!(ongoing.chain_hash(), group.ongoing().unwrap().chain_hash());
    let completion = candidates.complete(&id(1), id(2)).unwrap();
    let ended = group.offer_final(id(2)).accepted().unwrap();

    let mut joiner = Order::unsynced("eve".to_owned());
    joiner.adopt(&completion.ended);
    assert_eq!(joiner.head(), Some((id(2), ended.chain_hash())));
    assert_eq!(joiner.head(), group.head());
    // It knows what was accepted: copies, and proposals that came too late.
    assert_eq!(include.ignored(&mut joiner), IgnoreReason::Duplicate);
    let late = Packet::new(3, "cat", head);
    assert_eq!(late.rejected(&mut joiner), RejectReason::ParentTaken);
    assert!(matches!(joiner.offer_final(id(2)), Verdict::Ignore(IgnoreReason::Duplicate)));
    // Who is synced adopts nothing.
    let (mut other, start) = synced("ann");
    other.adopt(&completion.ended);
    assert_eq!(other.head(), Some(start));
}
