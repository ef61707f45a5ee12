//! The authentication tag ("seal"): shows a holder of the workspace's key that a token value was issued.
//!
//! ```text
//! seal secret ──HKDF-Extract──▶ kept here ──HKDF-Expand──┬─▶ tag key of workspace A ──HMAC──▶ tags of A's tokens
//! (deployment)                                            ├─▶ tag key of workspace B
//!                                                         └─▶ epoch, the secret's public name
//! ```
//!
//! A gateway is given the key of its own workspace only. It can forge that workspace's tags and no other's: an output
//! of HKDF-Expand (RFC 5869) reveals nothing about the output for another `info`. A forged tag gains nothing but a
//! lookup that finds no record.

use crate::{InvalidEpoch, InvalidSecret, WorkspaceKey, base62, sha256::hmac, shape};
use core::fmt;
use hkdf::Hkdf;
use sha2::Sha256;
use subtle::ConstantTimeEq as _;
use zeroize::{Zeroize as _, Zeroizing};

/// HKDF's `info` for a workspace's tag key, followed by the workspace's key. Changing it makes every tag wrong.
const KEY_INFO: &[u8] = b"counterfoil/v1/seal-key/";

/// HKDF's `info` for the epoch. Changing it renames every secret, and tokens store these names.
const EPOCH_INFO: &[u8] = b"counterfoil/v1/seal-epoch";

/// HKDF's `info` for the seed of a workspace's snapshot key, likewise. Changing it makes every snapshot's signature
/// wrong.
const SNAPSHOT_INFO: &[u8] = b"counterfoil/v1/snapshot-key/";

/// The least key material that is accepted, in bytes: the output length of SHA-256 (RFC 2104, section 3).
const SHORTEST_SECRET: usize = 32;

/// The deployment's secret, from which every workspace's tag key is derived.
///
/// Only the result of HKDF-Extract is kept: 32 bytes, however long the key material is. It is wiped when dropped, and
/// `Debug` shows nothing of it.
pub struct SealSecret(Zeroizing<[u8; 32]>);

impl SealSecret {
    /// Takes 32 or more bytes of key material, which must be random: passphrases are not stretched.
    ///
    /// # Errors
    ///
    /// [`InvalidSecret`] if there are fewer than 32 bytes.
    pub fn new(bytes: &[u8]) -> Result<Self, InvalidSecret> {
        if bytes.len() < SHORTEST_SECRET {
            return Err(InvalidSecret);
        }
        let (mut extracted, _) = Hkdf::<Sha256>::extract(None, bytes);
        let secret = Self(Zeroizing::new(extracted.into()));
        extracted.as_mut_slice().zeroize();
        Ok(secret)
    }

    /// The key of the authentication tags of `workspace`.
    #[must_use]
    pub fn key_for(&self, workspace: WorkspaceKey) -> SealKey {
        SealKey(self.expand(KEY_INFO, workspace.as_bytes()))
    }

    /// The seed of the Ed25519 key (RFC 8032) that signs the snapshots of `workspace`. It must come from a secret that
    /// is used for no tags, because verifiers receive tag keys.
    #[must_use]
    pub fn snapshot_seed(&self, workspace: WorkspaceKey) -> Zeroizing<[u8; 32]> {
        self.expand(SNAPSHOT_INFO, workspace.as_bytes())
    }

    /// The secret's public name.
    #[must_use]
    pub fn epoch(&self) -> SealEpoch {
        let [a, b, c, d, ..] = *self.expand(EPOCH_INFO, &[]);
        SealEpoch([a, b, c, d])
    }

    /// HKDF-Expand, for a key of 32 bytes.
    #[expect(clippy::expect_used, reason = "HKDF-SHA256 takes keys of 32 bytes or more and gives up to 255 times 32")]
    fn expand(&self, label: &[u8], subject: &[u8]) -> Zeroizing<[u8; 32]> {
        let mut key = Zeroizing::new([0; 32]);
        let hkdf = Hkdf::<Sha256>::from_prk(self.0.as_slice()).expect("the key is long enough");
        hkdf.expand_multi_info(&[label, subject], key.as_mut_slice()).expect("the output is short enough");
        key
    }
}

impl fmt::Debug for SealSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SealSecret").finish_non_exhaustive()
    }
}

/// The key of one workspace's authentication tags. Wiped when dropped, compared in constant time; `Debug` shows nothing
/// of it.
#[derive(Clone)]
pub struct SealKey(Zeroizing<[u8; 32]>);

impl SealKey {
    /// A key that was derived before.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// The secret key itself, to be handed to a verifier of its workspace.
    #[must_use]
    pub fn expose(&self) -> &[u8; 32] {
        &self.0
    }

    /// The tag of `text`, which is everything in a token value before its tag.
    ///
    /// Reducing 64 bits mod 62⁶ favours some tags by less than 2⁻²⁸.
    pub(crate) fn seal(&self, text: &[u8]) -> [u8; shape::SEAL] {
        let [a, b, c, d, e, f, g, h, ..] = hmac(&self.0, text);
        base62::six_digits(u64::from_be_bytes([a, b, c, d, e, f, g, h]))
    }
}

impl PartialEq for SealKey {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_slice().ct_eq(other.0.as_slice()).into()
    }
}

impl Eq for SealKey {}

impl fmt::Debug for SealKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SealKey").finish_non_exhaustive()
    }
}

/// Names a seal secret without revealing it: 8 hexadecimal characters.
///
/// A token's row stores the epoch of its tag. So the order of the deployment's secrets does not matter, and a secret
/// may be removed once no valid token has its epoch.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SealEpoch([u8; 4]);

impl SealEpoch {
    /// An epoch that was computed before.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 4]) -> Self {
        Self(bytes)
    }

    /// The epoch's 4 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 4] {
        &self.0
    }

    /// Reads 8 hexadecimal characters of either case.
    ///
    /// # Errors
    ///
    /// [`InvalidEpoch`] for anything else.
    pub fn from_hex(text: &str) -> Result<Self, InvalidEpoch> {
        let mut bytes = [0; 4];
        hex::decode_to_slice(text, &mut bytes).map_err(|_| InvalidEpoch)?;
        Ok(Self(bytes))
    }
}

impl fmt::Display for SealEpoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = [0; 8];
        hex::encode_to_slice(self.0, &mut text).map_err(|_| fmt::Error)?;
        f.pad(shape::ascii(&text))
    }
}

impl fmt::Debug for SealEpoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SealEpoch({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// HKDF as RFC 5869 defines it, with the HMAC of this crate. One block of output takes two HMACs.
    #[test]
    fn derived_keys_seeds_and_epoch_agree_with_a_plain_rfc_5869_hkdf() {
        let material: [u8; 100] = core::array::from_fn(|place| place as u8);
        for length in [32, 33, 64, 65, 100] {
            let secret = SealSecret::new(&material[..length]).unwrap();
            let extracted = hmac(&[0; 32], &material[..length]);

            let key = hmac(&extracted, b"counterfoil/v1/seal-key/0abcde\x01");
            assert_eq!(secret.key_for(WorkspaceKey::parse("0abcde").unwrap()).expose(), &key);

            let seed = hmac(&extracted, b"counterfoil/v1/snapshot-key/0abcde\x01");
            assert_eq!(*secret.snapshot_seed(WorkspaceKey::parse("0abcde").unwrap()), seed);

            let epoch = hmac(&extracted, b"counterfoil/v1/seal-epoch\x01");
            assert_eq!(secret.epoch().as_bytes(), &epoch[..4]);
        }
    }

    #[test]
    fn short_seal_secrets_are_rejected() {
        assert_eq!(SealSecret::new(&[7; 31]).err(), Some(InvalidSecret));
        assert!(SealSecret::new(&[7; 32]).is_ok());
    }
}
