//! What was used up, in lines.

use std::fs;
use std::time::Duration;

use mpenc::Event;

/// What has been used up at some time.
#[derive(Clone, Copy)]
pub(super) struct Spent {
    /// Virtual time.
    pub(super) time: mpenc::Instant,
    /// Of this thread.
    pub(super) cpu: Duration,
    pub(super) packets: u64,
    /// Of the packets' texts.
    pub(super) octets: u64,
}

/// Names the columns.
pub(super) fn head() {
    println!(
        "\n{:<34}{:>9}{:>9}{:>14}{:>10}{:>12}{:>15}{:>9}",
        "", "time, s", "CPU, s", "ms CPU/member", "packets", "octets", "octets/packet", "MB held"
    );
}

/// What was used up meanwhile, and what is held now. So many spent the CPU time.
pub(super) fn line(what: &str, by: usize, before: Spent, now: Spent) {
    let cpu = now.cpu.saturating_sub(before.cpu).as_secs_f64();
    let time = now.time.since(before.time).as_secs_f64();
    let (packets, octets) = (now.packets - before.packets, now.octets - before.octets);
    println!(
        "{what:<34}{time:>9.1}{cpu:>9.1}{:>14.2}{packets:>10}{octets:>12}{:>15}{:>9}",
        cpu * 1e3 / by as f64,
        octets.checked_div(packets).unwrap_or(0),
        held().map_or_else(|| "unknown".to_owned(), |octets| (octets / 1_000_000).to_string()),
    );
}

/// Tells of what should not have been told, in a line.
pub(super) fn warn(event: &Event) {
    eprintln!("{}", format!("{event:?}").chars().take(200).collect::<String>());
}

/// How long this thread has run on a processor, whatever else runs; zero where the system does not
/// tell.
pub(super) fn cpu() -> Duration {
    let text = fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanos = text.split_whitespace().next().and_then(|first| first.parse().ok());
    Duration::from_nanos(nanos.unwrap_or(0))
}

/// Octets of memory that this process holds, where the system tells.
fn held() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    Some(line.split_whitespace().next()?.parse::<u64>().ok()? * 1024)
}
