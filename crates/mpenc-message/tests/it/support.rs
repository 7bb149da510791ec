//! Vectors, and a peer that seals what no honest one would.

use std::convert::Infallible;
use std::fs;

use aes::{Aes128, Aes256};
use cipher::{KeyIvInit, StreamCipher};
use ctr::Ctr128BE;
use ed25519_dalek::{Signer, SigningKey, VerifyingKey};
use mpenc_message::{
    Kind, MessageSecurity, OpenError, Opened, OrderAck, SubSessionKeys, SubSessionSecurity,
};
use mpenc_wire::{DataFields, Dialect, Malformed, MemberId, MessageId, Packet, unarmor};
use rand_core::{TryCryptoRng, TryRng};
use serde_json::Value;
use sha2::{Digest, Sha256};

/// A file of the vectors; a missing one fails the test.
pub(crate) fn vectors(name: &str) -> Value {
    let path = format!("{}/../../vectors/{name}", env!("CARGO_MANIFEST_DIR"));
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{path}: {error}"))
}

pub(crate) fn list(value: &Value) -> &[Value] {
    value.as_array().unwrap_or_else(|| panic!("no list: {value}"))
}

pub(crate) fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}"))
}

pub(crate) fn octets(value: &Value) -> Vec<u8> {
    hex::decode(text(value)).unwrap()
}

pub(crate) fn octets_32(value: &Value) -> [u8; 32] {
    octets(value).try_into().unwrap()
}

pub(crate) fn key(value: &Value) -> VerifyingKey {
    VerifyingKey::from_bytes(&octets_32(value)).unwrap()
}

pub(crate) fn message_ids(dialect: Dialect, value: &Value) -> Vec<MessageId> {
    let id = |id| MessageId::from_bytes(dialect, &octets(id)).unwrap();
    list(value).iter().map(id).collect()
}

pub(crate) fn order_ack(value: &Value) -> Option<OrderAck> {
    let [packet_id, chain_hash] = value.as_array()?.as_slice() else { panic!("{value}") };
    Some(OrderAck { packet_id: octets_32(packet_id), chain_hash: octets_32(chain_hash) })
}

/// The names that the vectors have for kinds.
pub(crate) fn kind(name: &str) -> Kind {
    match name {
        "payload" => Kind::Payload,
        "ack_auto" => Kind::AckAutomatic,
        "ack_manual" => Kind::AckManual,
        "heartbeat" => Kind::Heartbeat,
        "consistency" => Kind::Consistency,
        "fin" | "consistency_close" => Kind::Fin,
        other => panic!("{other}"),
    }
}

/// Gives out these octets, and no others.
pub(crate) struct Draws(pub(crate) Vec<u8>);

impl TryRng for Draws {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        panic!("only octets are drawn")
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        panic!("only octets are drawn")
    }

    fn try_fill_bytes(&mut self, place: &mut [u8]) -> Result<(), Infallible> {
        let rest = self.0.split_off(place.len());
        place.copy_from_slice(&self.0);
        self.0 = rest;
        Ok(())
    }
}

impl TryCryptoRng for Draws {}

/// Why a text is no message.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    Packet(Malformed),
    NoData,
    Open(OpenError),
}

/// Opens a packet's text as a session does: the author is the SOURCE of a resent packet, else the
/// sender.
pub(crate) fn open(
    security: &SubSessionSecurity,
    sender: &MemberId,
    packet: &str,
) -> Result<Opened, Refused> {
    let mut buffer = Vec::new();
    let contents = unarmor(packet, &mut buffer).map_err(Refused::Packet)?;
    open_contents(security, sender, contents)
}

pub(crate) fn open_contents(
    security: &SubSessionSecurity,
    sender: &MemberId,
    contents: &[u8],
) -> Result<Opened, Refused> {
    match Packet::decode(security.dialect(), contents).map_err(Refused::Packet)? {
        Packet::Data(packet) => {
            let author = packet.resent_author.map(mpenc_wire::MemberRef::to_owned);
            let author = author.as_ref().unwrap_or(sender);
            let opened = security.open(author, &packet).map_err(Refused::Open)?;
            assert_eq!(opened.id, security.message_id(&packet));
            assert_eq!(opened.author, *author);
            Ok(opened)
        }
        _ => Err(Refused::NoData),
    }
}

/// A member of a sub-session who holds its keys in the open.
pub(crate) struct Peer {
    pub(crate) dialect: Dialect,
    pub(crate) own: MemberId,
    pub(crate) signing_key: SigningKey,
    pub(crate) members: Vec<(MemberId, VerifyingKey)>,
    pub(crate) session_id: [u8; 32],
    pub(crate) group_key: [u8; 32],
}

impl Peer {
    /// A sub-session of ann and ben, as ann.
    pub(crate) fn ann(dialect: Dialect) -> Self {
        let keys = [SigningKey::from_bytes(&[1; 32]), SigningKey::from_bytes(&[2; 32])];
        let names = ["ann", "ben"].map(|name| MemberId::new(dialect, name).unwrap());
        let members = names.iter().cloned().zip(keys.iter().map(SigningKey::verifying_key));
        Self {
            dialect,
            own: names[0].clone(),
            members: members.collect(),
            signing_key: keys[0].clone(),
            session_id: [3; 32],
            group_key: [4; 32],
        }
    }

    /// The same sub-session as another member.
    pub(crate) fn ben(dialect: Dialect) -> Self {
        let mut peer = Self::ann(dialect);
        peer.own = peer.members[1].0.clone();
        peer.signing_key = SigningKey::from_bytes(&[2; 32]);
        peer
    }

    pub(crate) fn security(&self) -> SubSessionSecurity {
        SubSessionSecurity::new(&SubSessionKeys {
            dialect: self.dialect,
            own: self.own.clone(),
            members: self.members.clone(),
            signing_key: self.signing_key.clone(),
            session_id: self.session_id,
            group_key: self.group_key,
        })
    }

    pub(crate) fn binding(&self) -> [u8; 32] {
        Sha256::new().chain_update(self.session_id).chain_update(self.group_key).finalize().into()
    }

    /// The cipher, written down a second time.
    pub(crate) fn crypt(&self, iv: &[u8; 12], octets: &mut [u8]) {
        let mut block = [0; 16];
        block[..12].copy_from_slice(iv);
        if self.dialect == Dialect::DOCUMENT {
            let key = self.group_key[..16].try_into().unwrap();
            Ctr128BE::<Aes128>::new(key, &block.into()).apply_keystream(octets);
        } else {
            Ctr128BE::<Aes256>::new((&self.group_key).into(), &block.into())
                .apply_keystream(octets);
        }
    }

    /// A correctly encrypted and signed packet of any plaintext.
    pub(crate) fn seal_plaintext(&self, plaintext: &[u8]) -> String {
        let iv = [9; 12];
        let mut payload = plaintext.to_vec();
        self.crypt(&iv, &mut payload);
        let hint = self.binding()[0];
        let unsigned = DataFields { hint, iv: &iv, payload: &payload };
        let unsigned = unsigned.encode(self.dialect).unwrap();
        let signed = [b"datamsgsig", &self.binding()[..], unsigned.signed()].concat();
        unsigned.finish(&self.signing_key.sign(&signed).to_bytes())
    }

    /// The plaintext of a data packet.
    pub(crate) fn plaintext(&self, packet: &str) -> Vec<u8> {
        let mut buffer = Vec::new();
        let contents = unarmor(packet, &mut buffer).unwrap();
        let Ok(Packet::Data(data)) = Packet::decode(self.dialect, contents) else {
            panic!("no data packet")
        };
        let mut plaintext = data.payload.to_vec();
        self.crypt(data.iv, &mut plaintext);
        plaintext
    }
}

/// A record.
pub(crate) fn record(kind: u16, value: &[u8]) -> Vec<u8> {
    let length = u16::try_from(value.len()).unwrap();
    [&kind.to_be_bytes()[..], &length.to_be_bytes(), value].concat()
}
