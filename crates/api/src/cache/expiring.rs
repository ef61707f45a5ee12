//! A map of bounded size whose entries expire.

use counterfoil_verify::Timestamp;

/// A map whose entries expire, with a maximum size. If it is full, the entry that expires first is replaced.
///
/// If the clock is set back, no entry lives longer than intended: an entry is valid only from when it was stored.
pub(crate) struct ExpiringMap<K, V> {
    most: usize,
    /// Sorted by key. A B-tree would be compiled again for each type: 20 kB of the worker (gzip).
    entries: Vec<(K, Entry<V>)>,
}

struct Entry<V> {
    value: V,
    since: Timestamp,
    until: Timestamp,
}

impl<K: Ord, V> ExpiringMap<K, V> {
    pub(crate) const fn new(most: usize) -> Self {
        Self { most, entries: Vec::new() }
    }

    /// The key's value, unless it has expired.
    pub(crate) fn get(&self, key: &K, now: Timestamp) -> Option<&V> {
        let (_, entry) = self.entries.get(self.place(key).ok()?)?;
        entry.is_live(now).then_some(&entry.value)
    }

    /// Stores the value for so many milliseconds.
    pub(crate) fn put(&mut self, key: K, value: V, milliseconds: u64, now: Timestamp) {
        let mut place = self.place(&key);
        if place.is_err() && self.entries.len() >= self.most {
            self.make_room(now);
            place = self.place(&key);
        }
        let entry = Entry { value, since: now, until: now.plus(milliseconds) };
        match place.map(|at| self.entries.get_mut(at)) {
            Ok(Some((_, known))) => *known = entry,
            Ok(None) => {}
            Err(at) => self.entries.insert(at, (key, entry)),
        }
    }

    pub(crate) fn forget(&mut self, key: &K) {
        if let Ok(at) = self.place(key) {
            self.entries.remove(at);
        }
    }

    /// Removes the entries for which `keep` is false.
    pub(crate) fn retain(&mut self, keep: impl Fn(&K, &mut V) -> bool) {
        self.entries.retain_mut(|(key, entry)| keep(key, &mut entry.value));
    }

    /// Removes expired entries; if there are none, the one that expires first.
    fn make_room(&mut self, now: Timestamp) {
        self.entries.retain(|(_, entry)| entry.is_live(now));
        if self.entries.len() >= self.most {
            let first = self.entries.iter().enumerate().min_by_key(|(_, (_, entry))| entry.until);
            if let Some((at, _)) = first {
                self.entries.remove(at);
            }
        }
    }

    /// The key's position, or where to insert it.
    fn place(&self, key: &K) -> Result<usize, usize> {
        self.entries.binary_search_by(|(known, _)| known.cmp(key))
    }
}

impl<V> Entry<V> {
    fn is_live(&self, now: Timestamp) -> bool {
        self.since <= now && now < self.until
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_expire_and_a_full_map_replaces_the_next_to_expire() {
        let mut map = ExpiringMap::new(2);
        map.put("a", 1, 100, Timestamp(0));
        map.put("b", 2, 50, Timestamp(0));
        assert_eq!((map.get(&"a", Timestamp(99)), map.get(&"a", Timestamp(100))), (Some(&1), None));
        map.put("c", 3, 100, Timestamp(10));
        assert_eq!(map.get(&"b", Timestamp(10)), None, "it would have expired first");
        assert_eq!((map.get(&"a", Timestamp(10)), map.get(&"c", Timestamp(10))), (Some(&1), Some(&3)));
        map.put("c", 4, 100, Timestamp(20));
        assert_eq!(
            (map.get(&"a", Timestamp(20)), map.get(&"c", Timestamp(20))),
            (Some(&1), Some(&4)),
            "the value was replaced"
        );
        assert_eq!(map.get(&"c", Timestamp(19)), None, "the clock was set back");
        map.put("d", 5, 100, Timestamp(115));
        map.put("e", 6, 100, Timestamp(120));
        assert_eq!((map.get(&"c", Timestamp(119)), map.get(&"d", Timestamp(120))), (None, Some(&5)));
        assert_eq!(map.entries.len(), 2);
    }
}
