//! Membership operations: ours, their floor, and MLS.

use bench_counts::greet::Group;
use curve25519_dalek::{MontgomeryPoint, Scalar};
use ed25519_dalek::{Signature, Signer, SigningKey, Verifier, VerifyingKey};
use mpenc::greet::Change;

use crate::Args;
use crate::mls::Members;
use crate::mls_rs;
use crate::openmls::OpenMls;
use crate::report::Report;
use crate::timing::{interleave, median, timed};

/// The primitives: a multiplication by the plain ladder, a signature check under a key that was
/// admitted, a signature.
struct Primitives {
    point: MontgomeryPoint,
    octets: [u8; 32],
    key: SigningKey,
    verifying: VerifyingKey,
    signature: Signature,
}

/// As long as what is signed of a confirm in a group of 32, about.
const MESSAGE: [u8; 600] = [5; 600];

impl Primitives {
    fn new() -> Self {
        let key = SigningKey::from_bytes(&[3; 32]);
        Self {
            point: MontgomeryPoint::mul_base(&Scalar::from(77_u8)),
            octets: [9; 32],
            verifying: key.verifying_key(),
            signature: key.sign(&MESSAGE),
            key,
        }
    }

    fn run(&mut self, multiplications: usize, checks: usize, signatures: usize) {
        for _ in 0..multiplications {
            self.point = self.point.mul_clamped(self.octets);
        }
        for _ in 0..checks {
            self.verifying.verify(&MESSAGE, &self.signature).expect("our own signature");
        }
        for _ in 0..signatures {
            self.signature = self.key.sign(&MESSAGE);
        }
    }
}

pub fn measure(args: &Args, report: &mut Report) {
    for members in [2, 8, 32, 128] {
        if args.members.is_empty() || args.members.contains(&members) {
            establish(args, members, report);
        }
    }
    if args.members.is_empty() || args.members.contains(&32) {
        change(args, 32, report);
    }
    refreshes(args, report);
}

/// Fewer rounds where a round takes long.
fn rounds(args: &Args, members: usize) -> usize {
    (args.rounds * 8 / members).clamp(3, args.rounds)
}

fn establish(args: &Args, members: usize, report: &mut Report) {
    let mut floor = Primitives::new();
    let path = members * (members + 1) / 2 + 1;
    let (mut octets, mut mls_octets, mut openmls_octets) = (0, 0, 0);
    let [critical, sum] = interleave(
        rounds(args, members),
        &mut [
            Box::new(|| {
                let mut samples = Vec::new();
                timed(&mut samples, || floor.run(path, 0, 0));
                [samples.clone(), samples]
            }),
            Box::new(|| {
                let cost = Group::established(members, members).1;
                octets = cost.octets;
                [vec![cost.chain(members)], vec![cost.sum()]]
            }),
            Box::new(|| {
                let cost = Members::new(mls_rs::library(), members).1;
                mls_octets = cost.octets;
                [vec![cost.critical], vec![cost.sum]]
            }),
            Box::new(|| {
                let cost = Members::new(OpenMls, members).1;
                openmls_octets = cost.octets;
                [vec![cost.critical], vec![cost.sum]]
            }),
        ],
    );
    report.table(
        &format!("a group of {members} is made"),
        &["ms critical path", "/ floor", "ms all members", "octets on the wire"],
    );
    let rows = [
        ("ladder floor", 0),
        ("ours", octets),
        ("mls-rs", mls_octets),
        ("openmls", openmls_octets),
    ];
    for (at, (name, octets)) in rows.into_iter().enumerate() {
        let times = [critical.time(at) / 1e6, critical.ratio(at, 0), sum.time(at) / 1e6];
        report.row(name, &[times[0], times[1], times[2], octets as f64]);
    }
    if members == 128 {
        report.mark("establish 128, critical path / ladder floor", critical.ratio(1, 0), 0.66);
    }
}

/// One member joins a group of this many, and is excluded again; one refreshes. What a member pays
/// who neither proposed it nor joins.
fn change(args: &Args, members: usize, report: &mut Report) {
    let mut floor = Primitives::new();
    let mut other_floor = Primitives::new();
    let (mut group, _) = Group::established(members + 1, members);
    let joins = [group.ids[members].clone()];
    let mut mls = Members::new(mls_rs::library(), members).0;
    let mut open = Members::new(OpenMls, members).0;
    let mut octets = [[0; 3]; 4];
    let [ours, mls_octets, openmls_octets] = {
        let [_, rest @ ..] = &mut octets;
        rest
    };
    // One multiplication for the group key. Include: the initial packet, the newcomer's packet and
    // session signature, and two signatures of each other member's confirm; our own is checked when
    // it comes back. Exclude: the initial packet and its session signature, and the confirms.
    let include_checks = 1 + 2 + 2 * (members - 1) + 1;
    let exclude_checks = 2 + 2 * (members - 2) + 1;
    let measured = interleave(
        rounds(args, members),
        &mut [
            Box::new(|| {
                let mut samples: [Vec<f64>; 5] = Default::default();
                timed(&mut samples[0], || floor.run(1, include_checks, 2));
                timed(&mut samples[1], || floor.run(1, exclude_checks, 2));
                timed(&mut samples[2], || other_floor.run(1, 1, 0));
                samples[3] = vec![f64::NAN];
                samples[4] = vec![f64::NAN];
                samples
            }),
            Box::new(|| {
                let include = group.run(0, Change::Include(&joins), members + 1);
                let exclude = group.run(0, Change::Exclude(&joins), members);
                group.forget(members);
                let refresh = group.run(0, Change::Refresh, members);
                *ours = [include.octets, exclude.octets, refresh.octets];
                [
                    vec![median(include.cpu[1..members].to_vec())],
                    vec![median(exclude.cpu[1..members].to_vec())],
                    vec![median(refresh.cpu[1..members].to_vec())],
                    vec![include.sum()],
                    vec![exclude.sum()],
                ]
            }),
            Box::new(|| mls.round(mls_octets)),
            Box::new(|| open.round(openmls_octets)),
        ],
    );
    for (at, what) in ["includes one", "excludes one", "refreshes"].into_iter().enumerate() {
        report.table(
            &format!("a group of {members} {what}: a member who only follows"),
            &["ms", "/ floor", "octets on the wire"],
        );
        for (who, name) in ["floor", "ours", "mls-rs", "openmls"].into_iter().enumerate() {
            let rounds = &measured[at];
            report
                .row(name, &[rounds.time(who) / 1e6, rounds.ratio(who, 0), octets[who][at] as f64]);
        }
    }
    report.mark("include one into 32, a member / its floor", measured[0].ratio(1, 0), 1.10);
    report.mark("exclude one of 33, a member / its floor", measured[1].ratio(1, 0), 1.10);
}

/// The thousandth refresh against the first, of copies of a group at either age.
fn refreshes(args: &Args, report: &mut Report) {
    let (young, _) = Group::established(8, 8);
    let mut old = young.clone();
    for number in 0..1_000 {
        old.run(number % 8, Change::Refresh, 8);
    }
    let refresh = |group: &Group| [vec![group.clone().run(0, Change::Refresh, 8).sum()]];
    let [rounds] =
        interleave(args.rounds, &mut [Box::new(|| refresh(&young)), Box::new(|| refresh(&old))]);
    report.table("a refresh of a group of 8, all members", &["ms"]);
    report.row("the first", &[rounds.time(0) / 1e6]);
    report.row("the thousandth", &[rounds.time(1) / 1e6]);
    report.mark("the 1,000th refresh / the first (time)", rounds.ratio(1, 0), 1.02);
}
