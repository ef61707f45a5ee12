//! The token value, version 1: format, creation, authentication tag, checksum, digest.
//!
//! ```text
//! cft_ 0Ab3dE 7hGq…24 characters…Zk2 9xQ2mB 4TfW0a
//! │    │      │                      │      └ checksum: CRC-32 of everything before it, for scanners and typos
//! │    │      │                      └ authentication tag ("seal"): truncated HMAC of everything before it
//! │    │      └ secret: 24 characters drawn uniformly, 142 bits
//! │    └ workspace: the key of the workspace, which determines the ledger
//! └ prefix, chosen by the workspace
//! ```
//!
//! (The spaces are for readability; a token value has none.) All digits are base62, `0-9A-Za-z`. A token value has 44
//! to 55 bytes, so its SHA-256 is a single block.
//!
//! The tag shows that a holder of the workspace's key created the token, not that the token is still valid.
//!
//! A presented credential is parsed by [`Presented::parse`]. The result is a [`TokenRef`], which is well-formed and has
//! the right checksum, or a [`Foreign`] token value of a third party. Both are identified by their [`Digest`] alone:
//! nothing needs the value afterwards.
//!
//! This crate has no clock, no source of randomness, no I/O and no heap, and no reachable panic. Types that hold a
//! secret show nothing in `Debug`, have no `Display` and no `Serialize`, compare in constant time and are wiped when
//! dropped:
//!
//! ```compile_fail,E0277
//! fn serializable<T: serde::Serialize>() {}
//! serializable::<counterfoil_token::Token>();
//! ```
#![no_std]
#![forbid(unsafe_code)]

pub mod base62;
mod checksum;
mod digest;
mod error;
mod hint;
mod key;
#[cfg(feature = "openapi")]
pub mod openapi;
mod prefix;
mod presented;
mod seal;
#[cfg(feature = "serde")]
mod serial;
mod sha256;
mod shape;
mod token;

pub use digest::Digest;
pub use error::{InvalidDigest, InvalidEpoch, InvalidPrefix, InvalidSecret, InvalidWorkspaceKey, Malformed, NoEntropy};
pub use hint::Hint;
pub use key::WorkspaceKey;
pub use prefix::Prefix;
pub use presented::{Foreign, Presented};
pub use seal::{SealEpoch, SealKey, SealSecret};
pub use token::{Token, TokenRef};
