//! Many rooms on one relay: what that takes, of the relay and of the sessions in its rooms.
//!
//! ```text
//! cargo run --release -p mpenc-relay --features channel --example rooms -- [ROOMS MEMBERS TEXTS]
//! ```
//!
//! The relay is a process of its own, with one thread. All members are whole sessions with real
//! cryptography, and have a connection each.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "it measures; whatever does not go as planned must stop it"
)]

mod town;

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _, stdin, stdout};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Instant;

use mpenc_relay::{Config, Limits, Relay, RelayHandle};

use crate::town::Town;

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    if args.first().is_some_and(|arg| arg == "relay") {
        return relay(args[1].parse().unwrap(), args[2].parse().unwrap());
    }
    let numbers: Vec<usize> = args.iter().map(|arg| arg.parse().expect("a number")).collect();
    let (rooms, members, texts) = match numbers[..] {
        [] => (200, 10, 5),
        [rooms, members, texts] => (rooms, members, texts),
        _ => panic!("ROOMS MEMBERS TEXTS"),
    };
    tokio::runtime::Runtime::new().unwrap().block_on(measure(rooms, members, texts));
}

/// The other process: a relay, until nobody listens to it any more.
fn relay(rooms: usize, members: usize) {
    let mut limits = Limits::default();
    limits.rooms = rooms;
    limits.connections = rooms * members;
    let config = Config::new(([127, 0, 0, 1], 0).into()).limits(limits);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let relay = Relay::bind(config).await.unwrap();
        println!("{}", relay.local_addr());
        let handle = relay.handle();
        std::thread::spawn(move || answer(&handle));
        relay.run(core::future::pending()).await;
    });
}

/// For each line that comes in: what it has done so far.
fn answer(relay: &RelayHandle) {
    for _ in stdin().lines() {
        let seen = relay.statistics();
        println!("{} {} {} {}", seen.packets, seen.octets, seen.deliveries, seen.too_slow);
        stdout().flush().unwrap();
    }
    std::process::exit(0);
}

/// The relay's process, from outside.
struct Other {
    process: Child,
    asks: ChildStdin,
    answers: BufReader<ChildStdout>,
}

/// What was used up so far.
struct Spent {
    at: Instant,
    relay_cpu: f64,
    members_cpu: f64,
    packets: u64,
    octets: u64,
    deliveries: u64,
    too_slow: u64,
}

impl Other {
    fn start(rooms: usize, members: usize) -> (Self, std::net::SocketAddr) {
        let mut process = Command::new(std::env::current_exe().unwrap())
            .args(["relay", &rooms.to_string(), &members.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let asks = process.stdin.take().unwrap();
        let mut answers = BufReader::new(process.stdout.take().unwrap());
        let mut addr = String::new();
        answers.read_line(&mut addr).unwrap();
        (Self { process, asks, answers }, addr.trim().parse().unwrap())
    }

    fn spent(&mut self) -> Spent {
        writeln!(self.asks, "and now?").unwrap();
        let mut line = String::new();
        self.answers.read_line(&mut line).unwrap();
        let figures: Vec<u64> = line.split_whitespace().map(|word| word.parse().unwrap()).collect();
        let cpu = |process: &str| {
            // In hundredths of a second: those of the program, and of the system for it.
            let text = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
            let ticks = text.split_whitespace().skip(13).take(2);
            ticks.map(|ticks| ticks.parse::<f64>().unwrap()).sum::<f64>() / 100.0
        };
        Spent {
            at: Instant::now(),
            relay_cpu: cpu(&self.process.id().to_string()),
            members_cpu: cpu("self"),
            packets: figures[0],
            octets: figures[1],
            deliveries: figures[2],
            too_slow: figures[3],
        }
    }

    /// Megabytes that a process holds.
    fn held(&self) -> [u64; 2] {
        let relay = self.process.id().to_string();
        [relay.as_str(), "self"].map(|process| {
            let text = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
            let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"));
            let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
            kib.unwrap_or(0) * 1024 / 1_000_000
        })
    }
}

async fn measure(rooms: usize, members: usize, texts: usize) {
    let (mut relay, addr) = Other::start(rooms, members);
    let mut town = Town::new(addr, rooms, members);
    println!("{rooms} rooms of {members} members, each of whom writes {texts} texts\n");
    println!(
        "{:<18}{:>8}{:>14}{:>16}{:>10}{:>13}{:>12}{:>16}{:>10}{:>12}",
        "",
        "time, s",
        "relay CPU, s",
        "members CPU, s",
        "packets",
        "octets",
        "deliveries",
        "us a delivery",
        "relay MB",
        "members MB"
    );
    let mut before = relay.spent();
    for what in ["they enter", "they establish", "they talk"] {
        match what {
            "they enter" => town.enter().await,
            "they establish" => town.establish().await,
            _ => town.talk(texts).await,
        }
        let now = relay.spent();
        let (cpu, deliveries) =
            (now.relay_cpu - before.relay_cpu, now.deliveries - before.deliveries);
        let [relay_held, members_held] = relay.held();
        println!(
            "{what:<18}{:>8.1}{cpu:>14.2}{:>16.2}{:>10}{:>13}{deliveries:>12}{:>16.1}\
             {relay_held:>10}{members_held:>12}",
            (now.at - before.at).as_secs_f64(),
            now.members_cpu - before.members_cpu,
            now.packets - before.packets,
            now.octets - before.octets,
            if deliveries > 0 { cpu * 1e6 / deliveries as f64 } else { 0.0 },
        );
        before = now;
    }
    println!("\nmembers that were too slow for the relay: {}", before.too_slow);
    assert_eq!(before.too_slow, 0);
    drop(relay.asks);
    relay.process.wait().unwrap();
}
