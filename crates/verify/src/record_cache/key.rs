//! The keys of the cache, and how they are hashed.

use core::hash::{Hash as _, Hasher};

use counterfoil_token::{Digest, WorkspaceKey};

use crate::{cache::CacheKey, segment::ContentHash};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Key {
    Token(WorkspaceKey, Digest),
    Owner(WorkspaceKey, u64),
    Workspace(WorkspaceKey),
    File(WorkspaceKey, ContentHash),
}

impl CacheKey for Key {
    /// A digest is as good as random. The other keys are few, and ledgers assign them.
    #[inline]
    fn hash(&self) -> u32 {
        let of_workspace = |workspace: &WorkspaceKey, number: u64| {
            let mut fold = Fold(number);
            workspace.hash(&mut fold);
            fold.finish() as u32
        };
        match self {
            Self::Token(_, digest) => CacheKey::hash(digest),
            Self::File(_, name) => start_of(name.as_bytes()),
            Self::Owner(workspace, number) => of_workspace(workspace, *number),
            Self::Workspace(workspace) => of_workspace(workspace, u64::MAX),
        }
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
    let [a, b, c, d, ..] = *hash;
    u32::from_le_bytes([a, b, c, d])
}

struct Fold(u64);

impl Hasher for Fold {
    fn write(&mut self, bytes: &[u8]) {
        self.0 = bytes.iter().fold(self.0, |sum, byte| sum.rotate_left(8) ^ u64::from(*byte));
    }

    /// All hashed items have the same length.
    fn write_usize(&mut self, _: usize) {}

    /// The upper half of the product is mixed best.
    fn finish(&self) -> u64 {
        // The odd number next to 2⁶⁴ divided by the golden ratio (Knuth, TAOCP 3, section 6.4).
        self.0.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32
    }
}
