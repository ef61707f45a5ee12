//! The audit: who did what to what, and from where.
//!
//! A change appends its row in its own transaction, so neither is ever there without the other. The table refuses
//! updates by itself. Rows hold ids, digests and hints; the type of what is written has no room for a token's text.

use serde_json::Value as Json;

use crate::{authority::Authority, refusal::Refusal, sql::Value, work::Work};

/// What was changed, and how.
pub(crate) struct Change<'a> {
    /// `token.create`, `member.create`, …
    pub(crate) action: &'static str,
    /// The id of what was changed.
    pub(crate) subject: &'a str,
    /// What it was, as far as it changed; absent where it is new.
    pub(crate) before: Option<Json>,
    /// What it became, as far as it changed.
    pub(crate) after: Option<Json>,
}

pub(crate) fn append(work: &Work<'_>, change: Change<'_>) -> Result<(), Refusal> {
    let (actor, actor_id) = match &work.authority {
        Authority::Root => ("root", None),
        Authority::Bearer(bearer) => ("token", Some(&bearer.held.token.id)),
        Authority::Verifier => return Err(Refusal::internal("a verifier has changed something")),
    };
    let text = |json: Option<Json>| json.map_or(Value::Null, |json| Value::Text(json.to_string()));
    work.sql.exec(
        "INSERT INTO audit (at, actor, actor_id, action, subject, before, after, request_id, address)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        &[
            work.now.into(),
            actor.into(),
            actor_id.into(),
            change.action.into(),
            change.subject.into(),
            text(change.before),
            text(change.after),
            (&work.request_id).into(),
            work.address.map(|address| address.to_string()).into(),
        ],
    )?;
    Ok(())
}
