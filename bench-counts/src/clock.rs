//! Processor time: what others do on the same machine does not count.

use core::time::Duration;

/// How long this program has been on processors, with all its threads.
#[cfg(unix)]
#[must_use]
pub fn cpu() -> Duration {
    use rustix::time::{ClockId, clock_gettime};
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or_default())
}

/// How long this program has run: nothing better is known here.
#[cfg(not(unix))]
#[must_use]
pub fn cpu() -> Duration {
    use std::sync::LazyLock;
    use std::time::Instant;
    static BEGAN: LazyLock<Instant> = LazyLock::new(Instant::now);
    BEGAN.elapsed()
}

/// Calls `work`, and says how many nanoseconds of processor time it took.
pub fn timed<T>(work: impl FnOnce() -> T) -> (T, f64) {
    let began = cpu();
    let result = work();
    (result, (cpu() - began).as_secs_f64() * 1e9)
}
