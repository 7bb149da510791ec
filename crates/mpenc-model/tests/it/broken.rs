//! Rules that are broken on purpose, each for one member: the model must find them.

use std::collections::BTreeSet;

use mpenc_model::checked::{AGREEMENT, AT_ONE, Bounds, LIVE, SEEN};
use mpenc_model::name::Name;
use mpenc_model::rules::{Acks, Operation, Order, Rules};
use mpenc_model::world::Budget;
use mpenc_order::{
    AcceptedInitial, AckVerdict, ChainHash, Ended, IgnoreReason, PacketId, Proposal, RejectReason,
    UnknownAck, Verdict,
};

use super::{NOTHING, bounds, explore};

fn is_b(name: Name) -> bool {
    Some(name) == Name::at(1)
}

/// What is violated, and how.
fn finds(bounds: Bounds, rules: impl Rules) -> (&'static str, String) {
    let report = explore(bounds, rules);
    let violation = report.violation.expect("nothing was found");
    (violation.property, violation.script.join("\n"))
}

/// The last one wins, and not the first: two operations are accepted on one parent.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct LastWins;

impl Rules for LastWins {
    fn offer_initial(
        self,
        own: Name,
        order: &mut Order,
        id: PacketId,
        packet: &[u8],
        proposal: &Proposal<'_, Name>,
        current: &[Name],
        channel: &BTreeSet<Name>,
    ) -> Verdict<AcceptedInitial> {
        let verdict = order.offer_initial(id, packet, proposal, current, channel);
        let late = matches!(verdict, Verdict::Reject(RejectReason::ParentTaken));
        if late && is_b(own) && *proposal.author != own {
            let mut other = Order::unsynced(own);
            let again = other.offer_initial(id, packet, proposal, current, channel);
            if matches!(again, Verdict::Accept(_)) {
                *order = other;
                return again;
            }
        }
        verdict
    }

    fn is_taken(self, own: Name, order: &Order, author: Name, parent: &PacketId) -> bool {
        order.is_taken(parent) && (!is_b(own) || author == own)
    }
}

#[test]
fn two_operations_on_one_parent() {
    let (property, script) = finds(bounds(Budget { proposals: 2, ..NOTHING }), LastWins);
    assert_eq!(property, AGREEMENT, "{script}");
    assert!(script.contains("Begins { by: b }") && script.contains(" 4. "), "{script}");
    assert!(!script.contains(" 7. "), "this can be shorter: {script}");
}

/// Who leaves is not noticed.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Deaf;

impl Rules for Deaf {
    fn member_left(
        self,
        own: Name,
        order: &mut Order,
        leaver: Name,
        channel: &BTreeSet<Name>,
    ) -> Option<Ended<Name, Operation>> {
        if is_b(own) {
            return None;
        }
        order.members_left(&[leaver], channel)
    }
}

#[test]
fn one_who_ignores_leaves() {
    let budget = Budget { proposals: 1, leaves: 1, ..NOTHING };
    assert_eq!(finds(bounds(budget), Deaf).0, AT_ONE);
}

/// If all ignore leaves, all agree; but an operation without one of its members can never end, as
/// nobody who is left aborts it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Stubborn;

impl Rules for Stubborn {
    fn member_left(
        self,
        _own: Name,
        _order: &mut Order,
        _leaver: Name,
        _channel: &BTreeSet<Name>,
    ) -> Option<Ended<Name, Operation>> {
        None
    }

    fn offer_abort(
        self,
        _own: Name,
        _order: &mut Order,
        _id: PacketId,
        _aborted: &PacketId,
    ) -> Verdict<Ended<Name, Operation>> {
        Verdict::Ignore(IgnoreReason::NotRunning)
    }
}

#[test]
fn operations_that_never_end() {
    let budget = Budget { proposals: 1, leaves: 1, ..NOTHING };
    assert_eq!(finds(bounds(budget), Stubborn).0, AT_ONE);
}

/// Two members can never change anything.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Frozen;

impl Rules for Frozen {
    fn offer_initial(
        self,
        _own: Name,
        order: &mut Order,
        id: PacketId,
        packet: &[u8],
        proposal: &Proposal<'_, Name>,
        current: &[Name],
        channel: &BTreeSet<Name>,
    ) -> Verdict<AcceptedInitial> {
        if current.len() == 2 {
            return Verdict::Ignore(IgnoreReason::TargetAbsent);
        }
        order.offer_initial(id, packet, proposal, current, channel)
    }
}

/// Nobody disagrees, and nothing is under way: only the search for what can still be reached tells.
#[test]
fn a_group_that_cannot_change() {
    assert_eq!(finds(bounds(Budget { proposals: 1, ..NOTHING }), Frozen).0, LIVE);
}

/// Aborts are not noticed.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct LateAborts;

impl Rules for LateAborts {
    fn offer_abort(
        self,
        own: Name,
        order: &mut Order,
        id: PacketId,
        aborted: &PacketId,
    ) -> Verdict<Ended<Name, Operation>> {
        if is_b(own) {
            return Verdict::Ignore(IgnoreReason::NotRunning);
        }
        order.offer_abort(id, aborted)
    }
}

#[test]
fn one_who_ignores_aborts() {
    let budget = Budget { proposals: 1, aborts: 1, ..NOTHING };
    assert_eq!(finds(bounds(budget), LateAborts).0, AGREEMENT);
}

/// What others say of the order is never what we know.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Suspicious;

impl Rules for Suspicious {
    fn on_ack(
        self,
        _own: Name,
        acks: &mut Acks,
        member: Name,
        packet: PacketId,
        chain_hash: ChainHash,
    ) -> AckVerdict {
        let _ = chain_hash;
        acks.on_ack(&member, packet, ChainHash::from_bytes([0; 32]))
    }
}

#[test]
fn a_false_alarm() {
    let budget = Budget { messages: 1, ..NOTHING };
    assert_eq!(finds(bounds(budget), Suspicious).0, AT_ONE);
}

/// What others say of the order is believed to be ours.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Gullible;

impl Rules for Gullible {
    fn on_ack(
        self,
        _own: Name,
        _acks: &mut Acks,
        _member: Name,
        _packet: PacketId,
        _chain_hash: ChainHash,
    ) -> AckVerdict {
        AckVerdict::Match
    }
}

#[test]
fn divisions_that_nobody_sees() {
    let budget = Budget { proposals: 1, lies: 1, ..NOTHING };
    assert_eq!(finds(bounds(budget), Gullible).0, SEEN);
}

/// Acks for unknown packets are held, and held.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Patient;

impl Rules for Patient {
    fn give_up(
        self,
        _own: Name,
        _acks: &mut Acks,
        _member: Name,
        _packet: &PacketId,
    ) -> Option<UnknownAck> {
        None
    }
}

#[test]
fn unknown_packets_that_nobody_minds() {
    let budget = Budget { proposals: 1, lies: 1, ..NOTHING };
    assert_eq!(finds(bounds(budget), Patient).0, SEEN);
}

/// Whoever is not in the channel can be proposed to.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct AbsentTargets;

impl Rules for AbsentTargets {
    fn offer_initial(
        self,
        own: Name,
        order: &mut Order,
        id: PacketId,
        packet: &[u8],
        proposal: &Proposal<'_, Name>,
        current: &[Name],
        channel: &BTreeSet<Name>,
    ) -> Verdict<AcceptedInitial> {
        let mut channel = channel.clone();
        if is_b(own) {
            channel.extend(proposal.members);
        }
        order.offer_initial(id, packet, proposal, current, &channel)
    }
}

/// XP: what names somebody who is gone is accepted by one, and ignored by the others.
#[test]
fn one_who_accepts_what_cannot_complete() {
    let budget = Budget { proposals: 2, leaves: 1, ..NOTHING };
    assert_eq!(finds(bounds(budget), AbsentTargets).0, AT_ONE);
}
