//! What happens in the room, as stanzas tell it. No input or output.

use core::hash::{BuildHasher, Hasher};
use std::collections::{BTreeMap, BTreeSet};
use std::hash::RandomState;

use mpenc_session::ChannelAction;
use mpenc_tokio::ChannelNotice;
use mpenc_wire::MemberId;
use tokio_xmpp::Stanza;
use tokio_xmpp::jid::{BareJid, Jid};
use tokio_xmpp::minidom::Element;
use tokio_xmpp::parsers::iq::Iq;
use tokio_xmpp::parsers::message::{Message, MessageType};
use tokio_xmpp::parsers::presence::{Presence, Type};
use tokio_xmpp::parsers::stanza_error::{DefinedCondition, ErrorType, StanzaError};
use tracing::{debug, info};

use crate::stanza::{self, About};
use crate::{Config, Ended, Names, XmppError};

/// What follows from a stanza or an action.
#[derive(Debug, Default)]
pub(crate) struct Effects {
    pub(crate) notices: Vec<ChannelNotice>,
    pub(crate) stanzas: Vec<Stanza>,
    pub(crate) over: Option<Result<Ended, XmppError>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// We have asked to enter.
    Entering,
    /// The room is new: others wait until we have opened it.
    Opening,
    Inside,
    /// We have said that we leave.
    Leaving,
}

/// A room, as seen by one of its occupants.
#[derive(Debug)]
pub(crate) struct Room {
    config: Config,
    limit: usize,
    phase: Phase,
    /// By nick.
    occupants: BTreeMap<String, Occupant>,
    /// Whether the room is ours.
    owned: bool,
    /// Who is to be a moderator, and the accounts that are so by our doing.
    moderators: Vec<MemberId>,
    granted: BTreeSet<BareJid>,
    /// How the ids of our own stanzas begin, on this connection and no other.
    prefix: String,
    ids: u64,
}

#[derive(Debug)]
struct Occupant {
    /// Those whom nobody in the session can name are outsiders, and have none.
    member: Option<MemberId>,
    account: Option<BareJid>,
    moderates: bool,
}

/// How ids of packets begin, whoever sends them.
const PREFIX: &str = "mpenc-";

const OPEN: &str = "open";

impl Room {
    /// Asks to enter; the server takes stanzas of so many octets.
    pub(crate) fn enter(config: Config, limit: usize) -> (Self, Stanza) {
        let stanza = stanza::enter(&config.own);
        let token = RandomState::new().build_hasher().finish();
        let room = Self {
            config,
            limit,
            phase: Phase::Entering,
            occupants: BTreeMap::new(),
            owned: false,
            moderators: Vec::new(),
            granted: BTreeSet::new(),
            prefix: format!("{PREFIX}{token:016x}-"),
            ids: 0,
        };
        (room, stanza)
    }

    /// Whether somebody has to answer us soon.
    pub(crate) fn is_waiting(&self) -> bool {
        self.phase != Phase::Inside
    }

    /// Whether we have said that we leave.
    pub(crate) fn is_leaving(&self) -> bool {
        self.phase == Phase::Leaving
    }

    pub(crate) fn act(&mut self, action: ChannelAction) -> Effects {
        let mut effects = Effects::default();
        match action {
            ChannelAction::Send { packet } if self.phase == Phase::Inside => {
                let octets = stanza::octets(&self.config.room, &packet);
                if octets > self.limit {
                    let limit = self.limit;
                    self.leave(&mut effects);
                    effects.over = Some(Ok(Ended::TooLong { octets, limit }));
                } else {
                    debug!(octets, "packet out");
                    let id = self.id();
                    effects.stanzas.push(stanza::packet(&self.config.room, id, packet));
                }
            }
            ChannelAction::Remove(members) => {
                for (nick, occupant) in &self.occupants {
                    if occupant.member.as_ref().is_some_and(|member| members.contains(member)) {
                        self.ids = self.ids.wrapping_add(1);
                        let id = format!("{}{}", self.prefix, self.ids);
                        debug!(?nick, "asks the room to remove");
                        // Whoever may not do this gets an error, which changes nothing.
                        effects.stanzas.push(stanza::remove(&self.config.room, &id, nick));
                    }
                }
            }
            ChannelAction::Invite(members) if self.config.names == Names::Account => {
                for member in members {
                    let account = member.to_text(self.config.dialect);
                    debug!(?account, "asks the room to invite");
                    effects.stanzas.push(stanza::invite(&self.config.room, &account));
                }
            }
            ChannelAction::Leave if self.phase != Phase::Leaving => self.leave(&mut effects),
            _ => {}
        }
        effects
    }

    pub(crate) fn see(&mut self, stanza: Stanza) -> Effects {
        let mut effects = Effects::default();
        match stanza {
            Stanza::Presence(presence) => {
                self.presence(&presence, &mut effects);
                self.grant(&mut effects);
            }
            Stanza::Message(message) => self.message(message, &mut effects),
            Stanza::Iq(iq) => self.iq(iq, &mut effects),
        }
        effects
    }

    /// From now on these are to be moderators, if we can make them so, and nobody else by our doing.
    pub(crate) fn moderate(&mut self, members: Vec<MemberId>) -> Effects {
        let mut effects = Effects::default();
        self.moderators = members;
        self.grant(&mut effects);
        effects
    }

    fn grant(&mut self, effects: &mut Effects) {
        if !self.owned || self.phase != Phase::Inside {
            return;
        }
        let mut changes = Vec::new();
        for occupant in self.occupants.values() {
            let wanted = |member| self.moderators.contains(member);
            let wanted = occupant.member.as_ref().is_some_and(wanted);
            let Some(account) = &occupant.account else { continue };
            if wanted && !occupant.moderates && self.granted.insert(account.clone()) {
                changes.push((account.clone(), "admin"));
            } else if !wanted && self.granted.remove(account) {
                changes.push((account.clone(), "none"));
            }
        }
        for (account, affiliation) in changes {
            debug!(?account, affiliation, "asks the room to make a moderator, or no longer");
            let id = self.id();
            let stanza = stanza::affiliate(&self.config.room, &id, account.as_str(), affiliation);
            effects.stanzas.push(stanza);
        }
    }

    /// A question that the server answers, to know that it is still there.
    pub(crate) fn ping(&mut self) -> Stanza {
        let id = self.id();
        stanza::ping(&self.config.account, &id)
    }

    fn leave(&mut self, effects: &mut Effects) {
        self.phase = Phase::Leaving;
        effects.stanzas.push(stanza::leave(&self.config.own));
    }

    fn id(&mut self) -> String {
        self.ids = self.ids.wrapping_add(1);
        format!("{}{}", self.prefix, self.ids)
    }

    /// The nick that this is from, if it is from our room; the room itself has none.
    fn nick(&self, from: Option<&Jid>) -> Option<Option<String>> {
        let from = from.filter(|from| from.to_bare() == self.config.room)?;
        Some(from.resource().map(|nick| nick.as_str().to_owned()))
    }

    fn own_nick(&self) -> &str {
        self.config.own.resource().as_str()
    }

    fn presence(&mut self, presence: &Presence, effects: &mut Effects) {
        let Some(nick) = self.nick(presence.from.as_ref()) else { return };
        if presence.type_ == Type::Error {
            if self.phase == Phase::Entering {
                effects.over = Some(Err(self.refusal(&presence.payloads)));
            }
            return;
        }
        // The room itself has presences, too, which say nothing about who is in it.
        let Some(nick) = nick else { return };
        let about = About::read(&presence.payloads);
        match presence.type_ {
            Type::None if about.is_own() => self.entered(&nick, &about, effects),
            Type::None => self.other_entered(nick, &about, effects),
            Type::Unavailable if about.is_own() || nick == self.own_nick() => {
                self.left(about, effects);
            }
            Type::Unavailable => self.other_left(&nick, effects),
            _ => {}
        }
    }

    fn refusal(&self, payloads: &[Element]) -> XmppError {
        let error = payloads.iter().find_map(|payload| StanzaError::try_from(payload.clone()).ok());
        match error {
            Some(error) if error.defined_condition == DefinedCondition::Conflict => {
                XmppError::NickInUse(self.own_nick().to_owned())
            }
            Some(error) => XmppError::Refused(stanza::reason(&error)),
            None => XmppError::Refused("it does not say why".to_owned()),
        }
    }

    /// What an occupant is called in the session, if anything.
    fn member(&self, nick: &str, account: Option<&BareJid>) -> Option<MemberId> {
        let full;
        let name = match self.config.names {
            Names::Nick => nick,
            Names::Occupant => {
                full = self.config.room.with_resource_str(nick).ok()?;
                full.as_str()
            }
            Names::Account => account?.as_str(),
        };
        MemberId::new(self.config.dialect, name).ok()
    }

    /// Whether one of those who are here is this member. An account with two nicks is one member,
    /// from the first nick's entering to the last one's leaving.
    fn has(&self, member: &MemberId) -> bool {
        self.occupants.values().any(|occupant| occupant.member.as_ref() == Some(member))
    }

    fn put(&mut self, nick: String, member: Option<MemberId>, about: &About) {
        let (account, moderates) = (about.account.clone(), about.moderates());
        self.occupants.insert(nick, Occupant { member, account, moderates });
    }

    /// Our own presence ends the list of those who are here.
    fn entered(&mut self, nick: &str, about: &About, effects: &mut Effects) {
        if nick == self.own_nick() {
            self.owned = about.is_owner();
        }
        if self.phase != Phase::Entering {
            return;
        }
        if nick != self.own_nick() {
            effects.over = Some(Err(XmppError::Refused(format!("it calls us {nick:?}"))));
            return;
        }
        let accounts = self.config.names == Names::Account;
        if accounts && !about.shows_accounts() && !about.is_new() {
            effects.over = Some(Err(XmppError::Anonymous));
            return;
        }
        let account = self.config.account.clone();
        let own = self.member(nick, Some(&account));
        self.put(nick.to_owned(), own, about);
        if about.is_new() {
            info!("the room is new: configures it");
            self.phase = Phase::Opening;
            effects.stanzas.push(stanza::unlock(&self.config.room, OPEN, accounts));
        } else {
            self.inside(effects);
        }
    }

    fn inside(&mut self, effects: &mut Effects) {
        self.phase = Phase::Inside;
        let members = self.occupants.values().filter_map(|occupant| occupant.member.clone());
        let members = members.collect::<BTreeSet<_>>().into_iter().collect();
        effects.notices.push(ChannelNotice::Entered { members });
    }

    fn other_entered(&mut self, nick: String, about: &About, effects: &mut Effects) {
        // Whoever is here already has changed their status.
        if let Some(occupant) = self.occupants.get_mut(&nick) {
            occupant.moderates = about.moderates();
            return;
        }
        let member = self.member(&nick, about.account.as_ref());
        let new = member.clone().filter(|member| self.is_told() && !self.has(member));
        self.put(nick, member, about);
        if let Some(member) = new {
            let (entered, left) = (vec![member], Vec::new());
            effects.notices.push(ChannelNotice::Changed { entered, left });
        }
    }

    fn other_left(&mut self, nick: &str, effects: &mut Effects) {
        let Some(gone) = self.occupants.remove(nick) else { return };
        if let Some(member) = gone.member.filter(|member| self.is_told() && !self.has(member)) {
            let (entered, left) = (Vec::new(), vec![member]);
            effects.notices.push(ChannelNotice::Changed { entered, left });
        }
    }

    /// Whether the session knows that we are here.
    pub(crate) fn is_told(&self) -> bool {
        matches!(self.phase, Phase::Inside | Phase::Leaving)
    }

    fn left(&mut self, about: About, effects: &mut Effects) {
        if self.phase == Phase::Entering {
            return;
        }
        let ended = if about.is_renamed() {
            Ended::Renamed(about.nick.unwrap_or_default())
        } else if about.is_closed() {
            Ended::Closed
        } else if about.is_removed() {
            Ended::Removed(about.by)
        } else {
            Ended::Left
        };
        effects.over = Some(Ok(ended));
    }

    fn message(&mut self, message: Message, effects: &mut Effects) {
        let Some(nick) = self.nick(message.from.as_ref()) else { return };
        match (message.type_.clone(), nick) {
            (MessageType::Groupchat, Some(nick)) => self.said(&nick, message, effects),
            // From the room: a packet that it did not take. (From an occupant: a private message.)
            (MessageType::Error, None)
                if self.phase == Phase::Inside
                    && stanza::id(&message).starts_with(&self.prefix) =>
            {
                let mut errors = message.payloads.into_iter().map(StanzaError::try_from);
                let why = errors.find_map(Result::ok).map(|error| stanza::reason(&error));
                self.leave(effects);
                effects.over = Some(Ok(Ended::Bounced(why.unwrap_or_default())));
            }
            _ => {}
        }
    }

    fn said(&mut self, nick: &str, message: Message, effects: &mut Effects) {
        // Subjects, and what was said before we came, are not of the conversation.
        if !self.is_told() || !message.subjects.is_empty() || stanza::is_history(&message) {
            return;
        }
        let sender = self.occupants.get(nick).and_then(|occupant| occupant.member.clone());
        let Some(sender) = sender else { return };
        // Another program of ours that shares our name: each would take the other's for its own.
        let id = stanza::id(&message);
        let ours = self.occupants.get(self.own_nick()).and_then(|own| own.member.as_ref());
        if ours == Some(&sender) && id.starts_with(PREFIX) && !id.starts_with(&self.prefix) {
            self.leave(effects);
            effects.over = Some(Ok(Ended::Doubled));
            return;
        }
        if let Some(packet) = message.bodies.into_values().next() {
            effects.notices.push(ChannelNotice::Packet { sender, packet });
        }
    }

    fn iq(&mut self, iq: Iq, effects: &mut Effects) {
        match iq {
            Iq::Get { from, id, payload, .. } | Iq::Set { from, id, payload, .. } => {
                let to = from;
                let answer = if stanza::is_ping(&payload) {
                    Iq::Result { from: None, to, id, payload: None }
                } else {
                    let what = DefinedCondition::ServiceUnavailable;
                    let error = StanzaError::new(ErrorType::Cancel, what, "en", "");
                    Iq::Error { from: None, to, id, error, payload: None }
                };
                effects.stanzas.push(answer.into());
            }
            // If it cannot be opened, others will not come in: that is seen.
            answer @ (Iq::Result { .. } | Iq::Error { .. }) => {
                let refused = match &answer {
                    Iq::Error { error, .. } => Some(stanza::reason(error)),
                    _ => None,
                };
                let (from, id) = (answer.from().cloned(), answer.id().to_owned());
                debug!(id, ?refused, "answer");
                let from_room = self.nick(from.as_ref()) == Some(None);
                if from_room && id == OPEN && self.phase == Phase::Opening {
                    self.inside(effects);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
