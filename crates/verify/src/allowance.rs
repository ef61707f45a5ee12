//! What may be asked on behalf of somebody who has proved nothing: so many a second for each workspace, or whatever else
//! they are told apart by.

use alloc::vec::Vec;

use crate::time::Timestamp;

/// So many a second for each key, counted in fixed windows: at a border of two, twice that may pass. It holds the keys of one
/// window.
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
    /// Whether this key has one to take.
    pub fn has(&self, key: &K, per_second: u32, now: Timestamp) -> bool {
        let taken = self.taken.iter().find(|(taken, _)| taken == key).map_or(0, |(_, taken)| *taken);
        now.0 / 1_000 != self.window || taken < per_second
    }

    /// Takes one, where fewer than `per_second` have been taken by this key within the second.
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
