//! The keys of the cache, and how they are hashed.

use alloc::vec::Vec;
use core::hash::{Hash as _, Hasher};

use counterfoil_token::{Digest, WorkspaceKey};

use crate::{cache::CacheKey, mix::mix, scope::ScopeSet, segment::ContentHash};

/// A key. All kinds have one layout without padding, so that a slot has room for a flag.
#[derive(Clone, Copy, Debug)]
pub(super) struct Key {
    /// A digest, a hash, or a number.
    id: [u8; 32],
    workspace: WorkspaceKey,
    kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Token,
    Owner,
    Workspace,
    File,
    Scopes,
}

impl Key {
    #[inline]
    pub(super) fn token(workspace: WorkspaceKey, digest: Digest) -> Self {
        Self { id: *digest.as_bytes(), workspace, kind: Kind::Token }
    }

    #[inline]
    pub(super) fn owner(workspace: WorkspaceKey, number: u64) -> Self {
        let mut id = [0; 32];
        id.iter_mut().zip(number.to_le_bytes()).for_each(|(to, from)| *to = from);
        Self { id, workspace, kind: Kind::Owner }
    }

    #[inline]
    pub(super) fn workspace(workspace: WorkspaceKey) -> Self {
        Self { id: [0; 32], workspace, kind: Kind::Workspace }
    }

    pub(super) fn file(workspace: WorkspaceKey, name: ContentHash) -> Self {
        Self { id: *name.as_bytes(), workspace, kind: Kind::File }
    }

    /// The key of a set of scopes, by its hash.
    pub(super) fn scopes(workspace: WorkspaceKey, scopes: &ScopeSet) -> Self {
        // No scope contains this character.
        let mut text = Vec::new();
        for scope in scopes.iter() {
            text.extend_from_slice(scope.as_str().as_bytes());
            text.push(b'\n');
        }
        Self { id: *Digest::of(&text).as_bytes(), workspace, kind: Kind::Scopes }
    }

    /// The digest, if it is the key of a token of that workspace.
    pub(super) fn digest_in(&self, workspace: WorkspaceKey) -> Option<Digest> {
        let is_it = self.kind == Kind::Token && self.workspace == workspace;
        is_it.then(|| Digest::from_bytes(self.id))
    }

    /// Whether it is the key of a token or an owner of that workspace.
    pub(super) fn is_of_record_in(&self, workspace: WorkspaceKey) -> bool {
        matches!(self.kind, Kind::Token | Kind::Owner) && self.workspace == workspace
    }
}

impl PartialEq for Key {
    /// Compares wide words without a branch for each.
    #[inline]
    fn eq(&self, other: &Self) -> bool {
        let words = core::iter::zip(self.id.as_chunks::<8>().0, other.id.as_chunks::<8>().0);
        let differing =
            words.fold(0, |all, (ours, theirs)| all | (u64::from_le_bytes(*ours) ^ u64::from_le_bytes(*theirs)));
        differing == 0 && self.workspace == other.workspace && self.kind == other.kind
    }
}

impl Eq for Key {}

impl CacheKey for Key {
    /// A digest is as good as random. The other keys are few, and ledgers assign them.
    #[inline]
    fn hash(&self) -> u32 {
        match self.kind {
            Kind::Token | Kind::File | Kind::Scopes => start_of(&self.id),
            Kind::Owner => self.of_workspace(u64::from_le_bytes(first(&self.id))),
            Kind::Workspace => self.of_workspace(u64::MAX),
        }
    }
}

impl Key {
    fn of_workspace(&self, number: u64) -> u32 {
        let mut fold = Fold(number);
        self.workspace.hash(&mut fold);
        fold.finish() as u32
    }
}

impl CacheKey for Digest {
    /// A digest is as good as random.
    fn hash(&self) -> u32 {
        start_of(self.as_bytes())
    }
}

impl CacheKey for u64 {
    fn hash(&self) -> u32 {
        Fold(*self).finish() as u32
    }
}

#[inline]
fn start_of(hash: &[u8; 32]) -> u32 {
    u32::from_le_bytes(first(hash))
}

#[inline]
fn first<const N: usize>(bytes: &[u8; 32]) -> [u8; N] {
    bytes.first_chunk().copied().unwrap_or([0; N])
}

struct Fold(u64);

impl Hasher for Fold {
    fn write(&mut self, bytes: &[u8]) {
        self.0 = bytes.iter().fold(self.0, |sum, byte| sum.rotate_left(8) ^ u64::from(*byte));
    }

    /// All hashed items have the same length.
    fn write_usize(&mut self, _: usize) {}

    fn finish(&self) -> u64 {
        mix(self.0)
    }
}
