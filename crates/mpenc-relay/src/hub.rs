//! The rooms: who is in them, and what everybody there is told.
//!
//! Pure state behind the server's one lock: nothing here waits or knows a socket. Everything that
//! happens in a room is decided and queued for all its members in one call, so that they all see
//! one order.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::mpsc;

use crate::config::MAX_MEMBERS;
use crate::outbox::Outlet;
use crate::{LeaveCause, Limits, RelayObserver, ServerFrame, Statistics, VERSION};

/// A connection's number, never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ConnectionId(pub(crate) u64);

/// Makes other frames of those that members should get.
pub(crate) trait Tamper: Send {
    /// What each of these members, in the order in which they entered, gets instead of a frame; and
    /// how late.
    fn instead(
        &mut self,
        room: &str,
        members: &[String],
        frame: &ServerFrame<'_>,
    ) -> Vec<Vec<(Duration, Bytes)>>;
}

/// A frame that reaches its receiver later.
pub(crate) struct LateFrame {
    pub(crate) after: Duration,
    pub(crate) to: ConnectionId,
    pub(crate) frame: Bytes,
}

/// What tampers with frames, and who delivers those that are late.
struct Tampered {
    tamper: Box<dyn Tamper>,
    late: mpsc::UnboundedSender<LateFrame>,
}

/// All rooms.
pub(crate) struct Hub {
    limits: Limits,
    observer: Option<Arc<dyn RelayObserver>>,
    tampered: Option<Tampered>,
    rooms: BTreeMap<Arc<str>, Vec<Member>>,
    /// In which room a connection's member is.
    seats: BTreeMap<ConnectionId, Arc<str>>,
    closed: bool,
    statistics: Statistics,
}

struct Member {
    connection: ConnectionId,
    name: String,
    outlet: Outlet,
}

/// Why somebody may not enter: a sentence for people.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    Version(u16),
    NameTaken { room: String, name: String },
    RoomFull { members: usize },
    TooManyRooms { rooms: usize },
    Closing,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Version(version) => {
                write!(f, "the relay speaks version {VERSION} of its protocol, not {version}")
            }
            Self::NameTaken { room, name } => {
                write!(f, "somebody in the room `{room}` has the name `{name}` already")
            }
            Self::RoomFull { members } => {
                write!(f, "the room is full: its limit of members is {members}")
            }
            Self::TooManyRooms { rooms } => {
                write!(f, "the relay is full: its limit of rooms is {rooms}")
            }
            Self::Closing => f.write_str("the relay closes"),
        }
    }
}

impl Hub {
    pub(crate) fn new(limits: Limits, observer: Option<Arc<dyn RelayObserver>>) -> Self {
        Self {
            limits,
            observer,
            tampered: None,
            rooms: BTreeMap::new(),
            seats: BTreeMap::new(),
            closed: false,
            statistics: Statistics::default(),
        }
    }

    /// From now on, members get what `tamper` makes of what they should get. Frames that are late
    /// come out of the queue that is returned.
    pub(crate) fn tamper(&mut self, tamper: Box<dyn Tamper>) -> mpsc::UnboundedReceiver<LateFrame> {
        let (late, frames) = mpsc::unbounded_channel();
        self.tampered = Some(Tampered { tamper, late });
        frames
    }

    /// A frame that was late reaches its receiver, if they are still there.
    pub(crate) fn deliver(&mut self, to: ConnectionId, frame: &Bytes) {
        let Some(members) = self.seats.get(&to).and_then(|room| self.rooms.get(room)) else {
            return;
        };
        let member = members.iter().find(|member| member.connection == to);
        if member.is_some_and(|member| member.outlet.offer(frame).is_err()) {
            self.leave(to, LeaveCause::TooSlow);
        }
    }

    pub(crate) fn statistics(&self) -> Statistics {
        Statistics { rooms: self.rooms.len(), members: self.seats.len(), ..self.statistics.clone() }
    }

    /// Somebody was turned away before they were in a room.
    pub(crate) fn count_refused(&mut self) {
        self.statistics.refused = self.statistics.refused.saturating_add(1);
    }

    /// Lets a connection's member enter: it gets a Welcome, everybody else an Entered.
    pub(crate) fn enter(
        &mut self,
        connection: ConnectionId,
        room: &str,
        name: &str,
        outlet: Outlet,
    ) -> Result<(), Refusal> {
        if self.closed {
            return Err(Refusal::Closing);
        }
        let members = self.rooms.get(room).map_or(&[][..], Vec::as_slice);
        if members.is_empty() && self.rooms.len() >= self.limits.rooms {
            return Err(Refusal::TooManyRooms { rooms: self.rooms.len() });
        }
        if members.iter().any(|member| member.name == name) {
            return Err(Refusal::NameTaken { room: room.to_owned(), name: name.to_owned() });
        }
        if members.len() >= self.limits.members_per_room.min(MAX_MEMBERS) {
            return Err(Refusal::RoomFull { members: members.len() });
        }
        let names = members.iter().map(|member| member.name.as_str()).chain([name]).collect();
        // A new queue takes whatever comes first.
        let _ = outlet.offer(&ServerFrame::Welcome { members: names }.encode());
        let room: Arc<str> = Arc::from(room);
        self.seats.insert(connection, room.clone());
        let member = Member { connection, name: name.to_owned(), outlet };
        self.rooms.entry(room.clone()).or_default().push(member);
        self.statistics.entered = self.statistics.entered.saturating_add(1);
        if let Some(observer) = &self.observer {
            observer.entered(&room, name);
        }
        // Last: whoever this makes too slow must leave before the eyes of the new member, too.
        self.broadcast(&room, &ServerFrame::Entered { name }, Some(connection));
        Ok(())
    }

    /// A packet, to everybody in the sender's room. Whoever is in no room says it to nobody.
    pub(crate) fn send(&mut self, connection: ConnectionId, packet: &str) {
        let Some((room, sender)) = self.member(connection) else { return };
        let readers = self.rooms.get(&room).map_or(0, Vec::len);
        let count = |number: u64, more: usize| {
            number.saturating_add(u64::try_from(more).unwrap_or(u64::MAX))
        };
        self.statistics.packets = count(self.statistics.packets, 1);
        self.statistics.octets = count(self.statistics.octets, packet.len());
        self.statistics.deliveries = count(self.statistics.deliveries, readers);
        if let Some(observer) = &self.observer {
            observer.packet(&room, &sender, packet, readers);
        }
        self.broadcast(&room, &ServerFrame::Packet { sender: &sender, packet }, None);
    }

    /// Removes the member of this name from the remover's room, if it is there.
    pub(crate) fn remove(&mut self, connection: ConnectionId, name: &str) {
        let Some((room, by)) = self.member(connection) else { return };
        let target = self
            .rooms
            .get(&room)
            .and_then(|members| members.iter().find(|member| member.name == name))
            .map(|member| member.connection);
        if let Some(target) = target {
            self.leave(target, LeaveCause::Removed { by: &by });
        }
    }

    /// A connection's member leaves. It is told so, if it still listens, as the last thing.
    pub(crate) fn leave(&mut self, connection: ConnectionId, cause: LeaveCause<&str>) {
        let Some((room, member)) = self.take(connection) else { return };
        let frame = ServerFrame::Left { name: &member.name, cause };
        // It leaves anyway: a full queue changes nothing.
        let _ = member.outlet.offer(&frame.encode());
        self.tell_left(&room, &member.name, cause);
        self.broadcast(&room, &frame, None);
    }

    /// A connection broke the protocol: its member leaves, and is told why as the last thing.
    pub(crate) fn expel(&mut self, connection: ConnectionId, reason: &str) {
        self.count_refused();
        let Some((room, member)) = self.take(connection) else { return };
        let _ = member.outlet.offer(&ServerFrame::Refused { reason }.encode());
        let cause = LeaveCause::Misbehaved;
        self.tell_left(&room, &member.name, cause);
        self.broadcast(&room, &ServerFrame::Left { name: &member.name, cause }, None);
    }

    /// Everybody leaves, and nobody enters any more.
    pub(crate) fn close(&mut self) {
        self.closed = true;
        self.seats.clear();
        for (room, members) in core::mem::take(&mut self.rooms) {
            for member in members {
                let cause = LeaveCause::Closing;
                let _ =
                    member.outlet.offer(&ServerFrame::Left { name: &member.name, cause }.encode());
                self.tell_left(&room, &member.name, cause);
            }
        }
    }

    /// The room and the name of a connection's member.
    fn member(&self, connection: ConnectionId) -> Option<(Arc<str>, String)> {
        let room = self.seats.get(&connection)?;
        let member = self.rooms.get(room)?.iter().find(|member| member.connection == connection)?;
        Some((room.clone(), member.name.clone()))
    }

    fn take(&mut self, connection: ConnectionId) -> Option<(Arc<str>, Member)> {
        let room = self.seats.remove(&connection)?;
        let members = self.rooms.get_mut(&room)?;
        let place = members.iter().position(|member| member.connection == connection)?;
        let member = members.remove(place);
        if members.is_empty() {
            self.rooms.remove(&room);
        }
        Some((room, member))
    }

    fn tell_left(&self, room: &str, name: &str, cause: LeaveCause<&str>) {
        if let Some(observer) = &self.observer {
            observer.left(room, name, cause);
        }
    }

    /// Queues a frame for everybody in a room but one. Whose queue is full leaves, and the others
    /// are told, which may fill more queues: in the end all who stay have been told the same in one
    /// order.
    fn broadcast(&mut self, room: &str, frame: &ServerFrame<'_>, except: Option<ConnectionId>) {
        if self.tampered.is_some() {
            return self.broadcast_tampered(room, frame, except);
        }
        let mut frames = VecDeque::from([(frame.encode(), except)]);
        while let Some((frame, except)) = frames.pop_front() {
            let Some(members) = self.rooms.get_mut(room) else { return };
            let slow: Vec<Member> = members
                .extract_if(.., |member| {
                    Some(member.connection) != except && member.outlet.offer(&frame).is_err()
                })
                .collect();
            if members.is_empty() {
                self.rooms.remove(room);
            }
            for member in slow {
                let cause = LeaveCause::TooSlow;
                let left = ServerFrame::Left { name: &member.name, cause }.encode();
                frames.push_back((left, None));
                self.seats.remove(&member.connection);
                self.statistics.too_slow = self.statistics.too_slow.saturating_add(1);
                self.tell_left(room, &member.name, cause);
                member.outlet.cut();
            }
        }
    }

    /// Queues for everybody in a room but one what is made of a frame for them.
    fn broadcast_tampered(
        &mut self,
        room: &str,
        frame: &ServerFrame<'_>,
        except: Option<ConnectionId>,
    ) {
        let (Some(tampered), Some(members)) = (&mut self.tampered, self.rooms.get(room)) else {
            return;
        };
        let names: Vec<String> = members.iter().map(|member| member.name.clone()).collect();
        let mut slow = Vec::new();
        let instead = tampered.tamper.instead(room, &names, frame);
        for (member, copies) in members.iter().zip(instead) {
            let to = member.connection;
            for (after, frame) in copies.into_iter().filter(|_| Some(to) != except) {
                if !after.is_zero() {
                    // Without anybody to deliver it, it is lost: the relay ends.
                    let _ = tampered.late.send(LateFrame { after, to, frame });
                } else if member.outlet.offer(&frame).is_err() {
                    slow.push(to);
                }
            }
        }
        for connection in slow {
            self.leave(connection, LeaveCause::TooSlow);
        }
    }
}

#[cfg(test)]
mod tests;
