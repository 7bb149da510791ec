//! What each primitive costs here and now.

use bench_counts::greet::{Group, NAME};
use bench_counts::model::{Operation, Primitives as Counts};
use bench_counts::ours::DIALECT;
use ed25519_dalek::{Signer, SigningKey, Verifier};
use mpenc::greet::{Change, IdentityKey};
use mpenc::wire::{Packet, armor, unarmor};

use crate::primitives::{Primitives, Signed, Step};
use crate::timing::timed_cpu;

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
        const REFRESHES: usize = 6;
        let mut buffer = Vec::new();
        let [check, check_long] = [0, 1].map(|length: usize| {
            mean(|at| {
                let Signed { message, signature, by, .. } = &self.signed[at][length];
                by.verify(message, signature).is_ok()
            })
        });
        let [sign, sign_long] = [0, 1].map(|length: usize| {
            mean(|at| {
                let Signed { message, key, .. } = &self.signed[at][length];
                key.sign(message)
            })
        });
        let admit = mean(|at| IdentityKey::admit(self.signed[at][0].by.as_bytes()).is_ok());
        let decode = mean(|_| {
            let contents = unarmor(&self.packet, &mut buffer).expect("a packet");
            Packet::decode(DIALECT, contents).is_ok()
        });
        let ladder = mean(|_| self.ladder.step(Step { multiplications: 1, ..Step::NOTHING }));
        let encode = mean(|_| armor(&buffer));
        let draw = mean(|at| {
            let mut seed = [1; 32];
            seed[..8].copy_from_slice(&at.to_le_bytes());
            SigningKey::from_bytes(&seed)
        });
        let between = |few: f64, many: f64| (many - few) / (MANY - FEW) as f64 / REFRESHES as f64;
        let (mut renewed, mut admitted, mut followed) = (0.0, 0.0, 0.0);
        for _ in 0..REFRESHES {
            let [few, many] = [(&mut self.few, FEW), (&mut self.many, MANY)]
                .map(|(group, members)| group.run(0, Change::Refresh, members));
            renewed += between(few.proposing, many.proposing);
            let [few, many] = [few, many].map(|cost| follower(&cost.cpu[1..]));
            admitted += between(few, many);
            followed += few / REFRESHES as f64;
        }
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
        let each = Counts {
            multiplications: renewed - grows * octets_out,
            // What following a refresh takes beside all else.
            group_keys: followed - check - FEW as f64 * int_key - octets * octets_in,
            int_keys: int_key,
            signing_keys: admit,
            drawn: draw,
            checks: check,
            signatures: sign - SHORT as f64 / 0.75 * octets_out,
            octets_in,
            octets_out,
        };
        Prices { each, ladder }
    }
}

/// How often in a row something is called.
const CALLS: usize = 24;

/// Nanoseconds of one call, of a few, which are given their number.
fn mean<T>(mut call: impl FnMut(usize) -> T) -> f64 {
    let mut took = Vec::new();
    timed_cpu(&mut took, || {
        for number in 0..CALLS {
            core::hint::black_box(call(number));
        }
    });
    took[0] / CALLS as f64
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
