//! Compares what an operation agreed on.

use std::fmt;

use super::member::Agreed;
use super::report::Report;

/// Compares what was agreed on, value by value.
pub(crate) fn compare_agreed(
    place: impl fmt::Display + Copy,
    recorded: &Agreed,
    ours: &Agreed,
    report: &mut Report,
) {
    report.expect_eq(place, "session id", &recorded.session_id, &ours.session_id);
    report.expect_eq(place, "group key", &recorded.group_key, &ours.group_key);
    report.expect_eq(place, "members", &recorded.members, &ours.members);
    report.expect_eq(place, "intermediate keys", &recorded.int_keys, &ours.int_keys);
    report.expect_eq(place, "nonces", &recorded.nonces, &ours.nonces);
    report.expect_eq(place, "ephemeral keys", &recorded.ephemeral_keys, &ours.ephemeral_keys);
}
