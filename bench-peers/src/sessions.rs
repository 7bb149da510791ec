//! What sessions hold: of a group, of its messages, and for a moment of each packet.

use bench_counts::ours::World;

use crate::Args;
use crate::contestant::Contestant;
use crate::memory;
use crate::report::Report;
use crate::timing::median;

pub fn measure(_args: &Args, report: &mut Report) {
    members(report);
    messages(report);
}

/// What a session holds of each member, before anything is said.
fn members(report: &mut Report) {
    let sizes = [8, 32, 64];
    report.table("a session that is new", &["octets", "octets a member"]);
    let fresh = sizes.map(|members| {
        let mut world = World::established(members);
        world.rest();
        state(&world) / members as f64
    });
    for (at, members) in sizes.into_iter().enumerate() {
        let less = at.checked_sub(1).map_or(f64::NAN, |before| {
            (fresh[at] - fresh[before]) / (members - sizes[before]) as f64
        });
        report.row(&format!("{members} members"), &[fresh[at], less]);
    }
}

/// What all sessions hold, without room to grow: what a copy of them takes.
pub fn state(world: &World) -> f64 {
    let before = memory::live();
    let copy = world.sessions.clone();
    let octets = memory::live() - before;
    drop(copy);
    octets as f64
}

/// A talk, in which what it takes is looked at from time to time.
struct Talk {
    world: World,
    members: usize,
    text: String,
    said: usize,
    /// Allocations for each message that member 0 received.
    calls: Vec<f64>,
    /// Whether what was shown to the user is forgotten.
    forgets: bool,
}

/// Octets of a session's memory for each message: on the average as it grows, and at most.
struct Held {
    mean: f64,
    most: f64,
}

impl Talk {
    /// A group that has talked a little.
    fn new(members: usize, forgets: bool) -> Self {
        let mut world = World::established(members);
        world.rest();
        let (text, calls) = ("x".repeat(100), Vec::new());
        let mut talk = Self { world, members, text, said: 0, calls, forgets };
        talk.go_on(512);
        talk.rest();
        talk
    }

    fn rest(&mut self) {
        self.world.rest();
        if self.forgets {
            self.world.forget();
        }
    }

    fn go_on(&mut self, messages: usize) {
        self.calls.reserve(messages);
        for _ in 0..messages {
            match self.said % self.members {
                0 => {
                    let packet = self.world.send(&self.text);
                    self.world.deliver(&packet);
                }
                author => {
                    let packet = self.world.write(author, &self.text);
                    let before = memory::calls();
                    self.world.receive(author, &packet);
                    self.calls.push((memory::calls() - before) as f64);
                }
            }
            self.said += 1;
        }
    }

    /// From this many messages to twice as many: whatever doubles as it grows is at its fullest and
    /// at its emptiest once.
    fn held(&mut self, from: usize) -> Held {
        const LOOKS: usize = 16;
        let forgets_after = from / LOOKS;
        let before = memory::live() as f64;
        let mut held = Vec::new();
        let mut said = 0;
        let mut go_on = |talk: &mut Self, messages: usize| {
            // The list of what we count is none of the session's.
            talk.calls = Vec::new();
            for _ in 0..messages / forgets_after {
                talk.go_on(forgets_after);
                talk.rest();
            }
            let counted = core::mem::take(&mut talk.calls);
            said += messages;
            let octets = memory::live() as f64 - before;
            talk.calls = counted;
            octets / (said * talk.members) as f64
        };
        go_on(self, from);
        for _ in 0..LOOKS {
            held.push(go_on(self, forgets_after));
        }
        let most = held.iter().copied().fold(0.0, f64::max);
        Held { mean: held.iter().sum::<f64>() / held.len() as f64, most }
    }
}

fn messages(report: &mut Report) {
    report.table(
        "a session, for each message of 100 octets that all have acked",
        &["octets", "octets at most", "allocations", "allocations (mean)"],
    );
    for (members, from) in [(3, 16_384), (8, 16_384), (32, 8_192)] {
        for forgets in [true, false] {
            // What is kept in the log grows with every message alike.
            let from = if forgets { from } else { from.min(2_048) };
            let mut talk = Talk::new(members, forgets);
            let held = talk.held(from);
            talk.calls.clear();
            talk.go_on(2_048);
            let mean = talk.calls.iter().sum::<f64>() / talk.calls.len() as f64;
            let middle = median(talk.calls);
            let log = if forgets { "forgotten" } else { "kept" };
            let name = format!("{members} members, log {log}");
            report.row(&name, &[held.mean, held.most, middle, mean]);
            if members == 8 && forgets {
                report.mark(
                    "octets kept of a message in a group of 8, its log forgotten",
                    held.mean,
                    48.0,
                );
                report.mark("allocations per received message, median", middle, 12.0);
                report.mark("allocations per received message, mean", mean, 12.0);
            }
        }
    }
}
