use std::pin::pin;
use std::task::{Context, Poll, Waker};

use bytes::BytesMut;

use super::*;
use crate::outbox::{Outbox, outbox};
use crate::{Frame, decode_frame};

struct Client {
    id: ConnectionId,
    outbox: Outbox,
}

impl Client {
    /// Everything that waits, as text; then `end` or `cut` if the hub has let the client go.
    fn read(&mut self) -> Vec<String> {
        let mut context = Context::from_waker(Waker::noop());
        let mut seen = Vec::new();
        loop {
            let mut out = BytesMut::new();
            match pin!(self.outbox.queue.next(&mut out)).poll(&mut context) {
                Poll::Ready(true) => {}
                Poll::Ready(false) => {
                    let cut = self.outbox.released.try_recv().is_ok();
                    seen.push(if cut { "cut" } else { "end" }.to_owned());
                    return seen;
                }
                Poll::Pending => return seen,
            }
            self.outbox.queue.written(out.len());
            while !out.is_empty() {
                let octets = u32::from_be_bytes(*out.first_chunk().unwrap());
                let frame = out.split_to(4 + usize::try_from(octets).unwrap());
                seen.push(show(&frame));
            }
        }
    }
}

fn show(frame: &[u8]) -> String {
    let Ok(Frame::Server(frame)) = decode_frame(&frame[4..]) else { panic!("{frame:?}") };
    match frame {
        ServerFrame::Welcome { members } => format!("welcome {}", members.join(" ")),
        ServerFrame::Refused { reason } => format!("refused {reason}"),
        ServerFrame::Entered { name } => format!("+{name}"),
        ServerFrame::Left { name, cause } => format!("-{name} {cause}"),
        ServerFrame::Packet { sender, packet } => format!("{sender}: {packet}"),
    }
}

fn small() -> Limits {
    Limits {
        rooms: 2,
        members_per_room: 3,
        queue_frames: 4,
        queue_octets: 100,
        ..Limits::default()
    }
}

fn try_enter(hub: &mut Hub, id: u64, room: &str, name: &str) -> Result<Client, Refusal> {
    let (outlet, outbox) = outbox(&small());
    let id = ConnectionId(id);
    hub.enter(id, room, name, outlet).map(|()| Client { id, outbox })
}

fn enter(hub: &mut Hub, id: u64, room: &str, name: &str) -> Client {
    try_enter(hub, id, room, name).unwrap()
}

#[test]
fn rooms_are_apart_and_everybody_in_one_sees_the_same() {
    let mut hub = Hub::new(small(), None);
    let mut alice = enter(&mut hub, 1, "one", "alice");
    let mut other = enter(&mut hub, 2, "two", "alice");
    let mut bob = enter(&mut hub, 3, "one", "bob");
    hub.send(bob.id, "hi");
    hub.send(other.id, "there");
    hub.leave(alice.id, LeaveCause::Left);
    hub.send(alice.id, "from outside");
    assert_eq!(alice.read(), ["welcome alice", "+bob", "bob: hi", "-alice left", "end"]);
    assert_eq!(bob.read(), ["welcome alice bob", "bob: hi", "-alice left"]);
    assert_eq!(other.read(), ["welcome alice", "alice: there"]);
    assert_eq!(
        hub.statistics(),
        Statistics {
            rooms: 2,
            members: 2,
            entered: 3,
            packets: 2,
            octets: 7,
            deliveries: 3,
            ..Statistics::default()
        }
    );
}

#[test]
fn limits_are_said_in_sentences() {
    let mut hub = Hub::new(small(), None);
    let _a = enter(&mut hub, 1, "one", "a");
    let refusal = try_enter(&mut hub, 2, "one", "a").err().unwrap();
    assert_eq!(refusal.to_string(), "somebody in the room `one` has the name `a` already");
    let _b = enter(&mut hub, 3, "one", "b");
    let _c = enter(&mut hub, 4, "one", "c");
    assert_eq!(try_enter(&mut hub, 5, "one", "d").err(), Some(Refusal::RoomFull { members: 3 }));
    let d = enter(&mut hub, 6, "two", "d");
    let refusal = try_enter(&mut hub, 7, "three", "e").err();
    assert_eq!(refusal, Some(Refusal::TooManyRooms { rooms: 2 }));
    // An empty room is gone.
    hub.leave(d.id, LeaveCause::Disconnected);
    assert_eq!(hub.statistics().rooms, 1);
    let _e = enter(&mut hub, 8, "three", "e");
}

#[test]
fn anybody_removes_anybody_in_the_same_room_only() {
    let mut hub = Hub::new(small(), None);
    let mut a = enter(&mut hub, 1, "one", "a");
    let mut b = enter(&mut hub, 2, "one", "b");
    let mut c = enter(&mut hub, 3, "two", "c");
    hub.remove(b.id, "c");
    hub.remove(b.id, "nobody");
    hub.remove(b.id, "a");
    hub.remove(a.id, "b");
    hub.remove(c.id, "c");
    assert_eq!(a.read(), ["welcome a", "+b", "-a was removed by b", "end"]);
    assert_eq!(b.read(), ["welcome a b", "-a was removed by b"]);
    assert_eq!(c.read(), ["welcome c", "-c was removed by c", "end"]);
}

#[test]
fn who_does_not_read_is_dropped_and_the_others_go_on() {
    let mut hub = Hub::new(small(), None);
    let mut slow = enter(&mut hub, 1, "room", "slow");
    let mut quick = enter(&mut hub, 2, "room", "quick");
    let mut seen = quick.read();
    // The Welcome and the Entered wait for `slow`, and room for two more frames is left.
    for packet in ["1", "2", "3", "4"] {
        hub.send(quick.id, packet);
        seen.extend(quick.read());
    }
    assert_eq!(
        seen,
        [
            "welcome slow quick",
            "quick: 1",
            "quick: 2",
            "quick: 3",
            "-slow was too slow",
            "quick: 4"
        ]
    );
    assert_eq!(slow.read().last().map(String::as_str), Some("cut"));
    assert_eq!(hub.statistics().too_slow, 1);
}

#[test]
fn octets_are_bounded_too_but_one_long_frame_passes() {
    let mut hub = Hub::new(small(), None);
    let mut a = enter(&mut hub, 1, "room", "a");
    let mut b = enter(&mut hub, 2, "room", "b");
    assert_eq!((a.read().len(), b.read().len()), (2, 1));
    let long = "x".repeat(1000);
    hub.send(a.id, &long);
    assert_eq!(b.read(), [format!("a: {long}")]);
    // `a` has not read its own long packet: nothing more fits.
    hub.send(b.id, "y");
    assert_eq!(b.read(), ["b: y", "-a was too slow"]);
    assert_eq!(a.read().last().map(String::as_str), Some("cut"));
}

#[test]
fn one_slow_client_may_be_the_last_drop_for_another() {
    let mut hub = Hub::new(small(), None);
    let mut a = enter(&mut hub, 1, "room", "a");
    let mut b = enter(&mut hub, 2, "room", "b");
    let mut c = enter(&mut hub, 3, "room", "c");
    assert_eq!(c.read(), ["welcome a b c"]);
    // Waiting: 3 for a, 2 for b. One packet fills a, and b by the leave of a.
    hub.send(c.id, "1");
    assert_eq!(c.read(), ["c: 1"]);
    hub.send(c.id, "2");
    assert_eq!(c.read(), ["c: 2", "-a was too slow", "-b was too slow"]);
    assert_eq!(a.read(), ["welcome a", "+b", "+c", "c: 1", "cut"]);
    assert_eq!(b.read(), ["welcome a b", "+c", "c: 1", "c: 2", "cut"]);
    assert_eq!(hub.statistics().members, 1);
}

#[test]
fn breaking_the_protocol_ends_with_a_sentence() {
    let mut hub = Hub::new(small(), None);
    let mut a = enter(&mut hub, 1, "room", "a");
    let mut b = enter(&mut hub, 2, "room", "b");
    hub.expel(a.id, "no");
    assert_eq!(a.read(), ["welcome a", "+b", "refused no", "end"]);
    assert_eq!(b.read(), ["welcome a b", "-a broke the relay's protocol"]);
}

#[test]
fn closing_tells_everybody_and_lets_nobody_in() {
    let mut hub = Hub::new(small(), None);
    let mut a = enter(&mut hub, 1, "one", "a");
    let mut b = enter(&mut hub, 2, "two", "b");
    hub.close();
    assert_eq!(a.read(), ["welcome a", "-a left because the relay closes", "end"]);
    assert_eq!(b.read(), ["welcome b", "-b left because the relay closes", "end"]);
    assert_eq!(try_enter(&mut hub, 3, "one", "c").err(), Some(Refusal::Closing));
}

#[test]
fn who_is_too_slow_for_an_entering_leaves_before_the_eyes_of_the_new_member() {
    let mut hub = Hub::new(small(), None);
    let mut slow = enter(&mut hub, 1, "room", "slow");
    for packet in ["1", "2", "3"] {
        hub.send(slow.id, packet);
    }
    let mut new = enter(&mut hub, 2, "room", "new");
    assert_eq!(slow.read(), ["welcome slow", "slow: 1", "slow: 2", "slow: 3", "cut"]);
    assert_eq!(new.read(), ["welcome slow new", "-slow was too slow"]);
    hub.send(new.id, "alone");
    assert_eq!(new.read(), ["new: alone"]);
}
