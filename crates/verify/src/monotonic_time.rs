//! Times of a clock that may be set back.

use crate::time::Timestamp;

/// A time, and the run of the clock. A clock that is set back begins a new run: times of an earlier run have no known
/// age.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
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

/// A time in eight bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PackedTime(u64);

impl PackedTime {
    /// The bits of the time; the others contain the run.
    const TIME: u32 = 48;

    /// A time of which nothing is known. So is one with more bits: after the clock was set back 65,535 times, or
    /// after the year 10889.
    const UNKNOWN: Self = Self(u64::MAX);

    pub(crate) fn new(time: MonotonicTime) -> Self {
        let MonotonicTime { run, time: Timestamp(time) } = time;
        let fits = time >> Self::TIME == 0 && run < u32::from(u16::MAX);
        if fits { Self(u64::from(run) << Self::TIME | time) } else { Self::UNKNOWN }
    }

    /// The time; if it is not known, one that is never recent.
    #[inline]
    pub(crate) fn unpack(self) -> MonotonicTime {
        if self.0 == u64::MAX {
            return MonotonicTime { run: u32::MAX, time: Timestamp(0) };
        }
        let time = self.0 & ((1 << Self::TIME) - 1);
        MonotonicTime { run: (self.0 >> Self::TIME) as u32, time: Timestamp(time) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_packed_time_is_the_same_or_never_recent() {
        let most = (1 << 48) - 1;
        for run in [0, 1, 65_534] {
            for time in [0, 1, 1_798_761_600_000, most] {
                let time = MonotonicTime { run, time: Timestamp(time) };
                assert_eq!(PackedTime::new(time).unpack(), time);
            }
        }
        for (run, time) in [(65_535, 0), (65_536, 0), (u32::MAX - 1, 7), (0, most + 1), (65_534, u64::MAX)] {
            let now = MonotonicTime { run, time: Timestamp(time) };
            let packed = PackedTime::new(now).unpack();
            assert!(!packed.is_recent(now, u64::MAX), "{now:?}");
        }
    }
}
