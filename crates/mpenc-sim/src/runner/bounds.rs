//! What must hold of a session after each input: it keeps no more than it may, what it refuses leaves
//! it as it was, what it does for one packet is bounded, and its deadlines get somewhere.

use core::time::Duration;
use std::collections::BTreeMap;

use mpenc::order::{ChainHash, PacketId};
use mpenc::session::{Fault, Footprint};
use mpenc::{Event, MemberId, MessageId, Session, State, Suite};
use mpenc_session::Instant;

use super::null;
use crate::{NodeId, Notice, Record, What};

/// Packets of one sender that nothing opens.
const HELD: usize = 16;
/// Octets of all of them.
const HELD_OCTETS: usize = 256 * 1024;
/// Octets of packets to be sent again, of two sub-sessions.
const KEPT_OCTETS: usize = 2 * 4 * 1024 * 1024;
/// Deadlines: a few for each packet of the last minutes.
const DEADLINES: usize = 1_024;
/// Places of the server's order.
const PLACES: usize = 256;
/// How many signatures a packet costs, beside those of what waits and is tried again with it.
const SIGNATURES: u64 = 64;
/// How often a session is woken at one moment.
const WAKINGS: u32 = 8;
/// How often it is woken in vain, beside once for each deadline that something has set: in a row, with
/// less than this between one time and the next. Whose heartbeats are held up is woken for each.
const IN_VAIN: usize = 32;
const ROW: Duration = Duration::from_secs(5);

/// What can be seen of a session's state. Deadlines themselves are not: those that nothing is to be
/// said of any more may pass.
#[derive(Clone, Debug, PartialEq, Eq)]
struct View {
    state: State,
    members: Vec<MemberId>,
    in_channel: usize,
    order: Option<(PacketId, ChainHash)>,
    running: Option<mpenc::greet::Progress>,
    lines: usize,
    unacked: Vec<MessageId>,
    unaccepted: Vec<MessageId>,
    unconfirmed: Vec<MemberId>,
    waiting: usize,
    forkers: usize,
    consistent: bool,
    footprint: Footprint,
}

impl View {
    fn of<S: Suite>(session: &Session<S>) -> Self {
        Self {
            state: session.state(),
            members: session.members().to_vec(),
            in_channel: session.channel_members().count(),
            order: session.order_head(),
            running: session.operation_progress(),
            lines: session.messages().lines().len(),
            unacked: session.unacked().collect(),
            unaccepted: session.unaccepted().collect(),
            unconfirmed: session.history_unconfirmed_by(),
            waiting: session.waiting().count(),
            forkers: session.forkers().count(),
            consistent: session.is_consistent(),
            footprint: session.footprint(),
        }
    }
}

/// How often a session was woken by its deadlines.
#[derive(Clone, Copy, Debug, Default)]
struct Wakings {
    at: Instant,
    /// At this moment, one after the other.
    here: u32,
    /// In vain, since something else happened.
    in_vain: usize,
    /// How many deadlines there were then.
    deadlines: usize,
}

/// Sees each session after each input.
#[derive(Debug, Default)]
pub(crate) struct Bounds {
    views: BTreeMap<NodeId, View>,
    wakings: BTreeMap<NodeId, Wakings>,
}

/// What is not as it should be.
#[derive(Debug, Default)]
pub(crate) struct Broken {
    pub(crate) what: Vec<String>,
    /// Whether time will not go on.
    pub(crate) stuck: bool,
}

impl Bounds {
    /// A session's user did something, of which there may be no record.
    pub(crate) fn forget(&mut self, node: NodeId) {
        self.views.remove(&node);
    }

    /// One input, and what a session of these many people's did.
    pub(crate) fn see<S: Suite>(
        &mut self,
        node: NodeId,
        session: &Session<S>,
        records: &[Record],
        people: usize,
    ) -> Broken {
        let signatures = null::take_signatures();
        let after = View::of(session);
        let mut broken = Broken::default();
        if is_too_much(&after.footprint, people) {
            broken.what.push(format!("it keeps too much: {:?}", after.footprint));
        }
        let before = self.views.insert(node, after.clone());
        if let Some(before) = before {
            // What waits may be tried again, under each of the keys that there may be.
            let waiting = before.footprint.held.saturating_add(before.footprint.unaccepted);
            let waiting = u64::try_from(waiting).unwrap_or(u64::MAX);
            let most = SIGNATURES.saturating_add(waiting.saturating_mul(4));
            if signatures > most {
                broken.what.push(format!("one input took {signatures} signatures"));
            }
            if is_refusal(records) && before != after {
                broken.what.push(format!("what was refused made of {before:?} this: {after:?}"));
            }
        }
        let Footprint { deadlines, held, unaccepted, .. } = after.footprint;
        // What waits has one deadline in common, which is set again for each.
        let deadlines = deadlines.saturating_add(held).saturating_add(unaccepted);
        self.wake(node, records, deadlines, &mut broken);
        broken
    }

    fn wake(&mut self, node: NodeId, records: &[Record], deadlines: usize, broken: &mut Broken) {
        let wakings = self.wakings.entry(node).or_default();
        let Some(Record { at, what: What::Ticked, .. }) = records.first() else {
            *wakings = Wakings { deadlines, ..Wakings::default() };
            return;
        };
        if at.since(wakings.at) > ROW {
            *wakings = Wakings { deadlines, ..Wakings::default() };
        }
        wakings.here = if wakings.at == *at { wakings.here.saturating_add(1) } else { 1 };
        wakings.at = *at;
        if records.len() > 1 {
            (wakings.in_vain, wakings.deadlines) = (0, deadlines);
        } else {
            wakings.in_vain = wakings.in_vain.saturating_add(1);
        }
        if wakings.here > WAKINGS {
            broken.what.push(format!("its deadline is always due: {} times now", wakings.here));
            broken.stuck = true;
        } else if wakings.in_vain > wakings.deadlines.saturating_add(IN_VAIN) {
            broken.what.push(format!("it is woken for nothing {} times", wakings.in_vain));
            broken.stuck = true;
        }
    }
}

fn is_too_much(footprint: &Footprint, people: usize) -> bool {
    let room = people.saturating_mul(64).isqrt().max(16).saturating_mul(4);
    footprint.held > people.saturating_mul(HELD)
        || footprint.held_octets > HELD_OCTETS
        // Those that wait, and four times as many that there was no room for; in two sub-sessions.
        || footprint.unaccepted > room.saturating_mul(10)
        || footprint.kept_octets > KEPT_OCTETS
        || footprint.deadlines > DEADLINES
        || footprint.places > PLACES
}

/// Whether this is a packet, and all that came of it is that it was refused.
fn is_refusal(records: &[Record]) -> bool {
    let Some((Record { what: What::Heard(Notice::Packet { .. }), .. }, rest)) =
        records.split_first()
    else {
        return false;
    };
    !rest.is_empty()
        && rest.iter().all(|record| match &record.what {
            What::Told(Event::Refused { .. } | Event::Plain { .. }) => true,
            // What somebody says in our name keeps us from writing.
            What::Told(Event::PeerMisbehaved { fault, .. }) => !matches!(fault, Fault::InOurName),
            _ => false,
        })
}

#[cfg(test)]
mod tests {
    use mpenc::wire::MemberId;
    use mpenc::{Config, Dialect};

    use super::super::null::{Null, NullGreeter};
    use super::*;
    use crate::{Latency, Sim};

    /// Somebody alone, and what is recorded of a deadline at this second.
    fn alone() -> (Sim<Null>, NodeId, impl Fn(u64) -> Record) {
        let own = MemberId::new(Dialect::DOCUMENT, "ann").expect("a good name");
        let mut sim = Sim::new(1, Latency::default());
        let node = sim.add(Session::new(NullGreeter::new(own), Config::default()));
        let ticked = move |second| {
            let at = Instant::new(Duration::from_secs(second));
            Record { at, node, what: What::Ticked }
        };
        (sim, node, ticked)
    }

    #[test]
    fn a_deadline_that_is_always_due_is_found() {
        let (sim, node, ticked) = alone();
        let mut bounds = Bounds::default();
        for _ in 0..WAKINGS {
            assert!(bounds.see(node, sim.session(node), &[ticked(5)], 2).what.is_empty());
        }
        assert!(bounds.see(node, sim.session(node), &[ticked(5)], 2).stuck);
    }

    #[test]
    fn a_deadline_that_sets_itself_again_is_found() {
        let (sim, node, ticked) = alone();
        let mut bounds = Bounds::default();
        let seconds = 0..u64::try_from(IN_VAIN).expect("a small number");
        for second in seconds.clone() {
            assert!(bounds.see(node, sim.session(node), &[ticked(second)], 2).what.is_empty());
        }
        assert!(bounds.see(node, sim.session(node), &[ticked(seconds.end)], 2).stuck);
    }

    #[test]
    fn what_is_refused_and_changes_something_is_found() {
        let (mut sim, node, ticked) = alone();
        let sender = MemberId::new(Dialect::DOCUMENT, "ben").expect("a good name");
        let Record { at, .. } = ticked(1);
        let notice = Notice::Packet { sender: sender.clone(), packet: String::from("rubbish") };
        let refused = [
            Record { at, node, what: What::Heard(notice) },
            Record {
                at,
                node,
                what: What::Told(Event::Refused { sender, fault: Fault::SenderNotInChannel }),
            },
        ];
        let mut bounds = Bounds::default();
        assert!(bounds.see(node, sim.session(node), &[ticked(0)], 2).what.is_empty());
        assert!(bounds.see(node, sim.session(node), &refused, 2).what.is_empty());
        sim.act(node, |session, cx, out| session.join(cx, out)).expect("outside");
        assert_eq!(bounds.see(node, sim.session(node), &refused, 2).what.len(), 1);
    }

    #[test]
    fn what_keeps_too_much_is_found() {
        let (sim, node, _) = alone();
        let mut footprint = sim.session(node).footprint();
        assert_eq!(footprint, Footprint::default());
        footprint.held = 32;
        assert!(!is_too_much(&footprint, 2));
        footprint.held = 33;
        assert!(is_too_much(&footprint, 2));
    }
}
