//! Replays a recording of the first implementation: every member makes its packets again, from its
//! draws and from what the channel told it.
//!
//! When to propose and what to write is session policy, and is read from the recording. Parents and
//! latest messages are not: they follow from what the member had accepted.

mod index;
mod track;
mod transcript;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use anyhow::Result;
use mpenc_greet::LocalIdentity;
use mpenc_wire::{Dialect, MemberId};

use super::codec::again;
use super::difference::difference;
use super::draws::Draws;
use super::format::{ChannelKind, Recording};
use super::manifest;
use super::member::Member;
use super::report::Report;
use super::signatures::Keys;
use index::Index;
use track::Track;

pub(super) const DIALECT: Dialect = Dialect::MPENC_JS;

/// Which of the channel's packets were made again, octet for octet.
pub(super) type MadeAgain = BTreeSet<usize>;

/// Replays a whole recording.
pub(super) fn replay(recording: &Recording, report: &mut Report) -> Result<()> {
    if recording.strict {
        let made = make_again(recording, report);
        for at in packets(recording).map(|(at, ..)| at).filter(|at| !made.contains(at)) {
            report.differs(format_args!("channel {at}"), "nobody made this packet again");
        }
        return Ok(());
    }
    let mut scratch = Report::default();
    let made = make_again(recording, &mut scratch);
    report.packets = scratch.packets;
    manifest::compare(recording, &made, report)
}

fn make_again(recording: &Recording, report: &mut Report) -> MadeAgain {
    let mut made = MadeAgain::new();
    let index = match Index::new(recording) {
        Ok(index) => index,
        Err(fault) => {
            report.differs(&recording.name, fault);
            return made;
        }
    };
    report.packets = index.packets();
    for name in recording.per_member.keys() {
        match join(recording, &index, name, report) {
            Some(member) => Track::new(recording, &index, name, member).run(report, &mut made),
            None => report.differs(name, "it has entries, but is no member"),
        }
    }
    check_alone(recording, report);
    made
}

/// All packets that the channel ordered: their place, sender and text.
fn packets(recording: &Recording) -> impl Iterator<Item = (usize, &str, &str)> {
    recording.channel.iter().enumerate().filter_map(|(at, event)| match &event.kind {
        ChannelKind::Packet { packet } => Some((at, event.sender.as_str(), packet.as_str())),
        ChannelKind::Members { .. } => None,
    })
}

/// What can be said of the packets without the members: they survive being taken apart, and their
/// signatures verify.
fn check_alone(recording: &Recording, report: &mut Report) {
    let mut keys = Keys::new(DIALECT);
    for subsession in &recording.subsessions {
        keys.learn_session(&subsession.session_id.0, &subsession.group_key.0);
    }
    packets(recording).for_each(|(_, _, packet)| keys.learn(packet));
    for (at, sender, packet) in packets(recording) {
        let place = format_args!("channel {at}");
        match again(DIALECT, packet) {
            Ok(ours) if ours == packet => {}
            Ok(ours) => report.differs(place, difference(packet, &ours)),
            Err(fault) => report.differs(place, fault),
        }
        if !id(sender).is_some_and(|sender| keys.verify(&sender, packet)) {
            report.differs(place, "the signature does not verify");
        }
    }
}

/// A member outside the channel; it knows everybody's identity.
fn join(
    recording: &Recording,
    index: &Index<'_>,
    name: &str,
    report: &mut Report,
) -> Option<Member> {
    let identity = recording.members.get(name)?;
    let signer = LocalIdentity::from_seed(&identity.seed.0);
    report.expect_eq(name, "its identity key", &identity.public_key.0, &signer.public_key());
    let draws = recording.random.get(name).into_iter().flatten();
    let draws = Draws::new(draws.map(|draw| (draw.what, draw.octets.0.clone())));
    let identities: Arc<BTreeMap<MemberId, [u8; 32]>> = Arc::clone(index.identities());
    Some(Member::new(DIALECT, id(name)?, signer.into_signer(), identities, draws))
}

pub(super) fn id(name: &str) -> Option<MemberId> {
    MemberId::new(DIALECT, name).ok()
}

pub(super) fn ids<C: FromIterator<MemberId>>(names: &[String]) -> C {
    names.iter().filter_map(|name| id(name)).collect()
}
