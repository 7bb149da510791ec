//! What is asked of a world in which nothing is under way.
//!
//! Each question is put to a copy, in which time has passed first ([`settled`]).

use crate::action::Action;
use crate::effects::Effects;
use crate::member::{Change, Manner, Member};
use crate::name::{Name, Names};
use crate::packet::{Data, Key};
use crate::rules::Rules;
use crate::world::{World, Wrong};

/// How often members may give up what has stalled, after a server has lied to them, before they are
/// left alone: some have no key in common with those whom they try to reach, and try for ever.
const PATIENCE: usize = 6;

/// What becomes of a world when time passes, on a channel that is honest from now on: all is heard,
/// every timer fires, order acks are written and heard, then what has stalled is aborted, and who was
/// excluded goes.
#[must_use]
pub fn settled<R: Rules>(world: &World, manner: Manner<R>) -> World {
    let mut world = world.clone();
    let mut given_up = 0;
    for _ in 0..100 {
        world.drain(manner);
        if world.wrong.is_some() {
            return world;
        }
        let room = world.room();
        let find = |test: fn(&Member) -> bool| {
            room.iter().find(|&name| world.member(name).is_some_and(test))
        };
        if let Some(name) = find(|member| member.turn) {
            world.apply(manner, Action::Turn(name), None);
            continue;
        }
        let overdue = find(|member| member.may_abort().is_some() || !member.waiting.is_empty());
        let excluded = room.iter().find(|&name| world.is_excluded(name));
        exchange(&mut world, manner);
        match (overdue, excluded) {
            (Some(name), _) if !world.lying || given_up < PATIENCE => {
                given_up += 1;
                world.apply(manner, Action::Overdue(name), None);
            }
            (_, Some(name)) => world.apply(manner, Action::Removed(name), None),
            _ => return world,
        }
    }
    world.wrong = Some(Wrong::Fault("time passes, and it is never quiet"));
    world
}

/// Everybody writes once, in the sub-session and in the one before, as members do who end the one
/// and confirm the other; everybody hears it; and the time of packets that stay unknown passes.
pub fn exchange<R: Rules>(world: &mut World, manner: Manner<R>) {
    let room = world.room();
    let written: Vec<(Name, Data)> = world
        .members()
        .filter(|member| room.has(member.own))
        .flat_map(|member| {
            let order = member.acks.to_attach();
            let subs = [member.previous, member.current].into_iter().flatten();
            let data = move |key| Data { sub: key, serial: 0, acks: None, order };
            subs.map(move |sub| (member.own, data(sub.key)))
        })
        .collect();
    for reader in room.iter() {
        world.step(manner, reader, None, |member, out| {
            let channel = member.inside.map(|inside| inside.channel).unwrap_or_default();
            let heard =
                written.iter().filter(|(author, _)| *author != reader && channel.has(*author));
            for (author, data) in heard {
                if let Some((packet, hash)) = data.order
                    && member.opens(data, *author)
                {
                    member.hear_history(manner, *author, packet, hash, out);
                }
            }
        });
    }
    for reader in room.iter() {
        world.step(manner, reader, None, |member, out| member.give_up_unknown(manner, out));
    }
}

/// How two members stand to each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Division {
    /// They are at one; or neither counts the other as a member whom they can talk to.
    None,
    /// They are not, and one who counts on the other has told their user: a security event.
    Seen,
    /// They are not, and cannot talk: they have no sub-session in common, or one believes that the other
    /// has left, and refuses their packets. Who counts on the other has told their user that no ack
    /// comes from them: of the order, or of what they write.
    Silent,
    /// They are not, and nobody was told.
    Unseen,
}

/// How all pairs stand in a world that has [`settled`].
pub fn divisions(settled: &World) -> impl Iterator<Item = Division> {
    let here = || settled.members().filter(|member| settled.room().has(member.own));
    here().flat_map(move |one| {
        here().filter(|other| one.own < other.own).map(move |other| division(one, other))
    })
}

fn division(one: &Member, other: &Member) -> Division {
    let concerned: Vec<(&Member, &Member)> = [(one, other), (other, one)]
        .into_iter()
        .filter(|(member, peer)| member.counts(peer.own))
        .collect();
    let same = concerned.len() == 2
        && one.members == other.members
        && one.order.head() == other.order.head()
        && one.current == other.current;
    if concerned.is_empty() || same {
        return Division::None;
    }
    if concerned.iter().any(|(member, _)| member.alarmed) {
        return Division::Seen;
    }
    let subs = |member: &Member| [member.current, member.previous].into_iter().flatten();
    let keys = subs(one).any(|sub| subs(other).any(|theirs| theirs.key == sub.key));
    let talk = keys && one.hears(other.own) && other.hears(one.own);
    // Whoever is not heard is not acked either.
    let misses = concerned
        .iter()
        .any(|(member, peer)| member.misses_ack_of(peer.own) || !peer.hears(member.own));
    if misses && !talk { Division::Silent } else { Division::Unseen }
}

/// Whether, on an honest channel, all is as it should be in a world that has [`settled`]: those who
/// count on each other have the same members and the same order, and nobody was told otherwise.
#[must_use]
pub fn is_at_one(settled: &World) -> bool {
    settled.wrong.is_none()
        && settled.members().all(|member| !member.alarmed)
        && divisions(settled).all(|division| division == Division::None)
}

/// Whether an operation can be proposed in a world that has [`settled`], and completes for all of its
/// members. Whoever is outside may enter the channel first, where it needs that.
#[must_use]
pub fn can_complete<R: Rules>(settled: &World, manner: Manner<R>) -> bool {
    let mut world = settled.clone();
    let outside = world.names().filter(|&name| !world.room().has(name)).collect::<Vec<_>>();
    let mut outside = outside.into_iter();
    loop {
        if world.wrong.is_some() {
            return false;
        }
        let completes = |(name, change)| completes(&world, manner, name, change);
        if possible(&world).into_iter().any(completes) {
            return true;
        }
        let Some(next) = outside.next() else { return false };
        world.admit(next);
        world = self::settled(&world, manner);
    }
}

fn possible(world: &World) -> Vec<(Name, Change)> {
    let room = world.room();
    let here = world.members().filter(|member| room.has(member.own));
    here.flat_map(|member| {
        let changes = [
            Change::Include(room.minus(member.members)),
            Change::Refresh,
            Change::Exclude(member.to_exclude),
            Change::Exclude(member.members.without(member.own)),
        ];
        let possible = changes.into_iter().filter(|&change| member.may_propose(change).is_some());
        possible.map(|change| (member.own, change)).collect::<Vec<_>>()
    })
    .collect()
}

fn completes<R: Rules>(world: &World, manner: Manner<R>, name: Name, change: Change) -> bool {
    let mut world = world.clone();
    let mut proposed: Option<(Key, Names)> = None;
    world.step(manner, name, None, |member, out: &mut Effects| {
        let members = member.may_propose(change).map(|(_, members)| members);
        member.propose(change, out);
        proposed = member.proposal.zip(members);
    });
    let world = settled(&world, manner);
    let Some((key, members)) = proposed else { return false };
    world.wrong.is_none()
        && members
            .iter()
            .all(|name| world.member(name).is_some_and(|member| member.completed == Some(key)))
}
