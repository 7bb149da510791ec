//! Strict decoding, in place.
//!
//! ```text
//!  data      [SOURCE] SIDKEY_HINT SIGNATURE │ VERSION TYPE=3 IV PAYLOAD
//!  greeting                       SIGNATURE │ VERSION TYPE=2 GREET_TYPE SOURCE [DEST] MEMBER*
//!                                           │   INT_KEY* NONCE* PUB_KEY*
//!                                           │   [PREV_PF CHAIN_HASH LATEST_PM*] [SESSION_SIGNATURE]
//!  abort                          SIGNATURE │ VERSION TYPE=4 SOURCE SEVERITY=2 ABORTED_PI PAYLOAD
//!                                           └── S: what is signed
//! ```
//!
//! Whatever can be said of a packet without keys and without the running operation is checked
//! here; what a greeting's lists must hold at each stage is [`check_stage`].

use alloc::vec::Vec;

use crate::record::{Reader, Record, fixed};
use crate::runs::BASE_POINT;
use crate::{
    AbortPacket, BasePointForm, DataPacket, Dialect, GreetOperation, GreetType, GreetingPacket,
    IntKeys, MAX_CONTENTS, MAX_MEMBERS, MAX_REASON, Malformed, MalformedKind, MemberRef, Members,
    MessageIds, Metadata, Packet, RecordType, Values32,
};

pub(crate) const TYPE_GREETING: u8 = 2;
pub(crate) const TYPE_DATA: u8 = 3;
pub(crate) const TYPE_ABORT: u8 = 4;
/// SEVERITY of an abort: terminal.
pub(crate) const SEVERITY_TERMINAL: u8 = 2;

impl<'a> Packet<'a> {
    /// Decodes a packet's records (PK-16).
    ///
    /// # Errors
    /// [`Malformed`]: the first fault, and the octet where it stands.
    pub fn decode(dialect: Dialect, contents: &'a [u8]) -> Result<Self, Malformed> {
        if contents.len() > MAX_CONTENTS {
            return Err(Malformed::at(MAX_CONTENTS, MalformedKind::TooLarge));
        }
        let mut reader = Reader::new(contents);
        let packet = match reader.peek()? {
            Some(Record { kind: RecordType::SIDKEY_HINT | RecordType::SOURCE, .. }) => {
                Packet::Data(data(dialect, &mut reader)?)
            }
            _ => control(dialect, &mut reader)?,
        };
        reader.end()?;
        Ok(packet)
    }
}

/// The records that all packets share, from the signature on.
struct Common<'a> {
    signature: &'a [u8; 64],
    signed: &'a [u8],
    message_type: u8,
    /// Where the message type stands.
    at: usize,
}

fn common<'a>(dialect: Dialect, reader: &mut Reader<'a>) -> Result<Common<'a>, Malformed> {
    let signature = reader.fixed(RecordType::MESSAGE_SIGNATURE)?;
    let signed = reader.rest();
    let version = reader.required(RecordType::PROTOCOL_VERSION)?;
    if version.value != dialect.version {
        let other = Dialect::ALL.into_iter().find(|other| other.version == version.value);
        let kind =
            other.map_or(MalformedKind::Version, |other| MalformedKind::OtherDialect(other.name));
        return Err(Malformed::at(version.value_offset(), kind));
    }
    let record = reader.required(RecordType::MESSAGE_TYPE)?;
    let &[message_type] = fixed(&record)?;
    Ok(Common { signature, signed, message_type, at: record.value_offset() })
}

fn data<'a>(dialect: Dialect, reader: &mut Reader<'a>) -> Result<DataPacket<'a>, Malformed> {
    let resent_author = match reader.optional(RecordType::SOURCE)? {
        Some(record) if dialect.resends => Some(member(dialect, &record)?),
        Some(record) => {
            let kind = MalformedKind::NotInDialect(Dialect::DOCUMENT.name);
            return Err(Malformed::at(record.offset, kind));
        }
        None => None,
    };
    let &[hint] = reader.fixed(RecordType::SIDKEY_HINT)?;
    let Common { signature, signed, message_type, at } = common(dialect, reader)?;
    if message_type != TYPE_DATA {
        return Err(Malformed::at(at, MalformedKind::MessageType(message_type)));
    }
    let iv = reader.fixed(RecordType::MESSAGE_IV)?;
    let payload = reader.required(RecordType::MESSAGE_PAYLOAD)?.value;
    Ok(DataPacket { resent_author, hint, signature, signed, iv, payload })
}

fn control<'a>(dialect: Dialect, reader: &mut Reader<'a>) -> Result<Packet<'a>, Malformed> {
    let Common { signature, signed, message_type, at } = common(dialect, reader)?;
    match message_type {
        TYPE_GREETING => greeting(dialect, reader, signature, signed).map(Packet::Greeting),
        TYPE_ABORT if dialect.aborts => {
            abort(dialect, reader, signature, signed).map(Packet::Abort)
        }
        TYPE_ABORT => Err(Malformed::at(at, MalformedKind::NotInDialect(Dialect::DOCUMENT.name))),
        _ => Err(Malformed::at(at, MalformedKind::MessageType(message_type))),
    }
}

fn abort<'a>(
    dialect: Dialect,
    reader: &mut Reader<'a>,
    signature: &'a [u8; 64],
    signed: &'a [u8],
) -> Result<AbortPacket<'a>, Malformed> {
    let source = member(dialect, &reader.required(RecordType::SOURCE)?)?;
    let record = reader.required(RecordType::SEVERITY)?;
    let &[severity] = fixed(&record)?;
    if severity != SEVERITY_TERMINAL {
        return Err(Malformed::at(record.value_offset(), MalformedKind::Severity(severity)));
    }
    let aborted_pi = reader.fixed(RecordType::ABORTED_PI)?;
    let record = reader.required(RecordType::MESSAGE_PAYLOAD)?;
    if record.value.len() > MAX_REASON {
        return Err(Malformed::at(record.value_offset(), MalformedKind::ReasonTooLong));
    }
    let reason = core::str::from_utf8(record.value).map_err(|error| {
        let at = record.value_offset().saturating_add(error.valid_up_to());
        Malformed::at(at, MalformedKind::ReasonNotUtf8)
    })?;
    Ok(AbortPacket { signature, signed, source, aborted_pi, reason })
}

fn greeting<'a>(
    dialect: Dialect,
    reader: &mut Reader<'a>,
    signature: &'a [u8; 64],
    signed: &'a [u8],
) -> Result<GreetingPacket<'a>, Malformed> {
    let record = reader.required(RecordType::GREET_TYPE)?;
    let greet_type = GreetType(u16::from_be_bytes(*fixed(&record)?));
    let Some(operation) = greet_type.operation() else {
        let kind = MalformedKind::UnknownGreetType(greet_type);
        return Err(Malformed::at(record.value_offset(), kind));
    };
    let source_record = reader.required(RecordType::SOURCE)?;
    let source = member(dialect, &source_record)?;
    let dest_at = reader.offset();
    let dest = destination(dialect, greet_type, reader)?;
    let (members, positions) = members(dialect, reader, operation, source, dest)?;
    let source_at = positions
        .source
        .ok_or(Malformed::at(source_record.offset, MalformedKind::SourceNotMember))?;

    let lists_at = reader.offset();
    reader.agrees(RecordType::INT_KEY, greet_type.has_int_keys())?;
    let int_keys = int_keys(dialect, greet_type, reader, members.len)?;
    reader.agrees(RecordType::NONCE, greet_type.has_nonces(dialect))?;
    let nonces = values(reader, RecordType::NONCE, members.len)?;
    reader.agrees(RecordType::PUB_KEY, greet_type.has_nonces(dialect))?;
    let pub_keys = values(reader, RecordType::PUB_KEY, members.len)?;
    reader.agrees(RecordType::PREV_PF, greet_type.is_initial())?;
    let metadata = if greet_type.is_initial() { Some(metadata(dialect, reader)?) } else { None };
    reader.agrees(RecordType::SESSION_SIGNATURE, greet_type.has_session_signature())?;
    let session_signature = if greet_type.has_session_signature() {
        Some(reader.fixed(RecordType::SESSION_SIGNATURE)?)
    } else {
        None
    };
    let packet = GreetingPacket {
        signature,
        signed,
        greet_type,
        source,
        dest,
        members,
        int_keys,
        nonces,
        pub_keys,
        metadata,
        session_signature,
    };
    // A stray record says more than the number of those before it.
    reader.end()?;
    let places = Places { source: source_record.offset, dest: dest_at, lists: lists_at };
    check_stage(dialect, &packet, source_at, positions.dest, &places)?;
    Ok(packet)
}

fn member<'a>(dialect: Dialect, record: &Record<'a>) -> Result<MemberRef<'a>, Malformed> {
    MemberRef::check(dialect, record.value)
        .map_err(|error| Malformed::at(record.value_offset(), MalformedKind::Member(error)))
}

/// DEST: on upflows who is next; on broadcasts none, or in MpencJs an empty record.
fn destination<'a>(
    dialect: Dialect,
    greet_type: GreetType,
    reader: &mut Reader<'a>,
) -> Result<Option<MemberRef<'a>>, Malformed> {
    if !greet_type.is_downflow() {
        return member(dialect, &reader.required(RecordType::DEST)?).map(Some);
    }
    let record = if dialect.empty_dest_on_broadcast {
        Some(reader.required(RecordType::DEST)?).filter(|record| !record.value.is_empty())
    } else {
        reader.optional(RecordType::DEST)?
    };
    match record {
        None => Ok(None),
        Some(record) => Err(Malformed::at(record.offset, MalformedKind::DestOnBroadcast)),
    }
}

/// Where in the member list SOURCE and DEST stand.
struct Positions {
    source: Option<usize>,
    dest: Option<usize>,
}

/// So many are listed without being moved to more room: every packet of an operation names all members.
const USUAL_MEMBERS: usize = 32;

/// MEMBER: at least two; one is enough where an exclude leaves its initiator alone.
fn members<'a>(
    dialect: Dialect,
    reader: &mut Reader<'a>,
    operation: GreetOperation,
    source: MemberRef<'a>,
    dest: Option<MemberRef<'a>>,
) -> Result<(Members<'a>, Positions), Malformed> {
    let start = reader.offset();
    let mut positions = Positions { source: None, dest: None };
    let mut seen: Vec<(MemberRef<'a>, usize)> = Vec::with_capacity(USUAL_MEMBERS);
    while let Some(record) = reader.optional(RecordType::MEMBER)? {
        if seen.len() == MAX_MEMBERS {
            return Err(Malformed::at(record.offset, MalformedKind::TooManyMembers));
        }
        let member = member(dialect, &record)?;
        if member == source {
            positions.source.get_or_insert(seen.len());
        }
        if Some(member) == dest {
            positions.dest.get_or_insert(seen.len());
        }
        seen.push((member, record.offset));
    }
    let fewest = if operation == GreetOperation::Exclude { 1 } else { 2 };
    if seen.len() < fewest {
        reader.required(RecordType::MEMBER)?;
    }
    let members = Members { records: reader.since(start), len: seen.len() };
    match repeated(seen) {
        Some(offset) => Err(Malformed::at(offset, MalformedKind::DuplicateMember)),
        None => Ok((members, positions)),
    }
}

/// The offset of the first member that was named before.
fn repeated(mut members: Vec<(MemberRef<'_>, usize)>) -> Option<usize> {
    // Most lists are an initiator and others in their order. Every packet has one.
    if let Some((first, others)) = members.split_first()
        && others.is_sorted_by(|(one, _), (next, _)| one < next)
        && others.binary_search_by_key(&first.0, |(member, _)| *member).is_err()
    {
        return None;
    }
    members.sort_unstable();
    let neighbours = members.iter().zip(members.iter().skip(1));
    neighbours.filter(|(one, next)| one.0 == next.0).map(|(_, next)| next.1).min()
}

fn int_keys<'a>(
    dialect: Dialect,
    greet_type: GreetType,
    reader: &mut Reader<'a>,
    members: usize,
) -> Result<IntKeys<'a>, Malformed> {
    let start = reader.offset();
    let mut len = 0_usize;
    while let Some(record) = reader.optional(RecordType::INT_KEY)? {
        let empty = record.value.is_empty();
        let first_of_establish = len == 0 && greet_type == GreetType::ESTABLISH_INITIAL;
        if first_of_establish {
            let right = match dialect.base_point {
                BasePointForm::Empty => empty,
                BasePointForm::Explicit => record.value == BASE_POINT,
            };
            if !right {
                return Err(Malformed::at(record.value_offset(), MalformedKind::BasePoint));
            }
        } else {
            fixed::<32>(&record)?;
        }
        len = len.saturating_add(1);
        if len > members {
            let kind = MalformedKind::Count(RecordType::INT_KEY);
            return Err(Malformed::at(record.offset, kind));
        }
    }
    Ok(IntKeys { records: reader.since(start), len })
}

fn values<'a>(
    reader: &mut Reader<'a>,
    kind: RecordType,
    members: usize,
) -> Result<Values32<'a>, Malformed> {
    let start = reader.offset();
    let mut len = 0_usize;
    while let Some(record) = reader.optional(kind)? {
        fixed::<32>(&record)?;
        len = len.saturating_add(1);
        if len > members {
            return Err(Malformed::at(record.offset, MalformedKind::Count(kind)));
        }
    }
    Ok(Values32 { records: reader.since(start), len })
}

fn metadata<'a>(dialect: Dialect, reader: &mut Reader<'a>) -> Result<Metadata<'a>, Malformed> {
    let prev_pf = reader.fixed(RecordType::PREV_PF)?;
    let chain_hash = reader.fixed(RecordType::CHAIN_HASH)?;
    let latest_pm = message_ids(dialect, reader, RecordType::LATEST_PM, true)?;
    Ok(Metadata { prev_pf, chain_hash, latest_pm })
}

/// A run of message ids: at most 1,024, and `ascending` if so wanted.
pub(crate) fn message_ids<'a>(
    dialect: Dialect,
    reader: &mut Reader<'a>,
    kind: RecordType,
    ascending: bool,
) -> Result<MessageIds<'a>, Malformed> {
    let start = reader.offset();
    let mut len = 0_usize;
    let mut last: Option<&[u8]> = None;
    while let Some(record) = reader.optional(kind)? {
        let found = record.value.len();
        if found != dialect.message_id_len {
            return Err(Malformed::at(
                record.offset,
                MalformedKind::Length { record: kind, found },
            ));
        }
        if ascending && last.is_some_and(|last| last >= record.value) {
            return Err(Malformed::at(record.offset, MalformedKind::NotAscending(kind)));
        }
        last = Some(record.value);
        len = len.saturating_add(1);
        if len > MAX_MEMBERS {
            return Err(Malformed::at(record.offset, MalformedKind::Count(kind)));
        }
    }
    Ok(MessageIds { records: reader.since(start), len })
}

/// Where the records start that [`check_stage`] can complain of.
struct Places {
    source: usize,
    dest: usize,
    lists: usize,
}

/// Whether the lists are as long as the packet's stage demands, and the packet comes from, and
/// goes to, those whose turn it is. For a packet by the member at `p` of `n`:
///
/// ```text
///                    INT_KEY   NONCE, PUB_KEY        p        DEST at
///  establish initial 2         1                     0        1
///  upflow            p + 2     p + 1                 1…n−2    p + 1
///  include initial   old + 1   old                   < old    old
///  first downflow    n         n                     n − 1    none    (exclude: any p)
///  confirm           0         0 (MpencJs: n)        < n − 1  none    (exclude: any p)
///  refresh           n         0                     any      none
/// ```
fn check_stage(
    dialect: Dialect,
    packet: &GreetingPacket<'_>,
    p: usize,
    dest: Option<usize>,
    places: &Places,
) -> Result<(), Malformed> {
    let n = packet.members.len;
    let keys = packet.pub_keys.len;
    let next = p.saturating_add(1);
    let (int_keys, lists, source, dest_wanted) = match packet.greet_type {
        GreetType::ESTABLISH_INITIAL => (2, 1, p == 0, Some(1)),
        GreetType::ESTABLISH_UP | GreetType::INCLUDE_UP => {
            (next.saturating_add(1), next, p > 0, Some(next))
        }
        GreetType::INCLUDE_INITIAL => (keys.saturating_add(1), keys, p < keys, Some(keys)),
        GreetType::ESTABLISH_DOWN | GreetType::INCLUDE_DOWN => (n, n, next == n, None),
        GreetType::EXCLUDE_INITIAL => (n, n, true, None),
        GreetType::REFRESH => (n, 0, true, None),
        // The author of a downflow never confirms: its session signature is there already. Only
        // in an exclude that may be any member.
        confirm => {
            let exclude = confirm == GreetType::EXCLUDE_CONFIRM;
            let repeated = if dialect.confirm_repeats_keys { n } else { 0 };
            (0, repeated, exclude || next < n, None)
        }
    };
    let count = |kind| Malformed::at(places.lists, MalformedKind::Count(kind));
    if !source {
        return Err(Malformed::at(places.source, MalformedKind::NotItsTurn));
    }
    if packet.int_keys.len != int_keys {
        return Err(count(RecordType::INT_KEY));
    }
    if packet.nonces.len != lists {
        return Err(count(RecordType::NONCE));
    }
    if packet.pub_keys.len != lists {
        return Err(count(RecordType::PUB_KEY));
    }
    if dest != dest_wanted {
        return Err(Malformed::at(places.dest, MalformedKind::DestNotNext));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn others_that_descend_are_in_no_order() {
        let members = ["a", "c", "b", "a"].map(|id| MemberRef(id.as_bytes()));
        assert_eq!(repeated(members.into_iter().zip(100..).collect()), Some(103));
    }

    proptest! {
        #[test]
        fn the_first_that_was_named_before_is_found(
            ids in proptest::collection::vec(proptest::collection::vec(0_u8..6, 1..3), 0..9),
            sorted in any::<bool>(),
        ) {
            let mut ids = ids;
            if let (true, Some((_, others))) = (sorted, ids.split_first_mut()) {
                others.sort_unstable();
            }
            let members: Vec<_> = ids.iter().map(|id| MemberRef(id)).zip(100..).collect();
            let mut seen = Vec::new();
            let expected = members.iter().find_map(|(member, offset)| {
                let is_repeated = seen.contains(member);
                seen.push(*member);
                is_repeated.then_some(*offset)
            });
            prop_assert_eq!(repeated(members), expected);
        }
    }
}
