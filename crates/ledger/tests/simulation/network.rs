//! Events and their times, and the delivery of messages.

use std::{cmp::Reverse, collections::BinaryHeap};

use counterfoil_ledger::native::Seeded;

/// A random number less than `below`.
pub(crate) fn draw(random: &mut Seeded, below: u64) -> u64 {
    let mut bytes = [0; 8];
    random.fill(&mut bytes);
    u64::from_le_bytes(bytes) % below.max(1)
}

/// Whether an event happens that has this probability, in thousandths.
pub(crate) fn chance(random: &mut Seeded, in_a_thousand: u64) -> bool {
    draw(random, 1_000) < in_a_thousand
}

/// Events ordered by time; at the same time in the order of insertion.
pub(crate) struct Queue<E> {
    heap: BinaryHeap<Reverse<(u64, u64)>>,
    events: std::collections::BTreeMap<u64, E>,
    put: u64,
}

impl<E> Queue<E> {
    pub(crate) fn new() -> Self {
        Self { heap: BinaryHeap::new(), events: std::collections::BTreeMap::new(), put: 0 }
    }

    pub(crate) fn put(&mut self, time: u64, event: E) {
        self.put += 1;
        self.heap.push(Reverse((time, self.put)));
        self.events.insert(self.put, event);
    }

    pub(crate) fn take(&mut self) -> Option<(u64, E)> {
        let Reverse((time, number)) = self.heap.pop()?;
        Some((time, self.events.remove(&number)?))
    }
}

/// How long a message is under way; absent if it is lost. Most are fast, some take seconds.
pub(crate) fn flight(random: &mut Seeded, calm: bool) -> Option<u64> {
    if calm {
        return Some(1 + draw(random, 20));
    }
    match draw(random, 100) {
        0..6 => None,
        6..16 => Some(draw(random, 7_000)),
        16..30 => Some(draw(random, 900)),
        _ => Some(1 + draw(random, 40)),
    }
}
