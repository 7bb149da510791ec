//! Timing: one call at a time, contestants in turns, medians, and ratios within one round only.

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

/// The middle of some numbers; not a number if there are none.
pub fn median(mut numbers: Vec<f64>) -> f64 {
    if numbers.is_empty() {
        return f64::NAN;
    }
    let middle = numbers.len() / 2;
    *numbers.select_nth_unstable_by(middle, f64::total_cmp).1
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

/// At how many places of the stack contestants run.
const PLACES: usize = 4;

/// Runs all contestants `rounds` times, or a few more, so that each place of the stack comes as often;
/// who goes first changes from round to round. The first round warms up, and does not count. A contestant gives the samples of its round, of each kind.
pub fn interleave<const KINDS: usize>(
    rounds: usize,
    contestants: &mut [Box<dyn FnMut() -> [Vec<f64>; KINDS] + '_>],
) -> [Rounds; KINDS] {
    let count = contestants.len();
    let mut all = [(); KINDS].map(|()| Rounds(vec![Vec::new(); count]));
    for round in 0..=rounds.next_multiple_of(PLACES) {
        for turn in 0..count {
            let contestant = (turn + round) % count;
            let samples = at_depth(round, &mut contestants[contestant]);
            if round > 0 {
                for (rounds, samples) in all.iter_mut().zip(samples) {
                    rounds.0[contestant].push(median(samples));
                }
            }
        }
    }
    all
}

/// Calls it with the stack a little lower in each round. How fast vector code is depends on where
/// its stack lies, by up to a fifth, and where that is differs from start to start of the program; so
/// neither side of a ratio may lie well by chance.
fn at_depth<T>(round: usize, call: &mut dyn FnMut() -> T) -> T {
    match round % PLACES {
        0 => lower::<16, T>(call),
        1 => lower::<32, T>(call),
        2 => lower::<48, T>(call),
        _ => lower::<64, T>(call),
    }
}

#[inline(never)]
fn lower<const OCTETS: usize, T>(call: &mut dyn FnMut() -> T) -> T {
    let room = core::hint::black_box([0_u8; OCTETS]);
    let result = call();
    core::hint::black_box(room);
    result
}
