//! The token string, version 1: parse, mint, seal, check, digest.
//!
//! ```text
//! cft_ 0Ab3dE 7hGq…24 characters…Zk2 9xQ2mB 4TfW0a
//! │    │      │                      │      └ check: CRC-32 of everything before it, for scanners and typos
//! │    │      │                      └ seal: HMAC of everything before it, says "this was issued"
//! │    │      └ secret: 24 characters drawn uniformly, 142 bits
//! │    └ workspace: the key of the ledger to ask
//! └ prefix, chosen by the workspace
//! ```
//!
//! (The spaces are for the reader; a token has none.) All digits are base62, `0-9A-Za-z`. A token has 44 to 55
//! bytes, so its SHA-256 is a single block.
//!
//! What a request carries comes in through [`Presented::parse`] and is then either a [`TokenRef`], which is
//! well-formed and whose check holds, or a [`Foreign`] text that somebody else issued. Both are known by their
//! [`Digest`] alone: nothing needs the text afterwards.
//!
//! This crate knows no clock, no source of randomness, no I/O and no heap. It has no reachable panic. Types that hold
//! a secret show nothing in `Debug`, have no `Display` and no `Serialize`, compare in constant time and are wiped when
//! dropped:
//!
//! ```compile_fail,E0277
//! fn serializable<T: serde::Serialize>() {}
//! serializable::<counterfoil_token::Token>();
//! ```
#![no_std]
#![forbid(unsafe_code)]

pub mod base62;
mod check;
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
