//! Points in time, by a clock that may be set back.

use crate::time::Timestamp;

/// A time, and by which run of the clock. A clock that is set back begins a new run: how long ago anything of an
/// earlier one was, nobody can tell.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct MonotonicTime {
    run: u32,
    pub(crate) time: Timestamp,
}

impl MonotonicTime {
    /// The moment at which the clock shows `now`.
    pub(crate) fn next(self, now: Timestamp) -> Self {
        Self { run: self.run.wrapping_add(u32::from(now < self.time)), time: now }
    }

    /// Whether this was earlier, as far as can be told.
    pub(crate) fn is_before(self, other: Self) -> bool {
        (self.run, self.time) < (other.run, other.time)
    }

    /// Whether this was at most `age` milliseconds before `now`.
    pub(crate) fn is_recent(self, now: Self, age: u64) -> bool {
        self.run == now.run && now.time.since(self.time) <= age
    }
}
