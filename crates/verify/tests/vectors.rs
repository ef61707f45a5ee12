//! Replays `tests/vectors/records.json` and `decisions.json`, the contract with deployed verifiers: every version must
//! read the records of every other. Also `scopes.json`, which JavaScript uses.

#![expect(clippy::unwrap_used, reason = "a test")]

use counterfoil_token::WorkspaceKey;
use counterfoil_verify::{
    Answer, Code, Demand, Encoded, Facts, Grant, OwnerRecord, RecordError, Scope, ScopePattern, Timestamp, TokenRecord,
    WorkspaceRecord, decide,
};
use serde::{Deserialize, de::DeserializeOwned};
use std::{fmt::Debug, net::IpAddr};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Records {
    format: u32,
    tokens: Vec<Layout<TokenRecord>>,
    owners: Vec<Layout<OwnerRecord>>,
    workspaces: Vec<Layout<WorkspaceRecord>>,
    answers: Vec<Layout<Answer>>,
    grants: Vec<Layout<Grant>>,
    refused: Vec<Refused>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Layout<T> {
    why: String,
    item: T,
    bytes: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Refused {
    why: String,
    kind: String,
    bytes: String,
    error: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Decisions {
    format: u32,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    why: String,
    token: TokenRecord,
    owner: OwnerRecord,
    workspace: WorkspaceRecord,
    demand: DemandCase,
    now: Timestamp,
    code: Code,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DemandCase {
    workspaces: Vec<WorkspaceKey>,
    all_of: Vec<Scope>,
    any_of: Vec<Scope>,
    address: Option<IpAddr>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Scopes {
    format: u32,
    texts: Vec<Text>,
    coverings: Vec<Covering>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Text {
    why: String,
    text: String,
    scope: bool,
    pattern: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Covering {
    why: String,
    granted: ScopePattern,
    wanted: ScopePattern,
    covers: bool,
}

fn vectors<T: DeserializeOwned>(json: &str) -> T {
    serde_json::from_str(json).unwrap()
}

fn records() -> Records {
    let records: Records = vectors(include_str!("../../../tests/vectors/records.json"));
    assert_eq!(records.format, 1);
    records
}

fn replay<T: Encoded>(layouts: &[Layout<T>], same: impl Fn(&T, &T) -> bool) {
    assert!(layouts.len() > 1);
    for Layout { why, item, bytes } in layouts {
        assert_eq!(hex::encode(item.encode()), *bytes, "{why}");
        assert!(same(&T::decode(&hex::decode(bytes).unwrap()).unwrap(), item), "{why}");
    }
}

fn equal<T: PartialEq + Debug>(a: &T, b: &T) -> bool {
    a == b
}

#[test]
fn record_encoding_matches_the_vectors_in_both_directions() {
    let records = records();
    replay(&records.tokens, equal);
    replay(&records.owners, equal);
    replay(&records.workspaces, equal);
    let same = |a: &Answer, b: &Answer| format!("{a:?}") == format!("{b:?}") && a.seal_keys == b.seal_keys;
    replay(&records.answers, same);
    replay(&records.grants, |a, b| {
        let changes = |grant: &Grant| (grant.texts.clone(), grant.owners.clone());
        let rest = |grant: &Grant| (grant.epoch, grant.since, grant.term, changes(grant), grant.edition);
        rest(a) == rest(b) && same(&a.answer, &b.answer)
    });
}

#[test]
fn truncated_edition_of_a_grant_is_malformed() {
    for Layout { bytes, item, .. } in records().grants {
        let bytes = hex::decode(bytes).unwrap();
        let without = if item.edition.is_some() { bytes.len() - 35 } else { bytes.len() };
        for length in 0..bytes.len() {
            assert_eq!(Grant::decode(&bytes[..length]).is_ok(), length == without, "{length} of {}", bytes.len());
        }
        let longer = [[bytes.as_slice(), &[0]].concat(), [bytes.as_slice(), &[1]].concat()];
        assert!(longer.iter().all(|bytes| Grant::decode(bytes).is_err()), "an absent edition has no flag");
    }
}

/// A field of a later version might restrict rights: a verifier that does not know it must not accept the rest.
#[test]
fn trailing_bytes_after_an_item_are_malformed() {
    fn check<T: Encoded>(layouts: &[Layout<T>]) {
        for Layout { why, bytes, .. } in layouts {
            let bytes = hex::decode(bytes).unwrap();
            for more in [&[0][..], &[1], &[1, 0], &[0; 32], b"more"] {
                assert!(T::decode(&[&bytes, more].concat()).is_err(), "{why}, and {more:?}");
            }
            let next = [&[2], &bytes[1..]].concat();
            assert!(matches!(T::decode(&next), Err(RecordError::UnknownFormat)), "{why}");
        }
    }
    let records = records();
    check(&records.tokens);
    check(&records.owners);
    check(&records.workspaces);
    check(&records.answers);
    check(&records.grants);
}

#[test]
fn malformed_records_are_rejected() {
    let refused = records().refused;
    assert!(refused.len() > 100);
    for Refused { why, kind, bytes, error } in refused {
        assert_eq!(kind, "token");
        let expected = match error.as_str() {
            "MALFORMED" => RecordError::Malformed,
            "UNKNOWN_FORMAT" => RecordError::UnknownFormat,
            other => panic!("{other}"),
        };
        assert_eq!(TokenRecord::decode(&hex::decode(bytes).unwrap()), Err(expected), "{why}");
    }
}

#[test]
fn debug_output_of_an_answer_hides_its_tag_keys() {
    for layout in records().answers {
        let shown = format!("{:?}", layout.item);
        assert!(!shown.contains("7, 7") && !shown.contains("0707"), "{shown}");
    }
}

#[test]
fn decisions_match_the_vectors() {
    let decisions: Decisions = vectors(include_str!("../../../tests/vectors/decisions.json"));
    assert_eq!(decisions.format, 1);
    for Case { why, token, owner, workspace, demand, now, code } in decisions.cases {
        let mut compiled = Demand::of_any(demand.workspaces).unwrap();
        compiled.all_of = demand.all_of;
        compiled.any_of = demand.any_of;
        compiled.address = demand.address;
        let facts = Facts { token: &token, owner: &owner, workspace: &workspace };
        assert_eq!(decide(facts, &compiled, now), code, "{why}");
    }
}

#[test]
fn scope_rules_match_the_vectors() {
    let scopes: Scopes = vectors(include_str!("../../../tests/vectors/scopes.json"));
    assert_eq!(scopes.format, 1);
    for Text { why, text, scope, pattern } in scopes.texts {
        assert_eq!(Scope::parse(&text).is_ok(), scope, "{why}");
        assert_eq!(ScopePattern::parse(&text).is_ok(), pattern, "{why}");
    }
    for Covering { why, granted, wanted, covers } in scopes.coverings {
        assert_eq!(granted.covers_pattern(&wanted), covers, "{why}");
        if let Some(scope) = wanted.exact() {
            assert_eq!(granted.covers(&scope), covers, "{why}");
        }
    }
}

/// The wasm module returns these numbers: more may be added, none may change.
#[test]
fn decision_codes_keep_their_numbers_and_names() {
    let codes = [
        (Code::Valid, 1, "VALID"),
        (Code::Malformed, 2, "MALFORMED"),
        (Code::Unknown, 3, "UNKNOWN"),
        (Code::WorkspaceSuspended, 4, "WORKSPACE_SUSPENDED"),
        (Code::Revoked, 5, "REVOKED"),
        (Code::OwnerSuspended, 6, "OWNER_SUSPENDED"),
        (Code::Disabled, 7, "DISABLED"),
        (Code::Expired, 8, "EXPIRED"),
        (Code::NotYetValid, 9, "NOT_YET_VALID"),
        (Code::AddressNotAllowed, 10, "ADDRESS_NOT_ALLOWED"),
        (Code::InsufficientScope, 11, "INSUFFICIENT_SCOPE"),
        (Code::RateLimited, 12, "RATE_LIMITED"),
        (Code::Unavailable, 13, "UNAVAILABLE"),
    ];
    assert_eq!(codes.map(|(code, ..)| code), Code::ALL);
    for (code, number, name) in codes {
        assert_eq!(code as u8, number);
        assert_eq!(code.to_string(), name);
        assert_eq!(serde_json::to_value(code).unwrap(), name);
    }
}
