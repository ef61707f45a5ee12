//! Bytes that may contain secrets: token values, keys of authentication tags.

use alloc::vec::Vec;
use core::ops::Deref;

use zeroize::Zeroize as _;

/// Bytes that are wiped when they are dropped.
#[derive(Default)]
pub(crate) struct Wiped(Vec<u8>);

impl Wiped {
    /// So many zeros; `None` if there is no memory for them.
    pub(crate) fn zeros(length: usize) -> Option<Self> {
        let mut bytes = Vec::new();
        bytes.try_reserve_exact(length).ok()?;
        bytes.resize(length, 0);
        Some(Self(bytes))
    }

    pub(crate) fn copy(bytes: &[u8]) -> Self {
        Self(bytes.to_vec())
    }

    pub(crate) fn as_mut_ptr(&mut self) -> *mut u8 {
        self.0.as_mut_ptr()
    }
}

impl Deref for Wiped {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl Drop for Wiped {
    // Each method of the bindings drops such bytes, and would contain a copy of this.
    #[inline(never)]
    fn drop(&mut self) {
        self.0.zeroize();
    }
}
