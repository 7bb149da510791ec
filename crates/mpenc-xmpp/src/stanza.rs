//! Stanzas that we send, and what we read of others'.
//!
//! What a room says is read leniently, by hand: a status code or an attribute that the library does
//! not know must not hide that somebody entered.

use tokio_xmpp::Stanza;
use tokio_xmpp::jid::{BareJid, FullJid, Jid};
use tokio_xmpp::minidom::Element;
use tokio_xmpp::minidom::rxml::NcName;
use tokio_xmpp::parsers::iq::Iq;
use tokio_xmpp::parsers::message::{Lang, Message};
use tokio_xmpp::parsers::muc::Muc;
use tokio_xmpp::parsers::muc::muc::History;
use tokio_xmpp::parsers::presence::Presence;
use tokio_xmpp::parsers::stanza_error::StanzaError;

const USER: &str = "http://jabber.org/protocol/muc#user";
const ADMIN: &str = "http://jabber.org/protocol/muc#admin";
const OWNER: &str = "http://jabber.org/protocol/muc#owner";
const DATA: &str = "jabber:x:data";
const PING: &str = "urn:xmpp:ping";
const DELAY: &str = "urn:xmpp:delay";

/// Octets of a packet's stanza apart from the packet and the room's name, generously.
const ENVELOPE: usize = 200;

/// Enters the room, without its history.
pub(crate) fn enter(own: &FullJid) -> Stanza {
    let history = History::new().with_maxstanzas(0);
    let muc = Muc::new().with_history(history);
    Presence::available().with_to(own.clone()).with_payload(muc).into()
}

pub(crate) fn leave(own: &FullJid) -> Stanza {
    Presence::unavailable().with_to(own.clone()).into()
}

pub(crate) fn packet(room: &BareJid, id: String, packet: String) -> Stanza {
    let mut message = Message::groupchat(Jid::from(room.clone())).with_body(Lang::new(), packet);
    message.id = Some(tokio_xmpp::parsers::message::Id(id));
    message.into()
}

/// How many octets a packet's stanza has, or a few less. What XML escapes counts as it is written.
pub(crate) fn octets(room: &BareJid, packet: &str) -> usize {
    let escaped = packet.bytes().filter(|octet| matches!(octet, b'<' | b'>' | b'&')).count();
    ENVELOPE
        .saturating_add(room.as_str().len())
        .saturating_add(packet.len())
        .saturating_add(escaped.saturating_mul(4))
}

/// Takes a room that we have created as it is, and opens it to others.
pub(crate) fn unlock(room: &BareJid, id: &str, accounts: bool) -> Stanza {
    let mut form = Element::bare("x", DATA);
    set(&mut form, "type", "submit");
    let fields = [
        ("FORM_TYPE", "http://jabber.org/protocol/muc#roomconfig"),
        ("muc#roomconfig_whois", "anyone"),
    ];
    // An empty form means: as it is.
    for (name, value) in fields.iter().filter(|_| accounts) {
        let mut field = Element::bare("field", DATA);
        set(&mut field, "var", name);
        let mut content = Element::bare("value", DATA);
        content.append_text(*value);
        field.append_child(content);
        form.append_child(field);
    }
    let mut query = Element::bare("query", OWNER);
    query.append_child(form);
    ask(room, id, query)
}

/// Removes this nick from the room.
pub(crate) fn remove(room: &BareJid, id: &str, nick: &str) -> Stanza {
    let mut item = Element::bare("item", ADMIN);
    set(&mut item, "nick", nick);
    set(&mut item, "role", "none");
    let mut query = Element::bare("query", ADMIN);
    query.append_child(item);
    ask(room, id, query)
}

/// Gives this account a standing in the room: `admin` or `none`.
pub(crate) fn affiliate(room: &BareJid, id: &str, account: &str, affiliation: &str) -> Stanza {
    let mut item = Element::bare("item", ADMIN);
    set(&mut item, "jid", account);
    set(&mut item, "affiliation", affiliation);
    let mut query = Element::bare("query", ADMIN);
    query.append_child(item);
    ask(room, id, query)
}

/// Lets the room invite this account.
pub(crate) fn invite(room: &BareJid, account: &str) -> Stanza {
    let mut invite = Element::bare("invite", USER);
    set(&mut invite, "to", account);
    let mut user = Element::bare("x", USER);
    user.append_child(invite);
    Message::normal(Jid::from(room.clone())).with_payloads(vec![user]).into()
}

pub(crate) fn ping(server: &BareJid, id: &str) -> Stanza {
    let to = BareJid::from_parts(None, server.domain());
    let (to, payload) = (Some(Jid::from(to)), Element::bare("ping", PING));
    Iq::Get { from: None, to, id: id.to_owned(), payload }.into()
}

fn ask(room: &BareJid, id: &str, payload: Element) -> Stanza {
    Iq::Set { from: None, to: Some(room.clone().into()), id: id.to_owned(), payload }.into()
}

fn set(element: &mut Element, name: &str, value: &str) {
    if let Ok(name) = NcName::try_from(name) {
        element.set_attr(tokio_xmpp::minidom::rxml::Namespace::NONE, name, value.to_owned());
    }
}

/// Whether this is a request to answer that we are there.
pub(crate) fn is_ping(payload: &Element) -> bool {
    payload.is("ping", PING)
}

/// The id that its sender gave it.
pub(crate) fn id(message: &Message) -> &str {
    message.id.as_ref().map(|id| id.0.as_str()).unwrap_or_default()
}

/// Whether it was said before we came.
pub(crate) fn is_history(message: &Message) -> bool {
    message.payloads.iter().any(|payload| payload.is("delay", DELAY))
}

/// An error, for people: what it is, and what the server says about it.
pub(crate) fn reason(error: &StanzaError) -> String {
    let words = words_of(&error.defined_condition);
    match error.texts.values().next().filter(|text| !text.is_empty()) {
        Some(text) => format!("{words} ({})", text.escape_debug()),
        None => words,
    }
}

/// What a condition is called: `RegistrationRequired` is "registration required".
pub(crate) fn words_of(condition: &impl core::fmt::Debug) -> String {
    let mut words = String::new();
    let name = format!("{condition:?}");
    for letter in name.chars().take_while(|letter| letter.is_ascii_alphanumeric()) {
        if letter.is_ascii_uppercase() && !words.is_empty() {
            words.push(' ');
        }
        words.push(letter.to_ascii_lowercase());
    }
    words
}

/// What a room says of an occupant.
#[derive(Debug, Default)]
pub(crate) struct About {
    codes: Vec<u16>,
    pub(crate) account: Option<BareJid>,
    pub(crate) nick: Option<String>,
    affiliation: Option<String>,
    role: Option<String>,
    pub(crate) by: Option<String>,
}

impl About {
    pub(crate) fn read(payloads: &[Element]) -> Self {
        let mut about = Self::default();
        let Some(user) = payloads.iter().find(|payload| payload.is("x", USER)) else {
            return about;
        };
        for child in user.children() {
            if child.is("status", USER) {
                about.codes.extend(child.attr("code").and_then(|code| code.parse::<u16>().ok()));
            } else if child.is("item", USER) {
                let account = child.attr("jid").and_then(|jid| Jid::new(jid).ok());
                about.account = account.map(Jid::into_bare);
                about.nick = child.attr("nick").map(str::to_owned);
                about.affiliation = child.attr("affiliation").map(str::to_owned);
                about.role = child.attr("role").map(str::to_owned);
                let by = child.get_child("actor", USER);
                let by = by.and_then(|by| by.attr("nick").or_else(|| by.attr("jid")));
                about.by = by.map(str::to_owned);
            }
        }
        about
    }

    /// Whether it is about ourselves.
    pub(crate) fn is_own(&self) -> bool {
        self.codes.contains(&110)
    }

    /// Whether the room is theirs.
    pub(crate) fn is_owner(&self) -> bool {
        self.affiliation.as_deref() == Some("owner")
    }

    /// Whether they may remove others.
    pub(crate) fn moderates(&self) -> bool {
        self.role.as_deref() == Some("moderator")
    }

    /// Whether everybody in the room may see accounts.
    pub(crate) fn shows_accounts(&self) -> bool {
        self.codes.contains(&100)
    }

    /// Whether the room is new, and waits for us to open it.
    pub(crate) fn is_new(&self) -> bool {
        self.codes.contains(&201)
    }

    /// Whether a nick is not in use any more because its owner has another now.
    pub(crate) fn is_renamed(&self) -> bool {
        self.codes.contains(&303)
    }

    /// Whether somebody was removed: kicked, banned, not a member any more, or by an error.
    pub(crate) fn is_removed(&self) -> bool {
        self.codes.iter().any(|code| matches!(code, 301 | 307 | 321 | 322 | 333))
    }

    /// Whether the room closes.
    pub(crate) fn is_closed(&self) -> bool {
        self.codes.contains(&332)
    }
}
