//! Errors. None contains any part of the text that it is about, so all can be logged.

/// The text is neither a well-formed token value nor a third-party one. The variant tells a legitimate client what to
/// look for, and reveals nothing that the text itself does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.as_str())]
pub enum Malformed {
    /// It has fewer than 16 characters.
    TooShort,
    /// It has more than 512 characters.
    TooLong,
    /// It begins with an `Authorization` scheme.
    Scheme,
    /// It contains white space.
    Space,
    /// It contains something other than visible ASCII characters.
    Character,
    /// It has the format of a token value, and its checksum is wrong.
    Check,
    /// It does not have the required format.
    Shape,
}

impl Malformed {
    /// The reason in words, without `core::fmt`, which small modules do not contain.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::TooShort => "it is too short (a token has at least 16 characters)",
            Self::TooLong => "it is too long (a token has at most 512 characters)",
            Self::Scheme => {
                "it begins with a scheme, such as Bearer, which stands before a token once and is no part of it"
            }
            Self::Space => "there is a space or a line break in it, which no token has",
            Self::Character => "there is a character in it that no token has (tokens are of visible ASCII characters)",
            Self::Check => "its check is wrong, so a character was changed, left out or added",
            Self::Shape => "it does not have the shape of a token of this service",
        }
    }
}

/// The source of random bytes returned nothing usable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the source of random bytes gives none that can be used")]
pub struct NoEntropy;

/// The text is not a token prefix.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a prefix is 1 to 12 of a-z, 0-9 and _, starts with a letter and does not end in _")]
pub struct InvalidPrefix;

/// The text is not a workspace key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a workspace key is 6 characters of 0-9, A-Z and a-z")]
pub struct InvalidWorkspaceKey;

/// The text is not a digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a digest is 64 hexadecimal characters")]
pub struct InvalidDigest;

/// The key material is too short for a seal secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a seal secret has at least 32 bytes")]
pub struct InvalidSecret;

/// The text is not a seal epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a seal epoch is 8 hexadecimal characters")]
pub struct InvalidEpoch;
