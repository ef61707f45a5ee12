//! The segments that a lease covers, and the tokens and owners for which they are outdated.

use alloc::vec::Vec;

use counterfoil_token::Digest;

use crate::{
    answer::{Edition, Grant},
    cache::CacheKey,
    index::Index,
};

/// An edition, and everything that changed since. Both are one cache item: if the changes were evicted alone, the
/// segments would be wrongly used for them.
#[derive(Debug)]
pub(crate) struct Base {
    /// The lease run in which the ledger reports every change.
    pub(crate) run: u32,
    /// The edition.
    pub(crate) edition: Edition,
    texts: Set<Digest>,
    owners: Set<u64>,
}

impl Base {
    /// The edition that a lease offers; `None` if its response does not list everything that changed since.
    pub(crate) fn of(edition: Edition, grant: &Grant, run: u32) -> Option<Self> {
        let is_complete = grant.since.is_some_and(|since| since <= edition.generation);
        let nothing = Self { run, edition, texts: Set::new(), owners: Set::new() };
        is_complete.then(|| nothing.after(grant))
    }

    /// The same, with the changes that this response lists.
    pub(crate) fn after(mut self, grant: &Grant) -> Self {
        grant.texts.iter().for_each(|text| self.texts.insert(*text));
        grant.owners.iter().for_each(|owner| self.owners.insert(*owner));
        self
    }

    /// Whether the segments are current for this token.
    pub(crate) fn covers_token(&self, digest: &Digest) -> bool {
        !self.texts.contains(digest)
    }

    /// Whether the segments are current for this owner.
    pub(crate) fn covers_owner(&self, number: u64) -> bool {
        !self.owners.contains(&number)
    }

    /// Approximate size in bytes.
    pub(crate) fn size(&self) -> usize {
        size_of_val(self) + self.texts.size() + self.owners.size()
    }
}

/// Distinct items. The sort and set types of the standard library would add a tenth to a verification module.
#[derive(Debug)]
struct Set<T> {
    items: Vec<T>,
    index: Index,
}

impl<T: CacheKey> Set<T> {
    fn new() -> Self {
        Self { items: Vec::new(), index: Index::small() }
    }

    fn insert(&mut self, item: T) {
        if self.items.len() < Index::CAPACITY && !self.contains(&item) {
            self.index.insert(item.hash(), self.items.len(), |at| self.items.get(at).map_or(0, CacheKey::hash));
            self.items.push(item);
        }
    }

    fn contains(&self, item: &T) -> bool {
        // A full set may lack some items, so it contains all.
        let is_full = self.items.len() == Index::CAPACITY;
        is_full || self.index.find(item.hash(), |at| self.items.get(at) == Some(item)).is_some()
    }

    fn size(&self) -> usize {
        size_of_val(self.items.as_slice()) + Index::PER_POSITION * self.items.len()
    }
}
