//! Membership operations: ours, their floor, and MLS.

use std::cell::RefCell;

use bench_counts::greet::{Cost, Deed, Group};
use mpenc::greet::Change;

use crate::Args;
use crate::effort::{COLUMNS, Effort, Efforts, KINDS};
use crate::mls::{Members, Mls};
use crate::mls_rs;
use crate::openmls::OpenMls;
use crate::primitives::{Primitives, Step};
use crate::report::Report;
use crate::timing::{at_all_places, interleave, median, timed_cpu};

const NAMES: [&str; 4] = ["floor", "ours", "mls-rs", "openmls"];
const FLOOR: usize = 0;
const OURS: usize = 1;
const MLS_RS: usize = 2;

pub fn measure(args: &Args, report: &mut Report) {
    for members in [2, 8, 32, 128] {
        if args.members.is_empty() || args.members.contains(&members) {
            create(args, members, report);
            change(args, members, report);
        }
    }
}

/// Fewer rounds where a round takes long.
fn rounds(args: &Args, members: usize) -> usize {
    at_all_places((args.rounds * 12 / members).min(args.rounds))
}

/// Two contestants whose work is done at once, piece beside piece, so that whatever slows the machine
/// down for a moment slows both: whoever's turn comes first does it all. Gives what takes the turn of
/// either.
fn in_turns<T>(both: impl FnMut() -> [T; 2]) -> impl Fn(usize) -> T {
    let state = RefCell::new(([None, None], both));
    move |of| {
        let (done, both) = &mut *state.borrow_mut();
        if done[of].is_none() {
            *done = both().map(Some);
        }
        done[of].take().expect("both are done")
    }
}

/// An operation, with a floor before or after everything that a member does for a packet.
fn beside(
    group: &mut Group,
    change: Change<'_>,
    people: usize,
    mut floor: impl FnMut(Deed),
) -> Cost {
    group.run_watched(0, change, people, &mut |deed, work| {
        if (deed.packet + deed.member).is_multiple_of(2) {
            floor(deed);
            work();
        } else {
            work();
            floor(deed);
        }
    })
}

fn create(args: &Args, members: usize, report: &mut Report) {
    let mut floor = Primitives::new(1);
    let mut octets = [0; 4];
    let [_, ours, mls_octets, openmls_octets] = &mut octets;
    // The first one's key; each of the others' over all keys so far, and the group's.
    let turn = in_turns(|| {
        let mut group = Group::new(members);
        let others = group.ids[1..].to_vec();
        let mut took = Vec::new();
        timed_cpu(&mut took, || floor.step(Step { multiplications: 1, ..Step::NOTHING }));
        let cost = beside(&mut group, Change::Include(&others), members, |deed| {
            if deed.member == deed.packet + 1 {
                let multiplications = deed.member + 1;
                timed_cpu(&mut took, || floor.step(Step { multiplications, ..Step::NOTHING }));
            }
        });
        *ours = cost.octets;
        // Nobody joins: they are a group only when all have contributed.
        let effort = Effort::of(&cost, 0, members, members..members);
        [Effort::floor(f64::NAN, took.iter().sum()), effort].map(Effort::samples)
    });
    let measured: [_; KINDS] = interleave(
        rounds(args, members),
        &mut [
            Box::new(|| turn(FLOOR)),
            Box::new(|| turn(OURS)),
            Box::new(|| made(mls_rs::library(), members, mls_octets)),
            Box::new(|| made(OpenMls, members, openmls_octets)),
        ],
    );
    drop(turn);
    let efforts = Efforts(&measured);
    report
        .table(&format!("a group of {members} is made (ratios: until all have the key)"), &COLUMNS);
    for (at, name) in NAMES.into_iter().enumerate() {
        let ratios = [FLOOR, MLS_RS].map(|to| efforts.critical(at, to));
        efforts.row(report, name, at, ratios, octets[at]);
    }
    if members == 128 {
        let ratio = efforts.critical(OURS, FLOOR);
        report.mark("establish 128, critical path / ladder floor", ratio, 0.66);
    }
}

fn made<L: Mls>(library: L, members: usize, octets: &mut usize) -> [Vec<f64>; KINDS] {
    let (_, effort, all) = Members::new(library, members);
    *octets = all;
    effort.samples()
}

/// How many figures three operations have.
const THREE: usize = 3 * KINDS;

fn samples(efforts: [Effort; 3]) -> [Vec<f64>; THREE] {
    let mut all = efforts.into_iter().flat_map(Effort::samples);
    [(); THREE].map(|()| all.next().unwrap_or_default())
}

/// What the design demands of a follower: of the initial packet its signature; of the newcomer's two,
/// after the newcomer's two keys have been admitted, and upon which the group key is made, and our confirm
/// signed twice; two of each other member's confirm, and one of ours when it comes back. Members confirm in
/// their order.
const fn include_step(deed: Deed) -> Step {
    match deed.packet {
        0 => CHECK,
        1 => Step { admissions: 2, ..KEY },
        packet if packet - 2 == deed.member => CHECK,
        _ => TWO_CHECKS,
    }
}

const CHECK: Step = Step { checks: 1, ..Step::NOTHING };
const TWO_CHECKS: Step = Step { checks: 2, ..Step::NOTHING };
/// The first downflow: two signatures, then the group key, and a confirm is signed twice.
const KEY: Step = Step { multiplications: 1, signatures: 2, ..TWO_CHECKS };

/// The same, where the initial packet asks for all that the newcomer's does above, and confirms.
const fn exclude_step(deed: Deed) -> Step {
    match deed.packet {
        0 => KEY,
        packet if packet == deed.member => CHECK,
        _ => TWO_CHECKS,
    }
}

/// One member joins a group of this many, and is excluded again; one refreshes. The floor is that of
/// a member who neither proposed it nor joins.
fn change(args: &Args, members: usize, report: &mut Report) {
    let mut floors = vec![Primitives::new(members); members];
    let (mut group, _) = Group::established(members + 1, members);
    let joins = [group.ids[members].clone()];
    let mut mls = Members::settled(mls_rs::library(), members);
    let mut open = Members::settled(OpenMls, members);
    let mut octets = [[0; 3]; 4];
    let [_, ours, mls_octets, openmls_octets] = &mut octets;
    let turn = in_turns(|| {
        let mut run = |change: Change<'_>, people: usize, step: fn(Deed) -> Step| {
            let mut took = vec![0.0; members];
            let cost = beside(&mut group, change, people, |deed| {
                if let Some(floor) = floors.get_mut(deed.member) {
                    let mut sample = Vec::new();
                    timed_cpu(&mut sample, || floor.step(step(deed)));
                    took[deed.member] += sample[0];
                }
            });
            // Nobody who only follows did what the author does.
            (cost, Effort::floor(median(took.split_off(1)), f64::NAN))
        };
        let (include, include_floor) = run(Change::Include(&joins), members + 1, include_step);
        let (exclude, exclude_floor) = run(Change::Exclude(&joins), members, exclude_step);
        let (refresh, refresh_floor) =
            run(Change::Refresh, members, |_| Step { multiplications: 1, ..CHECK });
        group.forget(members);
        *ours = [include.octets, exclude.octets, refresh.octets];
        let nobody = members..members;
        let efforts = [
            Effort::of(&include, 0, 2, members..members + 1),
            Effort::of(&exclude, 0, 1, nobody.clone()),
            Effort::of(&refresh, 0, 1, nobody),
        ];
        [[include_floor, exclude_floor, refresh_floor], efforts].map(samples)
    });
    let measured: [_; THREE] = interleave(
        rounds(args, members),
        &mut [
            Box::new(|| turn(FLOOR)),
            Box::new(|| turn(OURS)),
            Box::new(|| samples(mls.round(mls_octets))),
            Box::new(|| samples(open.round(openmls_octets))),
        ],
    );
    drop(turn);
    let includes = format!("a group of {members} includes one");
    let excludes = format!("a group of {} excludes one", members + 1);
    let refreshes = format!("a group of {members} refreshes");
    for (at, what) in [includes, excludes, refreshes].iter().enumerate() {
        let efforts = Efforts(&measured[at * KINDS..(at + 1) * KINDS]);
        report.table(&format!("{what} (ratios: a follower)"), &COLUMNS);
        for (who, name) in NAMES.into_iter().enumerate() {
            let ratios = [FLOOR, MLS_RS].map(|to| efforts.follower(who, to));
            efforts.row(report, name, who, ratios, octets[who][at]);
        }
        let mark = match at {
            0 => "include one into 32, a follower / its floor",
            1 => "exclude one of 33, a follower / its floor",
            _ => continue,
        };
        if members == 32 {
            report.mark(mark, efforts.follower(OURS, FLOOR), 1.10);
        }
    }
}
