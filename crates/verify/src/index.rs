//! A hash table from hashes to positions.

use alloc::vec::Vec;

/// Positions by hash, in an open-addressed table with linear probing. At most half of the places are taken, so searches
/// are short; they do not allocate.
#[derive(Debug, Default)]
pub(crate) struct Index {
    /// Their number is 0 or a power of two.
    places: Vec<Place>,
    taken: usize,
}

#[derive(Clone, Copy, Debug, Default)]
struct Place {
    hash: u32,
    /// The position plus 1; 0 if the place is free.
    position: u32,
}

impl Index {
    /// The first position of this hash for which `is_it` holds.
    #[inline]
    pub(crate) fn find(&self, hash: u32, is_it: impl Fn(usize) -> bool) -> Option<usize> {
        self.probe(hash)
            .find(|(_, place)| place.hash == hash && is_it(place.position()))
            .map(|(_, place)| place.position())
    }

    /// Adds a position that the table does not contain.
    pub(crate) fn insert(&mut self, hash: u32, position: usize) {
        if 2 * (self.taken + 1) > self.places.len() {
            self.grow();
        }
        self.taken += 1;
        self.settle(Place { hash, position: position as u32 + 1 });
    }

    /// Moves the entry of `hash` from position `from` to position `to`.
    pub(crate) fn relocate(&mut self, hash: u32, from: usize, to: usize) {
        let found = self.probe(hash).find(|(_, place)| place.position() == from);
        if let Some(place) = found.and_then(|(at, _)| self.places.get_mut(at)) {
            place.position = to as u32 + 1;
        }
    }

    /// Removes a position, and inserts the entries after it again, so that no probe sequence is interrupted.
    pub(crate) fn remove(&mut self, hash: u32, position: usize) {
        let Some((mut at, _)) = self.probe(hash).find(|(_, place)| place.position() == position) else {
            return;
        };
        self.taken -= 1;
        self.free(at);
        loop {
            at = self.next(at);
            let place = self.free(at);
            if place.is_free() {
                return;
            }
            self.settle(place);
        }
    }

    /// The taken places from the home of `hash` to the next free one.
    #[inline]
    fn probe(&self, hash: u32) -> impl Iterator<Item = (usize, Place)> {
        let mut at = hash as usize;
        core::iter::from_fn(move || {
            let here = self.wrap(at);
            at = here + 1;
            let place = *self.places.get(here)?;
            (!place.is_free()).then_some((here, place))
        })
    }

    fn settle(&mut self, place: Place) {
        let last = self.probe(place.hash).last();
        let at = last.map_or(self.wrap(place.hash as usize), |(at, _)| self.next(at));
        if let Some(free) = self.places.get_mut(at) {
            *free = place;
        }
    }

    fn free(&mut self, at: usize) -> Place {
        self.places.get_mut(at).map(core::mem::take).unwrap_or_default()
    }

    fn grow(&mut self) {
        let room = (2 * self.places.len()).max(16);
        let old = core::mem::replace(&mut self.places, alloc::vec![Place::default(); room]);
        for place in old.into_iter().filter(|place| !place.is_free()) {
            self.settle(place);
        }
    }

    fn next(&self, at: usize) -> usize {
        self.wrap(at + 1)
    }

    #[inline]
    fn wrap(&self, at: usize) -> usize {
        at & self.places.len().wrapping_sub(1)
    }
}

impl Place {
    #[inline]
    fn is_free(self) -> bool {
        self.position == 0
    }

    #[inline]
    fn position(self) -> usize {
        (self.position as usize).wrapping_sub(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    extern crate std;

    #[derive(Clone, Debug)]
    enum Step {
        Insert(u32, usize),
        Remove(usize),
        Relocate(usize, usize),
    }

    fn step() -> impl Strategy<Value = Step> {
        // Few hashes, so that they collide, and some at the end of the table, so that probes wrap around.
        let hash = prop_oneof![0..4u32, Just(15), Just(u32::MAX)];
        prop_oneof![
            3 => (hash, 0..20usize).prop_map(|(hash, position)| Step::Insert(hash, position)),
            2 => (0..20usize).prop_map(Step::Remove),
            1 => (0..20usize, 0..20usize).prop_map(|(from, to)| Step::Relocate(from, to)),
        ]
    }

    proptest! {
        #[test]
        fn finds_the_same_positions_as_a_map(steps in prop::collection::vec(step(), 0..80)) {
            let mut index = Index::default();
            let mut map = BTreeMap::new();
            for step in steps {
                match step {
                    Step::Insert(hash, position) if !map.contains_key(&position) => {
                        index.insert(hash, position);
                        map.insert(position, hash);
                    }
                    Step::Remove(position) => {
                        if let Some(hash) = map.remove(&position) {
                            index.remove(hash, position);
                        }
                    }
                    Step::Relocate(from, to) if !map.contains_key(&to) => {
                        if let Some(hash) = map.remove(&from) {
                            index.relocate(hash, from, to);
                            map.insert(to, hash);
                        }
                    }
                    _ => {}
                }
                prop_assert_eq!(index.taken, map.len());
                for position in 0..20 {
                    for hash in [0, 1, 2, 3, 15, u32::MAX] {
                        let found = index.find(hash, |at| at == position);
                        prop_assert_eq!(found, (map.get(&position) == Some(&hash)).then_some(position));
                    }
                }
            }
        }
    }
}
