//! A bounded cache that never replaces a newer value by an older one.

use crate::{index::Index, slots::Slots};

/// A key of the cache.
pub(crate) trait CacheKey: Copy + Eq {
    /// Equal for equal keys, and well distributed for others.
    fn hash(&self) -> u32;
}

/// A value of the cache.
pub(crate) trait CacheValue {
    /// The higher version is newer.
    fn version(&self) -> u64;
    /// Approximate size in bytes.
    fn cost(&self) -> usize;
    /// Whether other values refer to it, so that evicting it would free nothing.
    fn is_shared(&self) -> bool {
        false
    }
}

/// How many values that were used recently are spared by one eviction, so that none takes long.
const MOST_SPARED: usize = 1_000;

/// The hint for a key that was not found before.
pub(crate) const NO_HINT: usize = usize::MAX;

/// Values by key within a budget of bytes, evicted by the CLOCK algorithm: a hand passes over the slots, spares those
/// that were used since it last passed, and evicts the first that was not. A hit sets one flag: no allocation, no
/// reordering.
#[derive(Debug)]
pub(crate) struct Cache<K, V> {
    slots: Slots<Slot<K, V>>,
    index: Index,
    hand: usize,
    spent: usize,
    budget: usize,
}

#[derive(Debug)]
pub(crate) struct Slot<K, V> {
    key: K,
    used: bool,
    value: V,
}

impl<K: CacheKey, V: CacheValue> Cache<K, V> {
    /// An empty cache that holds at most `budget` bytes of values, but always the latest one.
    pub(crate) fn new(budget: usize) -> Self {
        Self { slots: Slots::new(), index: Index::large(), hand: 0, spent: 0, budget }
    }

    pub(crate) fn get(&mut self, key: &K) -> Option<&V> {
        let at = self.find(NO_HINT, key)?;
        self.at(at)
    }

    /// The same, mutable. The caller must change neither its version nor its size.
    pub(crate) fn get_mut(&mut self, key: &K) -> Option<&mut V> {
        let at = self.find(NO_HINT, key)?;
        self.at_mut(at)
    }

    /// The slot of the key, which counts as used. `hint` is where it was before, or [`NO_HINT`]: if it is still there,
    /// nothing is searched.
    #[inline]
    pub(crate) fn find(&mut self, hint: usize, key: &K) -> Option<usize> {
        let is_there = self.slots.get(hint).is_some_and(|slot| slot.key == *key);
        let at = if is_there { hint } else { self.place(key)? };
        self.slots.get_mut(at)?.used = true;
        Some(at)
    }

    /// The value in a slot that was just [found](Self::find).
    #[inline]
    pub(crate) fn at(&self, slot: usize) -> Option<&V> {
        self.slots.get(slot).map(|slot| &slot.value)
    }

    /// The same, mutable. The caller must change neither its version nor its size.
    #[inline]
    pub(crate) fn at_mut(&mut self, slot: usize) -> Option<&mut V> {
        self.slots.get_mut(slot).map(|slot| &mut slot.value)
    }

    /// Visits the values, beginning at slot `from`, until the visitor returns false or all were visited. Returns the
    /// slot to begin with next time.
    pub(crate) fn round(&mut self, from: usize, mut visit: impl FnMut(&K, &mut V) -> bool) -> usize {
        let count = self.slots.len();
        let places = (from.min(count)..count).chain(0..from.min(count));
        for at in places {
            if let Some(slot) = self.slots.get_mut(at)
                && !visit(&slot.key, &mut slot.value)
            {
                return at + 1;
            }
        }
        from
    }

    /// Stores the value unless a newer one is cached. Of the same version the later arrival is kept: it was read later.
    pub(crate) fn put(&mut self, key: K, value: V) {
        let cost = value.cost();
        if let Some(slot) = self.slot(&key) {
            if slot.value.version() <= value.version() {
                let before = core::mem::replace(&mut slot.value, value).cost();
                slot.used = true;
                self.spent = self.spent.saturating_sub(before).saturating_add(cost);
            }
        } else {
            if self.slots.len() == Index::CAPACITY {
                self.evict_other_than(&key);
            }
            self.index.insert(key.hash(), self.slots.len(), |at| hash_at(&self.slots, at));
            self.slots.push(Slot { key, used: true, value });
            self.spent = self.spent.saturating_add(cost);
        }
        self.evict(&key);
    }

    /// Changes the value, or a new one if none is cached, and accounts for its new size. Evicts nothing if it did not grow.
    pub(crate) fn update(&mut self, key: K, absent: impl FnOnce() -> V, change: &mut dyn FnMut(&mut V)) {
        if self.place(&key).is_none() {
            self.put(key, absent());
        }
        if let Some(slot) = self.slot(&key) {
            let before = slot.value.cost();
            change(&mut slot.value);
            slot.used = true;
            let after = slot.value.cost();
            self.spent = self.spent.saturating_sub(before).saturating_add(after);
            if after > before {
                self.evict(&key);
            }
        }
    }

    /// Evicts values until the budget holds, but never the one just stored.
    fn evict(&mut self, key: &K) {
        while self.spent > self.budget && self.evict_other_than(key) {}
    }

    fn slot(&mut self, key: &K) -> Option<&mut Slot<K, V>> {
        let at = self.place(key)?;
        self.slots.get_mut(at)
    }

    #[inline]
    fn place(&self, key: &K) -> Option<usize> {
        self.index.find(key.hash(), |at| self.slots.get(at).is_some_and(|slot| slot.key == *key))
    }

    /// Evicts one value, not the one just stored; returns whether there was one. The hand finds it within two rounds,
    /// since its first round clears all flags.
    fn evict_other_than(&mut self, kept: &K) -> bool {
        for spared in 0..2 * self.slots.len() {
            self.hand = if self.hand < self.slots.len() { self.hand } else { 0 };
            let Some(slot) = self.slots.get_mut(self.hand) else {
                return false;
            };
            let is_recent = slot.used && spared < MOST_SPARED;
            if is_recent || slot.key == *kept || slot.value.is_shared() {
                slot.used = false;
                self.hand += 1;
                continue;
            }
            self.remove(self.hand);
            return true;
        }
        false
    }

    /// Removes the value of that slot; the last slot takes its place.
    fn remove(&mut self, at: usize) {
        let Some(mut removed) = self.slots.pop() else { return };
        // The index still has the last slot at its old position.
        let last = self.slots.len();
        let moved = self.slots.get_mut(at).map(|slot| {
            core::mem::swap(slot, &mut removed);
            slot.key.hash()
        });
        let hash_of = |place: usize| hash_at(&self.slots, if place == last { at } else { place });
        self.index.remove(removed.key.hash(), at, hash_of);
        self.spent = self.spent.saturating_sub(removed.value.cost());
        if let Some(hash) = moved {
            self.index.relocate(hash, last, at);
        }
    }

    /// Removes the values of all keys for which `is_such` holds.
    pub(crate) fn forget(&mut self, is_such: impl Fn(&K) -> bool) {
        for at in (0..self.slots.len()).rev() {
            if self.slots.get(at).is_some_and(|slot| is_such(&slot.key)) {
                self.remove(at);
            }
        }
    }

    #[cfg(test)]
    fn keys(&self) -> alloc::vec::Vec<K> {
        (0..self.slots.len()).filter_map(|at| self.slots.get(at)).map(|slot| slot.key).collect()
    }
}

fn hash_at<K: CacheKey, V>(slots: &Slots<Slot<K, V>>, at: usize) -> u32 {
    slots.get(at).map_or(0, |slot| slot.key.hash())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq)]
    struct Value {
        version: u64,
        cost: usize,
    }

    impl CacheKey for u32 {
        fn hash(&self) -> u32 {
            // Far fewer hashes than keys, so that they collide.
            self % 8
        }
    }

    impl CacheValue for Value {
        fn version(&self) -> u64 {
            self.version
        }

        fn cost(&self) -> usize {
            self.cost
        }
    }

    #[test]
    fn older_version_never_replaces_a_newer_one() {
        let mut cache = Cache::<u32, Value>::new(100);
        cache.put(1, Value { version: 2, cost: 10 });
        cache.put(1, Value { version: 1, cost: 10 });
        assert_eq!(cache.get(&1).map(|v| v.version), Some(2));
        cache.put(1, Value { version: 3, cost: 20 });
        assert_eq!(cache.get(&1).map(|v| v.version), Some(3));
        assert_eq!(cache.spent, 20);
    }

    #[test]
    fn budget_holds_and_recently_used_values_survive() {
        let mut cache = Cache::<u32, Value>::new(100);
        for key in 0..10 {
            cache.put(key, Value { version: 1, cost: 10 });
        }
        cache.put(10, Value { version: 1, cost: 10 });
        for key in 11..1000 {
            assert!(cache.get(&7).is_some(), "7 is read before each put and must survive {key}");
            cache.put(key, Value { version: 1, cost: 10 });
            assert!(cache.spent <= 100);
            let keys = cache.keys();
            assert!(keys.iter().all(|key| cache.slot(key).is_some_and(|slot| slot.key == *key)));
        }
    }

    #[test]
    fn forgotten_keys_are_gone_and_all_others_are_found() {
        let mut cache = Cache::<u32, Value>::new(1_000);
        (0..50).for_each(|key| cache.put(key, Value { version: 1, cost: 10 }));
        cache.forget(|key| key % 3 == 0);
        for key in 0..50 {
            assert_eq!(cache.get(&key).is_some(), key % 3 != 0, "{key}");
        }
        assert_eq!((cache.spent, cache.keys().len()), (330, 33));
        cache.put(3, Value { version: 0, cost: 10 });
        assert_eq!(cache.get(&3).map(|value| value.version), Some(0), "whatever its version was");
    }

    #[test]
    fn a_hint_of_any_age_never_finds_the_value_of_another_key() {
        let mut cache = Cache::<u32, Value>::new(200);
        for key in 0..100 {
            cache.put(key, Value { version: key.into(), cost: 10 });
            for other in 0..=key {
                let is_cached = cache.keys().contains(&other);
                for hint in [0, 3, 19, 20, usize::MAX] {
                    let found = cache.find(hint, &other).and_then(|at| cache.at(at)).map(|value| value.version);
                    assert_eq!(found, is_cached.then_some(other.into()), "{other} at {hint}");
                }
            }
        }
    }

    #[test]
    fn changed_values_count_with_their_new_size() {
        let mut cache = Cache::<u32, Value>::new(100);
        let new = || Value { version: 1, cost: 10 };
        for key in 0..5 {
            cache.update(key, new, &mut |value| value.cost += 5);
        }
        assert_eq!((cache.spent, cache.keys().len()), (75, 5));
        cache.update(0, new, &mut |value| value.cost = 5);
        assert_eq!((cache.spent, cache.keys().len()), (65, 5));
        cache.update(4, new, &mut |value| value.cost = 90);
        assert!(cache.spent <= 100, "{}", cache.spent);
        assert_eq!(cache.get(&4).map(|value| value.cost), Some(90), "the changed value is never evicted");
    }

    #[test]
    fn shared_value_is_evicted_only_once_it_is_not_shared_any_more() {
        #[derive(Debug)]
        struct Shared(alloc::sync::Arc<()>);
        impl CacheValue for Shared {
            fn version(&self) -> u64 {
                0
            }
            fn cost(&self) -> usize {
                10
            }
            fn is_shared(&self) -> bool {
                alloc::sync::Arc::strong_count(&self.0) > 1
            }
        }
        let mut cache = Cache::<u32, Shared>::new(30);
        let all: alloc::vec::Vec<_> = (0..5).map(|_| alloc::sync::Arc::new(())).collect();
        (0..5).for_each(|key| cache.put(key, Shared(all[key as usize].clone())));
        assert_eq!(cache.spent, 50, "no value could be evicted");
        drop(all);
        cache.put(5, Shared(alloc::sync::Arc::new(())));
        assert_eq!((cache.spent, cache.keys().len()), (30, 3));
        assert!(cache.get(&5).is_some());
    }

    #[test]
    fn value_larger_than_the_budget_is_held_alone() {
        let mut cache = Cache::<u32, Value>::new(100);
        cache.put(1, Value { version: 1, cost: 10 });
        cache.put(2, Value { version: 1, cost: 500 });
        assert_eq!(cache.keys(), [2]);
        cache.put(3, Value { version: 1, cost: 10 });
        assert_eq!(cache.keys(), [3]);
        assert_eq!(cache.spent, 10);
    }
}
