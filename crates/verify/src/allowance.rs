//! A rate limit for unauthenticated work, per workspace or another key.

use alloc::vec::Vec;

use crate::time::Timestamp;

/// So many per second for each key, counted in fixed windows: around the border of two windows, twice as many may pass.
/// Only the keys of the current window are stored.
#[derive(Debug)]
pub struct Allowance<K> {
    window: u64,
    taken: Vec<(K, u32)>,
}

impl<K> Default for Allowance<K> {
    fn default() -> Self {
        Self { window: 0, taken: Vec::new() }
    }
}

impl<K: PartialEq> Allowance<K> {
    /// Whether the key has not reached its limit.
    pub fn has(&self, key: &K, per_second: u32, now: Timestamp) -> bool {
        let taken = self.taken.iter().find(|(taken, _)| taken == key).map_or(0, |(_, taken)| *taken);
        now.0 / 1_000 != self.window || taken < per_second
    }

    /// Takes one, if the key has taken fewer than `per_second` in this second.
    pub fn take(&mut self, key: K, per_second: u32, now: Timestamp) -> bool {
        let window = now.0 / 1_000;
        if window != self.window {
            self.window = window;
            self.taken.clear();
        }
        match self.taken.iter_mut().find(|(taken, _)| *taken == key) {
            Some((_, taken)) if *taken >= per_second => false,
            Some((_, taken)) => {
                *taken += 1;
                true
            }
            None if per_second == 0 => false,
            None => {
                self.taken.push((key, 1));
                true
            }
        }
    }
}
