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
        match plan.faults {
            Faults::Hostile => assert!(told > 0, "{plan:?}: {report}"),
            Faults::Liar => {}
            _ => assert_eq!(told, 0, "{plan:?}: {report}"),
        }
    }
}

/// What a profile says that goes wrong does, and more than once.
#[test]
fn every_fault_of_a_profile_befalls_somebody() {
    let lossy = [
        "lost on the way to the server",
        "doubled on the way to the server",
        "lost on the way to a receiver",
        "doubled on the way to a receiver",
    ];
    let mishaps = ["crashes", "dies", "loses the connection", "stalls"];
    let more = ["is cut off", "is cut off with others", "is removed by the server"];
    let middle = ["crashes in the middle of an operation"]
        .into_iter()
        .chain(["loses the connection in the middle of an operation"]);
    let chaos =
        lossy.into_iter().chain(mishaps).chain(more).chain(["writes in clear"]).chain(middle);
    let lies = [
        "late",
        "withheld",
        "exchanged",
        "changed",
        "told again",
        "flooded",
        "said to have left",
        "coming or going withheld",
        "coming or going late",
        "split",
    ];
    for (faults, lives, expected) in [
        (Faults::None, 1, Vec::new()),
        (Faults::Loss, 1, lossy.to_vec()),
        (Faults::Churn, 6, mishaps.to_vec()),
        (Faults::Chaos, 10, chaos.collect()),
        (Faults::Liar, 8, lies.to_vec()),
    ] {
        let plan = Plan::new(faults).with(4, 4, 100).of(Cryptography::Null);
        let report = (0..lives).map(|seed| live(seed, &plan)).reduce(|a, b| a.and(b)).unwrap();
        assert!(report.is_clean(), "{:?}", report.findings());
        println!("{:?}", report.faults);
        for fault in &expected {
            assert!(report.faults.contains_key(*fault), "{fault}: {:?}", report.faults);
        }
        assert_eq!(report.faults.is_empty(), expected.is_empty(), "{:?}", report.faults);
        if faults == Faults::Liar {
            // What was changed does not pass for what it was.
            let (injected, detected) = report.attacks.get("changed").copied().unwrap_or_default();
            assert!(0 < detected && detected <= injected, "{:?}", report.attacks);
            assert!(report.to_string().contains(" detected="), "{report}");
        }
    }
}

/// Nearly every attack that hostile members know, of messages and of operations, comes to somebody
/// honest in these few lives already.
#[test]
fn attacks_of_all_kinds_are_tried() {
    let plan = Plan::new(Faults::Hostile).with(5, 5, 120).of(Cryptography::Null);
    let report = (0..12).map(|seed| live(seed, &plan)).reduce(|a, b| a.and(b)).unwrap();
    assert!(report.is_clean(), "{:?}", report.findings());
    let (operations, messages): (Vec<_>, Vec<_>) =
        report.attacks.keys().partition(|attack| attack.starts_with("operation: "));
    assert!(operations.len() >= 12 && messages.len() >= 20, "{operations:?} {messages:?}");
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
