//! The suite for channels passes a good one, and finds what is wrong with bad ones.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};

use mpenc_session::ChannelAction;
use mpenc_tokio::conformance::{Rule, Venue, check};
use mpenc_tokio::{ChannelNotice, GroupChannel};
use mpenc_wire::MemberId;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::solo::member;
use crate::support::Broken;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flaw {
    None,
    Ignores,
    NoEcho,
    OwnFirst,
    Twice,
    Loses,
    Trims,
    History,
    Follows,
    Ghosts,
    KeepsVanished,
    HalfRemoves,
    SharesNames,
    ForgetsActions,
    ForgetsNotices,
    Ends,
}

type Inboxes = Vec<(MemberId, UnboundedSender<ChannelNotice>)>;

#[derive(Default)]
struct Room {
    inside: Inboxes,
    said: Vec<ChannelNotice>,
}

/// Rooms in memory, with a flaw.
struct Hub {
    rooms: Arc<Mutex<BTreeMap<String, Room>>>,
    flaw: Flaw,
}

struct Local {
    rooms: Arc<Mutex<BTreeMap<String, Room>>>,
    flaw: Flaw,
    room: String,
    own: MemberId,
    queue: VecDeque<ChannelAction>,
    early: VecDeque<ChannelNotice>,
    inbox: Option<UnboundedReceiver<ChannelNotice>>,
}

impl Venue for Hub {
    type Channel = Local;

    fn channel(&self, room: &str, name: &str) -> Local {
        Local {
            rooms: self.rooms.clone(),
            flaw: self.flaw,
            room: room.to_owned(),
            own: member(name),
            queue: VecDeque::new(),
            early: VecDeque::new(),
            inbox: None,
        }
    }

    fn member(&self, _: &str, name: &str) -> MemberId {
        member(name)
    }
}

impl Room {
    fn tell(&self, notice: &ChannelNotice) {
        for (_, inbox) in &self.inside {
            let _ = inbox.send(notice.clone());
        }
    }

    fn remove(&mut self, gone: &MemberId, silent: bool) {
        let Some(at) = self.inside.iter().position(|(id, _)| id == gone) else { return };
        let (_, inbox) = self.inside.remove(at);
        let _ = inbox.send(ChannelNotice::Left);
        if !silent {
            self.tell(&ChannelNotice::Changed { entered: vec![], left: vec![gone.clone()] });
        }
    }
}

impl Local {
    fn perform(&mut self, action: ChannelAction) -> Result<(), Broken> {
        let (flaw, own) = (self.flaw, self.own.clone());
        let mut rooms = self.rooms.lock().unwrap();
        let room = rooms.entry(self.room.clone()).or_default();
        match action {
            ChannelAction::Enter => {
                if flaw != Flaw::SharesNames && room.inside.iter().any(|(id, _)| *id == own) {
                    return Err(Broken);
                }
                room.tell(&ChannelNotice::Changed { entered: vec![own.clone()], left: vec![] });
                let (put, take) = unbounded_channel();
                room.inside.push((own, put.clone()));
                let members = room.inside.iter().map(|(id, _)| id.clone()).collect();
                put.send(ChannelNotice::Entered { members }).unwrap();
                if let (Flaw::History, Some(last)) = (flaw, room.said.last()) {
                    put.send(last.clone()).unwrap();
                }
                self.inbox = Some(take);
            }
            ChannelAction::Leave if flaw == Flaw::Follows => {
                let at = room.inside.iter().position(|(id, _)| *id == own).unwrap();
                let inbox = room.inside[at].1.clone();
                room.remove(&own, false);
                room.inside.push((member("shadow"), inbox));
            }
            ChannelAction::Leave => room.remove(&own, flaw == Flaw::Ghosts),
            ChannelAction::Send { packet } => {
                let packet = if flaw == Flaw::Trims { packet.replace("  ", " ") } else { packet };
                let notice = ChannelNotice::Packet { sender: own.clone(), packet };
                room.said.push(notice.clone());
                for (at, (id, inbox)) in room.inside.iter().enumerate() {
                    let lost = match flaw {
                        Flaw::NoEcho | Flaw::OwnFirst => *id == own,
                        Flaw::Loses => at == 1 && room.said.len().is_multiple_of(7),
                        _ => false,
                    };
                    if !lost {
                        let _ = inbox.send(notice.clone());
                    }
                    if flaw == Flaw::Twice && room.said.len() == 3 {
                        let _ = inbox.send(notice.clone());
                    }
                }
            }
            ChannelAction::Remove(members) if flaw != Flaw::Ignores => {
                for gone in members {
                    room.remove(&gone, flaw == Flaw::HalfRemoves);
                }
            }
            _ => {}
        }
        Ok(())
    }
}

impl GroupChannel for Local {
    type Error = Broken;

    async fn next(&mut self) -> Result<ChannelNotice, Broken> {
        if self.flaw == Flaw::ForgetsActions
            && let Some(action) = self.queue.pop_front()
        {
            tokio::task::yield_now().await;
            self.perform(action)?;
        }
        while let Some(action) = self.queue.pop_front() {
            self.perform(action)?;
        }
        if let Some(notice) = self.early.pop_front() {
            return Ok(notice);
        }
        let Some(inbox) = &mut self.inbox else { return std::future::pending().await };
        let notice = inbox.recv().await.ok_or(Broken)?;
        if self.flaw == Flaw::ForgetsNotices && self.room == "cancelling" {
            tokio::task::yield_now().await;
        }
        if self.flaw == Flaw::Ends && matches!(notice, ChannelNotice::Packet { .. }) {
            return Err(Broken);
        }
        if notice == ChannelNotice::Left && self.flaw != Flaw::Follows {
            self.inbox = None;
        }
        Ok(notice)
    }

    fn act(&mut self, action: ChannelAction) {
        if let (Flaw::OwnFirst, ChannelAction::Send { packet }) = (self.flaw, &action) {
            let (sender, packet) = (self.own.clone(), packet.clone());
            self.early.push_back(ChannelNotice::Packet { sender, packet });
        }
        self.queue.push_back(action);
    }
}

impl Drop for Local {
    fn drop(&mut self) {
        if self.inbox.is_some() && self.flaw != Flaw::KeepsVanished {
            let mut rooms = self.rooms.lock().unwrap();
            rooms.entry(self.room.clone()).or_default().remove(&self.own, false);
        }
    }
}

async fn verdict(flaw: Flaw) -> Option<Rule> {
    let hub = Hub { rooms: Arc::default(), flaw };
    check(&hub).await.err().map(|violation| violation.rule)
}

#[tokio::test(start_paused = true)]
async fn good_channels_pass() {
    assert_eq!(verdict(Flaw::None).await, None);
    assert_eq!(verdict(Flaw::Ignores).await, None);
}

#[tokio::test(start_paused = true)]
async fn bad_channels_are_told_what_is_wrong() {
    let expected = [
        (Flaw::NoEcho, Rule::Complete),
        (Flaw::OwnFirst, Rule::OneOrder),
        (Flaw::Twice, Rule::Echo),
        (Flaw::Loses, Rule::Complete),
        (Flaw::Trims, Rule::Echo),
        (Flaw::History, Rule::EnteredFirst),
        (Flaw::Follows, Rule::EnteredFirst),
        (Flaw::Ghosts, Rule::Leaving),
        (Flaw::KeepsVanished, Rule::Leaving),
        (Flaw::HalfRemoves, Rule::Leaving),
        (Flaw::SharesNames, Rule::Names),
        (Flaw::ForgetsActions, Rule::Complete),
        (Flaw::ForgetsNotices, Rule::CancelSafe),
        (Flaw::Ends, Rule::Alive),
    ];
    let mut found = Vec::new();
    for (flaw, _) in expected {
        found.push((flaw, verdict(flaw).await));
    }
    assert_eq!(found, expected.map(|(flaw, rule)| (flaw, Some(rule))));
}
