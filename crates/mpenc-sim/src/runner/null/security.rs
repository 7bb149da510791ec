//! Messages that anybody could read.

use mpenc::message::{
    ContentFault, Draft, Kind, MessageSecurity, OpenError, Opened, OrderAck, RetiredSecurity,
    SealError, Sealed,
};
use mpenc::wire::{DataFields, DataPacket, Plaintext, PlaintextFields};
use mpenc::{Dialect, MemberId, MessageId};
use rand_core::CryptoRng;

use super::{DATA, NullKeys, hash, mark};

/// Values of MESSAGE_KIND.
const KINDS: [Kind; 5] =
    [Kind::AckAutomatic, Kind::AckManual, Kind::Heartbeat, Kind::Consistency, Kind::Fin];

/// Message security that keeps no secret.
#[derive(Clone, Debug)]
pub(crate) struct NullSecurity {
    dialect: Dialect,
    keys: NullKeys,
    binding: [u8; 32],
}

impl NullSecurity {
    pub(crate) fn new(dialect: Dialect, keys: NullKeys) -> Self {
        let binding = hash([&keys.secret[..]]);
        Self { dialect, keys, binding }
    }

    fn mark(&self, author: &MemberId, signed: &[u8]) -> [u8; 64] {
        mark(DATA, author, &[&self.binding, signed].concat())
    }

    fn check(&self, author: &MemberId, packet: &DataPacket<'_>) -> Result<(), OpenError> {
        if packet.hint != self.hint() {
            Err(OpenError::OtherKey)
        } else if !self.keys.members.contains(author) {
            Err(OpenError::NotMember(author.clone()))
        } else if *packet.signature != self.mark(author, packet.signed) {
            Err(OpenError::Signature)
        } else {
            Ok(())
        }
    }

    /// Seals these octets, whatever they are.
    pub(crate) fn seal_octets(
        &self,
        rng: &mut dyn CryptoRng,
        plaintext: &[u8],
    ) -> Result<Sealed, SealError> {
        let mut iv = [0; 12];
        rng.fill_bytes(&mut iv);
        let fields = DataFields { hint: self.hint(), iv: &iv, payload: plaintext };
        let limit = usize::from(u16::MAX);
        let too_long = |_| SealError::TooLong { octets: plaintext.len(), limit };
        let unsigned = fields.encode(self.dialect).map_err(too_long)?;
        let signature = self.mark(&self.keys.own, unsigned.signed());
        let id = self.id(&signature, unsigned.signed());
        Ok(Sealed { id, packet: unsigned.finish(&signature) })
    }

    fn id(&self, signature: &[u8; 64], signed: &[u8]) -> MessageId {
        MessageId::from_hash(self.dialect, &hash([signature, signed]))
    }
}

/// The plaintext of a message: its records, without padding.
pub(crate) fn plaintext(draft: &Draft<'_>) -> Result<Vec<u8>, SealError> {
    if (draft.kind == Kind::Payload) == draft.text.is_empty() {
        return Err(SealError::TextAndKindDisagree);
    }
    let place = KINDS.iter().position(|kind| *kind == draft.kind);
    let order_ack = draft.order_ack.map(|ack| {
        let mut octets = [0; 64];
        let both = ack.packet_id.into_iter().chain(ack.chain_hash);
        octets.iter_mut().zip(both).for_each(|(place, octet)| *place = octet);
        octets
    });
    let fields = PlaintextFields {
        parents: draft.parents,
        kind: place.and_then(|place| u8::try_from(place.saturating_add(1)).ok()),
        body: draft.text.as_bytes(),
        order_ack: order_ack.as_ref(),
    };
    fields.encode().map_err(|_| SealError::Parents)
}

impl MessageSecurity for NullSecurity {
    type Retired = Self;

    fn dialect(&self) -> Dialect {
        self.dialect
    }

    fn hint(&self) -> u8 {
        let [hint, ..] = self.binding;
        hint
    }

    fn message_id(&self, packet: &DataPacket<'_>) -> MessageId {
        self.id(packet.signature, packet.signed)
    }

    fn seal(&mut self, rng: &mut dyn CryptoRng, draft: &Draft<'_>) -> Result<Sealed, SealError> {
        if !draft.parents.is_sorted_by(|a, b| a < b)
            || draft.parents.len() > self.keys.members.len()
        {
            return Err(SealError::Parents);
        }
        self.seal_octets(rng, &plaintext(draft)?)
    }

    fn open(&self, author: &MemberId, packet: &DataPacket<'_>) -> Result<Opened, OpenError> {
        self.check(author, packet)?;
        let content = |fault| OpenError::Content(fault);
        let plaintext = Plaintext::decode(self.dialect, packet.payload)
            .map_err(|error| content(ContentFault::Malformed(error)))?;
        let kind = match plaintext.kind {
            None => Kind::Payload,
            Some(kind) => *usize::from(kind)
                .checked_sub(1)
                .and_then(|place| KINDS.get(place))
                .ok_or_else(|| content(ContentFault::UnknownKind(kind)))?,
        };
        let text =
            str::from_utf8(plaintext.body).map_err(|_| content(ContentFault::NotUtf8))?.to_owned();
        if kind != Kind::Payload && !text.is_empty() {
            return Err(content(ContentFault::KindWithText));
        }
        if kind == Kind::Payload && text.is_empty() {
            return Err(content(ContentFault::EmptyText));
        }
        let parents: Vec<MessageId> = plaintext.parents.iter().collect();
        if parents.len() > self.keys.members.len() {
            return Err(content(ContentFault::TooManyParents));
        }
        let order_ack = plaintext.order_ack.map(|octets| {
            let mut ack = OrderAck { packet_id: [0; 32], chain_hash: [0; 32] };
            let places = ack.packet_id.iter_mut().chain(&mut ack.chain_hash);
            places.zip(octets).for_each(|(place, octet)| *place = *octet);
            ack
        });
        let id = self.message_id(packet);
        Ok(Opened { id, author: author.clone(), parents, kind, text, order_ack })
    }

    fn commit(&mut self, _: &Opened) {}

    fn retire(self) -> Self {
        self
    }

    fn refresh_due(&self) -> bool {
        false
    }
}

impl RetiredSecurity for NullSecurity {
    fn verifies(&self, author: &MemberId, packet: &DataPacket<'_>) -> bool {
        self.check(author, packet).is_ok()
    }
}
