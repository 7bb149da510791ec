//! Small searches: what `mpenc-order` does is as it should be, and what broken rules do is found.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    missing_docs,
    reason = "tests"
)]

mod broken;
mod real;

use mpenc_model::checked::Bounds;
use mpenc_model::rules::Rules;
use mpenc_model::search::{Report, search};
use mpenc_model::world::Budget;

/// Three members, and everything reduced.
fn bounds(budget: Budget) -> Bounds {
    Bounds { members: 3, budget, reduced: true, provisional: false }
}

const NOTHING: Budget =
    Budget { proposals: 0, leaves: 0, enters: 0, messages: 0, aborts: 0, lies: 0 };

fn explore<R: Rules>(bounds: Bounds, rules: R) -> Report {
    search(bounds, rules, None, 1)
}
