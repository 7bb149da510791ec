//! Ours: the message layer alone, and whole sessions.

use bench_counts::ours::{MessageLayer, World};

use crate::contestant::Contestant;

impl Contestant for MessageLayer {
    type Packet = String;

    fn send(&mut self, text: &str) -> String {
        self.seal(0, text)
    }

    fn deliver(&mut self, _packet: &String) {}

    fn write(&mut self, author: usize, text: &str) -> String {
        self.seal(author, text)
    }

    fn receive(&mut self, author: usize, packet: &String) -> usize {
        self.open(author, packet)
    }

    fn octets(packet: &String) -> usize {
        packet.len()
    }
}

impl Contestant for World {
    type Packet = String;

    fn send(&mut self, text: &str) -> String {
        self.send_as(0, text)
    }

    fn deliver(&mut self, packet: &String) {
        self.give_all(0..self.sessions.len(), 0, packet);
    }

    fn write(&mut self, author: usize, text: &str) -> String {
        let packet = self.send_as(author, text);
        self.give_all(1..self.sessions.len(), author, &packet);
        packet
    }

    fn receive(&mut self, author: usize, packet: &String) -> usize {
        self.give(0, author, packet)
    }

    fn octets(packet: &String) -> usize {
        packet.len()
    }
}
