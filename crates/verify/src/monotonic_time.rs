//! Times of a clock that may be set back.

use crate::time::Timestamp;

/// A time, and the run of the clock. A clock that is set back begins a new run: times of an earlier run have no known
/// age.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct MonotonicTime {
    run: u32,
    pub(crate) time: Timestamp,
}

impl MonotonicTime {
    /// The time at which the clock shows `now`.
    #[inline]
    pub(crate) fn next(self, now: Timestamp) -> Self {
        Self { run: self.run.wrapping_add(u32::from(now < self.time)), time: now }
    }

    /// Whether this was earlier, as far as is known.
    #[inline]
    pub(crate) fn is_before(self, other: Self) -> bool {
        (self.run, self.time) < (other.run, other.time)
    }

    /// Whether this was at most `age` milliseconds before `now`.
    #[inline]
    pub(crate) fn is_recent(self, now: Self, age: u64) -> bool {
        self.run == now.run && now.time.since(self.time) <= age
    }
}
