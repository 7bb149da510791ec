//! `mpenc-order`, as it is.

use mpenc_model::checked::Bounds;
use mpenc_model::rules::Real;
use mpenc_model::search::Report;
use mpenc_model::world::Budget;

use super::{NOTHING, bounds, explore};

fn is_fine(bounds: Bounds) -> Report {
    let report = explore(bounds, Real);
    assert!(report.violation.is_none(), "{report}");
    assert!(report.complete, "{report}");
    assert!(report.rests > 0, "{report}");
    assert_eq!(report.poor_rests, 0, "{report}");
    report
}

#[test]
fn proposals_race() {
    let report = is_fine(bounds(Budget { proposals: 2, ..NOTHING }));
    assert!(report.states > 1_000, "{report}");
}

#[test]
fn members_leave_and_come_back() {
    let report = is_fine(bounds(Budget { proposals: 1, leaves: 1, enters: 1, ..NOTHING }));
    assert!(report.states > 10_000, "{report}");
}

#[test]
fn members_leave_and_come_back_to_a_provisional_start() {
    let budget = Budget { proposals: 1, leaves: 1, enters: 1, ..NOTHING };
    is_fine(Bounds { provisional: true, ..bounds(budget) });
}

#[test]
fn operations_are_aborted() {
    is_fine(bounds(Budget { proposals: 1, leaves: 1, aborts: 1, ..NOTHING }));
}

#[test]
fn order_acks_raise_no_alarm() {
    is_fine(bounds(Budget { proposals: 1, messages: 1, ..NOTHING }));
}

#[test]
fn four_members() {
    is_fine(Bounds { members: 4, ..bounds(Budget { proposals: 1, ..NOTHING }) });
}

/// Every division is found, and there are some.
#[test]
fn lies_are_found_out() {
    for budget in [
        Budget { proposals: 1, lies: 1, ..NOTHING },
        Budget { leaves: 1, enters: 1, lies: 1, ..NOTHING },
        Budget { leaves: 1, messages: 1, lies: 1, ..NOTHING },
    ] {
        let report = explore(bounds(budget), Real);
        assert!(report.violation.is_none(), "{report}");
        assert!(report.complete && report.seen > 50, "{report}");
    }
}

/// Taking first what makes no difference leaves out no outcome: what it says is the same without.
#[test]
fn the_reduction_loses_nothing() {
    for budget in [
        Budget { proposals: 2, ..NOTHING },
        Budget { proposals: 1, leaves: 1, ..NOTHING },
        Budget { leaves: 1, messages: 1, ..NOTHING },
    ] {
        let reduced = is_fine(bounds(budget));
        let whole = is_fine(Bounds { reduced: false, ..bounds(budget) });
        assert!(reduced.states < whole.states, "{reduced}\n{whole}");
        assert_eq!(reduced.rests, whole.rests, "states with nothing under way");
    }
}

/// A search that was cut short says so.
#[test]
fn an_incomplete_search_is_no_proof() {
    let all = bounds(Budget { proposals: 2, ..NOTHING });
    let report = mpenc_model::search::search(all, Real, Some(2_000), 1);
    assert!(report.violation.is_none() && !report.complete, "{report}");
}
