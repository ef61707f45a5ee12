//! The vectors of scopes: which texts are scopes and patterns, and what covers what.

use anyhow::{Context as _, Result, ensure};
use counterfoil_verify::{Scope, ScopePattern};
use serde::Serialize;

#[derive(Serialize)]
pub(super) struct Scopes {
    format: u32,
    texts: Vec<Text>,
    coverings: Vec<Covering>,
}

/// Whether a text is a scope, and whether it can be granted.
#[derive(Serialize)]
struct Text {
    why: &'static str,
    text: String,
    scope: bool,
    pattern: bool,
}

/// Whether a granted pattern covers a scope, or all that another pattern covers.
#[derive(Serialize)]
struct Covering {
    why: &'static str,
    granted: &'static str,
    wanted: &'static str,
    covers: bool,
}

/// What a text is meant to be. A scope can be granted as it is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Meant {
    Scope,
    Wildcard,
    Neither,
}
use Meant::{Neither, Scope as OneScope, Wildcard};

pub(super) fn vectors() -> Result<Scopes> {
    let long = [
        (OneScope, "the longest scope", "a".repeat(100)),
        (Neither, "a character longer", "a".repeat(101)),
        (OneScope, "the longest, of many segments", format!("{}a-", "a:".repeat(49))),
        (Wildcard, "the longest wildcard", format!("{}:*", "a".repeat(98))),
        (Neither, "a wildcard that is a character longer", format!("{}:*", "a".repeat(99))),
    ];
    let short = TEXTS.iter().map(|(meant, why, text)| (*meant, *why, (*text).to_owned()));
    Ok(Scopes {
        format: 1,
        texts: short.chain(long).map(|(meant, why, text)| checked_text(meant, why, text)).collect::<Result<_>>()?,
        coverings: COVERINGS.iter().map(|case| covering(*case)).collect::<Result<_>>()?,
    })
}

fn checked_text(meant: Meant, why: &'static str, text: String) -> Result<Text> {
    let (scope, pattern) = (meant == OneScope, meant != Neither);
    ensure!(Scope::parse(&text).is_ok() == scope, "{why}: {text:?} is taken otherwise as a scope");
    ensure!(ScopePattern::parse(&text).is_ok() == pattern, "{why}: {text:?} is taken otherwise as a pattern");
    Ok(Text { why, text, scope, pattern })
}

fn covering((covers, why, granted, wanted): (bool, &'static str, &'static str, &'static str)) -> Result<Covering> {
    let parsed = |text| ScopePattern::parse(text).with_context(|| format!("{why}: {text:?} is no pattern"));
    ensure!(parsed(granted)?.covers_pattern(&parsed(wanted)?) == covers, "{why}: {granted} over {wanted}");
    Ok(Covering { why, granted, wanted, covers })
}

/// What is meant, why, and the text.
const TEXTS: &[(Meant, &str, &str)] = &[
    (OneScope, "one segment", "orders"),
    (OneScope, "one character", "a"),
    (OneScope, "segments joined by a colon", "orders:read"),
    (OneScope, "segments joined by a dot", "orders.read"),
    (OneScope, "both", "shop.orders:read"),
    (OneScope, "every kind of character", "AZaz09_-"),
    (OneScope, "a segment of a dash", "-"),
    (Neither, "nothing", ""),
    (Neither, "an empty segment at the start", ":orders"),
    (Neither, "an empty segment at the end", "orders:"),
    (Neither, "an empty segment in the middle", "orders::read"),
    (Neither, "two joints that differ", "orders.:read"),
    (Neither, "a joint alone", ":"),
    (Neither, "a space", "orders read"),
    (Neither, "a space at the end", "orders "),
    (Neither, "a line break at the end", "orders\n"),
    (Neither, "a line break in the middle", "orders\nread"),
    (Neither, "a slash", "orders/read"),
    (Neither, "a comma", "orders,read"),
    (Neither, "a quote", "orders\""),
    (Neither, "a letter beyond ASCII", "ordérs"),
    (Neither, "a digit beyond ASCII", "orders:\u{663}"),
    (Neither, "a letter that ignoring case makes ASCII", "\u{212a}"),
    (Wildcard, "everything", "*"),
    (Wildcard, "all below a segment", "orders:*"),
    (Wildcard, "all below, joined by a dot", "orders.*"),
    (Wildcard, "all below two segments", "shop.orders:*"),
    (Neither, "a wildcard that begins in a segment", "orders*"),
    (Neither, "a wildcard in the middle", "orders:*:read"),
    (Neither, "a wildcard at the start", "*:read"),
    (Neither, "two wildcards", "orders:**"),
    (Neither, "a wildcard below nothing", ":*"),
    (Neither, "a wildcard below an empty segment", "orders::*"),
];

/// Whether it does, why, what is granted and what is wanted.
const COVERINGS: &[(bool, &str, &str, &str)] = &[
    (true, "itself", "orders:read", "orders:read"),
    (false, "another", "orders:read", "orders:write"),
    (false, "in other letters", "orders:read", "Orders:read"),
    (false, "joined otherwise", "orders:read", "orders.read"),
    (false, "what begins with it", "orders", "orders:read"),
    (false, "what it begins with", "orders:read", "orders"),
    (true, "everything covers a scope", "*", "orders"),
    (true, "everything covers what is far below", "*", "shop.orders:read"),
    (true, "everything covers a wildcard", "*", "orders:*"),
    (true, "everything covers itself", "*", "*"),
    (true, "a wildcard covers what is below", "orders:*", "orders:read"),
    (true, "a wildcard covers what is further below", "orders:*", "orders:read:all"),
    (true, "a wildcard covers further joints", "orders:*", "orders:read.all"),
    (false, "a wildcard covers not its own beginning", "orders:*", "orders"),
    (false, "a wildcard covers no longer first segment", "orders:*", "orders-old:read"),
    (false, "a wildcard covers no other joint", "orders:*", "orders.read"),
    (true, "a wildcard covers itself", "orders:*", "orders:*"),
    (true, "a wildcard covers a narrower one", "orders:*", "orders:read:*"),
    (false, "a wildcard covers no wider one", "orders:read:*", "orders:*"),
    (false, "a wildcard covers not everything", "orders:*", "*"),
    (false, "a wildcard covers no wildcard of another joint", "orders:*", "orders.*"),
    (false, "a scope covers not what is below it", "orders", "orders:*"),
];
