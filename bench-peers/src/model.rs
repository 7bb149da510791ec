//! The cost model of docs/PERFORMANCE.md: what it foretells, and what was measured.

use bench_counts::greet::{Group, NAME};
use bench_counts::model::{Operation, Primitives as Counts};
use bench_counts::ours::World;
use mpenc::greet::Change;

use crate::Args;
use crate::contestant::Player;
use crate::prices::{Market, Prices, follower};
use crate::report::Report;
use crate::timing::{Rounds, at_all_places, at_place, interleave, median};

/// How far the model may be off.
const OFF: f64 = 0.10;
/// From a member over the server to all others, in milliseconds.
const LATENCY: f64 = 50.0;

/// What is foretold and measured of a group.
const WORKS: [&str; 7] = [
    "establish, critical path",
    "establish, all members",
    "include one, critical path",
    "include one, a follower",
    "exclude one, critical path",
    "exclude one, a follower",
    "refresh, a follower",
];

pub fn measure(args: &Args, report: &mut Report) {
    let mut market = Market::new();
    let mut compared = Vec::new();
    let mut prices = Vec::new();
    for members in [8, 32, 128] {
        if args.members.is_empty() || args.members.contains(&members) {
            compared.push((members, compare(args, members, &mut market, &mut prices)));
        }
    }
    let prices = middle(&prices);
    report.table("prices", &["µs", "/ multiplication"]);
    let one = prices.each.multiplications;
    for ((lot, name), price) in Counts::LOTS.into_iter().zip(prices.each.list()) {
        report.row(name, &[lot * price / 1e3, lot * price / one]);
    }
    report.row("a multiplication by the ladder", &[prices.ladder / 1e3, prices.ladder / one]);
    report.table("the model: operations", &["ms foretold", "ms measured", "foretold/measured"]);
    for (members, works) in &compared {
        for (name, [foretold, measured]) in WORKS.into_iter().zip(works) {
            let ratio = Rounds(vec![foretold.clone(), measured.clone()]).ratio(0, 1);
            let [foretold, measured] = [foretold, measured].map(|all| median(all.clone()) / 1e6);
            report.row(&format!("{name}, of {members}"), &[foretold, measured, ratio]);
            let name = format!("the model is off: {name}, of {members}");
            report.mark(&name, (ratio - 1.0).abs(), OFF);
        }
    }
    messages(args, report);
    foretell(&prices, report);
}

/// What is foretold, and what is measured: each of all rounds.
type Compared = [[Vec<f64>; 2]; WORKS.len()];

fn compare(args: &Args, members: usize, market: &mut Market, prices: &mut Vec<Prices>) -> Compared {
    let rounds = at_all_places((args.rounds * 16 / members).min(31));
    let mut all: Compared = Default::default();
    let foretold = [
        Operation::Establish(members).critical(NAME),
        Operation::Establish(members).all(NAME),
        Operation::Include(members, 1).critical(NAME),
        Operation::Include(members, 1).follower(NAME),
        Operation::Exclude(members).critical(NAME),
        Operation::Exclude(members).follower(NAME),
        Operation::Refresh(members).follower(NAME),
    ];
    for round in 0..rounds {
        at_place(round, &mut || {
            let before = market.look();
            let (mut group, establish) = Group::established(members + 1, members);
            let between = market.look();
            let joins = [group.ids[members].clone()];
            let include = group.run(0, Change::Include(&joins), members + 1);
            let exclude = group.run(0, Change::Exclude(&joins), members);
            let refresh = group.run(0, Change::Refresh, members);
            let after = market.look();
            let measured = [
                establish.chain(members),
                establish.sum(),
                include.chain(2),
                follower(&include.cpu[1..members]),
                exclude.chain(1),
                follower(&exclude.cpu[1..members]),
                follower(&refresh.cpu[1..members]),
            ];
            let [first, second] = [before.mean(&between), between.mean(&after)];
            for (at, figures) in all.iter_mut().enumerate() {
                let prices = if at < 2 { &first } else { &second };
                figures[0].push(prices.of(&foretold[at]));
                figures[1].push(measured[at]);
            }
            prices.extend([first, second]);
        });
    }
    all
}

fn middle(prices: &[Prices]) -> Prices {
    let of = |at: usize| median(prices.iter().map(|all| all.each.list()[at]).collect());
    let each = Counts::of_list(core::array::from_fn(of));
    Prices { each, ladder: median(prices.iter().map(|all| all.ladder).collect()) }
}

/// Messages of 100 octets through whole sessions: what of them grows with the group is a straight
/// line, drawn through two sizes and looked at in between.
fn messages(args: &Args, report: &mut Report) {
    const SIZES: [usize; 3] = [16, 64, 32];
    let talking = |members: usize| {
        let mut world = World::established(members);
        world.rest();
        Player::new(world, members, 100)
    };
    let [mut few, mut many, mut middle] = SIZES.map(talking);
    let [send, receive] = interleave(
        at_all_places(args.rounds.div_ceil(4)),
        &mut [Box::new(|| few.round()), Box::new(|| many.round()), Box::new(|| middle.round())],
    );
    report.table(
        "the model: a message through a session",
        &["µs of all", "µs each member", "foretold/measured"],
    );
    for (name, rounds) in [("send", send), ("receive", receive)] {
        let [few, many, _] = SIZES.map(|members| members as f64);
        let line = rounds.0[0].iter().zip(&rounds.0[1]);
        let line = line.map(|(least, most)| (*least, (most - least) / (many - few)));
        let line: Vec<(f64, f64)> = line.map(|(least, each)| (least - few * each, each)).collect();
        let at = |members: usize| {
            let foretold = line.iter().map(|(fixed, each)| fixed + each * members as f64);
            foretold.collect::<Vec<f64>>()
        };
        let compared = Rounds(vec![at(SIZES[2]), rounds.0[2].clone()]).ratio(0, 1);
        let fixed = median(line.iter().map(|(fixed, _)| *fixed).collect()) / 1e3;
        let each = median(line.iter().map(|(_, each)| *each).collect()) / 1e3;
        report.row(name, &[fixed, each, compared]);
        report.mark(&format!("the model is off: {name}, of 32"), (compared - 1.0).abs(), OFF);
    }
}

/// What that means for groups of 10, 100 and 1,000.
fn foretell(prices: &Prices, report: &mut Report) {
    report.table(
        &format!("foretold, with {LATENCY} ms from each to all"),
        &[
            "packets",
            "octets",
            "longest packet",
            "s under way",
            "ms CPU till the key",
            "ms CPU till in force",
            "ms CPU a member",
        ],
    );
    for members in [10, 100, 1_000] {
        for (name, operation) in [
            ("establish", Operation::Establish(members)),
            ("include one", Operation::Include(members - 1, 1)),
            ("include ten", Operation::Include(members.saturating_sub(10).max(2), 10)),
            ("exclude one", Operation::Exclude(members)),
            ("refresh", Operation::Refresh(members)),
        ] {
            let each = match operation {
                Operation::Establish(_) => prices.of(&operation.all(NAME)) / members as f64,
                _ => prices.of(&operation.follower(NAME)),
            };
            let till_the_key = prices.of(&operation.critical(NAME));
            let row = [
                operation.packets() as f64,
                operation.octets(NAME) as f64,
                operation.longest(NAME) as f64,
                operation.rounds() as f64 * LATENCY / 1e3,
                till_the_key / 1e6,
                (till_the_key + prices.of(&operation.confirming(NAME))) / 1e6,
                each / 1e6,
            ];
            report.row(&format!("{name}, {} members", operation.members()), &row);
        }
    }
}
