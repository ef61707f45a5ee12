//! Under which segments a verifier answers, and for which tokens it does not.

use alloc::vec::Vec;

use counterfoil_token::Digest;

use crate::{
    answer::{Edition, Grant},
    cache::Hashed,
    index::Index,
};

/// A manifest, and all that has changed since. Both are one item of memory: were a change forgotten, the segments would
/// have to be, too.
#[derive(Debug)]
pub(crate) struct Base {
    /// The run of leases in which the ledger tells of every change.
    pub(crate) run: u32,
    /// The segments.
    pub(crate) edition: Edition,
    texts: Set<Digest>,
    owners: Set<u64>,
}

impl Base {
    /// What the ledger offers to go by, as far as its answer tells all that changed since.
    pub(crate) fn of(edition: Edition, grant: &Grant, run: u32) -> Option<Self> {
        let tells_all = grant.since.is_some_and(|since| since <= edition.generation);
        let nothing = Self { run, edition, texts: Set::new(), owners: Set::new() };
        tells_all.then(|| nothing.after(grant))
    }

    /// The same after more changes.
    pub(crate) fn after(mut self, grant: &Grant) -> Self {
        grant.texts.iter().for_each(|text| self.texts.insert(*text));
        grant.owners.iter().for_each(|owner| self.owners.insert(*owner));
        self
    }

    /// Whether the segments tell of this text how it is now.
    pub(crate) fn tells_text(&self, digest: &Digest) -> bool {
        !self.texts.contains(digest)
    }

    /// Likewise of this owner.
    pub(crate) fn tells_owner(&self, number: u64) -> bool {
        !self.owners.contains(&number)
    }

    /// How many bytes it occupies, about.
    pub(crate) fn size(&self) -> usize {
        size_of_val(self) + self.texts.size() + self.owners.size()
    }
}

/// Items, each once. The sorts and sets of the standard library would be a tenth of a verification module.
#[derive(Debug)]
struct Set<T> {
    items: Vec<T>,
    index: Index,
}

impl<T: Hashed> Set<T> {
    fn new() -> Self {
        Self { items: Vec::new(), index: Index::default() }
    }

    fn insert(&mut self, item: T) {
        if !self.contains(&item) {
            self.index.insert(item.hash(), self.items.len());
            self.items.push(item);
        }
    }

    fn contains(&self, item: &T) -> bool {
        self.index.find(item.hash(), |at| self.items.get(at) == Some(item)).is_some()
    }

    /// In the index an item has two to four places of eight bytes.
    fn size(&self) -> usize {
        size_of_val(self.items.as_slice()) + 32 * self.items.len()
    }
}
