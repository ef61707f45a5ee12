//! Scopes: what a request requires, what a token is granted, and when the latter covers the former.
//!
//! A scope consists of segments `[A-Za-z0-9_-]+` joined by `:` or `.`, at most 100 characters; which of the two joins
//! is significant. A granted pattern may end in a segment `*`, which stands for one or more further segments: `a:*`
//! covers `a:b` and `a:b:c`, but neither `a` nor `a.b`. `*` alone covers everything.

use alloc::{boxed::Box, string::String, vec::Vec};
use core::fmt;

use serde::{Deserialize, Serialize};

use crate::reader::{Read, Reader};

/// The longest scope, in characters.
const MAX_LENGTH: usize = 100;

/// One scope, without a wildcard, as a requirement names it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Scope(Box<str>);

/// A granted scope, or a wildcard for all scopes with a common prefix.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ScopePattern(Box<str>);

/// Granted patterns, sorted and distinct.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(from = "Vec<ScopePattern>", into = "Vec<ScopePattern>")]
pub struct ScopeSet(Vec<ScopePattern>);

/// The text is not a scope. The module describes the grammar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidScope;

fn is_scope(text: &str) -> bool {
    let is_in_segment = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    let mut segments = text.as_bytes().split(|byte| is_joint(*byte));
    text.len() <= MAX_LENGTH && segments.all(|segment| !segment.is_empty() && segment.iter().all(is_in_segment))
}

fn is_pattern(text: &str) -> bool {
    match text.strip_suffix('*') {
        None => is_scope(text),
        Some("") => true,
        Some(start) => {
            let joint = start.bytes().next_back().is_some_and(is_joint);
            joint && text.len() <= MAX_LENGTH && start.get(..start.len() - 1).is_some_and(is_scope)
        }
    }
}

fn is_joint(byte: u8) -> bool {
    matches!(byte, b':' | b'.')
}

impl Scope {
    /// Parses one scope.
    ///
    /// # Errors
    ///
    /// [`InvalidScope`] if the text does not follow the grammar, or has a wildcard.
    pub fn parse(text: &str) -> Result<Self, InvalidScope> {
        if is_scope(text) { Ok(Self(text.into())) } else { Err(InvalidScope) }
    }

    /// The scope as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl ScopePattern {
    /// Parses one granted scope, with or without a wildcard at its end.
    ///
    /// # Errors
    ///
    /// [`InvalidScope`] if the text does not follow the grammar.
    pub fn parse(text: &str) -> Result<Self, InvalidScope> {
        if is_pattern(text) { Ok(Self(text.into())) } else { Err(InvalidScope) }
    }

    /// The pattern that covers everything: `*`.
    #[must_use]
    pub fn everything() -> Self {
        Self("*".into())
    }

    /// The pattern as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The same as a scope, if it has no wildcard.
    #[must_use]
    pub fn exact(&self) -> Option<Scope> {
        (!self.0.ends_with('*')).then(|| Scope(self.0.clone()))
    }

    /// Whether a granted pattern covers a required scope.
    #[must_use]
    #[inline]
    pub fn covers(&self, required: &Scope) -> bool {
        self.covers_text(&required.0)
    }

    /// Whether everything that `other` covers is covered by this.
    #[must_use]
    pub fn covers_pattern(&self, other: &Self) -> bool {
        self.covers_text(&other.0)
    }

    /// The pattern `start*` covers every text that begins with `start` and is longer. Another pattern's text begins
    /// with `start` exactly if everything that it covers does, so one rule serves for scopes and patterns.
    #[inline]
    fn covers_text(&self, other: &str) -> bool {
        match self.0.strip_suffix('*') {
            None => *self.0 == *other,
            Some(start) => other.starts_with(start),
        }
    }
}

impl ScopeSet {
    /// The set that covers everything.
    #[must_use]
    pub fn everything() -> Self {
        Self(Vec::from([ScopePattern::everything()]))
    }

    /// Whether any granted pattern covers the scope. Allocates nothing.
    #[must_use]
    #[inline]
    pub fn covers(&self, required: &Scope) -> bool {
        self.0.iter().any(|granted| granted.covers(required))
    }

    /// Whether one granted pattern covers everything that `pattern` covers.
    #[must_use]
    pub fn covers_pattern(&self, pattern: &ScopePattern) -> bool {
        self.0.iter().any(|granted| granted.covers_pattern(pattern))
    }

    /// What both sets cover: of each pair in which one covers the other, the narrower.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        // Both stay sorted, so they can be merged without sorting.
        let mut ours = self.0.iter().filter(|pattern| other.covers_pattern(pattern)).peekable();
        let mut theirs = other.0.iter().filter(|pattern| self.covers_pattern(pattern)).peekable();
        let mut both = Vec::new();
        while let Some(pattern) = match (ours.peek(), theirs.peek()) {
            (Some(our), Some(their)) if our > their => theirs.next(),
            (Some(our), Some(their)) if our == their => theirs.next().and_then(|_| ours.next()),
            (Some(_), _) => ours.next(),
            (None, _) => theirs.next(),
        } {
            both.push(pattern.clone());
        }
        Self(both)
    }

    /// The patterns, in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &ScopePattern> {
        self.0.iter()
    }

    /// The set of these patterns, if they are sorted and distinct.
    pub(crate) fn of_sorted(patterns: Vec<ScopePattern>) -> Option<Self> {
        patterns.is_sorted_by(|a, b| a < b).then_some(Self(patterns))
    }

    /// Approximate size in bytes, not counting `size_of` itself.
    pub(crate) fn cost(&self) -> usize {
        self.0.iter().map(|pattern| size_of_val(pattern) + pattern.0.len()).sum()
    }

    /// Whether nothing is granted.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl From<Vec<ScopePattern>> for ScopeSet {
    fn from(mut patterns: Vec<ScopePattern>) -> Self {
        patterns.sort_unstable();
        patterns.dedup();
        Self(patterns)
    }
}

impl FromIterator<ScopePattern> for ScopeSet {
    fn from_iter<I: IntoIterator<Item = ScopePattern>>(patterns: I) -> Self {
        patterns.into_iter().collect::<Vec<_>>().into()
    }
}

impl From<ScopeSet> for Vec<ScopePattern> {
    fn from(set: ScopeSet) -> Self {
        set.0
    }
}

impl Read for Scope {
    fn read(reader: &mut Reader<'_>) -> Option<Self> {
        Self::parse(reader.str()).ok()
    }
}

impl Read for ScopePattern {
    fn read(reader: &mut Reader<'_>) -> Option<Self> {
        Self::parse(reader.str()).ok()
    }
}

impl Read for ScopeSet {
    fn read(reader: &mut Reader<'_>) -> Option<Self> {
        Self::of_sorted(reader.items())
    }
}

impl From<Scope> for ScopePattern {
    fn from(scope: Scope) -> Self {
        Self(scope.0)
    }
}

impl TryFrom<String> for Scope {
    type Error = InvalidScope;

    fn try_from(text: String) -> Result<Self, InvalidScope> {
        Self::parse(&text)
    }
}

impl TryFrom<String> for ScopePattern {
    type Error = InvalidScope;

    fn try_from(text: String) -> Result<Self, InvalidScope> {
        Self::parse(&text)
    }
}

impl From<Scope> for String {
    fn from(scope: Scope) -> Self {
        scope.0.into()
    }
}

impl From<ScopePattern> for String {
    fn from(pattern: ScopePattern) -> Self {
        pattern.0.into()
    }
}

impl fmt::Display for InvalidScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "expected a scope: segments of letters, digits, '_' and '-', joined by ':' or '.', at most 100 characters",
        )
    }
}

impl core::error::Error for InvalidScope {}

impl fmt::Debug for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl fmt::Debug for ScopePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for ScopePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
