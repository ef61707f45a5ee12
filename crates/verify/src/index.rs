//! A hash table from hashes to positions.

use alloc::vec::Vec;

/// Into how many tables the positions of a large index are divided, by the lowest bits of their hashes. Each grows on its
/// own, so that no insertion has to move more than this fraction of the positions.
const TABLES: usize = 1024;

/// Positions by hash, in open-addressed tables with linear probing. At most three quarters of the places are taken, so
/// searches are short; they do not allocate.
///
/// The table does not contain the hashes: methods that move positions take a function that returns the hash of one.
#[derive(Debug)]
pub(crate) struct Index {
    /// Empty until the first insertion.
    tables: Vec<Table>,
    /// How many they will be: a power of two.
    most: usize,
}

#[derive(Clone, Debug, Default)]
struct Table {
    /// Their number is 0 or a power of two.
    places: Vec<Place>,
    taken: u32,
}

/// A position plus 1, in the upper 24 bits, and 8 bits of its hash, so that most other hashes are recognised here; 0 if
/// the place is free.
#[derive(Clone, Copy, Debug, Default)]
struct Place(u32);

impl Index {
    /// How many positions there can be: they are below this number.
    pub(crate) const CAPACITY: usize = (1 << 24) - 1;

    /// How many bytes a position takes, on average: tables are between three eighths and three quarters full.
    pub(crate) const PER_POSITION: usize = 8;

    /// An index of few positions, which is one table.
    pub(crate) const fn small() -> Self {
        Self { tables: Vec::new(), most: 1 }
    }

    /// An index of many positions.
    pub(crate) const fn large() -> Self {
        Self { tables: Vec::new(), most: TABLES }
    }

    /// The first position of this hash for which `is_it` holds. It is called for some positions of other hashes, too.
    #[inline]
    pub(crate) fn find(&self, hash: u32, is_it: impl Fn(usize) -> bool) -> Option<usize> {
        let tag = Place::new(hash, 0).tag();
        let mut taken = self.tables.get(self.table_of(hash))?.probe(hash);
        taken.find(|(_, place)| place.tag() == tag && is_it(place.position())).map(|(_, place)| place.position())
    }

    /// Adds a position that the table does not contain.
    pub(crate) fn insert(&mut self, hash: u32, position: usize, hash_of: impl Fn(usize) -> u32) {
        self.tables.resize(self.most, Table::default());
        if let Some(table) = self.table(hash) {
            table.insert(Place::new(hash, position), hash, &hash_of);
        }
    }

    /// Moves the entry of `hash` from position `from` to position `to`.
    pub(crate) fn relocate(&mut self, hash: u32, from: usize, to: usize) {
        if let Some(table) = self.table(hash)
            && let Some(at) = table.place_of(hash, from)
            && let Some(place) = table.places.get_mut(at)
        {
            *place = Place::new(hash, to);
        }
    }

    /// Removes a position, and inserts the entries after it again, so that no probe sequence is interrupted. `hash_of`
    /// is not called for it.
    pub(crate) fn remove(&mut self, hash: u32, position: usize, hash_of: impl Fn(usize) -> u32) {
        if let Some(table) = self.table(hash)
            && let Some(at) = table.place_of(hash, position)
        {
            table.remove(at, &hash_of);
        }
    }

    fn table(&mut self, hash: u32) -> Option<&mut Table> {
        let at = self.table_of(hash);
        self.tables.get_mut(at)
    }

    #[inline]
    fn table_of(&self, hash: u32) -> usize {
        hash as usize & (self.most - 1)
    }
}

impl Table {
    fn insert(&mut self, place: Place, hash: u32, hash_of: &dyn Fn(usize) -> u32) {
        if 4 * (self.taken as usize + 1) > 3 * self.places.len() {
            let room = (2 * self.places.len()).max(4);
            let old = core::mem::replace(&mut self.places, alloc::vec![Place::default(); room]);
            for place in old.into_iter().filter(|place| !place.is_free()) {
                self.settle(place, hash_of(place.position()));
            }
        }
        self.taken += 1;
        self.settle(place, hash);
    }

    fn remove(&mut self, mut at: usize, hash_of: &dyn Fn(usize) -> u32) {
        self.taken -= 1;
        self.free(at);
        loop {
            at = self.wrap(at + 1);
            let place = self.free(at);
            if place.is_free() {
                return;
            }
            self.settle(place, hash_of(place.position()));
        }
    }

    fn place_of(&self, hash: u32, position: usize) -> Option<usize> {
        self.probe(hash).find(|(_, place)| place.position() == position).map(|(at, _)| at)
    }

    /// The taken places from the home of `hash` to the next free one.
    #[inline]
    fn probe(&self, hash: u32) -> impl Iterator<Item = (usize, Place)> {
        let mut at = hash as usize / TABLES;
        core::iter::from_fn(move || {
            let here = self.wrap(at);
            at = here + 1;
            let place = *self.places.get(here)?;
            (!place.is_free()).then_some((here, place))
        })
    }

    fn settle(&mut self, place: Place, hash: u32) {
        let last = self.probe(hash).last();
        let at = last.map_or(self.wrap(hash as usize / TABLES), |(at, _)| self.wrap(at + 1));
        if let Some(free) = self.places.get_mut(at) {
            *free = place;
        }
    }

    fn free(&mut self, at: usize) -> Place {
        self.places.get_mut(at).map(core::mem::take).unwrap_or_default()
    }

    #[inline]
    fn wrap(&self, at: usize) -> usize {
        at & self.places.len().wrapping_sub(1)
    }
}

impl Place {
    #[inline]
    fn new(hash: u32, position: usize) -> Self {
        Self((position as u32 + 1) << 8 | hash >> 24)
    }

    #[inline]
    fn is_free(self) -> bool {
        self.0 == 0
    }

    #[inline]
    fn position(self) -> usize {
        ((self.0 >> 8) as usize).wrapping_sub(1)
    }

    #[inline]
    fn tag(self) -> u32 {
        self.0 & 0xff
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    extern crate std;

    const HASHES: [u32; 8] = [0, 1024, 2048, 3072, 15 * 1024, u32::MAX, 1, u32::MAX - 1];

    #[derive(Clone, Debug)]
    enum Step {
        Insert(u32, usize),
        Remove(usize),
        Relocate(usize, usize),
    }

    fn step() -> impl Strategy<Value = Step> {
        // Few hashes, so that they collide, in two tables, and some at the end of a table, so that probes wrap around.
        let hash = prop::sample::select(HASHES.to_vec());
        prop_oneof![
            3 => (hash, 0..20usize).prop_map(|(hash, position)| Step::Insert(hash, position)),
            2 => (0..20usize).prop_map(Step::Remove),
            1 => (0..20usize, 0..20usize).prop_map(|(from, to)| Step::Relocate(from, to)),
        ]
    }

    proptest! {
        #[test]
        fn finds_the_same_positions_as_a_map(steps in prop::collection::vec(step(), 0..80), is_large in any::<bool>()) {
            let mut index = if is_large { Index::large() } else { Index::small() };
            let mut map = BTreeMap::new();
            for step in steps {
                match step {
                    Step::Insert(hash, position) if !map.contains_key(&position) => {
                        index.insert(hash, position, |at| map[&at]);
                        map.insert(position, hash);
                    }
                    Step::Remove(position) => {
                        if let Some(hash) = map.remove(&position) {
                            index.remove(hash, position, |at| map[&at]);
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
                prop_assert_eq!(index.tables.iter().map(|table| table.taken as usize).sum::<usize>(), map.len());
                for position in 0..20 {
                    for hash in HASHES {
                        let found = index.find(hash, |at| at == position && map.get(&at) == Some(&hash));
                        prop_assert_eq!(found, (map.get(&position) == Some(&hash)).then_some(position));
                    }
                }
            }
        }
    }
}
