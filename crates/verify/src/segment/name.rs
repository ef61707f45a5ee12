//! How segments and manifests are named.

use alloc::{string::String, vec::Vec};
use core::fmt;

use counterfoil_token::{Digest, WorkspaceKey};
use serde::{Deserialize, Serialize};

use crate::reader::{Read, Reader};

/// The SHA-256 of a file's bytes. Who has the name has the content, whatever a store hands out under it: what does not
/// hash to it is not it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Name(Digest);

impl Name {
    /// The name of these bytes.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self(Digest::of(bytes))
    }

    /// A name that was computed before.
    #[must_use]
    pub const fn from_bytes(hash: [u8; 32]) -> Self {
        Self(Digest::from_bytes(hash))
    }

    /// The hash itself.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        self.0.as_bytes()
    }

    /// Where the registry holds it: `s/<workspace key>/<hex SHA-256>`. The text is part of the contract with verifiers
    /// in the field.
    #[must_use]
    pub fn path(&self, workspace: WorkspaceKey) -> String {
        // Not by `core::fmt`: it would be a tenth of a verification module.
        let mut path = Vec::from(*b"s/");
        path.extend(workspace.as_str().bytes());
        path.push(b'/');
        push_hex(&mut path, self.as_bytes());
        // All of it is ASCII.
        String::from_utf8(path).unwrap_or_default()
    }
}

/// Writes bytes in lower-case hexadecimal.
pub(crate) fn push_hex(text: &mut Vec<u8>, bytes: &[u8]) {
    let digit = |value| if value < 10 { b'0' + value } else { b'a' - 10 + value };
    text.extend(bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]).map(digit));
}

impl Read for Name {
    fn read(reader: &mut Reader<'_>) -> Option<Self> {
        Some(Self::from_bytes(reader.array()))
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Name({self})")
    }
}
