//! Recorded sessions of the protocol's first implementation, one member at a time: fed with what
//! the member saw, did and drew, a session sends the same packets.

use std::collections::{BTreeMap, VecDeque};
use std::convert::Infallible;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use mpenc::{CliquesGreeter, Dialect, LocalIdentity, MemberId, MpencSession};
use mpenc_session::{
    ChannelAction, ChannelEvent, Config, Ctx, Event, Input, Instant, JoinPatience, Membership,
    Output, Outputs,
};
use rand_core::{TryCryptoRng, TryRng};
use serde_json::Value;

const JS: Dialect = Dialect::MPENC_JS;

fn vectors() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../vectors")
}

fn member(value: &Value) -> MemberId {
    MemberId::new(JS, value.as_str().expect("a name")).expect("a good name")
}

fn members(value: &Value) -> Vec<MemberId> {
    value.as_array().into_iter().flatten().map(member).collect()
}

/// Hands out the recorded draws. Those for entering again are apart: the first implementation draws
/// one for every `join` that still waits, and enters as often.
#[derive(Clone)]
struct Draws {
    keys: VecDeque<Vec<u8>>,
    jitter: VecDeque<Vec<u8>>,
}

impl TryRng for Draws {
    type Error = Infallible;
    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        panic!("nothing draws numbers")
    }
    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        panic!("nothing draws numbers")
    }
    fn try_fill_bytes(&mut self, octets: &mut [u8]) -> Result<(), Infallible> {
        let draws = if octets.len() == 4 { &mut self.jitter } else { &mut self.keys };
        match draws.front() {
            Some(next) if next.len() == octets.len() => {
                octets.copy_from_slice(next);
                draws.pop_front();
            }
            // A difference: the packets will show it.
            _ => octets.fill(0xdd),
        }
        Ok(())
    }
}

impl TryCryptoRng for Draws {}

#[derive(Debug, PartialEq, Eq)]
struct Sent {
    at: u64,
    packet: String,
}

struct Player<'v> {
    recording: &'v Value,
    session: MpencSession,
    draws: Draws,
    sent: Vec<Sent>,
    changes: Vec<(u64, Vec<MemberId>)>,
    accepted: Vec<(String, String)>,
    log: Vec<String>,
}

fn milliseconds(instant: Instant) -> u64 {
    u64::try_from(instant.since_epoch().as_millis()).unwrap()
}

fn at(milliseconds: u64) -> Instant {
    Instant::new(Duration::from_millis(milliseconds))
}

impl<'v> Player<'v> {
    fn new(recording: &'v Value, name: &str) -> Self {
        let all = recording["members"].as_object().unwrap();
        let seed: [u8; 32] = hex::decode(all[name]["static_seed_hex"].as_str().unwrap())
            .unwrap()
            .try_into()
            .unwrap();
        let known: BTreeMap<MemberId, [u8; 32]> = all
            .iter()
            .map(|(id, keys)| {
                let key = hex::decode(keys["static_pub_hex"].as_str().unwrap()).unwrap();
                (MemberId::new(JS, id).unwrap(), key.try_into().unwrap())
            })
            .collect();
        let signer = LocalIdentity::from_seed(&seed).into_signer();
        let own = MemberId::new(JS, name).unwrap();
        let mut config = Config::default();
        let flow = &recording["flow_control"];
        let latency = flow["broadcast_latency_ms"].as_u64().unwrap();
        let interval = flow["full_ack_interval_ms"].as_u64().unwrap();
        config.broadcast_latency = Duration::from_millis(latency);
        config.reply_interval = Duration::from_millis(interval - 2 * latency);
        // There, waiting to be included has no end.
        config.join_patience = JoinPatience::Forever;
        let options = &recording["member_options"][name];
        config.stay_if_last = options["stayIfLastMember"] == true;
        config.auto_include = options["autoIncludeExtra"] == true;
        let session =
            MpencSession::new(CliquesGreeter::new(JS, own, signer, Arc::new(known)), config);
        let (jitter, keys) = recording["random"][name]
            .as_array()
            .into_iter()
            .flatten()
            .map(|draw| hex::decode(draw["hex"].as_str().unwrap()).unwrap())
            .partition(|draw: &Vec<u8>| draw.len() == 4);
        Self {
            recording,
            session,
            draws: Draws { keys, jitter },
            sent: Vec::new(),
            changes: Vec::new(),
            accepted: Vec::new(),
            log: Vec::new(),
        }
    }

    fn collect(&mut self, now: u64, out: &mut Outputs) {
        for output in out.drain() {
            self.log.push(format!("{now}: {output:?}").chars().take(220).collect());
            match output {
                Output::Channel(ChannelAction::Send { packet }) => {
                    self.sent.push(Sent { at: now, packet });
                }
                Output::Event(Event::Members { remain, include, .. }) => {
                    let mut members: Vec<_> = remain.into_iter().chain(include).collect();
                    members.sort();
                    self.changes.push((now, members));
                }
                Output::Event(Event::Message(message)) => {
                    self.accepted.push((message.author.to_text(JS), message.text));
                }
                _ => {}
            }
        }
    }

    fn feed(&mut self, now: u64, input: Input<'_>) {
        let mut out = Outputs::new();
        self.session.handle(&mut Ctx::new(at(now), &mut self.draws), input, &mut out);
        self.collect(now, &mut out);
    }

    fn tick_before(&mut self, now: u64) {
        for _ in 0..100_000 {
            match self.session.next_deadline() {
                Some(deadline) if milliseconds(deadline) < now => {
                    self.feed(milliseconds(deadline), Input::Tick);
                }
                _ => return,
            }
        }
        panic!("a loop of deadlines before {now}");
    }

    fn action(&mut self, now: u64, entry: &Value) {
        let mut out = Outputs::new();
        let mut cx = Ctx::new(at(now), &mut self.draws);
        let cx = &mut cx;
        let session = &mut self.session;
        let result = if entry.get("join").is_some() {
            session.join(cx, &mut out)
        } else if entry.get("part").is_some() {
            session.part(cx, &mut out)
        } else if entry.get("ack").is_some() {
            session.ack(cx, &mut out).map(|_| ())
        } else if let Some(text) = entry.get("send") {
            match text.as_str().unwrap_or_default() {
                "" => session.ack(cx, &mut out).map(|_| ()),
                text => session.send(cx, text, &mut out).map(|_| ()),
            }
        } else if let Some(names) = entry.get("include") {
            session.propose(cx, Membership::Include(&members(names)), &mut out).map(|_| ())
        } else if let Some(names) = entry.get("exclude") {
            session.propose(cx, Membership::Exclude(&members(names)), &mut out).map(|_| ())
        } else if entry.get("refresh").is_some() {
            session.propose(cx, Membership::Refresh, &mut out).map(|_| ())
        } else {
            Ok(())
        };
        if let Err(error) = result {
            self.log.push(format!("{now}: misuse: {error}"));
        }
        self.collect(now, &mut out);
    }

    fn recv(&mut self, now: u64, entry: &Value, own: &MemberId) {
        let event = entry["ch"].as_u64().map(|ch| &self.recording["channel"][ch as usize]);
        if entry.get("packet").is_some() || event.is_some_and(|event| event["kind"] == "packet") {
            let source = if entry.get("packet").is_some() { entry } else { event.unwrap() };
            let sender = member(&source["sender"]);
            let packet = source["packet"].as_str().unwrap().to_owned();
            let event = ChannelEvent::Packet { sender: &sender, packet: &packet };
            self.feed(now, Input::Channel(event));
            return;
        }
        let event = event.expect("an event of the channel");
        match entry["self"].as_str() {
            Some("enter") => {
                let present = members(&event["members_after"]);
                self.feed(now, Input::Channel(ChannelEvent::Entered { members: &present }));
            }
            Some(_) => self.feed(now, Input::Channel(ChannelEvent::Left)),
            None => {
                let without_us = |value: &Value| -> Vec<MemberId> {
                    members(value).into_iter().filter(|member| member != own).collect()
                };
                let (entered, left) = (without_us(&event["enter"]), without_us(&event["leave"]));
                let event = ChannelEvent::Changed { entered: &entered, left: &left };
                self.feed(now, Input::Channel(event));
            }
        }
    }
}

/// The first difference between what a member sent and what was recorded.
fn play(recording: &Value, name: &str) -> Result<usize, String> {
    let own = MemberId::new(JS, name).unwrap();
    let mut player = Player::new(recording, name);
    let mut expected = VecDeque::new();
    let entries = recording["per_member"][name].as_array().unwrap();
    for entry in entries {
        if entry["dir"] == "send" && entry.get("recipients").is_some() {
            let packet = match entry["packet"].as_str() {
                Some(packet) => packet.to_owned(),
                None => {
                    let ch = entry["ch"].as_u64().unwrap() as usize;
                    recording["channel"][ch]["packet"].as_str().unwrap().to_owned()
                }
            };
            expected.push_back(Sent { at: entry["t"].as_u64().unwrap(), packet });
        }
    }
    let total = expected.len();
    let mut compared = 0;
    let mut check = |player: &mut Player<'_>, upto: u64, all: bool| -> Result<(), String> {
        let tail = |player: &Player<'_>| {
            let from = player.log.len().saturating_sub(14);
            player.log[from..].join("\n    ")
        };
        for sent in core::mem::take(&mut player.sent) {
            match expected.pop_front() {
                Some(wanted) if wanted == sent => compared += 1,
                wanted => {
                    return Err(format!(
                        "{name}: after {compared} of {total}: sent at {} {:.30}\n  wanted {}\n    {}",
                        sent.at,
                        sent.packet,
                        wanted.map_or("nothing".into(), |w| format!("{} {:.30}", w.at, w.packet)),
                        tail(player)
                    ));
                }
            }
        }
        if let Some(wanted) = expected.front()
            && (wanted.at < upto || all)
        {
            return Err(format!(
                "{name}: after {compared} of {total}: sent nothing at {}\n    {}",
                wanted.at,
                tail(player)
            ));
        }
        Ok(())
    };
    // What the first implementation refused to do at once was not done.
    let mut in_subsession = false;
    for entry in entries {
        let now = entry["t"].as_u64().unwrap();
        if entry["dir"] == "status" && entry.get("members").is_some() {
            in_subsession = members(&entry["members"]).len() > 1;
        }
        match entry["dir"].as_str().unwrap() {
            "action" if entry["result"] == "throw" || entry["result"] == false => continue,
            // There, whoever is in no sub-session parts by doing nothing.
            "action" if entry.get("part").is_some() && !in_subsession => continue,
            "action" => {
                player.tick_before(now);
                player.action(now, entry);
            }
            "recv" => {
                player.tick_before(now);
                player.recv(now, entry, &own);
            }
            _ => continue,
        }
        check(&mut player, now, false)?;
    }
    player.tick_before(recording["end_time_ms"].as_u64().unwrap() + 1);
    check(&mut player, u64::MAX, true)?;
    if !player.draws.keys.is_empty() {
        return Err(format!("{name}: {} draws are left", player.draws.keys.len()));
    }
    Ok(total)
}

/// Members whose packets differ from some point on: because the first implementation has a defect
/// there, or because a rule is still missing here. The list may only shrink.
const DIFFER: &str = include_str!("recordings.differ");

#[test]
fn the_strict_recordings() {
    let known: std::collections::BTreeSet<&str> = DIFFER.lines().collect();
    let mut faults = Vec::new();
    let (mut packets, mut same) = (0, 0);
    let mut files: Vec<_> = fs::read_dir(vectors())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|end| end == "json"))
        .filter(|path| path.file_stem().unwrap() != "unit")
        .collect();
    files.sort();
    for path in files {
        let recording: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
        if recording["strict"] != true {
            continue;
        }
        for name in recording["per_member"].as_object().unwrap().keys() {
            let member = format!("{} {name}", path.file_stem().unwrap().display());
            match (play(&recording, name), known.contains(member.as_str())) {
                (Ok(count), false) => {
                    packets += count;
                    same += 1;
                }
                (Ok(_), true) => faults.push(format!("{member} is the same now: strike it out")),
                (Err(_), true) => {}
                (Err(fault), false) => faults.push(format!("{member}: {fault}")),
            }
        }
    }
    assert!(faults.is_empty(), "{} members differ:\n{}", faults.len(), faults.join("\n\n"));
    assert!(same > 100 && packets > 1_000, "only {same} members with {packets} packets");
}
