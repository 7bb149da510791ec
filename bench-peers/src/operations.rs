//! Membership operations: ours, their floor, and MLS.

use bench_counts::greet::Group;
use mpenc::greet::Change;

use crate::Args;
use crate::effort::{COLUMNS, Effort, Efforts, KINDS};
use crate::mls::{Members, Mls};
use crate::mls_rs;
use crate::openmls::OpenMls;
use crate::primitives::{Floors, Primitives, Step};
use crate::report::Report;
use crate::timing::{interleave, timed_cpu};

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
    (args.rounds * 12 / members).clamp(3, args.rounds)
}

fn create(args: &Args, members: usize, report: &mut Report) {
    let mut floor = Primitives::new(members);
    // The first one's key, each of the others' over all keys so far, and the group key.
    let path = members * (members + 1) / 2;
    let mut octets = [0; 4];
    let [_, ours, mls_octets, openmls_octets] = &mut octets;
    let measured: [_; KINDS] = interleave(
        rounds(args, members),
        &mut [
            Box::new(|| {
                let mut samples = Vec::new();
                timed_cpu(&mut samples, || floor.run(path, 0, 0));
                Effort::floor(f64::NAN, samples[0]).samples()
            }),
            Box::new(|| {
                let cost = Group::established(members, members).1;
                *ours = cost.octets;
                // Nobody joins: they are a group only when all have contributed.
                Effort::of(&cost, 0, members, members..members).samples()
            }),
            Box::new(|| made(mls_rs::library(), members, mls_octets)),
            Box::new(|| made(OpenMls, members, openmls_octets)),
        ],
    );
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

/// One member joins a group of this many, and is excluded again; one refreshes. The floor is that of
/// a member who neither proposed it nor joins.
fn change(args: &Args, members: usize, report: &mut Report) {
    let mut floors = Floors::new(members);
    let (mut group, _) = Group::established(members + 1, members);
    let joins = [group.ids[members].clone()];
    let mut mls = Members::settled(mls_rs::library(), members);
    let mut open = Members::settled(OpenMls, members);
    let mut octets = [[0; 3]; 4];
    let [_, ours, mls_octets, openmls_octets] = &mut octets;
    // Include: the signature of the initial packet; two of the newcomer's, upon which the group key is
    // made and our confirm is signed; two of each other member's confirm, and one of ours when it comes
    // back. Exclude: all that the newcomer's packet asks for is asked for by the initial one.
    let key: Step = [1, 2, 2];
    let confirms = |others: usize| core::iter::repeat_n([0, 2, 0], others).chain([[0, 1, 0]]);
    let measured: [_; THREE] = interleave(
        rounds(args, members),
        &mut [
            Box::new(|| {
                let include = [[0, 1, 0], key].into_iter().chain(confirms(members - 1));
                let exclude = [key].into_iter().chain(confirms(members - 2));
                let refresh = [[1, 1, 0]];
                let took = [floors.follow(include), floors.follow(exclude), floors.follow(refresh)];
                samples(took.map(|took| Effort::floor(took, f64::NAN)))
            }),
            Box::new(|| {
                let include = group.run(0, Change::Include(&joins), members + 1);
                let exclude = group.run(0, Change::Exclude(&joins), members);
                group.forget(members);
                let refresh = group.run(0, Change::Refresh, members);
                *ours = [include.octets, exclude.octets, refresh.octets];
                let nobody = members..members;
                samples([
                    Effort::of(&include, 0, 2, members..members + 1),
                    Effort::of(&exclude, 0, 1, nobody.clone()),
                    Effort::of(&refresh, 0, 1, nobody),
                ])
            }),
            Box::new(|| samples(mls.round(mls_octets))),
            Box::new(|| samples(open.round(openmls_octets))),
        ],
    );
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
            0 => "include one into 32, a member / its floor",
            1 => "exclude one of 33, a member / its floor",
            _ => continue,
        };
        if members == 32 {
            report.mark(mark, efforts.follower(OURS, FLOOR), 1.10);
        }
    }
}
