//! No statement of any command reads a whole table that grows with a workspace, but for those that are listed here. Whether a
//! search by a range of an index finds few rows is not visible in a plan, so it is not checked.

use std::collections::BTreeSet;

use counterfoil_ledger::native::When;
use counterfoil_protocol::command::{ListTokens, Page, RevokeTokens, Selection, State, TokenFilter};
use counterfoil_token::Digest;

use crate::{faults::every_command, filters::sorts, support::*};

/// Not tables of the database: parameters, days, and parts of a statement.
const NO_TABLES: [&str; 8] = ["CONSTANT", "json_each", "own", "each", "shown", "latest", "source", "(subquery-1)"];

/// Tables with a bounded number of rows: one, two, or what a limit allows.
const BOUNDED: [&str; 5] = ["workspace", "edition", "editions", "scopes", "clients"];

/// Partial indices, which contain few rows by design.
const FEW: [&str; 7] = [
    "tokens_weak",
    "tokens_crowded",
    "replaced_texts_weak",
    "replaced_texts_crowded",
    "audit_of_catalogues",
    "audit_of_refusals",
    "scopes_with_freshness",
];

/// Parts of statements whose scans are bounded by something else.
const HARMLESS: [(&str, &str); 10] = [
    ("WITH reported AS", "at most 1,000 uses of a report are sorted"),
    ("WITH RECURSIVE shown", "at most 90 days are sorted"),
    (
        "DELETE FROM sessions WHERE number IN ( SELECT number FROM sessions WHERE member = ?",
        "the 50 sessions of a member",
    ),
    ("UPDATE files SET due_at", "once for each edition, over the names of its files"),
    ("INSERT INTO tokens (", "for a foreign key, only if a violation is open, which never happens"),
    ("FROM sessions ORDER BY number DESC LIMIT 1 OFFSET ?", "the 10,000 newest sessions"),
    ("FROM tokens_to_index ORDER BY number LIMIT ?", "10 tokens at a time"),
    ("SELECT count(*) FROM audit", "asked by the tests that run every command"),
    ("SELECT count(*) FROM sessions", "asked by the tests that run every command"),
    ("SELECT count(*) FROM idempotency", "asked by the tests that run every command"),
];

/// Parts of statements that do read a table that grows. Each still occurs, so an improvement removes its line.
const GROWING: [(&str, &str); 1] = [(
    "LIMIT -1) AS source",
    "revoking by a filter that no index narrows (a text of one or two characters): it must find all tokens",
)];

/// Whether the step of a plan is harmless.
fn is_harmless(step: &str, statement: &str) -> bool {
    let table = step.strip_prefix("SCAN ").and_then(|rest| rest.split(' ').next()).unwrap_or_default();
    // A scan without a condition ends after so many rows.
    let ends_early = [format!("FROM {table} LIMIT ?"), format!("FROM {table} ORDER BY seq LIMIT ")];
    NO_TABLES.contains(&table)
        || BOUNDED.contains(&table)
        || FEW.iter().any(|index| step.ends_with(index))
        || ends_early.iter().any(|part| statement.contains(part))
        || HARMLESS.iter().any(|(part, _)| statement.contains(part))
        || examines_few(step, statement)
}

/// Conditions of sources that are not read in the order of the numbers. They are sorted if they have 10,000 tokens at most.
const UNORDERED: [&str; 4] =
    ["tokens.expires_at > ?", "tokens.expires_at <= ?", "tokens.not_before > ?", "replaced_texts.digest = ?"];

/// Whether the step is of a list of tokens that examines 10,000 at most.
fn examines_few(step: &str, statement: &str) -> bool {
    statement.split_once("LIMIT ?) AS source").is_some_and(|(source, rest)| {
        let is_sorted_after = rest.contains(" ORDER BY ") || UNORDERED.iter().any(|part| source.contains(part));
        !step.contains("TEMP B-TREE") || is_sorted_after
    })
}

/// The lists of tokens with each filter, each in each order.
fn lists() -> impl Iterator<Item = ListTokens> {
    let none = TokenFilter::default;
    let mut filters = vec![
        none(),
        TokenFilter { owner: Some("ada".to_owned()), ..none() },
        TokenFilter { scope: patterns(&["read"]).pop(), ..none() },
        TokenFilter { digest: Some(Digest::of(b"a token")), ..none() },
        TokenFilter { text: Some("nightly".to_owned()), ..none() },
        TokenFilter { id: Some("tok_1".to_owned()), ..none() },
        TokenFilter { number: Some(1), ..none() },
        TokenFilter { live: true, ..none() },
    ];
    let states = [State::Active, State::Disabled, State::Expired, State::Revoked, State::Pending];
    filters.extend(states.map(|state| TokenFilter { state: Some(state), ..none() }));
    let ordered = |filter: TokenFilter| {
        sorts().into_iter().map(move |sort| ListTokens {
            filter: filter.clone(),
            sort,
            page: Page::default(),
            usage: None,
        })
    };
    filters.into_iter().flat_map(ordered)
}

#[test]
fn no_statement_scans_a_table_that_grows() {
    let mut scans = every_command(When::Before).ledger.sql().scans().unwrap();
    // That workspace is deleted in the end.
    let (mut world, admin) = World::founded();
    world.put_scopes(&["read"]);
    world.join("ada", &["read"]);
    for list in lists() {
        world.attempt(admin.actor, list).unwrap();
    }
    let filter = TokenFilter { text: Some("zz".to_owned()), ..TokenFilter::default() };
    world.attempt(admin.actor, RevokeTokens { select: Selection::Filter(filter), reason: None }).unwrap();
    scans.extend(world.ledger.sql().scans().unwrap());

    let mut known = BTreeSet::new();
    let mut unknown = BTreeSet::new();
    for (step, statement) in scans.iter().filter(|(step, statement)| !is_harmless(step, statement)) {
        match GROWING.iter().find(|(part, _)| statement.contains(part)) {
            Some((part, _)) => _ = known.insert(*part),
            None => _ = unknown.insert(format!("{step}: {statement}")),
        }
    }
    assert_eq!(unknown, BTreeSet::new(), "these read or sort a whole table");
    assert_eq!(known, GROWING.iter().map(|(part, _)| *part).collect(), "all exceptions still occur");
}
