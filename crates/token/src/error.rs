//! What can go wrong. Each error is a bare name: it carries nothing of the text it is about, so it can be logged.

/// The text is neither a well-formed token nor a foreign one. It says what an honest bearer has to look for, and nothing
/// that the text itself does not tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.as_str())]
pub enum Malformed {
    /// It has fewer than 16 characters.
    TooShort,
    /// It has more than 512.
    TooLong,
    /// It begins with what stands before a token.
    Scheme,
    /// There is white space in it.
    Space,
    /// There is something else in it than visible ASCII characters.
    Character,
    /// It has the shape of a token, and its check does not fit the rest.
    Check,
    /// It is not of the shape that was asked for.
    Shape,
}

impl Malformed {
    /// Why, in words; without `core::fmt`, which small modules do without.
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
