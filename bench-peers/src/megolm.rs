//! vodozemac's Megolm: one ratchet per sender. No group agreement, no order, no acks.

use vodozemac::megolm::{GroupSession, InboundGroupSession, MegolmMessage, SessionConfig};

use crate::contestant::Contestant;

pub struct Megolm {
    senders: Vec<GroupSession>,
    /// What member 0 has of each.
    receivers: Vec<InboundGroupSession>,
}

impl Megolm {
    pub fn new(members: usize) -> Self {
        let config = SessionConfig::version_1();
        let senders: Vec<_> = (0..members).map(|_| GroupSession::new(config)).collect();
        let receivers = senders
            .iter()
            .map(|sender| InboundGroupSession::new(&sender.session_key(), config))
            .collect();
        Self { senders, receivers }
    }
}

impl Contestant for Megolm {
    type Packet = String;

    fn send(&mut self, text: &str) -> String {
        self.senders[0].encrypt(text).to_base64()
    }

    fn deliver(&mut self, _packet: &String) {}

    fn write(&mut self, author: usize, text: &str) -> String {
        self.senders[author].encrypt(text).to_base64()
    }

    fn receive(&mut self, author: usize, packet: &String) -> usize {
        let message = MegolmMessage::from_base64(packet).expect("a message");
        self.receivers[author].decrypt(&message).expect("a message").plaintext.len()
    }

    fn octets(packet: &String) -> usize {
        packet.len()
    }
}
