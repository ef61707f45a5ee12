//! How often a token was used since the last report.

use crate::{cache::NO_HINT, time::Timestamp};

/// What a hit on a token changes in its entry.
#[derive(Clone, Copy, Debug)]
pub(super) struct Uses {
    pub(super) last: Timestamp,
    pub(super) count: u32,
    /// The slot where its owner's record was found last.
    pub(super) owner_at: u32,
}

impl Uses {
    pub(super) fn add(&mut self, count: u32, last: Timestamp) {
        self.count = self.count.saturating_add(count);
        self.last = self.last.max(last);
    }
}

impl Default for Uses {
    fn default() -> Self {
        Self { last: Timestamp::default(), count: 0, owner_at: NO_HINT as u32 }
    }
}
