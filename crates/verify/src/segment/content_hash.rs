//! The names of segments and manifests.

use alloc::string::String;
use core::fmt;

use counterfoil_token::{Digest, WorkspaceKey};
use serde::{Deserialize, Serialize};

use crate::path;
use crate::reader::{Read, Reader};

/// The SHA-256 of a file's bytes. A file that does not hash to its name is rejected, so the name alone fixes the
/// content, whatever a store returns.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ContentHash(Digest);

impl ContentHash {
    /// The name of these bytes.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self(Digest::of(bytes))
    }

    /// A name from a hash that was computed before.
    #[must_use]
    pub const fn from_bytes(hash: [u8; 32]) -> Self {
        Self(Digest::from_bytes(hash))
    }

    /// The hash itself.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        self.0.as_bytes()
    }

    /// The file's path in the registry: `s/<workspace key>/<hex SHA-256>`. Its text form is a contract with deployed
    /// verifiers.
    #[must_use]
    pub fn path(&self, workspace: WorkspaceKey) -> String {
        path::of_hash("s/", workspace, self.as_bytes())
    }
}

impl Read for ContentHash {
    fn read(reader: &mut Reader<'_>) -> Option<Self> {
        Some(Self::from_bytes(reader.array()))
    }
}

impl fmt::Display for ContentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Debug for ContentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ContentHash({self})")
    }
}
