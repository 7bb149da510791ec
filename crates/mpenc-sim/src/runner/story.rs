//! A life as a story that can be read.

use mpenc::session::{ChannelAction, Instant};
use mpenc::wire::{Packet, unarmor};
use mpenc::{Dialect, Event, MemberId};

use super::witness::Witness;
use crate::{Notice, Record, What};

pub(crate) fn time(at: Instant) -> String {
    format!("{:>10.3}", at.since_epoch().as_secs_f64())
}

pub(crate) fn names(members: &[MemberId]) -> String {
    members.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// One thing that a session took in or gave out.
pub(crate) fn line(witness: &Witness, record: &Record) -> String {
    let name = witness.books.get(&record.node).map(|book| book.member.to_string());
    let what = match &record.what {
        What::Heard(Notice::Packet { sender, packet }) => {
            format!("<- {} from {sender}", packet_kind(packet))
        }
        What::Heard(Notice::Entered(members)) => format!("<- entered: {}", names(members)),
        What::Heard(Notice::Left) => String::from("<- left"),
        What::Heard(Notice::OtherEntered(who)) => format!("<- {who} entered"),
        What::Heard(Notice::OtherLeft(who)) => format!("<- {who} left"),
        What::Ticked => String::from("<- deadline"),
        What::Asked(ChannelAction::Send { packet }) => format!("-> {}", packet_kind(packet)),
        What::Asked(action) => format!("-> {action:?}"),
        What::Told(event) => format!("=  {}", told(event)),
    };
    format!("{} {:<6} {what}", time(record.at), name.unwrap_or_default())
}

fn told(event: &Event) -> String {
    match event {
        Event::OperationAccepted(info) => {
            let (by, members) = (&info.author, names(&info.members));
            format!("{} by {by} runs, for {members} ({})", info.operation, info.id)
        }
        Event::Message(message) => {
            format!("{} writes {:?} ({})", message.author, message.text, message.id)
        }
        other => format!("{other:?}"),
    }
}

fn packet_kind(packet: &str) -> String {
    let mut contents = Vec::new();
    let decoded = unarmor(packet, &mut contents)
        .and_then(|contents| Packet::decode(Dialect::DOCUMENT, contents));
    match decoded {
        Ok(Packet::Greeting(greeting)) => greeting.greet_type.to_string(),
        Ok(Packet::Abort(abort)) => format!("abort: {:?}", abort.reason),
        Ok(Packet::Data(_)) => String::from("data"),
        _ => String::from("rubbish"),
    }
}

/// If a packet is of an operation: whether it is the initial one, and whether its author puts their
/// name to the members in it.
pub(crate) fn greets(packet: &str) -> Option<(bool, bool)> {
    let mut contents = Vec::new();
    let decoded = unarmor(packet, &mut contents)
        .and_then(|contents| Packet::decode(Dialect::DOCUMENT, contents));
    let Ok(Packet::Greeting(greeting)) = decoded else { return None };
    Some((greeting.metadata.is_some(), greeting.session_signature.is_some()))
}
