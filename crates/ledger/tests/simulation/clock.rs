//! Clocks with the allowed deviations: up to 1 % too fast or too slow, and off by at most δ within any lease.

use counterfoil_ledger::native::Seeded;
use counterfoil_verify::{DELTA, Timestamp};

use crate::network::draw;

/// 2027-01-15T08:00:00Z.
const BEGINNING: u64 = 1_800_000_000_000;

/// The minimum time between two disturbances of a clock: longer than any lease including its request.
const BETWEEN: u64 = 30_000;

/// A clock that deviates from true time, which is in milliseconds since the simulation's beginning.
pub(crate) struct Clock {
    /// In millionths.
    rate: i64,
    offset: i64,
    /// Until when it stands still, and at which value.
    frozen: Option<(u64, u64)>,
    disturbed_at: u64,
}

impl Clock {
    pub(crate) fn new(random: &mut Seeded) -> Self {
        let rate = draw(random, 20_001) as i64 - 10_000;
        Self { rate, offset: 0, frozen: None, disturbed_at: 0 }
    }

    /// A clock that loses a quarter of an hour each hour.
    pub(crate) fn slow() -> Self {
        Self { rate: -250_000, offset: 0, frozen: None, disturbed_at: 0 }
    }

    pub(crate) fn now(&mut self, time: u64) -> Timestamp {
        match self.frozen {
            Some((until, shown)) if time < until => return Timestamp(shown),
            _ => self.frozen = None,
        }
        Timestamp(self.shown(time))
    }

    /// Steps, or stands still for a while.
    pub(crate) fn disturb(&mut self, time: u64, random: &mut Seeded) {
        if time < self.disturbed_at + BETWEEN {
            return;
        }
        self.disturbed_at = time;
        let off = draw(random, DELTA + 1);
        match draw(random, 3) {
            0 => self.offset += off as i64,
            1 => self.offset -= off as i64,
            _ => self.frozen = Some((time + off, self.shown(time))),
        }
    }

    /// The true time until this clock has advanced by so many milliseconds.
    pub(crate) fn truly(&self, milliseconds: u64) -> u64 {
        (milliseconds as i64 * 1_000_000 / (1_000_000 + self.rate)) as u64
    }

    fn shown(&self, time: u64) -> u64 {
        let time = time as i64;
        (BEGINNING as i64 + time + time * self.rate / 1_000_000 + self.offset) as u64
    }
}
