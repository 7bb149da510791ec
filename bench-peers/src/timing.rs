//! Timing: one call at a time, contestants in turns, medians, and ratios within one round only.

use std::hint::black_box;
use std::time::Instant;

use bench_counts::clock;

/// Runs `work` and adds how many nanoseconds it took.
pub fn timed<T>(samples: &mut Vec<f64>, work: impl FnOnce() -> T) -> T {
    let began = Instant::now();
    let result = work();
    samples.push(began.elapsed().as_secs_f64() * 1e9);
    result
}

/// Runs `work` and adds how many nanoseconds of processor time it took: for what is so long that
/// somebody else may come in between.
pub fn timed_cpu<T>(samples: &mut Vec<f64>, work: impl FnOnce() -> T) -> T {
    let (result, took) = clock::timed(work);
    samples.push(took);
    result
}

/// The middle of some numbers, between the two in the middle if there are two; not a number if there are
/// none.
pub fn median(mut numbers: Vec<f64>) -> f64 {
    numbers.sort_unstable_by(f64::total_cmp);
    let middle = numbers.len() / 2;
    match numbers.get(middle) {
        Some(above) if numbers.len().is_multiple_of(2) => (numbers[middle - 1] + above) / 2.0,
        Some(it) => *it,
        None => f64::NAN,
    }
}

/// The medians of the rounds of some contestants: `[contestant][round]`.
pub struct Rounds(pub Vec<Vec<f64>>);

impl Rounds {
    /// The median over all rounds.
    pub fn time(&self, contestant: usize) -> f64 {
        median(self.0[contestant].clone())
    }

    /// How one contestant stands to another: the median of the ratios within some rounds, in which the
    /// stack was once at each of its [`PLACES`]. Whatever slows the machine down for longer slows both.
    pub fn ratio(&self, contestant: usize, to: usize) -> f64 {
        let sums = |of: usize| self.0[of].chunks(PLACES).map(|rounds| rounds.iter().sum::<f64>());
        median(sums(contestant).zip(sums(to)).map(|(one, other)| one / other).collect())
    }
}

/// At how many places of a page of memory the stack of contestants lies in turns.
const PLACES: usize = 16;

/// As many octets as addresses have to differ by for the processor to take one for the other.
const PAGE: usize = 4096;

/// So many rounds, or a few more, that each place of the stack comes as often.
pub const fn at_all_places(rounds: usize) -> usize {
    rounds.next_multiple_of(PLACES)
}

/// Runs all contestants `rounds` times; who goes first changes from round to round, and so does where the
/// stack lies. The first round warms up, and does not count. A contestant gives the samples of its round,
/// of each kind.
pub fn interleave<const KINDS: usize>(
    rounds: usize,
    contestants: &mut [Box<dyn FnMut() -> [Vec<f64>; KINDS] + '_>],
) -> [Rounds; KINDS] {
    let count = contestants.len();
    let mut all = [(); KINDS].map(|()| Rounds(vec![Vec::new(); count]));
    for round in 0..=rounds {
        for turn in 0..count {
            // Forth and back by turns, so that nobody always follows the same one; at each place the other
            // way the next time.
            let is_forth = (round + round / PLACES).is_multiple_of(2);
            let turn = if is_forth { turn } else { count - 1 - turn };
            let contestant = (turn + round / 2) % count;
            let samples = at_place(round, &mut contestants[contestant]);
            if round > 0 {
                for (rounds, samples) in all.iter_mut().zip(samples) {
                    rounds.0[contestant].push(median(samples));
                }
            }
        }
    }
    all
}

/// Calls it with the stack at another place of a page in each round. How fast code is whose vectors are
/// in memory depends on where its stack lies beside the tables that it reads: a load waits for a store
/// before it that has the same place in another page. That makes up to a fifth, for each side of a ratio by
/// itself, and differs from start to start of the program; so neither may lie well by chance.
pub fn at_place<T>(round: usize, call: &mut dyn FnMut() -> T) -> T {
    let room = black_box([0_u8; 32]);
    let place = room.as_ptr().addr() % PAGE * PLACES / PAGE;
    let result = if place == round % PLACES { call() } else { at_place(round, call) };
    black_box(room);
    result
}
