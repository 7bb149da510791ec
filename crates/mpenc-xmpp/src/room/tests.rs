//! Each thing that a room may do, as the stanzas of real servers.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use mpenc_wire::Dialect;

use super::*;

const ROOM: &str = "room@conference.localhost";

fn id(name: &str) -> MemberId {
    MemberId::new(Dialect::DOCUMENT, name).unwrap()
}

fn config() -> Config {
    Config::new("alice@localhost", "secret", ROOM, "alice").unwrap()
}

fn read(xml: &str) -> Stanza {
    let (name, rest) = xml.split_at(xml.find([' ', '>']).unwrap());
    let element: Element = format!("{name} xmlns='jabber:client'{rest}").parse().unwrap();
    match element.name() {
        "presence" => Presence::try_from(element).unwrap().into(),
        "message" => Message::try_from(element).unwrap().into(),
        _ => Iq::try_from(element).unwrap().into(),
    }
}

fn written(stanza: &Stanza) -> String {
    String::from(&match stanza {
        Stanza::Presence(presence) => Element::from(presence.clone()),
        Stanza::Message(message) => Element::from(message.clone()),
        Stanza::Iq(iq) => Element::from(iq.clone()),
    })
}

/// A presence with these attributes, and these children of the room's own.
fn presence(nick: &str, attributes: &str, about: &str) -> Stanza {
    read(&format!(
        "<presence from='{ROOM}/{nick}' {attributes}>\
         <x xmlns='http://jabber.org/protocol/muc#user'>{about}</x></presence>"
    ))
}

const OWN: &str = "<item affiliation='none' role='participant'/><status code='110'/>";
const OWNER: &str = "<item affiliation='owner' role='moderator'/><status code='110'/>";
const OTHER: &str = "<item affiliation='none' role='participant'/>";

/// Alice, inside, with bob.
fn inside() -> Room {
    let (mut room, _) = Room::enter(config(), 10_000);
    assert_eq!(room.see(presence("bob", "", OTHER)).notices, []);
    let effects = room.see(presence("alice", "", OWN));
    let members = vec![id("alice"), id("bob")];
    assert_eq!(effects.notices, [ChannelNotice::Entered { members }]);
    room
}

fn changed(entered: &[&str], left: &[&str]) -> ChannelNotice {
    let ids = |names: &[&str]| names.iter().map(|name| id(name)).collect();
    ChannelNotice::Changed { entered: ids(entered), left: ids(left) }
}

fn said(nick: &str, inner: &str) -> Stanza {
    read(&format!("<message type='groupchat' from='{ROOM}/{nick}' id='x'>{inner}</message>"))
}

fn nothing(effects: &Effects) -> bool {
    effects.notices.is_empty() && effects.stanzas.is_empty() && effects.over.is_none()
}

#[test]
fn entering_asks_for_no_history() {
    let (_, stanza) = Room::enter(config(), 10_000);
    let text = written(&stanza);
    assert!(text.contains("maxstanzas='0'") || text.contains("maxstanzas=\"0\""), "{text}");
}

#[test]
fn what_is_not_of_the_conversation_is_left_out() {
    let mut room = inside();
    let history = "<body>old</body><delay xmlns='urn:xmpp:delay' stamp='2026-01-01T00:00:00Z'/>";
    for stanza in [
        said("bob", "<subject>weather</subject>"),
        said("bob", "<subject/>"),
        said("bob", history),
        said("nobody", "<body>who?</body>"),
        said("bob", "<composing xmlns='http://jabber.org/protocol/chatstates'/>"),
        read(&format!("<message type='groupchat' from='{ROOM}'><body>room</body></message>")),
        read(&format!("<message type='chat' from='{ROOM}/bob'><body>private</body></message>")),
        read(
            "<message type='groupchat' from='other@conference.localhost/bob'><body>x</body></message>",
        ),
        read(&format!("<presence from='{ROOM}'/>")),
        read("<presence from='bob@localhost/home'/>"),
    ] {
        assert!(nothing(&room.see(stanza)));
    }
    let packet = ChannelNotice::Packet { sender: id("bob"), packet: "now".to_owned() };
    assert_eq!(room.see(said("bob", "<body>now</body>")).notices, [packet]);
}

#[test]
fn refusals_are_told_apart() {
    let refused = |condition: &str| {
        let (mut room, _) = Room::enter(config(), 10_000);
        let error = format!(
            "<presence type='error' from='{ROOM}/alice'><error type='auth'>\
             <{condition} xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></presence>"
        );
        room.see(read(&error)).over.unwrap().unwrap_err()
    };
    assert!(matches!(refused("conflict"), XmppError::NickInUse(nick) if nick == "alice"));
    for (condition, words) in [
        ("registration-required", "registration required"),
        ("forbidden", "forbidden"),
        ("not-authorized", "not authorized"),
        ("item-not-found", "item not found"),
    ] {
        let text = refused(condition).to_string();
        assert!(text.contains(words), "{text}");
    }
    // Not later, when it is about something else that we wanted.
    let mut room = inside();
    let late = format!("<presence type='error' from='{ROOM}/alice'/>");
    assert!(nothing(&room.see(read(&late))));
}

#[test]
fn a_new_room_is_opened_before_we_are_in() {
    let (mut room, _) = Room::enter(config(), 10_000);
    let effects = room.see(presence("alice", "", &format!("{OWNER}<status code='201'/>")));
    assert_eq!(effects.notices, []);
    assert!(written(&effects.stanzas[0]).contains("muc#owner"));
    let effects = room.see(read(&format!("<iq type='result' from='{ROOM}' id='open'/>")));
    assert_eq!(effects.notices, [ChannelNotice::Entered { members: vec![id("alice")] }]);
}

#[test]
fn a_nick_that_changes_is_a_leave_and_an_enter() {
    let mut room = inside();
    let renamed = "<item affiliation='none' role='participant' nick='rob'/><status code='303'/>";
    let effects = room.see(presence("bob", "type='unavailable'", renamed));
    assert_eq!(effects.notices, [changed(&[], &["bob"])]);
    assert_eq!(room.see(presence("rob", "", OTHER)).notices, [changed(&["rob"], &[])]);
    let own = format!("{OWN}<item nick='alicia'/><status code='303'/>");
    let effects = room.see(presence("alice", "type='unavailable'", &own));
    assert!(matches!(effects.over, Some(Ok(Ended::Renamed(_)))));
}

#[test]
fn a_status_that_changes_is_no_enter() {
    let mut room = inside();
    let away = format!("{OTHER}<status code='999'/>");
    assert!(nothing(&room.see(presence("bob", "", &away))));
    assert!(nothing(&room.see(presence("alice", "", OWN))));
}

#[test]
fn ends_are_told_apart() {
    for (about, end) in [
        ("<item role='none'><actor nick='bob'/></item><status code='307'/>", "bob removed us"),
        ("<item role='none'/><status code='301'/>", "we were removed"),
        ("<item role='none'/><status code='321'/>", "we were removed"),
        ("<item role='none'/><status code='332'/>", "the room closed"),
        ("<item role='none'/>", "we left"),
    ] {
        let about = format!("{about}<status code='110'/>");
        let effects = inside().see(presence("alice", "type='unavailable'", &about));
        assert_eq!(effects.over.unwrap().unwrap().to_string(), end);
    }
}

#[test]
fn a_packet_over_the_limit_is_not_sent() {
    let mut room = inside();
    let fits = room.act(ChannelAction::Send { packet: "x".repeat(9_000) });
    assert!(written(&fits.stanzas[0]).len() <= 10_000);
    assert!(fits.over.is_none());
    // What XML escapes counts as it is written.
    let effects = room.act(ChannelAction::Send { packet: "<".repeat(2_600) });
    assert!(matches!(effects.over, Some(Ok(Ended::TooLong { limit: 10_000, .. }))));
    assert!(effects.stanzas.iter().all(|stanza| !matches!(stanza, Stanza::Message(_))));
}

#[test]
fn a_packet_that_comes_back_as_an_error_is_a_leave() {
    let mut room = inside();
    let sent = room.act(ChannelAction::Send { packet: "x".to_owned() });
    let Stanza::Message(sent) = &sent.stanzas[0] else { unreachable!() };
    let error = |id: &str| {
        read(&format!(
            "<message type='error' from='{ROOM}' id='{id}'><error type='wait'>\
             <policy-violation xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></message>"
        ))
    };
    assert!(nothing(&room.see(error("another"))));
    let effects = room.see(error(stanza::id(sent)));
    assert!(matches!(effects.over, Some(Ok(Ended::Bounced(why))) if why == "policy violation"));
}

#[test]
fn an_account_with_two_nicks_is_one_member() {
    let mut room = {
        let (mut room, _) = Room::enter(config().names(Names::Account), 10_000);
        let own = format!("{OWN}<status code='100'/>");
        assert_eq!(room.see(presence("alice", "", &own)).notices.len(), 1);
        room
    };
    let bob = "<item affiliation='none' role='participant' jid='bob@localhost/x'/>";
    let member = "bob@localhost";
    assert_eq!(room.see(presence("one", "", bob)).notices, [changed(&[member], &[])]);
    assert_eq!(room.see(presence("two", "", bob)).notices, []);
    assert_eq!(room.see(presence("one", "type='unavailable'", bob)).notices, []);
    let gone = room.see(presence("two", "type='unavailable'", bob));
    assert_eq!(gone.notices, [changed(&[], &[member])]);
}

#[test]
fn accounts_that_are_hidden_are_no_names() {
    let (mut room, _) = Room::enter(config().names(Names::Account), 10_000);
    let effects = room.see(presence("alice", "", OWN));
    assert!(matches!(effects.over, Some(Err(XmppError::Anonymous))));
}

#[test]
fn a_double_of_ours_ends_us() {
    let mut room = inside();
    let ours = room.act(ChannelAction::Send { packet: "x".to_owned() });
    let Stanza::Message(ours) = &ours.stanzas[0] else { unreachable!() };
    let says = |id: &str| {
        let (kind, body) = ("type='groupchat'", "<body>x</body>");
        read(&format!("<message {kind} from='{ROOM}/alice' id='{id}'>{body}</message>"))
    };
    assert_eq!(room.see(says(stanza::id(ours))).notices.len(), 1);
    // Ordinary programs may share our nick: what they write is plain text.
    assert_eq!(room.see(says("purple1")).notices.len(), 1);
    let effects = room.see(says("mpenc-0123456789abcdef-1"));
    assert!(matches!(effects.over, Some(Ok(Ended::Doubled))));
}

#[test]
fn the_owner_makes_members_moderators() {
    let mut room = inside();
    let bob = "<item affiliation='none' role='participant' jid='bob@localhost/x'/>";
    room.see(presence("bob", "type='unavailable'", bob));
    // Not ours: nothing can be done.
    assert!(nothing(&room.moderate(vec![id("alice"), id("bob")])));
    assert!(nothing(&room.see(presence("alice", "", OWNER))));
    let effects = room.see(presence("bob", "", bob));
    let asked: Vec<String> = effects.stanzas.iter().map(written).collect();
    assert_eq!(asked.len(), 1);
    assert!(asked[0].contains("admin") && asked[0].contains("bob@localhost"), "{}", asked[0]);
    // Once is enough.
    assert!(nothing(&room.see(presence("bob", "", bob))));
    let effects = room.moderate(vec![id("alice")]);
    assert!(written(&effects.stanzas[0]).contains("none"));
    assert!(nothing(&room.moderate(vec![id("alice")])));
}

#[test]
fn questions_are_answered() {
    let mut room = inside();
    let ping = "<iq type='get' id='p' from='localhost'><ping xmlns='urn:xmpp:ping'/></iq>";
    let answer = written(&room.see(read(ping)).stanzas[0]);
    assert!(answer.contains("result"), "{answer}");
    let other = "<iq type='get' id='q' from='localhost'><query xmlns='jabber:iq:version'/></iq>";
    let answer = written(&room.see(read(other)).stanzas[0]);
    assert!(answer.contains("service-unavailable"), "{answer}");
}
