//! A whole life of a group, whose people do what the input says, over a simulated channel: all that
//! `mpenc-sim` checks of a life must hold.

use mpenc_sim::runner::Script;

pub(crate) fn run(input: &[u8]) {
    let report = Script::drawn(input).live();
    assert!(report.is_clean(), "{:?}", report.findings());
}
