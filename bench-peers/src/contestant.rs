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

/// How many turns of all members a round takes: about as many messages, however many they are.
const fn turns(members: usize) -> usize {
    let turns = 96 / members;
    if turns == 0 { 1 } else { turns }
}

/// Plays rounds.
pub struct Player<C> {
    contestant: C,
    members: usize,
    text: String,
    /// Octets of the last packet.
    pub octets: usize,
}

impl<C: Contestant> Player<C> {
    pub fn new(contestant: C, members: usize, text: usize) -> Self {
        Self { contestant, members, text: "x".repeat(text), octets: 0 }
    }

    /// One round, of turns in which everybody writes once: all others, one after the other; then
    /// member 0 receives it all, and writes. Gives what each sending and each receiving took. What
    /// others do comes between turns, so that no contestant is measured with colder caches.
    pub fn round(&mut self) -> [Vec<f64>; 2] {
        let (mut sends, mut receives) = (Vec::new(), Vec::new());
        for _ in 0..turns(self.members) {
            let write = |author| (author, self.contestant.write(author, &self.text));
            let packets: Vec<_> = (1..self.members).map(write).collect();
            for (author, packet) in &packets {
                let got = timed(&mut receives, || self.contestant.receive(*author, packet));
                assert_eq!(got, self.text.len());
            }
            let packet = timed(&mut sends, || self.contestant.send(&self.text));
            self.octets = C::octets(&packet);
            self.contestant.deliver(&packet);
        }
        [sends, receives]
    }
}
