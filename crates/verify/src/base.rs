//! Under which segments a verifier answers, and for which tokens it does not.

use alloc::vec::Vec;

use counterfoil_token::Digest;

use crate::answer::{Edition, Grant};

/// A manifest, and all that has changed since. Both are one item of memory: were a change forgotten, the segments would
/// have to be, too.
#[derive(Debug)]
pub(crate) struct Base {
    /// The run of leases in which the ledger tells of every change.
    pub(crate) run: u32,
    /// The segments.
    pub(crate) edition: Edition,
    /// Ascending, each once, as the owners are.
    texts: Vec<Digest>,
    owners: Vec<u64>,
}

impl Base {
    /// What the ledger offers to go by, as far as its answer tells all that changed since.
    pub(crate) fn of(edition: Edition, grant: &Grant, run: u32) -> Option<Self> {
        let tells_all = grant.since.is_some_and(|since| since <= edition.generation);
        let nothing = Self { run, edition, texts: Vec::new(), owners: Vec::new() };
        tells_all.then(|| nothing.after(grant))
    }

    /// The same after more changes.
    pub(crate) fn after(mut self, grant: &Grant) -> Self {
        self.texts.extend(&grant.texts);
        self.texts.sort_unstable();
        self.texts.dedup();
        self.owners.extend(&grant.owners);
        self.owners.sort_unstable();
        self.owners.dedup();
        self
    }

    /// Whether the segments tell of this text how it is now.
    pub(crate) fn tells_text(&self, digest: &Digest) -> bool {
        self.texts.binary_search(digest).is_err()
    }

    /// Likewise of this owner.
    pub(crate) fn tells_owner(&self, number: u64) -> bool {
        self.owners.binary_search(&number).is_err()
    }

    /// How many bytes it occupies.
    pub(crate) fn size(&self) -> usize {
        size_of_val(self) + size_of_val(self.texts.as_slice()) + size_of_val(self.owners.as_slice())
    }
}
