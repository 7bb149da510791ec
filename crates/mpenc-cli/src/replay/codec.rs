//! Takes a packet apart and puts it together again: that must give the same octets.

use mpenc_wire::{
    AbortFields, DataFields, Dialect, EncodeError, GreetingFields, Malformed, MemberId, MessageId,
    MetadataFields, Packet, Unsigned, resend, unarmor,
};

/// Why a packet does not survive.
#[derive(Debug)]
pub(super) enum Fault {
    /// It cannot be taken apart.
    Malformed(Malformed),
    /// It cannot be put together.
    Encode(EncodeError),
    /// It is of a kind that is newer than this program.
    Unknown,
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Malformed(error) => error.fmt(f),
            Self::Encode(error) => error.fmt(f),
            Self::Unknown => f.write_str("it is of an unknown kind"),
        }
    }
}

impl From<Malformed> for Fault {
    fn from(error: Malformed) -> Self {
        Self::Malformed(error)
    }
}

impl From<EncodeError> for Fault {
    fn from(error: EncodeError) -> Self {
        Self::Encode(error)
    }
}

/// The packet again, from its fields.
pub(super) fn again(dialect: Dialect, text: &str) -> Result<String, Fault> {
    let mut buffer = Vec::new();
    let packet = Packet::decode(dialect, unarmor(text, &mut buffer)?)?;
    let (unsigned, signature, resent_author): (Unsigned, _, _) = match packet {
        Packet::Greeting(greeting) => {
            let members: Vec<MemberId> = greeting.members.iter().map(|id| id.to_owned()).collect();
            let latest_pm: Vec<MessageId> =
                greeting.metadata.iter().flat_map(|metadata| metadata.latest_pm.iter()).collect();
            let dest = greeting.dest.map(|dest| dest.to_owned());
            let fields = GreetingFields {
                greet_type: greeting.greet_type,
                source: &greeting.source.to_owned(),
                dest: dest.as_ref(),
                members: &members,
                int_keys: &greeting.int_keys.iter().copied().collect::<Vec<_>>(),
                nonces: &greeting.nonces.iter().copied().collect::<Vec<_>>(),
                pub_keys: &greeting.pub_keys.iter().copied().collect::<Vec<_>>(),
                metadata: greeting.metadata.map(|metadata| MetadataFields {
                    prev_pf: metadata.prev_pf,
                    chain_hash: metadata.chain_hash,
                    latest_pm: &latest_pm,
                }),
                session_signature: greeting.session_signature,
            };
            (fields.encode(dialect)?, greeting.signature, None)
        }
        Packet::Data(data) => {
            let fields = DataFields { hint: data.hint, iv: data.iv, payload: data.payload };
            (fields.encode(dialect)?, data.signature, data.resent_author)
        }
        Packet::Abort(abort) => {
            let source = abort.source.to_owned();
            let aborted_pi = abort.aborted_pi;
            let fields = AbortFields { source: &source, aborted_pi, reason: abort.reason };
            (fields.encode(dialect)?, abort.signature, None)
        }
        _ => return Err(Fault::Unknown),
    };
    let packet = unsigned.finish(signature);
    Ok(match resent_author {
        Some(author) => resend(&packet, &author.to_owned())?,
        None => packet,
    })
}
