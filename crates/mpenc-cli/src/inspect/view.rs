//! What there is to say about a packet, before anybody decides how to print it.

use mpenc_wire::{
    Dialect, GreetingPacket, Malformed, MemberRef, PREFIX, Packet, RecordType, records, unarmor,
};
use serde::Serialize;

use super::value;

/// A packet, or as much of it as there is.
#[derive(Debug, Serialize)]
pub(crate) struct View {
    /// The dialect that it was decoded in.
    pub(crate) dialect: &'static str,
    /// Characters of its text.
    pub(crate) characters: usize,
    /// Octets of its records.
    pub(crate) octets: usize,
    /// What it is; `None` if it is malformed.
    pub(crate) packet: Option<Summary>,
    /// Its records, up to the first one that is cut off.
    pub(crate) records: Vec<RecordView>,
    /// What is wrong with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) error: Option<Fault>,
}

/// What a well-formed packet is.
#[derive(Debug, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(crate) enum Summary {
    /// Part of a membership operation.
    Greeting {
        /// Operation and stage.
        stage: String,
        /// Who made it.
        source: Place,
        /// Whose turn is next; `None` if it is for everybody.
        dest: Option<Place>,
        /// How many members there will be.
        members: usize,
    },
    /// A sealed message.
    Data {
        /// Its author, where another member sends it again.
        #[serde(skip_serializing_if = "Option::is_none")]
        resent_author: Option<String>,
        /// Octets of the ciphertext.
        ciphertext: usize,
    },
    /// Ends a membership operation.
    Abort {
        /// Who made it.
        source: String,
        /// Why.
        reason: String,
    },
}

/// A member and its place among the members.
#[derive(Debug, Serialize)]
pub(crate) struct Place {
    /// Its id.
    pub(crate) member: String,
    /// Counted from 1.
    pub(crate) position: usize,
}

/// One record.
#[derive(Debug, Serialize)]
pub(crate) struct RecordView {
    /// Octets before it.
    pub(crate) offset: usize,
    /// Its type on the wire.
    #[serde(rename = "type")]
    pub(crate) number: u16,
    /// Its type's name; `None` if it is unknown.
    pub(crate) name: Option<&'static str>,
    /// Octets of its value.
    pub(crate) length: usize,
    /// Its value, as hexadecimal digits.
    pub(crate) value: String,
    /// Its value, for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) meaning: Option<String>,
}

/// What is wrong with a packet.
#[derive(Debug, Serialize)]
pub(crate) struct Fault {
    /// In words.
    pub(crate) message: String,
    /// Where.
    pub(crate) octet: usize,
    /// What the octets are counted in.
    #[serde(rename = "in")]
    pub(crate) within: Within,
}

/// What octets are counted in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Within {
    /// The packet's text.
    Text,
    /// Its records.
    Records,
}

impl View {
    /// Looks at a packet's text; `wanted` = the dialect, where it is not to be found out.
    pub(crate) fn of(wanted: Option<Dialect>, text: &str) -> Self {
        let mut buffer = Vec::new();
        let armored = unarmor(text, &mut buffer).err();
        if let Some(fault) = &armored {
            // What stands before the fault may still tell something.
            let end = PREFIX.len().saturating_add(
                fault.offset.saturating_sub(PREFIX.len()) / BASE64_GROUP * BASE64_GROUP,
            );
            let good = text.get(PREFIX.len()..end).unwrap_or_default();
            if unarmor(&format!("{PREFIX}{good}."), &mut buffer).is_err() {
                buffer.clear();
            }
        }
        let contents = buffer.as_slice();
        let dialect = wanted.or_else(|| spoken(contents)).unwrap_or_default();
        let packet = Packet::decode(dialect, contents);
        let error = match (armored, &packet) {
            (Some(error), _) => Some(Fault::new(&error, Within::Text)),
            (None, Err(error)) => Some(Fault::new(error, Within::Records)),
            (None, Ok(_)) => None,
        };
        Self {
            dialect: dialect.name,
            characters: text.chars().count(),
            octets: contents.len(),
            packet: packet
                .ok()
                .filter(|_| error.is_none())
                .and_then(|packet| Summary::of(dialect, &packet)),
            records: record_views(dialect, contents),
            error,
        }
    }
}

/// Characters of base64 that stand for whole octets.
const BASE64_GROUP: usize = 4;

/// The dialect that a PROTOCOL_VERSION record belongs to.
fn spoken(contents: &[u8]) -> Option<Dialect> {
    let version = records(contents)
        .map_while(Result::ok)
        .find(|record| record.kind == RecordType::PROTOCOL_VERSION)?;
    Dialect::ALL.into_iter().find(|dialect| dialect.version.len() == version.value.len())
}

fn record_views(dialect: Dialect, contents: &[u8]) -> Vec<RecordView> {
    let mut message_type = None;
    let whole = records(contents).map_while(Result::ok);
    whole
        .map(|record| {
            if record.kind == RecordType::MESSAGE_TYPE {
                message_type = record.value.first().copied();
            }
            RecordView {
                offset: record.offset,
                number: record.kind.0,
                name: record.kind.name(),
                length: record.value.len(),
                value: hex::encode(record.value),
                meaning: value::meaning(dialect, message_type, record.kind, record.value),
            }
        })
        .collect()
}

impl Summary {
    /// `None` for a packet kind that is newer than this program.
    fn of(dialect: Dialect, packet: &Packet<'_>) -> Option<Self> {
        let text = |member: MemberRef<'_>| member.to_owned().to_text(dialect);
        Some(match packet {
            Packet::Greeting(greeting) => Self::Greeting {
                stage: greeting.greet_type.to_string(),
                source: Place::of(dialect, greeting, greeting.source),
                dest: greeting.dest.map(|dest| Place::of(dialect, greeting, dest)),
                members: greeting.members.len(),
            },
            Packet::Data(data) => Self::Data {
                resent_author: data.resent_author.map(text),
                ciphertext: data.payload.len(),
            },
            Packet::Abort(abort) => {
                Self::Abort { source: text(abort.source), reason: abort.reason.to_owned() }
            }
            _ => return None,
        })
    }
}

impl Place {
    fn of(dialect: Dialect, greeting: &GreetingPacket<'_>, member: MemberRef<'_>) -> Self {
        let before = greeting.members.iter().take_while(|other| *other != member).count();
        Self { member: member.to_owned().to_text(dialect), position: before.saturating_add(1) }
    }
}

impl Fault {
    fn new(error: &Malformed, within: Within) -> Self {
        Self { message: error.kind.to_string(), octet: error.offset, within }
    }
}
