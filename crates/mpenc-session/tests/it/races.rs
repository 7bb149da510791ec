//! The benign races of the design document's chapter 2.2 (DS-01 to DS-07), one by one, and every two
//! of them at once.
//!
//! A race is a step that can be taken in any group, so that two of them are the two steps taken at
//! the same moment. Each has two instances with different people in them, so that it can also meet
//! itself. The same test runs under several seeds, because the channel may order things either way.

mod arena;

use mpenc::MemberId;
use mpenc_session::{Event, FailReason, Membership, Outcome, State};

use self::arena::{Arena, End};
use crate::group::{id, ids};

/// Under how many seeds each race is run.
const SEEDS: u64 = 8;

/// The rows of chapter 2.2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Row {
    /// DS-01: two members start different operations concurrently.
    ConcurrentOperations,
    /// DS-02: one member finishes an operation while another asks for its end.
    FinishAgainstAbort,
    /// DS-03: somebody enters the channel during an operation.
    EnterDuring,
    /// DS-04: somebody leaves the channel during an operation.
    LeaveDuring,
    /// DS-05: a proposal comes back when the channel's members are not those whom it was sent to.
    MembershipHasChanged,
    /// DS-06: packets that only some of those who hear them can make sense of.
    DifferentReaders,
    /// DS-07: several at once: two start, somebody enters and somebody leaves.
    Several,
}

use Row::{
    ConcurrentOperations, DifferentReaders, EnterDuring, FinishAgainstAbort, LeaveDuring,
    MembershipHasChanged, Several,
};

/// A row, and which of its two casts plays it.
type Race = (Row, usize);

impl Row {
    /// Whether it starts an operation, rather than meeting one.
    fn starts(self) -> bool {
        matches!(self, ConcurrentOperations | MembershipHasChanged | DifferentReaders)
    }

    /// Itself, or what it consists of.
    fn parts(self) -> &'static [Self] {
        match self {
            ConcurrentOperations => &[ConcurrentOperations],
            FinishAgainstAbort => &[FinishAgainstAbort],
            EnterDuring => &[EnterDuring],
            LeaveDuring => &[LeaveDuring],
            MembershipHasChanged => &[MembershipHasChanged],
            DifferentReaders => &[DifferentReaders],
            Several => &[ConcurrentOperations, EnterDuring, LeaveDuring],
        }
    }

    /// The step itself, all of it at this moment.
    fn strike(self, cast: usize, arena: &mut Arena) {
        let include = |name: &str| [id(name)];
        match (self, cast) {
            (ConcurrentOperations, 0) => {
                arena.propose("b", Membership::Refresh);
                arena.propose("c", Membership::Include(&include("x")));
            }
            (ConcurrentOperations, _) => {
                arena.propose("d", Membership::Exclude(&ids(&["e"])));
                arena.propose("a", Membership::Include(&include("w")));
            }
            // Whoever holds it up (see `run`) goes on at the same moment.
            (FinishAgainstAbort, 0) => arena.abort("b"),
            (FinishAgainstAbort, _) => arena.abort("a"),
            (EnterDuring, 0) => arena.enter("y"),
            (EnterDuring, _) => arena.enter("z"),
            (LeaveDuring, 0) => arena.die("d"),
            (LeaveDuring, _) => arena.disconnect("c"),
            (MembershipHasChanged, 0) => {
                arena.propose("c", Membership::Include(&include("x")));
                arena.disconnect("x");
            }
            (MembershipHasChanged, _) => {
                arena.propose("b", Membership::Refresh);
                arena.disconnect("e");
            }
            // Each of these is news to one who waits, and goes over the head of the other; and e
            // is not to follow the second.
            (DifferentReaders, 0) => {
                arena.propose("c", Membership::Include(&include("x")));
                arena.propose("b", Membership::Exclude(&ids(&["e"])));
            }
            (DifferentReaders, _) => {
                arena.propose("d", Membership::Include(&include("w")));
                arena.propose("a", Membership::Include(&include("x")));
            }
            (Several, cast) => {
                for part in self.parts() {
                    part.strike(cast, arena);
                }
            }
        }
    }
}

/// Takes the steps at the same moment. Where all of them meet an operation, one is running, which e
/// holds up until that moment. Where one of them starts an operation, and another meets one, then
/// with `on_it` the second meets what the first has started; otherwise both meet another one.
fn run(seed: u64, races: &[Race], on_it: bool) -> Arena {
    let mut arena = Arena::new(seed);
    arena.run(1_000);
    let parts = races.iter().flat_map(|(row, cast)| row.parts().iter().map(|part| (*part, *cast)));
    let (starting, meeting): (Vec<Race>, Vec<Race>) = parts.partition(|(row, _)| row.starts());
    if !meeting.is_empty() {
        arena.freeze("e");
        if !on_it || starting.is_empty() {
            arena.propose("a", Membership::Include(&[id("w")]));
        }
    }
    let mut at_once = starting;
    if on_it && !meeting.is_empty() {
        for (row, cast) in at_once.drain(..) {
            row.strike(cast, &mut arena);
        }
    }
    at_once.extend(meeting);
    arena.run(1_000);
    for (row, cast) in at_once {
        row.strike(cast, &mut arena);
    }
    arena.everybody_speaks("meanwhile");
    // Sometimes the others have heard of it first.
    arena.run([0, 0, 20, 200][usize::try_from(seed % 4).unwrap()]);
    arena.thaw();
    arena.run(300_000);
    arena.assert_sane();
    arena
}

/// One race, under several seeds; `look` asserts what is its own.
fn single(row: Row, mut look: impl FnMut(&Arena, bool)) {
    for seed in 0..SEEDS {
        let on_it = seed % 2 == 0;
        let mut arena = run(1_000 + seed, &[(row, 0)], on_it);
        look(&arena, on_it);
        arena.assert_goes_on();
    }
}

/// Two races at once, under several seeds. What must hold is what holds of all.
fn both(one: Row, other: Row) {
    let races =
        [(one, 0), (other, usize::from(one == other || one == Several || other == Several))];
    for seed in 0..SEEDS {
        run(2_000 + seed, &races, seed % 2 == 0).assert_goes_on();
    }
}

fn ended<'a>(arena: &'a Arena, name: &str) -> Vec<&'a Event> {
    let is_end =
        |event: &&Event| matches!(event, Event::OperationFailed { .. } | Event::Members { .. });
    arena.events(name).iter().filter(is_end).collect()
}

fn is_member(arena: &Arena, name: &str) -> bool {
    arena.members().contains(&id(name))
}

#[test]
fn ds_01_concurrent_operations() {
    let mut winners = std::collections::BTreeSet::new();
    single(ConcurrentOperations, |arena, _| {
        let (b, c) = (arena.outcomes("b"), arena.outcomes("c"));
        let b_won = b == [Outcome::Completed];
        let (lost, by) = if b_won { (c, id("b")) } else { (b, id("c")) };
        assert_eq!(lost, [Outcome::Rejected { by }]);
        assert_eq!(is_member(arena, "x"), !b_won);
        for name in arena::MEMBERS {
            assert_eq!(ended(arena, name).len(), 1, "{name}");
        }
        winners.insert(b_won);
    });
    assert_eq!(winners.len(), 2, "either can win");
}

#[test]
fn ds_02_finish_and_abort() {
    let mut ends = std::collections::BTreeSet::new();
    single(FinishAgainstAbort, |arena, _| {
        let aborted = FailReason::Aborted { by: id("b"), reason: "enough".to_owned() };
        let outcomes = arena.outcomes("a");
        let completed = outcomes == [Outcome::Completed];
        if !completed {
            assert_eq!(outcomes, [Outcome::Failed(aborted)]);
        }
        for name in arena::MEMBERS {
            assert_eq!(arena.seen(name), arena.seen("a"), "{name}");
        }
        ends.insert(completed);
    });
    assert_eq!(ends.len(), 2, "it can end either way");
}

#[test]
fn ds_03_entering_during_an_operation() {
    let mut asked_out = 0;
    single(EnterDuring, |arena, _| {
        assert_eq!(arena.outcomes("a"), [Outcome::Completed]);
        let left = arena.events("y").iter().filter(|event| **event == Event::LeftChannel).count();
        assert!(left <= 1, "it comes back once it is over");
        asked_out += left;
        assert_eq!(arena.group.session("y").state(), State::Waiting);
    });
    assert!(asked_out > 0, "some were asked out (EO)");
}

#[test]
fn ds_04_leaving_during_an_operation() {
    single(LeaveDuring, |arena, _| {
        let left = FailReason::MemberLeft(ids(&["d"]));
        assert_eq!(arena.outcomes("a"), [Outcome::Failed(left.clone())]);
        for name in ["a", "b", "c", "e"] {
            let ends: Vec<End> = arena.seen(name).into_iter().map(|(_, _, end)| end).collect();
            assert_eq!(ends, [End::Failed(left.clone()), End::Completed], "{name}");
        }
        assert!(!is_member(arena, "d"));
    });
}

#[test]
fn ds_05_echo_under_another_membership() {
    single(MembershipHasChanged, |arena, _| {
        assert_eq!(arena.outcomes("c"), [Outcome::Failed(FailReason::ChannelChanged)]);
        for name in arena::MEMBERS {
            assert!(ended(arena, name).is_empty(), "{name}");
        }
        assert_eq!(arena.group.session("x").state(), State::Waiting);
    });
}

#[test]
fn ds_06_packets_for_different_readers() {
    let mut winners = std::collections::BTreeSet::new();
    single(DifferentReaders, |arena, _| {
        let included = is_member(arena, "x");
        assert_eq!(is_member(arena, "e"), included, "one of the two took place");
        let seen_by = |name| -> Vec<MemberId> {
            arena.seen(name).into_iter().map(|(_, author, _)| author).collect()
        };
        assert_eq!(seen_by("x"), if included { ids(&["c"]) } else { Vec::new() });
        assert!(seen_by("w").is_empty());
        let e = arena.group.session("e").state();
        assert_eq!(e, if included { State::Joined } else { State::Outside });
        winners.insert(included);
    });
    assert_eq!(winners.len(), 2, "either can win");
}

#[test]
fn ds_07_several_at_once() {
    single(Several, |arena, on_it| {
        assert!(!is_member(arena, "d"), "whoever died is excluded");
        assert_eq!(arena.group.session("y").state(), State::Waiting);
        let died = Outcome::Failed(FailReason::MemberLeft(ids(&["d"])));
        let (b, c) = (arena.outcomes("b"), arena.outcomes("c"));
        if !on_it {
            assert_eq!(arena.outcomes("a"), [died]);
        } else if c == [Outcome::Rejected { by: id("b") }] {
            assert_eq!(b, [Outcome::Completed]);
        } else {
            assert_eq!((b, c), (vec![Outcome::Rejected { by: id("c") }], vec![died]));
        }
    });
}

macro_rules! pairs {
    ($($name:ident: $one:ident, $other:ident;)*) => {
        $(#[test]
        fn $name() {
            both($one, $other);
        })*
    };
}

pairs! {
    ds_01_and_ds_01_four_concurrent_operations: ConcurrentOperations, ConcurrentOperations;
    ds_01_and_ds_02_concurrent_operations_and_finish_against_abort: ConcurrentOperations, FinishAgainstAbort;
    ds_01_and_ds_03_concurrent_operations_and_entering: ConcurrentOperations, EnterDuring;
    ds_01_and_ds_04_concurrent_operations_and_leaving: ConcurrentOperations, LeaveDuring;
    ds_01_and_ds_05_concurrent_operations_and_another_membership: ConcurrentOperations, MembershipHasChanged;
    ds_01_and_ds_06_concurrent_operations_and_different_readers: ConcurrentOperations, DifferentReaders;
    ds_01_and_ds_07_concurrent_operations_and_several: ConcurrentOperations, Several;
    ds_02_and_ds_02_finish_against_two_aborts: FinishAgainstAbort, FinishAgainstAbort;
    ds_02_and_ds_03_finish_against_abort_and_entering: FinishAgainstAbort, EnterDuring;
    ds_02_and_ds_04_finish_against_abort_and_leaving: FinishAgainstAbort, LeaveDuring;
    ds_02_and_ds_05_finish_against_abort_and_another_membership: FinishAgainstAbort, MembershipHasChanged;
    ds_02_and_ds_06_finish_against_abort_and_different_readers: FinishAgainstAbort, DifferentReaders;
    ds_02_and_ds_07_finish_against_abort_and_several: FinishAgainstAbort, Several;
    ds_03_and_ds_03_two_enter: EnterDuring, EnterDuring;
    ds_03_and_ds_04_entering_and_leaving: EnterDuring, LeaveDuring;
    ds_03_and_ds_05_entering_and_another_membership: EnterDuring, MembershipHasChanged;
    ds_03_and_ds_06_entering_and_different_readers: EnterDuring, DifferentReaders;
    ds_03_and_ds_07_entering_and_several: EnterDuring, Several;
    ds_04_and_ds_04_two_leave: LeaveDuring, LeaveDuring;
    ds_04_and_ds_05_leaving_and_another_membership: LeaveDuring, MembershipHasChanged;
    ds_04_and_ds_06_leaving_and_different_readers: LeaveDuring, DifferentReaders;
    ds_04_and_ds_07_leaving_and_several: LeaveDuring, Several;
    ds_05_and_ds_05_two_echoes_under_another_membership: MembershipHasChanged, MembershipHasChanged;
    ds_05_and_ds_06_another_membership_and_different_readers: MembershipHasChanged, DifferentReaders;
    ds_05_and_ds_07_another_membership_and_several: MembershipHasChanged, Several;
    ds_06_and_ds_06_four_packets_for_different_readers: DifferentReaders, DifferentReaders;
    ds_06_and_ds_07_different_readers_and_several: DifferentReaders, Several;
    ds_07_and_ds_07_all_at_once: Several, Several;
}
