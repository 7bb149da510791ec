//! What happens in the room, as stanzas tell it. No input or output.

use std::collections::BTreeMap;

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
    /// By nick; those whom nobody in the session can name are outsiders, and have no id.
    occupants: BTreeMap<String, Option<MemberId>>,
    ids: u64,
}

const OPEN: &str = "open";

impl Room {
    /// Asks to enter; the server takes stanzas of so many octets.
    pub(crate) fn enter(config: Config, limit: usize) -> (Self, Stanza) {
        let stanza = stanza::enter(&config.own);
        let (occupants, ids) = (BTreeMap::new(), 0);
        (Self { config, limit, phase: Phase::Entering, occupants, ids }, stanza)
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
                    let id = self.id();
                    effects.stanzas.push(stanza::packet(&self.config.room, id, packet));
                }
            }
            ChannelAction::Remove(members) => {
                for (nick, member) in &self.occupants {
                    if member.as_ref().is_some_and(|member| members.contains(member)) {
                        self.ids = self.ids.wrapping_add(1);
                        let id = format!("mpenc-{}", self.ids);
                        // Whoever may not do this gets an error, which changes nothing.
                        effects.stanzas.push(stanza::remove(&self.config.room, &id, nick));
                    }
                }
            }
            ChannelAction::Invite(members) if self.config.names == Names::Account => {
                for member in members {
                    let account = member.to_text(self.config.dialect);
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
            Stanza::Presence(presence) => self.presence(&presence, &mut effects),
            Stanza::Message(message) => self.message(message, &mut effects),
            Stanza::Iq(iq) => self.iq(iq, &mut effects),
        }
        effects
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
        format!("mpenc-{}", self.ids)
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
        let member = MemberId::new(self.config.dialect, name).ok()?;
        // An account that is here under two nicks is one member: the first of them.
        let twice = self.occupants.values().any(|known| known.as_ref() == Some(&member));
        (!twice).then_some(member)
    }

    /// Our own presence ends the list of those who are here.
    fn entered(&mut self, nick: &str, about: &About, effects: &mut Effects) {
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
        self.occupants.insert(nick.to_owned(), own);
        if about.is_new() {
            self.phase = Phase::Opening;
            effects.stanzas.push(stanza::unlock(&self.config.room, OPEN, accounts));
        } else {
            self.inside(effects);
        }
    }

    fn inside(&mut self, effects: &mut Effects) {
        self.phase = Phase::Inside;
        let members = self.occupants.values().flatten().cloned().collect();
        effects.notices.push(ChannelNotice::Entered { members });
    }

    fn other_entered(&mut self, nick: String, about: &About, effects: &mut Effects) {
        // Whoever is here already has changed their status.
        if self.occupants.contains_key(&nick) {
            return;
        }
        let member = self.member(&nick, about.account.as_ref());
        self.occupants.insert(nick, member.clone());
        if let Some(member) = member.filter(|_| self.is_told()) {
            let (entered, left) = (vec![member], Vec::new());
            effects.notices.push(ChannelNotice::Changed { entered, left });
        }
    }

    fn other_left(&mut self, nick: &str, effects: &mut Effects) {
        if let Some(Some(member)) = self.occupants.remove(nick)
            && self.is_told()
        {
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
            (MessageType::Error, None) if self.phase == Phase::Inside => {
                let id = message.id.as_ref().map(|id| id.0.as_str()).unwrap_or_default();
                if id.starts_with("mpenc-") {
                    let mut errors = message.payloads.into_iter().map(StanzaError::try_from);
                    let why = errors.find_map(Result::ok).map(|error| stanza::reason(&error));
                    self.leave(effects);
                    effects.over = Some(Ok(Ended::Bounced(why.unwrap_or_default())));
                }
            }
            _ => {}
        }
    }

    fn said(&self, nick: &str, message: Message, effects: &mut Effects) {
        // Subjects, and what was said before we came, are not of the conversation.
        if !self.is_told() || !message.subjects.is_empty() || stanza::is_history(&message) {
            return;
        }
        let Some(Some(sender)) = self.occupants.get(nick) else { return };
        if let Some(packet) = message.bodies.into_values().next() {
            let sender = sender.clone();
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
            Iq::Result { from, id, .. } | Iq::Error { from, id, .. } => {
                let from_room = self.nick(from.as_ref()) == Some(None);
                if from_room && id == OPEN && self.phase == Phase::Opening {
                    self.inside(effects);
                }
            }
        }
    }
}
