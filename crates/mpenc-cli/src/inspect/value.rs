//! What a record's value means to people.

use mpenc_wire::{Dialect, GreetType, MemberId, RecordType};

/// MESSAGE_TYPE of an abort.
const ABORT: u8 = 4;

/// A value in words; `None` where its octets say it best. `message_type` is that of the packet, as
/// far as it is known.
pub(crate) fn meaning(
    dialect: Dialect,
    message_type: Option<u8>,
    record: RecordType,
    value: &[u8],
) -> Option<String> {
    match (record, value) {
        (RecordType::PROTOCOL_VERSION, _) => Some(version(value)),
        (RecordType::MESSAGE_TYPE, [number]) => Some(named(*number, MESSAGE_TYPES)),
        (RecordType::SEVERITY, [number]) => Some(named(*number, SEVERITIES)),
        (RecordType::GREET_TYPE, &[high, low]) => {
            Some(GreetType(u16::from_be_bytes([high, low])).to_string())
        }
        (RecordType::DEST, []) => Some("everybody".to_owned()),
        (RecordType::SOURCE | RecordType::DEST | RecordType::MEMBER, _) => {
            Some(member(dialect, value))
        }
        (RecordType::INT_KEY, []) => Some("the base point".to_owned()),
        (RecordType::INT_KEY, [9, rest @ ..]) if rest.iter().all(|&octet| octet == 0) => {
            Some("the base point".to_owned())
        }
        (RecordType::MESSAGE_PAYLOAD, _) if message_type == Some(ABORT) => {
            std::str::from_utf8(value).ok().map(|reason| format!("{reason:?}"))
        }
        _ => None,
    }
}

const MESSAGE_TYPES: &[(u8, &str)] = &[(2, "greeting"), (3, "data"), (ABORT, "abort")];
const SEVERITIES: &[(u8, &str)] = &[(0, "info"), (1, "warning"), (2, "terminal")];

fn named(number: u8, names: &[(u8, &str)]) -> String {
    let name = names.iter().find(|(known, _)| *known == number);
    name.map_or_else(|| format!("{number}, unknown"), |(_, name)| (*name).to_owned())
}

fn version(value: &[u8]) -> String {
    let dialect = Dialect::ALL.into_iter().find(|dialect| dialect.version == value);
    dialect.map_or_else(|| "unknown".to_owned(), |dialect| format!("dialect {}", dialect.name))
}

fn member(dialect: Dialect, value: &[u8]) -> String {
    match MemberId::from_wire(dialect, value) {
        Ok(member) => format!("{:?}", member.to_text(dialect)),
        Err(error) => error.to_string(),
    }
}
