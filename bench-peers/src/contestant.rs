//! What is measured of everybody who can send and receive: one member, number 0, of a group in
//! which all others write in turn.

use crate::timing::timed;

/// A group that talks.
pub trait Contestant {
    /// What travels: octets, or text where the protocol makes text.
    type Packet;

    /// Member 0 sends. Timed.
    fn send(&mut self, text: &str) -> Self::Packet;

    /// All others get what member 0 sent, as far as the protocol cares.
    fn deliver(&mut self, packet: &Self::Packet);

    /// Another member sends, and all get it but member 0.
    fn write(&mut self, author: usize, text: &str) -> Self::Packet;

    /// Member 0 gets what another sent, and gives the text's length. Timed.
    fn receive(&mut self, author: usize, packet: &Self::Packet) -> usize;

    /// Octets on the wire.
    fn octets(packet: &Self::Packet) -> usize;
}

/// How many messages of others a round takes, and how many of member 0.
const RECEIVED: usize = 24;
const SENT: usize = 8;

/// Plays rounds.
pub struct Player<C> {
    contestant: C,
    members: usize,
    text: String,
    next: usize,
    /// Octets of the last packet.
    pub octets: usize,
}

impl<C: Contestant> Player<C> {
    pub fn new(contestant: C, members: usize, text: usize) -> Self {
        Self { contestant, members, text: "x".repeat(text), next: 0, octets: 0 }
    }

    /// One round: others write in turn, member 0 receives it all, and writes. Gives what each
    /// sending and each receiving took.
    pub fn round(&mut self) -> [Vec<f64>; 2] {
        let (mut sends, mut receives) = (Vec::new(), Vec::new());
        let mut packets = Vec::new();
        for _ in 0..RECEIVED {
            let author = 1 + self.next % (self.members - 1);
            self.next += 1;
            packets.push((author, self.contestant.write(author, &self.text)));
        }
        for (author, packet) in &packets {
            let got = timed(&mut receives, || self.contestant.receive(*author, packet));
            assert_eq!(got, self.text.len());
        }
        for _ in 0..SENT {
            let packet = timed(&mut sends, || self.contestant.send(&self.text));
            self.octets = C::octets(&packet);
            self.contestant.deliver(&packet);
        }
        [sends, receives]
    }
}
