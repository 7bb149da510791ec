//! The same work for each of a list, on all processors if that pays.

use alloc::vec::Vec;

/// From how many on it pays to wake other threads: at a multiplication each, that is two to three
/// milliseconds of work.
#[cfg(feature = "parallel")]
const MANY: usize = 64;

/// What `work` gives for each, in order. With the feature `parallel`, large lists are shared out.
#[cfg(feature = "parallel")]
pub(super) fn each<T: Sync, R: Send>(list: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    use rayon::iter::{IntoParallelRefIterator, ParallelIterator};
    if list.len() < MANY {
        return list.iter().map(work).collect();
    }
    list.par_iter().map(&work).collect()
}

/// What `work` gives for each, in order.
#[cfg(not(feature = "parallel"))]
pub(super) fn each<T, R>(list: &[T], work: impl Fn(&T) -> R) -> Vec<R> {
    list.iter().map(work).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_is_done_once_and_in_order() {
        for len in [0, 1, 63, 64, 65, 1_000] {
            let list: Vec<usize> = (0..len).collect();
            let squares: Vec<usize> = list.iter().map(|number| number * number).collect();
            assert_eq!(each(&list, |number| number * number), squares);
        }
    }
}
