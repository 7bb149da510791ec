//! The floor: the bare primitives of a message of ours, of the same crates, over as many octets.
//! No state, no records, no checks of what was read.

use aes::Aes128;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use cipher::{InnerIvInit, KeyInit, StreamCipher, StreamCipherCoreWrapper};
use ctr::Ctr128BE;
use ed25519_dalek::{Signature, Signer, SigningKey, Verifier, VerifyingKey};
use mpenc::Dialect;
use mpenc::wire::{PREFIX, Packet, unarmor};
use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};
use sha2::{Digest, Sha256};

use crate::contestant::Contestant;

/// What is signed in front of S: the context and the binding.
const FRONT: usize = 10 + 32;

pub struct Floor {
    key: SigningKey,
    /// Decompressed once, as an admitted key is.
    verifying: VerifyingKey,
    cipher: Aes128,
    rng: ChaCha20Rng,
    /// Everything behind FRONT octets: hint, signature, S.
    packet: Vec<u8>,
    /// Where S begins, and where the ciphertext does.
    signed: usize,
    payload: usize,
    text: usize,
    message: Vec<u8>,
    plaintext: Vec<u8>,
    decoded: Vec<u8>,
}

impl Floor {
    /// For packets of the same form as this one, whose text is as long.
    pub fn like(packet: &str, text: usize) -> Self {
        let mut contents = Vec::new();
        let contents = unarmor(packet, &mut contents).expect("a packet");
        let Ok(Packet::Data(data)) = Packet::decode(Dialect::DOCUMENT, contents) else {
            panic!("a data packet");
        };
        let key = SigningKey::from_bytes(&[7; 32]);
        Self {
            verifying: key.verifying_key(),
            key,
            cipher: Aes128::new(&[8; 16].into()),
            rng: ChaCha20Rng::seed_from_u64(9),
            signed: contents.len() - data.signed.len(),
            payload: contents.len() - data.payload.len(),
            text,
            message: vec![0; FRONT + data.signed.len()],
            plaintext: vec![0; data.payload.len()],
            packet: contents.to_vec(),
            decoded: Vec::new(),
        }
    }

    fn cipher(&self, iv: &[u8]) -> Ctr128BE<&Aes128> {
        let mut block = [0; 16];
        block[..12].copy_from_slice(iv);
        let core = ctr::CtrCore::inner_iv_init(&self.cipher, &block.into());
        StreamCipherCoreWrapper::from_core(core)
    }
}

impl Contestant for Floor {
    type Packet = String;

    fn send(&mut self, _text: &str) -> String {
        let mut iv = [0; 12];
        self.rng.fill_bytes(&mut iv);
        self.packet[self.payload - 16..self.payload - 4].copy_from_slice(&iv);
        let mut payload = core::mem::take(&mut self.plaintext);
        self.cipher(&iv).apply_keystream(&mut payload);
        self.packet[self.payload..].copy_from_slice(&payload);
        self.plaintext = payload;
        self.message[FRONT..].copy_from_slice(&self.packet[self.signed..]);
        let signature = self.key.sign(&self.message).to_bytes();
        let hash = Sha256::new().chain_update(signature).chain_update(&self.packet[self.signed..]);
        core::hint::black_box(hash.finalize());
        self.packet[self.signed - 64..self.signed].copy_from_slice(&signature);
        let mut text = String::with_capacity(self.packet.len() / 3 * 4 + 16);
        text.push_str(PREFIX);
        STANDARD.encode_string(&self.packet, &mut text);
        text.push('.');
        text
    }

    fn deliver(&mut self, _packet: &String) {}

    fn write(&mut self, _author: usize, text: &str) -> String {
        self.send(text)
    }

    fn receive(&mut self, _author: usize, packet: &String) -> usize {
        let mut decoded = core::mem::take(&mut self.decoded);
        decoded.clear();
        let body = &packet[PREFIX.len()..packet.len() - 1];
        STANDARD.decode_vec(body, &mut decoded).expect("base64");
        let signed = &decoded[self.signed..];
        let signature: &[u8; 64] =
            decoded[self.signed - 64..self.signed].try_into().expect("64 octets");
        let hash = Sha256::new().chain_update(signature).chain_update(signed);
        core::hint::black_box(hash.finalize());
        self.message[FRONT..].copy_from_slice(signed);
        let signature = Signature::from_bytes(signature);
        self.verifying.verify(&self.message, &signature).expect("our own signature");
        let mut payload = core::mem::take(&mut self.plaintext);
        payload.copy_from_slice(&decoded[self.payload..]);
        self.cipher(&decoded[self.payload - 16..self.payload - 4]).apply_keystream(&mut payload);
        core::hint::black_box(&payload);
        self.plaintext = payload;
        self.decoded = decoded;
        self.text
    }

    fn octets(packet: &String) -> usize {
        packet.len()
    }
}
