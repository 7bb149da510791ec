//! Replays whole sessions: every member of a recording of the first implementation by itself, as a
//! session that is given what the member did, saw and drew, and the recording's clock.
//!
//! # What is compared
//!
//! Each by itself, in order, with its time:
//!
//! - packets that it sent, octet for octet;
//! - requests to the channel to enter, when the user wants to join, and to let those in who are to
//!   be included and are not there;
//! - messages in the user's log: id, author, readers, text and distances to their parents;
//! - changes of the members, as the user is told of them. Here, whoever leaves the channel is told
//!   just that; there, that all others were excluded;
//! - draws: their sizes in order, and that none is left. Draws beyond the recorded ones are no
//!   difference by themselves; what is made of them would be.
//!
//! # What is not
//!
//! - What the first implementation refused at once is not asked for: ours may well do it.
//! - `part` by somebody in no session: there, that does nothing.
//! - What ours refuses at once is not done: a second proposal while one is on its way, which there
//!   is never blocked. Had it led to packets, those would be missing.
//! - Requests to leave, to remove others, and to enter again without the user. Most are as recorded.
//!   But here, whoever is left alone does not ask for the removal of those it excluded; a
//!   sub-session ends when everything in it is acked, there when everything of ours is; and whoever
//!   was removed while waiting enters again, even if it was invited and its user never joined. What
//!   the channel made of the recorded requests is given to the session as it was.
//!
//! # Time
//!
//! Before an entry, timers run that are due strictly before it; timers due at the same time run
//! after all that was received at that time. What was handed over in one tick as a whole
//! (`same_tick`) is put in the order in which it took effect there: [`script`].

mod draws;
mod exceptions;
mod player;
mod script;
mod seen;
mod streams;

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::{Context as _, Result, bail};
use mpenc::{LocalIdentity, MemberId};

use super::format::{Line, Recording};
use super::report::Report;
use draws::Draws;
use exceptions::Exceptions;
use player::Player;
use script::{Place, Script, member};
use streams::{Difference, Streams};

/// More steps of the clock than any recording has.
const TICKS: usize = 100_000;

/// Everybody's identity keys.
type Identities = BTreeMap<MemberId, [u8; 32]>;

/// Replays all members of a strict recording.
pub(super) fn replay(recording: &Recording, report: &mut Report) -> Result<()> {
    if !recording.strict {
        bail!("it is not strict: whoever made it failed internally, by its own rules")
    }
    let mut identities = Identities::new();
    for (name, identity) in &recording.members {
        identities.insert(member(name)?, identity.public_key.0);
    }
    let identities = Arc::new(identities);
    let exceptions = Exceptions::load()?.of(&recording.name);
    for (name, lines) in &recording.per_member {
        let (differences, packets) = replay_member(recording, &identities, name, lines)?;
        report.packets = report.packets.saturating_add(packets);
        let first = differences.first().map(|first| first.place.entry);
        match exceptions.get(name) {
            Some(&listed) if first == Some(listed) => continue,
            Some(listed) => {
                let place = format_args!("{name}, entry {listed}");
                report.differs(place, "it is listed as the first difference, and is not");
            }
            None => {}
        }
        tell(name, &differences, report);
    }
    for name in exceptions.keys().filter(|name| !recording.per_member.contains_key(*name)) {
        report.differs(name, "it is listed as different, and has no entries");
    }
    if !exceptions.is_empty() {
        let listed: Vec<String> =
            exceptions.iter().map(|(name, entry)| format!("{name} up to entry {entry}")).collect();
        report.remark = Some(format!("{}: see docs/INTEROP.md", listed.join(", ")));
    }
    Ok(())
}

fn tell(name: &str, differences: &[Difference], report: &mut Report) {
    for difference in differences {
        let Place { entry, at } = difference.place;
        report.differs(format_args!("{name}, entry {entry}, at {at} ms"), difference);
    }
}

/// The differences of one member, and how many packets were the same.
fn replay_member(
    recording: &Recording,
    identities: &Arc<Identities>,
    name: &str,
    lines: &[Line],
) -> Result<(Vec<Difference>, usize)> {
    let identity = recording.members.get(name);
    let identity = identity.with_context(|| format!("{name:?} has entries, and no identity"))?;
    let own = member(name)?;
    let draws = recording.random.get(name).map_or(&[][..], Vec::as_slice);
    let script = Script::new(recording, &own, lines)?;
    let options = recording.member_options.get(name).copied().unwrap_or_default();
    let mut stage = Stage {
        player: Player::new(
            own,
            LocalIdentity::from_seed(&identity.seed.0),
            Arc::clone(identities) as _,
            player::config(&recording.flow_control, options),
            Draws::new(draws),
        ),
        streams: Streams::new(script.expected),
    };
    for step in &script.steps {
        stage.run_clock(step.place)?;
        stage.streams.overdue(step.place.at);
        match stage.player.play(step.place.at, &step.cue) {
            Ok(seen) => stage.compare(step.place, &seen),
            Err(_) => stage.streams.refused(step.place),
        }
    }
    let end = Place { entry: lines.len(), at: recording.end.saturating_add(1) };
    stage.run_clock(end)?;
    stage.streams.overdue(u64::MAX);
    let left = stage.player.draws().left();
    if left > 0 && stage.streams.are_same() {
        let what = format_args!("{left} recorded draws were never drawn");
        stage.streams.differs(Difference::new(end, what));
    }
    Ok(stage.streams.finish())
}

/// A session, and what is still expected of it.
struct Stage {
    player: Player,
    streams: Streams,
}

impl Stage {
    /// Timers that are due before this.
    fn run_clock(&mut self, next: Place) -> Result<()> {
        for _ in 0..TICKS {
            match self.player.next_deadline() {
                Some(deadline) if deadline < next.at => {
                    let seen = self.player.tick(deadline);
                    self.compare(Place { at: deadline, ..next }, &seen);
                }
                _ => return Ok(()),
            }
        }
        bail!("a session that wants {TICKS} ticks before {} ms is broken", next.at)
    }

    fn compare(&mut self, here: Place, seen: &[seen::Seen]) {
        seen.iter().for_each(|seen| self.streams.take(here, seen));
        if let Some(fault) = self.player.draws().take_fault() {
            self.streams.differs(Difference::new(here, fault));
        }
    }
}
