//! What each primitive costs here and now.

use bench_counts::greet::Group;
use bench_counts::model::Primitives as Counts;
use bench_counts::ours::DIALECT;
use ed25519_dalek::{Signature, Signer, SigningKey, Verifier, VerifyingKey};
use mpenc::greet::{Change, IdentityKey};
use mpenc::wire::{Packet, armor, unarmor};

use crate::timing::{median, timed_cpu};

/// Lengths of two messages, and numbers of members of two groups: the difference is what one more
/// costs.
const SHORT: usize = 300;
const LONG: usize = 3_300;
const FEW: usize = 8;
const MANY: usize = 64;

/// Prices, in nanoseconds.
pub struct Prices(pub Counts);

/// What prices are measured with.
pub struct Market {
    key: SigningKey,
    verifying: VerifyingKey,
    messages: [Vec<u8>; 2],
    signatures: [Signature; 2],
    few: Group,
    many: Group,
    packet: String,
}

impl Market {
    pub fn new() -> Self {
        let key = SigningKey::from_bytes(&[3; 32]);
        let messages = [SHORT, LONG].map(|length| vec![5; length]);
        let signatures = [key.sign(&messages[0]), key.sign(&messages[1])];
        let mut many = Group::established(MANY, MANY).0;
        let packet = many.run(0, Change::Refresh, MANY).proposal;
        Self {
            verifying: key.verifying_key(),
            key,
            messages,
            signatures,
            few: Group::established(FEW, FEW).0,
            many,
            packet,
        }
    }

    /// Looks at all prices.
    pub fn look(&mut self) -> Prices {
        const TIMES: usize = 9;
        let mut all: [Vec<f64>; 9] = Default::default();
        let [check, check_long, sign, sign_long, admit, decode, encode, renewed, admitted] =
            &mut all;
        let identity = self.verifying.to_bytes();
        let mut buffer = Vec::new();
        let between = |few: f64, many: f64| (many - few) / (MANY - FEW) as f64;
        for _ in 0..TIMES {
            let [short, long] = &self.messages;
            timed_cpu(check, || self.verifying.verify(short, &self.signatures[0]).is_ok());
            timed_cpu(check_long, || self.verifying.verify(long, &self.signatures[1]).is_ok());
            timed_cpu(sign, || self.key.sign(short));
            timed_cpu(sign_long, || self.key.sign(long));
            timed_cpu(admit, || IdentityKey::admit(&identity).is_ok());
            timed_cpu(decode, || {
                let contents = unarmor(&self.packet, &mut buffer).expect("a packet");
                Packet::decode(DIALECT, contents).is_ok()
            });
            timed_cpu(encode, || armor(&buffer));
            let [few, many] = [(&mut self.few, FEW), (&mut self.many, MANY)]
                .map(|(group, members)| group.run(0, Change::Refresh, members));
            renewed.push(between(few.proposing, many.proposing));
            let [few, many] = [few, many].map(|cost| median(cost.cpu[1..].to_vec()));
            admitted.push(between(few, many));
        }
        let [check, check_long, sign, sign_long, admit, decode, encode, renewed, admitted] =
            all.map(median);
        // Octets of text are four for three that are signed.
        let signed = 0.75 / (LONG - SHORT) as f64;
        let length = self.packet.len() as f64;
        let octets_in = (check_long - check) * signed + decode / length;
        let octets_out = (sign_long - sign) * signed + encode / length;
        // A refresh has 48 octets of text more for each key, and 19 or 20 for each name.
        let grows = 68.0;
        Prices(Counts {
            multiplications: renewed - grows * octets_out,
            int_keys: admitted - grows * octets_in,
            signing_keys: admit,
            checks: check - SHORT as f64 / 0.75 * octets_in,
            signatures: sign - SHORT as f64 / 0.75 * octets_out,
            octets_in,
            octets_out,
        })
    }
}

impl Prices {
    /// What so many of them take.
    pub fn of(&self, counts: &Counts) -> f64 {
        pairs(&self.0, counts).map(|(price, count)| price * count).sum()
    }

    /// Between these and others.
    pub fn mean(&self, other: &Self) -> Self {
        let mut means = pairs(&self.0, &other.0).map(|(one, other)| (one + other) / 2.0);
        let mut next = || means.next().unwrap_or_default();
        Self(Counts {
            multiplications: next(),
            int_keys: next(),
            signing_keys: next(),
            checks: next(),
            signatures: next(),
            octets_in: next(),
            octets_out: next(),
        })
    }
}

/// What is counted, in one order.
pub fn list(counts: &Counts) -> [f64; 7] {
    let Counts {
        multiplications,
        int_keys,
        signing_keys,
        checks,
        signatures,
        octets_in,
        octets_out,
    } = *counts;
    [multiplications, int_keys, signing_keys, checks, signatures, octets_in, octets_out]
}

fn pairs(one: &Counts, other: &Counts) -> impl Iterator<Item = (f64, f64)> {
    list(one).into_iter().zip(list(other))
}
