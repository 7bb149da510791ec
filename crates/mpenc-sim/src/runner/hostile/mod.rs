//! Members with real keys who do not keep to the rules.
//!
//! A hostile member's session is a puppet: what it asks of the channel can be changed, and more can
//! be said in its name. All is signed with the member's own keys, as far as it is to be signed; so
//! what is refused is refused for what it says.

mod greeting;
mod message;

use core::fmt;
use std::collections::{BTreeMap, VecDeque};

use mpenc::{Event, MemberId, MessageId};
use serde::{Deserialize, Serialize};

pub(crate) use greeting::{Tamper, tamper};
pub(crate) use message::{Forged, Trick, forge};

/// How many packets of others are remembered, to be sent again.
const HEARD: usize = 16;
/// How many messages of their own.
const OWN: usize = 8;

/// What a hostile member does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Attack {
    /// Sends a packet, or several, that their session would never make.
    Send(Trick),
    /// Changes the next packet of an operation that their session makes.
    Change(Tamper),
}

impl Attack {
    /// The one at this place of all, round and round.
    pub(crate) fn nth(n: usize) -> Self {
        let all = Trick::ALL.len().saturating_add(Tamper::ALL.len());
        let n = n % all;
        match Trick::ALL.get(n) {
            Some(trick) => Self::Send(*trick),
            None => {
                let tamper = n.checked_sub(Trick::ALL.len()).and_then(|n| Tamper::ALL.get(n));
                Self::Change(*tamper.unwrap_or(&Tamper::Withhold))
            }
        }
    }

    /// How many there are.
    pub(crate) const COUNT: usize = Trick::ALL.len() + Tamper::ALL.len();
}

impl fmt::Display for Attack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Send(trick) => write!(f, "{trick:?}"),
            Self::Change(tamper) => write!(f, "operation: {tamper:?}"),
        }
    }
}

/// One hostile member.
#[derive(Debug, Default)]
pub(crate) struct Puppeteer {
    /// What is to be changed in the next packet of an operation.
    pub(crate) armed: Option<Tamper>,
    /// Packets of others that came lately.
    pub(crate) heard: VecDeque<String>,
    /// Their own messages, as their session made them, newest last.
    pub(crate) own: VecDeque<MessageId>,
}

impl Puppeteer {
    pub(crate) fn hears(&mut self, packet: &str) {
        if self.heard.len() == HEARD {
            self.heard.pop_front();
        }
        self.heard.push_back(packet.to_owned());
    }

    pub(crate) fn wrote(&mut self, id: MessageId) {
        if self.own.len() == OWN {
            self.own.pop_front();
        }
        self.own.push_back(id);
    }
}

/// A packet that was sent to do harm.
#[derive(Debug)]
struct Sent {
    attack: String,
    by: MemberId,
    id: Option<MessageId>,
    heard: bool,
    told: bool,
}

/// What was tried, and what honest members were told of it.
#[derive(Debug, Default)]
pub(crate) struct Tried {
    packets: BTreeMap<String, Sent>,
}

impl Tried {
    /// This packet is on its way.
    pub(crate) fn sends(
        &mut self,
        attack: &str,
        by: &MemberId,
        id: Option<MessageId>,
        packet: &str,
    ) {
        let (attack, by) = (attack.to_owned(), by.clone());
        let sent = Sent { attack, by, id, heard: false, told: false };
        self.packets.entry(packet.to_owned()).or_insert(sent);
    }

    /// An honest member's session took in this packet, and told its user that.
    pub(crate) fn hears(&mut self, packet: Option<&str>, events: &[&Event]) {
        if let Some(sent) = packet.and_then(|packet| self.packets.get_mut(packet)) {
            sent.heard = true;
            sent.told |= events.iter().any(|event| alarms(event));
        }
        for event in events {
            for sent in self.packets.values_mut().filter(|sent| sent.heard && !sent.told) {
                sent.told = match event {
                    Event::NotAccepted { id, .. } => sent.id == Some(*id),
                    Event::NotDecrypted { sender, .. } => sent.id.is_none() && *sender == sent.by,
                    _ => false,
                };
            }
        }
    }

    /// By attack: how many packets came to an honest member, and of how many they were told.
    pub(crate) fn sums(&self) -> BTreeMap<String, (u64, u64)> {
        let mut sums: BTreeMap<String, (u64, u64)> = BTreeMap::new();
        for sent in self.packets.values().filter(|sent| sent.heard) {
            let (tried, told) = sums.entry(sent.attack.clone()).or_default();
            *tried = tried.saturating_add(1);
            *told = told.saturating_add(u64::from(sent.told));
        }
        sums
    }
}

/// Whether this says that something is wrong with the packet that led to it.
fn alarms(event: &Event) -> bool {
    matches!(
        event,
        Event::Refused { .. }
            | Event::PeerMisbehaved { .. }
            | Event::Forked { .. }
            | Event::OrderMismatch { .. }
            | Event::NotAuthenticated { .. }
            | Event::NotDecrypted { .. }
            | Event::NotAccepted { .. }
            | Event::Plain { .. }
            | Event::CannotConfirm { .. }
            | Event::CandidateDropped { .. }
            | Event::OperationFailed { .. }
            | Event::HistoryDiffers { .. }
    )
}
