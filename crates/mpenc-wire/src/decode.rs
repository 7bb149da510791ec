//! Octets → packets. Strict: whatever the encoder would not write is refused.

use alloc::vec::Vec;

use crate::record::{Reader, fixed};
use crate::runs::BASE_POINT;
use crate::{
    AbortPacket, BasePointForm, DataPacket, Dialect, GreetOperation, GreetType, GreetingPacket,
    IntKeys, MAX_CONTENTS, MAX_MEMBERS, MAX_REASON, Malformed, MalformedKind, MemberRef, Members,
    MessageIds, Metadata, Packet, Record, RecordType, Values32,
};

/// MESSAGE_TYPE values.
pub(crate) const GREETING: u8 = 2;
pub(crate) const DATA: u8 = 3;
pub(crate) const ABORT: u8 = 4;
/// SEVERITY of an abort: terminal.
pub(crate) const TERMINAL: u8 = 2;

impl<'a> Packet<'a> {
    /// Reads a packet's records: the octets that [`unarmor`](crate::unarmor) returns.
    ///
    /// Everything that the octets alone tell is checked: sizes, order and number of records, the
    /// members and whose turn it is (PROTOCOL chapter 2). No arithmetic on keys, no signature.
    ///
    /// # Errors
    /// [`Malformed`] says the first fault and where it is. A packet of the other dialect is told
    /// apart: [`MalformedKind::OtherDialect`] or [`MalformedKind::NotInDialect`].
    pub fn decode(dialect: Dialect, contents: &'a [u8]) -> Result<Self, Malformed> {
        if contents.len() > MAX_CONTENTS {
            return Err(Malformed::at(MAX_CONTENTS, MalformedKind::TooLarge));
        }
        let mut reader = Reader::new(contents);
        let front = Front::read(dialect, &mut reader)?;
        let signature = reader.fixed(RecordType::MESSAGE_SIGNATURE)?;
        let start_of_signed = reader.offset();
        let message_type = message_type(dialect, &mut reader)?;
        let packet = match (message_type.value, front) {
            (&[DATA], Front::Data { resent_author, hint }) => {
                let iv = reader.fixed(RecordType::MESSAGE_IV)?;
                let payload = reader.required(RecordType::MESSAGE_PAYLOAD)?.value;
                let signed = contents.get(start_of_signed..).unwrap_or_default();
                Self::Data(DataPacket { resent_author, hint, signature, signed, iv, payload })
            }
            (&[DATA], Front::None) => {
                let missing = MalformedKind::Missing(RecordType::SIDKEY_HINT);
                return Err(Malformed::at(0, missing));
            }
            (&[GREETING], Front::None) => {
                let signed = contents.get(start_of_signed..).unwrap_or_default();
                Self::Greeting(greeting(dialect, &mut reader, signature, signed)?)
            }
            (&[ABORT], Front::None) => {
                if !dialect.aborts {
                    let only = MalformedKind::NotInDialect(dialect.other().name);
                    return Err(Malformed::at(message_type.offset, only));
                }
                let signed = contents.get(start_of_signed..).unwrap_or_default();
                Self::Abort(abort(dialect, &mut reader, signature, signed)?)
            }
            (&[other], _) => {
                let kind = MalformedKind::MessageType(other);
                return Err(Malformed::at(message_type.offset, kind));
            }
            (value, _) => {
                let record = RecordType::MESSAGE_TYPE;
                let kind = MalformedKind::Length { record, found: value.len() };
                return Err(Malformed::at(message_type.offset, kind));
            }
        };
        reader.end()?;
        Ok(packet)
    }
}

/// What stands before the signature.
enum Front<'a> {
    None,
    Data { resent_author: Option<MemberRef<'a>>, hint: u8 },
}

impl<'a> Front<'a> {
    fn read(dialect: Dialect, reader: &mut Reader<'a>) -> Result<Self, Malformed> {
        let source = reader.optional(RecordType::SOURCE)?;
        if let Some(source) = source
            && !dialect.resends
        {
            let only = MalformedKind::NotInDialect(dialect.other().name);
            return Err(Malformed::at(source.offset, only));
        }
        let resent_author = source.map(|source| member(dialect, &source)).transpose()?;
        let hint = match resent_author {
            Some(_) => Some(reader.required(RecordType::SIDKEY_HINT)?),
            None => reader.optional(RecordType::SIDKEY_HINT)?,
        };
        let Some(hint) = hint else { return Ok(Self::None) };
        let &[hint] = fixed(&hint)?;
        Ok(Self::Data { resent_author, hint })
    }
}

/// PROTOCOL_VERSION, whose length tells the dialects apart, and MESSAGE_TYPE.
fn message_type<'a>(dialect: Dialect, reader: &mut Reader<'a>) -> Result<Record<'a>, Malformed> {
    let version = reader.required(RecordType::PROTOCOL_VERSION)?;
    if version.value != dialect.version {
        let other = dialect.other();
        let kind = if version.value == other.version {
            MalformedKind::OtherDialect(other.name)
        } else {
            MalformedKind::Version
        };
        return Err(Malformed::at(version.offset, kind));
    }
    reader.required(RecordType::MESSAGE_TYPE)
}

fn member<'a>(dialect: Dialect, record: &Record<'a>) -> Result<MemberRef<'a>, Malformed> {
    MemberRef::from_wire(dialect, record.value)
        .map_err(|error| Malformed::at(record.offset, MalformedKind::Member(error)))
}

fn abort<'a>(
    dialect: Dialect,
    reader: &mut Reader<'a>,
    signature: &'a [u8; 64],
    signed: &'a [u8],
) -> Result<AbortPacket<'a>, Malformed> {
    let source = member(dialect, &reader.required(RecordType::SOURCE)?)?;
    let severity = reader.required(RecordType::SEVERITY)?;
    let &[severity_value] = fixed(&severity)?;
    if severity_value != TERMINAL {
        return Err(Malformed::at(severity.offset, MalformedKind::Severity(severity_value)));
    }
    let aborted_pi = reader.fixed(RecordType::ABORTED_PI)?;
    let reason = reader.required(RecordType::MESSAGE_PAYLOAD)?;
    let text = (reason.value.len() <= MAX_REASON)
        .then(|| core::str::from_utf8(reason.value).ok())
        .flatten()
        .ok_or(Malformed::at(reason.offset, MalformedKind::Reason))?;
    Ok(AbortPacket { signature, signed, source, aborted_pi, reason: text })
}

/// A greeting from GREET_TYPE on.
fn greeting<'a>(
    dialect: Dialect,
    reader: &mut Reader<'a>,
    signature: &'a [u8; 64],
    signed: &'a [u8],
) -> Result<GreetingPacket<'a>, Malformed> {
    let greet_record = reader.required(RecordType::GREET_TYPE)?;
    let greet_type = GreetType(u16::from_be_bytes(*fixed(&greet_record)?));
    let Some(operation) = greet_type.operation() else {
        let unknown = MalformedKind::UnknownGreetType(greet_type);
        return Err(Malformed::at(greet_record.offset, unknown));
    };
    let source_record = reader.required(RecordType::SOURCE)?;
    let source = member(dialect, &source_record)?;
    let dest_offset = reader.offset();
    let dest = dest(dialect, reader, greet_type)?;
    let members = members(dialect, reader, operation)?;
    let source_place = members
        .iter()
        .position(|member| member == source)
        .ok_or(Malformed::at(source_record.offset, MalformedKind::SourceNotMember))?;

    let int_keys = int_keys(dialect, reader, greet_type, members.len())?;
    let counted = Counted { greet_type, members: members.len() };
    let aske = greet_type.has_nonces(dialect);
    let nonces = values(reader, RecordType::NONCE, aske, &counted)?;
    let pub_keys = values(reader, RecordType::PUB_KEY, aske, &counted)?;
    let key_offset = reader.offset();
    let metadata = metadata(dialect, reader, greet_type)?;
    agrees(reader, RecordType::SESSION_SIGNATURE, greet_type.has_session_signature())?;
    let session_signature = match greet_type.has_session_signature() {
        true => Some(reader.fixed(RecordType::SESSION_SIGNATURE)?),
        false => None,
    };

    // Whose turn it is. In an upflow, the members up to SOURCE have added their nonce and key,
    // and DEST is the next one. Only an include's initiator sends those of all old members,
    // whichever of them it is itself.
    let done = pub_keys.len();
    if !greet_type.is_downflow() {
        if nonces.len() != done {
            return Err(Malformed::at(key_offset, MalformedKind::Count(RecordType::PUB_KEY)));
        }
        if int_keys.len() != done.saturating_add(1) {
            return Err(Malformed::at(key_offset, MalformedKind::Count(RecordType::INT_KEY)));
        }
        if members.iter().nth(done) != dest {
            return Err(Malformed::at(dest_offset, MalformedKind::DestNotNext));
        }
    }
    let in_turn = match (greet_type.is_downflow(), operation) {
        (false, GreetOperation::Include) if greet_type.is_initial() => source_place < done,
        (false, _) => source_place.saturating_add(1) == done,
        // The last one, after everybody has added, turns the flow down; it never confirms, for its
        // session signature is there already.
        (true, GreetOperation::Establish | GreetOperation::Include) => {
            let last = source_place.saturating_add(1) == members.len();
            last != greet_type.is_confirm()
        }
        (true, _) => true,
    };
    if !in_turn {
        return Err(Malformed::at(source_record.offset, MalformedKind::SourceOutOfTurn));
    }
    Ok(GreetingPacket {
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
    })
}

/// DEST: in directed packets only; on broadcasts left out or empty, as the dialect says.
fn dest<'a>(
    dialect: Dialect,
    reader: &mut Reader<'a>,
    greet_type: GreetType,
) -> Result<Option<MemberRef<'a>>, Malformed> {
    let offset = reader.offset();
    let record = if dialect.empty_dest_on_broadcast {
        Some(reader.required(RecordType::DEST)?)
    } else {
        reader.optional(RecordType::DEST)?
    };
    let dest = match record {
        Some(record) if dialect.empty_dest_on_broadcast && record.value.is_empty() => None,
        Some(record) => Some(member(dialect, &record)?),
        None => None,
    };
    if dest.is_some() == greet_type.is_downflow() {
        return Err(Malformed::at(offset, MalformedKind::Dest));
    }
    Ok(dest)
}

/// MEMBER: at least two, only one where an exclude leaves its initiator alone.
fn members<'a>(
    dialect: Dialect,
    reader: &mut Reader<'a>,
    operation: GreetOperation,
) -> Result<Members<'a>, Malformed> {
    let start = reader.offset();
    let mut seen: Vec<(&[u8], usize)> = Vec::new();
    while let Some(record) = reader.optional(RecordType::MEMBER)? {
        if seen.len() == MAX_MEMBERS {
            return Err(Malformed::at(record.offset, MalformedKind::TooManyMembers));
        }
        seen.push((member(dialect, &record)?.0, record.offset));
    }
    let needed = if operation == GreetOperation::Exclude { 1 } else { 2 };
    if seen.len() < needed {
        reader.required(RecordType::MEMBER)?;
    }
    let members = Members { records: reader.since(start), len: seen.len() };
    seen.sort_unstable();
    let doubles = seen.iter().zip(seen.iter().skip(1)).filter(|(one, other)| one.0 == other.0);
    match doubles.map(|(_, again)| again.1).min() {
        Some(offset) => Err(Malformed::at(offset, MalformedKind::DuplicateMember)),
        None => Ok(members),
    }
}

/// GREET_TYPE and the presence of a record must agree.
fn agrees(reader: &Reader<'_>, kind: RecordType, expected: bool) -> Result<(), Malformed> {
    let next = reader.peek()?;
    if next.is_some_and(|record| record.kind == kind) == expected {
        return Ok(());
    }
    let unknown = next.filter(|record| record.kind.name().is_none());
    let fault = unknown.map_or(MalformedKind::GreetTypeDisagrees(kind), |record| {
        MalformedKind::UnknownRecord(record.kind)
    });
    Err(Malformed::at(reader.offset(), fault))
}

/// INT_KEY: one per member in a downflow; in an upflow one more than there are PUB_KEYs.
fn int_keys<'a>(
    dialect: Dialect,
    reader: &mut Reader<'a>,
    greet_type: GreetType,
    members: usize,
) -> Result<IntKeys<'a>, Malformed> {
    const KIND: RecordType = RecordType::INT_KEY;
    agrees(reader, KIND, greet_type.has_int_keys())?;
    let start = reader.offset();
    let mut len = 0;
    while let Some(record) = reader.optional(KIND)? {
        if len == members {
            return Err(Malformed::at(record.offset, MalformedKind::Count(KIND)));
        }
        if len == 0 && greet_type == GreetType::ESTABLISH_INITIAL {
            let written: &[u8] = match dialect.base_point {
                BasePointForm::Explicit => &BASE_POINT,
                BasePointForm::Empty => &[],
            };
            if record.value != written {
                return Err(Malformed::at(record.offset, MalformedKind::BasePoint));
            }
        } else {
            fixed::<32>(&record)?;
        }
        len = len.saturating_add(1);
    }
    if greet_type.is_downflow() && greet_type.has_int_keys() && len != members {
        return Err(Malformed::at(reader.offset(), MalformedKind::Count(KIND)));
    }
    Ok(IntKeys { records: reader.since(start), len })
}

/// What the number of NONCE and PUB_KEY records depends on.
struct Counted {
    greet_type: GreetType,
    members: usize,
}

/// NONCE or PUB_KEY: one per member in a downflow, fewer in an upflow.
fn values<'a>(
    reader: &mut Reader<'a>,
    kind: RecordType,
    expected: bool,
    counted: &Counted,
) -> Result<Values32<'a>, Malformed> {
    agrees(reader, kind, expected)?;
    let start = reader.offset();
    let mut len = 0;
    while let Some(record) = reader.optional(kind)? {
        if len == counted.members {
            return Err(Malformed::at(record.offset, MalformedKind::Count(kind)));
        }
        fixed::<32>(&record)?;
        len = len.saturating_add(1);
    }
    if expected && counted.greet_type.is_downflow() && len != counted.members {
        return Err(Malformed::at(reader.offset(), MalformedKind::Count(kind)));
    }
    Ok(Values32 { records: reader.since(start), len })
}

/// PREV_PF, CHAIN_HASH, LATEST_PM*: in initial packets only.
fn metadata<'a>(
    dialect: Dialect,
    reader: &mut Reader<'a>,
    greet_type: GreetType,
) -> Result<Option<Metadata<'a>>, Malformed> {
    agrees(reader, RecordType::PREV_PF, greet_type.is_initial())?;
    if !greet_type.is_initial() {
        return Ok(None);
    }
    let prev_pf = reader.fixed(RecordType::PREV_PF)?;
    let chain_hash = reader.fixed(RecordType::CHAIN_HASH)?;
    let latest_pm = message_ids(dialect, reader, RecordType::LATEST_PM, true)?;
    Ok(Some(Metadata { prev_pf, chain_hash, latest_pm }))
}

/// A run of message ids, at most as many as a group can have members.
pub(crate) fn message_ids<'a>(
    dialect: Dialect,
    reader: &mut Reader<'a>,
    kind: RecordType,
    ascending: bool,
) -> Result<MessageIds<'a>, Malformed> {
    let start = reader.offset();
    let mut len = 0;
    let mut previous: Option<&[u8]> = None;
    while let Some(record) = reader.optional(kind)? {
        if len == MAX_MEMBERS {
            return Err(Malformed::at(record.offset, MalformedKind::Count(kind)));
        }
        if record.value.len() != dialect.message_id_len {
            let length = MalformedKind::Length { record: kind, found: record.value.len() };
            return Err(Malformed::at(record.offset, length));
        }
        if ascending && previous.is_some_and(|previous| previous >= record.value) {
            return Err(Malformed::at(record.offset, MalformedKind::NotAscending(kind)));
        }
        previous = Some(record.value);
        len = len.saturating_add(1);
    }
    Ok(MessageIds { records: reader.since(start), len })
}
