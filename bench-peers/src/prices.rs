//! What each primitive costs here and now.

use std::hint::black_box;

use bench_counts::clock;
use bench_counts::greet::{Group, NAME};
use bench_counts::model::{Operation, Primitives as Counts};
use bench_counts::ours::DIALECT;
use ed25519_dalek::{Signer, SigningKey, Verifier};
use mpenc::greet::{Change, IdentityKey};
use mpenc::wire::{Packet, armor, unarmor};

use crate::primitives::{Primitives, Signed, Step};

/// Lengths of two messages, and numbers of members of two groups: the difference is what one more
/// costs.
const SHORT: usize = 300;
const LONG: usize = 3_300;
const FEW: usize = 8;
const MANY: usize = 64;

/// Prices, in nanoseconds.
pub struct Prices {
    /// Each.
    pub each: Counts,
    /// A multiplication by the plain ladder, to compare.
    pub ladder: f64,
}

/// What prices are measured with.
pub struct Market {
    ladder: Primitives,
    /// One for each of the calls that are made in a row: the same again would cost less than what
    /// members have to do, since the processor learns which way its branches go.
    signed: Vec<[Signed; 2]>,
    few: Group,
    many: Group,
    packet: String,
}

impl Market {
    pub fn new() -> Self {
        let mut many = Group::established(MANY, MANY).0;
        let packet = many.run(0, Change::Refresh, MANY).proposal;
        Self {
            ladder: Primitives::new(1),
            signed: (0..CALLS)
                .map(|number| [SHORT, LONG].map(|octets| Signed::new(number, number, octets)))
                .collect(),
            few: Group::established(FEW, FEW).0,
            many,
            packet,
        }
    }

    /// Looks at all prices: means, as what happens in turn is a sum.
    pub fn look(&mut self) -> Prices {
        let Self { ladder, signed, few, many, packet } = self;
        let mut buffer = Vec::new();
        let contents = unarmor(packet, &mut buffer).expect("a packet").to_vec();
        let signed = |turn: usize, length: usize| &signed[turn % CALLS][length];
        let check = |turn, length| {
            let Signed { message, signature, by, .. } = signed(turn, length);
            black_box(by.verify(message, signature).is_ok());
        };
        let sign = |turn, length| {
            let Signed { message, key, .. } = signed(turn, length);
            black_box(key.sign(message));
        };
        let (mut renewed, mut proposed) = (0.0, 0.0);
        let (mut admitted, mut followed) = (0.0, 0.0);
        let [nothing, ladder, check, check_long, sign, sign_long, admit, draw, decode, encode, _] =
            means_by_turns(&mut [
                &mut |_| {},
                &mut |_| ladder.step(Step { multiplications: 1, ..Step::NOTHING }),
                &mut |turn| check(turn, 0),
                &mut |turn| check(turn, 1),
                &mut |turn| sign(turn, 0),
                &mut |turn| sign(turn, 1),
                &mut |turn| {
                    black_box(IdentityKey::admit(signed(turn, 0).by.as_bytes()).is_ok());
                },
                &mut |turn| {
                    let mut seed = [1; 32];
                    seed[..8].copy_from_slice(&turn.to_le_bytes());
                    black_box(SigningKey::from_bytes(&seed));
                },
                &mut |_| {
                    let contents = unarmor(packet, &mut buffer).expect("a packet");
                    black_box(Packet::decode(DIALECT, contents).is_ok());
                },
                &mut |_| {
                    black_box(armor(&contents));
                },
                &mut |turn| {
                    if turn % REFRESHED_EVERY == 0 {
                        let [few, many] = [(&mut *few, FEW), (&mut *many, MANY)]
                            .map(|(group, members)| group.run(0, Change::Refresh, members));
                        renewed += between(few.proposing, many.proposing);
                        proposed += few.proposing / REFRESHES as f64;
                        let [few, many] = [few, many].map(|cost| follower(&cost.cpu[1..]));
                        admitted += between(few, many);
                        followed += few / REFRESHES as f64;
                    }
                },
            ]);
        let [ladder, check, check_long, sign, sign_long, admit, draw, decode, encode] =
            [ladder, check, check_long, sign, sign_long, admit, draw, decode, encode]
                .map(|took| took - nothing);
        // Octets of text are four for three that are signed.
        let signed = 0.75 / (LONG - SHORT) as f64;
        let length = self.packet.len() as f64;
        let octets_in = (check_long - check) * signed + decode / length;
        let octets_out = (sign_long - sign) * signed + encode / length;
        // A refresh has 48 octets of text more for each key, and 19 or 20 for each name.
        let grows = 68.0;
        let octets = Operation::Refresh(FEW).octets(NAME) as f64;
        let int_key = admitted - grows * octets_in;
        let check = check - SHORT as f64 / 0.75 * octets_in;
        let sign = sign - SHORT as f64 / 0.75 * octets_out;
        let multiplication = renewed - grows * octets_out;
        let others = (FEW - 1) as f64;
        let each = Counts {
            multiplications: multiplication,
            // What proposing a refresh takes beside all else.
            lists: proposed - others * multiplication - sign - octets * octets_out,
            // What following a refresh takes beside all else.
            group_keys: followed - check - FEW as f64 * int_key - octets * octets_in,
            int_keys: int_key,
            signing_keys: admit,
            drawn: draw,
            checks: check,
            signatures: sign,
            octets_in,
            octets_out,
        };
        Prices { each, ladder }
    }
}

/// How often each is called.
const CALLS: usize = 24;
/// How often groups are refreshed meanwhile.
const REFRESHES: usize = 6;
const REFRESHED_EVERY: usize = CALLS / REFRESHES;

/// What one member more costs.
fn between(few: f64, many: f64) -> f64 {
    (many - few) / (MANY - FEW) as f64 / REFRESHES as f64
}

/// Mean nanoseconds of one call of each kind. They are made by turns, as members make them: each finds
/// the processor's caches as the others left them. A call is given the number of its turn.
fn means_by_turns<const KINDS: usize>(calls: &mut [&mut dyn FnMut(usize); KINDS]) -> [f64; KINDS] {
    let mut sums = [0.0; KINDS];
    for turn in 0..CALLS {
        for (sum, call) in sums.iter_mut().zip(calls.iter_mut()) {
            *sum += clock::timed(|| call(turn)).1;
        }
    }
    sums.map(|sum| sum / CALLS as f64)
}

/// The mean of what members spent who did the same.
pub fn follower(cpu: &[f64]) -> f64 {
    cpu.iter().sum::<f64>() / cpu.len() as f64
}

impl Prices {
    /// What so many of them take.
    pub fn of(&self, counts: &Counts) -> f64 {
        self.each.list().iter().zip(counts.list()).map(|(price, count)| price * count).sum()
    }

    /// Between these and others.
    pub fn mean(&self, other: &Self) -> Self {
        let [one, other_one] = [self, other].map(|prices| prices.each.list());
        let each = Counts::of_list(core::array::from_fn(|at| (one[at] + other_one[at]) / 2.0));
        Self { each, ladder: (self.ladder + other.ladder) / 2.0 }
    }
}
