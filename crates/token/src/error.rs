//! What can go wrong. Each error is a bare name: it carries nothing of the text it is about, so it can be logged.

/// The text is neither a well-formed token nor a foreign one.
///
/// It says nothing more on purpose: which part was wrong is of no use to an honest bearer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("malformed token")]
pub struct Malformed;

/// The source of random bytes gave nothing that can be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the source of random bytes gives none that can be used")]
pub struct NoEntropy;

/// The text is no token prefix.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a prefix is 1 to 12 of a-z, 0-9 and _, starts with a letter and does not end in _")]
pub struct InvalidPrefix;

/// The text is no workspace key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a workspace key is 6 characters of 0-9, A-Z and a-z")]
pub struct InvalidWorkspaceKey;

/// The text is no digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a digest is 64 hexadecimal characters")]
pub struct InvalidDigest;

/// The key material is too short to seal with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a seal secret has at least 32 bytes")]
pub struct InvalidSecret;

/// The text is no seal epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a seal epoch is 8 hexadecimal characters")]
pub struct InvalidEpoch;
