//! What is told about a decision, or about what it waits for, as JSON.

use alloc::string::String;

use counterfoil_verify::{Decision, Freshness, Need, RegistryKey, ScopePattern};

use crate::json::{Object, hex};

/// What a host has to fetch: `{"kind":"ledger","workspace","digests"}` or `{"kind":"registry","keys"}`.
pub(crate) fn need(need: &Need) -> String {
    match need {
        Need::Ledger(question) => Object::new()
            .text("kind", "ledger")
            .text("workspace", question.workspace.as_str())
            .texts("digests", question.digests.iter().map(|digest| hex(digest.as_bytes())))
            .finish(),
        Need::Registry(keys) => {
            Object::new().text("kind", "registry").texts("keys", keys.iter().map(RegistryKey::path)).finish()
        }
    }
}

/// A decision but for its code, which the caller has. What is about a token is there only where the token was ever
/// issued, passing or not. Times are in milliseconds since 1970.
pub(crate) fn details(decision: &Decision) -> String {
    let json = Object::new().text("freshness", freshness(decision.freshness)).number("asOf", decision.as_of.0);
    let Some(known) = &decision.known else { return json.finish() };
    let facts = known.facts();
    let (token, owner, workspace) = (facts.token, facts.owner, facts.workspace);
    let json = json
        .text("id", &token.id)
        .number("number", token.number)
        .text("name", &token.name)
        .text("workspace", &workspace.slug)
        .text("workspaceKey", workspace.key.as_str())
        .text("ownerId", &owner.id)
        .number("owner", owner.number)
        .texts("scopes", facts.effective_scopes().iter().map(ScopePattern::as_str))
        .optional_text("clientId", token.client_id.as_deref())
        .optional_text("metadata", token.metadata.as_deref());
    match token.expires_at {
        Some(time) => json.number("expiresAt", time.0).finish(),
        None => json.finish(),
    }
}

pub(crate) fn freshness(freshness: Freshness) -> &'static str {
    match freshness {
        Freshness::Eventual => "eventual",
        Freshness::Bounded => "bounded",
        Freshness::Strong => "strong",
    }
}
