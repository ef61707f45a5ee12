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
                "it starts with a scheme such as Bearer, which is not part of the token; send the scheme once, \
                 before the token"
            }
            Self::Space => "it contains a space or a line break",
            Self::Character => "it contains a character other than visible ASCII characters",
            Self::Check => "its checksum is wrong, so a character was changed, omitted or added",
            Self::Shape => "it does not have the format of a Counterfoil token",
        }
    }
}

/// The source of random bytes returned nothing usable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the source of random bytes returned no usable bytes")]
pub struct NoEntropy;

/// The text is not a token prefix.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a prefix must be 1 to 12 characters of a-z, 0-9 and _, start with a letter, and not end with _")]
pub struct InvalidPrefix;

/// The text is not a workspace key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a workspace key must be 6 characters of 0-9, A-Z and a-z")]
pub struct InvalidWorkspaceKey;

/// The text is not a digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a digest must be 64 hexadecimal characters")]
pub struct InvalidDigest;

/// The key material is too short for a seal secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a seal secret must have at least 32 bytes")]
pub struct InvalidSecret;

/// The text is not a seal epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a seal epoch must be 8 hexadecimal characters")]
pub struct InvalidEpoch;
