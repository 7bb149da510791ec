//! How long `mpenc demo` takes, from its start.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};
use std::time::Instant;

use crate::Args;
use crate::report::Report;
use crate::timing::median;

/// How often it is started.
const STARTS: usize = 3;

/// When some lines of it come, in seconds, and when it has ended well: all its claims were checked.
const LINES: [(&str, &str); 3] = [
    ("the relay listens", "a relay listens on"),
    ("all have agreed on keys", "everybody writes at once"),
    ("what everybody holds is compared", "what everybody holds"),
];

pub fn measure(args: &Args, report: &mut Report) {
    let Some(program) = &args.demo else { return };
    let mut seen: [Vec<f64>; LINES.len()] = Default::default();
    let mut ended = Vec::new();
    for _ in 0..STARTS {
        let began = Instant::now();
        let seconds = || began.elapsed().as_secs_f64();
        let mut command = Command::new(program);
        command.arg("demo").stdin(Stdio::null()).stdout(Stdio::piped());
        let mut demo = command.spawn().expect("the program of mpenc-cli");
        let lines = BufReader::new(demo.stdout.take().expect("it is piped")).lines();
        let mut awaited = LINES.iter().enumerate().peekable();
        for line in lines {
            let line = line.expect("text");
            if let Some((at, _)) = awaited.next_if(|(_, (_, start))| line.contains(start)) {
                seen[at].push(seconds());
            }
        }
        let status = demo.wait().expect("it ends");
        ended.push(seconds());
        assert!(status.success(), "all of it holds");
    }
    report.table("mpenc demo, six processes and a relay, from its start", &["s"]);
    for ((name, _), times) in LINES.into_iter().zip(seen) {
        report.row(name, &[median(times)]);
    }
    report.row("all claims are checked", &[median(ended)]);
}
