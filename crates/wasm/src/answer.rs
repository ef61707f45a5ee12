//! Decisions and pending needs as JSON.

use alloc::string::String;

use counterfoil_verify::{ContentHash, Decision, LeaseQuestion, Need, RegistryKey, ScopePattern, Use};

use crate::{
    contract::NeedKind,
    json::{Object, decimal, hex},
};

/// The data that a host has to fetch: `{"kind":"ledger","workspace","digests"}`, `{"kind":"registry","keys"}`, or a
/// [lease]; or how long to wait, `{"kind":"wait","workspace","milliseconds"}`.
pub(crate) fn need(need: &Need) -> String {
    match need {
        Need::Ledger(question) => Object::new()
            .text("kind", NeedKind::Ledger.as_str())
            .text("workspace", question.workspace.as_str())
            .texts("digests", question.digests.iter().map(|digest| hex(digest.as_bytes())))
            .finish(),
        Need::Lease(question) => lease(question),
        Need::Wait(workspace, milliseconds) => Object::new()
            .text("kind", NeedKind::Wait.as_str())
            .text("workspace", workspace.as_str())
            .number("milliseconds", *milliseconds)
            .finish(),
        Need::Registry(keys) => Object::new()
            .text("kind", NeedKind::Registry.as_str())
            .texts("keys", keys.iter().map(RegistryKey::path))
            .finish(),
    }
}

/// A lease question: `{"kind":"lease","workspace","digests","uses"}`, with `"epoch"` and `"generation"` if there is a
/// position to continue from, and `"segments"` if they are loaded: the manifest in use, or empty. A use is the token's
/// digest, 64 digits, then the time of the last use and the count, separated by spaces.
#[inline(never)]
pub(crate) fn lease(question: &LeaseQuestion) -> String {
    let manifest = |name: ContentHash| hex(name.as_bytes());
    let segments = question.segments.map(|segments| segments.manifest.map(manifest).unwrap_or_default());
    Object::new()
        .text("kind", NeedKind::Lease.as_str())
        .text("workspace", question.workspace.as_str())
        .optional_number("epoch", question.since.map(|since| since.epoch))
        .optional_number("generation", question.since.map(|since| since.generation))
        .texts("digests", question.digests.iter().map(|digest| hex(digest.as_bytes())))
        .texts("uses", question.uses.iter().map(counted))
        .optional_text("segments", segments.as_deref())
        .finish()
}

fn counted(uses: &Use) -> String {
    let mut text = hex(uses.digest.as_bytes());
    for number in [uses.last.0, uses.count.into()] {
        text.push(' ');
        text.push_str(&decimal(number));
    }
    text
}

/// A decision without its code, which the caller has. The fields about the token are present if it was ever issued,
/// valid or not; its id, name and the like are absent if only a segment was used. Times are in milliseconds since 1970.
pub(crate) fn details(decision: &Decision) -> String {
    let json = Object::new().text("freshness", decision.freshness.as_str()).number("asOf", decision.as_of.0);
    let Some(facts) = decision.facts() else { return json.finish() };
    let (token, owner, workspace) = (facts.token, facts.owner, facts.workspace);
    let in_full = !token.is_brief();
    let json = json
        .optional_text("id", in_full.then_some(&*token.id))
        .number("number", token.number)
        .optional_text("name", in_full.then_some(&*token.name))
        .text("workspace", &workspace.slug)
        .text("workspaceKey", workspace.key.as_str())
        .text("ownerId", &owner.id)
        .number("owner", owner.number)
        .texts("scopes", facts.effective_scopes().iter().map(ScopePattern::as_str))
        .optional_text("clientId", token.client_id.as_deref())
        .optional_text("metadata", token.metadata.as_deref());
    json.optional_number("expiresAt", token.expires_at.map(|time| time.0)).finish()
}
