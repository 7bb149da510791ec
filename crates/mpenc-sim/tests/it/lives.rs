//! A few lives of each kind; the program leads many more.

use mpenc_sim::runner::{Cryptography, Faults, Plan, Script, live, tell};

const FAULTS: [Faults; 6] =
    [Faults::None, Faults::Loss, Faults::Churn, Faults::Chaos, Faults::Liar, Faults::Hostile];

fn plans() -> impl Iterator<Item = Plan> {
    FAULTS.into_iter().flat_map(|faults| {
        [Cryptography::Real, Cryptography::Null]
            .map(|crypto| Plan::new(faults).with(2, 4, 30).of(crypto))
    })
}

#[test]
fn a_few_lives_of_each_kind_are_clean() {
    for plan in plans() {
        for seed in 0..3 {
            let report = live(seed, &plan);
            assert!(report.is_clean(), "{plan:?}: {:?}", report.findings());
            assert_eq!(report.runs, 1);
        }
    }
}

#[test]
fn things_happen_in_them() {
    for plan in plans() {
        let report = (0..3).map(|seed| live(seed, &plan)).reduce(|a, b| a.and(b)).unwrap();
        assert!(report.operations > 5 && report.messages > 15, "{plan:?}: {report}");
        assert_eq!(report.lies > 0, plan.faults == Faults::Liar, "{plan:?}: {report}");
        let told: u64 = report.attacks.values().map(|(_, told)| told).sum();
        assert_eq!(told > 0, plan.faults == Faults::Hostile, "{plan:?}: {report}");
    }
}

#[test]
fn the_same_seed_and_plan_give_the_same_story() {
    for plan in plans() {
        let story = || {
            let mut story = Vec::new();
            let _ = tell(7, &plan, &mut |line| story.push(line.to_owned()));
            story
        };
        let first = story();
        assert!(first.len() > 100, "{plan:?}");
        assert_eq!(first, story(), "{plan:?}");
    }
}

#[test]
fn a_script_that_was_written_down_leads_the_same_life() {
    for plan in plans() {
        let (script, report) = Script::of(7, &plan);
        let mut written = Vec::new();
        script.write(&mut written).unwrap();
        let read = Script::read(&written[..]).unwrap();
        assert_eq!(read, script);
        assert_eq!(read.live(), report, "{plan:?}");
    }
}
