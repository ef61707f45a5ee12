//! A workspace's slug: its name in URLs.

use core::{fmt, ops::RangeInclusive, str::FromStr};

use serde::{Deserialize, Serialize};

/// How many characters a slug has.
const LENGTH: RangeInclusive<usize> = 3..=40;

/// `[a-z][a-z0-9-]{1,38}[a-z0-9]`: 3 to 40 characters, so that it also serves as a DNS label.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Slug(Box<str>);

/// The text is not a slug.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a slug must be 3 to 40 characters of a-z, 0-9 and -, start with a letter, and not end with -")]
pub struct InvalidSlug;

impl Slug {
    /// Parses a slug.
    ///
    /// # Errors
    /// [`InvalidSlug`] if the text does not follow the grammar.
    pub fn parse(text: &str) -> Result<Self, InvalidSlug> {
        let is_slug = LENGTH.contains(&text.len())
            && text.starts_with(|first: char| first.is_ascii_lowercase())
            && !text.ends_with('-')
            && text.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'));
        if is_slug { Ok(Self(text.into())) } else { Err(InvalidSlug) }
    }

    /// The slug as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Slug {
    type Err = InvalidSlug;

    fn from_str(text: &str) -> Result<Self, InvalidSlug> {
        Self::parse(text)
    }
}

impl TryFrom<String> for Slug {
    type Error = InvalidSlug;

    fn try_from(text: String) -> Result<Self, InvalidSlug> {
        Self::parse(&text)
    }
}

impl From<Slug> for String {
    fn from(slug: Slug) -> Self {
        slug.0.into()
    }
}

impl fmt::Display for Slug {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slug_parser_accepts_exactly_the_grammar() {
        let longest = format!("a{}z", "-".repeat(38));
        for slug in ["abc", "a-b", "a0-9", "demo", "a--b", &longest] {
            assert_eq!(Slug::parse(slug).map(|slug| slug.to_string()).as_deref(), Ok(slug));
        }
        let too_long = format!("a{}z", "-".repeat(39));
        for text in ["", "a", "ab", "1bc", "-bc", "ab-", "aBc", "a_c", "a.c", "äbc", "ab ", &too_long] {
            assert_eq!(Slug::parse(text), Err(InvalidSlug), "{text:?}");
        }
    }
}
