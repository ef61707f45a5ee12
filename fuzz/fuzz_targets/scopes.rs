//! Scopes and patterns: the documented rules hold for all input.

#![no_main]

use counterfoil_verify::{Scope, ScopePattern, ScopeSet};
use libfuzzer_sys::fuzz_target;

/// The grammar, implemented independently: segments of `[A-Za-z0-9_-]+` joined by `:` or `.`, at most 100 characters.
fn is_scope(text: &str) -> bool {
    let is_segment =
        |segment: &str| !segment.is_empty() && segment.chars().all(|c| c.is_ascii_alphanumeric() || "_-".contains(c));
    text.len() <= 100 && text.split([':', '.']).all(is_segment)
}

fn is_pattern(text: &str) -> bool {
    let below = text.strip_suffix(":*").or(text.strip_suffix(".*"));
    is_scope(text) || text == "*" || (text.len() <= 100 && below.is_some_and(is_scope))
}

/// The patterns of a list, one per line.
fn patterns(list: &str) -> ScopeSet {
    list.lines().filter_map(|text| ScopePattern::parse(text).ok()).collect()
}

fuzz_target!(|text: &str| {
    for line in text.lines() {
        let (scope, pattern) = (Scope::parse(line), ScopePattern::parse(line));
        assert_eq!(scope.is_ok(), is_scope(line), "{line:?}");
        assert_eq!(pattern.is_ok(), is_pattern(line), "{line:?}");
        if let (Ok(scope), Ok(pattern)) = (scope, pattern) {
            assert_eq!(scope.as_str(), line);
            assert!(pattern.covers(&scope) && ScopePattern::everything().covers(&scope));
            assert_eq!(pattern.exact(), Some(scope));
        }
    }

    // Two lists of patterns and a list of required scopes, separated by empty lines.
    let mut lists = text.split("\n\n");
    let (ours, theirs) = (patterns(lists.next().unwrap_or_default()), patterns(lists.next().unwrap_or_default()));
    let both = ours.intersection(&theirs);
    assert_eq!(both, theirs.intersection(&ours));
    assert_eq!(both, both.iter().cloned().collect(), "an intersection is sorted and has no duplicates");
    let required = lists.next().unwrap_or_default().lines().filter_map(|text| Scope::parse(text).ok());
    let held = ours.iter().chain(theirs.iter()).filter_map(ScopePattern::exact);
    for scope in required.chain(held) {
        assert_eq!(both.covers(&scope), ours.covers(&scope) && theirs.covers(&scope), "{ours:?} {theirs:?} {scope:?}");
    }
    for pattern in both.iter() {
        assert!(ours.covers_pattern(pattern) && theirs.covers_pattern(pattern));
    }
});
