//! Hands bad packets to the members of a group: each must refuse them, and go on unharmed.

use mpenc_wire::{Dialect, MemberId};

use super::format::{Case, Cases};
use super::history::{Place, Replay};
use super::member::Effect;
use super::report::Report;

/// What the code of a case starts with whose packet is of another dialect.
const OTHER_DIALECT: &str = "dialect-";

/// Replays the base history, and every case in its place.
pub(super) fn replay(cases: &Cases, report: &mut Report) {
    let Some(mut base) = Replay::new(&cases.base, report) else {
        return report.differs("members", "a member id that the dialect does not allow");
    };
    let mut judged = 0_usize;
    base.run(report, |base, place, report| {
        for case in cases.cases.iter().filter(|case| case.place() == place) {
            judged = judged.saturating_add(1);
            judge(case, base, place, report);
        }
    });
    report.packets = judged;
    for case in cases.cases.iter().filter(|case| !base.has(case.place())) {
        report.differs(&case.name, "the base has no packet that it could replace");
    }
}

/// One case: all who get the packet refuse it, and take the good one afterwards.
fn judge(case: &Case, base: &Replay<'_>, place: Place, report: &mut Report) {
    let mut world = base.clone();
    let mut reasons: Vec<String> = Vec::new();
    for name in &case.to {
        let (Some(receiver), Some(sender)) = (id(name), id(&case.sender)) else {
            return report.differs(&case.name, "it names somebody who cannot be a member");
        };
        let Some(member) = world.member(&receiver) else {
            return report.differs(&case.name, format_args!("{name:?} is no member"));
        };
        let before = member.visible();
        let effects = member.receive(&sender, &case.packet);
        let reason = match &*effects {
            [Effect::NotTaken(_, reason)] => reason.to_string(),
            other => {
                let told = format_args!("{name} did not refuse it: {other:?}");
                return report.differs(&case.name, told);
            }
        };
        if member.visible() != before {
            report.differs(&case.name, format_args!("refusing it has changed {name}"));
        }
        if let Some(dialect) = case.code.strip_prefix(OTHER_DIALECT)
            && !reason.contains(dialect)
        {
            report.differs(&case.name, format_args!("{reason}: that does not name {dialect}"));
        }
        if !reasons.contains(&reason) {
            reasons.push(reason);
        }
    }
    report.notes.push(format!("{}: {} [{}]", case.name, reasons.join("; "), case.reason));
    let mut rest = Report::default();
    world.go_on(place, &mut rest, |_, _, _| {});
    for told in rest.told() {
        report.differs(&case.name, format_args!("afterwards: {told}"));
    }
}

fn id(name: &str) -> Option<MemberId> {
    MemberId::new(Dialect::DOCUMENT, name).ok()
}
