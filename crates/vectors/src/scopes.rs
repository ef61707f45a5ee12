//! Test vectors of scopes: which strings are scopes or patterns, and which patterns cover which.

use anyhow::{Context as _, Result, ensure};
use counterfoil_verify::{Scope, ScopePattern};
use serde::Serialize;

#[derive(Serialize)]
pub(super) struct Scopes {
    format: u32,
    texts: Vec<Text>,
    coverings: Vec<Covering>,
}

/// Whether a string is a scope, and whether it is a pattern.
#[derive(Serialize)]
struct Text {
    why: &'static str,
    text: String,
    scope: bool,
    pattern: bool,
}

/// Whether a granted pattern covers a scope, or everything that another pattern covers.
#[derive(Serialize)]
struct Covering {
    why: &'static str,
    granted: &'static str,
    wanted: &'static str,
    covers: bool,
}

/// The expected kind of a string. Every scope is also a pattern.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Expected {
    Scope,
    Wildcard,
    Neither,
}
use Expected::{Neither, Scope as OneScope, Wildcard};

pub(super) fn vectors() -> Result<Scopes> {
    let long = [
        (OneScope, "the longest scope", "a".repeat(100)),
        (Neither, "one character too long", "a".repeat(101)),
        (OneScope, "the longest scope, with many segments", format!("{}a-", "a:".repeat(49))),
        (Wildcard, "the longest wildcard", format!("{}:*", "a".repeat(98))),
        (Neither, "a wildcard that is one character too long", format!("{}:*", "a".repeat(99))),
    ];
    let short = TEXTS.iter().map(|(expected, why, text)| (*expected, *why, (*text).to_owned()));
    Ok(Scopes {
        format: 1,
        texts: short
            .chain(long)
            .map(|(expected, why, text)| checked_text(expected, why, text))
            .collect::<Result<_>>()?,
        coverings: COVERINGS.iter().map(|case| covering(*case)).collect::<Result<_>>()?,
    })
}

fn checked_text(expected: Expected, why: &'static str, text: String) -> Result<Text> {
    let (scope, pattern) = (expected == OneScope, expected != Neither);
    ensure!(Scope::parse(&text).is_ok() == scope, "{why}: {text:?} is not parsed as expected as a scope");
    ensure!(ScopePattern::parse(&text).is_ok() == pattern, "{why}: {text:?} is not parsed as expected as a pattern");
    Ok(Text { why, text, scope, pattern })
}

fn covering((covers, why, granted, wanted): (bool, &'static str, &'static str, &'static str)) -> Result<Covering> {
    let parsed = |text| ScopePattern::parse(text).with_context(|| format!("{why}: {text:?} is not a pattern"));
    ensure!(parsed(granted)?.covers_pattern(&parsed(wanted)?) == covers, "{why}: whether {granted} covers {wanted}");
    Ok(Covering { why, granted, wanted, covers })
}

/// The expected kind, a description, and the string.
const TEXTS: &[(Expected, &str, &str)] = &[
    (OneScope, "one segment", "orders"),
    (OneScope, "one character", "a"),
    (OneScope, "segments joined by a colon", "orders:read"),
    (OneScope, "segments joined by a dot", "orders.read"),
    (OneScope, "segments joined by a dot and a colon", "shop.orders:read"),
    (OneScope, "all kinds of allowed characters", "AZaz09_-"),
    (OneScope, "a dash alone", "-"),
    (Neither, "an empty string", ""),
    (Neither, "an empty segment at the start", ":orders"),
    (Neither, "an empty segment at the end", "orders:"),
    (Neither, "an empty segment in the middle", "orders::read"),
    (Neither, "a dot followed by a colon", "orders.:read"),
    (Neither, "a colon alone", ":"),
    (Neither, "a space", "orders read"),
    (Neither, "a space at the end", "orders "),
    (Neither, "a line break at the end", "orders\n"),
    (Neither, "a line break in the middle", "orders\nread"),
    (Neither, "a slash", "orders/read"),
    (Neither, "a comma", "orders,read"),
    (Neither, "a quote", "orders\""),
    (Neither, "a letter that is not ASCII", "ordérs"),
    (Neither, "a digit that is not ASCII", "orders:\u{663}"),
    (Neither, "a letter that is ASCII only in lower case", "\u{212a}"),
    (Wildcard, "everything", "*"),
    (Wildcard, "everything below a segment", "orders:*"),
    (Wildcard, "everything below a segment, joined by a dot", "orders.*"),
    (Wildcard, "everything below two segments", "shop.orders:*"),
    (Neither, "a wildcard inside a segment", "orders*"),
    (Neither, "a wildcard in the middle", "orders:*:read"),
    (Neither, "a wildcard at the start", "*:read"),
    (Neither, "two wildcards", "orders:**"),
    (Neither, "a wildcard below nothing", ":*"),
    (Neither, "a wildcard below an empty segment", "orders::*"),
];

/// Whether the granted pattern covers the required one, a description, and the two patterns.
const COVERINGS: &[(bool, &str, &str, &str)] = &[
    (true, "the same scope", "orders:read", "orders:read"),
    (false, "another scope", "orders:read", "orders:write"),
    (false, "the same scope in another case", "orders:read", "Orders:read"),
    (false, "the same segments with another separator", "orders:read", "orders.read"),
    (false, "a scope covers no scope below it", "orders", "orders:read"),
    (false, "a scope covers no scope above it", "orders:read", "orders"),
    (true, "* covers a scope", "*", "orders"),
    (true, "* covers a scope of several segments", "*", "shop.orders:read"),
    (true, "* covers a wildcard", "*", "orders:*"),
    (true, "* covers itself", "*", "*"),
    (true, "a wildcard covers a scope below it", "orders:*", "orders:read"),
    (true, "a wildcard covers a scope several levels below it", "orders:*", "orders:read:all"),
    (true, "a wildcard covers further segments with any separator", "orders:*", "orders:read.all"),
    (false, "a wildcard does not cover its own prefix", "orders:*", "orders"),
    (false, "a wildcard does not cover a longer first segment", "orders:*", "orders-old:read"),
    (false, "a wildcard does not cover another separator", "orders:*", "orders.read"),
    (true, "a wildcard covers itself", "orders:*", "orders:*"),
    (true, "a wildcard covers a narrower one", "orders:*", "orders:read:*"),
    (false, "a wildcard does not cover a wider one", "orders:read:*", "orders:*"),
    (false, "a wildcard does not cover *", "orders:*", "*"),
    (false, "a wildcard does not cover a wildcard with another separator", "orders:*", "orders.*"),
    (false, "a scope does not cover the wildcard below it", "orders", "orders:*"),
];
